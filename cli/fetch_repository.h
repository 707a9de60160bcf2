/*
 * The repository that `berth fetch` writes into, for the child of cli/fetch_import.c.
 */
#ifndef BERTH_CLI_FETCH_REPOSITORY_H
#define BERTH_CLI_FETCH_REPOSITORY_H

#include "cli/fetch_import.h"
#include "clients/git_session.h"

/* At most once per process. */
int fetch_repository_open(const char *path, git_repository **ret_repository, struct error *err);

bool fetch_repository_has(git_repository *repository, const char *commit);

/*
 * Reads the pack to its end; every object that something in it speaks of must be there afterwards.
 */
int fetch_repository_take_pack(git_repository *repository, int fd, struct error *err);

/* The wish without its pack. */
int fetch_repository_move_branch(git_repository *repository, const struct fetch_wish *wish,
                                 struct fetch_outcome *ret_outcome, struct error *err);

#endif

/*
 * Brings a pack into somebody's repository and moves a branch there.
 *
 * The repository may be anybody's, and libgit2 writes into it: that is done in a child, which is
 * its owner when we are root, and which gets the pack through a pipe. The child begins before the
 * pack is made, since what has to be in it follows from what the repository has.
 */
#ifndef BERTH_CLI_FETCH_IMPORT_H
#define BERTH_CLI_FETCH_IMPORT_H

#include "base/error.h"

#include <sys/types.h>

struct fetch_import {
    pid_t pid;
    int to_child, from_child;
};

#define FETCH_IMPORT_NONE                                                                          \
    {                                                                                              \
        .pid = -1, .to_child = -1, .from_child = -1                                                \
    }

void fetch_import_done(struct fetch_import *import);

/*
 * The absolute path of the repository's folder: the working tree with .git, or a bare one; from
 * start upwards if is_search. ERROR_NOT_FOUND: there is none.
 */
int fetch_import_find(const char *start, bool is_search, char **ret_path, struct error *err);

/*
 * Opens the repository at path; *ret_has tells whether it has the commit `have` (which may be
 * NULL).
 */
int fetch_import_start(struct fetch_import *import, const char *path, const char *have,
                       bool *ret_has, struct error *err);

struct fetch_wish {
    const char *commit;
    const char *branch; /* short: "task/fix-7" */
    const char *begin;  /* of a new branch, to count its commits from; NULL: count all */
    int pack_fd;
    bool is_forced; /* also where commits of the branch get lost */
};

struct fetch_outcome {
    char from[41]; /* "": the branch is new, and nothing tells where it begins */
    unsigned long count;
    bool is_new, is_moved, is_forced;
};

/*
 * ERROR_CONFLICT: the branch is checked out, or has other commits; nothing was moved then.
 * ERROR_INVALID: no such name, or the pack is not complete.
 */
int fetch_import_finish(struct fetch_import *import, const struct fetch_wish *wish,
                        struct fetch_outcome *ret_outcome, struct error *err);

#endif

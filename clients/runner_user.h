/*
 * Who the tasks of a repository run as, in numbers, as the runner found it in the container.
 *
 * Only inside the image does a user's name have a number and a home. So `runner idle --user SPEC
 * --user-file PATH`, process 1 of a repository container, looks it up at its start and replaces
 * PATH, which lies in a folder that the host sees. It is there a moment after the container's
 * start; one of an earlier start stays until then, so who must know removes it before the start.
 *
 * It is a record (clients/record_text.h): version=1, uid, gid and home; or version=1 and error,
 * when there is no such user. Whoever is root in the container can put anything there.
 */
#ifndef BERTH_CLIENTS_RUNNER_USER_H
#define BERTH_CLIENTS_RUNNER_USER_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

struct runner_user {
    uid_t uid; /* 0..2^31-1, as the next */
    gid_t gid;
    char home[512]; /* absolute, clean UTF-8; need not exist */
};

/* ERROR_INVALID: damaged, or the runner's own words why there is no such user. */
int runner_user_parse(const char *text, size_t len, struct runner_user *ret, struct error *err);

/*
 * Reads a regular file of at most 4 KiB, follows no link in its last part and never waits.
 * ERROR_NOT_FOUND: it is not there (yet); ERROR_INVALID: no such user, damaged, or no such file.
 */
int runner_user_read(const char *path, struct runner_user *ret, struct error *err);

#endif

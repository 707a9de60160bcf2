/*
 * Who the command runs as, by the rules of docker run --user.
 *
 * Forms: "", "user", "user:group", ":group"; each part a name or a number. A number without an
 * entry in /etc/passwd is a user with group 0 and home "/". Supplementary groups come from
 * /etc/group, but only where no group is given. The files are the image's: parsed here because the
 * C library's functions load plugins, which a static program cannot; lines that make no sense are
 * passed over.
 */
#ifndef BERTH_CONTROLLER_RUNNER_USER_H
#define BERTH_CONTROLLER_RUNNER_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { USER_MAX_GROUPS = 1024 };

struct user {
    uid_t uid;
    gid_t gid;
    size_t group_count; /* the group itself among them */
    gid_t groups[USER_MAX_GROUPS];
    char home[512];
};

/*
 * From the texts of the two files (NUL-terminated, NULL where there is none). An empty user is the
 * one with the number of current_uid. -1: no such user or group, said in message.
 */
int user_find(const char *spec, uid_t current_uid, const char *passwd, const char *group,
              struct user *ret_user, char *message, size_t message_size);

/* The same from the files of this system; current_uid is our own. */
int user_look_up(const char *spec, struct user *ret_user, char *message, size_t message_size);

/* Becomes that user for good; no privilege is left unless it is root. -1 with errno. */
int user_become(const struct user *user);

#endif

/*
 * What a process goes through to become the command: user, environment, guard, links, directory,
 * exec.
 *
 * `run` does it in a child that it supervises, `exec` with itself. The options are the same:
 *
 *     --user, --cwd    who it runs as (user.h), and where; without them it stays
 *     --home           HOME; without it, the home of --user; without both, HOME as it is, or where
 *     there
 *                      is none, that of who we are
 *     --tmp            TMPDIR, TMP and TEMP
 *     --link PATH      repeatable: a directory, such as a cache, that the user is used to find
 *     below
 *                      their home. With --home, <home>/<rest> becomes a symbolic link to it, where
 *                      <rest>
 *                      is its path below the user's home in /etc/passwd; what is elsewhere needs
 *                      none
 *     --guard, --allow repeatable: where it may not write, and where it may all the same (guard.h)
 */
#ifndef BERTH_CONTROLLER_RUNNER_COMMAND_H
#define BERTH_CONTROLLER_RUNNER_COMMAND_H

#include "controller/runner/options.h"
#include "controller/runner/user.h"

#include <stdbool.h>

struct command_options {
    const char *user, *cwd, *home, *tmp;
    struct option_list links, guarded, allowed;
};

enum { COMMAND_RULES = 7 };

/* Fills in COMMAND_RULES rules whose values go to options. */
void command_add_rules(struct command_options *options, struct option_rule *rules);

/* Why there is no command, in the words of exit statuses: RUNNER_CANNOT_EXECUTE or ..NOT_FOUND. */
struct command_failure {
    int exit_code;
    char message[256];
};

struct command {
    const struct command_options *options;
    char **argv;
    struct user user;  /* only where it is looked up: see the next two */
    bool changes_user; /* becomes user */
    const char *home;  /* the new HOME; NULL: stay */
    int guard_fd;      /* -1: none */
};

/* Looks things up, while still who we are; all that follow return -1 with the failure filled in. */
int command_prepare(const struct command_options *options, char **argv, struct command *command,
                    struct command_failure *failure);

/*
 * Becomes the user. The descriptors 0, 1 and 2 become theirs too, so that /dev/stdout can be
 * opened. When memory is used up, the kernel is to end what the command starts, and not those who
 * keep account of it: it gets the highest oom_score_adj.
 */
int command_become_user(const struct command *command, struct command_failure *failure);

/*
 * The rest, in which nobody is looked up any more and nothing is done as root that the user may
 * not.
 */
void command_execute(const struct command *command, struct command_failure *failure);

#endif

/*
 * What a process is about to change: system calls that alter a file or send something to the
 * engine, as the kernel shows them to whoever it asks before each of them (seccomp's user
 * notification).
 */
#ifndef BERTH_TESTS_SUPPORT_WORLD_CHANGE_H
#define BERTH_TESTS_SUPPORT_WORLD_CHANGE_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/types.h>

struct world_root {
    const char *name, *folder;
};

struct world {
    const struct world_root *roots; /* the folders that count, and what they are called */
    unsigned root_count;
    const char *engine_socket;
};

/*
 * From here on the kernel asks before this process, or a child of it, makes a call that may change
 * something, waits for something, or ends. Returns the descriptor at which the answers are given,
 * or -1 with errno; until somebody gives them the calls wait.
 */
int world_change_ask(void);

/*
 * "run rename state/leases.json", "run POST /containers/create?name=web", "git-worker write
 * state/repos/x/mirror.git/HEAD": the verb of the process, and what the call changes. Of "run", the
 * controller, what lies below a root counts, of its children every file. Digits that are otherwise
 * in the next run are a "*". NULL: nothing that counts. The caller's to free.
 */
char *world_change_describe(const struct world *world, pid_t tid, const struct seccomp_data *data);

#endif

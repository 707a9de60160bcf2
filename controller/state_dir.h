/*
 * The state directory: who this controller is, and the little that must outlive it.
 *
 *     controller-id          sixteen hex digits, in every label
 *     lock                   held while a controller runs; its text is the pid
 *     controller.yaml        heartbeat
 *     leases.json            host ports
 *     env-key                the key of digests of values (values.h), mode 0600
 *     specs/                 the last good version of every spec file
 *     requests/              what the command line asks of a running controller (requests.h)
 *     disk.json              sizes and uses of what is in repos/ (disk_notes.h)
 *     repos/<container>/     repository.json, git/ (mirror), tree/ (workspace), run/tasks/<id>/ (records and logs)
 *     tasks/<name>.json      the incarnation of a task that is under way or over
 *     releasing/, released/  containers that were left to themselves (released.h)
 *     retired/<id>.json      tasks without a spec whose log is still kept
 *
 * Every file is replaced whole, and what a killed controller left of that goes when the directory is opened.
 * A damaged file reads as missing.
 */
#ifndef BERTH_CONTROLLER_STATE_DIR_H
#define BERTH_CONTROLLER_STATE_DIR_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

enum { CONTROLLER_ID_SIZE = 17, STATE_FILE_MAX = 16 << 20 };

struct state_dir {
    char *path;
    char id[CONTROLLER_ID_SIZE];
    bool is_writable; /* false in a dry run: nothing is created, nothing is written */
    int lock_fd;
};

/*
 * Makes or opens it and takes the lock. ERROR_CONFLICT names the pid of the controller that has it. With is_dry_run nothing is created and
 * no lock is taken; a missing id is made up.
 */
int state_dir_open(struct state_dir *state, const char *path, bool is_dry_run, struct error *err);
void state_dir_close(struct state_dir *state);

/* "repos/x/repository.json" below the directory; the caller's to free. */
char *state_path(const struct state_dir *state, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A JSON file below it: NULL when it is missing, damaged or larger than STATE_FILE_MAX. New reference. */
json_t *state_read_json(const struct state_dir *state, const char *name);
/* json NULL, from a text that is no UTF-8: ERROR_INVALID, as for more than STATE_FILE_MAX bytes. */
int state_write_json(const struct state_dir *state, const char *name, const json_t *json,
                     struct error *err);
void state_remove(const struct state_dir *state, const char *name);

/* Calls back with the name of each entry of a sub-directory that is not hidden. Missing is empty. */
void state_list(const struct state_dir *state, const char *directory,
                void (*on_name)(void *user, const char *name), void *user);

#endif

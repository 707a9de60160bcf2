/*
 * The state directory: who this controller is, and the little that must outlive it.
 *
 *     controller-id          sixteen hex digits, in every label
 *     lock                   held while a controller runs; its text is the pid
 *     controller.yaml        heartbeat
 *     leases.json            host ports
 *     env-key                the key of digests of values (values.h), mode 0600
 *     specs/                 the last good version of every spec file
 *     places.json            in which directories spec files were seen (spec_scan.h)
 *     requests/              what the command line asks of a running controller (requests.h)
 *     disk.json              sizes and uses of what is in repos/ (disk_notes.h)
 *     repos/<container>/     repository.json, git/ (mirror), tree/ (workspace), run/tasks/<id>/
 *     (records and logs)
 *     tasks/<name>.json      the incarnation of a task that is under way or over
 *     releasing/, released/  containers that were left to themselves (released.h)
 *     retired/<id>.json      tasks without a spec whose log is still kept
 *
 * Every file is replaced whole, and what a killed controller left of that goes when the directory
 * is opened. A damaged file reads as missing. What cannot be written (a full disk, one that became
 * read-only) is kept here with state_keep_*() and written when that is possible again. The id has a
 * second copy elsewhere (id_copy.h), so that the loss of this directory is not the loss of the
 * containers.
 */
#ifndef BERTH_CONTROLLER_STATE_DIR_H
#define BERTH_CONTROLLER_STATE_DIR_H

#include "base/error.h"
#include "base/map.h"
#include "controller/id_copy.h"

#include <jansson.h>
#include <stdbool.h>

enum { STATE_FILE_MAX = 16 << 20 };

struct state_dir {
    char *path;
    char id[CONTROLLER_ID_SIZE];
    bool is_writable; /* false in a dry run: nothing is created, nothing is written */
    bool is_recalled; /* the id is that of the copy: the directory was lost, or its id damaged */
    bool is_hasty;    /* the controller ends: nothing waits for the disk any more */
    int lock_fd;
    struct map unwritten; /* name -> what is to be in the file as soon as it can be written */
    char *trouble;        /* why the last of them could not; NULL: there is none */
};

/*
 * Makes or opens it and takes the lock. ERROR_CONFLICT names the pid of the controller that has it.
 * With is_dry_run nothing is created and no lock is taken; a missing id is made up. copy_directory:
 * where a copy of the id may be, or NULL. A directory that exists and cannot be written is opened
 * all the same.
 */
int state_dir_open(struct state_dir *state, const char *path, const char *copy_directory,
                   bool is_dry_run, struct error *err);
void state_dir_close(struct state_dir *state);

/* "repos/x/repository.json" below the directory; the caller's to free. */
char *state_path(const struct state_dir *state, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * A JSON file below it: NULL when it is missing, damaged or larger than STATE_FILE_MAX. New
 * reference.
 */
json_t *state_read_json(const struct state_dir *state, const char *name);
/* json NULL, from a text that is no UTF-8: ERROR_INVALID, as for more than STATE_FILE_MAX bytes. */
int state_write_json(struct state_dir *state, const char *name, const json_t *json,
                     struct error *err);
void state_remove(struct state_dir *state, const char *name);

/*
 * Writes the file now, or as soon as it can be written: nobody has to look whether that went well.
 */
void state_keep_json(struct state_dir *state, const char *name, const json_t *json);
void state_keep_text(struct state_dir *state, const char *name, const char *text);

/* For files that their writers write again and again by themselves: err NULL: it went well. */
void state_note_result(struct state_dir *state, const char *name, const struct error *err);

/*
 * Makes the directory anew, with id and lock, should somebody have removed it. ERROR_CONFLICT:
 * meanwhile another controller has one at this place, and nothing is written there any more.
 */
int state_look(struct state_dir *state, struct error *err);

/* The same, and tries again what could not be written. */
int state_retry(struct state_dir *state, struct error *err);

/* Why files are not written, for how many of them; NULL: all is as it should be. */
const char *state_unwritten(const struct state_dir *state, size_t *ret_count);

/*
 * Calls back with the name of each entry of a sub-directory that is not hidden. Missing is empty.
 */
void state_list(const struct state_dir *state, const char *directory,
                void (*on_name)(void *user, const char *name), void *user);

#endif

/*
 * What the status files say: the objects that `berth get` shows, without any controller.
 */
#ifndef BERTH_CLI_STATUS_STORE_H
#define BERTH_CLI_STATUS_STORE_H

#include "base/error.h"
#include "cli/arguments.h"

#include <jansson.h>
#include <stddef.h>

/* Names of the status files below a directory, sorted. */
struct status_names {
    char **items;
    size_t count, capacity;
};

/* ERROR: the directory cannot be read. */
int status_names_read(const char *directory, struct status_names *ret_names, struct error *err);
void status_names_done(struct status_names *names);

/*
 * All documents of all status files below the directory, in order of file name and document: an
 * array of objects as written, each with "file" (the status file, relative) added. New reference.
 * ERROR: the directory cannot be read.
 */
int status_store_read(const char *directory, json_t **ret_documents, struct error *err);

/* The same of one file, by its name in "file". Never NULL. New reference. */
json_t *status_store_read_file(const char *directory, const char *name);

/*
 * Where the status files are: as the flag says, else where the controller says that it writes them
 * (the heartbeat, or NULL), where that is about the same specs, else beside the specs (flag, or
 * BERTH_SPECS). The caller's to free.
 */
char *status_store_directory(const char *specs, const char *status_dir, const json_t *heartbeat);

/*
 * Where the specs are: as the flag or BERTH_SPECS says, else where the controller looks (the
 * heartbeat, or NULL), else the default. The caller's to free.
 */
char *status_store_specs(const char *specs, const json_t *heartbeat);

/* The same for a command that has only its options. */
char *status_store_specs_of(const struct places *places);

/* The heartbeat of the controller with this state directory, or NULL. New reference. */
json_t *status_store_heartbeat(const char *state_dir);

/* True when a controller holds the lock of this state directory. */
bool status_store_is_controlled(const char *state_dir);

#endif

/*
 * The object that a command is about: "task/NAME", "repository/NAME", "instance/NAME", or only
 * NAME.
 *
 * Objects are found in the status files, as by `berth get`, and no controller is needed for that. A
 * member of an InstancePool is an instance with a name of its own.
 */
#ifndef BERTH_CLI_TARGETS_H
#define BERTH_CLI_TARGETS_H

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/arguments.h"
#include "specs/types.h"

#include <jansson.h>

struct target {
    enum kind kind;
    const char *name; /* borrowed from document, as all texts */
    json_t *document; /* as in the status file, with "file" added (status_store.h) */
    char *status_dir; /* where that file is */
    char *engine;     /* the address of the controller's engine, or NULL when it is not known */
    const char *pool; /* of which it is a member, or NULL */
};

void target_done(struct target *target);

/*
 * ERROR_NOT_FOUND: there is no such object. ERROR_INVALID: several have that name, it names a kind
 * that runs nothing, or the files cannot be read. The message says what to do.
 */
int target_find(const char *text, const struct places *places, struct target *ret,
                struct error *err);

/* Reads the object's status file again. The same errors; ret is untouched on one. */
int target_refresh(struct target *target, struct error *err);

/* "task/fix-7" */
char *target_spelling(const struct target *target);

/*
 * A text below "status", such as ("task", "logFile"); part NULL: directly below. NULL: it is not
 * there.
 */
const char *target_text(const struct target *target, const char *part, const char *key);
const json_t *target_value(const struct target *target, const char *part, const char *key);

/* ": <message of its condition Ready>", or "": why it is not as one would like. Never NULL. */
char *target_reason(const struct target *target);

#endif

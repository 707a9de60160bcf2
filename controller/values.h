/*
 * Values of env that come from a file or from the controller's own environment (valueFrom).
 *
 * They are read twice: for a pass, which gets digests only, and again at the moment when a
 * container or command is made, straight into the request to the engine. They are in no label,
 * status, log, plan or process list, and no error text has them. Digests are keyed with a random
 * key in the state directory ("env-key"), so that nobody who reads labels can guess a value and
 * check it.
 *
 * Files must be below a directory of --env-file-root, behind all links too, and outside the state
 * directory; regular, at most VALUE_MAX bytes, text without NUL; a line break at the end is cut
 * off. Variables must be named by --allow-env.
 */
#ifndef BERTH_CONTROLLER_VALUES_H
#define BERTH_CONTROLLER_VALUES_H

#include "base/error.h"
#include "reconcilers/values.h"
#include "specs/types.h"

#include <jansson.h>
#include <stdbool.h>

struct controller;
struct controller_options;
struct entry;
struct entry_values;

enum { VALUE_MAX = 64 << 10, VALUE_KEY_BYTES = 32, VALUE_KEY_ID_SIZE = 9 };

struct value_key {
    bool is_loaded;
    unsigned char bytes[VALUE_KEY_BYTES];
    char id[VALUE_KEY_ID_SIZE]; /* "": there is no key, and this is a dry run */
};

bool env_has_sources(const struct env_list *env);

/*
 * What passes may know of the env's values now; read anew at every call. NULL: none comes from
 * elsewhere. Borrowed from the entry.
 */
const struct observed_values *values_observe(struct entry *entry, const struct env_list *env);
void entry_values_free(struct entry_values *values); /* accepts NULL */

/* Enqueues the entries whose values are others than their last pass saw. */
void values_rescan(struct controller *controller);

/* The values of an env, by index; NULL where its own value counts. */
struct secret_values {
    char **items;
    size_t count;
};

/* All or none. The error names variable and source; its reason is ValueUnavailable. */
int secret_values_read(const struct controller *controller, const struct env_list *env,
                       struct secret_values *ret_values, struct error *err);
void secret_values_done(struct secret_values *values); /* overwrites them */

/* The label dev.berth.env for these values; NULL: none is needed. The caller's to free. */
char *secret_values_label(struct controller *controller, const char *owner,
                          const struct env_list *env, const struct secret_values *values);

/* Adds "NAME=value" for every variable to an array for the engine. */
void secret_values_add_env(json_t *array, const struct env_list *env,
                           const struct secret_values *values);
/* Overwrites the texts of such an array, after the request was made from it. */
void secret_values_wipe(json_t *array);

#endif

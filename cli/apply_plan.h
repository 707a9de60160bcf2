/*
 * What `berth apply` and `berth delete` write: which files of the spec directory get which text.
 *
 * Pure: a spec directory as it was read and an input without errors in, texts out; nothing is
 * written here. An object that exists is replaced where it is, byte for byte all around it; a new
 * one goes into a file named as its source.
 */
#ifndef BERTH_CLI_APPLY_PLAN_H
#define BERTH_CLI_APPLY_PLAN_H

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/object_names.h"
#include "cli/selector.h"
#include "cli/spec_input.h"
#include "cli/spec_store.h"

#include <stdbool.h>
#include <stddef.h>

enum apply_result { APPLY_UNCHANGED, APPLY_CONFIGURED, APPLY_CREATED, APPLY_PRUNED, APPLY_DELETED };

/* "configured" */
const char *apply_result_word(enum apply_result result);

struct apply_object {
    enum kind kind;
    char *name;
    char *hash; /* of the spec that will be there; NULL: none */
    char *file; /* below the spec directory */
    enum apply_result result;
    bool is_written;
};

struct apply_file {
    char *name;
    const struct spec_store_file *before; /* NULL: it is new */
    char *text;                           /* NULL: it is removed */
    bool is_changed;
};

struct apply_plan {
    const struct spec_store *store;
    struct apply_object *objects;
    size_t object_count, object_capacity;
    struct apply_file *files; /* that anything was looked for in; not all of them are changed */
    size_t file_count, file_capacity;
};

void apply_plan_init(struct apply_plan *plan, const struct spec_store *store);
void apply_plan_done(struct apply_plan *plan);

/*
 * All objects of the input. ERROR_CONFLICT: the directory has one of the names twice, or another
 * Repository with the URL. ERROR_INVALID: a file cannot be changed without breaking it.
 */
int apply_plan_add_input(struct apply_plan *plan, const struct spec_input *input,
                         struct error *err);

/* The object goes, from all files that have it; false: no file has it. */
int apply_plan_remove(struct apply_plan *plan, enum kind kind, const char *name,
                      enum apply_result result, bool *ret_was_there, struct error *err);

/* All objects that the selector chooses, but for those that are named, go. */
int apply_plan_prune(struct apply_plan *plan, const struct selector *selector,
                     const struct object_names *kept, struct error *err);

/*
 * ERROR_CONFLICT: the object's spec in the directory is not that of this hash, or there is none.
 */
int apply_plan_check_hash(const struct spec_store *store, enum kind kind, const char *name,
                          const char *hash, struct error *err);

/* Whether what was planned parses, with the objects and hashes that it should have. */
int apply_plan_verify(const struct apply_plan *plan, struct error *err);

/*
 * Writes all changed files, each atomically, and notes which objects were in them. ERROR_CONFLICT:
 * somebody was faster; what was written before stays so.
 */
int apply_plan_write(struct apply_plan *plan, struct error *err);

/* An object more; borrowed, until the next one is added. All texts are copied; hash NULL: none. */
struct apply_object *apply_plan_add(struct apply_plan *plan, enum kind kind, const char *name,
                                    const char *hash, const char *file, enum apply_result result);

/* The object of this kind ("Task") and name, or NULL. Borrowed, as above. */
struct apply_object *apply_plan_find(const struct apply_plan *plan, const char *kind,
                                     const char *name);

/* Whether an earlier try, or this one, has written or removed the object. */
bool apply_plan_has_written(const struct apply_plan *plan, enum kind kind, const char *name);

/*
 * Tells a controller that runs with the state directory which objects were taken out by name, so
 * that it neither looks twice nor holds them as a mass deletion. Where none runs, or this user may
 * not ask it, they go as if somebody had removed the files.
 */
void apply_plan_tell_deletions(const struct apply_plan *plan, const char *state_dir);

/* What an earlier try has written is told as that by the one that follows it. */
void apply_plan_take_written(struct apply_plan *plan, const struct apply_plan *before);

#endif

/*
 * What the converters of compose files and of pods share: notes with places, tables of keys, and
 * the object that is being made.
 */
#ifndef BERTH_CLI_CONVERT_PARTS_H
#define BERTH_CLI_CONVERT_PARTS_H

#include "cli/convert.h"
#include "specs/spec_errors.h"
#include "specs/yaml_reader.h"

#include <stdbool.h>

struct conversion {
    const struct convert_source *source;
    bool has_variables; /* $NAME in texts is filled in */
    struct strbuf *notes;
    json_t *objects;
    struct arena arena;
};

/* An Instance, or the template of a pool, that is being made. */
struct convert_target {
    struct conversion *conversion;
    const char *name;
    json_t *spec, *labels, *annotations;
    const struct yaml_node *volumes; /* what volumes are declared: a map, or a list with names */
    bool is_pool;
    int64_t replicas; /* of a pool */
    int64_t cpu_milli, memory_bytes;
    int64_t pids;
};

/* NULL node: the file as a whole. */
void convert_note(struct conversion *conversion, const struct yaml_node *node,
                  const struct place *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same with "dropped: " before it; why NULL: "has no counterpart". */
void convert_drop(struct conversion *conversion, const struct yaml_node *node,
                  const struct place *place, const char *why);

/* One key of a map: what is done with its value, or why it is dropped. */
typedef void convert_rule_fn(struct convert_target *target, const struct yaml_node *value,
                             const struct place *place);
struct convert_rule {
    const char *key;
    convert_rule_fn *take; /* NULL: it is dropped */
    const char *why;       /* NULL: it has no counterpart; "": nothing is said */
};

/* All pairs of the map; a key without a rule is dropped. A rule without a key ends the table. */
void convert_by_rules(struct convert_target *target, const struct convert_rule *rules,
                      const struct yaml_node *map, const struct place *place);

/* A text in the arena, with variables filled in; NULL after a note when it is none. */
const char *convert_scalar(struct conversion *conversion, const struct yaml_node *node,
                           const struct place *place);
bool convert_is_null(const struct yaml_node *node);
bool convert_is_true(struct conversion *conversion, const struct yaml_node *node,
                     const struct place *place);
/* A list of texts, or one text. Never NULL; new reference. */
json_t *convert_texts(struct conversion *conversion, const struct yaml_node *node,
                      const struct place *place);
/* True when it is a whole number; else it is noted. */
bool convert_number(struct conversion *conversion, const struct yaml_node *node,
                    const struct place *place, int64_t *ret_number);

/* Sets key in the map when the value is a text; for rules of one line. */
void convert_set_text(struct convert_target *target, json_t *map, const char *key,
                      const struct yaml_node *value, const struct place *place);
void convert_set_number(struct convert_target *target, json_t *map, const char *key,
                        const struct yaml_node *value, const struct place *place);

/* The map below a key of spec, made when it is not there; the list. Borrowed. */
json_t *convert_map_in(json_t *map, const char *key);
json_t *convert_list_in(json_t *map, const char *key);

/* Labels become labels where Berth takes them, else annotations. */
void convert_label(struct convert_target *target, const char *key, const char *value,
                   const struct yaml_node *node, const struct place *place);
/*
 * A variable of the environment; one with the name that is there already goes. value NULL: from the
 * controller's.
 */
void convert_env(struct convert_target *target, const char *name, const char *value,
                 const struct yaml_node *node, const struct place *place);
/* hostPath or the name of a volume: one of them is NULL. */
void convert_volume(struct convert_target *target, const char *host_path, const char *volume,
                    const char *mount_path, bool is_read_only, const struct yaml_node *node,
                    const struct place *place);

void convert_target_init(struct convert_target *target, struct conversion *conversion,
                         const char *name, const struct yaml_node *node, const struct place *place);
/* Appends the object and ends the target. */
void convert_target_finish(struct convert_target *target);

void convert_compose(struct conversion *conversion, const struct yaml_node *root);
/* -1: the document is none of kubectl's. */
int convert_manifest(struct conversion *conversion, const struct yaml_node *root);

#endif

#include "cli/convert.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/convert_parts.h"
#include "specs/excerpt.h"
#include "specs/machine_types.h"
#include "specs/quantity.h"
#include "specs/schema.h"
#include "specs/text_check.h"
#include "specs/yaml_scalar.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_MACHINE_TYPE "e2-medium"

/* Notes */

static void add_note(struct conversion *conversion, const struct yaml_node *node,
                     const struct place *place, const char *message)
{
    const char *path = place_text(place, &conversion->arena);
    auto_done(strbuf) line = {0};

    strbuf_add(&line, conversion->source->file);
    if (node != NULL) {
        strbuf_addf(&line, ":%u:%u", node->line, node->column);
    }
    strbuf_addf(&line, ": %s%s%s\n", path, path[0] != '\0' ? ": " : "", message);
    if (strstr(strbuf_text(conversion->notes), strbuf_text(&line)) ==
        NULL) { /* of a pod's containers */
        strbuf_add(conversion->notes, strbuf_text(&line));
    }
}

void convert_note(struct conversion *conversion, const struct yaml_node *node,
                  const struct place *place, const char *format, ...)
{
    auto_free char *message = NULL;
    va_list list;

    va_start(list, format);
    message = xvasprintf(format, list);
    va_end(list);
    text_make_clean_line(message, 1000);
    add_note(conversion, node, place, message);
}

void convert_drop(struct conversion *conversion, const struct yaml_node *node,
                  const struct place *place, const char *why)
{
    convert_note(conversion, node, place, "dropped: %s", why != NULL ? why : "has no counterpart");
}

/* Values */

bool convert_is_null(const struct yaml_node *node)
{
    return node->type == YAML_NODE_SCALAR && node->is_plain && yaml_is_null_word(node->text);
}

const char *convert_scalar(struct conversion *conversion, const struct yaml_node *node,
                           const struct place *place)
{
    auto_done(strbuf) text = {0}, missing = {0};

    if (node->type != YAML_NODE_SCALAR || convert_is_null(node)) {
        convert_drop(conversion, node, place, "is no text");
        return NULL;
    }
    if (!conversion->has_variables || strchr(node->text, '$') == NULL) {
        return node->text;
    }
    if (convert_fill_in(node->text, conversion->source->lookup, &text, &missing) < 0) {
        convert_drop(conversion, node, place, "its variables cannot be filled in");
        return NULL;
    }
    if (missing.len > 0) {
        convert_note(conversion, node, place, "has no value, and is empty: variable %s",
                     strbuf_text(&missing));
    }
    return arena_strdup(&conversion->arena, strbuf_text(&text));
}

bool convert_is_true(struct conversion *conversion, const struct yaml_node *node,
                     const struct place *place)
{
    const char *text = convert_scalar(conversion, node, place);

    return text != NULL && (strcmp(text, "true") == 0 || strcmp(text, "yes") == 0);
}

json_t *convert_texts(struct conversion *conversion, const struct yaml_node *node,
                      const struct place *place)
{
    json_t *texts = json_array();
    size_t count = node->type == YAML_NODE_LIST ? node->count : 1;

    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *item = node->type == YAML_NODE_LIST ? node->items[i] : node;
        struct place at = {.parent = place, .index = i};
        const char *text =
            convert_scalar(conversion, item, node->type == YAML_NODE_LIST ? &at : place);

        if (text != NULL) {
            json_array_append_new(texts, json_string(text));
        }
    }
    return texts;
}

bool convert_number(struct conversion *conversion, const struct yaml_node *node,
                    const struct place *place, int64_t *ret_number)
{
    const char *text = convert_scalar(conversion, node, place);

    if (text == NULL) {
        return false;
    }
    if (parse_i64(text, ret_number) < 0) {
        convert_drop(conversion, node, place, "is no whole number");
        return false;
    }
    return true;
}

void convert_set_text(struct convert_target *target, json_t *map, const char *key,
                      const struct yaml_node *value, const struct place *place)
{
    const char *text = convert_scalar(target->conversion, value, place);

    if (text != NULL) {
        json_object_set_new(map, key, json_string(text));
    }
}

void convert_set_number(struct convert_target *target, json_t *map, const char *key,
                        const struct yaml_node *value, const struct place *place)
{
    int64_t number;

    if (convert_number(target->conversion, value, place, &number)) {
        json_object_set_new(map, key, json_integer(number));
    }
}

json_t *convert_map_in(json_t *map, const char *key)
{
    json_t *value = json_object_get(map, key);

    if (value == NULL) {
        value = json_object();
        json_object_set_new(map, key, value);
    }
    return value;
}

json_t *convert_list_in(json_t *map, const char *key)
{
    json_t *value = json_object_get(map, key);

    if (value == NULL) {
        value = json_array();
        json_object_set_new(map, key, value);
    }
    return value;
}

void convert_by_rules(struct convert_target *target, const struct convert_rule *rules,
                      const struct yaml_node *map, const struct place *place)
{
    if (map->type != YAML_NODE_MAP) {
        convert_drop(target->conversion, map, place, "is no map");
        return;
    }
    for (size_t i = 0; i + 1 < map->count; i += 2) {
        const struct yaml_node *key = map->items[i], *value = map->items[i + 1];
        struct place at = {.parent = place, .key = key->text};
        const struct convert_rule *rule = rules;

        while (rule->key != NULL && strcmp(rule->key, key->text) != 0) {
            rule++;
        }
        if (rule->key != NULL && rule->take != NULL) {
            if (!convert_is_null(value)) { /* as if it were not there */
                rule->take(target, value, &at);
            }
        } else if (rule->key == NULL || rule->why == NULL || rule->why[0] != '\0') {
            convert_drop(target->conversion, key, &at, rule->key != NULL ? rule->why : NULL);
        }
    }
}

/* Parts that both have */

void convert_label(struct convert_target *target, const char *key, const char *value,
                   const struct yaml_node *node, const struct place *place)
{
    struct error err = {0};

    if (check_label_key(key, &err) == 0 && check_label_value(value, &err) == 0) {
        json_object_set_new(target->labels, key, json_string(value));
        return;
    }
    json_object_set_new(target->annotations, key, json_string(value));
    convert_note(target->conversion, node, place,
                 "is an annotation now: it is no label of Berth's");
}

/* The item of a list whose field has that text, or -1. */
static int find_item(const json_t *list, const char *field, const char *text)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item) {
        if (text_equal(json_string_value(json_object_get(item, field)), text)) {
            return (int)i;
        }
    }
    return -1;
}

void convert_env(struct convert_target *target, const char *name, const char *value,
                 const struct yaml_node *node, const struct place *place)
{
    json_t *list = convert_list_in(target->spec, "env"), *item;
    struct error err = {0};
    int before = find_item(list, "name", name);

    if (check_env_name(name, &err) < 0) {
        convert_drop(target->conversion, node, place, err.message);
        return;
    }
    if (value == NULL) {
        item = json_pack("{s:s,s:{s:s}}", "name", name, "valueFrom", "env", name);
        convert_note(target->conversion, node, place,
                     "is taken from the controller's environment: it needs --allow-env %s", name);
    } else {
        item = json_pack("{s:s,s:s}", "name", name, "value", value);
    }
    if (before >= 0) {
        json_array_set_new(list, (size_t)before, item);
    } else {
        json_array_append_new(list, item);
    }
}

void convert_volume(struct convert_target *target, const char *host_path, const char *volume,
                    const char *mount_path, bool is_read_only, const struct yaml_node *node,
                    const struct place *place)
{
    json_t *item = json_pack("{s:s}", "mountPath", mount_path);
    struct error err = {0};

    if (check_mount_path(mount_path, &err) < 0 ||
        (host_path != NULL && check_absolute_path(host_path, &err) < 0) ||
        (volume != NULL && check_volume_name(volume, &err) < 0)) {
        convert_drop(target->conversion, node, place, err.message);
        json_decref(item);
        return;
    }
    if (host_path != NULL) {
        convert_note(target->conversion, node, place,
                     "%s of the host must be below an --allow-host-path of the controller",
                     host_path);
        json_object_set_new(item, "hostPath", json_string(host_path));
    } else {
        json_object_set_new(item, "volume", json_string(volume));
    }
    if (is_read_only) {
        json_object_set_new(item, "readOnly", json_true());
    }
    json_array_append_new(convert_list_in(target->spec, "volumes"), item);
}

/* The object */

void convert_target_init(struct convert_target *target, struct conversion *conversion,
                         const char *name, const struct yaml_node *node, const struct place *place)
{
    auto_free char *valid = convert_object_name(name);

    *target = (struct convert_target){
        .conversion = conversion,
        .name = arena_strdup(&conversion->arena, valid),
        .spec = json_object(),
        .labels = json_object(),
        .annotations = json_object(),
        .replicas = 1,
    };
    if (strcmp(name, valid) != 0) {
        convert_note(conversion, node, place,
                     "is named %s now: a name has lower-case letters, "
                     "digits and \"-\"",
                     valid);
    }
}

static json_t *in_order(const struct field *fields, json_t *map);

static json_t *value_in_order(const struct field *field, json_t *value)
{
    json_t *list, *item;
    size_t i;

    if (field->fields == NULL || json_is_string(value)) {
        return json_incref(value);
    }
    if (!json_is_array(value)) {
        return in_order(field->fields, value);
    }
    list = json_array();
    json_array_foreach(value, i, item) {
        json_array_append_new(list, in_order(field->fields, item));
    }
    return list;
}

static bool is_empty(const json_t *value)
{
    return (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

/*
 * The same map with its keys in the order of the table, and without empty lists and maps but spec.
 */
static json_t *in_order(const struct field *fields, json_t *map)
{
    json_t *ordered = json_object();

    for (const struct field *field = fields; field->name != NULL; field++) {
        json_t *value = json_object_get(map, field->name);

        if (value != NULL) {
            value = value_in_order(field, value);
            if (!is_empty(value) || strcmp(field->name, "spec") == 0) {
                json_object_set(ordered, field->name, value);
            }
            json_decref(value);
        }
    }
    return ordered;
}

/* Limits must be within the machine type's: where the default one is too small, one that fits. */
static void set_resources(struct convert_target *target)
{
    json_t *resources = convert_map_in(target->spec, "resources");
    char text[QUANTITY_TEXT_SIZE];
    struct machine_type type;
    int64_t cpus, mebibytes;

    if (target->cpu_milli > 0) {
        json_object_set_new(resources, "cpus",
                            json_string(quantity_format_cpu(target->cpu_milli, text)));
    }
    if (target->memory_bytes > 0) {
        json_object_set_new(resources, "memory",
                            json_string(quantity_format_bytes(target->memory_bytes, text)));
    }
    if (target->pids > 0) {
        json_object_set_new(resources, "pids", json_integer(target->pids));
    }
    if (machine_type_find(DEFAULT_MACHINE_TYPE, &type) < 0 ||
        (target->cpu_milli <= type.cpu_milli && target->memory_bytes <= type.memory_bytes)) {
        return;
    }
    cpus = (target->cpu_milli > type.cpu_milli ? target->cpu_milli : type.cpu_milli) + 999;
    mebibytes = target->memory_bytes > type.memory_bytes ? target->memory_bytes : type.memory_bytes;
    mebibytes = (mebibytes + (1 << 20) - 1) >> 20;
    json_object_set_new(
        target->spec, "machineType",
        json_sprintf("custom-%lld-%lld", (long long)(cpus / 1000), (long long)mebibytes));
}

/* Members of a pool cannot share a port of the host. */
static void free_host_ports(struct convert_target *target)
{
    json_t *port;
    size_t i;

    json_array_foreach(json_object_get(target->spec, "ports"), i, port) {
        if (json_object_del(port, "hostPort") == 0) {
            convert_note(target->conversion, NULL, NULL,
                         "%s: the host port of container port %lld is one from the controller's "
                         "--ports now, since there are several members",
                         target->name,
                         (long long)json_integer_value(json_object_get(port, "containerPort")));
        }
    }
}

void convert_target_finish(struct convert_target *target)
{
    enum kind kind = target->is_pool ? KIND_INSTANCE_POOL : KIND_INSTANCE;
    json_auto_t *object = NULL, *metadata = json_object();
    struct schema_top top;

    set_resources(target);
    json_object_set_new(metadata, "name", json_string(target->name));
    json_object_set(metadata, "labels", target->labels);
    json_object_set_new(metadata, "annotations", target->annotations);
    if (target->is_pool) {
        if (target->replicas > 1) {
            free_host_ports(target);
        }
        target->spec =
            json_pack("{s:I,s:I,s:{s:{s:O},s:o}}", "minInstances", (json_int_t)target->replicas,
                      "maxInstances", (json_int_t)target->replicas, "template", "metadata",
                      "labels", target->labels, "spec", target->spec);
    }
    object = json_pack("{s:s,s:s,s:O,s:o}", "apiVersion", API_VERSION, "kind", kind_name(kind),
                       "metadata", metadata, "spec", target->spec);
    schema_top_of(kind, &top);
    json_array_append_new(target->conversion->objects, in_order(top.rows, object));
    json_decref(target->labels);
    *target = (struct convert_target){0};
}

/* Texts */

/* Anchors and the like are the reader's problems: what stands behind them is not known. */
static int check_stream(const struct convert_source *source, const struct yaml_stream *stream,
                        struct error *err)
{
    const struct yaml_problem *problem = stream->problems;

    if (stream->problem_count == 0) {
        return 0;
    }
    return error_set(err, ERROR_INVALID, "%s:%u:%u: %s%s", source->file, problem->line,
                     problem->column, problem->message,
                     problem->kind == YAML_PROBLEM_NOT_SUPPORTED
                         ? " (docker compose config writes a file out without them)"
                         : "");
}

static int convert_document(struct conversion *conversion, const struct yaml_node *root)
{
    if (yaml_map_get(root, "services") != NULL && yaml_map_get(root, "apiVersion") == NULL) {
        conversion->has_variables = true;
        convert_compose(conversion, root);
        return 0;
    }
    conversion->has_variables = false;
    return convert_manifest(conversion, root);
}

int convert_text(const struct convert_source *source, const char *text, size_t len, json_t *objects,
                 struct strbuf *notes, struct error *err)
{
    auto_owned(yaml_stream) *stream = yaml_stream_parse(text, len);
    json_auto_t *made = json_array();
    struct conversion conversion = {.source = source, .notes = notes, .objects = made};
    int result = check_stream(source, stream, err);

    arena_init(&conversion.arena);
    for (size_t i = 0; result == 0 && i < stream->count; i++) {
        const struct yaml_node *root = stream->documents[i];

        if (convert_document(&conversion, root) < 0) {
            result = error_set(err, ERROR_INVALID,
                               "%s:%u:%u: is neither a compose file (it has no services) nor a "
                               "manifest of kubectl (apiVersion, kind)",
                               source->file, root->line, root->column);
        }
    }
    if (result == 0 && stream->count == 0) {
        result = error_set(err, ERROR_INVALID, "%s: there is nothing in it", source->file);
    }
    arena_done(&conversion.arena);
    if (result == 0) {
        json_array_extend(objects, made);
    }
    return result;
}

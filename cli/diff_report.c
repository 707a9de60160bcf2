#include "cli/diff_report.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/schema.h"

#include <ctype.h>
#include <string.h>

/* --- fields ---------------------------------------------------------------------------------- */

static bool is_single(const json_t *value)
{
    return value == NULL || (!json_is_object(value) && !json_is_array(value));
}

/* Lists are only named: they can be long, and may hold what is not for every eye. */
static void add_field(json_t *fields, const char *path, json_t *before, json_t *after)
{
    json_t *field = json_pack("{s:s}", "path", path);

    if (is_single(before) && is_single(after)) {
        json_object_set(field, "before", before != NULL ? before : json_null());
        json_object_set(field, "after", after != NULL ? after : json_null());
    }
    json_array_append_new(fields, field);
}

static void compare_values(json_t *fields, const char *path, json_t *before, json_t *after);

static void compare(json_t *fields, const char *prefix, json_t *before, json_t *after)
{
    const char *key;
    json_t *value;

    json_object_foreach(after, key, value) {
        auto_free char *path = xasprintf("%s.%s", prefix, key);

        compare_values(fields, path, json_object_get(before, key), value);
    }
    json_object_foreach(before, key, value) {
        auto_free char *path = xasprintf("%s.%s", prefix, key);

        if (json_object_get(after, key) == NULL) {
            compare_values(fields, path, value, NULL);
        }
    }
}

static void compare_values(json_t *fields, const char *path, json_t *before, json_t *after)
{
    bool has_map = json_is_object(before) || json_is_object(after);

    if (has_map && (before == NULL || json_is_object(before)) &&
        (after == NULL || json_is_object(after))) {
        compare(fields, path, before, after);
    } else if (before == NULL || after == NULL || !json_equal(before, after)) {
        add_field(fields, path, before, after);
    }
}

/* Of two specs of one object: new reference. */
static json_t *compare_objects(const struct diff_object *object)
{
    json_auto_t *before = schema_object_to_json(object->before);
    json_auto_t *after = schema_object_to_json(object->after);
    json_t *fields = json_array();

    compare(fields, "metadata", json_object_get(before, "metadata"),
            json_object_get(after, "metadata"));
    compare(fields, "spec", json_object_get(before, "spec"), json_object_get(after, "spec"));
    return fields;
}

/*
 * Of a container only the names of fields are known that differ, "changed: env, image", and its
 * image.
 */
static json_t *fields_of_cause(const struct dry_run_object *found)
{
    static const char prefix[] = "changed: ";
    json_t *fields = json_array();
    auto_free char *names = NULL;
    char *rest = NULL;

    if (found->cause == NULL || !text_has_prefix(found->cause, prefix) ||
        strstr(found->cause, "hashed") != NULL || strstr(found->cause, "leased") != NULL) {
        return fields;
    }
    names = xstrdup(found->cause + strlen(prefix));
    for (char *name = strtok_r(names, ", ", &rest); name != NULL;
         name = strtok_r(NULL, ", ", &rest)) {
        auto_free char *path = xasprintf("spec.%s", name);
        json_t *field = json_pack("{s:s}", "path", path);

        if (strcmp(name, "image") == 0 && found->image != NULL && found->wanted_image != NULL) {
            json_object_set_new(field, "before", json_string(found->image));
            json_object_set_new(field, "after", json_string(found->wanted_image));
        }
        json_array_append_new(fields, field);
    }
    return fields;
}

static void add_value(struct strbuf *out, const json_t *value)
{
    auto_free char *text = NULL;

    if (json_is_string(value)) {
        strbuf_add(out, json_string_value(value));
    } else if (json_is_null(value)) {
        strbuf_add(out, "nothing");
    } else {
        text = json_dumps(value, JSON_ENCODE_ANY);
        strbuf_add(out, text != NULL ? text : "?");
    }
}

/* "changed: image debian:11 -> debian:12, env" */
static char *cause_of_fields(const json_t *fields)
{
    auto_done(strbuf) out = {0};
    size_t index;
    json_t *field;

    json_array_foreach(fields, index, field) {
        const char *path = json_string_value(json_object_get(field, "path"));
        const json_t *before = json_object_get(field, "before");

        strbuf_add(&out, index == 0 ? "changed: " : ", ");
        strbuf_add(&out, text_has_prefix(path, "spec.") ? path + strlen("spec.") : path);
        if (before != NULL) {
            strbuf_add(&out, " ");
            add_value(&out, before);
            strbuf_add(&out, " -> ");
            add_value(&out, json_object_get(field, "after"));
        }
    }
    return strbuf_take(&out);
}

/* --- objects --------------------------------------------------------------------------------- */

static const struct diff_object *find_input(const struct diff_input *input, const char *key)
{
    for (size_t i = 0; i < input->count; i++) {
        const struct object *object = input->objects[i].after;
        const char *kind = kind_name(object->kind);

        if (text_has_prefix(key, kind) && key[strlen(kind)] == '/' &&
            strcmp(key + strlen(kind) + 1, object->name) == 0) {
            return &input->objects[i];
        }
    }
    return NULL;
}

static const struct dry_run_object *find_found(const struct diff_input *input,
                                               const struct object *object)
{
    for (size_t i = 0; i < input->dry_run->count; i++) {
        const struct diff_object one = {.after = object};
        const struct diff_input single = {.objects = &one, .count = 1};

        if (find_input(&single, input->dry_run->objects[i].key) != NULL) {
            return &input->dry_run->objects[i];
        }
    }
    return NULL;
}

/* "members: 2 create, 1 update" of a pool, or NULL: nothing would be done with any. */
static char *members_cause(const struct diff_input *input, const char *pool)
{
    static const char *const words[] = {"create", "update", "delete"};
    auto_done(strbuf) out = {0};
    size_t others = 0, counts[ARRAY_SIZE(words)] = {0};

    for (size_t i = 0; i < input->dry_run->count; i++) {
        const struct dry_run_object *member = &input->dry_run->objects[i];
        size_t word = 0;

        if (member->operation == NULL || !text_equal(member->pool, pool)) {
            continue;
        }
        while (word < ARRAY_SIZE(words) && strcmp(member->operation, words[word]) != 0) {
            word++;
        }
        *(word < ARRAY_SIZE(words) ? &counts[word] : &others) += 1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (counts[i] > 0) {
            strbuf_addf(&out, "%s%zu to %s", out.len > 0 ? ", " : "members: ", counts[i], words[i]);
        }
    }
    if (others > 0) {
        strbuf_addf(&out, "%s%zu to change", out.len > 0 ? ", " : "members: ", others);
    }
    return out.len > 0 ? strbuf_take(&out) : NULL;
}

static json_t *steps_of(const char *actions)
{
    json_t *steps = json_array();

    while (*actions != '\0') {
        size_t len = strcspn(actions, "\n");

        json_array_append_new(steps, json_stringn(actions, len));
        actions += len + (actions[len] == '\n');
    }
    return steps;
}

static json_t *make_item(const char *key, const char *action, const char *cause, json_t *fields,
                         const char *actions)
{
    const char *slash = strchr(key, '/');
    json_t *item = json_object();

    json_object_set_new(item, "kind", json_stringn(key, (size_t)(slash - key)));
    json_object_set_new(item, "name", json_string(slash + 1));
    json_object_set_new(item, "action", json_string(action));
    json_object_set_new(item, "cause", json_string(cause != NULL ? cause : ""));
    json_object_set(item, "fields", fields);
    json_object_set_new(item, "steps", steps_of(actions));
    return item;
}

/* What the engine, the input and others have to do with one object, the strongest first. */
static json_t *judge(const struct diff_input *input, const char *key,
                     const struct dry_run_object *found, const struct diff_object *given)
{
    bool is_new = given != NULL && given->before == NULL;
    bool is_pool = text_has_prefix(key, "InstancePool/");
    json_auto_t *fields = given != NULL && !is_new ? compare_objects(given)
                          : found != NULL          ? fields_of_cause(found)
                                                   : json_array();
    auto_free char *changed = json_array_size(fields) > 0 ? cause_of_fields(fields) : NULL;
    auto_free char *members = is_pool ? members_cause(input, strchr(key, '/') + 1) : NULL;

    if (found != NULL && found->operation != NULL) {
        bool is_told = changed != NULL && strcmp(found->operation, "update") == 0;

        return make_item(key, found->operation, is_told ? changed : found->cause, fields,
                         found->actions);
    }
    if (found != NULL && found->hindrance != NULL) {
        return make_item(key, "blocked", found->hindrance, fields, "");
    }
    if (found != NULL && found->is_gone) {
        return make_item(key, "delete", "its spec is gone", fields, "");
    }
    if (is_new) {
        return make_item(key, "create", "its spec is new", fields, "");
    }
    if (changed != NULL) {
        return make_item(key, "update", changed, fields, "");
    }
    if (members != NULL) {
        return make_item(key, "update", members, fields, "");
    }
    if (found != NULL && found->waits_for != NULL) {
        return make_item(key, "wait", found->waits_for, fields, "");
    }
    return make_item(key, "nothing", NULL, fields, "");
}

json_t *diff_report(const struct diff_input *input)
{
    json_t *items = json_array();

    for (size_t i = 0; i < input->dry_run->count; i++) {
        const struct dry_run_object *found = &input->dry_run->objects[i];
        const struct diff_object *given = find_input(input, found->key);
        json_t *item = judge(input, found->key, found, given);

        /*
         * What nobody asked for and nothing happens to: of an input all that is not in it, and our
         * own things.
         */
        if (!diff_item_is_change(item) && given == NULL &&
            (input->objects != NULL || input->find(found->key, input->user) == NULL) &&
            (input->objects != NULL || found->pool == NULL)) {
            json_decref(item);
            continue;
        }
        json_array_append_new(items, item);
    }
    for (size_t i = 0; i < input->count; i++) {
        const struct object *object = input->objects[i].after;
        auto_free char *key = xasprintf("%s/%s", kind_name(object->kind), object->name);

        if (find_found(input, object) == NULL) {
            json_array_append_new(items, judge(input, key, NULL, &input->objects[i]));
        }
    }
    return items;
}

bool diff_item_is_change(const json_t *item)
{
    const char *action = json_string_value(json_object_get(item, "action"));

    return strcmp(action, "nothing") != 0 && strcmp(action, "wait") != 0;
}

void diff_item_print(const json_t *item, struct strbuf *out)
{
    const char *cause = json_string_value(json_object_get(item, "cause"));

    for (const char *at = json_string_value(json_object_get(item, "kind")); *at != '\0'; at++) {
        strbuf_addf(out, "%c", tolower((unsigned char)*at));
    }
    strbuf_addf(out, "/%s: %s", json_string_value(json_object_get(item, "name")),
                json_string_value(json_object_get(item, "action")));
    strbuf_addf(out, cause[0] != '\0' ? " (%s)\n" : "%s\n", cause);
}

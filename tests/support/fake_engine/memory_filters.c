#include "tests/support/fake_engine/memory_world.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* {"label": ["a=b"]} as it is; {"label": {"a=b": true}}, the older form, becomes the same. */
json_t *filters_of(const struct call *call)
{
    auto_free char *text = call_parameter(call, "filters");
    json_auto_t *given = text != NULL ? json_loads(text, 0, NULL) : NULL;
    json_t *filters = json_object();
    const char *name, *value;
    json_t *values, *ignored;

    json_object_foreach(given, name, values) {
        json_t *list = json_is_array(values) ? json_incref(values) : json_array();

        if (json_is_object(values)) {
            json_object_foreach(values, value, ignored) {
                json_array_append_new(list, json_string(value));
            }
        }
        json_object_set_new(filters, name, list);
    }
    return filters;
}

static bool has(const json_t *filters, const char *name, const char *text,
                bool (*fits)(const char *text, const char *wanted))
{
    const json_t *values = json_object_get(filters, name);
    size_t i;
    json_t *value;

    if (json_array_size(values) == 0) {
        return true;
    }
    json_array_foreach(values, i, value) {
        if (fits(text, json_string_value(value))) {
            return true;
        }
    }
    return false;
}

static bool is_same(const char *text, const char *wanted)
{
    return wanted != NULL && strcmp(text, wanted) == 0;
}

/* The engine takes a regular expression; the beginning and the end are all that anybody uses. */
static bool has_part(const char *text, const char *wanted)
{
    size_t len;

    if (wanted == NULL) {
        return false;
    }
    len = strlen(wanted);
    if (wanted[0] == '^') {
        wanted += 1 + (wanted[1] == '/');
        len = strcspn(wanted, "$");
        return strncmp(text, wanted, len) == 0 && (wanted[len] == '\0' || text[len] == '\0');
    }
    return strstr(text, wanted) != NULL;
}

bool filter_has(const json_t *filters, const char *name, const char *text)
{
    return has(filters, name, text, is_same);
}

bool filter_has_part(const json_t *filters, const char *name, const char *text)
{
    return has(filters, name, text, has_part);
}

bool filter_fits_labels(const json_t *filters, const json_t *labels)
{
    const json_t *wanted = json_object_get(filters, "label");
    size_t i;
    json_t *value;

    json_array_foreach(wanted, i, value) {
        const char *text = json_string_value(value);
        size_t key_len = strcspn(text, "=");
        auto_free char *key = xstrndup(text, key_len);
        const json_t *label = json_object_get(labels, key);

        if (label == NULL ||
            (text[key_len] == '=' && strcmp(json_string_value(label), text + key_len + 1) != 0)) {
            return false;
        }
    }
    return true;
}

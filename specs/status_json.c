#include "specs/status_json.h"

#include "base/clock.h"

void status_put_text(json_t *object, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        json_t *value = json_string(text);

        /* bytes from an engine or a container may be no UTF-8: better a mark than no status */
        json_object_set_new(object, key, value != NULL ? value : json_string("(not UTF-8)"));
    }
}

void status_put_time(json_t *object, const char *key, int64_t wall_ms)
{
    char text[TIMESTAMP_SIZE];

    status_put_text(object, key, timestamp_format(wall_ms, text));
}

void status_put_integer(json_t *object, const char *key, int64_t value)
{
    json_object_set_new(object, key, json_integer(value));
}

void status_put_true(json_t *object, const char *key, bool value)
{
    if (value) {
        json_object_set_new(object, key, json_true());
    }
}

const char *status_get_text(struct object_status *status, const json_t *object, const char *key)
{
    return status_text(status, json_string_value(json_object_get(object, key)));
}

int64_t status_get_time(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    int64_t wall_ms;

    return text != NULL && timestamp_parse(text, &wall_ms) == 0 ? wall_ms : 0;
}

int64_t status_get_integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

unsigned status_get_count(const json_t *object, const char *key)
{
    int64_t value = status_get_integer(object, key);

    return value >= 0 && value <= INT32_MAX ? (unsigned)value : 0;
}

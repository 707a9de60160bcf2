#include "tests/cases/plan_case_json.h"

const char *text_of(const json_t *json, const char *key, const char *otherwise)
{
    const json_t *value = json_object_get(json, key);

    return value != NULL ? json_string_value(value) : otherwise;
}

int64_t number_of(const json_t *json, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(json, key);

    return value != NULL ? json_integer_value(value) : otherwise;
}

bool flag_of(const json_t *json, const char *key, bool otherwise)
{
    const json_t *value = json_object_get(json, key);

    return value != NULL ? json_is_true(value) : otherwise;
}

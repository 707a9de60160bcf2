#include "tests/cases/plan_case.h"

#include "base/memory.h"
#include "base/parse.h"

#include <stdio.h>

void plan_case_read_values(struct plan_case *plan_case, const json_t *json)
{
    const json_t *items = json_object_get(json, "items");
    struct observed_value *values = xcalloc(json_array_size(items) + 1, sizeof(*values));
    size_t index;
    json_t *item;

    json_array_foreach(items, index, item) {
        values[index].name = json_string_value(json_object_get(item, "name"));
        values[index].source = json_string_value(json_object_get(item, "source"));
        snprintf(values[index].digest, sizeof(values[index].digest), "%s",
                 json_string_value(json_object_get(item, "digest")));
    }
    plan_case->value_items = values;
    plan_case->has_values = json != NULL;
    plan_case->values = (struct observed_values){
        .items = values,
        .count = json_array_size(items),
        .key_id = "0badc0de",
        .unavailable = json_string_value(json_object_get(json, "unavailable")),
    };
}

#include "tests/cases/plan_case_json.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"

#include <stdlib.h>
#include <string.h>

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

/* The place of a word among blank-separated words; -1: it is none of them. */
static int index_of(const char *words, const char *word)
{
    auto_free char *copy = xstrdup(words);
    char *rest = copy, *part;

    for (int i = 0; (part = strsep(&rest, " ")) != NULL; i++) {
        if (text_equal(part, word)) {
            return i;
        }
    }
    return -1;
}

int check_keys(const json_t *json, const char *place, const char *words, struct error *err)
{
    void *at = json_object_iter((json_t *)(uintptr_t)json); /* jansson's iterators take no const */

    for (; at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)json, at)) {
        if (index_of(words, json_object_iter_key(at)) < 0) {
            return error_set(err, ERROR_INVALID, "%s has an unknown key \"%s\"; it may have: %s",
                             place, json_object_iter_key(at), words);
        }
    }
    return 0;
}

int word_of(const json_t *json, const char *key, const char *words, int otherwise, int *ret_index,
            struct error *err)
{
    const char *word = text_of(json, key, NULL);

    *ret_index = word != NULL ? index_of(words, word) : otherwise;
    return *ret_index >= 0 ? 0
                           : error_set(err, ERROR_INVALID, "%s is \"%s\", not one of: %s", key,
                                       word != NULL ? word : "", words);
}

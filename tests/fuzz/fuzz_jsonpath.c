/*
 * Paths and templates: each compiles or says where it is wrong, and one that compiles finds
 * something, nothing or too much in a value, with no more text than that. A template's values
 * printed one by one are what is found.
 */
#include "base/strbuf.h"
#include "cli/jsonpath.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char world[] =
    "{\"a\": {\"b\": [1, 2.5, \"x\", true, null, {\"a\": \"y\", \"a.b\": 7}]},"
    " \"items\": [{\"name\": \"web\", \"n\": 3}, {\"name\": \"db\", \"n\": 4}, {\"name\": \"\"}]}";

static void check(const char *text, const json_t *value,
                  int (*compile)(const char *, struct jsonpath **, struct error *))
{
    auto_owned(jsonpath) *path = NULL;
    auto_done(strbuf) out = {0};
    json_auto_t *found = NULL;
    struct error err = {0}, find_err = {0};
    size_t index;
    json_t *item;

    if (compile(text, &path, &err) < 0) {
        assert(path == NULL && err.kind == ERROR_INVALID && err.message[0] != '\0');
        return;
    }
    assert(path != NULL && err.kind == ERROR_NONE);
    if (jsonpath_find(path, value, &found, &find_err) < 0) {
        assert(found == NULL && find_err.kind == ERROR_INVALID);
        return;
    }
    assert(jsonpath_print(path, value, &out, &err) == 0 || err.kind == ERROR_INVALID);
    json_array_foreach(found, index, item) {
        char *piece = jsonpath_value_text(item);

        assert(err.kind != ERROR_NONE || strstr(strbuf_text(&out), piece) != NULL);
        free(piece);
        if (index > 100) {
            break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *value;
    char *text = malloc(size + 1);

    assert(text != NULL);
    if (value == NULL) {
        value = json_loads(world, 0, NULL);
        assert(value != NULL);
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    check(text, value, jsonpath_compile);
    check(text, value, jsonpath_compile_field);
    free(text);
    return 0;
}

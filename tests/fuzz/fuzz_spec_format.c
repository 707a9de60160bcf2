/*
 * Formatting of spec files: what is formatted says the same, keeps its comments, and does not
 * change when it is formatted once more.
 */
#include "base/cleanup.h"
#include "base/error.h"
#include "cli/spec_format.h"
#include "specs/spec_file.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Every "#" of a text counts, whatever it is. */
static size_t count_hashes(const char *text, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++) {
        count += text[i] == '#';
    }
    return count;
}

static void assert_same_objects(const char *before, size_t len, const char *after)
{
    auto_owned(spec_file) *old = spec_file_parse("before", before, len);
    auto_owned(spec_file) *new = spec_file_parse("after", after, strlen(after));

    assert(old->count == new->count);
    for (size_t i = 0; i < old->count; i++) {
        const struct object *a = old->documents[i].object, *b = new->documents[i].object;

        assert((a == NULL) == (b == NULL));
        assert(old->documents[i].error_count == new->documents[i].error_count);
        if (a != NULL) {
            assert(a->kind == b->kind && strcmp(a->name, b->name) == 0);
            assert(strcmp(a->hash, b->hash) == 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *once = NULL, *twice = NULL;
    const char *text = (const char *)data;
    struct error err = {0};

    if (spec_format(text, size, &once, &err) < 0) {
        assert(once == NULL && err.message[0] != '\0');
        return 0;
    }
    assert(err.kind == ERROR_NONE);
    assert(count_hashes(text, size) == count_hashes(once, strlen(once)));
    assert_same_objects(text, size, once);
    assert(spec_format(once, strlen(once), &twice, &err) == 0);
    assert(strcmp(once, twice) == 0);
    return 0;
}

/*
 * The fast reader of our own YAML against the reader of all YAML: what the fast one reads, that one
 * reads as equal values without problems; and the fast one reads all that the writer writes of
 * maps.
 */
#include "base/strbuf.h"
#include "specs/yaml_own.h"
#include "specs/yaml_reader.h"
#include "specs/yaml_writer.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SURE_DEPTH = 12, SURE_KEY_LEN = 200 };

static json_t *read_any(const char *text, size_t len)
{
    auto_owned(yaml_stream) *stream = yaml_stream_parse_own(text, len);
    json_t *documents = json_array();

    assert(stream->is_complete && stream->problem_count == 0);
    for (size_t i = 0; i < stream->count; i++) {
        json_array_append_new(documents, yaml_node_to_json(stream->documents[i]));
    }
    return documents;
}

static void check_text(const char *text, size_t len)
{
    json_auto_t *own = yaml_own_read(text, len), *any = NULL;

    if (own != NULL) {
        any = read_any(text, len);
        assert(json_equal(own, any));
    }
}

/* Not beyond what status files have: there the fast reader may give up. */
static bool is_ordinary(const json_t *value, unsigned depth)
{
    json_t *members = (json_t *)(uintptr_t)value; /* jansson's iterators want no const */
    const char *key;
    json_t *item;
    size_t i;

    json_array_foreach(value, i, item) {
        if (!is_ordinary(item, depth + 1)) {
            return false;
        }
    }
    if (json_string_length(value) > SURE_KEY_LEN &&
        strspn(json_string_value(value), "0123456789abcdefABCDEFox+-.") > SURE_KEY_LEN) {
        return false;
    }
    json_object_foreach(members, key, item) {
        if (strlen(key) > SURE_KEY_LEN || !is_ordinary(item, depth + 1)) {
            return false;
        }
    }
    return depth < SURE_DEPTH;
}

static void check_written(const json_t *value)
{
    auto_done(strbuf) text = {0};
    json_auto_t *own = NULL;

    if (!json_is_object(value) || json_object_size(value) == 0 || !is_ordinary(value, 0) ||
        yaml_write(&text, value) < 0) {
        return;
    }
    own = yaml_own_read(strbuf_text(&text), text.len);
    assert(own != NULL && json_array_size(own) == 1);
    check_text(strbuf_text(&text), text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = size > 0 ? (const char *)data : "";
    json_auto_t *value = json_loadb(text, size, 0, NULL);
    auto_owned(yaml_stream) *stream = yaml_stream_parse(text, size);

    check_text(text, size);
    if (value != NULL) {
        check_written(value);
    }
    for (size_t i = 0; i < stream->count; i++) {
        json_auto_t *document = yaml_node_to_json(stream->documents[i]);

        check_written(document);
    }
    return 0;
}

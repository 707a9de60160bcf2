/*
 * Any JSON value, and any YAML document, is written as YAML that reads back as an equal value.
 */
#include "base/strbuf.h"
#include "specs/yaml_reader.h"
#include "specs/yaml_writer.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t depth_of(const json_t *value)
{
    json_t *members = (json_t *)(uintptr_t)value; /* jansson's iterators want no const */
    size_t deepest = 0, i;
    const char *key;
    json_t *item;

    json_array_foreach(value, i, item) {
        size_t depth = depth_of(item);

        deepest = depth > deepest ? depth : deepest;
    }
    json_object_foreach(members, key, item) {
        size_t depth = depth_of(item);

        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + (json_is_array(value) || json_is_object(value));
}

static void check_round_trip(json_t *value)
{
    auto_done(strbuf) text = {0};
    auto_owned(yaml_stream) *stream = NULL;
    json_t *back;

    if (depth_of(value) > YAML_MAX_DEPTH) {
        assert(yaml_write(&text, value) == -1);
        return;
    }
    assert(yaml_write(&text, value) == 0);
    stream = yaml_stream_parse(strbuf_text(&text), text.len);
    if (!stream->is_complete && stream->problems[0].kind == YAML_PROBLEM_TOO_LARGE) {
        return;
    }
    assert(stream->count == 1 && stream->problem_count == 0);
    back = yaml_node_to_json(stream->documents[0]);
    assert(json_equal(value, back));
    json_decref(back);
}

static void check_yaml(const char *text, size_t len)
{
    auto_owned(yaml_stream) *stream = yaml_stream_parse(text, len);

    for (size_t i = 0; i < stream->count; i++) {
        json_t *value = yaml_node_to_json(stream->documents[i]);

        check_round_trip(value);
        json_decref(value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = size > 0 ? (const char *)data : "";
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY, NULL);

    if (value != NULL) {
        check_round_trip(value);
        json_decref(value);
    }
    check_yaml(text, size);
    return 0;
}

/*
 * Streams of an engine: the same bytes give the same items at whatever boundaries they arrive.
 */
#include "clients/docker_stream.h"

#include "base/memory.h"
#include "base/parse.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

struct outcome {
    json_t *values;
    int result;
    bool is_within_value;
    unsigned event_count;
};

static void on_value(void *user, const json_t *value)
{
    struct outcome *outcome = user;
    struct docker_event event;

    json_array_append_new(outcome->values, json_deep_copy(value));
    if (docker_parse_event(value, &event) == 0) {
        assert(event.type != NULL && event.action != NULL && event.id != NULL);
        outcome->event_count++;
    }
}

static void feed(const uint8_t *data, size_t size, size_t piece, struct outcome *outcome)
{
    struct json_lines lines;
    struct error err = {0};

    *outcome = (struct outcome){.values = json_array()};
    json_lines_init(&lines);
    for (size_t i = 0; i < size && outcome->result == 0; i += piece) {
        size_t part = piece < size - i ? piece : size - i;

        outcome->result =
            json_lines_feed(&lines, (const char *)data + i, part, on_value, outcome, &err);
    }
    outcome->is_within_value = outcome->result == 0 && json_lines_is_within_value(&lines);
    assert((outcome->result < 0) == (err.kind != ERROR_NONE));
    json_lines_done(&lines);
}

static void assert_boundaries_do_not_matter(const uint8_t *data, size_t size)
{
    struct outcome whole, split;
    size_t pieces[] = {1, 7, 1 + size / 2};

    feed(data, size, size + 1, &whole);
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        feed(data, size, pieces[i], &split);
        assert(split.result == whole.result && split.event_count == whole.event_count);
        assert(split.is_within_value == whole.is_within_value);
        assert(json_equal(split.values, whole.values));
        json_decref(split.values);
    }
    json_decref(whole.values);
}

static void read_pull(const uint8_t *data, size_t size)
{
    auto_done(docker_pull) pull = {0};
    struct error err = {0};

    docker_pull_init(&pull);
    if (docker_pull_feed(&pull, (const char *)data, size, &err) == 0 &&
        docker_pull_finish(&pull, "app:1", &err) == 0) {
        assert(pull.error == NULL);
    } else {
        assert(err.kind != ERROR_NONE && err.message[0] != '\0');
    }
    assert(docker_pull_percent(&pull) <= 100 && pull.current_bytes <= pull.total_bytes);
    assert(json_object_size(pull.layers) <= 256);
}

static void read_logs(const uint8_t *data, size_t size)
{
    enum { MAX_LINES = 5, MAX_LINE = 40 };
    json_auto_t *lines = json_array();
    size_t i;
    json_t *line;

    docker_logs_to_lines((const char *)data, size, MAX_LINES, MAX_LINE, lines);
    assert(json_array_size(lines) <= MAX_LINES);
    json_array_foreach(lines, i, line) {
        const char *text = json_string_value(line);

        assert(text != NULL && strlen(text) <= MAX_LINE);
        assert(text_is_clean_utf8(text, strlen(text)) && strchr(text, '\n') == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    assert_boundaries_do_not_matter(data, size);
    read_pull(data, size);
    read_logs(data, size);
    return 0;
}

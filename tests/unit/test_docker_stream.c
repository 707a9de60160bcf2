#include "clients/docker_stream.h"

#include "base/memory.h"
#include "base/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* --- JSON one after another --- */

static void collect(void *user, const json_t *value)
{
    json_array_append_new(user, json_deep_copy(value));
}

/* Feeds the bytes in pieces of the size; the values as an array. */
static json_t *feed(const char *bytes, size_t len, size_t piece, int *ret_result, struct error *err)
{
    json_t *values = json_array();
    struct json_lines lines;
    int result = 0;

    json_lines_init(&lines);
    for (size_t i = 0; i < len && result == 0; i += piece) {
        size_t part = piece < len - i ? piece : len - i;
        /* memory of just this size, so that a sanitizer sees a read past the end */
        auto_free char *copy = xmalloc(part);

        memcpy(copy, bytes + i, part);
        result = json_lines_feed(&lines, copy, part, collect, values, err);
    }
    json_lines_done(&lines);
    *ret_result = result;
    return values;
}

static void values_come_out_whole_at_any_boundary(void **state)
{
    static const char text[] = "{\"a\":1}\n{\"b\":\"}{\\\"]\"}\r\n\x1e{\"c\":{\"d\":[{},[]]}}"
                               "[1,\"\xe2\x82\xac\"] \t{}";
    json_auto_t *expected = json_pack("[{s:i}, {s:s}, {s:{s:[{},[]]}}, [i,s], {}]", "a", 1, "b",
                                      "}{\"]", "c", "d", 1, "\xe2\x82\xac");

    (void)state;
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        struct error err = {0};
        int result;
        json_auto_t *values = feed(text, strlen(text), piece, &result, &err);

        assert_int_equal(result, 0);
        assert_true(json_equal(values, expected));
    }
}

static void what_is_no_json_ends_the_stream_with_an_error(void **state)
{
    static const struct {
        const char *text;
        size_t values_before;
    } rows[] = {
        {"nonsense", 0},      {"17", 0},
        {"\"text\"", 0},      {"}", 0},
        {"{\"a\":1}x", 1},    {"{]", 0},
        {"{\"a\"}", 0},       {"{\"a\":1,}", 0},
        {"{}{}{nul}", 2},     {"{\"a\":\"\xff\"}", 0},
        {"<html></html>", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (size_t piece = 1; piece <= strlen(rows[i].text); piece++) {
            struct error err = {0};
            int result;
            json_auto_t *values = feed(rows[i].text, strlen(rows[i].text), piece, &result, &err);

            assert_int_equal(result, -1);
            assert_int_equal(json_array_size(values), rows[i].values_before);
            assert_int_equal(err.kind, ERROR_TRANSIENT);
            assert_string_equal(err.reason, "EngineError");
            assert_true(strlen(err.message) > 0);
        }
    }
}

static void a_begun_value_is_told(void **state)
{
    struct json_lines lines;
    json_auto_t *values = json_array();
    struct error err = {0};

    (void)state;
    json_lines_init(&lines);
    assert_false(json_lines_is_within_value(&lines));
    assert_int_equal(json_lines_feed(&lines, "{\"a\":", 5, collect, values, &err), 0);
    assert_true(json_lines_is_within_value(&lines));
    assert_int_equal(json_lines_feed(&lines, "1}", 2, collect, values, &err), 0);
    assert_false(json_lines_is_within_value(&lines));
    json_lines_done(&lines);
}

/* {"a":"xxx..."} of len bytes */
static char *value_of_len(size_t len)
{
    char *text = xmalloc(len);

    memset(text, 'x', len);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + len - 2, "\"}", 2);
    return text;
}

static void a_value_has_a_ceiling_however_it_comes(void **state)
{
    static const size_t pieces[] = {1000, 65536, DOCKER_MAX_LINE, 2 * DOCKER_MAX_LINE};
    auto_free char *largest = value_of_len(DOCKER_MAX_LINE);
    auto_free char *too_large = value_of_len(DOCKER_MAX_LINE + 1);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        struct error err = {0};
        int result;
        json_auto_t *one = feed(largest, DOCKER_MAX_LINE, pieces[i], &result, &err);

        assert_int_equal(result, 0);
        assert_int_equal(json_array_size(one), 1);
        json_auto_t *none = feed(too_large, DOCKER_MAX_LINE + 1, pieces[i], &result, &err);

        assert_int_equal(result, -1);
        assert_int_equal(json_array_size(none), 0);
        assert_non_null(strstr(err.message, "too large"));
    }
}

static void deep_nesting_is_an_error(void **state)
{
    enum { DEPTH = 100000 };
    auto_free char *text = xmalloc(2 * DEPTH);
    struct error err = {0};
    int result;

    (void)state;
    memset(text, '[', DEPTH);
    memset(text + DEPTH, ']', DEPTH);
    json_auto_t *values = feed(text, 2 * DEPTH, 4096, &result, &err);

    assert_int_equal(result, -1);
    assert_int_equal(json_array_size(values), 0);
}

/* Rescanning what is pending at every byte would take 10^11 steps here, and not end. */
static void byte_by_byte_is_not_slower_than_linear(void **state)
{
    enum { LEN = 1000000 };
    auto_free char *text = value_of_len(LEN);
    struct json_lines lines;
    json_auto_t *values = json_array();
    struct error err = {0};

    (void)state;
    json_lines_init(&lines);
    for (size_t i = 0; i < LEN; i++) {
        assert_int_equal(json_lines_feed(&lines, text + i, 1, collect, values, &err), 0);
    }
    assert_int_equal(json_array_size(values), 1);
    json_lines_done(&lines);
}

/* --- events --- */

static void an_event_says_what_to_look_at(void **state)
{
    json_auto_t *value = json_loads(
        "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"5e1f\",\"Attributes\":{"
        "\"name\":\"web\",\"exitCode\":\"3\"}},\"scope\":\"local\",\"time\":1795292762,"
        "\"timeNano\":1795292762123456789}",
        0, NULL);
    struct docker_event event;

    (void)state;
    assert_int_equal(docker_parse_event(value, &event), 0);
    assert_string_equal(event.type, "container");
    assert_string_equal(event.action, "die");
    assert_string_equal(event.id, "5e1f");
    assert_string_equal(event.name, "web");
    assert_string_equal(json_string_value(json_object_get(event.attributes, "exitCode")), "3");
    assert_int_equal(event.time_ns, INT64_C(1795292762123456789));
}

static void an_event_may_lack_all_but_its_object(void **state)
{
    json_auto_t *value = json_loads(
        "{\"Type\":\"network\",\"Action\":\"create\",\"Actor\":{\"ID\":\"ff40\"}}", 0, NULL);
    static const char *const no_events[] = {
        "{}",
        "[]",
        "{\"Type\":\"a\",\"Action\":\"b\"}",
        "{\"Type\":\"a\",\"Action\":\"b\",\"Actor\":{}}",
        "{\"Type\":1,\"Action\":\"b\",\"Actor\":{\"ID\":\"c\"}}",
        "{\"Action\":\"b\",\"Actor\":{\"ID\":\"c\"}}",
        "{\"status\":\"die\",\"id\":\"5e1f\",\"from\":\"app\"}",
    };
    struct docker_event event;

    (void)state;
    assert_int_equal(docker_parse_event(value, &event), 0);
    assert_null(event.name);
    assert_null(event.attributes);
    assert_int_equal(event.time_ns, 0);
    for (size_t i = 0; i < ARRAY_SIZE(no_events); i++) {
        json_auto_t *none = json_loads(no_events[i], 0, NULL);

        assert_int_equal(docker_parse_event(none, &event), -1);
    }
}

/* --- pull --- */

static int pull_feed(struct docker_pull *pull, const char *text, struct error *err)
{
    return docker_pull_feed(pull, text, strlen(text), err);
}

static void a_pull_tells_its_progress_in_bytes(void **state)
{
    auto_done(docker_pull) pull = {0};
    struct error err = {0};

    (void)state;
    docker_pull_init(&pull);
    assert_int_equal(docker_pull_percent(&pull), 0);
    pull_feed(&pull,
              "{\"status\":\"Pulling from library/app\",\"id\":\"1\"}\r\n"
              "{\"status\":\"Pulling fs layer\",\"progressDetail\":{},\"id\":\"a\"}\r\n"
              "{\"status\":\"Already exists\",\"progressDetail\":{},\"id\":\"b\"}\r\n",
              &err);
    assert_int_equal(docker_pull_percent(&pull), 0);
    pull_feed(&pull,
              "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":250,\"total\":1000},"
              "\"progress\":\"[=>]\",\"id\":\"a\"}\r\n",
              &err);
    assert_int_equal(docker_pull_percent(&pull), 25);
    pull_feed(&pull,
              "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":1500,\"total\":3000},"
              "\"id\":\"c\"}\r\n",
              &err);
    assert_int_equal(pull.current_bytes, 1750);
    assert_int_equal(pull.total_bytes, 4000);
    assert_int_equal(docker_pull_percent(&pull), 43);
    pull_feed(&pull,
              "{\"status\":\"Download complete\",\"progressDetail\":{},\"id\":\"c\"}\r\n"
              "{\"status\":\"Extracting\",\"progressDetail\":{\"current\":10,\"total\":3000},"
              "\"id\":\"c\"}\r\n",
              &err);
    assert_int_equal(pull.current_bytes, 3250); /* extracting does not begin anew */
    pull_feed(&pull, "{\"status\":\"Pull complete\",\"progressDetail\":{},\"id\":\"a\"}\r\n", &err);
    assert_int_equal(docker_pull_percent(&pull), 100);
    assert_int_equal(docker_pull_finish(&pull, "app:1", &err), 0);
    assert_int_equal(err.kind, ERROR_NONE);
}

static void nonsense_numbers_do_not_count(void **state)
{
    auto_done(docker_pull) pull = {0};
    struct error err = {0};

    (void)state;
    docker_pull_init(&pull);
    pull_feed(&pull,
              "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":-1,\"total\":10},\"id\":"
              "\"a\"}{\"status\":\"Downloading\",\"progressDetail\":{\"current\":1,\"total\":-10},"
              "\"id\":\"b\"}{\"status\":\"Downloading\",\"progressDetail\":{\"current\":1,\"total\""
              ":9223372036854775807},\"id\":\"c\"}{\"status\":\"Downloading\",\"progressDetail\":7,"
              "\"id\":\"d\"}{\"status\":\"Downloading\",\"progressDetail\":{\"current\":1,"
              "\"total\":10},\"id\":7}[]",
              &err);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(pull.total_bytes, 0);
    pull_feed(&pull,
              "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":20,\"total\":10},\"id\":"
              "\"e\"}",
              &err);
    assert_int_equal(docker_pull_percent(&pull), 100); /* never more */
}

static void layers_have_a_ceiling(void **state)
{
    auto_done(docker_pull) pull = {0};
    struct error err = {0};

    (void)state;
    docker_pull_init(&pull);
    for (unsigned i = 0; i < 2000; i++) {
        auto_free char *text = xasprintf("{\"status\":\"Downloading\",\"progressDetail\":{"
                                         "\"current\":1,\"total\":1},\"id\":\"%u\"}",
                                         i);

        assert_int_equal(pull_feed(&pull, text, &err), 0);
    }
    assert_true(json_object_size(pull.layers) <= 256);
}

static void an_error_within_the_stream_is_the_pulls_error(void **state)
{
    static const struct {
        const char *text;
        enum error_kind kind;
        const char *reason, *message;
    } rows[] = {
        {"{\"errorDetail\":{\"code\":1,\"message\":\"unexpected\\nEOF\"},\"error\":\"deprecated\"}",
         ERROR_TRANSIENT, "ImagePullFailed", "pull image \"app:1\": unexpected EOF"},
        {"{\"error\":\"only the old one\"}", ERROR_TRANSIENT, "ImagePullFailed",
         "pull image \"app:1\": only the old one"},
        {"{\"errorDetail\":{\"message\":\"manifest for app:1 not found: manifest unknown\"}}",
         ERROR_NOT_FOUND, "ImageNotFound",
         "pull image \"app:1\": manifest for app:1 not found: manifest unknown"},
        {"{\"status\":\"Downl", ERROR_TRANSIENT, "ImagePullFailed",
         "pull image \"app:1\": the engine's stream ended in the middle"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(docker_pull) pull = {0};
        struct error err = {0};

        docker_pull_init(&pull);
        assert_int_equal(pull_feed(&pull, rows[i].text, &err), 0);
        assert_int_equal(docker_pull_finish(&pull, "app:1", &err), -1);
        assert_int_equal(err.kind, rows[i].kind);
        assert_string_equal(err.reason, rows[i].reason);
        assert_string_equal(err.message, rows[i].message);
    }
}

/* --- logs --- */

static void add_frame(struct strbuf *body, unsigned char stream, const char *text)
{
    size_t len = strlen(text);
    const unsigned char header[] = {stream,
                                    0,
                                    0,
                                    0,
                                    (unsigned char)(len >> 24),
                                    (unsigned char)(len >> 16),
                                    (unsigned char)(len >> 8),
                                    (unsigned char)len};

    strbuf_append(body, header, sizeof(header));
    strbuf_add(body, text);
}

static void assert_lines(const char *body, size_t len, size_t max_lines, size_t max_line,
                         const char *expected)
{
    auto_free char *copy = xmalloc(len);
    json_auto_t *lines = json_array();
    auto_done(strbuf) joined = {0};
    size_t i;
    json_t *line;

    if (len > 0) {
        memcpy(copy, body, len);
    }
    docker_logs_to_lines(copy, len, max_lines, max_line, lines);
    json_array_foreach(lines, i, line) {
        assert_true(text_is_clean_utf8(json_string_value(line), json_string_length(line)));
        strbuf_addf(&joined, "%s|", json_string_value(line));
    }
    assert_string_equal(strbuf_text(&joined), expected);
}

static void frames_of_two_streams_become_lines(void **state)
{
    auto_done(strbuf) body = {0};

    (void)state;
    add_frame(&body, 1, "one\n");
    add_frame(&body, 2, "problem\n");
    add_frame(&body, 1, "be");
    add_frame(&body, 2, "other\n");
    add_frame(&body, 1, "gun\n\n  two\nthr");
    add_frame(&body, 1, "");
    assert_lines(body.text, body.len, 20, 100, "one|problem|other|begun||  two|thr|");
    assert_lines(body.text, body.len, 3, 100, "|  two|thr|");
    assert_lines(body.text, body.len, 1, 100, "thr|");
    assert_lines("", 0, 20, 100, "");
}

static void raw_bytes_of_a_terminal_become_lines(void **state)
{
    static const char body[] = "one\r\n\x1b[31mtwo\x1b[0m\r\n\xff";

    (void)state;
    assert_lines(body, strlen(body), 20, 100,
                 "one|\xef\xbf\xbd[31mtwo\xef\xbf\xbd[0m|\xef\xbf\xbd|");
}

static void a_frame_that_is_cut_gives_what_is_there(void **state)
{
    auto_done(strbuf) body = {0};

    (void)state;
    add_frame(&body, 1, "one\n");
    add_frame(&body, 1, "two\n");
    for (size_t len = 0; len <= body.len; len++) { /* no cut reads past the end */
        json_auto_t *lines = json_array();
        auto_free char *copy = xmalloc(len);

        if (len > 0) {
            memcpy(copy, body.text, len);
        }
        docker_logs_to_lines(copy, len, 20, 100, lines);
        assert_true(json_array_size(lines) <= 3);
    }
    assert_lines(body.text, 12 + 8 + 2, 20, 100, "one|tw|");
    assert_lines("\1\0\0\0\xff\xff\xff\xffxyz\n", 12, 20, 100, "xyz|");
}

static void long_lines_are_cut_wherever_the_frames_end(void **state)
{
    auto_done(strbuf) body = {0};

    (void)state;
    add_frame(&body, 1, "12345678");
    add_frame(&body, 1, "9\n12345678\n");
    for (unsigned i = 0; i < 1000; i++) {
        add_frame(&body, 1, "0123456789012345678901234567890123456789");
    }
    add_frame(&body, 1, "\nlast");
    assert_lines(body.text, body.len, 20, 8, "12345...|12345678|01234...|last|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_out_whole_at_any_boundary),
        cmocka_unit_test(what_is_no_json_ends_the_stream_with_an_error),
        cmocka_unit_test(a_begun_value_is_told),
        cmocka_unit_test(a_value_has_a_ceiling_however_it_comes),
        cmocka_unit_test(deep_nesting_is_an_error),
        cmocka_unit_test(byte_by_byte_is_not_slower_than_linear),
        cmocka_unit_test(an_event_says_what_to_look_at),
        cmocka_unit_test(an_event_may_lack_all_but_its_object),
        cmocka_unit_test(a_pull_tells_its_progress_in_bytes),
        cmocka_unit_test(nonsense_numbers_do_not_count),
        cmocka_unit_test(layers_have_a_ceiling),
        cmocka_unit_test(an_error_within_the_stream_is_the_pulls_error),
        cmocka_unit_test(frames_of_two_streams_become_lines),
        cmocka_unit_test(raw_bytes_of_a_terminal_become_lines),
        cmocka_unit_test(a_frame_that_is_cut_gives_what_is_there),
        cmocka_unit_test(long_lines_are_cut_wherever_the_frames_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "specs/status_size.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "specs/yaml_reader.h"
#include "specs/yaml_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { LOG_LINES = 20, LOG_LINE = 512, DOCUMENTS = 1000 };

/* Of something that crashes, with all that such a status has. */
static json_t *crashing(const char *name)
{
    char line[LOG_LINE + 1];
    json_t *log = json_array(), *history = json_array();

    memset(line, 'x', LOG_LINE);
    line[LOG_LINE] = '\0';
    for (int i = 0; i < LOG_LINES; i++) {
        json_array_append_new(log, json_string(line));
    }
    for (int i = 0; i < 5; i++) {
        json_array_append_new(history, json_pack("{s:s, s:s}", "type", "restart", "cause", line));
    }
    return json_pack("{s:s, s:{s:s}, s:{s:s, s:{s:i, s:{s:i, s:o}}, s:o}}", "kind", "Instance",
                     "metadata", "name", name, "status", "phase", "REPAIRING", "restarts", "count",
                     7, "last", "exitCode", 1, "logTail", log, "history", history);
}

static void the_ends_of_logs_go_first_and_then_histories(void **state)
{
    json_auto_t *documents = json_array();
    json_t *status, *pool = crashing("pool");
    json_t *members = json_array(), *member = crashing("pool-1");

    (void)state;
    json_array_append_new(members, member);
    json_object_set_new(json_object_get(pool, "status"), "members", members);
    json_array_append_new(documents, crashing("web"));
    json_array_append_new(documents, pool);

    assert_true(status_shorten(documents, 0));
    for (int i = 0; i < 3; i++) {
        const json_t *document = i == 2 ? member : json_array_get(documents, (size_t)i);
        const json_t *last;

        status = json_object_get(document, "status");
        last = json_object_get(json_object_get(status, "restarts"), "last");
        assert_null(json_object_get(last, "logTail"));
        assert_int_equal(json_integer_value(json_object_get(last, "exitCode")), 1);
        assert_int_equal(json_array_size(json_object_get(status, "history")), 5);
    }
    assert_true(status_shorten(documents, 1));
    for (int i = 0; i < 3; i++) {
        status = json_object_get(i == 2 ? member : json_array_get(documents, (size_t)i), "status");
        assert_null(json_object_get(status, "history"));
        assert_string_equal(json_string_value(json_object_get(status, "phase")), "REPAIRING");
    }
    assert_false(status_shorten(documents, 2));
}

static void what_is_no_status_is_left_alone(void **state)
{
    json_auto_t *documents =
        json_loads("[1, null, {\"status\": 2}, {\"status\": {\"restarts\": []}},"
                   " {\"status\": {\"members\": {\"a\": 1}}}]",
                   0, NULL);
    json_auto_t *before = json_deep_copy(documents);

    (void)state;
    assert_non_null(documents);
    assert_true(status_shorten(documents, 0));
    assert_true(status_shorten(documents, 1));
    assert_true(json_equal(documents, before));
}

static bool fits(const json_t *documents)
{
    auto_done(strbuf) text = {.max_len = (size_t)YAML_OWN_SCALE * YAML_MAX_BYTES};
    auto_owned(yaml_stream) *stream = NULL;
    size_t index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        if (strbuf_add(&text, "---\n") < 0 || yaml_write(&text, document) < 0) {
            return false;
        }
    }
    stream = yaml_stream_parse_own(text.text, text.len);
    assert_true(stream->is_complete); /* what was written can be read back */
    assert_int_equal(stream->count, json_array_size(documents));
    return true;
}

/* As many as a file can have. */
static void a_file_full_of_what_crashes_has_a_status_file(void **state)
{
    json_auto_t *documents = json_array();

    (void)state;
    for (int i = 0; i < DOCUMENTS; i++) {
        auto_free char *name = xasprintf("web-%d", i);

        json_array_append_new(documents, crashing(name));
    }
    assert_false(fits(documents));
    assert_true(status_shorten(documents, 0));
    assert_true(fits(documents));
}

static void a_large_file_is_not_written_at_every_change(void **state)
{
    (void)state;
    assert_int_equal(status_pause_ms(0), 0);
    assert_int_equal(status_pause_ms(16 * 1024 - 1), 0);
    assert_int_equal(status_pause_ms(16 * 1024), 32);
    assert_int_equal(status_pause_ms(100 * 1024), 200); /* 50 members */
    assert_int_equal(status_pause_ms(STATUS_MAX_BYTES), 500);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ends_of_logs_go_first_and_then_histories),
        cmocka_unit_test(what_is_no_status_is_left_alone),
        cmocka_unit_test(a_file_full_of_what_crashes_has_a_status_file),
        cmocka_unit_test(a_large_file_is_not_written_at_every_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

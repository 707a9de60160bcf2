#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "controller/profile_trace.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { PLENTY = 1 << 20 };

static char *folder, *path;
static unsigned told_ends; /* how often the log was told of the end of a trace */

static void hear(void *user, enum log_level level, const char *event,
                 const struct log_field *fields, size_t count)
{
    (void)user;
    (void)level;
    (void)fields;
    (void)count;
    told_ends += strcmp(event, "profile_trace_ended") == 0;
}

static int make_folder(void **state)
{
    (void)state;
    folder =
        xasprintf("%s/berth-test-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    path = path_join(folder, "trace");
    log_observe(hear, NULL);
    return 0;
}

static int remove_folder(void **state)
{
    struct error err = {0};
    int result = tree_remove(folder, &err);

    (void)state;
    log_observe(NULL, NULL);
    free(path);
    free(folder);
    return result;
}

static void open_trace(uint64_t max_bytes)
{
    struct error err = {0};

    told_ends = 0;
    assert_int_equal(profile_trace_open(path, max_bytes, &err), 0);
}

/* Closes the trace and reads it. */
static json_t *close_trace(void)
{
    auto_free char *text = NULL;
    struct error err = {0};
    json_t *events;

    profile_trace_close();
    assert_int_equal(file_read(AT_FDCWD, path, PLENTY, &text, NULL, &err), 0);
    events = json_loads(text, 0, NULL);
    assert_non_null(events);
    return events;
}

static const char *text_of(const json_t *event, const char *name)
{
    return json_string_value(json_object_get(event, name));
}

static json_int_t number_of(const json_t *event, const char *name)
{
    return json_integer_value(json_object_get(event, name));
}

/* What is not metadata, an event a word: "B1:name", "E1:name", "i2:name", "C:name=3". */
static char *sketch(const json_t *events)
{
    auto_done(strbuf) out = {0};
    size_t index;
    json_t *event;

    json_array_foreach(events, index, event) {
        const char *phase = text_of(event, "ph"), *name = text_of(event, "name");
        json_int_t track = number_of(event, "tid");

        if (strcmp(phase, "M") == 0 || (name != NULL && strcmp(name, "the trace begins") == 0)) {
            continue;
        }
        strbuf_add(&out, out.len > 0 ? " " : "");
        if (strcmp(phase, "C") == 0) {
            strbuf_addf(&out, "C:%s=%d", name,
                        (int)number_of(json_object_get(event, "args"), "value"));
        } else {
            strbuf_addf(&out, "%s%d%s%s", phase, (int)track, name != NULL ? ":" : "",
                        name != NULL ? name : "");
        }
    }
    return strbuf_take(&out);
}

static void without_a_trace_nothing_happens(void **state)
{
    profile_span span;

    (void)state;
    assert_false(profile_trace_is_on());
    profile_begin("a %d", 1);
    profile_engine_event("container", "die", "web");
    span = profile_span_begin(PROFILE_CALLS, NULL, "b");
    assert_int_equal(span, 0);
    profile_span_enter(span, NULL, "c");
    profile_span_leave(span, NULL);
    profile_span_end(&span, NULL);
    profile_queued("Instance/web", 1);
    assert_null(profile_dequeued("Instance/web", 0));
    profile_end(NULL);
    profile_trace_flush();
    profile_trace_close();
    assert_false(path_exists(path));
}

static void spans_of_the_loop_nest(void **state)
{
    json_auto_t *events = NULL;
    auto_free char *text = NULL;

    (void)state;
    open_trace(PLENTY);
    assert_true(profile_trace_is_on());
    profile_begin("scan");
    profile_begin("pass %s", "x");
    profile_end(trace_args(trace_number("actions", 3)));
    profile_engine_event("container", "die", "web");
    profile_end(NULL);
    events = close_trace();
    text = sketch(events);
    assert_string_equal(text, "B1:scan B1:pass x E1:pass x i2:container die E1:scan");
    assert_false(profile_trace_is_on());
    assert_int_equal(told_ends, 0);
}

static void a_lane_is_used_again_when_its_span_has_ended(void **state)
{
    json_auto_t *events = NULL;
    auto_free char *text = NULL;
    profile_span plan, first, second, third;

    (void)state;
    open_trace(PLENTY);
    first = profile_span_begin(PROFILE_CALLS, NULL, "one");
    second = profile_span_begin(PROFILE_CALLS, NULL, "two");
    profile_span_end(&first, NULL);
    assert_int_equal(first, 0);
    profile_span_end(&first, NULL); /* nothing any more */
    third = profile_span_begin(PROFILE_CALLS, NULL, "three");
    plan = profile_span_begin(PROFILE_PLANS, NULL, "plan");
    profile_span_end(&plan, NULL);
    profile_span_end(&third, NULL);
    profile_span_end(&second, NULL);
    events = close_trace();
    text = sketch(events);
    assert_string_equal(text, "B20000:one C:engine calls in flight=1 "
                              "B20001:two C:engine calls in flight=2 "
                              "E20000:one C:engine calls in flight=1 "
                              "B20000:three C:engine calls in flight=2 "
                              "B10000:plan C:plans under way=1 E10000:plan C:plans under way=0 "
                              "E20000:three C:engine calls in flight=1 "
                              "E20001:two C:engine calls in flight=0");
}

static void each_track_has_a_name(void **state)
{
    static const char *const wanted[] = {"loop",          "engine events",   "plan 1",
                                         "engine call 1", "child process 1", "probe 1",
                                         "probe 2"};
    json_auto_t *events = NULL;
    size_t index, found = 0;
    json_t *event;

    (void)state;
    open_trace(PLENTY);
    for (unsigned i = 0; i < PROFILE_LANES_COUNT; i++) {
        profile_span_begin((enum profile_lanes)i, NULL, "a");
    }
    profile_span_begin(PROFILE_PROBES, NULL, "a");
    events = close_trace();
    json_array_foreach(events, index, event) {
        const char *name = text_of(event, "name");

        if (name != NULL && strcmp(name, "thread_name") == 0) {
            assert_in_range(found, 0, ARRAY_SIZE(wanted) - 1);
            assert_string_equal(text_of(json_object_get(event, "args"), "name"), wanted[found]);
            found++;
        }
    }
    assert_int_equal(found, ARRAY_SIZE(wanted));
}

static void parts_of_a_span_end_with_it(void **state)
{
    json_auto_t *events = NULL;
    auto_free char *text = NULL;
    profile_span span;

    (void)state;
    open_trace(PLENTY);
    span = profile_span_begin(PROFILE_PLANS, NULL, "plan");
    profile_span_leave(span, NULL); /* there is no part to leave */
    profile_span_enter(span, NULL, "create");
    profile_span_leave(span, NULL);
    profile_span_enter(span, NULL, "start");
    profile_span_end(&span, NULL);
    events = close_trace();
    text = sketch(events);
    assert_string_equal(text, "B10000:plan C:plans under way=1 B10000:create E10000:create "
                              "B10000:start E10000:start E10000:plan C:plans under way=0");
}

static void what_is_open_at_the_end_is_ended(void **state)
{
    json_auto_t *events = NULL;
    auto_free char *text = NULL;
    profile_span span;

    (void)state;
    open_trace(PLENTY);
    profile_begin("outer");
    profile_begin("inner");
    span = profile_span_begin(PROFILE_CHILDREN, NULL, "git");
    events = close_trace();
    text = sketch(events);
    assert_string_equal(text, "B1:outer B1:inner B30000:git C:child processes=1 E1:inner E1:outer "
                              "E30000:git C:child processes=0");
    profile_span_end(&span, NULL); /* comes too late, and does no harm */
    assert_int_equal(span, 0);
}

static void what_a_key_was_queued_for_is_what_the_loop_did(void **state)
{
    json_auto_t *events = NULL;
    auto_free char *text = NULL, *cause = NULL;

    (void)state;
    open_trace(PLENTY);
    profile_begin("scan");
    profile_queued("Instance/web", 1);
    profile_end(NULL);
    profile_queued("Task/t", 2);
    cause = profile_dequeued("Instance/web", 1);
    assert_string_equal(cause, "scan");
    assert_null(profile_dequeued("Instance/web", 1)); /* once */
    assert_null(profile_dequeued("Task/t", 0));
    profile_queued("Instance/left", 0); /* stays until the end */
    events = close_trace();
    text = sketch(events);
    assert_string_equal(text, "B1:scan C:keys in the queue=1 E1:scan C:keys in the queue=2 "
                              "C:keys in the queue=1 C:keys in the queue=0");
}

static void spans_within_spans_within_spans_are_all_ended(void **state)
{
    json_auto_t *events = NULL;
    int depth = 0, deepest = 0;
    size_t index;
    json_t *event;

    (void)state;
    open_trace(PLENTY);
    for (int i = 0; i < 40; i++) {
        profile_begin("level %d", i);
    }
    profile_queued("Instance/web", 1);
    for (int i = 0; i < 20; i++) {
        profile_end(NULL);
    }
    events = close_trace();
    json_array_foreach(events, index, event) {
        depth += strcmp(text_of(event, "ph"), "B") == 0;
        depth -= strcmp(text_of(event, "ph"), "E") == 0;
        deepest = depth > deepest ? depth : deepest;
    }
    assert_int_equal(deepest, 40);
    assert_int_equal(depth, 0);
}

static void at_the_ceiling_the_trace_ends_and_the_log_is_told_once(void **state)
{
    profile_span span;
    json_auto_t *events = NULL;

    (void)state;
    open_trace(4096);
    span = profile_span_begin(PROFILE_CALLS, NULL, "a call");
    for (int i = 0; i < 100; i++) {
        profile_begin("work");
        profile_end(NULL);
        profile_trace_flush();
    }
    assert_int_equal(told_ends, 1);
    assert_false(profile_trace_is_on());
    profile_span_end(&span, NULL);
    events = close_trace();
    assert_in_range(json_array_size(events), 10, 60);
    assert_int_equal(told_ends, 1);
}

static void a_write_that_fails_ends_the_trace_and_the_log_is_told_once(void **state)
{
    struct error err = {0};

    (void)state;
    told_ends = 0;
    assert_int_equal(profile_trace_open("/dev/full", PLENTY, &err), 0);
    for (int i = 0; i < 100; i++) {
        profile_begin("work");
        profile_end(NULL);
        profile_trace_flush();
    }
    assert_false(profile_trace_is_on());
    profile_trace_close();
    assert_int_equal(told_ends, 1);
    assert_int_equal(profile_trace_open("/dev/full", PLENTY, &err), 0);
    profile_trace_close(); /* the first write is the last one */
    assert_int_equal(told_ends, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_trace_nothing_happens),
        cmocka_unit_test(spans_of_the_loop_nest),
        cmocka_unit_test(a_lane_is_used_again_when_its_span_has_ended),
        cmocka_unit_test(each_track_has_a_name),
        cmocka_unit_test(parts_of_a_span_end_with_it),
        cmocka_unit_test(what_is_open_at_the_end_is_ended),
        cmocka_unit_test(what_a_key_was_queued_for_is_what_the_loop_did),
        cmocka_unit_test(spans_within_spans_within_spans_are_all_ended),
        cmocka_unit_test(at_the_ceiling_the_trace_ends_and_the_log_is_told_once),
        cmocka_unit_test(a_write_that_fails_ends_the_trace_and_the_log_is_told_once),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

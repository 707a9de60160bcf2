#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/trace_file.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { PLENTY = 1 << 20 };

static char *folder;

static int make_folder(void **state)
{
    (void)state;
    folder =
        xasprintf("%s/berth-test-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    struct error err = {0};
    int result = tree_remove(folder, &err);

    (void)state;
    free(folder);
    return result;
}

static struct trace_file *open_trace(const char *path, uint64_t max_bytes)
{
    struct trace_file *file = NULL;
    struct error err = {0};

    assert_int_equal(trace_file_open(path, max_bytes, &file, &err), 0);
    return file;
}

static void add(struct trace_file *file, const char *name, const struct trace_arg *args)
{
    trace_file_add(file, &(const struct trace_event){.phase = TRACE_BEGIN,
                                                     .name = name,
                                                     .category = "test",
                                                     .at_us = 17,
                                                     .track = 4,
                                                     .args = args});
}

static char *read_text(const char *path)
{
    struct error err = {0};
    char *text = NULL;

    assert_int_equal(file_read(AT_FDCWD, path, PLENTY, &text, NULL, &err), 0);
    return text;
}

/* The file as JSON, with this behind it. */
static json_t *read_events(const char *path, const char *behind)
{
    auto_free char *text = read_text(path);
    auto_free char *whole = xasprintf("%s%s", text, behind);
    json_error_t error;
    json_t *events = json_loads(whole, 0, &error);

    if (!json_is_array(events)) {
        fail_msg("no JSON: %s at %d of %s", error.text, error.position, whole);
    }
    return events;
}

static const char *arg_of(const json_t *events, size_t index, const char *name)
{
    const json_t *event = json_array_get(events, index);

    return json_string_value(json_object_get(json_object_get(event, "args"), name));
}

static const char *name_of(const json_t *events, size_t index)
{
    return json_string_value(json_object_get(json_array_get(events, index), "name"));
}

static void an_event_is_json_with_all_that_it_has(void **state)
{
    auto_free char *path = path_join(folder, "trace");
    struct trace_file *file = open_trace(path, PLENTY);
    json_auto_t *events = NULL, *wanted = NULL;
    struct error err = {0};

    (void)state;
    add(file, "pass Instance/web",
        trace_args(trace_text("cause", "why"), trace_text("absent", NULL),
                   trace_number("status", -201), trace_flag("gone", true),
                   trace_flag("again", false)));
    trace_file_add(file, &(const struct trace_event){.phase = TRACE_END, .at_us = 18, .track = 4});
    trace_file_add(file, &(const struct trace_event){
                             .phase = TRACE_INSTANT, .name = "i", .at_us = UINT64_MAX >> 1});
    assert_int_equal(trace_file_close(file, &err), 0);
    events = read_events(path, "");
    wanted = json_pack("[{s:s, s:i, s:i, s:i, s:s, s:s, s:{s:s, s:i, s:b, s:b}},"
                       " {s:s, s:i, s:i, s:i}, {s:s, s:i, s:i, s:I, s:s, s:s}]",
                       "ph", "B", "pid", (int)getpid(), "tid", 4, "ts", 17, "cat", "test", "name",
                       "pass Instance/web", "args", "cause", "why", "status", -201, "gone", 1,
                       "again", 0, "ph", "E", "pid", (int)getpid(), "tid", 4, "ts", 18, "ph", "i",
                       "pid", (int)getpid(), "tid", 0, "ts", (json_int_t)(UINT64_MAX >> 1), "name",
                       "i", "s", "t");
    assert_non_null(wanted);
    assert_true(json_equal(events, wanted));
}

static void any_text_becomes_a_string_that_reads_the_same(void **state)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"", ""},
        {"\"quoted\" and \\", "\"quoted\" and \\"},
        {"two\nlines\tand\r\x01\x1f\x7f", "two\nlines\tand\r\x01\x1f\x7f"},
        {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x9a\xa2", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x9a\xa2"},
        {"\xff half \xc3", "\xef\xbf\xbd half \xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
    };
    auto_free char *path = path_join(folder, "trace");
    struct trace_file *file = open_trace(path, PLENTY);
    json_auto_t *events = NULL;
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        add(file, rows[i].text, trace_args(trace_text("text", rows[i].text)));
    }
    assert_int_equal(trace_file_close(file, &err), 0);
    events = read_events(path, "");
    assert_int_equal(json_array_size(events), ARRAY_SIZE(rows));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_string_equal(name_of(events, i), rows[i].wanted);
        assert_string_equal(arg_of(events, i, "text"), rows[i].wanted);
    }
}

/* Readers differ in what they forgive. */
static void the_text_of_the_file_is_plain(void **state)
{
    auto_free char *path = path_join(folder, "trace"), *text = NULL;
    struct trace_file *file = open_trace(path, PLENTY);
    struct error err = {0};

    (void)state;
    add(file, "\x01\x1f\x7f\t", NULL);
    assert_int_equal(trace_file_close(file, &err), 0);
    text = read_text(path);
    assert_non_null(strstr(text, "\"\\u0001\\u001f\\u007f\\u0009\""));
    for (const char *at = text; *at != '\0'; at++) {
        assert_true(*at == '\n' || (*at >= ' ' && *at < 0x7f));
    }
    assert_string_equal(text + strlen(text) - 2, "\n]"); /* and nothing behind it */
}

static void a_long_text_is_cut_between_characters(void **state)
{
    auto_free char *path = path_join(folder, "trace");
    auto_free char *text = xmalloc(2 * TRACE_MAX_TEXT + 2);
    struct trace_file *file = open_trace(path, PLENTY);
    json_auto_t *events = NULL;
    struct error err = {0};

    (void)state;
    text[0] = 'x'; /* so that a character stands across the limit */
    for (size_t i = 0; i < TRACE_MAX_TEXT; i++) {
        memcpy(text + 1 + 2 * i, "\xc3\xbc", 2);
    }
    text[2 * TRACE_MAX_TEXT + 1] = '\0';
    add(file, "a", trace_args(trace_text("text", text)));
    assert_int_equal(trace_file_close(file, &err), 0);
    events = read_events(path, "");
    assert_int_equal(strlen(arg_of(events, 0, "text")), TRACE_MAX_TEXT - 1 + strlen("..."));
    assert_memory_equal(arg_of(events, 0, "text"), text, TRACE_MAX_TEXT - 1);
}

static void many_long_texts_of_control_characters_fit(void **state)
{
    auto_free char *path = path_join(folder, "trace");
    auto_free char *text = xcalloc(1, TRACE_MAX_TEXT + 1);
    struct trace_file *file = open_trace(path, PLENTY);
    json_auto_t *events = NULL;
    struct error err = {0};

    (void)state;
    memset(text, 1, TRACE_MAX_TEXT);
    add(file, text,
        trace_args(trace_text("a", text), trace_text("b", text), trace_text("c", text),
                   trace_text("d", text), trace_text("e", text), trace_text("f", text),
                   trace_text("g", text), trace_text("h", text), trace_text("i", text),
                   trace_text("j", text), trace_text("k", text), trace_text("l", text)));
    assert_int_equal(trace_file_close(file, &err), 0);
    events = read_events(path, "");
    assert_string_equal(arg_of(events, 0, "l"), text);
}

static void after_each_flush_the_file_is_json_but_for_its_bracket(void **state)
{
    auto_free char *path = path_join(folder, "trace");
    struct trace_file *file = open_trace(path, PLENTY);
    struct error err = {0};

    (void)state;
    for (size_t count = 0; count < 4; count++) {
        json_auto_t *events = NULL;

        assert_int_equal(trace_file_flush(file, &err), 0);
        events = read_events(path, "]");
        assert_int_equal(json_array_size(events), count);
        add(file, "a", NULL);
    }
    assert_int_equal(trace_file_close(file, &err), 0);
}

static void what_is_not_flushed_is_written_when_it_is_much(void **state)
{
    auto_free char *path = path_join(folder, "trace");
    struct trace_file *file = open_trace(path, PLENTY);
    auto_free char *text = NULL;
    struct error err = {0};

    (void)state;
    for (int i = 0; i < 2000; i++) {
        add(file, "an event of some length", NULL);
    }
    text = read_text(path);
    assert_true(strlen(text) > 65536);
    assert_int_equal(trace_file_close(file, &err), 0);
}

static void at_its_ceiling_the_file_ends_and_says_so(void **state)
{
    struct error err = {0};

    (void)state;
    for (uint64_t max = TRACE_MIN_BYTES; max < TRACE_MIN_BYTES + 200; max++) {
        auto_free char *path = path_join(folder, "trace"), *text = NULL;
        struct trace_file *file = open_trace(path, max);
        json_auto_t *events = NULL;
        size_t count;

        for (unsigned i = 0; i < 50; i++) {
            add(file, "an event", trace_args(trace_number("n", i)));
        }
        assert_true(trace_file_is_full(file));
        assert_int_equal(trace_file_close(file, &err), 0);
        text = read_text(path);
        assert_true(strlen(text) <= max);
        events = read_events(path, "");
        count = json_array_size(events);
        assert_in_range(count, 5, 20);
        assert_string_equal(name_of(events, count - 2), "an event");
        assert_string_equal(name_of(events, count - 1),
                            "the trace ends here: its file is at its ceiling");
    }
}

static void an_event_that_is_over_the_ceiling_alone_leaves_json(void **state)
{
    auto_free char *path = path_join(folder, "trace"), *text = xcalloc(1, 2001);
    struct trace_file *file = open_trace(path, TRACE_MIN_BYTES);
    json_auto_t *events = NULL;
    struct error err = {0};

    (void)state;
    memset(text, 'x', 2000);
    add(file, text, NULL);
    add(file, "small", NULL);
    assert_int_equal(trace_file_close(file, &err), 0);
    events = read_events(path, "");
    assert_int_equal(json_array_size(events), 1);
}

static void a_full_disk_is_an_error_once_and_for_all(void **state)
{
    struct trace_file *file = open_trace("/dev/full", PLENTY);

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct error err = {0};

        add(file, "a", NULL);
        assert_int_equal(trace_file_flush(file, &err), -1);
        assert_string_equal(err.message, "write \"/dev/full\": No space left on device");
    }
    for (int i = 0; i < 100000; i++) { /* and it keeps nothing that it cannot write */
        add(file, "an event of some length that is for nobody", NULL);
    }
    {
        struct error err = {0};

        assert_int_equal(trace_file_close(file, &err), -1);
        assert_string_equal(err.message, "write \"/dev/full\": No space left on device");
    }
}

/* As on a disk that has room for a part of what is written. */
static void a_disk_that_gets_full_leaves_whole_events(void **state)
{
    struct rlimit before, limit;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (rlim_t bytes = 300; bytes < 400; bytes++) {
        auto_free char *path = path_join(folder, "trace");
        struct trace_file *file = open_trace(path, PLENTY);
        json_auto_t *events = NULL;
        struct error err = {0};

        limit = (struct rlimit){.rlim_cur = bytes, .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        add(file, "kept", NULL);
        add(file, "kept", NULL);
        assert_int_equal(trace_file_flush(file, &err), 0);
        for (int i = 0; i < 10; i++) {
            add(file, "lost", NULL);
        }
        assert_int_equal(trace_file_flush(file, &err), -1);
        error_clear(&err);
        assert_int_equal(trace_file_close(file, &err), -1);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        events = read_events(path, ""); /* there was room for the bracket */
        assert_int_equal(json_array_size(events), 2);
    }
}

static void the_file_is_made_anew_for_its_owner_alone(void **state)
{
    auto_free char *path = path_join(folder, "fresh");
    struct error err = {0};
    struct stat info;

    (void)state;
    umask(0);
    assert_int_equal(trace_file_close(open_trace(path, PLENTY), &err), 0);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    for (int i = 0; i < 2; i++) {
        json_auto_t *events = NULL;
        struct trace_file *file = open_trace(path, PLENTY);

        add(file, "a", NULL);
        assert_int_equal(trace_file_close(file, &err), 0);
        events = read_events(path, "");
        assert_int_equal(json_array_size(events), 1);
    }
}

static void what_is_no_file_to_write_is_an_error(void **state)
{
    auto_free char *link = path_join(folder, "link"), *target = path_join(folder, "target"),
                   *pipe = path_join(folder, "pipe"), *absent = path_join(folder, "no/trace");
    const char *paths[] = {link, pipe, absent, folder};

    (void)state;
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct trace_file *file = NULL;
        struct error err = {0};

        assert_int_equal(trace_file_open(paths[i], PLENTY, &file, &err), -1);
        assert_non_null(strstr(err.message, paths[i]));
        assert_null(file);
    }
    assert_false(path_exists(target));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_json_with_all_that_it_has),
        cmocka_unit_test(any_text_becomes_a_string_that_reads_the_same),
        cmocka_unit_test(the_text_of_the_file_is_plain),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(many_long_texts_of_control_characters_fit),
        cmocka_unit_test(after_each_flush_the_file_is_json_but_for_its_bracket),
        cmocka_unit_test(what_is_not_flushed_is_written_when_it_is_much),
        cmocka_unit_test(at_its_ceiling_the_file_ends_and_says_so),
        cmocka_unit_test(an_event_that_is_over_the_ceiling_alone_leaves_json),
        cmocka_unit_test(a_full_disk_is_an_error_once_and_for_all),
        cmocka_unit_test(a_disk_that_gets_full_leaves_whole_events),
        cmocka_unit_test(the_file_is_made_anew_for_its_owner_alone),
        cmocka_unit_test(what_is_no_file_to_write_is_an_error),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

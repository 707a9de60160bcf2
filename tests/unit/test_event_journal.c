#include "controller/event_journal.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define START INT64_C(1800000000000)

static char directory[] = "/tmp/berth-events-XXXXXX";
static struct event_journal journal;

static char *path_of(const char *name)
{
    return path_join(directory, name);
}

static int set_up(void **state)
{
    (void)state;
    memcpy(directory + strlen(directory) - 6, "XXXXXX", 6);
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    event_journal_init(&journal, directory, START);
    return 0;
}

static int tear_down(void **state)
{
    struct error err = {0};

    (void)state;
    event_journal_done(&journal);
    return tree_remove(directory, &err);
}

static void add(const char *name, const char *reason, const char *message, int64_t at_ms)
{
    struct event event = {.kind = "Instance", .name = name, .reason = reason, .message = message};

    event_journal_add(&journal, &event, START + at_ms);
}

static void flush(void)
{
    struct error err = {0};

    assert_int_equal(event_journal_flush(&journal, START, &err), 0);
}

/* The lines of a file as events' counts and messages: "1 a, 2 b". */
static char *lines_of(const char *name)
{
    auto_free char *path = path_of(name), *text = NULL;
    auto_done(strbuf) out = {0};
    struct error err = {0};
    char *rest = NULL;

    if (file_read(AT_FDCWD, path, 64 << 20, &text, NULL, &err) < 0) {
        return xstrdup("none");
    }
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        json_auto_t *json = json_loads(line, 0, NULL);
        struct event event;

        if (event_from_json(json, &event) < 0) {
            strbuf_addf(&out, "%storn", out.len > 0 ? ", " : "");
            continue;
        }
        strbuf_addf(&out, "%s%u %s", out.len > 0 ? ", " : "", event.count, event.message);
    }
    return xstrdup(strbuf_text(&out));
}

static void assert_lines(const char *name, const char *expected)
{
    auto_free char *lines = lines_of(name);

    assert_string_equal(lines, expected);
}

static void what_repeats_is_one_series_and_told_the_more_rarely(void **state)
{
    (void)state;
    add("web", "Started", "a", 0);
    add("web", "Started", "a", 1000); /* told a moment ago */
    flush();
    assert_lines(EVENTS_FILE, "1 a");
    add("web", "Started", "a", 12000);
    flush();
    assert_lines(EVENTS_FILE, "1 a, 3 a");
    for (int64_t at_ms = 13000; at_ms < 600000; at_ms += 1000) {
        add("web", "Started", "a", at_ms);
    }
    assert_true(journal.pending.len < 25 * 256);
    event_journal_settle(&journal, START + 600000, true);
    flush();
    {
        auto_free char *lines = lines_of(EVENTS_FILE);

        assert_non_null(strstr(lines, ", 590 a"));
    }
}

static void another_object_reason_or_message_is_another_event(void **state)
{
    (void)state;
    add("web", "Started", "a", 0);
    add("api", "Started", "a", 1);
    add("web", "Stopped", "a", 2);
    add("web", "Started", "b", 3);
    flush();
    assert_lines(EVENTS_FILE, "1 a, 1 a, 1 a, 1 b");
}

static void what_comes_after_a_while_begins_anew(void **state)
{
    (void)state;
    add("web", "Started", "a", 0);
    add("web", "Started", "a", EVENT_WINDOW_MS + 1);
    flush();
    assert_lines(EVENTS_FILE, "1 a, 1 a");
}

static void messages_that_always_differ_do_not_flood(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        auto_free char *message = xasprintf("try %d", i);

        add("web", "Started", message, i * 10);
    }
    event_journal_settle(&journal, START + 10000, true);
    flush();
    assert_lines(EVENTS_FILE, "1 try 0, 1 try 1, 1 try 2, 1 try 3, 1 try 4, 1 try 5, 1 try 6, "
                              "1 try 7, 993 try 999");
}

static void untold_repeats_are_told_when_they_are_due(void **state)
{
    (void)state;
    add("web", "Started", "a", 0);
    add("web", "Started", "a", 1000);
    event_journal_settle(&journal, START + 5000, false);
    flush();
    assert_lines(EVENTS_FILE, "1 a");
    event_journal_settle(&journal, START + 11000, false);
    flush();
    assert_lines(EVENTS_FILE, "1 a, 2 a");
    event_journal_settle(&journal, START + 60000, false);
    assert_int_equal(journal.pending.len, 0);
}

static void only_so_many_series_are_remembered(void **state)
{
    (void)state;
    for (int i = 0; i < 3 * EVENT_SERIES_MAX; i++) {
        auto_free char *name = xasprintf("i-%d", i);

        add(name, "Started", "a", i);
        assert_true(map_count(&journal.series) <= EVENT_SERIES_MAX);
        flush();
    }
}

static void a_full_file_becomes_the_old_one(void **state)
{
    auto_free char *path = path_of(EVENTS_FILE), *old_path = path_of(EVENTS_OLD_FILE);
    auto_free char *message = xmalloc(1001);
    struct stat info;

    (void)state;
    memset(message, 'm', 1000);
    message[1000] = '\0';
    for (int i = 0; i < 6000; i++) {
        auto_free char *name = xasprintf("i-%d", i);

        add(name, "Started", message, i);
        flush();
    }
    assert_int_equal(stat(path, &info), 0);
    assert_true(info.st_size > 0 && info.st_size <= EVENTS_FILE_MAX);
    assert_int_equal(stat(old_path, &info), 0);
    assert_true(info.st_size > EVENTS_FILE_MAX - 2000 && info.st_size <= EVENTS_FILE_MAX);
    {
        auto_free char *lines = lines_of(EVENTS_FILE), *old = lines_of(EVENTS_OLD_FILE);

        assert_null(strstr(lines, "torn"));
        assert_null(strstr(old, "torn"));
    }
}

static void half_a_line_spoils_no_other(void **state)
{
    auto_free char *path = path_of(EVENTS_FILE);
    FILE *file = fopen(path, "w");

    (void)state;
    assert_non_null(file);
    fputs("{\"time\":\"2026-01-01T00:00", file);
    fclose(file);
    add("web", "Started", "a", 0);
    flush();
    add("web", "Stopped", "b", 0);
    flush();
    assert_lines(EVENTS_FILE, "torn, 1 a, 1 b");
}

static void what_cannot_be_written_is_kept_and_what_finds_no_room_is_counted(void **state)
{
    auto_free char *path = path_of(EVENTS_FILE);
    struct error err = {0};

    (void)state;
    assert_int_equal(mkdir(path, 0700), 0); /* nobody can write to that, not even root */
    for (int i = 0; i < 20000; i++) {
        auto_free char *name = xasprintf("i-%d", i);

        add(name, "Started", "a", i);
    }
    assert_int_equal(event_journal_flush(&journal, START, &err), -1);
    assert_true(err.message[0] != '\0');
    assert_true(journal.pending.len <= EVENT_PENDING_MAX && journal.pending.len > 0);
    assert_int_equal(rmdir(path), 0);
    flush();
    {
        auto_free char *lines = lines_of(EVENTS_FILE);

        assert_non_null(strstr(lines, "events were not written"));
        assert_null(strstr(lines, "torn"));
    }
}

static void no_text_breaks_a_line(void **state)
{
    (void)state;
    add("web\n", "Started", "a\nb\t\"c\" \xff\x1b[31m", 0);
    flush();
    assert_lines(EVENTS_FILE, "1 a b \"c\" ??[31m");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(what_repeats_is_one_series_and_told_the_more_rarely),
        TEST(another_object_reason_or_message_is_another_event),
        TEST(what_comes_after_a_while_begins_anew),
        TEST(messages_that_always_differ_do_not_flood),
        TEST(untold_repeats_are_told_when_they_are_due),
        TEST(only_so_many_series_are_remembered),
        TEST(a_full_file_becomes_the_old_one),
        TEST(half_a_line_spoils_no_other),
        TEST(what_cannot_be_written_is_kept_and_what_finds_no_room_is_counted),
        TEST(no_text_breaks_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

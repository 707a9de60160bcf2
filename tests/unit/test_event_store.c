#include "cli/event_store.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TEMPLATE "/tmp/berth-event-store-XXXXXX"

static char directory[] = TEMPLATE;
static struct event_feed feed;

static int set_up(void **state)
{
    (void)state;
    memcpy(directory, TEMPLATE, sizeof(TEMPLATE));
    feed = (struct event_feed){0};
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    struct error err = {0};

    (void)state;
    return tree_remove(directory, &err);
}

static char *path_of(const char *name)
{
    return path_join(directory, name);
}

static void append(const char *name, const char *text)
{
    auto_free char *path = path_of(name);
    FILE *file = fopen(path, "a");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* One line as the controller writes it. */
static void add(const char *name, const char *object, const char *series, unsigned count,
                int64_t last_wall_ms)
{
    struct event event = {
        .kind = "Instance",
        .name = object,
        .reason = "Started",
        .message = "m",
        .series = series,
        .first_wall_ms = 1800000000000,
        .last_wall_ms = last_wall_ms,
        .count = count,
    };
    json_auto_t *json = event_to_json(&event);
    auto_free char *line = json_dumps(json, JSON_COMPACT);

    append(name, line);
    append(name, "\n");
}

static void turn_over(void)
{
    auto_free char *path = path_of(EVENTS_FILE), *old_path = path_of(EVENTS_OLD_FILE);

    assert_int_equal(rename(path, old_path), 0);
}

static void assert_next(const char *expected)
{
    auto_done(event_list) list = {0};
    auto_done(strbuf) text = {0};
    struct error err = {0};

    assert_int_equal(event_feed_read(&feed, directory, &list, &err), 0);
    for (size_t i = 0; i < list.count; i++) {
        strbuf_addf(&text, "%s%s x%u", i > 0 ? ", " : "", list.items[i].name, list.items[i].count);
    }
    assert_string_equal(strbuf_text(&text), expected);
}

static void no_history_is_an_empty_one(void **state)
{
    (void)state;
    assert_next("");
    assert_next("");
}

static void both_files_are_read_and_the_newest_is_last(void **state)
{
    (void)state;
    add(EVENTS_OLD_FILE, "a", "1", 1, 1800000001000);
    add(EVENTS_OLD_FILE, "b", "2", 1, 1800000002000);
    add(EVENTS_FILE, "c", "3", 1, 1800000003000);
    assert_next("a x1, b x1, c x1");
}

static void a_series_is_told_once_and_where_it_was_last(void **state)
{
    (void)state;
    add(EVENTS_OLD_FILE, "a", "1", 1, 1800000001000);
    add(EVENTS_OLD_FILE, "a", "1", 4, 1800000002000);
    add(EVENTS_FILE, "b", "2", 1, 1800000003000);
    add(EVENTS_FILE, "a", "1", 9, 1800000004000);
    assert_next("b x1, a x9");
}

static void what_is_no_event_is_left_out(void **state)
{
    (void)state;
    append(EVENTS_FILE, "{\"time\":\"20\n\n[]\nnull\n{}\n{\"time\":1}\n\xff\xfe\n");
    add(EVENTS_FILE, "a", "1", 1, 1800000001000);
    append(EVENTS_FILE, "{\"time\":\"2026-");
    assert_next("a x1");
}

static void a_line_is_taken_when_it_is_whole(void **state)
{
    auto_free char *path = path_of(EVENTS_FILE), *text = NULL;
    struct error err = {0};

    (void)state;
    add(EVENTS_FILE, "a", "1", 1, 1800000001000);
    assert_int_equal(file_read(AT_FDCWD, path, 4096, &text, NULL, &err), 0);
    assert_int_equal(truncate(path, 20), 0);
    assert_next("");
    append(EVENTS_FILE, text + 20);
    assert_next("a x1");
    assert_next("");
}

static void what_comes_is_followed_when_the_file_is_turned_over(void **state)
{
    (void)state;
    add(EVENTS_FILE, "a", "1", 1, 1800000001000);
    assert_next("a x1");
    add(EVENTS_FILE, "b", "2", 1, 1800000002000);
    turn_over();
    assert_next("b x1"); /* though there is no new file yet */
    add(EVENTS_FILE, "c", "3", 1, 1800000003000);
    assert_next("c x1");
    add(EVENTS_FILE, "d", "4", 1, 1800000004000);
    assert_next("d x1");
}

static void a_filter_takes_what_is_asked_for(void **state)
{
    static const struct {
        struct event_filter filter;
        bool is_taken;
    } rows[] = {
        {{0}, true},
        {{.kind = "instance"}, true},
        {{.kind = "Task"}, false},
        {{.kind = "Instance", .name = "web"}, true},
        {{.name = "we"}, false},
        {{.since_wall_ms = 5000}, true},
        {{.since_wall_ms = 5001}, false},
        {{.has_warning = true}, true},
        {{.has_normal = true}, false},
        {{.has_normal = true, .has_warning = true}, true},
    };
    static const struct event event = {
        .kind = "Instance", .name = "web", .is_warning = true, .last_wall_ms = 5000, .count = 1};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(event_filter_takes(&rows[i].filter, &event), rows[i].is_taken);
    }
}

static void an_age_tells_how_often(void **state)
{
    int64_t now_wall_ms = clock_wall_ms();
    struct event event = {
        .first_wall_ms = now_wall_ms - 600000, .last_wall_ms = now_wall_ms - 10000, .count = 1};
    char text[EVENT_AGE_SIZE];

    (void)state;
    event_age(&event, text);
    assert_true(strcmp(text, "10s") == 0 || strcmp(text, "11s") == 0);
    event.count = 4;
    event_age(&event, text);
    assert_non_null(strstr(text, "s (x4 over 10m)"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(no_history_is_an_empty_one),
        TEST(both_files_are_read_and_the_newest_is_last),
        TEST(a_series_is_told_once_and_where_it_was_last),
        TEST(what_is_no_event_is_left_out),
        TEST(a_line_is_taken_when_it_is_whole),
        TEST(what_comes_is_followed_when_the_file_is_turned_over),
        cmocka_unit_test(a_filter_takes_what_is_asked_for),
        cmocka_unit_test(an_age_tells_how_often),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

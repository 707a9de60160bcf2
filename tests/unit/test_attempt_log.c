#include "cli/attempt_log.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { BLOCK = 64 << 10 }; /* what the module reads at once */

struct fixture {
    char root[32];
    char *folder, *path; /* .../fix-1 and .../fix-1/1.log */
    int out_fd;
};

static int set_up(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    struct error err = {0};

    snprintf(fixture->root, sizeof(fixture->root), "/tmp/log-XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    fixture->folder = xasprintf("%s/fix-1", fixture->root);
    fixture->path = xasprintf("%s/1.log", fixture->folder);
    assert_int_equal(dir_make(fixture->folder, 0700, &err), 0);
    fixture->out_fd = open(fixture->root, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    assert_true(fixture->out_fd >= 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};

    close(fixture->out_fd);
    tree_remove(fixture->root, &err);
    free(fixture->folder);
    free(fixture->path);
    free(fixture);
    return 0;
}

static void write_log(const struct fixture *fixture, const char *text, size_t len)
{
    struct error err = {0};

    assert_int_equal(file_replace(AT_FDCWD, fixture->path, text, len, 0644, FILE_VISIBLE, &err), 0);
}

/* What a copy of the log from here on writes; the caller's. */
static char *copied(const struct fixture *fixture, struct attempt_log *log)
{
    struct error err = {0};
    char *text = xcalloc(1, 4 * BLOCK);

    assert_int_equal(ftruncate(fixture->out_fd, 0), 0);
    lseek(fixture->out_fd, 0, SEEK_SET);
    assert_int_equal(attempt_log_copy(log, fixture->out_fd, &err), 0);
    assert_true(pread(fixture->out_fd, text, 4 * BLOCK - 1, 0) >= 0);
    return text;
}

static void expect_tail(const struct fixture *fixture, const char *text, uint64_t lines,
                        const char *tail)
{
    auto_done(attempt_log) log;
    struct error err = {0};
    auto_free char *found = NULL;

    attempt_log_init(&log);
    write_log(fixture, text, strlen(text));
    assert_int_equal(attempt_log_open(&log, fixture->path, 0, &err), 0);
    assert_int_equal(attempt_log_skip_to_tail(&log, lines, &err), 0);
    found = copied(fixture, &log);
    assert_string_equal(found, tail);
}

static void the_tail_is_whole_lines_and_the_last_may_have_no_end(void **state)
{
    static const struct {
        const char *text;
        uint64_t lines;
        const char *tail;
    } rows[] = {
        {"a\nb\nc\n", 0, ""},
        {"a\nb\nc\n", 1, "c\n"},
        {"a\nb\nc\n", 2, "b\nc\n"},
        {"a\nb\nc\n", 3, "a\nb\nc\n"},
        {"a\nb\nc\n", 9, "a\nb\nc\n"},
        {"a\nb\nc", 1, "c"},
        {"a\nb\nc", 2, "b\nc"},
        {"", 1, ""},
        {"\n", 1, "\n"},
        {"\n\n", 1, "\n"},
        {"a\n\n", 1, "\n"},
        {"a", 1, "a"},
        {"\na", 1, "a"},
        {"\na", 2, "\na"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        expect_tail(*state, rows[i].text, rows[i].lines, rows[i].tail);
    }
}

static void a_tail_goes_through_blocks(void **state)
{
    for (size_t len = BLOCK - 2; len <= BLOCK + 2; len++) {
        auto_done(strbuf) text = {0};

        strbuf_add(&text, "first\n");
        for (size_t i = 0; i < len; i++) {
            strbuf_append(&text, "x", 1);
        }
        strbuf_add(&text, "\nlast\n");
        expect_tail(*state, strbuf_text(&text), 1, "last\n");
        expect_tail(*state, strbuf_text(&text), 2, strbuf_text(&text) + strlen("first\n"));
        expect_tail(*state, strbuf_text(&text), 3, strbuf_text(&text));
    }
}

static void a_copy_goes_on_where_the_last_one_ended(void **state)
{
    const struct fixture *fixture = *state;
    auto_done(attempt_log) log;
    struct error err = {0};
    FILE *file;

    attempt_log_init(&log);
    assert_int_equal(attempt_log_open(&log, fixture->path, 0, &err), 0); /* not there yet */
    auto_free char *nothing = copied(fixture, &log);

    assert_string_equal(nothing, "");
    write_log(fixture, "one\n", 4);
    auto_free char *first = copied(fixture, &log);

    assert_string_equal(first, "one\n");
    file = fopen(fixture->path, "a");
    fputs("two", file);
    fclose(file);
    auto_free char *second = copied(fixture, &log);

    assert_string_equal(second, "two");
}

static void another_attempt_is_in_the_same_folder(void **state)
{
    const struct fixture *fixture = *state;
    auto_free char *path = xasprintf("%s/7.log", fixture->folder);
    auto_done(attempt_log) log;
    struct error err = {0};

    attempt_log_init(&log);
    write_log(fixture, "one", 3);
    assert_int_equal(attempt_log_open(&log, path, 1, &err), 0);
    auto_free char *text = copied(fixture, &log);

    assert_string_equal(text, "one");
}

static void what_is_no_log_of_a_task_is_refused(void **state)
{
    static const char *const paths[] = {
        "",
        "1.log",
        "/1.log",
        "/etc/passwd",
        "/tasks/fix-1/1.txt",
        "/tasks/fix-1/0.log",
        "/tasks/fix-1/01.log",
        "/tasks/fix-1/x.log",
        "/tasks/fix-1/.log",
        "/tasks/fix-1/99999999999.log",
        "/tasks/../1.log",
        "/tasks/./1.log",
        "/tasks//1.log",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        auto_done(attempt_log) log;
        struct error err = {0};

        attempt_log_init(&log);
        assert_int_equal(attempt_log_open(&log, paths[i], 0, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
    }
}

static void a_folder_that_is_gone_is_told_apart_from_a_link(void **state)
{
    const struct fixture *fixture = *state;
    auto_free char *gone = xasprintf("%s/gone/1.log", fixture->root);
    auto_free char *link = xasprintf("%s/link", fixture->root);
    auto_free char *linked = xasprintf("%s/1.log", link);
    auto_done(attempt_log) first, second;
    struct error err = {0};

    attempt_log_init(&first);
    attempt_log_init(&second);
    assert_int_equal(attempt_log_open(&first, gone, 0, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    error_clear(&err);
    write_log(fixture, "secret", 6);
    assert_int_equal(symlink(fixture->folder, link), 0);
    assert_int_equal(attempt_log_open(&second, linked, 0, &err), -1);
    assert_true(err.kind != ERROR_NOT_FOUND && err.kind != ERROR_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_tail_is_whole_lines_and_the_last_may_have_no_end,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tail_goes_through_blocks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_goes_on_where_the_last_one_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_attempt_is_in_the_same_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_log_of_a_task_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_is_gone_is_told_apart_from_a_link, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/log.h"

#include "base/cleanup.h"
#include "base/log_repeats.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"

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

enum { PIPE_BYTES = 64 << 10 };

/* What is logged comes out of a pipe that takes the place of standard error meanwhile. */
struct capture {
    int stderr_fd, read_fd;
};

static void capture_begin(struct capture *capture)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    capture->stderr_fd = dup(STDERR_FILENO);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    capture->read_fd = ends[0];
    assert_int_equal(fcntl(capture->read_fd, F_SETFL, O_NONBLOCK), 0);
}

/* What has come since the last look. */
static char *look(const struct capture *capture)
{
    char *text = xcalloc(1, 2 * PIPE_BYTES);
    size_t len = 0;
    ssize_t got;

    while ((got = read(capture->read_fd, text + len, 2 * PIPE_BYTES - 1 - len)) > 0) {
        len += (size_t)got;
    }
    return text;
}

static void capture_end(const struct capture *capture)
{
    dup2(capture->stderr_fd, STDERR_FILENO);
    close(capture->stderr_fd);
    close(capture->read_fd);
}

static int configure_anew(void **state)
{
    (void)state;
    log_configure(LOG_FORMAT_TEXT, LOG_INFO);
    return 0;
}

/* What one line with one value says behind its time. */
static char *logged(enum log_format format, const char *value)
{
    struct capture capture;
    auto_free char *text = NULL;

    log_configure(format, LOG_INFO);
    capture_begin(&capture);
    log_fields(LOG_INFO, "tried", "value", value, NULL);
    text = look(&capture);
    capture_end(&capture);
    assert_true(text_is_clean_utf8(text, strlen(text)));
    assert_true(strlen(text) <= LOG_MAX_LINE);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    return xstrdup(format == LOG_FORMAT_TEXT ? strchr(text, ' ') + 1 : text);
}

static void text_is_quoted_where_it_must_be(void **state)
{
    static const struct {
        const char *value, *line;
    } cases[] = {
        {"plain", "INFO  tried value=plain\n"},
        {"", "INFO  tried value=\"\"\n"},
        {"two words", "INFO  tried value=\"two words\"\n"},
        {"a=\"b\\c\"", "INFO  tried value=\"a=\\\"b\\\\c\\\"\"\n"},
        {"one\ntwo\tthree", "INFO  tried value=\"one\\ntwo\\u0009three\"\n"},
        {"\x1b[31mred", "INFO  tried value=\"\\u001b[31mred\"\n"},
        {"\xc3\xa4", "INFO  tried value=\xc3\xa4\n"},
        {"\xc2\x9b"
         "31m",
         "INFO  tried value=\"\\u009b31m\"\n"}, /* a C1 control */
        {"\xe2\x80\xaegnp.exe",
         "INFO  tried value=\"\\u202egnp.exe\"\n"}, /* turns the text round */
        {"\xff", "INFO  tried value=\"\\xff\"\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        auto_free char *line = logged(LOG_FORMAT_TEXT, cases[i].value);

        assert_string_equal(line, cases[i].line);
    }
}

static void json_is_json_whatever_the_bytes_are(void **state)
{
    (void)state;
    for (unsigned first = 1; first < 256; first++) {
        for (unsigned second = 0; second < 256; second += 5) {
            char value[] = {(char)first, (char)second, 'x', '\0'};
            auto_free char *line = logged(LOG_FORMAT_JSON, value);
            json_auto_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

            assert_non_null(json);
            assert_string_equal(json_string_value(json_object_get(json, "level")), "INFO");
            assert_non_null(json_string_value(json_object_get(json, "value")));
        }
    }
}

static void a_value_has_a_ceiling(void **state)
{
    auto_free char *value = xcalloc(1, LOG_MAX_VALUE + 2);
    auto_free char *whole = NULL, *cut = NULL;

    (void)state;
    memset(value, 'x', LOG_MAX_VALUE);
    whole = logged(LOG_FORMAT_TEXT, value);
    assert_int_equal(strlen(whole), strlen("INFO  tried value=\n") + LOG_MAX_VALUE);
    assert_null(strstr(whole, "..."));
    value[LOG_MAX_VALUE] = 'x';
    cut = logged(LOG_FORMAT_TEXT, value);
    assert_int_equal(strlen(cut), strlen("INFO  tried value=...\n") + LOG_MAX_VALUE);
    assert_true(text_has_suffix(cut, "x...\n"));
}

static void a_cut_is_between_two_characters(void **state)
{
    static const char character[] = "\xe2\x82\xac";
    auto_done(strbuf) value = {0};
    auto_free char *line = NULL;

    (void)state;
    while (value.len <= LOG_MAX_VALUE) {
        strbuf_add(&value, character);
    }
    for (int i = 0; i < 3; i++) {
        free(line);
        line = logged(i % 2 == 0 ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON, value.text); /* looks at it */
        strbuf_add(&value, "x");
    }
}

static void a_line_has_a_ceiling_and_stays_whole(void **state)
{
    static const enum log_format formats[] = {LOG_FORMAT_TEXT, LOG_FORMAT_JSON};
    auto_free char *value = xcalloc(1, 64 << 10);

    (void)state;
    memset(value, '\x01', (64 << 10) - 1); /* each is escaped */
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        struct capture capture;
        auto_free char *text = NULL;

        log_configure(formats[i], LOG_INFO);
        capture_begin(&capture);
        log_fields(LOG_ERROR, "tried", "a", value, "b", value, "c", value, "d", value, "e", "short",
                   NULL);
        log_fields(LOG_INFO, "next", NULL);
        text = look(&capture);
        capture_end(&capture);
        assert_true((size_t)(strchr(text, '\n') - text) < LOG_MAX_LINE);
        assert_non_null(strstr(text, formats[i] == LOG_FORMAT_JSON ? "\"event\":\"next\"}\n"
                                                                   : " INFO  next\n"));
        if (formats[i] == LOG_FORMAT_JSON) {
            json_auto_t *json = json_loadb(text, strcspn(text, "\n"), 0, NULL);

            assert_non_null(json);
        }
    }
}

static size_t count_lines(const char *text, const char *with)
{
    size_t count = 0;

    for (const char *at = strstr(text, with); at != NULL; at = strstr(at + 1, with)) {
        count++;
    }
    return count;
}

static void the_same_failure_is_not_written_endlessly(void **state)
{
    struct capture capture;
    auto_free char *text = NULL;

    (void)state;
    capture_begin(&capture);
    for (int i = 0; i < 100; i++) {
        log_fields(LOG_WARN, "broken", "key", "Instance/a", "error", "no", NULL);
        log_fields(LOG_ERROR, "broken", "key", "Instance/b", "error", "no", NULL);
        log_fields(LOG_INFO, "told", "key", "Instance/c", NULL); /* no failure */
    }
    text = look(&capture);
    capture_end(&capture);
    assert_int_equal(count_lines(text, "Instance/a"), LOG_REPEATS_BURST);
    assert_int_equal(count_lines(text, "Instance/b"), LOG_REPEATS_BURST);
    assert_int_equal(count_lines(text, "Instance/c"), 100);
}

static bool take(struct log_repeats *repeats, const char *line, uint64_t now_ms,
                 unsigned *ret_left_out)
{
    *ret_left_out = 0;
    return log_repeats_take(repeats, line, strlen(line), now_ms, ret_left_out);
}

static void what_was_left_out_is_counted(void **state)
{
    auto_free struct log_repeats *repeats = xcalloc(1, sizeof(*repeats));
    unsigned left_out;

    (void)state;
    for (unsigned i = 0; i < LOG_REPEATS_BURST; i++) {
        assert_true(take(repeats, "a", 1000 + i, &left_out));
        assert_int_equal(left_out, 0);
    }
    for (unsigned i = 0; i < 7; i++) {
        assert_false(take(repeats, "a", 2000 + i, &left_out));
    }
    assert_true(take(repeats, "b", 2000, &left_out)); /* another one is another one */
    assert_false(take(repeats, "a", 1000 + LOG_REPEATS_MS - 1, &left_out));
    assert_true(take(repeats, "a", 1000 + LOG_REPEATS_MS, &left_out));
    assert_int_equal(left_out, 8);
    assert_true(take(repeats, "a", 1000 + LOG_REPEATS_MS, &left_out));
    assert_int_equal(left_out, 0);
}

static void no_more_lines_are_remembered_than_there_is_room_for(void **state)
{
    auto_free struct log_repeats *repeats = xcalloc(1, sizeof(*repeats));
    unsigned left_out, again = 0;

    (void)state;
    for (unsigned round = 0; round < LOG_REPEATS_BURST; round++) {
        for (unsigned i = 0; i < LOG_REPEATS_LINES; i++) {
            auto_free char *line = xasprintf("line %u", i);

            assert_true(take(repeats, line, round * 1000 + i, &left_out));
        }
    }
    assert_false(take(repeats, "line 0", 9000, &left_out));
    assert_true(take(repeats, "one more", 9001, &left_out)); /* takes the place of line 1 */
    for (unsigned i = 0; i < LOG_REPEATS_LINES; i++) {
        auto_free char *line = xasprintf("line %u", i);

        again += i != 1 && take(repeats, line, 9002, &left_out);
    }
    assert_int_equal(again, 0);
    assert_true(take(repeats, "line 1", 9003, &left_out));
}

/* Fills the pipe until not a byte more goes in. */
static void fill_pipe(void)
{
    static const char bytes[4096];
    int flags = fcntl(STDERR_FILENO, F_GETFL);

    fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
    while (write(STDERR_FILENO, bytes, sizeof(bytes)) > 0) {
    }
    fcntl(STDERR_FILENO, F_SETFL, flags);
}

static void a_reader_that_does_not_read_holds_nobody_up(void **state)
{
    struct capture capture;
    auto_free char *clogged = NULL, *text = NULL;

    (void)state;
    capture_begin(&capture);
    fill_pipe();
    for (int i = 0; i < 100; i++) {
        log_fields(LOG_INFO, "told", NULL); /* the test's end is its proof: none of them blocks */
    }
    clogged = look(&capture);
    log_fields(LOG_INFO, "told", NULL);
    text = look(&capture);
    capture_end(&capture);
    assert_non_null(strstr(text, " WARN  log_lines_lost lines=100\n"));
    assert_int_equal(count_lines(text, "INFO  told\n"), 1);
}

#define TEST(name) cmocka_unit_test_setup(name, configure_anew)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(text_is_quoted_where_it_must_be),
        TEST(json_is_json_whatever_the_bytes_are),
        TEST(a_value_has_a_ceiling),
        TEST(a_cut_is_between_two_characters),
        TEST(a_line_has_a_ceiling_and_stays_whole),
        TEST(the_same_failure_is_not_written_endlessly),
        TEST(what_was_left_out_is_counted),
        TEST(no_more_lines_are_remembered_than_there_is_room_for),
        TEST(a_reader_that_does_not_read_holds_nobody_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

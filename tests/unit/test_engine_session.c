#include "cli/engine_session.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { GUARD_S = 20 }; /* a test that takes longer has failed */

#define VERSION                                                                                    \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 40\r\n"                  \
    "Connection: close\r\n\r\n{\"Version\":\"28.0.0\",\"ApiVersion\":\"1.48\"}"

/* An engine in a child: it answers one connection after the other, and hangs up. */
struct engine {
    char folder[32];
    char *url;
    pid_t pid;
};

/* Until the empty line, and the body of which the head speaks; what was asked is not looked at. */
static void read_request(int fd)
{
    char text[4096] = "";
    size_t len = 0, wanted = 0;

    while (wanted == 0 || len < wanted) {
        ssize_t got = read(fd, text + len, sizeof(text) - 1 - len);
        const char *end, *body;

        if (got <= 0) {
            return;
        }
        len += (size_t)got;
        text[len] = '\0';
        end = strstr(text, "\r\n\r\n");
        body = strstr(text, "Content-Length: ");
        if (end != NULL) {
            wanted = (size_t)(end - text) + 4;
            wanted += body == NULL ? 0 : strtoul(body + strlen("Content-Length: "), NULL, 10);
        }
    }
}

static void answer(int listener, const char *reply, size_t len, size_t step)
{
    int fd = accept(listener, NULL, NULL);

    read_request(fd);
    for (size_t at = 0; at < len; at += step) {
        (void)!write(fd, reply + at, step < len - at ? step : len - at);
    }
    close(fd);
}

static void engine_start(struct engine *engine, const char *reply, size_t len, size_t step)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(engine->folder, sizeof(engine->folder), "/tmp/session-XXXXXX");
    assert_non_null(mkdtemp(engine->folder));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock", engine->folder);
    engine->url = xasprintf("unix://%s", address.sun_path);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 4), 0);
    engine->pid = fork();
    if (engine->pid == 0) {
        alarm(GUARD_S);
        signal(SIGPIPE, SIG_IGN);
        answer(listener, VERSION, strlen(VERSION), sizeof(VERSION));
        answer(listener, reply, len, step);
        _exit(0);
    }
    close(listener);
}

static void engine_stop(struct engine *engine)
{
    auto_free char *path = xasprintf("%s/sock", engine->folder);

    assert_int_equal(waitpid(engine->pid, NULL, 0), engine->pid);
    unlink(path);
    rmdir(engine->folder);
    free(engine->url);
}

static size_t receive_all(struct engine_stream *stream, char *text, size_t size)
{
    size_t len = 0;

    for (;;) {
        size_t part = 0;

        switch (engine_stream_receive(stream, text + len, size - 1 - len, &part)) {
        case ENGINE_IO_DONE: len += part; break;
        case ENGINE_IO_AGAIN: break; /* soon */
        case ENGINE_IO_CLOSED: text[len] = '\0'; return len;
        }
    }
}

static void what_follows_an_upgrade_is_the_stream_wherever_it_is_cut(void **state)
{
    static const char reply[] = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
                                "\r\nhello\r\n\r\nworld";

    (void)state;
    for (size_t step = 1; step <= sizeof(reply); step += 6) {
        auto_owned(engine_stream) *stream = NULL;
        auto_done(engine_session) session = {0};
        struct engine engine;
        struct error err = {0};
        char text[64];

        engine_start(&engine, reply, strlen(reply), step);
        assert_int_equal(engine_session_open(&session, engine.url, NULL, &err), 0);
        assert_string_equal(session.version, "1.48");
        assert_int_equal(
            engine_session_upgrade(&session, docker_upgrade_exec("e1", false), &stream, &err), 0);
        assert_int_equal(receive_all(stream, text, sizeof(text)), strlen("hello\r\n\r\nworld"));
        assert_string_equal(text, "hello\r\n\r\nworld");
        engine_stop(&engine);
    }
}

static void a_refused_upgrade_says_why(void **state)
{
    static const struct {
        const char *reply;
        enum error_kind kind;
        const char *message; /* part of it */
    } rows[] = {
        {"HTTP/1.1 409 Conflict\r\ncontent-length: 33\r\n\r\n{\"message\":\"box is not "
         "running\"}\n\n",
         ERROR_CONFLICT, "box is not running"},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 27\r\n\r\n{\"message\":\"no such exec\"}\n",
         ERROR_NOT_FOUND, "no such exec"},
        {"HTTP/1.1 500 Oops\r\n\r\n", ERROR_TRANSIENT, "start command \"e1\""},
        {"HTTP/1.1 500 Oops\r\nContent-Length: 99999999999999\r\n\r\nx", ERROR_TRANSIENT,
         "start command \"e1\""},
        {"HTTP/1.1 500 Oops\r\nContent-Length: 500\r\n\r\n{\"message\":\"cut", ERROR_TRANSIENT,
         "start command \"e1\""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ERROR_TRANSIENT, "did not upgrade"},
        {"", ERROR_TRANSIENT, "it closed the connection"},
        {"HTTP/1.1 101 UPGRADED\r\n", ERROR_TRANSIENT, "it closed the connection"},
        {"SSH-2.0-OpenSSH\r\n\r\n", ERROR_TRANSIENT, "its answer is no HTTP"},
        {"HTTP/1.1 1x1 y\r\n\r\n", ERROR_TRANSIENT, "its answer is no HTTP"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct engine_stream *stream = NULL;
        auto_done(engine_session) session = {0};
        struct engine engine;
        struct error err = {0};

        engine_start(&engine, rows[i].reply, strlen(rows[i].reply), sizeof(VERSION));
        assert_int_equal(engine_session_open(&session, engine.url, NULL, &err), 0);
        assert_int_equal(
            engine_session_upgrade(&session, docker_upgrade_exec("e1", false), &stream, &err), -1);
        assert_null(stream);
        assert_int_equal(err.kind, rows[i].kind);
        if (strstr(err.message, rows[i].message) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", err.message, rows[i].message);
        }
        engine_stop(&engine);
    }
}

static void a_head_without_an_end_is_given_up(void **state)
{
    static char reply[100 << 10] = "HTTP/1.1 101 UPGRADED\r\n";
    struct engine_stream *stream = NULL;
    auto_done(engine_session) session = {0};
    struct engine engine;
    struct error err = {0};
    size_t len = strlen(reply);

    (void)state;
    memset(reply + len, 'x', sizeof(reply) - len);
    engine_start(&engine, reply, sizeof(reply), sizeof(reply));
    assert_int_equal(engine_session_open(&session, engine.url, NULL, &err), 0);
    assert_int_equal(
        engine_session_upgrade(&session, docker_upgrade_exec("e1", false), &stream, &err), -1);
    assert_int_equal(err.kind, ERROR_TRANSIENT);
    engine_stop(&engine);
}

static int on_data(void *user, const char *bytes, size_t len)
{
    return strbuf_append(user, bytes, len);
}

static void a_body_is_streamed_and_an_error_is_not(void **state)
{
    static const struct {
        const char *reply, *data;
        enum error_kind kind;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
         "abcde", ERROR_NONE},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 17\r\n\r\n{\"message\":\"who\"}", "",
         ERROR_NOT_FOUND},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "abc", ERROR_TRANSIENT},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabcdefghij", "", ERROR_TRANSIENT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        /* the last one is refused by who gets it */
        auto_done(strbuf) data = {.max_len = 9};
        auto_done(engine_session) session = {0};
        struct engine engine;
        struct error err = {0};

        engine_start(&engine, rows[i].reply, strlen(rows[i].reply), sizeof(VERSION));
        assert_int_equal(engine_session_open(&session, engine.url, NULL, &err), 0);
        assert_int_equal(engine_session_stream(&session, docker_stream_logs("web", -1, false),
                                               on_data, &data, &err),
                         rows[i].kind == ERROR_NONE ? 0 : -1);
        assert_int_equal(err.kind, rows[i].kind);
        assert_string_equal(strbuf_text(&data), rows[i].data);
        engine_stop(&engine);
    }
}

static void an_engine_that_is_not_there_is_named(void **state)
{
    struct engine_session session;
    struct error err = {0};

    (void)state;
    assert_int_equal(engine_session_open(&session, "unix:///no/such/sock", NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_TRANSIENT);
    assert_string_equal(err.reason, "EngineUnavailable");
    assert_non_null(
        strstr(err.message,
               "the engine at unix:///no/such/sock does not answer: No such file or directory;"));
}

static void without_a_url_the_environment_comes_before_the_fallback(void **state)
{
    struct engine_session session;
    struct error err = {0};

    (void)state;
    setenv("DOCKER_HOST", "unix:///of/the/environment", 1);
    assert_int_equal(engine_session_open(&session, NULL, "unix:///fallback", &err), -1);
    assert_non_null(strstr(err.message, "unix:///of/the/environment"));
    error_clear(&err);
    unsetenv("DOCKER_HOST");
    assert_int_equal(engine_session_open(&session, NULL, "unix:///fallback", &err), -1);
    assert_non_null(strstr(err.message, "unix:///fallback"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follows_an_upgrade_is_the_stream_wherever_it_is_cut),
        cmocka_unit_test(a_refused_upgrade_says_why),
        cmocka_unit_test(a_head_without_an_end_is_given_up),
        cmocka_unit_test(a_body_is_streamed_and_an_error_is_not),
        cmocka_unit_test(an_engine_that_is_not_there_is_named),
        cmocka_unit_test(without_a_url_the_environment_comes_before_the_fallback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

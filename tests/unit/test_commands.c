#include "controller/commands.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { MANY = 12 };

/* What was told about one command. */
struct outcome {
    unsigned calls;
    bool has_failed;
    char message[1024];
};

static void take(void *user, struct error *err)
{
    struct outcome *outcome = user;

    outcome->calls++;
    outcome->has_failed = err != NULL;
    snprintf(outcome->message, sizeof(outcome->message), "%s", err != NULL ? err->message : "");
}

static struct outcome run(const char *const *argv)
{
    struct outcome outcome = {0};
    struct commands *commands;
    uv_loop_t loop;

    uv_loop_init(&loop);
    commands = commands_new(&loop, 2);
    commands_run(commands, argv, take, &outcome);
    assert_int_equal(outcome.calls, 0); /* never from within */
    uv_run(&loop, UV_RUN_DEFAULT);
    commands_close(commands);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(outcome.calls, 1);
    return outcome;
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static void one_that_ends_well_is_done(void **state)
{
    (void)state;
    assert_false(RUN("true").has_failed);
    assert_false(RUN("/bin/sh", "-c", "echo noise; echo more >&2").has_failed);
}

static void one_that_fails_says_how_and_why(void **state)
{
    static const struct {
        const char *script, *part;
    } rows[] = {
        {"exit 3", "ended with exit status 3"},
        {"printf 'no such\\tunit\\n' >&2; exit 5", "exit status 5: no such unit"},
        {"kill -9 $$", "ended by signal 9"},
        {"head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1", "xxxxxxxx"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct outcome outcome = RUN("/bin/sh", "-c", rows[i].script);

        assert_true(outcome.has_failed);
        assert_non_null(strstr(outcome.message, rows[i].part));
        assert_true(strlen(outcome.message) < 700);
    }
    assert_non_null(strstr(RUN("/nowhere/at-all").message, "no such file"));
}

static void secrets_of_the_environment_are_not_handed_on(void **state)
{
    (void)state;
    setenv("BERTH_TEST_SECRET", "s3cret", 1);
    assert_non_null(
        strstr(RUN("/bin/sh", "-c", "env >&2; exit 1").message, "PATH=")); /* env is found by it */
    assert_null(strstr(RUN("/bin/sh", "-c", "env >&2; exit 1").message, "s3cret"));
}

static void many_are_run_a_few_at_a_time(void **state)
{
    static const char *const argv[] = {"true", NULL};
    struct outcome outcomes[MANY] = {{0}};
    struct commands *commands;
    uv_loop_t loop;

    (void)state;
    uv_loop_init(&loop);
    commands = commands_new(&loop, 2);
    for (size_t i = 0; i < MANY; i++) {
        commands_run(commands, argv, take, &outcomes[i]);
    }
    assert_int_equal(uv_loop_alive(&loop), 1);
    uv_run(&loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(outcomes[i].calls, 1);
        assert_false(outcomes[i].has_failed);
    }
    commands_close(commands);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void closing_waits_for_nobody_and_tells_nobody(void **state)
{
    static const char *const argv[] = {"sleep", "2", NULL};
    struct outcome outcomes[MANY] = {{0}};
    struct commands *commands;
    uv_loop_t loop;

    (void)state;
    uv_loop_init(&loop);
    commands = commands_new(&loop, 3);
    for (size_t i = 0; i < MANY; i++) {
        commands_run(commands, argv, take, &outcomes[i]);
    }
    uv_run(&loop, UV_RUN_NOWAIT);
    commands_close(commands);
    uv_run(&loop, UV_RUN_DEFAULT); /* ends: nothing is left */
    assert_int_equal(uv_loop_close(&loop), 0);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(outcomes[i].calls, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_ends_well_is_done),
        cmocka_unit_test(one_that_fails_says_how_and_why),
        cmocka_unit_test(secrets_of_the_environment_are_not_handed_on),
        cmocka_unit_test(many_are_run_a_few_at_a_time),
        cmocka_unit_test(closing_waits_for_nobody_and_tells_nobody),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

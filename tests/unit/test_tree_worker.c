#include "controller/tree_worker.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define RESULT                                                                                     \
    "echo 'R {\"method\":\"overlay\",\"message\":\"\",\"wasThere\":true,\"commit\":\"" COMMIT      \
    "\",\"branch\":\"main\",\"changes\":\"\",\"isDirty\":true,\"isUnpushed\":false,\"bytes\":5,"   \
    "\"files\":3}'\n"

enum { GUARD_MS = 20000, LONG_MS = 15000 };

/* A pool whose children are a shell script, in a folder of its own. */
struct fixture {
    char folder[64];
    char *program;
    uv_loop_t loop;
    uv_timer_t guard;
    struct tree_pool *pool;
    unsigned done;
};

/* What one job came to. */
struct outcome {
    struct fixture *fixture;
    struct tree_work *work;
    unsigned done_count;
    bool has_result;
    struct tree_result result;
    struct error failure;
    unsigned rank; /* 1: the first to be done */
};

static void on_guard(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("the test takes too long");
}

static void fixture_init(struct fixture *fixture, const char *script, unsigned concurrency,
                         uint64_t timeout_ms)
{
    struct tree_pool_options options = {.concurrency = concurrency, .timeout_ms = timeout_ms};
    auto_free char *text = NULL;
    struct error err = {0};

    *fixture = (struct fixture){.folder = "/tmp/test_tree_worker.XXXXXX"};
    assert_non_null(mkdtemp(fixture->folder));
    fixture->program = path_join(fixture->folder, "berth");
    text = xasprintf("#!/bin/sh\ncd %s\njob=$(cat)\n%s", fixture->folder, script);
    assert_int_equal(
        file_replace(AT_FDCWD, fixture->program, text, strlen(text), 0755, FILE_VISIBLE, &err), 0);
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    uv_timer_init(&fixture->loop, &fixture->guard);
    uv_timer_start(&fixture->guard, on_guard, GUARD_MS, 0);
    uv_unref((uv_handle_t *)&fixture->guard);
    options.loop = &fixture->loop;
    options.program = fixture->program;
    fixture->pool = tree_pool_new(&options);
}

static void fixture_done(struct fixture *fixture)
{
    struct error err = {0};

    tree_pool_free(fixture->pool);
    uv_close((uv_handle_t *)&fixture->guard, NULL);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0); /* EBUSY: a handle was left behind */
    assert_int_equal(tree_remove(fixture->folder, &err), 0);
    free(fixture->program);
}

static bool has_file(const struct fixture *fixture, const char *name)
{
    auto_free char *path = path_join(fixture->folder, name);

    return path_exists(path);
}

static char *read_text(const struct fixture *fixture, const char *name)
{
    auto_free char *path = path_join(fixture->folder, name);
    struct error err = {0};
    char *text = NULL;

    if (file_read(AT_FDCWD, path, 65536, &text, NULL, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return text;
}

static void make_file(const struct fixture *fixture, const char *name)
{
    auto_free char *path = path_join(fixture->folder, name);

    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static void on_done(void *user, const struct tree_result *result, struct error *err)
{
    struct outcome *outcome = user;

    outcome->done_count++;
    outcome->rank = ++outcome->fixture->done;
    outcome->has_result = result != NULL;
    if (result != NULL) {
        outcome->result = *result;
    } else {
        outcome->failure = *err;
        assert_string_equal(err->reason, "WorkspaceFailed");
        assert_int_not_equal(err->message[0], '\0');
    }
}

static void submit_job(struct fixture *fixture, struct outcome *outcome, const struct tree_job *job)
{
    *outcome = (struct outcome){.fixture = fixture};
    outcome->work = tree_pool_submit(fixture->pool, job, on_done, outcome);
}

static void submit(struct fixture *fixture, struct outcome *outcome, const char *name)
{
    const struct tree_job job = {
        .verb = TREE_REMOVE, .trees = "/r/trees", .layers = "/r/layers", .name = name};

    submit_job(fixture, outcome, &job);
}

/* Turns the loop until count jobs are done; the guard ends a test that hangs. */
static void run_until_done(struct fixture *fixture, unsigned count)
{
    while (fixture->done < count) {
        uv_run(&fixture->loop, UV_RUN_ONCE);
    }
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer; /* only so that the loop turns */
}

static void run_until_file(struct fixture *fixture, const char *name)
{
    uv_timer_t tick;

    uv_timer_init(&fixture->loop, &tick);
    while (!has_file(fixture, name)) {
        uv_timer_start(&tick, on_tick, 10, 0);
        uv_run(&fixture->loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

/* One job on one script, from start to end. */
static void run_script(const char *script, uint64_t timeout_ms, struct outcome *outcome)
{
    struct fixture fixture;

    fixture_init(&fixture, script, 1, timeout_ms);
    submit(&fixture, outcome, "a");
    run_until_done(&fixture, 1);
    fixture_done(&fixture);
    assert_int_equal(outcome->done_count, 1);
}

static void assert_fails(const char *script, uint64_t timeout_ms, const char *words)
{
    struct outcome outcome;

    run_script(script, timeout_ms, &outcome);
    assert_false(outcome.has_result);
    if (strstr(outcome.failure.message, words) == NULL) {
        fail_msg("%s", outcome.failure.message);
    }
}

/* --- one job ---------------------------------------------------------------------------------- */

static void a_job_tells_its_result(void **state)
{
    struct outcome outcome;

    (void)state;
    run_script(RESULT, LONG_MS, &outcome);
    assert_true(outcome.has_result);
    assert_string_equal(outcome.result.commit, COMMIT);
    assert_string_equal(outcome.result.branch, "main");
    assert_true(outcome.result.was_there && outcome.result.is_dirty);
    assert_int_equal(outcome.result.files, 3);
}

static void the_child_gets_its_verb_its_job_and_no_environment(void **state)
{
    const struct tree_job job = {.verb = TREE_MEASURE, .lowers = {"/l/1"}, .lower_count = 1};
    struct fixture fixture;
    struct outcome outcome;
    auto_free char *args = NULL;
    auto_free char *text = NULL;
    auto_free char *environment = NULL;

    (void)state;
    setenv("BERTH_TEST_SECRET", "do not tell", 1);
    fixture_init(&fixture,
                 "echo \"$@\" >args\nprintf %s \"$job\" >job\n"
                 "tr '\\0' '\\n' </proc/$$/environ >environment\n" RESULT,
                 1, LONG_MS);
    submit_job(&fixture, &outcome, &job);
    run_until_done(&fixture, 1);
    args = read_text(&fixture, "args");
    text = read_text(&fixture, "job");
    environment = read_text(&fixture, "environment");
    assert_string_equal(args, "tree-worker\n");
    assert_non_null(strstr(text, "\"verb\":\"measure\""));
    assert_non_null(strstr(text, "\"lowers\":[\"/l/1\"]"));
    assert_string_equal(environment, "");
    fixture_done(&fixture);
}

static void a_job_is_copied(void **state)
{
    char name[] = "first";
    struct fixture fixture;
    struct outcome outcome;
    auto_free char *text = NULL;

    (void)state;
    fixture_init(&fixture, "printf %s \"$job\" >job\n" RESULT, 1, LONG_MS);
    submit(&fixture, &outcome, name);
    memset(name, 'x', sizeof(name) - 1);
    run_until_done(&fixture, 1);
    text = read_text(&fixture, "job");
    assert_non_null(strstr(text, "\"name\":\"first\""));
    fixture_done(&fixture);
}

static void a_failure_is_told_in_its_own_words(void **state)
{
    struct outcome outcome;

    (void)state;
    run_script("echo 'E WorkspaceFailed no space left'\nexit 1\n", LONG_MS, &outcome);
    assert_false(outcome.has_result);
    assert_int_equal(outcome.failure.kind, ERROR_CONFLICT);
    assert_string_equal(outcome.failure.message, "no space left");
}

static void a_death_without_a_word_is_explained(void **state)
{
    (void)state;
    assert_fails("echo 'out of luck' >&2\nexit 7\n", LONG_MS, "status 7 and no word: out of luck");
    assert_fails("exit 0\n", LONG_MS, "status 0 and no word");
    assert_fails("kill -SEGV $$\n", LONG_MS, "signal 11 (Segmentation fault)");
    assert_fails("head -c 300000 /dev/zero | tr '\\0' y >&2\nexit 3\n", LONG_MS, "status 3");
}

static void nonsense_is_a_failure(void **state)
{
    (void)state;
    assert_fails("echo hello\n", LONG_MS, "\"hello\"");
    assert_fails("printf 'R x\\000x\\n'\n", LONG_MS, "no line");
    assert_fails("printf 'E WorkspaceFailed cut'\n", LONG_MS, "no line");
    assert_fails(RESULT RESULT, LONG_MS, "no meaning");
    assert_fails("head -c 100000 /dev/zero | tr '\\0' x\nexec sleep 60\n", LONG_MS,
                 "more than 8192 bytes");
}

static void what_takes_too_long_is_ended(void **state)
{
    (void)state;
    assert_fails("exec sleep 60\n", 200, "not done after 1 s");
    assert_fails(RESULT "exec sleep 60\n", 200, "not done after 1 s"); /* it may not be over */
}

static void a_child_that_leaves_its_pipes_to_another_is_done_all_the_same(void **state)
{
    struct outcome outcome;

    (void)state;
    run_script("setsid sleep 5 &\n" RESULT, LONG_MS, &outcome);
    assert_true(outcome.has_result);
}

static void a_program_that_is_not_there_is_a_failure(void **state)
{
    struct fixture fixture;
    struct outcome outcome;

    (void)state;
    fixture_init(&fixture, "", 1, LONG_MS);
    unlink(fixture.program);
    submit(&fixture, &outcome, "a");
    assert_int_equal(outcome.done_count, 0); /* never from within */
    run_until_done(&fixture, 1);
    assert_non_null(strstr(outcome.failure.message, "no such file"));
    fixture_done(&fixture);
}

static void a_job_that_is_none_fails_without_a_child(void **state)
{
    struct fixture fixture;
    struct outcome outcome;

    (void)state;
    fixture_init(&fixture, "echo >started\n" RESULT, 1, LONG_MS);
    submit(&fixture, &outcome, "Not A Name");
    assert_int_equal(outcome.done_count, 0);
    run_until_done(&fixture, 1);
    assert_int_equal(outcome.failure.kind, ERROR_INVALID);
    assert_false(has_file(&fixture, "started"));
    fixture_done(&fixture);
}

/* --- several jobs ----------------------------------------------------------------------------- */

/* Writes down how many run beside it: each has a file of its own while it runs. */
#define COUNTING                                                                                   \
    "touch run.$$\nset -- run.*\necho $# >>beside\nsleep 0.1\nset -- run.*\necho $# >>beside\n"    \
    "rm run.$$\n" RESULT

static unsigned most_beside(const struct fixture *fixture)
{
    auto_free char *text = read_text(fixture, "beside");
    unsigned most = 0;

    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        unsigned count = (unsigned)strtoul(line, NULL, 10);

        most = count > most ? count : most;
    }
    return most;
}

static void no_more_than_allowed_run_at_once_and_all_are_done(void **state)
{
    struct fixture fixture;
    struct outcome outcomes[7];

    (void)state;
    fixture_init(&fixture, COUNTING, 2, LONG_MS);
    for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
        char name[] = {'t', (char)('0' + i), '\0'};

        submit(&fixture, &outcomes[i], name);
    }
    run_until_done(&fixture, ARRAY_SIZE(outcomes));
    assert_in_range(most_beside(&fixture), 1, 2);
    for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
        assert_true(outcomes[i].has_result);
    }
    fixture_done(&fixture);
}

static void jobs_for_one_tree_run_one_after_the_other_in_order(void **state)
{
    struct fixture fixture;
    struct outcome outcomes[4];

    (void)state;
    fixture_init(&fixture, COUNTING, 4, LONG_MS);
    for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
        submit(&fixture, &outcomes[i], "same");
    }
    run_until_done(&fixture, ARRAY_SIZE(outcomes));
    assert_int_equal(most_beside(&fixture), 1);
    for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
        assert_int_equal(outcomes[i].rank, i + 1);
    }
    fixture_done(&fixture);
}

/* A job for "first" or for a probe waits for a file; others are quick. */
#define FIRST_WAITS                                                                                \
    "case $job in *first*|*probe*) touch started; while [ ! -e go ]; do sleep 0.02; done;; "       \
    "esac\n" RESULT

static void a_job_that_waits_for_its_tree_lets_others_go_ahead(void **state)
{
    struct fixture fixture;
    struct outcome first, second, other;

    (void)state;
    fixture_init(&fixture, FIRST_WAITS, 2, LONG_MS);
    submit(&fixture, &first, "first");
    submit(&fixture, &second, "first");
    submit(&fixture, &other, "other");
    run_until_done(&fixture, 1);
    assert_int_equal(other.rank, 1);
    make_file(&fixture, "go");
    run_until_done(&fixture, 3);
    assert_int_equal(first.rank, 2);
    assert_int_equal(second.rank, 3);
    fixture_done(&fixture);
}

static void trees_of_one_name_in_two_folders_have_nothing_to_do_with_each_other(void **state)
{
    const struct tree_job elsewhere = {
        .verb = TREE_REMOVE, .trees = "/other/trees", .layers = "/other/layers", .name = "same"};
    struct fixture fixture;
    struct outcome here, there;

    (void)state;
    fixture_init(&fixture,
                 "case $job in */r/trees*) while [ ! -e go ]; do sleep 0.02; done;; esac\n" RESULT,
                 2, LONG_MS);
    submit(&fixture, &here, "same");
    submit_job(&fixture, &there, &elsewhere);
    run_until_done(&fixture, 1);
    assert_int_equal(there.rank, 1);
    make_file(&fixture, "go");
    run_until_done(&fixture, 2);
    fixture_done(&fixture);
}

static void probe_and_share_of_one_folder_keep_their_order(void **state)
{
    const struct tree_job probe = {.verb = TREE_PROBE, .trees = "/r/trees"};
    const struct tree_job share = {.verb = TREE_SHARE, .trees = "/r/trees"};
    const struct tree_job other = {.verb = TREE_SHARE, .trees = "/other/trees"};
    struct fixture fixture;
    struct outcome outcomes[3];

    (void)state;
    fixture_init(&fixture, FIRST_WAITS, 3, LONG_MS);
    submit_job(&fixture, &outcomes[0], &probe);
    submit_job(&fixture, &outcomes[1], &share);
    submit_job(&fixture, &outcomes[2], &other);
    run_until_done(&fixture, 1);
    assert_int_equal(outcomes[2].rank, 1);
    make_file(&fixture, "go");
    run_until_done(&fixture, 3);
    assert_int_equal(outcomes[0].rank, 2);
    assert_int_equal(outcomes[1].rank, 3);
    fixture_done(&fixture);
}

static void jobs_about_no_tree_do_not_wait_for_each_other(void **state)
{
    const struct tree_job job = {.verb = TREE_MEASURE, .lowers = {"/l/1"}, .lower_count = 1};
    struct fixture fixture;
    struct outcome outcomes[2];

    (void)state;
    /* each waits until there are two */
    fixture_init(&fixture,
                 "touch run.$$\nwhile set -- run.*; [ $# -lt 2 ]; do sleep 0.02; done\n" RESULT, 2,
                 LONG_MS);
    submit_job(&fixture, &outcomes[0], &job);
    submit_job(&fixture, &outcomes[1], &job);
    run_until_done(&fixture, 2);
    assert_true(outcomes[0].has_result && outcomes[1].has_result);
    fixture_done(&fixture);
}

/* --- abandoning ------------------------------------------------------------------------------- */

static pid_t read_pid(const struct fixture *fixture, const char *name)
{
    auto_free char *text = read_text(fixture, name);

    return (pid_t)strtol(text, NULL, 10);
}

/* A process that is gone, or is a zombie that nobody has looked at yet. */
static bool is_dead(pid_t pid)
{
    auto_free char *path = xasprintf("/proc/%d/stat", (int)pid);
    auto_free char *text = NULL;
    struct error err = {0};
    const char *after_name;

    if (file_read(AT_FDCWD, path, 4096, &text, NULL, &err) < 0) {
        return true;
    }
    after_name = strrchr(text, ')');
    return after_name != NULL && after_name[1] == ' ' && after_name[2] == 'Z';
}

static void wait_until_dead(pid_t pid)
{
    uint64_t end_ms = clock_monotonic_ms() + GUARD_MS;

    while (!is_dead(pid)) {
        if (clock_monotonic_ms() > end_ms) {
            fail_msg("process %d lives on", (int)pid);
        }
        uv_sleep(5);
    }
}

/* Leaves a process of its group behind it, whose number is in "helper". */
#define WITH_HELPER                                                                                \
    "sleep 60 & echo $! >helper.new; echo $$ >leader; mv helper.new helper; wait\n" RESULT

static void an_abandoned_job_that_runs_goes_on_to_its_end_and_nobody_is_told(void **state)
{
    struct fixture fixture;
    struct outcome outcome, next;

    (void)state;
    fixture_init(&fixture, FIRST_WAITS "touch ended\n", 1, LONG_MS);
    submit(&fixture, &outcome, "first");
    run_until_file(&fixture, "started");
    tree_work_abandon(outcome.work);
    submit(&fixture, &next, "next");
    make_file(&fixture, "go");
    run_until_done(&fixture, 1);
    assert_true(next.has_result);
    assert_true(has_file(&fixture, "ended"));
    fixture_done(&fixture);
    assert_int_equal(outcome.done_count, 0);
}

static void an_abandoned_job_that_waits_is_forgotten(void **state)
{
    struct fixture fixture;
    struct outcome first, second, third;
    auto_free char *started = NULL;

    (void)state;
    fixture_init(&fixture, "echo x >>started\n" RESULT, 1, LONG_MS);
    submit(&fixture, &first, "a");
    submit(&fixture, &second, "b");
    submit(&fixture, &third, "c");
    tree_work_abandon(second.work);
    run_until_done(&fixture, 2);
    started = read_text(&fixture, "started");
    assert_string_equal(started, "x\nx\n");
    fixture_done(&fixture);
    assert_int_equal(second.done_count, 0);
}

static void a_job_that_nobody_asks_about_is_done(void **state)
{
    const struct tree_job job = {.verb = TREE_SHARE, .trees = "/r/trees"};
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RESULT "touch ended\n", 1, LONG_MS);
    assert_non_null(tree_pool_submit(fixture.pool, &job, NULL, NULL));
    run_until_file(&fixture, "ended");
    fixture_done(&fixture);
}

static void freeing_the_pool_kills_all_and_tells_nobody(void **state)
{
    struct fixture fixture;
    struct outcome running, waiting;
    pid_t leader, helper;

    (void)state;
    fixture_init(&fixture, WITH_HELPER, 1, LONG_MS);
    submit(&fixture, &running, "a");
    submit(&fixture, &waiting, "b");
    run_until_file(&fixture, "helper");
    leader = read_pid(&fixture, "leader");
    helper = read_pid(&fixture, "helper");
    fixture_done(&fixture);
    wait_until_dead(leader);
    wait_until_dead(helper);
    assert_int_equal(running.done_count, 0);
    assert_int_equal(waiting.done_count, 0);
}

static void free_pool(void *user, const struct tree_result *result, struct error *err)
{
    struct fixture *fixture = user;

    (void)result;
    (void)err;
    fixture->done++;
    tree_pool_free(TAKE(fixture->pool));
}

static void the_pool_may_be_freed_when_a_job_is_done(void **state)
{
    const struct tree_job job = {.verb = TREE_SHARE, .trees = "/r/trees"};
    struct fixture fixture;
    struct outcome waiting;

    (void)state;
    fixture_init(&fixture, RESULT, 1, LONG_MS);
    tree_pool_submit(fixture.pool, &job, free_pool, &fixture);
    submit(&fixture, &waiting, "b");
    run_until_done(&fixture, 1);
    fixture_done(&fixture);
    assert_int_equal(waiting.done_count, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_tells_its_result),
        cmocka_unit_test(the_child_gets_its_verb_its_job_and_no_environment),
        cmocka_unit_test(a_job_is_copied),
        cmocka_unit_test(a_failure_is_told_in_its_own_words),
        cmocka_unit_test(a_death_without_a_word_is_explained),
        cmocka_unit_test(nonsense_is_a_failure),
        cmocka_unit_test(what_takes_too_long_is_ended),
        cmocka_unit_test(a_child_that_leaves_its_pipes_to_another_is_done_all_the_same),
        cmocka_unit_test(a_program_that_is_not_there_is_a_failure),
        cmocka_unit_test(a_job_that_is_none_fails_without_a_child),
        cmocka_unit_test(no_more_than_allowed_run_at_once_and_all_are_done),
        cmocka_unit_test(jobs_for_one_tree_run_one_after_the_other_in_order),
        cmocka_unit_test(a_job_that_waits_for_its_tree_lets_others_go_ahead),
        cmocka_unit_test(trees_of_one_name_in_two_folders_have_nothing_to_do_with_each_other),
        cmocka_unit_test(probe_and_share_of_one_folder_keep_their_order),
        cmocka_unit_test(jobs_about_no_tree_do_not_wait_for_each_other),
        cmocka_unit_test(an_abandoned_job_that_runs_goes_on_to_its_end_and_nobody_is_told),
        cmocka_unit_test(an_abandoned_job_that_waits_is_forgotten),
        cmocka_unit_test(a_job_that_nobody_asks_about_is_done),
        cmocka_unit_test(freeing_the_pool_kills_all_and_tells_nobody),
        cmocka_unit_test(the_pool_may_be_freed_when_a_job_is_done),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

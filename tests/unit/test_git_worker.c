#include "controller/git_worker.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"

#include <errno.h>
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
    "echo 'R {\"headBranch\":\"main\",\"headCommit\":\"" COMMIT                                    \
    "\",\"receivedBytes\":1,\"found\":"                                                            \
    "[],\"configCommit\":\"\",\"treeFiles\":2,\"treeBytes\":3,\"hasSubmodules\":false,\"hasLfs\":" \
    "true}'\n"

enum { GUARD_MS = 20000, LONG_MS = 15000 };

/* A pool whose children are a shell script, in a folder of its own. */
struct fixture {
    char folder[64];
    char *program;
    uv_loop_t loop;
    uv_timer_t guard;
    struct git_pool *pool;
    unsigned done;
};

/* What one job came to. */
struct outcome {
    struct fixture *fixture;
    struct git_work *work;
    unsigned progress_count, done_count;
    struct git_progress progress;
    bool has_result, is_cancelled_by_progress;
    struct git_result result;
    struct error failure;
    unsigned rank; /* 1: the first to be done */
};

static void on_guard(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("the test takes too long");
}

static void fixture_init(struct fixture *fixture, const char *script, unsigned concurrency,
                         uint64_t stall_ms, uint64_t total_ms)
{
    struct git_pool_options options = {
        .concurrency = concurrency, .stall_ms = stall_ms, .total_ms = total_ms};
    auto_free char *text = NULL;
    struct error err = {0};

    *fixture = (struct fixture){.folder = "/tmp/test_git_worker.XXXXXX"};
    assert_non_null(mkdtemp(fixture->folder));
    fixture->program = path_join(fixture->folder, "berth");
    text = xasprintf("#!/bin/sh\ncd %s\njob=$(cat)\n%s", fixture->folder, script);
    assert_int_equal(
        file_replace(AT_FDCWD, fixture->program, text, strlen(text), 0755, FILE_VISIBLE, &err), 0);
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    uv_timer_init(&fixture->loop, &fixture->guard);
    uv_timer_start(&fixture->guard, on_guard, GUARD_MS, 0);
    uv_unref((uv_handle_t *)&fixture->guard);
    options.program = fixture->program;
    fixture->pool = git_pool_new(&fixture->loop, &options);
}

static void fixture_done(struct fixture *fixture)
{
    struct error err = {0};

    git_pool_close(fixture->pool);
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

static void on_progress(void *user, const struct git_progress *progress)
{
    struct outcome *outcome = user;

    outcome->progress_count++;
    outcome->progress = *progress;
    if (outcome->is_cancelled_by_progress) {
        git_work_cancel(outcome->work);
    }
}

static void on_done(void *user, const struct git_result *result, struct error *err)
{
    struct outcome *outcome = user;

    outcome->done_count++;
    outcome->rank = ++outcome->fixture->done;
    outcome->has_result = result != NULL;
    if (result != NULL) {
        outcome->result = *result;
    } else {
        outcome->failure = *err;
        assert_non_null(err->reason);
        assert_int_not_equal(err->message[0], '\0');
    }
}

static void submit(struct fixture *fixture, struct outcome *outcome, const char *mirror)
{
    const struct git_job job = {
        .url = "https://host/o/r.git", .mirror = mirror, .token = "s3cret", .max_bytes = 1};
    const struct git_handlers handlers = {on_progress, on_done, outcome};

    *outcome = (struct outcome){.fixture = fixture};
    outcome->work = git_pool_submit(fixture->pool, &job, &handlers);
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
static void run_script(const char *script, uint64_t stall_ms, struct outcome *outcome)
{
    struct fixture fixture;

    fixture_init(&fixture, script, 1, stall_ms, LONG_MS);
    submit(&fixture, outcome, "/m/a.git");
    run_until_done(&fixture, 1);
    fixture_done(&fixture);
    assert_int_equal(outcome->done_count, 1);
}

static void assert_fails(const char *script, uint64_t stall_ms, const char *reason,
                         const char *words)
{
    struct outcome outcome;

    run_script(script, stall_ms, &outcome);
    assert_false(outcome.has_result);
    if (!text_equal(outcome.failure.reason, reason) ||
        strstr(outcome.failure.message, words) == NULL) {
        fail_msg("%s: %s", outcome.failure.reason, outcome.failure.message);
    }
}

/* --- one job ---------------------------------------------------------------------------------- */

static void a_job_tells_of_its_progress_and_its_result(void **state)
{
    struct outcome outcome;

    (void)state;
    run_script("echo 'P 10 5 receiving'\n" RESULT, LONG_MS, &outcome);
    assert_true(outcome.has_result);
    assert_string_equal(outcome.result.head_commit, COMMIT);
    assert_string_equal(outcome.result.head_branch, "main");
    assert_int_equal(outcome.result.tree_files, 2);
    assert_true(outcome.result.has_lfs);
}

static void progress_is_told_while_the_job_runs(void **state)
{
    struct fixture fixture;
    struct outcome outcome;
    auto_free char *go = NULL;

    (void)state;
    fixture_init(&fixture,
                 "echo 'P 40 7 receiving'\nwhile [ ! -e go ]; do sleep 0.02; done\n" RESULT, 1,
                 LONG_MS, LONG_MS);
    submit(&fixture, &outcome, "/m/a.git");
    while (outcome.progress_count == 0) {
        uv_run(&fixture.loop, UV_RUN_ONCE);
    }
    assert_int_equal(outcome.done_count, 0);
    assert_int_equal(outcome.progress.percent, 40);
    assert_int_equal(outcome.progress.bytes, 7);
    go = path_join(fixture.folder, "go");
    close(open(go, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    run_until_done(&fixture, 1);
    assert_true(outcome.has_result);
    fixture_done(&fixture);
}

static void the_child_gets_its_verb_its_job_and_no_environment(void **state)
{
    struct fixture fixture;
    struct outcome outcome;
    auto_free char *args = NULL;
    auto_free char *job = NULL;
    auto_free char *environment = NULL;

    (void)state;
    setenv("BERTH_TEST_SECRET", "do not tell", 1);
    fixture_init(&fixture,
                 "echo \"$@\" >args\nprintf %s \"$job\" >job\n"
                 "tr '\\0' '\\n' </proc/$$/environ >environment\n" RESULT,
                 1, LONG_MS, LONG_MS);
    submit(&fixture, &outcome, "/m/a.git");
    run_until_done(&fixture, 1);
    args = read_text(&fixture, "args");
    job = read_text(&fixture, "job");
    environment = read_text(&fixture, "environment");
    assert_string_equal(args, "git-worker\n");
    assert_non_null(strstr(job, "\"url\":\"https://host/o/r.git\""));
    assert_non_null(strstr(job, "\"token\":\"s3cret\""));
    assert_string_equal(environment, "");
    fixture_done(&fixture);
}

static void a_failure_is_told_with_its_reason_and_without_secrets(void **state)
{
    struct outcome outcome;

    (void)state;
    run_script("echo 'E BranchNotFound no branch s3cret here'\nexit 1\n", LONG_MS, &outcome);
    assert_false(outcome.has_result);
    assert_int_equal(outcome.failure.kind, ERROR_INVALID);
    assert_string_equal(outcome.failure.reason, "BranchNotFound");
    assert_string_equal(outcome.failure.message, "no branch ****** here");
}

static void the_last_complaint_explains_a_death_without_a_word(void **state)
{
    (void)state;
    assert_fails("echo first >&2\necho 'out of s3cret luck' >&2\nexit 7\n", LONG_MS, "CloneFailed",
                 "status 7 and no word: out of ****** luck");
    assert_fails("exit 0\n", LONG_MS, "CloneFailed", "status 0 and no word");
}

static void a_death_by_signal_says_so(void **state)
{
    (void)state;
    assert_fails("echo 'P 1 1 receiving'\nkill -SEGV $$\n", LONG_MS, "CloneFailed",
                 "signal 11 (Segmentation fault)");
}

static void nonsense_ends_the_job(void **state)
{
    (void)state;
    assert_fails("echo hello\nexec sleep 60\n", LONG_MS, "CloneFailed", "\"hello\"");
    assert_fails("printf 'P 1 1 rec\\000x\\n'\nexec sleep 60\n", LONG_MS, "CloneFailed", "NUL");
    assert_fails("echo 'R {\"headBranch\":\"\",\"headCommit\":\"\",\"receivedBytes\":1,\"found\":[{"
                 "\"commit\":\"" COMMIT "\",\"message\":\"\"}],\"configCommit\":\"\",\"treeFiles\":"
                 "2,\"treeBytes\":3,\"hasSubmodules\":false,\"hasLfs\":true}'\nexec sleep 60\n",
                 LONG_MS, "CloneFailed", "asked for 0 revisions and told of 1");
    assert_fails("head -c 100000 /dev/zero | tr '\\0' x\nexec sleep 60\n", LONG_MS, "CloneFailed",
                 "more than 65536 bytes");
}

static void any_amount_of_complaints_is_borne(void **state)
{
    (void)state;
    assert_fails("head -c 300000 /dev/zero | tr '\\0' y >&2\nprintf '\\nthe end\\n' >&2\nexit 3\n",
                 LONG_MS, "CloneFailed", "status 3 and no word: the end");
}

static void silence_is_a_stall(void **state)
{
    (void)state;
    assert_fails("echo 'P 1 1 receiving'\nexec sleep 60\n", 200, "CloneStalled",
                 "https://host/o/r.git: nothing came for 1 s");
}

static void another_stall_time_is_for_jobs_that_begin_later(void **state)
{
    struct fixture fixture;
    struct outcome outcome;

    (void)state;
    fixture_init(&fixture, "exec sleep 60\n", 1, LONG_MS, LONG_MS);
    git_pool_set_stall(fixture.pool, 200);
    submit(&fixture, &outcome, "/m/a.git");
    run_until_done(&fixture, 1);
    assert_string_equal(outcome.failure.reason, "CloneStalled");
    fixture_done(&fixture);
}

static void progress_puts_the_stall_off_but_not_the_total_time(void **state)
{
    struct fixture fixture;
    struct outcome outcome;

    (void)state;
    fixture_init(&fixture, "while :; do echo 'P 1 1 receiving'; sleep 0.05; done\n", 1, 1000, 1600);
    submit(&fixture, &outcome, "/m/a.git");
    run_until_done(&fixture, 1);
    assert_false(outcome.has_result);
    assert_string_equal(outcome.failure.reason, "CloneStalled");
    assert_non_null(strstr(outcome.failure.message, "not done after 2 s"));
    fixture_done(&fixture);
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
    fixture_init(&fixture, "", 1, LONG_MS, LONG_MS);
    unlink(fixture.program);
    submit(&fixture, &outcome, "/m/a.git");
    assert_int_equal(outcome.done_count, 0); /* never from within */
    run_until_done(&fixture, 1);
    assert_string_equal(outcome.failure.reason, "CloneFailed");
    assert_non_null(strstr(outcome.failure.message, "no such file"));
    fixture_done(&fixture);
}

static void a_job_that_is_none_fails_without_a_child(void **state)
{
    struct fixture fixture;
    struct outcome outcome;

    (void)state;
    fixture_init(&fixture, "echo >started\n" RESULT, 1, LONG_MS, LONG_MS);
    submit(&fixture, &outcome, "not/absolute");
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
    fixture_init(&fixture, COUNTING, 2, LONG_MS, LONG_MS);
    for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
        char mirror[32];

        snprintf(mirror, sizeof(mirror), "/m/%zu.git", i);
        submit(&fixture, &outcomes[i], mirror);
    }
    run_until_done(&fixture, ARRAY_SIZE(outcomes));
    assert_in_range(most_beside(&fixture), 1, 2);
    for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
        assert_true(outcomes[i].has_result);
    }
    fixture_done(&fixture);
}

static void jobs_on_one_mirror_run_one_after_the_other_in_order(void **state)
{
    struct fixture fixture;
    struct outcome outcomes[4];

    (void)state;
    fixture_init(&fixture, COUNTING, 4, LONG_MS, LONG_MS);
    for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
        submit(&fixture, &outcomes[i], "/m/same.git");
    }
    run_until_done(&fixture, ARRAY_SIZE(outcomes));
    assert_int_equal(most_beside(&fixture), 1);
    for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
        assert_int_equal(outcomes[i].rank, i + 1);
    }
    fixture_done(&fixture);
}

/* The script of the first mirror waits for a file; the others are quick. */
#define FIRST_WAITS                                                                                \
    "case $job in *first.git*) touch started; while [ ! -e go ]; do sleep 0.02; done;; "           \
    "esac\n" RESULT

static void a_job_that_waits_for_its_mirror_lets_others_go_ahead(void **state)
{
    struct fixture fixture;
    struct outcome first, second, other;
    auto_free char *go = NULL;

    (void)state;
    fixture_init(&fixture, FIRST_WAITS, 2, LONG_MS, LONG_MS);
    submit(&fixture, &first, "/m/first.git");
    submit(&fixture, &second, "/m/first.git");
    submit(&fixture, &other, "/m/other.git");
    run_until_done(&fixture, 1);
    assert_int_equal(other.rank, 1);
    go = path_join(fixture.folder, "go");
    close(open(go, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    run_until_done(&fixture, 3);
    assert_int_equal(first.rank, 2);
    assert_int_equal(second.rank, 3);
    fixture_done(&fixture);
}

/* --- cancelling ------------------------------------------------------------------------------- */

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

static void a_cancelled_job_dies_with_its_group_and_nobody_is_told(void **state)
{
    struct fixture fixture;
    struct outcome outcome, next;

    (void)state;
    fixture_init(&fixture, "case $job in *next*) " RESULT ";; *) " WITH_HELPER ";; esac\n", 1,
                 LONG_MS, LONG_MS);
    submit(&fixture, &outcome, "/m/a.git");
    submit(&fixture, &next, "/m/next.git");
    run_until_file(&fixture, "helper");
    git_work_cancel(outcome.work);
    run_until_done(&fixture, 1);
    assert_int_equal(next.rank, 1);
    assert_int_equal(outcome.done_count, 0);
    wait_until_dead(read_pid(&fixture, "leader"));
    wait_until_dead(read_pid(&fixture, "helper"));
    fixture_done(&fixture);
    assert_int_equal(outcome.done_count, 0);
}

static void a_job_may_be_cancelled_by_its_own_progress(void **state)
{
    struct fixture fixture;
    struct outcome outcome, next;

    (void)state;
    fixture_init(&fixture,
                 "case $job in *next*) ;; *) echo 'P 1 1 receiving'; sleep 60;; esac\n" RESULT, 1,
                 LONG_MS, LONG_MS);
    submit(&fixture, &outcome, "/m/a.git");
    outcome.is_cancelled_by_progress = true;
    submit(&fixture, &next, "/m/next.git");
    run_until_done(&fixture, 1);
    assert_int_equal(outcome.progress_count, 1);
    assert_int_equal(outcome.done_count, 0);
    assert_int_equal(next.rank, 1);
    fixture_done(&fixture);
}

static void a_waiting_job_can_be_cancelled(void **state)
{
    struct fixture fixture;
    struct outcome first, second, third;

    (void)state;
    fixture_init(&fixture, "echo >>started\n" RESULT, 1, LONG_MS, LONG_MS);
    submit(&fixture, &first, "/m/1.git");
    submit(&fixture, &second, "/m/2.git");
    submit(&fixture, &third, "/m/3.git");
    git_work_cancel(second.work);
    run_until_done(&fixture, 2);
    assert_int_equal(first.rank, 1);
    assert_int_equal(third.rank, 2);
    fixture_done(&fixture);
    assert_int_equal(second.done_count, 0);
}

static void closing_the_pool_kills_all_and_tells_nobody(void **state)
{
    struct fixture fixture;
    struct outcome running, waiting;
    pid_t leader, helper;

    (void)state;
    fixture_init(&fixture, WITH_HELPER, 1, LONG_MS, LONG_MS);
    submit(&fixture, &running, "/m/1.git");
    submit(&fixture, &waiting, "/m/2.git");
    run_until_file(&fixture, "helper");
    leader = read_pid(&fixture, "leader");
    helper = read_pid(&fixture, "helper");
    fixture_done(&fixture);
    wait_until_dead(leader);
    wait_until_dead(helper);
    assert_int_equal(running.done_count, 0);
    assert_int_equal(waiting.done_count, 0);
}

static void close_pool(void *user, const struct git_result *result, struct error *err)
{
    struct fixture *fixture = user;

    (void)result;
    (void)err;
    fixture->done++;
    git_pool_close(TAKE(fixture->pool));
}

static void the_pool_may_be_closed_when_a_job_is_done(void **state)
{
    const struct git_job job = {.url = "git://h/r", .mirror = "/m/a.git"};
    struct fixture fixture;
    struct outcome waiting;

    (void)state;
    fixture_init(&fixture, RESULT, 1, LONG_MS, LONG_MS);
    git_pool_submit(fixture.pool, &job,
                    &(const struct git_handlers){.on_done = close_pool, .user = &fixture});
    submit(&fixture, &waiting, "/m/b.git");
    run_until_done(&fixture, 1);
    fixture_done(&fixture);
    assert_int_equal(waiting.done_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_tells_of_its_progress_and_its_result),
        cmocka_unit_test(progress_is_told_while_the_job_runs),
        cmocka_unit_test(the_child_gets_its_verb_its_job_and_no_environment),
        cmocka_unit_test(a_failure_is_told_with_its_reason_and_without_secrets),
        cmocka_unit_test(the_last_complaint_explains_a_death_without_a_word),
        cmocka_unit_test(a_death_by_signal_says_so),
        cmocka_unit_test(nonsense_ends_the_job),
        cmocka_unit_test(any_amount_of_complaints_is_borne),
        cmocka_unit_test(silence_is_a_stall),
        cmocka_unit_test(another_stall_time_is_for_jobs_that_begin_later),
        cmocka_unit_test(progress_puts_the_stall_off_but_not_the_total_time),
        cmocka_unit_test(a_child_that_leaves_its_pipes_to_another_is_done_all_the_same),
        cmocka_unit_test(a_program_that_is_not_there_is_a_failure),
        cmocka_unit_test(a_job_that_is_none_fails_without_a_child),
        cmocka_unit_test(no_more_than_allowed_run_at_once_and_all_are_done),
        cmocka_unit_test(jobs_on_one_mirror_run_one_after_the_other_in_order),
        cmocka_unit_test(a_job_that_waits_for_its_mirror_lets_others_go_ahead),
        cmocka_unit_test(a_cancelled_job_dies_with_its_group_and_nobody_is_told),
        cmocka_unit_test(a_job_may_be_cancelled_by_its_own_progress),
        cmocka_unit_test(a_waiting_job_can_be_cancelled),
        cmocka_unit_test(closing_the_pool_kills_all_and_tells_nobody),
        cmocka_unit_test(the_pool_may_be_closed_when_a_job_is_done),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

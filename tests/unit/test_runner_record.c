#include "clients/runner_record.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define START "version=1\npid=17\nstarted_ms=1700000000123\n"
#define EXIT                                                                                       \
    "version=1\noutcome=exited\nexit_code=3\nsignal=0\nstarted_ms=1700000000123\n"                 \
    "finished_ms=1700000004567\nlog_truncated=0\nmessage=\n"

/* --- parsing --- */

static void a_start_record_says_who_runs_since_when(void **state)
{
    struct runner_start start;
    struct error err = {0};

    (void)state;
    assert_int_equal(runner_start_parse(START, strlen(START), &start, &err), 0);
    assert_int_equal(start.pid, 17);
    assert_int_equal(start.started_wall_ms, 1700000000123);
}

static void an_exit_record_says_how_it_ended(void **state)
{
    static const char text[] =
        "version=1\noutcome=timed-out\nexit_code=137\nsignal=9\nstarted_ms=5\n"
        "finished_ms=70\nlog_truncated=1\nmessage=too slow\nlater=x=y\n";
    struct runner_exit record;
    struct error err = {0};

    (void)state;
    assert_int_equal(runner_exit_parse(text, strlen(text), &record, &err), 0);
    assert_int_equal(record.outcome, RUNNER_TIMED_OUT);
    assert_int_equal(record.exit_code, 137);
    assert_int_equal(record.signal, 9);
    assert_int_equal(record.started_wall_ms, 5);
    assert_int_equal(record.finished_wall_ms, 70);
    assert_true(record.is_log_truncated);
    assert_string_equal(record.message, "too slow");
}

/* Records of a runner that did not know these keys are as good. */
static void guard_and_oom_are_told_where_the_runner_tells_them(void **state)
{
    static const struct {
        const char *line;
        int result;
        bool is_set;
    } starts[] = {
        {"", 0, false},          {"guard=landlock\n", 0, true}, {"guard=none\n", 0, false},
        {"guard=\n", -1, false}, {"guard=yes\n", -1, false},
    };
    static const struct {
        const char *line;
        int result;
        bool is_set;
    } exits[] = {
        {"", 0, false},        {"oom=1\n", 0, true},   {"oom=0\n", 0, false},
        {"oom=\n", -1, false}, {"oom=2\n", -1, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
        auto_free char *text = xasprintf("%s%s", START, starts[i].line);
        struct runner_start start = {0};
        struct error err = {0};

        assert_int_equal(runner_start_parse(text, strlen(text), &start, &err), starts[i].result);
        assert_int_equal(start.is_guarded, starts[i].is_set);
    }
    for (size_t i = 0; i < ARRAY_SIZE(exits); i++) {
        auto_free char *text = xasprintf("%s%s", EXIT, exits[i].line);
        struct runner_exit record = {0};
        struct error err = {0};

        assert_int_equal(runner_exit_parse(text, strlen(text), &record, &err), exits[i].result);
        assert_int_equal(record.is_oom_killed, exits[i].is_set);
    }
}

static void every_outcome_has_its_word(void **state)
{
    static const struct {
        const char *word;
        enum runner_outcome outcome;
    } rows[] = {
        {"exited", RUNNER_EXITED},
        {"timed-out", RUNNER_TIMED_OUT},
        {"stopped", RUNNER_STOPPED},
        {"not-started", RUNNER_NOT_STARTED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct runner_exit record;
        struct error err = {0};
        char text[256];
        int len = snprintf(text, sizeof(text),
                           "version=1\noutcome=%s\nexit_code=0\nsignal=0\nstarted_ms=0\n"
                           "finished_ms=0\nlog_truncated=0\nmessage=\n",
                           rows[i].word);

        assert_int_equal(runner_exit_parse(text, (size_t)len, &record, &err), 0);
        assert_int_equal(record.outcome, rows[i].outcome);
    }
}

struct damage {
    const char *text;
    const char *reason;
};

#define EXIT_WITH(version, outcome, code, signal, started, truncated)                              \
    "version=" version "\noutcome=" outcome "\nexit_code=" code "\nsignal=" signal                 \
    "\nstarted_ms=" started "\nfinished_ms=9\nlog_truncated=" truncated "\nmessage=\n"

static void a_damaged_start_record_is_refused_with_a_reason(void **state)
{
    static const struct damage rows[] = {
        {"", "\"version\" is missing"},
        {"\n", "line 1 has no \"=\""},
        {"version=1\nhello\n", "line 2 has no \"=\""},
        {"version=1\npid=1\nstarted_ms=1", "line 3 is cut off"},
        {"version=1\nstarted_ms=1\n", "\"pid\" is missing"},
        {"version=1\npid=1\n", "\"started_ms\" is missing"},
        {"version=2\npid=1\nstarted_ms=1\n", "\"version\" is not a number in 1..1"},
        {"version=1\npid=1\npid=2\nstarted_ms=1\n", "\"pid\" is there twice"},
        {"version=1\npid=0\nstarted_ms=1\n", "\"pid\" is not a number in 1..2147483647"},
        {"version=1\npid=2147483648\nstarted_ms=1\n", "\"pid\" is not a number"},
        {"version=1\npid=-1\nstarted_ms=1\n", "\"pid\" is not a number"},
        {"version=1\npid= 1\nstarted_ms=1\n", "\"pid\" is not a number"},
        {"version=1\npid=1x\nstarted_ms=1\n", "\"pid\" is not a number"},
        {"version=1\npid=\nstarted_ms=1\n", "\"pid\" is not a number"},
        {"version=1\npid=1\nstarted_ms=253402300800000\n", "\"started_ms\" is not a number"},
        {"version=1\npid=1\nstarted_ms=99999999999999999999999999\n",
         "\"started_ms\" is not a number"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct runner_start start = {.pid = 42};
        struct error err = {0};

        assert_int_equal(runner_start_parse(rows[i].text, strlen(rows[i].text), &start, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        if (strstr(err.message, rows[i].reason) == NULL) {
            fail_msg("\"%s\" is not in \"%s\"", rows[i].reason, err.message);
        }
        assert_int_equal(start.pid, 42); /* untouched */
    }
}

static void a_damaged_exit_record_is_refused_with_a_reason(void **state)
{
    static const struct damage rows[] = {
        {START, "\"outcome\" is missing"},
        {EXIT_WITH("0", "exited", "0", "0", "1", "0"), "\"version\" is not"},
        {EXIT_WITH("1", "Exited", "0", "0", "1", "0"), "\"outcome\" is none of"},
        {EXIT_WITH("1", "", "0", "0", "1", "0"), "\"outcome\" is none of"},
        {EXIT_WITH("1", "exited", "256", "0", "1", "0"), "\"exit_code\" is not a number in 0..255"},
        {EXIT_WITH("1", "exited", "-1", "0", "1", "0"), "\"exit_code\" is not"},
        {EXIT_WITH("1", "exited", "0", "128", "1", "0"), "\"signal\" is not a number in 0..127"},
        {EXIT_WITH("1", "exited", "0", "0", "x", "0"), "\"started_ms\" is not"},
        {EXIT_WITH("1", "exited", "0", "0", "1", "2"), "\"log_truncated\" is not"},
        {EXIT_WITH("1", "exited", "0", "0", "1", "true"), "\"log_truncated\" is not"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct runner_exit record = {.exit_code = 42};
        struct error err = {0};

        assert_int_equal(runner_exit_parse(rows[i].text, strlen(rows[i].text), &record, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        if (strstr(err.message, rows[i].reason) == NULL) {
            fail_msg("\"%s\" is not in \"%s\"", rows[i].reason, err.message);
        }
        assert_int_equal(record.exit_code, 42);
    }
}

static void a_number_with_a_nul_in_it_is_no_number(void **state)
{
    static const char text[] = "version=1\npid=1\0002\nstarted_ms=1\n";
    struct runner_start start;
    struct error err = {0};

    (void)state;
    assert_int_equal(runner_start_parse(text, sizeof(text) - 1, &start, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
}

static void a_record_larger_than_64_kib_is_refused(void **state)
{
    size_t len = (size_t)64 * 1024 + 1;
    auto_free char *text = malloc(len);
    struct runner_start start;
    struct error err = {0};

    (void)state;
    assert_non_null(text);
    memcpy(text, START "filler=", strlen(START "filler="));
    memset(text + strlen(START "filler="), 'x', len - strlen(START "filler="));
    text[len - 2] = '\n';
    assert_int_equal(runner_start_parse(text, len - 1, &start, &err), 0);
    text[len - 2] = 'x';
    text[len - 1] = '\n';
    assert_int_equal(runner_start_parse(text, len, &start, &err), -1);
    assert_non_null(strstr(err.message, "larger than 65536 bytes"));
}

static void parse_message(const char *message, size_t len, struct runner_exit *ret)
{
    char text[1024];
    static const char head[] = "version=1\noutcome=not-started\nexit_code=127\nsignal=0\n"
                               "started_ms=0\nfinished_ms=0\nlog_truncated=0\nmessage=";
    struct error err = {0};

    assert_true(sizeof(head) + len < sizeof(text));
    memcpy(text, head, strlen(head));
    memcpy(text + strlen(head), message, len);
    text[strlen(head) + len] = '\n';
    assert_int_equal(runner_exit_parse(text, strlen(head) + len + 1, ret, &err), 0);
}

static void a_message_is_cleaned_and_cut_at_a_character(void **state)
{
    char euros[3 * 100];
    struct runner_exit record;

    (void)state;
    parse_message("exec \"größe\": =\tok", strlen("exec \"größe\": =\tok"), &record);
    assert_string_equal(record.message, "exec \"größe\": =?ok");
    parse_message("a\0b\033[31m\x7f", 8, &record);
    assert_string_equal(record.message, "a?b?[31m");
    parse_message("gr\xf6\xdf\x65", 5, &record); /* not UTF-8 */
    assert_string_equal(record.message, "gr??e");
    for (size_t i = 0; i < sizeof(euros); i += 3) {
        memcpy(euros + i, "\xe2\x82\xac", 3);
    }
    parse_message(euros, sizeof(euros), &record);
    assert_int_equal(strlen(record.message), 255);
    assert_memory_equal(record.message, euros, 255);
    parse_message("x", 1, &record);
    memmove(euros + 1, euros, sizeof(euros) - 1);
    euros[0] = 'x';
    parse_message(euros, sizeof(euros) - 2, &record);
    assert_int_equal(strlen(record.message), 253); /* x and 84 whole characters */
    assert_memory_equal(record.message, euros, 253);
}

/* --- looking --- */

struct folder {
    char path[64];
    int tasks_fd;
};

static int set_up_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof(*folder));
    char task[128];

    if (folder == NULL) {
        return -1;
    }
    snprintf(folder->path, sizeof(folder->path), "/tmp/test_runner_record.XXXXXX");
    if (mkdtemp(folder->path) == NULL) {
        return -1;
    }
    snprintf(task, sizeof(task), "%s/build", folder->path);
    folder->tasks_fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = folder;
    return folder->tasks_fd < 0 || mkdir(task, 0755) < 0 ? -1 : 0;
}

static int tear_down_folder(void **state)
{
    struct folder *folder = *state;
    struct error err = {0};
    int result = tree_remove(folder->path, &err);

    close(folder->tasks_fd);
    free(folder);
    return result;
}

/* Returns the descriptor that it was written with. */
static int write_file(const struct folder *folder, const char *name, const char *text, size_t len)
{
    int fd = openat(folder->tasks_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    return fd;
}

static void put(const struct folder *folder, const char *name, const char *text)
{
    close(write_file(folder, name, text, strlen(text)));
}

struct look {
    enum runner_attempt_state state;
    struct runner_start start;
    struct runner_exit exit;
};

static struct look look_at(const struct folder *folder, const char *task, unsigned attempt)
{
    struct look look;
    struct error err = {0};

    memset(&look, 0xff, sizeof(look));
    alarm(10); /* whatever is in a record's place, nothing waits for it */
    if (runner_attempt_look(folder->tasks_fd, task, attempt, &look.state, &look.start, &look.exit,
                            &err) < 0) {
        fail_msg("%s", err.message);
    }
    alarm(0);
    assert_int_equal(err.kind, ERROR_NONE);
    return look;
}

static void an_attempt_without_records_is_absent(void **state)
{
    struct look look = look_at(*state, "build", 1);

    assert_int_equal(look.state, RUNNER_ATTEMPT_ABSENT);
    assert_int_equal(look.start.pid, 0);
    assert_int_equal(look_at(*state, "unknown", 1).state, RUNNER_ATTEMPT_ABSENT);
    put(*state, "build/1.start", START);
    put(*state, "build/.2.start.0123456789abcdef", START);
    put(*state, "build/3.log", "hello\n");
    assert_int_equal(look_at(*state, "build", 2).state, RUNNER_ATTEMPT_ABSENT);
    assert_int_equal(look_at(*state, "build", 3).state, RUNNER_ATTEMPT_ABSENT);
}

static void a_locked_start_record_is_running_until_the_lock_goes(void **state)
{
    int fd = write_file(*state, "build/1.start", START, strlen(START));
    struct look look;

    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    for (int i = 0; i < 3; i++) { /* looking changes nothing */
        look = look_at(*state, "build", 1);
        assert_int_equal(look.state, RUNNER_ATTEMPT_RUNNING);
        assert_int_equal(look.start.pid, 17);
        assert_int_equal(look.start.started_wall_ms, 1700000000123);
        assert_int_equal(look.exit.finished_wall_ms, 0);
    }
    close(fd);
    look = look_at(*state, "build", 1);
    assert_int_equal(look.state, RUNNER_ATTEMPT_LOST);
    assert_int_equal(look.start.pid, 17);
    fd = openat(((struct folder *)*state)->tasks_fd, "build/1.start", O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0); /* no look keeps the lock */
    close(fd);
}

static void an_exit_record_ends_an_attempt_also_while_the_lock_is_held(void **state)
{
    int fd = write_file(*state, "build/7.start", START, strlen(START));
    struct look look;

    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    put(*state, "build/7.exit", EXIT);
    look = look_at(*state, "build", 7);
    assert_int_equal(look.state, RUNNER_ATTEMPT_ENDED);
    assert_int_equal(look.start.pid, 17);
    assert_int_equal(look.exit.exit_code, 3);
    assert_int_equal(look.exit.finished_wall_ms, 1700000004567);
    close(fd);
    assert_int_equal(look_at(*state, "build", 7).state, RUNNER_ATTEMPT_ENDED);
}

static void an_exit_record_alone_still_says_that_it_ended(void **state)
{
    struct look look;

    put(*state, "build/1.exit", EXIT);
    look = look_at(*state, "build", 1);
    assert_int_equal(look.state, RUNNER_ATTEMPT_ENDED);
    assert_int_equal(look.start.pid, 0);
    assert_int_equal(look.start.started_wall_ms, 1700000000123);
}

static void a_damaged_exit_record_counts_as_none(void **state)
{
    int fd = write_file(*state, "build/1.start", START, strlen(START));

    put(*state, "build/1.exit", "version=1\nexit_co");
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(look_at(*state, "build", 1).state, RUNNER_ATTEMPT_RUNNING);
    close(fd);
    assert_int_equal(look_at(*state, "build", 1).state, RUNNER_ATTEMPT_LOST);
    put(*state, "build/2.exit", "");
    assert_int_equal(look_at(*state, "build", 2).state, RUNNER_ATTEMPT_LOST);
}

static void a_damaged_start_record_is_lost(void **state)
{
    int fd = write_file(*state, "build/1.start", "pid=1\n", 6);

    assert_int_equal(look_at(*state, "build", 1).state, RUNNER_ATTEMPT_LOST);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(look_at(*state, "build", 1).state, RUNNER_ATTEMPT_LOST);
    assert_int_equal(look_at(*state, "build", 1).start.pid, 0);
    close(fd);
}

static void a_huge_record_is_not_read(void **state)
{
    int fd = write_file(*state, "build/1.start", START, strlen(START));

    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    close(fd);
    fd = write_file(*state, "build/1.exit", EXIT, strlen(EXIT));
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    close(fd);
    assert_int_equal(look_at(*state, "build", 1).state, RUNNER_ATTEMPT_LOST);
}

/* Puts something that is no regular file at the path; false: not allowed to us. */
static bool put_fifo(int dir_fd, const char *path)
{
    return mkfifoat(dir_fd, path, 0644) == 0;
}

static bool put_directory(int dir_fd, const char *path)
{
    return mkdirat(dir_fd, path, 0755) == 0;
}

static bool put_link_to_a_record(int dir_fd, const char *path)
{
    const char *target = strstr(path, "start") != NULL ? "good.start" : "good.exit";

    return symlinkat(target, dir_fd, path) == 0;
}

static bool put_link_to_nowhere(int dir_fd, const char *path)
{
    return symlinkat("nowhere", dir_fd, path) == 0;
}

static bool put_link_to_itself(int dir_fd, const char *path)
{
    return symlinkat(strrchr(path, '/') + 1, dir_fd, path) == 0;
}

static bool put_socket(int dir_fd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir_fd, path);
    return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

/* Of a driver that does not exist: opening it would be an error, so it shows who tries. */
static bool put_device(int dir_fd, const char *path)
{
    return mknodat(dir_fd, path, S_IFCHR | 0666, makedev(511, 0)) == 0 || geteuid() != 0;
}

static void what_is_no_regular_file_is_damage_and_is_never_opened(void **state)
{
    static bool (*const rows[])(int dir_fd, const char *path) = {
        put_fifo,           put_directory, put_link_to_a_record, put_link_to_nowhere,
        put_link_to_itself, put_socket,    put_device,
    };
    const struct folder *folder = *state;

    put(folder, "build/good.start", START);
    put(folder, "build/good.exit", EXIT);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        unsigned attempt = 2 * i + 1;
        char name[64];

        snprintf(name, sizeof(name), "build/%u.start", attempt);
        assert_true(rows[i](folder->tasks_fd, name));
        if (faccessat(folder->tasks_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
            continue; /* a device, and we are not root */
        }
        assert_int_equal(look_at(folder, "build", attempt).state, RUNNER_ATTEMPT_LOST);

        snprintf(name, sizeof(name), "build/%u.start", attempt + 1);
        put(folder, name, START);
        snprintf(name, sizeof(name), "build/%u.exit", attempt + 1);
        assert_true(rows[i](folder->tasks_fd, name));
        assert_int_equal(look_at(folder, "build", attempt + 1).state, RUNNER_ATTEMPT_LOST);
    }
}

static void what_is_no_directory_is_damage_too(void **state)
{
    const struct folder *folder = *state;

    put(folder, "build/1.exit", EXIT);
    assert_int_equal(symlinkat("build", folder->tasks_fd, "linked"), 0);
    assert_int_equal(mkfifoat(folder->tasks_fd, "fifo", 0644), 0);
    put(folder, "file", "hello\n");
    assert_int_equal(look_at(folder, "linked", 1).state, RUNNER_ATTEMPT_LOST);
    assert_int_equal(look_at(folder, "fifo", 1).state, RUNNER_ATTEMPT_LOST);
    assert_int_equal(look_at(folder, "file", 1).state, RUNNER_ATTEMPT_LOST);
}

static void too_many_open_files_is_an_error_and_no_state(void **state)
{
    const struct folder *folder = *state;
    enum runner_attempt_state found = RUNNER_ATTEMPT_ENDED;
    struct runner_start start = {.pid = 42};
    struct runner_exit end = {.exit_code = 42};
    struct rlimit before, none;
    int next_fd = dup(folder->tasks_fd);

    put(folder, "build/1.start", START);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    close(next_fd);
    for (int room = 0; room < 3; room++) { /* for the directory, the record, and reading it */
        struct error err = {0};

        none = (struct rlimit){.rlim_cur = (rlim_t)(next_fd + room), .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        int result = runner_attempt_look(folder->tasks_fd, "build", 1, &found, &start, &end, &err);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(result, -1);
        assert_int_equal(err.kind, ERROR_TRANSIENT);
        assert_non_null(strstr(err.message, "look at attempt 1 of task \"build\""));
    }
    assert_int_equal(found, RUNNER_ATTEMPT_ENDED);
    assert_int_equal(start.pid, 42);
    assert_int_equal(end.exit_code, 42);
}

/* --- what the runner writes (BERTH_RUNNER, set by `make test`) is what is read here --- */

static pid_t start_runner(const struct folder *folder, const char *attempt, const char *command)
{
    char *runner = getenv("BERTH_RUNNER");
    char dir[128];
    pid_t pid;

    if (runner == NULL) {
        skip();
    }
    snprintf(dir, sizeof(dir), "%s/build", folder->path);
    pid = fork();
    if (pid == 0) {
        execl(runner, runner, "run", "--dir", dir, "--attempt", attempt, "--", runner, command,
              (char *)NULL);
        _exit(99);
    }
    assert_true(pid > 0);
    return pid;
}

static int wait_for(pid_t pid)
{
    int status = -1;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/*
 * At most ten seconds; for the first look on which the attempt is not in the state that it leaves.
 */
static struct look look_until_not(const struct folder *folder, unsigned attempt,
                                  enum runner_attempt_state left)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    struct look look = look_at(folder, "build", attempt);

    for (int i = 0; i < 2000 && look.state == left; i++) {
        nanosleep(&pause, NULL);
        look = look_at(folder, "build", attempt);
    }
    return look;
}

static void the_runners_own_records_are_understood(void **state)
{
    int64_t before = clock_wall_ms();
    struct look look;
    pid_t pid;

    assert_int_equal(wait_for(start_runner(*state, "1", "version")), 0);
    look = look_at(*state, "build", 1);
    assert_int_equal(look.state, RUNNER_ATTEMPT_ENDED);
    assert_int_equal(look.exit.outcome, RUNNER_EXITED);
    assert_int_equal(look.exit.exit_code, 0);
    assert_true(look.start.started_wall_ms >= before);
    assert_int_equal(look.exit.started_wall_ms, look.start.started_wall_ms);
    assert_true(look.exit.finished_wall_ms >= look.exit.started_wall_ms);
    assert_string_equal(look.exit.message, "");

    pid = start_runner(*state, "2", "idle");
    look = look_until_not(*state, 2, RUNNER_ATTEMPT_ABSENT);
    assert_int_equal(look.state, RUNNER_ATTEMPT_RUNNING);
    assert_int_equal(look.start.pid, pid);
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_not_equal(wait_for(pid), 99);
    look = look_at(*state, "build", 2);
    assert_int_equal(look.state, RUNNER_ATTEMPT_ENDED);
    assert_int_equal(look.exit.outcome, RUNNER_STOPPED);
}

static void a_killed_runner_reads_as_lost(void **state)
{
    pid_t pid = start_runner(*state, "1", "idle");
    struct look look = look_until_not(*state, 1, RUNNER_ATTEMPT_ABSENT);

    assert_int_equal(look.state, RUNNER_ATTEMPT_RUNNING);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(wait_for(pid), -1);
    /* A command that was just being started has the runner's descriptors until it is gone too. */
    look = look_until_not(*state, 1, RUNNER_ATTEMPT_RUNNING);
    assert_int_equal(look.state, RUNNER_ATTEMPT_LOST);
    assert_int_equal(look.start.pid, pid);
    assert_int_equal(wait_for(start_runner(*state, "1", "version")), 75);
    assert_int_equal(look_at(*state, "build", 1).state, RUNNER_ATTEMPT_LOST);
}

#define LOOKING(test) cmocka_unit_test_setup_teardown(test, set_up_folder, tear_down_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_record_says_who_runs_since_when),
        cmocka_unit_test(an_exit_record_says_how_it_ended),
        cmocka_unit_test(guard_and_oom_are_told_where_the_runner_tells_them),
        cmocka_unit_test(every_outcome_has_its_word),
        cmocka_unit_test(a_damaged_start_record_is_refused_with_a_reason),
        cmocka_unit_test(a_damaged_exit_record_is_refused_with_a_reason),
        cmocka_unit_test(a_number_with_a_nul_in_it_is_no_number),
        cmocka_unit_test(a_record_larger_than_64_kib_is_refused),
        cmocka_unit_test(a_message_is_cleaned_and_cut_at_a_character),
        LOOKING(an_attempt_without_records_is_absent),
        LOOKING(a_locked_start_record_is_running_until_the_lock_goes),
        LOOKING(an_exit_record_ends_an_attempt_also_while_the_lock_is_held),
        LOOKING(an_exit_record_alone_still_says_that_it_ended),
        LOOKING(a_damaged_exit_record_counts_as_none),
        LOOKING(a_damaged_start_record_is_lost),
        LOOKING(a_huge_record_is_not_read),
        LOOKING(what_is_no_regular_file_is_damage_and_is_never_opened),
        LOOKING(what_is_no_directory_is_damage_too),
        LOOKING(too_many_open_files_is_an_error_and_no_state),
        LOOKING(the_runners_own_records_are_understood),
        LOOKING(a_killed_runner_reads_as_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

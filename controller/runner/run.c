/*
 * `run`: one attempt of a task, from its claim to its exit record.
 */
#include "controller/runner/child.h"
#include "controller/runner/options.h"
#include "controller/runner/record.h"
#include "controller/runner/runner.h"
#include "controller/runner/supervise.h"
#include "controller/runner/task_log.h"
#include "controller/runner/user.h"
#include "controller/runner/util.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct run_options {
    const char *dir, *cwd, *user;
    struct supervise_limits limits;
    uint64_t attempt, log_max;
    char **argv;
};

__attribute__((format(printf, 2, 3))) static void not_started(struct record_result *result,
                                                              const char *format, ...)
{
    va_list args;

    result->outcome = RECORD_NOT_STARTED;
    result->exit_code = RUNNER_CANNOT_EXECUTE;
    result->finished_wall_ms = util_wall_ms();
    va_start(args, format);
    vsnprintf(result->message, sizeof(result->message), format, args);
    va_end(args);
}

/* HOME is the home of the user that we become, and, where it is not set, of the one that we are. */
static int set_up_user(const char *spec, struct child_setup *setup, struct record_result *result)
{
    static struct user user;
    char message[sizeof(result->message)];

    if (spec == NULL && getenv("HOME") != NULL) {
        return 0;
    }
    if (user_look_up(spec == NULL ? "" : spec, &user, message, sizeof(message)) < 0) {
        not_started(result, "%s", message);
        return -1;
    }
    setup->user = spec == NULL ? NULL : &user;
    setup->home = user.home;
    return 0;
}

static void run_attempt(const struct run_options *options, int signal_fd,
                        const struct record *record, struct record_result *result)
{
    struct child_setup setup = {.argv = options->argv, .cwd = options->cwd};
    char name[RECORD_NAME_SIZE], reason[64];
    struct task_log log;

    record_name(record->attempt, "log", name);
    if (task_log_open(&log, record->dir_fd, name, options->log_max) < 0) {
        not_started(result, "open the log: %s", util_errno_text(errno, reason));
        return;
    }
    if (set_up_user(options->user, &setup, result) == 0 &&
        supervise(signal_fd, &setup, &options->limits, &log, result) < 0) {
        not_started(result, "start a process: %s", util_errno_text(errno, reason));
    }
    result->is_log_truncated = log.is_truncated;
    task_log_close(&log);
}

static int parse_options(int argc, char **argv, struct run_options *options)
{
    struct option_rule rules[] = {
        {.name = "--dir", .is_required = true, .text = &options->dir},
        {.name = "--attempt",
         .is_required = true,
         .number = &options->attempt,
         .min = 1,
         .max = UINT_MAX},
        {.name = "--timeout-ms", .number = &options->limits.timeout_ms, .max = INT64_MAX},
        {.name = "--grace-ms", .number = &options->limits.grace_ms, .max = INT_MAX},
        {.name = "--log-max", .number = &options->log_max, .max = INT64_MAX},
        {.name = "--cwd", .text = &options->cwd},
        {.name = "--user", .text = &options->user},
    };
    int first = options_parse("run", argc, argv, rules, sizeof(rules) / sizeof(rules[0]));

    if (first < 0) {
        return -1;
    }
    if (first == argc) {
        runner_complain("run: there is no command: \"-- COMMAND\" comes last");
        return -1;
    }
    options->argv = argv + first;
    return 0;
}

static int claim(const struct run_options *options, struct record *record)
{
    int dir_fd = record_open_dir(options->dir);
    char reason[64];

    if (dir_fd < 0) {
        runner_complain("run: open directory \"%s\": %s", options->dir,
                        util_errno_text(errno, reason));
        return RUNNER_NO_RECORD;
    }
    if (record_claim(dir_fd, (unsigned)options->attempt, record) == 0) {
        return RUNNER_OK;
    }
    if (errno == EEXIST) {
        runner_complain("run: attempt %" PRIu64 " in \"%s\" was started before", options->attempt,
                        options->dir);
        return RUNNER_ATTEMPT_TAKEN;
    }
    runner_complain("run: write the start record in \"%s\": %s", options->dir,
                    util_errno_text(errno, reason));
    return RUNNER_NO_RECORD;
}

int runner_run(int argc, char **argv)
{
    struct run_options options = {
        .dir = "",
        .cwd = "/",
        .limits = {.grace_ms = 10 * 1000},
        .log_max = 64 * 1024 * 1024,
    };
    struct record_result result = {0};
    struct record record;
    char reason[64];
    int signal_fd, status;

    if (parse_options(argc, argv, &options) < 0) {
        return RUNNER_USAGE;
    }
    signal_fd = supervise_prepare();
    if (signal_fd < 0) {
        runner_complain("run: prepare for signals: %s", util_errno_text(errno, reason));
        return RUNNER_NO_RECORD;
    }
    status = claim(&options, &record);
    if (status != RUNNER_OK) {
        return status;
    }
    run_attempt(&options, signal_fd, &record, &result);
    if (record_finish(&record, &result) < 0) {
        runner_complain("run: write the exit record in \"%s\": %s", options.dir,
                        util_errno_text(errno, reason));
        return RUNNER_NO_RECORD;
    }
    return result.exit_code;
}

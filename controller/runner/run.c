/*
 * `run`: one attempt of a task, from its claim to its exit record.
 */
#include "controller/runner/command.h"
#include "controller/runner/oom.h"
#include "controller/runner/options.h"
#include "controller/runner/record.h"
#include "controller/runner/runner.h"
#include "controller/runner/supervise.h"
#include "controller/runner/task_log.h"
#include "controller/runner/util.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

struct run_options {
    const char *dir;
    struct command_options command;
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

/* A command that did well, or that we ended, is none that the kernel killed. */
static enum oom_verdict judge_oom(int64_t before, int64_t after, const struct record_result *result)
{
    if (before < 0 || after < 0) {
        return OOM_UNKNOWN;
    }
    return after > before && result->outcome == RECORD_EXITED && result->exit_code != 0 ? OOM_YES
                                                                                        : OOM_NO;
}

static void run_command(const struct run_options *options, const struct command *command,
                        int signal_fd, const struct record *record, struct record_result *result)
{
    int64_t kills_before = oom_count_kills();
    char name[RECORD_NAME_SIZE], reason[64];
    struct task_log log;

    record_name(record->attempt, "log", name);
    if (task_log_open(&log, record->dir_fd, name, options->log_max) < 0) {
        not_started(result, "open the log: %s", util_errno_text(errno, reason));
        return;
    }
    if (supervise(signal_fd, command, &options->limits, &log, result) < 0) {
        not_started(result, "start a process: %s", util_errno_text(errno, reason));
    }
    result->oom = judge_oom(kills_before, oom_count_kills(), result);
    result->is_log_truncated = log.is_truncated;
    task_log_close(&log);
}

static int parse_options(int argc, char **argv, struct run_options *options)
{
    struct option_rule rules[5 + COMMAND_RULES] = {
        {.name = "--dir", .is_required = true, .text = &options->dir},
        {.name = "--attempt",
         .is_required = true,
         .number = &options->attempt,
         .min = 1,
         .max = UINT_MAX},
        {.name = "--timeout-ms", .number = &options->limits.timeout_ms, .max = INT64_MAX},
        {.name = "--grace-ms", .number = &options->limits.grace_ms, .max = INT_MAX},
        {.name = "--log-max", .number = &options->log_max, .max = INT64_MAX},
    };
    int first;

    command_add_rules(&options->command, rules + 5);
    first = options_parse("run", argc, argv, rules, sizeof(rules) / sizeof(rules[0]));
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

static int claim(const struct run_options *options, bool is_guarded, struct record *record)
{
    int dir_fd = record_open_dir(options->dir);
    char reason[64];

    if (dir_fd < 0) {
        runner_complain("run: open directory \"%s\": %s", options->dir,
                        util_errno_text(errno, reason));
        return RUNNER_NO_RECORD;
    }
    if (record_claim(dir_fd, (unsigned)options->attempt, is_guarded, record) == 0) {
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
        .command = {.cwd = "/"},
        .limits = {.grace_ms = 10 * 1000},
        .log_max = 64 * 1024 * 1024,
    };
    struct command command = {0};
    struct command_failure failure;
    struct record_result result = {0};
    struct record record;
    char reason[64];
    int signal_fd, status;
    bool is_ready;

    if (parse_options(argc, argv, &options) < 0) {
        return RUNNER_USAGE;
    }
    signal_fd = supervise_prepare();
    if (signal_fd < 0) {
        runner_complain("run: prepare for signals: %s", util_errno_text(errno, reason));
        return RUNNER_NO_RECORD;
    }
    is_ready = command_prepare(&options.command, options.argv, &command, &failure) == 0;
    status = claim(&options, command.guard_fd >= 0, &record);
    if (status != RUNNER_OK) {
        return status;
    }
    if (is_ready) {
        run_command(&options, &command, signal_fd, &record, &result);
    } else {
        not_started(&result, "%s", failure.message);
    }
    if (record_finish(&record, &result) < 0) {
        runner_complain("run: write the exit record in \"%s\": %s", options.dir,
                        util_errno_text(errno, reason));
        return RUNNER_NO_RECORD;
    }
    return result.exit_code;
}

#include "cli/command.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/arguments.h"
#include "cli/attempt_log.h"
#include "cli/engine_frames.h"
#include "cli/engine_session.h"
#include "cli/targets.h"
#include "controller/options.h"
#include "specs/status.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_FOR_START_MS = 250 };

enum { OPTION_TAIL = 256, OPTION_ATTEMPT };

struct logs_options {
    struct places places;
    const char *engine, *target;
    bool is_followed;
    int64_t tail;     /* -1: all */
    uint64_t attempt; /* 0: the last */
};

static int take_number(struct arguments *args, const char *option, uint64_t min, uint64_t max,
                       uint64_t *ret_number)
{
    if (parse_u64(args->value, ret_number) < 0 || *ret_number < min || *ret_number > max) {
        return arguments_wrong(args, "%s: \"%s\" is not a number in %llu..%llu", option,
                               args->value, (unsigned long long)min, (unsigned long long)max);
    }
    return 0;
}

static int take_option(struct logs_options *options, struct arguments *args, int id)
{
    uint64_t tail;

    switch (id) {
    case 'f': options->is_followed = true; return 0;
    case OPTION_TAIL:
        if (take_number(args, "--tail", 0, INT32_MAX, &tail) < 0) {
            return -1;
        }
        options->tail = (int64_t)tail;
        return 0;
    case OPTION_ATTEMPT: return take_number(args, "--attempt", 1, UINT32_MAX, &options->attempt);
    case OPTION_ENGINE: options->engine = args->value; return 0;
    default: places_take(&options->places, id, args->value); return 0;
    }
}

static int take_arguments(struct logs_options *options, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        if (take_option(options, args, id) < 0) {
            return -1;
        }
    }
    if (id < 0 ||
        arguments_count(args, 1, 1, "whose log? name a task, a repository or an instance") < 0) {
        return -1;
    }
    options->target = args->operands[0];
    return 0;
}

/* Of a task */

static bool is_over(const struct target *target)
{
    const char *phase = target_text(target, NULL, "phase");

    return text_equal(phase, phase_name(PHASE_SUCCEEDED)) ||
           text_equal(phase, phase_name(PHASE_FAILED));
}

static bool is_session(const struct target *target)
{
    return text_equal(target_text(target, NULL, "phase"), phase_name(PHASE_TASK_RUNNING)) &&
           json_integer_value(target_value(target, "task", "attempt")) == 0;
}

static int no_log_yet(const struct target *target, struct error *err)
{
    auto_free char *spelling = target_spelling(target), *reason = target_reason(target);
    const char *phase = target_text(target, NULL, "phase");

    if (is_session(target)) {
        return error_set(err, ERROR_NOT_FOUND,
                         "%s is an open session: it runs no command, and so has no log; to run one "
                         "in it: berth exec %s -- COMMAND",
                         spelling, spelling);
    }
    if (is_over(target)) {
        return error_set(err, ERROR_NOT_FOUND, "%s has no log: its command never ran (%s%s)",
                         spelling, phase, reason);
    }
    return error_set(err, ERROR_NOT_FOUND,
                     "%s has no log yet: its command has not started (%s%s); -f waits for it",
                     spelling, phase != NULL ? phase : "no status yet", reason);
}

static int expired(const struct target *target, const struct logs_options *options,
                   struct error *err)
{
    auto_free char *spelling = target_spelling(target);
    json_int_t attempts = json_integer_value(target_value(target, "task", "attempt"));

    if (options->attempt > (uint64_t)attempts) {
        return error_set(err, ERROR_NOT_FOUND, "%s has no attempt %llu: its last one is %lld",
                         spelling, (unsigned long long)options->attempt, (long long)attempts);
    }
    return error_set(
        err, ERROR_NOT_FOUND,
        "the log of %s has expired: logs are removed ttlSecondsAfterFinished after the "
        "end of their task; it was %s",
        spelling, target_text(target, "task", "logFile"));
}

/* Opens the log and finds out how the attempt stands; a missing folder reads as absent. */
static int open_log(const struct target *target, const struct logs_options *options,
                    struct attempt_log *log, enum attempt_log_state *state, struct error *err)
{
    const char *path = target_text(target, "task", "logFile");

    *state = ATTEMPT_LOG_ABSENT;
    if (path == NULL) {
        return 0;
    }
    if (attempt_log_open(log, path, (unsigned)options->attempt, err) < 0) {
        if (err->kind == ERROR_NOT_FOUND) {
            error_clear(err);
            attempt_log_done(log);
            return 0;
        }
        return -1;
    }
    return attempt_log_look(log, state, err);
}

/* Waits, where it is to be followed, until the attempt has begun. */
static int await_log(struct target *target, const struct logs_options *options,
                     struct attempt_log *log, struct error *err)
{
    enum attempt_log_state state;

    while (open_log(target, options, log, &state, err) == 0) {
        json_int_t attempts = json_integer_value(target_value(target, "task", "attempt"));
        bool is_other = options->attempt > 0 && options->attempt != (uint64_t)attempts;

        if (state != ATTEMPT_LOG_ABSENT) {
            return 0;
        }
        attempt_log_done(log);
        if (attempts > 0 && (is_over(target) || is_other)) {
            return expired(target, options, err);
        }
        if (!options->is_followed || is_session(target) || is_over(target)) {
            return no_log_yet(target, err);
        }
        poll(NULL, 0, WAIT_FOR_START_MS);
        if (target_refresh(target, err) < 0) {
            return -1;
        }
    }
    return -1;
}

/* Looks before it copies: what an attempt that was over has written is all there. */
static int copy_log(struct attempt_log *log, bool is_followed, struct error *err)
{
    enum attempt_log_state state;

    do {
        if (attempt_log_look(log, &state, err) < 0 ||
            attempt_log_copy(log, STDOUT_FILENO, err) < 0) {
            return -1;
        }
        if (!is_followed || state == ATTEMPT_LOG_COMPLETE) {
            return 0;
        }
    } while (attempt_log_wait(log, err) == 0);
    return -1;
}

static int show_task(struct target *target, const struct logs_options *options, struct error *err)
{
    auto_done(attempt_log) log;

    attempt_log_init(&log);
    if (await_log(target, options, &log, err) < 0) {
        return -1;
    }
    if (options->tail >= 0 && attempt_log_skip_to_tail(&log, (uint64_t)options->tail, err) < 0) {
        return -1;
    }
    return copy_log(&log, options->is_followed, err);
}

/* Of a container */

static int on_log_bytes(void *user, const char *bytes, size_t len)
{
    struct engine_frames *frames = user;

    while (len > 0) {
        struct engine_piece piece;
        size_t used = engine_frames_next(frames, bytes, len, &piece);

        for (size_t at = 0; at < piece.len;) {
            ssize_t put = write(piece.fd, piece.bytes + at, piece.len - at);

            if (put < 0 && errno != EINTR) {
                return -1;
            }
            at += put > 0 ? (size_t)put : 0;
        }
        bytes += used;
        len -= used;
    }
    return 0;
}

static int show_container(const struct target *target, const struct logs_options *options,
                          struct error *err)
{
    auto_free char *spelling = target_spelling(target), *reason = target_reason(target);
    const char *id = target_text(target, "container", "id");
    auto_done(engine_session) session = {0};
    struct engine_frames frames = {0};
    json_auto_t *container = NULL;

    if (id == NULL) {
        return error_set(err, ERROR_NOT_FOUND, "%s has no container, and so no log%s", spelling,
                         reason);
    }
    if (engine_session_open(&session, options->engine, target->engine, err) < 0 ||
        engine_session_call(&session, docker_inspect_container(id), &container, err) < 0) {
        return -1;
    }
    frames.is_raw = json_is_true(json_object_get(json_object_get(container, "Config"), "Tty"));
    return engine_session_stream(&session,
                                 docker_stream_logs(id, options->tail, options->is_followed),
                                 on_log_bytes, &frames, err);
}

static int cmd_logs(int argc, char **argv)
{
    struct logs_options options = {.tail = -1};
    auto_done(target) target = {0};
    struct error err = {0};
    struct arguments args;
    int result = -1;

    arguments_init(&args, &command_logs, argc, argv);
    if (take_arguments(&options, &args) < 0) {
        return args.exit_code;
    }
    if (target_find(options.target, &options.places, &target, &err) == 0) {
        if (target.kind != KIND_TASK && options.attempt > 0) {
            return usage_error("logs", "--attempt is for tasks");
        }
        result = target.kind == KIND_TASK ? show_task(&target, &options, &err)
                                          : show_container(&target, &options, &err);
    }
    if (err.kind != ERROR_NONE) {
        fprintf(stderr, "berth logs: %s\n", err.message);
        return EXIT_FAILED;
    }
    return result == 0 ? EXIT_OK : EXIT_FAILED;
}

const struct command command_logs = {
    .name = "logs",
    .run = cmd_logs,
    .summary = "show the log of a task, a repository or an instance",
    .group = GROUP_LOOKING,
    .operands = "TARGET",
    .description =
        "Shows the log of a task's command, or of the container of an instance or a repository. "
        "The log of a task "
        "is a file, read from here: no engine and no controller is needed for it.\n\n" TARGET_HELP,
    .options =
        (const struct command_option[]){
            {'f', "follow", NULL, "go on until the task or the container has ended",
             COMPLETE_NOTHING},
            {OPTION_TAIL, "tail", "N", "only the last N lines, and with -f what follows them",
             COMPLETE_NOTHING},
            {OPTION_ATTEMPT, "attempt", "N", "of a task: not the last attempt, but this one",
             COMPLETE_NOTHING},
            PLACES_OPTIONS,
            ENGINE_OPTION,
            END_OF_OPTIONS,
        },
    .exit_codes = "0, also when the task failed; 1 there is no log, or no answer; 2 usage",
    .examples = "berth logs -f fix-7\n"
                "berth logs instance/web --tail 100",
    .completion = {COMPLETE_TARGETS, COMPLETE_NOTHING, COMPLETE_NOTHING},
};

#include "cli/command.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/arguments.h"
#include "cli/attempt_log.h"
#include "cli/engine_session.h"
#include "cli/exec_command.h"
#include "cli/exec_streams.h"
#include "cli/targets.h"
#include "specs/status.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LOOK_AGAIN_MS = 100,
    RESULT_WAIT_MS = 30000, /* the controller tells a moment after the end how it was */
};

/* In a session: bash where there is one, as people like it, else the shell that always is there. */
#define SHELL "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi"

struct attach_options {
    struct places places;
    char *target, *engine;
    bool wants_streams, wants_terminal;
};

static int take_arguments(struct attach_options *options, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        switch (id) {
        case 'i': options->wants_streams = true; break;
        case 't': options->wants_terminal = true; break;
        case OPTION_ENGINE: options->engine = args->value; break;
        default: places_take(&options->places, id, args->value); break;
        }
    }
    if (id < 0 || arguments_count(args, 1, 1,
                                  "attach to what? name a task, a repository or an instance") < 0) {
        return -1;
    }
    if (options->wants_terminal && !isatty(STDIN_FILENO)) {
        return arguments_wrong(args, "-t: standard input is no terminal");
    }
    options->target = args->operands[0];
    return 0;
}

/* --- a session: a shell in it ----------------------------------------------------------------- */

static bool is_running_task(const struct target *target)
{
    return text_equal(target_text(target, NULL, "phase"), phase_name(PHASE_TASK_RUNNING));
}

static bool is_session(const struct target *target)
{
    return is_running_task(target) &&
           json_integer_value(target_value(target, "task", "attempt")) == 0;
}

static void add_option(char **argv, int *argc, const char *name, const char *value)
{
    if (value != NULL) {
        argv[(*argc)++] = xasprintf("--%s=%s", name, value);
    }
}

/* By berth exec, which knows all about terminals, users and trees. */
static int open_shell(const struct attach_options *options)
{
    char *argv[16] = {0};
    int argc = 0, exit_code;

    argv[argc++] = xstrdup("exec");
    if (options->wants_streams) {
        argv[argc++] = xstrdup("-i");
    }
    if (options->wants_terminal) {
        argv[argc++] = xstrdup("-t");
    }
    add_option(argv, &argc, "specs", options->places.specs);
    add_option(argv, &argc, "status-dir", options->places.status_dir);
    add_option(argv, &argc, "state", options->places.state);
    add_option(argv, &argc, "engine", options->engine);
    argv[argc++] = xstrdup(options->target);
    argv[argc++] = xstrdup("--");
    argv[argc++] = xstrdup("sh");
    argv[argc++] = xstrdup("-c");
    argv[argc++] = xstrdup(SHELL);
    exit_code = command_exec.run(argc, argv);
    for (int i = 0; i < argc; i++) {
        free(argv[i]);
    }
    return exit_code;
}

/* --- a task's command: its output, and its exit code ------------------------------------------ */

static int not_running(const struct target *target, struct error *err)
{
    auto_free char *spelling = target_spelling(target), *reason = target_reason(target);
    const char *phase = target_text(target, NULL, "phase");

    return error_set(err, ERROR_NOT_FOUND,
                     "%s does not run now (%s%s); berth logs shows what it has written, and with "
                     "-f waits for it",
                     spelling, phase != NULL ? phase : "no status yet", reason);
}

static int follow(struct attempt_log *log, struct error *err)
{
    enum attempt_log_state state;

    do {
        if (attempt_log_look(log, &state, err) < 0 ||
            attempt_log_copy(log, STDOUT_FILENO, err) < 0) {
            return -1;
        }
        if (state == ATTEMPT_LOG_COMPLETE) {
            return 0;
        }
    } while (attempt_log_wait(log, err) == 0);
    return -1;
}

/* Of that attempt: the status has it until the next one has begun. */
static int await_exit_code(struct target *target, json_int_t attempt, int *ret_exit_code,
                           struct error *err)
{
    uint64_t give_up_at_ms = clock_monotonic_ms() + RESULT_WAIT_MS;

    while (target_refresh(target, err) == 0) {
        const json_t *code = target_value(target, "task", "exitCode");

        if (json_integer_value(target_value(target, "task", "attempt")) == attempt &&
            json_is_integer(code)) {
            *ret_exit_code = (int)json_integer_value(code);
            return 0;
        }
        if (json_integer_value(target_value(target, "task", "attempt")) != attempt) {
            return error_set(err, ERROR_CONFLICT,
                             "attempt %lld is over, and the next one has begun: attach again",
                             (long long)attempt);
        }
        if (clock_monotonic_ms() >= give_up_at_ms) {
            return error_set(err, ERROR_TRANSIENT,
                             "the command has ended, and no controller says how: is one running?");
        }
        poll(NULL, 0, LOOK_AGAIN_MS);
    }
    return -1;
}

static int attach_to_command(struct target *target, int *ret_exit_code, struct error *err)
{
    const char *path = target_text(target, "task", "logFile");
    json_int_t attempt = json_integer_value(target_value(target, "task", "attempt"));
    auto_done(attempt_log) log;

    attempt_log_init(&log);
    if (!is_running_task(target) || path == NULL) {
        return not_running(target, err);
    }
    if (attempt_log_open(&log, path, (unsigned)attempt, err) < 0 ||
        attempt_log_skip_to_tail(&log, 0, err) < 0 || follow(&log, err) < 0) {
        return -1;
    }
    return await_exit_code(target, attempt, ret_exit_code, err);
}

/* --- a container: the output of its main process ---------------------------------------------- */

struct attachment {
    struct engine_session session;
    json_t *container;
    struct engine_stream *stream;
};

static void attachment_done(struct attachment *attachment)
{
    engine_stream_free(attachment->stream);
    json_decref(attachment->container);
    engine_session_done(&attachment->session);
}

static int connect_to(struct attachment *attachment, const struct attach_options *options,
                      const struct target *target, const char *id, struct error *err)
{
    struct engine_session *session = &attachment->session;

    if (engine_session_open(session, options->engine, target->engine, err) < 0) {
        return -1;
    }
    if (engine_session_call(session, docker_inspect_container(id), &attachment->container, err) <
        0) {
        if (err->kind != ERROR_NOT_FOUND) {
            return -1;
        }
        error_clear(err);
        return exec_command_no_container(target, err);
    }
    return exec_command_check(target, attachment->container, err) < 0
               ? -1
               : engine_session_upgrade(session, docker_upgrade_attach(id), &attachment->stream,
                                        err);
}

/* Berth may have started it again already, or made a new one. */
static int find_exit_code(struct attachment *attachment, const char *id, int *ret_exit_code,
                          struct error *err)
{
    json_auto_t *container = NULL;
    const json_t *state;

    if (engine_session_call(&attachment->session, docker_inspect_container(id), &container, err) <
        0) {
        return -1;
    }
    state = json_object_get(container, "State");
    if (json_is_true(json_object_get(state, "Running"))) {
        fputs("the process has ended, and its container runs again\n", stderr);
        *ret_exit_code = EXIT_OK;
        return 0;
    }
    *ret_exit_code = (int)json_integer_value(json_object_get(state, "ExitCode"));
    return 0;
}

static int attach_to_container(const struct attach_options *options, const struct target *target,
                               int *ret_exit_code, struct error *err)
{
    const char *id = target_text(target, "container", "id");
    auto_done(attachment) attachment = {0};
    auto_free char *spelling = target_spelling(target);
    struct exec_streams streams = {.has_no_input = true};
    int ignored_signal = 0;

    if (id == NULL) {
        return exec_command_no_container(target, err);
    }
    if (connect_to(&attachment, options, target, id, err) < 0) {
        return -1;
    }
    if (isatty(STDERR_FILENO)) {
        fprintf(stderr,
                "the output of %s, from now on; ctrl-c leaves it running; for a shell in it: "
                "berth exec %s -- sh\n",
                spelling, spelling);
    }
    streams.stream = attachment.stream;
    streams.is_raw =
        json_is_true(json_object_get(json_object_get(attachment.container, "Config"), "Tty"));
    switch (exec_streams_run(&streams, &ignored_signal, err)) {
    case EXEC_CLOSED: return find_exit_code(&attachment, id, ret_exit_code, err);
    case EXEC_UNWANTED:
    case EXEC_SIGNALLED: *ret_exit_code = EXIT_OK; return 0;
    case EXEC_FAILED: break;
    }
    return -1;
}

static int cmd_attach(int argc, char **argv)
{
    struct attach_options options = {0};
    auto_done(target) target = {0};
    struct error err = {0};
    struct arguments args;
    int exit_code = EXIT_FAILED, result;

    arguments_init(&args, &command_attach, argc, argv);
    if (take_arguments(&options, &args) < 0) {
        return args.exit_code;
    }
    signal(SIGPIPE, SIG_IGN);
    result = target_find(options.target, &options.places, &target, &err);
    if (result == 0 && target.kind == KIND_TASK && is_session(&target)) {
        return open_shell(&options);
    }
    if (result == 0 && (options.wants_streams || options.wants_terminal)) {
        auto_free char *spelling = target_spelling(&target);

        return usage_error("attach",
                           "-i and -t are for open sessions: what runs in %s takes no input; "
                           "berth exec runs a command beside it",
                           spelling);
    }
    if (result == 0) {
        result = target.kind == KIND_TASK
                     ? attach_to_command(&target, &exit_code, &err)
                     : attach_to_container(&options, &target, &exit_code, &err);
    }
    if (result < 0) {
        fprintf(stderr, "berth attach: %s\n", err.message);
        return EXIT_FAILED;
    }
    return exit_code;
}

const struct command command_attach = {
    .name = "attach",
    .run = cmd_attach,
    .summary = "a shell in an open session, or the output of what runs, as it comes",
    .group = GROUP_LOOKING,
    .operands = "TARGET",
    .description =
        "Of a task that is an open session: a shell in its tree, as its user, by berth exec. Of a "
        "task that runs a command: what the command writes from now on, until it ends, with its "
        "exit code. Of an instance or a repository: what the main process of its container writes "
        "from now on. Neither commands nor main processes have an input, so ctrl-c leaves them "
        "running.\n\n" TARGET_HELP,
    .options =
        (const struct command_option[]){
            {'i', "interactive", NULL,
             "in a session: no terminal, only streams, also where there is a terminal",
             COMPLETE_NOTHING},
            {'t', "tty", NULL,
             "in a session: a terminal; without -i and -t: where input and output are one",
             COMPLETE_NOTHING},
            PLACES_OPTIONS,
            ENGINE_OPTION,
            END_OF_OPTIONS,
        },
    .exit_codes = "that of the shell, the command or the main process; 1 there is nothing to "
                  "attach to, or no answer; 2 usage",
    .examples = "berth attach fix-7\n"
                "berth attach instance/web",
    .completion = {COMPLETE_TARGETS, COMPLETE_NOTHING, COMPLETE_NOTHING},
};

#include "cli/command.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "cli/arguments.h"
#include "cli/engine_session.h"
#include "cli/exec_command.h"
#include "cli/exec_streams.h"
#include "cli/targets.h"
#include "cli/terminal.h"
#include "controller/options.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    EXIT_CODE_WAIT_MS = 5000, /* the engine learns of the end a moment after the last output */
    RESIZE_TRIES = 10,        /* there is no terminal to resize until the command has started */
    PAUSE_MS = 20,
};

struct exec_options {
    struct places places;
    struct exec_wish wish;
    const char *engine, *target;
    bool wants_streams, wants_terminal;
};

static int take_arguments(struct exec_options *options, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        switch (id) {
        case 'i': options->wants_streams = true; break;
        case 't': options->wants_terminal = true; break;
        case 'u': options->wish.user = args->value; break;
        case 'w': options->wish.cwd = args->value; break;
        case OPTION_ENGINE: options->engine = args->value; break;
        default: places_take(&options->places, id, args->value); break;
        }
    }
    if (id < 0) {
        return -1;
    }
    if (args->count < 2) {
        return arguments_wrong(args, "%s",
                               args->count == 0 ? "name a task, a repository or an instance"
                                                : "name a command, behind \"--\"");
    }
    if (options->wants_terminal && !isatty(STDIN_FILENO)) {
        return arguments_wrong(args, "-t: standard input is no terminal");
    }
    options->target = args->operands[0];
    options->wish.argv = args->operands + 1;
    options->wish.has_terminal =
        options->wants_terminal ||
        (!options->wants_streams && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
    return 0;
}

/* One command on the engine. */
struct execution {
    struct engine_session session;
    char *id;
    int exit_code;
    int signal; /* that asked us to end, or that our output's end means; 0: none */
};

static void execution_done(struct execution *execution)
{
    engine_session_done(&execution->session);
    free(execution->id);
}

/*
 * The engine's API takes the size with the command from 1.42 on; before that it comes a moment
 * later.
 */
static void take_size(struct exec_wish *wish, const char *api_version)
{
    if (wish->has_terminal && strcmp(api_version, "1.41") != 0) {
        terminal_size(&wish->rows, &wish->columns);
    }
}

static int create(struct execution *execution, struct exec_options *options,
                  const struct target *target, struct error *err)
{
    const char *container = target_text(target, "container", "id");
    json_auto_t *body = NULL, *inspection = NULL, *reply = NULL;

    if (container == NULL) {
        return exec_command_no_container(target, err);
    }
    if (engine_session_open(&execution->session, options->engine, target->engine, err) < 0) {
        return -1;
    }
    if (engine_session_call(&execution->session, docker_inspect_container(container), &inspection,
                            err) < 0) {
        if (err->kind != ERROR_NOT_FOUND) {
            return -1;
        }
        error_clear(err);
        return exec_command_no_container(target, err);
    }
    if (exec_command_check(target, inspection, err) < 0) {
        return -1;
    }
    take_size(&options->wish, execution->session.version);
    body = exec_command_body(target, &options->wish);
    if (engine_session_call(&execution->session, docker_create_exec(container, body), &reply, err) <
        0) {
        return -1;
    }
    return docker_parse_id(reply, &execution->id, err);
}

static int resize(struct execution *execution)
{
    struct error err = {0};
    unsigned rows, columns;

    return terminal_size(&rows, &columns) < 0 ||
                   engine_session_call(&execution->session,
                                       docker_resize_exec(execution->id, rows, columns), NULL,
                                       &err) == 0
               ? 0
               : -1;
}

/* A size that cannot be told costs a line that wraps in the wrong place, and nothing else. */
static void on_resize(void *user)
{
    resize(user);
}

static void resize_at_start(struct execution *execution)
{
    for (int i = 0; i < RESIZE_TRIES && resize(execution) < 0; i++) {
        poll(NULL, 0, PAUSE_MS);
    }
}

static int find_exit_code(struct execution *execution, struct error *err)
{
    uint64_t give_up_at_ms = clock_monotonic_ms() + EXIT_CODE_WAIT_MS;

    do {
        json_auto_t *json = NULL;
        struct docker_exec exec;

        if (engine_session_call(&execution->session, docker_inspect_exec(execution->id), &json,
                                err) < 0 ||
            docker_parse_exec(json, &exec, err) < 0) {
            return -1;
        }
        if (exec.has_exit_code) {
            execution->exit_code = (int)exec.exit_code;
            return 0;
        }
        poll(NULL, 0, PAUSE_MS);
    } while (clock_monotonic_ms() < give_up_at_ms);
    return error_set(err, ERROR_TRANSIENT,
                     "the connection to the command was lost; it may still run in its container");
}

static int carry_streams(struct execution *execution, struct engine_stream *stream,
                         struct terminal *terminal, struct error *err)
{
    struct exec_streams streams = {
        .stream = stream,
        .terminal = terminal,
        .on_resize = on_resize,
        .user = execution,
    };

    switch (exec_streams_run(&streams, &execution->signal, err)) {
    case EXEC_CLOSED: return find_exit_code(execution, err);
    case EXEC_UNWANTED: execution->signal = SIGPIPE; return 0;
    case EXEC_SIGNALLED: return 0;
    case EXEC_FAILED: break;
    }
    return -1;
}

/* The terminal is given back when this returns, whatever happened. */
static int run(struct execution *execution, bool has_terminal, struct error *err)
{
    auto_owned(engine_stream) *stream = NULL;
    auto_done(terminal) terminal = {.is_away = false};

    if (engine_session_upgrade(&execution->session,
                               docker_upgrade_exec(execution->id, has_terminal), &stream,
                               err) < 0) {
        return -1;
    }
    if (!has_terminal) {
        return carry_streams(execution, stream, NULL, err);
    }
    if (terminal_hand_over(&terminal, err) < 0) {
        return -1;
    }
    resize_at_start(execution);
    return carry_streams(execution, stream, &terminal, err);
}

/* As if it had never been held back. */
static void die_of(int number)
{
    signal(number, SIG_DFL);
    raise(number);
}

static int cmd_exec(int argc, char **argv)
{
    struct exec_options options = {0};
    auto_done(target) target = {0};
    auto_done(execution) execution = {0};
    struct error err = {0};
    struct arguments args;

    arguments_init(&args, &command_exec, argc, argv);
    if (take_arguments(&options, &args) < 0) {
        return args.exit_code;
    }
    signal(SIGPIPE, SIG_IGN);
    if (target_find(options.target, &options.places, &target, &err) < 0 ||
        create(&execution, &options, &target, &err) < 0 ||
        run(&execution, options.wish.has_terminal, &err) < 0) {
        fprintf(stderr, "berth exec: %s\n", err.message);
        return EXIT_FAILED;
    }
    if (execution.signal != 0) {
        die_of(execution.signal);
    }
    return execution.exit_code;
}

const struct command command_exec = {
    .name = "exec",
    .run = cmd_exec,
    .summary = "run a command in the container of a task, a repository or an instance",
    .group = GROUP_LOOKING,
    .operands = "TARGET -- COMMAND [ARGUMENT...]",
    .description = "Runs a command in a container that is there: of a task, with its user, tree, "
                   "home and variables; of a "
                   "repository or an instance, as the container has it. Input is passed on to its "
                   "end. A command goes on "
                   "in its container when berth exec is ended.\n\n" TARGET_HELP,
    .options =
        (const struct command_option[]){
            {'i', "interactive", NULL, "no terminal, only streams, also where there is a terminal",
             COMPLETE_NOTHING},
            {'t', "tty", NULL, "a terminal; without -i and -t: where input and output are one",
             COMPLETE_NOTHING},
            {'u', "user", "USER", "another user, or USER:GROUP", COMPLETE_NOTHING},
            {'w', "workdir", "DIR", "another directory", COMPLETE_NOTHING},
            PLACES_OPTIONS,
            ENGINE_OPTION,
            END_OF_OPTIONS,
        },
    .exit_codes = "the command's; 126 it cannot run, 127 it is not there (126 where the engine "
                  "says so); 1 it "
                  "could not be tried, 2 usage",
    .examples = "berth exec fix-7 -- git status\n"
                "berth exec -t instance/web -- sh",
    .completion = {COMPLETE_TARGETS, COMPLETE_NOTHING, COMPLETE_NOTHING},
};

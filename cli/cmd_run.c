#include "cli/command.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "cli/arguments.h"
#include "cli/places_file.h"
#include "controller/run.h"
#include "controller/settings.h"
#include "reconcilers/subnets.h"

#include <unistd.h>

enum option_id {
    OPTION_CONFIG = 256,
    OPTION_ONCE,
    OPTION_TIMEOUT,
    OPTION_DRY_RUN,
    OPTION_PROFILE_TRACE,
    OPTION_SETTING, /* and on: one for each setting */
};

/* Of a setting: its letter where it has one. */
#define ID_OF(setting, letter) ((letter) != 0 ? (letter) : OPTION_SETTING + (int)(setting))

/* The text of a switch's flag is that it stands there. */
static int take_setting(struct controller_options *options, enum setting_id id, const char *value,
                        struct arguments *args)
{
    struct error err = {0};

    if (setting_take(id, options, value != NULL ? value : "true", NULL, &err) < 0) {
        return arguments_wrong(args, "--%s: %s", settings[id].flag, err.message);
    }
    options->is_given[id] = true;
    return 0;
}

static int take_timeout(struct controller_options *options, struct arguments *args)
{
    int64_t ms;

    if (timeout_option(args, args->value, &ms) < 0) {
        return -1;
    }
    if (ms < 1000 || ms > INT64_C(86400000)) {
        return arguments_wrong(args, "--timeout: \"%s\" is not from 1s to 24h", args->value);
    }
    options->once_timeout_seconds = (unsigned)(ms / 1000);
    return 0;
}

static int take_flag(struct controller_options *options, int id, struct arguments *args)
{
    switch (id) {
    case OPTION_CONFIG:
        free(options->config_file);
        options->config_file = path_absolute(args->value);
        return 0;
    case OPTION_ONCE: options->is_once = true; return 0;
    case OPTION_TIMEOUT: return take_timeout(options, args);
    case OPTION_DRY_RUN: options->is_dry_run = true; return 0;
    case OPTION_PROFILE_TRACE:
        free(options->profile_trace_file);
        options->profile_trace_file = path_absolute(args->value);
        return 0;
    case 'v': return take_setting(options, SETTING_VERBOSE, args->value, args);
    default:
        return take_setting(options, (enum setting_id)(id - OPTION_SETTING), args->value, args);
    }
}

static int take_arguments(struct controller_options *options, struct arguments *args)
{
    struct error err = {0};
    int id;

    while ((id = arguments_next(args)) > 0) {
        if (take_flag(options, id, args) < 0) {
            return -1;
        }
    }
    if (id < 0 || arguments_count(args, 0, 0, NULL) < 0) {
        return -1;
    }
    if (settings_take_environment(options, &err) < 0 ||
        (options->config_file == NULL && places_file_find(&options->config_file, &err) < 0)) {
        return arguments_wrong(args, "%s", err.message);
    }
    return 0;
}

/* The path of this very binary, for children; /proc/self/exe would be theirs. */
static char *own_program(const char *argv0)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (len <= 0) {
        return xstrdup(argv0);
    }
    path[len] = '\0';
    return xstrdup(path);
}

static int cmd_run(int argc, char **argv)
{
    auto_done(controller_options) options = {.once_timeout_seconds = 600};
    struct arguments args;

    arguments_init(&args, &command_run, argc, argv);
    if (take_arguments(&options, &args) < 0) {
        return args.exit_code;
    }
    options.program = own_program("berth");
    return controller_run(&options);
}

#define OTHERWISE(text) " (" text ")"
#define SETTING(id, letter, flag, value, completion, help, ...)                                    \
    {ID_OF(SETTING_##id, letter), flag, value, help, completion},

const struct command command_run = {
    .name = "run",
    .run = cmd_run,
    .summary = "run the controller",
    .group = GROUP_OPERATING,
    .description =
        "Watches a directory of specs and keeps the containers of this host as they say. SIGTERM "
        "ends it and leaves the containers running; SIGHUP reads --config and --policy and looks "
        "at everything again.\n\n"
        "Each option but --config, --once, --timeout, --dry-run and --profile-trace is also a key "
        "of the configuration file, see berth.yaml(5): --git-max-size is gitMaxSize. What an "
        "option or a variable says outweighs the file.",
    .options =
        (const struct command_option[]){
            {OPTION_CONFIG, "config", "FILE",
             "configuration file; read again at SIGHUP (./berth.yaml, where it is)",
             COMPLETE_FILES},
#include "controller/settings.def"
            {OPTION_ONCE, "once", NULL,
             "converge and exit: 0 all is well, 1 something is Invalid, Stalled or Failed (named "
             "on stderr), 2 usage, 3 no engine",
             COMPLETE_NOTHING},
            {OPTION_TIMEOUT, "timeout", "TIME",
             "with --once: what is not well by then counts as failed (10m)", COMPLETE_NOTHING},
            {OPTION_DRY_RUN, "dry-run", NULL,
             "print what would be done, with causes; change nothing", COMPLETE_NOTHING},
            {OPTION_PROFILE_TRACE, "profile-trace", "FILE",
             "write passes, plans and engine calls of this run there, 256 MiB at most; opens in "
             "ui.perfetto.dev",
             COMPLETE_FILES},
            END_OF_OPTIONS,
        },
    .exit_codes = "of --once: 0 all is well; 1 something is Invalid, Stalled or Failed, or not "
                  "well in time; 2 usage; 3 no engine",
    .examples = "berth run --specs ./specs --state ./state --once\n"
                "berth run --config /etc/berth/berth.yaml",
};

/*
 * The arguments of a command, read by its table (command.h): options in any order, "--" before what
 * is none, "-h", wrong ones with "did you mean". And words that several commands take: kinds,
 * times, places.
 *
 *     struct arguments args;
 *     int id;
 *
 *     arguments_init(&args, &command_get, argc, argv);
 *     while ((id = arguments_next(&args)) > 0) {
 *         switch (id) {
 *         case 'o': options->output = args.value; break;
 *         default: places_take(&options->places, id, args.value);
 *         }
 *     }
 *     if (id < 0 || arguments_count(&args, 0, 1, NULL) < 0) {
 *         return -1;                  // and the command returns args.exit_code
 *     }
 */
#ifndef BERTH_CLI_ARGUMENTS_H
#define BERTH_CLI_ARGUMENTS_H

#include "cli/command.h"
#include "specs/types.h"

#include <getopt.h>

enum { MAX_OPTIONS = 64 };

struct arguments {
    const struct command *command;
    int argc;
    char **argv;
    char *value;     /* of the option at hand; NULL: it takes none */
    char **operands; /* what is no option, when all options are read */
    int count;
    int exit_code; /* when there is nothing more to do */
    bool has_specs, has_state;
    struct option options[MAX_OPTIONS];
    char letters[3 * MAX_OPTIONS + 2];
};

void arguments_init(struct arguments *args, const struct command *command, int argc, char **argv);

/*
 * The id of the next option; 0: that were all, and the operands are known; -1: help was shown, or
 * was asked for, or an option is wrong and it was said: the command ends with exit_code.
 */
int arguments_next(struct arguments *args);

/*
 * Says what is wrong and where to find help, and sets exit_code to EXIT_BAD_USAGE; always -1. No
 * value that may be a secret belongs into it.
 */
int arguments_wrong(struct arguments *args, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * 0, or arguments_wrong() when there are fewer operands (it says what is missing, or NULL: the
 * usage) or more.
 */
int arguments_count(struct arguments *args, int min, int max, const char *missing);

/*
 * Where specs and status files are: options that many commands have. NULL where they are not given:
 * then the environment, ./berth.yaml or a default says it, see directory_option().
 * The ids are beyond letters and beyond each command's own.
 */
struct places {
    const char *specs, *status_dir, *state;
};

enum { OPTION_SPECS = 1000, OPTION_STATUS_DIR, OPTION_STATE, OPTION_ENGINE };

#define SPECS_OPTION                                                                               \
    {                                                                                              \
        OPTION_SPECS, "specs", "DIR",                                                              \
            "directory with the specs (BERTH_SPECS, ./berth.yaml, /etc/berth/specs)",              \
            COMPLETE_DIRECTORIES                                                                   \
    }
#define STATUS_DIR_OPTION                                                                          \
    {                                                                                              \
        OPTION_STATUS_DIR, "status-dir", "DIR",                                                    \
            "directory with the status files, where it is another one", COMPLETE_DIRECTORIES       \
    }
#define STATE_OPTION                                                                               \
    {                                                                                              \
        OPTION_STATE, "state", "DIR",                                                              \
            "state directory of the controller (BERTH_STATE, ./berth.yaml, /var/lib/berth)",       \
            COMPLETE_DIRECTORIES                                                                   \
    }
#define ENGINE_OPTION                                                                              \
    {                                                                                              \
        OPTION_ENGINE, "engine", "URL",                                                            \
            "unix:///path or tcp://host:port (DOCKER_HOST, the controller's engine)",              \
            COMPLETE_NOTHING                                                                       \
    }
#define PLACES_OPTIONS SPECS_OPTION, STATUS_DIR_OPTION, STATE_OPTION
/* What several descriptions say. */
#define TARGET_HELP                                                                                \
    "TARGET: task/NAME, repository/NAME or instance/NAME; only NAME where that is one object."
#define KIND_HELP                                                                                  \
    "KIND: instances (inst), instancepools (pools), repositories (repos), tasks; the singular "    \
    "too; or all."

#define END_OF_OPTIONS                                                                             \
    {                                                                                              \
        0, NULL, NULL, NULL, COMPLETE_NOTHING                                                      \
    }

/* Takes the option when it is one of them. */
bool places_take(struct places *places, int id, const char *value);

/*
 * "instances", "pool", "Repo": a kind by its name, its plural or a short form; case does not count.
 * -1: there is no such kind.
 */
int kind_from_argument(const char *text, enum kind *ret_kind);

/* "60s", "5m" of --timeout: 0, or arguments_wrong(). */
int timeout_option(struct arguments *args, const char *text, int64_t *ret_ms);

/*
 * Says that there is no such kind, which there are and which may be meant; -1, as
 * arguments_wrong().
 */
int unknown_kind_error(struct arguments *args, const char *text);

#endif

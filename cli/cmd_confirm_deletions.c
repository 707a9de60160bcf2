#include "cli/command.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/arguments.h"
#include "cli/ask_controller.h"
#include "cli/status_store.h"
#include "controller/options.h"

#include <getopt.h>
#include <stdio.h>

static const char help[] =
    "usage: berth confirm-deletions [--state DIR]\n\n"
    "When more than half of all objects (and more than five) lose their specs at once, the "
    "controller\n"
    "keeps them and says so. This lets it go on: what is missing now is deleted at its next "
    "look.\n"
    "Exit code: 0 confirmed, 1 nothing is held or no controller runs, 2 usage.\n\n"
    "  --state DIR   state directory of the controller (BERTH_STATE, " DEFAULT_STATE_DIR ")\n";

/*
 * What the heartbeat says. It is written right after what was held is told, so that whoever has just
 * read of it may be a little early.
 */
static bool is_something_held(const char *state)
{
    for (int tries = 0; tries < 20; tries++) {
        json_auto_t *heartbeat = status_store_heartbeat(state);
        const json_t *specs = json_object_get(heartbeat, "specs");

        if (json_integer_value(json_object_get(specs, "heldDeletions")) > 0) {
            return true;
        }
        ask_pause();
    }
    return false;
}

int cmd_confirm_deletions(int argc, char **argv)
{
    static const struct option options[] = {
        {"state", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *state = NULL;
    auto_free char *directory = NULL;
    struct error err = {0};
    int id;

    optind = 1;
    opterr = 0;
    while ((id = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        switch (id) {
        case 's': state = optarg; break;
        case 'h': fputs(help, stdout); return EXIT_OK;
        default: return option_error("confirm-deletions", argv, options, id);
        }
    }
    if (optind < argc) {
        return usage_error("confirm-deletions", "unexpected argument \"%s\"", argv[optind]);
    }
    directory = directory_option(state, "BERTH_STATE", DEFAULT_STATE_DIR);
    if (status_store_is_controlled(directory) && !is_something_held(directory)) {
        fprintf(stderr, "berth confirm-deletions: no deletion is held, so nothing was confirmed\n");
        return EXIT_FAILED;
    }
    if (ask_controller(directory, "confirm-deletions", NULL, &err) < 0) {
        fprintf(stderr, "berth confirm-deletions: %s%s\n", err.message,
                err.kind == ERROR_NOT_FOUND ? "; deletions are held by a running one" : "");
        return EXIT_FAILED;
    }
    puts("confirmed: the controller deletes now what is missing");
    return EXIT_OK;
}

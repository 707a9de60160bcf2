#include "cli/command.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/arguments.h"
#include "cli/ask_controller.h"
#include "cli/status_store.h"
#include "controller/options.h"

#include <stdio.h>

/*
 * What the heartbeat says. It is written right after what was held is told, so that whoever has
 * just read of it may be a little early.
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

static int cmd_confirm_deletions(int argc, char **argv)
{
    struct places places = {0};
    auto_free char *directory = NULL;
    struct arguments args;
    struct error err = {0};
    int id;

    arguments_init(&args, &command_confirm_deletions, argc, argv);
    while ((id = arguments_next(&args)) > 0) {
        places_take(&places, id, args.value);
    }
    if (id < 0 || arguments_count(&args, 0, 0, NULL) < 0) {
        return args.exit_code;
    }
    directory = directory_option(places.state, "BERTH_STATE", DEFAULT_STATE_DIR);
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

const struct command command_confirm_deletions = {
    .name = "confirm-deletions",
    .run = cmd_confirm_deletions,
    .summary = "let held deletions happen",
    .group = GROUP_OPERATING,
    .description =
        "When more than half of all objects (and more than five) lose their specs at once, the "
        "controller keeps them and says so. This lets it go on: what is missing now is deleted at "
        "its next look.",
    .options = (const struct command_option[]){STATE_OPTION, END_OF_OPTIONS},
    .exit_codes = "0 confirmed, 1 nothing is held or no controller runs, 2 usage",
    .examples = "berth confirm-deletions\n"
                "berth confirm-deletions --state /srv/berth/state",
};

#include "cli/command.h"

#include "base/cleanup.h"
#include "cli/arguments.h"
#include "cli/get_select.h"
#include "cli/staleness.h"
#include "cli/status_store.h"
#include "cli/style.h"
#include "cli/tree_view.h"
#include "controller/options.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_NO_HEADERS = 256 };

struct tree_options {
    struct places places;
    struct get_selection selection;
    struct tree_look look;
    bool is_json;
};

static void tree_options_done(struct tree_options *options)
{
    get_selection_done(&options->selection);
}

static int take_arguments(struct tree_options *options, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        switch (id) {
        case 'o':
            options->look.is_wide = strcmp(args->value, "wide") == 0;
            options->is_json = strcmp(args->value, "json") == 0;
            if (!options->look.is_wide && !options->is_json && strcmp(args->value, "tree") != 0) {
                return arguments_wrong(args, "-o: \"%s\" is none of tree, wide, json", args->value);
            }
            break;
        case OPTION_NO_HEADERS: options->look.has_no_headers = true; break;
        default: places_take(&options->places, id, args->value); break;
        }
    }
    return id < 0 ? -1 : get_selection_take(&options->selection, args);
}

static void print(const struct tree_options *options, json_t *roots)
{
    json_auto_t *list = NULL;
    auto_free char *text = NULL;

    if (options->is_json) {
        list = json_pack("{s:O}", "items", roots);
        text = json_dumps(list, JSON_INDENT(2));
        puts(text);
    } else {
        tree_view_print(roots, &options->look, stdout);
    }
}

static int cmd_tree(int argc, char **argv)
{
    auto_done(tree_options) options = {0};
    auto_free char *state_dir = NULL, *status_dir = NULL;
    json_auto_t *heartbeat = NULL, *documents = NULL, *items = NULL, *roots = NULL;
    struct error err = {0};
    struct arguments args;
    size_t missing;

    arguments_init(&args, &command_tree, argc, argv);
    if (take_arguments(&options, &args) < 0) {
        return args.exit_code;
    }
    options.look.is_utf8 = style_has_utf8();
    options.look.is_coloured = style_is_on(stdout);
    state_dir = directory_option(options.places.state, "BERTH_STATE", DEFAULT_STATE_DIR);
    heartbeat = status_store_heartbeat(state_dir);
    status_dir = status_store_directory(options.places.specs, options.places.status_dir, heartbeat);
    if (status_store_read(status_dir, &documents, &err) < 0 ||
        get_select(&options.selection, documents, "tree", &items, &missing, &err) < 0) {
        fprintf(stderr, "berth tree: %s\n", err.message);
        return EXIT_FAILED;
    }
    staleness_warn(state_dir, heartbeat);
    if (json_array_size(items) == 0 && !options.is_json) {
        if (missing == 0) {
            fprintf(stderr, "nothing found in %s\n", status_dir);
        }
        return missing > 0 ? EXIT_FAILED : EXIT_OK;
    }
    roots = tree_view_build(documents, &options.selection);
    print(&options, roots);
    return missing > 0 ? EXIT_FAILED : EXIT_OK;
}

const struct command command_tree = {
    .name = "tree",
    .run = cmd_tree,
    .summary = "show what runs where: pools, instances, repository containers, tasks",
    .group = GROUP_OBJECTS,
    .operands = "[KIND[,KIND...] [NAME...] | KIND/NAME...]",
    .description =
        "Shows pools with their instances, the repository containers on those, and the tasks in "
        "them, each with phase and reason. Tasks that wait for a place are below their pool. What "
        "is asked for is shown with what it is in and all that is in it. Reads the status files: "
        "needs neither a controller nor an engine.\n\nA repository container without a Repository "
        "object is listed as container/NAME.\n\n" KIND_HELP,
    .options =
        (const struct command_option[]){
            {'o', "output", "tree|wide|json", "how (tree); wide adds the messages", COMPLETE_WORDS},
            {OPTION_NO_HEADERS, "no-headers", NULL, "no titles above columns", COMPLETE_NOTHING},
            PLACES_OPTIONS,
            END_OF_OPTIONS,
        },
    .exit_codes = "0, also when nothing is there; 1 no object has that name, or the status files "
                  "cannot be read; 2 usage",
    .examples = "berth tree\n"
                "berth tree pool/build\n"
                "berth tree task/fix-7   where it runs",
    .completion = {COMPLETE_KINDS, COMPLETE_NAMES, COMPLETE_NOTHING},
};

#include "cli/command.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/arguments.h"
#include "cli/documents.h"
#include "cli/get_output.h"
#include "cli/get_select.h"
#include "cli/staleness.h"
#include "cli/status_store.h"
#include "cli/status_watch.h"
#include "controller/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { OPTION_SORT_BY = 256, OPTION_NO_HEADERS };

static const char phase_gone[] = "Deleted";

struct get {
    struct places places;
    struct get_selection selection;
    struct get_output output;
    bool is_watching;
    char *state_dir;
    json_t *heartbeat; /* of the controller with it; NULL: none has run */
};

static void get_done(struct get *get)
{
    get_selection_done(&get->selection);
    get_output_done(&get->output);
    json_decref(get->heartbeat);
    free(get->state_dir);
}

static int take_option(struct get *get, struct arguments *args, int id)
{
    struct error err = {0};

    switch (id) {
    case 'o':
        return get_output_parse(&get->output, args->value, &err) < 0
                   ? arguments_wrong(args, "-o: %s", err.message)
                   : 0;
    case 'l':
        selector_free(TAKE(get->selection.selector));
        return selector_parse(args->value, &get->selection.selector, &err) < 0
                   ? arguments_wrong(args, "-l: \"%s\": %s", args->value, err.message)
                   : 0;
    case OPTION_SORT_BY:
        jsonpath_free(TAKE(get->selection.sort_by));
        return jsonpath_compile_field(args->value, &get->selection.sort_by, &err) < 0
                   ? arguments_wrong(args, "--sort-by: \"%s\": %s", args->value, err.message)
                   : 0;
    case OPTION_NO_HEADERS: get->output.has_no_headers = true; return 0;
    case 'w': get->is_watching = true; return 0;
    default: places_take(&get->places, id, args->value); return 0;
    }
}

static int take_arguments(struct get *get, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        if (take_option(get, args, id) < 0) {
            return -1;
        }
    }
    if (id < 0 || get_selection_take(&get->selection, args) < 0) {
        return -1;
    }
    get->output.kind = get_selection_kind(&get->selection);
    return 0;
}

/* --- once ------------------------------------------------------------------------------------- */

static int fail(const struct error *err)
{
    fprintf(stderr, "berth get: %s\n", err->message);
    return EXIT_FAILED;
}

/* What of these was asked for. Returns the exit code. */
static int show(struct get *get, const char *status_dir, const json_t *documents)
{
    json_auto_t *items = NULL;
    struct error err = {0};
    size_t missing;

    staleness_warn(get->state_dir, get->heartbeat);
    if (get_select(&get->selection, documents, "get", &items, &missing, &err) < 0) {
        return fail(&err);
    }
    if (json_array_size(items) == 0 && missing > 0) {
        return EXIT_FAILED;
    }
    if (json_array_size(items) == 0 && get_output_is_table(&get->output)) {
        fprintf(stderr, "nothing found in %s\n", status_dir);
    } else if (get->is_watching && !get_output_is_table(&get->output)
                   ? get_output_more(&get->output, items, &err) < 0
                   : get_output_print(&get->output, items, get->selection.count == 1, &err) < 0) {
        return fail(&err);
    }
    return missing > 0 ? EXIT_FAILED : EXIT_OK;
}

static int show_once(struct get *get, const char *status_dir)
{
    static json_t *documents; /* not freed: the process ends, and there may be a million values */
    struct error err = {0};

    if (status_store_read(status_dir, &documents, &err) < 0) {
        return fail(&err);
    }
    return show(get, status_dir, documents);
}

/* --- watch ------------------------------------------------------------------------------------ */

/* As it was last, with a phase that says what has become of it. The caller's reference. */
static json_t *as_gone(const json_t *document)
{
    json_t *copy = json_deep_copy(document);

    json_object_set_new(json_object_get(copy, "status"), "phase", json_string(phase_gone));
    return copy;
}

static json_t *choose(const struct get_selection *selection, const json_t *changed,
                      const json_t *gone)
{
    json_t *items = json_array();
    size_t index;
    json_t *document;

    json_array_foreach(gone, index, document) {
        if (get_selects(selection, document)) {
            json_array_append_new(items, as_gone(document));
        }
    }
    json_array_foreach(changed, index, document) {
        if (get_selects(selection, document)) {
            json_array_append(items, document);
        }
    }
    return items;
}

static int show_changes(struct get *get, struct status_watch *watch, struct error *err)
{
    json_auto_t *changed = NULL, *gone = NULL, *items = NULL;

    if (status_watch_poll(watch, &changed, &gone, err) < 0) {
        return -1;
    }
    items = choose(&get->selection, changed, gone);
    if (json_array_size(items) > 0 && get_output_more(&get->output, items, err) < 0) {
        return -1;
    }
    return fflush(stdout) == 0 ? 0 : error_set(err, ERROR_TRANSIENT, "nobody reads the output");
}

/* Until a signal ends it. */
static int show_and_watch(struct get *get, const char *status_dir)
{
    static const struct timespec pause = {.tv_nsec = STATUS_WATCH_POLL_MS * NS_PER_MS};
    auto_owned(status_watch) *watch = status_watch_new(status_dir);
    json_auto_t *documents = NULL, *gone = NULL;
    struct error err = {0};

    if (status_watch_poll(watch, &documents, &gone, &err) < 0) {
        return fail(&err);
    }
    if (show(get, status_dir, documents) != EXIT_OK) {
        return EXIT_FAILED;
    }
    fflush(stdout);
    for (;;) {
        nanosleep(&pause, NULL);
        if (show_changes(get, watch, &err) < 0) {
            return fail(&err);
        }
    }
}

static int cmd_get(int argc, char **argv)
{
    auto_done(get) get = {0};
    auto_free char *status_dir = NULL;
    struct arguments args;

    arguments_init(&args, &command_get, argc, argv);
    if (take_arguments(&get, &args) < 0) {
        return args.exit_code;
    }
    get.state_dir = directory_option(get.places.state, "BERTH_STATE", DEFAULT_STATE_DIR);
    get.heartbeat = status_store_heartbeat(get.state_dir);
    status_dir = status_store_directory(get.places.specs, get.places.status_dir, get.heartbeat);
    return get.is_watching ? show_and_watch(&get, status_dir) : show_once(&get, status_dir);
}

const struct command command_get = {
    .name = "get",
    .run = cmd_get,
    .summary = "show objects and their status",
    .group = GROUP_OBJECTS,
    .operands = "[KIND[,KIND...] [NAME...] | KIND/NAME...]",
    .description =
        "Shows objects and their status from the status files: needs neither a controller nor an "
        "engine. One kind has columns of its own; several have those that all kinds "
        "share.\n\n" KIND_HELP "\n\n"
        "-o jsonpath and --sort-by take paths as kubectl's do, such as {.items[*].metadata.name} "
        "or .status.task.exitCode. A path finds things in what -o json shows: a List with items, "
        "or the object itself when one is asked for by its name.\n\n"
        "With --watch, objects are shown again when their status changes, and once more with "
        "phase Deleted when they go.",
    .options =
        (const struct command_option[]){
            {'o', "output", "table|wide|json|yaml|name|jsonpath=TEMPLATE|custom-columns=NAME:PATH",
             "how (table); several custom columns have commas between them", COMPLETE_WORDS},
            {'w', "watch", NULL, "go on and show what changes, until Ctrl-C", COMPLETE_NOTHING},
            {'l', "selector", "SELECTOR",
             "only objects with such labels: a=b, a!=b, \"a in (x,y)\", \"a notin (x,y)\", a, !a; "
             "several with commas between them",
             COMPLETE_NOTHING},
            {OPTION_SORT_BY, "sort-by", "PATH", "order by what is at that path (file names)",
             COMPLETE_NOTHING},
            {OPTION_NO_HEADERS, "no-headers", NULL, "no titles above columns", COMPLETE_NOTHING},
            PLACES_OPTIONS,
            END_OF_OPTIONS,
        },
    .exit_codes = "0, also when nothing is there; 1 no object has that name, or the status files "
                  "cannot be read; 2 usage",
    .examples = "berth get\n"
                "berth get instances -o wide\n"
                "berth get pools,tasks -w\n"
                "berth get task fix-7 -o json | jq .status.task.exitCode\n"
                "berth get task fix-7 -o 'jsonpath={.status.task.exitCode}'\n"
                "berth get tasks -l team=infra --sort-by .status.task.startTime\n"
                "berth get tasks -o custom-columns=NAME:.metadata.name,EXIT:.status.task.exitCode",
    .completion = {COMPLETE_KINDS, COMPLETE_NAMES, COMPLETE_NOTHING},
};

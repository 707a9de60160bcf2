#include "cli/command.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "cli/arguments.h"
#include "cli/documents.h"
#include "cli/engine_session.h"
#include "cli/staleness.h"
#include "cli/status_store.h"
#include "cli/style.h"
#include "cli/top_rows.h"
#include "controller/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SAMPLE_GAP_MS = 1000 }; /* system time is counted in hundredths of a second */
enum { OPTION_NO_HEADERS = 256, OPTION_SORT_BY };

struct top {
    struct places places;
    struct get_selection selection;
    const char *engine;
    enum top_order order;
    bool is_json, is_watching, has_no_headers;
    char *status_dir;
    struct engine_session session;
};

static void top_done(struct top *top)
{
    get_selection_done(&top->selection);
    engine_session_done(&top->session);
    free(top->status_dir);
}

static int take_option(struct top *top, struct arguments *args, int id)
{
    switch (id) {
    case 'o':
        top->is_json = strcmp(args->value, "json") == 0;
        return top->is_json || strcmp(args->value, "table") == 0
                   ? 0
                   : arguments_wrong(args, "-o: \"%s\" is neither table nor json", args->value);
    case OPTION_SORT_BY:
        top->order = strcmp(args->value, "cpu") == 0 ? TOP_BY_CPU : TOP_BY_MEMORY;
        return top->order == TOP_BY_CPU || strcmp(args->value, "memory") == 0
                   ? 0
                   : arguments_wrong(args, "--sort-by: \"%s\" is neither cpu nor memory",
                                     args->value);
    case 'w': top->is_watching = true; return 0;
    case OPTION_NO_HEADERS: top->has_no_headers = true; return 0;
    case OPTION_ENGINE: top->engine = args->value; return 0;
    default: places_take(&top->places, id, args->value); return 0;
    }
}

static int take_arguments(struct top *top, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        if (take_option(top, args, id) < 0) {
            return -1;
        }
    }
    return id < 0 ? -1 : get_selection_take(&top->selection, args);
}

/* --- samples ---------------------------------------------------------------------------------- */

/* Several rows may be about one container: tasks share theirs. */
static const struct top_row *same_container(const struct top_rows *rows, size_t before)
{
    for (size_t i = 0; i < before; i++) {
        if (rows->items[before].container != NULL && rows->items[i].container != NULL &&
            strcmp(rows->items[i].container, rows->items[before].container) == 0) {
            return &rows->items[i];
        }
    }
    return NULL;
}

/* A container that is gone, or does not run, has no figures; that is no error. */
static int take_sample(struct top_row *row, const struct engine_answer *answer, struct error *err)
{
    enum error_kind kind = answer->err.kind;

    if (kind != ERROR_NONE && kind != ERROR_NOT_FOUND && kind != ERROR_CONFLICT) {
        *err = answer->err;
        return -1;
    }
    row->after = usage_sample_from_json(answer->json);
    return 0;
}

/*
 * A sample of every container, all at once: an engine takes up to a second for each, and waits for
 * the same tick of its clock with all of them.
 */
static int sample_all(struct top *top, struct top_rows *rows, struct error *err)
{
    auto_free struct docker_request **requests = xcalloc(rows->count + 1, sizeof(*requests));
    auto_free struct engine_answer *answers = xcalloc(rows->count + 1, sizeof(*answers));
    auto_free struct top_row **asked = xcalloc(rows->count + 1, sizeof(struct top_row *));
    size_t count = 0;
    int result = 0;

    for (size_t i = 0; i < rows->count; i++) {
        struct top_row *row = &rows->items[i];

        row->before = row->after;
        row->after = (struct usage_sample){0};
        if (row->container != NULL && same_container(rows, i) == NULL) {
            asked[count] = row;
            requests[count++] = docker_container_stats(row->container);
        }
    }
    engine_session_call_all(&top->session, requests, count, answers);
    for (size_t i = 0; i < count; i++) {
        result = result < 0 ? result : take_sample(asked[i], &answers[i], err);
        json_decref(answers[i].json);
    }
    for (size_t i = 0; i < rows->count; i++) {
        const struct top_row *same = same_container(rows, i);

        rows->items[i].after = same != NULL ? same->after : rows->items[i].after;
    }
    return result;
}

static void pause_between(void)
{
    static const struct timespec gap = {.tv_sec = SAMPLE_GAP_MS / MS_PER_SECOND};

    nanosleep(&gap, NULL);
}

/* --- output ----------------------------------------------------------------------------------- */

static size_t count_shown(const struct top_rows *rows)
{
    size_t count = 0;

    for (size_t i = 0; i < rows->count; i++) {
        count += rows->items[i].is_shown;
    }
    return count;
}

static void print(const struct top *top, struct top_rows *rows)
{
    json_auto_t *list = NULL;
    auto_free char *text = NULL;

    top_rows_sort(rows, top->order);
    if (top->is_json) {
        list = top_rows_to_json(rows);
        text = json_dumps(list, JSON_INDENT(top->is_watching ? 0 : 2) |
                                    (top->is_watching ? JSON_COMPACT : 0));
        puts(text);
    } else if (count_shown(rows) == 0) {
        fprintf(stderr, "nothing found in %s\n", top->status_dir);
    } else {
        top_rows_print(rows, get_selection_kind(&top->selection), !top->has_no_headers, stdout);
    }
    fflush(stdout);
}

/* The objects that were asked for, as they are now, with the container's samples still to come. */
static int find(const struct top *top, struct top_rows *rows, size_t *ret_missing,
                struct error *err)
{
    json_auto_t *documents = NULL, *items = NULL;

    if (status_store_read(top->status_dir, &documents, err) < 0 ||
        get_select(&top->selection, documents, "top", &items, ret_missing, err) < 0) {
        return -1;
    }
    top_rows_find(rows, documents, &top->selection);
    return 0;
}

static int fail(const struct error *err)
{
    fprintf(stderr, "berth top: %s\n", err->message);
    return EXIT_FAILED;
}

/* Two samples with a second between them. */
static int show(struct top *top)
{
    auto_done(top_rows) rows = {0};
    struct error err = {0};
    size_t missing;

    if (find(top, &rows, &missing, &err) < 0 || sample_all(top, &rows, &err) < 0) {
        return fail(&err);
    }
    pause_between();
    if (sample_all(top, &rows, &err) < 0) {
        return fail(&err);
    }
    top_rows_add_up(&rows);
    if (missing == 0 || count_shown(&rows) > 0) {
        if (top->is_watching && !top->is_json && style_is_on(stdout)) {
            fputs("\033[H\033[2J", stdout); /* the screen, from its top */
        }
        print(top, &rows);
    }
    return missing > 0 ? EXIT_FAILED : EXIT_OK;
}

static int cmd_top(int argc, char **argv)
{
    auto_done(top) top = {0};
    auto_free char *state_dir = NULL;
    json_auto_t *heartbeat = NULL;
    struct error err = {0};
    struct arguments args;
    int code;

    arguments_init(&args, &command_top, argc, argv);
    if (take_arguments(&top, &args) < 0) {
        return args.exit_code;
    }
    state_dir = directory_option(top.places.state, "BERTH_STATE", DEFAULT_STATE_DIR);
    heartbeat = status_store_heartbeat(state_dir);
    top.status_dir = status_store_directory(top.places.specs, top.places.status_dir, heartbeat);
    if (engine_session_open(&top.session, top.engine,
                            document_text(json_object_get(heartbeat, "engine"), "address"),
                            &err) < 0) {
        fprintf(stderr,
                "berth top: %s; figures are the engine's: is it up, and is --engine right? berth "
                "get works without it\n",
                err.message);
        return EXIT_FAILED;
    }
    staleness_warn(state_dir, heartbeat);
    do {
        code = show(&top);
    } while (top.is_watching && code == EXIT_OK);
    return code;
}

const struct command command_top = {
    .name = "top",
    .run = cmd_top,
    .summary = "show the CPU and memory that containers use now",
    .group = GROUP_LOOKING,
    .operands = "[KIND[,KIND...] [NAME...] | KIND/NAME...]",
    .description =
        "Shows processors, memory and the number of active tasks of instances and repository "
        "containers, measured by the engine over one second. 100% is one processor. Memory is "
        "without the cache of files that can be dropped; its limit is the machine's memory where "
        "there is none.\n\nA task has the figures of the container that it shares with others; a "
        "pool has the sum of its instances and of what is placed on them. What does not run has "
        "no figures.\n\n" KIND_HELP,
    .options =
        (const struct command_option[]){
            {'o', "output", "table|json", "how (table)", COMPLETE_WORDS},
            {'w', "watch", NULL, "go on until Ctrl-C", COMPLETE_NOTHING},
            {OPTION_SORT_BY, "sort-by", "cpu|memory", "most first (the order of files)",
             COMPLETE_WORDS},
            {OPTION_NO_HEADERS, "no-headers", NULL, "no titles above columns", COMPLETE_NOTHING},
            ENGINE_OPTION,
            PLACES_OPTIONS,
            END_OF_OPTIONS,
        },
    .exit_codes = "0, also when nothing runs; 1 no object has that name, or the engine does not "
                  "answer; 2 usage",
    .examples = "berth top\n"
                "berth top repositories --sort-by memory\n"
                "berth top task/fix-7 -w\n"
                "berth top -o json | jq '.items[] | select(.cpuCores > 1).name'",
    .completion = {COMPLETE_KINDS, COMPLETE_NAMES, COMPLETE_NOTHING},
};

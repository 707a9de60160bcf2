#include "cli/command.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/arguments.h"
#include "cli/describe.h"
#include "cli/documents.h"
#include "cli/spec_in_force.h"
#include "cli/status_store.h"
#include "controller/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct describing {
    struct places places;
    char *state_dir, *specs_dir, *status_dir;
    json_t *heartbeat, *documents;
    struct spec_store store;
    struct event_list events;
    unsigned shown;
};

static void describing_done(struct describing *describing)
{
    free(describing->state_dir);
    free(describing->specs_dir);
    free(describing->status_dir);
    json_decref(describing->heartbeat);
    json_decref(describing->documents);
    spec_store_done(&describing->store);
    event_list_done(&describing->events);
}

/* --- what there is ---------------------------------------------------------------------------- */

static bool has_document(const json_t *documents, const char *kind, const char *name)
{
    size_t index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        if (text_equal(document_kind(document), kind) &&
            text_equal(document_name(document), name)) {
            return true;
        }
    }
    return false;
}

/* Specs that no controller has looked at yet. */
static void add_unseen(struct describing *describing)
{
    for (size_t i = 0; i < describing->store.count; i++) {
        const struct spec_file *parsed = describing->store.files[i].parsed;

        for (size_t d = 0; d < parsed->count; d++) {
            const char *kind = parsed->documents[d].kind, *name = parsed->documents[d].name;

            if (kind != NULL && name != NULL && !has_document(describing->documents, kind, name)) {
                json_array_append_new(
                    describing->documents,
                    json_pack("{s:s, s:{s:s}}", "kind", kind, "metadata", "name", name));
            }
        }
    }
}

static int read_all(struct describing *describing, struct error *err)
{
    const struct places *places = &describing->places;
    struct event_feed feed = {0};
    struct error ignored = {0};

    describing->state_dir = directory_option(places->state, "BERTH_STATE", DEFAULT_STATE_DIR);
    describing->heartbeat = status_store_heartbeat(describing->state_dir);
    describing->specs_dir = status_store_specs(places->specs, describing->heartbeat);
    describing->status_dir =
        status_store_directory(places->specs, places->status_dir, describing->heartbeat);
    if (status_store_read(describing->status_dir, &describing->documents, err) < 0) {
        return -1;
    }
    if (spec_store_read(describing->specs_dir, stderr, &describing->store, &ignored) == 0) {
        add_unseen(describing);
    } else {
        fprintf(stderr, "warning: %s\n", ignored.message);
    }
    error_clear(&ignored);
    if (event_feed_read(&feed, describing->state_dir, &describing->events, &ignored) < 0) {
        fprintf(stderr, "warning: %s\n", ignored.message);
    }
    return 0;
}

/* --- what is asked for ------------------------------------------------------------------------ */

static void find_spec(const struct describing *describing, const json_t *document,
                      struct spec_in_force *spec)
{
    const char *pool = document_text(document, "pool"), *name = document_name(document);
    enum kind kind = KIND_INSTANCE_POOL;

    if (pool != NULL) {
        name = pool; /* a member is made from its template */
    } else if (document_kind(document) == NULL || name == NULL ||
               kind_from_argument(document_kind(document), &kind) < 0) {
        return;
    }
    spec_in_force_find(&describing->store, describing->state_dir, kind, name, spec);
}

static void show(struct describing *describing, const json_t *document)
{
    auto_done(spec_in_force) spec = {0};
    auto_done(strbuf) text = {0};
    struct description description;

    find_spec(describing, document, &spec);
    description = (struct description){
        .document = document,
        .spec_origin = spec.origin,
        .spec_text = spec.text,
        .engine = document_text(json_object_get(describing->heartbeat, "engine"), "address"),
        .events = &describing->events,
    };
    describe(&description, &text);
    printf("%s%s", describing->shown++ > 0 ? "\n\n" : "", strbuf_text(&text));
}

/* kind NULL: any; name NULL: all. Says so when there is none. */
static int show_chosen(struct describing *describing, const char *kind, const char *name)
{
    unsigned before = describing->shown;
    size_t index;
    json_t *document;

    json_array_foreach(describing->documents, index, document) {
        if ((kind == NULL || text_equal(document_kind(document), kind)) &&
            (name == NULL || text_equal(document_name(document), name))) {
            show(describing, document);
        }
    }
    if (describing->shown > before) {
        return EXIT_OK;
    }
    if (name == NULL) {
        fprintf(stderr, "nothing found in %s\n", describing->status_dir);
        return EXIT_OK;
    }
    {
        auto_free char *nearest = documents_suggest(describing->documents, kind, name);

        fprintf(stderr, "berth describe: there is no %s \"%s\"%s\n", kind != NULL ? kind : "object",
                name, nearest);
    }
    return EXIT_FAILED;
}

/* "all" is 0 and kind NULL. */
static int parse_kind(struct arguments *args, const char *text, const char **ret_kind)
{
    enum kind kind;

    *ret_kind = NULL;
    if (strcasecmp(text, "all") == 0) {
        return 0;
    }
    if (kind_from_argument(text, &kind) < 0) {
        return unknown_kind_error(args, text);
    }
    *ret_kind = kind_name(kind);
    return 0;
}

/* "KIND/NAME". */
static int show_spelled(struct describing *describing, struct arguments *args, const char *text)
{
    const char *slash = strchr(text, '/'), *kind;
    auto_free char *word = NULL;

    if (slash == NULL) {
        return show_chosen(describing, NULL, text);
    }
    word = xstrndup(text, (size_t)(slash - text));
    if (parse_kind(args, word, &kind) < 0) {
        return args->exit_code;
    }
    return show_chosen(describing, kind, slash + 1);
}

static int show_asked(struct describing *describing, struct arguments *args)
{
    const char *kind = NULL;
    enum kind ignored;
    bool is_kind_first = strchr(args->operands[0], '/') == NULL &&
                         (args->count > 1 || strcasecmp(args->operands[0], "all") == 0 ||
                          kind_from_argument(args->operands[0], &ignored) == 0);
    int exit_code = EXIT_OK;

    if (is_kind_first && parse_kind(args, args->operands[0], &kind) < 0) {
        return args->exit_code;
    }
    if (is_kind_first && args->count == 1) {
        return show_chosen(describing, kind, NULL);
    }
    for (int i = is_kind_first ? 1 : 0; i < args->count; i++) {
        int result = is_kind_first ? show_chosen(describing, kind, args->operands[i])
                                   : show_spelled(describing, args, args->operands[i]);

        exit_code = result > exit_code ? result : exit_code;
    }
    return exit_code;
}

static int cmd_describe(int argc, char **argv)
{
    auto_done(describing) describing = {0};
    struct error err = {0};
    struct arguments args;
    int id;

    arguments_init(&args, &command_describe, argc, argv);
    while ((id = arguments_next(&args)) > 0) {
        places_take(&describing.places, id, args.value);
    }
    if (id < 0 || arguments_count(&args, 1, argc, "describe what? name a kind, or KIND/NAME") < 0) {
        return args.exit_code;
    }
    if (read_all(&describing, &err) < 0) {
        fprintf(stderr, "berth describe: %s\n", err.message);
        return EXIT_FAILED;
    }
    return show_asked(&describing, &args);
}

const struct command command_describe = {
    .name = "describe",
    .run = cmd_describe,
    .summary = "show all that is known of objects, why they are so, and what to do",
    .group = GROUP_OBJECTS,
    .operands = "KIND [NAME...] | KIND/NAME...",
    .description =
        "Shows all that is known of an object, for people: how it stands and why, what to do about "
        "it, what is under way, ports with their URLs, container, restarts, conditions, history, "
        "the spec that is in force, and the last ten events. It reads files only: neither a "
        "controller nor an engine is needed. For scripts there is berth get -o json.\n\n" KIND_HELP,
    .options =
        (const struct command_option[]){
            PLACES_OPTIONS,
            END_OF_OPTIONS,
        },
    .exit_codes = "0, also when there is nothing of that kind; 1 no object has that name, 2 usage",
    .examples = "berth describe instance web\n"
                "berth describe task/fix-7 pool/build",
    .completion = {COMPLETE_KINDS, COMPLETE_NAMES, COMPLETE_NAMES},
};

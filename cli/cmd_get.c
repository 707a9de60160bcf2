#include "cli/command.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "cli/arguments.h"
#include "cli/documents.h"
#include "cli/status_store.h"
#include "cli/table.h"
#include "controller/options.h"
#include "specs/status.h"
#include "specs/types.h"
#include "specs/yaml_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum output { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON, OUTPUT_YAML };

struct get_options {
    struct places places;
    enum output output;
    const char *kind; /* "Instance"; NULL: all */
    const char *name; /* NULL: all */
};

static int take_output(struct get_options *options, struct arguments *args)
{
    static const char *const words[] = {"table", "wide", "json", "yaml"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcmp(args->value, words[i]) == 0) {
            options->output = (enum output)i;
            return 0;
        }
    }
    return arguments_wrong(args, "-o: \"%s\" is none of table, wide, json, yaml", args->value);
}

static int take_kind(struct get_options *options, struct arguments *args, const char *text)
{
    enum kind kind;

    if (strcasecmp(text, "all") == 0) {
        return 0;
    }
    if (kind_from_argument(text, &kind) < 0) {
        return unknown_kind_error(args, text);
    }
    options->kind = kind_name(kind);
    return 0;
}

static int take_arguments(struct get_options *options, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        if (id == 'o' && take_output(options, args) < 0) {
            return -1;
        }
        places_take(&options->places, id, args->value);
    }
    if (id < 0 || (args->count > 0 && take_kind(options, args, args->operands[0]) < 0)) {
        return -1;
    }
    options->name = args->count > 1 ? args->operands[1] : NULL;
    return arguments_count(args, 0, 2, NULL);
}

/* Fields of a document */

/*
 * Whether it is ready; "-" for a task that is over, which will never be and has nothing to be ready
 * for.
 */
static const char *ready_text(const json_t *document)
{
    const char *phase = document_phase(document);

    if (text_equal(phase, phase_name(PHASE_SUCCEEDED)) ||
        text_equal(phase, phase_name(PHASE_FAILED))) {
        return "-";
    }
    return document_text(document_condition(document, "Ready"), "status");
}

static char *ports_text(const json_t *status)
{
    auto_done(strbuf) text = {0};
    size_t index;
    json_t *port;

    json_array_foreach(json_object_get(status, "ports"), index, port) {
        const char *ip = document_text(port, "hostIP"), *protocol = document_text(port, "protocol");

        strbuf_addf(&text, "%s%s:%lld->%lld%s", index > 0 ? "," : "", ip != NULL ? ip : "",
                    (long long)json_integer_value(json_object_get(port, "hostPort")),
                    (long long)json_integer_value(json_object_get(port, "containerPort")),
                    text_equal(protocol, "UDP") ? "/udp" : "");
    }
    return strbuf_take(&text);
}

/* Output */

static void add_row(struct table *table, const json_t *document, bool is_wide)
{
    const json_t *status = document_status(document);
    const json_t *ready = document_condition(document, "Ready");
    const json_t *container = json_object_get(status, "container");
    const json_t *restarts = json_object_get(json_object_get(status, "restarts"), "count");
    auto_free char *ports = ports_text(status);
    auto_free char *count = xasprintf("%lld", (long long)json_integer_value(restarts));
    char age[AGE_SIZE];

    table_add(table, document_kind(document));
    table_add(table, document_name(document));
    table_add(table, document_phase(document));
    table_add(table, ready_text(document));
    table_add(table, document_reason(document));
    table_add(table, document_age(document_text(ready, "lastTransitionTime"), age));
    table_add(table, ports);
    if (is_wide) {
        const char *id = document_text(container, "id");
        auto_free char *short_id = id != NULL ? xasprintf("%.12s", id) : NULL;

        table_add(table, count);
        table_add(table, short_id);
        table_add(table, document_text(container, "ip"));
        table_add(table, document_text(document, "file"));
        table_add(table, document_message(document));
    }
}

static void print_table(const json_t *items, bool is_wide)
{
    static const char *const titles[] = {"KIND",      "NAME", "PHASE",       "READY",
                                         "REASON",    "AGE",  "PORTS",       "RESTARTS",
                                         "CONTAINER", "IP",   "STATUS FILE", "MESSAGE"};
    size_t columns = is_wide ? ARRAY_SIZE(titles) : 7;
    auto_done(table) table;
    size_t index;
    json_t *item;

    table_init(&table, columns);
    for (size_t i = 0; i < columns; i++) {
        table_add(&table, titles[i]);
    }
    json_array_foreach(items, index, item) {
        add_row(&table, item, is_wide);
    }
    table_print(&table, stdout);
}

static void print_value(const json_t *value, enum output output)
{
    auto_done(strbuf) text = {0};
    auto_free char *json = NULL;

    if (output == OUTPUT_JSON) {
        json = json_dumps(value, JSON_INDENT(2));
        puts(json);
    } else if (yaml_write(&text, value) == 0) {
        fputs(strbuf_text(&text), stdout);
    }
}

static void print_items(json_t *items, const struct get_options *options)
{
    json_auto_t *list = NULL;

    if (options->output == OUTPUT_TABLE || options->output == OUTPUT_WIDE) {
        print_table(items, options->output == OUTPUT_WIDE);
        return;
    }
    if (options->name != NULL && json_array_size(items) == 1) {
        print_value(json_array_get(items, 0), options->output);
        return;
    }
    list = json_pack("{s:s, s:s, s:O}", "apiVersion", API_VERSION, "kind", "List", "items", items);
    print_value(list, options->output);
}

static json_t *choose(const json_t *documents, const struct get_options *options)
{
    json_t *items = json_array();
    size_t index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        const char *name = document_name(document);

        if ((options->kind == NULL || text_equal(document_kind(document), options->kind)) &&
            (options->name == NULL || text_equal(name, options->name))) {
            json_array_append(items, document);
        }
    }
    return items;
}

/* It lives and does not say so: its state directory is full, or it hangs. */
static void warn_of_silence(const json_t *heartbeat)
{
    const char *last = document_text(heartbeat, "time");
    json_int_t interval_seconds = json_integer_value(json_object_get(heartbeat, "intervalSeconds"));
    int64_t then_ms;
    char age[AGE_SIZE];

    if (last != NULL && timestamp_parse(last, &then_ms) == 0 && interval_seconds > 0 &&
        clock_wall_ms() - then_ms > (2 * interval_seconds + 10) * MS_PER_SECOND) {
        fprintf(stderr,
                "warning: the controller has written nothing for %s: its log says why (a full or "
                "read-only state directory?)\n",
                document_age(last, age));
    }
}

static void warn_of_unwritten(const json_t *heartbeat)
{
    size_t index;
    json_t *item;

    json_array_foreach(json_object_get(heartbeat, "conditions"), index, item) {
        const char *type = document_text(item, "type"), *message = document_text(item, "message");

        if ((text_equal(type, "StateWritten") || text_equal(type, "StatusWritten")) &&
            text_equal(document_text(item, "status"), "False")) {
            fprintf(stderr, "warning: %s is False: %s\n", type, message != NULL ? message : "");
        }
    }
}

/* Whoever reads an old status must know that it is old. */
static void warn_of_age(const char *state_dir, const json_t *heartbeat)
{
    const char *last = document_text(heartbeat, "time");
    const json_t *engine = json_object_get(heartbeat, "engine");
    const json_t *specs = json_object_get(heartbeat, "specs");
    char age[AGE_SIZE];

    if (!status_store_is_controlled(state_dir)) {
        if (last != NULL) {
            fprintf(stderr,
                    "warning: no controller is running; this is what it last wrote, %s ago\n",
                    document_age(last, age));
        } else {
            fprintf(stderr, "warning: no controller has run with state directory %s\n", state_dir);
        }
        return;
    }
    warn_of_silence(heartbeat);
    warn_of_unwritten(heartbeat);
    if (json_is_false(json_object_get(engine, "available"))) {
        const char *message = document_text(engine, "message");

        fprintf(stderr, "warning: the controller cannot reach its engine%s%s\n",
                message != NULL ? ": " : "", message != NULL ? message : "");
    }
    if (json_integer_value(json_object_get(specs, "heldDeletions")) > 0) {
        fprintf(stderr,
                "warning: %lld deletions are held: put the files back, or run berth "
                "confirm-deletions\n",
                (long long)json_integer_value(json_object_get(specs, "heldDeletions")));
    }
}

static int not_found(const json_t *documents, const struct get_options *options)
{
    auto_free char *nearest = documents_suggest(documents, options->kind, options->name);

    fprintf(stderr, "berth get: there is no %s \"%s\"%s\n",
            options->kind != NULL ? options->kind : "object", options->name, nearest);
    return EXIT_FAILED;
}

static int cmd_get(int argc, char **argv)
{
    struct get_options options = {0};
    auto_free char *state_dir = NULL, *status_dir = NULL;
    json_auto_t *documents = NULL, *items = NULL, *heartbeat = NULL;
    struct error err = {0};
    struct arguments args;

    arguments_init(&args, &command_get, argc, argv);
    if (take_arguments(&options, &args) < 0) {
        return args.exit_code;
    }
    state_dir = directory_option(options.places.state, "BERTH_STATE", DEFAULT_STATE_DIR);
    heartbeat = status_store_heartbeat(state_dir);
    status_dir = status_store_directory(options.places.specs, options.places.status_dir, heartbeat);
    if (status_store_read(status_dir, &documents, &err) < 0) {
        fprintf(stderr, "berth get: %s\n", err.message);
        return EXIT_FAILED;
    }
    warn_of_age(state_dir, heartbeat);
    items = choose(documents, &options);
    if (json_array_size(items) == 0 && options.name != NULL) {
        return not_found(documents, &options);
    }
    if (json_array_size(items) == 0 && options.output <= OUTPUT_WIDE) {
        fprintf(stderr, "nothing found in %s\n", status_dir);
        return EXIT_OK;
    }
    print_items(items, &options);
    return EXIT_OK;
}

const struct command command_get = {
    .name = "get",
    .run = cmd_get,
    .summary = "show objects and their status",
    .group = GROUP_OBJECTS,
    .operands = "[KIND [NAME]]",
    .description = "Shows objects and their status from the status files: needs neither a "
                   "controller nor an engine.\n\n" KIND_HELP,
    .options =
        (const struct command_option[]){
            {'o', "output", "table|wide|json|yaml", "how (table)", COMPLETE_WORDS},
            PLACES_OPTIONS,
            END_OF_OPTIONS,
        },
    .exit_codes = "0, also when nothing is there; 1 no object has that name, 2 usage",
    .examples = "berth get\n"
                "berth get instances -o wide\n"
                "berth get task fix-7 -o json | jq .status.task.exitCode",
    .completion = {COMPLETE_KINDS, COMPLETE_NAMES, COMPLETE_NOTHING},
};

#include "cli/command.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "base/suggest.h"
#include "cli/arguments.h"
#include "cli/status_store.h"
#include "cli/table.h"
#include "controller/options.h"
#include "specs/status.h"
#include "specs/types.h"
#include "specs/yaml_writer.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char help[] =
    "usage: berth get [KIND [NAME]] [OPTION...]\n\n"
    "Shows objects and their status from the status files: needs neither a controller nor an "
    "engine.\n"
    "KIND: instances (inst), instancepools (pools), repositories (repos), tasks; the singular "
    "too;\n"
    "or all.\n\n"
    "  -o, --output table|wide|json|yaml\n"
    "  --specs DIR        directory with the specs (BERTH_SPECS, " DEFAULT_SPECS_DIR ")\n"
    "  --status-dir DIR   directory with the status files, where it is another one\n"
    "  --state DIR        state directory of the controller (BERTH_STATE, " DEFAULT_STATE_DIR ")\n"
    "  -h, --help\n\n"
    "examples:\n"
    "  berth get\n"
    "  berth get instances -o wide\n"
    "  berth get task fix-7 -o json | jq .status.task.exitCode\n";

enum output { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON, OUTPUT_YAML };

struct get_options {
    const char *specs, *state, *status_dir;
    enum output output;
    const char *kind; /* "Instance"; NULL: all */
    const char *name; /* NULL: all */
    bool wants_help;
};

static int take_output(struct get_options *options, const char *value)
{
    static const char *const words[] = {"table", "wide", "json", "yaml"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcmp(value, words[i]) == 0) {
            options->output = (enum output)i;
            return 0;
        }
    }
    return usage_error("get", "-o: \"%s\" is none of table, wide, json, yaml", value);
}

static int take_kind(struct get_options *options, const char *text)
{
    enum kind kind;

    if (strcasecmp(text, "all") == 0) {
        return 0;
    }
    if (kind_from_argument(text, &kind) < 0) {
        return unknown_kind_error("get", text);
    }
    options->kind = kind_name(kind);
    return 0;
}

static int take_arguments(struct get_options *options, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"output", required_argument, NULL, 'o'},
        {"specs", required_argument, NULL, 'S'},
        {"status-dir", required_argument, NULL, 'D'},
        {"state", required_argument, NULL, 'T'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int id;

    optind = 1;
    opterr = 0;
    while ((id = getopt_long(argc, argv, ":o:h", long_options, NULL)) != -1) {
        switch (id) {
        case 'o':
            if (take_output(options, optarg) != 0) {
                return EXIT_BAD_USAGE;
            }
            break;
        case 'S': options->specs = optarg; break;
        case 'D': options->status_dir = optarg; break;
        case 'T': options->state = optarg; break;
        case 'h': options->wants_help = true; return 0;
        default: return option_error("get", argv, long_options, id);
        }
    }
    if (optind < argc && take_kind(options, argv[optind]) != 0) {
        return EXIT_BAD_USAGE;
    }
    options->name = optind + 1 < argc ? argv[optind + 1] : NULL;
    if (optind + 2 < argc) {
        return usage_error("get", "unexpected argument \"%s\"", argv[optind + 2]);
    }
    return 0;
}

/* Fields of a document */

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static const json_t *condition(const json_t *status, const char *type)
{
    size_t index;
    json_t *item;

    json_array_foreach(json_object_get(status, "conditions"), index, item) {
        if (text_equal(text_at(item, "type"), type)) {
            return item;
        }
    }
    return NULL;
}

/* Whether it is ready; "-" for a task that is over, which will never be and has nothing to be ready for. */
static const char *ready_text(const json_t *status)
{
    const char *phase = text_at(status, "phase");

    if (text_equal(phase, phase_name(PHASE_SUCCEEDED)) ||
        text_equal(phase, phase_name(PHASE_FAILED))) {
        return "-";
    }
    return text_at(condition(status, "Ready"), "status");
}

static char *ports_text(const json_t *status)
{
    auto_done(strbuf) text = {0};
    size_t index;
    json_t *port;

    json_array_foreach(json_object_get(status, "ports"), index, port) {
        const char *ip = text_at(port, "hostIP"), *protocol = text_at(port, "protocol");

        strbuf_addf(&text, "%s%s:%lld->%lld%s", index > 0 ? "," : "", ip != NULL ? ip : "",
                    (long long)json_integer_value(json_object_get(port, "hostPort")),
                    (long long)json_integer_value(json_object_get(port, "containerPort")),
                    text_equal(protocol, "UDP") ? "/udp" : "");
    }
    return strbuf_take(&text);
}

static const char *message_of(const json_t *status)
{
    const json_t *error = json_object_get(status, "error");
    const char *message = text_at(condition(status, "Ready"), "message");

    if (error != NULL) {
        return text_at(error, "message");
    }
    return message;
}

/* "42s", "7m", "3h", "9d": how long ago that was. */
static const char *age_text(const char *timestamp, char text[32])
{
    int64_t then_ms, seconds;

    text[0] = '\0';
    if (timestamp == NULL || timestamp_parse(timestamp, &then_ms) < 0) {
        return text;
    }
    seconds = (clock_wall_ms() - then_ms) / 1000;
    seconds = seconds > 0 ? seconds : 0;
    if (seconds < 120) {
        snprintf(text, 32, "%llds", (long long)seconds);
    } else if (seconds < 7200) {
        snprintf(text, 32, "%lldm", (long long)seconds / 60);
    } else if (seconds < 172800) {
        snprintf(text, 32, "%lldh", (long long)seconds / 3600);
    } else {
        snprintf(text, 32, "%lldd", (long long)seconds / 86400);
    }
    return text;
}

/* Output */

static void add_row(struct table *table, const json_t *document, bool is_wide)
{
    const json_t *status = json_object_get(document, "status");
    const json_t *ready = condition(status, "Ready");
    const json_t *valid = condition(status, "SpecValid");
    const json_t *container = json_object_get(status, "container");
    const json_t *restarts = json_object_get(json_object_get(status, "restarts"), "count");
    auto_free char *ports = ports_text(status);
    auto_free char *count = xasprintf("%lld", (long long)json_integer_value(restarts));
    char age[32];

    table_add(table, text_at(document, "kind"));
    table_add(table, text_at(json_object_get(document, "metadata"), "name"));
    table_add(table, text_at(status, "phase"));
    table_add(table, ready_text(status));
    /* what runs may be fine while its file is not: the file's trouble is what to act on */
    table_add(table,
              text_at(text_equal(text_at(valid, "status"), "False") ? valid : ready, "reason"));
    table_add(table, age_text(text_at(ready, "lastTransitionTime"), age));
    table_add(table, ports);
    if (is_wide) {
        const char *id = text_at(container, "id");
        auto_free char *short_id = id != NULL ? xasprintf("%.12s", id) : NULL;

        table_add(table, count);
        table_add(table, short_id);
        table_add(table, text_at(container, "ip"));
        table_add(table, text_at(document, "file"));
        table_add(table, message_of(status));
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
        const char *name = text_at(json_object_get(document, "metadata"), "name");

        if ((options->kind == NULL || text_equal(text_at(document, "kind"), options->kind)) &&
            (options->name == NULL || text_equal(name, options->name))) {
            json_array_append(items, document);
        }
    }
    return items;
}

/* It lives and does not say so: its state directory is full, or it hangs. */
static void warn_of_silence(const json_t *heartbeat)
{
    const char *last = text_at(heartbeat, "time");
    json_int_t interval_seconds = json_integer_value(json_object_get(heartbeat, "intervalSeconds"));
    int64_t then_ms;
    char age[32];

    if (last != NULL && timestamp_parse(last, &then_ms) == 0 && interval_seconds > 0 &&
        clock_wall_ms() - then_ms > (2 * interval_seconds + 10) * MS_PER_SECOND) {
        fprintf(stderr,
                "warning: the controller has written nothing for %s: its log says why (a full or "
                "read-only state directory?)\n",
                age_text(last, age));
    }
}

static void warn_of_unwritten(const json_t *heartbeat)
{
    size_t index;
    json_t *item;

    json_array_foreach(json_object_get(heartbeat, "conditions"), index, item) {
        const char *type = text_at(item, "type"), *message = text_at(item, "message");

        if ((text_equal(type, "StateWritten") || text_equal(type, "StatusWritten")) &&
            text_equal(text_at(item, "status"), "False")) {
            fprintf(stderr, "warning: %s is False: %s\n", type, message != NULL ? message : "");
        }
    }
}

/* Whoever reads an old status must know that it is old. */
static void warn_of_age(const char *state_dir, const json_t *heartbeat)
{
    const char *last = text_at(heartbeat, "time");
    const json_t *engine = json_object_get(heartbeat, "engine");
    const json_t *specs = json_object_get(heartbeat, "specs");
    char age[32];

    if (!status_store_is_controlled(state_dir)) {
        if (last != NULL) {
            fprintf(stderr,
                    "warning: no controller is running; this is what it last wrote, %s ago\n",
                    age_text(last, age));
        } else {
            fprintf(stderr, "warning: no controller has run with state directory %s\n", state_dir);
        }
        return;
    }
    warn_of_silence(heartbeat);
    warn_of_unwritten(heartbeat);
    if (json_is_false(json_object_get(engine, "available"))) {
        const char *message = text_at(engine, "message");

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
    size_t count = json_array_size(documents), used = 0;
    auto_free const char **names = xcalloc(count, sizeof(*names));
    const char *nearest;

    for (size_t i = 0; i < count; i++) {
        const char *name =
            text_at(json_object_get(json_array_get(documents, i), "metadata"), "name");

        if (name != NULL) {
            names[used++] = name;
        }
    }
    nearest = suggest_nearest(options->name, names, used);
    fprintf(stderr, "berth get: there is no %s \"%s\"%s%s%s\n",
            options->kind != NULL ? options->kind : "object", options->name,
            nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
            nearest != NULL ? "\"?" : "");
    return EXIT_FAILED;
}

int cmd_get(int argc, char **argv)
{
    struct get_options options = {0};
    auto_free char *state_dir = NULL, *status_dir = NULL;
    json_auto_t *documents = NULL, *items = NULL, *heartbeat = NULL;
    struct error err = {0};
    int result = take_arguments(&options, argc, argv);

    if (result != 0 || options.wants_help) {
        fputs(options.wants_help ? help : "", stdout);
        return result;
    }
    state_dir = directory_option(options.state, "BERTH_STATE", DEFAULT_STATE_DIR);
    heartbeat = status_store_heartbeat(state_dir);
    status_dir = status_store_directory(options.specs, options.status_dir, heartbeat);
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

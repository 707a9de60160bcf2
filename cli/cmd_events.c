#include "cli/command.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/arguments.h"
#include "cli/documents.h"
#include "cli/event_store.h"
#include "cli/status_store.h"
#include "cli/table.h"
#include "controller/options.h"
#include "specs/quantity.h"
#include "specs/yaml_writer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LOOK_AGAIN_MS = 200 };
enum { OPTION_SINCE = 256, OPTION_TYPES, OPTION_FOR };
enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_YAML };

struct events_options {
    struct places places;
    enum output output;
    bool is_watching;
    struct event_filter filter;
};

/* --- arguments -------------------------------------------------------------------------------- */

/* Events are told of more than of what users write. */
static const char *const other_kinds[] = {EVENT_CONTROLLER_KIND, "SpecFile", "RepositoryContainer",
                                          "Mirror", "Setup"};

/* Borrowed, or NULL. */
static const char *kind_word(const char *text)
{
    enum kind kind;

    if (kind_from_argument(text, &kind) == 0) {
        return kind_name(kind);
    }
    for (size_t i = 0; i < ARRAY_SIZE(other_kinds); i++) {
        if (strcasecmp(other_kinds[i], text) == 0) {
            return other_kinds[i];
        }
    }
    return NULL;
}

static int take_kind(struct events_options *options, struct arguments *args, const char *text)
{
    if (strcasecmp(text, "all") == 0) {
        return 0;
    }
    options->filter.kind = kind_word(text);
    return options->filter.kind != NULL ? 0 : unknown_kind_error(args, text);
}

/* "KIND/NAME", "KIND" or only "NAME". */
static int take_object(struct events_options *options, struct arguments *args, const char *text)
{
    const char *slash = strchr(text, '/');
    auto_free char *word = slash != NULL ? xstrndup(text, (size_t)(slash - text)) : NULL;

    if (slash == NULL && strcasecmp(text, "all") != 0 && kind_word(text) == NULL) {
        options->filter.name = text;
        return 0;
    }
    if (slash != NULL && slash[1] == '\0') {
        return arguments_wrong(args, "\"%s\" has no name", text);
    }
    options->filter.name = slash != NULL ? slash + 1 : NULL;
    return take_kind(options, args, word != NULL ? word : text);
}

static int take_types(struct events_options *options, struct arguments *args)
{
    auto_free char *text = xstrdup(args->value);
    char *rest = NULL;

    for (char *word = strtok_r(text, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        if (strcasecmp(word, event_type_name(false)) == 0) {
            options->filter.has_normal = true;
        } else if (strcasecmp(word, event_type_name(true)) == 0) {
            options->filter.has_warning = true;
        } else {
            return arguments_wrong(args, "--types: \"%s\" is neither Normal nor Warning", word);
        }
    }
    return 0;
}

static int take_option(struct events_options *options, struct arguments *args, int id)
{
    static const char *const outputs[] = {"table", "json", "yaml"};
    int64_t ms;

    switch (id) {
    case 'w': options->is_watching = true; return 0;
    case 'o':
        for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
            if (strcmp(args->value, outputs[i]) == 0) {
                options->output = (enum output)i;
                return 0;
            }
        }
        return arguments_wrong(args, "-o: \"%s\" is none of table, json, yaml", args->value);
    case OPTION_SINCE:
        if (quantity_parse_duration(args->value, &ms) < 0 || ms < 0) {
            return arguments_wrong(args, "--since: \"%s\" is not a time such as 10m", args->value);
        }
        options->filter.since_wall_ms = clock_wall_ms() - ms;
        return 0;
    case OPTION_TYPES: return take_types(options, args);
    case OPTION_FOR: return take_object(options, args, args->value);
    default: places_take(&options->places, id, args->value); return 0;
    }
}

static int take_arguments(struct events_options *options, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        if (take_option(options, args, id) < 0) {
            return -1;
        }
    }
    if (id < 0 || arguments_count(args, 0, 2, NULL) < 0) {
        return -1;
    }
    if (args->count == 2) {
        options->filter.name = args->operands[1];
        return take_kind(options, args, args->operands[0]);
    }
    return args->count == 1 ? take_object(options, args, args->operands[0]) : 0;
}

/* --- output ----------------------------------------------------------------------------------- */

static char *object_of(const struct event *event)
{
    json_auto_t *document =
        json_pack("{s:s, s:{s:s}}", "kind", event->kind, "metadata", "name", event->name);

    return document_spelling(document);
}

static void print_table(const struct event_list *list, const struct event_filter *filter)
{
    static const char *const titles[] = {"LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"};
    auto_done(table) table = {0};
    char age[EVENT_AGE_SIZE];

    table_init(&table, ARRAY_SIZE(titles));
    for (size_t i = 0; i < ARRAY_SIZE(titles); i++) {
        table_add(&table, titles[i]);
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct event *event = &list->items[i];
        auto_free char *object = object_of(event);

        if (event_filter_takes(filter, event)) {
            table_add(&table, event_age(event, age));
            table_add(&table, event_type_name(event->is_warning));
            table_add(&table, event->reason);
            table_add(&table, object);
            table_add(&table, event->message);
        }
    }
    table_print(&table, stdout);
}

/* Lines come one by one: nobody knows how wide the next one will be. */
static void print_rows(const struct event_list *list, const struct event_filter *filter)
{
    char age[EVENT_AGE_SIZE];

    for (size_t i = 0; i < list->count; i++) {
        const struct event *event = &list->items[i];
        auto_free char *object = object_of(event);
        auto_free char *row =
            xasprintf("%-20s   %-7s   %-22s   %-26s   %s", event_age(event, age),
                      event_type_name(event->is_warning), event->reason, object, event->message);

        if (event_filter_takes(filter, event)) {
            text_make_clean_line(row, strlen(row));
            puts(row);
        }
    }
}

static void print_lines(const struct event_list *list, const struct event_filter *filter)
{
    for (size_t i = 0; i < list->count; i++) {
        json_auto_t *json = event_to_json(&list->items[i]);
        auto_free char *line = json_dumps(json, JSON_COMPACT);

        if (event_filter_takes(filter, &list->items[i])) {
            puts(line);
        }
    }
}

static void print_list(const struct event_list *list, const struct event_filter *filter,
                       enum output output)
{
    json_t *items = json_array();
    json_auto_t *whole = json_pack("{s:s, s:s, s:o}", "apiVersion", API_VERSION, "kind",
                                   "EventList", "items", items);
    auto_done(strbuf) text = {0};
    auto_free char *json = NULL;

    for (size_t i = 0; i < list->count; i++) {
        if (event_filter_takes(filter, &list->items[i])) {
            json_array_append_new(items, event_to_json(&list->items[i]));
        }
    }
    if (output == OUTPUT_YAML && yaml_write(&text, whole) == 0) {
        fputs(strbuf_text(&text), stdout);
        return;
    }
    json = json_dumps(whole, JSON_INDENT(2));
    puts(json);
}

static size_t count_taken(const struct event_list *list, const struct event_filter *filter)
{
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        count += event_filter_takes(filter, &list->items[i]);
    }
    return count;
}

/* A name that no object has, nor any event, is a mistake; else there just was nothing. */
static int say_nothing_found(const struct events_options *options, const char *state_dir)
{
    const struct event_filter *filter = &options->filter;
    json_auto_t *heartbeat = status_store_heartbeat(state_dir), *documents = NULL;
    auto_free char *status_dir =
        status_store_directory(options->places.specs, options->places.status_dir, heartbeat);
    struct error err = {0};
    size_t index;
    json_t *document;

    if (heartbeat == NULL) {
        fprintf(stderr, "no events: no controller has run with state directory %s\n", state_dir);
        return EXIT_OK;
    }
    if (filter->name != NULL && status_store_read(status_dir, &documents, &err) == 0) {
        auto_free char *nearest = documents_suggest(documents, filter->kind, filter->name);

        json_array_foreach(documents, index, document) {
            if (text_equal(document_name(document), filter->name) &&
                (filter->kind == NULL || text_equal(document_kind(document), filter->kind))) {
                fputs("no events\n", stderr);
                return EXIT_OK;
            }
        }
        fprintf(stderr, "berth events: there is no %s \"%s\", nor any event of one%s\n",
                filter->kind != NULL ? filter->kind : "object", filter->name, nearest);
        return EXIT_FAILED;
    }
    fputs("no events\n", stderr);
    return EXIT_OK;
}

static int show(const struct events_options *options, const struct event_list *list,
                const char *state_dir)
{
    struct event_filter everything = options->filter;

    everything.since_wall_ms = 0;
    everything.has_normal = everything.has_warning = false;
    if (options->output != OUTPUT_TABLE) {
        print_list(list, &options->filter, options->output);
        return EXIT_OK;
    }
    if (count_taken(list, &options->filter) > 0) {
        print_table(list, &options->filter);
        return EXIT_OK;
    }
    if (count_taken(list, &everything) > 0) {
        fputs("no events\n", stderr);
        return EXIT_OK;
    }
    return say_nothing_found(options, state_dir);
}

/* Until somebody ends it. */
static int watch(const struct events_options *options, const char *state_dir,
                 struct event_feed *feed, struct event_list *list, struct error *err)
{
    if (options->output == OUTPUT_TABLE) {
        printf("%-20s   %-7s   %-22s   %-26s   %s\n", "LAST SEEN", "TYPE", "REASON", "OBJECT",
               "MESSAGE");
    }
    do {
        if (options->output == OUTPUT_TABLE) {
            print_rows(list, &options->filter);
        } else {
            print_lines(list, &options->filter);
        }
        event_list_done(list);
        if (fflush(stdout) != 0) {
            return error_set_errno(err, errno, "write to standard output");
        }
        poll(NULL, 0, LOOK_AGAIN_MS);
    } while (event_feed_read(feed, state_dir, list, err) == 0);
    return -1;
}

static int cmd_events(int argc, char **argv)
{
    struct events_options options = {0};
    auto_free char *state_dir = NULL;
    auto_done(event_list) list = {0};
    struct event_feed feed = {0};
    struct error err = {0};
    struct arguments args;
    int exit_code = EXIT_FAILED;

    arguments_init(&args, &command_events, argc, argv);
    if (take_arguments(&options, &args) < 0) {
        return args.exit_code;
    }
    if (options.is_watching && options.output == OUTPUT_YAML) {
        return usage_error("events", "-w writes no YAML: use -o json, which is a line an event");
    }
    state_dir = directory_option(options.places.state, "BERTH_STATE", DEFAULT_STATE_DIR);
    if (event_feed_read(&feed, state_dir, &list, &err) == 0) {
        if (!options.is_watching) {
            exit_code = show(&options, &list, state_dir);
        } else {
            watch(&options, state_dir, &feed, &list, &err);
        }
    }
    if (err.kind != ERROR_NONE) {
        fprintf(stderr, "berth events: %s\n", err.message);
    }
    return exit_code;
}

const struct command command_events = {
    .name = "events",
    .run = cmd_events,
    .summary = "show what happened, newest last",
    .group = GROUP_LOOKING,
    .operands = "[KIND [NAME] | KIND/NAME | NAME]",
    .description =
        "Shows the history that the controller keeps in its state directory: what it did to "
        "objects, what failed, how their phases changed, and what it met itself (KIND Controller). "
        "Neither a controller nor an engine is needed. What repeats is one event with a count. The "
        "history has a ceiling of 4 MiB, so the oldest events go.\n\n" KIND_HELP,
    .options =
        (const struct command_option[]){
            {'w', "watch", NULL, "go on, and show what comes, until it is interrupted",
             COMPLETE_NOTHING},
            {OPTION_SINCE, "since", "TIME", "only what happened in this time, such as 10m",
             COMPLETE_NOTHING},
            {OPTION_TYPES, "types", "Normal|Warning", "only those of this type", COMPLETE_WORDS},
            {OPTION_FOR, "for", "KIND/NAME", "only those of this object, as kubectl spells it",
             COMPLETE_TARGETS},
            {'o', "output", "table|json|yaml", "how (table); json with -w is a line an event",
             COMPLETE_WORDS},
            PLACES_OPTIONS,
            END_OF_OPTIONS,
        },
    .exit_codes = "0, also when nothing happened; 1 no object has that name, or the history cannot "
                  "be read; 2 usage",
    .examples = "berth events instance/web\n"
                "berth events --since 10m --types Warning\n"
                "berth events -w -o json | jq -r .message",
    .completion = {COMPLETE_KINDS, COMPLETE_NAMES, COMPLETE_NOTHING},
};

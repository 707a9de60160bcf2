#include "cli/command.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/apply_plan.h"
#include "cli/arguments.h"
#include "cli/diff_report.h"
#include "cli/documents.h"
#include "cli/places_file.h"
#include "cli/spec_input.h"
#include "cli/status_store.h"
#include "controller/dry_run.h"
#include "controller/run.h"
#include "controller/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_SAME = 0, EXIT_DIFFERENT = 1, EXIT_TROUBLE = 2 }; /* as of diff(1) */
enum { OPTION_CONFIG = 256, OPTION_POLICY };

struct diff {
    struct input_options options;
    struct places places;
    const char *engine, *config, *policy; /* NULL: not given */
    bool is_json;

    char *specs, *state;
    struct spec_store store; /* as it is */
    struct spec_input input;
    struct apply_plan plan; /* what the input would make of it */
    bool has_plan;
    struct spec_overlay *overlays;
    size_t overlay_count;
    struct spec_file **parsed; /* the overlays */
    struct diff_object *objects;
    size_t object_count;
    struct dry_run dry_run;
};

static void diff_done(struct diff *diff)
{
    for (size_t i = 0; i < diff->overlay_count; i++) {
        spec_file_free(diff->parsed[i]);
    }
    free(diff->parsed);
    free(diff->overlays);
    free(diff->objects);
    dry_run_done(&diff->dry_run);
    if (diff->has_plan) {
        apply_plan_done(&diff->plan);
    }
    spec_input_done(&diff->input);
    spec_store_done(&diff->store);
    input_options_done(&diff->options);
    free(diff->specs);
    free(diff->state);
}

static int trouble(const struct arguments *args, const char *message)
{
    fprintf(stderr, "berth %s: %s\n", args->command->name, message);
    return EXIT_TROUBLE;
}

/* --- arguments ------------------------------------------------------------------------------- */

static int take_option(struct diff *diff, struct arguments *args, int id)
{
    switch (id) {
    case OPTION_ENGINE: diff->engine = args->value; return 0;
    case OPTION_CONFIG: diff->config = args->value; return 0;
    case OPTION_POLICY: diff->policy = args->value; return 0;
    case 'o':
        if (strcmp(args->value, "text") != 0 && strcmp(args->value, "json") != 0) {
            return arguments_wrong(args, "-o: \"%s\" is neither text nor json", args->value);
        }
        diff->is_json = strcmp(args->value, "json") == 0;
        return 0;
    default: places_take(&diff->places, id, args->value); return 0;
    }
}

static int take_arguments(struct diff *diff, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        int taken = input_options_take(&diff->options, args, id);

        if (taken < 0 || (taken == 0 && take_option(diff, args, id) < 0)) {
            return -1;
        }
    }
    return id < 0 ? -1 : arguments_count(args, 0, 0, NULL);
}

static int take(struct controller_options *options, enum setting_id id, const char *value,
                struct error *err)
{
    if (value == NULL || options->is_given[id]) {
        return 0;
    }
    if (setting_take(id, options, value, NULL, err) < 0) {
        return error_wrap(err, "--%s", settings[id].flag);
    }
    options->is_given[id] = true;
    return 0;
}

/*
 * What neither a flag nor the environment says is as with the controller that runs there, or ran
 * last.
 */
static int take_from_heartbeat(struct controller_options *options, const char *state_dir,
                               struct error *err)
{
    json_auto_t *heartbeat = status_store_heartbeat(state_dir);
    const json_t *config = json_object_get(heartbeat, "config");
    const char *file = document_text(config, "file");

    if (options->config_file == NULL && file != NULL && access(file, R_OK) == 0) {
        options->config_file = xstrdup(file);
    }
    if (take(options, SETTING_POLICY, document_text(json_object_get(heartbeat, "policy"), "file"),
             err) < 0 ||
        take(options, SETTING_ENGINE,
             document_text(json_object_get(heartbeat, "engine"), "address"), err) < 0 ||
        take(options, SETTING_PORTS, document_text(config, "ports"), err) < 0) {
        return -1;
    }
    return take(options, SETTING_NETWORK_RANGE, document_text(config, "networkRange"), err);
}

static int make_options(const struct diff *diff, struct controller_options *options,
                        struct error *err)
{
    options->is_dry_run = true;
    options->config_file = diff->config != NULL ? path_absolute(diff->config) : NULL;
    options->program = xstrdup("/proc/self/exe");
    if (take(options, SETTING_SPECS, diff->specs, err) < 0 ||
        take(options, SETTING_STATE, diff->state, err) < 0 ||
        take(options, SETTING_STATUS_DIR, diff->places.status_dir, err) < 0 ||
        take(options, SETTING_ENGINE, diff->engine, err) < 0 ||
        take(options, SETTING_POLICY, diff->policy, err) < 0 ||
        settings_take_environment(options, err) < 0 ||
        (options->config_file == NULL && places_file_find(&options->config_file, err) < 0)) {
        return -1;
    }
    return take_from_heartbeat(options, diff->state, err);
}

/* --- the input ------------------------------------------------------------------------------- */

static const struct object *find_in(const struct spec_file *file, enum kind kind, const char *name)
{
    for (size_t i = 0; i < file->count; i++) {
        const struct object *object = file->documents[i].object;

        if (object != NULL && object->kind == kind && strcmp(object->name, name) == 0) {
            return object;
        }
    }
    return NULL;
}

/* As the directory has it, or would have it. */
static const struct object *find_object(const struct diff *diff, enum kind kind, const char *name)
{
    struct spec_store_entry entry;

    for (size_t i = 0; i < diff->overlay_count; i++) {
        const struct object *object = find_in(diff->parsed[i], kind, name);

        if (object != NULL) {
            return object;
        }
    }
    entry = spec_store_find(&diff->store, kind, name);
    return entry.document != NULL ? entry.document->object : NULL;
}

static const struct object *find_by_key(const char *key, void *user)
{
    const char *slash = strchr(key, '/');
    auto_free char *word = xstrndup(key, (size_t)(slash - key));
    enum kind kind;

    return kind_from_name(word, &kind) < 0 ? NULL : find_object(user, kind, slash + 1);
}

/* The files that apply would change are overlays, and nothing is written. */
static void lay_over(struct diff *diff)
{
    const struct apply_plan *plan = &diff->plan;

    diff->overlays = xcalloc(plan->file_count + 1, sizeof(*diff->overlays));
    diff->parsed = xcalloc(plan->file_count + 1, sizeof(struct spec_file *));
    for (size_t i = 0; i < plan->file_count; i++) {
        const struct apply_file *file = &plan->files[i];

        if (!file->is_changed || file->text == NULL) {
            continue;
        }
        diff->parsed[diff->overlay_count] =
            spec_file_parse(file->name, file->text, strlen(file->text));
        diff->overlays[diff->overlay_count++] = (struct spec_overlay){
            .name = file->name, .text = file->text, .len = strlen(file->text)};
    }
    diff->objects = xcalloc(plan->object_count + 1, sizeof(*diff->objects));
    for (size_t i = 0; i < plan->object_count; i++) {
        const struct apply_object *object = &plan->objects[i];
        struct spec_store_entry entry = spec_store_find(&diff->store, object->kind, object->name);
        struct diff_object *pair = &diff->objects[diff->object_count];

        pair->before = entry.document != NULL ? entry.document->object : NULL;
        pair->after = find_object(diff, object->kind, object->name);
        diff->object_count += pair->after != NULL;
    }
    diff->dry_run.overlays = diff->overlays;
    diff->dry_run.overlay_count = diff->overlay_count;
}

static int plan_input(struct diff *diff, struct error *err)
{
    apply_plan_init(&diff->plan, &diff->store);
    diff->has_plan = true;
    if (apply_plan_add_input(&diff->plan, &diff->input, err) < 0 ||
        apply_plan_verify(&diff->plan, err) < 0) {
        return -1;
    }
    lay_over(diff);
    return 0;
}

/* --- telling --------------------------------------------------------------------------------- */

static int tell(const struct diff *diff, json_t *items)
{
    auto_done(strbuf) out = {0};
    bool is_different = false;
    size_t index;
    json_t *item;

    json_array_foreach(items, index, item) {
        is_different |= diff_item_is_change(item);
        diff_item_print(item, &out);
    }
    if (diff->is_json) {
        json_auto_t *list = json_pack("{s:s, s:O}", "kind", "List", "items", items);
        auto_free char *text = json_dumps(list, JSON_INDENT(2));

        puts(text);
    } else {
        fputs(strbuf_text(&out), stdout);
    }
    return is_different ? EXIT_DIFFERENT : EXIT_SAME;
}

static int run_dry(struct diff *diff, const struct arguments *args)
{
    auto_done(controller_options) options = {.once_timeout_seconds = 600};
    struct diff_input report = {.dry_run = &diff->dry_run,
                                .objects = diff->objects,
                                .count = diff->object_count,
                                .find = find_by_key,
                                .user = diff};
    json_auto_t *items = NULL;
    struct error err = {0};
    int result;

    if (make_options(diff, &options, &err) < 0) {
        return trouble(args, err.message);
    }
    options.dry_run = &diff->dry_run;
    controller_run(&options);
    if (!diff->dry_run.is_complete) {
        return EXIT_TROUBLE; /* it has said why */
    }
    items = diff_report(&report);
    result = tell(diff, items);
    return diff->dry_run.bad_files > 0 && diff->objects == NULL ? EXIT_TROUBLE : result;
}

static int run(const struct command *command, int argc, char **argv)
{
    auto_done(diff) diff = {0};
    struct arguments args;
    struct error err = {0};
    size_t errors;

    arguments_init(&args, command, argc, argv);
    if (take_arguments(&diff, &args) < 0) {
        return args.exit_code;
    }
    diff.specs = status_store_specs_of(&diff.places);
    diff.state = directory_option(diff.places.state, "BERTH_STATE", DEFAULT_STATE_DIR);
    errors = diff.options.count > 0 ? spec_input_take(&diff.options, &diff.input, stderr) : 0;
    if (errors > 0) {
        return EXIT_TROUBLE;
    }
    if (spec_store_read(diff.specs, stderr, &diff.store, &err) < 0 ||
        (diff.options.count > 0 && plan_input(&diff, &err) < 0)) {
        return trouble(&args, err.message);
    }
    return run_dry(&diff, &args);
}

static int cmd_diff(int argc, char **argv)
{
    return run(&command_diff, argc, argv);
}

static int cmd_plan(int argc, char **argv)
{
    return run(&command_plan, argc, argv);
}

static const struct command_option options[] = {
    INPUT_OPTIONS,
    {'o', "output", "text|json", "how it is shown (text)", COMPLETE_WORDS},
    PLACES_OPTIONS,
    ENGINE_OPTION,
    {OPTION_CONFIG, "config", "FILE", "configuration file (./berth.yaml, the controller's)",
     COMPLETE_FILES},
    {OPTION_POLICY, "policy", "FILE", "what specs may ask for (the controller's)", COMPLETE_FILES},
    END_OF_OPTIONS,
};

#define DIFF_DESCRIPTION                                                                           \
    "Says what Berth would do now, a line for each object: create, update, delete, ... with the "  \
    "cause, blocked where something must be changed first, wait for a task that is not due yet, "  \
    "or nothing. With -f the specs of the input are laid over those of the directory, as berth "   \
    "apply would write them. Nothing is written, on disk or in the engine. A controller need not " \
    "run; what it was told is used where nothing is said here: engine, policy, ports, "            \
    "configuration file."
#define DIFF_EXIT_CODES "0 nothing would change; 1 something would; 2 an error, or usage"

const struct command command_diff = {
    .name = "diff",
    .run = cmd_diff,
    .summary = "say what would change, and why",
    .group = GROUP_SPECS,
    .description = DIFF_DESCRIPTION,
    .options = options,
    .exit_codes = DIFF_EXIT_CODES,
    .examples = "berth diff\n"
                "berth diff -f web.yaml\n"
                "git show origin/main:web.yaml | berth diff -f - -o json",
    .completion = {COMPLETE_NOTHING},
};

const struct command command_plan = {
    .name = "plan",
    .run = cmd_plan,
    .summary = "another word for diff",
    .group = GROUP_SPECS,
    .description = DIFF_DESCRIPTION,
    .options = options,
    .exit_codes = DIFF_EXIT_CODES,
    .examples = "berth plan -f fixtures/",
    .completion = {COMPLETE_NOTHING},
};

#include "cli/command.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/arguments.h"
#include "cli/ask_controller.h"
#include "cli/gc_report.h"
#include "cli/status_store.h"
#include "clients/tree_measure.h"
#include "controller/options.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { DEFAULT_TIMEOUT_MS = 60000 };
enum { OPTION_DRY_RUN = 256, OPTION_TIMEOUT };

struct gc {
    struct places places;
    bool is_dry_run, is_json;
    int64_t timeout_ms;
};

static int take_arguments(struct gc *gc, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        switch (id) {
        case OPTION_DRY_RUN: gc->is_dry_run = true; break;
        case 'o':
            if (strcmp(args->value, "text") != 0 && strcmp(args->value, "json") != 0) {
                return arguments_wrong(args, "-o: \"%s\" is neither text nor json", args->value);
            }
            gc->is_json = strcmp(args->value, "json") == 0;
            break;
        case OPTION_TIMEOUT:
            if (timeout_option(args, args->value, &gc->timeout_ms) < 0) {
                return -1;
            }
            break;
        default: places_take(&gc->places, id, args->value); break;
        }
    }
    return id < 0 ? -1 : arguments_count(args, 0, 0, NULL);
}

/* --- a dry run -------------------------------------------------------------------------------- */

/* The limits of the controller that runs there, or ran last. */
static struct disk_policy policy_of(const json_t *heartbeat)
{
    const json_t *disk = json_object_get(heartbeat, "disk");
    json_int_t high = json_integer_value(json_object_get(disk, "highPercent"));
    json_int_t inodes = json_integer_value(json_object_get(disk, "inodesHighPercent"));
    json_int_t budget = json_integer_value(json_object_get(disk, "budgetBytes"));

    return disk_policy_with(high > 0 ? (unsigned)high : disk_policy_default.high_percent,
                            inodes > 0 ? (unsigned)inodes : disk_policy_default.high_inode_percent,
                            budget > 0 ? (uint64_t)budget : 0);
}

/* What cannot be measured (it goes just now, or it is not ours to read) stays as it was noted. */
static void measure(struct disk_thing *thing)
{
    const char *paths[DISK_FOLDERS_MAX + 1];
    uint64_t bytes, files, beside_bytes = 0, beside_files = 0;
    size_t count = 0;
    struct error err = {0};

    for (size_t i = 0; i < thing->folder_count; i++) {
        paths[count++] = thing->folders[i];
    }
    if (thing->beside != NULL) {
        paths[count++] = thing->beside;
    }
    if (count == 0 || tree_measure_folders(paths, count, &bytes, &files, &err) < 0 ||
        (thing->beside != NULL &&
         tree_measure_folders(&thing->beside, 1, &beside_bytes, &beside_files, &err) < 0)) {
        return;
    }
    thing->bytes = bytes > beside_bytes ? bytes - beside_bytes : 1;
    thing->files = files > beside_files ? files - beside_files : 1;
}

/* A controller that runs measures by itself, and what never changes needs no second time. */
static void measure_all(struct disk_survey *survey, bool is_controlled)
{
    for (size_t i = 0; i < survey->count; i++) {
        struct disk_thing *thing = &survey->things[i];
        bool is_constant = thing->kind == DISK_SNAPSHOT || thing->kind == DISK_SETUP_LAYER;

        if (thing->bytes == 0 || (!is_controlled && !is_constant)) {
            measure(thing);
        }
    }
}

static const json_t *find_status(const json_t *documents, const char *host_path)
{
    size_t index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        const json_t *task = json_object_get(json_object_get(document, "status"), "task");
        const json_t *tree = json_object_get(task, "tree");

        if (text_equal(json_string_value(json_object_get(tree, "hostPath")), host_path)) {
            return tree;
        }
    }
    return NULL;
}

/* Of a tree whose task still has its spec, its status tells until when it is kept. */
static void add_times(struct disk_survey *survey, const char *state_dir, const json_t *heartbeat)
{
    const json_t *specs = json_object_get(heartbeat, "specs");
    const char *directory = json_string_value(json_object_get(specs, "statusDirectory"));
    json_auto_t *documents = NULL;
    struct error err = {0};

    if (directory == NULL || status_store_read(directory, &documents, &err) < 0) {
        return;
    }
    for (size_t i = 0; i < survey->count; i++) {
        struct disk_thing *thing = &survey->things[i];
        auto_free char *path = xasprintf("%s/repos/%s", state_dir, thing->id);
        const char *until = NULL;

        if (thing->has_work && thing->kept_until_wall_ms == 0) {
            until = json_string_value(json_object_get(find_status(documents, path), "keptUntil"));
        }
        if (until != NULL) {
            timestamp_parse(until, &thing->kept_until_wall_ms);
        }
    }
}

static int check_directory(const char *state_dir)
{
    auto_free char *repos = path_join(state_dir, "repos");
    DIR *dir = opendir(repos);

    if (dir == NULL) {
        fprintf(stderr, "berth gc: cannot read %s: %s%s\n", repos, strerror(errno),
                errno == ENOENT ? "; is --state right, and has a controller run there?" : "");
        return EXIT_FAILED;
    }
    closedir(dir);
    return EXIT_OK;
}

static int dry_run(const struct gc *gc, const char *state_dir)
{
    json_auto_t *heartbeat = status_store_heartbeat(state_dir);
    bool is_controlled = status_store_is_controlled(state_dir);
    struct gc_report report = {
        .state_dir = state_dir,
        .policy = policy_of(heartbeat),
        .now_wall_ms = clock_wall_ms(),
        .is_controlled = is_controlled,
    };
    struct disk_notes notes = {0};
    struct disk_survey survey;

    if (check_directory(state_dir) != EXIT_OK) {
        return EXIT_FAILED;
    }
    disk_notes_read(&notes, state_dir);
    report.usage.pressing = is_controlled ? notes.pressing : 0;
    disk_usage_read(state_dir, &report.usage);
    disk_survey_read(state_dir, &notes, is_controlled, report.now_wall_ms, &survey);
    add_times(&survey, state_dir, heartbeat);
    measure_all(&survey, is_controlled);
    disk_survey_decide(&survey, &report.usage, &report.policy, report.now_wall_ms,
                       &report.decision);
    report.survey = &survey;
    report.orphans = is_controlled ? json_object_get(heartbeat, "orphans") : NULL;
    if (gc->is_json) {
        gc_report_print_json(&report);
    } else {
        gc_report_print(&report);
    }
    disk_decision_done(&report.decision);
    disk_survey_done(&survey);
    disk_notes_done(&notes);
    return EXIT_OK;
}

/* --- asking for it ---------------------------------------------------------------------------- */

/*
 * The controller's word about the collection that was asked for with this id; NULL: not yet. New
 * reference.
 */
static json_t *find_answer(const char *state_dir, const char *id)
{
    json_auto_t *heartbeat = status_store_heartbeat(state_dir);
    json_t *last = json_object_get(json_object_get(heartbeat, "disk"), "lastCollection");

    return text_equal(json_string_value(json_object_get(last, "request")), id) ? json_incref(last)
                                                                               : NULL;
}

static void print_answer(const struct gc *gc, const json_t *answer)
{
    json_int_t removed = json_integer_value(json_object_get(answer, "removed"));
    json_int_t bytes = json_integer_value(json_object_get(answer, "bytes"));
    auto_free char *size = gc_size_text((uint64_t)bytes);

    if (gc->is_json) {
        printf("{\"removed\": %lld, \"bytes\": %lld}\n", (long long)removed, (long long)bytes);
    } else if (removed == 0) {
        puts("nothing to remove; berth gc --dry-run says what is kept and why");
    } else {
        printf("removed %lld, %s; the controller's log names them\n", (long long)removed, size);
    }
}

static int collect(const struct gc *gc, const char *state_dir)
{
    auto_free char *id = ask_make_id();
    json_auto_t *request = json_pack("{s:s}", "id", id), *answer = NULL;
    int64_t deadline_wall_ms = clock_wall_ms() + gc->timeout_ms;
    struct error err = {0};

    if (ask_controller(state_dir, "gc", request, &err) < 0) {
        fprintf(stderr, "berth gc: %s%s\n", err.message,
                err.kind == ERROR_NOT_FOUND ? "; --dry-run works without one" : "");
        return EXIT_FAILED;
    }
    while ((answer = find_answer(state_dir, id)) == NULL) {
        if (clock_wall_ms() >= deadline_wall_ms) {
            fprintf(stderr,
                    "berth gc: the controller has not collected within %lld s: it does so when it "
                    "knows the engine's containers and the specs, and what went before is gone\n",
                    (long long)gc->timeout_ms / 1000);
            return EXIT_FAILED;
        }
        ask_pause();
    }
    print_answer(gc, answer);
    return EXIT_OK;
}

static int cmd_gc(int argc, char **argv)
{
    struct gc gc = {.timeout_ms = DEFAULT_TIMEOUT_MS};
    auto_free char *state_dir = NULL;
    struct arguments args;

    arguments_init(&args, &command_gc, argc, argv);
    if (take_arguments(&gc, &args) < 0) {
        return args.exit_code;
    }
    state_dir = directory_option(gc.places.state, "BERTH_STATE", DEFAULT_STATE_DIR);
    return gc.is_dry_run ? dry_run(&gc, state_dir) : collect(&gc, state_dir);
}

const struct command command_gc = {
    .name = "gc",
    .run = cmd_gc,
    .summary = "remove now what nobody needs, or say what that is",
    .group = GROUP_OPERATING,
    .description = "Asks the running controller to remove now what it would remove anyhow: "
                   "snapshots and setup layers "
                   "that nobody uses and, when the disk is too full, idle workspaces, trees of "
                   "ended tasks, and mirrors. "
                   "Nothing that is in use goes, nor work that was not pushed before its time.",
    .options =
        (const struct command_option[]){
            {OPTION_DRY_RUN, "dry-run", NULL,
             "only say what would go and what is kept, with sizes and reasons, and which "
             "containers are orphans; works "
             "without a controller too, and writes nothing",
             COMPLETE_NOTHING},
            {'o', "output", "text|json", "how --dry-run says it (text)", COMPLETE_WORDS},
            {OPTION_TIMEOUT, "timeout", "TIME", "how long to wait for the controller (60s)",
             COMPLETE_NOTHING},
            STATE_OPTION,
            END_OF_OPTIONS,
        },
    .exit_codes = "0 done, 1 no controller runs, or it does not answer, 2 usage",
    .examples = "berth gc --dry-run",
};

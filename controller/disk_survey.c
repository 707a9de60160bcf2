#include "controller/disk_survey.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/state_dir.h"
#include "specs/repo_url.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { COMMIT_LEN = 40, SHORT_COMMIT_LEN = 12 };

struct reading {
    struct state_dir state;
    const struct disk_notes *notes;
    bool are_uses_valid;
    int64_t now_wall_ms;
    struct disk_survey *survey;
    struct map uses; /* id of a snapshot or layer -> words: which tree lies on it */
    struct map busy; /* repository -> words: which of its workspaces is not idle */
};

/* One folder of repos/. */
struct folder {
    struct reading *reading;
    const char *name, *repository; /* in the arena */
    int64_t idle_since_wall_ms;    /* 0: somebody uses it */
    int64_t used_wall_ms, kept_until_wall_ms;
    const char *use; /* of its workspace, by what its trees say */
};

const char *disk_kind_name(enum disk_item_kind kind)
{
    switch (kind) { /* no default: a kind without a name does not compile */
    case DISK_SETUP_LAYER: return "setup layer";
    case DISK_SNAPSHOT: return "snapshot";
    case DISK_KEPT_TREE: return "working tree";
    case DISK_IDLE_WORKSPACE: return "workspace";
    case DISK_MIRROR: return "mirror";
    }
    abort(); /* not a kind at all: memory is damaged */
}

void disk_thing_set_use(struct disk_survey *survey, struct disk_thing *thing, const char *use)
{
    if (thing->use == NULL) {
        thing->use = arena_strdup(&survey->arena, use);
    }
}

/* --- things ----------------------------------------------------------------------------------- */

static const char *path_of(const struct folder *folder, const char *part)
{
    return arena_printf(&folder->reading->survey->arena, "%s/repos/%s/%s",
                        folder->reading->state.path, folder->name, part);
}

static void take_note(struct reading *reading, struct disk_thing *thing)
{
    const struct disk_note *note = disk_notes_find(reading->notes, thing->id);

    if (note == NULL) {
        return;
    }
    thing->bytes = note->bytes;
    thing->files = note->files;
    thing->is_newest = note->is_newest;
    thing->kept_until_wall_ms = note->kept_until_wall_ms;
    thing->last_used_wall_ms = note->last_used_wall_ms;
    if (reading->are_uses_valid && note->use != NULL) {
        disk_thing_set_use(reading->survey, thing, note->use);
    }
}

/* part: its path below the folder. The caller fills in the rest before it adds another one. */
static struct disk_thing *add_thing(const struct folder *folder, enum disk_item_kind kind,
                                    const char *part)
{
    struct disk_survey *survey = folder->reading->survey;
    struct disk_thing *thing;

    array_grow(&survey->things, survey->count, &survey->capacity, sizeof(*survey->things));
    thing = &survey->things[survey->count++];
    *thing = (struct disk_thing){
        .kind = kind,
        .id = arena_printf(&survey->arena, "%s/%s", folder->name, part),
        .repository = folder->repository,
        .container = folder->name,
    };
    take_note(folder->reading, thing);
    return thing;
}

static void add_folder(struct disk_thing *thing, const char *path)
{
    if (path_exists(path)) {
        thing->folders[thing->folder_count++] = path;
    }
}

static void note_time(struct disk_thing *thing, int64_t wall_ms)
{
    if (wall_ms > thing->last_used_wall_ms) {
        thing->last_used_wall_ms = wall_ms;
    }
}

static int64_t to_ms(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000 + time->tv_nsec / NS_PER_MS;
}

/*
 * When the folder was made, near enough. Whoever setup runs as may set the time of its layer: one
 * to come is not believed. 0: it is no folder.
 */
static int64_t made_at(const struct reading *reading, const char *path)
{
    struct stat info;
    int64_t changed_wall_ms;

    if (lstat(path, &info) < 0 || !S_ISDIR(info.st_mode)) {
        return 0;
    }
    changed_wall_ms = to_ms(&info.st_mtim);
    return changed_wall_ms <= reading->now_wall_ms ? changed_wall_ms : to_ms(&info.st_ctim);
}

/* --- snapshots and setup layers --------------------------------------------------------------- */

static bool is_hex(const char *text, size_t len)
{
    return strspn(text, "0123456789abcdef") == len && text[len] == '-';
}

static void add_layer(const struct folder *folder, enum disk_item_kind kind, const char *directory,
                      const char *name, size_t commit_len)
{
    struct arena *arena = &folder->reading->survey->arena;
    auto_free char *part = xasprintf("%s/%s", directory, name);
    const char *path = path_of(folder, part);
    int64_t made_wall_ms = made_at(folder->reading, path);
    struct disk_thing *thing;

    if (made_wall_ms == 0 || !is_hex(name, commit_len)) {
        return; /* what is being made, and what belongs to a layer */
    }
    thing = add_thing(folder, kind, part);
    thing->name = arena_strdup(arena, name);
    thing->commit = arena_strndup(arena, name, commit_len);
    add_folder(thing, path);
    note_time(thing, made_wall_ms);
}

static void read_snapshot(void *user, const char *name)
{
    const struct folder *folder = user;
    const char *mirror = path_of(folder, "git/mirror.git");
    size_t before = folder->reading->survey->count;

    add_layer(folder, DISK_SNAPSHOT, "snap", name, COMMIT_LEN);
    if (folder->reading->survey->count > before && path_exists(mirror)) {
        folder->reading->survey->things[before].beside = path_of(folder, "git");
    }
}

static void read_layer(void *user, const char *name)
{
    add_layer(user, DISK_SETUP_LAYER, "setup", name, SHORT_COMMIT_LEN);
}

/* --- records of trees ------------------------------------------------------------------------- */

static const char *text_at(const struct folder *folder, const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));

    return text != NULL ? arena_strdup(&folder->reading->survey->arena, text) : NULL;
}

static void put_use(struct map *uses, struct arena *arena, const char *id, const char *words)
{
    if (map_get(uses, id) == NULL) {
        map_put(uses, id, arena_strdup(arena, words));
    }
}

/* What it was made from lies below it. */
static void use_layers(const struct folder *folder, const json_t *json, const char *owner)
{
    struct reading *reading = folder->reading;
    const char *layer = json_string_value(json_object_get(json, "layer"));
    auto_free char *words = xasprintf("the working tree of %s lies on it", owner);
    auto_free char *snapshot_id = xasprintf("%s/snap/%s-%" JSON_INTEGER_FORMAT, folder->repository,
                                            json_string_value(json_object_get(json, "commit")),
                                            json_integer_value(json_object_get(json, "uid")));
    auto_free char *layer_id =
        layer != NULL ? xasprintf("%s/setup/%s", folder->repository, layer) : NULL;

    put_use(&reading->uses, &reading->survey->arena, snapshot_id, words);
    if (layer_id != NULL) {
        put_use(&reading->uses, &reading->survey->arena, layer_id, words);
    }
}

/* A record is of a task that has ended when its tree was looked at: nobody does before. */
static void add_kept_tree(struct folder *folder, const json_t *json, const char *name)
{
    auto_free char *part = xasprintf("trees/%s", name), *own = xasprintf("layers/%s", name);
    const char *commit = text_at(folder, json, "endCommit");
    struct disk_thing *thing = add_thing(folder, DISK_KEPT_TREE, part);
    int64_t removed_wall_ms = json_integer_value(json_object_get(json, "removeAtMs"));

    thing->name = arena_strdup(&folder->reading->survey->arena, name);
    thing->task = text_at(folder, json, "task");
    thing->branch = text_at(folder, json, "endBranch");
    thing->commit = commit != NULL ? commit : text_at(folder, json, "commit");
    thing->has_work = json_is_true(json_object_get(json, "dirty")) ||
                      json_is_true(json_object_get(json, "unpushed"));
    note_time(thing, json_integer_value(json_object_get(json, "usedAtMs")));
    add_folder(thing, path_of(folder, own));
    if (text_equal(json_string_value(json_object_get(json, "method")), "copy")) {
        add_folder(thing,
                   path_of(folder, part)); /* with an overlay only its own layer takes disk */
    }
    if (!thing->has_work) {
        thing->kept_until_wall_ms = 0;
    } else if (removed_wall_ms > 0) {
        thing->kept_until_wall_ms = removed_wall_ms;
    } else if (thing->kept_until_wall_ms == 0) {
        disk_thing_set_use(folder->reading->survey, thing, "it has work that was not pushed");
    }
    if (thing->kept_until_wall_ms > folder->kept_until_wall_ms) {
        folder->kept_until_wall_ms = thing->kept_until_wall_ms;
    }
    if (thing->use != NULL) {
        folder->use = thing->use;
    }
}

static void read_record(void *user, const char *file)
{
    struct folder *folder = user;
    struct reading *reading = folder->reading;
    auto_free char *path = xasprintf("repos/%s/records/%s", folder->name, file);
    auto_free char *name = NULL, *owner = NULL;
    json_auto_t *json = state_read_json(&reading->state, path);
    const char *task = json_string_value(json_object_get(json, "task"));
    int64_t used_wall_ms = json_integer_value(json_object_get(json, "usedAtMs"));
    bool is_inspected = json_is_boolean(json_object_get(json, "dirty"));

    if (!text_has_suffix(file, ".json") ||
        json_string_value(json_object_get(json, "commit")) == NULL) {
        return;
    }
    name = xstrndup(file, strlen(file) - strlen(".json"));
    owner = task != NULL ? xasprintf("task %s", task) : xasprintf("%s (%s)", name, folder->name);
    use_layers(folder, json, owner);
    if (used_wall_ms > folder->used_wall_ms) {
        folder->used_wall_ms = used_wall_ms;
    }
    if (task != NULL && is_inspected) {
        add_kept_tree(folder, json, name);
    } else if (!is_inspected && !text_has_prefix(name, "setup-")) {
        folder->use = arena_printf(&reading->survey->arena, "%s works in it", owner);
    } else if (json_is_true(json_object_get(json, "dirty")) ||
               json_is_true(json_object_get(json, "unpushed"))) {
        folder->use =
            arena_printf(&reading->survey->arena, "%s has work that was not pushed", owner);
    }
}

/* --- folders ---------------------------------------------------------------------------------- */

/* Whose folder it is: the mirror's is named like the container of all branches. */
static void read_repository(struct folder *folder)
{
    auto_free char *file = xasprintf("repos/%s/repository.json", folder->name);
    json_auto_t *json = state_read_json(&folder->reading->state, file);
    const char *url_text = json_string_value(json_object_get(json, "url"));
    const char *idle_since = json_string_value(json_object_get(json, "idleSince"));
    char name[REPO_CONTAINER_NAME_SIZE];
    auto_done(repo_url) url = {0};
    struct error err = {0};

    if (url_text != NULL && repo_url_parse(url_text, &url, &err) == 0) {
        folder->repository =
            arena_strdup(&folder->reading->survey->arena, repo_url_container_name(&url, name));
    }
    if (idle_since != NULL) {
        timestamp_parse(idle_since, &folder->idle_since_wall_ms);
    }
}

static void add_workspace(struct folder *folder)
{
    struct reading *reading = folder->reading;
    const char *trees = path_of(folder, "trees"), *layers = path_of(folder, "layers");
    struct disk_thing *thing;

    if (!path_exists(trees) && !path_exists(layers)) {
        return;
    }
    thing = add_thing(folder, DISK_IDLE_WORKSPACE, "trees");
    add_folder(thing, trees);
    add_folder(thing, layers);
    note_time(thing, folder->used_wall_ms);
    note_time(thing, folder->idle_since_wall_ms);
    if (folder->kept_until_wall_ms > thing->kept_until_wall_ms) {
        thing->kept_until_wall_ms = folder->kept_until_wall_ms;
    }
    if (folder->use != NULL) {
        disk_thing_set_use(reading->survey, thing, folder->use);
    }
    if (folder->idle_since_wall_ms == 0) {
        disk_thing_set_use(reading->survey, thing, "tasks or people are in it, or it is kept warm");
    }
    if (thing->use != NULL) {
        put_use(&reading->busy, &reading->survey->arena, folder->repository,
                "a workspace of its repository is in use");
    }
}

static void add_mirror(const struct folder *folder)
{
    auto_free char *file = xasprintf("repos/%s/mirror.json", folder->name);
    json_auto_t *json = state_read_json(&folder->reading->state, file);
    const char *path = path_of(folder, "git/mirror.git");
    const char *fetched = json_string_value(json_object_get(json, "fetchTime"));
    int64_t fetched_wall_ms = 0;
    struct disk_thing *thing;

    if (!path_exists(path)) {
        return;
    }
    thing = add_thing(folder, DISK_MIRROR, "git");
    add_folder(thing, path_of(folder, "git")); /* with copies of its packs */
    if (fetched != NULL) {
        timestamp_parse(fetched, &fetched_wall_ms);
    }
    note_time(thing, fetched_wall_ms);
    note_time(thing, folder->idle_since_wall_ms);
}

static void read_folder(void *user, const char *name)
{
    struct reading *reading = user;
    struct folder folder = {.reading = reading};
    auto_free char *snapshots = xasprintf("repos/%s/snap", name);
    auto_free char *layers = xasprintf("repos/%s/setup", name);
    auto_free char *records = xasprintf("repos/%s/records", name);

    if (text_has_prefix(name, "trash-")) {
        return;
    }
    folder.name = folder.repository = arena_strdup(&reading->survey->arena, name);
    read_repository(&folder);
    add_mirror(&folder);
    state_list(&reading->state, snapshots, read_snapshot, &folder);
    state_list(&reading->state, layers, read_layer, &folder);
    state_list(&reading->state, records, read_record, &folder);
    add_workspace(&folder);
}

/* What a tree of any container lies on, and mirrors of what is not idle. */
static void settle_uses(const struct reading *reading)
{
    struct disk_survey *survey = reading->survey;

    for (size_t i = 0; i < survey->count; i++) {
        struct disk_thing *thing = &survey->things[i];
        const char *use = thing->kind == DISK_MIRROR ? map_get(&reading->busy, thing->repository)
                                                     : map_get(&reading->uses, thing->id);

        if (use != NULL) {
            disk_thing_set_use(survey, thing, use);
        }
    }
}

void disk_survey_read(const char *state_dir, const struct disk_notes *notes, bool are_uses_valid,
                      int64_t now_wall_ms, struct disk_survey *ret_survey)
{
    auto_free char *path = xstrdup(state_dir);
    struct reading reading = {
        .state = {.path = path, .lock_fd = -1}, /* nothing is written */
        .notes = notes,
        .are_uses_valid = are_uses_valid,
        .now_wall_ms = now_wall_ms,
        .survey = ret_survey,
    };

    *ret_survey = (struct disk_survey){0};
    arena_init(&ret_survey->arena);
    state_list(&reading.state, "repos", read_folder, &reading);
    settle_uses(&reading);
    map_done(&reading.uses);
    map_done(&reading.busy);
}

void disk_survey_done(struct disk_survey *survey)
{
    free(survey->things);
    arena_done(&survey->arena);
    *survey = (struct disk_survey){0};
}

/* --- the decision ----------------------------------------------------------------------------- */

/* The trees of ended tasks are things of their own, and measured with their workspace. */
static uint64_t own_bytes(const struct disk_survey *survey, const struct disk_thing *workspace)
{
    uint64_t bytes = workspace->bytes;

    for (size_t i = 0; i < survey->count; i++) {
        const struct disk_thing *tree = &survey->things[i];

        if (tree->kind == DISK_KEPT_TREE && strcmp(tree->container, workspace->container) == 0) {
            bytes -= tree->bytes < bytes ? tree->bytes : bytes;
        }
    }
    return bytes;
}

static struct disk_item item_of(const struct disk_survey *survey, const struct disk_thing *thing)
{
    return (struct disk_item){
        .kind = thing->kind,
        .id = thing->id,
        .repository = thing->repository,
        .bytes = thing->kind == DISK_IDLE_WORKSPACE ? own_bytes(survey, thing) : thing->bytes,
        .files = thing->files,
        .last_used_wall_ms = thing->last_used_wall_ms,
        .kept_until_wall_ms = thing->kept_until_wall_ms,
        .is_in_use = thing->use != NULL,
        .is_newest = thing->is_newest,
    };
}

void disk_survey_decide(struct disk_survey *survey, const struct disk_usage *usage,
                        const struct disk_policy *policy, int64_t now_wall_ms,
                        struct disk_decision *ret_decision)
{
    survey->items = arena_alloc(&survey->arena, survey->count * sizeof(*survey->items));
    for (size_t i = 0; i < survey->count; i++) {
        survey->items[i] = item_of(survey, &survey->things[i]);
    }
    disk_decide(usage, policy, survey->items, survey->count, now_wall_ms, ret_decision);
}

const struct disk_thing *disk_survey_thing(const struct disk_survey *survey,
                                           const struct disk_item *item)
{
    return &survey->things[item - survey->items];
}

uint64_t disk_survey_bytes(const struct disk_survey *survey, const char *repository)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < survey->count; i++) {
        const struct disk_thing *thing = &survey->things[i];

        if (thing->kind != DISK_KEPT_TREE &&
            (repository == NULL || strcmp(thing->repository, repository) == 0)) {
            bytes += thing->bytes;
        }
    }
    return bytes;
}

/* As df counts: what only root may fill up is not there for anybody. */
void disk_usage_read(const char *state_dir, struct disk_usage *ret_usage)
{
    struct statvfs info;
    unsigned pressing = ret_usage->pressing;

    *ret_usage = (struct disk_usage){.pressing = pressing};
    if (statvfs(state_dir, &info) == 0) {
        ret_usage->total_bytes =
            (uint64_t)(info.f_blocks - info.f_bfree + info.f_bavail) * info.f_frsize;
        ret_usage->free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
        ret_usage->total_inodes = info.f_files;
        ret_usage->free_inodes = info.f_ffree;
    }
}

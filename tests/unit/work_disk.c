#include "tests/unit/work_disk.h"

#include "base/memory.h"
#include "base/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void set_name(disk_name name, const char *text)
{
    assert_true(snprintf(name, sizeof(disk_name), "%s", text != NULL ? text : "") < DISK_NAME);
}

bool disk_texts_has(const struct disk_texts *texts, const char *text)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (strcmp(texts->items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

void disk_texts_add(struct disk_texts *texts, const char *text)
{
    if (!disk_texts_has(texts, text)) {
        assert_true(texts->count < DISK_TEXTS);
        set_name(texts->items[texts->count++], text);
    }
}

/*
 * --- the remote and its mirror
 * --------------------------------------------------------------------
 */

void work_disk_push(struct work_disk *disk, unsigned branch)
{
    disk->commits_made++;
    snprintf(disk->remote[branch].commit, sizeof(disk_name), "%08x%032x", disk->commits_made,
             disk->commits_made);
}

void work_disk_init(struct work_disk *disk)
{
    static const char *const names[DISK_BRANCHES] = {"main", "next", "old"};

    *disk = (struct work_disk){
        .trees = {.path = "/state/trees",
                  .tasks_path = "/state/tasks",
                  .method = TREES_OVERLAY,
                  .is_user_known = true,
                  .user = ""},
    };
    for (unsigned i = 0; i < DISK_BRANCHES; i++) {
        disk->remote[i].name = disk->fetched[i].name = names[i];
        work_disk_push(disk, i);
    }
}

static const char *resolve(const struct work_disk *disk, const struct revision *revision)
{
    if (revision->kind == REVISION_HEAD) {
        return disk->fetched[0].commit;
    }
    if (revision_is_commit(revision)) {
        return disk_texts_has(&disk->commits, revision->name) ? revision->name : "";
    }
    for (unsigned i = 0; i < DISK_BRANCHES; i++) {
        if (strcmp(disk->fetched[i].name, revision->name) == 0) {
            return disk->fetched[i].commit;
        }
    }
    return "";
}

void work_disk_look_up(struct work_disk *disk)
{
    assert_true(disk->mirror.exists);
    for (size_t i = 0; i < disk->asked_count; i++) {
        auto_free char *text = revision_text(&disk->asked[i].revision);
        size_t at = 0;

        while (at < disk->answer_count && strcmp(disk->answers[at].revision, text) != 0) {
            at++;
        }
        assert_true(at < ARRAY_SIZE(disk->answers));
        disk->answer_count += at == disk->answer_count;
        set_name(disk->answers[at].revision, text);
        set_name(disk->answers[at].commit, resolve(disk, &disk->asked[i].revision));
    }
}

void work_disk_fetch(struct work_disk *disk, int64_t now_wall_ms)
{
    memcpy(disk->fetched, disk->remote, sizeof(disk->fetched));
    for (unsigned i = 0; i < DISK_BRANCHES; i++) {
        if (disk->fetched[i].commit[0] != '\0') {
            disk_texts_add(&disk->commits, disk->fetched[i].commit);
        }
    }
    disk->mirror = (struct observed_mirror){
        .exists = true, .fetched_wall_ms = now_wall_ms, .head_branch = disk->fetched[0].name};
    disk->answer_count = 0;
    disk->fetches++;
    work_disk_look_up(disk);
}

struct observed_revision work_disk_answer(const struct work_disk *disk,
                                          const struct revision *revision)
{
    auto_free char *text = revision_text(revision);

    for (size_t i = 0; i < disk->answer_count; i++) {
        const struct disk_answer *answer = &disk->answers[i];

        if (strcmp(answer->revision, text) == 0) {
            return (struct observed_revision){
                .is_looked_up = true,
                .commit = answer->commit[0] != '\0' ? answer->commit : NULL,
                .message = answer->commit[0] != '\0' ? NULL : "there is no such branch",
            };
        }
    }
    return (struct observed_revision){0};
}

/*
 * --- trees
 * ----------------------------------------------------------------------------------------
 */

struct disk_tree *work_disk_find(struct work_disk *disk, const char *name)
{
    for (size_t i = 0; name != NULL && i < disk->count; i++) {
        if (strcmp(disk->items[i].name, name) == 0) {
            return &disk->items[i];
        }
    }
    return NULL;
}

void work_disk_remove(struct work_disk *disk, const char *name)
{
    struct disk_tree *tree = work_disk_find(disk, name);

    if (tree != NULL) {
        *tree = disk->items[--disk->count];
    }
}

void work_disk_clear(struct work_disk *disk)
{
    disk->count = 0;
    disk->trees.exists = false;
    disk->is_shared = false;
}

static void snapshot_name(disk_name name, const struct tree_source *source)
{
    snprintf(name, sizeof(disk_name), "%s-%lld", source->commit, (long long)source->uid);
}

static void make_snapshot(struct work_disk *disk, const struct action *action)
{
    disk_name name;

    assert_string_equal(action->target, action->source.commit);
    assert_true(disk_texts_has(&disk->commits, action->source.commit));
    snapshot_name(name, &action->source);
    disk_texts_add(&disk->snapshots, name);
}

static void make_tree(struct work_disk *disk, const struct action *action, const char *owner)
{
    const struct tree_source *source = &action->source;
    struct disk_tree *tree = work_disk_find(disk, action->target);
    disk_name snapshot;

    snapshot_name(snapshot, source);
    assert_true(disk_texts_has(&disk->snapshots, snapshot));
    assert_true(source->layer == NULL || disk_texts_has(&disk->layers, source->layer));
    if (tree != NULL) { /* it is mounted again, with all that is in it */
        assert_string_equal(tree->commit, source->commit);
        assert_string_equal(tree->branch, source->branch != NULL ? source->branch : "");
        assert_string_equal(tree->layer, source->layer != NULL ? source->layer : "");
        assert_int_equal(tree->removed_at_wall_ms, 0);
        tree->is_ready = true;
        return;
    }
    assert_true(disk->count < DISK_TREES);
    tree = &disk->items[disk->count++];
    *tree = (struct disk_tree){.is_ready = true};
    set_name(tree->name, action->target);
    set_name(tree->commit, source->commit);
    set_name(tree->branch, source->branch);
    set_name(tree->layer, source->layer);
    set_name(tree->owner, owner);
    disk->trees.exists = true;
}

static void inspect_tree(struct work_disk *disk, const char *name, int64_t now_wall_ms)
{
    struct disk_tree *tree = work_disk_find(disk, name);

    if (tree != NULL) {
        tree->is_inspected = true;
        tree->is_dirty = tree->has_work;
        tree->used_wall_ms = now_wall_ms;
    }
}

static void freeze_tree(struct work_disk *disk, const struct action *action)
{
    assert_non_null(work_disk_find(disk, action->target));
    assert_false(disk_texts_has(&disk->layers, action->source.layer));
    disk_texts_add(&disk->layers, action->source.layer);
    work_disk_remove(disk, action->target);
}

bool work_disk_run_setup(struct work_disk *disk, const struct action *action, const char *container)
{
    const struct disk_tree *tree = work_disk_find(disk, action->target);

    assert_non_null(tree);
    assert_string_equal(tree->layer, ""); /* on the bare commit */
    assert_true(action->command.count > 0 && action->timeout_seconds > 0);
    if (strcmp(disk->run, action->target) != 0) {
        set_name(disk->run, action->target);
        disk->attempt = 0;
        disk->observed.state = ATTEMPT_ABSENT;
    }
    if (disk->observed.state == ATTEMPT_RUNNING) {
        assert_int_equal(action->attempt, disk->attempt); /* it is waited for */
    } else {
        assert_int_equal(action->attempt, disk->attempt + 1); /* never again under one number */
        disk->attempt++;
        disk->setups_run++;
        disk->observed = (struct observed_attempt){.state = ATTEMPT_RUNNING};
        if (disk->setup_takes_long) {
            return false;
        }
    }
    disk->observed = (struct observed_attempt){
        .state = ATTEMPT_ENDED, .outcome = OUTCOME_EXITED, .exit_code = disk->setup_fails};
    if (!disk->setup_fails) {
        set_name(disk->prepared, container);
    }
    return !disk->setup_fails;
}

void work_disk_apply(struct work_disk *disk, const struct action *action, const char *owner,
                     int64_t now_wall_ms)
{
    switch (action->type) {
    case ACTION_SHARE_TREES:
        disk->trees.exists = true;
        disk->is_shared = true;
        return;
    case ACTION_MAKE_SNAPSHOT: make_snapshot(disk, action); return;
    case ACTION_MAKE_TREE: make_tree(disk, action, owner); return;
    case ACTION_INSPECT_TREE: inspect_tree(disk, action->target, now_wall_ms); return;
    case ACTION_REMOVE_TREE: work_disk_remove(disk, action->target); return;
    case ACTION_REMOVE_WORKSPACE:
        assert_true(disk->trees.exists);
        work_disk_clear(disk);
        return;
    case ACTION_FREEZE_TREE: freeze_tree(disk, action); return;
    case ACTION_COMMIT_IMAGE: disk_texts_add(&disk->images, action->target); return;
    case ACTION_LOOK_UP_REVISIONS:
        disk->lookups++;
        work_disk_look_up(disk);
        return;
    case ACTION_FETCH_MIRROR: work_disk_fetch(disk, now_wall_ms); return;
    case ACTION_REMOVE_MIRROR: /* with snapshots and layers */
        assert_int_equal(disk->count, 0);
        disk->mirror = (struct observed_mirror){0};
        disk->answer_count = disk->commits.count = 0;
        disk->snapshots.count = disk->layers.count = 0;
        return;
    default: fail_msg("%s is not about trees", action_type_name(action->type));
    }
}

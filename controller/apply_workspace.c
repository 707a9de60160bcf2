#include "controller/apply.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/disk.h"
#include "controller/run_folders.h"
#include "controller/trash.h"
#include "controller/trees.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * What goes as a whole: out of the way at once, then emptied by a child (trash.h).
 */

static void remove_in_child(struct controller *controller, const char *path)
{
    disk_note_emptying(controller);
    trash_add(controller->trash, path);
}

/* What an earlier controller did not get to empty. */
void workspace_remove_trash(void *user, const char *name)
{
    struct controller *controller = user;
    auto_free char *path = state_path(&controller->state, "repos/%s", name);

    if (text_has_prefix(name, "trash-") && controller->state.is_writable) {
        remove_in_child(controller, path);
    }
}

int workspace_put_away(struct controller *controller, const char *container, const char *part,
                       struct error *err)
{
    const char *slash = strrchr(part, '/');
    auto_free char *from = state_path(&controller->state, "repos/%s/%s", container, part);
    auto_free char *to =
        state_path(&controller->state, "repos/trash-%s-%s-%llx", container,
                   slash != NULL ? slash + 1 : part, (unsigned long long)clock_monotonic_ns());

    if (rename(from, to) == 0) {
        remove_in_child(controller, to);
    } else if (errno != ENOENT) {
        return error_set_errno(err, errno, "remove \"%s\"", from);
    }
    return 0;
}

static void forget_records(struct entry *repository)
{
    struct map_entry *next;

    for (struct map_entry *at = map_first(&repository->repository->tree_records); at != NULL;
         at = next) {
        auto_free char *name = xstrdup(map_key(at));

        next = map_next(at);
        tree_forget(repository, name);
    }
}

static void on_cleared(void *user, const struct tree_result *result, struct error *err)
{
    struct plan_run *run = user;

    run->tree = NULL;
    if (result == NULL ||
        workspace_put_away(run->controller, run->entry->name, "records", err) < 0) {
        run_action_failed(run, err);
        return;
    }
    forget_records(run->entry);
    trees_observe(run->entry);
    repository_save(run->entry);
    run_action_done(run);
}

void apply_remove_workspace(struct plan_run *run)
{
    const struct repository_entry *repository = run->entry->repository;
    struct tree_job job = {
        .verb = TREE_CLEAR,
        .trees = repository->trees_path,
        .layers = repository->layers_path,
    };

    run_folders_clear(run->entry); /* first: after a crash it is the trees that call for the rest */
    run->tree = tree_pool_submit(run->controller->trees, &job, on_cleared, run);
}

#include "controller/run_folders.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/setups.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { KEPT_MS = 3600000 };

struct folder_sweep {
    struct controller *controller;
    const char *container;
    struct map claimed; /* ids */
    bool is_at_once;
};

/* --- who claims one --------------------------------------------------------------------------- */

static void claim(struct folder_sweep *sweep, const char *id)
{
    if (id != NULL) {
        map_put(&sweep->claimed, id, sweep);
    }
}

static void claim_by_record(struct folder_sweep *sweep, const char *directory, const char *name)
{
    auto_free char *file = path_join(directory, name);
    json_auto_t *json = state_read_json(&sweep->controller->state, file);

    claim(sweep, json_string_value(json_object_get(json, "id")));
}

static void claim_by_task(void *user, const char *name)
{
    claim_by_record(user, "tasks", name);
}

static void claim_by_log(void *user, const char *name)
{
    claim_by_record(user, "retired", name);
}

/* The run that it waits for, and the log that its status names: ".../<id>/<attempt>.log". */
static void claim_by_setup(struct folder_sweep *sweep, const struct entry *setup)
{
    const char *log = setup->status->repository->setup_log;
    auto_free char *folder = log != NULL && strrchr(log, '/') != NULL
                                 ? xstrndup(log, (size_t)(strrchr(log, '/') - log))
                                 : NULL;
    const char *slash = folder != NULL ? strrchr(folder, '/') : NULL;

    claim(sweep, setup->setup->run);
    claim(sweep, slash != NULL ? slash + 1 : NULL);
}

static void find_claims(struct folder_sweep *sweep)
{
    state_list(&sweep->controller->state, "tasks", claim_by_task, sweep);
    state_list(&sweep->controller->state, "retired", claim_by_log, sweep);
    for (struct map_entry *at = map_first(&sweep->controller->entries); at != NULL;
         at = map_next(at)) {
        const struct entry *entry = map_value(at);

        if (entry->kind == ENTRY_TASK) {
            claim(sweep, entry->status->task->id);
        } else if (entry->kind == ENTRY_SETUP && !sweep->is_at_once) {
            claim_by_setup(sweep, entry);
        }
    }
}

/* --- the folders of one container ------------------------------------------------------------- */

static bool is_fresh(const char *path)
{
    struct stat info;

    return lstat(path, &info) < 0 ||
           (int64_t)info.st_mtim.tv_sec * 1000 + KEPT_MS > clock_wall_ms();
}

static void look_at_folder(void *user, const char *id)
{
    struct folder_sweep *sweep = user;
    auto_free char *path = NULL;
    struct error err = {0};

    if (map_get(&sweep->claimed, id) != NULL) {
        return;
    }
    path = state_path(&sweep->controller->state, "repos/%s/run/tasks/%s", sweep->container, id);
    if (!sweep->is_at_once && is_fresh(path)) {
        return;
    }
    if (tree_remove(path, &err) < 0) {
        log_fields(LOG_WARN, "cleanup_failed", "path", path, "error", err.message, NULL);
    }
}

static void sweep_container(struct folder_sweep *sweep, const char *container)
{
    auto_free char *directory = xasprintf("repos/%s/run/tasks", container);

    sweep->container = container;
    state_list(&sweep->controller->state, directory, look_at_folder, sweep);
}

/* Until its setup had a pass, it is not known which run that waits for. */
static void look_at_container(void *user, const char *container)
{
    struct folder_sweep *sweep = user;
    const struct entry *repository =
        entry_of_container(sweep->controller, KIND_REPOSITORY_CONTAINER, container);
    const struct entry *setup = repository != NULL ? repository->repository->setup : NULL;

    if (!text_has_prefix(container, "trash-") && (setup == NULL || setup->is_passed)) {
        sweep_container(sweep, container);
        repository_remove_if_empty(sweep->controller, container); /* nothing while it is in use */
    }
}

void run_folders_sweep(struct controller *controller)
{
    struct folder_sweep sweep = {.controller = controller};

    find_claims(&sweep);
    state_list(&controller->state, "repos", look_at_container, &sweep);
    map_done(&sweep.claimed);
}

void run_folders_clear(struct entry *repository)
{
    struct folder_sweep sweep = {.controller = repository->controller, .is_at_once = true};
    struct entry *setup = repository->repository->setup;

    find_claims(&sweep);
    sweep_container(&sweep, repository->name);
    map_done(&sweep.claimed);
    if (setup != NULL) {
        status_repository(setup->status)->setup_log = NULL;
        entry_enqueue(setup);
    }
}

#include "controller/trash.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "controller/job_queue.h"
#include "controller/spawn.h"

#include <stdlib.h>

enum { TRIES = 3 };

struct trash {
    struct job_queue queue;
    uv_loop_t *loop;
    char *program;
    trash_emptied_fn *on_done;
    void *user;
};

struct trash_folder {
    struct queued_job place;
    struct trash *trash;
    struct spawned child;
    char *path;
    unsigned tries;
};

static void folder_free(struct trash_folder *folder)
{
    job_queue_remove(&folder->trash->queue, &folder->place);
    free(folder->path);
    free(folder);
}

static void folder_end(struct trash_folder *folder)
{
    struct trash *trash = folder->trash;

    folder_free(folder);
    trash->on_done(trash->user);
}

static void on_removed(struct spawned *child, int exit_status, int exit_signal);

static int start_child(struct trash_folder *folder)
{
    char *args[] = {folder->trash->program, (char[]){"remove-tree"}, folder->path, NULL};
    struct spawn_options options = {
        .args = args,
        .is_in_background = true,
        .on_exit = on_removed,
        .user = folder,
    };

    return spawn_start(folder->trash->loop, &folder->child, &options);
}

static void on_removed(struct spawned *child, int exit_status, int exit_signal)
{
    struct trash_folder *folder = child->user;
    bool is_killed = exit_signal != 0 && path_exists(folder->path);

    (void)exit_status;
    folder->tries++;
    if (!is_killed || folder->tries >= TRIES || start_child(folder) < 0) {
        folder_end(folder);
    }
}

static bool folder_start(struct queued_job *job)
{
    struct trash_folder *folder = (struct trash_folder *)job;
    struct error err = {0};

    if (start_child(folder) < 0) {
        tree_remove(folder->path, &err); /* slow, but done */
        folder_end(folder);
        return false;
    }
    return true;
}

/* Each folder has a name of its own. */
static bool is_about_the_same(const struct queued_job *a, const struct queued_job *b)
{
    (void)a;
    (void)b;
    return false;
}

static void on_closed(void *user)
{
    struct trash *trash = user;

    free(trash->program);
    free(trash);
}

static const struct job_queue_type queue_type = {is_about_the_same, folder_start, on_closed};

struct trash *trash_new(uv_loop_t *loop, const char *program, trash_emptied_fn *on_done, void *user)
{
    struct trash *trash = xcalloc(1, sizeof(*trash));

    trash->loop = loop;
    trash->program = xstrdup(program);
    trash->on_done = on_done;
    trash->user = user;
    job_queue_init(&trash->queue, loop, &queue_type, TRASH_AT_ONCE, trash);
    return trash;
}

static void hand_over_waiting(struct trash *trash)
{
    size_t count = 0;
    auto_free char **args = NULL;
    struct spawn_options options = {.is_in_background = true};
    struct spawned child;

    for (const struct queued_job *at = trash->queue.first; at != NULL; at = at->next) {
        count += !at->is_running;
    }
    if (count == 0) {
        return;
    }
    args = xcalloc(count + 3, sizeof(*args));
    args[0] = trash->program;
    args[1] = (char[]){"remove-tree"};
    count = 2;
    for (struct queued_job *at = trash->queue.first; at != NULL; at = at->next) {
        if (!at->is_running) {
            args[count++] = ((struct trash_folder *)at)->path;
        }
    }
    options.args = args;
    if (spawn_start(trash->loop, &child, &options) == 0) { /* else the next controller does it */
        spawn_forget(&child);
    }
}

void trash_close(struct trash *trash)
{
    struct trash_folder *folder;

    if (trash == NULL) {
        return;
    }
    hand_over_waiting(trash);
    while ((folder = (struct trash_folder *)trash->queue.first) != NULL) {
        spawn_forget(&folder->child);
        folder_free(folder);
    }
    job_queue_close(&trash->queue);
}

void trash_add(struct trash *trash, const char *path)
{
    struct trash_folder *folder = xcalloc(1, sizeof(*folder));

    folder->trash = trash;
    folder->path = xstrdup(path);
    job_queue_add(&trash->queue, &folder->place);
}

#include "controller/task_owner.h"

#include "base/memory.h"
#include "reconcilers/task.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>

enum { PASSWD_BUFFER = 16 << 10 };

/* The name of a user of this machine, or the number where it has none. */
static char *user_name(int64_t uid)
{
    auto_free char *buffer = xmalloc(PASSWD_BUFFER);
    struct passwd entry, *found = NULL;

    if (getpwuid_r((uid_t)uid, &entry, buffer, PASSWD_BUFFER, &found) != 0 || found == NULL) {
        return xasprintf("%" PRId64, uid);
    }
    return xstrdup(found->pw_name);
}

void task_note_owner(struct entry *task)
{
    const struct controller *controller = task->controller;
    const struct spec_set_file *file;

    if (!controller->options.is_task_user_verified || task->desired == NULL) {
        return;
    }
    file = map_get(&controller->specs->files, task->desired->file);
    free(task->task->owner);
    task->task->owner = file != NULL ? user_name(file->owner_uid) : xstrdup("");
}

char *task_why_forbidden(const struct entry *task)
{
    return task->desired != NULL
               ? task_find_forbidden(task->desired, task_settings(task), task->task->owner)
               : NULL;
}

bool task_is_forbidden(const struct entry *task)
{
    const struct status_task *status = task->status->task;
    auto_free char *why = NULL;

    if (status->attempt > 0 || status->tree.name != NULL) {
        return false;
    }
    why = task_why_forbidden(task);
    return why != NULL;
}

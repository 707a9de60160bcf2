#include "controller/task_owner.h"

#include "base/file.h"
#include "base/memory.h"

#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { PASSWD_BUFFER = 16 << 10 };

static char *user_name(uid_t uid)
{
    auto_free char *buffer = xmalloc(PASSWD_BUFFER);
    struct passwd entry, *found = NULL;

    if (getpwuid_r(uid, &entry, buffer, PASSWD_BUFFER, &found) != 0 || found == NULL) {
        return xasprintf("%u", (unsigned)uid);
    }
    return xstrdup(found->pw_name);
}

char *task_owner(const struct entry *task)
{
    const struct controller_options *options = &task->controller->options;
    auto_free char *path = NULL;
    struct stat info;

    if (!options->is_task_user_verified || task->desired == NULL) {
        return NULL;
    }
    path = path_join(options->specs_dir, task->desired->file);
    return stat(path, &info) == 0 ? user_name(info.st_uid) : NULL;
}

#include "cli/places_file.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/config_file.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* As it was read, until the process ends. */
static struct {
    struct config_file file;
    struct error err;
    bool is_read;
} found;

static bool is_trusted(uid_t owner)
{
    const char *caller = getenv("SUDO_UID");
    uint64_t uid;

    return owner == geteuid() || owner == 0 ||
           (geteuid() == 0 && caller != NULL && parse_u64(caller, &uid) == 0 && uid == owner);
}

int places_file_find(char **ret_path, struct error *err)
{
    struct stat info;

    *ret_path = NULL;
    if (stat(PLACES_FILE, &info) < 0) {
        return 0;
    }
    if (!is_trusted(info.st_uid)) {
        return error_set(err, ERROR_INVALID,
                         "./" PLACES_FILE " belongs to user %u, so it is not read; make it yours "
                         "(chown), or work in another directory",
                         (unsigned)info.st_uid);
    }
    *ret_path = path_absolute(PLACES_FILE);
    return 0;
}

static void read_it(void)
{
    auto_free char *path = NULL;

    found.is_read = true;
    if (places_file_find(&path, &found.err) < 0 || path == NULL) {
        return;
    }
    config_file_read(&found.file, path);
    if (found.file.error_count > 1) {
        error_set(&found.err, ERROR_INVALID, "%s (and %zu more)", found.file.errors[0],
                  found.file.error_count - 1);
    } else if (found.file.error_count == 1) {
        error_set(&found.err, ERROR_INVALID, "%s", found.file.errors[0]);
    }
}

int places_file_load(struct error *err)
{
    if (!found.is_read) {
        read_it();
    }
    return found.err.kind == ERROR_NONE ? 0
                                        : error_set(err, found.err.kind, "%s", found.err.message);
}

const char *places_file_text(enum setting_id id)
{
    struct error err = {0};

    if (places_file_load(&err) < 0) {
        return NULL;
    }
    switch (id) {
    case SETTING_SPECS: return found.file.options.specs_dir;
    case SETTING_STATE: return found.file.options.state_dir;
    case SETTING_STATUS_DIR: return found.file.options.status_dir;
    default: return NULL;
    }
}

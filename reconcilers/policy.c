#include "reconcilers/container.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/reason.h"

#include <string.h>

/* What a spec may ask for on this host. */

static bool is_path_allowed(const struct world *world, const char *host_path)
{
    auto_free char *path = path_absolute(host_path);

    for (size_t i = 0; i < world->host_path_roots.count; i++) {
        if (path_is_below(path, world->host_path_roots.items[i])) {
            return true;
        }
    }
    return false;
}

/* What the engine itself would give a container: nothing in it reaches beyond the container. */
static bool is_capability_allowed(const char *name)
{
    static const char *const allowed[] = {
        "AUDIT_WRITE",      "CHOWN",   "DAC_OVERRIDE", "FOWNER", "FSETID",  "KILL",   "MKNOD",
        "NET_BIND_SERVICE", "NET_RAW", "SETFCAP",      "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    };

    name += text_has_prefix(name, "CAP_") ? strlen("CAP_") : 0;
    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
        if (strcmp(name, allowed[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool policy_refuses(const struct world *world, const struct volume_list *volumes,
                    const struct security_context *security, struct object_status *status)
{
    for (size_t i = 0; i < volumes->count; i++) {
        const struct volume_spec *volume = &volumes->items[i];

        if (volume->host_path != NULL && !is_path_allowed(world, volume->host_path)) {
            auto_free char *message =
                xasprintf("volume \"%s\": hostPath %s is not below a root that "
                          "--allow-host-path names",
                          volume->name, volume->host_path);

            status_set_stalled(status, REASON_HOST_PATH_REFUSED, message);
            return true;
        }
    }
    for (size_t i = 0; i < security->capabilities_add.count; i++) {
        const char *name = security->capabilities_add.items[i];

        if (!is_capability_allowed(name)) {
            auto_free char *message =
                xasprintf("capability %s reaches beyond the container and is not allowed", name);

            status_set_stalled(status, REASON_CAPABILITY_REFUSED, message);
            return true;
        }
    }
    return false;
}

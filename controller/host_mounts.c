#include "controller/host_mounts.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/reason.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The directories that are allowed, as what they lead to; those that are not there are left out. */
static struct policy_mounts resolve_roots(const struct controller *controller, struct arena *arena)
{
    struct policy_mounts mounts, resolved = {0};
    struct text_list roots;
    struct world world;

    controller_fill_world(controller, &world, &roots);
    mounts = policy_mounts_in_force(world.policy, &roots, arena);
    resolved.items = arena_alloc(arena, (mounts.count + 1) * sizeof(*resolved.items));
    for (size_t i = 0; i < mounts.count; i++) {
        auto_free char *real = realpath(mounts.items[i].path, NULL);

        if (real != NULL) {
            resolved.items[resolved.count] = mounts.items[i];
            resolved.items[resolved.count++].path = arena_strdup(arena, real);
        }
    }
    return resolved;
}

/* True when a mount of the path would show the thing: it is that, or lies above it. */
static bool shows(const char *path, const char *thing)
{
    auto_free char *real = thing != NULL ? realpath(thing, NULL) : NULL;

    return real != NULL && path_is_below(real, path);
}

/* What is the controller's own, or NULL. */
static const char *find_own(const struct controller *controller, const char *path)
{
    static const char *const sockets[] = {"/run/docker.sock", "/run/containerd/containerd.sock",
                                          "/run/podman/podman.sock"};
    static const char unix_scheme[] = "unix://";
    const char *address = engine_address(controller->engine);
    auto_free char *state = realpath(controller->state.path, NULL);

    if (state != NULL && (path_is_below(path, state) || path_is_below(state, path))) {
        return "the state directory";
    }
    if (text_has_prefix(address, unix_scheme) && shows(path, address + strlen(unix_scheme))) {
        return "the engine's socket";
    }
    for (size_t i = 0; i < ARRAY_SIZE(sockets); i++) {
        if (shows(path, sockets[i])) {
            return "an engine's socket";
        }
    }
    return shows(path, controller->options.policy_file)   ? "the policy file"
           : shows(path, controller->options.config_file) ? "the configuration file"
                                                          : NULL;
}

int host_mount_resolve(const struct controller *controller, const char *source, bool is_read_only,
                       struct arena *arena, const char **ret_path, struct error *err)
{
    auto_free char *real = realpath(source, NULL), *where = NULL;
    auto_done(policy_refusal) refusal = {0};
    struct policy_mounts mounts;
    const char *own;

    if (real == NULL) {
        error_set_errno(err, errno, "hostPath %s", source);
        err->reason = REASON_CREATE_FAILED;
        err->kind = ERROR_INVALID;
        return -1;
    }
    where = strcmp(real, source) == 0 ? xstrdup("")
                                      : xasprintf("hostPath %s leads to %s: ", source, real);
    own = find_own(controller, real);
    if (own != NULL) {
        return error_set_reason(err, ERROR_INVALID, REASON_HOST_PATH_REFUSED,
                                "%shostPath %s is never allowed: it shows %s", where, real, own);
    }
    mounts = resolve_roots(controller, arena);
    if (policy_refuses_mount(controller->policy, &mounts, real, is_read_only, &refusal)) {
        return error_set_reason(err, ERROR_INVALID, refusal.reason, "%s%s", where, refusal.message);
    }
    *ret_path = arena_strdup(arena, real);
    return 0;
}

int host_mount_check_unmoved(const char *path, struct error *err)
{
    auto_free char *real = realpath(path, NULL);

    if (real == NULL || strcmp(real, path) == 0) { /* that it is not there, the engine says too */
        return 0;
    }
    return error_set_reason(err, ERROR_INVALID, REASON_HOST_PATH_REFUSED,
                            "hostPath %s led to itself when the container was made, and leads to "
                            "%s now; put it back, or change the volume",
                            path, real);
}

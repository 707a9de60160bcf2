#include "specs/policy.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/machine_types.h"
#include "specs/policy_parts.h"
#include "specs/quantity.h"
#include "specs/reason.h"

#include <arpa/inet.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What a policy says of what a spec asks for. */

bool policy_has(const struct policy *policy, enum policy_rule rule)
{
    return policy != NULL && policy->places[rule].line > 0;
}

void policy_refusal_done(struct policy_refusal *refusal)
{
    free(refusal->path);
    free(refusal->message);
    *refusal = (struct policy_refusal){0};
}

/* "(rule images, policy.yaml:3:1)" */
static char *rule_text(const struct policy *policy, enum policy_rule rule)
{
    return xasprintf("(rule %s, %s:%u:%u)", policy_rule_name(rule), policy->file,
                     policy->places[rule].line, policy->places[rule].column);
}

/* True, with the message and the place of the rule behind it. */
__attribute__((format(printf, 4, 5))) static bool refuse(const struct policy *policy,
                                                         enum policy_rule rule,
                                                         struct policy_refusal *ret,
                                                         const char *format, ...)
{
    auto_free char *text = NULL, *place = rule_text(policy, rule);
    va_list args;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    ret->reason = REASON_POLICY_REFUSED;
    ret->message = xasprintf("%s %s", text, place);
    return true;
}

/* Where in the spec; the innermost sets it. */
__attribute__((format(printf, 2, 3))) static bool at(struct policy_refusal *ret, const char *format,
                                                     ...)
{
    va_list args;

    va_start(args, format);
    ret->path = xvasprintf(format, args);
    va_end(args);
    return true;
}

/* --- images and repositories ------------------------------------------------------------------ */

static bool refuses_image(const struct policy *policy, const char *image,
                          struct policy_refusal *ret)
{
    if (image == NULL || !policy_has(policy, POLICY_IMAGES)) {
        return false;
    }
    for (size_t i = 0; i < policy->images.count; i++) {
        if (policy_image_matches(policy->images.items[i], image)) {
            return false;
        }
    }
    return refuse(policy, POLICY_IMAGES, ret, "image \"%s\" is not allowed", image);
}

static size_t slashes(const char *text, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++) {
        count += text[i] == '/' ? 1 : 0;
    }
    return count;
}

/* The first parts of the name, as many as the pattern has. The caller's to free. */
static char *as_many_parts(const char *pattern, const char *name)
{
    size_t wanted = slashes(pattern, strlen(pattern)), len = 0;

    while (name[len] != '\0' && slashes(name, len + 1) <= wanted) {
        len++;
    }
    return xstrndup(name, len);
}

/*
 * "github.com" is everything there; "github.com/our-org" nothing but that, and
 * "github.com/our-org/" with two stars all below.
 */
static bool is_repository_matched(const char *pattern, const char *canonical)
{
    bool is_host = strchr(pattern, '/') == NULL, is_all_below = text_has_suffix(pattern, "/**");
    auto_free char *above = xstrndup(pattern, strlen(pattern) - (is_all_below ? strlen("/**") : 0));
    auto_free char *begin = as_many_parts(above, canonical);
    const char *text = is_host || is_all_below ? begin : canonical;

    if (is_all_below && strlen(begin) == strlen(canonical)) {
        return false;
    }
    return fnmatch(above, text, FNM_PATHNAME | FNM_NOESCAPE) == 0;
}

bool policy_refuses_url(const struct policy *policy, const struct repo_url *url,
                        struct policy_refusal *ret)
{
    if (!policy_has(policy, POLICY_REPOSITORIES) || strcmp(url->scheme, "file") == 0) {
        return false;
    }
    for (size_t i = 0; i < policy->repositories.count; i++) {
        if (is_repository_matched(policy->repositories.items[i], url->canonical)) {
            return false;
        }
    }
    return refuse(policy, POLICY_REPOSITORIES, ret, "repository %s is not allowed", url->canonical);
}

static bool refuses_url_text(const struct policy *policy, const char *text,
                             struct policy_refusal *ret)
{
    auto_done(repo_url) url = {0};
    struct error err = {0};

    return text != NULL && repo_url_parse(text, &url, &err) == 0 &&
           policy_refuses_url(policy, &url, ret);
}

/* --- volumes ---------------------------------------------------------------------------------- */

struct policy_mounts policy_mounts_in_force(const struct policy *policy,
                                            const struct text_list *roots, struct arena *arena)
{
    struct policy_mounts mounts = {0};

    if (policy_has(policy, POLICY_MOUNTS)) {
        return policy->mounts;
    }
    mounts.items = arena_alloc(arena, (roots->count + 1) * sizeof(*mounts.items));
    for (size_t i = 0; i < roots->count; i++) {
        mounts.items[mounts.count++] = (struct policy_mount){.path = roots->items[i]};
    }
    return mounts;
}

/* What no root makes harmless: all of the machine, its kernel's files, its devices. */
static const char *never_mounted(const char *path)
{
    static const char *const files[] = {"/proc", "/sys", "/dev"};

    if (strcmp(path, "/") == 0) {
        return "it is the whole machine";
    }
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        if (path_is_below(path, files[i])) {
            return "it is the kernel's";
        }
    }
    return NULL;
}

static const struct policy_mount *nearest(const struct policy_mounts *mounts, const char *path)
{
    const struct policy_mount *found = NULL;

    for (size_t i = 0; i < mounts->count; i++) {
        const struct policy_mount *mount = &mounts->items[i];

        if (path_is_below(path, mount->path) &&
            (found == NULL || strlen(mount->path) > strlen(found->path))) {
            found = mount;
        }
    }
    return found;
}

/* A readOnly directory that a volume which can be written to would have. */
static const struct policy_mount *covered(const struct policy_mounts *mounts, const char *path)
{
    for (size_t i = 0; i < mounts->count; i++) {
        if (mounts->items[i].is_read_only && path_is_below(mounts->items[i].path, path)) {
            return &mounts->items[i];
        }
    }
    return NULL;
}

bool policy_refuses_mount(const struct policy *policy, const struct policy_mounts *mounts,
                          const char *path, bool is_read_only, struct policy_refusal *ret)
{
    const struct policy_mount *mount = nearest(mounts, path), *inner = NULL;
    const char *never = never_mounted(path);

    if (never != NULL) {
        ret->message = xasprintf("hostPath %s is never allowed: %s", path, never);
    } else if (mount == NULL && policy_has(policy, POLICY_MOUNTS)) {
        refuse(policy, POLICY_MOUNTS, ret, "hostPath %s is not below a directory of the policy",
               path);
    } else if (mount == NULL) {
        ret->message =
            xasprintf("hostPath %s is not below a root that --allow-host-path names", path);
    } else if (!is_read_only) {
        inner = mount->is_read_only ? mount : covered(mounts, path);
        ret->message = inner != NULL
                           ? xasprintf("hostPath %s needs readOnly: true, for %s (rule "
                                       "mounts, %s:%u:%u)",
                                       path, inner->path, policy->file, inner->line, inner->column)
                           : NULL;
    }
    ret->reason = ret->message != NULL ? REASON_HOST_PATH_REFUSED : NULL;
    return ret->reason != NULL;
}

static bool refuses_volume_name(const struct policy *policy, const char *name,
                                struct policy_refusal *ret)
{
    if (!policy_has(policy, POLICY_VOLUMES)) {
        return false;
    }
    for (size_t i = 0; i < policy->volumes.count; i++) {
        if (fnmatch(policy->volumes.items[i], name, FNM_NOESCAPE) == 0) {
            return false;
        }
    }
    return refuse(policy, POLICY_VOLUMES, ret, "volume \"%s\" of the engine is not allowed", name);
}

/* With the volume's name in front, since people know it by that. */
static void put_volume_in_front(struct policy_refusal *ret, const struct volume_spec *volume)
{
    auto_free char *message = ret->message;

    ret->message = volume->name != NULL
                       ? xasprintf("volume \"%s\": %s", volume->name, message)
                       : xasprintf("volume at %s: %s", volume->mount_path, message);
}

static bool refuses_volumes(const struct policy *policy, const struct policy_mounts *mounts,
                            const struct volume_list *volumes, struct policy_refusal *ret)
{
    for (size_t i = 0; i < volumes->count; i++) {
        const struct volume_spec *volume = &volumes->items[i];
        auto_free char *path = volume->host_path != NULL ? path_absolute(volume->host_path) : NULL;

        if (path != NULL && mounts != NULL &&
            policy_refuses_mount(policy, mounts, path, volume->is_read_only, ret)) {
            put_volume_in_front(ret, volume);
            return at(ret, "volumes[%zu].hostPath", i);
        }
        if (volume->volume != NULL && refuses_volume_name(policy, volume->volume, ret)) {
            return at(ret, "volumes[%zu].volume", i);
        }
    }
    return false;
}

/* --- capabilities ----------------------------------------------------------------------------- */

/* What the engine itself would give a container: nothing in it reaches beyond the container. */
static bool is_harmless_capability(const char *name)
{
    static const char *const harmless[] = {
        "AUDIT_WRITE",      "CHOWN",   "DAC_OVERRIDE", "FOWNER", "FSETID",  "KILL",   "MKNOD",
        "NET_BIND_SERVICE", "NET_RAW", "SETFCAP",      "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    };

    for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
        if (strcmp(name, harmless[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_listed_capability(const struct policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->capabilities.count; i++) {
        if (strcmp(policy_bare_capability(policy->capabilities.items[i]), name) == 0) {
            return true;
        }
    }
    return false;
}

static bool refuses_capabilities(const struct policy *policy, const struct text_list *added,
                                 struct policy_refusal *ret)
{
    for (size_t i = 0; i < added->count; i++) {
        const char *name = policy_bare_capability(added->items[i]);

        if (policy_has(policy, POLICY_CAPABILITIES)) {
            if (is_listed_capability(policy, name)) {
                continue;
            }
            refuse(policy, POLICY_CAPABILITIES, ret, "capability %s is not allowed",
                   added->items[i]);
        } else if (is_harmless_capability(name)) {
            continue;
        } else {
            ret->message = xasprintf(
                "capability %s reaches beyond the container and is not allowed", added->items[i]);
        }
        ret->reason = REASON_CAPABILITY_REFUSED;
        return at(ret, "securityContext.capabilities.add[%zu]", i);
    }
    return false;
}

/* --- sizes ------------------------------------------------------------------------------------ */

/* False: there is no ceiling. */
static bool find_ceiling(const struct policy *policy, struct machine_type *ret)
{
    return policy_has(policy, POLICY_MACHINE) &&
           machine_type_find(policy->max_machine_type, ret) == 0;
}

int64_t policy_cpu_milli(const struct policy *policy)
{
    struct machine_type ceiling;

    return find_ceiling(policy, &ceiling) ? ceiling.cpu_milli : 0;
}

int64_t policy_memory_bytes(const struct policy *policy)
{
    struct machine_type ceiling;

    return find_ceiling(policy, &ceiling) ? ceiling.memory_bytes : 0;
}

/* what: "machineType n1-standard-4 has", "resources ask for" */
static bool refuses_size(const struct policy *policy, int64_t cpu_milli, int64_t memory_bytes,
                         const char *what, struct policy_refusal *ret)
{
    char have[QUANTITY_TEXT_SIZE], most[QUANTITY_TEXT_SIZE];
    struct machine_type ceiling;

    if (!find_ceiling(policy, &ceiling)) {
        return false;
    }
    if (cpu_milli > ceiling.cpu_milli) {
        return refuse(policy, POLICY_MACHINE, ret,
                      "%s %s processors, and at most %s (%s) are allowed", what,
                      quantity_format_cpu(cpu_milli, have),
                      quantity_format_cpu(ceiling.cpu_milli, most), policy->max_machine_type);
    }
    if (memory_bytes > ceiling.memory_bytes) {
        return refuse(policy, POLICY_MACHINE, ret,
                      "%s %s of memory, and at most %s (%s) are allowed", what,
                      quantity_format_bytes(memory_bytes, have),
                      quantity_format_bytes(ceiling.memory_bytes, most), policy->max_machine_type);
    }
    return false;
}

static bool refuses_machine_type(const struct policy *policy, const char *name,
                                 struct policy_refusal *ret)
{
    auto_free char *what = xasprintf("machineType %s has", name != NULL ? name : "");
    struct machine_type type;

    return name != NULL && machine_type_find(name, &type) == 0 &&
           refuses_size(policy, type.cpu_milli, type.memory_bytes, what, ret) &&
           at(ret, "machineType");
}

/* --- ports ------------------------------------------------------------------------------------ */

static bool is_port_listed(const struct policy *policy, int64_t port)
{
    for (size_t i = 0; i < policy->host_ports.count; i++) {
        uint16_t first, last;

        if (parse_port_range(policy->host_ports.items[i], &first, &last) == 0 && port >= first &&
            port <= last) {
            return true;
        }
    }
    return false;
}

static bool is_address(int family, const char *a, const char *b)
{
    struct in6_addr one, other; /* room for both families */
    size_t len = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);

    return inet_pton(family, a, &one) == 1 && inet_pton(family, b, &other) == 1 &&
           memcmp(&one, &other, len) == 0;
}

static bool is_address_listed(const struct policy *policy, const char *address)
{
    for (size_t i = 0; i < policy->host_addresses.count; i++) {
        const char *listed = policy->host_addresses.items[i];

        if (is_address(AF_INET, listed, address) || is_address(AF_INET6, listed, address)) {
            return true;
        }
    }
    return false;
}

static bool refuses_ports(const struct policy *policy, const struct port_list *ports,
                          struct policy_refusal *ret)
{
    for (size_t i = 0; i < ports->count; i++) {
        const struct port_spec *port = &ports->items[i];

        if (policy_has(policy, POLICY_HOST_PORTS) && port->host_port != 0 &&
            !is_port_listed(policy, port->host_port)) {
            refuse(policy, POLICY_HOST_PORTS, ret, "port \"%s\": hostPort %lld is not allowed",
                   port->name, (long long)port->host_port);
            return at(ret, "ports[%zu].hostPort", i);
        }
        if (policy_has(policy, POLICY_HOST_ADDRESSES) && port->host_ip != NULL &&
            !is_address_listed(policy, port->host_ip)) {
            refuse(policy, POLICY_HOST_ADDRESSES, ret, "port \"%s\": hostIP %s is not allowed",
                   port->name, port->host_ip);
            return at(ret, "ports[%zu].hostIP", i);
        }
    }
    return false;
}

/* --- kinds ------------------------------------------------------------------------------------ */

static bool refuses_instance(const struct policy *policy, const struct policy_mounts *mounts,
                             const struct instance_spec *spec, struct policy_refusal *ret)
{
    if (refuses_image(policy, spec->image, ret)) {
        return at(ret, "image");
    }
    return refuses_machine_type(policy, spec->machine_type, ret) ||
           refuses_volumes(policy, mounts, &spec->volumes, ret) ||
           refuses_capabilities(policy, &spec->security.capabilities_add, ret) ||
           refuses_ports(policy, &spec->ports, ret);
}

static bool refuses_pool(const struct policy *policy, const struct policy_mounts *mounts,
                         const struct pool_spec *spec, struct policy_refusal *ret)
{
    for (size_t i = 0; i < spec->warm_repositories.count; i++) {
        if (refuses_url_text(policy, spec->warm_repositories.items[i], ret)) {
            return at(ret, "warmRepositories[%zu]", i);
        }
    }
    if (refuses_instance(policy, mounts, &spec->template_spec, ret)) {
        auto_free char *inner = ret->path;

        return at(ret, "template.spec.%s", inner);
    }
    return false;
}

static bool refuses_repository(const struct policy *policy, const struct policy_mounts *mounts,
                               const struct repository_spec *spec, struct policy_refusal *ret)
{
    if (refuses_url_text(policy, spec->url, ret)) {
        return at(ret, "url");
    }
    if (refuses_image(policy, spec->image, ret)) {
        return at(ret, "image");
    }
    if (refuses_size(policy, spec->resources.cpu_milli, spec->resources.memory_bytes,
                     "resources ask for", ret)) {
        return at(ret, "resources");
    }
    return refuses_volumes(policy, mounts, &spec->volumes, ret) ||
           refuses_capabilities(policy, &spec->security.capabilities_add, ret) ||
           refuses_ports(policy, &spec->ports, ret);
}

static bool refuses_spec(const struct policy *policy, const struct policy_mounts *mounts,
                         const struct object *object, struct policy_refusal *ret)
{
    switch (object->kind) { /* no default: a kind without rules does not compile */
    case KIND_INSTANCE: return refuses_instance(policy, mounts, &object->instance, ret);
    case KIND_INSTANCE_POOL: return refuses_pool(policy, mounts, &object->pool, ret);
    case KIND_REPOSITORY: return refuses_repository(policy, mounts, &object->repository, ret);
    case KIND_TASK:
        return refuses_url_text(policy, object->task.repository_url, ret) && at(ret, "repository");
    }
    abort(); /* not a kind at all: memory is damaged */
}

bool policy_refuses_object(const struct policy *policy, const struct policy_mounts *mounts,
                           const struct object *object, struct policy_refusal *ret)
{
    *ret = (struct policy_refusal){0};
    if (refuses_spec(policy, mounts, object, ret)) {
        auto_free char *inner = ret->path;

        return at(ret, "spec.%s", inner);
    }
    return false;
}

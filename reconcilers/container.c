#include "reconcilers/container.h"

#include "base/backoff.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "reconcilers/restarts.h"
#include "specs/fingerprint.h"
#include "specs/reason.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUICK_TRIES = 3 }; /* with other ports, when the engine says that one is taken */

uint64_t retry_delay_ms(const char *key, unsigned count)
{
    static const struct backoff_policy policy = {RETRY_INITIAL_MS, RETRY_MAX_MS,
                                                 RETRY_JITTER_PERCENT};
    uint32_t spread = UINT32_C(2166136261) ^ count;

    for (; *key != '\0'; key++) {
        spread = (spread ^ (unsigned char)*key) * UINT32_C(16777619);
    }
    return backoff_delay_ms(&policy, count, spread);
}

char *zone_network_name(const struct world *world, const char *zone)
{
    return xasprintf("berth-%s-%.6s", zone, world->controller_id);
}

void status_set_ready(struct object_status *status, const char *reason, const char *message)
{
    status_set_condition(status, CONDITION_READY, CONDITION_TRUE, reason, message);
    status_set_condition(status, CONDITION_RECONCILING, CONDITION_FALSE, reason, NULL);
    status_set_condition(status, CONDITION_STALLED, CONDITION_FALSE, reason, NULL);
}

void status_set_progressing(struct object_status *status, const char *reason, const char *message)
{
    status_set_condition(status, CONDITION_READY, CONDITION_FALSE, reason, message);
    status_set_condition(status, CONDITION_RECONCILING, CONDITION_TRUE, reason, message);
    status_set_condition(status, CONDITION_STALLED, CONDITION_FALSE, reason, NULL);
}

void status_set_stalled(struct object_status *status, const char *reason, const char *message)
{
    status_set_condition(status, CONDITION_READY, CONDITION_FALSE, reason, message);
    status_set_condition(status, CONDITION_RECONCILING, CONDITION_FALSE, reason, NULL);
    status_set_condition(status, CONDITION_STALLED, CONDITION_TRUE, reason, message);
    status_add_error(status, reason, message, NULL);
}

bool failure_holds_back(const struct observed_failure *failure, const char *key,
                        int64_t now_wall_ms, struct plan *plan, struct object_status *status)
{
    bool is_quick =
        text_equal(failure->reason, REASON_PORT_IN_USE) && failure->count <= QUICK_TRIES;
    int64_t retry_at = failure->at_wall_ms + (int64_t)retry_delay_ms(key, failure->count);

    if (failure->count == 0 || plan->operation == NULL || is_quick || retry_at <= now_wall_ms) {
        return false;
    }
    plan_clear(plan);
    plan_wake_at(plan, retry_at);
    status->restarts.next_retry_wall_ms = retry_at;
    if (failure->is_permanent || failure->count >= STALLED_AFTER) {
        status_set_stalled(status, failure->reason, failure->message);
    } else {
        status_set_progressing(status, failure->reason, failure->message);
        status_add_error(status, failure->reason, failure->message, NULL);
    }
    return true;
}

bool container_is_own(const struct observed_container *container, const char *kind,
                      const char *object)
{
    return container->is_ours && text_equal(container->kind, kind) &&
           text_equal(container->object, object);
}

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

static bool is_up(const struct observed_container *container)
{
    return container->state == WORKLOAD_RUNNING || container->state == WORKLOAD_PAUSED ||
           container->state == WORKLOAD_RESTARTING;
}

/* Stop and remove, with the evidence of why left to the caller. */
static void plan_removal(struct container_pass *pass, enum phase phase, const char *cause)
{
    const struct container_want *want = pass->want;

    if (is_up(pass->container)) {
        struct action *stop = plan_add(pass->plan, ACTION_STOP_CONTAINER, phase, want->name, cause);

        stop->grace_seconds = want->grace_seconds;
    }
    plan_add(pass->plan, ACTION_REMOVE_CONTAINER, phase, want->name, cause);
}

static void reconcile_absent(struct container_pass *pass)
{
    pass->status->phase = PHASE_TERMINATED;
    if (pass->container != NULL &&
        container_is_own(pass->container, pass->want->kind, pass->want->object)) {
        plan_set_operation(pass->plan, "delete", "no longer wanted");
        plan_removal(pass, PHASE_STOPPING, "no longer wanted");
        pass->status->phase = PHASE_STOPPING;
    }
    if (port_table_has_owner(pass->world->ports, pass->want->key)) {
        plan_set_operation(pass->plan, "delete", "no longer wanted");
        plan_add(pass->plan, ACTION_RELEASE_PORTS, pass->status->phase, pass->want->key,
                 "no longer wanted");
    }
}

static void describe_container(struct container_pass *pass)
{
    const struct observed_container *container = pass->container;
    struct object_status *status = pass->status;

    status->container = (struct status_container){
        .id = status_text(status, container->id),
        .name = status_text(status, container->name),
        .image = status_text(status, pass->want->image),
        .image_id = status_text(status, container->image_id),
        .ip = status_text(status, container->ip),
        .network = status_text(status, container->network),
        .started_wall_ms = container->state == WORKLOAD_RUNNING ? container->started_wall_ms : 0,
    };
}

/* Ports */

struct resolved_port {
    const struct port_spec *spec;
    uint16_t host_port;
    bool is_leased; /* already, under the wanted number */
};

static void describe_ports(struct container_pass *pass, const struct resolved_port *ports,
                           size_t count)
{
    struct object_status *status = pass->status;

    status->ports = arena_alloc(&status->arena, (count + 1) * sizeof(*status->ports));
    for (size_t i = 0; i < count; i++) {
        status->ports[i] = (struct status_port){
            .name = status_text(status, ports[i].spec->name),
            .container_port = (uint16_t)ports[i].spec->container_port,
            .protocol = (enum port_protocol)ports[i].spec->protocol,
            .host_ip = status_text(status, ports[i].spec->host_ip),
            .host_port = ports[i].host_port,
        };
    }
    status->port_count = count;
    if (count > 0) {
        status_set_condition(status, CONDITION_PORTS_ALLOCATED, CONDITION_TRUE, "Allocated", NULL);
    }
}

/* The ports that it has, whatever becomes of the others. */
static void describe_leases(struct container_pass *pass)
{
    const struct port_list *wanted = pass->want->ports;
    auto_free struct resolved_port *ports = xcalloc(wanted->count, sizeof(*ports));
    size_t count = 0;

    for (size_t i = 0; pass->container != NULL && i < wanted->count; i++) {
        const struct port_lease *lease =
            port_table_find(pass->world->ports, pass->want->key, wanted->items[i].name,
                            (enum port_protocol)wanted->items[i].protocol);

        if (lease != NULL) {
            ports[count++] = (struct resolved_port){&wanted->items[i], lease->port, true};
        }
    }
    if (count > 0) {
        struct condition allocated = pass->status->conditions[CONDITION_PORTS_ALLOCATED];

        describe_ports(pass, ports, count);
        pass->status->conditions[CONDITION_PORTS_ALLOCATED] = allocated;
    }
}

/* Another port of this very spec that has the number, or will: choose() cannot know those. */
static bool is_chosen_before(const struct container_pass *pass, const struct resolved_port *ports,
                             size_t count, uint16_t port, int64_t protocol)
{
    for (size_t i = 0; i < pass->want->ports->count; i++) {
        const struct port_spec *spec = &pass->want->ports->items[i];

        if (spec->host_port == port && spec->protocol == protocol) {
            return true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (ports[i].host_port == port && ports[i].spec->protocol == protocol) {
            return true;
        }
    }
    return false;
}

static int resolve_fixed(struct container_pass *pass, struct resolved_port *port)
{
    const struct port_spec *spec = port->spec;
    enum port_protocol protocol = (enum port_protocol)spec->protocol;
    const struct port_lease *holder =
        port_table_get(pass->world->ports, (uint16_t)spec->host_port, protocol);

    port->host_port = (uint16_t)spec->host_port;
    if (holder != NULL && holder->owner != NULL) {
        auto_free char *message = NULL;

        port->is_leased = text_equal(holder->owner, pass->want->key) &&
                          text_equal(holder->name, spec->name) &&
                          text_equal(holder->host_ip, spec->host_ip);
        if (port->is_leased || text_equal(holder->owner, pass->want->key)) {
            return 0;
        }
        message = xasprintf("host port %u of \"%s\" is held by %s; choose another one or leave "
                            "hostPort out",
                            port->host_port, spec->name, holder->owner);
        status_set_condition(pass->status, CONDITION_PORTS_ALLOCATED, CONDITION_FALSE,
                             REASON_PORT_CONFLICT, message);
        status_set_stalled(pass->status, REASON_PORT_CONFLICT, message);
        plan_wake_at(pass->plan, pass->world->now_wall_ms + RETRY_MAX_MS / 10);
        return -1;
    }
    return 0;
}

static int resolve_pooled(struct container_pass *pass, struct resolved_port *ports, size_t index)
{
    struct resolved_port *port = &ports[index];
    enum port_protocol protocol = (enum port_protocol)port->spec->protocol;
    const struct port_lease *lease =
        port_table_find(pass->world->ports, pass->want->key, port->spec->name, protocol);
    auto_free char *salt = xstrdup(port->spec->name);
    unsigned total, used;

    if (lease != NULL) {
        port->host_port = lease->port;
        port->is_leased = text_equal(lease->host_ip, port->spec->host_ip);
        return 0;
    }
    port_table_usage(pass->world->ports, &total, &used);
    for (unsigned tries = 0; tries < 64; tries++) {
        char *salted;

        if (port_table_choose(pass->world->ports, pass->want->key, salt, protocol,
                              pass->world->now_wall_ms, &port->host_port) < 0) {
            break;
        }
        if (!is_chosen_before(pass, ports, index, port->host_port, port->spec->protocol)) {
            return 0;
        }
        salted = xasprintf("%s+", salt);
        free(salt);
        salt = salted;
    }
    {
        auto_free char *message =
            xasprintf("no free host port for \"%s\": %u of %u in the ranges are taken; add a range "
                      "with --ports or remove what is not needed",
                      port->spec->name, used, total);

        status_set_condition(pass->status, CONDITION_PORTS_ALLOCATED, CONDITION_FALSE,
                             REASON_PORTS_EXHAUSTED, message);
        status_set_stalled(pass->status, REASON_PORTS_EXHAUSTED, message);
    }
    plan_wake_at(pass->plan, pass->world->now_wall_ms + RETRY_MAX_MS / 30);
    return -1;
}

/* -1: a port cannot be had; the status says why. */
static int resolve_ports(struct container_pass *pass, struct resolved_port *ports)
{
    const struct port_list *wanted = pass->want->ports;

    for (size_t i = 0; i < wanted->count; i++) {
        ports[i] = (struct resolved_port){.spec = &wanted->items[i]};
        if (ports[i].spec->host_port != 0 ? resolve_fixed(pass, &ports[i]) < 0
                                          : resolve_pooled(pass, ports, i) < 0) {
            return -1;
        }
    }
    return 0;
}

static void plan_leases(struct container_pass *pass, const struct resolved_port *ports,
                        const char *cause)
{
    for (size_t i = 0; i < pass->want->ports->count; i++) {
        struct action *lease;

        if (ports[i].is_leased) {
            continue;
        }
        lease =
            plan_add(pass->plan, ACTION_LEASE_PORT, PHASE_PROVISIONING, ports[i].spec->name, cause);
        lease->port = ports[i].host_port;
        lease->protocol = (enum port_protocol)ports[i].spec->protocol;
        lease->host_ip = xstrdup(ports[i].spec->host_ip);
        lease->is_fixed_port = ports[i].spec->host_port != 0;
    }
}

static int compare_ports(const void *a, const void *b)
{
    const struct resolved_port *first = a, *second = b;

    return strcmp(first->spec->name, second->spec->name);
}

/* The label that says which ports the container has; the order in the spec does not matter. */
static char *ports_label(const struct resolved_port *ports, size_t count)
{
    auto_free struct resolved_port *sorted = xcalloc(count, sizeof(*sorted));
    auto_done(strbuf) label = {0};

    if (count > 0) {
        memcpy(sorted, ports, count * sizeof(*sorted));
        qsort(sorted, count, sizeof(*sorted), compare_ports);
    }
    for (size_t i = 0; i < count; i++) {
        strbuf_addf(&label, "%s%s=%s/%u/%s", i > 0 ? " " : "", sorted[i].spec->name,
                    sorted[i].spec->protocol == PROTOCOL_UDP ? "udp" : "tcp", sorted[i].host_port,
                    sorted[i].spec->host_ip);
    }
    return strbuf_take(&label);
}

/* Creation */

static struct workload *build_workload(struct container_pass *pass,
                                       const struct resolved_port *ports)
{
    const struct container_want *want = pass->want;
    struct workload *workload = want->build(pass);
    auto_free char *label = ports_label(ports, want->ports->count);

    workload->name = arena_strdup(&workload->arena, want->name);
    workload->image = arena_strdup(&workload->arena, want->image);
    workload->network =
        want->network != NULL ? arena_strdup(&workload->arena, want->network) : NULL;
    workload->grace_seconds = want->grace_seconds;
    workload_add_label(workload, LABEL_CONTROLLER, pass->world->controller_id);
    workload_add_label(workload, LABEL_KIND, want->kind);
    workload_add_label(workload, LABEL_NAME, want->object);
    workload_add_label(workload, LABEL_HASH, want->hash);
    workload_add_label(workload, LABEL_FIELDS, want->fields);
    workload_add_label(workload, LABEL_SOURCE, want->source);
    workload_add_label(workload, LABEL_PORTS, label);
    for (size_t i = 0; i < want->ports->count; i++) {
        workload_add_port(workload, &(struct workload_port){
                                        .container_port = (uint16_t)ports[i].spec->container_port,
                                        .protocol = (enum port_protocol)ports[i].spec->protocol,
                                        .host_ip = ports[i].spec->host_ip,
                                        .host_port = ports[i].host_port,
                                    });
    }
    return workload;
}

static void plan_network(struct container_pass *pass, enum phase phase)
{
    if (pass->want->network != NULL && !pass->has_network) {
        plan_add(pass->plan, ACTION_CREATE_NETWORK, phase, pass->want->network,
                 "network does not exist");
    }
}

static void plan_image(struct container_pass *pass, enum phase phase)
{
    const struct container_want *want = pass->want;

    if (want->is_idle_image) {
        if (pass->image->state != IMAGE_PRESENT) {
            plan_add(pass->plan, ACTION_BUILD_IDLE_IMAGE, phase, want->image,
                     "image does not exist");
        }
    } else if (want->pull_policy == PULL_ALWAYS) {
        plan_add(pass->plan, ACTION_PULL_IMAGE, phase, want->image, "imagePullPolicy is Always");
    } else if (pass->image->state != IMAGE_PRESENT) {
        plan_add(pass->plan, ACTION_PULL_IMAGE, phase, want->image, "image does not exist");
    }
}

/* True when the image is missing and may not be pulled; the status says so. */
static bool is_image_missing(struct container_pass *pass)
{
    const struct container_want *want = pass->want;
    auto_free char *message = NULL;

    if (pass->image->state == IMAGE_PRESENT || want->is_idle_image ||
        want->pull_policy != PULL_NEVER) {
        return false;
    }
    message = xasprintf("image \"%s\" does not exist and imagePullPolicy is Never", want->image);
    status_set_condition(pass->status, CONDITION_IMAGE_READY, CONDITION_FALSE,
                         REASON_IMAGE_NOT_FOUND, message);
    status_set_stalled(pass->status, REASON_IMAGE_NOT_FOUND, message);
    plan_wake_at(pass->plan, pass->world->now_wall_ms + RETRY_MAX_MS / 10);
    return true;
}

/* From nothing to running; an old container is removed in between, as late as possible. */
static void plan_creation(struct container_pass *pass, const struct resolved_port *ports,
                          const char *operation, enum phase phase, const char *cause)
{
    const struct container_want *want = pass->want;
    struct action *create;

    if (is_image_missing(pass)) {
        return;
    }
    plan_set_operation(pass->plan, operation, cause);
    plan_image(pass, phase);
    plan_network(pass, phase);
    if (port_table_has_stale(pass->world->ports, want->key, want->ports)) {
        plan_add(pass->plan, ACTION_RELEASE_PORTS, phase, want->key, "ports changed");
    }
    plan_leases(pass, ports, cause);
    if (pass->container != NULL) {
        plan_removal(pass, phase, cause);
    }
    create = plan_add(pass->plan, ACTION_CREATE_CONTAINER, phase, want->name, cause);
    create->workload = build_workload(pass, ports);
    if (want->should_run) {
        plan_add(pass->plan, ACTION_START_CONTAINER,
                 phase == PHASE_REPAIRING ? PHASE_REPAIRING : PHASE_STAGING, want->name, cause);
    }
    pass->status->phase = phase;
    status_set_progressing(pass->status, "Creating", cause);
}

/* What differs between the container and the wish: a text for people, or NULL. The caller's to free. */
static char *find_difference(const struct container_pass *pass, const struct resolved_port *ports)
{
    const struct observed_container *container = pass->container;
    const struct container_want *want = pass->want;
    auto_free char *label = ports_label(ports, want->ports->count);

    if (!text_equal(container->hash, want->hash)) {
        auto_free char *fields = fingerprint_changed_fields(container->fields, want->fields);

        return xasprintf("changed: %s", fields[0] != '\0' ? fields : "how specs are hashed");
    }
    if (!text_equal(container->ports != NULL ? container->ports : "", label)) {
        return xstrdup("changed: ports leased to it");
    }
    if (pass->image->state == IMAGE_PRESENT && container->image_id != NULL &&
        !text_equal(container->image_id, pass->image->id)) {
        return xasprintf("image %s was replaced: %.19s, before %.19s", want->image, pass->image->id,
                         container->image_id);
    }
    if (want->network != NULL && !pass->has_network && !is_up(container)) {
        return xstrdup("its network was removed");
    }
    return NULL;
}

/* A container that runs */

static void reconcile_running(struct container_pass *pass)
{
    const struct container_want *want = pass->want;
    const struct observed_container *container = pass->container;

    if (!want->should_run) {
        if (want->hold_off == NULL) {
            struct action *stop;

            plan_set_operation(pass->plan, "stop", "should not run");
            stop = plan_add(pass->plan, ACTION_STOP_CONTAINER, PHASE_STOPPING, want->name,
                            "should not run");
            stop->grace_seconds = want->grace_seconds;
        }
        pass->status->phase = PHASE_STOPPING;
        status_set_progressing(pass->status, "Stopping", want->hold_off);
        return;
    }
    if (container->state == WORKLOAD_PAUSED) {
        plan_set_operation(pass->plan, "resume", "container was paused");
        plan_add(pass->plan, ACTION_UNPAUSE_CONTAINER, PHASE_REPAIRING, want->name,
                 "container was paused");
        pass->status->phase = PHASE_REPAIRING;
        status_set_progressing(pass->status, "Paused", "container was paused");
        return;
    }
    if (want->network != NULL &&
        (!pass->has_network || !text_equal(container->network, want->network))) {
        struct action *connect;

        plan_set_operation(pass->plan, "repair", "not on its network");
        plan_network(pass, PHASE_REPAIRING);
        connect = plan_add(pass->plan, ACTION_CONNECT_NETWORK, PHASE_REPAIRING, want->name,
                           "not on its network");
        connect->workload = want->build(pass);
        connect->workload->network = arena_strdup(&connect->workload->arena, want->network);
        pass->status->phase = PHASE_REPAIRING;
        status_set_progressing(pass->status, "NetworkLost", "not on its network");
        return;
    }
    pass->status->phase = PHASE_RUNNING;
    pass->status->restarts.next_retry_wall_ms = 0;
    status_set_ready(pass->status, "Healthy", NULL);
}

/* A container that does not run */

static void plan_start(struct container_pass *pass, const char *operation, enum phase phase,
                       const char *cause)
{
    plan_set_operation(pass->plan, operation, cause);
    plan_network(pass, phase);
    plan_add(pass->plan, ACTION_START_CONTAINER, phase, pass->want->name, cause);
    pass->status->phase = phase;
    status_set_progressing(pass->status, "Starting", cause);
}

static void reconcile_finished(struct container_pass *pass)
{
    auto_free char *message =
        xasprintf("exited with code %lld", (long long)pass->container->exit_code);

    pass->status->phase = PHASE_TERMINATED;
    pass->status->restarts.next_retry_wall_ms = 0;
    if (pass->container->exit_code == 0) {
        status_set_condition(pass->status, CONDITION_READY, CONDITION_FALSE, "Completed", message);
        status_set_condition(pass->status, CONDITION_RECONCILING, CONDITION_FALSE, "Completed",
                             NULL);
        status_set_condition(pass->status, CONDITION_STALLED, CONDITION_FALSE, "Completed", NULL);
    } else {
        status_set_stalled(pass->status, REASON_EXITED, message);
    }
}

static void reconcile_exited(struct container_pass *pass)
{
    const struct container_want *want = pass->want;
    const struct observed_container *container = pass->container;
    auto_free char *cause = NULL;

    if (!want->should_run) {
        restarts_note_wanted_end(pass->status, container);
        pass->status->phase = PHASE_TERMINATED;
        status_set_ready(pass->status, "Stopped", NULL);
        return;
    }
    if (restarts_was_wanted(&pass->status->restarts, container)) {
        plan_start(pass, "start", PHASE_STAGING, "should run again");
        return;
    }
    if (!restarts_is_known(&pass->status->restarts, container) && !container->has_log) {
        plan_add(pass->plan, ACTION_READ_LOG, PHASE_REPAIRING, want->name, "container ended");
        pass->status->phase = PHASE_REPAIRING;
        status_set_progressing(pass->status, "Ended", "container ended");
        return;
    }
    restarts_note_end(pass->status, container, want->key, want->restart_policy);
    if (!restarts_wants_another(want->restart_policy, container->exit_code)) {
        reconcile_finished(pass);
        return;
    }
    cause = restarts_describe(container);
    if (pass->status->restarts.next_retry_wall_ms > pass->world->now_wall_ms) {
        plan_wake_at(pass->plan, pass->status->restarts.next_retry_wall_ms);
        pass->status->phase = PHASE_REPAIRING;
        if (pass->status->restarts.in_a_row >= STALLED_AFTER) {
            status_set_stalled(pass->status, REASON_CRASH_LOOP, cause);
        } else {
            status_set_progressing(pass->status, REASON_CRASH_LOOP, cause);
        }
        return;
    }
    plan_start(pass, "restart", PHASE_REPAIRING, cause);
}

/* The engine said at the start that a port is taken: give up the leased ones and make it anew with others. */
static bool reconcile_port_in_use(struct container_pass *pass)
{
    bool has_pooled = false;

    if (pass->failure->count == 0 || !text_equal(pass->failure->reason, REASON_PORT_IN_USE)) {
        return false;
    }
    for (size_t i = 0; i < pass->want->ports->count; i++) {
        has_pooled |= pass->want->ports->items[i].host_port == 0;
    }
    if (!has_pooled || pass->failure->count > QUICK_TRIES) {
        return false;
    }
    plan_set_operation(pass->plan, "repair", "a leased host port is taken");
    plan_add(pass->plan, ACTION_REMOVE_CONTAINER, PHASE_PROVISIONING, pass->want->name,
             "a leased host port is taken");
    plan_add(pass->plan, ACTION_QUARANTINE_PORTS, PHASE_PROVISIONING, pass->want->key,
             "a leased host port is taken");
    pass->status->phase = PHASE_PROVISIONING;
    status_set_progressing(pass->status, REASON_PORT_IN_USE, pass->failure->message);
    return true;
}

static void reconcile_state(struct container_pass *pass)
{
    const struct container_want *want = pass->want;

    switch (pass->container->state) { /* no default: a state without an answer does not compile */
    case WORKLOAD_RUNNING:
    case WORKLOAD_PAUSED: reconcile_running(pass); return;
    case WORKLOAD_CREATED:
        if (!want->should_run) {
            pass->status->phase = PHASE_TERMINATED;
            status_set_ready(pass->status, "Stopped", NULL);
        } else {
            plan_start(pass, "start", PHASE_STAGING, "container was created");
        }
        return;
    case WORKLOAD_EXITED: reconcile_exited(pass); return;
    case WORKLOAD_DEAD:
        plan_set_operation(pass->plan, "repair", "the engine calls it dead");
        plan_add(pass->plan, ACTION_REMOVE_CONTAINER, PHASE_REPAIRING, want->name,
                 "the engine calls it dead");
        pass->status->phase = PHASE_REPAIRING;
        status_set_progressing(pass->status, "Dead", "the engine calls it dead");
        return;
    case WORKLOAD_RESTARTING:
    case WORKLOAD_REMOVING:
        plan_wake_at(pass->plan, pass->world->now_wall_ms + 1000);
        pass->status->phase = PHASE_REPAIRING;
        status_set_progressing(pass->status, "Changing",
                               workload_state_name(pass->container->state));
        return;
    }
}

static void reconcile_foreign(struct container_pass *pass)
{
    auto_free char *message = xasprintf(
        "a container named \"%s\" exists that %s; rename the object or remove that "
        "container",
        pass->want->name,
        pass->container->is_ours ? "belongs to another object" : "this controller does not own");

    pass->status->phase = PHASE_PROVISIONING;
    status_set_stalled(pass->status, REASON_NAME_TAKEN, message);
}

static bool has_finished_before(const struct container_pass *pass)
{
    const struct object_status *previous = pass->previous;

    return pass->want->restart_policy != RESTART_ALWAYS && previous != NULL &&
           previous->phase == PHASE_TERMINATED && previous->restarts.has_last &&
           text_equal(previous->observed_hash, pass->status->observed_hash) &&
           !restarts_wants_another(pass->want->restart_policy, previous->restarts.last_exit_code);
}

static void reconcile_missing(struct container_pass *pass, const struct resolved_port *ports)
{
    const struct object_status *previous = pass->previous;
    bool was_there = previous != NULL && (previous->container.id != NULL ||
                                          text_equal(previous->operation.type, "repair"));

    if (has_finished_before(pass)) {
        pass->status->phase = PHASE_TERMINATED;
        if (pass->previous->restarts.last_exit_code == 0) {
            status_set_condition(pass->status, CONDITION_READY, CONDITION_FALSE, "Completed",
                                 "its container was removed after it had ended");
            status_set_condition(pass->status, CONDITION_RECONCILING, CONDITION_FALSE, "Completed",
                                 NULL);
            status_set_condition(pass->status, CONDITION_STALLED, CONDITION_FALSE, "Completed",
                                 NULL);
        } else {
            status_set_stalled(pass->status, REASON_EXITED,
                               "it failed, and its container was removed after that");
        }
        return;
    }
    if (was_there) {
        plan_creation(pass, ports, "repair", PHASE_REPAIRING, "container was removed");
    } else {
        plan_creation(pass, ports, "create", PHASE_PROVISIONING, "container does not exist");
    }
}

static void reconcile_suspended(struct container_pass *pass)
{
    bool is_running = pass->container != NULL && pass->container->state == WORKLOAD_RUNNING;

    pass->status->phase = is_running ? PHASE_RUNNING : PHASE_TERMINATED;
    status_set_condition(pass->status, CONDITION_READY,
                         is_running ? CONDITION_TRUE : CONDITION_FALSE, REASON_SUSPENDED,
                         "spec.suspend is true: nothing is changed");
    status_set_condition(pass->status, CONDITION_RECONCILING, CONDITION_FALSE, REASON_SUSPENDED,
                         NULL);
    status_set_condition(pass->status, CONDITION_STALLED, CONDITION_FALSE, REASON_SUSPENDED, NULL);
}

/* What it is in before anything is decided. */
static enum phase initial_phase(const struct container_pass *pass)
{
    if (pass->container == NULL) {
        return PHASE_PROVISIONING;
    }
    return is_up(pass->container) ? PHASE_RUNNING : PHASE_TERMINATED;
}

static void reconcile_existing(struct container_pass *pass, const struct resolved_port *ports)
{
    const struct container_want *want = pass->want;
    auto_free char *difference = find_difference(pass, ports);

    if (difference != NULL && want->hold_off == NULL) {
        plan_creation(pass, ports, "recreate", PHASE_PROVISIONING, difference);
        return;
    }
    if (difference != NULL) {
        auto_free char *message = xasprintf("%s; waits: %s", difference, want->hold_off);

        status_set_condition(pass->status, CONDITION_UPDATE_PENDING, CONDITION_TRUE, "Waiting",
                             message);
    }
    reconcile_state(pass);
}

static void reconcile_present(struct container_pass *pass)
{
    const struct container_want *want = pass->want;
    auto_free struct resolved_port *ports = xcalloc(want->ports->count, sizeof(*ports));

    if (pass->image->state == IMAGE_PRESENT) {
        status_set_condition(pass->status, CONDITION_IMAGE_READY, CONDITION_TRUE, "Present", NULL);
    }
    if (resolve_ports(pass, ports) < 0) {
        describe_leases(pass);
        return;
    }
    describe_ports(pass, ports, want->ports->count);
    if (pass->container == NULL) {
        reconcile_missing(pass, ports);
    } else if (pass->container->state != WORKLOAD_CREATED || !reconcile_port_in_use(pass)) {
        reconcile_existing(pass, ports);
    }
}

void container_reconcile(struct container_pass *pass)
{
    const struct container_want *want = pass->want;
    bool is_own, is_replaced;

    if (!want->should_exist) {
        reconcile_absent(pass);
    } else {
        is_own =
            pass->container != NULL && container_is_own(pass->container, want->kind, want->object);
        if (pass->container != NULL && !is_own) {
            reconcile_foreign(pass);
            return;
        }
        pass->status->phase = initial_phase(pass);
        if (is_own) {
            describe_container(pass);
        }
        if (want->is_suspended) {
            describe_leases(pass);
            reconcile_suspended(pass);
            return;
        }
        reconcile_present(pass);
    }
    is_replaced = text_equal(pass->plan->operation, "recreate");
    if (failure_holds_back(pass->failure, want->key, pass->world->now_wall_ms, pass->plan,
                           pass->status) &&
        is_replaced) {
        pass->status->phase = initial_phase(pass); /* the old container may still serve */
    }
}

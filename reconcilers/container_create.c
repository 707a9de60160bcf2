#include "reconcilers/container_network.h"
#include "reconcilers/container_parts.h"

#include "base/memory.h"
#include "base/parse.h"
#include "reconcilers/capacity.h"
#include "specs/fingerprint.h"
#include "specs/reason.h"

#include <stdlib.h>

/* Making a container, and what calls for another one. */

void container_plan_removal(struct container_pass *pass, enum phase phase, const char *cause)
{
    const struct container_want *want = pass->want;

    if (container_is_up(pass->container)) {
        container_plan_stop(pass, phase, cause);
    }
    plan_add(pass->plan, ACTION_REMOVE_CONTAINER, phase, want->name, cause);
}

void container_plan_trees(struct container_pass *pass, enum phase phase, const char *cause)
{
    if (pass->want->has_trees) {
        plan_add(pass->plan, ACTION_SHARE_TREES, phase, pass->want->name, cause);
    }
}

static struct workload *build_workload(struct container_pass *pass,
                                       const struct resolved_port *ports)
{
    const struct container_want *want = pass->want;
    struct workload *workload = want->build(pass);
    auto_free char *label = container_ports_label(ports, want->ports->count);

    workload->name = arena_strdup(&workload->arena, want->name);
    workload->image = arena_strdup(&workload->arena, want->image);
    container_network_fill(pass, workload);
    workload->grace_seconds = want->grace_seconds;
    if (want->machine != NULL) {
        auto_free char *parent = capacity_parent(pass->world, want->machine->name);

        workload->cgroup_parent = parent != NULL ? arena_strdup(&workload->arena, parent) : NULL;
    }
    workload_add_label(workload, LABEL_CONTROLLER, pass->world->controller_id);
    workload_add_label(workload, LABEL_KIND, want->kind);
    workload_add_label(workload, LABEL_NAME, want->object);
    workload_add_label(workload, LABEL_HASH, want->hash);
    workload_add_label(workload, LABEL_FIELDS, want->fields);
    workload_add_label(workload, LABEL_SOURCE, want->source);
    workload_add_label(workload, LABEL_PORTS, label);
    if (want->pool != NULL) {
        workload_add_label(workload, LABEL_POOL, want->pool);
    }
    if (want->instance != NULL) {
        workload_add_label(workload, LABEL_INSTANCE, want->instance);
    }
    if (want->should_retain) {
        workload_add_label(workload, LABEL_DELETION_POLICY, DELETION_POLICY_RETAIN);
    }
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

const char *container_missing_value(const struct container_pass *pass)
{
    return pass->values != NULL ? pass->values->unavailable : NULL;
}

static bool is_refused(struct container_pass *pass)
{
    const struct policy_refusal *refusal = pass->want->refusal;

    if (refusal == NULL) {
        return false;
    }
    status_set_stalled(pass->status, refusal->reason, refusal->message);
    return true;
}

static bool is_value_missing(struct container_pass *pass)
{
    const char *missing = container_missing_value(pass);

    if (missing == NULL) {
        return false;
    }
    status_set_stalled(pass->status, REASON_VALUE_UNAVAILABLE, missing);
    plan_wake_at(pass->plan, pass->world->now_wall_ms + RETRY_MAX_MS / 10);
    return true;
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

void container_plan_creation(struct container_pass *pass, const struct resolved_port *ports,
                             const char *operation, enum phase phase, const char *cause)
{
    const struct container_want *want = pass->want;
    struct action *create;

    if (is_refused(pass) || is_image_missing(pass) || is_value_missing(pass)) {
        return;
    }
    plan_set_operation(pass->plan, operation, cause);
    plan_image(pass, phase);
    container_network_plan(pass, phase);
    if (port_table_has_stale(pass->world->ports, want->key, want->ports)) {
        plan_add(pass->plan, ACTION_RELEASE_PORTS, phase, want->key, "ports changed");
    }
    container_ports_plan_leases(pass, ports, cause);
    if (pass->container != NULL) {
        container_plan_removal(pass, phase, cause);
    }
    container_plan_trees(pass, phase, cause);
    create = plan_add(pass->plan, ACTION_CREATE_CONTAINER, phase, want->name, cause);
    create->workload = build_workload(pass, ports);
    if (want->should_run) {
        container_plan_start(pass, phase == PHASE_REPAIRING ? PHASE_REPAIRING : PHASE_STAGING,
                             cause);
    }
    pass->status->phase = phase;
    status_set_progressing(pass->status, "Creating", cause);
}

/* A container of the base image goes on when an image was made from it. */
static bool is_image_replaced(const struct container_pass *pass)
{
    const struct observed_container *container = pass->container;

    return pass->image->state == IMAGE_PRESENT && container->image_id != NULL &&
           !text_equal(container->image_id, pass->image->id) &&
           (pass->want->base_image_id == NULL ||
            !text_equal(container->image_id, pass->want->base_image_id));
}

char *container_find_difference(const struct container_pass *pass,
                                const struct resolved_port *ports)
{
    const struct observed_container *container = pass->container;
    const struct container_want *want = pass->want;
    auto_free char *label = container_ports_label(ports, want->ports->count);

    if (!text_equal(container->hash, want->hash)) {
        auto_free char *fields = fingerprint_changed_fields(container->fields, want->fields);

        return xasprintf("changed: %s", fields[0] != '\0' ? fields : "how specs are hashed");
    }
    if (pass->values != NULL) {
        char *difference = values_difference(pass->values, container->env);

        if (difference != NULL) {
            return difference;
        }
    }
    if (!text_equal(container->instance, want->instance)) {
        return xasprintf("placed on %s, before on %s",
                         want->instance != NULL ? want->instance : "no instance",
                         container->instance != NULL ? container->instance : "no instance");
    }
    if (!text_equal(container->ports != NULL ? container->ports : "", label)) {
        return xstrdup("changed: ports leased to it");
    }
    if (is_image_replaced(pass)) {
        return xasprintf("image %s was replaced: %.19s, before %.19s", want->image, pass->image->id,
                         container->image_id);
    }
    if (want->defect != NULL) {
        return xstrdup(want->defect);
    }
    if (container_network_find_difference(pass) != NULL) {
        return xstrdup(container_network_find_difference(pass));
    }
    return xstrdup_or_null(capacity_difference(pass));
}

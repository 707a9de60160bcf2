#include "reconcilers/instance.h"

#include "base/memory.h"
#include "reconcilers/capacity.h"

#include <stdlib.h>

const char *instance_image(const struct world *world, const struct object *instance)
{
    return instance->instance.image != NULL ? instance->instance.image : world->idle_image;
}

static struct workload *build(const struct container_pass *pass)
{
    const struct object *object = pass->want->user;
    const struct instance_spec *spec = &object->instance;
    struct workload *workload = workload_new();
    struct arena *arena = &workload->arena;

    workload->cpu_milli = pass->want->machine->cpu_milli;
    workload->memory_bytes = pass->want->machine->memory_bytes;
    workload->pids = pass->want->machine->pids;
    workload->hostname =
        arena_strdup(arena, spec->hostname != NULL ? spec->hostname : object->name);
    workload->entrypoint = spec->command;
    workload->command = spec->args;
    workload->env = spec->env;
    workload->working_dir = spec->working_dir;
    workload->user = spec->security.run_as_user >= 0
                         ? arena_printf(arena, "%lld", (long long)spec->security.run_as_user)
                         : spec->user;
    workload->dns = spec->dns;
    workload->host_aliases = spec->host_aliases;
    workload->is_root_read_only = spec->security.is_root_read_only;
    workload->capabilities_add = spec->security.capabilities_add;
    workload->capabilities_drop = spec->security.capabilities_drop;
    workload->has_own_init = pass->want->is_idle_image;
    workload_add_alias(workload, object->name);
    workload_add_alias(workload,
                       arena_printf(arena, "%s.%s.berth.internal", object->name, spec->zone));
    for (size_t i = 0; i < spec->volumes.count; i++) {
        const struct volume_spec *volume = &spec->volumes.items[i];

        workload_add_mount(workload, volume->volume != NULL ? volume->volume : volume->host_path,
                           volume->mount_path, volume->volume != NULL, volume->is_read_only);
    }
    return workload;
}

void instance_reconcile(const struct world *world, const struct instance_input *input,
                        struct plan *plan, struct object_status *status)
{
    static const struct port_list no_ports;
    const struct object *desired = input->desired;
    auto_free char *key = xasprintf("%s/%s", kind_name(KIND_INSTANCE), input->name);
    auto_free char *network =
        desired != NULL ? zone_network_name(world, desired->instance.zone) : NULL;
    auto_done(policy_refusal) refusal = {0};
    struct machine_limits machine;
    struct container_want want = {
        .key = key,
        .kind = kind_name(KIND_INSTANCE),
        .object = input->name,
        .name = input->name,
        .pool = input->pool,
        .update_hold = input->update_hold,
        .ports = &no_ports,
        .grace_seconds = 30,
        .should_retain = input->should_retain,
    };
    struct container_pass pass = {
        .world = world,
        .want = &want,
        .container = input->container,
        .image = input->image,
        .values = input->values,
        .probes = input->probes,
        .machine = input->machine,
        .network = input->network,
        .failure = input->failure,
        .previous = input->previous,
        .plan = plan,
        .status = status,
    };

    if (desired == NULL && input->departed != NULL) {
        want.grace_seconds = input->departed->instance.grace_seconds;
        want.pre_stop = input->departed->instance.lifecycle.pre_stop;
    }
    if (desired != NULL) {
        const struct instance_spec *spec = &desired->instance;

        status->observed_hash = status_text(status, desired->hash);
        want.image = instance_image(world, desired);
        want.is_idle_image = spec->image == NULL;
        want.pull_policy = (enum pull_policy)spec->pull_policy;
        want.should_exist = true;
        want.should_retain = spec->deletion_policy == DELETION_RETAIN;
        want.should_run = spec->power_state != POWER_STOPPED;
        want.should_pause = spec->power_state == POWER_SUSPENDED;
        want.is_suspended = spec->is_suspended;
        want.hash = desired->container_hash;
        want.fields = desired->field_hashes;
        want.source = desired->file;
        want.ports = &spec->ports;
        want.restart_policy = (enum restart_policy)spec->restart_policy;
        want.grace_seconds = spec->grace_seconds;
        want.post_start = spec->lifecycle.post_start;
        want.pre_stop = spec->lifecycle.pre_stop;
        want.probes = probe_specs_of(spec);
        want.network = network;
        capacity_of_instance(desired, &machine);
        want.machine = &machine;
        want.build = build;
        want.user = desired;
        if (policy_refuses(world, desired, &refusal)) {
            want.refusal = &refusal;
        }
        if (want.refusal != NULL && input->container == NULL) {
            status->phase = PHASE_PROVISIONING;
            status_set_stalled(status, refusal.reason, refusal.message);
            return;
        }
    }
    container_reconcile(&pass);
}

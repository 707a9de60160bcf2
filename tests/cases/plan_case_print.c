#include "tests/cases/plan_case.h"

#include "base/parse.h"

#include <stdlib.h>

/* A moment as people count it from now: "in 30 s", "5 s ago". */
void plan_case_print_moment(const struct plan_case *plan_case, int64_t wall_ms, struct strbuf *out)
{
    int64_t distance_ms = wall_ms - plan_case->world.now_wall_ms;
    int64_t ms = llabs(distance_ms);

    if (distance_ms == 0) {
        strbuf_add(out, "now");
        return;
    }
    strbuf_add(out, distance_ms > 0 ? "in " : "");
    if (ms % 1000 == 0) {
        strbuf_addf(out, "%lld s", (long long)(ms / 1000));
    } else {
        strbuf_addf(out, "%lld.%03lld s", (long long)(ms / 1000), (long long)(ms % 1000));
    }
    strbuf_add(out, distance_ms < 0 ? " ago" : "");
}

/* The phases that the object goes through while the plan is carried out. */
static void print_phases(const struct plan *plan, struct strbuf *out)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (i == 0 || plan->actions[i]->phase != plan->actions[i - 1]->phase) {
            strbuf_addf(out, "%s%s", i == 0 ? "by way of " : ", ",
                        phase_name(plan->actions[i]->phase));
        }
    }
    strbuf_add(out, plan->count > 0 ? "\n" : "");
}

static void print_plan(const struct plan_case *plan_case, const struct plan *plan,
                       const struct object_status *status, struct strbuf *out)
{
    if (plan->operation != NULL) {
        strbuf_addf(out, "operation: %s (%s)\n", plan->operation, plan->cause);
    }
    if (plan->count == 0) {
        strbuf_add(out, "nothing to do\n");
    }
    if (status->operation.state == OPERATION_PENDING) {
        strbuf_addf(out, "pending: %s (%s): %s\n", status->operation.type, status->operation.cause,
                    status->operation.message);
    }
    plan_print(plan, out);
    plan_case_print_sources(plan, out);
    print_phases(plan, out);
    if (plan->wake_at_wall_ms != 0) {
        strbuf_add(out, "look again ");
        plan_case_print_moment(plan_case, plan->wake_at_wall_ms, out);
        strbuf_add(out, "\n");
    }
}

static void print_conditions(const struct object_status *status, struct strbuf *out)
{
    for (int i = 0; i < CONDITION_COUNT; i++) {
        static const char *const values[] = {"", "False", "True", "Unknown"};
        const struct condition *condition = &status->conditions[i];

        if (condition->value != CONDITION_ABSENT) {
            strbuf_addf(out, "%s %s %s%s%s\n", condition_type_name((enum condition_type)i),
                        values[condition->value], condition->reason,
                        condition->message != NULL ? ": " : "",
                        condition->message != NULL ? condition->message : "");
        }
    }
}

static void print_restarts(const struct plan_case *plan_case, const struct object_status *status,
                           struct strbuf *out)
{
    const struct status_restarts *restarts = &status->restarts;

    if (restarts->has_last || restarts->count > 0) {
        strbuf_addf(out, "restarts %u, %u in a row, last %s with code %lld", restarts->count,
                    restarts->in_a_row, restarts->last_reason, (long long)restarts->last_exit_code);
        for (size_t i = 0; i < restarts->last_log.count; i++) {
            strbuf_addf(out, "%s%s", i == 0 ? ", log: " : " | ", restarts->last_log.items[i]);
        }
        if (restarts->last_message != NULL) {
            strbuf_addf(out, ", because: %s", restarts->last_message);
        }
        strbuf_add(out, "\n");
    }
    if (restarts->next_retry_wall_ms != 0) {
        strbuf_add(out, "next retry ");
        plan_case_print_moment(plan_case, restarts->next_retry_wall_ms, out);
        strbuf_add(out, "\n");
    }
}

static void print_probes(const struct plan_case *plan_case, const struct object_status *status,
                         struct strbuf *out)
{
    static const char *const verdicts[] = {"Unknown", "Success", "Failure"};

    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        const struct status_probe *probe = &status->probes->of[i];

        if (probe->is_set) {
            strbuf_addf(out, "%s probe: %s, %u successes, %u failures%s%s\n",
                        probe_type_name((enum probe_type)i), verdicts[probe->verdict],
                        probe->successes, probe->failures, probe->last_failure != NULL ? ": " : "",
                        probe->last_failure != NULL ? probe->last_failure : "");
        }
    }
    if (status->probes->ready_wall_ms != 0) {
        strbuf_add(out, "ready first ");
        plan_case_print_moment(plan_case, status->probes->ready_wall_ms, out);
        strbuf_add(out, "\n");
    }
}

static void print_status(const struct plan_case *plan_case, const struct object_status *status,
                         struct strbuf *out)
{
    strbuf_addf(out, "phase %s\n", phase_name(status->phase));
    print_conditions(status, out);
    for (size_t i = 0; i < status->port_count; i++) {
        const struct status_port *port = &status->ports[i];

        strbuf_addf(out, "port %s %s:%u -> %u/%s\n", port->name, port->host_ip, port->host_port,
                    port->container_port, port->protocol == PROTOCOL_UDP ? "udp" : "tcp");
    }
    print_probes(plan_case, status, out);
    print_restarts(plan_case, status, out);
    plan_case_print_work(plan_case, status, out);
    for (size_t i = 0; i < status->error_count; i++) {
        strbuf_addf(out, "error %u %s: %s\n", status->errors[i].code, status->errors[i].reason,
                    status->errors[i].message);
    }
}

static void print_list(const char *title, const struct text_list *list, struct strbuf *out)
{
    if (list->count > 0) {
        strbuf_addf(out, "  %s:", title);
        for (size_t i = 0; i < list->count; i++) {
            strbuf_addf(out, " %s", list->items[i]);
        }
        strbuf_add(out, "\n");
    }
}

static void print_text(const char *title, const char *text, struct strbuf *out)
{
    if (text != NULL) {
        strbuf_addf(out, "  %s: %s\n", title, text);
    }
}

static void print_workload(const struct workload *workload, struct strbuf *out)
{
    strbuf_addf(out, "workload %s from %s\n", workload->name, workload->image);
    print_text("hostname", workload->hostname, out);
    print_list("entrypoint", &workload->entrypoint, out);
    print_list("command", &workload->command, out);
    for (size_t i = 0; i < workload->env.count; i++) {
        const struct env_var *variable = &workload->env.items[i];

        if (variable->from != NULL) {
            strbuf_addf(out, "  env: %s from %s\n", variable->name,
                        variable->from->file != NULL ? variable->from->file : variable->from->env);
        } else {
            strbuf_addf(out, "  env: %s=%s\n", variable->name, variable->value);
        }
    }
    print_text("working directory", workload->working_dir, out);
    print_text("user", workload->user, out);
    print_text("network", workload->network, out);
    print_text("address", workload->address, out);
    print_list("aliases", &workload->aliases, out);
    for (size_t i = 0; i < workload->labels.count; i++) {
        strbuf_addf(out, "  label: %s=%s\n", workload->labels.items[i].key,
                    workload->labels.items[i].value);
    }
    for (size_t i = 0; i < workload->port_count; i++) {
        const struct workload_port *port = &workload->ports[i];

        strbuf_addf(out, "  port: %s:%u -> %u/%s\n", port->host_ip, port->host_port,
                    port->container_port, port->protocol == PROTOCOL_UDP ? "udp" : "tcp");
    }
    for (size_t i = 0; i < workload->mount_count; i++) {
        const struct workload_mount *mount = &workload->mounts[i];

        strbuf_addf(out, "  mount: %s %s on %s%s\n", mount->is_volume ? "volume" : "path",
                    mount->source, mount->target,
                    mount->is_read_only ? ", read only"
                    : mount->is_slave   ? ", later mounts appear"
                                        : "");
    }
    strbuf_addf(out, "  limits: %lld m cpu, %lld MiB, %lld pids, %lld s grace\n",
                (long long)workload->cpu_milli, (long long)(workload->memory_bytes >> 20),
                (long long)workload->pids, (long long)workload->grace_seconds);
    print_list("name servers", &workload->dns.servers, out);
    print_list("search", &workload->dns.search, out);
    for (size_t i = 0; i < workload->host_aliases.count; i++) {
        print_list(workload->host_aliases.items[i].ip, &workload->host_aliases.items[i].hostnames,
                   out);
    }
    print_list("capabilities added", &workload->capabilities_add, out);
    print_list("capabilities dropped", &workload->capabilities_drop, out);
    strbuf_addf(out, "%s%s", workload->is_root_read_only ? "  root is read only\n" : "",
                workload->has_own_init ? "  has its own init\n" : "");
}

static bool shows_workload(const struct plan_case *plan_case)
{
    const json_t *show = json_object_get(plan_case->json, "show");

    return text_equal(json_string_value(json_array_get(show, 0)), "workload");
}

void plan_case_print(const struct plan_case *plan_case, const struct plan *plan,
                     const struct object_status *status, struct strbuf *out)
{
    print_plan(plan_case, plan, status, out);
    print_status(plan_case, status, out);
    for (size_t i = 0; shows_workload(plan_case) && i < plan->count; i++) {
        if (plan->actions[i]->type == ACTION_CREATE_CONTAINER) {
            print_workload(plan->actions[i]->workload, out);
        }
    }
}

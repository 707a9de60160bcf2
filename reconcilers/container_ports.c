#include "reconcilers/container_ports.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "specs/reason.h"

#include <stdlib.h>
#include <string.h>

void container_ports_describe(struct container_pass *pass, const struct resolved_port *ports,
                              size_t count)
{
    struct object_status *status = pass->status;

    status->ports = arena_alloc(&status->arena, (count + 1) * sizeof(*status->ports));
    for (size_t i = 0; i < count; i++) {
        if (!ports[i].is_leased) {
            continue; /* it may yet turn out to be taken */
        }
        status->ports[status->port_count++] = (struct status_port){
            .name = status_text(status, ports[i].spec->name),
            .container_port = (uint16_t)ports[i].spec->container_port,
            .protocol = (enum port_protocol)ports[i].spec->protocol,
            .host_ip = status_text(status, ports[i].spec->host_ip),
            .host_port = ports[i].host_port,
        };
    }
    if (count > 0 && status->port_count == count) {
        status_set_condition(status, CONDITION_PORTS_ALLOCATED, CONDITION_TRUE, "Allocated", NULL);
    }
}

/* The ports that it has, whatever becomes of the others. */
void container_ports_describe_leases(struct container_pass *pass)
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

        container_ports_describe(pass, ports, count);
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

/*
 * A port that is released wakes the object; one whose quarantine ends does not tell, so the plan
 * wakes then.
 */
static void note_exhausted(struct container_pass *pass, const struct port_spec *spec,
                           const struct port_usage *usage)
{
    int64_t now_wall_ms = pass->world->now_wall_ms;
    int64_t next_wall_ms = port_table_next_release(pass->world->ports,
                                                   (enum port_protocol)spec->protocol, now_wall_ms);
    auto_free char *quarantined = xasprintf(" and %u in quarantine", usage->quarantined);
    auto_free char *message =
        xasprintf("no free host port for \"%s\": %u of %u in the ranges are taken%s; add a range "
                  "with --ports or in the --config file, or remove what is not needed",
                  spec->name, usage->used, usage->total, usage->quarantined > 0 ? quarantined : "");

    status_set_condition(pass->status, CONDITION_PORTS_ALLOCATED, CONDITION_FALSE,
                         REASON_PORTS_EXHAUSTED, message);
    status_set_stalled(pass->status, REASON_PORTS_EXHAUSTED, message);
    if (next_wall_ms != 0) {
        plan_wake_at(pass->plan, next_wall_ms);
    }
}

static int resolve_pooled(struct container_pass *pass, struct resolved_port *ports, size_t index)
{
    struct resolved_port *port = &ports[index];
    enum port_protocol protocol = (enum port_protocol)port->spec->protocol;
    const struct port_lease *lease =
        port_table_find(pass->world->ports, pass->want->key, port->spec->name, protocol);
    auto_free char *salt = xstrdup(port->spec->name);
    struct port_usage usage;

    if (lease != NULL) {
        port->host_port = lease->port;
        port->is_leased = text_equal(lease->host_ip, port->spec->host_ip);
        return 0;
    }
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
    port_table_usage(pass->world->ports, pass->world->now_wall_ms, &usage);
    for (size_t i = 0; i < index; i++) {
        usage.used += ports[i].is_leased ? 0 : 1; /* what this very spec is about to get */
    }
    note_exhausted(pass, port->spec, &usage);
    return -1;
}

/* -1: a port cannot be had; the status says why. */
int container_ports_resolve(struct container_pass *pass, struct resolved_port *ports)
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

void container_ports_plan_leases(struct container_pass *pass, const struct resolved_port *ports,
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
char *container_ports_label(const struct resolved_port *ports, size_t count)
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

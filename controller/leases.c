#include "controller/apply.h"

#include "base/log.h"
#include "controller/profile_trace.h"
#include "reconcilers/ports.h"

/*
 * The table of port leases on disk. Leases taken in one turn of the loop are written once, before
 * any of their containers.
 */

void leases_load(struct controller *controller)
{
    json_auto_t *json = state_read_json(&controller->state, "leases.json");

    port_table_restore_json(&controller->ports, json);
    controller->ports.is_dirty = false;
}

static bool waits_for_port(const struct entry *entry)
{
    return entry->status->conditions[CONDITION_PORTS_ALLOCATED].value == CONDITION_FALSE;
}

void leases_offer(struct controller *controller)
{
    if (!controller->ports.has_freed) {
        return;
    }
    controller->ports.has_freed = false;
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        if (waits_for_port(map_value(at))) {
            entry_enqueue(map_value(at));
        }
    }
}

void leases_wait(struct controller *controller, struct plan_run *run,
                 void (*go_on)(struct plan_run *run))
{
    run->go_on = go_on;
    run->next_waiting = controller->waiting_for_leases;
    controller->waiting_for_leases = run;
    controller_wake(controller);
}

void leases_stop_waiting(struct controller *controller, struct plan_run *run)
{
    for (struct plan_run **at = &controller->waiting_for_leases; *at != NULL;
         at = &(*at)->next_waiting) {
        if (*at == run) {
            *at = run->next_waiting;
            return;
        }
    }
}

void leases_save(struct controller *controller)
{
    json_auto_t *json = NULL;

    if (controller->ports
            .is_dirty) { /* if it cannot be written, the labels of containers still tell */
        profile_begin("write leases");
        json = port_table_to_json(&controller->ports);
        state_keep_json(&controller->state, "leases.json", json);
        profile_end(NULL);
        controller->ports.is_dirty = false;
    }
    if (controller->ports.has_freed) {
        controller_wake(controller); /* in this turn's passes */
    }
    while (controller->waiting_for_leases != NULL) {
        struct plan_run *run = controller->waiting_for_leases;

        controller->waiting_for_leases = run->next_waiting;
        run->go_on(run);
    }
}

#include "reconcilers/container_network.h"
#include "reconcilers/container_parts.h"

#include "base/parse.h"
#include "reconcilers/subnets.h"
#include "specs/reason.h"

#include <stdlib.h>

void container_network_plan(struct container_pass *pass, enum phase phase)
{
    if (pass->want->network != NULL && pass->network == NULL) {
        plan_add(pass->plan, ACTION_CREATE_NETWORK, phase, pass->want->network,
                 "network does not exist");
    }
}

static bool is_on_network_of_name(const struct container_pass *pass)
{
    return pass->container != NULL && text_equal(pass->container->network, pass->want->network);
}

/*
 * On a network of the name, which is not the one that there is now. An id that is not known speaks
 * against nothing.
 */
static bool is_on_lost_network(const struct container_pass *pass)
{
    const char *id = pass->container->network_id;

    return is_on_network_of_name(pass) &&
           (pass->network == NULL ||
            (id != NULL && id[0] != '\0' && !text_equal(id, pass->network->id)));
}

/* What it had last, where the present network can give it; NULL: no wish. */
static const char *address_to_ask_for(const struct container_pass *pass)
{
    const char *address = pass->status->last_address;

    return pass->failure->count == 0 && pass->network != NULL &&
                   subnet_can_have(pass->network->subnet, address)
               ? address
               : NULL;
}

void container_network_fill(const struct container_pass *pass, struct workload *workload)
{
    const char *address = address_to_ask_for(pass);

    workload->network =
        pass->want->network != NULL ? arena_strdup(&workload->arena, pass->want->network) : NULL;
    workload->address = address != NULL ? arena_strdup(&workload->arena, address) : NULL;
}

static void plan_connection(struct container_pass *pass, enum phase phase, const char *cause)
{
    struct action *action;

    container_network_plan(pass, phase);
    if (is_on_network_of_name(pass)) {
        action = plan_add(pass->plan, ACTION_DISCONNECT_NETWORK, phase, pass->want->name, cause);
        action->workload = pass->want->build(pass);
        container_network_fill(pass, action->workload);
    }
    action = plan_add(pass->plan, ACTION_CONNECT_NETWORK, phase, pass->want->name, cause);
    action->workload = pass->want->build(pass);
    container_network_fill(pass, action->workload);
}

/* NULL: it is where it belongs. */
static const char *find_cause(const struct container_pass *pass)
{
    if (pass->want->network == NULL) {
        return NULL;
    }
    if (!is_on_network_of_name(pass)) {
        return "not on its network";
    }
    if (is_on_lost_network(pass)) {
        return pass->network == NULL ? "its network was removed" : "its network was made anew";
    }
    return NULL;
}

void container_network_describe(struct container_pass *pass)
{
    if (pass->want->network != NULL && container_is_up(pass->container) &&
        find_cause(pass) == NULL) {
        status_set_condition(pass->status, CONDITION_NETWORK_READY, CONDITION_TRUE, "Connected",
                             NULL);
    }
}

bool container_network_repair(struct container_pass *pass)
{
    const char *cause = find_cause(pass);

    if (cause == NULL) {
        return false;
    }
    plan_set_operation(pass->plan, "repair", cause);
    plan_connection(pass, PHASE_REPAIRING, cause);
    pass->status->phase = PHASE_REPAIRING;
    status_set_progressing(pass->status, "NetworkLost", cause);
    status_set_condition(pass->status, CONDITION_NETWORK_READY, CONDITION_FALSE, "NetworkLost",
                         cause);
    return true;
}

void container_network_prepare_start(struct container_pass *pass, enum phase phase)
{
    const char *cause = find_cause(pass);

    if (cause == NULL && pass->failure->count > 0 && pass->container->has_asked_address) {
        cause = "it asks for an address, and its start failed";
    } else if (cause == NULL && !pass->container->has_asked_address &&
               address_to_ask_for(pass) != NULL) {
        cause = "to keep its address";
    }
    if (cause != NULL) {
        plan_connection(pass, phase, cause);
    }
}

const char *container_network_find_difference(const struct container_pass *pass)
{
    bool is_lost = pass->want->network != NULL && pass->network != NULL && is_on_lost_network(pass);

    return is_lost && pass->failure->count > 0
               ? "its network was made anew, and it could not be connected to it"
               : NULL;
}

void container_network_note_failure(struct container_pass *pass)
{
    const struct observed_failure *failure = pass->failure;

    if (text_equal(failure->reason, REASON_SUBNETS_EXHAUSTED) ||
        text_equal(failure->reason, REASON_NETWORK_TAKEN)) {
        status_set_condition(pass->status, CONDITION_NETWORK_READY, CONDITION_FALSE,
                             failure->reason, failure->message);
    }
}

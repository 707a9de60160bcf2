#include "specs/status_words.h"

#include <stdlib.h>

const char *condition_type_name(enum condition_type type)
{
    switch (type) {
    case CONDITION_READY: return "Ready";
    case CONDITION_RECONCILING: return "Reconciling";
    case CONDITION_STALLED: return "Stalled";
    case CONDITION_SPEC_VALID: return "SpecValid";
    case CONDITION_IMAGE_READY: return "ImageReady";
    case CONDITION_PORTS_ALLOCATED: return "PortsAllocated";
    case CONDITION_WORKSPACE_READY: return "WorkspaceReady";
    case CONDITION_UPDATE_PENDING: return "UpdatePending";
    case CONDITION_NETWORK_READY: return "NetworkReady";
    case CONDITION_CAPACITY_ENFORCED: return "CapacityEnforced";
    case CONDITION_WORK_KEPT: return "WorkKept";
    }
    abort();
}

const char *condition_value_name(enum condition_value value)
{
    switch (value) {
    case CONDITION_ABSENT: return "";
    case CONDITION_FALSE: return "False";
    case CONDITION_TRUE: return "True";
    case CONDITION_UNKNOWN: return "Unknown";
    }
    abort();
}

const char *operation_state_name(enum operation_state state)
{
    switch (state) {
    case OPERATION_NONE: return "";
    case OPERATION_PENDING: return "PENDING";
    case OPERATION_RUNNING: return "RUNNING";
    case OPERATION_DONE: return "DONE";
    }
    abort();
}

const char *verdict_name(enum probe_verdict verdict)
{
    switch (verdict) {
    case VERDICT_UNKNOWN: return "Unknown";
    case VERDICT_SUCCESS: return "Success";
    case VERDICT_FAILURE: return "Failure";
    }
    abort();
}

const char *hook_result_name(enum hook_result result)
{
    switch (result) {
    case HOOK_UNKNOWN: return "";
    case HOOK_SUCCEEDED: return "Succeeded";
    case HOOK_FAILED: return "Failed";
    case HOOK_SKIPPED: return "Skipped";
    }
    abort();
}

#include "controller/controller.h"

#include "base/log.h"
#include "base/parse.h"
#include "controller/entry.h"
#include "controller/policy_read.h"
#include "specs/reason.h"

/* The policy file: read at the start and at SIGHUP. */

static void log_errors(const struct policy *policy, size_t first, const char *hint)
{
    for (size_t i = first; i < policy->error_count; i++) {
        log_fields(LOG_ERROR, "policy_invalid", "error", policy->errors[i], "hint", hint, NULL);
    }
}

static void note_errors(struct controller *controller, const struct policy *policy)
{
    json_decref(controller->policy_errors);
    controller->policy_errors = json_array();
    for (size_t i = 0; i < policy->error_count; i++) {
        json_array_append_new(controller->policy_errors, json_string(policy->errors[i]));
    }
}

int policy_load(struct controller *controller, struct error *err)
{
    struct policy *policy;

    if (controller->options.policy_file == NULL) {
        return 0;
    }
    controller->policy = policy = policy_read(controller->options.policy_file);
    note_errors(controller, policy);
    if (policy->error_count > 0) { /* the first one is in err, which is logged too */
        log_errors(policy, 1, NULL);
        return error_set_reason(err, ERROR_INVALID, REASON_INVALID_POLICY, "%s", policy->errors[0]);
    }
    return 0;
}

/*
 * What the disk was found to lead to may be allowed now: who failed for that need not wait for
 * another try.
 */
void policy_retry_refused(struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        struct entry *entry = map_value(at);

        if (text_equal(entry->failure.reason, REASON_HOST_PATH_REFUSED)) {
            entry_clear_failure(entry);
        }
    }
}

/* The configuration file names none any more. */
static void drop(struct controller *controller)
{
    if (controller->policy_errors != NULL) {
        log_fields(LOG_WARN, "policy_dropped", NULL);
        policy_free(TAKE(controller->policy));
        json_decref(TAKE(controller->policy_errors));
    }
}

void policy_reload(struct controller *controller)
{
    struct policy *policy;

    if (controller->options.policy_file == NULL) {
        drop(controller);
        return;
    }
    policy = policy_read(controller->options.policy_file);
    note_errors(controller, policy);
    if (policy->error_count > 0) {
        log_errors(policy, 0, "the policy before stays in force");
        policy_free(policy);
        return;
    }
    policy_free(controller->policy);
    controller->policy = policy;
    log_fields(LOG_INFO, "policy_read", "file", policy->file, NULL);
    policy_retry_refused(controller);
    controller_enqueue_all(controller);
}

void policy_close(struct controller *controller)
{
    policy_free(controller->policy);
    json_decref(controller->policy_errors);
}

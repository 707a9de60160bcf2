#include "controller/controller.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/config_file.h"
#include "controller/settings.h"

#include <stdlib.h>

/*
 * The settings in force: of the command line, else of the configuration file, else by default; and
 * what SIGHUP changes of them.
 */

static void configure_log(const struct controller_options *options)
{
    enum log_level lowest = options->is_verbose   ? LOG_DEBUG
                            : options->is_dry_run ? LOG_WARN
                                                  : LOG_INFO;

    log_configure((enum log_format)options->log_format, lowest);
}

static void note_errors(struct controller *controller, const struct config_file *file)
{
    json_decref(controller->config.errors);
    controller->config.errors = json_array();
    for (size_t i = 0; i < file->error_count; i++) {
        json_array_append_new(controller->config.errors, json_string(file->errors[i]));
    }
}

static void read_file(struct controller *controller, struct config_file *file)
{
    if (controller->options.config_file != NULL) {
        config_file_read(file, controller->options.config_file);
        note_errors(controller, file);
    }
}

int config_load(struct controller *controller, struct error *err)
{
    auto_done(config_file) file = {0};

    configure_log(&controller->options);
    read_file(controller, &file);
    for (size_t i = 1; i < file.error_count; i++) {
        log_fields(LOG_ERROR, "config_invalid", "error", file.errors[i], NULL);
    }
    if (file.error_count > 0) {
        return error_set(err, ERROR_INVALID, "%s", file.errors[0]);
    }
    settings_complete(&controller->options, &file.options);
    configure_log(&controller->options);
    if (controller->options.config_file != NULL) {
        log_fields(LOG_INFO, "config_read", "file", controller->options.config_file, NULL);
    }
    return 0;
}

/* --- while running ---------------------------------------------------------------------------- */

/* What must be told of the new value: the others are looked at whenever they are needed. */
static void put_in_force(struct controller *controller, enum setting_id id)
{
    const struct controller_options *options = &controller->options;
    struct error err = {0};

    switch (id) {
    case SETTING_PORTS: /* it was tried on another table; that this one cannot is a defect */
        if (port_table_set_ranges(&controller->ports, options->ports, &err) < 0) {
            log_fields(LOG_ERROR, "config_invalid", "error", err.message, NULL);
        }
        break;
    case SETTING_PORT_QUARANTINE:
        controller->ports.quarantine_ms = options->port_quarantine_seconds * INT64_C(1000);
        break;
    case SETTING_NETWORK_RANGE:
        if (network_range_parse(options->network_range, &controller->network_range, &err) == 0) {
            networks_retry_waiting(controller);
        }
        break;
    case SETTING_GIT_STALL_TIMEOUT:
        git_pool_set_stall(controller->git, options->git_stall_seconds * UINT64_C(1000));
        break;
    case SETTING_START_SLOTS: controller_set_slots(controller); break;
    case SETTING_SCAN_INTERVAL:
    case SETTING_RELIST_INTERVAL:
    case SETTING_ORPHAN_GRACE: controller_restart_timers(controller); break;
    case SETTING_LOG_FORMAT:
    case SETTING_VERBOSE: configure_log(options); break;
    default: break;
    }
}

static void log_change(struct controller *controller, enum setting_id id,
                       const struct controller_options *next)
{
    auto_done(strbuf) before = {0}, now = {0};

    setting_add_text(&before, id, &controller->options);
    setting_add_text(&now, id, next);
    if (settings[id].is_live) {
        log_fields(LOG_INFO, "config_changed", "key", settings[id].key, "before",
                   strbuf_text(&before), "now", strbuf_text(&now), NULL);
    } else {
        log_fields(LOG_WARN, "config_needs_restart", "key", settings[id].key, "in_force",
                   strbuf_text(&before), "of_the_file", strbuf_text(&now), "hint",
                   "needs a restart", NULL);
    }
}

/* True when something is in force that was not. */
static bool take_changes(struct controller *controller, struct controller_options *next)
{
    bool has_changed = false;

    json_decref(controller->config.needs_restart);
    controller->config.needs_restart = json_array();
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        enum setting_id id = (enum setting_id)i;

        if (controller->options.is_given[id] || setting_is_equal(id, &controller->options, next)) {
            continue;
        }
        log_change(controller, id, next);
        if (settings[id].is_live) {
            setting_swap(id, &controller->options, next);
            put_in_force(controller, id);
            has_changed = true;
        } else {
            json_array_append_new(controller->config.needs_restart, json_string(settings[id].key));
        }
    }
    return has_changed;
}

/* Plans under way may have borrowed what was in force before. */
static void retire(struct controller *controller, struct controller_options *options)
{
    array_grow(&controller->config.retired, controller->config.retired_count,
               &controller->config.retired_capacity, sizeof(*controller->config.retired));
    controller->config.retired[controller->config.retired_count++] = *options;
}

void config_reload(struct controller *controller)
{
    auto_done(config_file) file = {0};
    struct controller_options next = {0};

    if (controller->options.config_file == NULL) {
        return;
    }
    read_file(controller, &file);
    for (size_t i = 0; i < file.error_count; i++) {
        log_fields(LOG_ERROR, "config_invalid", "error", file.errors[i], "hint",
                   "the values before stay in force", NULL);
    }
    if (file.error_count > 0) {
        return;
    }
    if (controller->options.is_given[SETTING_SPECS]) {
        /* where statuses go follows it, and the file has no say in it */
        next.specs_dir = xstrdup(controller->options.specs_dir);
        next.is_given[SETTING_SPECS] = true;
    }
    settings_complete(&next, &file.options);
    if (take_changes(controller, &next)) {
        retire(controller, &next);
        policy_retry_refused(controller);
        controller_enqueue_all(controller);
    } else {
        controller_options_done(&next);
    }
}

void config_close(struct controller *controller)
{
    for (size_t i = 0; i < controller->config.retired_count; i++) {
        controller_options_done(&controller->config.retired[i]);
    }
    free(controller->config.retired);
    json_decref(controller->config.errors);
    json_decref(controller->config.needs_restart);
    controller_options_done(&controller->options);
}

#include "controller/controller.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/config_file.h"

#include <stdlib.h>

/*
 * Values that can change without a restart: of the command line, else of the configuration file,
 * else by default.
 */

static const char *pick(const char *option, const char *of_file, const char *otherwise)
{
    return option != NULL ? option : of_file != NULL ? of_file : otherwise;
}

/* The text that is in force is another one now. */
static void replace(struct controller *controller, const char *key, char **text, const char *value)
{
    if (*text != NULL && controller->is_configured) {
        log_fields(LOG_INFO, "config_changed", "key", key, "before", *text, "now", value, NULL);
    }
    free(*text);
    *text = xstrdup(value);
}

static int take_ports(struct controller *controller, const char *value, struct error *err)
{
    if (text_equal(controller->config.ports, value)) {
        return 0;
    }
    if (port_table_set_ranges(&controller->ports, value, err) < 0) {
        return error_wrap(err, "--ports");
    }
    replace(controller, "ports", &controller->config.ports, value);
    return 0;
}

static int take_network_range(struct controller *controller, const char *value, struct error *err)
{
    if (text_equal(controller->config.network_range, value)) {
        return 0;
    }
    if (network_range_parse(value, &controller->network_range, err) < 0) {
        return error_wrap(err, "--network-range");
    }
    replace(controller, "networkRange", &controller->config.network_range, value);
    networks_retry_waiting(controller);
    return 0;
}

static int take(struct controller *controller, const struct config_file *file, struct error *err)
{
    const struct controller_options *options = &controller->options;

    if (take_ports(controller, pick(options->ports, file->ports, DEFAULT_PORTS), err) < 0) {
        return -1;
    }
    return take_network_range(
        controller, pick(options->network_range, file->network_range, DEFAULT_NETWORK_RANGE), err);
}

static void note_errors(struct controller *controller, const struct config_file *file)
{
    json_decref(controller->config.errors);
    controller->config.errors = json_array();
    for (size_t i = 0; i < file->error_count; i++) {
        json_array_append_new(controller->config.errors, json_string(file->errors[i]));
    }
}

int config_load(struct controller *controller, struct error *err)
{
    struct config_file file = {0};
    int result = 0;

    if (controller->options.config_file != NULL) {
        config_file_read(&file, controller->options.config_file);
        note_errors(controller, &file);
    }
    for (size_t i = 1; i < file.error_count; i++) {
        log_fields(LOG_ERROR, "config_invalid", "error", file.errors[i], NULL);
    }
    if (file.error_count > 0) {
        result = error_set(err, ERROR_INVALID, "%s", file.errors[0]);
    } else {
        result = take(controller, &file, err);
    }
    config_file_done(&file);
    controller->is_configured = true;
    return result;
}

void config_reload(struct controller *controller)
{
    struct config_file file = {0};
    struct error err = {0};

    if (controller->options.config_file == NULL) {
        return;
    }
    config_file_read(&file, controller->options.config_file);
    note_errors(controller, &file);
    for (size_t i = 0; i < file.error_count; i++) {
        log_fields(LOG_ERROR, "config_invalid", "error", file.errors[i], "hint",
                   "the values before stay in force", NULL);
    }
    if (file.error_count == 0 && take(controller, &file, &err) < 0) {
        log_fields(LOG_ERROR, "config_invalid", "error", err.message, NULL);
    }
    config_file_done(&file);
}

void config_close(struct controller *controller)
{
    free(controller->config.ports);
    free(controller->config.network_range);
    json_decref(controller->config.errors);
}

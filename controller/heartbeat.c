#include "controller/controller.h"

#include "base/clock.h"
#include "base/clock_watch.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "base/version.h"
#include "controller/disk.h"
#include "controller/profile_trace.h"
#include "specs/reason.h"
#include "specs/yaml_writer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ORPHANS_MAX = 100 };

/*
 * controller.yaml in the state directory: whether the controller lives, and what it knows about
 * itself.
 */

static json_t *engine_part(const struct controller *controller)
{
    const struct docker_engine *info = engine_info(controller->engine);
    json_t *json = json_pack("{s:s, s:b}", "address", engine_address(controller->engine),
                             "available", (int)engine_is_up(controller->engine));

    if (engine_is_up(controller->engine)) {
        json_object_set_new(json, "version", json_string(info->version));
        json_object_set_new(json, "apiVersion",
                            json_string(engine_api_version(controller->engine)));
    } else if (controller->engine_error != NULL) {
        json_object_set_new(json, "reason", json_string("EngineUnavailable"));
        json_object_set_new(json, "message", json_string(controller->engine_error));
    }
    return json;
}

static json_t *specs_part(const struct controller *controller)
{
    const char *polling =
        controller->watch != NULL ? spec_watch_polling_reason(controller->watch) : NULL;
    json_t *json = json_pack("{s:s, s:I, s:I, s:I}", "directory", controller->options.specs_dir,
                             "files", (json_int_t)map_count(&controller->specs->files), "objects",
                             (json_int_t)map_count(&controller->specs->entries), "heldDeletions",
                             (json_int_t)controller->specs->held_count);

    json_object_set_new(json, "statusDirectory", json_string(controller->options.status_dir));
    if (controller->scan_error != NULL) {
        json_object_set_new(json, "message", json_string(controller->scan_error));
    }
    if (polling != NULL) {
        json_object_set_new(json, "polling", json_string(polling));
    }
    return json;
}

static json_t *range_usage(const struct port_usage *usage)
{
    return json_pack("{s:i, s:i, s:i}", "total", (int)usage->total, "used", (int)usage->used,
                     "quarantined", (int)usage->quarantined);
}

/*
 * Counted anew when leases have changed, and when a heartbeat is due: quarantines end by
 * themselves.
 */
static void count_ports(struct controller *controller, bool is_due)
{
    const struct port_table *table = &controller->ports;
    struct heartbeat_memory *memory = &controller->heartbeat;
    int64_t now_wall_ms = clock_wall_ms();
    json_t *ranges;

    if (memory->ports != NULL && memory->ports_version == table->version && !is_due) {
        return;
    }
    port_table_usage(table, now_wall_ms, &memory->usage);
    memory->ports_version = table->version;
    json_decref(memory->ports);
    memory->ports = range_usage(&memory->usage);
    json_object_set_new(memory->ports, "ranges", ranges = json_array());
    for (size_t i = 0; i < table->range_count; i++) {
        json_t *item = json_pack("{s:i, s:i}", "first", (int)table->ranges[i].first, "last",
                                 (int)table->ranges[i].last);
        struct port_usage usage;
        json_t *numbers;

        port_table_range_usage(table, &table->ranges[i], now_wall_ms, &usage);
        numbers = range_usage(&usage);
        json_object_update(item, numbers);
        json_decref(numbers);
        json_array_append_new(ranges, item);
    }
}

static void put_time(json_t *json, const char *key, int64_t wall_ms)
{
    char text[TIMESTAMP_SIZE];

    json_object_set_new(json, key, json_string(timestamp_format(wall_ms, text)));
}

static json_t *condition(const char *type, const char *status, const char *reason,
                         const char *message, int64_t since_wall_ms)
{
    json_t *json = json_pack("{s:s, s:s, s:s}", "type", type, "status", status, "reason", reason);

    if (message != NULL) {
        json_object_set_new(json, "message", json_string(message));
    }
    put_time(json, "lastTransitionTime", since_wall_ms);
    return json;
}

/* True: it is another status than before. */
static bool note_status(struct condition_memory *memory, const char *status)
{
    bool is_news = !text_equal(memory->status, status);

    if (is_news) {
        *memory = (struct condition_memory){.status = status, .since_wall_ms = clock_wall_ms()};
    }
    return is_news;
}

static json_t *pressure_condition(struct controller *controller)
{
    struct heartbeat_memory *memory = &controller->heartbeat;
    const struct port_usage *usage = &memory->usage;
    bool is_pressing = port_usage_is_pressing(usage);
    const char *status = is_pressing ? "True" : "False";
    unsigned gone = usage->used + usage->quarantined;
    auto_free char *message = xasprintf(
        "%u of %u host ports are in use and %u in quarantine (%u %%)%s", usage->used, usage->total,
        usage->quarantined, gone * 100 / usage->total,
        is_pressing ? "; add a range with --ports, or in the --config file and SIGHUP" : "");

    if (note_status(&memory->pressure, status)) {
        log_fields(is_pressing ? LOG_WARN : LOG_INFO, "port_pressure", "status", status, "message",
                   message, NULL);
    }
    return condition("PortPressure", status, is_pressing ? "PortsScarce" : "PortsAvailable",
                     message, memory->pressure.since_wall_ms);
}

/* Of a file that can be read again while we run. */
static json_t *file_condition(const char *type, const json_t *errors, const char *reason,
                              struct condition_memory *memory)
{
    bool is_valid = json_array_size(errors) == 0;
    const char *status = is_valid ? "True" : "False";

    note_status(memory, status);
    return condition(type, status, is_valid ? "Valid" : reason,
                     is_valid ? NULL : "the file has errors; what it said before stays in force",
                     memory->since_wall_ms);
}

/* A file that is good may have been changed where that does not help a controller that runs. */
static void add_needs_restart(const struct controller *controller, json_t *condition)
{
    auto_done(strbuf) message = {0};
    size_t index;
    json_t *key;

    json_array_foreach(controller->config.needs_restart, index, key) {
        strbuf_addf(&message, "%s%s",
                    index > 0 ? ", " : "needs a restart: ", json_string_value(key));
    }
    if (index > 0 && json_array_size(controller->config.errors) == 0) {
        json_object_set_new(condition, "message", json_string(strbuf_text(&message)));
    }
}

/* Whether files can be written: all state files, or all statuses. */
static json_t *writable_condition(const char *type, struct condition_memory *told, size_t count,
                                  const char *error)
{
    const char *status = error == NULL ? "True" : "False";
    auto_free char *message =
        error != NULL ? xasprintf("%zu files cannot be written: %s", count, error) : NULL;

    note_status(told, status);
    return condition(type, status, error == NULL ? "Written" : "Unwritable", message,
                     told->since_wall_ms);
}

static void add_writable_conditions(struct controller *controller, json_t *conditions)
{
    struct heartbeat_memory *memory = &controller->heartbeat;
    const struct unwritten *unwritten = &controller->unwritten;
    size_t count;
    const char *error = state_unwritten(&controller->state, &count);

    json_array_append_new(conditions,
                          writable_condition("StateWritten", &memory->state, count, error));
    json_array_append_new(conditions, writable_condition("StatusWritten", &memory->statuses,
                                                         map_count(&unwritten->statuses),
                                                         unwritten->status_error));
}

static json_t *config_part(const struct controller *controller)
{
    json_t *json = json_pack("{s:s, s:s}", "ports", controller->options.ports, "networkRange",
                             controller->options.network_range);

    if (controller->options.config_file != NULL) {
        json_object_set_new(json, "file", json_string(controller->options.config_file));
    }
    if (json_array_size(controller->config.errors) > 0) {
        json_object_set(json, "errors", controller->config.errors);
    }
    if (json_array_size(controller->config.needs_restart) > 0) {
        json_object_set(json, "needsRestart", controller->config.needs_restart);
    }
    return json;
}

static json_t *policy_part(const struct controller *controller)
{
    json_t *json = json_pack("{s:s}", "file", controller->options.policy_file);

    if (json_array_size(controller->policy_errors) > 0) {
        json_object_set(json, "errors", controller->policy_errors);
    }
    return json;
}

static json_t *trees_part(const struct controller *controller)
{
    const char *method = trees_method_name(controller->trees_means.method);
    const char *message = controller->trees_means.message;
    json_t *json = json_object();

    if (method != NULL) {
        json_object_set_new(json, "method", json_string(method));
    }
    if (message != NULL && message[0] != '\0') {
        json_object_set_new(json, "message", json_string(message));
    }
    return json;
}

/*
 * Since when each is one, and from when on the sweep takes it. A ceiling: the file is to stay
 * small.
 */
static json_t *orphans_part(const struct controller *controller)
{
    int64_t grace_ms = (int64_t)controller->options.orphan_grace_seconds * 1000;
    json_t *json = json_array();

    for (struct map_entry *at = map_first(&controller->orphans);
         at != NULL && json_array_size(json) < ORPHANS_MAX; at = map_next(at)) {
        const struct observed_container *container = map_get(&controller->containers, map_key(at));
        const int64_t *since = map_value(at);
        json_t *item = json_pack("{s:s, s:s?, s:s?}", "container", map_key(at), "kind",
                                 container != NULL ? container->kind : NULL, "object",
                                 container != NULL ? container->object : NULL);

        put_time(item, "since", *since);
        put_time(item, "removeAfter", *since + grace_ms);
        json_array_append_new(json, item);
    }
    return json;
}

/* Without the times: only a change of these is worth a write between two heartbeats. */
static json_t *facts(struct controller *controller, bool is_due)
{
    json_t *conditions = json_array(), *json;

    count_ports(controller, is_due);
    json_array_append_new(conditions, pressure_condition(controller));
    if (controller->config.errors != NULL) {
        json_array_append_new(conditions,
                              file_condition("ConfigValid", controller->config.errors,
                                             REASON_INVALID_CONFIG, &controller->heartbeat.config));
        add_needs_restart(controller, json_array_get(conditions, json_array_size(conditions) - 1));
    }
    if (controller->policy_errors != NULL) {
        json_array_append_new(conditions,
                              file_condition("PolicyValid", controller->policy_errors,
                                             REASON_INVALID_POLICY, &controller->heartbeat.policy));
    }
    add_writable_conditions(controller, conditions);
    json = json_pack("{s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:O, s:o}", "pid",
                     (int)getpid(), "version", BERTH_VERSION, "id", controller->state.id,
                     "conditions", conditions, "engine", engine_part(controller), "specs",
                     specs_part(controller), "config", config_part(controller), "disk",
                     disk_to_json(controller), "trees", trees_part(controller), "ports",
                     controller->heartbeat.ports, "orphans", orphans_part(controller));
    if (controller->options.policy_file != NULL) {
        json_object_set_new(json, "policy", policy_part(controller));
    }
    return json;
}

void heartbeat_shift_times(struct controller *controller, int64_t by_ms)
{
    struct heartbeat_memory *memory = &controller->heartbeat;

    clock_shift(&memory->pressure.since_wall_ms, by_ms);
    clock_shift(&memory->config.since_wall_ms, by_ms);
    clock_shift(&memory->policy.since_wall_ms, by_ms);
    clock_shift(&memory->state.since_wall_ms, by_ms);
    clock_shift(&memory->statuses.since_wall_ms, by_ms);
}

void heartbeat_close(struct controller *controller)
{
    json_decref(controller->heartbeat.ports);
    free(controller->heartbeat_text);
}

void heartbeat_write(struct controller *controller, bool is_due)
{
    json_auto_t *json = NULL;
    auto_free char *path = NULL, *text = NULL;
    auto_done(strbuf) yaml = {0};
    struct error err = {0};
    int result;

    if (!controller->state.is_writable) {
        return;
    }
    json = facts(controller, is_due);
    text = json_dumps(json, JSON_COMPACT);
    if (!is_due && text_equal(text, controller->heartbeat_text)) {
        return;
    }
    profile_begin("write heartbeat");
    free(controller->heartbeat_text);
    controller->heartbeat_text = TAKE(text);
    put_time(json, "startTime", controller->started_wall_ms);
    put_time(json, "lastPassTime", controller->last_pass_wall_ms);
    put_time(json, "time", clock_wall_ms());
    json_object_set_new(json, "intervalSeconds",
                        json_integer((json_int_t)controller->options.scan_seconds));
    json_object_set_new(json, "passes", json_integer((json_int_t)controller->pass_count));
    json_object_set_new(json, "engineRequests",
                        json_integer((json_int_t)engine_request_count(controller->engine)));
    yaml_write(&yaml, json);
    path = state_path(&controller->state, "controller.yaml");
    result = file_replace(AT_FDCWD, path, yaml.text, yaml.len, 0644, FILE_VISIBLE, &err);
    state_note_result(&controller->state, "controller.yaml", result < 0 ? &err : NULL);
    profile_end(NULL);
}

#include "controller/controller.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "base/version.h"
#include "specs/yaml_writer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* controller.yaml in the state directory: whether the controller lives, and what it knows about itself. */

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

static json_t *ports_part(const struct controller *controller)
{
    unsigned total, used;

    port_table_usage(&controller->ports, &total, &used);
    return json_pack("{s:s, s:i, s:i, s:b}", "ranges", controller->options.ports, "total",
                     (int)total, "used", (int)used, "pressure", (int)(used * 5 >= total * 4));
}

/* Without the times: only a change of these is worth a write between two heartbeats. */
static json_t *facts(const struct controller *controller)
{
    return json_pack("{s:i, s:s, s:s, s:o, s:o, s:o}", "pid", (int)getpid(), "version",
                     BERTH_VERSION, "id", controller->state.id, "engine", engine_part(controller),
                     "specs", specs_part(controller), "ports", ports_part(controller));
}

static void put_time(json_t *json, const char *key, int64_t wall_ms)
{
    char text[TIMESTAMP_SIZE];

    json_object_set_new(json, key, json_string(timestamp_format(wall_ms, text)));
}

void heartbeat_write(struct controller *controller, bool is_due)
{
    json_auto_t *json = NULL;
    auto_free char *path = NULL, *text = NULL;
    auto_done(strbuf) yaml = {0};
    struct error err = {0};

    if (!controller->state.is_writable) {
        return;
    }
    json = facts(controller);
    text = json_dumps(json, JSON_COMPACT);
    if (!is_due && text_equal(text, controller->heartbeat_text)) {
        return;
    }
    free(controller->heartbeat_text);
    controller->heartbeat_text = TAKE(text);
    put_time(json, "startTime", controller->started_wall_ms);
    put_time(json, "lastPassTime", controller->last_pass_wall_ms);
    put_time(json, "time", clock_wall_ms());
    json_object_set_new(json, "passes", json_integer((json_int_t)controller->pass_count));
    json_object_set_new(json, "engineRequests",
                        json_integer((json_int_t)engine_request_count(controller->engine)));
    yaml_write(&yaml, json);
    path = state_path(&controller->state, "controller.yaml");
    if (file_replace(AT_FDCWD, path, yaml.text, yaml.len, 0644, FILE_VISIBLE, &err) < 0) {
        log_fields(LOG_WARN, "state_unwritable", "error", err.message, NULL);
    }
}

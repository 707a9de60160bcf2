/*
 * A status file, which anybody who may write specs can edit before a controller reads it back:
 * whatever it says becomes a status within the limits, that is written and read back as the same.
 */
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "specs/status.h"
#include "specs/status_size.h"
#include "specs/types.h"
#include "specs/yaml_reader.h"
#include "specs/yaml_writer.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static void check_limits(const struct object_status *status)
{
    assert(status->phase >= PHASE_UNKNOWN && status->phase <= PHASE_INVALID);
    assert(status->history_count <= HISTORY_LENGTH);
    assert(status->restarts.last_log.count <= STATUS_LOG_LINES);
    assert(status->task->port_count <= TASK_PORTS_MAX);
    assert(status->task->id == NULL || object_name_is_valid(status->task->id));
    for (size_t i = 0; i < status->task->port_count; i++) {
        assert(status->task->ports[i].name != NULL && status->task->ports[i].container_port != 0);
    }
}

/* Through text, as it is between two controllers. */
static struct object_status *restarted(const struct object_status *status)
{
    json_auto_t *json = status_to_json(status);
    auto_done(strbuf) text = {0};
    auto_owned(yaml_stream) *stream = NULL;
    json_auto_t *back = NULL;

    assert(json_is_object(json) && yaml_write(&text, json) == 0);
    stream = yaml_stream_parse_own(strbuf_text(&text), text.len);
    assert(stream->is_complete && stream->count == 1 && stream->problem_count == 0);
    back = yaml_node_to_json(stream->documents[0]);
    assert(json_equal(back, json));
    return status_from_json(back);
}

static void check_status(const json_t *json)
{
    auto_owned(object_status) *status = status_from_json(json);
    auto_owned(object_status) *successor = status_successor(status);
    auto_owned(object_status) *again = NULL, *thrice = NULL;
    json_auto_t *one = NULL, *other = NULL;

    check_limits(status);
    check_limits(successor);
    again = restarted(status);
    check_limits(again);
    thrice = restarted(again);
    one = status_to_json(again);
    other = status_to_json(thrice);
    assert(json_equal(one, other));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_owned(yaml_stream) *stream =
        yaml_stream_parse_own(size > 0 ? (const char *)data : "", size);
    json_auto_t *documents = json_array();

    for (size_t i = 0; i < stream->count; i++) {
        json_array_append_new(documents, yaml_node_to_json(stream->documents[i]));
        check_status(json_object_get(json_array_get(documents, i), "status"));
    }
    for (unsigned step = 0; status_shorten(documents, step); step++) {
        assert(json_array_size(documents) == stream->count);
    }
    return 0;
}

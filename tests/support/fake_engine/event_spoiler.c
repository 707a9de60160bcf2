#include "tests/support/fake_engine/event_spoiler.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "tests/support/fake_engine/front_private.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct event_spoiler {
    struct faults *faults;
    struct call *call;
    struct strbuf begun; /* of a line */
    char *held;          /* one that comes later, or NULL */
    bool is_closed;      /* the call is over */
    uv_timer_t *timer;   /* gives out the one that is held */
};

static void release(struct event_spoiler *spoiler)
{
    auto_free char *held = TAKE(spoiler->held);

    if (held != NULL) {
        uv_timer_stop(spoiler->timer);
        front_send_piece(spoiler->call, held, strlen(held));
    }
}

static void on_timer(uv_timer_t *timer)
{
    release(timer->data);
}

static void hold(struct event_spoiler *spoiler, const char *line, unsigned ms)
{
    release(spoiler);
    spoiler->held = xstrdup(line);
    if (ms > 0) {
        uv_timer_start(spoiler->timer, on_timer, ms, 0);
    }
}

static void spoil(struct event_spoiler *spoiler, const char *line, struct fault fault)
{
    size_t len = strlen(line);
    bool is_swap_due = spoiler->held != NULL && !uv_is_active((uv_handle_t *)spoiler->timer);

    switch (fault.kind) {
    case FAULT_EVENT_LOSE: return;
    case FAULT_EVENT_SWAP:
    case FAULT_EVENT_LATE: hold(spoiler, line, fault.number); return;
    case FAULT_EVENT_GARBAGE:
        front_send_piece(spoiler->call, line, len / 2);
        front_send_piece(spoiler->call, "}]\xff\n", 4);
        return;
    case FAULT_EVENT_CLOSE:
        spoiler->is_closed = true;
        front_close_call(spoiler->call);
        return;
    case FAULT_EVENT_DOUBLE: front_send_piece(spoiler->call, line, len); break;
    default: break;
    }
    front_send_piece(spoiler->call, line, len);
    if (is_swap_due) {
        release(spoiler);
    }
}

static void take_line(struct event_spoiler *spoiler, const char *line)
{
    json_auto_t *event = json_loads(line, 0, NULL);
    const char *type = json_string_value(json_object_get(event, "Type"));
    const char *action = json_string_value(json_object_get(event, "Action"));

    spoil(spoiler, line,
          faults_of_event(spoiler->faults, type != NULL ? type : "", action != NULL ? action : ""));
}

void event_spoiler_feed(struct event_spoiler *spoiler, const char *bytes, size_t len)
{
    strbuf_append(&spoiler->begun, bytes, len);
    while (!spoiler->is_closed) {
        const char *end = memchr(strbuf_text(&spoiler->begun), '\n', spoiler->begun.len);
        auto_free char *line = NULL;

        if (end == NULL) {
            return;
        }
        line = xstrndup(spoiler->begun.text, (size_t)(end - spoiler->begun.text) + 1);
        strbuf_consume(&spoiler->begun, strlen(line));
        take_line(spoiler, line);
    }
}

struct event_spoiler *event_spoiler_new(uv_loop_t *loop, struct faults *faults, struct call *call)
{
    struct event_spoiler *spoiler = xcalloc(1, sizeof(*spoiler));

    spoiler->faults = faults;
    spoiler->call = call;
    spoiler->timer = xcalloc(1, sizeof(*spoiler->timer));
    uv_timer_init(loop, spoiler->timer);
    spoiler->timer->data = spoiler;
    return spoiler;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

void event_spoiler_free(struct event_spoiler *spoiler)
{
    if (spoiler == NULL) {
        return;
    }
    uv_close((uv_handle_t *)spoiler->timer, on_closed);
    strbuf_done(&spoiler->begun);
    free(spoiler->held);
    free(spoiler);
}

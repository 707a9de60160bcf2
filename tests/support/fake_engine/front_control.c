#include "tests/support/fake_engine/front_control.h"

#include "base/memory.h"
#include "base/parse.h"
#include "tests/support/fake_engine/front_private.h"

#include <stdlib.h>
#include <string.h>

static const char prefix[] = "/_fake/";

static uint64_t number_of(const struct call *call, const char *name)
{
    auto_free char *text = call_parameter(call, name);

    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

static void answer_counts(struct front *front, struct call *call)
{
    /* this question is open too, and has a connection */
    auto_free char *body =
        xasprintf("{\"calls\": %u, \"events\": %u, \"faults\": %u, \"open\": %u, "
                  "\"connections\": %u}\n",
                  front->call_count, faults_event_count(front->faults), faults_count(front->faults),
                  front->open_count - 1, server_connection_count(front->server) - 1);

    front_answer(call, 200, "application/json", body);
}

static void set_script(struct front *front, struct call *call)
{
    struct error err = {0};

    if (faults_set_script(front->faults, strbuf_text(&call->body), &err) < 0) {
        front_answer(call, 400, "text/plain", err.message);
        return;
    }
    front->call_count = 0;
    front_answer(call, 200, "text/plain", "");
}

static void set_seed(struct front *front, struct call *call)
{
    faults_set_seed(front->faults, number_of(call, "seed"), (unsigned)number_of(call, "permille"),
                    (unsigned)number_of(call, "last"));
    front_answer(call, 200, "text/plain", "");
}

static void on_comeback(uv_timer_t *timer)
{
    struct front *front = timer->data;
    struct error err = {0};

    if (server_listen(front->server, &err) < 0) {
        fprintf(stderr, "fake_engine: %s\n", err.message);
        abort();
    }
}

static void go_down(struct front *front, struct call *call)
{
    uint64_t ms = number_of(call, "ms");

    front_answer(call, 200, "text/plain", "");
    server_stop(front->server);
    front->back_end->ops->go_down(front->back_end);
    uv_timer_start(&front->comeback, on_comeback, ms, 0);
}

bool front_control(struct front *front, struct call *call)
{
    const char *what = call->path + strlen(prefix);

    if (!text_has_prefix(call->path, prefix)) {
        return false;
    }
    if (strcmp(what, "counts") == 0) {
        answer_counts(front, call);
    } else if (strcmp(what, "script") == 0) {
        set_script(front, call);
    } else if (strcmp(what, "seed") == 0) {
        set_seed(front, call);
    } else if (strcmp(what, "down") == 0) {
        go_down(front, call);
    } else if (!front->back_end->ops->control(front->back_end, call, what)) {
        front_answer(call, 404, "text/plain", "the fake engine knows no such thing\n");
    }
    return true;
}

#include "tests/support/fake_engine/front.h"

#include "base/file.h"
#include "base/memory.h"
#include "tests/support/fake_engine/event_spoiler.h"
#include "tests/support/fake_engine/front_control.h"
#include "tests/support/fake_engine/front_private.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const char noise[] = "\x01\xff{[\"\\u0000<!doctype\x7f\n\r\n]]}0\x80";

/* --- the life of a call --- */

static void on_timer_closed(uv_handle_t *handle)
{
    struct call *call = handle->data;

    free(call->method);
    free(call->target);
    free(call->path);
    free(call->query);
    strbuf_done(&call->fields);
    strbuf_done(&call->body);
    strbuf_done(&call->reply_fields);
    strbuf_done(&call->reply_body);
    event_spoiler_free(call->spoiler);
    free(call);
}

/* The back end hears of it unless it has said all that it has to. */
static void end_call(struct call *call)
{
    struct front *front = call->front;

    if (!call->is_over && call->has_begun) {
        call->is_over = true;
        front->back_end->ops->cancel(front->back_end, call);
    }
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
    *(call->previous != NULL ? &call->previous->next : &front->calls) = call->next;
    front->open_count--;
    call->is_ended = true;
    uv_close((uv_handle_t *)&call->timer, on_timer_closed);
}

static void close_call(struct call *call)
{
    if (call->connection != NULL) {
        connection_close(TAKE(call->connection));
    }
    end_call(call);
}

/* Its reply is with the client, and the next request may come. */
static void finish_call(struct call *call)
{
    struct connection *connection = TAKE(call->connection);

    call->is_over = true;
    end_call(call);
    if (connection != NULL) {
        connection_next(connection);
    }
}

void front_client_left(struct call *call)
{
    end_call(call);
}

void front_take_bytes(struct call *call, const char *bytes, size_t len)
{
    call->front->back_end->ops->take_bytes(call->front->back_end, call, bytes, len);
}

/* --- replies --- */

static char *head_of(const struct call *call, int status, const char *framing)
{
    return xasprintf("HTTP/1.1 %d %s\r\n%s%s\r\n", status,
                     status == 101  ? "UPGRADED"
                     : status < 400 ? "OK"
                                    : "Error",
                     strbuf_text(&call->reply_fields), framing);
}

static bool has_body(const struct call *call, int status)
{
    return status != 204 && status != 304 && strcmp(call->method, "HEAD") != 0;
}

/* The whole head and as much of the body as it is let have. */
static void send_whole(struct call *call, int status, const char *body, size_t len, size_t let)
{
    auto_free char *framing = xasprintf("Content-Length: %zu\r\n", len);
    auto_free char *head = head_of(call, status, has_body(call, status) ? framing : "");

    connection_send(call->connection, head, strlen(head));
    if (has_body(call, status)) {
        connection_send(call->connection, body, let);
    }
}

static void send_stream_head(struct call *call)
{
    bool is_upgrade = call->status == 101;
    auto_free char *head = head_of(call, call->status,
                                   is_upgrade ? "Connection: Upgrade\r\nUpgrade: tcp\r\n"
                                              : "Transfer-Encoding: chunked\r\n");

    call->is_sent = true;
    connection_send(call->connection, head, strlen(head));
    if (is_upgrade) {
        connection_upgrade(call->connection);
    }
}

void front_send_piece(struct call *call, const char *bytes, size_t len)
{
    if (call->connection == NULL) {
        return; /* the client left a moment ago */
    }
    if (call->status == 101) {
        connection_send(call->connection, bytes, len);
    } else if (len > 0) {
        connection_sendf(call->connection, "%zx\r\n", len);
        connection_send(call->connection, bytes, len);
        connection_send(call->connection, "\r\n", 2);
    }
}

void front_answer(struct call *call, int status, const char *type, const char *body)
{
    strbuf_reset(&call->reply_fields);
    strbuf_addf(&call->reply_fields, "Content-Type: %s\r\n", type);
    send_whole(call, status, body, strlen(body), strlen(body));
    if (call->has_begun && !call->is_over) {
        call->is_over = true;
        call->front->back_end->ops->cancel(call->front->back_end, call);
    }
    finish_call(call);
}

static void answer_message(struct call *call, int status, const char *message)
{
    auto_free char *body = xasprintf("{\"message\":\"%s\"}\n", message);

    front_answer(call, status, "application/json", body);
}

void front_close_call(struct call *call)
{
    close_call(call);
}

/* --- faults --- */

static void kill_who(const struct call *call)
{
    const char *who = call->fault.who;
    pid_t pid = strcmp(who, "peer") == 0 ? call->peer : (pid_t)strtol(who, NULL, 10);

    if (pid <= 0) {
        struct error err = {0};
        auto_free char *text = NULL;

        if (file_read(AT_FDCWD, who, 64, &text, NULL, &err) == 0) {
            pid = (pid_t)strtol(text, NULL, 10);
        }
    }
    if (pid > 1) {
        kill(pid, SIGKILL);
    }
}

static void begin_work(struct call *call)
{
    call->has_begun = true;
    call->front->back_end->ops->begin(call->front->back_end, call);
}

static void on_begin_timer(uv_timer_t *timer)
{
    begin_work(timer->data);
}

static void on_close_timer(uv_timer_t *timer)
{
    close_call(timer->data);
}

static void hang(struct call *call)
{
    if (call->fault.number > 0) {
        uv_timer_start(&call->timer, on_close_timer, call->fault.number, 0);
    }
}

static void answer_port(struct call *call)
{
    auto_free char *message =
        xasprintf("driver failed programming external connectivity on endpoint fake: Bind for "
                  "0.0.0.0:%u failed: port is already allocated",
                  call->fault.number);

    answer_message(call, 500, message);
}

/* What comes before the work, or in its place. */
static void begin_call(struct call *call)
{
    switch (call->fault.kind) { /* no default: a new fault does not compile */
    case FAULT_DROP_BEFORE: close_call(call); return;
    case FAULT_DELAY: uv_timer_start(&call->timer, on_begin_timer, call->fault.number, 0); return;
    case FAULT_HANG: hang(call); return;
    case FAULT_STATUS:
        answer_message(call, (int)call->fault.number, "the fake engine was told to say so");
        return;
    case FAULT_DISK_FULL:
        answer_message(call, 500, "write /var/lib/docker/fake: no space left on device");
        return;
    case FAULT_PORT_IN_USE: answer_port(call); return;
    case FAULT_KILL_BEFORE:
        kill_who(call);
        close_call(call);
        return;
    case FAULT_DROP_AFTER:
    case FAULT_DELAY_AFTER:
    case FAULT_HANG_AFTER:
    case FAULT_CLOSE_MID_BODY:
    case FAULT_GARBAGE:
    case FAULT_STATUS_AFTER:
    case FAULT_KILL_AFTER:
    case FAULT_EVENT_LOSE:
    case FAULT_EVENT_DOUBLE:
    case FAULT_EVENT_SWAP:
    case FAULT_EVENT_LATE:
    case FAULT_EVENT_GARBAGE:
    case FAULT_EVENT_CLOSE:
    case FAULT_NONE: begin_work(call); return;
    }
    abort();
}

static void send_half(struct call *call)
{
    size_t len = call->reply_body.len;

    if (call->is_sent) {
        connection_sendf(call->connection, "%zx\r\n", len);
        connection_send(call->connection, strbuf_text(&call->reply_body), len / 2);
    } else if (len > 0 && has_body(call, call->status)) {
        send_whole(call, call->status, strbuf_text(&call->reply_body), len, len / 2);
    } else {
        auto_free char *head = head_of(call, call->status, "");

        connection_send(call->connection, head, strlen(head) / 2);
    }
    close_call(call);
}

static void send_noise(struct call *call)
{
    if (has_body(call, call->status) && call->status != 101) {
        send_whole(call, call->status, noise, sizeof(noise), sizeof(noise));
    } else {
        connection_send(call->connection, noise, sizeof(noise)); /* not even HTTP */
    }
    close_call(call);
}

static void deliver(struct call *call);

static void on_deliver_timer(uv_timer_t *timer)
{
    deliver(timer->data);
}

/* What becomes of a reply whose work is done. */
static void spoil_reply(struct call *call)
{
    switch (call->fault.kind) {
    case FAULT_DROP_AFTER: close_call(call); return;
    case FAULT_DELAY_AFTER:
        uv_timer_start(&call->timer, on_deliver_timer, call->fault.number, 0);
        return;
    case FAULT_HANG_AFTER: hang(call); return;
    case FAULT_CLOSE_MID_BODY: send_half(call); return;
    case FAULT_GARBAGE: send_noise(call); return;
    case FAULT_STATUS_AFTER:
        answer_message(call, (int)call->fault.number, "the fake engine was told to say so");
        return;
    case FAULT_KILL_AFTER:
        kill_who(call);
        close_call(call);
        return;
    default: deliver(call); return;
    }
}

/* --- what the back end tells --- */

/* The reply, or of a stream what is there of it. */
static void deliver(struct call *call)
{
    call->fault.kind = FAULT_NONE;
    if (!call->is_stream) {
        send_whole(call, call->status, strbuf_text(&call->reply_body), call->reply_body.len,
                   call->reply_body.len);
        finish_call(call);
        return;
    }
    send_stream_head(call);
    front_send_piece(call, strbuf_text(&call->reply_body), call->reply_body.len);
    strbuf_reset(&call->reply_body);
    if (call->is_over) {
        back_end_reply_end(call);
    }
}

void back_end_reply_head(struct call *call, int status, const char *fields)
{
    if (call->is_ended) {
        return;
    }
    call->status = status;
    call->is_stream = status == 101 || (status < 300 && call_is_stream(call));
    strbuf_reset(&call->reply_fields);
    strbuf_add(&call->reply_fields, fields);
    if (call->is_stream && call->fault.kind == FAULT_CLOSE_MID_BODY) {
        send_stream_head(call); /* it is cut within the first piece */
    } else if (call->is_stream) {
        spoil_reply(call);
    }
}

void back_end_reply_bytes(struct call *call, const char *bytes, size_t len)
{
    if (call->is_ended) {
        return;
    }
    if (!call->is_sent || call->fault.kind == FAULT_CLOSE_MID_BODY) {
        strbuf_append(&call->reply_body, bytes, len);
        if (call->is_sent) {
            send_half(call);
        }
    } else if (call->spoiler != NULL) {
        event_spoiler_feed(call->spoiler, bytes, len);
    } else {
        front_send_piece(call, bytes, len);
    }
}

void back_end_reply_end(struct call *call)
{
    if (call->is_ended) {
        return;
    }
    call->is_over = true;
    if (!call->is_stream) {
        spoil_reply(call);
    } else if (call->is_sent) {
        if (call->status != 101) {
            connection_send(call->connection, "0\r\n\r\n", 5);
        }
        finish_call(call);
    }
}

void back_end_reply_lost(struct call *call)
{
    if (!call->is_ended) {
        call->is_over = true;
        close_call(call);
    }
}

/* --- the front --- */

static void log_call(struct front *front, const struct call *call)
{
    if (front->log == NULL) {
        return;
    }
    fprintf(front->log, "%u %s %s%s%s", call->number, call->method, call->target,
            call->fault.kind != FAULT_NONE ? " " : "", fault_name(call->fault.kind));
    if (call->fault.number > 0) {
        fprintf(front->log, " %u", call->fault.number);
    }
    fputc('\n', front->log);
    fflush(front->log);
}

void front_begin(struct front *front, struct call *call)
{
    call->front = front;
    call->timer.data = call;
    uv_timer_init(front->loop, &call->timer);
    strbuf_init(&call->reply_body, (size_t)1 << 30);
    call->next = front->calls;
    if (call->next != NULL) {
        call->next->previous = call;
    }
    front->calls = call;
    front->open_count++;
    if (front_control(front, call)) {
        return;
    }
    call->number = ++front->call_count;
    call->fault = faults_of_call(front->faults, call->method, call->path);
    if (call_is_events(call)) {
        call->spoiler = event_spoiler_new(front->loop, front->faults, call);
    }
    log_call(front, call);
    begin_call(call);
}

struct front *front_new(uv_loop_t *loop, struct back_end *back_end, struct faults *faults,
                        FILE *log)
{
    struct front *front = xcalloc(1, sizeof(*front));

    front->loop = loop;
    front->back_end = back_end;
    front->faults = faults;
    front->log = log;
    uv_timer_init(loop, &front->comeback);
    front->comeback.data = front;
    return front;
}

int front_listen(struct front *front, const char *path, struct error *err)
{
    front->server = server_new(front->loop, path, front);
    return server_listen(front->server, err);
}

static void on_front_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void front_close(struct front *front)
{
    server_close(front->server);
    while (front->calls != NULL) {
        end_call(front->calls);
    }
    uv_close((uv_handle_t *)&front->comeback, on_front_closed);
}

#include "tests/support/fake_engine/forward.h"

#include "base/memory.h"
#include "tests/support/fake_engine/http_reader.h"

#include <stdlib.h>
#include <string.h>

enum { READ_SIZE = 64 << 10 };

struct forward {
    struct back_end base;
    uv_loop_t *loop;
    char *path;
};

/* One call's way to the engine. */
struct passage {
    struct forward *forward;
    struct call *call; /* NULL: nobody waits for it */
    uv_pipe_t pipe;
    uv_connect_t connect;
    uv_shutdown_t shutdown;
    struct http_reader reader;
    struct strbuf request;
    bool has_head; /* of the reply, and it was told */
};

struct write {
    uv_write_t request;
    char bytes[];
};

/* --- the end of a passage --- */

static void on_closed(uv_handle_t *handle)
{
    struct passage *passage = handle->data;

    http_reader_done(&passage->reader);
    strbuf_done(&passage->request);
    free(passage);
}

static void drop(struct passage *passage)
{
    passage->call = NULL;
    if (!uv_is_closing((uv_handle_t *)&passage->pipe)) {
        uv_close((uv_handle_t *)&passage->pipe, on_closed);
    }
}

static void finish(struct passage *passage, bool is_whole)
{
    struct call *call = passage->call;

    drop(passage);
    if (call == NULL) {
        return;
    }
    if (is_whole) {
        back_end_reply_end(call);
    } else {
        back_end_reply_lost(call);
    }
}

/* --- the reply --- */

static void take_reply(struct passage *passage, const char *bytes, size_t len)
{
    while (passage->call != NULL) {
        const char *piece;
        size_t piece_len;
        long used = http_reader_feed(&passage->reader, bytes, len, &piece, &piece_len);

        if (used < 0) {
            finish(passage, false);
            return;
        }
        bytes += used;
        len -= (size_t)used;
        if (!passage->has_head && passage->reader.state != HTTP_HEAD) {
            passage->has_head = true;
            back_end_reply_head(passage->call, passage->reader.status,
                                strbuf_text(&passage->reader.fields));
        }
        if (piece_len > 0 && passage->call != NULL) {
            back_end_reply_bytes(passage->call, piece, piece_len);
        }
        if (passage->reader.state == HTTP_END && passage->call != NULL) {
            finish(passage, true);
        }
        if (len == 0) {
            return;
        }
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    static char bytes[READ_SIZE]; /* used up before the next turn */

    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(bytes, sizeof(bytes));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    struct passage *passage = stream->data;

    if (len < 0) {
        finish(passage, passage->has_head && http_reader_ends_well(&passage->reader));
    } else {
        take_reply(passage, buffer->base, (size_t)len);
    }
}

/* --- the request --- */

static void on_written(uv_write_t *request, int status)
{
    (void)status; /* the reading side tells */
    free(request);
}

static void send_bytes(struct passage *passage, const char *bytes, size_t len)
{
    struct write *write = xmalloc(sizeof(*write) + len);
    uv_buf_t buffer = uv_buf_init(write->bytes, (unsigned)len);

    memcpy(write->bytes, bytes, len);
    if (uv_write(&write->request, (uv_stream_t *)&passage->pipe, &buffer, 1, on_written) < 0) {
        free(write);
    }
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct passage *passage = connect->data;

    if (passage->call == NULL) {
        return;
    }
    if (status < 0) {
        finish(passage, false);
        return;
    }
    send_bytes(passage, passage->request.text, passage->request.len);
    uv_read_start((uv_stream_t *)&passage->pipe, on_alloc, on_read);
}

/* As it came, but for what frames it: the engine closes behind its reply. */
static void write_request(const struct call *call, struct strbuf *request)
{
    strbuf_init(request, (size_t)1 << 30);
    strbuf_addf(request, "%s %s HTTP/1.1\r\n%s", call->method, call->target,
                strbuf_text(&call->fields));
    strbuf_add(request, call->is_upgrade ? "Connection: Upgrade\r\nUpgrade: tcp\r\n"
                                         : "Connection: close\r\n");
    if (call->body.len > 0 ||
        (strcmp(call->method, "GET") != 0 && strcmp(call->method, "HEAD") != 0)) {
        strbuf_addf(request, "Content-Length: %zu\r\n", call->body.len);
    }
    strbuf_add(request, "\r\n");
    strbuf_append(request, call->body.len > 0 ? call->body.text : "", call->body.len);
}

static void forward_begin(struct back_end *self, struct call *call)
{
    struct forward *forward = (struct forward *)self;
    struct passage *passage = xcalloc(1, sizeof(*passage));

    passage->forward = forward;
    passage->call = call;
    call->work = passage;
    http_reader_reset(&passage->reader, true);
    passage->reader.has_no_body = strcmp(call->method, "HEAD") == 0;
    write_request(call, &passage->request);
    uv_pipe_init(forward->loop, &passage->pipe, 0);
    passage->pipe.data = passage;
    passage->connect.data = passage;
    uv_pipe_connect(&passage->connect, &passage->pipe, forward->path, on_connected);
}

static void forward_take_bytes(struct back_end *self, struct call *call, const char *bytes,
                               size_t len)
{
    struct passage *passage = call->work;

    (void)self;
    if (len > 0) {
        send_bytes(passage, bytes, len);
    } else {
        uv_shutdown(&passage->shutdown, (uv_stream_t *)&passage->pipe, NULL);
    }
}

static void forward_cancel(struct back_end *self, struct call *call)
{
    (void)self;
    drop(call->work);
}

static bool forward_control(struct back_end *self, struct call *call, const char *what)
{
    (void)self;
    (void)call;
    (void)what;
    return false;
}

static void forward_go_down(struct back_end *self)
{
    (void)self; /* the real engine goes on; it only cannot be reached */
}

static void forward_close(struct back_end *self)
{
    struct forward *forward = (struct forward *)self;

    free(forward->path);
    free(forward);
}

struct back_end *forward_new(uv_loop_t *loop, const char *socket_path)
{
    static const struct back_end_ops ops = {
        .begin = forward_begin,
        .take_bytes = forward_take_bytes,
        .cancel = forward_cancel,
        .control = forward_control,
        .go_down = forward_go_down,
        .close = forward_close,
    };
    struct forward *forward = xcalloc(1, sizeof(*forward));

    forward->base.ops = &ops;
    forward->loop = loop;
    forward->path = xstrdup(socket_path);
    return &forward->base;
}

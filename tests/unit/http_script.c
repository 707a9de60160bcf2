#include "tests/unit/http_script.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct http_script {
    uv_pipe_t listener;
    uv_loop_t *loop;
    struct connection *connections;
    unsigned connection_count, open_count, request_count;
};

struct connection {
    uv_pipe_t pipe;
    struct http_script *script; /* NULL: the script is gone */
    struct connection *next;
    struct strbuf in, out;
    uv_write_t write;
    size_t sent, piece; /* of out; 0: all at once */
    bool is_writing, closes_after, is_closed;
    char buffer[65536];
};

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;

    strbuf_done(&connection->in);
    strbuf_done(&connection->out);
    free(connection);
}

static void connection_close(struct connection *connection)
{
    if (connection->is_closed) {
        return;
    }
    connection->is_closed = true;
    if (connection->script != NULL) {
        struct connection **link = &connection->script->connections;

        while (*link != connection) {
            link = &(*link)->next;
        }
        *link = connection->next;
        connection->script->open_count--;
    }
    uv_close((uv_handle_t *)&connection->pipe, on_closed);
}

static void write_next(struct connection *connection);
static void serve(struct connection *connection);

static void on_written(uv_write_t *write, int status)
{
    struct connection *connection = write->data;

    connection->is_writing = false;
    if (status < 0) {
        connection_close(connection);
        return;
    }
    write_next(connection);
}

static void write_next(struct connection *connection)
{
    size_t left = connection->out.len - connection->sent;
    size_t part = connection->piece > 0 && connection->piece < left ? connection->piece : left;
    uv_buf_t bytes;

    if (left == 0) {
        strbuf_reset(&connection->out);
        connection->sent = 0;
        if (connection->closes_after) {
            connection_close(connection);
        } else {
            serve(connection);
        }
        return;
    }
    bytes = uv_buf_init(connection->out.text + connection->sent, (unsigned)part);
    connection->sent += part;
    connection->write.data = connection;
    connection->is_writing = true;
    if (uv_write(&connection->write, (uv_stream_t *)&connection->pipe, &bytes, 1, on_written) < 0) {
        connection_close(connection);
    }
}

static void reply(struct connection *connection, const char *status, const char *body, size_t len)
{
    strbuf_addf(&connection->out, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", status, len);
    strbuf_append(&connection->out, body, len);
}

static void reply_large(struct connection *connection, const char *status)
{
    auto_free char *body = xmalloc(HTTP_SCRIPT_LARGE);

    memset(body, 'x', HTTP_SCRIPT_LARGE);
    reply(connection, status, body, HTTP_SCRIPT_LARGE);
}

static void begin_stream(struct connection *connection)
{
    strbuf_add(&connection->out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

static void answer(struct connection *connection, const char *path, const char *request, size_t len)
{
    static const char message[] = "{\"message\":\"no such thing\"}\n";
    static const char pieces[] = HTTP_SCRIPT_PIECES;

    connection->piece = 0;
    if (strcmp(path, "/echo") == 0) {
        reply(connection, "200 OK", request, len);
    } else if (strcmp(path, "/pieces") == 0) {
        reply(connection, "200 OK", pieces, strlen(pieces));
        connection->piece = 1;
    } else if (strcmp(path, "/chunks") == 0 || strcmp(path, "/burst") == 0) {
        begin_stream(connection);
        for (const char *byte = pieces; *byte != '\0'; byte++) {
            strbuf_addf(&connection->out, "1\r\n%c\r\n", *byte);
        }
        strbuf_add(&connection->out, "0\r\n\r\n");
        connection->piece = strcmp(path, "/chunks") == 0 ? 6 : 0;
    } else if (strcmp(path, "/endless") == 0) {
        begin_stream(connection);
        strbuf_add(&connection->out, "6\r\nbegun;\r\n");
    } else if (strcmp(path, "/close") == 0) {
        connection->closes_after = true;
    } else if (strcmp(path, "/cut") == 0) {
        strbuf_add(&connection->out, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
        connection->closes_after = true;
    } else if (strcmp(path, "/cut-chunked") == 0) {
        begin_stream(connection);
        strbuf_add(&connection->out, "4\r\nhalf\r\n");
        connection->closes_after = true;
    } else if (strcmp(path, "/nonsense") == 0) {
        strbuf_add(&connection->out, "\x16\x03\x01nonsense\r\n\r\n");
        connection->closes_after = true;
    } else if (strcmp(path, "/missing") == 0 || strcmp(path, "/early") == 0) {
        reply(connection, "404 Not Found", message, strlen(message));
    } else if (strcmp(path, "/moved") == 0) {
        strbuf_add(&connection->out, "HTTP/1.1 301 Moved Permanently\r\nLocation: /echo\r\n"
                                     "Content-Length: 0\r\n\r\n");
    } else if (strcmp(path, "/large") == 0) {
        reply_large(connection, "200 OK");
    } else if (strcmp(path, "/large-error") == 0) {
        reply_large(connection, "500 Internal Server Error");
    }
    if (strcmp(path, "/silent") != 0) {
        write_next(connection);
    }
}

/* "/echo" of "GET /v1.41/echo?x=1 HTTP/1.1\r\n...". */
static char *path_of(const char *head)
{
    const char *path = strchr(head, ' ') + 1;
    size_t len = strcspn(path, " ?");

    if (text_has_prefix(path, "/v1.")) {
        size_t version_len = 1 + strcspn(path + 1, "/");

        path += version_len;
        len -= version_len;
    }
    return xstrndup(path, len);
}

static size_t content_length(const char *head)
{
    const char *field = strcasestr(head, "\r\ncontent-length:");

    return field != NULL ? strtoul(field + strlen("\r\ncontent-length:"), NULL, 10) : 0;
}

/* Answers the first whole request that has arrived, if any. */
static void serve(struct connection *connection)
{
    const char *text = strbuf_text(&connection->in);
    const char *end = strstr(text, "\r\n\r\n");

    if (end == NULL || connection->is_writing || connection->is_closed) {
        return;
    }
    auto_free char *path = path_of(text);
    size_t head_len = (size_t)(end - text) + 4;
    size_t len = head_len + content_length(text);

    if (strcmp(path, "/early") == 0) {
        len = connection->in.len;
        connection->closes_after = true;
    }
    if (connection->in.len < len) {
        return;
    }
    connection->script->request_count++;
    auto_free char *request = xmalloc(len);

    memcpy(request, text, len);
    strbuf_consume(&connection->in, len);
    answer(connection, path, request, len);
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    struct connection *connection = handle->data;

    (void)suggested;
    *ret_buffer = uv_buf_init(connection->buffer, sizeof(connection->buffer));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *bytes)
{
    struct connection *connection = stream->data;

    if (len < 0) {
        connection_close(connection);
        return;
    }
    strbuf_append(&connection->in, bytes->base, (size_t)len);
    serve(connection);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct http_script *script = listener->data;
    struct connection *connection = xcalloc(1, sizeof(*connection));

    (void)status;
    uv_pipe_init(script->loop, &connection->pipe, 0);
    connection->pipe.data = connection;
    connection->script = script;
    connection->next = script->connections;
    script->connections = connection;
    script->connection_count++;
    script->open_count++;
    if (uv_accept(listener, (uv_stream_t *)&connection->pipe) < 0 ||
        uv_read_start((uv_stream_t *)&connection->pipe, on_allocate, on_read) < 0) {
        abort();
    }
    uv_unref((uv_handle_t *)&connection->pipe);
}

struct http_script *http_script_new(uv_loop_t *loop, const char *socket_path)
{
    struct http_script *script = xcalloc(1, sizeof(*script));

    script->loop = loop;
    signal(SIGPIPE, SIG_IGN); /* libuv writes to connections that are gone */
    uv_pipe_init(loop, &script->listener, 0);
    script->listener.data = script;
    if (uv_pipe_bind(&script->listener, socket_path) < 0 ||
        uv_listen((uv_stream_t *)&script->listener, 1024, on_connection) < 0) {
        abort();
    }
    uv_unref((uv_handle_t *)&script->listener);
    return script;
}

static void on_listener_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void http_script_free(struct http_script *script)
{
    while (script->connections != NULL) {
        connection_close(script->connections);
    }
    uv_close((uv_handle_t *)&script->listener, on_listener_closed);
}

unsigned http_script_connections(const struct http_script *script)
{
    return script->connection_count;
}

unsigned http_script_open(const struct http_script *script)
{
    return script->open_count;
}

unsigned http_script_requests(const struct http_script *script)
{
    return script->request_count;
}

#include "tests/support/fake_engine/server.h"

#include "base/clock.h"
#include "base/memory.h"
#include "tests/support/fake_engine/front.h"
#include "tests/support/fake_engine/http_reader.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 128, MAX_BODY = 512 << 20, READ_SIZE = 64 << 10 };

struct server {
    uv_loop_t *loop;
    struct front *front;
    char *path;
    uv_pipe_t *listener; /* NULL: it is stopped */
    struct connection *connections;
    unsigned count;
};

struct connection {
    struct server *server;
    struct connection *next, *previous;
    uv_pipe_t pipe;
    struct http_reader reader;
    struct strbuf body;    /* of the request being read */
    struct strbuf pending; /* what came while a call was under way */
    struct call *call;
    unsigned writes; /* under way */
    bool is_upgraded, is_closing;
};

struct write {
    uv_write_t request;
    struct connection *connection;
    char bytes[];
};

/* --- the end of a connection --- */

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;

    http_reader_done(&connection->reader);
    strbuf_done(&connection->body);
    strbuf_done(&connection->pending);
    free(connection);
}

static void drop(struct connection *connection)
{
    struct server *server = connection->server;

    if (uv_is_closing((uv_handle_t *)&connection->pipe)) {
        return;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    *(connection->previous != NULL ? &connection->previous->next : &server->connections) =
        connection->next;
    server->count--;
    uv_close((uv_handle_t *)&connection->pipe, on_closed);
}

/* The client went, or is no client of HTTP. */
static void lose(struct connection *connection)
{
    struct call *call = TAKE(connection->call);

    drop(connection);
    if (call != NULL) {
        call->connection = NULL;
        front_client_left(call);
    }
}

void connection_close(struct connection *connection)
{
    connection->call = NULL;
    connection->is_closing = true;
    uv_read_stop((uv_stream_t *)&connection->pipe);
    if (connection->writes == 0) {
        drop(connection);
    }
}

/* --- writing --- */

static void on_written(uv_write_t *request, int status)
{
    struct write *done = (struct write *)request;
    struct connection *connection = done->connection;

    (void)status; /* a client that left is told by the reading side */
    connection->writes--;
    free(done);
    if (connection->is_closing && connection->writes == 0) {
        drop(connection);
    }
}

void connection_send(struct connection *connection, const char *bytes, size_t len)
{
    struct write *write;
    uv_buf_t buffer;

    if (len == 0 || uv_is_closing((uv_handle_t *)&connection->pipe)) {
        return;
    }
    write = xmalloc(sizeof(*write) + len);
    write->connection = connection;
    memcpy(write->bytes, bytes, len);
    buffer = uv_buf_init(write->bytes, (unsigned)len);
    connection->writes++;
    if (uv_write(&write->request, (uv_stream_t *)&connection->pipe, &buffer, 1, on_written) < 0) {
        connection->writes--;
        free(write);
    }
}

void connection_sendf(struct connection *connection, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    auto_free char *text = xvasprintf(format, args);
    va_end(args);
    connection_send(connection, text, strlen(text));
}

/* --- requests --- */

static pid_t peer_of(struct connection *connection)
{
    struct ucred credentials = {0};
    socklen_t size = sizeof(credentials);
    uv_os_fd_t fd = -1;

    uv_fileno((uv_handle_t *)&connection->pipe, &fd);
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
    return credentials.pid;
}

/* "/v1.41/containers/json" is "/containers/json". */
static const char *without_version(const char *target)
{
    const char *at = target;

    if (strncmp(at, "/v", 2) != 0 || !isdigit((unsigned char)at[2])) {
        return target;
    }
    at += 2 + strspn(at + 2, "0123456789.");
    return *at == '/' ? at : target;
}

static void hand_over(struct connection *connection)
{
    struct http_reader *reader = &connection->reader;
    struct call *call = xcalloc(1, sizeof(*call));
    const char *path = without_version(reader->target);
    size_t path_len = strcspn(path, "?");

    call->connection = connection;
    call->peer = peer_of(connection);
    call->began_at_ms = clock_monotonic_ms();
    call->path = xstrndup(path, path_len);
    call->query = xstrdup(path[path_len] == '?' ? path + path_len + 1 : "");
    call->method = TAKE(reader->method);
    call->target = TAKE(reader->target);
    call->fields = reader->fields;
    call->body = connection->body;
    call->is_upgrade = reader->is_upgrade;
    reader->fields = (struct strbuf){0};
    strbuf_init(&connection->body, MAX_BODY);
    http_reader_reset(reader, false);
    connection->call = call;
    front_begin(connection->server->front, call);
}

/* 0, or -1 when it is no HTTP; then the connection is gone. */
static int take(struct connection *connection, const char *bytes, size_t len)
{
    struct http_reader *reader = &connection->reader;

    while (len > 0 && connection->call == NULL && !connection->is_closing) {
        bool was_head = reader->state == HTTP_HEAD;
        const char *piece;
        size_t piece_len;
        long used = http_reader_feed(reader, bytes, len, &piece, &piece_len);

        if (used < 0 ||
            strbuf_append(&connection->body, piece_len > 0 ? piece : "", piece_len) < 0) {
            lose(connection);
            return -1;
        }
        bytes += used;
        len -= (size_t)used;
        if (was_head && reader->state != HTTP_HEAD && reader->state != HTTP_END &&
            reader->wants_continue) {
            connection_sendf(connection, "HTTP/1.1 100 Continue\r\n\r\n");
        }
        if (reader->state == HTTP_END) {
            auto_free char *rest = xmemdup(bytes, len);

            strbuf_append(&connection->pending, rest, len);
            hand_over(connection);
            return 0;
        }
    }
    return 0;
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
    struct connection *connection = stream->data;

    if (len == UV_EOF && connection->is_upgraded && connection->call != NULL) {
        front_take_bytes(connection->call, "", 0);
    } else if (len < 0) {
        lose(connection);
    } else if (connection->is_upgraded && connection->call != NULL) {
        front_take_bytes(connection->call, buffer->base, (size_t)len);
    } else if (connection->call != NULL) {
        strbuf_append(&connection->pending, buffer->base, (size_t)len);
    } else if (len > 0) {
        take(connection, buffer->base, (size_t)len);
    }
}

void connection_next(struct connection *connection)
{
    auto_done(strbuf) pending = connection->pending;

    strbuf_init(&connection->pending, MAX_BODY);
    connection->call = NULL;
    if (connection->is_upgraded) {
        connection_close(connection);
    } else if (pending.len > 0) {
        take(connection, pending.text, pending.len);
    }
}

void connection_upgrade(struct connection *connection)
{
    auto_done(strbuf) pending = connection->pending;

    strbuf_init(&connection->pending, MAX_BODY);
    connection->is_upgraded = true;
    if (pending.len > 0 && connection->call != NULL) {
        front_take_bytes(connection->call, pending.text, pending.len);
    }
}

/* --- the socket --- */

static void on_connection(uv_stream_t *listener, int status)
{
    struct server *server = listener->data;
    struct connection *connection;

    if (status < 0) {
        return;
    }
    connection = xcalloc(1, sizeof(*connection));
    connection->server = server;
    connection->pipe.data = connection;
    strbuf_init(&connection->body, MAX_BODY);
    strbuf_init(&connection->pending, MAX_BODY);
    http_reader_reset(&connection->reader, false);
    uv_pipe_init(server->loop, &connection->pipe, 0);
    connection->next = server->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    server->connections = connection;
    server->count++;
    if (uv_accept(listener, (uv_stream_t *)&connection->pipe) < 0 ||
        uv_read_start((uv_stream_t *)&connection->pipe, on_alloc, on_read) < 0) {
        drop(connection);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    free(handle);
}

struct server *server_new(uv_loop_t *loop, const char *path, struct front *front)
{
    struct server *server = xcalloc(1, sizeof(*server));

    server->loop = loop;
    server->path = xstrdup(path);
    server->front = front;
    return server;
}

int server_listen(struct server *server, struct error *err)
{
    uv_pipe_t *listener = xcalloc(1, sizeof(*listener));
    int code;

    unlink(server->path);
    uv_pipe_init(server->loop, listener, 0);
    listener->data = server;
    code = uv_pipe_bind(listener, server->path);
    if (code == 0) {
        code = uv_listen((uv_stream_t *)listener, BACKLOG, on_connection);
    }
    if (code < 0) {
        uv_close((uv_handle_t *)listener, on_handle_closed);
        return error_set(err, ERROR_TRANSIENT, "listen at \"%s\": %s", server->path,
                         uv_strerror(code));
    }
    server->listener = listener;
    return 0;
}

void server_stop(struct server *server)
{
    if (server->listener != NULL) {
        uv_close((uv_handle_t *)TAKE(server->listener), on_handle_closed);
    }
    while (server->connections != NULL) {
        lose(server->connections);
    }
}

void server_close(struct server *server)
{
    server_stop(server);
    free(server->path);
    free(server);
}

unsigned server_connection_count(const struct server *server)
{
    return server->count;
}

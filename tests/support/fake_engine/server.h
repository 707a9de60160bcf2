/*
 * The HTTP side towards clients: a Unix socket, its connections, one call after another on each.
 *
 * The server reads a whole request, hands it to the front as a struct call, and writes what the
 * front tells it to. Who closes is told the front; a client that leaves is too.
 */
#ifndef BERTH_TESTS_FAKE_ENGINE_SERVER_H
#define BERTH_TESTS_FAKE_ENGINE_SERVER_H

#include "base/error.h"
#include "tests/support/fake_engine/call.h"

#include <uv.h>

struct server;

struct server *server_new(uv_loop_t *loop, const char *path, struct front *front);
int server_listen(struct server *server, struct error *err);
/* No socket and no connection any more; server_listen brings it back. */
void server_stop(struct server *server);
void server_close(struct server *server); /* its memory goes in the loop's next turn */
unsigned server_connection_count(const struct server *server);

/* Bytes for the client as they are. */
void connection_send(struct connection *connection, const char *bytes, size_t len);
void connection_sendf(struct connection *connection, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The call is over: the next request on the connection is read. The call is not looked at again. */
void connection_next(struct connection *connection);
/* After what was sent. The front hears nothing of it. */
void connection_close(struct connection *connection);
/* What the client sends from now on is the command's own: front_take_bytes. */
void connection_upgrade(struct connection *connection);

#endif

/*
 * An engine, for a command that asks it one thing after the other, or several at once, and waits
 * for the answers.
 *
 * The controller has its own way on its loop (controller/http_transport_curl.h). Requests and what
 * their replies mean are the same for both (clients/docker_request.h).
 */
#ifndef BERTH_CLI_ENGINE_SESSION_H
#define BERTH_CLI_ENGINE_SESSION_H

#include "base/error.h"
#include "clients/docker_endpoint.h"
#include "clients/docker_request.h"
#include "clients/docker_types.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct engine_session {
    struct docker_endpoint endpoint;
    char version[DOCKER_API_SIZE];
};

/*
 * Asks the engine which API it speaks. url as of --engine; NULL: DOCKER_HOST, else fallback (NULL:
 * the default socket).
 */
int engine_session_open(struct engine_session *session, const char *url, const char *fallback,
                        struct error *err);
void engine_session_done(struct engine_session *session);

/*
 * The request is taken by all of these. Errors are those of docker_reply_check(). ret_json may be
 * NULL.
 */
int engine_session_call(struct engine_session *session, struct docker_request *request,
                        json_t **ret_json, struct error *err);

/* A reply, or in err why there is none. */
struct engine_answer {
    json_t *json; /* the caller's */
    struct error err;
};

/* Asks for several things at once, and waits for all answers, one for each request. */
void engine_session_call_all(struct engine_session *session, struct docker_request **requests,
                             size_t count, struct engine_answer *ret_answers);

/* The body goes to on_data as it comes. */
int engine_session_stream(struct engine_session *session, struct docker_request *request,
                          http_data_fn *on_data, void *user, struct error *err);

/*
 * A connection that has been upgraded: bytes both ways, until each side has said that it is done.
 */
struct engine_stream;

int engine_session_upgrade(struct engine_session *session, struct docker_request *request,
                           struct engine_stream **ret_stream, struct error *err);
void engine_stream_free(struct engine_stream *stream); /* accepts NULL; closes it */
DEFINE_AUTO_FREE(engine_stream);

/* For poll(2), once receive or send has said AGAIN. */
int engine_stream_fd(const struct engine_stream *stream);

enum engine_io { ENGINE_IO_DONE, ENGINE_IO_AGAIN, ENGINE_IO_CLOSED };

/*
 * None of these blocks. DONE: *ret_len bytes, at least one. CLOSED: the other side is, well or not.
 */
enum engine_io engine_stream_receive(struct engine_stream *stream, char *bytes, size_t size,
                                     size_t *ret_len);
enum engine_io engine_stream_send(struct engine_stream *stream, const char *bytes, size_t len,
                                  size_t *ret_len);

/* Nothing more will be sent: the command's input ends. */
void engine_stream_end_input(struct engine_stream *stream);

#endif

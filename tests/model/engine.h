/*
 * The engine as a witness and a victim: plain HTTP on its socket, nothing of Berth's client.
 */
#ifndef BERTH_TESTS_MODEL_ENGINE_H
#define BERTH_TESTS_MODEL_ENGINE_H

#include <jansson.h>
#include <stdbool.h>

struct engine {
    void *curl;
    char *socket, *base; /* a unix socket, or NULL and http://host:port */
};

/* url: unix:///path or tcp://host:port */
void engine_open(struct engine *engine, const char *url);
void engine_close(struct engine *engine);

/*
 * The status of the reply, 0 where there was none. body and ret_reply may be NULL; *ret_reply is
 * the caller's, and NULL where the reply is no JSON.
 */
long engine_call(struct engine *engine, const char *method, const char *path, const json_t *body,
                 json_t **ret_reply);

/*
 * All containers, inspected; NULL: the engine does not answer. Those that go meanwhile are left
 * out.
 */
json_t *engine_containers(struct engine *engine);
json_t *engine_networks(struct engine *engine);

/* Borrowed; "" where it is not there. Path: "State.Status" */
const char *engine_text(const json_t *object, const char *path);
const json_t *engine_field(const json_t *object, const char *path);

#endif

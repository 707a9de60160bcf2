#include "clients/docker_request.h"
#include "clients/docker_stream.h"
#include "clients/docker_text.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 512 };

/*
 * What the engine's texts tell. Engines, versions and Podman word the same thing differently, so
 * a piece that they share is looked for; the first line that fits counts ("address already in
 * use" before "already in use"). status 0: any failure.
 */
static const struct {
    int status;
    const char *piece;
    enum error_kind kind;
    const char *reason; /* NULL: the request's */
} known_texts[] = {
    {0, "port is already allocated", ERROR_TRANSIENT, "PortInUse"},
    {0, "address already in use", ERROR_TRANSIENT, "PortInUse"},
    {0, "Address already in use", ERROR_TRANSIENT, "AddressUnavailable"}, /* in a network */
    {0, "does not belong to any of this network's subnets", ERROR_TRANSIENT, "AddressUnavailable"},
    {0, "Pool overlaps with other one", ERROR_CONFLICT, "SubnetTaken"},
    {0, "is already used on the host or by another config", ERROR_CONFLICT,
     "SubnetTaken"}, /* Podman */
    {400, "client version", ERROR_TRANSIENT, "EngineUnavailable"},
    {404, "No such image", ERROR_NOT_FOUND, "ImageNotFound"},
    {404, "no such image", ERROR_NOT_FOUND, "ImageNotFound"},
    {404, "image not known", ERROR_NOT_FOUND, "ImageNotFound"},
    {409, "is already in use by container", ERROR_CONFLICT, "NameTaken"},
    {409, "already exists", ERROR_CONFLICT, "NameTaken"},
    {500, "is already in use by", ERROR_CONFLICT, "NameTaken"}, /* Podman, as the next two */
    {500, "name is already in use", ERROR_CONFLICT, "NameTaken"},
    {500, "network already exists", ERROR_CONFLICT, "NameTaken"},
    {403, "has active endpoints", ERROR_CONFLICT, NULL},
};

static enum error_kind kind_of_status(int status)
{
    switch (status) {
    case 404: return ERROR_NOT_FOUND;
    case 409: return ERROR_CONFLICT;
    case 408:
    case 429: return ERROR_TRANSIENT;
    default: return status >= 500 ? ERROR_TRANSIENT : ERROR_INVALID;
    }
}

/*
 * "task <id>: already exists", of a start: the engine went down while it was starting the
 * container, and has lost track of what it had begun. It says so forever.
 */
static bool is_broken_container(const struct docker_request *request,
                                const struct http_reply *reply, const char *text)
{
    return reply->status == 500 && strcmp(request->failure_reason, "StartFailed") == 0 &&
           strstr(text, "task ") != NULL && strstr(text, ": already exists") != NULL;
}

/* The engine's own words: "message" of a JSON object, else the body as it is. */
static char *engine_text(const struct http_reply *reply)
{
    json_auto_t *json = json_loadb(reply->body, reply->body_len, JSON_ALLOW_NUL, NULL);
    const json_t *message = json_object_get(json, "message");

    if (json_is_string(message)) {
        return docker_text_clean(json_string_value(message), json_string_length(message), MAX_TEXT);
    }
    return docker_text_clean(reply->body, reply->body_len, MAX_TEXT);
}

static int fail(const struct docker_request *request, const struct http_reply *reply,
                struct error *err)
{
    auto_free char *text = engine_text(reply);
    enum error_kind kind = kind_of_status(reply->status);
    const char *reason = request->failure_reason;

    if (request->is_progress && docker_pull_is_unknown(text)) {
        kind = ERROR_NOT_FOUND;
        reason = "ImageNotFound";
    }
    if (is_broken_container(request, reply, text)) {
        reason = "ContainerBroken";
    }
    for (size_t i = 0; i < ARRAY_SIZE(known_texts); i++) {
        int status = known_texts[i].status;

        if ((status == 0 || status == reply->status) &&
            strstr(text, known_texts[i].piece) != NULL) {
            kind = known_texts[i].kind;
            reason = known_texts[i].reason != NULL ? known_texts[i].reason : reason;
            break;
        }
    }
    error_set_reason(err, kind, reason, "the engine replied %d%s%s", reply->status,
                     text[0] != '\0' ? ": " : "", text);
    return error_wrap(err, "%.256s", request->what);
}

/* A pull or an import that failed after its 200 was sent. */
static int check_progress(const struct docker_request *request, const struct http_reply *reply,
                          struct error *err)
{
    auto_done(docker_pull) progress = {0};

    docker_pull_init(&progress);
    if (docker_pull_feed(&progress, reply->body, reply->body_len, err) < 0) {
        return error_wrap(err, "%.256s", request->what);
    }
    if (progress.error == NULL) {
        return 0;
    }
    if (docker_pull_is_unknown(progress.error)) {
        error_set_reason(err, ERROR_NOT_FOUND, "ImageNotFound", "%s", progress.error);
    } else {
        error_set_reason(err, ERROR_TRANSIENT, request->failure_reason, "%s", progress.error);
    }
    return error_wrap(err, "%.256s", request->what);
}

int docker_reply_check(const struct docker_request *request, const struct http_reply *reply,
                       struct error *err)
{
    if (reply->status == 0) {
        assert(err->kind != ERROR_NONE);
        return error_wrap(err, "%.256s", request->what);
    }
    if (reply->status == 304) {
        return 0;
    }
    if (reply->status < 200 || reply->status > 299) {
        return fail(request, reply, err);
    }
    return request->is_progress ? check_progress(request, reply, err) : 0;
}

int docker_reply_json(const struct docker_request *request, const struct http_reply *reply,
                      json_t **ret_json, struct error *err)
{
    json_error_t where;
    json_t *json;

    if (docker_reply_check(request, reply, err) < 0) {
        return -1;
    }
    json = json_loadb(reply->body, reply->body_len, JSON_ALLOW_NUL, &where);
    if (json == NULL) {
        error_set_reason(err, ERROR_TRANSIENT, "EngineError",
                         "the engine's reply of %zu bytes is no JSON at byte %d", reply->body_len,
                         where.position);
        return error_wrap(err, "%.256s", request->what);
    }
    *ret_json = json;
    return 0;
}

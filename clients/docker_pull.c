#include "clients/docker_stream.h"
#include "clients/docker_text.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

/* An image has at most 127 layers; what a stream names beyond is not counted. */
enum { MAX_LAYERS = 256, MAX_LAYER_ID = 128, MAX_ERROR = 512 };

void docker_pull_init(struct docker_pull *pull)
{
    *pull = (struct docker_pull){.layers = json_object()};
    json_lines_init(&pull->lines);
}

void docker_pull_done(struct docker_pull *pull)
{
    json_lines_done(&pull->lines);
    json_decref(pull->layers);
    free(pull->error);
    *pull = (struct docker_pull){0};
}

static json_int_t element(const json_t *layer, size_t index)
{
    return json_integer_value(json_array_get(layer, index));
}

static void sum_up(struct docker_pull *pull)
{
    const char *id;
    json_t *layer;

    pull->current_bytes = 0;
    pull->total_bytes = 0;
    json_object_foreach(pull->layers, id, layer) {
        pull->current_bytes += (uint64_t)element(layer, 0);
        pull->total_bytes += (uint64_t)element(layer, 1);
    }
}

static void set_layer(struct docker_pull *pull, const char *id, json_int_t current,
                      json_int_t total)
{
    enum { MAX_BYTES_BITS = 50 }; /* so that no sum of layers can overflow */
    json_int_t max = (json_int_t)1 << MAX_BYTES_BITS;

    if (total <= 0 || total > max || current < 0) {
        return;
    }
    if (json_object_get(pull->layers, id) == NULL && json_object_size(pull->layers) >= MAX_LAYERS) {
        return;
    }
    json_object_set_new(pull->layers, id,
                        json_pack("[I, I]", current < total ? current : total, total));
    sum_up(pull);
}

static void on_layer(struct docker_pull *pull, const json_t *value, const char *id,
                     const char *status)
{
    const json_t *detail = json_object_get(value, "progressDetail");
    const json_t *known = json_object_get(pull->layers, id);

    if (strcmp(status, "Downloading") == 0) {
        set_layer(pull, id, json_integer_value(json_object_get(detail, "current")),
                  json_integer_value(json_object_get(detail, "total")));
    } else if (known != NULL &&
               (strcmp(status, "Download complete") == 0 || strcmp(status, "Pull complete") == 0)) {
        set_layer(pull, id, element(known, 1), element(known, 1));
    }
}

static void on_value(void *user, const json_t *value)
{
    struct docker_pull *pull = user;
    const json_t *message = json_object_get(json_object_get(value, "errorDetail"), "message");
    const char *id = json_string_value(json_object_get(value, "id"));
    const char *status = json_string_value(json_object_get(value, "status"));

    if (!json_is_string(message)) {
        message = json_object_get(value, "error"); /* deprecated, but all that some engines send */
    }
    if (json_is_string(message)) {
        free(pull->error);
        pull->error =
            docker_text_clean(json_string_value(message), json_string_length(message), MAX_ERROR);
    } else if (id != NULL && status != NULL && strlen(id) <= MAX_LAYER_ID) {
        on_layer(pull, value, id, status);
    }
}

int docker_pull_feed(struct docker_pull *pull, const char *bytes, size_t len, struct error *err)
{
    return json_lines_feed(&pull->lines, bytes, len, on_value, pull, err);
}

bool docker_pull_is_unknown(const char *text)
{
    static const char *const pieces[] = {
        "manifest unknown",
        "manifest for ",
        "pull access denied",
        "repository does not exist",
        "repository name not known",
        "name unknown",
        "No such image",
        "image not known",
    };

    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        if (strstr(text, pieces[i]) != NULL) {
            return true;
        }
    }
    return false;
}

int docker_pull_finish(const struct docker_pull *pull, const char *image, struct error *err)
{
    if (pull->error == NULL && !json_lines_is_within_value(&pull->lines)) {
        return 0;
    }
    if (pull->error == NULL) {
        error_set_reason(err, ERROR_TRANSIENT, "ImagePullFailed",
                         "the engine's stream ended in the middle");
    } else if (docker_pull_is_unknown(pull->error)) {
        error_set_reason(err, ERROR_NOT_FOUND, "ImageNotFound", "%s", pull->error);
    } else {
        error_set_reason(err, ERROR_TRANSIENT, "ImagePullFailed", "%s", pull->error);
    }
    return error_wrap(err, "pull image \"%.256s\"", image);
}

unsigned docker_pull_percent(const struct docker_pull *pull)
{
    if (pull->total_bytes == 0) {
        return 0;
    }
    return (unsigned)(pull->current_bytes * 100 / pull->total_bytes);
}

/*
 * Bodies of engine replies: whatever comes, a reply is read or refused with a reason.
 */
#include "clients/docker_list.h"
#include "clients/docker_request.h"
#include "clients/docker_types.h"

#include "base/memory.h"
#include "base/parse.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static void assert_error(int result, const struct error *err)
{
    assert((result < 0) == (err->kind != ERROR_NONE));
    assert(result == 0 || (err->reason != NULL && err->message[0] != '\0'));
    assert(text_is_clean_utf8(err->message, strlen(err->message)));
}

/* Takes the request. */
static void check(struct docker_request *request, const char *body, size_t len)
{
    static const int statuses[] = {200, 304, 400, 403, 404, 409, 500, 503};

    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        const struct http_reply reply = {.status = statuses[i], .body = body, .body_len = len};
        struct error err = {0};

        assert_error(docker_reply_check(request, &reply, &err), &err);
    }
    docker_request_free(request);
}

static void read_container(const json_t *json,
                           int parse(const json_t *, struct docker_container *, struct error *))
{
    auto_done(docker_container) container = {0};
    struct error err = {0};
    int result = parse(json, &container, &err);

    assert_error(result, &err);
    if (result == 0) {
        assert(container.id[0] != '\0' && json_is_object(container.labels));
        assert(container.name != NULL && container.image_id != NULL && container.error != NULL);
        for (size_t i = 0; i < container.port_count; i++) {
            assert(container.ports[i].host_port != 0 && container.ports[i].protocol != NULL);
        }
    }
}

static void read_others(const json_t *json)
{
    auto_done(docker_image) image = {0};
    auto_done(docker_network) network = {0};
    auto_done(docker_engine) engine = {0};
    auto_free char *id = NULL;
    char version[DOCKER_API_SIZE];
    struct docker_exec command;
    struct error errs[6] = {0};

    assert_error(docker_parse_image(json, &image, &errs[0]), &errs[0]);
    assert_error(docker_parse_network(json, &network, &errs[1]), &errs[1]);
    assert_error(docker_parse_id(json, &id, &errs[2]), &errs[2]);
    assert_error(docker_parse_exec(json, &command, &errs[5]), &errs[5]);
    if (docker_parse_engine(json, &engine, &errs[3]) == 0) {
        docker_negotiate(&engine, version, &errs[4]);
    }
}

static void read_json(const char *body, size_t len)
{
    const struct http_reply reply = {.status = 200, .body = body, .body_len = len};
    auto_owned(docker_request) *request = docker_inspect_container("web");
    json_auto_t *json = NULL;
    struct error err = {0};
    size_t i;
    json_t *element;

    assert_error(docker_reply_json(request, &reply, &json, &err), &err);
    if (json == NULL) {
        return;
    }
    read_container(json, docker_parse_container);
    read_others(json);
    json_array_foreach(json, i, element) {
        read_container(element, docker_parse_container_summary);
    }
}

/* What JSON takes for a list of objects is one. */
static void read_list(const char *body, size_t len)
{
    json_auto_t *json = json_loadb(body, len, 0, NULL);
    struct docker_list_item item;
    struct docker_list list;
    size_t count = 0;
    int result;

    docker_list_begin(&list, body, len);
    while ((result = docker_list_next(&list, &item)) > 0) {
        assert(item.text >= body && item.text + item.len <= body + len && item.digest != 0);
        assert(item.name == NULL || (item.name > item.text && item.name_len < item.len));
        count += json_is_object(json_array_get(json, count)) ? 1 : 0;
    }
    assert(result == 0 || !json_is_array(json) || count < json_array_size(json));
    assert(result < 0 || !json_is_array(json) || count == json_array_size(json));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *body = xmalloc(size + 1); /* a transport's bodies end in a NUL */

    if (size > 0) {
        memcpy(body, data, size);
    }
    body[size] = '\0';
    check(docker_start_container("web"), body, size);
    check(docker_pull_image("app:1"), body, size);
    check(docker_import_image("app:1", NULL, "", 0), body, size);
    read_json(body, size);
    read_list(body, size);
    return 0;
}

#include "clients/docker_request.h"

#include "base/memory.h"
#include "base/strbuf.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS UINT64_C(1000)
#define MIB ((size_t)1 << 20)

/* The engine keeps an open request's work queued behind its locks: generous, but never endless. */
#define TIMEOUT_READ (30 * SECONDS)
#define TIMEOUT_CHANGE (120 * SECONDS)
#define TIMEOUT_TRANSFER (600 * SECONDS)

#define REPLY_SMALL (1 * MIB)
#define REPLY_OBJECT (8 * MIB)
#define REPLY_LIST (64 * MIB)

#define JSON_TYPE "application/json"
#define TAR_TYPE "application/x-tar"

void docker_request_free(struct docker_request *request)
{
    if (request == NULL) {
        return;
    }
    if (request->body != NULL) {
        explicit_bzero(request->body,
                       request->body_len); /* may hold values that nobody is to see */
    }
    free(request->path);
    free(request->body);
    free(request->what);
    free(request);
}

/* --- paths --- */

/* Appends the text with all but letters, digits and the bytes of "safe" as %XX. */
static void add_escaped(struct strbuf *path, const char *text, const char *safe)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

    for (; *text != '\0'; text++) {
        if (strchr(plain, *text) != NULL || strchr(safe, *text) != NULL) {
            strbuf_append(path, text, 1);
        } else {
            strbuf_addf(path, "%%%02X", (unsigned char)*text);
        }
    }
}

/* A name or an id between two literal pieces: "/containers/" name "/json". */
static char *object_path(const char *before, const char *name, const char *after)
{
    auto_done(strbuf) path = {0};

    strbuf_add(&path, before);
    add_escaped(&path, name, "-_.~");
    strbuf_add(&path, after);
    return strbuf_take(&path);
}

/* The engine's router takes image names with their slashes as they are. */
static char *image_path(const char *image, const char *after)
{
    auto_done(strbuf) path = {0};

    strbuf_add(&path, "/images/");
    add_escaped(&path, image, "-_.~/:@");
    strbuf_add(&path, after);
    return strbuf_take(&path);
}

/* Puts "?name=value" or "&name=value" behind the path, which is replaced. */
static void add_query(char **path, const char *name, const char *value)
{
    auto_done(strbuf) longer = {0};

    strbuf_add(&longer, *path);
    strbuf_addf(&longer, "%c%s=", strchr(*path, '?') == NULL ? '?' : '&', name);
    add_escaped(&longer, value, "-_.~");
    free(*path);
    *path = strbuf_take(&longer);
}

static void add_json_query(char **path, const char *name, const json_t *value)
{
    if (value != NULL) {
        auto_free char *text = json_dumps(value, JSON_COMPACT);

        add_query(path, name, text);
    }
}

/* --- requests --- */

/* The path is taken; what it does is the format and its arguments. */
static struct docker_request *request_new(const char *method, char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static struct docker_request *request_new(const char *method, char *path, const char *format, ...)
{
    struct docker_request *request = xcalloc(1, sizeof(*request));
    bool is_read = strcmp(method, "GET") == 0;
    va_list args;

    va_start(args, format);
    *request = (struct docker_request){
        .method = method,
        .path = path,
        .timeout_ms = is_read ? TIMEOUT_READ : TIMEOUT_CHANGE,
        .max_reply = is_read ? REPLY_OBJECT : REPLY_SMALL,
        .what = xvasprintf(format, args),
        .failure_reason = "EngineError",
    };
    va_end(args);
    return request;
}

static struct docker_request *with_json(struct docker_request *request, const json_t *body)
{
    request->body = json_dumps(body, JSON_COMPACT);
    request->body_len = strlen(request->body);
    request->content_type = JSON_TYPE;
    return request;
}

static struct docker_request *with_tar(struct docker_request *request, const void *tar, size_t len)
{
    request->body = xmalloc(len);
    memcpy(request->body, tar, len);
    request->body_len = len;
    request->content_type = TAR_TYPE;
    request->timeout_ms = TIMEOUT_TRANSFER;
    return request;
}

static struct docker_request *list(char *path, const json_t *filters, const char *what)
{
    struct docker_request *request = request_new("GET", path, "%s", what);

    add_json_query(&request->path, "filters", filters);
    request->max_reply = REPLY_LIST;
    return request;
}

struct docker_request *docker_get_version(void)
{
    struct docker_request *request =
        request_new("GET", xstrdup("/version"), "ask for the engine's version");

    request->is_unversioned = true;
    request->max_reply = REPLY_SMALL;
    return request;
}

struct docker_request *docker_get_info(void)
{
    struct docker_request *request = request_new("GET", xstrdup("/info"), "ask about the engine");

    request->is_unversioned = true;
    return request;
}

/* --- containers --- */

struct docker_request *docker_list_containers(const json_t *filters)
{
    return list(xstrdup("/containers/json?all=1"), filters, "list containers");
}

struct docker_request *docker_inspect_container(const char *name)
{
    return request_new("GET", object_path("/containers/", name, "/json"),
                       "inspect container \"%s\"", name);
}

struct docker_request *docker_container_stats(const char *name)
{
    return request_new("GET",
                       object_path("/containers/", name, "/stats?stream=false&one-shot=true"),
                       "ask what container \"%s\" uses", name);
}

struct docker_request *docker_create_container(const char *name, const json_t *body)
{
    struct docker_request *request =
        request_new("POST", xstrdup("/containers/create"), "create container \"%s\"", name);

    add_query(&request->path, "name", name);
    request->failure_reason = "CreateFailed";
    return with_json(request, body);
}

struct docker_request *docker_start_container(const char *name)
{
    struct docker_request *request = request_new(
        "POST", object_path("/containers/", name, "/start"), "start container \"%s\"", name);

    request->failure_reason = "StartFailed";
    return request;
}

struct docker_request *docker_stop_container(const char *name, unsigned grace_seconds)
{
    struct docker_request *request = request_new("POST", object_path("/containers/", name, "/stop"),
                                                 "stop container \"%s\"", name);
    char grace[16];

    snprintf(grace, sizeof(grace), "%u", grace_seconds);
    add_query(&request->path, "t", grace);
    request->timeout_ms = grace_seconds * SECONDS + TIMEOUT_CHANGE;
    return request;
}

struct docker_request *docker_kill_container(const char *name, const char *signal)
{
    struct docker_request *request = request_new("POST", object_path("/containers/", name, "/kill"),
                                                 "kill container \"%s\"", name);

    add_query(&request->path, "signal", signal);
    return request;
}

struct docker_request *docker_remove_container(const char *name)
{
    return request_new("DELETE", object_path("/containers/", name, "?force=1&v=1"),
                       "remove container \"%s\"", name);
}

struct docker_request *docker_rename_container(const char *name, const char *new_name)
{
    struct docker_request *request =
        request_new("POST", object_path("/containers/", name, "/rename"),
                    "rename container \"%s\" to \"%s\"", name, new_name);

    add_query(&request->path, "name", new_name);
    return request;
}

struct docker_request *docker_pause_container(const char *name)
{
    return request_new("POST", object_path("/containers/", name, "/pause"),
                       "pause container \"%s\"", name);
}

struct docker_request *docker_unpause_container(const char *name)
{
    return request_new("POST", object_path("/containers/", name, "/unpause"),
                       "unpause container \"%s\"", name);
}

struct docker_request *docker_update_container(const char *name, const json_t *body)
{
    return with_json(request_new("POST", object_path("/containers/", name, "/update"),
                                 "update container \"%s\"", name),
                     body);
}

struct docker_request *docker_container_logs(const char *name, unsigned tail_lines)
{
    struct docker_request *request =
        request_new("GET", object_path("/containers/", name, "/logs?stdout=1&stderr=1"),
                    "read the log of container \"%s\"", name);
    char tail[16];

    snprintf(tail, sizeof(tail), "%u", tail_lines);
    add_query(&request->path, "tail", tail);
    return request;
}

struct docker_request *docker_stream_logs(const char *name, int64_t tail_lines, bool is_followed)
{
    struct docker_request *request =
        request_new("GET", object_path("/containers/", name, "/logs?stdout=1&stderr=1"),
                    "read the log of container \"%s\"", name);
    char tail[24] = "all";

    if (tail_lines >= 0) {
        snprintf(tail, sizeof(tail), "%lld", (long long)tail_lines);
    }
    add_query(&request->path, "tail", tail);
    add_query(&request->path, "follow", is_followed ? "1" : "0");
    request->timeout_ms = 0;
    return request;
}

struct docker_request *docker_put_archive(const char *name, const char *directory, const void *tar,
                                          size_t len)
{
    struct docker_request *request =
        request_new("PUT", object_path("/containers/", name, "/archive"),
                    "copy files to \"%s\" in container \"%s\"", directory, name);

    add_query(&request->path, "path", directory);
    return with_tar(request, tar, len);
}

/* --- commands in containers --- */

struct docker_request *docker_create_exec(const char *name, const json_t *body)
{
    return with_json(request_new("POST", object_path("/containers/", name, "/exec"),
                                 "prepare a command in container \"%s\"", name),
                     body);
}

struct docker_request *docker_start_exec(const char *exec_id)
{
    json_auto_t *body = json_pack("{s:b, s:b}", "Detach", 1, "Tty", 0);

    return with_json(request_new("POST", object_path("/exec/", exec_id, "/start"),
                                 "start command \"%s\"", exec_id),
                     body);
}

struct docker_request *docker_attach_exec(const char *exec_id)
{
    return docker_upgrade_exec(exec_id, false); /* it is not upgraded by who does not ask for it */
}

struct docker_request *docker_upgrade_attach(const char *name)
{
    json_auto_t *body = json_object();
    struct docker_request *request = with_json(
        request_new("POST", object_path("/containers/", name, "/attach?stream=1&stdout=1&stderr=1"),
                    "attach to container \"%s\"", name),
        body);

    request->timeout_ms = 0;
    return request;
}

struct docker_request *docker_upgrade_exec(const char *exec_id, bool has_terminal)
{
    json_auto_t *body = json_pack("{s:b, s:b}", "Detach", 0, "Tty", (int)has_terminal);
    struct docker_request *request =
        with_json(request_new("POST", object_path("/exec/", exec_id, "/start"),
                              "start command \"%s\"", exec_id),
                  body);

    request->timeout_ms = 0;
    return request;
}

struct docker_request *docker_resize_exec(const char *exec_id, unsigned rows, unsigned columns)
{
    struct docker_request *request = request_new("POST", object_path("/exec/", exec_id, "/resize"),
                                                 "resize the terminal of command \"%s\"", exec_id);
    char number[16];

    snprintf(number, sizeof(number), "%u", rows);
    add_query(&request->path, "h", number);
    snprintf(number, sizeof(number), "%u", columns);
    add_query(&request->path, "w", number);
    return request;
}

struct docker_request *docker_inspect_exec(const char *exec_id)
{
    return request_new("GET", object_path("/exec/", exec_id, "/json"), "inspect command \"%s\"",
                       exec_id);
}

/* --- images --- */

struct docker_request *docker_inspect_image(const char *image)
{
    return request_new("GET", image_path(image, "/json"), "inspect image \"%s\"", image);
}

/*
 * "host:5000/name:tag" or "name@digest": the name's length, and the tag or digest ("" when it has
 * none).
 */
static size_t split_image(const char *image, const char **ret_tag)
{
    const char *at = strchr(image, '@');
    const char *slash = strrchr(image, '/');
    const char *colon = strrchr(image, ':');

    if (at != NULL) {
        *ret_tag = at + 1;
        return (size_t)(at - image);
    }
    if (colon != NULL && (slash == NULL || colon > slash)) {
        *ret_tag = colon + 1;
        return (size_t)(colon - image);
    }
    *ret_tag = "";
    return strlen(image);
}

struct docker_request *docker_pull_image(const char *image)
{
    struct docker_request *request =
        request_new("POST", xstrdup("/images/create"), "pull image \"%s\"", image);
    const char *tag;
    auto_free char *name = xstrndup(image, split_image(image, &tag));

    add_query(&request->path, "fromImage", name);
    /* without a tag the engine would pull every tag there is */
    add_query(&request->path, "tag", tag[0] != '\0' ? tag : "latest");
    request->timeout_ms = 0;
    request->is_progress = true;
    request->failure_reason = "ImagePullFailed";
    return request;
}

struct docker_request *docker_import_image(const char *image, const char *const *changes,
                                           const void *tar, size_t len)
{
    struct docker_request *request =
        request_new("POST", xstrdup("/images/create?fromSrc=-"), "import image \"%s\"", image);
    const char *tag;
    auto_free char *name = xstrndup(image, split_image(image, &tag));

    add_query(&request->path, "repo", name);
    add_query(&request->path, "tag", tag);
    for (; changes != NULL && *changes != NULL; changes++) {
        add_query(&request->path, "changes", *changes);
    }
    request->is_progress = true;
    return with_tar(request, tar, len);
}

struct docker_request *docker_list_images(const json_t *filters)
{
    return list(xstrdup("/images/json"), filters, "list images");
}

struct docker_request *docker_commit_container(const char *name, const char *image,
                                               const char *const *changes)
{
    struct docker_request *request =
        request_new("POST", xstrdup("/commit"), "make an image of container \"%s\"", name);
    const char *tag;
    auto_free char *repository = xstrndup(image, split_image(image, &tag));

    add_query(&request->path, "container", name);
    add_query(&request->path, "repo", repository);
    add_query(&request->path, "tag", tag);
    add_query(&request->path, "pause", "true");
    for (; *changes != NULL; changes++) {
        add_query(&request->path, "changes", *changes);
    }
    return request;
}

struct docker_request *docker_remove_image(const char *image)
{
    return request_new("DELETE", image_path(image, ""), "remove image \"%s\"", image);
}

/* --- networks and volumes --- */

/* Bodies have the "Name" of what is made; it is borrowed. */
static const char *body_name(const json_t *body)
{
    const char *name = json_string_value(json_object_get(body, "Name"));

    return name != NULL ? name : "";
}

struct docker_request *docker_list_networks(const json_t *filters)
{
    return list(xstrdup("/networks"), filters, "list networks");
}

struct docker_request *docker_inspect_network(const char *name)
{
    return request_new("GET", object_path("/networks/", name, ""), "inspect network \"%s\"", name);
}

struct docker_request *docker_create_network(const json_t *body)
{
    return with_json(
        request_new("POST", xstrdup("/networks/create"), "create network \"%s\"", body_name(body)),
        body);
}

struct docker_request *docker_remove_network(const char *name)
{
    return request_new("DELETE", object_path("/networks/", name, ""), "remove network \"%s\"",
                       name);
}

struct docker_request *docker_connect_network(const char *network, const json_t *body)
{
    const char *container = json_string_value(json_object_get(body, "Container"));

    return with_json(request_new("POST", object_path("/networks/", network, "/connect"),
                                 "connect container \"%s\" to network \"%s\"",
                                 container != NULL ? container : "", network),
                     body);
}

struct docker_request *docker_disconnect_network(const char *network, const char *container,
                                                 bool is_forced)
{
    json_auto_t *body = json_pack("{s:s, s:b}", "Container", container, "Force", is_forced);

    return with_json(request_new("POST", object_path("/networks/", network, "/disconnect"),
                                 "disconnect container \"%s\" from network \"%s\"", container,
                                 network),
                     body);
}

struct docker_request *docker_list_volumes(const json_t *filters)
{
    return list(xstrdup("/volumes"), filters, "list volumes");
}

struct docker_request *docker_create_volume(const json_t *body)
{
    return with_json(
        request_new("POST", xstrdup("/volumes/create"), "create volume \"%s\"", body_name(body)),
        body);
}

struct docker_request *docker_remove_volume(const char *name)
{
    return request_new("DELETE", object_path("/volumes/", name, ""), "remove volume \"%s\"", name);
}

/* --- events --- */

struct docker_request *docker_watch_events(int64_t since_wall_ns, const json_t *filters)
{
    enum { NS_PER_SECOND = 1000000000 };
    struct docker_request *request =
        request_new("GET", xstrdup("/events"), "watch the engine's events");
    int64_t since_ns = since_wall_ns > 0 ? since_wall_ns : 0;
    char since[48];

    /*
     * always nine digits: fewer mean something else to the engine, none at all something else to
     * Podman
     */
    snprintf(since, sizeof(since), "%lld.%09lld", (long long)(since_ns / NS_PER_SECOND),
             (long long)(since_ns % NS_PER_SECOND));
    add_query(&request->path, "since", since);
    add_json_query(&request->path, "filters", filters);
    request->timeout_ms = 0;
    return request;
}

#include "tests/support/fake_engine/memory_engine.h"

#include "base/memory.h"
#include "tests/support/fake_engine/front.h"
#include "tests/support/fake_engine/memory_world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The path's star is the name of what the call is about. The first row that fits counts. */
static const struct {
    const char *method, *path;
    memory_handler *handler;
} routes[] = {
    {"GET", "/_ping", answer_ping},
    {"HEAD", "/_ping", answer_ping},
    {"GET", "/version", tell_version},
    {"GET", "/info", tell_info},
    {"GET", "/events", watch_events},
    {"GET", "/containers/json", list_containers},
    {"POST", "/containers/create", create_container},
    {"GET", "/containers/*/json", inspect_container},
    {"GET", "/containers/*/logs", read_logs},
    {"GET", "/containers/*/stats", read_stats},
    {"PUT", "/containers/*/archive", put_archive},
    {"POST", "/containers/*/start", start_container},
    {"POST", "/containers/*/stop", stop_container},
    {"POST", "/containers/*/restart", restart_container},
    {"POST", "/containers/*/kill", kill_container},
    {"POST", "/containers/*/rename", rename_container},
    {"POST", "/containers/*/pause", pause_container},
    {"POST", "/containers/*/unpause", unpause_container},
    {"POST", "/containers/*/update", update_container},
    {"POST", "/containers/*/wait", wait_container},
    {"POST", "/containers/*/attach", attach_container},
    {"POST", "/containers/*/exec", create_exec},
    {"DELETE", "/containers/*", remove_container},
    {"POST", "/exec/*/start", start_exec},
    {"POST", "/exec/*/resize", resize_exec},
    {"GET", "/exec/*/json", inspect_exec},
    {"GET", "/networks", list_networks},
    {"POST", "/networks/create", create_network},
    {"POST", "/networks/*/connect", connect_network},
    {"POST", "/networks/*/disconnect", disconnect_network},
    {"GET", "/networks/*", inspect_network},
    {"DELETE", "/networks/*", remove_network},
    {"GET", "/volumes", list_volumes},
    {"POST", "/volumes/create", create_volume},
    {"GET", "/volumes/*", inspect_volume},
    {"DELETE", "/volumes/*", remove_volume},
    {"GET", "/images/json", list_images},
    {"POST", "/images/create", make_image},
    {"GET", "/images/*/json", inspect_image},
    {"POST", "/images/*/tag", tag_image},
    {"DELETE", "/images/*", remove_image},
    {"POST", "/commit", commit_container},
};

/*
 * The caller's to free; NULL: the path is none of the pattern's. "" where the pattern has no star.
 */
static char *match_path(const char *pattern, const char *path)
{
    const char *star = strchr(pattern, '*');
    size_t before, after, len = strlen(path);

    if (star == NULL) {
        return strcmp(pattern, path) == 0 ? xstrdup("") : NULL;
    }
    before = (size_t)(star - pattern);
    after = strlen(star + 1);
    if (len <= before + after || strncmp(path, pattern, before) != 0 ||
        strcmp(path + len - after, star + 1) != 0) {
        return NULL;
    }
    return call_decode(path + before, len - before - after);
}

/* "/v1.44/...": the version must be one that is spoken. */
static bool is_version_spoken(struct memory *memory, struct call *call)
{
    unsigned minor = 0, oldest = api_minor(memory) > 43 ? 24 : 12;

    if (sscanf(call->target, "/v1.%u/", &minor) != 1) {
        return true;
    }
    if (minor > api_minor(memory)) {
        reply_message(call, 400,
                      "client version 1.%u is too new. Maximum supported API version is %s", minor,
                      memory->api);
        return false;
    }
    if (minor < oldest) {
        reply_message(call, 400,
                      "client version 1.%u is too old. Minimum supported API version is 1.%u, "
                      "please upgrade your client to a newer version",
                      minor, oldest);
        return false;
    }
    return true;
}

static void memory_begin(struct back_end *self, struct call *call)
{
    struct memory *memory = (struct memory *)self;

    if (!is_version_spoken(memory, call)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
        if (strcmp(routes[i].method, call->method) == 0) {
            auto_free char *name = match_path(routes[i].path, call->path);

            if (name != NULL) {
                routes[i].handler(memory, call, name);
                return;
            }
        }
    }
    reply_message(call, 404, "page not found");
}

static void memory_take_bytes(struct back_end *self, struct call *call, const char *bytes,
                              size_t len)
{
    (void)self; /* nothing reads what a command is sent */
    (void)call;
    (void)bytes;
    (void)len;
}

static void open_reply_remove(struct memory *memory, struct open_reply *open)
{
    struct open_reply **at = &memory->open;

    while (*at != open) {
        at = &(*at)->next;
    }
    *at = open->next;
    json_decref(open->filters);
    free(open);
}

void open_reply_end(struct memory *memory, struct open_reply *open)
{
    struct call *call = open->call;

    open_reply_remove(memory, open);
    back_end_reply_end(call);
}

static void memory_cancel(struct back_end *self, struct call *call)
{
    struct memory *memory = (struct memory *)self;

    for (struct open_reply *open = memory->open; open != NULL; open = open->next) {
        if (open->call == call) {
            open_reply_remove(memory, open);
            break;
        }
    }
    for (struct map_entry *at = map_first(&memory->execs); at != NULL; at = map_next(at)) {
        struct exec *exec = map_value(at);

        exec->call = exec->call == call ? NULL : exec->call;
    }
}

static void let_die(struct memory *memory, struct call *call)
{
    auto_free char *name = call_parameter(call, "name");
    auto_free char *code = call_parameter(call, "code");
    struct container *container = find_container(memory, name != NULL ? name : "");

    if (container == NULL || !is_up(container)) {
        front_answer(call, 404, "text/plain", "no such container runs\n");
        return;
    }
    container->is_oom_killed = call_has_flag(call, "oom");
    if (container->is_oom_killed) {
        emit_container_event(container, "oom", NULL, NULL);
    }
    container_end(container, code != NULL ? (int)strtol(code, NULL, 10) : 1);
    front_answer(call, 200, "text/plain", "");
}

static bool memory_control(struct back_end *self, struct call *call, const char *what)
{
    struct memory *memory = (struct memory *)self;

    if (strcmp(what, "world") == 0) {
        json_auto_t *world = describe_world(memory);
        auto_free char *text = json_dumps(world, JSON_INDENT(2));

        front_answer(call, 200, "application/json", text);
        return true;
    }
    if (strcmp(what, "die") == 0) {
        let_die(memory, call);
        return true;
    }
    return false;
}

/*
 * Events are forgotten, and unless it restores what lives, containers end as they do at a shutdown.
 */
static void memory_go_down(struct back_end *self)
{
    struct memory *memory = (struct memory *)self;

    for (struct map_entry *at = map_first(&memory->containers);
         at != NULL && !memory->is_live_restore; at = map_next(at)) {
        struct container *container = map_value(at);

        if (is_up(container)) {
            container_kill(container, SIGKILL, true);
        }
    }
    json_array_clear(memory->events);
}

static void free_all(struct map *map, void (*free_value)(void *))
{
    for (struct map_entry *at = map_first(map); at != NULL; at = map_next(at)) {
        free_value(map_value(at));
    }
    map_done(map);
}

static void free_container(void *value)
{
    container_free(value);
}

static void free_network(void *value)
{
    network_free(value);
}

static void free_volume(void *value)
{
    volume_free(value);
}

static void free_image(void *value)
{
    image_free(value);
}

static void free_exec(void *value)
{
    exec_free(value);
}

static void memory_close(struct back_end *self)
{
    struct memory *memory = (struct memory *)self;

    while (memory->open != NULL) {
        open_reply_remove(memory, memory->open);
    }
    free_all(&memory->execs, free_exec);
    map_done(&memory->containers_by_id);
    free_all(&memory->containers, free_container);
    free_all(&memory->networks, free_network);
    free_all(&memory->volumes, free_volume);
    free_all(&memory->images, free_image);
    json_decref(memory->events);
    free(memory->api);
    free(memory);
}

struct back_end *memory_engine_new(uv_loop_t *loop, const char *api, bool is_live_restore)
{
    static const struct back_end_ops ops = {
        .begin = memory_begin,
        .take_bytes = memory_take_bytes,
        .cancel = memory_cancel,
        .control = memory_control,
        .go_down = memory_go_down,
        .close = memory_close,
    };
    struct memory *memory = xcalloc(1, sizeof(*memory));

    memory->base.ops = &ops;
    memory->loop = loop;
    memory->api = xstrdup(api);
    memory->is_live_restore = is_live_restore;
    memory->events = json_array();
    memory->next_pid = 5000000; /* above every pid of the kernel's */
    add_builtin_networks(memory);
    return &memory->base;
}

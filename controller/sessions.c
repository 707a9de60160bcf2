#include "controller/controller.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/docker_types.h"
#include "clients/runner_record.h"

#include <stdlib.h>
#include <string.h>

/*
 * People in a repository's container: commands that run in it by the engine's exec and are no work
 * of ours. While there is one the container is not idle. What runs is listed with each inspection;
 * each is asked what it is until it has started: one that was only created says nothing yet. Until
 * the answer is there it may be somebody, and the container is not stopped for want of one; where
 * there is none, it is asked again with the next pass, a relist's at the latest.
 */

struct exec_entry {
    struct entry *repository;
    struct engine_call *call; /* asks what it is */
    bool is_unheard;          /* the engine has not said what it is */
    bool is_known;            /* it runs, or it is work of ours */
    bool is_session;
    bool is_seen; /* in the list at hand */
};

static void exec_entry_free(struct exec_entry *exec)
{
    engine_call_cancel(exec->call);
    free(exec);
}

void sessions_forget(struct entry *repository)
{
    struct map *sessions = &repository->repository->sessions;

    for (struct map_entry *at = map_first(sessions); at != NULL; at = map_next(at)) {
        exec_entry_free(map_value(at));
    }
    map_done(sessions);
    sessions->entries = NULL;
}

unsigned sessions_count(const struct entry *repository)
{
    unsigned count = 0;

    for (struct map_entry *at = map_first(&repository->repository->sessions); at != NULL;
         at = map_next(at)) {
        count += ((const struct exec_entry *)map_value(at))->is_session ? 1 : 0;
    }
    return count;
}

bool sessions_are_unheard(const struct entry *repository)
{
    for (struct map_entry *at = map_first(&repository->repository->sessions); at != NULL;
         at = map_next(at)) {
        if (((const struct exec_entry *)map_value(at))->is_unheard) {
            return true;
        }
    }
    return false;
}

static void on_exec(void *user, const struct docker_request *request,
                    const struct http_reply *reply, struct error *err)
{
    struct exec_entry *exec = user;
    json_auto_t *json = NULL;
    struct docker_exec found;
    bool is_ours;

    exec->call = NULL;
    if (docker_reply_json(request, reply, &json, err) < 0 ||
        docker_parse_exec(json, &found, err) < 0) {
        if (err->kind == ERROR_NOT_FOUND) { /* it has ended */
            exec->is_unheard = false;
            entry_enqueue(exec->repository);
        } else {
            log_fields(LOG_WARN, "inspect_failed", "container", exec->repository->name, "error",
                       err->message, NULL);
        }
        return;
    }
    exec->is_unheard = false;
    entry_enqueue(exec->repository); /* its pass may have waited for this, whatever it is */
    is_ours = docker_exec_has_command(json, RUNNER_PATH, "run") ||
              docker_exec_has_command(json, RUNNER_PATH, "stop");
    exec->is_known = found.is_running || is_ours;
    exec->is_session = found.is_running && !is_ours;
}

static void ask(struct exec_entry *exec, const char *id)
{
    exec->is_unheard = true;
    exec->call =
        engine_call(exec->repository->controller->engine, docker_inspect_exec(id), on_exec, exec);
}

void sessions_ask_again(struct entry *repository)
{
    struct map *sessions = &repository->repository->sessions;

    for (struct map_entry *at = map_first(sessions); at != NULL; at = map_next(at)) {
        struct exec_entry *exec = map_value(at);

        if (exec->is_unheard && exec->call == NULL) {
            ask(exec, map_key(at));
        }
    }
}

static void add(struct entry *repository, const char *id)
{
    struct exec_entry *exec = map_get(&repository->repository->sessions, id);

    if (exec == NULL) {
        exec = xcalloc(1, sizeof(*exec));
        exec->repository = repository;
        map_put(&repository->repository->sessions, id, exec);
    }
    if (!exec->is_known && exec->call == NULL) {
        ask(exec, id);
    }
    exec->is_seen = true;
}

void sessions_observe(struct entry *repository, const struct docker_container *docker)
{
    struct map *sessions = &repository->repository->sessions;
    struct map_entry *next;

    for (size_t i = 0; i < docker->exec_count; i++) {
        add(repository, docker->exec_ids[i]);
    }
    for (struct map_entry *at = map_first(sessions); at != NULL; at = next) {
        struct exec_entry *exec = map_value(at);

        next = map_next(at);
        if (exec->is_seen) {
            exec->is_seen = false;
            continue;
        }
        map_remove(sessions, map_key(at));
        exec_entry_free(exec);
    }
}

#include "controller/apply.h"

#include "base/memory.h"
#include "clients/docker_types.h"
#include "clients/runner_record.h"
#include "controller/trees.h"

#include <stdlib.h>

/* The runner in a repository's container: what it is told, and how it is started. */

void exec_add_option(json_t *arguments, const char *name, json_t *value)
{
    json_array_append_new(arguments, json_string(name));
    json_array_append_new(arguments, value);
}

void exec_add_tree_options(json_t *arguments, const struct entry *repository, const char *tree)
{
    const struct repository_spec *spec = &repository_settings(repository)->repository;
    const struct observed_trees *trees = &repository->repository->trees;

    if (trees->user != NULL && trees->user[0] != '\0') {
        exec_add_option(arguments, "--user", json_string(trees->user));
    }
    exec_add_option(arguments, "--cwd", json_sprintf("%s/%s", WORKSPACE_MOUNT, tree));
    exec_add_option(arguments, "--home", json_sprintf("%s/.home/%s", WORKSPACE_MOUNT, tree));
    exec_add_option(arguments, "--tmp", json_sprintf("%s/.tmp/%s", WORKSPACE_MOUNT, tree));
    for (size_t i = 0; i < spec->caches.count; i++) {
        exec_add_option(arguments, "--link", json_string(spec->caches.items[i].mount_path));
    }
    exec_add_option(arguments, "--guard", json_string(WORKSPACE_MOUNT));
    exec_add_option(arguments, "--guard", json_string(RUNNER_DIRECTORY));
    exec_add_option(arguments, "--allow", json_sprintf("%s/%s", WORKSPACE_MOUNT, tree));
    exec_add_option(arguments, "--allow", json_sprintf("%s/.home/%s", WORKSPACE_MOUNT, tree));
    exec_add_option(arguments, "--allow", json_sprintf("%s/.tmp/%s", WORKSPACE_MOUNT, tree));
}

const char *exec_container_id(const struct entry *repository)
{
    const struct observed_container *container =
        map_get(&repository->controller->containers, repository->name);

    return container != NULL && container->is_ours ? container->id : NULL;
}

static void on_exec_created(void *user, const struct docker_request *request,
                            const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;
    json_auto_t *json = NULL;

    run->call = NULL;
    if (docker_reply_json(request, reply, &json, err) < 0 ||
        docker_parse_id(json, &run->exec_id, err) < 0) {
        run_action_failed(run, err);
        return;
    }
    run_call(run, docker_start_exec(run->exec_id), run->on_exec_started);
}

void exec_runner(struct plan_run *run, const struct entry *repository, json_t *arguments,
                 json_t *environment, engine_reply_fn *on_started)
{
    json_auto_t *body =
        json_pack("{s:o, s:o, s:s}", "Cmd", arguments, "Env", environment, "User", "0:0");

    free(TAKE(run->exec_id));
    run->on_exec_started = on_started;
    run_call(run, docker_create_exec(exec_container_id(repository), body), on_exec_created);
    secret_values_wipe(environment);
}

#include "cli/exec_command.h"

#include "base/memory.h"
#include "base/parse.h"
#include "clients/runner_record.h"
#include "reconcilers/repository.h"

#include <ctype.h>
#include <string.h>

/*
 * Of the keys with which a user leaves a command, the engine holds the first one back until it
 * knows the second. Its own, ctrl-p ctrl-q, would break what ctrl-p means to shells; these nobody
 * types.
 */
#define DETACH_KEYS "ctrl-^,ctrl-@,ctrl-^,ctrl-@"

static void add_text(json_t *list, const char *text)
{
    json_array_append_new(list, json_string(text));
}

static void add_option(json_t *list, const char *name, const char *value)
{
    if (value != NULL) {
        add_text(list, name);
        add_text(list, value);
    }
}

/* A task that has a tree of its own, and so all the rest. */
static bool has_tree(const struct target *target)
{
    const json_t *tree = target_value(target, "task", "tree");

    return target->kind == KIND_TASK && json_is_string(json_object_get(tree, "name")) &&
           target_text(target, "task", "workingDirectory") != NULL;
}

/*
 * Where somebody else than its user is asked for, home and temporary files of the task are not
 * theirs.
 */
static void add_runner(json_t *argv, const struct target *target, const struct exec_wish *wish)
{
    const char *tree = target_text(target, "task", "workingDirectory");
    const char *home = target_text(target, "task", "home");
    const char *tmp = target_text(target, "task", "tmp");
    size_t index;
    json_t *link;

    add_text(argv, RUNNER_PATH);
    add_text(argv, "exec");
    add_option(argv, "--cwd", wish->cwd != NULL ? wish->cwd : tree);
    if (wish->user == NULL) {
        add_option(argv, "--home", home);
        add_option(argv, "--tmp", tmp);
        json_array_foreach(target_value(target, "task", "links"), index, link) {
            add_option(argv, "--link", json_string_value(link));
        }
    }
    add_option(argv, "--guard", WORKSPACE_MOUNT);
    add_option(argv, "--guard", RUNNER_DIRECTORY);
    add_option(argv, "--allow", tree);
    add_option(argv, "--allow", home);
    add_option(argv, "--allow", tmp);
    add_text(argv, "--");
}

static void add_variable(json_t *env, const char *name, const char *value)
{
    if (value != NULL) {
        json_array_append_new(env, json_sprintf("%s=%s", name, value));
    }
}

/* "preview-2" is BERTH_PORT_PREVIEW_2 */
static void add_port(json_t *env, const json_t *port)
{
    const char *name = json_string_value(json_object_get(port, "name"));
    json_int_t number = json_integer_value(json_object_get(port, "containerPort"));
    auto_free char *variable = name == NULL ? NULL : xasprintf("BERTH_PORT_%s", name);

    if (variable == NULL || number <= 0) {
        return;
    }
    for (char *p = variable; *p != '\0'; p++) {
        *p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
    }
    json_array_append_new(env, json_sprintf("%s=%lld", variable, (long long)number));
}

static json_t *task_environment(const struct target *target)
{
    json_t *env = json_array();
    size_t index;
    json_t *port;

    add_variable(env, "BERTH_TASK", target->name);
    add_variable(env, "BERTH_REPOSITORY", target_text(target, "task", "repository"));
    add_variable(env, "BERTH_USER", target_text(target, "task", "user"));
    json_array_foreach(target_value(target, "task", "ports"), index, port) {
        add_port(env, port);
    }
    return env;
}

/*
 * The engine's words; "" is the container's own user, which is root where the runner is process 1.
 */
static const char *task_user(const struct target *target)
{
    const char *user = target_text(target, "task", "containerUser");

    return user == NULL || user[0] == '\0' ? "0:0" : user;
}

json_t *exec_command_body(const struct target *target, const struct exec_wish *wish)
{
    json_t *argv = json_array();
    json_t *body = json_pack("{s:b, s:b, s:b, s:b, s:o, s:s}", "AttachStdin", 1, "AttachStdout", 1,
                             "AttachStderr", 1, "Tty", (int)wish->has_terminal, "Cmd", argv,
                             "DetachKeys", DETACH_KEYS);
    const char *user = wish->user;

    if (has_tree(target)) {
        add_runner(argv, target, wish);
        user = user != NULL ? user : task_user(target);
    } else if (wish->cwd != NULL) {
        json_object_set_new(body, "WorkingDir", json_string(wish->cwd));
    }
    if (wish->has_terminal && wish->rows > 0) {
        json_object_set_new(body, "ConsoleSize",
                            json_pack("[i, i]", (int)wish->rows, (int)wish->columns));
    }
    if (target->kind == KIND_TASK) {
        json_object_set_new(body, "Env", task_environment(target));
    }
    if (user != NULL) {
        json_object_set_new(body, "User", json_string(user));
    }
    for (char **arg = wish->argv; *arg != NULL; arg++) {
        add_text(argv, *arg);
    }
    return body;
}

/* How to bring up what does not run. */
static const char *remedy(const struct target *target)
{
    switch (target->kind) {
    case KIND_TASK:
        return "it runs while a task on its repository is active; a task without a command is an "
               "open session";
    case KIND_REPOSITORY: return "it runs while a task on it is active, or always with warm: true";
    case KIND_INSTANCE:
    case KIND_INSTANCE_POOL: break;
    }
    return "it runs with powerState: Running";
}

int exec_command_no_container(const struct target *target, struct error *err)
{
    auto_free char *spelling = target_spelling(target), *reason = target_reason(target);
    const char *phase = target_text(target, NULL, "phase");

    return error_set(err, ERROR_NOT_FOUND, "%s has no container (%s%s); %s", spelling,
                     phase != NULL ? phase : "no status yet", reason, remedy(target));
}

int exec_command_check(const struct target *target, const json_t *container, struct error *err)
{
    const json_t *state = json_object_get(container, "State");
    const char *word = json_string_value(json_object_get(state, "Status"));
    auto_free char *spelling = target_spelling(target), *reason = target_reason(target);

    if (json_is_true(json_object_get(state, "Paused"))) {
        return error_set(err, ERROR_CONFLICT,
                         "the container of %s is suspended; powerState: Running resumes it",
                         spelling);
    }
    if (!json_is_true(json_object_get(state, "Running"))) {
        return error_set(err, ERROR_CONFLICT, "the container of %s does not run (%s%s); %s",
                         spelling, word != NULL ? word : "no state", reason, remedy(target));
    }
    return 0;
}

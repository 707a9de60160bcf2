#include "tests/model/tasks.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- steps ------------------------------------------------------------------------------------ */

static char *spec_path(const struct world *world, const struct world_task *task)
{
    return xasprintf("%s/%s.yaml", world->specs, task->name);
}

static void write_task(struct world *world, const struct world_task *task)
{
    auto_free char *path = spec_path(world, task);
    auto_done(strbuf) text = {0};
    struct error err = {0};

    strbuf_addf(&text,
                "apiVersion: berth.dev/v1\nkind: Task\nmetadata: {name: %s}\nspec:\n"
                "  repository: %s\n  backoffLimit: %u\n  ttlSecondsAfterFinished: 3600\n",
                task->name, world->repository, task->backoff_limit);
    if (task->is_completed) {
        strbuf_add(&text, "  state: Completed\n");
    }
    if (!task->is_session) {
        strbuf_addf(&text, "  command: [sh, -c, \"echo begin; sleep %u; echo end; exit %u\"]\n",
                    task->sleep_s, task->exit_code);
    }
    if (file_replace(AT_FDCWD, path, strbuf_text(&text), text.len, 0644, FILE_VISIBLE, &err) < 0) {
        world_abort(world, "%s", err.message);
    }
}

static void add_task(struct world *world)
{
    struct world_task *task = &world->tasks[world->task_count];

    if (world->task_count == WORLD_TASKS) {
        world_say(world, "no more tasks");
        return;
    }
    *task = (struct world_task){
        .exists = true,
        .is_session = dice_percent(&world->dice, 30),
        .sleep_s = dice_roll(&world->dice, 4),
        .exit_code = dice_percent(&world->dice, 70) ? 0 : 1 + dice_roll(&world->dice, 5),
        .backoff_limit = dice_percent(&world->dice, 70) ? 0 : 1,
    };
    snprintf(task->name, sizeof(task->name), "s%lu-t%u", world->seed, world->task_count++);
    world_say(world, "add task %s: %s %u s, exit code %u", task->name,
              task->is_session ? "session" : "command", task->sleep_s, task->exit_code);
    write_task(world, task);
}

static struct world_task *pick_task(struct world *world)
{
    unsigned start = dice_roll(&world->dice, WORLD_TASKS);

    for (unsigned i = 0; i < WORLD_TASKS; i++) {
        struct world_task *task = &world->tasks[(start + i) % WORLD_TASKS];

        if (task->exists) {
            return task;
        }
    }
    return NULL;
}

static void complete_task(struct world *world)
{
    struct world_task *task = pick_task(world);

    if (task == NULL || !task->is_session) {
        world_say(world, "no session to complete");
        return;
    }
    task->is_completed = true;
    world_say(world, "complete task %s", task->name);
    write_task(world, task);
}

static void remove_task(struct world *world, struct world_task *task)
{
    auto_free char *path = NULL;

    if (task == NULL) {
        world_say(world, "no task to remove");
        return;
    }
    path = spec_path(world, task);
    world_say(world, "remove task %s", task->name);
    if (unlink(path) < 0) {
        world_abort(world, "cannot remove %s: %s", path, strerror(errno));
    }
    task->exists = false;
    world->absent_since_quiet++;
}

void tasks_disturb(struct world *world)
{
    for (unsigned i = 0; i < world->task_count; i++) {
        world->tasks[i].was_disturbed = true;
    }
}

bool tasks_own(const json_t *container)
{
    const json_t *labels = engine_field(container, "Config.Labels");
    const char *kind = json_string_value(json_object_get(labels, "dev.berth.kind"));

    return kind != NULL && strcmp(kind, "Repository") == 0;
}

static void strike_repository(struct world *world)
{
    static const char *const blows[][2] = {
        {"POST", "/kill?signal=KILL"}, {"DELETE", "?force=1"}, {"POST", "/pause"}};
    const char *const *blow = blows[dice_roll(&world->dice, ARRAY_SIZE(blows))];
    json_auto_t *containers = engine_containers(&world->engine);
    long status = 0;
    json_t *container;
    size_t i;

    tasks_disturb(world);
    json_array_foreach(containers, i, container) {
        if (tasks_own(container)) {
            auto_free char *path =
                xasprintf("/containers/%s%s", engine_text(container, "Id"), blow[1]);

            status = engine_call(&world->engine, blow[0], path, NULL, NULL);
        }
    }
    world_say(world, "%s %s to the repository's container: %ld", blow[0], blow[1], status);
}

void step_tasks(struct world *world)
{
    unsigned what = dice_roll(&world->dice, 100);

    if (what < 50) {
        add_task(world);
    } else if (what < 65) {
        complete_task(world);
    } else if (what < 85) {
        remove_task(world, pick_task(world));
    } else {
        strike_repository(world);
    }
}

void step_tasks_remove_all(struct world *world)
{
    for (unsigned i = 0; i < world->task_count; i++) {
        if (world->tasks[i].exists) {
            remove_task(world, &world->tasks[i]);
        }
    }
}

/*
 * --- the checker
 * ----------------------------------------------------------------------------------
 */

static json_t *read_status(const struct look *look, const struct world_task *task)
{
    return json_incref(
        json_object_get(json_array_get(json_object_get(look->statuses, task->name), 0), "status"));
}

static unsigned count_lines(const char *text, const char *line)
{
    size_t len = strlen(line);
    unsigned count = 0;

    for (const char *at = text; (at = strstr(at, line)) != NULL; at += len) {
        count++;
    }
    return count;
}

/* A command runs at most once in each attempt, and its log is whole. */
static void check_logs(struct look *look, const struct world_task *task, const json_t *status,
                       unsigned attempts)
{
    const char *newest = engine_text(status, "task.logFile");
    const char *slash = strrchr(newest, '/');

    for (unsigned attempt = 1; slash != NULL && attempt <= attempts; attempt++) {
        auto_free char *path = xasprintf("%.*s/%u.log", (int)(slash - newest), newest, attempt);
        auto_free char *text = NULL;
        struct error err = {0};
        unsigned begins;

        if (file_read(AT_FDCWD, path, 1 << 20, &text, NULL, &err) < 0) {
            if (!task->was_disturbed) {
                look_complain(look, "the log of %s: %s", task->name, err.message);
            }
            continue;
        }
        begins = count_lines(text, "begin\n");
        if (begins > 1 || (begins == 0 && !task->was_disturbed)) {
            look_complain(look, "attempt %u of %s has begun %u times", attempt, task->name, begins);
        }
        if (!task->was_disturbed && count_lines(text, "end\n") != 1) {
            look_complain(look, "the log of %s is not whole", task->name);
        }
    }
}

static void check_command(struct look *look, const struct world_task *task, const json_t *status)
{
    const char *phase = engine_text(status, "phase");
    unsigned attempts = (unsigned)strtoul(engine_text(status, "task.attempt"), NULL, 10);
    unsigned wanted = task->exit_code == 0 ? 1 : task->backoff_limit + 1;
    bool has_failed = strcmp(phase, "Failed") == 0;

    if (!has_failed && strcmp(phase, "Succeeded") != 0) {
        look_complain(look, "%s is %s: %s", task->name, phase,
                      engine_text(look_condition(status, "Ready"), "message"));
        return;
    }
    if (attempts > task->backoff_limit + 1 || (!task->was_disturbed && attempts != wanted)) {
        look_complain(look, "%s had %u attempts, not %u", task->name, attempts, wanted);
    }
    if (!task->was_disturbed &&
        (has_failed != (task->exit_code != 0) ||
         strtoul(engine_text(status, "task.exitCode"), NULL, 10) != task->exit_code)) {
        look_complain(look, "%s is %s with exit code %s, not %u", task->name, phase,
                      engine_text(status, "task.exitCode"), task->exit_code);
    }
    check_logs(look, task, status, attempts);
}

static void check_session(struct look *look, const struct world_task *task, const json_t *status)
{
    const char *phase = engine_text(status, "phase");
    const char *wanted = task->is_completed ? "Succeeded" : "Running";

    if (strcmp(phase, wanted) != 0 && !(task->was_disturbed && strcmp(phase, "Failed") == 0)) {
        look_complain(look, "the session %s is %s, not %s: %s", task->name, phase, wanted,
                      engine_text(look_condition(status, "Ready"), "message"));
    }
}

void check_tasks(struct look *look)
{
    bool is_needed = false, is_running = false;
    json_t *container;
    size_t c;

    for (unsigned i = 0; i < look->world->task_count; i++) {
        const struct world_task *task = &look->world->tasks[i];
        json_auto_t *status = NULL;

        if (!task->exists) {
            continue;
        }
        status = read_status(look, task);
        if (task->is_session) {
            check_session(look, task, status);
            is_needed = is_needed || strcmp(engine_text(status, "phase"), "Running") == 0;
        } else {
            check_command(look, task, status);
        }
    }
    json_array_foreach(look->containers, c, container) {
        is_running = is_running || (look_is_ours(look, container) && tasks_own(container) &&
                                    strcmp(engine_text(container, "State.Status"), "running") == 0);
    }
    if (is_needed != is_running) {
        look_complain(look, "the repository's container %s",
                      is_running ? "runs, and no task needs it" : "does not run");
    }
}

size_t tasks_status_count(const struct world *world)
{
    size_t count = 0;

    for (unsigned i = 0; i < world->task_count; i++) {
        count += world->tasks[i].exists;
    }
    return count;
}

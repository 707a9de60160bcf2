#include "tests/cases/plan_case.h"

#include "base/parse.h"

/* What only repositories, their mirrors and setups, and tasks have to say. */

static void print_text(const char *before, const char *text, struct strbuf *out)
{
    if (text != NULL) {
        strbuf_addf(out, "%s%s", before, text);
    }
}

static void print_source(const struct tree_source *source, struct strbuf *out)
{
    print_text(", commit ", source->commit, out);
    print_text(", on ", source->branch, out);
    print_text(", follows ", source->upstream, out);
    print_text(", layer ", source->layer, out);
    strbuf_addf(out, ", for %lld:%lld", (long long)source->uid, (long long)source->gid);
}

static void print_command(const struct action *action, struct strbuf *out)
{
    strbuf_addf(out, ", within %lld s:", (long long)action->timeout_seconds);
    for (size_t i = 0; i < action->command.count; i++) {
        strbuf_addf(out, " %s", action->command.items[i]);
    }
}

/* What an action is given beside its target. */
void plan_case_print_sources(const struct plan *plan, struct strbuf *out)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct action *action = plan->actions[i];
        bool has_attempt = action->attempt > 0;

        if (action->source.commit == NULL && !has_attempt) {
            continue;
        }
        strbuf_addf(out, "  %s", action_type_name(action->type));
        if (action->source.commit != NULL) {
            print_source(&action->source, out);
        }
        if (has_attempt) {
            strbuf_addf(out, ", attempt %u", action->attempt);
        }
        if (action->type == ACTION_RUN_SETUP) {
            print_command(action, out);
        }
        if (action->type == ACTION_STOP_TASK) {
            strbuf_addf(out, ", grace %lld s", (long long)action->grace_seconds);
        }
        strbuf_add(out, "\n");
    }
}

static void print_since(const struct plan_case *plan_case, const char *before, int64_t wall_ms,
                        struct strbuf *out)
{
    if (wall_ms != 0) {
        strbuf_add(out, before);
        plan_case_print_moment(plan_case, wall_ms, out);
    }
}

static void print_tree(const struct plan_case *plan_case, const struct status_tree *tree,
                       struct strbuf *out)
{
    if (tree->name == NULL && !tree->is_inspected) {
        return;
    }
    strbuf_addf(out, "tree: %s", tree->name != NULL ? tree->name : "none any more");
    print_text(", ", tree->method, out);
    print_text(" at ", tree->host_path, out);
    print_text(", home ", tree->home, out);
    print_text(", tmp ", tree->tmp, out);
    print_text(", layer ", tree->layer, out);
    if (tree->uid != 0 || tree->gid != 0) {
        strbuf_addf(out, ", of %lld:%lld", (long long)tree->uid, (long long)tree->gid);
    }
    if (tree->is_inspected) {
        strbuf_addf(out, ", looked at:%s%s%s", tree->is_dirty ? " dirty" : "",
                    tree->is_unpushed ? " unpushed" : "",
                    !tree->is_dirty && !tree->is_unpushed ? " clean" : "");
    }
    print_text(", ended on ", tree->end_branch, out);
    print_text(" at ", tree->end_commit, out);
    print_since(plan_case, ", goes ", tree->removed_at_wall_ms, out);
    print_text(", note: ", tree->note, out);
    strbuf_add(out, "\n");
}

static void print_place(const char *pool, const char *instance, struct strbuf *out)
{
    print_text(", of pool ", pool, out);
    print_text(", on ", instance, out);
}

/* Who it is to others, and where it is. */
static void print_task_place(const struct plan_case *plan_case, const struct object_status *status,
                             struct strbuf *out)
{
    const struct status_task *task = status->task;

    strbuf_addf(out, "task of %s", task->url != NULL ? task->url : "no repository");
    print_since(plan_case, ", came ", task->arrival_wall_ms, out);
    strbuf_add(out, task->is_admitted ? ", has its place" : "");
    print_place(task->pool, task->instance, out);
    if (task->queue_position > 0) {
        strbuf_addf(out, ", number %u in the queue", task->queue_position);
    }
    if (status->container.id != NULL) {
        strbuf_addf(out, ", in %s (%s of %s)", status->container.name, status->container.id,
                    status->container.image);
    }
    if (task->hash != NULL) {
        bool is_current = text_equal(task->hash, plan_case->object->container_hash);

        strbuf_addf(out, ", started %s", is_current ? "as it is written" : "as it was before");
    }
    strbuf_add(out, "\n");
}

static void print_task(const struct plan_case *plan_case, const struct object_status *status,
                       struct strbuf *out)
{
    const struct status_task *task = status->task;

    print_task_place(plan_case, status, out);
    strbuf_addf(out, "task: attempt %u", task->attempt);
    if (task->commit != NULL) {
        strbuf_addf(out, ", %s at %s", task->branch != NULL ? task->branch : "on no branch",
                    task->commit);
    }
    print_text(" in ", task->work_dir, out);
    print_since(plan_case, ", began ", task->start_wall_ms, out);
    print_since(plan_case, ", ended ", task->end_wall_ms, out);
    print_text(", ", task->reason, out);
    if (task->has_exit_code) {
        strbuf_addf(out, ", exit code %lld", (long long)task->exit_code);
    }
    print_since(plan_case, ", next try ", task->next_retry_wall_ms, out);
    print_text(", log ", task->log_file, out);
    print_text(", as ", task->user != NULL && task->user[0] != '\0' ? task->user : NULL, out);
    strbuf_add(out, "\n");
    print_tree(plan_case, &task->tree, out);
    for (size_t i = 0; i < task->port_count; i++) {
        strbuf_addf(out, "task port %s: %u, on the host %u\n", task->ports[i].name,
                    task->ports[i].container_port, task->ports[i].host_port);
    }
}

static void print_repository(const struct plan_case *plan_case, const struct object_status *status,
                             struct strbuf *out)
{
    const struct status_repository *repository = status->repository;

    strbuf_addf(out, "repository: %s, %u active", repository->url, repository->active_tasks);
    if (repository->sessions > 0) {
        strbuf_addf(out, ", %u sessions", repository->sessions);
    }
    print_text(", tasks begin on ", repository->branch, out);
    print_text(" at ", repository->commit, out);
    print_text(", trees by ", repository->method, out);
    print_text(" since ", repository->method_message, out);
    print_text(" in ", repository->trees, out);
    print_since(plan_case, ", fetched ", repository->fetched_wall_ms, out);
    print_since(plan_case, ", idle since ", repository->idle_since_wall_ms, out);
    print_text(", image ", repository->snapshot_image, out);
    print_place(repository->pool, repository->instance, out);
    strbuf_add(out, "\n");
    for (size_t i = 0; i < repository->branch_count; i++) {
        const struct status_branch *branch = &repository->branches[i];

        strbuf_addf(out, "branch %s: %u active, %s", branch->branch, branch->active_tasks,
                    phase_name(branch->phase));
        print_text(", ", branch->reason, out);
        print_text(": ", branch->message, out);
        strbuf_add(out, "\n");
    }
    if (repository->setup_state != NULL) {
        strbuf_addf(out, "setup: %s", repository->setup_state);
        print_text(", commit ", repository->setup_commit, out);
        print_text(", log ", repository->setup_log, out);
        print_text(": ", repository->setup_message, out);
        strbuf_add(out, "\n");
    }
}

static void print_sources(const struct plan_case *plan_case, struct strbuf *out)
{
    static const char *const states[] = {"waits", "missing", "ready"};
    const struct plan_case_work *work = &plan_case->work;
    struct mirror_view view = {
        .mirror = &work->mirror,
        .interval_seconds = plan_case->object->repository.fetch_interval_seconds,
        .failure = &plan_case->failure,
        .now_wall_ms = plan_case->world.now_wall_ms,
    };

    for (size_t i = 0; i < work->wish_count; i++) {
        auto_free char *revision = revision_text(&work->mirror_wishes[i].revision);
        struct source source;

        mirror_source(&view, &work->mirror_wishes[i], &source);
        strbuf_addf(out, "%s: %s", revision, states[source.state]);
        print_text(", ", source.commit, out);
        print_text(" of ", source.branch, out);
        strbuf_addf(out, "%s%s%s", source.is_stale ? ", stale" : "",
                    source.needs_fetch ? ", needs a fetch" : "",
                    source.needs_lookup ? ", needs a look" : "");
        print_text(", ", source.reason, out);
        print_text(": ", source.message, out);
        strbuf_add(out, "\n");
    }
}

/* What tasks of each commit are told after this pass. */
static void print_setups(const struct plan_case *plan_case, const struct object_status *status,
                         struct strbuf *out)
{
    static const char *const states[] = {"none", "ready", "waits", "failed"};
    const json_t *observed = json_object_get(plan_case->json, "observed");
    const struct plan_case_work *work = &plan_case->work;

    for (size_t i = 0; i < work->wish_count; i++) {
        const struct setup_wish *wish = &work->setup_wishes[i];
        struct task_setup setup =
            setup_for_task(plan_case->object, status, wish->layer, wish->has_layer,
                           json_is_true(json_object_get(observed, "prepared")));

        strbuf_addf(out, "for a task at %.12s: %s", wish->commit, states[setup.state]);
        print_text(", layer ", setup.layer, out);
        print_text(": ", setup.message, out);
        strbuf_add(out, "\n");
    }
}

void plan_case_print_work(const struct plan_case *plan_case, const struct object_status *status,
                          struct strbuf *out)
{
    if (plan_case->kind != CASE_INSTANCE && status->observed_hash != NULL) {
        strbuf_addf(out, "speaks of %s\n",
                    text_equal(status->observed_hash, plan_case->object->hash) ? "this spec"
                                                                               : "another spec");
    }
    switch (plan_case->kind) {
    case CASE_INSTANCE: break;
    case CASE_REPOSITORY: print_repository(plan_case, status, out); break;
    case CASE_TASK: print_task(plan_case, status, out); break;
    case CASE_MIRROR: print_sources(plan_case, out); break;
    case CASE_SETUP: print_setups(plan_case, status, out); break;
    }
}

#include "reconcilers/setup.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/sha256.h"
#include "base/strbuf.h"
#include "specs/reason.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COPY_SUFFIX "-copy"

enum { KEY_HEX = 12, USER_POLL_MS = 50 };

/* --- names ------------------------------------------------------------------------------------ */

/* Each part with its length in front, so that no two lists give one text. */
static void add_part(struct strbuf *text, const char *part)
{
    strbuf_addf(text, "%zu:%s\n", part != NULL ? strlen(part) : 0, part != NULL ? part : "");
}

static void digest_setup(const struct object *settings, const char *base_image_id,
                         const char *commit, char hex[SHA256_HEX_SIZE])
{
    const struct setup_spec *setup = settings->repository.setup;
    auto_done(strbuf) text = {0};

    add_part(&text, base_image_id);
    for (size_t i = 0; setup != NULL && i < setup->command.count; i++) {
        add_part(&text, setup->command.items[i]);
    }
    if (commit != NULL) {
        add_part(&text, commit);
    }
    sha256_hex(strbuf_text(&text), text.len, hex);
}

const char *setup_text_key(const struct object *settings, const char *base_image_id,
                           char key[SETUP_KEY_SIZE])
{
    char hex[SHA256_HEX_SIZE];

    digest_setup(settings, base_image_id, NULL, hex);
    snprintf(key, SETUP_KEY_SIZE, "%.*s", KEY_HEX, hex);
    return key;
}

const char *setup_layer_key(const struct object *settings, const char *base_image_id,
                            const char *commit, int64_t uid, enum trees_method method,
                            char key[SETUP_KEY_SIZE])
{
    char hex[SHA256_HEX_SIZE];

    digest_setup(settings, base_image_id, commit, hex);
    snprintf(key, SETUP_KEY_SIZE, "%.12s-%" PRId64 "-%.*s%s", commit, uid, KEY_HEX, hex,
             method == TREES_COPY ? COPY_SUFFIX : "");
    return key;
}

bool setup_layer_is_complete(const char *key)
{
    return text_has_suffix(key, COPY_SUFFIX);
}

/* An image has the environment that its container had: another environment needs another image. */
static void digest_snapshot(const struct object *settings, const char *base_image_id,
                            const char *commit, char hex[SHA256_HEX_SIZE])
{
    const struct env_list *env = &settings->repository.env;
    char setup[SHA256_HEX_SIZE];
    auto_done(strbuf) text = {0};

    digest_setup(settings, base_image_id, commit, setup);
    add_part(&text, setup);
    for (size_t i = 0; i < env->count; i++) {
        const struct value_source *from = env->items[i].from;

        add_part(&text, env->items[i].name);
        add_part(&text, env->items[i].value);
        add_part(&text, from != NULL ? from->file : NULL);
        add_part(&text, from != NULL ? from->env : NULL);
    }
    sha256_hex(strbuf_text(&text), text.len, hex);
}

char *setup_snapshot_image(const struct object *settings, const char *base_image_id,
                           const char *container, const char *commit)
{
    const struct repository_spec *spec = &settings->repository;
    char hex[SHA256_HEX_SIZE];

    if (spec->setup == NULL || !spec->snapshot.is_enabled || base_image_id == NULL ||
        (spec->snapshot.policy == SNAPSHOT_ON_EACH_COMMIT && commit == NULL)) {
        return NULL;
    }
    digest_snapshot(settings, base_image_id,
                    spec->snapshot.policy == SNAPSHOT_ON_EACH_COMMIT ? commit : NULL, hex);
    return xasprintf("berth/%s:%.*s", container, KEY_HEX, hex);
}

char *setup_run_id(const char *layer, const char *container_id)
{
    return xasprintf("setup-%s-%.8s", layer, container_id);
}

/* --- the decision ----------------------------------------------------------------------------- */

const struct setup_wish *setup_next(const struct setup_input *input)
{
    for (size_t i = 0; i < input->wish_count; i++) {
        if (!input->wishes[i].has_layer || !input->is_prepared) {
            return &input->wishes[i];
        }
    }
    return NULL;
}

static bool has_succeeded(const struct observed_attempt *attempt)
{
    return attempt->state == ATTEMPT_ENDED && attempt->outcome == OUTCOME_EXITED &&
           attempt->exit_code == 0;
}

static struct tree_source source_of(const struct setup_input *input, const struct setup_wish *wish)
{
    return (struct tree_source){
        .commit = wish->commit,
        .uid = input->trees->uid,
        .gid = input->trees->gid,
        .layer = wish->layer,
    };
}

static void plan_fresh_tree(const struct setup_input *input, const struct setup_wish *wish,
                            struct plan *plan, const char *cause)
{
    struct tree_source source = source_of(input, wish);

    if (!wish->has_snapshot) {
        action_set_source(plan_add(plan, ACTION_MAKE_SNAPSHOT, PHASE_PREPARING, wish->commit,
                                   "snapshot does not exist"),
                          &source);
    }
    if (input->attempt > 0) {
        plan_add(plan, ACTION_REMOVE_TREE, PHASE_PREPARING, input->run, cause);
    }
    source.layer = NULL; /* it begins on the bare commit */
    action_set_source(plan_add(plan, ACTION_MAKE_TREE, PHASE_PREPARING, input->run, cause),
                      &source);
}

static void plan_run(const struct setup_input *input, const struct setup_wish *wish,
                     struct plan *plan, unsigned attempt, const char *cause)
{
    const struct setup_spec *setup = input->settings->repository.setup;
    struct action *run = plan_add(plan, ACTION_RUN_SETUP, PHASE_TASK_RUNNING, input->run, cause);
    struct tree_source source = source_of(input, wish);

    action_set_source(run, &source);
    action_set_command(run, &setup->command);
    run->timeout_seconds = setup->timeout_seconds;
    run->attempt = attempt;
}

/* What was written into the tree becomes a layer, or is dropped where there is one already. */
static void plan_result(const struct setup_input *input, const struct setup_wish *wish,
                        struct plan *plan)
{
    struct tree_source source = source_of(input, wish);

    if (wish->has_layer) {
        plan_add(plan, ACTION_REMOVE_TREE, PHASE_TASK_RUNNING, input->run,
                 "its layer exists already");
    } else {
        action_set_source(plan_add(plan, ACTION_FREEZE_TREE, PHASE_TASK_RUNNING, input->run,
                                   "setup has succeeded"),
                          &source);
    }
    if (input->snapshot_image != NULL && !input->has_snapshot_image) {
        plan_add(plan, ACTION_COMMIT_IMAGE, PHASE_TASK_RUNNING, input->snapshot_image,
                 "setup has succeeded");
    }
}

static void plan_setup(const struct setup_input *input, const struct setup_wish *wish,
                       struct plan *plan, struct object_status *status)
{
    const char *cause =
        !wish->has_layer ? "this commit was not set up yet" : "the container was not set up yet";

    plan_set_operation(plan, "setup", cause);
    if (input->attempt > 0 && input->observed->state == ATTEMPT_RUNNING) {
        plan_run(input, wish, plan, input->attempt, "it runs already");
    } else if (input->attempt == 0 || !has_succeeded(input->observed)) {
        plan_fresh_tree(input, wish, plan, cause);
        plan_run(input, wish, plan, input->attempt + 1, cause);
    }
    plan_result(input, wish, plan);
    status->phase = PHASE_PREPARING;
    status_set_progressing(status, "SettingUp", cause);
}

void setup_reconcile(const struct world *world, const struct setup_input *input, struct plan *plan,
                     struct object_status *status)
{
    const struct setup_wish *wish = setup_next(input);

    status->phase = PHASE_PENDING;
    if (input->settings->repository.setup == NULL) {
        status_set_ready(status, "Idle", NULL);
        return;
    }
    if (wish == NULL) {
        status->phase = PHASE_SUCCEEDED;
        status_set_ready(status, "Succeeded", NULL);
        if (input->is_prepared && input->is_container_ready && input->snapshot_image != NULL &&
            !input->has_snapshot_image && input->wish_count > 0) {
            plan_set_operation(plan, "snapshot", "image does not exist");
            plan_add(plan, ACTION_COMMIT_IMAGE, PHASE_SUCCEEDED, input->snapshot_image,
                     "image does not exist");
        }
    } else if (input->pressure != NULL) {
        status_set_progressing(status, REASON_DISK_PRESSURE, input->pressure);
    } else if (!input->is_container_ready || !input->trees->is_user_known ||
               input->trees->method == TREES_UNKNOWN) {
        status_set_progressing(status, "Waiting", "waits for the container");
        if (input->is_container_ready) { /* it is about to say who its user is */
            plan_wake_at(plan, world->now_wall_ms + USER_POLL_MS);
        }
    } else {
        plan_setup(input, wish, plan, status);
    }
    failure_holds_back(input->failure, input->name, world->now_wall_ms, plan, status);
}

struct task_setup setup_for_task(const struct object *settings, const struct object_status *status,
                                 const char *layer, bool has_layer, bool is_prepared)
{
    const struct condition *ready = status != NULL ? &status->conditions[CONDITION_READY] : NULL;

    if (settings->repository.setup == NULL) {
        return (struct task_setup){.state = SETUP_NONE};
    }
    if (has_layer && is_prepared) {
        return (struct task_setup){.state = SETUP_READY, .layer = layer};
    }
    if (status != NULL && status->conditions[CONDITION_STALLED].value == CONDITION_TRUE) {
        return (struct task_setup){.state = SETUP_FAILED,
                                   .message = status->conditions[CONDITION_STALLED].message};
    }
    return (struct task_setup){
        .state = SETUP_WAITING,
        .message =
            status != NULL && status_is_operating(status) && status->operation.message != NULL
                ? status->operation.message
            : ready != NULL && ready->message != NULL ? ready->message
                                                      : "waits for its turn",
    };
}

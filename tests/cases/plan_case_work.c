#include "tests/cases/plan_case.h"

#include "base/memory.h"
#include "base/parse.h"
#include "tests/cases/plan_case_json.h"

#include <stdlib.h>

/* Reading what repositories, their mirrors and setups, and tasks look at. */

#define COMMIT "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"

enum { DEFAULT_BLOCK = 4, BLOCK_HOST_FIRST = 20001 };

int64_t plan_case_moment(const struct plan_case *plan_case, const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);

    return value != NULL ? plan_case->world.now_wall_ms - json_integer_value(value) * 1000 : 0;
}

/* A task's own words for its repository's settings, or nothing but the URL. */
static int read_settings(struct plan_case *plan_case, struct error *err)
{
    const char *text = text_of(plan_case->json, "settings", NULL);

    if (plan_case->kind != CASE_TASK) {
        plan_case->work.settings = object_ref(plan_case->object);
        return 0;
    }
    plan_case->work.settings =
        plan_case_spec(text != NULL ? text
                                    : "apiVersion: berth.dev/v1\nkind: Repository\n"
                                      "metadata: {name: project}\n"
                                      "spec: {url: \"https://git.example/org/project.git\"}\n",
                       err);
    return plan_case->work.settings != NULL ? 0 : error_wrap(err, "settings");
}

static int read_trees(struct plan_case *plan_case, const json_t *json, struct error *err)
{
    int method;

    if (check_keys(json, "observed.trees",
                   "exists method methodMessage user uid gid userKnown userError", err) < 0 ||
        word_of(json, "method", "unknown overlay copy", TREES_OVERLAY, &method, err) < 0) {
        return -1;
    }
    plan_case->work.trees = (struct observed_trees){
        .exists = flag_of(json, "exists", json != NULL || plan_case->kind == CASE_TASK),
        .path = "/state/trees",
        .tasks_path = "/state/tasks",
        .method = (enum trees_method)method,
        .method_message = text_of(json, "methodMessage", NULL),
        .is_user_known = flag_of(json, "userKnown", true),
        .user = text_of(json, "user", ""),
        .uid = number_of(json, "uid", 0),
        .gid = number_of(json, "gid", 0),
        .user_error = text_of(json, "userError", NULL),
    };
    return 0;
}

static int read_mirror(struct plan_case *plan_case, const json_t *json, struct error *err)
{
    bool exists = flag_of(json, "exists",
                          json != NULL ||
                              (plan_case->kind == CASE_REPOSITORY && plan_case->work.trees.exists));

    if (check_keys(json, "observed.mirror", "exists fetchedAgo head", err) < 0) {
        return -1;
    }
    plan_case->work.mirror = (struct observed_mirror){
        .exists = exists,
        .fetched_wall_ms = plan_case_moment(plan_case, json, "fetchedAgo"),
        .head_branch = text_of(json, "head", exists ? "main" : NULL),
    };
    return 0;
}

/* What its spec asks for, when the case does not say that something else is there. */
static int read_source(struct plan_case *plan_case, const json_t *json, struct error *err)
{
    const struct object *desired = plan_case->kind == CASE_TASK ? plan_case->object : NULL;
    struct revision revision = task_revision(desired, plan_case->work.settings);
    const char *branch = revision.kind == REVISION_HEAD     ? "main"
                         : revision.kind == REVISION_BRANCH ? revision.name
                                                            : NULL;
    int otherwise = plan_case->kind == CASE_TASK || plan_case->work.mirror.exists ? SOURCE_READY
                                                                                  : SOURCE_WAITING;
    int state;

    if (check_keys(json, "observed.source", "state commit branch stale reason message", err) < 0 ||
        word_of(json, "state", "waiting missing ready", otherwise, &state, err) < 0) {
        return -1;
    }
    plan_case->work.has_source = !json_is_null(json);
    plan_case->work.source = (struct source){
        .state = (enum source_state)state,
        .commit = state == SOURCE_READY ? text_of(json, "commit", COMMIT) : NULL,
        .branch = state == SOURCE_READY ? text_of(json, "branch", branch) : NULL,
        .is_stale = flag_of(json, "stale", false),
        .reason = text_of(json, "reason", NULL),
        .message = text_of(json, "message", NULL),
    };
    return 0;
}

static int read_shared(struct plan_case *plan_case, const json_t *json, struct error *err)
{
    bool exists = flag_of(json, "exists", json != NULL && !flag_of(json, "lost", false));

    if (check_keys(json, "observed.shared",
                   "exists lost branch commit layer users inspected dirty unpushed usedAgo",
                   err) < 0) {
        return -1;
    }
    plan_case->work.shared = (struct observed_shared_tree){
        .exists = exists,
        .is_lost = flag_of(json, "lost", false),
        .layer = text_of(json, "layer", NULL),
        .branch = text_of(json, "branch", json != NULL ? "main" : NULL),
        .commit = text_of(json, "commit", json != NULL ? COMMIT : NULL),
        .users = (unsigned)number_of(json, "users", 0),
        .is_inspected = flag_of(json, "inspected", false),
        .is_dirty = flag_of(json, "dirty", false),
        .is_unpushed = flag_of(json, "unpushed", false),
        .used_wall_ms = plan_case_moment(plan_case, json, "usedAgo"),
    };
    return 0;
}

static int read_setup(struct plan_case *plan_case, const json_t *json, struct error *err)
{
    int state;

    if (check_keys(json, "observed.setup", "state layer message", err) < 0 ||
        word_of(json, "state", "none ready waiting failed", SETUP_NONE, &state, err) < 0) {
        return -1;
    }
    plan_case->work.setup = (struct task_setup){
        .state = (enum setup_state)state,
        .layer = text_of(json, "layer", NULL),
        .message = text_of(json, "message", NULL),
    };
    return 0;
}

static int read_block(struct plan_case *plan_case, const json_t *list, struct error *err)
{
    struct plan_case_work *work = &plan_case->work;
    size_t count = list != NULL ? json_array_size(list) : DEFAULT_BLOCK;

    work->block = xcalloc(count + 1, sizeof(*work->block));
    for (size_t i = 0; i < count; i++) {
        const json_t *json = json_array_get(list, i);

        if (check_keys(json, "a port of the block", "port host taken", err) < 0) {
            return -1;
        }
        work->block[work->block_count++] = (struct block_port){
            .container_port = (uint16_t)number_of(json, "port", TASK_PORT_FIRST + (int64_t)i),
            .host_port = (uint16_t)number_of(json, "host", BLOCK_HOST_FIRST + (int64_t)i),
            .is_taken = flag_of(json, "taken", false),
        };
    }
    return 0;
}

static struct revision revision_of(const json_t *json)
{
    const char *branch = text_of(json, "branch", NULL), *ref = text_of(json, "ref", NULL);

    return ref != NULL      ? (struct revision){REVISION_REF, ref}
           : branch != NULL ? (struct revision){REVISION_BRANCH, branch}
                            : (struct revision){REVISION_HEAD, NULL};
}

static int read_mirror_wishes(struct plan_case *plan_case, const json_t *list, struct error *err)
{
    struct plan_case_work *work = &plan_case->work;
    size_t index;
    json_t *json;

    work->mirror_wishes = xcalloc(json_array_size(list) + 1, sizeof(*work->mirror_wishes));
    json_array_foreach(list, index, json) {
        const char *commit = text_of(json, "commit", NULL);
        const char *message = text_of(json, "message", NULL);

        if (check_keys(json, "a wish", "branch ref sinceAgo commit message", err) < 0) {
            return -1;
        }
        work->mirror_wishes[work->wish_count++] = (struct mirror_wish){
            .revision = revision_of(json),
            .since_wall_ms = plan_case_moment(plan_case, json, "sinceAgo"),
            .observed = {commit != NULL || message != NULL, commit, message},
        };
    }
    return 0;
}

/* After image and trees, which are in the keys of layers. */
static int read_setup_wishes(struct plan_case *plan_case, const json_t *list, struct error *err)
{
    struct plan_case_work *work = &plan_case->work;
    size_t index;
    json_t *json;

    work->setup_wishes = xcalloc(json_array_size(list) + 1, sizeof(*work->setup_wishes));
    work->layers = xcalloc(json_array_size(list) + 1, sizeof(*work->layers));
    json_array_foreach(list, index, json) {
        const char *commit = text_of(json, "commit", COMMIT);

        if (check_keys(json, "a wish", "commit hasLayer hasSnapshot", err) < 0) {
            return -1;
        }
        work->setup_wishes[work->wish_count++] = (struct setup_wish){
            .commit = commit,
            .layer = setup_layer_key(work->settings, plan_case->image.id, commit, work->trees.uid,
                                     work->trees.method, work->layers[index]),
            .has_layer = flag_of(json, "hasLayer", false),
            .has_snapshot = flag_of(json, "hasSnapshot", false),
        };
    }
    return 0;
}

static int read_snapshot_image(struct plan_case *plan_case, const json_t *json, struct error *err)
{
    struct plan_case_work *work = &plan_case->work;
    int state;

    if (check_keys(json, "observed.snapshotImage", "name state id", err) < 0 ||
        word_of(json, "state", "unknown absent present", IMAGE_PRESENT, &state, err) < 0) {
        return -1;
    }
    work->snapshot_image = (struct observed_image){
        .state = (enum image_state)state,
        .id = text_of(json, "id", "sha256:2222222222222222"),
    };
    if (json != NULL) {
        work->snapshot = (struct snapshot_image){
            .reference = text_of(json, "name", "berth/repo-org-project-486c50:0123456789ab"),
            .image = &work->snapshot_image,
        };
    }
    return 0;
}

/* It is of the pass before, not of a file: an operation that runs in it still runs. */
static struct object_status *read_status(const json_t *json)
{
    const json_t *operation = json_object_get(json, "operation");
    const json_t *setup = json_object_get(json, "setup");
    struct object_status *status;

    if (json == NULL) {
        return NULL;
    }
    status = status_from_json(json);
    status_repository(status)->setup_commit = text_of(setup, "commit", NULL);
    status_repository(status)->setup_log = text_of(setup, "logFile", NULL);
    if (text_equal(text_of(operation, "state", NULL), "RUNNING")) {
        status_begin_operation(status, text_of(operation, "type", ""), "", 1);
        status->operation.progress = (unsigned)number_of(operation, "progress", 0);
        status->operation.message = text_of(operation, "message", NULL);
    }
    return status;
}

static int read_wishes(struct plan_case *plan_case, const json_t *list, struct error *err)
{
    return plan_case->kind == CASE_MIRROR ? read_mirror_wishes(plan_case, list, err)
                                          : read_setup_wishes(plan_case, list, err);
}

static void read_branches(struct plan_case_work *work, const json_t *list)
{
    size_t index;
    json_t *item;

    work->branches = xcalloc(json_array_size(list) + 1, sizeof(*work->branches));
    work->branch_statuses = xcalloc(json_array_size(list) + 1, sizeof(*work->branch_statuses));
    json_array_foreach(list, index, item) {
        const char *name = text_of(item, "name", "");

        work->branch_statuses[index] = read_status(json_object_get(item, "status"));
        work->branches[work->branch_count++] = (struct branch_container){
            .branch = name,
            .container = name,
            .active_tasks = (unsigned)number_of(item, "activeTasks", 0),
            .status = work->branch_statuses[index],
        };
    }
}

int plan_case_read_work(struct plan_case *plan_case, const json_t *observed, struct error *err)
{
    struct plan_case_work *work = &plan_case->work;

    if (plan_case->kind == CASE_INSTANCE) {
        return 0;
    }
    if (read_settings(plan_case, err) < 0 ||
        read_trees(plan_case, json_object_get(observed, "trees"), err) < 0 ||
        read_mirror(plan_case, json_object_get(observed, "mirror"), err) < 0 ||
        read_source(plan_case, json_object_get(observed, "source"), err) < 0 ||
        read_shared(plan_case, json_object_get(observed, "shared"), err) < 0 ||
        read_setup(plan_case, json_object_get(observed, "setup"), err) < 0 ||
        read_block(plan_case, json_object_get(observed, "block"), err) < 0 ||
        read_snapshot_image(plan_case, json_object_get(observed, "snapshotImage"), err) < 0 ||
        read_wishes(plan_case, json_object_get(observed, "wishes"), err) < 0) {
        return -1;
    }
    work->repository_status = read_status(json_object_get(observed, "repositoryStatus"));
    read_branches(work, json_object_get(observed, "branches"));
    work->mirror_status = read_status(json_object_get(observed, "mirrorStatus"));
    work->setup_status = read_status(json_object_get(observed, "setupStatus"));
    if (plan_case->kind == CASE_TASK && !plan_case->is_gone) {
        work->forbidden = task_find_forbidden(plan_case->object, work->settings,
                                              text_of(observed, "fileOwner", NULL));
    }
    return 0;
}

void plan_case_work_done(struct plan_case_work *work)
{
    object_unref(work->settings);
    for (size_t i = 0; i < work->branch_count; i++) {
        status_free(work->branch_statuses[i]);
    }
    free(work->branches);
    free(work->branch_statuses);
    status_free(work->repository_status);
    status_free(work->mirror_status);
    status_free(work->setup_status);
    free(work->block);
    free(work->mirror_wishes);
    free(work->setup_wishes);
    free(work->layers);
    free(work->forbidden);
}

void plan_case_recall_task(struct object_status *status, const json_t *json)
{
    const json_t *tree = json_object_get(json, "tree");
    struct status_task *task = status_task(status);

    task->tree.name = status_text(status, text_of(tree, "name", NULL));
    task->tree.layer = status_text(status, text_of(tree, "layer", NULL));
}

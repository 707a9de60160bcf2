#include "specs/status.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "specs/yaml_reader.h"
#include "specs/yaml_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static const int64_t now_wall_ms = INT64_C(1767355200000); /* 2026-01-02T12:00:00Z */

/* One of everything, as text through a writer and a reader. */
static struct object_status *through_a_file(const struct object_status *status)
{
    json_auto_t *json = status_to_json(status), *back = NULL;
    auto_done(strbuf) text = {0};
    auto_owned(yaml_stream) *stream = NULL;

    assert_int_equal(yaml_write(&text, json), 0);
    stream = yaml_stream_parse(text.text, text.len);
    assert_int_equal(stream->problem_count, 0);
    assert_int_equal(stream->count, 1);
    back = yaml_node_to_json(stream->documents[0]);
    if (!json_equal(json, back)) {
        fail_msg("another document came back:\n%s", strbuf_text(&text));
    }
    return status_from_json(back);
}

/* One with all that a task can have. */
static struct status_task full_task(void)
{
    static struct status_task_port ports[] = {{"preview", 17001, 20001}, {"api", 17004, 20009}};

    return (struct status_task){
        .id = "fix-7-1a2b",
        .url = "git.example/org/project",
        .repository = "repo-org-project-486c50",
        .work_dir = "/workspace/fix-7",
        .branch = "task/fix-7",
        .commit = "0123456",
        .user = "node",
        .tree = {.name = "fix-7",
                 .method = "overlay",
                 .host_path = "/state/trees/fix-7",
                 .layer = "l",
                 .note = "the remote could not be asked",
                 .home = "/workspace/.home/fix-7",
                 .tmp = "/workspace/.tmp/fix-7",
                 .uid = 1000,
                 .gid = 1001,
                 .end_branch = "task/fix-7",
                 .end_commit = "fedcba9",
                 .is_inspected = true,
                 .is_unpushed = true,
                 .removed_at_wall_ms = now_wall_ms + 3600000},
        .ports = ports,
        .port_count = ARRAY_SIZE(ports),
        .attempt = 2,
        .next_retry_wall_ms = now_wall_ms + 5000,
        .pool = "ci",
        .instance = "ci-0",
        .is_admitted = true,
        .queue_position = 3,
        .arrival_wall_ms = now_wall_ms - 5000,
    };
}

static void what_a_task_has_of_its_own_comes_back(void **state)
{
    auto_owned(object_status) *status = status_new();
    auto_owned(object_status) *back = NULL;
    const struct status_task *task;

    (void)state;
    *status_task(status) = full_task();
    back = through_a_file(status);
    task = back->task;
    assert_string_equal(task->user, "node");
    assert_string_equal(task->tree.note, "the remote could not be asked");
    assert_string_equal(task->tree.end_branch, "task/fix-7");
    assert_string_equal(task->tree.end_commit, "fedcba9");
    assert_true(task->tree.is_inspected);
    assert_false(task->tree.is_dirty);
    assert_true(task->tree.is_unpushed);
    assert_int_equal(task->tree.removed_at_wall_ms, now_wall_ms + 3600000);
    assert_int_equal(task->next_retry_wall_ms, now_wall_ms + 5000);
    assert_int_equal(task->attempt, 2);
    assert_int_equal(task->port_count, 2);
    assert_string_equal(task->ports[1].name, "api");
    assert_int_equal(task->ports[1].container_port, 17004);
    assert_string_equal(task->pool, "ci");
    assert_string_equal(task->instance, "ci-0");
    assert_true(task->is_admitted);
    assert_int_equal(task->arrival_wall_ms, now_wall_ms - 5000);
}

/*
 * The file is the user's: what names folders of ours is only believed where it cannot be another.
 */
static void a_tree_is_not_believed_from_a_file(void **state)
{
    static const struct {
        const char *name;
        bool is_believed;
    } rows[] = {{"fix-7", false}, {"shared", true}, {"../shared", false}, {".home", false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(object_status) *status = status_new();
        auto_owned(object_status) *back = NULL;

        *status_task(status) = full_task();
        status_task(status)->tree.name = rows[i].name;
        back = through_a_file(status);
        assert_int_equal(back->task->tree.name != NULL, rows[i].is_believed);
        assert_null(back->task->tree.host_path);
        assert_null(back->task->tree.layer);
        assert_null(back->task->tree.home);
        assert_null(back->task->tree.tmp);
        assert_int_equal(back->task->tree.uid, 0);
    }
}

static void a_tree_that_was_not_looked_at_is_not_clean(void **state)
{
    auto_owned(object_status) *status = status_new();
    auto_owned(object_status) *back = NULL;
    json_auto_t *json = NULL;
    const json_t *tree;

    (void)state;
    *status_task(status) = full_task();
    status_task(status)->tree.is_inspected = false;
    json = status_to_json(status);
    tree = json_object_get(json_object_get(json, "task"), "tree");
    assert_null(json_object_get(tree, "dirty"));
    assert_null(json_object_get(tree, "unpushed"));
    back = through_a_file(status);
    assert_false(back->task->tree.is_inspected);
}

/* Whatever a file says of ports: numbers that are none, and ports without a name, are left out. */
static void ports_that_cannot_be_are_left_out(void **state)
{
    json_auto_t *json = json_loads("{\"task\": {\"id\": \"a-1\", \"ports\": [3, {},"
                                   " {\"name\": \"a\"}, {\"containerPort\": 17001},"
                                   " {\"name\": \"b\", \"containerPort\": 0},"
                                   " {\"name\": \"c\", \"containerPort\": 65536},"
                                   " {\"name\": \"d\", \"containerPort\": -1},"
                                   " {\"name\": \"e\", \"containerPort\": 65535}]}}",
                                   0, NULL);
    auto_owned(object_status) *status = NULL;

    (void)state;
    assert_non_null(json);
    status = status_from_json(json);
    assert_int_equal(status->task->port_count, 1);
    assert_string_equal(status->task->ports[0].name, "e");
    assert_int_equal(status->task->ports[0].container_port, 65535);
}

/* The names that people and programs read are part of the interface. */
static void a_task_is_shown_with_all_that_it_has(void **state)
{
    auto_owned(object_status) *status = status_new();
    json_auto_t *json = NULL;
    auto_done(strbuf) text = {0};

    (void)state;
    *status_task(status) = full_task();
    json = status_to_json(status);
    assert_int_equal(yaml_write(&text, json_object_get(json, "task")), 0);
    assert_string_equal(strbuf_text(&text), "id: fix-7-1a2b\n"
                                            "repository: git.example/org/project\n"
                                            "repositoryContainer: repo-org-project-486c50\n"
                                            "workingDirectory: /workspace/fix-7\n"
                                            "home: /workspace/.home/fix-7\n"
                                            "tmp: /workspace/.tmp/fix-7\n"
                                            "containerUser: node\n"
                                            "branch: task/fix-7\n"
                                            "commit: \"0123456\"\n"
                                            "tree:\n"
                                            "  name: fix-7\n"
                                            "  method: overlay\n"
                                            "  hostPath: /state/trees/fix-7\n"
                                            "  uid: 1000\n"
                                            "  gid: 1001\n"
                                            "  note: the remote could not be asked\n"
                                            "  endBranch: task/fix-7\n"
                                            "  endCommit: fedcba9\n"
                                            "  dirty: false\n"
                                            "  unpushed: true\n"
                                            "  keptUntil: \"2026-01-02T13:00:00Z\"\n"
                                            "ports:\n"
                                            "- name: preview\n"
                                            "  containerPort: 17001\n"
                                            "  hostPort: 20001\n"
                                            "- name: api\n"
                                            "  containerPort: 17004\n"
                                            "  hostPort: 20009\n"
                                            "attempt: 2\n"
                                            "nextRetryTime: \"2026-01-02T12:00:05Z\"\n"
                                            "pool: ci\n"
                                            "instance: ci-0\n"
                                            "arrivalTime: \"2026-01-02T11:59:55Z\"\n"
                                            "admitted: true\n"
                                            "queuePosition: 3\n");
}

static void a_repository_is_shown_with_all_that_it_has(void **state)
{
    static const char *unsupported[] = {"features"};
    static struct status_kept_tree kept[] = {
        {"fix-7", "/state/trees/fix-7", "task/fix-7", "fedcba9", INT64_C(1767355200000)}};
    static struct status_branch branches[] = {
        {"main", "repo-main", PHASE_RUNNING, "Healthy", NULL, 2},
        {"next", "repo-next", PHASE_PROVISIONING, NULL, NULL, 0}};
    auto_owned(object_status) *status = status_new();
    json_auto_t *json = NULL;
    auto_done(strbuf) text = {0};

    (void)state;
    *status_repository(status) = (struct status_repository){
        .url = "git.example/org/project",
        .branch = "main",
        .commit = "a0b1c2d",
        .trees = "/state/trees",
        .method = "copy",
        .method_message = "no mounts here",
        .active_tasks = 2,
        .sessions = 1,
        .fetched_wall_ms = now_wall_ms,
        .disk_bytes = 4096,
        .setup_state = "Failed",
        .setup_commit = "a0b1c2d",
        .setup_log = "/state/tasks/setup/1.log",
        .setup_message = "exited with code 1",
        .has_submodules = true,
        .has_lfs = true,
        .snapshot_image = "berth/r:1",
        .unsupported = {unsupported, 1},
        .kept = kept,
        .kept_count = 1,
        .branches = branches,
        .branch_count = 2,
    };
    json = status_to_json(status);
    assert_int_equal(yaml_write(&text, json_object_get(json, "repository")), 0);
    assert_string_equal(strbuf_text(&text), "url: git.example/org/project\n"
                                            "branch: main\n"
                                            "commit: a0b1c2d\n"
                                            "fetchTime: \"2026-01-02T12:00:00Z\"\n"
                                            "trees: /state/trees\n"
                                            "method: copy\n"
                                            "methodMessage: no mounts here\n"
                                            "activeTasks: 2\n"
                                            "execSessions: 1\n"
                                            "diskBytes: 4096\n"
                                            "setup:\n"
                                            "  state: Failed\n"
                                            "  commit: a0b1c2d\n"
                                            "  logFile: /state/tasks/setup/1.log\n"
                                            "  message: exited with code 1\n"
                                            "snapshotImage: berth/r:1\n"
                                            "submodules: true\n"
                                            "lfs: true\n"
                                            "devcontainerUnsupported: [features]\n"
                                            "branches:\n"
                                            "- branch: main\n"
                                            "  container: repo-main\n"
                                            "  phase: RUNNING\n"
                                            "  reason: Healthy\n"
                                            "  activeTasks: 2\n"
                                            "- branch: next\n"
                                            "  container: repo-next\n"
                                            "  phase: PROVISIONING\n"
                                            "  activeTasks: 0\n"
                                            "keptTrees:\n"
                                            "- task: fix-7\n"
                                            "  path: /state/trees/fix-7\n"
                                            "  branch: task/fix-7\n"
                                            "  commit: fedcba9\n"
                                            "  keptUntil: \"2026-01-02T12:00:00Z\"\n");
}

static void what_was_set_up_is_read_back(void **state)
{
    auto_owned(object_status) *status = status_new(), *back = NULL;
    json_auto_t *json = NULL;

    (void)state;
    status_repository(status)->url = "git.example/org/project";
    status_repository(status)->setup_state = "Succeeded";
    status_repository(status)->setup_commit = "a0b1c2d";
    status_repository(status)->setup_log = "/state/tasks/setup/1.log";
    json = status_to_json(status);
    back = status_from_json(json);
    assert_string_equal(back->repository->setup_commit, "a0b1c2d");
    assert_string_equal(back->repository->setup_log, "/state/tasks/setup/1.log");
    assert_null(back->repository->setup_state); /* that is looked at anew */
}

/* What a pass says anew is not carried on. */
static void a_successor_has_a_task_of_its_own(void **state)
{
    auto_owned(object_status) *first = status_new();
    struct object_status *second;

    (void)state;
    *status_task(first) = full_task();
    status_task(first)->ports = arena_alloc(&first->arena, 2 * sizeof(*first->task->ports));
    memcpy(first->task->ports, full_task().ports, 2 * sizeof(*first->task->ports));
    status_task(first)->tree.name = status_text(first, "fix-7");
    status_task(first)->tree.layer = status_text(first, "l");
    first->task->ports[0].name = status_text(first, "preview");
    status_repository(first)->setup_state = "Running";
    status_repository(first)->idle_since_wall_ms = 7;
    second = status_successor(first);
    status_free(TAKE(first));
    assert_string_equal(second->task->tree.name, "fix-7");
    assert_string_equal(second->task->tree.layer, "l");
    assert_string_equal(second->task->tree.note, "the remote could not be asked");
    assert_true(second->task->tree.is_unpushed);
    assert_int_equal(second->task->tree.gid, 1001);
    assert_int_equal(second->task->port_count, 2);
    assert_string_equal(second->task->ports[0].name, "preview");
    assert_int_equal(second->task->ports[1].host_port, 20009);
    assert_int_equal(second->task->next_retry_wall_ms, now_wall_ms + 5000);
    assert_int_equal(second->repository->idle_since_wall_ms, 7);
    assert_null(second->repository->setup_state);
    status_free(second);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_task_has_of_its_own_comes_back),
        cmocka_unit_test(a_tree_is_not_believed_from_a_file),
        cmocka_unit_test(a_tree_that_was_not_looked_at_is_not_clean),
        cmocka_unit_test(ports_that_cannot_be_are_left_out),
        cmocka_unit_test(a_task_is_shown_with_all_that_it_has),
        cmocka_unit_test(a_repository_is_shown_with_all_that_it_has),
        cmocka_unit_test(what_was_set_up_is_read_back),
        cmocka_unit_test(a_successor_has_a_task_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

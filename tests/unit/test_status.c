#include "specs/status.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "specs/reason.h"
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

static void every_phase_comes_back(void **state)
{
    (void)state;
    for (int phase = PHASE_UNKNOWN; phase <= PHASE_INVALID; phase++) {
        auto_owned(object_status) *status = status_new();
        auto_owned(object_status) *back = NULL;

        status->phase = (enum phase)phase;
        back = through_a_file(status);
        assert_int_equal(back->phase, phase);
    }
}

static void phases_have_names_of_their_own(void **state)
{
    (void)state;
    for (int a = PHASE_UNKNOWN; a <= PHASE_INVALID; a++) {
        for (int b = PHASE_UNKNOWN; b < a; b++) {
            assert_string_not_equal(phase_name((enum phase)a), phase_name((enum phase)b));
        }
    }
}

static void every_condition_comes_back(void **state)
{
    (void)state;
    for (int type = 0; type < CONDITION_COUNT; type++) {
        for (int value = CONDITION_ABSENT; value <= CONDITION_UNKNOWN; value++) {
            auto_owned(object_status) *status = status_new();
            auto_owned(object_status) *back = NULL;

            status_set_condition(status, (enum condition_type)type, (enum condition_value)value,
                                 "Reason", "yes: \"it\" is\n so \xc3\xa4");
            status_finish(status, NULL, now_wall_ms);
            back = through_a_file(status);
            for (int other = 0; other < CONDITION_COUNT; other++) {
                assert_int_equal(back->conditions[other].value, other == type ? value : 0);
            }
            if (value != CONDITION_ABSENT) {
                assert_string_equal(back->conditions[type].reason, "Reason");
                assert_string_equal(back->conditions[type].message, "yes: \"it\" is\n so \xc3\xa4");
                assert_int_equal(back->conditions[type].since_wall_ms, now_wall_ms);
            }
        }
    }
}

static void what_must_be_remembered_comes_back(void **state)
{
    static const char *log[] = {"first: line", "", "- last"};
    auto_owned(object_status) *status = status_new();
    auto_owned(object_status) *back = NULL;

    (void)state;
    status->observed_hash = "v1-0123456789abcdef";
    status->container.id = "0a1b2c";
    status->restarts = (struct status_restarts){
        .count = 7,
        .in_a_row = 3,
        .next_retry_wall_ms = now_wall_ms + 4000,
        .has_last = true,
        .last_exit_code = 137,
        .last_reason = "OOMKilled",
        .last_finished_wall_ms = now_wall_ms + 123, /* to the millisecond: it tells ends apart */
        .last_log = {log, ARRAY_SIZE(log)},
    };
    *status_task(status) = (struct status_task){
        .id = "fix-7-1a2b",
        .hash = "v1-fedcba9876543210",
        .repository = "repo-org-project-486c50",
        .work_dir = "/workspace",
        .branch = "no",
        .commit = "0123456",
        .log_file = "/var/lib/berth/1.log",
        .attempt = 1,
        .start_wall_ms = now_wall_ms,
        .end_wall_ms = now_wall_ms + 60000,
        .has_exit_code = true,
        .exit_code = 0,
        .reason = "Completed",
    };
    *status_repository(status) = (struct status_repository){
        .url = "git.example/org/project",
        .branch = "main",
        .commit = "1e10",
        .trees = "/var/lib/berth/repos/x/trees",
        .active_tasks = 2,
        .idle_since_wall_ms = now_wall_ms - 5000,
    };
    back = through_a_file(status);
    assert_string_equal(back->observed_hash, "v1-0123456789abcdef");
    assert_string_equal(back->container.id, "0a1b2c");
    assert_int_equal(back->restarts.count, 7);
    assert_int_equal(back->restarts.in_a_row, 3);
    assert_int_equal(back->restarts.next_retry_wall_ms, now_wall_ms + 4000);
    assert_true(back->restarts.has_last);
    assert_int_equal(back->restarts.last_exit_code, 137);
    assert_string_equal(back->restarts.last_reason, "OOMKilled");
    assert_int_equal(back->restarts.last_finished_wall_ms, now_wall_ms + 123);
    assert_int_equal(back->restarts.last_log.count, 3);
    assert_string_equal(back->restarts.last_log.items[0], "first: line");
    assert_string_equal(back->restarts.last_log.items[1], "");
    assert_string_equal(back->restarts.last_log.items[2], "- last");
    assert_string_equal(back->task->id, "fix-7-1a2b");
    assert_string_equal(back->task->hash, "v1-fedcba9876543210");
    assert_string_equal(back->task->branch, "no");
    assert_string_equal(back->task->log_file, "/var/lib/berth/1.log");
    assert_int_equal(back->task->attempt, 1);
    assert_int_equal(back->task->start_wall_ms, now_wall_ms);
    assert_int_equal(back->task->end_wall_ms, now_wall_ms + 60000);
    assert_true(back->task->has_exit_code);
    assert_string_equal(back->task->reason, "Completed");
    assert_string_equal(back->repository->url, "git.example/org/project");
    assert_string_equal(back->repository->commit, "1e10");
    assert_int_equal(back->repository->idle_since_wall_ms, now_wall_ms - 5000);
}

static void an_exit_code_of_none_is_not_zero(void **state)
{
    auto_owned(object_status) *status = status_new();
    auto_owned(object_status) *back = NULL;

    (void)state;
    status_task(status)->repository = "repo-org-project-486c50";
    back = through_a_file(status);
    assert_false(back->task->has_exit_code);
}

static void the_history_keeps_the_last_five(void **state)
{
    auto_owned(object_status) *status = status_new();
    auto_owned(object_status) *back = NULL;

    (void)state;
    for (int i = 0; i < 8; i++) {
        auto_free char *cause = xasprintf("cause %d", i);

        status_begin_operation(status, "restart", cause, now_wall_ms + i * 10000);
        assert_int_equal(status->operation.state, OPERATION_RUNNING);
        status_end_operation(status, i % 2 == 0 ? NULL : REASON_START_FAILED,
                             i % 2 == 0 ? NULL : "no", now_wall_ms + i * 10000 + 1500);
        status_end_operation(status, NULL, "twice is once", now_wall_ms + 999999);
    }
    assert_int_equal(status->history_count, HISTORY_LENGTH);
    back = through_a_file(status);
    assert_int_equal(back->history_count, HISTORY_LENGTH);
    for (int i = 0; i < HISTORY_LENGTH; i++) {
        auto_free char *cause = xasprintf("cause %d", 7 - i);

        assert_string_equal(back->history[i].cause, cause);
        assert_string_equal(back->history[i].type, "restart");
        assert_int_equal(back->history[i].state, OPERATION_DONE);
        assert_true(
            text_equal(back->history[i].error_reason, i % 2 == 0 ? REASON_START_FAILED : NULL));
        assert_int_equal(back->history[i].end_wall_ms - back->history[i].start_wall_ms, 1500);
    }
    assert_string_equal(back->history[0].error_message, "no");
    assert_null(back->history[1].error_message);
    assert_string_equal(back->operation.error_reason, REASON_START_FAILED);
    assert_int_equal(back->operation.state, OPERATION_DONE);
}

static void an_operation_that_ended_badly_is_done_with_an_error(void **state)
{
    auto_owned(object_status) *status = status_new();
    json_auto_t *json = NULL;
    const json_t *operation, *error;

    (void)state;
    status_begin_operation(status, "start", "should run again", now_wall_ms);
    status->operation.progress = 40;
    status_end_operation(status, REASON_START_FAILED, "no such program", now_wall_ms + 5);
    json = status_to_json(status);
    operation = json_object_get(json, "operation");
    error = json_object_get(operation, "error");
    assert_string_equal(json_string_value(json_object_get(operation, "state")), "DONE");
    assert_int_equal(json_integer_value(json_object_get(operation, "progress")), 40);
    assert_int_equal(json_integer_value(json_object_get(error, "code")), 500);
    assert_string_equal(json_string_value(json_object_get(error, "reason")), REASON_START_FAILED);
    assert_string_equal(json_string_value(json_object_get(error, "message")), "no such program");
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(json, "history"), 0), "result")),
                        REASON_START_FAILED);
}

/* It is said again in every pass that it still holds for. */
static void what_is_pending_is_forgotten_by_the_next_pass(void **state)
{
    auto_owned(object_status) *status = status_new();
    auto_owned(object_status) *next = NULL, *back = NULL;

    (void)state;
    status_begin_operation(status, "create", "container does not exist", now_wall_ms);
    status_end_operation(status, NULL, NULL, now_wall_ms + 5);
    status_defer_operation(status, "restart", "exited with code 3", "waits");
    assert_int_equal(status->operation.state, OPERATION_PENDING);
    assert_false(status_is_operating(status));
    back = through_a_file(status);
    assert_string_equal(back->operation.type, "create");
    next = status_successor(status);
    assert_string_equal(next->operation.type, "create");
    assert_int_equal(next->operation.state, OPERATION_DONE);
}

/* Before errors had a place of their own. */
static void files_of_earlier_versions_are_read(void **state)
{
    json_auto_t *json =
        json_pack("{s:{s:s, s:s, s:s}, s:[{s:s, s:s, s:s}, {s:s, s:s}]}", "operation", "type",
                  "repair", "state", "FAILED", "message", "no space", "history", "type", "repair",
                  "result", "FAILED", "message", "no space", "type", "create", "result", "DONE");
    auto_owned(object_status) *status = status_from_json(json);

    (void)state;
    assert_int_equal(status->operation.state, OPERATION_DONE);
    assert_string_equal(status->operation.type, "repair");
    assert_string_equal(status->operation.error_message, "no space");
    assert_int_equal(status->history_count, 2);
    assert_string_equal(status->history[0].error_message, "no space");
    assert_non_null(status->history[0].error_reason);
    assert_null(status->history[1].error_reason);
}

static void an_operation_that_ran_when_the_file_was_written_runs_no_more(void **state)
{
    auto_owned(object_status) *status = status_new();
    auto_owned(object_status) *back = NULL;

    (void)state;
    status_begin_operation(status, "create", "container does not exist", now_wall_ms);
    back = through_a_file(status);
    assert_int_not_equal(back->operation.state, OPERATION_RUNNING);
}

static void a_successor_remembers_and_does_not_repeat(void **state)
{
    auto_owned(object_status) *first = status_new();
    struct object_status *second;

    (void)state;
    first->phase = PHASE_RUNNING;
    first->restarts.count = 4;
    status_task(first)->id = status_text(first, "t-1");
    status_repository(first)->url = status_text(first, "u");
    status_set_condition(first, CONDITION_READY, CONDITION_TRUE, "Healthy", NULL);
    status_add_error(first, REASON_PORT_CONFLICT, "m", NULL);
    status_begin_operation(first, "create", "c", now_wall_ms);
    status_end_operation(first, NULL, NULL, now_wall_ms + 5);
    second = status_successor(first);
    status_free(TAKE(first)); /* what the successor has is its own */
    assert_int_equal(second->restarts.count, 4);
    assert_string_equal(second->task->id, "t-1");
    assert_string_equal(second->repository->url, "u");
    assert_int_equal(second->history_count, 1);
    assert_string_equal(second->operation.cause, "c");
    assert_string_equal(second->history[0].cause, "c");
    assert_int_equal(second->conditions[CONDITION_READY].value, CONDITION_ABSENT);
    assert_int_equal(second->error_count, 0);
    status_free(second);
    second = status_successor(NULL);
    assert_int_equal(second->phase, PHASE_UNKNOWN);
    status_free(second);
}

static void a_condition_knows_since_when_it_has_its_value(void **state)
{
    static const struct {
        enum condition_value before, now;
        bool keeps_its_time;
    } rows[] = {
        {CONDITION_TRUE, CONDITION_TRUE, true},
        {CONDITION_FALSE, CONDITION_TRUE, false},
        {CONDITION_ABSENT, CONDITION_TRUE, false},
        {CONDITION_TRUE, CONDITION_FALSE, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(object_status) *before = status_new();
        auto_owned(object_status) *now = status_new();

        if (rows[i].before != CONDITION_ABSENT) {
            status_set_condition(before, CONDITION_READY, rows[i].before, "A", NULL);
            status_finish(before, NULL, now_wall_ms - 1000);
        }
        status_set_condition(now, CONDITION_READY, rows[i].now, "B", NULL);
        status_finish(now, before, now_wall_ms);
        assert_int_equal(now->conditions[CONDITION_READY].since_wall_ms,
                         rows[i].keeps_its_time ? now_wall_ms - 1000 : now_wall_ms);
    }
}

static void errors_have_the_code_of_the_catalogue(void **state)
{
    auto_owned(object_status) *status = status_new();
    json_auto_t *json = NULL;
    const json_t *error;

    (void)state;
    status_add_error(status, REASON_PORT_CONFLICT, "first", NULL);
    status_add_error(status, REASON_INVALID_MACHINE_TYPE, "second", "web.yaml:7:16 spec");
    status_add_error(status, "NobodyKnows", "third", NULL);
    json = status_to_json(status);
    error = json_object_get(json, "error");
    assert_int_equal(json_integer_value(json_object_get(error, "code")), 409);
    assert_string_equal(json_string_value(json_object_get(error, "message")), "first");
    assert_int_equal(json_array_size(json_object_get(json, "errors")), 3);
    error = json_array_get(json_object_get(json, "errors"), 1);
    assert_int_equal(json_integer_value(json_object_get(error, "code")), 400);
    assert_string_equal(json_string_value(json_object_get(error, "location")),
                        "web.yaml:7:16 spec");
    error = json_array_get(json_object_get(json, "errors"), 2);
    assert_int_equal(json_integer_value(json_object_get(error, "code")), 500);
}

static void bytes_that_are_no_text_do_not_lose_the_status(void **state)
{
    static const char *log[] = {"\xff\xfe"};
    auto_owned(object_status) *status = status_new();
    auto_owned(object_status) *back = NULL;

    (void)state;
    status->phase = PHASE_REPAIRING;
    status_set_condition(status, CONDITION_READY, CONDITION_FALSE, "Error", "\xc3(");
    status->restarts.has_last = true;
    status->restarts.last_log = (struct text_list){log, 1};
    back = through_a_file(status);
    assert_int_equal(back->phase, PHASE_REPAIRING);
    assert_int_equal(back->conditions[CONDITION_READY].value, CONDITION_FALSE);
    assert_int_equal(back->restarts.last_log.count, 1);
}

static void ports_and_container_are_shown(void **state)
{
    static struct status_port ports[] = {{.name = "http",
                                          .container_port = 8080,
                                          .protocol = PROTOCOL_UDP,
                                          .host_ip = "127.0.0.1",
                                          .host_port = 20014}};
    auto_owned(object_status) *status = status_new();
    json_auto_t *json = NULL;
    auto_done(strbuf) text = {0};

    (void)state;
    status->phase = PHASE_RUNNING;
    status->container = (struct status_container){.id = "0a1b",
                                                  .name = "web",
                                                  .image = "debian:12",
                                                  .ip = "172.18.0.2",
                                                  .network = "berth-a",
                                                  .started_wall_ms = now_wall_ms};
    status->ports = ports;
    status->port_count = 1;
    json = status_to_json(status);
    assert_int_equal(yaml_write(&text, json), 0);
    assert_string_equal(strbuf_text(&text), "phase: RUNNING\n"
                                            "conditions: []\n"
                                            "container:\n"
                                            "  id: 0a1b\n"
                                            "  name: web\n"
                                            "  image: debian:12\n"
                                            "  network: berth-a\n"
                                            "  ip: 172.18.0.2\n"
                                            "  startedAt: \"2026-01-02T12:00:00Z\"\n"
                                            "ports:\n"
                                            "- name: http\n"
                                            "  containerPort: 8080\n"
                                            "  protocol: UDP\n"
                                            "  hostIP: 127.0.0.1\n"
                                            "  hostPort: 20014\n");
}

/*
 * People can edit the file: whatever is in it, there is a status, and what cannot be is not
 * believed.
 */
static void damaged_documents_read_as_far_as_they_go(void **state)
{
    static const char *const texts[] = {
        "null",
        "[]",
        "3",
        "{}",
        "{\"phase\": 3, \"conditions\": {}, \"history\": 7, \"restarts\": [], \"task\": \"x\"}",
        "{\"phase\": \"running\"}",
        "{\"conditions\": [3, {}, {\"type\": \"Ready\"}, {\"type\": \"Ready\", \"status\": true}]}",
        "{\"conditions\": [{\"type\": \"Nobody\", \"status\": \"True\"}, {\"type\": \"Ready\"}]}",
        "{\"restarts\": {\"count\": -1, \"inARow\": 99999999999, \"last\": []}}",
        "{\"task\": {\"attempt\": -5, \"exitCode\": \"0\", \"startTime\": \"yesterday\"}}",
        "{\"task\": {\"id\": \"../../etc\"}}",
        "{\"operation\": {\"state\": \"RUNNING?\", \"progress\": -3}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        json_auto_t *json = json_loads(texts[i], JSON_DECODE_ANY, NULL);
        auto_owned(object_status) *status = NULL;

        assert_non_null(json);
        status = status_from_json(json);
        assert_int_equal(status->phase, PHASE_UNKNOWN);
        assert_int_equal(status->conditions[CONDITION_READY].value, CONDITION_ABSENT);
        assert_int_equal(status->restarts.count, 0);
        assert_int_equal(status->restarts.in_a_row, 0);
        assert_int_equal(status->task->attempt, 0);
        assert_false(status->task->has_exit_code);
        assert_null(status->task->id);
        assert_int_equal(status->operation.state, OPERATION_NONE);
    }
    {
        auto_owned(object_status) *status = status_from_json(NULL);

        assert_int_equal(status->phase, PHASE_UNKNOWN);
    }
}

static void a_duration_that_cannot_be_is_none(void **state)
{
    static const char *const durations[] = {"9223372036854775807", "-9223372036854775807", "-5",
                                            "\"x\"", "1e300"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
        auto_free char *text = xasprintf("{\"history\": [{\"startTime\": \"2026-01-02T12:00:00Z\","
                                         " \"durationMs\": %s}], \"restarts\": {\"last\":"
                                         " {\"finishedAtMs\": 9223372036854775807}}}",
                                         durations[i]);
        json_auto_t *json = json_loads(text, 0, NULL), *again = NULL;
        auto_owned(object_status) *status = NULL;

        assert_non_null(json);
        status = status_from_json(json);
        assert_int_equal(status->history[0].start_wall_ms, now_wall_ms);
        assert_int_equal(status->history[0].end_wall_ms, now_wall_ms);
        again = status_to_json(status); /* and it can be shown */
        assert_non_null(again);
    }
}

static void a_long_history_is_cut(void **state)
{
    json_auto_t *list = json_array(), *json = NULL;
    auto_owned(object_status) *status = NULL;

    (void)state;
    for (int i = 0; i < 100; i++) {
        json_array_append_new(list, json_pack("{s:s}", "type", "restart"));
    }
    json = json_pack("{s:O}", "history", list);
    status = status_from_json(json);
    assert_int_equal(status->history_count, HISTORY_LENGTH);
}

static void settled_is_what_needs_no_more_waiting(void **state)
{
    static const struct {
        enum phase phase;
        enum condition_value ready, reconciling, spec_valid;
        bool is_settled;
    } rows[] = {
        {PHASE_RUNNING, CONDITION_TRUE, CONDITION_FALSE, CONDITION_ABSENT, true},
        {PHASE_RUNNING, CONDITION_FALSE, CONDITION_FALSE, CONDITION_ABSENT, false},
        {PHASE_RUNNING, CONDITION_TRUE, CONDITION_TRUE, CONDITION_ABSENT, false},
        {PHASE_RUNNING, CONDITION_TRUE, CONDITION_FALSE, CONDITION_FALSE, false},
        {PHASE_SUCCEEDED, CONDITION_FALSE, CONDITION_FALSE, CONDITION_ABSENT, true},
        {PHASE_FAILED, CONDITION_FALSE, CONDITION_FALSE, CONDITION_ABSENT, false},
        {PHASE_UNKNOWN, CONDITION_ABSENT, CONDITION_ABSENT, CONDITION_ABSENT, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(object_status) *status = status_new();

        status->phase = rows[i].phase;
        status->conditions[CONDITION_READY].value = rows[i].ready;
        status->conditions[CONDITION_RECONCILING].value = rows[i].reconciling;
        status->conditions[CONDITION_SPEC_VALID].value = rows[i].spec_valid;
        assert_int_equal(status_is_settled(status), rows[i].is_settled);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_have_names_of_their_own),
        cmocka_unit_test(every_phase_comes_back),
        cmocka_unit_test(every_condition_comes_back),
        cmocka_unit_test(what_must_be_remembered_comes_back),
        cmocka_unit_test(an_exit_code_of_none_is_not_zero),
        cmocka_unit_test(the_history_keeps_the_last_five),
        cmocka_unit_test(an_operation_that_ended_badly_is_done_with_an_error),
        cmocka_unit_test(what_is_pending_is_forgotten_by_the_next_pass),
        cmocka_unit_test(files_of_earlier_versions_are_read),
        cmocka_unit_test(an_operation_that_ran_when_the_file_was_written_runs_no_more),
        cmocka_unit_test(a_successor_remembers_and_does_not_repeat),
        cmocka_unit_test(a_condition_knows_since_when_it_has_its_value),
        cmocka_unit_test(errors_have_the_code_of_the_catalogue),
        cmocka_unit_test(bytes_that_are_no_text_do_not_lose_the_status),
        cmocka_unit_test(ports_and_container_are_shown),
        cmocka_unit_test(damaged_documents_read_as_far_as_they_go),
        cmocka_unit_test(a_duration_that_cannot_be_is_none),
        cmocka_unit_test(a_long_history_is_cut),
        cmocka_unit_test(settled_is_what_needs_no_more_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

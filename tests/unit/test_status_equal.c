#include "specs/status_equal.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { PORTS = 3, ERRORS = 3, LINES = 3 };

/*
 * A status with something in every field, of which no text is another one's end. Counts are odd
 * and texts begin at even addresses, so that whatever is changed in its last bit stays valid.
 */
struct full {
    struct object_status status;
    struct operation history[HISTORY_LENGTH];
    struct status_probes probes;
    struct status_hooks hooks;
    struct status_task task;
    struct status_repository repository;
    struct status_pool pool;
    struct status_port ports[PORTS];
    struct status_error errors[ERRORS];
    const char *lines[LINES];
    _Alignas(2) char words[128][8];
    size_t count;
};

static const char *word(struct full *full)
{
    char *text = full->words[full->count];

    text[0] = 'w';
    text[1] = (char)('a' + full->count / 26);
    text[2] = (char)('a' + full->count % 26);
    full->count++;
    return text;
}

static struct operation operation(struct full *full, int64_t at_wall_ms)
{
    return (struct operation){
        .state = OPERATION_DONE,
        .type = word(full),
        .cause = word(full),
        .message = word(full),
        .progress = 40,
        .start_wall_ms = at_wall_ms,
        .end_wall_ms = at_wall_ms + 4000,
        .error_reason = word(full),
        .error_message = word(full),
    };
}

static void fill_lists(struct full *full)
{
    struct object_status *status = &full->status;

    for (int i = 0; i < PORTS; i++) {
        full->ports[i] = (struct status_port){word(full), 80, PROTOCOL_TCP, word(full), 20000};
    }
    for (int i = 0; i < ERRORS; i++) {
        full->errors[i] = (struct status_error){400, word(full), word(full), word(full)};
    }
    for (int i = 0; i < LINES; i++) {
        full->lines[i] = word(full);
    }
    status->ports = full->ports;
    status->port_count = PORTS;
    status->errors = full->errors;
    status->error_count = ERRORS;
    status->restarts.last_log = (struct text_list){full->lines, LINES};
}

static void fill(struct full *full)
{
    static const int64_t at_wall_ms = INT64_C(1767355200000); /* 2026-01-02T12:00:00Z */
    struct object_status *status = &full->status;

    *full = (struct full){.status = {.phase = PHASE_RUNNING}};
    status->observed_hash = word(full);
    for (int i = 0; i < CONDITION_COUNT; i++) {
        status->conditions[i] =
            (struct condition){CONDITION_TRUE, word(full), word(full), at_wall_ms};
    }
    status->operation = operation(full, at_wall_ms);
    for (int i = 0; i < HISTORY_LENGTH; i++) {
        full->history[i] = operation(full, at_wall_ms + i * 1000);
    }
    status->history = full->history;
    status->history_count = HISTORY_LENGTH;
    status->container = (struct status_container){word(full), word(full), word(full), word(full),
                                                  word(full), word(full), at_wall_ms};
    status->last_address = word(full);
    status->restarts = (struct status_restarts){
        .count = 4,
        .in_a_row = 2,
        .next_retry_wall_ms = at_wall_ms,
        .has_last = true,
        .last_exit_code = 6,
        .last_reason = word(full),
        .last_message = word(full),
        .last_finished_wall_ms = at_wall_ms,
    };
    full->probes = (struct status_probes){at_wall_ms, at_wall_ms, {{0}}};
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        full->probes.of[i] =
            (struct status_probe){true, VERDICT_SUCCESS, 2, 2, word(full), at_wall_ms};
    }
    full->hooks.post_start =
        (struct status_hook){HOOK_FAILED, word(full), at_wall_ms, at_wall_ms, true};
    full->hooks.pre_stop =
        (struct status_hook){HOOK_FAILED, word(full), at_wall_ms, at_wall_ms, true};
    status->probes = &full->probes;
    status->hooks = &full->hooks;
    status->task = &full->task;
    status->repository = &full->repository;
    status->pool = &full->pool;
    fill_lists(full);
}

static bool is_within(const void *address, const void *begin, size_t size)
{
    uintptr_t at = (uintptr_t)address, from = (uintptr_t)begin;

    return at >= from && at < from + size;
}

/* Neither a list's address, whose items are changed instead, nor a count by more than one. */
static bool may_be_changed(const struct full *full, const char *at)
{
    size_t into_word = (uintptr_t)at % sizeof(void *);
    const void *value;

    memcpy(&value, at - into_word, sizeof(value));
    if (is_within(value, full->words, sizeof(full->words))) {
        return into_word == 0;
    }
    return value != full->history && value != full->ports && value != full->errors &&
           value != full->lines && (into_word == 0 || (uintptr_t)value > UINT8_MAX);
}

/* Returns how many of the changes are seen in the document. */
static unsigned change_all(struct full *full, void *begin, size_t size)
{
    struct full other;
    unsigned shown = 0;

    fill(&other);
    for (size_t i = 0; i < size; i += sizeof(int)) {
        char *at = (char *)begin + i;
        json_auto_t *before = NULL, *after = NULL;

        if (!may_be_changed(full, at)) {
            continue;
        }
        before = status_to_json(&full->status);
        *at ^= 1;
        after = status_to_json(&full->status);
        if (!json_equal(before, after)) {
            shown++;
            if (status_equal_of_instance(&full->status, &other.status) ||
                status_equal_of_instance(&other.status, &full->status)) {
                fail_msg("a change %zu bytes into %p is not seen", i, begin);
            }
        }
        *at ^= 1;
    }
    return shown;
}

static void whatever_is_shown_makes_a_difference(void **state)
{
    const size_t first = offsetof(struct object_status, phase);
    struct full full;
    unsigned shown;

    (void)state;
    fill(&full);
    shown = change_all(&full, (char *)&full.status + first,
                       offsetof(struct object_status, probes) - first);
    shown += change_all(&full, full.history, sizeof(full.history));
    shown += change_all(&full, &full.probes, sizeof(full.probes));
    shown += change_all(&full, &full.hooks, sizeof(full.hooks));
    shown += change_all(&full, full.ports, sizeof(full.ports));
    shown += change_all(&full, full.errors, sizeof(full.errors));
    shown += change_all(&full, full.lines, sizeof(full.lines));
    if (shown < 150) {
        fail_msg("only %u changes are shown: the test does not reach them any more", shown);
    }
}

static void two_of_the_same_are_equal(void **state)
{
    struct full one, other;

    (void)state;
    fill(&one);
    fill(&other);
    assert_true(status_equal_of_instance(&one.status, &other.status));
    assert_true(status_equal_of_instance(&one.status, &one.status));
}

static void work_and_pools_are_never_equal(void **state)
{
    struct full full;

    (void)state;
    fill(&full);
    full.task.repository = "repo-1";
    assert_false(status_equal_of_instance(&full.status, &full.status));
    fill(&full);
    full.repository.url = "https://example.com/x";
    assert_false(status_equal_of_instance(&full.status, &full.status));
    fill(&full);
    full.pool.is_set = true;
    assert_false(status_equal_of_instance(&full.status, &full.status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_is_shown_makes_a_difference),
        cmocka_unit_test(two_of_the_same_are_equal),
        cmocka_unit_test(work_and_pools_are_never_equal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "reconcilers/health.h"

#include "base/memory.h"
#include "reconcilers/world.h"
#include "specs/reason.h"
#include "tests/unit/plan_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/*
 * A container whose probe fails or not as the dice say, in a world where plans are carried out at
 * once; now and then the controller is killed, and the next one knows what the status document
 * says.
 */

enum { STEP_MS = 500, STEPS = 2400, RUNS = 20, MAX_STARTS = 100 };

struct history {
    int64_t starts[MAX_STARTS], ends[MAX_STARTS];
    unsigned start_count, end_count;
};

static const char spec_text[] = "apiVersion: berth.dev/v1\n"
                                "kind: Instance\n"
                                "metadata: {name: web}\n"
                                "spec:\n"
                                "  image: debian:12\n"
                                "  livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 2}\n"
                                "  readinessProbe: {tcpSocket: {port: 81}, periodSeconds: 1}\n";

static void note_actions(struct history *history, const struct plan *plan, int64_t now_wall_ms)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->actions[i]->type == ACTION_START_CONTAINER) {
            assert_true(history->start_count < MAX_STARTS);
            history->starts[history->start_count++] = now_wall_ms;
        } else if (plan->actions[i]->type == ACTION_STOP_CONTAINER) {
            history->ends[history->end_count++] = now_wall_ms;
        }
    }
}

static void pass(struct plan_model *model, const struct object *object,
                 const struct observed_probes *probes, struct history *history)
{
    struct port_table *ports = model->ports;
    struct world world = {
        .controller_id = MODEL_CONTROLLER, .ports = ports, .now_wall_ms = model->now_wall_ms};
    struct instance_input input = {
        .name = object->name,
        .desired = object,
        .container = model->container,
        .image = &model->image,
        .probes = probes,
        .network = plan_model_network(model),
        .failure = &model->failure,
        .previous = model->status,
    };
    auto_owned(plan) *plan = plan_new();
    struct object_status *status = status_successor(model->status);

    instance_reconcile(&world, &input, plan, status);
    note_actions(history, plan, model->now_wall_ms);
    plan_model_take_status(model, status);
    plan_model_apply(model, plan);
}

/*
 * What controller/probes.c does, with dice for answers. Returns whether the instance is to have a
 * pass.
 */
static bool probe(struct plan_model *model, const struct object *object,
                  struct observed_probes *probes, struct dice *dice, unsigned sides)
{
    struct probe_specs specs = probe_specs_of(&object->instance);
    bool is_news = false;

    if (model->container == NULL) {
        return false;
    }
    if (!probes_are_of(probes, model->container)) {
        probes_begin(probes, model->container, model->status, object->hash, model->now_wall_ms);
    }
    for (int i = 0; i < PROBE_TYPE_COUNT && model->container->state == WORKLOAD_RUNNING; i++) {
        int64_t due = probes_due(probes, &specs, (enum probe_type)i, model->now_wall_ms);

        if (due != 0 && due <= model->now_wall_ms) {
            bool is_good = dice_roll(dice, sides) != 0;

            probes->of[i].tried_wall_ms = model->now_wall_ms;
            is_news |= probes_note(probes, &specs, (enum probe_type)i, is_good,
                                   is_good ? NULL : "no", model->now_wall_ms);
        }
    }
    return is_news;
}

static void kill_controller(struct plan_model *model, struct observed_probes *probes)
{
    json_auto_t *json = status_to_json(model->status);

    status_free(model->status);
    model->status = status_from_json(json);
    observed_probes_done(probes);
}

/*
 * Each end that a probe caused is followed by one start, no sooner than the back-off of crashes
 * says. Documents have whole seconds.
 */
static void check_history(const struct history *history, const struct object_status *status,
                          int64_t early_ms)
{
    int64_t good_ms;
    unsigned in_a_row = 0;

    assert_in_range(history->start_count - history->end_count, 0, 1);
    for (unsigned i = 0; i < history->end_count; i++) {
        good_ms = history->ends[i] - history->starts[i];
        assert_true(good_ms > 0);
        in_a_row = good_ms >= RESTART_RESET_MS ? 1 : in_a_row + 1;
        if (i + 1 < history->start_count) {
            int64_t waited_ms = history->starts[i + 1] - history->ends[i];
            int64_t due_ms = (int64_t)retry_delay_ms("Instance/web", in_a_row - 1);

            assert_true(waited_ms >= due_ms - early_ms);
            assert_true(waited_ms <=
                        due_ms + 4 * STEP_MS); /* a pass a second, and two before the start */
        }
    }
    assert_int_equal(status->restarts.count, history->end_count);
    assert_true(history->end_count == 0 ||
                strcmp(status->restarts.last_reason, REASON_PROBE_FAILED) == 0);
}

static void run_world(struct dice *dice, unsigned sides, bool is_killed)
{
    struct object *object = object_from_text(spec_text);
    struct port_table ports;
    struct plan_model model = {
        .ports = &ports,
        .key = "Instance/web",
        .wanted_ports = &object->instance.ports,
        .now_wall_ms = INT64_C(1767355200000),
        .image = {.state = IMAGE_PRESENT, .id = MODEL_IMAGE_ID},
    };
    struct probe_specs specs = probe_specs_of(&object->instance);
    struct observed_probes probes = {0};
    struct history history = {0};
    bool is_due = true;

    port_table_init(&ports);
    for (int step = 0; step < STEPS; step++) {
        is_due |= probe(&model, object, &probes, dice, sides);
        if (is_due || step % 2 == 0) {
            pass(&model, object, &probes, &history);
            /*
             * what was said is what holds: RUNNING exactly when ready, and never while to be
             * restarted
             */
            if (model.container != NULL && probes_are_of(&probes, model.container) &&
                model.status->phase == PHASE_RUNNING) {
                assert_true(probes_are_ready(&probes, &specs));
            }
            is_due = false;
        }
        if (is_killed && dice_roll(dice, 20) == 0) {
            kill_controller(&model, &probes);
        }
        model.now_wall_ms += STEP_MS;
    }
    /* settle: an end of the last moment is still to be counted */
    for (int i = 0; i < 3; i++) {
        probe(&model, object, &probes, dice, 1000000);
        pass(&model, object, &probes, &history);
    }
    check_history(&history, model.status, is_killed ? 999 : 0);
    if (sides == 1) {
        assert_true(history.end_count > 5);
    }
    observed_probes_done(&probes);
    plan_model_done(&model);
    port_table_done(&ports);
    object_unref(object);
}

static void ends_by_a_probe_are_counted_and_waited_after_like_crashes(void **state)
{
    struct dice dice = {.state = 77};

    (void)state;
    run_world(&dice, 1, false); /* always fails */
    for (int run = 0; run < RUNS; run++) {
        run_world(&dice, 2 + dice_roll(&dice, 4), false);
    }
}

static void controllers_that_are_killed_neither_forget_nor_count_twice(void **state)
{
    struct dice dice = {.state = 78};

    (void)state;
    run_world(&dice, 1, true);
    for (int run = 0; run < RUNS; run++) {
        run_world(&dice, 2 + dice_roll(&dice, 4), true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_by_a_probe_are_counted_and_waited_after_like_crashes),
        cmocka_unit_test(controllers_that_are_killed_neither_forget_nor_count_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

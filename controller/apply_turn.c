#include "controller/apply.h"

#include "base/memory.h"
#include "base/parse.h"

/* Not from where the slot was given back: who gets the next one would run inside of us. */
static void on_turn(uv_timer_t *timer)
{
    run_go_on(timer->data);
}

static void on_slot(void *user)
{
    struct plan_run *run = user;

    uv_timer_start(&run->timer, on_turn, 0, 0);
}

/* What somebody asked for, and not what is brought back. */
static bool is_asked_for(const struct plan_run *run)
{
    static const char *const operations[] = {"create", "update", "delete"};

    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (text_equal(run->plan->operation, operations[i])) {
            return true;
        }
    }
    return false;
}

static enum slot_lane lane_of(const struct plan_run *run)
{
    const struct entry *entry = run->entry;
    const struct entry *asked = entry->member.pool != NULL ? entry->member.pool : entry;

    return slots_lane(is_asked_for(run), asked->changed_at_ms, run->controller->listed_at_ms);
}

static void say_waiting(struct plan_run *run, enum plan_load load)
{
    struct object_status *status = run->entry->status;

    if (run->plan->operation != NULL) {
        status->phase = run_action(run)->phase;
        status->operation.state = OPERATION_PENDING;
        run_set_progress(run, (unsigned)(run->index * 100 / run->plan->count),
                         load == LOAD_START ? "waits for its turn to start"
                                            : "waits for its turn to stop");
    }
}

bool run_take_turn(struct plan_run *run)
{
    enum plan_load load;

    if (run->slots != NULL || !action_is_load(run_action(run)->type)) {
        return true;
    }
    load = plan_load_from(run->plan, run->index);
    run->slots = load == LOAD_START ? &run->controller->starts : &run->controller->stops;
    if (slots_take(&run->slots->slots, &run->wait, lane_of(run), on_slot, run)) {
        return true;
    }
    say_waiting(run, load);
    return false;
}

static void give_back(struct plan_run *run, bool is_measured)
{
    struct work_slots *slots = TAKE(run->slots);

    if (slots == NULL) {
        return;
    }
    if (run->wait.is_waiting) {
        slots_leave(&slots->slots, &run->wait);
    } else {
        work_slots_give_back(slots, is_measured);
    }
}

void run_end_turn(struct plan_run *run)
{
    if (plan_load_from(run->plan, run->index) == LOAD_NONE) {
        give_back(run, true);
    }
}

void run_leave_turn(struct plan_run *run)
{
    give_back(run, false);
}

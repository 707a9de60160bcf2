#include "controller/slot_tuner.h"

#include "base/clock.h"

/*
 * A window has at least so many ends: the fewer, the more does chance decide. A larger limit must
 * bring so much more, a smaller one may bring so much less. Windows between two tries.
 */
enum { LEAST_ENDS = 6, HELD_WINDOWS = 4 };
static const double CLEARLY_MORE = 1.05, AS_MANY = 0.97, NEW_WEIGHT = 0.3;

void slot_tuner_init(struct slot_tuner *tuner, unsigned first, unsigned min, unsigned max)
{
    *tuner = (struct slot_tuner){
        .limit = first, .held = first, .min = min, .max = max, .is_climbing = true};
}

void slot_tuner_interrupt(struct slot_tuner *tuner)
{
    tuner->ends = 0;
    tuner->since_ms = 0;
}

/* A half more, or as much less again. */
static unsigned next_limit(const struct slot_tuner *tuner)
{
    unsigned step = tuner->held / (tuner->is_climbing ? 2 : 3);
    unsigned next = tuner->is_climbing ? tuner->held + (step > 0 ? step : 1)
                                       : tuner->held - (step > 0 ? step : 1);

    return next > tuner->max ? tuner->max : next < tuner->min ? tuner->min : next;
}

static void set_limit(struct slot_tuner *tuner, unsigned limit)
{
    tuner->limit = limit;
    tuner->windows = 0;
}

static void hold(struct slot_tuner *tuner, double rate)
{
    tuner->held = tuner->limit;
    tuner->held_rate = rate;
}

/* The limit that is known to be good has been measured again: slowly, the figure follows. */
static void measure_held(struct slot_tuner *tuner, double rate)
{
    bool is_first = tuner->held_rate <= 0;

    tuner->held_rate = is_first ? rate : tuner->held_rate + NEW_WEIGHT * (rate - tuner->held_rate);
    if (is_first || ++tuner->windows >= HELD_WINDOWS) {
        if (next_limit(tuner) == tuner->held) {
            tuner->is_climbing = !tuner->is_climbing;
        }
        set_limit(tuner, next_limit(tuner));
    }
}

static void measure_try(struct slot_tuner *tuner, double rate)
{
    double wanted = tuner->held_rate * (tuner->is_climbing ? CLEARLY_MORE : AS_MANY);

    if (rate < wanted) {
        tuner->is_climbing = !tuner->is_climbing;
        set_limit(tuner, tuner->held);
        return;
    }
    hold(tuner, rate);
    set_limit(tuner, next_limit(tuner));
}

bool slot_tuner_end(struct slot_tuner *tuner, uint64_t now_ms, bool is_waited_for)
{
    unsigned before = tuner->limit, wanted = before > LEAST_ENDS ? before : LEAST_ENDS;
    double rate;

    if (!is_waited_for || tuner->min == tuner->max) {
        slot_tuner_interrupt(tuner);
        return false;
    }
    if (tuner->since_ms == 0) {
        tuner->since_ms = now_ms; /* what had begun before is not counted */
        return false;
    }
    if (++tuner->ends < wanted || now_ms == tuner->since_ms) {
        return false;
    }
    rate = (double)tuner->ends * MS_PER_SECOND / (double)(now_ms - tuner->since_ms);
    tuner->ends = 0;
    tuner->since_ms = now_ms;
    if (tuner->limit == tuner->held) {
        measure_held(tuner, rate);
    } else {
        measure_try(tuner, rate);
    }
    if (tuner->limit != before) {
        slot_tuner_interrupt(tuner);
    }
    return tuner->limit != before;
}

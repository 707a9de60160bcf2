/*
 * Random numbers that depend on the seed only (splitmix64), so that a sequence can be played again.
 */
#ifndef BERTH_TESTS_MODEL_DICE_H
#define BERTH_TESTS_MODEL_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

static inline uint64_t dice_next(struct dice *dice)
{
    uint64_t z = (dice->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 to count - 1 */
static inline unsigned dice_roll(struct dice *dice, unsigned count)
{
    return (unsigned)(dice_next(dice) % count);
}

static inline bool dice_percent(struct dice *dice, unsigned percent)
{
    return dice_roll(dice, 100) < percent;
}

#endif

#include "reconcilers/room_index.h"

#include "plan_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { ROOMS = 33 };

/* The same question answered by looking at every room. */
static const struct room *best_by_looking(const struct room *rooms, size_t count,
                                          enum placement placement, int64_t cpu, int64_t memory)
{
    const struct room *best = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct room *room = &rooms[i];
        int64_t use = (int64_t)room->tasks * 1000 + room->repositories, best_use;

        if (!room->takes_new || room->cpu_milli_free < cpu || room->memory_bytes_free < memory) {
            continue;
        }
        best_use = best == NULL ? 0 : (int64_t)best->tasks * 1000 + best->repositories;
        if (best == NULL || (placement == PLACEMENT_PACK ? use > best_use : use < best_use)) {
            best = room;
        }
    }
    return best;
}

static void finds_what_looking_at_all_finds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct dice dice = {seed * UINT64_C(0x9E3779B97F4A7C15)};
        enum placement placement = seed % 2 == 0 ? PLACEMENT_PACK : PLACEMENT_SPREAD;
        size_t count = dice_roll(&dice, ROOMS + 1);
        struct room rooms[ROOMS] = {0};
        auto_done(room_index) index;

        room_index_init(&index, placement, count);
        for (int step = 0; step < 200; step++) {
            int64_t cpu = dice_roll(&dice, 6), memory = dice_roll(&dice, 6);
            const struct room *found = room_index_best(&index, cpu, memory);
            const struct room *wanted = best_by_looking(rooms, count, placement, cpu, memory);
            size_t at = count > 0 ? dice_roll(&dice, (unsigned)count) : 0;

            assert_int_equal(found == NULL, wanted == NULL);
            if (wanted != NULL) {
                assert_int_equal(found->member, wanted->member);
            }
            if (count == 0) {
                continue;
            }
            rooms[at] = (struct room){
                .member = at + 100,
                .takes_new = dice_roll(&dice, 4) > 0,
                .tasks = dice_roll(&dice, 4),
                .repositories = dice_roll(&dice, 3),
                .cpu_milli_free = dice_roll(&dice, 6),
                .memory_bytes_free = dice_roll(&dice, 6),
            };
            room_index_set(&index, at, &rooms[at]);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_looking_at_all_finds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "reconcilers/disk.h"

#include "base/memory.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define GIB (UINT64_C(1) << 30)
#define MINUTE (INT64_C(60) * 1000)
#define HOUR (60 * MINUTE)
#define NOW (1000000 * HOUR)

/* 100 GiB and 1000 inodes, so that one of them is one per cent or a tenth. */
static struct disk_usage usage(uint64_t used_gib, uint64_t used_inodes)
{
    return (struct disk_usage){
        .total_bytes = 100 * GIB,
        .free_bytes = (100 - used_gib) * GIB,
        .total_inodes = 1000,
        .free_inodes = 1000 - used_inodes,
    };
}

/* "setup-1 snap-2": the ids in their order. */
static char *ids_of(const struct disk_decision *decision)
{
    auto_done(strbuf) text = {0};

    for (size_t i = 0; i < decision->removal_count; i++) {
        strbuf_addf(&text, "%s%s", i > 0 ? " " : "", decision->removals[i].item->id);
    }
    strbuf_add(&text, "");
    return strbuf_take(&text);
}

static void assert_removals(const struct disk_usage *disk, const struct disk_item *items,
                            size_t count, const char *ids)
{
    auto_done(disk_decision) decision;
    auto_free char *text = NULL;

    disk_decide(disk, &disk_policy_default, items, count, NOW, &decision);
    text = ids_of(&decision);
    assert_string_equal(text, ids);
}

static void pressure_begins_at_the_high_marks(void **state)
{
    static const struct {
        uint64_t used_gib, used_inodes;
        const char *reason;
    } rows[] = {
        {0, 0, ""},
        {84, 699, ""},
        {85, 0, "disk is 85 % full, the limit is 85 %"},
        {91, 0, "disk is 91 % full, the limit is 85 %"},
        {100, 0, "disk is 100 % full, the limit is 85 %"},
        {0, 700, "70 % of the disk's inodes are in use, the limit is 70 %"},
        {90, 999,
         "disk is 90 % full, the limit is 85 %; 99 % of the disk's inodes are in use, the limit is "
         "70 %"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct disk_usage disk = usage(rows[i].used_gib, rows[i].used_inodes);
        auto_done(disk_decision) decision;

        disk_decide(&disk, &disk_policy_default, NULL, 0, NOW, &decision);
        assert_string_equal(decision.reason, rows[i].reason);
        assert_int_equal(decision.is_under_pressure, rows[i].reason[0] != '\0');
        assert_int_equal(decision.removal_count, 0);
    }
}

static void pressure_that_has_begun_is_over_below_the_low_marks(void **state)
{
    static const struct {
        uint64_t used_gib, used_inodes;
        unsigned pressing, pressing_after;
        const char *reason;
    } rows[] = {
        {79, 0, DISK_FULL, 0, ""},
        {80, 0, DISK_FULL, DISK_FULL, "disk was 85 % full and is 80 %; below 80 % it is enough"},
        {84, 0, DISK_FULL, DISK_FULL, "disk was 85 % full and is 84 %; below 80 % it is enough"},
        {86, 0, DISK_FULL, DISK_FULL, "disk is 86 % full, the limit is 85 %"},
        {84, 0, DISK_INODES_USED, 0, ""}, /* each has a past of its own */
        {0, 649, DISK_INODES_USED, 0, ""},
        {84, 650, DISK_INODES_USED, DISK_INODES_USED,
         "70 % of the disk's inodes were in use, and 65 % are; below 65 % it is enough"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct disk_usage disk = usage(rows[i].used_gib, rows[i].used_inodes);
        auto_free char *reason = NULL;

        disk.pressing = rows[i].pressing;
        assert_int_equal(disk_find_pressure(&disk, &disk_policy_default, 0, &reason),
                         rows[i].pressing_after);
        assert_string_equal(reason, rows[i].reason);
    }
}

static void the_file_system_is_looked_at_as_often_as_it_could_fill(void **state)
{
    static const struct {
        uint64_t total_gib, free_gib, total_inodes, free_inodes;
        unsigned pressing;
        int64_t ms;
    } rows[] = {
        {0, 0, 0, 0, 0, 10000}, /* not known */
        {1000, 1000, 0, 0, 0, 60000},
        {1000, 250, 0, 0, 0, 50000}, /* 100 GiB below the mark, at 2 GiB/s */
        {1000, 165, 0, 0, 0, 10000}, /* 15 GiB below it */
        {1000, 100, 0, 0, 0, 10000}, /* beyond it */
        {1000, 1000, 0, 0, DISK_OVER_BUDGET, 10000},
        {1000, 1000, 10000000, 10000000, 0, 35000}, /* 7,000,000 files, at 200,000 a second */
        {1000, 1000, 10000000, 1000000, 0, 10000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct disk_usage disk = {
            .total_bytes = rows[i].total_gib * GIB,
            .free_bytes = rows[i].free_gib * GIB,
            .total_inodes = rows[i].total_inodes,
            .free_inodes = rows[i].free_inodes,
            .pressing = rows[i].pressing,
        };

        assert_in_range(disk_look_again_ms(&disk, &disk_policy_default), rows[i].ms,
                        rows[i].ms + rows[i].ms / 1000); /* a share is rounded */
    }
}

static void a_budget_that_was_passed_is_kept_to_below_nine_tenths_of_it(void **state)
{
    static const struct {
        uint64_t gib;
        unsigned pressing, pressing_after;
    } rows[] = {
        {10, 0, 0},
        {11, 0, DISK_OVER_BUDGET},
        {10, DISK_OVER_BUDGET, DISK_OVER_BUDGET},
        {9, DISK_OVER_BUDGET, 0},
        {10, DISK_FULL, 0},
    };
    struct disk_policy policy = disk_policy_with(85, 70, 10 * GIB);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct disk_usage disk = usage(10, 10);
        auto_free char *reason = NULL;

        disk.pressing = rows[i].pressing;
        assert_int_equal(disk_find_pressure(&disk, &policy, rows[i].gib * GIB, &reason),
                         rows[i].pressing_after);
    }
}

static void low_marks_follow_from_the_limits(void **state)
{
    static const struct {
        unsigned high, low;
    } rows[] = {{85, 80}, {70, 65}, {100, 95}, {10, 5}, {9, 5}, {2, 1}, {1, 1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct disk_policy policy = disk_policy_with(rows[i].high, rows[i].high, 0);

        assert_int_equal(policy.low_percent, rows[i].low);
        assert_int_equal(policy.low_inode_percent, rows[i].low);
    }
}

static void what_is_not_known_of_the_disk_is_no_pressure(void **state)
{
    static const struct disk_usage rows[] = {
        {.total_bytes = 0},
        {.total_bytes = 0, .free_bytes = 5},
        {.total_bytes = 10, .free_bytes = 20},
        {.total_bytes = UINT64_MAX, .free_bytes = UINT64_MAX / 2},
        {.total_bytes = 10, .free_bytes = 10, .total_inodes = 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(disk_decision) decision;

        disk_decide(&rows[i], &disk_policy_default, NULL, 0, NOW, &decision);
        assert_false(decision.is_under_pressure);
    }
}

static void a_budget_is_for_all_items_together(void **state)
{
    const struct disk_item items[] = {
        {DISK_IDLE_WORKSPACE, "a", "r", 6 * GIB, 1, NOW - 3 * HOUR, 0, false, false},
        {DISK_IDLE_WORKSPACE, "b", "r", 1 * GIB, 1, NOW - 2 * HOUR, 0, false, false},
        {DISK_KEPT_TREE, "used", "r", 4 * GIB, 1, NOW, 0, true, false},
    };
    static const struct {
        uint64_t budget_gib;
        const char *reason, *ids;
    } rows[] = {
        {0, "", ""},
        {11, "", ""},
        {10, "workspaces take 11.0 GiB, the budget is 10.0 GiB", "a"},
        {5, "workspaces take 11.0 GiB, the budget is 5.0 GiB", "a b"},
    };
    struct disk_usage disk = usage(10, 10);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct disk_policy policy = disk_policy_default;
        auto_done(disk_decision) decision;
        auto_free char *ids = NULL;

        policy.budget_bytes = rows[i].budget_gib * GIB;
        disk_decide(&disk, &policy, items, ARRAY_SIZE(items), NOW, &decision);
        ids = ids_of(&decision);
        assert_string_equal(decision.reason, rows[i].reason);
        assert_string_equal(ids, rows[i].ids);
    }
}

/* Each of 4 GiB: 2 to get from 88 % to 80 %. */
static const struct disk_item mixed[] = {
    {DISK_MIRROR, "mirror-a", "a", 4 * GIB, 10, NOW - 90 * HOUR, 0, false, false},
    {DISK_MIRROR, "mirror-b", "b", 4 * GIB, 10, NOW - 80 * HOUR, 0, false, false},
    {DISK_MIRROR, "mirror-c", "c", 4 * GIB, 10, NOW - 70 * HOUR, 0, false, false},
    {DISK_IDLE_WORKSPACE, "idle-a", "a", 4 * GIB, 10, NOW - 50 * HOUR, 0, false, false},
    {DISK_KEPT_TREE, "tree-a", "a", 4 * GIB, 10, NOW - 60 * HOUR, 0, false, false},
    {DISK_KEPT_TREE, "work-a", "a", 4 * GIB, 10, NOW - 99 * HOUR, NOW - 1, false, false},
    {DISK_KEPT_TREE, "work-b", "b", 4 * GIB, 10, NOW - 99 * HOUR, NOW + 1, false, false},
    {DISK_SNAPSHOT, "newest-a", "a", 4 * GIB, 10, NOW - 9 * HOUR, 0, false, true},
    {DISK_SETUP_LAYER, "layer-a", "a", 4 * GIB, 10, NOW - 9 * HOUR, 0, false, true},
    {DISK_SNAPSHOT, "recent-a", "a", 4 * GIB, 10, NOW - 59 * MINUTE, 0, false, false},
    {DISK_SNAPSHOT, "used-c", "c", 4 * GIB, 10, NOW - 99 * HOUR, 0, true, false},
};

static void what_can_be_made_again_goes_first_and_the_longest_unused_of_it(void **state)
{
    static const struct {
        uint64_t used_gib, used_inodes;
        const char *ids;
    } rows[] = {
        {84, 0, ""},
        {85, 0, "layer-a newest-a"},
        {88, 0, "layer-a newest-a"},
        {89, 0, "layer-a newest-a recent-a"},
        {95, 0, "layer-a newest-a recent-a work-a"},
        {99, 0, "layer-a newest-a recent-a work-a tree-a"},
        {10, 700, "layer-a newest-a recent-a work-a tree-a"},
        {10, 710, "layer-a newest-a recent-a work-a tree-a idle-a"},
        {10, 720, "layer-a newest-a recent-a work-a tree-a idle-a mirror-a"},
        {10, 999, "layer-a newest-a recent-a work-a tree-a idle-a mirror-a"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct disk_usage disk = usage(rows[i].used_gib, rows[i].used_inodes);

        assert_removals(&disk, mixed, ARRAY_SIZE(mixed), rows[i].ids);
    }
}

static void without_pressure_only_old_snapshots_and_layers_go(void **state)
{
    const struct disk_item items[] = {
        {DISK_SNAPSHOT, "old", "a", GIB, 1, NOW - HOUR, 0, false, false},
        {DISK_SNAPSHOT, "older", "a", GIB, 1, NOW - 2 * HOUR, 0, false, false},
        {DISK_SETUP_LAYER, "layer", "a", GIB, 1, NOW - 3 * HOUR, 0, false, false},
        {DISK_SNAPSHOT, "young", "a", GIB, 1, NOW - HOUR + 1, 0, false, false},
        {DISK_SNAPSHOT, "future", "a", GIB, 1, NOW + HOUR, 0, false, false},
        {DISK_SNAPSHOT, "newest", "a", GIB, 1, NOW - 9 * HOUR, 0, false, true},
        {DISK_SNAPSHOT, "used", "a", GIB, 1, NOW - 9 * HOUR, 0, true, false},
        {DISK_SNAPSHOT, "unmeasured", "a", 0, 0, NOW - 9 * HOUR, 0, false, false},
        {DISK_IDLE_WORKSPACE, "idle", "a", GIB, 1, NOW - 99 * HOUR, 0, false, false},
        {DISK_KEPT_TREE, "tree", "a", GIB, 1, NOW - 99 * HOUR, 0, false, false},
        {DISK_MIRROR, "mirror", "b", GIB, 1, NOW - 99 * HOUR, 0, false, false},
    };
    struct disk_usage disk = usage(50, 50);

    (void)state;
    assert_removals(&disk, items, ARRAY_SIZE(items), "unmeasured layer older old");
}

static void what_goes_anyhow_counts_for_what_is_needed(void **state)
{
    const struct disk_item items[] = {
        {DISK_SNAPSHOT, "old", "a", 7 * GIB, 1, NOW - HOUR, 0, false, false},
        {DISK_IDLE_WORKSPACE, "idle", "a", GIB, 1, NOW - 99 * HOUR, 0, false, false},
        {DISK_IDLE_WORKSPACE, "idle-2", "a", GIB, 1, NOW - 98 * HOUR, 0, false, false},
    };
    struct disk_usage some = usage(87, 50), more = usage(88, 50);

    (void)state;
    assert_removals(&some, items, ARRAY_SIZE(items), "old");
    assert_removals(&more, items, ARRAY_SIZE(items), "old idle");
}

/* Else all that was not measured would go at once. */
static void what_was_not_measured_ends_the_list(void **state)
{
    const struct disk_item items[] = {
        {DISK_IDLE_WORKSPACE, "a", "a", GIB, 1, NOW - 9 * HOUR, 0, false, false},
        {DISK_IDLE_WORKSPACE, "b", "a", 0, 0, NOW - 8 * HOUR, 0, false, false},
        {DISK_IDLE_WORKSPACE, "c", "a", GIB, 1, NOW - 7 * HOUR, 0, false, false},
    };
    struct disk_usage disk = usage(99, 50);

    (void)state;
    assert_removals(&disk, items, ARRAY_SIZE(items), "a b");
    assert_removals(&disk, items + 2, 1, "c");
}

static void each_removal_has_its_cause(void **state)
{
    const struct disk_item items[] = {
        {DISK_SNAPSHOT, "old", "a", 1, 1, NOW - 61 * MINUTE, 0, false, false},
        {DISK_SNAPSHOT, "young", "a", 1, 1, NOW - 5 * MINUTE, 0, false, false},
        {DISK_SNAPSHOT, "future", "a", 1, 1, NOW + 5 * MINUTE, 0, false, false},
        {DISK_IDLE_WORKSPACE, "idle", "a", 1, 1, NOW - 50 * HOUR, 0, false, false},
    };
    static const char *const causes[] = {
        "not used for 1 h",
        "disk is 90 % full, the limit is 85 %; not used for 5 min",
        "disk is 90 % full, the limit is 85 %; not used for 0 min",
        "disk is 90 % full, the limit is 85 %; not used for 2 d",
    };
    struct disk_usage disk = usage(90, 50);
    auto_done(disk_decision) decision;

    (void)state;
    disk_decide(&disk, &disk_policy_default, items, ARRAY_SIZE(items), NOW, &decision);
    assert_int_equal(decision.removal_count, ARRAY_SIZE(causes));
    for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
        assert_string_equal(decision.removals[i].cause, causes[i]);
    }
}

/* Random worlds. */

enum { WORLDS = 3000, MAX_ITEMS = 40 };

struct world {
    uint64_t seed, random;
    struct disk_usage usage;
    struct disk_policy policy;
    struct disk_item items[MAX_ITEMS];
    char ids[MAX_ITEMS][32];
    size_t count;
};

#define hold(world, rule)                                                                          \
    do {                                                                                           \
        if (!(rule)) {                                                                             \
            fail_msg("world %llu breaks: %s", (unsigned long long)(world)->seed, #rule);           \
        }                                                                                          \
    } while (0)

static unsigned draw(struct world *world, unsigned below)
{
    world->random = world->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(world->random >> 33) % below;
}

static void make_item(struct world *world, size_t index)
{
    static const char *const repositories[] = {"a", "b", "c"};
    bool is_measured = draw(world, 20) > 0;

    snprintf(world->ids[index], sizeof(world->ids[index]), "item-%zu", index);
    world->items[index] = (struct disk_item){
        .kind = (enum disk_item_kind)draw(world, DISK_MIRROR + 1),
        .id = world->ids[index],
        .repository = repositories[draw(world, ARRAY_SIZE(repositories))],
        .bytes = is_measured ? draw(world, 3000) + 1 : 0,
        .files = is_measured ? draw(world, 300) : 0,
        .last_used_wall_ms = NOW + HOUR - (int64_t)draw(world, 100) * 10 * MINUTE,
        .kept_until_wall_ms = draw(world, 4) == 0 ? NOW - 50 + (int64_t)draw(world, 100) : 0,
        .is_in_use = draw(world, 5) == 0,
        .is_newest = draw(world, 3) == 0,
    };
}

static void world_init(struct world *world, uint64_t seed)
{
    *world = (struct world){.seed = seed, .random = seed, .policy = disk_policy_default};
    world->usage = (struct disk_usage){
        .total_bytes = 100000,
        .free_bytes = draw(world, 100001),
        .total_inodes = draw(world, 3) > 0 ? 10000 : 0,
        .free_inodes = draw(world, 10001),
    };
    world->policy.budget_bytes = draw(world, 3) == 0 ? draw(world, 50000) : 0;
    world->count = draw(world, MAX_ITEMS + 1);
    for (size_t i = 0; i < world->count; i++) {
        make_item(world, i);
    }
}

static void decide(const struct world *world, struct disk_decision *ret_decision)
{
    disk_decide(&world->usage, &world->policy, world->items, world->count, NOW, ret_decision);
}

static bool is_removed(const struct disk_decision *decision, const char *id)
{
    for (size_t i = 0; i < decision->removal_count; i++) {
        if (strcmp(decision->removals[i].item->id, id) == 0) {
            return true;
        }
    }
    return false;
}

/* What goes whether the disk is full or not. */
static bool is_routine(const struct world *world, const struct disk_item *item)
{
    return (item->kind == DISK_SNAPSHOT || item->kind == DISK_SETUP_LAYER) && !item->is_newest &&
           NOW - item->last_used_wall_ms >= world->policy.unused_ms;
}

static bool is_free(const struct disk_item *item)
{
    return !item->is_in_use && item->kept_until_wall_ms <= NOW;
}

static void nothing_goes_that_is_used_or_kept(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        auto_done(disk_decision) decision;
        struct world world;

        world_init(&world, seed);
        decide(&world, &decision);
        for (size_t i = 0; i < decision.removal_count; i++) {
            const struct disk_item *item = decision.removals[i].item;

            hold(&world, is_free(item));
            hold(&world, decision.is_under_pressure || is_routine(&world, item));
            hold(&world, decision.removals[i].cause[0] != '\0');
            for (size_t k = 0; k < i; k++) {
                hold(&world, decision.removals[k].item != item);
            }
        }
        for (size_t i = 0; i < world.count; i++) {
            hold(&world, !is_routine(&world, &world.items[i]) || !is_free(&world.items[i]) ||
                             is_removed(&decision, world.items[i].id));
        }
    }
}

static void a_mirror_goes_only_with_the_last_of_its_repository(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        auto_done(disk_decision) decision;
        struct world world;

        world_init(&world, seed);
        decide(&world, &decision);
        for (size_t i = 0; i < decision.removal_count; i++) {
            const struct disk_item *mirror = decision.removals[i].item;

            for (size_t k = 0; mirror->kind == DISK_MIRROR && k < world.count; k++) {
                hold(&world, world.items[k].kind == DISK_MIRROR ||
                                 strcmp(world.items[k].repository, mirror->repository) != 0 ||
                                 is_removed(&decision, world.items[k].id));
            }
        }
    }
}

/*
 * True when disk and budget are at their low marks, or had no pressure, once the first ones are
 * gone.
 */
static bool is_low_after(const struct world *world, const struct disk_decision *decision,
                         size_t removals)
{
    uint64_t used = world->usage.total_bytes - world->usage.free_bytes, all = 0, bytes = 0;
    uint64_t inodes = world->usage.total_inodes > 0 ? 10000 - world->usage.free_inodes : 0;
    uint64_t files = 0, budget = world->policy.budget_bytes;

    for (size_t i = 0; i < world->count; i++) {
        all += world->items[i].bytes;
    }
    for (size_t i = 0; i < removals; i++) {
        bytes += decision->removals[i].item->bytes;
        files += decision->removals[i].item->files;
    }
    return (used < 85000 || used <= 80000 + bytes) && (inodes < 7000 || inodes <= 6500 + files) &&
           (budget == 0 || all <= budget ||
            all <= budget / 100 * 90 + budget % 100 * 90 / 100 + bytes);
}

static bool ends_unmeasured(const struct disk_decision *decision)
{
    for (size_t i = 0; i < decision->removal_count; i++) {
        if (decision->removals[i].item->bytes == 0 && decision->removals[i].item->files == 0) {
            return true;
        }
    }
    return false;
}

/* No item more than is needed, and none less as long as there is one that may go. */
static void it_stops_when_the_low_marks_are_reached(void **state)
{
    unsigned reached = 0, used_up = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        auto_done(disk_decision) decision;
        struct world world;
        size_t routine = 0;

        world_init(&world, seed);
        decide(&world, &decision);
        while (routine < decision.removal_count &&
               is_routine(&world, decision.removals[routine].item)) {
            routine++;
        }
        for (size_t i = routine; i < decision.removal_count; i++) {
            hold(&world, !is_low_after(&world, &decision, i));
        }
        if (is_low_after(&world, &decision, decision.removal_count)) {
            reached += decision.removal_count > routine ? 1 : 0;
            continue;
        }
        for (size_t i = 0; i < world.count && !ends_unmeasured(&decision); i++) {
            hold(&world, !is_free(&world.items[i]) || world.items[i].kind == DISK_MIRROR ||
                             is_removed(&decision, world.items[i].id));
        }
        used_up++;
    }
    assert_true(reached > 100 && used_up > 100); /* both were met often enough to mean something */
}

static void a_fuller_disk_never_keeps_what_an_emptier_one_gives_up(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        auto_done(disk_decision) before;
        auto_done(disk_decision) after;
        struct world world;

        world_init(&world, seed);
        decide(&world, &before);
        world.usage.free_bytes -= world.usage.free_bytes / (1 + draw(&world, 4));
        world.usage.free_inodes -= world.usage.free_inodes / (1 + draw(&world, 4));
        decide(&world, &after);
        hold(&world, after.is_under_pressure || !before.is_under_pressure);
        hold(&world, after.removal_count >= before.removal_count);
        for (size_t i = 0; i < before.removal_count; i++) {
            hold(&world, after.removals[i].item == before.removals[i].item);
        }
    }
}

static void the_order_of_the_items_does_not_matter(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        auto_done(disk_decision) before;
        auto_done(disk_decision) after;
        auto_free char *ids = NULL, *other_ids = NULL;
        struct world world;

        world_init(&world, seed);
        decide(&world, &before);
        ids = ids_of(&before);
        for (size_t i = world.count; i > 1; i--) {
            size_t k = draw(&world, (unsigned)i);
            struct disk_item item = world.items[i - 1];

            world.items[i - 1] = world.items[k];
            world.items[k] = item;
        }
        decide(&world, &after);
        other_ids = ids_of(&after);
        assert_string_equal(ids, other_ids);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(pressure_begins_at_the_high_marks),
        cmocka_unit_test(pressure_that_has_begun_is_over_below_the_low_marks),
        cmocka_unit_test(the_file_system_is_looked_at_as_often_as_it_could_fill),
        cmocka_unit_test(a_budget_that_was_passed_is_kept_to_below_nine_tenths_of_it),
        cmocka_unit_test(low_marks_follow_from_the_limits),
        cmocka_unit_test(what_is_not_known_of_the_disk_is_no_pressure),
        cmocka_unit_test(a_budget_is_for_all_items_together),
        cmocka_unit_test(what_can_be_made_again_goes_first_and_the_longest_unused_of_it),
        cmocka_unit_test(without_pressure_only_old_snapshots_and_layers_go),
        cmocka_unit_test(what_goes_anyhow_counts_for_what_is_needed),
        cmocka_unit_test(what_was_not_measured_ends_the_list),
        cmocka_unit_test(each_removal_has_its_cause),
        cmocka_unit_test(nothing_goes_that_is_used_or_kept),
        cmocka_unit_test(a_mirror_goes_only_with_the_last_of_its_repository),
        cmocka_unit_test(it_stops_when_the_low_marks_are_reached),
        cmocka_unit_test(a_fuller_disk_never_keeps_what_an_emptier_one_gives_up),
        cmocka_unit_test(the_order_of_the_items_does_not_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

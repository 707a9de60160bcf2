#include "reconcilers/disk.h"

#include "base/map.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <stdlib.h>
#include <string.h>

const struct disk_policy disk_policy_default = {
    .high_percent = 85,
    .low_percent = 80,
    .high_inode_percent = 70,
    .low_inode_percent = 65,
    .budget_percent = 90,
    .unused_ms = INT64_C(3600) * 1000,
};

/* What is still to be freed. */
struct need {
    uint64_t disk_bytes, budget_bytes, files;
};

struct pass {
    const struct disk_policy *policy;
    int64_t now_wall_ms;
    struct disk_decision *decision;
    struct need need;
    struct map left; /* repository -> struct item_count of what is left of it beside its mirror */
    bool is_ended;   /* something goes whose size is not known */
};

struct item_count {
    size_t items;
};

/* Without the overflow of total * percent. */
static uint64_t share(uint64_t total, unsigned percent)
{
    return total / 100 * percent + total % 100 * percent / 100;
}

static uint64_t used_of(uint64_t total, uint64_t free_amount)
{
    return free_amount < total ? total - free_amount : 0;
}

static unsigned percent_of(uint64_t used, uint64_t total)
{
    return (unsigned)((double)used / (double)total * 100);
}

static uint64_t beyond(uint64_t used, uint64_t limit)
{
    return used > limit ? used - limit : 0;
}

static void add_reason(struct strbuf *reason, const char *text)
{
    strbuf_addf(reason, "%s%s", reason->len > 0 ? "; " : "", text);
}

static void judge_usage(struct pass *pass, const struct disk_usage *usage, struct strbuf *reason)
{
    const struct disk_policy *policy = pass->policy;
    uint64_t bytes = used_of(usage->total_bytes, usage->free_bytes);
    uint64_t inodes = used_of(usage->total_inodes, usage->free_inodes);

    if (usage->total_bytes > 0 && bytes >= share(usage->total_bytes, policy->high_percent)) {
        auto_free char *text =
            xasprintf("disk is %u %% full, the limit is %u %%",
                      percent_of(bytes, usage->total_bytes), policy->high_percent);

        add_reason(reason, text);
        pass->need.disk_bytes = beyond(bytes, share(usage->total_bytes, policy->low_percent));
    }
    if (usage->total_inodes > 0 &&
        inodes >= share(usage->total_inodes, policy->high_inode_percent)) {
        auto_free char *text =
            xasprintf("%u %% of the disk's inodes are in use, the limit is %u %%",
                      percent_of(inodes, usage->total_inodes), policy->high_inode_percent);

        add_reason(reason, text);
        pass->need.files = beyond(inodes, share(usage->total_inodes, policy->low_inode_percent));
    }
}

static double gib(uint64_t bytes)
{
    return (double)bytes / (1 << 30);
}

static void judge_budget(struct pass *pass, const struct disk_item *items, size_t count,
                         struct strbuf *reason)
{
    uint64_t budget = pass->policy->budget_bytes, bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += items[i].bytes;
    }
    if (budget > 0 && bytes > budget) {
        auto_free char *text =
            xasprintf("workspaces take %.1f GiB, the budget is %.1f GiB", gib(bytes), gib(budget));

        add_reason(reason, text);
        pass->need.budget_bytes = beyond(bytes, share(budget, pass->policy->budget_percent));
    }
}

static void count_items(struct pass *pass, const struct disk_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct item_count *left = map_get(&pass->left, items[i].repository);

        if (left == NULL) {
            left = arena_alloc(&pass->decision->arena, sizeof(*left));
            map_put(&pass->left, items[i].repository, left);
        }
        left->items += items[i].kind != DISK_MIRROR ? 1 : 0;
    }
}

static int64_t age_of(const struct pass *pass, const struct disk_item *item)
{
    int64_t age = pass->now_wall_ms - item->last_used_wall_ms;

    return age > 0 ? age : 0; /* a clock that went back makes nothing old */
}

static bool may_go(const struct pass *pass, const struct disk_item *item)
{
    return !item->is_in_use && pass->now_wall_ms >= item->kept_until_wall_ms;
}

/* What goes first; equal ranks go by age. */
static unsigned rank_of(const struct pass *pass, const struct disk_item *item)
{
    switch (item->kind) { /* no default: a kind without a rank does not compile */
    case DISK_SETUP_LAYER:
    case DISK_SNAPSHOT:
        return !item->is_newest && age_of(pass, item) >= pass->policy->unused_ms ? 0 : 1;
    case DISK_KEPT_TREE:
    case DISK_IDLE_WORKSPACE: return 2;
    case DISK_MIRROR: return 3;
    }
    abort(); /* not a kind at all: memory is damaged */
}

struct candidate {
    const struct disk_item *item;
    unsigned rank;
};

static int compare_candidates(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;

    if (a->rank != b->rank) {
        return a->rank < b->rank ? -1 : 1;
    }
    if (a->item->last_used_wall_ms != b->item->last_used_wall_ms) {
        return a->item->last_used_wall_ms < b->item->last_used_wall_ms ? -1 : 1;
    }
    if (a->item->kind != b->item->kind) { /* a setup layer is worth nothing without its snapshot */
        return a->item->kind < b->item->kind ? -1 : 1;
    }
    return strcmp(a->item->id, b->item->id);
}

/* "not used for 3 h" */
static char *age_words(const struct pass *pass, const struct disk_item *item)
{
    int64_t minutes = age_of(pass, item) / 60000;

    if (minutes < 60) {
        return xasprintf("not used for %lld min", (long long)minutes);
    }
    if (minutes < 48 * 60) {
        return xasprintf("not used for %lld h", (long long)minutes / 60);
    }
    return xasprintf("not used for %lld d", (long long)minutes / (24 * 60));
}

static bool is_needed(const struct pass *pass, const struct candidate *candidate)
{
    const struct item_count *left = map_get(&pass->left, candidate->item->repository);

    if (candidate->rank == 0) {
        return true;
    }
    if (pass->is_ended || (candidate->item->kind == DISK_MIRROR && left->items > 0)) {
        return false;
    }
    return pass->need.disk_bytes > 0 || pass->need.budget_bytes > 0 || pass->need.files > 0;
}

static void remove_item(struct pass *pass, const struct candidate *candidate)
{
    struct disk_decision *decision = pass->decision;
    const struct disk_item *item = candidate->item;
    struct item_count *left = map_get(&pass->left, item->repository);
    auto_free char *age = age_words(pass, item);

    decision->removals[decision->removal_count++] = (struct disk_removal){
        .item = item,
        .cause = candidate->rank == 0
                     ? arena_strdup(&decision->arena, age)
                     : arena_printf(&decision->arena, "%s; %s", decision->reason, age),
    };
    left->items -= item->kind != DISK_MIRROR ? 1 : 0;
    pass->need.disk_bytes = beyond(pass->need.disk_bytes, item->bytes);
    pass->need.budget_bytes = beyond(pass->need.budget_bytes, item->bytes);
    pass->need.files = beyond(pass->need.files, item->files);
    pass->is_ended |= item->bytes == 0 && item->files == 0;
}

static void choose(struct pass *pass, const struct disk_item *items, size_t count)
{
    auto_free struct candidate *candidates = xcalloc(count, sizeof(*candidates));
    size_t candidate_count = 0;

    for (size_t i = 0; i < count; i++) {
        if (may_go(pass, &items[i])) {
            candidates[candidate_count++] =
                (struct candidate){.item = &items[i], .rank = rank_of(pass, &items[i])};
        }
    }
    if (candidate_count > 1) {
        qsort(candidates, candidate_count, sizeof(*candidates), compare_candidates);
    }
    for (size_t i = 0; i < candidate_count; i++) {
        if (is_needed(pass, &candidates[i])) {
            remove_item(pass, &candidates[i]);
        }
    }
}

void disk_decide(const struct disk_usage *usage, const struct disk_policy *policy,
                 const struct disk_item *items, size_t count, int64_t now_wall_ms,
                 struct disk_decision *ret_decision)
{
    struct disk_decision decision = {0};
    struct pass pass = {.policy = policy, .now_wall_ms = now_wall_ms, .decision = &decision};
    auto_done(strbuf) reason = {0};

    arena_init(&decision.arena);
    decision.removals = arena_alloc(&decision.arena, count * sizeof(*decision.removals));
    judge_usage(&pass, usage, &reason);
    judge_budget(&pass, items, count, &reason);
    decision.is_under_pressure = reason.len > 0;
    decision.reason = arena_strdup(&decision.arena, strbuf_text(&reason));
    count_items(&pass, items, count);
    choose(&pass, items, count);
    map_done(&pass.left);
    *ret_decision = decision;
}

void disk_decision_done(struct disk_decision *decision)
{
    arena_done(&decision->arena);
    *decision = (struct disk_decision){0};
}

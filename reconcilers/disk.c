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

/* "11.0 GiB"; the caller's to free. */
static char *size_text(uint64_t bytes)
{
    return bytes >= UINT64_C(1) << 30 ? xasprintf("%.1f GiB", (double)bytes / (1 << 30))
                                      : xasprintf("%.1f MiB", (double)bytes / (1 << 20));
}

/* --- pressure --------------------------------------------------------------------------------- */

struct judgement {
    const struct disk_usage *usage;
    const struct disk_policy *policy;
    struct need need;
    unsigned pressing;
    struct strbuf reason;
};

/* The text is taken. */
static void add_reason(struct judgement *judgement, unsigned what, char *text)
{
    strbuf_addf(&judgement->reason, "%s%s", judgement->reason.len > 0 ? "; " : "", text);
    judgement->pressing |= what;
    free(text);
}

/* At the high mark it begins; what has begun is over below the low one. */
static bool is_too_much(const struct judgement *judgement, unsigned what, uint64_t used,
                        uint64_t high, uint64_t low)
{
    return used >= high || ((judgement->usage->pressing & what) != 0 && used >= low);
}

static void judge_bytes(struct judgement *judgement)
{
    const struct disk_usage *usage = judgement->usage;
    const struct disk_policy *policy = judgement->policy;
    uint64_t used = used_of(usage->total_bytes, usage->free_bytes);
    uint64_t high = share(usage->total_bytes, policy->high_percent);
    uint64_t low = share(usage->total_bytes, policy->low_percent);

    if (usage->total_bytes == 0 || !is_too_much(judgement, DISK_FULL, used, high, low)) {
        return;
    }
    judgement->need.disk_bytes = beyond(used, low);
    add_reason(judgement, DISK_FULL,
               used >= high
                   ? xasprintf("disk is %u %% full, the limit is %u %%",
                               percent_of(used, usage->total_bytes), policy->high_percent)
                   : xasprintf("disk was %u %% full and is %u %%; below %u %% it is enough",
                               policy->high_percent, percent_of(used, usage->total_bytes),
                               policy->low_percent));
}

static void judge_inodes(struct judgement *judgement)
{
    const struct disk_usage *usage = judgement->usage;
    const struct disk_policy *policy = judgement->policy;
    uint64_t used = used_of(usage->total_inodes, usage->free_inodes);
    uint64_t high = share(usage->total_inodes, policy->high_inode_percent);
    uint64_t low = share(usage->total_inodes, policy->low_inode_percent);

    if (usage->total_inodes == 0 || !is_too_much(judgement, DISK_INODES_USED, used, high, low)) {
        return;
    }
    judgement->need.files = beyond(used, low);
    add_reason(judgement, DISK_INODES_USED,
               used >= high
                   ? xasprintf("%u %% of the disk's inodes are in use, the limit is %u %%",
                               percent_of(used, usage->total_inodes), policy->high_inode_percent)
                   : xasprintf("%u %% of the disk's inodes were in use, and %u %% are; "
                               "below %u %% it is enough",
                               policy->high_inode_percent, percent_of(used, usage->total_inodes),
                               policy->low_inode_percent));
}

static void judge_budget(struct judgement *judgement, uint64_t bytes)
{
    uint64_t budget = judgement->policy->budget_bytes;
    uint64_t low = share(budget, judgement->policy->budget_percent);
    auto_free char *size = size_text(bytes), *limit = size_text(budget);

    if (budget == 0 || !is_too_much(judgement, DISK_OVER_BUDGET, bytes, budget + 1, low + 1)) {
        return;
    }
    judgement->need.budget_bytes = beyond(bytes, low);
    add_reason(judgement, DISK_OVER_BUDGET,
               xasprintf("workspaces take %s, the budget is %s", size, limit));
}

static struct judgement judge(const struct disk_usage *usage, const struct disk_policy *policy,
                              uint64_t item_bytes)
{
    struct judgement judgement = {.usage = usage, .policy = policy};

    judge_bytes(&judgement);
    judge_inodes(&judgement);
    judge_budget(&judgement, item_bytes);
    return judgement;
}

unsigned disk_find_pressure(const struct disk_usage *usage, const struct disk_policy *policy,
                            uint64_t item_bytes, char **ret_reason)
{
    struct judgement judgement = judge(usage, policy, item_bytes);

    strbuf_add(&judgement.reason, "");
    *ret_reason = strbuf_take(&judgement.reason);
    return judgement.pressing;
}

enum { LOOK_AT_LEAST_MS = 10000, LOOK_AT_MOST_MS = 60000 };

/* What disks of the fastest kind take, and more. */
static const uint64_t written_bytes_per_ms = (UINT64_C(2) << 30) / 1000, made_files_per_ms = 200;

static uint64_t room_below(uint64_t total, uint64_t free_amount, unsigned high_percent)
{
    return beyond(share(total, high_percent), used_of(total, free_amount));
}

int64_t disk_look_again_ms(const struct disk_usage *usage, const struct disk_policy *policy)
{
    uint64_t ms = room_below(usage->total_bytes, usage->free_bytes, policy->high_percent) /
                  written_bytes_per_ms;
    uint64_t files_ms =
        room_below(usage->total_inodes, usage->free_inodes, policy->high_inode_percent) /
        made_files_per_ms;

    if (usage->total_inodes > 0 && files_ms < ms) {
        ms = files_ms;
    }
    if (usage->pressing != 0 || ms < LOOK_AT_LEAST_MS) {
        return LOOK_AT_LEAST_MS;
    }
    return ms > LOOK_AT_MOST_MS ? LOOK_AT_MOST_MS : (int64_t)ms;
}

/* Half a limit that is very low is enough: nothing may be asked for that can never be reached. */
static unsigned low_of(unsigned high_percent)
{
    return high_percent < 10 ? high_percent - high_percent / 2 : high_percent - 5;
}

struct disk_policy disk_policy_with(unsigned high_percent, unsigned high_inode_percent,
                                    uint64_t budget_bytes)
{
    struct disk_policy policy = disk_policy_default;

    policy.high_percent = high_percent;
    policy.low_percent = low_of(high_percent);
    policy.high_inode_percent = high_inode_percent;
    policy.low_inode_percent = low_of(high_inode_percent);
    policy.budget_bytes = budget_bytes;
    return policy;
}

/* --- what goes -------------------------------------------------------------------------------- */

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

static uint64_t bytes_of(const struct disk_item *items, size_t count)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += items[i].bytes;
    }
    return bytes;
}

void disk_decide(const struct disk_usage *usage, const struct disk_policy *policy,
                 const struct disk_item *items, size_t count, int64_t now_wall_ms,
                 struct disk_decision *ret_decision)
{
    struct disk_decision decision = {0};
    struct pass pass = {.policy = policy, .now_wall_ms = now_wall_ms, .decision = &decision};
    struct judgement judgement = judge(usage, policy, bytes_of(items, count));

    arena_init(&decision.arena);
    decision.removals = arena_alloc(&decision.arena, count * sizeof(*decision.removals));
    pass.need = judgement.need;
    decision.pressing = judgement.pressing;
    decision.is_under_pressure = judgement.pressing != 0;
    decision.reason = arena_strdup(&decision.arena, strbuf_text(&judgement.reason));
    strbuf_done(&judgement.reason);
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

#include "reconcilers/placement_pass.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "specs/quantity.h"
#include "specs/reason.h"

#include <limits.h>
#include <stdlib.h>

static enum task_wait wait_of(const struct placement_pass *pass, const struct placement_task *task)
{
    return pass->waits[task - pass->input->tasks];
}

/* New members are made, or some that are there get ready soon. */
static bool is_pool_coming(const struct placement_pass *pass, const struct placement_pool *pool)
{
    const struct pool_use *use = &pass->uses[pool - pass->input->pools];

    return pool->can_grow || use->standing > use->open;
}

const char *placement_reason(const struct placement_pass *pass, const struct placement_task *task)
{
    switch (wait_of(pass, task)) {
    case WAIT_ROOM:
        return is_pool_coming(pass, placement_pool_find(pass, placement_wish(pass, task)))
                   ? PLACEMENT_WAITING
                   : REASON_POOL_EXHAUSTED;
    case WAIT_MEMBER_FULL:
    case WAIT_MEMBER_CLOSED: return REASON_INSTANCE_FULL;
    case WAIT_TOO_BIG: return REASON_UNSCHEDULABLE;
    case WAIT_POOL_UNKNOWN: return REASON_POOL_UNKNOWN;
    case WAIT_POOL_CONFLICT: return REASON_POOL_CONFLICT;
    case WAIT_NOT: return NULL;
    }
    abort();
}

/* "2 CPUs and 4Gi of memory", "1 CPU", "4Gi of memory". */
static void add_amounts(struct strbuf *text, int64_t cpu_milli, int64_t memory_bytes)
{
    char cpu[QUANTITY_TEXT_SIZE], memory[QUANTITY_TEXT_SIZE];

    if (cpu_milli > 0) {
        strbuf_addf(text, "%s %s", quantity_format_cpu(cpu_milli, cpu),
                    cpu_milli == 1000 ? "CPU" : "CPUs");
    }
    if (memory_bytes > 0) {
        strbuf_addf(text, "%s%s of memory", cpu_milli > 0 ? " and " : "",
                    quantity_format_bytes(memory_bytes, memory));
    }
}

/* The numbers change with every task that comes or goes: the front of the queue tells them. */
static void describe_room(const struct placement_pass *pass, const struct placement_task *task,
                          unsigned queue_position, struct strbuf *text)
{
    const struct placement_repository *repository = &pass->input->repositories[task->repository];
    const struct placement_pool *pool = placement_pool_find(pass, placement_wish(pass, task));
    const struct pool_use *use = &pass->uses[pool - pass->input->pools];

    if (use->members == 0) {
        strbuf_addf(text, "pool %s has no members", pool->name);
    } else if (use->open == 0) {
        strbuf_addf(text, "no member of pool %s is ready", pool->name);
    } else if (!use->has_free_place) {
        strbuf_addf(text, "every member of pool %s is full", pool->name);
    } else {
        strbuf_addf(text, "no member of pool %s has ", pool->name);
        add_amounts(text, repository->cpu_milli, repository->memory_bytes);
        strbuf_add(text, " left");
    }
    if (queue_position <= QUEUE_EXACT) {
        strbuf_addf(text, " (%u of %u members, %u of %llu places)", use->members,
                    pool->max_instances, use->tasks,
                    (unsigned long long)use->members * pool->max_tasks);
    }
    strbuf_add(text, pool->can_grow ? "; another member is made" : "");
}

static void describe_member(const struct placement_pass *pass, const struct placement_task *task,
                            struct strbuf *text)
{
    const struct repository_state *state = &pass->repositories[task->repository];

    strbuf_addf(text, "its repository's container is in use on instance %s, which ",
                state->member != NULL ? state->member->name : state->gone);
    if (wait_of(pass, task) == WAIT_MEMBER_FULL) {
        strbuf_addf(text, "is full (%u of %u places)",
                    placement_load_of(pass, state->member)->tasks,
                    placement_pool_of(pass, state->member)->max_tasks);
    } else {
        strbuf_add(text, "takes no new tasks");
    }
}

static void describe_size(const struct placement_pass *pass, const struct placement_task *task,
                          struct strbuf *text)
{
    const struct placement_repository *repository = &pass->input->repositories[task->repository];
    const struct placement_pool *pool = placement_pool_find(pass, placement_wish(pass, task));

    strbuf_add(text, "its repository's container asks for ");
    add_amounts(text, repository->cpu_milli, repository->memory_bytes);
    strbuf_addf(text, "; a member of pool %s has ", pool->name);
    add_amounts(text, pool->cpu_milli, pool->memory_bytes);
}

static void describe_conflict(const struct placement_pass *pass, const struct placement_task *task,
                              struct strbuf *text)
{
    const struct repository_state *state = &pass->repositories[task->repository];
    const char *wish = placement_wish(pass, task);

    if (state->ahead != task && !text_equal(placement_wish(pass, state->ahead), wish)) {
        strbuf_addf(text,
                    "an earlier task of its repository waits for pool %s; this one asks for "
                    "pool %s",
                    placement_wish(pass, state->ahead), wish);
        return;
    }
    strbuf_addf(text, "its repository's container is in use in pool %s; this task asks for pool %s",
                state->member != NULL ? placement_pool_of(pass, state->member)->name
                                      : placement_wish(pass, state->home),
                wish);
}

unsigned placement_told_position(unsigned queue_position)
{
    static const unsigned factors[] = {2, 5, 10};
    unsigned told = QUEUE_EXACT, decade = QUEUE_EXACT;

    if (queue_position <= QUEUE_EXACT) {
        return queue_position;
    }
    for (size_t i = 0; told < queue_position; i = (i + 1) % ARRAY_SIZE(factors)) {
        if (decade > UINT_MAX / factors[i]) {
            return UINT_MAX;
        }
        told = decade * factors[i];
        decade = factors[i] == 10 ? told : decade;
    }
    return told;
}

static void add_position(struct strbuf *text, unsigned position)
{
    static const char *const endings[] = {"th", "st", "nd", "rd"};
    unsigned digit = position % 10;

    if (position > QUEUE_EXACT) {
        strbuf_addf(text, "; among the first %u in the queue", placement_told_position(position));
        return;
    }
    strbuf_addf(text, "; %u%s in the queue", position, endings[digit <= 3 ? digit : 0]);
}

char *placement_describe(const struct placement_pass *pass, const struct placement_task *task,
                         unsigned queue_position)
{
    auto_done(strbuf) text = {0};

    switch (wait_of(pass, task)) {
    case WAIT_ROOM: describe_room(pass, task, queue_position, &text); break;
    case WAIT_MEMBER_FULL:
    case WAIT_MEMBER_CLOSED: describe_member(pass, task, &text); break;
    case WAIT_TOO_BIG: describe_size(pass, task, &text); break;
    case WAIT_POOL_UNKNOWN:
        strbuf_addf(&text, "there is no InstancePool %s", placement_wish(pass, task));
        break;
    case WAIT_POOL_CONFLICT: describe_conflict(pass, task, &text); break;
    case WAIT_NOT: return NULL;
    }
    if (queue_position > 0) {
        add_position(&text, queue_position);
    }
    return strbuf_take(&text);
}

#include "controller/pools.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/entry.h"
#include "controller/mirrors.h"
#include "controller/placing.h"
#include "reconcilers/pool.h"
#include "reconcilers/pool_status.h"
#include "specs/pool_member.h"
#include "specs/reason.h"
#include "specs/status_json.h"
#include "specs/status_object.h"

#include <stdlib.h>
#include <string.h>

struct pool_entry *pool_entry_new(void)
{
    return xcalloc(1, sizeof(struct pool_entry));
}

void pool_entry_free(struct pool_entry *pool)
{
    if (pool == NULL) {
        return;
    }
    for (struct map_entry *at = map_first(&pool->members); at != NULL; at = map_next(at)) {
        ((struct entry *)map_value(at))->member.pool = NULL; /* only when everything ends */
    }
    map_done(&pool->members);
    free(pool);
}

void pools_leave(struct entry *member)
{
    struct entry *pool = member->member.pool;

    if (pool != NULL) {
        map_remove(&pool->pool->members, member->key);
        member->member = (struct member){0};
        entry_enqueue(pool);
        placing_mark(pool->controller);
    }
}

const char *pools_update_hold(const struct entry *member)
{
    const struct entry *pool = member->member.pool;

    if (pool == NULL || pool->desired == NULL || member->member.is_let_go) {
        return NULL;
    }
    return pool->desired->pool.update_strategy == UPDATE_ON_DELETE
               ? "updateStrategy is OnDelete: it is made anew when it is removed"
               : "its turn in the pool's rolling update";
}

/* Members */

static struct entry *add_member(struct entry *pool, unsigned number)
{
    struct controller *controller = pool->controller;
    auto_free char *name = pool_member_name(pool->name, number);
    struct entry *member = entry_new(controller, ENTRY_INSTANCE, kind_name(KIND_INSTANCE), name);

    member->member = (struct member){.pool = pool, .number = number};
    map_put(&pool->pool->members, member->key, member);
    placing_mark(controller);
    return member;
}

/* What the pool's status file said about a member before this controller started. */
static void recall_member(struct entry *member)
{
    const struct entry *pool = member->member.pool;
    size_t index;
    json_t *item;

    json_array_foreach(json_object_get(pool->remembered, "members"), index, item) {
        const json_t *metadata = json_object_get(item, "metadata");
        const char *name = json_string_value(json_object_get(metadata, "name"));
        const char *created = json_string_value(json_object_get(metadata, "creationTimestamp"));

        if (text_equal(name, member->name)) {
            status_free(member->status);
            member->status = status_recall(json_object_get(item, "status"));
            if (created != NULL) {
                timestamp_parse(created, &member->member.created_wall_ms);
            }
            return;
        }
    }
}

/* Containers that say they are members: what another run of the controller has left. */
static void adopt_members(struct entry *pool)
{
    struct controller *controller = pool->controller;

    for (struct map_entry *at = map_first(&controller->containers); at != NULL; at = map_next(at)) {
        const struct observed_container *container = map_value(at);
        unsigned number;

        if (container->is_ours && text_equal(container->pool, pool->name) &&
            container_is_own(container, kind_name(KIND_INSTANCE), container->name) &&
            pool_member_number(pool->name, container->name, &number) == 0 &&
            entry_of_container(controller, kind_name(KIND_INSTANCE), container->name) == NULL) {
            struct entry *member = add_member(pool, number);

            pool->pool->is_load_unknown = true;
            member->member.created_wall_ms = container->created_wall_ms;
            recall_member(member);
            entry_enqueue(member);
        }
    }
}

static void give_up_member(struct entry *member)
{
    member->member.is_leaving = true;
    entry_set_desired(member, NULL);
    entry_enqueue(member);
    apply_reconsider(member);
    placing_mark(member->controller);
}

static bool is_foreign(const struct controller *controller, const char *name)
{
    const struct observed_container *container = map_get(&controller->containers, name);

    return container != NULL && !container_is_own(container, kind_name(KIND_INSTANCE), name);
}

/* Facts */

/*
 * The hash says it at once; other differences (an image that was replaced) are seen by the member's
 * own pass.
 */
static bool is_outdated(const struct entry *member)
{
    const struct observed_container *container =
        map_get(&member->controller->containers, member->name);

    return (container != NULL && member->desired != NULL &&
            !text_equal(container->hash, member->desired->container_hash)) ||
           member->status->conditions[CONDITION_UPDATE_PENDING].value == CONDITION_TRUE;
}

static struct pool_member describe_member(struct entry *member, int64_t now_wall_ms)
{
    struct member *own = &member->member;
    enum member_state state = own->is_leaving ? MEMBER_LEAVING : pool_member_state(member->status);

    if (state != MEMBER_FAILED) {
        own->failed_wall_ms = 0;
    } else if (own->failed_wall_ms == 0) {
        int64_t since = member->status->conditions[CONDITION_STALLED].since_wall_ms;

        own->failed_wall_ms = since != 0 ? since : now_wall_ms;
    }
    return (struct pool_member){
        .number = own->number,
        .state = state,
        .is_outdated = is_outdated(member),
        .is_let_go = own->is_let_go,
        .is_draining = own->is_draining,
        .active_tasks = own->active_tasks,
        .repositories = own->repositories,
        .warm_repositories = own->warm_repositories,
        .crashes_in_a_row = member->status->restarts.in_a_row,
        .created_wall_ms = own->created_wall_ms,
        .failed_wall_ms = own->failed_wall_ms,
        .ready_wall_ms =
            state == MEMBER_READY ? member->status->conditions[CONDITION_READY].since_wall_ms : 0,
    };
}

/* Everything one decision is made from; entries[i] is whom members[i] describes. */
struct pool_facts {
    struct entry **entries;
    struct pool_member *members;
    size_t count;
    unsigned *taken;
    size_t taken_count;
    unsigned resting, stalled;
    const struct entry *first_stalled;
    char *stalled_message;
};

static void facts_done(struct pool_facts *facts)
{
    free(facts->entries);
    free(facts->members);
    free(facts->taken);
    free(facts->stalled_message);
}

/*
 * What only waits for somebody, or for another powerState, is told apart from what comes up by
 * itself.
 */
static void count_standstill(struct pool_facts *facts, const struct entry *member)
{
    const struct condition *conditions = member->status->conditions;

    if (conditions[CONDITION_STALLED].value == CONDITION_TRUE) {
        facts->stalled++;
        if (facts->first_stalled == NULL ||
            member->member.number < facts->first_stalled->member.number) {
            facts->first_stalled = member;
        }
    } else if (conditions[CONDITION_RECONCILING].value == CONDITION_FALSE) {
        facts->resting++;
    }
}

static void describe_stalled(struct pool_facts *facts)
{
    if (facts->first_stalled != NULL) {
        const char *message = facts->first_stalled->status->conditions[CONDITION_STALLED].message;

        facts->stalled_message = xasprintf("%s: %s", facts->first_stalled->name,
                                           message != NULL ? message : "needs help");
    }
}

/* Numbers whose names belong to hand-written instances, or to containers of others. */
static void find_taken(struct entry *pool, struct pool_facts *facts)
{
    const struct controller *controller = pool->controller;
    size_t limit = facts->count +
                   (size_t)(pool->desired != NULL ? pool->desired->pool.max_instances : 0) +
                   POOL_EVIDENCE_MAX + 1;
    size_t capacity = limit;

    facts->taken = xcalloc(capacity, sizeof(*facts->taken));
    for (unsigned number = 0; number < limit; number++) {
        auto_free char *name = pool_member_name(pool->name, number);
        auto_free char *key = object_key(kind_name(KIND_INSTANCE), name);
        const struct entry *entry = map_get(&controller->entries, key);

        if ((entry != NULL && entry->member.pool != pool) || is_foreign(controller, name)) {
            facts->taken[facts->taken_count++] = number;
            limit += limit < 2 * capacity ? 1 : 0;
            if (facts->taken_count == capacity) {
                return;
            }
        }
    }
}

static void gather(struct entry *pool, int64_t now_wall_ms, struct pool_facts *facts)
{
    size_t capacity = map_count(&pool->pool->members);

    facts->entries = xcalloc(capacity, sizeof(struct entry *));
    facts->members = xcalloc(capacity, sizeof(*facts->members));
    for (struct map_entry *at = map_first(&pool->pool->members); at != NULL; at = map_next(at)) {
        struct entry *member = map_value(at);

        if (!member->member.is_leaving && is_foreign(pool->controller, member->name)) {
            give_up_member(member); /* its name is taken: another number will do */
        }
        facts->entries[facts->count] = member;
        facts->members[facts->count] = describe_member(member, now_wall_ms);
        if (facts->members[facts->count++].state == MEMBER_STARTING) {
            count_standstill(facts, member);
        }
    }
    describe_stalled(facts);
    find_taken(pool, facts);
}

/* Carrying the decision out */

static void order_member(struct entry *member, enum member_order order, const char *cause)
{
    struct member *own = &member->member;
    bool was_let_go = own->is_let_go, was_draining = own->is_draining;

    if (own->is_leaving) {
        return;
    }
    own->is_let_go = order == MEMBER_UPDATE;
    own->is_draining = order == MEMBER_DRAIN;
    if (order == MEMBER_REMOVE) {
        log_fields(LOG_INFO, "member_removed", "key", member->key, "pool", own->pool->name, "cause",
                   cause, NULL);
        give_up_member(member);
        return;
    }
    if (own->is_let_go != was_let_go) {
        entry_enqueue(member);
    }
    if (own->is_let_go != was_let_go || own->is_draining != was_draining) {
        placing_mark(member->controller);
    }
}

/* Those made together are of one age, however long the engine takes for each. */
static void create_member(struct entry *pool, unsigned number, const char *cause,
                          int64_t now_wall_ms)
{
    struct entry *member = add_member(pool, number);
    struct object *object = pool_member_object(pool->desired, number);

    member->member.created_wall_ms = now_wall_ms;
    recall_member(member);
    log_fields(LOG_INFO, "member_added", "key", member->key, "pool", pool->name, "cause", cause,
               NULL);
    entry_set_desired(member, object);
    object_unref(object);
    entry_enqueue(member);
}

/* The template may have changed: every member is to be of the present one, as soon as it may. */
static void renew_members(struct entry *pool)
{
    for (struct map_entry *at = map_first(&pool->pool->members); at != NULL; at = map_next(at)) {
        struct entry *member = map_value(at);
        struct object *object;
        bool is_other;

        if (member->member.is_leaving || pool->desired == NULL ||
            (member->desired != NULL && member->desired->parent == pool->desired)) {
            continue;
        }
        object = pool_member_object(pool->desired, member->member.number);
        is_other = member->desired == NULL ||
                   !text_equal(member->desired->container_hash, object->container_hash);
        member->member.is_let_go = false;
        entry_set_desired(member, object);
        object_unref(object);
        entry_enqueue(member);
        if (is_other) {
            apply_reconsider(member);
        }
    }
}

bool pools_pass(struct entry *pool, const struct world *world, struct object_status *status,
                int64_t *ret_wake_at_wall_ms)
{
    struct pool_facts facts = {0};
    struct pool_decision decision = {0};
    struct pool_input input;

    adopt_members(pool);
    renew_members(pool);
    if (pool->desired == NULL && map_first(&pool->pool->members) == NULL) {
        return false;
    }
    gather(pool, world->now_wall_ms, &facts);
    input = (struct pool_input){
        .key = pool->key,
        .spec = pool->desired != NULL ? &pool->desired->pool : NULL,
        .members = facts.members,
        .member_count = facts.count,
        .taken = facts.taken,
        .taken_count = facts.taken_count,
        .is_load_unknown = pool->pool->is_load_unknown,
        .waiting_tasks = pool->pool->waiting_tasks,
        .waiting_repositories = pool->pool->waiting_repositories,
        .waiting_members = pool->pool->waiting_members,
        .resting = facts.resting,
        .stalled = facts.stalled,
        .stalled_reason = facts.first_stalled != NULL
                              ? facts.first_stalled->status->conditions[CONDITION_STALLED].reason
                              : NULL,
        .stalled_message = facts.stalled_message,
        .previous = pool->status->pool,
        .now_wall_ms = world->now_wall_ms,
    };
    pool_decide(&input, &decision);
    for (size_t i = 0; i < facts.count; i++) {
        order_member(facts.entries[i], decision.orders[i], decision.cause);
    }
    for (size_t i = 0; i < decision.created_count; i++) {
        create_member(pool, decision.created[i], decision.cause, world->now_wall_ms);
    }
    pool_describe(&input, &decision, status);
    if (pool->desired != NULL) {
        status->observed_hash = status_text(status, pool->desired->hash);
    }
    *ret_wake_at_wall_ms = decision.wake_at_wall_ms;
    pool_decision_done(&decision);
    facts_done(&facts);
    return true;
}

/* Specs */

/* Of several pools that name it, the first by name has it. */
static void set_warm(struct entry *pool, const char *url)
{
    struct error err = {0};
    struct entry *repository = repository_entry_for(pool->controller, url, NULL, &err);

    if (repository != NULL && (repository->repository->warm_pool == NULL ||
                               strcmp(pool->name, repository->repository->warm_pool) < 0)) {
        free(repository->repository->warm_pool);
        repository->repository->warm_pool = xstrdup(pool->name);
        entry_enqueue(repository);
    }
}

static bool names_url(const struct object *pool, const struct repo_url *url)
{
    for (size_t i = 0; pool != NULL && i < pool->pool.warm_repositories.count; i++) {
        struct repo_url other = {0};
        struct error err = {0};
        bool is_same = repo_url_parse(pool->pool.warm_repositories.items[i], &other, &err) == 0 &&
                       text_equal(other.canonical, url->canonical);

        repo_url_done(&other);
        if (is_same) {
            return true;
        }
    }
    return false;
}

static void leave_warm(struct entry *repository)
{
    struct controller *controller = repository->controller;
    const char *heir = NULL;

    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        const struct entry *entry = map_value(at);

        if (entry->kind == ENTRY_POOL &&
            names_url(entry->desired, &repository->repository->mirror->mirror->url) &&
            (heir == NULL || strcmp(entry->name, heir) < 0)) {
            heir = entry->name;
        }
    }
    free(repository->repository->warm_pool);
    repository->repository->warm_pool = xstrdup_or_null(heir);
    entry_enqueue(repository);
}

static void change_warm(struct entry *pool)
{
    struct controller *controller = pool->controller;

    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        struct entry *entry = map_value(at);

        if (entry->kind == ENTRY_REPOSITORY &&
            text_equal(entry->repository->warm_pool, pool->name) &&
            !names_url(pool->desired, &entry->repository->mirror->mirror->url)) {
            leave_warm(entry);
        }
    }
    for (size_t i = 0; pool->desired != NULL && i < pool->desired->pool.warm_repositories.count;
         i++) {
        set_warm(pool, pool->desired->pool.warm_repositories.items[i]);
    }
}

/* Their statuses say whether the file that they come from is valid. */
static void enqueue_members(struct entry *pool)
{
    for (struct map_entry *at = map_first(&pool->pool->members); at != NULL; at = map_next(at)) {
        entry_enqueue(map_value(at));
    }
}

void pools_change(struct controller *controller, const char *key, const struct spec_entry *spec)
{
    struct entry *pool = entry_find(controller, key);

    if (pool == NULL && spec != NULL) {
        struct object_status *remembered;

        pool = entry_new(controller, ENTRY_POOL, kind_name(KIND_INSTANCE_POOL), spec->object->name);
        remembered = status_remembered(controller, spec->file, kind_name(KIND_INSTANCE_POOL),
                                       pool->name, &pool->remembered);
        if (remembered != NULL) {
            status_free(pool->status);
            pool->status = remembered;
        }
    }
    if (pool != NULL) {
        entry_set_desired(pool, spec != NULL ? spec->object : NULL);
        change_warm(pool);
        entry_enqueue(pool);
        enqueue_members(pool);
        placing_mark(controller);
    }
}

void pools_note_member(struct entry *member, const struct object_status *before)
{
    const struct object_status *now = member->status;

    if (member->member.pool == NULL) {
        return;
    }
    if (pool_member_state(before) != pool_member_state(now)) {
        /* What waited for this member is to be placed before anybody says that it still waits. */
        member->member.pool->pool->is_load_unknown = true;
        placing_mark(member->controller);
    }
    if (pool_member_state(before) != pool_member_state(now) ||
        before->conditions[CONDITION_STALLED].value != now->conditions[CONDITION_STALLED].value ||
        !text_equal(before->conditions[CONDITION_READY].reason,
                    now->conditions[CONDITION_READY].reason) ||
        before->conditions[CONDITION_UPDATE_PENDING].value !=
            now->conditions[CONDITION_UPDATE_PENDING].value) {
        entry_enqueue(member->member.pool);
    }
}

/* Status */

static int compare_members(const void *left, const void *right)
{
    const struct entry *const *a = left, *const *b = right;

    return ((*a)->member.number > (*b)->member.number) -
           ((*a)->member.number < (*b)->member.number);
}

json_t *pools_members_to_json(const struct entry *pool)
{
    size_t count = map_count(&pool->pool->members), index = 0;
    auto_free struct entry **members = xcalloc(count, sizeof(struct entry *));
    json_t *list = json_array();

    for (struct map_entry *at = map_first(&pool->pool->members); at != NULL; at = map_next(at)) {
        members[index++] = map_value(at);
    }
    qsort(members, count, sizeof(struct entry *), compare_members);
    for (size_t i = 0; i < count; i++) {
        json_t *metadata = status_metadata(members[i]->name, members[i]->desired);
        json_t *status = status_to_json(members[i]->status);

        status_put_time(metadata, "creationTimestamp", members[i]->member.created_wall_ms);
        status_add_instance(status, members[i]->desired);
        json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "kind", "Instance", "metadata",
                                              metadata, "status", status));
    }
    return list;
}

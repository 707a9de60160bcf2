/*
 * One decision on placement while it is being made: for placement*.c only. Callers use placement.h.
 */
#ifndef BERTH_RECONCILERS_PLACEMENT_PASS_H
#define BERTH_RECONCILERS_PLACEMENT_PASS_H

#include "base/map.h"
#include "reconcilers/placement.h"
#include "reconcilers/room_index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a task stands. */
enum task_wait {
    WAIT_NOT,           /* admitted */
    WAIT_ROOM,          /* no member takes it, a new one would */
    WAIT_MEMBER_FULL,   /* its repository is in use on a member without a free place */
    WAIT_MEMBER_CLOSED, /* ... on one that takes nothing new */
    WAIT_TOO_BIG,       /* no member ever takes it */
    WAIT_POOL_UNKNOWN,
    WAIT_POOL_CONFLICT, /* its repository is in use, or asked for earlier, in another pool */
};

struct member_load {
    unsigned tasks, repositories;
    int64_t cpu_milli, memory_bytes;
    size_t position; /* in its pool's index */
};

struct repository_state {
    const struct placement_member *member; /* NULL: none that is there */
    bool is_charged;                       /* it is in its member's load */
    unsigned admitted;                     /* tasks */
    const struct placement_task *home;     /* of its admitted tasks, the first in rank */
    const char *gone;                      /* the member they are on, which is there no more */
    const struct placement_task *ahead;    /* the first of its tasks that waits for a place */
    bool is_waiting;                       /* warm, and without a place */
};

/* What a pool's new members would get. */
struct pool_demand {
    unsigned tasks, repositories;
    int64_t cpu_milli, memory_bytes;
};

/* Numbers of a pool for messages. */
struct pool_use {
    unsigned members, open, standing, tasks, queue;
    bool has_free_place; /* on an open member */
};

struct placement_pass {
    const struct placement_input *input;
    struct placement_result *result;
    struct map pools, members;   /* by name: of the input */
    struct member_load *loads;   /* by member */
    struct room_index *rooms;    /* by pool */
    struct pool_demand *demands; /* by pool */
    struct pool_use *uses;       /* by pool */
    struct repository_state *repositories;
    enum task_wait *waits;               /* by task */
    const struct placement_task **queue; /* those that came without a place, first in rank first */
    size_t queue_count;
};

/*
 * What a repository leaves becomes room only after the round, so that nobody lower in rank gets it
 * first.
 */
struct release {
    const struct placement_member *member;
    size_t repository;
};

struct release_list {
    struct release *items;
    size_t count, capacity;
};

void release_list_done(struct release_list *list);

/* placement_members.c: what is on a member, and what is free */

const struct placement_pool *placement_pool_of(const struct placement_pass *pass,
                                               const struct placement_member *member);
struct member_load *placement_load_of(const struct placement_pass *pass,
                                      const struct placement_member *member);

/* Open, and with a free place for a task. */
bool placement_takes_new(const struct placement_pass *pass, const struct placement_member *member);
/* What the repository asks for is free. */
bool placement_has_room(const struct placement_pass *pass, const struct placement_member *member,
                        const struct placement_repository *repository);
/* Not even an empty member has it. */
bool placement_is_too_big(const struct placement_pool *pool,
                          const struct placement_repository *repository);
/* The best member for something new, or NULL. */
const struct placement_member *placement_best(const struct placement_pass *pass,
                                              const struct placement_pool *pool,
                                              const struct placement_repository *repository);

/* The repository's amounts count against its member from now on. */
void placement_charge(struct placement_pass *pass, size_t repository);
/* After every change of a member's load. */
void placement_refresh_room(struct placement_pass *pass, const struct placement_member *member);
/* member NULL: it becomes unplaced. */
void placement_move(struct placement_pass *pass, size_t repository,
                    const struct placement_member *member, struct release_list *releases);
void placement_apply_releases(struct placement_pass *pass, const struct release_list *releases);

void placement_add_container(struct pool_demand *demand,
                             const struct placement_repository *repository);
unsigned placement_members_wanted(const struct placement_pool *pool,
                                  const struct pool_demand *demand);

/* placement_gather.c: what is there before anything is decided, and room for the result */
void placement_gather(struct placement_pass *pass);
void placement_pass_done(struct placement_pass *pass);

/* placement.c: the pool that the task asks for, by name; NULL: there is no such pool */
const char *placement_wish(const struct placement_pass *pass, const struct placement_task *task);
const struct placement_pool *placement_pool_find(const struct placement_pass *pass,
                                                 const char *name);

/* placement_message.c: why a task waits, with the numbers; the message is the caller's to free */
const char *placement_reason(const struct placement_pass *pass, const struct placement_task *task);
char *placement_describe(const struct placement_pass *pass, const struct placement_task *task,
                         unsigned queue_position);

#endif

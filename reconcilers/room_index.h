/*
 * The members of one pool, ordered so that the best one with room is found without looking at all
 * of them.
 *
 * A tree over the members by age. Each node knows the most that is free below it and the best
 * member below it: the fullest that takes something (Pack) or the emptiest (Spread). Between equals
 * the one with more (fewer) repositories, then the older wins.
 */
#ifndef BERTH_RECONCILERS_ROOM_INDEX_H
#define BERTH_RECONCILERS_ROOM_INDEX_H

#include "base/cleanup.h"
#include "specs/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct room {
    size_t member;          /* the caller's own number for it */
    bool takes_new;         /* open, and with a free place for a task */
    unsigned tasks;         /* on it */
    unsigned repositories;  /* on it */
    int64_t cpu_milli_free; /* not below 0, like the next */
    int64_t memory_bytes_free;
};

struct room_node;

struct room_index {
    enum placement placement;
    struct room *rooms; /* by age */
    size_t count;
    size_t leaf_count; /* a power of two */
    struct room_node *nodes;
};

/* For `count` members; the rooms are all zero until they are set. */
void room_index_init(struct room_index *index, enum placement placement, size_t count);
void room_index_done(struct room_index *index);

/* position: by age, 0 is the oldest */
void room_index_set(struct room_index *index, size_t position, const struct room *room);

/* The best one in which that much is free, or NULL. Borrowed until the next change. */
const struct room *room_index_best(const struct room_index *index, int64_t cpu_milli,
                                   int64_t memory_bytes);

#endif

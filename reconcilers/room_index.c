#include "reconcilers/room_index.h"

#include "base/memory.h"

#include <stdlib.h>

struct room_node {
    int64_t cpu_milli_free, memory_bytes_free; /* the most below; -1: nothing takes anything */
    const struct room *best;                   /* NULL: nothing takes anything */
};

void room_index_init(struct room_index *index, enum placement placement, size_t count)
{
    *index = (struct room_index){.placement = placement, .count = count, .leaf_count = 1};
    while (index->leaf_count < count) {
        index->leaf_count *= 2;
    }
    index->rooms = xcalloc(count + 1, sizeof(*index->rooms));
    index->nodes = xcalloc(2 * index->leaf_count, sizeof(*index->nodes));
    for (size_t i = 0; i < 2 * index->leaf_count; i++) {
        index->nodes[i] = (struct room_node){-1, -1, NULL};
    }
}

void room_index_done(struct room_index *index)
{
    free(index->rooms);
    free(index->nodes);
    *index = (struct room_index){0};
}

/* True when a is better than b; both take something. Lower addresses are older. */
static bool is_better(const struct room_index *index, const struct room *a, const struct room *b)
{
    bool is_fuller;

    if (a->tasks != b->tasks) {
        is_fuller = a->tasks > b->tasks;
    } else if (a->repositories != b->repositories) {
        is_fuller = a->repositories > b->repositories;
    } else {
        return a < b;
    }
    return is_fuller == (index->placement == PLACEMENT_PACK);
}

static const struct room *better(const struct room_index *index, const struct room *a,
                                 const struct room *b)
{
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    return is_better(index, b, a) ? b : a;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void room_index_set(struct room_index *index, size_t position, const struct room *room)
{
    size_t at = index->leaf_count + position;

    index->rooms[position] = *room;
    index->nodes[at] = room->takes_new
                           ? (struct room_node){room->cpu_milli_free, room->memory_bytes_free,
                                                &index->rooms[position]}
                           : (struct room_node){-1, -1, NULL};
    for (at /= 2; at > 0; at /= 2) {
        const struct room_node *left = &index->nodes[2 * at], *right = left + 1;

        index->nodes[at] = (struct room_node){
            larger(left->cpu_milli_free, right->cpu_milli_free),
            larger(left->memory_bytes_free, right->memory_bytes_free),
            better(index, left->best, right->best),
        };
    }
}

/* The best below the node, if it is better than what was found so far. */
static const struct room *search(const struct room_index *index, size_t at, int64_t cpu_milli,
                                 int64_t memory_bytes, const struct room *found)
{
    const struct room_node *node = &index->nodes[at];

    if (node->best == NULL || node->cpu_milli_free < cpu_milli ||
        node->memory_bytes_free < memory_bytes || better(index, found, node->best) == found) {
        return found;
    }
    if (node->best->cpu_milli_free >= cpu_milli && node->best->memory_bytes_free >= memory_bytes) {
        return node->best;
    }
    if (at >= index->leaf_count) {
        return found;
    }
    found = search(index, 2 * at, cpu_milli, memory_bytes, found);
    return search(index, 2 * at + 1, cpu_milli, memory_bytes, found);
}

const struct room *room_index_best(const struct room_index *index, int64_t cpu_milli,
                                   int64_t memory_bytes)
{
    return search(index, 1, cpu_milli, memory_bytes, NULL);
}

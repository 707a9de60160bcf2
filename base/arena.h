/*
 * An arena: many small allocations with one owner, freed together.
 *
 * A decoded spec object and everything it points to live in one arena, so that dropping a version
 * of a spec is one call and nothing inside it has an owner of its own.
 */
#ifndef BERTH_BASE_ARENA_H
#define BERTH_BASE_ARENA_H

#include "base/cleanup.h"

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t size;                /* of all of them */
};

void arena_init(struct arena *arena);
void arena_done(struct arena *arena);

/*
 * For who knows how much it will be, and keeps it: an arena that is empty gets one block of just
 * this size. What does not fit into it comes into others, as ever.
 */
void arena_reserve(struct arena *arena, size_t size);
size_t arena_used(const struct arena *arena); /* what a successor with the same in it would need */

void *arena_alloc(struct arena *arena, size_t size); /* zeroed, aligned for any type */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif

#include "base/arena.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first block; each further one is twice as large, up to the last size. */
enum { FIRST_BLOCK_SIZE = 224, LAST_BLOCK_SIZE = 2048 };

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t size;
    max_align_t bytes[];
};

void arena_init(struct arena *arena)
{
    arena->blocks = NULL;
}

void arena_done(struct arena *arena)
{
    struct arena_block *block = arena->blocks;

    while (block != NULL) {
        struct arena_block *next = block->next;

        free(block);
        block = next;
    }
    arena->blocks = NULL;
}

/* Most owners have few texts, and there are many owners. */
static size_t next_block_size(const struct arena_block *newest)
{
    if (newest == NULL) {
        return FIRST_BLOCK_SIZE;
    }
    return newest->size * 2 < LAST_BLOCK_SIZE ? newest->size * 2 : LAST_BLOCK_SIZE;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t aligned = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct arena_block *block = arena->blocks;
    char *place;

    if (block == NULL || block->size - block->used < aligned) {
        size_t next_size = next_block_size(block),
               block_size = aligned > next_size ? aligned : next_size;

        block = xcalloc(1, sizeof(*block) + block_size);
        block->size = block_size;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    place = (char *)block->bytes + block->used;
    block->used += aligned;
    return place;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);

    memcpy(copy, text, len);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    auto_free char *text = NULL;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    return arena_strdup(arena, text);
}

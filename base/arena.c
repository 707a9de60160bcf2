#include "base/arena.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Each block is a third of all that there are: most owners have few texts, there are many owners,
 * and what none of them needs should be little.
 */
enum { LEAST_BLOCK_SIZE = 208, LARGEST_BLOCK_SIZE = 2048 };

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t size;
    max_align_t bytes[];
};

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

void arena_done(struct arena *arena)
{
    struct arena_block *block = arena->blocks;

    while (block != NULL) {
        struct arena_block *next = block->next;

        free(block);
        block = next;
    }
    *arena = (struct arena){0};
}

static size_t next_block_size(const struct arena *arena)
{
    size_t size = arena->size / 2;

    size = size > LEAST_BLOCK_SIZE ? size : LEAST_BLOCK_SIZE;
    return size < LARGEST_BLOCK_SIZE ? size : LARGEST_BLOCK_SIZE;
}

static void *allocate(struct arena *arena, size_t size, size_t alignment)
{
    struct arena_block *block = arena->blocks;
    size_t used = block != NULL ? (block->used + alignment - 1) / alignment * alignment : 0;

    if (block == NULL || used > block->size || block->size - used < size) {
        size_t next_size = next_block_size(arena), block_size = size > next_size ? size : next_size;

        block = xcalloc(1, sizeof(*block) + block_size);
        block->size = block_size;
        block->next = arena->blocks;
        arena->blocks = block;
        arena->size += block_size;
        used = 0;
    }
    block->used = used + size;
    return (char *)block->bytes + used;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return allocate(arena, size, _Alignof(max_align_t));
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
    char *copy = allocate(arena, len + 1, 1);

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

#include "base/arena.h"

#include "base/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
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
    uint32_t used;
    uint32_t size;
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

static struct arena_block *add_block(struct arena *arena, size_t size)
{
    struct arena_block *block;

    assert(size <= UINT32_MAX);
    block = xcalloc(1, sizeof(*block) + size);
    block->size = (uint32_t)size;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->size += size;
    return block;
}

void arena_reserve(struct arena *arena, size_t size)
{
    if (arena->blocks == NULL && size > 0) {
        add_block(arena, size);
    }
}

size_t arena_used(const struct arena *arena)
{
    size_t used = 0;

    for (const struct arena_block *block = arena->blocks; block != NULL; block = block->next) {
        used += block->used;
    }
    return used;
}

static void *allocate(struct arena *arena, size_t size, size_t alignment)
{
    struct arena_block *block = arena->blocks;
    size_t used = block != NULL ? (block->used + alignment - 1) / alignment * alignment : 0;

    if (block == NULL || used > block->size || block->size - used < size) {
        size_t next_size = next_block_size(arena);

        block = add_block(arena, size > next_size ? size : next_size);
        used = 0;
    }
    block->used = (uint32_t)(used + size);
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

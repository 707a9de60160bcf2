#include "base/arena.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 2048 };

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

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t aligned = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct arena_block *block = arena->blocks;
    char *place;

    if (block == NULL || block->size - block->used < aligned) {
        size_t block_size = aligned > BLOCK_SIZE ? aligned : BLOCK_SIZE;

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

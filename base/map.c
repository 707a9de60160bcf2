#include "base/map.h"

#include "base/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define uthash_fatal(message) abort()
#define HASH_FUNCTION HASH_OAT /* the default one makes clang warn of fall-through */
#include <uthash.h>

struct map_entry {
    UT_hash_handle hh;
    void *value;
    char own_key[]; /* unless it is borrowed */
};

static struct map_entry *find(const struct map *map, const char *key)
{
    struct map_entry *entry = NULL;

    HASH_FIND_STR(map->entries, key, entry);
    return entry;
}

void map_done(struct map *map)
{
    struct map_entry *entry, *next;

    HASH_ITER(hh, map->entries, entry, next) {
        HASH_DEL(map->entries, entry);
        free(entry);
    }
}

static void *put(struct map *map, const char *key, void *value, bool is_borrowed)
{
    struct map_entry *entry = find(map, key);
    size_t len = strlen(key), copied = is_borrowed ? 0 : len + 1;

    if (entry != NULL) {
        void *old = entry->value;

        entry->value = value;
        if (is_borrowed) {
            entry->hh.key = key; /* who lent the one before may go */
        }
        return old;
    }
    entry = xmalloc(sizeof(*entry) + copied);
    if (!is_borrowed) {
        memcpy(entry->own_key, key, copied);
        key = entry->own_key;
    }
    entry->value = value;
    HASH_ADD_KEYPTR(hh, map->entries, key, len, entry);
    return NULL;
}

void *map_put(struct map *map, const char *key, void *value)
{
    return put(map, key, value, false);
}

void *map_put_borrowed(struct map *map, const char *key, void *value)
{
    return put(map, key, value, true);
}

void *map_get(const struct map *map, const char *key)
{
    struct map_entry *entry = find(map, key);

    return entry != NULL ? entry->value : NULL;
}

void *map_remove(struct map *map, const char *key)
{
    struct map_entry *entry = find(map, key);
    void *value;

    if (entry == NULL) {
        return NULL;
    }
    value = entry->value;
    HASH_DEL(map->entries, entry);
    free(entry);
    return value;
}

size_t map_count(const struct map *map)
{
    return HASH_COUNT(map->entries);
}

struct map_entry *map_first(const struct map *map)
{
    return map->entries;
}

struct map_entry *map_next(const struct map_entry *entry)
{
    return entry->hh.next;
}

const char *map_key(const struct map_entry *entry)
{
    return entry->hh.key;
}

void *map_value(const struct map_entry *entry)
{
    return entry->value;
}

static int compare_keys(const struct map_entry *a, const struct map_entry *b)
{
    return strcmp(map_key(a), map_key(b));
}

static bool is_sorted(const struct map *map)
{
    for (const struct map_entry *at = map->entries; at != NULL && at->hh.next != NULL;
         at = at->hh.next) {
        if (compare_keys(at, at->hh.next) > 0) {
            return false;
        }
    }
    return true;
}

void map_sort(struct map *map)
{
    if (is_sorted(map)) {
        return; /* as it is nearly always, of what was sorted before */
    }
    HASH_SORT(map->entries, compare_keys);
}

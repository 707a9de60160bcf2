/*
 * A map from text to a pointer.
 *
 * The map copies its keys, unless they are put in as borrowed, and never owns its values: who puts
 * a value in takes it out. Iteration is in order of insertion and allows removing the entry at
 * hand (and no other).
 *
 *     for (struct map_entry *entry = map_first(&map); entry != NULL; entry = next) {
 *         next = map_next(entry);
 *         ...
 *     }
 */
#ifndef BERTH_BASE_MAP_H
#define BERTH_BASE_MAP_H

#include "base/cleanup.h"

#include <stddef.h>

struct map_entry;

struct map {
    struct map_entry *entries;
};

void map_done(struct map *map); /* the entries go, the values stay */

/* Returns the value that was there before, or NULL. */
void *map_put(struct map *map, const char *key, void *value);
/*
 * The key is not copied: it must stay as it is until the entry is gone, or has another value. For
 * maps of thousands.
 */
void *map_put_borrowed(struct map *map, const char *key, void *value);
void *map_get(const struct map *map, const char *key); /* NULL: not there */
void *map_remove(struct map *map, const char *key);    /* the value, or NULL */
size_t map_count(const struct map *map);

struct map_entry *map_first(const struct map *map);
struct map_entry *map_next(const struct map_entry *entry);
const char *map_key(const struct map_entry *entry);
void *map_value(const struct map_entry *entry);

/* Sorts the entries by key, for output that must not depend on arrival. */
void map_sort(struct map *map);

#endif

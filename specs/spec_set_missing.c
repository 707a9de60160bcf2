#include "specs/spec_set_parts.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <stdlib.h>

/* The later of the two times, but patience has an end. */
static uint64_t quiet_since_ms(uint64_t missing_since_ms, uint64_t last_at_ms, uint64_t patience_ms)
{
    uint64_t end_ms = missing_since_ms + patience_ms - SPEC_DELETION_DELAY_MS;

    if (last_at_ms <= missing_since_ms) {
        return missing_since_ms;
    }
    return last_at_ms < end_ms ? last_at_ms : end_ms;
}

/* Quiet for a while since it went. */
static bool is_due_for_deletion(const struct spec_set *set, const struct spec_entry *entry,
                                uint64_t now_ms)
{
    uint64_t missing_since_ms = entry->missing_since_ms, unmoved_ms, unchanged_ms;

    if (missing_since_ms == 0 || entry->is_held) {
        return entry->is_held;
    }
    unmoved_ms = quiet_since_ms(missing_since_ms, set->moved_at_ms, SPEC_DELETION_PATIENCE_MS);
    unchanged_ms =
        quiet_since_ms(missing_since_ms, set->stirred_at_ms, SPEC_DELETION_CHANGE_PATIENCE_MS);
    return now_ms >= unmoved_ms + SPEC_DELETION_DELAY_MS &&
           now_ms >= unchanged_ms + SPEC_DELETION_DELAY_MS;
}

/* Notes what is missing; returns how many objects are. */
static size_t count_missing(struct spec_set *set, uint64_t now_ms)
{
    size_t missing = 0;

    set->is_waiting = false;
    for (struct map_entry *at = map_first(&set->entries); at != NULL; at = map_next(at)) {
        struct spec_entry *entry = map_value(at);

        if (entry->is_seen) {
            continue;
        }
        if (entry->missing_since_ms == 0) {
            entry->missing_since_ms = now_ms > 0 ? now_ms : 1;
        }
        missing++;
        set->is_waiting |= !is_due_for_deletion(set, entry, now_ms);
    }
    return missing;
}

static int compare_times(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

/*
 * How many of the missing ones went at once: the most within a window. Where some come and others
 * go all the time, many may be missing together that went one by one.
 */
static size_t count_missed_at_once(const struct spec_set *set, size_t missing)
{
    auto_free uint64_t *times = xcalloc(missing, sizeof(*times));
    size_t count = 0, first = 0, most = 0;

    for (struct map_entry *at = map_first(&set->entries); at != NULL; at = map_next(at)) {
        const struct spec_entry *entry = map_value(at);

        if (!entry->is_seen) {
            times[count++] = entry->missing_since_ms;
        }
    }
    if (count > 0) {
        qsort(times, count, sizeof(*times), compare_times);
    }
    for (size_t i = 0; i < count; i++) {
        while (times[i] - times[first] >= SPEC_HOLD_WINDOW_MS) {
            first++;
        }
        most = i - first + 1 > most ? i - first + 1 : most;
    }
    return most;
}

static void hold(struct spec_set *set, uint64_t now_ms, bool is_all)
{
    for (struct map_entry *at = map_first(&set->entries); at != NULL; at = map_next(at)) {
        struct spec_entry *entry = map_value(at);

        if ((is_all || entry->is_doubted || entry->is_held) &&
            is_due_for_deletion(set, entry, now_ms)) {
            set->held_count++;
            if (!entry->is_held) {
                entry->is_held = true;
                spec_set_mark_changed(set, entry->key);
            }
        }
    }
}

void spec_set_mean_deletion(struct spec_set *set, const char *key)
{
    struct spec_entry *entry = map_get(&set->entries, key);

    if (entry != NULL) {
        entry->is_meant = true;
    }
}

void spec_set_delete_meant(struct spec_set *set)
{
    struct map_entry *next;

    for (struct map_entry *at = map_first(&set->entries); at != NULL; at = next) {
        struct spec_entry *entry = map_value(at);

        next = map_next(at);
        if (entry->is_meant && !entry->is_seen && !entry->is_doubted) {
            spec_set_remove_entry(set, entry);
        } else {
            entry->is_meant = false;
        }
    }
}

static bool is_any_missing(const struct spec_set *set)
{
    for (struct map_entry *at = map_first(&set->entries); at != NULL; at = map_next(at)) {
        if (!((const struct spec_entry *)map_value(at))->is_seen) {
            return true;
        }
    }
    return false;
}

/* With a word it is what was held that goes; what is merely due is judged in the next scan. */
static void delete_due(struct spec_set *set, uint64_t now_ms, bool is_confirmed)
{
    struct map_entry *next;

    for (struct map_entry *at = map_first(&set->entries); at != NULL; at = next) {
        struct spec_entry *entry = map_value(at);

        next = map_next(at);
        if (is_due_for_deletion(set, entry, now_ms) &&
            (is_confirmed ? entry->is_held : !entry->is_held && !entry->is_doubted)) {
            spec_set_remove_entry(set, entry);
        }
    }
}

void spec_set_decide(struct spec_set *set, uint64_t now_ms, bool is_deletion_confirmed)
{
    size_t total = map_count(&set->entries), missing = count_missing(set, now_ms);

    set->held_count = 0;
    if (set->hold_total > 0) {
        total = set->hold_total; /* objects that came since must not end the hold */
    } else {
        missing = count_missed_at_once(set, missing);
    }
    if (missing > SPEC_HOLD_MINIMUM && missing * 2 > total && !is_deletion_confirmed) {
        set->hold_total = total;
        hold(set, now_ms, true);
    } else {
        set->hold_total = 0; /* what is held stays so until it comes back or is confirmed */
        delete_due(set, now_ms, is_deletion_confirmed);
        if (is_deletion_confirmed) {
            set->is_waiting |= is_any_missing(set);
        } else {
            hold(set, now_ms, false);
        }
    }
}

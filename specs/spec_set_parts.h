/*
 * What spec_set.c and spec_set_missing.c have of each other. The latter decides about deletions:
 * what becomes of objects whose documents a scan did not find. It is called at the end of a scan,
 * when every entry that was found is_seen.
 */
#ifndef BERTH_SPECS_SPEC_SET_PARTS_H
#define BERTH_SPECS_SPEC_SET_PARTS_H

#include "specs/spec_set.h"

/* Before anything is counted: they have nothing to do with what is missing besides. */
void spec_set_delete_meant(struct spec_set *set);

/*
 * Notes since when the others are missing, and deletes them, holds them or waits. Sets held_count,
 * hold_total and is_waiting.
 */
void spec_set_decide(struct spec_set *set, uint64_t now_ms, bool is_deletion_confirmed);

/* spec_set.c's: what both do to an entry. */
void spec_set_mark_changed(struct spec_set *set, const char *key);
void spec_set_remove_entry(struct spec_set *set, struct spec_entry *entry);

#endif

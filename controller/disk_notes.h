/*
 * What is remembered of things that may be collected (disk_survey.h): how large they are, when
 * somebody used them last, and why they are kept.
 *
 * In memory by the thing's id, and in <state>/disk.json, from where the next controller goes on,
 * and where `berth gc --dry-run` sees what only a controller knows. Losing it costs a measurement.
 */
#ifndef BERTH_CONTROLLER_DISK_NOTES_H
#define BERTH_CONTROLLER_DISK_NOTES_H

#include "base/map.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct disk_note {
    uint64_t bytes, files;                         /* both 0: not measured */
    int64_t measured_wall_ms;                      /* tried, if not measured; 0: never */
    int64_t last_used_wall_ms, kept_until_wall_ms; /* 0: not known; it is not */
    bool is_newest;                                /* see reconcilers/disk.h */
    char *use;                                     /* NULL: it is not in use */
};

struct disk_notes {
    struct map by_id;  /* of struct disk_note */
    unsigned pressing; /* what there was too much of (reconcilers/disk.h) */
};

void disk_notes_done(struct disk_notes *notes);

/* NULL: there is none. The next: made where there is none. */
struct disk_note *disk_notes_find(const struct disk_notes *notes, const char *id);
struct disk_note *disk_notes_of(struct disk_notes *notes, const char *id);
void disk_notes_forget(struct disk_notes *notes, const char *id);

/* New reference. from_json adds to what is there; whatever is of a wrong type reads as absent. */
json_t *disk_notes_to_json(const struct disk_notes *notes);
void disk_notes_from_json(struct disk_notes *notes, const json_t *json);

/* "<state>/disk.json"; the caller's to free. */
char *disk_notes_path(const char *state_dir);
/* Adds what the file says; nothing where it is missing or damaged. */
void disk_notes_read(struct disk_notes *notes, const char *state_dir);

#endif

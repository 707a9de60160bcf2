/*
 * What the sources of the collector (disk.h) share.
 */
#ifndef BERTH_CONTROLLER_DISK_PARTS_H
#define BERTH_CONTROLLER_DISK_PARTS_H

#include "controller/disk.h"
#include "controller/disk_survey.h"

struct disk_measuring;

/* How the last collection ended that removed something, or was asked for. */
struct collection {
    int64_t at_wall_ms; /* 0: there was none */
    unsigned removed;
    uint64_t bytes;
    char *request; /* of the one who asked for it last, or NULL */
};

struct collector {
    struct controller *controller;
    uv_timer_t timer; /* the next look */
    struct disk_notes notes;
    char *notes_text;        /* what was written of them last */
    struct disk_usage usage; /* at the last look */
    uint64_t bytes;          /* of all things, at the last survey */
    int64_t pressure_since_wall_ms;
    bool is_due; /* a collection, as soon as the facts are complete and nothing is being removed */
    char *request;            /* who waits for one, or NULL */
    unsigned emptying;        /* children at work */
    int64_t removing_wall_ms; /* when the last removal began */
    struct collection last;
    struct disk_measuring *measuring; /* what is to be measured, or NULL */
};

/* disk.c. The things of today with all that is known of their use. */
void disk_take_survey(struct controller *controller, struct disk_survey *ret_survey);
/* Sizes have changed: those who show them are told. */
void disk_take_sizes(struct controller *controller);

/* disk_facts.c: marks what is in use, also by what is about to begin, and notes it. */
void disk_add_facts(struct controller *controller, struct disk_survey *survey, int64_t now_wall_ms);
/* True while something that was to go is still there. */
bool disk_is_removing(const struct controller *controller);

/* disk_measure.c: in the background, what was never measured or may have changed since. */
void disk_measure(struct controller *controller, const struct disk_survey *survey);
void disk_stop_measuring(struct collector *collector);

/*
 * disk_apply.c: takes it away, or tells its owner to. False: it could not be, and the log says why.
 */
bool disk_remove(struct controller *controller, const struct disk_thing *thing, const char *cause);

#endif

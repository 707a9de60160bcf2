/*
 * The collector: keeps the state directory's disk from filling up.
 *
 * It looks at the file system every ten seconds, or less often while there is much room
 * (disk_look_again_ms), and whenever something was removed. While there is
 * too much of anything (reconcilers/disk.h) controller->disk_pressure says so and nothing new is
 * begun. What may go is decided in each sweep, and at once when pressure begins: the things of the
 * state directory (disk_survey.h), what entries know of their use, and the removal itself are one
 * turn of the loop, so nobody can begin to use a thing in between. Removals end later: before the
 * next ones are decided they are waited for, since only then the disk shows them.
 *
 * Sizes are measured in the background, one thing after the other, and are kept (disk_notes.h):
 * those of snapshots and setup layers for good, others for ten minutes or until pressure begins.
 *
 * Reading order: disk.c (when); disk_facts.c (what is in use); disk_measure.c; disk_apply.c (how
 * things go).
 */
#ifndef BERTH_CONTROLLER_DISK_H
#define BERTH_CONTROLLER_DISK_H

#include "controller/controller.h"

/* Before the entries are loaded; the loop runs until close_parts(), after which close frees. */
void disk_open(struct controller *controller);
void disk_close(struct controller *controller); /* after the loop has closed its handles */

/* A sweep: what may go goes. */
void disk_collect(struct controller *controller);
/* Somebody asks for it, and looks for his own words in the heartbeat. */
void disk_collect_for(struct controller *controller, const char *request);

/* A child begins, and ends, to empty a folder that was put out of the way. */
void disk_note_emptying(struct controller *controller);
void disk_note_emptied(struct controller *controller);
/* Something of ours is gone from the disk, or its eviction is over. */
void disk_note_removed(struct controller *controller);

/* The clock was set: clock_change.h. */
void disk_shift_times(struct controller *controller, int64_t by_ms);

/* For the heartbeat. New reference. */
json_t *disk_to_json(const struct controller *controller);

#endif

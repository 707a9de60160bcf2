/*
 * The controller's history (event_journal.h): hears what is logged, and writes down what of it are
 * events (event_words.h).
 */
#ifndef BERTH_CONTROLLER_EVENTS_H
#define BERTH_CONTROLLER_EVENTS_H

#include "controller/controller.h"

/* From here on what is logged is heard; not in a dry run. The state directory is open. */
void events_open(struct controller *controller);
void events_flush(struct controller *controller); /* at the end of a turn */
void events_settle(
    struct controller *controller);               /* now and then: repeats that were not told yet */
void events_close(struct controller *controller); /* writes what is left */

#endif

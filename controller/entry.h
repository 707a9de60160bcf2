/*
 * Entries: what the controller keeps per key, and the queue of keys whose pass is due.
 */
#ifndef BERTH_CONTROLLER_ENTRY_H
#define BERTH_CONTROLLER_ENTRY_H

#include "controller/controller.h"

/* Puts a new one in the controller's map. kind_text is the first part of the key: "Instance". */
struct entry *entry_new(struct controller *controller, enum entry_kind kind, const char *kind_text,
                        const char *name);

/*
 * Takes a reference. NULL: gone. Another version of the spec forgets the failures of the one
 * before.
 */
void entry_set_desired(struct entry *entry, struct object *desired);

void entry_note_failure(struct entry *entry, const struct error *err);
void entry_clear_failure(struct entry *entry);
/* What an earlier controller's status file said stands until the first pass. */
void entry_remember(struct entry *entry, const json_t *status);
json_t *entry_remembered(const struct entry *entry); /* a new one; NULL: nothing is remembered */
void entry_forget_remembered(struct entry *entry);

/* Its last failure, as passes are told of it. Borrowed. */
struct observed_failure entry_failure(const struct entry *entry);
/* The status that its last pass decided; NULL: it had none yet, or there is no such entry. */
const struct object_status *entry_passed_status(const struct entry *entry);

/* The next key, now KEY_RUNNING; NULL: none is due. entry_settle() ends its run. */
struct entry *entry_dequeue(struct controller *controller);
void entry_leave_queue(struct entry *entry);
void entry_settle(struct entry *entry);

#endif

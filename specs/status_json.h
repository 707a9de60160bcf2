/*
 * Fields of status documents, as they are written and read back: what is absent is left out, and
 * what is missing or of a wrong type reads as absent.
 */
#ifndef BERTH_SPECS_STATUS_JSON_H
#define BERTH_SPECS_STATUS_JSON_H

#include "specs/status.h"

/*
 * Bytes of the texts of an instance that runs. Every status has room for them at once: thousands
 * are read at a start and replaced one by one, each by one that fits where another was.
 */
enum { STATUS_USUAL_TEXTS = 448 };

void status_put_text(json_t *object, const char *key, const char *text);
void status_put_time(json_t *object, const char *key, int64_t wall_ms);
void status_put_integer(json_t *object, const char *key, int64_t value);
void status_put_true(json_t *object, const char *key, bool value); /* false is left out */

/* The text is the status' own; NULL where there is none. */
const char *status_get_text(struct object_status *status, const json_t *object, const char *key);
int64_t status_get_time(const json_t *object, const char *key);
int64_t status_get_integer(const json_t *object, const char *key);
unsigned status_get_count(const json_t *object, const char *key); /* 0..UINT_MAX */

/* status_work.c: what tasks and repositories have beside other objects */
json_t *status_task_to_json(const struct status_task *task);
json_t *status_repository_to_json(const struct status_repository *repository);
void status_read_task(struct object_status *status, const json_t *json);
void status_read_repository(struct object_status *status, const json_t *json);
void status_copy_task(struct object_status *to, const struct status_task *from);
void status_copy_repository(struct object_status *to, const struct status_repository *from);

#endif

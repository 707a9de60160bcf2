/*
 * What `berth diff` tells: of each object what would be done, why, and which fields differ. Pure.
 */
#ifndef BERTH_CLI_DIFF_REPORT_H
#define BERTH_CLI_DIFF_REPORT_H

#include "base/strbuf.h"
#include "controller/dry_run.h"
#include "specs/types.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* An object of the input (-f): before is NULL where it is new. */
struct diff_object {
    const struct object *before, *after;
};

struct diff_input {
    const struct dry_run *dry_run;
    /* of the input, or NULL: the spec directory against the engine */
    const struct diff_object *objects;
    size_t count;
    /* the object in force with this key, or NULL */
    const struct object *(*find)(const char *key, void *user);
    void *user;
};

/*
 * {"kind", "name", "action", "cause", "fields": [{"path", "before", "after"}], "steps"}, sorted by
 * kind and name. action is "nothing", "wait", "blocked", or what would be done. Values of fields
 * are there for those that are single ones. New reference.
 */
json_t *diff_report(const struct diff_input *input);

/* True when something would be done, or cannot be done that should. */
bool diff_item_is_change(const json_t *item);

/* "instance/web: update (changed: image debian:11 -> debian:12)\n" */
void diff_item_print(const json_t *item, struct strbuf *out);

#endif

/*
 * What `berth gc --dry-run` says: what would go, what is kept, until when, and why.
 */
#ifndef BERTH_CLI_GC_REPORT_H
#define BERTH_CLI_GC_REPORT_H

#include "controller/disk_survey.h"

#include <jansson.h>

struct gc_report {
    const char *state_dir;
    struct disk_policy policy;
    struct disk_usage usage;
    const struct disk_survey *survey;
    struct disk_decision decision;
    int64_t now_wall_ms;
    bool is_controlled;    /* a controller runs there */
    const json_t *orphans; /* the controller's list of them (docs/status.md), or NULL */
};

void gc_report_print(const struct gc_report *report);
void gc_report_print_json(const struct gc_report *report);

/* "12.3 MiB"; the caller's to free. */
char *gc_size_text(uint64_t bytes);

#endif

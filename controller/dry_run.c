#include "controller/dry_run.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/controller.h"
#include "reconcilers/plan.h"
#include "reconcilers/task.h"

#include <stdlib.h>

void dry_run_done(struct dry_run *dry_run)
{
    for (size_t i = 0; i < dry_run->count; i++) {
        free(dry_run->objects[i].key);
        free(dry_run->objects[i].cause);
        free(dry_run->objects[i].actions);
        free(dry_run->objects[i].image);
        free(dry_run->objects[i].wanted_image);
        free(dry_run->objects[i].hindrance);
        free(dry_run->objects[i].waits_for);
        free(dry_run->objects[i].pool);
    }
    free(dry_run->objects);
    *dry_run = (struct dry_run){0};
}

/* A task that is over has failed for good, and nothing is to be done about it. */
static char *find_hindrance(const struct entry *entry)
{
    const struct condition *stalled = &entry->status->conditions[CONDITION_STALLED];

    if (stalled->value != CONDITION_TRUE || task_is_over(entry->status)) {
        return NULL;
    }
    return xasprintf("%s: %s", stalled->reason != NULL ? stalled->reason : "Failed",
                     stalled->message != NULL ? stalled->message : "");
}

static char *find_wait(const struct entry *entry)
{
    const struct condition *ready = &entry->status->conditions[CONDITION_READY];

    enum phase phase = entry->status->phase;

    if (entry->kind != ENTRY_TASK || (phase != PHASE_PENDING && phase != PHASE_PREPARING)) {
        return NULL;
    }
    return xstrdup(ready->message != NULL ? ready->message : "it waits for its turn");
}

void dry_run_add(struct dry_run *dry_run, const struct entry *entry, const struct plan *plan)
{
    const struct observed_container *container =
        entry->kind == ENTRY_INSTANCE ? map_get(&entry->controller->containers, entry->name) : NULL;
    auto_done(strbuf) actions = {0};

    if (plan != NULL) {
        plan_print(plan, &actions);
    }
    array_grow(&dry_run->objects, dry_run->count, &dry_run->capacity, sizeof(*dry_run->objects));
    dry_run->objects[dry_run->count++] = (struct dry_run_object){
        .key = xstrdup(entry->key),
        .operation = plan != NULL && plan->count > 0 ? plan->operation : NULL,
        .cause = plan != NULL && plan->count > 0 ? xstrdup_or_null(plan->cause) : NULL,
        .actions = strbuf_take(&actions),
        .image = container != NULL ? xstrdup_or_null(container->image) : NULL,
        .wanted_image = entry->kind == ENTRY_INSTANCE && entry->desired != NULL
                            ? xstrdup_or_null(entry->desired->instance.image)
                            : NULL,
        .hindrance = find_hindrance(entry),
        .waits_for = find_wait(entry),
        .pool = entry->member.pool != NULL ? xstrdup(entry->member.pool->name) : NULL,
        .is_gone = entry->desired == NULL,
    };
}

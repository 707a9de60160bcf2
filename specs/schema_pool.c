#include "specs/schema_parts.h"

#include "specs/text_check.h"

static const char *const placement_words[] = {"Pack", "Spread", NULL};
static const char *const update_strategy_words[] = {"RollingUpdate", "OnDelete", NULL};

#define IN_POOL(member) offsetof(struct pool_spec, member)

enum { MAX_INSTANCES = 1000, MAX_TASKS_PER_INSTANCE = 1000 };

static const struct field autoscaling_fields[] = {
    {.name = "targetUtilization",
     .type = FIELD_FRACTION,
     .offset = 0,
     .default_text = "0.8",
     .min = 10,
     .max = 1000,
     .doc = "The part of all places for tasks (members times maxTasksPerInstance) that is to be "
            "in use. Less than 1 keeps some free."},
    {.name = "scaleDownDelaySeconds",
     .type = FIELD_INTEGER,
     .offset = IN_POOL(scale_down_delay_seconds) - IN_POOL(target_utilization_milli),
     .default_text = "300",
     .min = 0,
     .max = SCHEMA_MAX_SECONDS,
     .doc = "How many seconds fewer members must have been enough before idle ones are removed."},
    END_OF_TABLE,
};

static const struct field update_strategy_fields[] = {
    {.name = "type",
     .type = FIELD_ENUM,
     .offset = 0,
     .default_text = "RollingUpdate",
     .words = update_strategy_words,
     .doc = "RollingUpdate makes members anew, a few at a time, the next when the ones before "
            "are Ready; OnDelete waits until somebody removes them."},
    {.name = "maxUnavailable",
     .type = FIELD_INTEGER,
     .offset = IN_POOL(max_unavailable) - IN_POOL(update_strategy),
     .default_text = "1",
     .min = 1,
     .max = MAX_INSTANCES,
     .doc = "How many members may be missing at a time because of an update."},
    END_OF_TABLE,
};

static const struct field template_metadata_fields[] = {
    {.name = "labels",
     .type = FIELD_LABELS,
     .offset = 0,
     .check = check_label_value,
     .check_key = check_label_key,
     .doc = "Labels of each member."},
    END_OF_TABLE,
};

static const struct field template_fields[] = {
    {.name = "metadata",
     .type = FIELD_OBJECT,
     .offset = 0,
     .fields = template_metadata_fields,
     .doc = "The members' metadata beside their names."},
    {.name = "spec",
     .type = FIELD_OBJECT,
     .offset = IN_POOL(template_spec) - IN_POOL(template_labels),
     .fields = schema_instance_fields,
     .doc = "The spec of each member: that of an Instance, without fixed host ports where there "
            "may be more than one."},
    END_OF_TABLE,
};

/* Nothing of a pool is in a container by itself: its members have hashes of their own. */
const struct field schema_pool_fields[] = {
    {.name = "suspend",
     .type = FIELD_BOOLEAN,
     .flags = FIELD_LIVE,
     .offset = IN_POOL(is_suspended),
     .default_text = "false",
     .doc = "While this is true, no member is added, removed or updated."},
    {.name = "minInstances",
     .type = FIELD_INTEGER,
     .flags = FIELD_LIVE,
     .offset = IN_POOL(min_instances),
     .default_text = "1",
     .min = 0,
     .max = MAX_INSTANCES,
     .doc = "The least number of members, also when they have nothing to do."},
    {.name = "maxInstances",
     .type = FIELD_INTEGER,
     .flags = FIELD_LIVE,
     .offset = IN_POOL(max_instances),
     .absent = -1,
     .min = 0,
     .max = MAX_INSTANCES,
     .example = "5",
     .doc = "The greatest number of members; failed ones that are kept to be looked at do not "
            "count. Left out: as many as minInstances."},
    {.name = "maxTasksPerInstance",
     .type = FIELD_INTEGER,
     .flags = FIELD_LIVE,
     .offset = IN_POOL(max_tasks_per_instance),
     .default_text = "10",
     .min = 1,
     .max = MAX_TASKS_PER_INSTANCE,
     .doc = "How many tasks may be active on one member."},
    {.name = "placement",
     .type = FIELD_ENUM,
     .flags = FIELD_LIVE,
     .offset = IN_POOL(placement),
     .default_text = "Pack",
     .words = placement_words,
     .doc = "Which member with room gets the next repository's container: the fullest (Pack) or "
            "the emptiest (Spread)."},
    {.name = "autoscaling",
     .type = FIELD_OBJECT,
     .flags = FIELD_LIVE,
     .offset = IN_POOL(target_utilization_milli),
     .fields = autoscaling_fields,
     .doc = "How the number of members follows the tasks, between minInstances and maxInstances."},
    {.name = "warmRepositories",
     .type = FIELD_STRING_LIST,
     .flags = FIELD_LIVE | FIELD_UNORDERED,
     .offset = IN_POOL(warm_repositories),
     .check = check_repository_url,
     .doc = "Repositories that are cloned, and whose containers are started on members, before "
            "any task asks."},
    {.name = "updateStrategy",
     .type = FIELD_OBJECT,
     .flags = FIELD_LIVE,
     .offset = IN_POOL(update_strategy),
     .fields = update_strategy_fields,
     .doc = "How a change of the template reaches members that are there."},
    {.name = "template",
     .type = FIELD_OBJECT,
     .flags = FIELD_LIVE,
     .offset = IN_POOL(template_labels),
     .fields = template_fields,
     .doc = "What each member is. The pool names its members <pool>-<number>."},
    END_OF_TABLE,
};

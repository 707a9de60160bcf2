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
     .doc = "Part of the places for tasks that is to be in use; the pool has as many members as "
            "that needs."},
    {.name = "scaleDownDelaySeconds",
     .type = FIELD_INTEGER,
     .offset = IN_POOL(scale_down_delay_seconds) - IN_POOL(target_utilization_milli),
     .default_text = "300",
     .min = 0,
     .max = SCHEMA_MAX_SECONDS,
     .doc = "How long fewer members must have been enough before idle ones go."},
    END_OF_TABLE,
};

static const struct field update_strategy_fields[] = {
    {.name = "type",
     .type = FIELD_ENUM,
     .offset = 0,
     .default_text = "RollingUpdate",
     .words = update_strategy_words,
     .doc = "RollingUpdate makes members anew after a change of the template, a few at a time; "
            "OnDelete waits until somebody removes them."},
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
     .doc = "Labels of the members."},
    END_OF_TABLE,
};

static const struct field template_fields[] = {
    {.name = "metadata",
     .type = FIELD_OBJECT,
     .offset = 0,
     .fields = template_metadata_fields,
     .doc = "What the members' metadata has beside the name."},
    {.name = "spec",
     .type = FIELD_OBJECT,
     .offset = IN_POOL(template_spec) - IN_POOL(template_labels),
     .fields = schema_instance_fields,
     .doc = "The spec of an Instance."},
    END_OF_TABLE,
};

/* Nothing of a pool is in a container by itself: its members have hashes of their own. */
const struct field schema_pool_fields[] = {
    {.name = "suspend",
     .type = FIELD_BOOLEAN,
     .flags = FIELD_LIVE,
     .offset = IN_POOL(is_suspended),
     .default_text = "false",
     .doc = "Berth neither adds, removes nor updates members while this is true."},
    {.name = "minInstances",
     .type = FIELD_INTEGER,
     .flags = FIELD_LIVE,
     .offset = IN_POOL(min_instances),
     .default_text = "1",
     .min = 0,
     .max = MAX_INSTANCES,
     .doc = "The pool never has fewer members, whatever they have to do."},
    {.name = "maxInstances",
     .type = FIELD_INTEGER,
     .flags = FIELD_LIVE,
     .offset = IN_POOL(max_instances),
     .absent = -1,
     .min = 0,
     .max = MAX_INSTANCES,
     .doc = "The pool never has more. Left out: as many as minInstances."},
    {.name = "maxTasksPerInstance",
     .type = FIELD_INTEGER,
     .flags = FIELD_LIVE,
     .offset = IN_POOL(max_tasks_per_instance),
     .default_text = "10",
     .min = 1,
     .max = MAX_TASKS_PER_INSTANCE,
     .doc = "Places for tasks on one member."},
    {.name = "placement",
     .type = FIELD_ENUM,
     .flags = FIELD_LIVE,
     .offset = IN_POOL(placement),
     .default_text = "Pack",
     .words = placement_words,
     .doc = "Where a repository's container goes: to the fullest member that has room, or to the "
            "emptiest."},
    {.name = "autoscaling",
     .type = FIELD_OBJECT,
     .flags = FIELD_LIVE,
     .offset = IN_POOL(target_utilization_milli),
     .fields = autoscaling_fields,
     .doc = "When members are added and removed between minInstances and maxInstances."},
    {.name = "warmRepositories",
     .type = FIELD_STRING_LIST,
     .flags = FIELD_LIVE | FIELD_UNORDERED,
     .offset = IN_POOL(warm_repositories),
     .check = check_repository_url,
     .doc = "URLs of repositories that are cloned and started before any task asks."},
    {.name = "updateStrategy",
     .type = FIELD_OBJECT,
     .flags = FIELD_LIVE,
     .offset = IN_POOL(update_strategy),
     .fields = update_strategy_fields,
     .doc = "How a change of the template reaches the members."},
    {.name = "template",
     .type = FIELD_OBJECT,
     .flags = FIELD_LIVE,
     .offset = IN_POOL(template_labels),
     .fields = template_fields,
     .doc = "What the members are."},
    END_OF_TABLE,
};

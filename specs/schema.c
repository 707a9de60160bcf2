#include "specs/schema.h"

#include "base/cleanup.h"
#include "specs/schema_parts.h"
#include "specs/text_check.h"

#include <stdlib.h>

static const struct field metadata_fields[] = {
    {.name = "name",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct metadata, name),
     .check = check_object_name,
     .example = "my-name",
     .doc = "The object's identity, together with its kind: lower-case letters, digits and "
            "\"-\", a letter first, at most 63 characters."},
    {.name = "labels",
     .type = FIELD_LABELS,
     .offset = offsetof(struct metadata, labels),
     .check = check_label_value,
     .check_key = check_label_key,
     .doc = "Keys and values for you and your tools, by Kubernetes' rules. Keys that begin with "
            "dev.berth. are Berth's own."},
    {.name = "annotations",
     .type = FIELD_LABELS,
     .offset = offsetof(struct metadata, annotations),
     .doc = "Notes for other programs; Berth does not look at them."},
    END_OF_TABLE,
};

const struct field *schema_of_kind(enum kind kind)
{
    switch (kind) { /* no default: a kind without a table does not compile */
    case KIND_INSTANCE: return schema_instance_fields;
    case KIND_INSTANCE_POOL: return schema_pool_fields;
    case KIND_REPOSITORY: return schema_repository_fields;
    case KIND_TASK: return schema_task_fields;
    }
    abort(); /* not a kind at all: memory is damaged */
}

void *schema_spec_of(struct object *object)
{
    switch (object->kind) { /* no default: a kind without a spec does not compile */
    case KIND_INSTANCE: return &object->instance;
    case KIND_INSTANCE_POOL: return &object->pool;
    case KIND_REPOSITORY: return &object->repository;
    case KIND_TASK: return &object->task;
    }
    abort(); /* not a kind at all: memory is damaged */
}

const struct field *schema_of_metadata(void)
{
    return metadata_fields;
}

void schema_top_of(enum kind kind, struct schema_top *ret_top)
{
    static const char *const versions[] = {API_VERSION, NULL};

    *ret_top = (struct schema_top){
        .words = {kind_name(kind), NULL},
        .rows =
            {
                {.name = "apiVersion",
                 .type = FIELD_ENUM,
                 .flags = FIELD_REQUIRED,
                 .words = versions,
                 .doc = "The form of the document."},
                {.name = "kind",
                 .type = FIELD_ENUM,
                 .flags = FIELD_REQUIRED,
                 .words = ret_top->words,
                 .doc = "What it describes."},
                {.name = "metadata",
                 .type = FIELD_OBJECT,
                 .flags = FIELD_REQUIRED,
                 .fields = metadata_fields,
                 .doc = "The object's name and labels."},
                {.name = "spec",
                 .type = FIELD_OBJECT,
                 .flags = FIELD_REQUIRED,
                 .fields = schema_of_kind(kind),
                 .doc = "What is wanted."},
                END_OF_TABLE,
            },
    };
}

const char *const *schema_planned_kinds(size_t *ret_count)
{
    static const char *const words[] = {"MachineType"};

    *ret_count = ARRAY_SIZE(words);
    return words;
}

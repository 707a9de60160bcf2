#include "specs/types.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t size_of_kind(enum kind kind)
{
    switch (kind) { /* no default: a kind without a size does not compile */
    case KIND_INSTANCE: return sizeof(struct instance_spec);
    case KIND_INSTANCE_POOL: return sizeof(struct pool_spec);
    case KIND_REPOSITORY: return sizeof(struct repository_spec);
    case KIND_TASK: return sizeof(struct task_spec);
    }
    abort(); /* not a kind at all: memory is damaged */
}

static size_t object_size(enum kind kind)
{
    return offsetof(struct object, instance) + size_of_kind(kind);
}

struct object *object_new(enum kind kind)
{
    struct object *object = xcalloc(1, object_size(kind));

    object->kind = kind;
    object->references = 1;
    return object;
}

struct object *object_fit(struct object *object)
{
    return xrealloc_array(object, 1, object_size(object->kind));
}

struct object *object_ref(struct object *object)
{
    object->references++;
    return object;
}

void object_unref(struct object *object)
{
    if (object == NULL) {
        return;
    }
    assert(object->references > 0);
    if (--object->references == 0) {
        object_unref(object->parent);
        arena_done(&object->arena);
        free(object);
    }
}

const char *kind_name(enum kind kind)
{
    switch (kind) { /* no default: a kind without a name does not compile */
    case KIND_INSTANCE: return "Instance";
    case KIND_INSTANCE_POOL: return "InstancePool";
    case KIND_REPOSITORY: return "Repository";
    case KIND_TASK: return "Task";
    }
    abort(); /* not a kind at all: memory is damaged */
}

const char *kind_plural(enum kind kind)
{
    switch (kind) { /* no default: a kind without a name does not compile */
    case KIND_INSTANCE: return "instances";
    case KIND_INSTANCE_POOL: return "instancepools";
    case KIND_REPOSITORY: return "repositories";
    case KIND_TASK: return "tasks";
    }
    abort(); /* not a kind at all: memory is damaged */
}

const char *probe_type_name(enum probe_type type)
{
    switch (type) { /* no default: a type without a name does not compile */
    case PROBE_STARTUP: return "startup";
    case PROBE_LIVENESS: return "liveness";
    case PROBE_READINESS: return "readiness";
    }
    abort(); /* not a type at all: memory is damaged */
}

int kind_from_name(const char *name, enum kind *ret_kind)
{
    for (unsigned i = 0; i < KIND_COUNT; i++) {
        if (strcmp(name, kind_name((enum kind)i)) == 0) {
            *ret_kind = (enum kind)i;
            return 0;
        }
    }
    return -1;
}

bool object_is_suspended(const struct object *object)
{
    switch (object->kind) { /* no default: a new kind must say it here */
    case KIND_INSTANCE: return object->instance.is_suspended;
    case KIND_INSTANCE_POOL: return object->pool.is_suspended;
    case KIND_REPOSITORY: return object->repository.is_suspended;
    case KIND_TASK: return object->task.is_suspended;
    }
    abort(); /* not a kind at all: memory is damaged */
}

/* No two names have one variable: a name has no capitals and no "_". */
const char *task_port_variable(const char *port, char variable[TASK_PORT_VARIABLE_SIZE])
{
    snprintf(variable, TASK_PORT_VARIABLE_SIZE, "BERTH_PORT_%s", port);
    for (char *c = variable; *c != '\0'; c++) {
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    }
    return variable;
}

bool object_name_is_valid(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    size_t len = name != NULL ? strlen(name) : 0;

    return len >= 1 && len <= 63 && strchr(letters, name[0]) != NULL && name[len - 1] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

#include "specs/pool_member.h"

#include "base/memory.h"
#include "base/parse.h"
#include "specs/fingerprint.h"

#include <stdlib.h>
#include <string.h>

char *pool_member_name(const char *pool, unsigned number)
{
    return xasprintf("%s-%u", pool, number);
}

int pool_member_number(const char *pool, const char *name, unsigned *ret_number)
{
    size_t len = strlen(pool);
    uint64_t number;

    if (strncmp(name, pool, len) != 0 || name[len] != '-' ||
        parse_u64(name + len + 1, &number) < 0 || number > UINT32_MAX ||
        (name[len + 1] == '0' && name[len + 2] != '\0')) {
        return -1;
    }
    *ret_number = (unsigned)number;
    return 0;
}

struct object *pool_member_object(struct object *pool, unsigned number)
{
    struct object *object = object_new(KIND_INSTANCE);
    auto_free char *name = pool_member_name(pool->name, number);

    object->parent = object_ref(pool);
    object->name = arena_strdup(&object->arena, name);
    object->labels = pool->pool.template_labels;
    object->instance = pool->pool.template_spec;
    object->instance.is_suspended |= pool->pool.is_suspended;
    object->file = pool->file;
    object->line = pool->line;
    object->column = pool->column;
    object->document = pool->document;
    fingerprint_object(object);
    return object;
}

#include "cli/name_prefix.h"

#include "base/memory.h"
#include "cli/spec_edit.h"

#include <ctype.h>
#include <string.h>

bool name_prefix_is_valid(const char *prefix)
{
    auto_free char *name = xasprintf("%sx", prefix); /* it may end with a '-' */

    return prefix[0] != '\0' && object_name_is_valid(name);
}

/* One object in its text. */
struct renaming {
    char *text;
    const struct object *object;
    const char *prefix;
};

static void renaming_done(struct renaming *renaming)
{
    cleanup_free(&renaming->text);
}

static int set_prefixed(struct renaming *renaming, const char *path, const char *name,
                        struct error *err)
{
    auto_free char *value = xasprintf("%s%s", renaming->prefix, name);
    char *text = NULL;
    struct spec_place place;

    if (spec_edit_find(renaming->text, strlen(renaming->text), renaming->object->kind,
                       renaming->object->name, &place, err) < 0 ||
        spec_edit_set(renaming->text, strlen(renaming->text), &place, path, value, &text, err) <
            0) {
        return -1;
    }
    cleanup_free(&renaming->text);
    renaming->text = text;
    return 0;
}

static int set_reference(struct renaming *renaming, const struct object_names *own, enum kind kind,
                         const char *path, const char *name, struct error *err)
{
    return name == NULL || !object_names_have(own, kind, name)
               ? 0
               : set_prefixed(renaming, path, name, err);
}

/* Its name comes last: until then the object is found by the old one. */
static int rename_object(struct renaming *renaming, const struct object_names *own,
                         struct error *err)
{
    const struct object *object = renaming->object;

    if (object->kind == KIND_TASK &&
        (set_reference(renaming, own, KIND_REPOSITORY, "spec.repository.name",
                       object->task.repository_name, err) < 0 ||
         set_reference(renaming, own, KIND_INSTANCE_POOL, "spec.pool", object->task.pool, err) <
             0)) {
        return -1;
    }
    if (object->kind == KIND_REPOSITORY &&
        set_reference(renaming, own, KIND_INSTANCE_POOL, "spec.pool", object->repository.pool,
                      err) < 0) {
        return -1;
    }
    return set_prefixed(renaming, "metadata.name", object->name, err);
}

int name_prefix_apply(const char *text, size_t len, const struct spec_file *parsed,
                      const struct object_names *own, const char *prefix, char **ret_text,
                      struct error *err)
{
    auto_done(renaming) renaming = {.text = xmemdup(text, len), .prefix = prefix};

    /* From the last to the first: an object is then the first of its name, also when a later one
     * has it by now. */
    for (size_t i = parsed->count; i > 0; i--) {
        renaming.object = parsed->documents[i - 1].object;
        if (rename_object(&renaming, own, err) < 0) {
            return error_wrap(err, "%s \"%s\"", kind_name(renaming.object->kind),
                              renaming.object->name);
        }
    }
    *ret_text = TAKE(renaming.text);
    return 0;
}

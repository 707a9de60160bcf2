/* The half of apply_plan.h that writes. */
#include "base/memory.h"
#include "cli/apply_plan.h"
#include "cli/ask_controller.h"

#include <string.h>

const char *apply_result_word(enum apply_result result)
{
    switch (result) { /* no default: a result without a word does not compile */
    case APPLY_UNCHANGED: return "unchanged";
    case APPLY_CONFIGURED: return "configured";
    case APPLY_CREATED: return "created";
    case APPLY_PRUNED: return "pruned";
    case APPLY_DELETED: return "deleted";
    }
    abort();
}

static int write_file(const struct apply_plan *plan, const struct apply_file *file,
                      struct error *err)
{
    if (file->text != NULL) {
        return spec_store_write(plan->store, file->name, file->before, file->text,
                                strlen(file->text), err);
    }
    return file->before != NULL ? spec_store_remove(plan->store, file->before, err) : 0;
}

int apply_plan_write(struct apply_plan *plan, struct error *err)
{
    for (size_t i = 0; i < plan->file_count; i++) {
        const struct apply_file *file = &plan->files[i];

        if (!file->is_changed) {
            continue;
        }
        if (write_file(plan, file, err) < 0) {
            return -1;
        }
        for (size_t o = 0; o < plan->object_count; o++) {
            struct apply_object *object = &plan->objects[o];

            object->is_written |=
                object->result != APPLY_UNCHANGED && strcmp(object->file, file->name) == 0;
        }
    }
    return 0;
}

bool apply_plan_has_written(const struct apply_plan *plan, enum kind kind, const char *name)
{
    const struct apply_object *object = apply_plan_find(plan, kind_name(kind), name);

    return object != NULL && object->is_written;
}

void apply_plan_take_written(struct apply_plan *plan, const struct apply_plan *before)
{
    for (size_t i = 0; i < before->object_count; i++) {
        const struct apply_object *written = &before->objects[i];
        struct apply_object *object =
            apply_plan_find(plan, kind_name(written->kind), written->name);

        if (!written->is_written) {
            continue;
        }
        if (object == NULL) {
            object = apply_plan_add(plan, written->kind, written->name, written->hash,
                                    written->file, written->result);
        } else if (object->result == APPLY_UNCHANGED) {
            object->result = written->result;
        }
        object->is_written = true;
    }
}

void apply_plan_tell_deletions(const struct apply_plan *plan, const char *state_dir)
{
    json_auto_t *keys = json_array(), *request = NULL;
    auto_free char *id = ask_make_id(), *name = xasprintf("delete-%s", id);
    struct error ignored = {0};

    for (size_t i = 0; i < plan->object_count; i++) {
        const struct apply_object *object = &plan->objects[i];

        if (object->is_written &&
            (object->result == APPLY_DELETED || object->result == APPLY_PRUNED)) {
            auto_free char *key = object_key(kind_name(object->kind), object->name);

            json_array_append_new(keys, json_string(key));
        }
    }
    if (json_array_size(keys) > 0) {
        request = json_pack("{s:O}", "keys", keys);
        ask_controller(state_dir, name, request, &ignored);
    }
}

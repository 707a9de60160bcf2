#include "controller/released.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/entry.h"

#include <stdlib.h>
#include <string.h>

static char *record_of(const char *container_id)
{
    return xasprintf("released/%s.json", container_id);
}

static char *intent_of(const char *name)
{
    return xasprintf("releasing/%s.json", name);
}

static void on_record(void *user, const char *file)
{
    struct controller *controller = user;
    auto_free char *id = xstrndup(file, strcspn(file, "."));

    map_put(&controller->released, id, controller);
}

void released_load(struct controller *controller)
{
    state_list(&controller->state, "released", on_record, controller);
}

static void on_intent(void *user, const char *file)
{
    struct controller *controller = user;
    auto_free char *name = xstrndup(file, strcspn(file, "."));
    struct entry *entry = entry_of_container(controller, kind_name(KIND_INSTANCE), name);

    if (!object_name_is_valid(name)) {
        return;
    }
    if (entry != NULL && entry->desired != NULL) { /* it came back meanwhile */
        auto_free char *intent = intent_of(name);

        state_remove(&controller->state, intent);
        return;
    }
    map_put(&controller->releasing, name, controller);
    if (entry == NULL) {
        entry = entry_new(controller, ENTRY_INSTANCE, kind_name(KIND_INSTANCE), name);
    }
    entry_enqueue(entry);
}

void released_load_intents(struct controller *controller)
{
    if (controller->is_scanned) {
        state_list(&controller->state, "releasing", on_intent, controller);
    }
}

void released_close(struct controller *controller)
{
    map_done(&controller->released);
    map_done(&controller->releasing);
}

static void intend(struct entry *entry)
{
    struct controller *controller = entry->controller;
    auto_free char *intent = intent_of(entry->name);
    json_auto_t *json = json_pack("{s:i, s:s}", "version", 1, "object", entry->key);

    map_put(&controller->releasing, entry->name, controller);
    state_keep_json(&controller->state, intent, json);
}

void released_note_change(struct entry *entry, const struct object *desired)
{
    const struct object *before = entry->desired;

    if (entry->kind != ENTRY_INSTANCE) {
        return;
    }
    if (desired != NULL) {
        released_forget_intent(entry);
    } else if (before != NULL && before->instance.deletion_policy == DELETION_RETAIN) {
        intend(entry);
    }
}

bool released_is_intended(struct entry *entry)
{
    return map_get(&entry->controller->releasing, entry->name) != NULL;
}

void released_forget_intent(struct entry *entry)
{
    struct controller *controller = entry->controller;

    if (entry->kind == ENTRY_INSTANCE && released_is_intended(entry)) {
        auto_free char *intent = intent_of(entry->name);

        map_remove(&controller->releasing, entry->name);
        state_remove(&controller->state, intent);
    }
}

bool released_has(const struct controller *controller, const char *container_id)
{
    return map_get(&controller->released, container_id) != NULL;
}

int released_add(struct controller *controller, struct observed_container *container,
                 struct error *err)
{
    auto_free char *record = record_of(container->id);
    json_auto_t *json =
        json_pack("{s:i, s:s, s:s, s:s*, s:s*, s:I}", "version", 1, "id", container->id, "name",
                  container->name, "kind", container->kind, "object", container->object,
                  "releasedAtMs", (json_int_t)clock_wall_ms());

    if (state_write_json(&controller->state, record, json, err) < 0) {
        return -1;
    }
    map_put(&controller->released, container->id, controller);
    container->is_ours = false;
    container->is_released = true;
    return 0;
}

static void forget(struct controller *controller, const char *container_id)
{
    auto_free char *record = record_of(container_id);

    state_remove(&controller->state, record);
    map_remove(&controller->released, container_id);
}

void released_take_up(struct entry *entry, struct observed_container *container)
{
    struct controller *controller = entry->controller;

    if (!container->is_released || !text_equal(container->kind, kind_name(KIND_INSTANCE)) ||
        !text_equal(container->object, entry->name)) {
        return;
    }
    forget(controller, container->id);
    container->is_released = false;
    container->is_ours = true;
    if (container->ports != NULL) {
        port_table_restore_label(&controller->ports, entry->key, container->ports);
    }
    log_fields(LOG_INFO, "container_taken_up", "key", entry->key, "container", container->name,
               "cause", "its spec is back", NULL);
}

void released_sweep(struct controller *controller)
{
    struct map_entry *next;

    for (struct map_entry *at = map_first(&controller->released); at != NULL; at = next) {
        next = map_next(at);
        if (map_get(&controller->container_ids, map_key(at)) == NULL) {
            auto_free char *id = xstrdup(map_key(at));

            log_fields(LOG_INFO, "released_container_gone", "id", id, NULL);
            forget(controller, id);
        }
    }
}

#include "specs/status_object.h"

#include "specs/schema.h"
#include "specs/status_json.h"

json_t *status_metadata(const char *name, const struct object *object)
{
    json_t *metadata = json_object();

    status_put_text(metadata, "name", name);
    if (object != NULL && object->labels.count > 0) {
        json_object_set_new(metadata, "labels", schema_labels_to_json(&object->labels));
    }
    return metadata;
}

void status_add_instance(json_t *status, const struct object *object)
{
    json_t *instance;

    if (object == NULL || object->kind != KIND_INSTANCE) {
        return;
    }
    instance = json_object();
    status_put_text(instance, "machineType", object->instance.machine_type);
    status_put_text(instance, "zone", object->instance.zone);
    json_object_set_new(status, "instance", instance);
}

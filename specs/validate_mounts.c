#include "specs/validate_parts.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/map.h"
#include "base/memory.h"
#include "specs/reason.h"
#include "specs/text_check.h"

/* The path in one spelling; NULL: it could not be read. */
static const char *clean_path(struct decoder *decoder, const char *path)
{
    auto_free char *clean = path != NULL ? path_absolute(path) : NULL;

    return clean != NULL ? arena_strdup(decoder->arena, clean) : NULL;
}

static void validate_mount_paths(struct decoder *decoder, const struct volume_list *volumes,
                                 const struct yaml_node *list, const struct place *place)
{
    auto_free struct decoded_text *texts = xcalloc(volumes->count, sizeof(*texts));

    for (size_t i = 0; i < volumes->count; i++) {
        texts[i] = (struct decoded_text){
            .text = clean_path(decoder, volumes->items[i].mount_path),
            .node = validate_value_node(list->items[i], "mountPath"),
            .index = i,
        };
    }
    decode_refuse_duplicates(decoder, texts, volumes->count, place, "mountPath", "mount path");
}

void validate_volumes(struct decoder *decoder, const struct volume_list *volumes,
                      const struct yaml_node *spec, const struct place *spec_place)
{
    const struct yaml_node *list = validate_list_node(spec, "volumes", volumes->count);
    struct place place = {.parent = spec_place, .key = "volumes"};

    if (list == NULL) {
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml_node *item = list->items[i];
        const struct yaml_node *host_path = yaml_map_get(item, "hostPath");
        const struct yaml_node *volume = yaml_map_get(item, "volume");
        struct place item_place = {.parent = &place, .index = i};

        if (item->type == YAML_NODE_MAP && (host_path == NULL) == (volume == NULL)) {
            spec_errors_add(decoder->errors, item, &item_place, REASON_INVALID_SPEC,
                            host_path == NULL ? "one of hostPath and volume is needed"
                                              : "only one of hostPath and volume is possible");
        }
    }
    validate_mount_paths(decoder, volumes, list, &place);
}

/* Unlike those of an instance, they may not hide what is Berth's. */
static void refuse_reserved_paths(struct decoder *decoder, const struct volume_list *volumes,
                                  const struct yaml_node *spec, const struct place *spec_place)
{
    const struct yaml_node *list = validate_list_node(spec, "volumes", volumes->count);
    struct place place = {.parent = spec_place, .key = "volumes"};

    for (size_t i = 0; list != NULL && i < volumes->count; i++) {
        struct place item_place = {.parent = &place, .index = i};
        struct place path_place = {.parent = &item_place, .key = "mountPath"};
        struct error err = {0};

        if (volumes->items[i].mount_path != NULL &&
            check_repository_mount_path(volumes->items[i].mount_path, &err) < 0) {
            spec_errors_add_error(decoder->errors, validate_value_node(list->items[i], "mountPath"),
                                  &path_place, &err);
        }
    }
}

/* The cleaned mount paths of the volumes, as keys. */
static void gather_paths(struct decoder *decoder, struct volume_list *volumes, struct map *paths)
{
    for (size_t i = 0; i < volumes->count; i++) {
        const char *path = clean_path(decoder, volumes->items[i].mount_path);

        if (path != NULL) {
            map_put(paths, path, &volumes->items[i]);
        }
    }
}

void validate_repository_mounts(struct decoder *decoder, struct repository_spec *repository,
                                const struct yaml_node *spec, const struct place *spec_place)
{
    const struct cache_list *caches = &repository->caches;
    const struct yaml_node *list = validate_list_node(spec, "caches", caches->count);
    auto_free struct decoded_text *texts = xcalloc(caches->count, sizeof(*texts));
    struct place place = {.parent = spec_place, .key = "caches"};
    auto_done(map) volume_paths = {0};

    refuse_reserved_paths(decoder, &repository->volumes, spec, spec_place);
    gather_paths(decoder, &repository->volumes, &volume_paths);
    for (size_t i = 0; list != NULL && i < caches->count; i++) {
        const struct yaml_node *node = validate_value_node(list->items[i], "mountPath");
        const char *path = clean_path(decoder, caches->items[i].mount_path);
        struct place item_place = {.parent = &place, .index = i};
        struct place path_place = {.parent = &item_place, .key = "mountPath"};

        texts[i] = (struct decoded_text){.text = path, .node = node, .index = i};
        if (path != NULL && map_get(&volume_paths, path) != NULL) {
            spec_errors_add(decoder->errors, node, &path_place, REASON_INVALID_SPEC,
                            "is the mountPath of a volume too; one of them would hide the other");
        }
    }
    decode_refuse_duplicates(decoder, texts, list != NULL ? caches->count : 0, &place, "mountPath",
                             "mount path");
}

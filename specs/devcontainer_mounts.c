#include "specs/devcontainer_parts.h"

#include "base/file.h"
#include "base/parse.h"
#include "specs/excerpt.h"
#include "specs/text_check.h"

#include <string.h>

/* One mount before it is judged; texts are in the arena. */
struct mount {
    const char *type, *source, *target; /* NULL: it says nothing */
    bool is_read_only;
    bool has_more; /* options that are not taken */
};

static bool is_target(const char *key)
{
    return strcmp(key, "target") == 0 || strcmp(key, "destination") == 0 || strcmp(key, "dst") == 0;
}

/* value: "" where none is written, as in "readonly" */
static void set_option(struct mount *mount, const char *key, const char *value)
{
    if (strcmp(key, "type") == 0) {
        mount->type = value;
    } else if (strcmp(key, "source") == 0 || strcmp(key, "src") == 0) {
        mount->source = value;
    } else if (is_target(key)) {
        mount->target = value;
    } else if (strcmp(key, "readonly") == 0 || strcmp(key, "ro") == 0) {
        mount->is_read_only = strcmp(value, "false") != 0 && strcmp(value, "0") != 0;
    } else if (strcmp(key, "consistency") != 0) { /* which matters on other systems only */
        mount->has_more = true;
    }
}

/* "type=volume,source=cache,target=/cache", as docker takes it */
static void split_mount(struct arena *arena, const char *text, struct mount *mount)
{
    mount->type = "volume";
    while (*text != '\0') {
        size_t len = strcspn(text, ","), key_len;
        const char *option = arena_strndup(arena, text, len);

        key_len = strcspn(option, "=");
        set_option(mount, arena_strndup(arena, option, key_len),
                   option[key_len] == '=' ? option + key_len + 1 : "");
        text += len + (text[len] == ',');
    }
}

/* -1 after telling what is wrong. */
static int read_members(struct devcontainer_reader *reader, json_t *value,
                        const struct place *place, struct mount *mount)
{
    const char *key;
    json_t *item;
    int result = 0;

    json_object_foreach(value, key, item) {
        struct place item_place = {.parent = place, .key = key};

        if (strcmp(key, "type") != 0 && strcmp(key, "source") != 0 && strcmp(key, "target") != 0) {
            mount->has_more = true;
        } else if (!json_is_string(item)) {
            devcontainer_refuse_type(reader, &item_place, item, "text");
            result = -1;
        } else {
            set_option(mount, key, arena_strdup(&reader->out->arena, json_string_value(item)));
        }
    }
    return result;
}

static bool is_supported(const struct mount *mount)
{
    struct error err = {0};

    return !mount->has_more && text_equal(mount->type, "volume") && mount->source != NULL &&
           strstr(mount->source, "${") == NULL && strstr(mount->target, "${") == NULL &&
           (check_mount_path(mount->target, &err) < 0 ||
            check_repository_mount_path(mount->target, &err) == 0);
}

static bool is_mounted(const struct volume_list *mounts, const char *path)
{
    for (size_t i = 0; i < mounts->count; i++) {
        if (strcmp(mounts->items[i].mount_path, path) == 0) {
            return true;
        }
    }
    return false;
}

static void add_mount(struct devcontainer_reader *reader, const struct mount *mount,
                      const struct place *place)
{
    struct volume_list *mounts = &reader->out->mounts;
    auto_free char *path = NULL;
    char shown[EXCERPT_SIZE];
    struct error err = {0};

    if (check_volume_name(mount->source, &err) < 0 ||
        strlen(mount->source) > DEVCONTAINER_MAX_VOLUME_NAME) {
        devcontainer_refuse(reader, place,
                            "\"%s\" is not the name of a volume: letters, digits, \"_\", \".\" "
                            "and \"-\", a letter or digit first, at most %d",
                            excerpt(mount->source, shown), DEVCONTAINER_MAX_VOLUME_NAME);
        return;
    }
    if (check_mount_path(mount->target, &err) < 0) {
        devcontainer_refuse(reader, place, "%s", err.message);
        return;
    }
    path = path_absolute(mount->target);
    if (is_mounted(mounts, path)) {
        devcontainer_refuse(reader, place, "the target %s is used twice", excerpt(path, shown));
        return;
    }
    mounts->items[mounts->count++] = (struct volume_spec){
        .mount_path = arena_strdup(&reader->out->arena, path),
        .volume = mount->source,
        .is_read_only = mount->is_read_only,
    };
}

static void read_mount(struct devcontainer_reader *reader, json_t *value, const struct place *place)
{
    struct mount mount = {0};

    if (json_is_string(value)) {
        split_mount(&reader->out->arena, json_string_value(value), &mount);
    } else if (!json_is_object(value)) {
        devcontainer_refuse_type(reader, place, value, "text or an object");
        return;
    } else if (read_members(reader, value, place, &mount) < 0) {
        return;
    }
    if (mount.target == NULL || mount.type == NULL) {
        devcontainer_refuse(reader, place, "has no %s", mount.target == NULL ? "target" : "type");
    } else if (is_supported(&mount)) {
        add_mount(reader, &mount, place);
    } else {
        devcontainer_add_unsupported(reader, place);
    }
}

void devcontainer_read_mounts(struct devcontainer_reader *reader, json_t *value,
                              const struct place *place)
{
    struct volume_list *mounts = &reader->out->mounts;
    size_t count = json_array_size(value);

    if (!json_is_array(value)) {
        devcontainer_refuse_type(reader, place, value, "an array");
        return;
    }
    if (count > DEVCONTAINER_MAX_MOUNTS) {
        devcontainer_refuse(reader, place, "has %zu mounts; at most %d are possible", count,
                            DEVCONTAINER_MAX_MOUNTS);
        return;
    }
    mounts->items = arena_alloc(&reader->out->arena, count * sizeof(*mounts->items));
    for (size_t i = 0; i < count; i++) {
        read_mount(reader, json_array_get(value, i), &(struct place){.parent = place, .index = i});
    }
}

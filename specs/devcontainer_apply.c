#include "specs/devcontainer.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/decode.h"
#include "specs/fingerprint.h"
#include "specs/repo_url.h"
#include "specs/schema_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What a struct of that table holds when nothing is written. */
static void set_defaults(struct arena *arena, const struct field *fields, void *base)
{
    auto_done(spec_errors) errors = {0};
    struct decoder decoder = {.arena = arena, .errors = &errors};

    spec_errors_init(&errors, arena, SPEC_MAX_ERRORS);
    decode_fields(&decoder, fields, NULL, NULL, base);
    assert(errors.count == 0); /* our own defaults */
}

static void fill_image(struct arena *arena, const struct devcontainer *devcontainer,
                       struct repository_spec *spec)
{
    if (spec->image == NULL && devcontainer->image != NULL) {
        spec->image = arena_strdup(arena, devcontainer->image);
    }
}

static void set_variable(struct arena *arena, struct env_list *env, const struct env_var *variable)
{
    size_t i = 0;

    while (i < env->count && strcmp(env->items[i].name, variable->name) != 0) {
        i++;
    }
    env->items[i] = (struct env_var){
        .name = arena_strdup(arena, variable->name),
        .value = arena_strdup(arena, variable->value),
    };
    env->count += i == env->count ? 1 : 0;
}

/* Of a variable that is in both, remoteEnv has the last word, as in an editor. */
static void fill_env(struct arena *arena, const struct devcontainer *devcontainer,
                     struct repository_spec *spec)
{
    const struct env_list *both[] = {&devcontainer->container_env, &devcontainer->remote_env};
    size_t room = both[0]->count + both[1]->count;

    if (spec->env.count > 0 || room == 0) {
        return;
    }
    spec->env.items = arena_alloc(arena, room * sizeof(*spec->env.items));
    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        for (size_t k = 0; k < both[i]->count; k++) {
            set_variable(arena, &spec->env, &both[i]->items[k]);
        }
    }
}

static void fill_setup(struct arena *arena, const struct devcontainer *devcontainer,
                       struct repository_spec *spec)
{
    const struct text_list *command = &devcontainer->post_create_command;

    if (spec->setup != NULL || command->count == 0) {
        return;
    }
    spec->setup = arena_alloc(arena, sizeof(*spec->setup));
    set_defaults(arena, schema_setup_fields, spec->setup);
    spec->setup->command.items = arena_alloc(arena, command->count * sizeof(*command->items));
    for (size_t i = 0; i < command->count; i++) {
        spec->setup->command.items[i] = arena_strdup(arena, command->items[i]);
    }
    spec->setup->command.count = command->count;
}

static void fill_ports(struct arena *arena, const struct devcontainer *devcontainer,
                       struct repository_spec *spec)
{
    const struct forward_ports *ports = &devcontainer->forward_ports;

    if (spec->ports.count > 0 || ports->count == 0) {
        return;
    }
    spec->ports.items = arena_alloc(arena, ports->count * sizeof(*spec->ports.items));
    for (size_t i = 0; i < ports->count; i++) {
        struct port_spec *port = &spec->ports.items[i];

        set_defaults(arena, schema_port_fields, port);
        port->container_port = ports->items[i];
        port->name = arena_printf(arena, "port-%lld", (long long)port->container_port);
    }
    spec->ports.count = ports->count;
}

static bool has_cache_at(const struct cache_list *caches, const char *path)
{
    for (size_t i = 0; i < caches->count; i++) {
        auto_free char *cache_path = path_absolute(caches->items[i].mount_path);

        if (strcmp(cache_path, path) == 0) {
            return true;
        }
    }
    return false;
}

static void fill_volumes(struct arena *arena, const struct devcontainer *devcontainer,
                         struct repository_spec *spec)
{
    const struct volume_list *mounts = &devcontainer->mounts;
    char container[REPO_CONTAINER_NAME_SIZE];
    auto_done(repo_url) url = {0};
    struct error err = {0};

    if (spec->volumes.count > 0 || mounts->count == 0) {
        return;
    }
    if (repo_url_parse(spec->url, &url, &err) < 0) {
        abort(); /* it was checked when the object was made: memory is damaged */
    }
    repo_url_container_name(&url, container);
    spec->volumes.items = arena_alloc(arena, mounts->count * sizeof(*spec->volumes.items));
    for (size_t i = 0; i < mounts->count; i++) {
        const struct volume_spec *mount = &mounts->items[i];

        if (!has_cache_at(&spec->caches, mount->mount_path)) {
            spec->volumes.items[spec->volumes.count++] = (struct volume_spec){
                .mount_path = arena_strdup(arena, mount->mount_path),
                .volume = arena_printf(arena, "%s-%s", container, mount->volume),
                .is_read_only = mount->is_read_only,
            };
        }
    }
}

static void fill_user(struct arena *arena, const struct devcontainer *devcontainer,
                      struct repository_spec *spec)
{
    const char *user = devcontainer->remote_user;
    uint64_t number;

    if (user == NULL || spec->security.run_as_user >= 0) {
        return;
    }
    if (parse_u64(user, &number) == 0 && number <= INT32_MAX) {
        spec->security.run_as_user = (int64_t)number;
    } else {
        spec->user = arena_strdup(arena, user);
    }
}

struct object *devcontainer_apply(const struct devcontainer *devcontainer,
                                  struct object *repository)
{
    struct object *object = object_new(KIND_REPOSITORY);

    assert(repository->kind == KIND_REPOSITORY && devcontainer->error_count == 0);
    object->parent = object_ref(repository);
    object->name = repository->name;
    object->labels = repository->labels;
    object->repository = repository->repository;
    object->file = repository->file;
    object->line = repository->line;
    object->column = repository->column;
    object->document = repository->document;
    fill_image(&object->arena, devcontainer, &object->repository);
    fill_env(&object->arena, devcontainer, &object->repository);
    fill_setup(&object->arena, devcontainer, &object->repository);
    fill_ports(&object->arena, devcontainer, &object->repository);
    fill_volumes(&object->arena, devcontainer, &object->repository);
    fill_user(&object->arena, devcontainer, &object->repository);
    fingerprint_object(object);
    return object;
}

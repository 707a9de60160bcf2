#include "controller/devcontainer_use.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/entry.h"
#include "controller/mirrors.h"
#include "controller/setups.h"
#include "specs/devcontainer.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>

enum { FILE_MAX = 64 << 10 };

bool devcontainer_is_allowed(const struct controller *controller)
{
    return controller->options.devcontainer_images.count > 0;
}

void devcontainer_use_done(struct devcontainer_use *use)
{
    for (size_t i = 0; i < use->unsupported_count; i++) {
        free(use->unsupported[i]);
    }
    free(use->unsupported);
    free(use->commit);
    free(use->error);
    object_unref(use->settings);
    *use = (struct devcontainer_use){0};
}

static bool is_image_allowed(const struct controller *controller, const char *image)
{
    for (size_t i = 0; i < controller->options.devcontainer_images.count; i++) {
        if (fnmatch(controller->options.devcontainer_images.items[i], image, 0) == 0) {
            return true;
        }
    }
    return false;
}

static void keep_unsupported(struct devcontainer_use *use, const struct text_list *list)
{
    use->unsupported = xcalloc(list->count + 1, sizeof(*use->unsupported));
    for (size_t i = 0; i < list->count; i++) {
        use->unsupported[use->unsupported_count++] = xstrdup(list->items[i]);
    }
}

/* One line for people: the first thing that is wrong. */
static char *error_text(const struct devcontainer *config)
{
    auto_free char *text = spec_error_format("devcontainer.json", &config->errors[0]);

    return xasprintf("devcontainer.json is not used: %s", text);
}

static void use_config(struct entry *mirror, struct object *own, const struct devcontainer *config)
{
    struct devcontainer_use *use = &mirror->mirror->config;

    if (config->error_count > 0) {
        use->error = error_text(config);
        return;
    }
    keep_unsupported(use, &config->unsupported);
    if (config->image != NULL && own->repository.image == NULL &&
        !is_image_allowed(mirror->controller, config->image)) {
        use->error = xasprintf("devcontainer.json is not used: no --devcontainer-image of the "
                               "controller allows its image \"%s\"",
                               config->image);
        return;
    }
    use->settings = devcontainer_apply(config, own);
}

static void load(struct entry *mirror, struct object *own)
{
    auto_free char *path =
        state_path(&mirror->controller->state, "repos/%s/git/devcontainer.json", mirror->name);
    auto_free char *text = NULL;
    auto_free struct error *err = xcalloc(1, sizeof(*err));
    size_t len;

    if (file_read(AT_FDCWD, path, FILE_MAX, &text, &len, err) < 0) {
        if (err->kind != ERROR_NOT_FOUND) {
            mirror->mirror->config.error = xstrdup(err->message);
        }
        return;
    }
    {
        auto_owned(devcontainer) *config = devcontainer_parse(text, len);

        use_config(mirror, own, config);
    }
}

void devcontainer_use_apply(struct entry *mirror)
{
    struct devcontainer_use *use = &mirror->mirror->config;
    struct object *own = mirror->desired != NULL ? mirror->desired : mirror->mirror->defaults;
    char *commit = TAKE(use->commit);

    devcontainer_use_done(use);
    use->commit = commit;
    if (own != NULL && commit != NULL && devcontainer_is_allowed(mirror->controller)) {
        load(mirror, own);
    }
    if (use->error != NULL) {
        log_fields(LOG_WARN, "devcontainer_refused", "key", mirror->key, "error", use->error, NULL);
    }
}

void devcontainer_use_recall(struct entry *mirror, const char *commit)
{
    mirror->mirror->config.commit = xstrdup_or_null(commit);
    devcontainer_use_apply(mirror);
}

void devcontainer_use_take(struct entry *mirror, const char *commit)
{
    struct devcontainer_use *use = &mirror->mirror->config;

    if (text_equal(use->commit, commit)) {
        return;
    }
    free(use->commit);
    use->commit = xstrdup(commit);
    devcontainer_use_apply(mirror);
    for (struct map_entry *at = map_first(&mirror->mirror->containers); at != NULL;
         at = map_next(at)) {
        setup_sync(map_value(at));
    }
    mirror_tell(mirror);
}

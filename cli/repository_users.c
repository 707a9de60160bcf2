#include "cli/repository_users.h"

#include "base/parse.h"
#include "specs/repo_url.h"

#include <string.h>

bool repository_urls_are_same(const char *a, const char *b)
{
    auto_done(repo_url) first = {0};
    auto_done(repo_url) second = {0};
    struct error ignored = {0};

    return repo_url_parse(a, &first, &ignored) == 0 && repo_url_parse(b, &second, &ignored) == 0 &&
           strcmp(first.canonical, second.canonical) == 0;
}

/* NULL: there is none, or it is faulty. */
static const char *url_of(const struct spec_store *store, const char *name)
{
    struct spec_store_entry entry = spec_store_find(store, KIND_REPOSITORY, name);

    return entry.file != NULL && entry.document->object != NULL
               ? entry.document->object->repository.url
               : NULL;
}

static bool uses(const struct object *task, const char *name, const char *url)
{
    return text_equal(task->task.repository_name, name) ||
           (url != NULL && task->task.repository_url != NULL &&
            repository_urls_are_same(task->task.repository_url, url));
}

void repository_users_add(const struct spec_store *store, const char *name,
                          struct object_names *users)
{
    const char *url = url_of(store, name);

    for (size_t i = 0; i < store->count; i++) {
        const struct spec_file *parsed = store->files[i].parsed;

        for (size_t d = 0; d < parsed->count; d++) {
            const struct object *object = parsed->documents[d].object;

            if (object != NULL && object->kind == KIND_TASK && uses(object, name, url)) {
                object_names_add(users, KIND_TASK, object->name);
            }
        }
    }
}

#include "tests/model/check_parts.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>

/* --- one status for each document ------------------------------------------------------------- */

static bool speaks_of_errors(const json_t *document)
{
    const json_t *status = json_object_get(document, "status");

    return strcmp(engine_text(status, "phase"), "Invalid") == 0 ||
           look_condition_is(status, "SpecValid", "False");
}

static void check_intact_file(struct look *look, const struct world_file *file,
                              const json_t *documents)
{
    if (json_array_size(documents) != file->doc_count) {
        look_complain(look, "the status of %s has %zu documents, not %u", file->path,
                      json_array_size(documents), file->doc_count);
        return;
    }
    for (unsigned d = 0; d < file->doc_count; d++) {
        const json_t *document = json_array_get(documents, d);
        const struct world_object *object = &look->world->objects[file->docs[d].object];

        if (strcmp(engine_text(document, "metadata.name"), object->name) != 0 ||
            strcmp(engine_text(document, "kind"), spec_kind_name(object->kind)) != 0) {
            look_complain(look, "document %u of the status of %s is of %s/%s", d, file->path,
                          engine_text(document, "kind"), engine_text(document, "metadata.name"));
        }
        if (file->docs[d].is_faulty && !speaks_of_errors(document)) {
            look_complain(look, "the status of %s does not tell of the fault in %s", file->path,
                          object->name);
        }
    }
}

static void check_file(struct look *look, const struct world_file *file)
{
    const json_t *documents = json_object_get(look->statuses, file->path);
    bool has_error = false;
    json_t *document;
    size_t i;

    if (!file->is_broken) {
        check_intact_file(look, file, documents);
        return;
    }
    json_array_foreach(documents, i, document) {
        has_error = has_error || speaks_of_errors(document) ||
                    strcmp(engine_text(document, "kind"), "SpecFile") == 0;
    }
    if (!has_error) {
        look_complain(look, "the status of %s does not say that it is broken", file->path);
    }
}

/* --- files that nobody wants any more --------------------------------------------------------- */

static struct look *visitor; /* nftw has no argument for it */
static size_t status_count;

static int visit(const char *path, const struct stat *about, int type, struct FTW *where)
{
    const char *name = path + where->base;
    size_t len = strlen(name);

    (void)about;
    if (type != FTW_F) {
        return 0;
    }
    if (len > 4 && name[0] == '.' && strcmp(name + len - 4, ".tmp") == 0) {
        look_complain(visitor, "a temporary file: %s", path);
    } else if (strncmp(path, visitor->world->statuses, strlen(visitor->world->statuses)) == 0) {
        status_count += len > strlen(".status.yaml") &&
                        strcmp(name + len - strlen(".status.yaml"), ".status.yaml") == 0;
    }
    return 0;
}

void check_files(struct look *look)
{
    struct world *world = look->world;
    size_t wanted = json_object_size(look->statuses);

    for (unsigned f = 0; f < WORLD_FILES; f++) {
        const struct world_file *file = &world->files[f];

        if (file->exists && (file->is_broken || file->doc_count > 0)) {
            check_file(look, file);
        } else if (file->exists && json_object_get(look->statuses, file->path) != NULL) {
            look_complain(look, "%s says nothing and has a status", file->path);
        }
    }
    visitor = look;
    status_count = 0;
    nftw(world->statuses, visit, 16, FTW_PHYS);
    nftw(world->state, visit, 16, FTW_PHYS);
    if (status_count != wanted) {
        look_complain(look, "%zu status files, of which only %zu have a spec", status_count,
                      wanted);
    }
}

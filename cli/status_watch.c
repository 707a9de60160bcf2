#include "cli/status_watch.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/documents.h"
#include "cli/status_store.h"

#include <stdlib.h>
#include <sys/stat.h>

/* files: name of a status file -> {"version": ..., "documents": [...]} */
struct status_watch {
    char *directory;
    json_t *files;
};

struct status_watch *status_watch_new(const char *directory)
{
    struct status_watch *watch = xcalloc(1, sizeof(*watch));

    watch->directory = xstrdup(directory);
    watch->files = json_object();
    return watch;
}

void status_watch_free(struct status_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    free(watch->directory);
    json_decref(watch->files);
    free(watch);
}

/*
 * Another one for every other content: files are replaced, never written again. NULL: the file is
 * gone.
 */
static char *version_of(const char *directory, const char *name)
{
    auto_free char *path = path_join(directory, name);
    struct stat info;

    if (lstat(path, &info) < 0) {
        return NULL;
    }
    return xasprintf("%llu %lld %lld.%09ld", (unsigned long long)info.st_ino,
                     (long long)info.st_size, (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

static const json_t *find_document(const json_t *documents, const json_t *like)
{
    size_t index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        if (text_equal(document_name(document), document_name(like)) &&
            text_equal(document_kind(document), document_kind(like))) {
            return document;
        }
    }
    return NULL;
}

/* What of the first is not, or not the same, in the second. */
static void add_others(const json_t *documents, const json_t *than, bool also_changed,
                       json_t *others)
{
    size_t index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        const json_t *found = find_document(than, document);

        if (found == NULL || (also_changed && !json_equal(found, document))) {
            json_array_append(others, document);
        }
    }
}

/* The file as it is now, with its version: the entry for files. NULL: it is gone. */
static json_t *look_at(const struct status_watch *watch, const char *name, json_t *changed,
                       json_t *gone)
{
    auto_free char *version = version_of(watch->directory, name);
    json_t *before = json_object_get(watch->files, name);
    const json_t *old = json_object_get(before, "documents");
    json_t *documents;

    if (version == NULL) {
        return NULL;
    }
    if (text_equal(document_text(before, "version"), version)) {
        return json_incref(before);
    }
    documents = status_store_read_file(watch->directory, name);
    add_others(documents, old, true, changed);
    add_others(old, documents, false, gone);
    return json_pack("{s:s, s:o}", "version", version, "documents", documents);
}

int status_watch_poll(struct status_watch *watch, json_t **ret_changed, json_t **ret_gone,
                      struct error *err)
{
    auto_done(status_names) names = {0};
    json_auto_t *changed = json_array(), *gone = json_array();
    json_t *files, *before;
    const char *name;

    if (status_names_read(watch->directory, &names, err) < 0) {
        return -1;
    }
    files = json_object();
    for (size_t i = 0; i < names.count; i++) {
        json_t *file = look_at(watch, names.items[i], changed, gone);

        if (file != NULL) {
            json_object_set_new(files, names.items[i], file);
        }
    }
    json_object_foreach(watch->files, name, before) {
        if (json_object_get(files, name) == NULL) {
            json_array_extend(gone, json_object_get(before, "documents"));
        }
    }
    json_decref(watch->files);
    watch->files = files;
    *ret_changed = TAKE(changed);
    *ret_gone = TAKE(gone);
    return 0;
}

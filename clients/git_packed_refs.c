#include "clients/git_packed_refs.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "clients/git_session.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 64 << 20 };

void git_packed_refs_done(struct git_packed_refs *refs)
{
    for (size_t i = 0; i < refs->count; i++) {
        free(refs->items[i].name);
    }
    free(refs->items);
    *refs = (struct git_packed_refs){0};
}

void git_packed_refs_add_take(struct git_packed_refs *refs, char *name, const git_oid *id,
                              const git_oid *peeled)
{
    array_grow(&refs->items, refs->count, &refs->capacity, sizeof(*refs->items));
    refs->items[refs->count++] = (struct git_packed_ref){name, *id, *peeled};
}

static int peel(struct git_packed_ref *item, git_repository *repository, git_odb *odb)
{
    auto_git(object) *object = NULL;
    auto_git(object) *peeled = NULL;
    git_object_t type;
    size_t size;
    int code = git_odb_read_header(&size, &type, odb, &item->id);

    item->peeled = item->id;
    if (code < 0 || type != GIT_OBJECT_TAG) {
        return code;
    }
    code = git_object_lookup(&object, repository, &item->id, GIT_OBJECT_TAG);
    if (code == 0) {
        code = git_object_peel(&peeled, object, GIT_OBJECT_ANY);
    }
    if (code == 0) {
        item->peeled = *git_object_id(peeled);
    }
    return code;
}

int git_packed_refs_peel(struct git_packed_refs *refs, git_repository *repository)
{
    auto_git(odb) *odb = NULL;
    int code = git_repository_odb(&odb, repository);

    for (size_t i = 0; code == 0 && i < refs->count; i++) {
        code = peel(&refs->items[i], repository, odb);
    }
    return code;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct git_packed_ref *)a)->name,
                  ((const struct git_packed_ref *)b)->name);
}

static int compose(const struct git_packed_refs *refs, struct strbuf *text)
{
    char id[GIT_OID_HEXSZ + 1];
    int result = strbuf_add(text, "# pack-refs with: peeled fully-peeled sorted \n");

    for (size_t i = 0; result == 0 && i < refs->count; i++) {
        const struct git_packed_ref *item = &refs->items[i];

        result = strbuf_addf(text, "%s %s\n", git_oid_tostr(id, sizeof(id), &item->id), item->name);
        if (result == 0 && !git_oid_equal(&item->id, &item->peeled)) {
            result = strbuf_addf(text, "^%s\n", git_oid_tostr(id, sizeof(id), &item->peeled));
        }
    }
    return result;
}

static bool is_the_same(const char *path, const struct strbuf *text)
{
    auto_free char *old = NULL;
    struct error ignored = {0};
    size_t len;

    return file_read(AT_FDCWD, path, FILE_MAX, &old, &len, &ignored) == 0 && len == text->len &&
           memcmp(old, text->text, len) == 0;
}

int git_packed_refs_write(struct git_packed_refs *refs, const char *git_directory,
                          enum file_durability durability, struct error *err)
{
    auto_done(strbuf) text = {.max_len = FILE_MAX};
    auto_free char *path = path_join(git_directory, "packed-refs");

    if (refs->count > 0) {
        qsort(refs->items, refs->count, sizeof(*refs->items), compare);
    }
    if (compose(refs, &text) < 0) {
        return error_set_reason(err, ERROR_INVALID, "CloneTooLarge",
                                "the repository has too many branches and tags");
    }
    return is_the_same(path, &text)
               ? 0
               : file_replace(AT_FDCWD, path, text.text, text.len, 0644, durability, err);
}

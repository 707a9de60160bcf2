#include "cli/spec_in_force.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/spec_edit.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STATE_BYTES = 16 << 20 };

void spec_in_force_done(struct spec_in_force *spec)
{
    free(spec->origin);
    free(spec->text);
    *spec = (struct spec_in_force){0};
}

/* The document alone, without empty lines around it. NULL: it is not in the text. */
static char *document_text_of(const char *text, size_t len, enum kind kind, const char *name,
                              unsigned *ret_line)
{
    struct spec_place place;
    struct error err = {0};

    if (spec_edit_find(text, len, kind, name, &place, &err) < 0) {
        return NULL;
    }
    while (place.start < place.end && strchr("\r\n", text[place.start]) != NULL) {
        place.start++;
    }
    while (place.end > place.start && strchr("\r\n ", text[place.end - 1]) != NULL) {
        place.end--;
    }
    *ret_line = place.line;
    return xstrndup(text + place.start, place.end - place.start);
}

/* What the controller keeps of one file, when the object is in it. */
static bool take_kept(const char *path, enum kind kind, const char *name, const char *why,
                      struct spec_in_force *ret)
{
    auto_free char *bytes = NULL;
    json_auto_t *json = NULL;
    struct error err = {0};
    size_t len;
    unsigned line;
    const char *file;
    const json_t *text;

    if (file_read(AT_FDCWD, path, MAX_STATE_BYTES, &bytes, &len, &err) < 0) {
        return false;
    }
    json = json_loadb(bytes, len, 0, NULL);
    file = json_string_value(json_object_get(json, "file"));
    text = json_object_get(json, "text");
    if (file == NULL || !json_is_string(text)) {
        return false;
    }
    ret->text =
        document_text_of(json_string_value(text), json_string_length(text), kind, name, &line);
    if (ret->text == NULL) {
        return false;
    }
    ret->origin = xasprintf("the last good version of %s, since %s", file, why);
    return true;
}

static bool find_kept(const char *state_dir, enum kind kind, const char *name, const char *why,
                      struct spec_in_force *ret)
{
    auto_free char *directory = path_join(state_dir, "specs");
    DIR *dir = opendir(directory);
    struct dirent *item;
    bool is_found = false;

    while (dir != NULL && !is_found && (item = readdir(dir)) != NULL) {
        auto_free char *path = path_join(directory, item->d_name);

        is_found = item->d_name[0] != '.' && take_kept(path, kind, name, why, ret);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return is_found;
}

void spec_in_force_find(const struct spec_store *store, const char *state_dir, enum kind kind,
                        const char *name, struct spec_in_force *ret)
{
    struct spec_store_entry entry = spec_store_find(store, kind, name);
    unsigned line = 0;

    *ret = (struct spec_in_force){0};
    if (entry.file != NULL && entry.document->object != NULL) {
        ret->text = document_text_of(entry.file->text, entry.file->len, kind, name, &line);
        ret->origin = xasprintf("%s:%u", entry.file->name, entry.document->line);
        return;
    }
    if (find_kept(state_dir, kind, name,
                  entry.file != NULL ? "it has errors now" : "it is not in the file any more",
                  ret)) {
        return;
    }
    if (entry.file != NULL) {
        ret->origin = xasprintf("%s:%u, which has errors", entry.file->name, entry.document->line);
    }
}

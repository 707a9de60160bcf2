#include "cli/spec_change.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "cli/command.h"
#include "cli/object_names.h"
#include "cli/status_store.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TOLD = 10 }; /* errors in a message */

void spec_change_done(struct spec_change *change)
{
    spec_file_free(change->after);
    spec_store_done(&change->store);
    free(change->text);
    free(change->spelling);
    free(change->name);
    *change = (struct spec_change){0};
}

/* --- which object ---------------------------------------------------------------------------- */

int spec_change_operands(struct spec_change *change, struct arguments *args)
{
    const char *slash = NULL;
    auto_free char *word = NULL;

    if (arguments_count(args, 1, 2, "which object? KIND NAME, or KIND/NAME") < 0) {
        return -1;
    }
    slash = strchr(args->operands[0], '/');
    if ((slash != NULL) == (args->count == 2)) {
        return arguments_wrong(args, "which object? KIND NAME, or KIND/NAME");
    }
    word = slash != NULL ? xstrndup(args->operands[0], (size_t)(slash - args->operands[0]))
                         : xstrdup(args->operands[0]);
    if (kind_from_argument(word, &change->kind) < 0) {
        return unknown_kind_error(args, word);
    }
    change->name = xstrdup(slash != NULL ? slash + 1 : args->operands[1]);
    change->spelling = object_spelling(change->kind, change->name);
    return 0;
}

/* "; did you mean ..." or which pool's member it is, or "". The caller's to free. */
static char *find_hint(const struct spec_change *change)
{
    const char *dash = strrchr(change->name, '-');

    if (change->kind == KIND_INSTANCE && dash != NULL) {
        auto_free char *pool = xstrndup(change->name, (size_t)(dash - change->name));

        if (spec_store_find(&change->store, KIND_INSTANCE_POOL, pool).file != NULL) {
            return xasprintf("; it is a member of instancepool/%s, whose spec is its spec", pool);
        }
    }
    return spec_store_suggest(&change->store, change->kind, change->name);
}

static int not_found(const struct spec_change *change, struct error *err)
{
    auto_free char *hint = find_hint(change);

    return error_set(err, ERROR_NOT_FOUND, "there is no %s \"%s\" in %s%s", kind_name(change->kind),
                     change->name, change->store.directory, hint);
}

/* The file as the controller reads it, or else a document that it cannot read up to. */
static const struct spec_store_file *find_file(struct spec_change *change)
{
    struct spec_store_entry entry = spec_store_find(&change->store, change->kind, change->name);

    change->before = entry.document != NULL ? entry.document->object : NULL;
    for (size_t i = 0; entry.file == NULL && i < change->store.count; i++) {
        const struct spec_store_file *file = &change->store.files[i];
        struct spec_place place;
        struct error err = {0};

        if (!file->parsed->is_complete &&
            spec_edit_find(file->text, file->len, change->kind, change->name, &place, &err) == 0) {
            return file;
        }
    }
    return entry.file;
}

int spec_change_open(struct spec_change *change, const struct places *places, struct error *err)
{
    auto_free char *directory = status_store_specs_of(places);

    if (spec_store_read(directory, stderr, &change->store, err) < 0) {
        return -1;
    }
    change->file = find_file(change);
    if (change->file == NULL) {
        return not_found(change, err);
    }
    if (strlen(change->file->text) != change->file->len) {
        return error_set(err, ERROR_INVALID, "%s: has a NUL byte in it; take it out by hand",
                         change->file->name);
    }
    change->len = change->file->len;
    change->text = xmemdup(change->file->text, change->len);
    return spec_edit_find(change->text, change->len, change->kind, change->name, &change->place,
                          err) < 0
               ? error_wrap(err, "%s", change->file->name)
               : 0;
}

/* --- changing it ----------------------------------------------------------------------------- */

int spec_change_put_take(struct spec_change *change, char *text, struct error *err)
{
    struct spec_place place;

    if (spec_edit_find(text, strlen(text), change->kind, change->name, &place, err) < 0) {
        free(text); /* text and place stay those that belong together */
        return -1;
    }
    free(change->text);
    change->text = text;
    change->len = strlen(text);
    change->place = place;
    return 0;
}

int spec_change_set(struct spec_change *change, const char *path, const char *value,
                    struct error *err)
{
    char *text = NULL;

    if ((value != NULL
             ? spec_edit_set(change->text, change->len, &change->place, path, value, &text, err)
             : spec_edit_unset(change->text, change->len, &change->place, path, &text, err)) < 0) {
        return error_wrap(err, "%s:%u", change->file->name, change->place.line);
    }
    return spec_change_put_take(change, text, err);
}

static void tell(struct strbuf *out, const char *file, const struct spec_error *errors,
                 size_t count)
{
    for (size_t i = 0; i < count && i < MAX_TOLD; i++) {
        auto_free char *text = spec_error_format(file, &errors[i]);

        strbuf_addf(out, "%s%s", out->len > 0 ? "\n" : "", text);
    }
    if (count > MAX_TOLD) {
        strbuf_addf(out, "\nand %zu more errors", count - MAX_TOLD);
    }
}

static bool is_the_changed(const void *user, const struct spec_document *document)
{
    const struct spec_change *change = user;

    return text_equal(document->kind, kind_name(change->kind)) &&
           text_equal(document->name, change->name);
}

int spec_change_check(struct spec_change *change, struct error *err)
{
    const char *file = change->file->name;
    const struct spec_document *harmed;
    auto_done(strbuf) told = {0};

    spec_file_free(change->after);
    change->after = spec_file_parse(file, change->text, change->len);
    harmed = spec_store_find_harm(change->file, change->after, is_the_changed, change);
    if (harmed != NULL) {
        return error_set(err, ERROR_INVALID,
                         "%s: this cannot be done without a change of %s \"%s\" beside it; edit "
                         "the file by hand",
                         file, harmed->kind, harmed->name);
    }
    for (size_t i = 0; i < change->after->count; i++) {
        const struct spec_document *document = &change->after->documents[i];

        if (!text_equal(document->kind, kind_name(change->kind)) ||
            !text_equal(document->name, change->name)) {
            continue;
        }
        change->object = document->object;
        if (document->object != NULL) {
            return 0;
        }
        tell(&told, file, document->errors, document->error_count);
        return error_set(err, ERROR_INVALID, "%s", strbuf_text(&told));
    }
    tell(&told, file, change->after->errors, change->after->error_count);
    return error_set(err, ERROR_INVALID, "%s", strbuf_text(&told));
}

int spec_change_write(struct spec_change *change, struct error *err)
{
    if (change->len == change->file->len &&
        memcmp(change->text, change->file->text, change->len) == 0) {
        return 0;
    }
    return spec_store_write(&change->store, change->file->name, change->file, change->text,
                            change->len, err);
}

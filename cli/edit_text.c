#include "cli/edit_text.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "cli/spec_parts.h"
#include "specs/spec_file.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_LINES = 2, MAX_TOLD = 8 };

char *edit_text_make(const char *document, const char *spelling, const char *file,
                     const char *errors)
{
    auto_done(strbuf) out = {0};
    const char *line = errors;

    strbuf_addf(&out, EDIT_MARK "%s of %s. Lines that begin with \"#~\" are not kept.\n", spelling,
                file);
    strbuf_addf(&out, EDIT_MARK "%s\n",
                errors == NULL ? "Nothing changes when you leave it as it is, or empty it."
                               : "It was not written, since something is wrong:");
    while (line != NULL && *line != '\0') {
        size_t len = strcspn(line, "\n");

        strbuf_addf(&out, EDIT_MARK "  %.*s\n", (int)len, line);
        line += len + (line[len] == '\n');
    }
    strbuf_add(&out, document);
    return strbuf_take(&out);
}

char *edit_text_strip(const char *text)
{
    auto_done(strbuf) out = {0};

    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        len += text[len] == '\n';
        if (!text_has_prefix(text, "#~")) {
            strbuf_append(&out, text, len);
        }
        text += len;
    }
    return strbuf_take(&out);
}

bool edit_text_is_empty(const char *document)
{
    struct spec_part part = {.end = strlen(document)};

    return spec_part_is_empty(&part, document);
}

bool edit_text_is_same(const char *document, const char *edited)
{
    size_t len = strlen(document);

    return strncmp(document, edited, len) == 0 &&
           (edited[len] == '\0' ||
            (len > 0 && document[len - 1] != '\n' && strcmp(edited + len, "\n") == 0));
}

/* Each error is a line of the text above the document, and moves what it speaks of down by one. */
static int tell(const struct spec_error *errors, size_t count, struct error *err)
{
    auto_done(strbuf) told = {0};
    size_t shown = count < MAX_TOLD ? count : MAX_TOLD;
    unsigned offset = (unsigned)(HEAD_LINES + shown + (count > shown));

    for (size_t i = 0; i < shown; i++) {
        struct spec_error error = errors[i];
        auto_free char *text = NULL;

        error.line += error.line > 0 ? offset : 0;
        text = spec_error_format("line", &error);
        strbuf_addf(&told, "%s%s", i > 0 ? "\n" : "", text);
    }
    if (count > shown) {
        strbuf_addf(&told, "\nand %zu more errors", count - shown);
    }
    return error_set(err, ERROR_INVALID, "%s", strbuf_text(&told));
}

static int check_identity(const struct spec_document *document, enum kind kind, const char *name,
                          struct error *err)
{
    if (text_equal(document->kind, kind_name(kind)) && text_equal(document->name, name)) {
        return 0;
    }
    return error_set(err, ERROR_INVALID,
                     "kind and metadata.name are what the object is known by, and stay %s \"%s\"; "
                     "add another document to its file for another object",
                     kind_name(kind), name);
}

int edit_text_check(const char *document, enum kind kind, const char *name, struct error *err)
{
    size_t len = strlen(document);
    auto_done(spec_parts) parts = {0};
    auto_owned(spec_file) *file = spec_file_parse("", document, len);

    spec_parts_read(&parts, document, len);
    if (parts.count != 1 || parts.items[0].has_marker) {
        return error_set(err, ERROR_INVALID,
                         "this is one document of a file: it may not have lines \"---\"");
    }
    if (file->error_count > 0) {
        return tell(file->errors, file->error_count, err);
    }
    if (file->count == 1 && file->documents[0].error_count > 0) {
        return tell(file->documents[0].errors, file->documents[0].error_count, err);
    }
    if (file->count != 1) {
        return error_set(err, ERROR_INVALID, "there is no document in it");
    }
    return check_identity(&file->documents[0], kind, name, err);
}

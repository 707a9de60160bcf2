#include "cli/spec_report.h"

#include "base/cleanup.h"

size_t spec_report_document(const char *name, const struct spec_set_file *file,
                            const struct spec_set *set, const struct spec_document *document,
                            FILE *out)
{
    const char *owner = spec_set_other_owner(set, file, document);

    for (size_t i = 0; i < document->error_count; i++) {
        auto_free char *text = spec_error_format(name, &document->errors[i]);

        fprintf(out, "%s\n", text);
    }
    if (owner != NULL) {
        fprintf(out, "%s:%u:%u: %s \"%s\" is already defined in %s\n", name, document->line,
                document->column, document->kind, document->name, owner);
    }
    return document->error_count + (owner != NULL);
}

size_t spec_report_rest(const char *name, const struct spec_set_file *file, FILE *out)
{
    size_t count = 0;

    if (file->unreadable != NULL) {
        fprintf(out, "%s: %s\n", name, file->unreadable);
        count++;
    }
    for (size_t i = 0; file->parsed != NULL && i < file->parsed->error_count; i++) {
        auto_free char *text = spec_error_format(name, &file->parsed->errors[i]);

        fprintf(out, "%s\n", text);
        count++;
    }
    return count;
}

#include "cli/spec_input.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "cli/name_prefix.h"
#include "cli/spec_report.h"
#include "cli/spec_store.h"
#include "controller/spec_scan.h"
#include "specs/yaml_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STANDARD_INPUT "(standard input)"

/* --- options ---------------------------------------------------------------------------------- */

void input_options_done(struct input_options *options)
{
    free(options->sources);
    placeholders_done(&options->values);
}

int input_options_take(struct input_options *options, struct arguments *args, int id)
{
    struct error err = {0};

    switch (id) {
    case 'f':
        array_grow(&options->sources, options->count, &options->capacity,
                   sizeof(*options->sources));
        options->sources[options->count++] = args->value;
        return 1;
    case OPTION_SET:
        return placeholders_add(&options->values, args->value, &err) < 0
                   ? arguments_wrong(args, "--set: %s", err.message)
                   : 1;
    case OPTION_NAME_PREFIX:
        options->prefix = args->value;
        return !name_prefix_is_valid(args->value)
                   ? arguments_wrong(
                         args,
                         "--name-prefix: \"%s\": no name can begin so; it is lower-case "
                         "letters, digits and \"-\", a letter first",
                         args->value)
                   : 1;
    default: return 0;
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

void spec_input_done(struct spec_input *input)
{
    for (size_t i = 0; i < input->count; i++) {
        free(input->files[i].label);
        free(input->files[i].target);
        free(input->files[i].text);
    }
    free(input->files);
    spec_set_free(input->set);
    *input = (struct spec_input){0};
}

/* What is named twice, by itself and by its directory, counts once. */
static void add_file(struct spec_input *input, const char *label, const char *target, char *text,
                     size_t len)
{
    for (size_t i = 0; i < input->count; i++) {
        if (strcmp(input->files[i].label, label) == 0) {
            free(text);
            return;
        }
    }
    array_grow(&input->files, input->count, &input->capacity, sizeof(*input->files));
    input->files[input->count++] = (struct spec_input_file){
        .label = xstrdup(label), .target = xstrdup_or_null(target), .text = text, .len = len};
}

static size_t read_stream(struct spec_input *input, const char *path, FILE *errors)
{
    bool is_standard = strcmp(path, "-") == 0;
    auto_close int own = is_standard ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    int fd = is_standard ? STDIN_FILENO : own;
    auto_done(strbuf) text = {.max_len = YAML_MAX_BYTES + 65536};
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    size_t len;

    if (fd < 0 || file_read_all(fd, YAML_MAX_BYTES, &text) < 0) {
        fprintf(errors, "%s: %s\n", is_standard ? STANDARD_INPUT : path, strerror(errno));
        return 1;
    }
    len = text.len;
    add_file(input, is_standard ? STANDARD_INPUT : path,
             !is_standard && spec_name_is_relevant(name) ? name : NULL,
             len > 0 ? strbuf_take(&text) : xstrdup(""), len);
    return 0;
}

static size_t read_directory(struct spec_input *input, const char *path, FILE *errors)
{
    auto_done(spec_store) store = {0};
    struct error err = {0};

    if (spec_store_read(path, errors, &store, &err) < 0) {
        fprintf(errors, "%s\n", err.message);
        return 1;
    }
    for (size_t i = 0; i < store.count; i++) {
        auto_free char *label = path_join(path, store.files[i].name);

        add_file(input, label, store.files[i].name, TAKE(store.files[i].text), store.files[i].len);
    }
    if (store.count == 0 && store.left_out == 0) {
        fprintf(errors, "%s: there are no specs (*.yaml, *.yml) in it\n", path);
        return 1;
    }
    return store.left_out;
}

static size_t read_source(struct spec_input *input, const char *path, FILE *errors)
{
    struct stat info;

    return strcmp(path, "-") != 0 && stat(path, &info) == 0 && S_ISDIR(info.st_mode)
               ? read_directory(input, path, errors)
               : read_stream(input, path, errors);
}

static size_t put_values_in(struct spec_input *input, struct placeholders *values, FILE *errors)
{
    size_t count = 0;

    for (size_t i = 0; i < input->count; i++) {
        struct spec_input_file *file = &input->files[i];
        struct error err = {0};
        char *text;

        if (placeholders_fill(values, file->text, file->len, &text, &file->len, &err) < 0) {
            fprintf(errors, "%s: %s\n", file->label, err.message);
            count++;
            continue;
        }
        free(file->text);
        file->text = text;
    }
    if (count == 0 && placeholders_unused(values) != NULL) {
        fprintf(errors, "--set %s: there is no {{ %s }} in the specs\n",
                placeholders_unused(values), placeholders_unused(values));
        count++;
    }
    return count;
}

/* Also finds out which names there are twice. */
static void parse(struct spec_input *input)
{
    spec_set_free(input->set);
    input->set = spec_set_new();
    spec_set_scan_begin(input->set);
    for (size_t i = 0; i < input->count; i++) {
        struct spec_input_file *file = &input->files[i];

        spec_set_file_put(input->set, file->label, "", file->text, file->len);
        file->parsed = ((struct spec_set_file *)map_get(&input->set->files, file->label))->parsed;
    }
    spec_set_scan_end(input->set, 1, false);
}

static bool was_named_before(const struct input_options *options, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(options->sources[i], options->sources[index]) == 0) {
            return true;
        }
    }
    return false;
}

size_t spec_input_read(struct input_options *options, struct spec_input *input, FILE *errors)
{
    size_t count = 0;

    for (size_t i = 0; i < options->count; i++) {
        if (!was_named_before(options, i)) {
            count += read_source(input, options->sources[i], errors);
        }
    }
    if (count == 0) {
        count = put_values_in(input, &options->values, errors);
    }
    if (count == 0) {
        parse(input);
    }
    return count;
}

size_t spec_input_report(const struct spec_input *input, FILE *errors)
{
    size_t count = 0;

    for (size_t i = 0; i < input->count; i++) {
        const struct spec_input_file *file = &input->files[i];
        const struct spec_set_file *seen = map_get(&input->set->files, file->label);

        for (size_t d = 0; d < file->parsed->count; d++) {
            count += spec_report_document(file->label, seen, input->set,
                                          &file->parsed->documents[d], errors);
        }
        count += spec_report_rest(file->label, seen, errors);
    }
    return count;
}

/* --- names ------------------------------------------------------------------------------------ */

int spec_input_names(const struct spec_input *input, const char *prefix, struct object_names *names,
                     struct error *err)
{
    for (size_t i = 0; i < input->count; i++) {
        const struct spec_input_file *file = &input->files[i];

        if (!file->parsed->is_complete) {
            return error_set(err, ERROR_INVALID, "%s: %s", file->label,
                             file->parsed->error_count > 0 ? file->parsed->errors[0].message
                                                           : "cannot be read to its end");
        }
        for (size_t d = 0; d < file->parsed->count; d++) {
            const struct spec_document *document = &file->parsed->documents[d];
            auto_free char *name = NULL;
            enum kind kind;

            if (document->name == NULL || document->kind == NULL ||
                kind_from_name(document->kind, &kind) < 0) {
                return error_set(err, ERROR_INVALID, "%s:%u: the document has no kind and name",
                                 file->label, document->line);
            }
            name = xasprintf("%s%s", prefix != NULL ? prefix : "", document->name);
            object_names_add(names, kind, name);
        }
    }
    return 0;
}

/* "team/web.yaml" -> "team/ci-web.yaml": other files for other objects. */
static char *prefixed_target(const char *target, const char *prefix)
{
    const char *slash = strrchr(target, '/');
    int folder_len = slash != NULL ? (int)(slash + 1 - target) : 0;

    return xasprintf("%.*s%s%s", folder_len, target, prefix, target + folder_len);
}

int spec_input_rename(struct spec_input *input, const char *prefix, struct error *err)
{
    auto_done(object_names) own = {0};

    if (spec_input_names(input, NULL, &own, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < input->count; i++) {
        struct spec_input_file *file = &input->files[i];
        char *text, *target = NULL;

        if (name_prefix_apply(file->text, file->len, file->parsed, &own, prefix, &text, err) < 0) {
            return error_wrap(err, "%s", file->label);
        }
        target = file->target != NULL ? prefixed_target(file->target, prefix) : NULL;
        free(file->text);
        free(file->target);
        file->text = text;
        file->len = strlen(text);
        file->target = target;
    }
    parse(input);
    return 0;
}

size_t spec_input_take(struct input_options *options, struct spec_input *input, FILE *errors)
{
    size_t count = spec_input_read(options, input, errors);
    struct error err = {0};

    if (count == 0) {
        count = spec_input_report(input, errors);
    }
    if (count > 0 || options->prefix == NULL) {
        return count;
    }
    if (spec_input_rename(input, options->prefix, &err) < 0) {
        fprintf(errors, "%s\n", err.message);
        return 1;
    }
    return spec_input_report(input, errors); /* a name may be too long now */
}

#include "specs/spec_file.h"

#include "base/map.h"
#include "base/memory.h"
#include "specs/document.h"
#include "specs/reason.h"
#include "specs/spec_errors.h"
#include "specs/yaml_reader.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct loader {
    struct spec_file *file;
    size_t text_size;
    const struct yaml_stream *stream;
    size_t next_problem; /* of the stream, the first that no document has had yet */
    size_t room;         /* how many more errors may be kept */
    size_t left_out;
    struct map owners; /* "Instance/web" -> struct spec_document, the first with that name */
};

/* Problems are in order of position, and so of document. */
static void add_problems(struct loader *loader, struct spec_errors *errors, size_t document)
{
    const struct yaml_stream *stream = loader->stream;

    for (; loader->next_problem < stream->problem_count; loader->next_problem++) {
        const struct yaml_problem *problem = &stream->problems[loader->next_problem];

        if (problem->document != document) {
            break;
        }
        spec_errors_add_problem(errors, problem);
    }
}

static const struct yaml_node *name_of(const struct yaml_node *root)
{
    return yaml_map_get(yaml_map_get(root, "metadata"), "name");
}

/* What is kept of a file without errors, besides its objects: exactly, since there are many. */
static size_t size_without_errors(const char *file, const struct yaml_stream *stream)
{
    size_t size =
        strlen(file) + 1 + _Alignof(max_align_t) + stream->count * sizeof(struct spec_document);

    for (size_t i = 0; i < stream->count; i++) {
        const struct yaml_node *name = name_of(stream->documents[i]);

        size += name != NULL && name->text != NULL ? strlen(name->text) + 1 : 0;
    }
    return size;
}

/* The first document with a kind and name keeps them. */
static void check_owner(struct loader *loader, struct spec_errors *errors,
                        const struct yaml_node *root, struct spec_document *document)
{
    const struct yaml_node *name = name_of(root);
    struct place metadata = {.key = "metadata"}, place = {.parent = &metadata, .key = "name"};
    auto_free char *key = NULL;
    const struct spec_document *first;

    if (document->kind == NULL || document->name == NULL) {
        return;
    }
    key = xasprintf("%s/%s", document->kind, document->name);
    first = map_get(&loader->owners, key);
    if (first == NULL) {
        map_put(&loader->owners, key, document);
        return;
    }
    spec_errors_add(errors, name, &place, REASON_DUPLICATE_OBJECT,
                    "%s \"%s\" is already in this file, at line %u", document->kind, document->name,
                    first->line);
}

static struct spec_error *copy_errors(struct arena *arena, const struct spec_errors *errors)
{
    struct spec_error *copy;

    if (errors->count == 0) {
        return NULL;
    }
    copy = arena_alloc(arena, errors->count * sizeof(*copy));
    memcpy(copy, errors->items, errors->count * sizeof(*copy));
    return copy;
}

static void load_document(struct loader *loader, size_t index)
{
    struct spec_file *file = loader->file;
    struct spec_document *document = &file->documents[index];
    struct document_source source = {
        .file = file->file,
        .root = loader->stream->documents[index],
        .index = (unsigned)index,
        .size = loader->text_size / loader->stream->count,
    };
    auto_done(spec_errors) errors = {0};

    spec_errors_init(&errors, &file->arena, loader->room);
    document->line = source.root->line;
    document->column = source.root->column;
    add_problems(loader, &errors, index);
    document->object = document_decode(&source, &errors, document);
    check_owner(loader, &errors, source.root, document);
    if (errors.count > 0) {
        object_unref(TAKE(document->object));
    }
    spec_errors_sort(&errors);
    document->errors = copy_errors(&file->arena, &errors);
    document->error_count = errors.count;
    loader->room -= errors.count < loader->room ? errors.count : loader->room;
    loader->left_out += errors.left_out;
}

/*
 * What no document was kept for: the problem that ended the reading, and those before it in its
 * document.
 */
static void load_file_errors(struct loader *loader)
{
    const struct yaml_stream *stream = loader->stream;
    struct spec_file *file = loader->file;
    struct spec_error *errors;
    size_t count = stream->problem_count - loader->next_problem;

    if (count > SPEC_MAX_ERRORS) {
        loader->left_out += count - SPEC_MAX_ERRORS;
        loader->next_problem += count - SPEC_MAX_ERRORS;
        count = SPEC_MAX_ERRORS;
    }
    if (count == 0 && loader->left_out == 0) {
        return;
    }
    errors = arena_alloc(&file->arena, (count + 1) * sizeof(*errors));
    for (size_t i = 0; i < count; i++) {
        const struct yaml_problem *problem = &stream->problems[loader->next_problem + i];

        errors[i] = (struct spec_error){
            .line = problem->line,
            .column = problem->column,
            .path = "",
            .reason = spec_errors_reason(problem),
            .message = arena_strdup(&file->arena, problem->message),
        };
    }
    if (loader->left_out > 0) {
        errors[count++] = (struct spec_error){
            .path = "",
            .reason = REASON_INVALID_SPEC,
            .message =
                arena_printf(&file->arena, "%zu more errors are not shown", loader->left_out),
        };
    }
    file->errors = errors;
    file->error_count = count;
}

struct spec_file *spec_file_parse(const char *file, const char *text, size_t len)
{
    struct spec_file *result = xcalloc(1, sizeof(*result));
    auto_owned(yaml_stream) *stream = yaml_stream_parse(text, len);
    struct loader loader = {
        .file = result,
        .text_size = len,
        .stream = stream,
        .room = SPEC_MAX_ERRORS,
    };

    arena_init(&result->arena);
    arena_reserve(&result->arena, size_without_errors(file, stream));
    result->file = arena_strdup(&result->arena, file);
    result->count = stream->count;
    result->is_complete = stream->is_complete;
    result->documents = arena_alloc(&result->arena, stream->count * sizeof(*result->documents));
    for (size_t i = 0; i < stream->count; i++) {
        load_document(&loader, i);
    }
    load_file_errors(&loader);
    map_done(&loader.owners);
    return result;
}

void spec_file_free(struct spec_file *file)
{
    if (file == NULL) {
        return;
    }
    for (size_t i = 0; i < file->count; i++) {
        object_unref(file->documents[i].object);
    }
    arena_done(&file->arena);
    free(file);
}

bool spec_file_has_errors(const struct spec_file *file)
{
    if (file->error_count > 0) {
        return true;
    }
    for (size_t i = 0; i < file->count; i++) {
        if (file->documents[i].error_count > 0) {
            return true;
        }
    }
    return false;
}

char *spec_error_format(const char *file, const struct spec_error *error)
{
    auto_free char *position =
        error->line > 0 ? xasprintf(":%u:%u", error->line, error->column) : xstrdup("");

    return xasprintf("%s%s: %s%s%s", file, position, error->path,
                     error->path[0] != '\0' ? ": " : "", error->message);
}

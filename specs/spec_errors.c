#include "specs/spec_errors.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "specs/excerpt.h"
#include "specs/reason.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void spec_errors_init(struct spec_errors *errors, struct arena *arena, size_t room)
{
    *errors = (struct spec_errors){.arena = arena, .room = room};
}

void spec_errors_done(struct spec_errors *errors)
{
    free(errors->items);
    *errors = (struct spec_errors){0};
}

static void append_place(struct strbuf *text, const struct place *place)
{
    char shown[EXCERPT_SIZE];

    if (place->parent != NULL) {
        append_place(text, place->parent);
    }
    if (place->key == NULL) {
        strbuf_addf(text, "[%zu]", place->index);
    } else {
        strbuf_addf(text, "%s%s", text->len > 0 ? "." : "", excerpt(place->key, shown));
    }
}

const char *place_text(const struct place *place, struct arena *arena)
{
    auto_done(strbuf) text = {0};

    if (place == NULL) {
        return "";
    }
    append_place(&text, place);
    return arena_strdup(arena, strbuf_text(&text));
}

bool spec_errors_is_full(const struct spec_errors *errors)
{
    return errors->count > 0 && errors->count >= errors->room;
}

/* False when nothing more is to be told about this place, or there is no room. */
static bool may_add(struct spec_errors *errors, unsigned line, unsigned column)
{
    for (size_t i = 0; i < errors->reader_count; i++) {
        if (errors->items[i].line == line && errors->items[i].column == column) {
            return false;
        }
    }
    if (spec_errors_is_full(errors)) {
        errors->left_out++;
        return false;
    }
    return true;
}

static void append(struct spec_errors *errors, struct spec_error error)
{
    array_grow(&errors->items, errors->count, &errors->capacity, sizeof(*errors->items));
    errors->items[errors->count++] = error;
}

void spec_errors_add(struct spec_errors *errors, const struct yaml_node *node,
                     const struct place *place, const char *reason, const char *format, ...)
{
    auto_free char *message = NULL;
    va_list args;

    if (!may_add(errors, node->line, node->column)) {
        return;
    }
    va_start(args, format);
    message = xvasprintf(format, args);
    va_end(args);
    append(errors, (struct spec_error){
                       .line = node->line,
                       .column = node->column,
                       .path = place_text(place, errors->arena),
                       .reason = reason,
                       .message = arena_strdup(errors->arena, message),
                   });
}

void spec_errors_add_error(struct spec_errors *errors, const struct yaml_node *node,
                           const struct place *place, struct error *err)
{
    spec_errors_add(errors, node, place, err->reason != NULL ? err->reason : REASON_INVALID_SPEC,
                    "%s", err->message);
    error_clear(err);
}

const char *spec_errors_reason(const struct yaml_problem *problem)
{
    switch (problem->kind) { /* no default: a kind without a reason does not compile */
    case YAML_PROBLEM_SYNTAX: return REASON_INVALID_SYNTAX;
    case YAML_PROBLEM_NOT_SUPPORTED: return REASON_NOT_SUPPORTED;
    case YAML_PROBLEM_DUPLICATE_KEY: return REASON_DUPLICATE_KEY;
    case YAML_PROBLEM_TOO_LARGE: return REASON_FILE_TOO_LARGE;
    }
    abort(); /* not a kind at all: memory is damaged */
}

void spec_errors_add_problem(struct spec_errors *errors, const struct yaml_problem *problem)
{
    if (!may_add(errors, problem->line, problem->column)) {
        return;
    }
    append(errors, (struct spec_error){
                       .line = problem->line,
                       .column = problem->column,
                       .path = "",
                       .reason = spec_errors_reason(problem),
                       .message = arena_strdup(errors->arena, problem->message),
                   });
    errors->reader_count = errors->count;
}

static int compare_positions(const void *left, const void *right)
{
    const struct spec_error *a = left, *b = right;

    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    if (a->column != b->column) {
        return a->column < b->column ? -1 : 1;
    }
    return strcmp(a->path, b->path);
}

void spec_errors_sort(struct spec_errors *errors)
{
    if (errors->count > 1) {
        qsort(errors->items, errors->count, sizeof(*errors->items), compare_positions);
    }
}

const char **spec_errors_texts(const struct spec_errors *errors, const char *file)
{
    const char **texts = arena_alloc(errors->arena, (errors->count + 1) * sizeof(*texts));

    for (size_t i = 0; i < errors->count; i++) {
        auto_free char *text = spec_error_format(file, &errors->items[i]);

        texts[i] = arena_strdup(errors->arena, text);
    }
    return texts;
}

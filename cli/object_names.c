#include "cli/object_names.h"

#include "base/memory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void object_names_done(struct object_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i].name);
    }
    free(names->items);
    *names = (struct object_names){0};
}

bool object_names_have(const struct object_names *names, enum kind kind, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (names->items[i].kind == kind && strcmp(names->items[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

void object_names_add(struct object_names *names, enum kind kind, const char *name)
{
    if (object_names_have(names, kind, name)) {
        return;
    }
    array_grow(&names->items, names->count, &names->capacity, sizeof(*names->items));
    names->items[names->count++] = (struct object_name){kind, xstrdup(name)};
}

static int take_name(struct object_names *names, struct arguments *args, enum kind kind,
                     const char *name)
{
    if (!object_name_is_valid(name)) {
        return arguments_wrong(args, "\"%s\" is no name of an object", name);
    }
    object_names_add(names, kind, name);
    return 0;
}

/* "task/fix-7" */
static int take_target(struct object_names *names, struct arguments *args, const char *text)
{
    const char *slash = strchr(text, '/');
    auto_free char *word = slash != NULL ? xstrndup(text, (size_t)(slash - text)) : NULL;
    enum kind kind;

    if (word == NULL) {
        return arguments_wrong(args, "\"%s\": write KIND/NAME, such as task/%s", text, text);
    }
    return kind_from_argument(word, &kind) < 0 ? unknown_kind_error(args, word)
                                               : take_name(names, args, kind, slash + 1);
}

int object_names_take(struct object_names *names, struct arguments *args)
{
    enum kind kind;

    if (args->count > 0 && strchr(args->operands[0], '/') == NULL) {
        if (kind_from_argument(args->operands[0], &kind) < 0) {
            return unknown_kind_error(args, args->operands[0]);
        }
        if (args->count == 1) {
            return arguments_wrong(args, "which of the %s? Name some", kind_plural(kind));
        }
        for (int i = 1; i < args->count; i++) {
            if (take_name(names, args, kind, args->operands[i]) < 0) {
                return -1;
            }
        }
        return 0;
    }
    for (int i = 0; i < args->count; i++) {
        if (take_target(names, args, args->operands[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

char *object_spelling(enum kind kind, const char *name)
{
    char *text = xasprintf("%s/%s", kind_name(kind), name);

    for (char *at = text; *at != '/'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    return text;
}

#include "cli/get_select.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/documents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void get_selection_done(struct get_selection *selection)
{
    free(selection->names);
    selector_free(selection->selector);
    jsonpath_free(selection->sort_by);
}

/* --- operands --------------------------------------------------------------------------------- */

static void add_name(struct get_selection *selection, const char *kind, const char *name)
{
    array_grow(&selection->names, selection->count, &selection->capacity,
               sizeof(*selection->names));
    selection->names[selection->count++] = (struct get_name){.kind = kind, .name = name};
}

/* "pools,tasks", or "all" */
static int take_kinds(struct get_selection *selection, struct arguments *args, const char *text)
{
    auto_free char *copy = xstrdup(text);
    char *rest = copy, *word;
    enum kind kind;

    while ((word = strsep(&rest, ",")) != NULL) {
        if (strcasecmp(word, "all") == 0) {
            memset(selection->kinds, 0, sizeof(selection->kinds));
            return 0;
        }
        if (kind_from_argument(word, &kind) < 0) {
            return unknown_kind_error(args, word);
        }
        selection->kinds[kind] = true;
    }
    return 0;
}

/* "task/fix-7" */
static int take_spelling(struct get_selection *selection, struct arguments *args, const char *text)
{
    const char *slash = strchr(text, '/');
    auto_free char *word = NULL;
    enum kind kind;

    if (slash == NULL) {
        return arguments_wrong(args, "\"%s\" is not KIND/NAME, as the arguments before it are",
                               text);
    }
    word = xstrndup(text, (size_t)(slash - text));
    if (kind_from_argument(word, &kind) < 0) {
        return unknown_kind_error(args, word);
    }
    if (slash[1] == '\0') {
        return arguments_wrong(args, "\"%s\": a name is missing behind the \"/\"", text);
    }
    add_name(selection, kind_name(kind), slash + 1);
    return 0;
}

int get_selection_take(struct get_selection *selection, struct arguments *args)
{
    bool are_spelt = args->count > 0 && strchr(args->operands[0], '/') != NULL;

    if (args->count > 0 && !are_spelt && take_kinds(selection, args, args->operands[0]) < 0) {
        return -1;
    }
    for (int i = are_spelt ? 0 : 1; i < args->count; i++) {
        if (!are_spelt) {
            add_name(selection, NULL, args->operands[i]);
        } else if (take_spelling(selection, args, args->operands[i]) < 0) {
            return -1;
        }
    }
    if (selection->count > 0 && selection->selector != NULL) {
        return arguments_wrong(args, "-l chooses among all objects of a kind: give it or names");
    }
    return 0;
}

/* The one kind that is set; NULL: none or several. */
static const char *only_kind(const struct get_selection *selection)
{
    const char *only = NULL;

    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (selection->kinds[i]) {
            if (only != NULL) {
                return NULL;
            }
            only = kind_name((enum kind)i);
        }
    }
    return only;
}

const char *get_selection_kind(const struct get_selection *selection)
{
    if (selection->count == 0 || selection->names[0].kind == NULL) {
        return only_kind(selection);
    }
    for (size_t i = 1; i < selection->count; i++) {
        if (strcmp(selection->names[i].kind, selection->names[0].kind) != 0) {
            return NULL;
        }
    }
    return selection->names[0].kind;
}

/* --- documents -------------------------------------------------------------------------------- */

static bool is_of_kinds(const struct get_selection *selection, const json_t *document)
{
    bool is_any = true;
    enum kind kind;

    for (size_t i = 0; i < KIND_COUNT; i++) {
        is_any = is_any && !selection->kinds[i];
    }
    return is_any ||
           (document_kind(document) != NULL &&
            kind_from_name(document_kind(document), &kind) == 0 && selection->kinds[kind]);
}

static bool is_named(const struct get_name *name, const json_t *document)
{
    return text_equal(document_name(document), name->name) &&
           (name->kind == NULL || text_equal(document_kind(document), name->kind));
}

bool get_selects(const struct get_selection *selection, const json_t *document)
{
    const json_t *metadata = json_object_get(document, "metadata");

    if (!is_of_kinds(selection, document) ||
        (selection->selector != NULL &&
         !selector_matches(selection->selector, json_object_get(metadata, "labels")))) {
        return false;
    }
    for (size_t i = 0; i < selection->count; i++) {
        if (is_named(&selection->names[i], document)) {
            return true;
        }
    }
    return selection->count == 0;
}

static bool add_named(const struct get_selection *selection, const struct get_name *name,
                      const json_t *documents, json_t *items)
{
    size_t index, before = json_array_size(items);
    json_t *document;

    json_array_foreach(documents, index, document) {
        if (is_named(name, document) && is_of_kinds(selection, document)) {
            json_array_append(items, document);
        }
    }
    return json_array_size(items) > before;
}

static void say_missing(const struct get_selection *selection, const struct get_name *name,
                        const json_t *documents, const char *command)
{
    const char *kind = name->kind != NULL ? name->kind : only_kind(selection);
    auto_free char *nearest = documents_suggest(documents, kind, name->name);

    fprintf(stderr, "berth %s: there is no %s \"%s\"%s\n", command, kind != NULL ? kind : "object",
            name->name, nearest);
}

/* --- order ------------------------------------------------------------------------------------ */

struct sorted {
    json_t *item;
    json_t *value; /* NULL: it has none, and comes last */
    size_t index;
};

static int compare_values(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) {
        double x = json_number_value(a), y = json_number_value(b);

        return x < y ? -1 : x > y;
    }
    if (json_is_string(a) && json_is_string(b)) {
        return strcmp(json_string_value(a), json_string_value(b));
    }
    return (int)json_typeof(a) - (int)json_typeof(b);
}

static int compare_sorted(const void *left, const void *right)
{
    const struct sorted *a = left, *b = right;
    int order = 0;

    if (a->value != NULL && b->value != NULL) {
        order = compare_values(a->value, b->value);
    } else if (a->value != b->value) {
        order = a->value == NULL ? 1 : -1;
    }
    return order != 0 ? order : a->index < b->index ? -1 : 1;
}

static int find_values(const struct jsonpath *path, const json_t *items, struct sorted *list,
                       struct error *err)
{
    size_t index;
    json_t *item;

    json_array_foreach(items, index, item) {
        json_auto_t *values = NULL;

        if (jsonpath_find(path, item, &values, err) < 0) {
            return error_wrap(err, "--sort-by");
        }
        list[index] = (struct sorted){
            .item = json_incref(item),
            .value = json_incref(json_array_get(values, 0)),
            .index = index,
        };
    }
    return 0;
}

static int sort(const struct jsonpath *path, json_t *items, struct error *err)
{
    size_t count = json_array_size(items);
    auto_free struct sorted *list = xcalloc(count + 1, sizeof(*list));
    int result = find_values(path, items, list, err);

    if (result == 0) {
        qsort(list, count, sizeof(*list), compare_sorted);
        json_array_clear(items);
    }
    for (size_t i = 0; i < count; i++) {
        if (result == 0) {
            json_array_append(items, list[i].item);
        }
        json_decref(list[i].item);
        json_decref(list[i].value);
    }
    return result;
}

int get_select(const struct get_selection *selection, const json_t *documents, const char *command,
               json_t **ret_items, size_t *ret_missing, struct error *err)
{
    json_auto_t *items = json_array();
    size_t missing = 0, index;
    json_t *document;

    for (size_t i = 0; i < selection->count; i++) {
        if (!add_named(selection, &selection->names[i], documents, items)) {
            say_missing(selection, &selection->names[i], documents, command);
            missing++;
        }
    }
    json_array_foreach(documents, index, document) {
        if (selection->count == 0 && get_selects(selection, document)) {
            json_array_append(items, document);
        }
    }
    if (selection->sort_by != NULL && sort(selection->sort_by, items, err) < 0) {
        return -1;
    }
    *ret_missing = missing;
    *ret_items = TAKE(items);
    return 0;
}

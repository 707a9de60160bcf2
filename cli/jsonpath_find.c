#include "cli/jsonpath.h"

#include "base/memory.h"
#include "cli/jsonpath_parts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Values at hand, all borrowed from the root. */
struct values {
    json_t **items;
    size_t count, capacity;
};

struct search {
    json_t *root;
    size_t seen; /* values that any step has given so far */
    struct error *err;
};

static void values_done(struct values *values)
{
    free(values->items);
}

static int add(struct search *search, struct values *values, json_t *value)
{
    if (value == NULL) {
        return 0;
    }
    if (++search->seen > JSONPATH_MAX_VALUES) {
        return error_set(search->err, ERROR_INVALID, "the path meets more than %d values",
                         JSONPATH_MAX_VALUES);
    }
    array_grow(&values->items, values->count, &values->capacity, sizeof(*values->items));
    values->items[values->count++] = value;
    return 0;
}

static int follow(struct search *search, const struct path *path, json_t *value,
                  struct values *ret_values);

/* --- filters ---------------------------------------------------------------------------------- */

/* The operand's one value; NULL: it has none, or several. */
static int operand_value(struct search *search, const struct operand *operand, json_t *value,
                         json_t **ret_value)
{
    auto_done(values) found = {0};

    if (operand->literal != NULL) {
        *ret_value = operand->literal;
        return 0;
    }
    if (follow(search, &operand->path, value, &found) < 0) {
        return -1;
    }
    *ret_value = found.count == 1 ? found.items[0] : NULL;
    return 0;
}

static bool is_order(enum compare compare, int order)
{
    switch (compare) {
    case COMPARE_LT: return order < 0;
    case COMPARE_LE: return order <= 0;
    case COMPARE_GT: return order > 0;
    case COMPARE_GE: return order >= 0;
    case COMPARE_EQ: return order == 0;
    case COMPARE_NE: return order != 0;
    case COMPARE_EXISTS: break;
    }
    return true;
}

/* Whether left and right, both there, are so. Only numbers and texts have an order. */
static bool holds(enum compare compare, json_t *left, json_t *right)
{
    if (json_is_integer(left) && json_is_integer(right)) {
        json_int_t a = json_integer_value(left), b = json_integer_value(right);

        return is_order(compare, a < b ? -1 : a > b);
    }
    if (json_is_number(left) && json_is_number(right)) {
        double a = json_number_value(left), b = json_number_value(right);

        return is_order(compare, a < b ? -1 : a > b);
    }
    if (json_is_string(left) && json_is_string(right)) {
        return is_order(compare, strcmp(json_string_value(left), json_string_value(right)));
    }
    if (compare == COMPARE_EQ || compare == COMPARE_NE) {
        return json_equal(left, right) == (compare == COMPARE_EQ);
    }
    return false;
}

static int filter_holds(struct search *search, const struct jsonpath_filter *filter, json_t *value,
                        bool *ret_holds)
{
    json_t *left = NULL, *right = NULL;
    auto_done(values) found = {0};

    if (filter->compare == COMPARE_EXISTS && filter->left.literal == NULL) {
        if (follow(search, &filter->left.path, value, &found) < 0) {
            return -1;
        }
        *ret_holds = found.count > 0;
        return 0;
    }
    if (operand_value(search, &filter->left, value, &left) < 0 ||
        (filter->compare != COMPARE_EXISTS &&
         operand_value(search, &filter->right, value, &right) < 0)) {
        return -1;
    }
    *ret_holds = filter->compare == COMPARE_EXISTS
                     ? !json_is_false(left) && !json_is_null(left)
                     : left != NULL && right != NULL && holds(filter->compare, left, right);
    return 0;
}

/* --- steps ------------------------------------------------------------------------------------ */

static json_t *quoted_field(const struct step *step, json_t *value)
{
    json_t *field = json_object_get(value, step->name);

    for (size_t i = 0; field == NULL && i < step->count; i++) {
        value = json_object_get(value, step->parts[i].name);
    }
    return field != NULL ? field : value;
}

/* All below it, where a value comes before what is in it. */
static int add_below(struct search *search, json_t *value, bool is_deep, struct values *out)
{
    size_t index;
    const char *key;
    json_t *item;

    json_array_foreach(value, index, item) {
        if (add(search, out, item) < 0 || (is_deep && add_below(search, item, true, out) < 0)) {
            return -1;
        }
    }
    if (json_is_object(value)) {
        json_object_foreach(value, key, item) {
            if (add(search, out, item) < 0 || (is_deep && add_below(search, item, true, out) < 0)) {
                return -1;
            }
        }
    }
    return 0;
}

static json_int_t clamp(json_int_t index, json_int_t size)
{
    index += index < 0 ? size : 0;
    return index < 0 ? 0 : index > size ? size : index;
}

static int add_slice(struct search *search, const struct step *step, json_t *value,
                     struct values *out)
{
    json_int_t size = (json_int_t)json_array_size(value);
    json_int_t end = step->has_end ? clamp(step->end, size) : size;

    for (json_int_t i = clamp(step->start, size); i < end; i += step->stride) {
        if (add(search, out, json_array_get(value, (size_t)i)) < 0) {
            return -1;
        }
    }
    return 0;
}

static int add_filtered(struct search *search, const struct step *step, json_t *value,
                        struct values *out)
{
    size_t index;
    json_t *item;

    json_array_foreach(value, index, item) {
        bool is_so = false;

        if (filter_holds(search, step->filter, item, &is_so) < 0 ||
            (is_so && add(search, out, item) < 0)) {
            return -1;
        }
    }
    return 0;
}

static int apply(struct search *search, const struct step *step, json_t *value, struct values *out)
{
    switch (step->kind) {
    case STEP_ROOT: return add(search, out, search->root);
    case STEP_FIELD: return add(search, out, json_object_get(value, step->name));
    case STEP_QUOTED: return add(search, out, quoted_field(step, value));
    case STEP_ALL: return add_below(search, value, false, out);
    case STEP_DESCEND:
        return add(search, out, value) < 0 ? -1 : add_below(search, value, true, out);
    case STEP_SLICE: return add_slice(search, step, value, out);
    case STEP_FILTER: return add_filtered(search, step, value, out);
    case STEP_UNION: break;
    }
    for (size_t i = 0; i < step->count; i++) {
        if (apply(search, &step->parts[i], value, out) < 0) {
            return -1;
        }
    }
    return 0;
}

static int follow(struct search *search, const struct path *path, json_t *value,
                  struct values *ret_values)
{
    auto_done(values) at = {0};

    if (add(search, &at, value) < 0) {
        return -1;
    }
    for (size_t i = 0; i < path->count; i++) {
        auto_done(values) next = {0};
        struct values before;

        for (size_t j = 0; j < at.count; j++) {
            if (apply(search, &path->steps[i], at.items[j], &next) < 0) {
                return -1;
            }
        }
        before = at;
        at = next;
        next = before;
    }
    *ret_values = at;
    at = (struct values){0};
    return 0;
}

/* --- templates -------------------------------------------------------------------------------- */

char *jsonpath_value_text(const json_t *value)
{
    char *text;

    if (json_is_string(value)) {
        return xstrndup(json_string_value(value), json_string_length(value));
    }
    text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    return text != NULL ? text : xstrdup("");
}

/* Where the text goes, or else the values. */
struct sink {
    struct strbuf *text;
    json_t *values;
};

static int put(struct search *search, const struct values *found, const struct sink *sink)
{
    for (size_t i = 0; i < found->count; i++) {
        if (sink->values != NULL) {
            json_array_append(sink->values, found->items[i]);
            continue;
        }
        auto_free char *text = jsonpath_value_text(found->items[i]);

        if ((i > 0 && strbuf_add(sink->text, " ") < 0) || strbuf_add(sink->text, text) < 0) {
            return error_set(search->err, ERROR_INVALID, "its text is too long");
        }
    }
    return 0;
}

/* The nodes from first to before end, for one value. */
static int run(struct search *search, const struct jsonpath *path, size_t first, size_t end,
               json_t *value, const struct sink *sink)
{
    for (size_t i = first; i < end; i++) {
        const struct node *node = &path->nodes[i];
        auto_done(values) found = {0};

        if (node->kind == NODE_TEXT) {
            if (sink->text != NULL && strbuf_add(sink->text, node->text) < 0) {
                return error_set(search->err, ERROR_INVALID, "its text is too long");
            }
            continue;
        }
        if (follow(search, &node->path, value, &found) < 0 ||
            (node->kind == NODE_PATH && put(search, &found, sink) < 0)) {
            return -1;
        }
        if (node->kind == NODE_RANGE) {
            for (size_t j = 0; j < found.count; j++) {
                if (run(search, path, i + 1, node->end, found.items[j], sink) < 0) {
                    return -1;
                }
            }
            i = node->end;
        }
    }
    return 0;
}

/* jansson's loops want what they do not change to be changeable; nothing here changes a value. */
static json_t *borrow(const json_t *value)
{
    return (json_t *)(uintptr_t)value;
}

int jsonpath_print(const struct jsonpath *path, const json_t *value, struct strbuf *out,
                   struct error *err)
{
    struct search search = {.root = borrow(value), .err = err};

    return run(&search, path, 0, path->count, search.root, &(struct sink){.text = out});
}

int jsonpath_find(const struct jsonpath *path, const json_t *value, json_t **ret_values,
                  struct error *err)
{
    struct search search = {.root = borrow(value), .err = err};
    json_auto_t *values = json_array();

    if (run(&search, path, 0, path->count, search.root, &(struct sink){.values = values}) < 0) {
        return -1;
    }
    *ret_values = TAKE(values);
    return 0;
}

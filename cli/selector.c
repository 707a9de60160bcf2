#include "cli/selector.h"

#include "base/memory.h"
#include "base/parse.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SELECTOR_BYTES = 64 << 10 };

enum demand { DEMAND_IN, DEMAND_NOT_IN, DEMAND_PRESENT, DEMAND_ABSENT };

struct requirement {
    enum demand demand;
    char *key;
    char **values;
    size_t count, capacity;
};

struct selector {
    struct requirement *items;
    size_t count, capacity;
};

struct parser {
    const char *text, *at;
    struct error *err;
};

void selector_free(struct selector *selector)
{
    if (selector == NULL) {
        return;
    }
    for (size_t i = 0; i < selector->count; i++) {
        struct requirement *item = &selector->items[i];

        for (size_t j = 0; j < item->count; j++) {
            free(item->values[j]);
        }
        free(item->values);
        free(item->key);
    }
    free(selector->items);
    free(selector);
}

static int wrong(const struct parser *parser, const char *message)
{
    if (parser->at[0] == '\0') {
        return error_set(parser->err, ERROR_INVALID, "at its end: %s", message);
    }
    return error_set(parser->err, ERROR_INVALID, "at %zu: %s",
                     (size_t)(parser->at - parser->text) + 1, message);
}

static void skip_blanks(struct parser *parser)
{
    parser->at += strspn(parser->at, " \t\r\n");
}

static bool take(struct parser *parser, const char *token)
{
    skip_blanks(parser);
    if (!text_has_prefix(parser->at, token)) {
        return false;
    }
    parser->at += strlen(token);
    return true;
}

/* What keys and values of labels are made of; may be empty. The caller's to free. */
static char *take_word(struct parser *parser)
{
    size_t len;
    char *word;

    skip_blanks(parser);
    len = strcspn(parser->at, " \t\r\n,()=!<>");
    word = xstrndup(parser->at, len);
    parser->at += len;
    return word;
}

static void add_value(struct requirement *item, char *value)
{
    array_grow(&item->values, item->count, &item->capacity, sizeof(*item->values));
    item->values[item->count++] = value;
}

/* Behind "in" or "notin": "(x,y)" */
static int parse_values(struct parser *parser, struct requirement *item)
{
    if (!take(parser, "(")) {
        return wrong(parser, "values belong here in parentheses, as in tier in (web,api)");
    }
    do {
        add_value(item, take_word(parser));
    } while (take(parser, ","));
    return take(parser, ")") ? 0 : wrong(parser, "\")\" is missing");
}

static int parse_demand(struct parser *parser, struct requirement *item)
{
    const char *before = parser->at;
    auto_free char *word = NULL;

    item->demand = take(parser, "!=") ? DEMAND_NOT_IN : DEMAND_IN;
    if (item->demand == DEMAND_NOT_IN || take(parser, "==") || take(parser, "=")) {
        add_value(item, take_word(parser));
        return 0;
    }
    word = take_word(parser);
    if (strcmp(word, "in") == 0 || strcmp(word, "notin") == 0) {
        item->demand = word[0] == 'i' ? DEMAND_IN : DEMAND_NOT_IN;
        return parse_values(parser, item);
    }
    parser->at = before;
    item->demand = DEMAND_PRESENT;
    return 0;
}

static int parse_requirement(struct parser *parser, struct selector *selector)
{
    struct requirement *item;
    bool is_absent = take(parser, "!");

    array_grow(&selector->items, selector->count, &selector->capacity, sizeof(*selector->items));
    item = &selector->items[selector->count++];
    *item = (struct requirement){.demand = DEMAND_ABSENT};
    item->key = take_word(parser);
    if (item->key[0] == '\0') {
        return wrong(parser, "a label's key belongs here");
    }
    if (!is_absent && parse_demand(parser, item) < 0) {
        return -1;
    }
    skip_blanks(parser);
    return parser->at[0] == '\0' || parser->at[0] == ','
               ? 0
               : wrong(parser, "\",\" or one of =, ==, !=, in, notin belongs here");
}

int selector_parse(const char *text, struct selector **ret_selector, struct error *err)
{
    auto_owned(selector) *selector = xcalloc(1, sizeof(*selector));
    struct parser parser = {.text = text, .at = text, .err = err};

    if (strlen(text) > MAX_SELECTOR_BYTES) {
        return error_set(err, ERROR_INVALID, "it is longer than %d bytes", MAX_SELECTOR_BYTES);
    }
    skip_blanks(&parser);
    if (parser.at[0] != '\0') {
        do {
            if (parse_requirement(&parser, selector) < 0) {
                return -1;
            }
        } while (take(&parser, ","));
    }
    *ret_selector = TAKE(selector);
    return 0;
}

static bool has_one_of(const struct requirement *item, const char *value)
{
    for (size_t i = 0; value != NULL && i < item->count; i++) {
        if (strcmp(item->values[i], value) == 0) {
            return true;
        }
    }
    return false;
}

static bool holds(const struct requirement *item, const json_t *labels)
{
    const char *value = json_string_value(json_object_get(labels, item->key));

    switch (item->demand) {
    case DEMAND_IN: return has_one_of(item, value);
    case DEMAND_NOT_IN: return !has_one_of(item, value);
    case DEMAND_PRESENT: return value != NULL;
    case DEMAND_ABSENT: break;
    }
    return value == NULL;
}

bool selector_matches(const struct selector *selector, const json_t *labels)
{
    for (size_t i = 0; i < selector->count; i++) {
        if (!holds(&selector->items[i], labels)) {
            return false;
        }
    }
    return true;
}

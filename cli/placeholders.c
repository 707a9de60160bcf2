#include "cli/placeholders.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "base/suggest.h"
#include "specs/yaml_reader.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* How a value is written where it stands. */
enum form { FORM_NONE, FORM_AS_IS, FORM_DOUBLE_QUOTED, FORM_SINGLE_QUOTED };

/* One placeholder in the text. */
struct spot {
    size_t start, end; /* of "{{ key }}" */
    size_t item;       /* of the set */
    unsigned line;
    enum form form; /* NONE: a word stands in for the value */
};

struct filling {
    const struct placeholders *set;
    const char *text;
    size_t len;
    struct spot *spots;
    size_t count, capacity;
    char *word; /* what stands in for values, with a number behind */
};

static void filling_done(struct filling *filling)
{
    free(filling->spots);
    free(filling->word);
}

void placeholders_done(struct placeholders *set)
{
    for (size_t i = 0; i < set->count; i++) {
        free(set->items[i].key);
        free(set->items[i].value);
    }
    free(set->items);
    *set = (struct placeholders){0};
}

static bool begins_key(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static size_t key_length(const char *text, size_t len)
{
    size_t used = 0;

    if (len == 0 || !begins_key(text[0])) {
        return 0;
    }
    while (used < len &&
           (begins_key(text[used]) || isdigit((unsigned char)text[used]) || text[used] == '-')) {
        used++;
    }
    return used;
}

static struct placeholder *find(const struct placeholders *set, const char *key, size_t len)
{
    for (size_t i = 0; i < set->count; i++) {
        if (strlen(set->items[i].key) == len && memcmp(set->items[i].key, key, len) == 0) {
            return &set->items[i];
        }
    }
    return NULL;
}

int placeholders_add(struct placeholders *set, const char *assignment, struct error *err)
{
    size_t len = strcspn(assignment, "=");

    if (assignment[len] != '=' || len == 0 || key_length(assignment, len) != len) {
        return error_set(err, ERROR_INVALID, "\"%.*s\" is not KEY=VALUE, such as tag=1.2", (int)len,
                         assignment);
    }
    if (find(set, assignment, len) != NULL) {
        return error_set(err, ERROR_INVALID, "\"%.*s\" has two values", (int)len, assignment);
    }
    array_grow(&set->items, set->count, &set->capacity, sizeof(*set->items));
    set->items[set->count++] = (struct placeholder){.key = xstrndup(assignment, len),
                                                    .value = xstrdup(assignment + len + 1)};
    return 0;
}

const char *placeholders_unused(const struct placeholders *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (!set->items[i].is_used) {
            return set->items[i].key;
        }
    }
    return NULL;
}

/* --- where they are --------------------------------------------------------------------------- */

static int no_value(const struct placeholders *set, const char *key, size_t len, unsigned line,
                    struct error *err)
{
    auto_free const char **keys = xcalloc(set->count + 1, sizeof(*keys));
    auto_free char *word = xstrndup(key, len);
    const char *nearest;

    for (size_t i = 0; i < set->count; i++) {
        keys[i] = set->items[i].key;
    }
    nearest = suggest_nearest(word, keys, set->count);
    return error_set(err, ERROR_INVALID, "line %u: {{ %s }} has no value; add --set %s=...%s%s%s",
                     line, word, word, nearest != NULL ? " (you gave one for \"" : "",
                     nearest != NULL ? nearest : "", nearest != NULL ? "\")" : "");
}

/* The length of a placeholder at the begin of the text, or 0; and its key. */
static size_t placeholder_length(const char *text, size_t len, const char **ret_key,
                                 size_t *ret_key_len)
{
    size_t at = 2, key_len;

    if (len < 5 || memcmp(text, "{{", 2) != 0) {
        return 0;
    }
    while (at < len && text[at] == ' ') {
        at++;
    }
    key_len = key_length(text + at, len - at);
    *ret_key = text + at;
    *ret_key_len = key_len;
    at += key_len;
    while (at < len && text[at] == ' ') {
        at++;
    }
    return key_len > 0 && len - at >= 2 && memcmp(text + at, "}}", 2) == 0 ? at + 2 : 0;
}

static int find_spots(struct filling *filling, struct error *err)
{
    unsigned line = 1;

    for (size_t at = 0; at < filling->len; at++) {
        const char *key;
        size_t key_len,
            len = placeholder_length(filling->text + at, filling->len - at, &key, &key_len);
        struct placeholder *item;

        line += filling->text[at] == '\n';
        if (len == 0 ||
            (at > 0 && filling->text[at - 1] == '$')) { /* ${{ x }} is somebody else's */
            continue;
        }
        item = find(filling->set, key, key_len);
        if (item == NULL) {
            return no_value(filling->set, key, key_len, line, err);
        }
        item->is_used = true;
        array_grow(&filling->spots, filling->count, &filling->capacity, sizeof(*filling->spots));
        filling->spots[filling->count++] =
            (struct spot){.start = at,
                          .end = at + len,
                          .item = (size_t)(item - filling->set->items),
                          .line = line};
        at += len - 1;
    }
    return 0;
}

/* A word that is nowhere else. */
static bool is_taken(const struct filling *filling, const char *word)
{
    for (size_t i = 0; i < filling->set->count; i++) {
        if (strstr(filling->set->items[i].value, word) != NULL) {
            return true;
        }
    }
    return memmem(filling->text, filling->len, word, strlen(word)) != NULL;
}

static void choose_word(struct filling *filling)
{
    unsigned number = 0;

    do {
        free(filling->word);
        filling->word = xasprintf("berthset%ux", number++);
    } while (is_taken(filling, filling->word));
}

/* --- writing them ----------------------------------------------------------------------------- */

static void add_double_quoted(struct strbuf *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\n') {
            strbuf_add(out, "\\n");
            continue;
        }
        if (*value == '"' || *value == '\\') {
            strbuf_add(out, "\\");
        }
        strbuf_append(out, value, 1);
    }
}

static void add_single_quoted(struct strbuf *out, const char *value)
{
    for (; *value != '\0'; value++) {
        strbuf_append(out, value, 1);
        if (*value == '\'') {
            strbuf_add(out, "'");
        }
    }
}

static void add_value(const struct filling *filling, const struct spot *spot, struct strbuf *out)
{
    const char *value = filling->set->items[spot->item].value;

    switch (spot->form) {
    case FORM_NONE: strbuf_addf(out, "%s%zuz", filling->word, spot->item); break;
    case FORM_AS_IS: strbuf_add(out, value); break;
    case FORM_DOUBLE_QUOTED: add_double_quoted(out, value); break;
    case FORM_SINGLE_QUOTED: add_single_quoted(out, value); break;
    }
}

static void render(const struct filling *filling, struct strbuf *out)
{
    size_t at = 0;

    for (size_t i = 0; i < filling->count; i++) {
        strbuf_append(out, filling->text + at, filling->spots[i].start - at);
        add_value(filling, &filling->spots[i], out);
        at = filling->spots[i].end;
    }
    strbuf_append(out, filling->text + at, filling->len - at);
}

/* A text with the words that stand in for values replaced by them. */
static char *expand(const struct filling *filling, const char *text)
{
    auto_done(strbuf) out = {0};
    size_t word_len = strlen(filling->word);
    const char *at;

    while ((at = strstr(text, filling->word)) != NULL) {
        char *behind;
        unsigned long item = strtoul(at + word_len, &behind, 10);

        strbuf_append(&out, text, (size_t)(at - text));
        strbuf_add(&out, filling->set->items[item].value);
        text = behind + 1; /* the 'z' */
    }
    strbuf_add(&out, text);
    return strbuf_take(&out);
}

/* Whether the second is the first with values in it. */
static bool is_filled(const struct filling *filling, const struct yaml_node *empty,
                      const struct yaml_node *filled)
{
    if (empty->type != filled->type || empty->is_plain != filled->is_plain ||
        empty->count != filled->count) {
        return false;
    }
    if (empty->type == YAML_NODE_SCALAR) {
        auto_free char *text = expand(filling, empty->text);
        auto_free char *is = expand(filling, filled->text); /* some may not be in yet */

        return strcmp(text, is) == 0;
    }
    for (size_t i = 0; i < empty->count; i++) {
        if (!is_filled(filling, empty->items[i], filled->items[i])) {
            return false;
        }
    }
    return true;
}

static bool keeps_structure(const struct filling *filling, const struct yaml_stream *empty)
{
    auto_done(strbuf) text = {0};
    auto_owned(yaml_stream) *filled = NULL;

    render(filling, &text);
    filled = yaml_stream_parse(strbuf_text(&text), text.len);
    if (filled->problem_count > 0 || filled->count != empty->count) {
        return false;
    }
    for (size_t i = 0; i < empty->count; i++) {
        if (!is_filled(filling, empty->documents[i], filled->documents[i])) {
            return false;
        }
    }
    return true;
}

static void set_forms(struct filling *filling, enum form form)
{
    for (size_t i = 0; i < filling->count; i++) {
        filling->spots[i].form = form;
    }
}

/* The first way of writing it that leaves the text what it is. */
static int choose_form(struct filling *filling, struct spot *spot, const struct yaml_stream *empty,
                       struct error *err)
{
    static const enum form forms[] = {FORM_AS_IS, FORM_DOUBLE_QUOTED, FORM_SINGLE_QUOTED};
    const char *key = filling->set->items[spot->item].key;

    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        spot->form = forms[i];
        if (keeps_structure(filling, empty)) {
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID,
                     "line %u: the value of \"%s\" cannot stand there as it is; put the text with "
                     "{{ %s }} in quotes",
                     spot->line, key, key);
}

static int choose_forms(struct filling *filling, struct error *err)
{
    auto_done(strbuf) text = {0};
    auto_owned(yaml_stream) *empty = NULL;

    choose_word(filling);
    render(filling, &text);
    empty = yaml_stream_parse(strbuf_text(&text), text.len);
    if (empty->problem_count > 0) {
        return error_set(err, ERROR_INVALID, "line %u: %s", empty->problems[0].line,
                         empty->problems[0].message);
    }
    set_forms(filling, FORM_AS_IS);
    if (keeps_structure(filling, empty)) {
        return 0;
    }
    set_forms(filling, FORM_NONE);
    for (size_t i = 0; i < filling->count; i++) {
        if (choose_form(filling, &filling->spots[i], empty, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int placeholders_fill(struct placeholders *set, const char *text, size_t len, char **ret_text,
                      size_t *ret_len, struct error *err)
{
    auto_done(filling) filling = {.set = set, .text = text, .len = len};
    auto_done(strbuf) out = {0};

    if (set->count > 0 &&
        (find_spots(&filling, err) < 0 || (filling.count > 0 && choose_forms(&filling, err) < 0))) {
        return -1;
    }
    render(&filling, &out);
    *ret_len = out.len;
    *ret_text = out.len > 0 ? strbuf_take(&out) : xstrdup("");
    return 0;
}

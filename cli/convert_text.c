#include "cli/convert_text.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/quantity.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_char(struct strbuf *out, char c)
{
    strbuf_append(out, &c, 1);
}

/* A word from *at on, which is moved behind it; -1: a quote is open. */
static int take_word(const char **at, struct strbuf *word)
{
    const char *text = *at;
    char quote = '\0';

    for (; *text != '\0' && (quote != '\0' || strchr(" \t\n", *text) == NULL); text++) {
        if (*text == quote) {
            quote = '\0';
        } else if (quote == '\0' && (*text == '\'' || *text == '"')) {
            quote = *text;
        } else if (*text == '\\' && quote != '\'' && text[1] != '\0' &&
                   (quote == '\0' || strchr("\"\\$`", text[1]) != NULL)) {
            add_char(word, *++text);
        } else {
            add_char(word, *text);
        }
    }
    *at = text;
    return quote == '\0' ? 0 : -1;
}

json_t *convert_split_words(const char *text)
{
    json_t *words = json_array();

    for (text += strspn(text, " \t\n"); *text != '\0'; text += strspn(text, " \t\n")) {
        auto_done(strbuf) word = {0};

        if (take_word(&text, &word) < 0) {
            json_decref(words);
            return NULL;
        }
        json_array_append_new(words, json_string(strbuf_text(&word)));
    }
    return words;
}

int convert_parse_size(const char *text, int64_t *ret_bytes)
{
    static const char units[] = "bkmgt";
    size_t digits = strspn(text, "0123456789.");
    const char *unit = text + digits, *found = NULL;
    char form[64];

    if (digits == 0 || digits > 30) {
        return -1;
    }
    if (*unit != '\0') {
        found = strchr(units, tolower((unsigned char)*unit));
        if (found == NULL) {
            return -1;
        }
        unit += *found == 'b'                            ? 1
                : tolower((unsigned char)unit[1]) == 'i' ? 2 /* "MiB" */
                                                         : 1;
        unit += *found != 'b' && tolower((unsigned char)*unit) == 'b' ? 1 : 0;
    }
    if (*unit != '\0') {
        return -1;
    }
    snprintf(form, sizeof(form), "%.*s%s", (int)digits, text,
             found == NULL || *found == 'b' ? ""
             : *found == 'k'                ? "Ki"
             : *found == 'm'                ? "Mi"
             : *found == 'g'                ? "Gi"
                                            : "Ti");
    return quantity_parse_bytes(form, ret_bytes);
}

int convert_parse_seconds(const char *text, int64_t *ret_seconds)
{
    char *unit;
    double seconds;
    int64_t ms;

    if (quantity_parse_duration(text, &ms) == 0) {
        *ret_seconds = (ms + 999) / 1000;
        return 0;
    }
    seconds = strtod(text, &unit); /* "1.5s": the one form with a fraction that people write */
    if (unit == text || strcmp(unit, "s") != 0 || seconds < 0 || seconds > 1e9) {
        return -1;
    }
    *ret_seconds = (int64_t)seconds + (seconds > (double)(int64_t)seconds ? 1 : 0);
    return 0;
}

/* Variables */

static size_t name_length(const char *text)
{
    size_t len = 0;

    if (isdigit((unsigned char)text[0])) {
        return 0;
    }
    while (isalnum((unsigned char)text[len]) || text[len] == '_') {
        len++;
    }
    return len;
}

/* The "}" that ends what began before text, past those of variables inside; NULL: none. */
static const char *find_close(const char *text)
{
    unsigned depth = 1;

    for (; *text != '\0'; text++) {
        if (text[0] == '$' && text[1] == '{') {
            depth++;
            text++;
        } else if (*text == '}' && --depth == 0) {
            return text;
        }
    }
    return NULL;
}

struct filling {
    convert_lookup_fn *lookup;
    struct strbuf *out, *missing;
};

static void add_variable(const struct filling *filling, const char *name)
{
    const char *value = filling->lookup(name);

    if (value == NULL) {
        strbuf_addf(filling->missing, "%s%s", filling->missing->len > 0 ? " " : "", name);
    }
    strbuf_add(filling->out, value != NULL ? value : "");
}

/* What stands in braces, without them. */
static int add_in_braces(const struct filling *filling, const char *text)
{
    size_t len = name_length(text);
    auto_free char *name = xstrndup(text, len);
    const char *value = filling->lookup(name), *rule = text + len;
    bool counts_empty = *rule == ':', is_set = value != NULL;

    if (len == 0) {
        return -1;
    }
    if (*rule == '\0') {
        add_variable(filling, name);
        return 0;
    }
    rule += counts_empty ? 1 : 0;
    is_set = is_set && (!counts_empty || value[0] != '\0');
    switch (*rule) {
    case '-':
        if (is_set) {
            strbuf_add(filling->out, value);
            return 0;
        }
        return convert_fill_in(rule + 1, filling->lookup, filling->out, filling->missing);
    case '+':
        return is_set ? convert_fill_in(rule + 1, filling->lookup, filling->out, filling->missing)
                      : 0;
    case '?':
        if (is_set) {
            strbuf_add(filling->out, value);
        }
        return is_set ? 0 : -1;
    default: return -1;
    }
}

int convert_fill_in(const char *text, convert_lookup_fn *lookup, struct strbuf *out,
                    struct strbuf *missing)
{
    struct filling filling = {.lookup = lookup, .out = out, .missing = missing};

    while (*text != '\0') {
        size_t len = strcspn(text, "$");

        strbuf_append(out, text, len);
        text += len;
        if (*text == '\0') {
            break;
        }
        text++;
        len = name_length(text);
        if (*text == '$') {
            add_char(out, *text++);
        } else if (*text == '{') {
            const char *close = find_close(text + 1);
            auto_free char *inside =
                close != NULL ? xstrndup(text + 1, (size_t)(close - text) - 1) : NULL;

            if (inside == NULL || add_in_braces(&filling, inside) < 0) {
                return -1;
            }
            text = close + 1;
        } else if (len > 0) {
            auto_free char *name = xstrndup(text, len);

            add_variable(&filling, name);
            text += len;
        } else {
            return -1;
        }
    }
    return 0;
}

/* Files of variables */

/* How long the text in quotes is that it begins with; 0: it begins with none. */
static size_t quoted_length(const char *text, size_t len)
{
    const char *close =
        len > 1 && (*text == '"' || *text == '\'') ? memchr(text + 1, *text, len - 1) : NULL;

    return close != NULL ? (size_t)(close - text) : 0;
}

/* The value of a line: without quotes around it, or without the comment behind it. */
static char *env_value(const char *text, size_t len)
{
    while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL) {
        len--;
    }
    while (len > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        len--;
    }
    if (len >= 2 && (text[0] == '"' || text[0] == '\'') && text[len - 1] == text[0]) {
        return xstrndup(text + 1, len - 2);
    }
    for (size_t i = quoted_length(text, len) + 1; i < len; i++) {
        if (text[i] == '#' && (text[i - 1] == ' ' || text[i - 1] == '\t')) {
            return env_value(text, i);
        }
    }
    return xstrndup(text, len);
}

static void take_env_line(json_t *values, const char *line, size_t len)
{
    size_t blanks = strspn(line, " \t");
    const char *equals;

    blanks = blanks < len ? blanks : len;
    line += blanks;
    len -= blanks;
    if (len > 7 && strncmp(line, "export ", 7) == 0) {
        line += 7;
        len -= 7;
    }
    if (len == 0 || *line == '#' || *line == '\r') {
        return;
    }
    equals = memchr(line, '=', len);
    if (equals == NULL) {
        auto_free char *name = env_value(line, len);

        json_object_set_new(values, name, json_null());
    } else {
        auto_free char *name = env_value(line, (size_t)(equals - line));
        auto_free char *value = env_value(equals + 1, len - (size_t)(equals + 1 - line));

        json_object_set_new(values, name, json_string(value));
    }
}

json_t *convert_parse_env_file(const char *text)
{
    json_t *values = json_object();

    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        take_env_line(values, text, len);
        text += len + (text[len] == '\n' ? 1 : 0);
    }
    return values;
}

enum { MAX_OBJECT_NAME = 63 };

char *convert_object_name(const char *text)
{
    auto_done(strbuf) name = {0};
    size_t len;

    for (; *text != '\0' && name.len < MAX_OBJECT_NAME; text++) {
        bool is_fine = isalnum((unsigned char)*text);

        if (name.len == 0 && isdigit((unsigned char)*text)) {
            strbuf_add(&name, "n");
        }
        if (is_fine || name.len > 0) {
            add_char(&name, is_fine ? (char)tolower((unsigned char)*text) : '-');
        }
    }
    len = name.len;
    while (len > 0 && name.text[len - 1] == '-') {
        len--;
    }
    return len > 0 ? xstrndup(name.text, len) : xstrdup("unnamed");
}

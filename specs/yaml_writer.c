#include "specs/yaml_writer.h"

#include "base/utf8.h"
#include "specs/yaml_reader.h"
#include "specs/yaml_scalar.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    INDENT = 2,
    FLOW_WIDTH = 72,    /* longest list in flow style */
    MAX_KEY_LEN = 1000, /* readers look no further than 1024 characters for the ":" behind a key */
};

/*
 * The cursor stands where the value begins; its further lines are indented. depth: how many lists
 * and maps are around it.
 */
static int write_value(struct strbuf *out, const json_t *value, unsigned indent, unsigned depth);

static int add_spaces(struct strbuf *out, unsigned count)
{
    static const char spaces[] = "                                ";

    for (; count >= sizeof(spaces); count -= sizeof(spaces) - 1) {
        if (strbuf_add(out, spaces) < 0) {
            return -1;
        }
    }
    return strbuf_append(out, spaces, count);
}

/* Line breaks of YAML 1.1 beside LF and CR. */
static bool is_unicode_break(uint32_t code)
{
    return code == 0x85 || code == 0x2028 || code == 0x2029;
}

static bool is_clean(const char *text, size_t len, bool may_have_lf)
{
    for (size_t i = 0; i < len;) {
        uint32_t code = 0;
        size_t n = utf8_decode(text + i, len - i, &code);

        if (n == 0 || !utf8_is_printable(code) || is_unicode_break(code) || code == '\r' ||
            (code == '\n' && !may_have_lf)) {
            return false;
        }
        i += n;
    }
    return true;
}

static bool starts_like_text(const char *text)
{
    if (strchr("?:,[]{}#&*!|>'\"%@`", text[0]) != NULL) {
        return false;
    }
    if (strncmp(text, "---", 3) == 0 || strncmp(text, "...", 3) == 0) {
        return false;
    }
    return text[0] != '-' || (text[1] != '\0' && text[1] != ' ');
}

/* Whether the text can stand without quotes in a block, and in a list in flow style. */
static bool is_plain(const char *text, size_t len)
{
    return len > 0 && yaml_is_always_text(text) && starts_like_text(text) && text[0] != ' ' &&
           text[len - 1] != ' ' && text[len - 1] != ':' && strstr(text, ": ") == NULL &&
           strstr(text, " #") == NULL && strchr(text, '\t') == NULL && is_clean(text, len, false);
}

static bool is_plain_in_flow(const char *text, size_t len)
{
    return is_plain(text, len) && strpbrk(text, ",[]{}:?") == NULL;
}

static int add_escaped(struct strbuf *out, uint32_t code)
{
    static const char *const short_forms[] = {
        ['\t'] = "\\t", ['\n'] = "\\n", ['\r'] = "\\r", ['"'] = "\\\"", ['\\'] = "\\\\",
    };

    if (code < ARRAY_SIZE(short_forms) && short_forms[code] != NULL) {
        return strbuf_add(out, short_forms[code]);
    }
    if (code == 0) {
        return strbuf_add(out, "\\uFFFD");
    }
    return strbuf_addf(out, code <= 0xff ? "\\x%02X" : "\\u%04X", (unsigned)code);
}

static int write_quoted(struct strbuf *out, const char *text, size_t len)
{
    if (strbuf_add(out, "\"") < 0) {
        return -1;
    }
    for (size_t i = 0; i < len;) {
        uint32_t code = 0;
        size_t n = utf8_decode(text + i, len - i, &code);
        bool is_raw = utf8_is_printable(code) && code >= 0x20 && code != '"' && code != '\\' &&
                      !is_unicode_break(code);

        if (n == 0) { /* jansson keeps no such text */
            return -1;
        }
        if ((is_raw ? strbuf_append(out, text + i, n) : add_escaped(out, code)) < 0) {
            return -1;
        }
        i += n;
    }
    return strbuf_add(out, "\"");
}

/*
 * Several lines, at most one break at the end, no blanks at the start: then "|" or "|-" says it
 * all.
 */
static bool is_literal(const char *text, size_t len)
{
    return memchr(text, '\n', len) != NULL && strchr(" \t\n", text[0]) == NULL &&
           strcmp(text + len - 2, "\n\n") != 0 && is_clean(text, len, true);
}

static int write_literal(struct strbuf *out, const char *text, size_t len, unsigned indent)
{
    if (strbuf_add(out, text[len - 1] == '\n' ? "|" : "|-") < 0) {
        return -1;
    }
    while (*text != '\0') {
        size_t line_len = strcspn(text, "\n");

        if (strbuf_add(out, "\n") < 0 || (line_len > 0 && add_spaces(out, indent) < 0) ||
            strbuf_append(out, text, line_len) < 0) {
            return -1;
        }
        text += line_len + (text[line_len] == '\n');
    }
    return 0;
}

static int write_text(struct strbuf *out, const char *text, size_t len, unsigned indent)
{
    if (is_plain(text, len)) {
        return strbuf_append(out, text, len);
    }
    if (len > 2 && memchr(text, '\0', len) == NULL && is_literal(text, len)) {
        return write_literal(out, text, len, indent);
    }
    return write_quoted(out, text, len);
}

/* The shortest digits that read back as the same number, always with a point or exponent. */
static int write_real(struct strbuf *out, double real)
{
    char text[40];

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, real);
        if (strtod(text, NULL) == real) {
            break;
        }
    }
    return strbuf_addf(out, "%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "");
}

/* Everything but texts and what has items. */
static int write_word(struct strbuf *out, const json_t *value)
{
    switch (json_typeof(value)) { /* no default: a type that is not written does not compile */
    case JSON_TRUE: return strbuf_add(out, "true");
    case JSON_FALSE: return strbuf_add(out, "false");
    case JSON_INTEGER: return strbuf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL: return write_real(out, json_real_value(value));
    case JSON_NULL:
    case JSON_STRING:
    case JSON_ARRAY:
    case JSON_OBJECT: break;
    }
    return strbuf_add(out, "null");
}

static bool is_collection(const json_t *value)
{
    return json_is_array(value) || json_is_object(value);
}

static bool is_empty_collection(const json_t *value)
{
    return is_collection(value) && json_array_size(value) + json_object_size(value) == 0;
}

static bool is_too_deep(const json_t *value, unsigned depth)
{
    return is_collection(value) && depth >= YAML_MAX_DEPTH;
}

static int write_scalar(struct strbuf *out, const json_t *value, unsigned indent)
{
    if (is_empty_collection(value)) {
        return strbuf_add(out, json_is_array(value) ? "[]" : "{}");
    }
    if (json_is_string(value)) {
        return write_text(out, json_string_value(value), json_string_length(value), indent);
    }
    return write_word(out, value);
}

/*
 * Appends "[a, b]" and returns true, or leaves out as it is when the list is too long or no list of
 * short scalars.
 */
static bool write_flow_list(struct strbuf *out, const json_t *list)
{
    auto_done(strbuf) text = {.max_len = FLOW_WIDTH};
    bool fits = strbuf_add(&text, "[") == 0;
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item) {
        const char *string = json_string_value(item);

        fits = fits && !is_collection(item) && (i == 0 || strbuf_add(&text, ", ") == 0);
        if (!fits) {
            return false;
        }
        if (string == NULL) {
            fits = write_word(&text, item) == 0;
        } else if (is_plain_in_flow(string, json_string_length(item))) {
            fits = strbuf_add(&text, string) == 0;
        } else {
            fits = write_quoted(&text, string, json_string_length(item)) == 0;
        }
    }
    return fits && strbuf_add(&text, "]") == 0 && strbuf_add(out, strbuf_text(&text)) == 0;
}

/* A map's first line continues the line of its "- "; a list below a list begins there too. */
static int write_list(struct strbuf *out, const json_t *list, unsigned indent, unsigned depth)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item) {
        if ((i > 0 && (strbuf_add(out, "\n") < 0 || add_spaces(out, indent) < 0)) ||
            strbuf_add(out, "- ") < 0 || write_value(out, item, indent + INDENT, depth) < 0) {
            return -1;
        }
    }
    return 0;
}

/* "key:" or, for a key that readers would not see as one, "? key" and ":" on the next line. */
static int write_key(struct strbuf *out, const char *key, unsigned indent)
{
    size_t len = strlen(key);

    if (len > MAX_KEY_LEN) {
        return strbuf_add(out, "? ") < 0 || write_quoted(out, key, len) < 0 ||
                       strbuf_add(out, "\n") < 0 || add_spaces(out, indent) < 0
                   ? -1
                   : strbuf_add(out, ":");
    }
    if ((is_plain(key, len) ? strbuf_add(out, key) : write_quoted(out, key, len)) < 0) {
        return -1;
    }
    return strbuf_add(out, ":");
}

/* What stands behind "key:". Lists are at the key's own indentation, as kubectl writes them. */
static int write_member(struct strbuf *out, const json_t *value, unsigned indent, unsigned depth)
{
    unsigned inner = json_is_array(value) ? indent : indent + INDENT;
    size_t before = out->len;

    if (is_too_deep(value, depth) || strbuf_add(out, " ") < 0) {
        return -1;
    }
    if (!is_collection(value) || is_empty_collection(value)) {
        return write_scalar(out, value, indent + INDENT);
    }
    if (json_is_array(value) && write_flow_list(out, value)) {
        return 0;
    }
    out->len = before; /* no blank before the line break */
    if (strbuf_add(out, "\n") < 0 || add_spaces(out, inner) < 0) {
        return -1;
    }
    return json_is_array(value) ? write_list(out, value, inner, depth + 1)
                                : write_value(out, value, inner, depth);
}

static int write_map(struct strbuf *out, const json_t *map, unsigned indent, unsigned depth)
{
    json_t *members =
        (json_t *)(uintptr_t)map; /* jansson's iterators want no const, and change nothing */
    bool is_first = true;
    const char *key;
    json_t *value;

    json_object_foreach(members, key, value) {
        if ((!is_first && (strbuf_add(out, "\n") < 0 || add_spaces(out, indent) < 0)) ||
            write_key(out, key, indent) < 0 || write_member(out, value, indent, depth) < 0) {
            return -1;
        }
        is_first = false;
    }
    return 0;
}

static int write_value(struct strbuf *out, const json_t *value, unsigned indent, unsigned depth)
{
    if (is_too_deep(value, depth)) {
        return -1;
    }
    if (!is_collection(value) || is_empty_collection(value)) {
        return write_scalar(out, value, indent);
    }
    if (json_is_array(value)) {
        return write_flow_list(out, value) ? 0 : write_list(out, value, indent, depth + 1);
    }
    return write_map(out, value, indent, depth + 1);
}

int yaml_write(struct strbuf *out, const json_t *value)
{
    if (write_value(out, value, json_is_string(value) ? INDENT : 0, 0) < 0) {
        return -1;
    }
    return strbuf_add(out, "\n");
}

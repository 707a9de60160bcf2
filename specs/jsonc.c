#include "specs/jsonc.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "specs/excerpt.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct jsonc_position position_of(const char *text, size_t offset)
{
    struct jsonc_position where = {.line = 1, .column = 1};

    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            where.line++;
            where.column = 1;
        } else if ((text[i] & 0xc0) != 0x80) { /* only the first byte of a character counts */
            where.column++;
        }
    }
    return where;
}

/* Offset of the first byte that is no text; len: all is well. */
static size_t find_bad_byte(const char *text, size_t len)
{
    size_t at = 0;

    while (at < len) {
        uint32_t code;
        size_t bytes = utf8_decode(text + at, len - at, &code);

        if (bytes == 0 || code == 0) {
            break;
        }
        at += bytes;
    }
    return at;
}

/* Behind the string that begins at `at`, or the end where it is not closed. */
static size_t skip_string(const char *text, size_t len, size_t at)
{
    for (at++; at < len && text[at] != '"'; at++) {
        at += text[at] == '\\' && at + 1 < len ? 1 : 0;
    }
    return at < len ? at + 1 : len;
}

/* Behind the comment that begins at `at`; 0: it is not closed, or none begins there. */
static size_t skip_comment(const char *text, size_t len, size_t at)
{
    if (at + 1 < len && text[at + 1] == '/') {
        while (at < len && text[at] != '\n' && text[at] != '\r') {
            at++;
        }
        return at;
    }
    if (at + 1 < len && text[at + 1] == '*') {
        for (at += 2; at + 1 < len; at++) {
            if (text[at] == '*' && text[at + 1] == '/') {
                return at + 2;
            }
        }
    }
    return 0;
}

static void blank(char *text, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (text[i] != '\n' && text[i] != '\r') {
            text[i] = ' ';
        }
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Offset of what cannot be skipped over, a comment without an end; len: all is well. */
static size_t blank_extras(char *text, size_t len)
{
    char last = '[';    /* the last character that is neither blank nor comment ... */
    char before = '[';  /* ... and the one before it; nothing may come before a value */
    size_t last_at = 0; /* where last is */

    for (size_t at = 0; at < len;) {
        size_t next = text[at] == '"' ? skip_string(text, len, at) : at + 1;

        if (text[at] == '/') {
            next = skip_comment(text, len, at);
            if (next == 0) {
                return at;
            }
            blank(text, at, next);
        } else if (!is_blank(text[at])) {
            /* "[,]" and "[1,,]" stay what they are: wrong */
            if ((text[at] == ']' || text[at] == '}') && last == ',' &&
                strchr("[{,:", before) == NULL) {
                text[last_at] = ' ';
            }
            before = last;
            last = text[at];
            last_at = at;
        }
        at = next;
    }
    return len;
}

static int refuse_syntax(const json_error_t *error, const char *text,
                         struct jsonc_position *ret_where, struct error *err)
{
    size_t offset = error->position > 0 ? (size_t)error->position - 1 : 0;
    char shown[EXCERPT_SIZE];

    *ret_where = position_of(text, offset);
    return error_set(err, ERROR_INVALID, "is not JSON: %s", excerpt(error->text, shown));
}

int jsonc_parse(const char *text, size_t len, struct jsonc *ret_jsonc,
                struct jsonc_position *ret_where, struct error *err)
{
    static const char mark[] = "\xef\xbb\xbf";
    bool has_mark = len >= 3 && memcmp(text, mark, 3) == 0;
    const char *original = has_mark ? text + 3 : text;
    auto_free char *clean = NULL;
    json_error_t error;
    json_t *root;
    size_t bad;

    len -= has_mark ? 3 : 0;
    *ret_where = (struct jsonc_position){0};
    if (len > JSONC_MAX_BYTES) {
        return error_set(err, ERROR_INVALID, "is longer than %d bytes", JSONC_MAX_BYTES);
    }
    bad = find_bad_byte(original, len);
    if (bad < len) {
        *ret_where = position_of(original, bad);
        return error_set(err, ERROR_INVALID, "is not UTF-8 text");
    }
    clean = xmemdup(original, len);
    bad = blank_extras(clean, len);
    if (bad < len) {
        *ret_where = position_of(original, bad);
        return error_set(err, ERROR_INVALID, "is not JSON: \"/\" begins no comment that ends");
    }
    root = json_loadb(clean, len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        return refuse_syntax(&error, original, ret_where, err);
    }
    *ret_jsonc = (struct jsonc){.root = root, .original = original, .text = TAKE(clean)};
    return 0;
}

void jsonc_done(struct jsonc *jsonc)
{
    json_decref(jsonc->root);
    free(jsonc->text);
    *jsonc = (struct jsonc){0};
}

/*
 * The text is JSON from here on, since jansson has read it: every string and bracket has its end.
 */

static const char *skip_blanks(const char *at)
{
    while (is_blank(*at)) {
        at++;
    }
    return at;
}

/* Behind the value that begins at `at`. */
static const char *skip_value(const char *at)
{
    unsigned depth = 0;

    do {
        depth += *at == '[' || *at == '{' ? 1 : 0;
        depth -= *at == ']' || *at == '}' ? 1 : 0;
        at += *at == '"' ? skip_string(at, JSONC_MAX_BYTES, 0) : 1;
    } while (depth > 0 || (!is_blank(*at) && strchr(":,]}", *at) == NULL));
    return at;
}

/* The key that is written at `at`, in quotes. */
static bool is_key(const char *at, const char *key)
{
    size_t len = skip_string(at, JSONC_MAX_BYTES, 0);
    json_auto_t *text = NULL;

    if (memchr(at, '\\', len) == NULL) {
        return strlen(key) == len - 2 && memcmp(at + 1, key, len - 2) == 0;
    }
    text = json_loadb(at, len, JSON_DECODE_ANY, NULL);
    return strcmp(json_string_value(text), key) == 0;
}

static const char *find_item(const char *at, size_t index)
{
    at = skip_blanks(at + 1);
    for (size_t i = 0; i < index; i++) {
        at = skip_blanks(skip_value(at));
        at = skip_blanks(at + 1); /* the comma */
    }
    return at;
}

static const char *find_member(const char *at, const char *key)
{
    at = skip_blanks(at + 1);
    for (;;) {
        bool is_found = *at == '"' && is_key(at, key);

        assert(*at == '"'); /* the place must be there */
        at = skip_blanks(skip_value(at));
        at = skip_blanks(at + 1); /* the colon */
        if (is_found) {
            return at;
        }
        at = skip_blanks(skip_value(at));
        at = skip_blanks(at + 1);
    }
}

static const char *find_value(const char *text, const struct place *place)
{
    const char *at;

    if (place == NULL) {
        return skip_blanks(text);
    }
    at = find_value(text, place->parent);
    return place->key != NULL ? find_member(at, place->key) : find_item(at, place->index);
}

struct jsonc_position jsonc_locate(const struct jsonc *jsonc, const struct place *place)
{
    size_t offset = (size_t)(find_value(jsonc->text, place) - jsonc->text);

    return position_of(jsonc->original, offset);
}

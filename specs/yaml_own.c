#include "specs/yaml_own.h"

#include "base/strbuf.h"
#include "base/utf8.h"
#include "specs/yaml_reader.h"
#include "specs/yaml_scalar.h"

#include <stdbool.h>
#include <string.h>

enum { INDENT = 2, MAX_DEPTH = 16, MAX_KEY_LEN = 1000, MAX_WORD_LEN = 250 };

/* Always within [text, end]; every line that is read ends with LF. */
struct reader {
    const char *at, *end;
    size_t nodes;
    struct strbuf scratch; /* of a text with escapes or several lines */
};

/*
 * The cursor stands where the value begins, its further lines are indented; afterwards at the begin
 * of a line.
 */
static json_t *read_value(struct reader *reader, size_t indent, unsigned depth);

/* --- characters ------------------------------------------------------------------------------- */

static bool is_end_of_line(const struct reader *reader)
{
    return reader->at < reader->end && reader->at[0] == '\n';
}

static const char *line_end(const struct reader *reader)
{
    return memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
}

static bool take(struct reader *reader, const char *token, size_t len)
{
    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, token, len) != 0) {
        return false;
    }
    reader->at += len;
    return true;
}

static size_t count_blanks(const struct reader *reader)
{
    const char *at = reader->at;

    while (at < reader->end && *at == ' ') {
        at++;
    }
    return (size_t)(at - reader->at);
}

/* Nothing that a reader of YAML refuses, and no further end of a line (NEL, LS, PS). */
static bool is_clean(const char *text, size_t len, bool may_have_tab)
{
    for (size_t i = 0; i < len;) {
        unsigned char byte = (unsigned char)text[i];
        uint32_t code = 0;
        size_t n;

        if (byte >= 0x20 && byte < 0x7f) {
            i++;
            continue;
        }
        if (byte < 0x80) {
            if (byte != '\t' || !may_have_tab) {
                return false;
            }
            i++;
            continue;
        }
        n = utf8_decode(text + i, len - i, &code);
        if (n == 0 || !utf8_is_printable(code) || code == 0x85 || code == 0x2028 ||
            code == 0x2029) {
            return false;
        }
        i += n;
    }
    return true;
}

/* --- scalars ---------------------------------------------------------------------------------- */

static bool is_plain(const char *text, size_t len)
{
    if (len == 0 || strchr("?:,[]{}#&*!|>'\"%@` ", text[0]) != NULL || text[len - 1] == ' ' ||
        text[len - 1] == ':' ||
        (len >= 3 && (memcmp(text, "---", 3) == 0 || memcmp(text, "...", 3) == 0)) ||
        (text[0] == '-' && (len == 1 || text[1] == ' '))) {
        return false;
    }
    for (size_t i = 0; i + 1 < len; i++) {
        if ((text[i] == ':' && text[i + 1] == ' ') || (text[i] == ' ' && text[i + 1] == '#')) {
            return false;
        }
    }
    return is_clean(text, len, false);
}

/*
 * Too long for a word, and with something in it that no number has: a line of a log that begins
 * with its time.
 */
static bool is_long_text(const char *text, size_t len)
{
    for (size_t i = 0; len > MAX_WORD_LEN && i < len; i++) {
        if (strchr("0123456789abcdefABCDEFox+-.", text[i]) == NULL) {
            return true;
        }
    }
    return false;
}

/*
 * All texts have been checked, so jansson need not do it again. Numbers and words are left to the
 * one place that knows what they mean.
 */
static json_t *plain_to_json(const char *text, size_t len)
{
    char word[MAX_WORD_LEN + 1];
    struct yaml_node node = {.type = YAML_NODE_SCALAR, .is_plain = true, .text = word};

    if (!is_plain(text, len)) {
        return NULL;
    }
    if (strchr("0123456789+-.nNtTfF~", text[0]) == NULL || is_long_text(text, len)) {
        return json_stringn_nocheck(text, len);
    }
    if (len > MAX_WORD_LEN) {
        return NULL;
    }
    memcpy(word, text, len);
    word[len] = '\0';
    return yaml_node_to_json(&node);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* \x7F and \u2028 of the writer. */
static bool add_code(struct reader *reader, int digits)
{
    uint32_t code = 0;
    char bytes[3];
    size_t len = 0;

    for (int i = 0; i < digits; i++) {
        int digit = reader->at < reader->end ? hex_digit(reader->at[0]) : -1;

        if (digit < 0) {
            return false;
        }
        code = code * 16 + (uint32_t)digit;
        reader->at++;
    }
    if (code == 0 || (code >= 0xd800 && code <= 0xdfff)) {
        return false;
    }
    if (code < 0x80) {
        bytes[len++] = (char)code;
    } else if (code < 0x800) {
        bytes[len++] = (char)(0xc0 | code >> 6);
        bytes[len++] = (char)(0x80 | (code & 0x3f));
    } else {
        bytes[len++] = (char)(0xe0 | code >> 12);
        bytes[len++] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[len++] = (char)(0x80 | (code & 0x3f));
    }
    return strbuf_append(&reader->scratch, bytes, len) == 0;
}

static bool add_escape(struct reader *reader)
{
    static const char letters[] = "tnr\"\\", meanings[] = "\t\n\r\"\\";
    const char *found;
    char letter;

    if (reader->at == reader->end) {
        return false;
    }
    letter = *reader->at++;
    if (letter == 'x' || letter == 'u') {
        return add_code(reader, letter == 'x' ? 2 : 4);
    }
    found = letter != '\0' ? strchr(letters, letter) : NULL;
    return found != NULL && strbuf_append(&reader->scratch, &meanings[found - letters], 1) == 0;
}

/* Behind the opening quote; the text is in scratch, and the cursor behind the closing one. */
static bool read_quoted(struct reader *reader)
{
    strbuf_reset(&reader->scratch);
    for (;;) {
        const char *start = reader->at;

        while (reader->at < reader->end && reader->at[0] != '"' && reader->at[0] != '\\' &&
               reader->at[0] != '\n') {
            reader->at++;
        }
        if (!is_clean(start, (size_t)(reader->at - start), false) ||
            strbuf_append(&reader->scratch, start, (size_t)(reader->at - start)) < 0) {
            return false;
        }
        if (take(reader, "\"", 1)) {
            return true;
        }
        if (!take(reader, "\\", 1) || !add_escape(reader)) {
            return false;
        }
    }
}

static json_t *scratch_to_json(const struct reader *reader)
{
    return json_stringn_nocheck(strbuf_text(&reader->scratch), reader->scratch.len);
}

/* Behind "|" and the end of that line. */
static json_t *read_literal(struct reader *reader, size_t indent, bool has_break)
{
    bool is_first = true, is_empty = false;

    strbuf_reset(&reader->scratch);
    for (;;) {
        const char *end = line_end(reader);
        size_t len = end != NULL ? (size_t)(end - reader->at) : 0;

        if (end == NULL || (len > 0 && count_blanks(reader) < indent)) {
            break;
        }
        is_empty = len == 0;
        if ((len > 0 && len <= indent) ||
            (is_first && (is_empty || strchr(" \t", reader->at[indent]) != NULL)) ||
            (!is_first && strbuf_append(&reader->scratch, "\n", 1) < 0)) {
            return NULL;
        }
        is_first = false;
        if (!is_empty && (!is_clean(reader->at + indent, len - indent, true) ||
                          strbuf_append(&reader->scratch, reader->at + indent, len - indent) < 0)) {
            return NULL;
        }
        reader->at = end + 1;
    }
    if (is_first || is_empty || (has_break && strbuf_append(&reader->scratch, "\n", 1) < 0)) {
        return NULL;
    }
    return scratch_to_json(reader);
}

/* The rest of the line: text without quotes. */
static json_t *read_plain_line(struct reader *reader)
{
    const char *end = line_end(reader);
    json_t *value = end != NULL ? plain_to_json(reader->at, (size_t)(end - reader->at)) : NULL;

    if (value != NULL) {
        reader->at = end;
    }
    return value;
}

static json_t *read_flow_item(struct reader *reader)
{
    const char *start = reader->at;

    if (take(reader, "\"", 1)) {
        return read_quoted(reader) ? scratch_to_json(reader) : NULL;
    }
    while (reader->at < reader->end && strchr(",[]{}:?\n", reader->at[0]) == NULL) {
        reader->at++;
    }
    return plain_to_json(start, (size_t)(reader->at - start));
}

/* Behind "[" */
static json_t *read_flow_list(struct reader *reader)
{
    json_auto_t *list = json_array();

    if (take(reader, "]", 1)) {
        return json_incref(list);
    }
    do {
        json_t *item = read_flow_item(reader);

        if (item == NULL || json_array_append_new(list, item) < 0) {
            return NULL;
        }
        reader->nodes++;
    } while (take(reader, ", ", 2));
    return take(reader, "]", 1) ? json_incref(list) : NULL;
}

static json_t *read_scalar(struct reader *reader, size_t indent)
{
    json_t *value = NULL;

    if (take(reader, "|\n", 2)) {
        return read_literal(reader, indent, true);
    }
    if (take(reader, "|-\n", 3)) {
        return read_literal(reader, indent, false);
    }
    if (take(reader, "{}", 2)) {
        value = json_object();
    } else if (take(reader, "[", 1)) {
        value = read_flow_list(reader);
    } else if (take(reader, "\"", 1)) {
        value = read_quoted(reader) ? scratch_to_json(reader) : NULL;
    } else {
        value = read_plain_line(reader);
    }
    if (value == NULL || !take(reader, "\n", 1)) {
        json_decref(value);
        return NULL;
    }
    return value;
}

/* --- maps and lists --------------------------------------------------------------------------- */

/*
 * "key:", and what follows it is a blank or the line's end. False: there is no key, and the cursor
 * is where it was.
 */
static bool read_key(struct reader *reader, char key[MAX_KEY_LEN + 1])
{
    const char *start = reader->at, *end = line_end(reader), *text = start;
    size_t len;

    if (end == NULL) {
        return false;
    }
    if (take(reader, "\"", 1)) {
        if (!read_quoted(reader)) {
            reader->at = start;
            return false;
        }
        text = strbuf_text(&reader->scratch);
        len = reader->scratch.len;
    } else {
        while (reader->at < end &&
               !(reader->at[0] == ':' && (reader->at[1] == ' ' || reader->at[1] == '\n'))) {
            reader->at++;
        }
        len = (size_t)(reader->at - start);
        if (!is_plain(start, len) || (len == 2 && memcmp(start, "<<", 2) == 0)) {
            reader->at = start;
            return false;
        }
    }
    if (len > MAX_KEY_LEN || (size_t)(reader->at - start) > MAX_KEY_LEN ||
        memchr(text, '\0', len) != NULL || !take(reader, ":", 1) ||
        (reader->at[0] != ' ' && reader->at[0] != '\n')) {
        reader->at = start;
        return false;
    }
    memcpy(key, text, len);
    key[len] = '\0';
    return true;
}

/* Behind "key:". */
static json_t *read_member(struct reader *reader, size_t indent, unsigned depth)
{
    size_t blanks;

    if (take(reader, " ", 1)) {
        return read_scalar(reader, indent + INDENT);
    }
    if (!take(reader, "\n", 1)) {
        return NULL;
    }
    blanks = count_blanks(reader);
    if (blanks == indent && (size_t)(reader->end - reader->at) > blanks + 2 &&
        memcmp(reader->at + blanks, "- ", 2) == 0) {
        reader->at += blanks;
        return read_value(reader, indent, depth + 1);
    }
    if (blanks != indent + INDENT || (size_t)(reader->end - reader->at) < blanks + 2 ||
        memcmp(reader->at + blanks, "- ", 2) == 0) {
        return NULL;
    }
    reader->at += blanks;
    return read_value(reader, indent + INDENT, depth + 1);
}

/*
 * At the begin of a line: moves behind its blanks when exactly so many stand there before something
 * else.
 */
static bool continues(struct reader *reader, size_t indent)
{
    if (reader->at == reader->end || count_blanks(reader) != indent) {
        return false;
    }
    if (indent == 0 && (size_t)(reader->end - reader->at) >= 3 &&
        memcmp(reader->at, "---", 3) == 0) {
        return false;
    }
    reader->at += indent;
    return true;
}

/* Behind the first key, which is given. */
static json_t *read_map(struct reader *reader, char key[MAX_KEY_LEN + 1], size_t indent,
                        unsigned depth)
{
    json_auto_t *map = json_object();

    for (;;) {
        size_t before = json_object_size(map);
        json_t *value = read_member(reader, indent, depth);

        if (value == NULL || json_object_set_new_nocheck(map, key, value) < 0 ||
            json_object_size(map) == before || ++reader->nodes > YAML_MAX_NODES) {
            return NULL;
        }
        if (!continues(reader, indent)) {
            return json_incref(map);
        }
        if (!read_key(reader, key)) {
            return NULL;
        }
    }
}

static json_t *read_list(struct reader *reader, size_t indent, unsigned depth)
{
    json_auto_t *list = json_array();

    for (;;) {
        json_t *item = read_value(reader, indent + INDENT, depth + 1);
        const char *line = reader->at;

        if (item == NULL || json_array_append_new(list, item) < 0 ||
            ++reader->nodes > YAML_MAX_NODES) {
            return NULL;
        }
        if (!continues(reader, indent)) {
            return json_incref(list);
        }
        if (!take(reader, "- ", 2)) {
            reader->at = line; /* the next key of the map around it */
            return json_incref(list);
        }
    }
}

static json_t *read_value(struct reader *reader, size_t indent, unsigned depth)
{
    char key[MAX_KEY_LEN + 1];

    if (depth > MAX_DEPTH || reader->at == reader->end || is_end_of_line(reader)) {
        return NULL;
    }
    if (take(reader, "- ", 2)) {
        return read_list(reader, indent, depth);
    }
    return read_key(reader, key) ? read_map(reader, key, indent, depth)
                                 : read_scalar(reader, indent);
}

static json_t *read_documents(struct reader *reader)
{
    json_auto_t *documents = json_array();

    while (reader->at < reader->end) {
        json_t *document = read_value(reader, 0, 0);

        if (!json_is_object(document) || json_object_size(document) == 0) {
            json_decref(document);
            return NULL;
        }
        json_array_append_new(documents, document);
        if (reader->at < reader->end && (!take(reader, "---\n", 4) || reader->at == reader->end ||
                                         json_array_size(documents) >= YAML_MAX_DOCUMENTS)) {
            return NULL;
        }
    }
    return json_incref(documents);
}

json_t *yaml_own_read(const char *text, size_t len)
{
    struct reader reader = {.at = text, .end = text + len};
    json_t *documents = read_documents(&reader);

    strbuf_done(&reader.scratch);
    return documents;
}

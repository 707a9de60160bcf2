#include "cli/jsonpath.h"

#include "base/memory.h"
#include "base/parse.h"
#include "cli/jsonpath_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 16, MAX_SHOWN = 20 };

struct parser {
    const char *text, *at;
    unsigned depth; /* of ranges, or of filters in filters */
    struct jsonpath *result;
    struct error *err;
};

static int parse_path(struct parser *parser, struct path *path);

/* --- errors and small parts ------------------------------------------------------------------- */

static int wrong(struct parser *parser, const char *message)
{
    size_t at = (size_t)(parser->at - parser->text) + 1;
    char rest[MAX_SHOWN + 1];

    if (parser->at[0] == '\0') {
        return error_set(parser->err, ERROR_INVALID, "at its end: %s", message);
    }
    memset(rest, 0, sizeof(rest));
    memcpy(rest, parser->at, strnlen(parser->at, MAX_SHOWN));
    text_make_clean_line(rest, MAX_SHOWN);
    return error_set(parser->err, ERROR_INVALID, "at %zu, before \"%s\": %s", at, rest, message);
}

static void skip_blanks(struct parser *parser)
{
    parser->at += strspn(parser->at, " \t\r\n");
}

static bool take(struct parser *parser, const char *token)
{
    if (!text_has_prefix(parser->at, token)) {
        return false;
    }
    parser->at += strlen(token);
    return true;
}

static int expect(struct parser *parser, const char *token, const char *message)
{
    skip_blanks(parser);
    return take(parser, token) ? 0 : wrong(parser, message);
}

/* Length of a field's name without quotes; a backslash takes the next character for what it is. */
static size_t name_length(const char *text)
{
    size_t len = 0;

    while (text[len] != '\0' && strchr(" \t\r\n.[]{}()=!<>,|&\"'*$@?:", text[len]) == NULL) {
        len += text[len] == '\\' && text[len + 1] != '\0' ? 2 : 1;
    }
    return len;
}

static char *without_backslashes(const char *text, size_t len)
{
    auto_done(strbuf) out = {0};

    for (size_t i = 0; i < len; i++) {
        i += text[i] == '\\' && i + 1 < len ? 1 : 0;
        strbuf_append(&out, &text[i], 1);
    }
    return strbuf_take(&out);
}

/* The text between two equal quotes as it is written, backslashes and all. */
static int parse_quoted(struct parser *parser, const char **ret_text, size_t *ret_len)
{
    const char *start = parser->at + 1, *at = start;

    while (*at != '\0' && *at != start[-1]) {
        at += *at == '\\' && at[1] != '\0' ? 2 : 1;
    }
    if (*at == '\0') {
        return wrong(parser, "this quote has no end");
    }
    *ret_text = start;
    *ret_len = (size_t)(at - start);
    parser->at = at + 1;
    return 0;
}

static char *unescape(const char *text, size_t len)
{
    auto_done(strbuf) out = {0};

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (c == '\\' && i + 1 < len) {
            c = text[++i];
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        }
        strbuf_append(&out, &c, 1);
    }
    return strbuf_take(&out);
}

static int parse_integer(struct parser *parser, json_int_t *ret_number)
{
    char *end;
    long long number;

    if (strspn(parser->at, "-0123456789") == 0) {
        return wrong(parser, "a number, \"*\", a quoted name or \"?(...)\" belongs here");
    }
    errno = 0;
    number = strtoll(parser->at, &end, 10);
    if (errno != 0 || end == parser->at || number > INT32_MAX || number < -INT32_MAX) {
        return wrong(parser, "this is no index");
    }
    parser->at = end;
    *ret_number = number;
    return 0;
}

/* --- what is in brackets ---------------------------------------------------------------------- */

/* 'a.b': the field "a.b", else .a.b; 'a\.b' is only the first. */
static int parse_quoted_name(struct parser *parser, struct step *step)
{
    const char *text;
    size_t len, start = 0;

    if (parse_quoted(parser, &text, &len) < 0) {
        return -1;
    }
    step->kind = STEP_QUOTED;
    step->name = without_backslashes(text, len);
    for (size_t i = 0; i <= len; i++) {
        if (i < len && text[i] == '\\') {
            i++;
        } else if (i == len || text[i] == '.') {
            step_add_part(step, STEP_FIELD)->name = without_backslashes(text + start, i - start);
            start = i + 1;
        }
    }
    return 0;
}

/* "0", "-1", "1:3", ":2", "::2" */
static int parse_slice(struct parser *parser, struct step *step)
{
    bool has_start = parser->at[0] != ':';

    *step = (struct step){.kind = STEP_SLICE, .stride = 1};
    if (has_start && parse_integer(parser, &step->start) < 0) {
        return -1;
    }
    if (!take(parser, ":")) {
        step->end = step->start + 1;
        step->has_end = step->end != 0; /* [-1] goes to the last */
        return 0;
    }
    if (strchr(":],", parser->at[0]) == NULL) {
        step->has_end = true;
        if (parse_integer(parser, &step->end) < 0) {
            return -1;
        }
    }
    if (take(parser, ":") && parse_integer(parser, &step->stride) < 0) {
        return -1;
    }
    return step->stride > 0 ? 0 : wrong(parser, "a slice's step is 1 or more");
}

static int parse_literal(struct parser *parser, json_t **ret_literal)
{
    static const char *const words[] = {"true", "false", "null"};
    const char *text;
    char *end;
    size_t len;

    if (parser->at[0] == '"' || parser->at[0] == '\'') {
        if (parse_quoted(parser, &text, &len) < 0) {
            return -1;
        }
        auto_free char *value = unescape(text, len);

        *ret_literal = json_stringn_nocheck(value, strlen(value));
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (take(parser, words[i])) {
            *ret_literal = i == 0 ? json_true() : i == 1 ? json_false() : json_null();
            return 0;
        }
    }
    len = strspn(parser->at, "+-.0123456789eE");
    if (len > 0) {
        auto_free char *number = xstrndup(parser->at, len);
        double value = strtod(number, &end);

        if (*end == '\0' && value >= -1e300 && value <= 1e300) {
            *ret_literal = strpbrk(number, ".eE") != NULL ? json_real(value)
                                                          : json_integer(strtoll(number, NULL, 10));
            parser->at += len;
            return 0;
        }
    }
    return wrong(parser, "\"@.field\", a quoted text, a number, true, false or null belongs here");
}

static int parse_operand(struct parser *parser, struct operand *operand)
{
    skip_blanks(parser);
    if (parser->at[0] == '@' || parser->at[0] == '$') {
        return parse_path(parser, &operand->path);
    }
    return parse_literal(parser, &operand->literal);
}

/* Behind "?": "(@.type=="Ready")" */
static int parse_filter(struct parser *parser, struct step *step)
{
    static const struct {
        const char *token;
        enum compare compare;
    } rows[] = {{"==", COMPARE_EQ}, {"!=", COMPARE_NE}, {"<=", COMPARE_LE}, {">=", COMPARE_GE},
                {"<", COMPARE_LT},  {">", COMPARE_GT},  {"=", COMPARE_EQ}};

    step->kind = STEP_FILTER;
    step->filter = xcalloc(1, sizeof(*step->filter));
    if (expect(parser, "(", "a filter is written ?(...)") < 0) {
        return -1;
    }
    if (++parser->depth > MAX_DEPTH) {
        return wrong(parser, "too many filters in filters");
    }
    if (parse_operand(parser, &step->filter->left) < 0) {
        return -1;
    }
    skip_blanks(parser);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (take(parser, rows[i].token)) {
            step->filter->compare = rows[i].compare;
            if (parse_operand(parser, &step->filter->right) < 0) {
                return -1;
            }
            break;
        }
    }
    parser->depth--;
    return expect(parser, ")", "==, !=, <, >, <= or >= belongs here, or the filter's \")\"");
}

static int parse_selector(struct parser *parser, struct step *step)
{
    skip_blanks(parser);
    if (parser->at[0] == '\'' || parser->at[0] == '"') {
        return parse_quoted_name(parser, step);
    }
    if (take(parser, "*")) {
        step->kind = STEP_ALL;
        return 0;
    }
    return take(parser, "?") ? parse_filter(parser, step) : parse_slice(parser, step);
}

/* Behind "[". */
static int parse_brackets(struct parser *parser, struct path *path)
{
    struct step *step = path_add_step(path, STEP_UNION);

    do {
        if (parse_selector(parser, step_add_part(step, STEP_UNION)) < 0) {
            return -1;
        }
        skip_blanks(parser);
    } while (take(parser, ","));
    return expect(parser, "]", "\"]\" is missing");
}

/* --- paths ------------------------------------------------------------------------------------ */

static int parse_name(struct parser *parser, struct path *path)
{
    size_t len = name_length(parser->at);

    if (take(parser, "*")) {
        path_add_step(path, STEP_ALL);
        return 0;
    }
    if (len == 0) {
        return wrong(parser, "a field's name belongs here; one with such characters is written "
                             "['...']");
    }
    path_add_step(path, STEP_FIELD)->name = without_backslashes(parser->at, len);
    parser->at += len;
    return 0;
}

/* At "." or "[": all steps until something else. */
static int parse_steps(struct parser *parser, struct path *path)
{
    for (;;) {
        if (take(parser, "..")) {
            path_add_step(path, STEP_DESCEND);
            if (parser->at[0] != '[' && parse_name(parser, path) < 0) {
                return -1;
            }
        } else if (take(parser, ".")) {
            /* "{.}" is the value itself, and ".[0]" is as good as "[0]" */
            bool is_alone = path->count == 0 && strchr("} \t\r\n", parser->at[0]) != NULL;

            if (!is_alone && parser->at[0] != '[' && parse_name(parser, path) < 0) {
                return -1;
            }
        } else if (take(parser, "[")) {
            if (parse_brackets(parser, path) < 0) {
                return -1;
            }
        } else {
            return 0;
        }
    }
}

static int parse_path(struct parser *parser, struct path *path)
{
    if (take(parser, "$")) {
        path_add_step(path, STEP_ROOT);
    } else if (!take(parser, "@") && parser->at[0] != '.' && parser->at[0] != '[') {
        return wrong(parser, "a path begins with \".\", as in {.metadata.name}");
    }
    return parse_steps(parser, path);
}

/* --- templates -------------------------------------------------------------------------------- */

static bool take_word(struct parser *parser, const char *word)
{
    size_t len = strlen(word);

    return text_has_prefix(parser->at, word) && strchr(" \t\r\n}", parser->at[len]) != NULL &&
           parser->at[len] != '\0' && take(parser, word);
}

/* The begin of the innermost range that has no end yet; NULL: there is none. */
static struct node *open_range(struct jsonpath *result)
{
    for (size_t i = result->count; i > 0; i--) {
        if (result->nodes[i - 1].kind == NODE_RANGE && result->nodes[i - 1].end == 0) {
            return &result->nodes[i - 1];
        }
    }
    return NULL;
}

static int parse_range(struct parser *parser)
{
    skip_blanks(parser);
    if (++parser->depth > MAX_DEPTH) {
        return wrong(parser, "too many ranges in ranges");
    }
    return parse_path(parser, &jsonpath_add_node(parser->result, NODE_RANGE)->path);
}

static int parse_end(struct parser *parser)
{
    struct node *range = open_range(parser->result);

    if (range == NULL) {
        return wrong(parser, "{end} without a {range ...} before it");
    }
    range->end = parser->result->count;
    jsonpath_add_node(parser->result, NODE_END);
    parser->depth--;
    return 0;
}

/* Behind "{". */
static int parse_braces(struct parser *parser)
{
    const char *text;
    size_t len;
    int result;

    skip_blanks(parser);
    if (parser->at[0] == '"' || parser->at[0] == '\'') {
        result = parse_quoted(parser, &text, &len);
        if (result == 0) {
            jsonpath_add_node(parser->result, NODE_TEXT)->text = unescape(text, len);
        }
    } else if (take_word(parser, "range")) {
        result = parse_range(parser);
    } else if (take_word(parser, "end")) {
        result = parse_end(parser);
    } else {
        result = parse_path(parser, &jsonpath_add_node(parser->result, NODE_PATH)->path);
    }
    return result < 0 ? -1 : expect(parser, "}", "\"}\" is missing");
}

static int parse_template(struct parser *parser)
{
    while (parser->at[0] != '\0') {
        size_t len = strcspn(parser->at, "{");

        if (len > 0) {
            jsonpath_add_node(parser->result, NODE_TEXT)->text = xstrndup(parser->at, len);
            parser->at += len;
        }
        if (take(parser, "{") && parse_braces(parser) < 0) {
            return -1;
        }
    }
    return open_range(parser->result) == NULL ? 0 : wrong(parser, "a {range ...} has no {end}");
}

static int parse_field(struct parser *parser)
{
    struct path *path = &jsonpath_add_node(parser->result, NODE_PATH)->path;
    bool has_brace;

    skip_blanks(parser);
    has_brace = take(parser, "{");
    skip_blanks(parser);
    if (strchr(".[$@", parser->at[0]) == NULL && parse_name(parser, path) < 0) {
        return -1;
    }
    if ((path->count > 0 ? parse_steps(parser, path) : parse_path(parser, path)) < 0 ||
        (has_brace && expect(parser, "}", "\"}\" is missing") < 0)) {
        return -1;
    }
    skip_blanks(parser);
    return parser->at[0] == '\0' ? 0 : wrong(parser, "the path ends before this");
}

static int compile(const char *text, int (*parse)(struct parser *), struct jsonpath **ret_path,
                   struct error *err)
{
    auto_owned(jsonpath) *result = xcalloc(1, sizeof(*result));
    struct parser parser = {.text = text, .at = text, .result = result, .err = err};

    if (strlen(text) > JSONPATH_MAX_BYTES) {
        return error_set(err, ERROR_INVALID, "it is longer than %d bytes", JSONPATH_MAX_BYTES);
    }
    if (parse(&parser) < 0) {
        return -1;
    }
    *ret_path = TAKE(result);
    return 0;
}

int jsonpath_compile(const char *text, struct jsonpath **ret_path, struct error *err)
{
    return compile(text, parse_template, ret_path, err);
}

int jsonpath_compile_field(const char *text, struct jsonpath **ret_path, struct error *err)
{
    return compile(text, parse_field, ret_path, err);
}

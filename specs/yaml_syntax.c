#include "specs/yaml_syntax.h"

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char tab_message[] = "tabs are not allowed for indentation; use spaces";
static const char tag_message[] =
    "tags (!name) are not supported; put text that starts with ! in quotes";
static const char directive_message[] =
    "a line that starts with % can only be %YAML 1.2; text must be in quotes";

/*
 * libyaml's words and ours. Some of its problems are noticed far behind the place where they begin.
 */
static const struct explanation {
    const char *problem;
    bool is_at_context;
    const char *message;
} explanations[] = {
    {"mapping values are not allowed in this context", false,
     "a \":\" cannot stand here; check the indentation and the line above, or put text that "
     "contains \": \" in quotes"},
    {"block sequence entries are not allowed in this context", false,
     "a list item (\"- \") cannot stand here; put it on a line of its own"},
    {"mapping keys are not allowed in this context", false,
     "a key cannot stand here; check the indentation"},
    {"did not find expected key", false,
     "this does not fit the lines above; check the indentation and the quotes"},
    {"did not find expected '-' indicator", false,
     "this does not fit the list above; check the indentation, or a \"- \" is missing"},
    {"did not find expected <document start>", false,
     "this does not fit the lines above; check the indentation"},
    {"could not find expected ':'", true, "a \":\" is missing after this key"},
    {"found unexpected end of stream", true, "this quote is never closed"},
    {"found unexpected document indicator", true, "this quote is never closed"},
    {"did not find expected ',' or ']'", true,
     "this \"[\" is never closed, or a \",\" is missing after it"},
    {"did not find expected ',' or '}'", true,
     "this \"{\" is never closed, or a \",\" is missing after it"},
    {"found unknown escape character", false,
     "unknown escape in a text in double quotes; write \\\\ for a backslash, or use single quotes"},
    {"did not find expected hexdecimal number", false,
     "\\x, \\u and \\U in double quotes need 2, 4 and 8 hex digits; write \\\\ for a backslash"},
    {"found invalid Unicode character escape code", false, "no character has this number"},
    {"did not find expected alphabetic or numeric character", true,
     "text that starts with & or * must be in quotes"},
    {"found undefined tag handle", true, tag_message},
    {"did not find expected whitespace or line break", true, tag_message},
    {"did not find expected tag URI", true, tag_message},
    {"did not find expected '!'", true, tag_message},
    {"did not find expected node content", false, "a value is missing here"},
    {"found unknown directive name", true, directive_message},
    {"could not find expected directive name", true, directive_message},
    {"did not find expected version number", true, directive_message},
    {"found incompatible YAML document", false, "only YAML 1.1 and 1.2 can be read"},
    {"found duplicate %YAML directive", false, "a second %YAML line"},
    {"found unexpected non-alphabetical character", true, directive_message},
    {"did not find expected comment or line break", true,
     "only a comment can follow here; text that starts with | or > must be in quotes"},
};

/* The byte that `index` characters stand before, or NUL at the end. */
static char byte_at(const char *text, size_t len, size_t index)
{
    for (size_t i = 0; i < len; i++) {
        bool is_first_byte = ((unsigned char)text[i] & 0xc0) != 0x80;

        if (is_first_byte && index-- == 0) {
            return text[i];
        }
    }
    return '\0';
}

/* The number of the first line that a failed git merge left, or 0. */
static unsigned find_merge_conflict(const char *text, size_t len)
{
    static const char mark[] = "<<<<<<< ";
    const char *end = text + len;
    unsigned line = 1;

    for (const char *start = text; start != NULL; line++) {
        if ((size_t)(end - start) >= strlen(mark) && memcmp(start, mark, strlen(mark)) == 0) {
            return line;
        }
        start = memchr(start, '\n', (size_t)(end - start));
        start = start != NULL ? start + 1 : NULL;
    }
    return 0;
}

static void explain_forbidden_start(struct yaml_syntax_error *error, char byte)
{
    if (byte == '\t') {
        snprintf(error->message, sizeof(error->message), "%s", tab_message);
    } else if (byte > ' ' && byte < 0x7f) {
        snprintf(error->message, sizeof(error->message),
                 "text that starts with %c must be in quotes", byte);
    } else {
        snprintf(error->message, sizeof(error->message), "a value cannot start like this");
    }
}

static void explain(struct yaml_syntax_error *error, const char *text, size_t len, size_t index)
{
    const char *problem = error->problem != NULL ? error->problem : "this cannot be read as YAML";

    if (strcmp(problem, "found character that cannot start any token") == 0) {
        explain_forbidden_start(error, byte_at(text, len, index));
        return;
    }
    if (strstr(problem, "tab character") != NULL) {
        snprintf(error->message, sizeof(error->message), "%s", tab_message);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(explanations); i++) {
        if (strcmp(problem, explanations[i].problem) == 0) {
            snprintf(error->message, sizeof(error->message), "%s", explanations[i].message);
            if (explanations[i].is_at_context) {
                error->line = error->context_line;
                error->column = error->context_column;
            }
            return;
        }
    }
    snprintf(error->message, sizeof(error->message), "YAML syntax: %s", problem);
}

void yaml_syntax_explain(struct yaml_syntax_error *error, const char *text, size_t len,
                         size_t index)
{
    unsigned conflict_line = find_merge_conflict(text, len);

    if (conflict_line > 0) {
        error->line = conflict_line;
        error->column = 1;
        snprintf(error->message, sizeof(error->message),
                 "this is what a git merge conflict leaves; resolve it");
        return;
    }
    explain(error, text, len, index);
}

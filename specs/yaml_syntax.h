/*
 * Syntax errors in words that say what to do, instead of a parser's.
 */
#ifndef BERTH_SPECS_YAML_SYNTAX_H
#define BERTH_SPECS_YAML_SYNTAX_H

#include <stddef.h>

enum { YAML_SYNTAX_MESSAGE_SIZE = 256 };

struct yaml_syntax_error {
    const char *problem;                   /* libyaml's words, or NULL */
    unsigned line, column;                 /* 1-based */
    unsigned context_line, context_column; /* where the thing began that is wrong */
    char message[YAML_SYNTAX_MESSAGE_SIZE];
};

/*
 * Fills error->message and, where the beginning tells more than the place at which the parser gave
 * up, moves line and column there. index counts the characters of text before the place.
 */
void yaml_syntax_explain(struct yaml_syntax_error *error, const char *text, size_t len,
                         size_t index);

#endif

/*
 * The bytes of a YAML text before a parser sees them: encoding and forbidden characters.
 */
#ifndef BERTH_SPECS_YAML_TEXT_H
#define BERTH_SPECS_YAML_TEXT_H

#include <stddef.h>

struct yaml_text_fault {
    size_t offset;         /* of the byte that is wrong */
    unsigned line, column; /* 1-based; 0: the text as a whole */
    const char *message;   /* static */
};

/*
 * 0 when the text is UTF-8 of the characters that YAML allows and has no %TAG line (a thousand of
 * them would keep libyaml busy for a long time). Else -1 and the first fault.
 */
int yaml_text_check(const char *text, size_t len, struct yaml_text_fault *ret_fault);

/*
 * The length of the text before the last "---" line at or before offset: all that stands there are
 * documents whose end the fault cannot have changed. 0: there is no such line.
 */
size_t yaml_text_documents_before(const char *text, size_t offset);

/*
 * The bytes of the line break that stands there, by all that YAML takes for one; 0: there is none.
 */
size_t yaml_text_break(const char *at, const char *end);

/* Where the line behind this one begins, or end. */
const char *yaml_text_next_line(const char *at, const char *end);

#endif

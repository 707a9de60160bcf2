/*
 * The pages of docs/reference as Markdown. `make docs` writes them, `make check-docs` holds that
 * they are up to date.
 */
#ifndef BERTH_SPECS_REFERENCE_PAGES_H
#define BERTH_SPECS_REFERENCE_PAGES_H

#include "base/strbuf.h"

#include <stddef.h>

struct reference_page {
    const char *name;    /* "instance.md" */
    const char *summary; /* one line, for the list of pages */
    void (*add)(struct strbuf *out);
};

/* All but README.md, in the order in which it lists them. */
const struct reference_page *reference_page_list(size_t *ret_count);

/* README.md: the list of pages, and of others that are made beside them. */
void reference_add_index(struct strbuf *out, const struct reference_page *others, size_t count);

/* What each page begins with. */
void reference_add_made_by(struct strbuf *out);

/* The text with what Markdown would take for marks escaped, also those of tables. */
void markdown_add_text(struct strbuf *out, const char *text);

/* The text as code: "`a|b`" in a table too. */
void markdown_add_code(struct strbuf *out, const char *text);

#endif

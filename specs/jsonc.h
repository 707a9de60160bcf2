/*
 * JSON with comments and trailing commas, as editors write it, from strangers.
 *
 * Comments and the commas before a closing bracket become blanks, so that every byte keeps its
 * place, and jansson reads the rest. A key that occurs twice is refused.
 */
#ifndef BERTH_SPECS_JSONC_H
#define BERTH_SPECS_JSONC_H

#include "base/cleanup.h"
#include "base/error.h"
#include "specs/spec_errors.h"

#include <jansson.h>

enum { JSONC_MAX_BYTES = 64 << 10 };

/* 1-based, columns in characters; 0: the text as a whole. */
struct jsonc_position {
    unsigned line, column;
};

struct jsonc {
    json_t *root;         /* an object or array */
    const char *original; /* borrowed: the text, without its byte order mark */
    char *text;           /* the same with blanks */
};

/*
 * The text is borrowed and must live as long as ret_jsonc. ERROR_INVALID: too long, no UTF-8, no
 * JSON; ret_where says where. The message has no position in it.
 */
int jsonc_parse(const char *text, size_t len, struct jsonc *ret_jsonc,
                struct jsonc_position *ret_where, struct error *err);
void jsonc_done(struct jsonc *jsonc);

/* Where the value at place, which must be there, begins; NULL: the outermost one. */
struct jsonc_position jsonc_locate(const struct jsonc *jsonc, const struct place *place);

#endif

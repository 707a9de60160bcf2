/*
 * A growing string with a ceiling from birth.
 *
 * The text is always NUL-terminated, also when empty; it may hold NUL bytes of its own when bytes
 * come from outside, so use len. Appending past max_len changes nothing and returns -1.
 */
#ifndef BERTH_BASE_STRBUF_H
#define BERTH_BASE_STRBUF_H

#include "base/cleanup.h"

#include <stddef.h>

struct strbuf {
    char *text; /* NULL until something was appended: use strbuf_text() */
    size_t len;
    size_t capacity;
    size_t max_len; /* 0: STRBUF_DEFAULT_MAX */
};

enum { STRBUF_DEFAULT_MAX = 64 << 20 };

void strbuf_init(struct strbuf *buf, size_t max_len);
void strbuf_done(struct strbuf *buf);
void strbuf_reset(struct strbuf *buf); /* empties it, keeps the memory */

int strbuf_append(struct strbuf *buf, const void *bytes, size_t len);
int strbuf_add(struct strbuf *buf, const char *text);
int strbuf_addf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Removes the first len bytes. */
void strbuf_consume(struct strbuf *buf, size_t len);

const char *strbuf_text(const struct strbuf *buf); /* borrowed, never NULL */
char *strbuf_take(struct strbuf *buf);             /* the caller's; buf is empty again */

#endif

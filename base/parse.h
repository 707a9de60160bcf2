/*
 * Strict reading of small texts: all of the text must be the value, nothing is guessed.
 */
#ifndef BERTH_BASE_PARSE_H
#define BERTH_BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decimal digits only, no sign, no leading zero (save "0" itself); -1 when it is not one or too
 * large.
 */
int parse_u64(const char *text, uint64_t *ret_value);

/* The same with an optional leading '-'. */
int parse_i64(const char *text, int64_t *ret_value);

/* 1..65535 */
int parse_port(const char *text, uint16_t *ret_port);
/* "8080" or "8000-8999", as parse_port() takes them; the first is not above the last. */
int parse_port_range(const char *text, uint16_t *ret_first, uint16_t *ret_last);

bool text_has_prefix(const char *text, const char *prefix);
bool text_has_suffix(const char *text, const char *suffix);
bool text_equal(const char *a, const char *b); /* NULL equals only NULL */

/* True when the text is valid UTF-8 without NUL or control characters save tab, CR and LF. */
bool text_is_clean_utf8(const char *text, size_t len);

/*
 * Makes text fit for a line on a screen, in place: what is not safe to show (utf8.h) becomes '?',
 * tab, CR and LF become blanks, and it is cut to max_len bytes, between two characters.
 */
void text_make_clean_line(char *text, size_t max_len);

#endif

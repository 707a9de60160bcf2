/*
 * UTF-8, one character at a time.
 */
#ifndef BERTH_BASE_UTF8_H
#define BERTH_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the first character of len bytes. Returns its length, or 0 when the bytes are no
 * character (cut off, over-long, a surrogate, past U+10FFFF) or len is 0.
 */
size_t utf8_decode(const char *text, size_t len, uint32_t *ret_code);

/*
 * True for what YAML calls printable: no control characters but tab, LF, CR and NEL, no byte order
 * mark.
 */
bool utf8_is_printable(uint32_t code);

/*
 * True for what can be put on a line of a screen: no control characters, C1 ones included, no ends
 * of lines, and none of the marks that reorder or hide text.
 */
bool utf8_is_safe_to_show(uint32_t code);

#endif

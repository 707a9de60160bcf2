/*
 * UTF-8, one character at a time.
 */
#ifndef BERTH_SPECS_UTF8_H
#define BERTH_SPECS_UTF8_H

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

#endif

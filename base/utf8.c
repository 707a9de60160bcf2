#include "base/utf8.h"

static size_t sequence_len(unsigned char lead)
{
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        return 2;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        return 3;
    }
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

size_t utf8_decode(const char *text, size_t len, uint32_t *ret_code)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = (const unsigned char *)text;
    size_t n = len > 0 ? sequence_len(bytes[0]) : 0;
    uint32_t code;

    if (n == 1) { /* most of what is read */
        *ret_code = bytes[0];
        return 1;
    }
    if (n == 0 || n > len) {
        return 0;
    }
    code = bytes[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (bytes[i] & 0x3f);
    }
    if (code < smallest[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return 0;
    }
    *ret_code = code;
    return n;
}

bool utf8_is_printable(uint32_t code)
{
    return (code >= 0x20 && code <= 0x7e) || code == '\t' || code == '\n' || code == '\r' ||
           code == 0x85 || (code >= 0xa0 && code <= 0xd7ff) ||
           (code >= 0xe000 && code <= 0xfffd && code != 0xfeff) ||
           (code >= 0x10000 && code <= 0x10ffff);
}

bool utf8_is_safe_to_show(uint32_t code)
{
    return utf8_is_printable(code) && code >= 0x20 && code != 0x85 && code != 0x2028 &&
           code != 0x2029 && !(code >= 0x200b && code <= 0x200f) &&
           !(code >= 0x202a && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069);
}

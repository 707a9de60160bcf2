#include "specs/excerpt.h"

#include "specs/utf8.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MAX_CHARACTERS = 60 };

/*
 * C1 controls, and the marks that reorder or hide text on a screen, are as harmful as the ASCII
 * ones.
 */
static bool is_safe_to_show(uint32_t code)
{
    return utf8_is_printable(code) && code >= 0x20 && code != 0x85 && code != 0x2028 &&
           code != 0x2029 && !(code >= 0x200b && code <= 0x200f) &&
           !(code >= 0x202a && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069);
}

const char *excerpt(const char *text, char out[EXCERPT_SIZE])
{
    size_t left = strlen(text), used = 0;

    for (unsigned shown = 0; left > 0; shown++) {
        uint32_t code = 0;
        size_t len = utf8_decode(text, left, &code);

        if (shown == MAX_CHARACTERS) {
            snprintf(out + used, EXCERPT_SIZE - used, "...");
            return out;
        }
        if (len > 0 && is_safe_to_show(code)) {
            memcpy(out + used, text, len);
            used += len;
        } else if (*text == '\n' || *text == '\t') {
            used +=
                (size_t)snprintf(out + used, EXCERPT_SIZE - used, *text == '\n' ? "\\n" : "\\t");
        } else {
            used +=
                (size_t)snprintf(out + used, EXCERPT_SIZE - used, "\\x%02x", (unsigned char)*text);
            len = 1;
        }
        if (len == 0) {
            len = 1;
        }
        text += len;
        left -= len;
    }
    out[used] = '\0';
    return out;
}

#include "specs/excerpt.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

enum { MAX_CHARACTERS = 60 };

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
        if (len > 0 && utf8_is_safe_to_show(code)) {
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

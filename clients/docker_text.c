#include "clients/docker_text.h"

#include "base/strbuf.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define CUT_MARK "..."

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* The length of the character at bytes, 0 when it is none that can be shown. */
static size_t character_len(const char *bytes, size_t len)
{
    uint32_t code;
    size_t n = utf8_decode(bytes, len, &code);

    return n > 0 && utf8_is_safe_to_show(code) ? n : 0;
}

/* What stands for the character at bytes, and how many bytes of the input it takes. */
static size_t translate(const char *bytes, size_t len, const char **ret_text, size_t *ret_text_len)
{
    size_t n = character_len(bytes, len);

    if (is_blank(*bytes)) {
        *ret_text = " ";
        *ret_text_len = 1;
        return 1;
    }
    if (n == 0) {
        *ret_text = REPLACEMENT;
        *ret_text_len = strlen(REPLACEMENT);
        return 1;
    }
    *ret_text = bytes;
    *ret_text_len = n;
    return n;
}

char *docker_text_clean(const char *bytes, size_t len, size_t max_len)
{
    auto_done(strbuf) text = {.max_len = max_len};
    size_t fits_with_mark = 0; /* the longest prefix that leaves room for the mark */

    assert(max_len > strlen(CUT_MARK));
    while (len > 0 && is_blank(bytes[len - 1])) {
        len--;
    }
    while (len > 0) {
        const char *piece;
        size_t piece_len;
        size_t taken = translate(bytes, len, &piece, &piece_len);

        if (strbuf_append(&text, piece, piece_len) < 0) {
            text.len = fits_with_mark;
            strbuf_add(&text, CUT_MARK);
            break;
        }
        if (text.len + strlen(CUT_MARK) <= max_len) {
            fits_with_mark = text.len;
        }
        bytes += taken;
        len -= taken;
    }
    return strbuf_take(&text);
}

#include "base/parse.h"

#include "base/utf8.h"

#include <string.h>

int parse_u64(const char *text, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0')) {
        return -1;
    }
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '0' || *p > '9') {
            return -1;
        }
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value)) {
            return -1;
        }
    }
    *ret_value = value;
    return 0;
}

int parse_i64(const char *text, int64_t *ret_value)
{
    bool is_negative = text[0] == '-';
    uint64_t magnitude;

    if (parse_u64(text + is_negative, &magnitude) < 0 || magnitude > (uint64_t)INT64_MAX) {
        return -1;
    }
    *ret_value = is_negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return 0;
}

int parse_port(const char *text, uint16_t *ret_port)
{
    uint64_t value;

    if (parse_u64(text, &value) < 0 || value == 0 || value > UINT16_MAX) {
        return -1;
    }
    *ret_port = (uint16_t)value;
    return 0;
}

int parse_port_range(const char *text, uint16_t *ret_first, uint16_t *ret_last)
{
    const char *dash = strchr(text, '-');
    size_t len = dash != NULL ? (size_t)(dash - text) : strlen(text);
    char begin[sizeof("65535")];
    uint16_t first, last;

    if (len >= sizeof(begin)) {
        return -1;
    }
    memcpy(begin, text, len);
    begin[len] = '\0';
    if (parse_port(begin, &first) < 0 || parse_port(dash != NULL ? dash + 1 : text, &last) < 0 ||
        first > last) {
        return -1;
    }
    *ret_first = first;
    *ret_last = last;
    return 0;
}

bool text_has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_has_suffix(const char *text, const char *suffix)
{
    size_t len = strlen(text), suffix_len = strlen(suffix);

    return len >= suffix_len && memcmp(text + len - suffix_len, suffix, suffix_len) == 0;
}

bool text_equal(const char *a, const char *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return strcmp(a, b) == 0;
}

bool text_is_clean_utf8(const char *text, size_t len)
{
    size_t n;

    for (size_t i = 0; i < len; i += n) {
        uint32_t code;

        n = utf8_decode(text + i, len - i, &code);
        if (n == 0 || code == 0x7f ||
            (code < 0x20 && code != '\t' && code != '\n' && code != '\r')) {
            return false;
        }
    }
    return true;
}

void text_make_clean_line(char *text, size_t max_len)
{
    size_t left = strlen(text);
    char *from = text, *to = text;

    while (left > 0) {
        uint32_t code = 0;
        size_t len = utf8_decode(from, left, &code);
        bool is_clean =
            len > 0 && (code == '\t' || code == '\n' || code == '\r' || utf8_is_safe_to_show(code));

        if (!is_clean) {
            len = 1;
        }
        if ((size_t)(to - text) + len > max_len) {
            break;
        }
        memmove(to, is_clean ? from : "?", len);
        if (*to == '\n' || *to == '\r' || *to == '\t') {
            *to = ' ';
        }
        to += len;
        from += len;
        left -= len;
    }
    *to = '\0';
}

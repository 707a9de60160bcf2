#include "base/parse.h"

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

/* The length of the sequence that a lead byte starts, 0 for a byte that cannot lead. */
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

static bool second_byte_fits(unsigned char lead, unsigned char second)
{
    switch (lead) { /* over-long forms, surrogates and values past U+10FFFF */
    case 0xe0: return second >= 0xa0;
    case 0xed: return second <= 0x9f;
    case 0xf0: return second >= 0x90;
    case 0xf4: return second <= 0x8f;
    default: return true;
    }
}

bool text_is_clean_utf8(const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)text;

    for (size_t i = 0; i < len;) {
        size_t n = sequence_len(bytes[i]);

        if (n == 0 || n > len - i || bytes[i] == 0x7f ||
            (bytes[i] < 0x20 && bytes[i] != '\t' && bytes[i] != '\n' && bytes[i] != '\r')) {
            return false;
        }
        for (size_t j = 1; j < n; j++) {
            if ((bytes[i + j] & 0xc0) != 0x80) {
                return false;
            }
        }
        if (n > 1 && !second_byte_fits(bytes[i], bytes[i + 1])) {
            return false;
        }
        i += n;
    }
    return true;
}

void text_make_clean_line(char *text, size_t max_len)
{
    size_t left = strlen(text);
    char *from = text, *to = text;

    while (left > 0) {
        size_t len = sequence_len((unsigned char)*from);
        bool is_clean = len > 0 && len <= left && text_is_clean_utf8(from, len);

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

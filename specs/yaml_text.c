#include "specs/yaml_text.h"

#include "base/cleanup.h"
#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

static bool starts_with(const char *text, size_t len, const char *prefix)
{
    size_t prefix_len = strlen(prefix);

    return len >= prefix_len && memcmp(text, prefix, prefix_len) == 0;
}

static const char *describe(const char *text, size_t left, size_t character_len)
{
    if (*text == '\0') {
        return "NUL bytes are not allowed; the file may be binary or UTF-16: save it as UTF-8 text";
    }
    if (character_len == 0) {
        return "these bytes are not UTF-8; save the file as UTF-8 text";
    }
    if (starts_with(text, left, "\xef\xbb\xbf")) {
        return "a byte order mark is allowed at the start of a file only";
    }
    return "control characters are not allowed; write them in double quotes as \\n, \\t or \\x1b";
}

int yaml_text_check(const char *text, size_t len, struct yaml_text_fault *ret_fault)
{
    struct yaml_text_fault fault = {.line = 1, .column = 1};
    size_t i = 0;

    if (starts_with(text, len, "\xff\xfe") || starts_with(text, len, "\xfe\xff")) {
        *ret_fault = (struct yaml_text_fault){.message = "the file is UTF-16; save it as UTF-8"};
        return -1;
    }
    while (i < len) {
        uint32_t code = 0;
        size_t n = utf8_decode(text + i, len - i, &code);

        if (n == 0 || !utf8_is_printable(code)) {
            fault.message = describe(text + i, len - i, n);
        } else if (fault.column == 1 && starts_with(text + i, len - i, "%TAG")) {
            fault.message = "%TAG lines are not supported";
        }
        if (fault.message != NULL) {
            fault.offset = i;
            *ret_fault = fault;
            return -1;
        }
        i += n;
        fault.column++;
        if (code == '\n' || (code == '\r' && (i == len || text[i] != '\n'))) {
            fault.line++;
            fault.column = 1;
        }
    }
    return 0;
}

size_t yaml_text_documents_before(const char *text, size_t offset)
{
    size_t last = 0;

    for (size_t i = 0; i + 3 <= offset; i++) {
        if ((i == 0 || text[i - 1] == '\n' || text[i - 1] == '\r') &&
            starts_with(text + i, offset - i, "---")) {
            last = i;
        }
    }
    return last;
}

size_t yaml_text_break(const char *at, const char *end)
{
    size_t left = (size_t)(end - at);

    switch (left > 0 ? *at : '\0') {
    case '\n': return 1;
    case '\r': return left >= 2 && at[1] == '\n' ? 2 : 1;
    case '\xc2': return left >= 2 && at[1] == '\x85' ? 2 : 0;
    case '\xe2':
        return left >= 3 && at[1] == '\x80' && (at[2] == '\xa8' || at[2] == '\xa9') ? 3 : 0;
    default: return 0;
    }
}

const char *yaml_text_next_line(const char *at, const char *end)
{
    for (; at < end; at++) {
        size_t len = yaml_text_break(at, end);

        if (len > 0) {
            return at + len;
        }
    }
    return end;
}

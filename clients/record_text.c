#include "clients/record_text.h"

#include "base/parse.h"

#include <string.h>

static struct record_field *find_field(struct record_field *fields, size_t count, const char *key,
                                       size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(fields[i].key) == len && memcmp(fields[i].key, key, len) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

static int parse_line(const char *line, size_t len, unsigned number, struct record_field *fields,
                      size_t count, struct error *err)
{
    const char *equals = memchr(line, '=', len);

    if (equals == NULL) {
        return error_set(err, ERROR_INVALID, "line %u has no \"=\"", number);
    }
    struct record_field *field = find_field(fields, count, line, (size_t)(equals - line));

    if (field == NULL) {
        return 0; /* of a later writer */
    }
    if (field->is_seen) {
        return error_set(err, ERROR_INVALID, "\"%s\" is there twice", field->key);
    }
    field->is_seen = true;
    field->value = equals + 1;
    field->len = len - (size_t)(field->value - line);
    return 0;
}

int record_text_parse(const char *text, size_t len, size_t max_len, struct record_field *fields,
                      size_t count, struct error *err)
{
    unsigned number = 1;

    for (size_t i = 0; i < count; i++) {
        fields[i].value = "";
    }
    if (len > max_len) {
        return error_set(err, ERROR_INVALID, "it is larger than %zu bytes", max_len);
    }
    for (size_t at = 0; at < len; number++) {
        const char *end = memchr(text + at, '\n', len - at);

        if (end == NULL) {
            return error_set(err, ERROR_INVALID, "line %u is cut off", number);
        }
        if (parse_line(text + at, (size_t)(end - text) - at, number, fields, count, err) < 0) {
            return -1;
        }
        at = (size_t)(end - text) + 1;
    }
    for (size_t i = 0; i < count; i++) {
        if (!fields[i].is_seen && !fields[i].is_optional) {
            return error_set(err, ERROR_INVALID, "\"%s\" is missing", fields[i].key);
        }
    }
    return 0;
}

int record_field_number(const struct record_field *field, int64_t min, int64_t max,
                        int64_t *ret_value, struct error *err)
{
    char digits[24];
    uint64_t value;

    if (field->len < sizeof(digits)) {
        memcpy(digits, field->value, field->len);
        digits[field->len] = '\0';
        if (strlen(digits) == field->len && parse_u64(digits, &value) == 0 &&
            value >= (uint64_t)min && value <= (uint64_t)max) {
            *ret_value = (int64_t)value;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID, "\"%s\" is not a number in %lld..%lld", field->key,
                     (long long)min, (long long)max);
}

bool record_field_is(const struct record_field *field, const char *word)
{
    return strlen(word) == field->len && memcmp(word, field->value, field->len) == 0;
}

void record_field_message(const struct record_field *field, char *message, size_t size)
{
    size_t len = field->len < size - 1 ? field->len : size - 1;

    if (len < field->len) {
        while (len > 0 && ((unsigned char)field->value[len] & 0xc0) == 0x80) {
            len--; /* not in the middle of a character */
        }
    }
    bool is_utf8 = text_is_clean_utf8(field->value, len);

    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)field->value[i];
        bool is_kept = byte >= ' ' && byte != 0x7f && (byte < 0x80 || is_utf8);

        message[i] = is_kept ? (char)byte : '?';
    }
    message[len] = '\0';
}

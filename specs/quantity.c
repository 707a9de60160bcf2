#include "specs/quantity.h"

#include "base/cleanup.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DIGITS = 18 };

static const int64_t max_amount = INT64_C(1) << 53;

/*
 * A decimal number: digits is its value without the point, which stands `decimals` digits from the
 * right.
 */
struct decimal {
    int64_t digits;
    int64_t scale; /* 10 to the power of the number of decimals */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads digits into number; at most MAX_DIGITS in all. Returns how many, or -1. */
static int read_digits(const char **text, struct decimal *number, int already)
{
    int count = 0;

    for (; is_digit(**text); (*text)++, count++) {
        if (already + count == MAX_DIGITS) {
            return -1;
        }
        number->digits = number->digits * 10 + (**text - '0');
    }
    return count;
}

/*
 * "12" or "12.5" at the start of *text, which moves behind it. No leading zero, sign or exponent.
 */
static int read_decimal(const char **text, struct decimal *ret_number)
{
    struct decimal number = {.digits = 0, .scale = 1};
    const char *start = *text;
    int whole = read_digits(text, &number, 0), decimals;

    if (whole <= 0 || (whole > 1 && start[0] == '0')) {
        return -1;
    }
    if (**text == '.') {
        (*text)++;
        decimals = read_digits(text, &number, whole);
        if (decimals <= 0) {
            return -1;
        }
        for (int i = 0; i < decimals; i++) {
            number.scale *= 10;
        }
    }
    *ret_number = number;
    return 0;
}

/* Largest first; where two fit, the earlier one is the nicer text. */
static const struct {
    const char *suffix;
    int64_t bytes;
} byte_units[] = {
    {"Ti", INT64_C(1) << 40}, {"Gi", INT64_C(1) << 30},      {"Mi", INT64_C(1) << 20},
    {"Ki", INT64_C(1) << 10}, {"T", INT64_C(1000000000000)}, {"G", INT64_C(1000000000)},
    {"M", INT64_C(1000000)},  {"k", INT64_C(1000)},          {"", INT64_C(1)},
};

int quantity_parse_bytes(const char *text, int64_t *ret_bytes)
{
    struct decimal number;

    if (read_decimal(&text, &number) < 0) {
        return -1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(byte_units); i++) {
        if (strcmp(text, byte_units[i].suffix) == 0) {
            __int128 product = (__int128)number.digits * byte_units[i].bytes;
            __int128 bytes = (product + number.scale - 1) / number.scale;

            if (bytes > max_amount) {
                return -1;
            }
            *ret_bytes = (int64_t)bytes;
            return 0;
        }
    }
    return -1;
}

int quantity_parse_cpu(const char *text, int64_t *ret_milli)
{
    struct decimal number;
    __int128 milli;

    if (read_decimal(&text, &number) < 0) {
        return -1;
    }
    if (strcmp(text, "m") == 0) {
        if (number.scale != 1) {
            return -1;
        }
        milli = number.digits;
    } else if (*text == '\0') {
        milli = (__int128)number.digits * 1000 / number.scale;
    } else {
        return -1;
    }
    if (milli < 1 || milli > max_amount) {
        return -1;
    }
    *ret_milli = (int64_t)milli;
    return 0;
}

/* Largest first: units stand in this order. */
static const struct {
    const char *suffix;
    int64_t ms;
} duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};

/* The index of the unit at the start of *text, at or behind `from`; -1: none. */
static int read_duration_unit(const char **text, size_t from)
{
    size_t len = strspn(*text, "dhms");

    for (size_t i = from; i < ARRAY_SIZE(duration_units); i++) {
        const char *suffix = duration_units[i].suffix;

        if (strlen(suffix) == len && memcmp(*text, suffix, len) == 0) {
            *text += len;
            return (int)i;
        }
    }
    return -1;
}

int quantity_parse_duration(const char *text, int64_t *ret_ms)
{
    __int128 total = 0;
    size_t next_unit = 0;

    if (strcmp(text, "0") == 0) {
        *ret_ms = 0;
        return 0;
    }
    do {
        struct decimal number;
        int unit;

        if (read_decimal(&text, &number) < 0 || number.scale != 1) {
            return -1;
        }
        unit = read_duration_unit(&text, next_unit);
        if (unit < 0) {
            return -1;
        }
        total += (__int128)number.digits * duration_units[unit].ms;
        next_unit = (size_t)unit + 1;
    } while (*text != '\0');
    if (total > max_amount) {
        return -1;
    }
    *ret_ms = (int64_t)total;
    return 0;
}

const char *quantity_format_bytes(int64_t bytes, char text[QUANTITY_TEXT_SIZE])
{
    size_t i = 0;

    assert(bytes >= 0);
    while (bytes == 0 ? byte_units[i].bytes != 1 : bytes % byte_units[i].bytes != 0) {
        i++;
    }
    snprintf(text, QUANTITY_TEXT_SIZE, "%lld%s", (long long)(bytes / byte_units[i].bytes),
             byte_units[i].suffix);
    return text;
}

static void strip_zeros(char text[QUANTITY_TEXT_SIZE])
{
    size_t len = strlen(text);

    for (; text[len - 1] == '0'; len--) {
        text[len - 1] = '\0';
    }
    if (text[len - 1] == '.') {
        text[len - 1] = '\0';
    }
}

const char *quantity_format_fraction(int64_t milli, char text[QUANTITY_TEXT_SIZE])
{
    assert(milli >= 0);
    snprintf(text, QUANTITY_TEXT_SIZE, "%lld.%03lld", (long long)(milli / 1000),
             (long long)(milli % 1000));
    strip_zeros(text);
    return text;
}

const char *quantity_format_cpu(int64_t milli, char text[QUANTITY_TEXT_SIZE])
{
    assert(milli >= 0);
    if (milli > 0 && milli < 1000) {
        snprintf(text, QUANTITY_TEXT_SIZE, "%lldm", (long long)milli);
        return text;
    }
    return quantity_format_fraction(milli, text);
}

const char *quantity_format_duration(int64_t ms, char text[QUANTITY_TEXT_SIZE])
{
    size_t len = 0;

    assert(ms >= 0);
    snprintf(text, QUANTITY_TEXT_SIZE, "0s");
    for (size_t i = 0; i < ARRAY_SIZE(duration_units); i++) {
        int64_t amount = ms / duration_units[i].ms;

        ms %= duration_units[i].ms;
        if (amount > 0) {
            len += (size_t)snprintf(text + len, QUANTITY_TEXT_SIZE - len, "%lld%s",
                                    (long long)amount, duration_units[i].suffix);
        }
    }
    return text;
}

#include "specs/decode_number.h"

#include "base/parse.h"
#include "specs/excerpt.h"
#include "specs/quantity.h"
#include "specs/yaml_scalar.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text without '_', for "write 1000"; NULL when that is no number either. */
static const char *without_underscores(const char *text, char out[32])
{
    size_t used = 0;
    int64_t number;

    for (; *text != '\0' && used < 31; text++) {
        if (*text != '_') {
            out[used++] = *text;
        }
    }
    out[used] = '\0';
    return *text == '\0' && parse_i64(out, &number) == 0 ? out : NULL;
}

static bool is_all(const char *text, const char *set)
{
    return *text != '\0' && text[strspn(text, set)] == '\0';
}

static int refuse_leading_zero(const char *text, struct error *err)
{
    const char *decimal = text + strspn(text, "0");

    if (is_all(text, "01234567")) {
        return error_set(err, ERROR_INVALID,
                         "%s is octal in YAML 1.1, a decimal number in YAML 1.2; write %lld or %s",
                         text, strtoll(text, NULL, 8), *decimal != '\0' ? decimal : "0");
    }
    return error_set(err, ERROR_INVALID, "%s has a leading zero; write %s", text, decimal);
}

/* Forms that some YAML reader takes for an integer. 0: it is none of them. */
static int refuse_yaml_integer(const char *text, struct error *err)
{
    char plain[32];

    if (strlen(text) > 20) {
        return 0;
    }
    if (text_has_prefix(text, "0x") && is_all(text + 2, "0123456789abcdefABCDEF")) {
        return error_set(err, ERROR_INVALID, "%s is hexadecimal; write %llu", text,
                         strtoull(text + 2, NULL, 16));
    }
    if (text_has_prefix(text, "0o") && is_all(text + 2, "01234567")) {
        return error_set(err, ERROR_INVALID, "%s is octal; write %llu", text,
                         strtoull(text + 2, NULL, 8));
    }
    if (text_has_prefix(text, "0b") && is_all(text + 2, "01")) {
        return error_set(err, ERROR_INVALID, "%s is binary; write %llu", text,
                         strtoull(text + 2, NULL, 2));
    }
    if (text[0] == '0' && is_all(text, "0123456789") && text[1] != '\0') {
        return refuse_leading_zero(text, err);
    }
    if (isdigit((unsigned char)text[0]) && strchr(text, '_') != NULL &&
        without_underscores(text, plain) != NULL) {
        return error_set(err, ERROR_INVALID, "%s: leave the \"_\" out; write %s", text, plain);
    }
    if (isdigit((unsigned char)text[0]) && strchr(text, ':') != NULL &&
        !yaml_is_always_text(text)) {
        return error_set(err, ERROR_INVALID,
                         "%s is a number to the base 60 in YAML 1.1; write a whole number", text);
    }
    return 0;
}

static int refuse_integer(const struct field *field, const char *text, struct error *err)
{
    enum yaml_meaning meaning = yaml_meaning_1_2(text);
    char shown[EXCERPT_SIZE];
    int64_t ms;

    if (refuse_yaml_integer(text, err) < 0) {
        return -1;
    }
    if (text_has_suffix(field->name, "Seconds") && quantity_parse_duration(text, &ms) == 0 &&
        ms % 1000 == 0) {
        return error_set(err, ERROR_INVALID,
                         "%s: this is a number of seconds without a unit; write %lld", text,
                         (long long)(ms / 1000));
    }
    if (meaning == YAML_INTEGER) {
        return error_set(err, ERROR_INVALID, "%s is outside %lld..%lld", excerpt(text, shown),
                         (long long)field->min, (long long)field->max);
    }
    return error_set(err, ERROR_INVALID, "\"%s\" is not a whole number", excerpt(text, shown));
}

static int decode_integer(const struct field *field, const char *text, int64_t *ret_number,
                          struct error *err)
{
    int64_t number;

    if (parse_i64(text, &number) < 0) {
        return refuse_integer(field, text, err);
    }
    if ((field->min != 0 || field->max != 0) && (number < field->min || number > field->max)) {
        return error_set(err, ERROR_INVALID, "%lld is outside %lld..%lld", (long long)number,
                         (long long)field->min, (long long)field->max);
    }
    *ret_number = number;
    return 0;
}

/* "512mb", "512MiB", "2g" -> "512M", "512Mi", "2G"; NULL when that does not make it an amount. */
static const char *suggest_bytes(const char *text, char out[32])
{
    size_t digits = strspn(text, "0123456789."), len = strlen(text);
    int64_t bytes;

    if (digits == 0 || digits >= len || len >= 31) {
        return NULL;
    }
    snprintf(out, 32, "%s", text);
    out[digits] = (char)toupper((unsigned char)out[digits]);
    if (len > digits + 1 && (out[len - 1] == 'B' || out[len - 1] == 'b')) {
        out[--len] = '\0';
    }
    if (len > digits + 1 && out[digits + 1] == 'I') {
        out[digits + 1] = 'i';
    }
    if (out[digits] == 'K' && out[digits + 1] == '\0') {
        out[digits] = 'k';
    }
    return quantity_parse_bytes(out, &bytes) == 0 ? out : NULL;
}

static int check_amount_bounds(const struct field *field, int64_t amount, const char *text,
                               struct error *err)
{
    const char *(*format)(int64_t, char[QUANTITY_TEXT_SIZE]) =
        field->type == FIELD_BYTES ? quantity_format_bytes : quantity_format_cpu;
    char low[QUANTITY_TEXT_SIZE], high[QUANTITY_TEXT_SIZE], shown[EXCERPT_SIZE];

    if ((field->min != 0 || field->max != 0) && (amount < field->min || amount > field->max)) {
        return error_set(err, ERROR_INVALID, "%s is outside %s..%s", excerpt(text, shown),
                         format(field->min, low), format(field->max, high));
    }
    return 0;
}

static int decode_bytes(const struct field *field, const char *text, int64_t *ret_number,
                        struct error *err)
{
    char shown[EXCERPT_SIZE], suggestion[32];
    int64_t bytes;

    if (quantity_parse_bytes(text, &bytes) < 0) {
        if (refuse_yaml_integer(text, err) < 0) {
            return -1;
        }
        excerpt(text, shown);
        if (suggest_bytes(text, suggestion) != NULL) {
            return error_set(err, ERROR_INVALID, "\"%s\" is not a size; did you mean \"%s\"?",
                             shown, suggestion);
        }
        return error_set(err, ERROR_INVALID, "\"%s\" is not a size, such as 512Mi, 2Gi or 100M",
                         shown);
    }
    if (check_amount_bounds(field, bytes, text, err) < 0) {
        return -1;
    }
    *ret_number = bytes;
    return 0;
}

static int decode_cpu(const struct field *field, const char *text, int64_t *ret_number,
                      struct error *err)
{
    char shown[EXCERPT_SIZE];
    int64_t milli;

    if (quantity_parse_cpu(text, &milli) < 0) {
        if (refuse_yaml_integer(text, err) < 0) {
            return -1;
        }
        return error_set(err, ERROR_INVALID,
                         "\"%s\" is not an amount of processors, such as 2, 1.5 or 250m",
                         excerpt(text, shown));
    }
    if (check_amount_bounds(field, milli, text, err) < 0) {
        return -1;
    }
    *ret_number = milli;
    return 0;
}

static int decode_fraction(const struct field *field, const char *text, int64_t *ret_number,
                           struct error *err)
{
    char shown[EXCERPT_SIZE], low[QUANTITY_TEXT_SIZE], high[QUANTITY_TEXT_SIZE];
    int64_t milli;

    if (quantity_parse_cpu(text, &milli) < 0 || strchr(text, 'm') != NULL || milli < field->min ||
        milli > field->max) {
        return error_set(err, ERROR_INVALID, "\"%s\" is not a fraction from %s to %s, such as 0.8",
                         excerpt(text, shown), quantity_format_fraction(field->min, low),
                         quantity_format_fraction(field->max, high));
    }
    *ret_number = milli;
    return 0;
}

int decode_number(const struct field *field, const char *text, int64_t *ret_number,
                  struct error *err)
{
    if (field->type == FIELD_BYTES) {
        return decode_bytes(field, text, ret_number, err);
    }
    if (field->type == FIELD_FRACTION) {
        return decode_fraction(field, text, ret_number, err);
    }
    if (field->type == FIELD_CPU) {
        return decode_cpu(field, text, ret_number, err);
    }
    return decode_integer(field, text, ret_number, err);
}

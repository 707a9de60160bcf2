#include "specs/yaml_scalar.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define DIGITS "0123456789"

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (text[0] == words[i][0] && strcmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool yaml_is_null_word(const char *text)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};

    return is_one_of(text, words, ARRAY_SIZE(words));
}

static bool is_boolean_1_2(const char *text)
{
    static const char *const words[] = {"true", "True", "TRUE", "false", "False", "FALSE"};

    return is_one_of(text, words, ARRAY_SIZE(words));
}

bool yaml_is_boolean_word(const char *text)
{
    static const char *const words[] = {"yes", "Yes", "YES", "no",  "No",  "NO",
                                        "on",  "On",  "ON",  "off", "Off", "OFF"};

    return is_boolean_1_2(text) || is_one_of(text, words, ARRAY_SIZE(words));
}

/* Moves *text behind the characters of `set`; returns how many there were. */
static size_t skip(const char **text, const char *set)
{
    size_t len = strspn(*text, set);

    *text += len;
    return len;
}

static void skip_sign(const char **text)
{
    *text += **text == '-' || **text == '+';
}

/* prefix, then at least one of the characters of `set`, then the end */
static bool is_prefixed(const char *text, const char *prefix, const char *set)
{
    size_t len = strlen(prefix);

    if (strncmp(text, prefix, len) != 0) {
        return false;
    }
    text += len;
    return skip(&text, set) > 0 && *text == '\0';
}

/*
 * digits [. digits] [e [sign] digits]; the digits of one side of the point may be missing. `digits`
 * may have '_' among them.
 */
static bool is_decimal(const char *text, const char *digits, bool *ret_is_integer)
{
    size_t whole, decimals = 0;
    const char *start = text;
    bool is_integer = true;

    whole = skip(&text, digits);
    if (*text == '.') {
        text++;
        decimals = skip(&text, digits);
        is_integer = false;
    }
    if (whole + decimals == 0 || strcspn(start, DIGITS) >= (size_t)(text - start)) {
        return false;
    }
    if (*text == 'e' || *text == 'E') {
        text++;
        skip_sign(&text);
        is_integer = false;
        if (skip(&text, DIGITS) == 0) {
            return false;
        }
    }
    *ret_is_integer = is_integer;
    return *text == '\0';
}

enum yaml_meaning yaml_meaning_1_2(const char *text)
{
    const char *unsigned_text = text;
    bool is_integer;

    if (yaml_is_null_word(text)) {
        return YAML_NULL;
    }
    if (is_boolean_1_2(text)) {
        return YAML_BOOLEAN;
    }
    if (is_prefixed(text, "0o", "01234567") || is_prefixed(text, "0x", DIGITS "abcdefABCDEF")) {
        return YAML_INTEGER;
    }
    skip_sign(&unsigned_text);
    if (is_decimal(unsigned_text, DIGITS, &is_integer)) {
        return is_integer ? YAML_INTEGER : YAML_FLOAT;
    }
    return YAML_TEXT;
}

/* 190:20:30 or 190:20:30.15 */
static bool is_base_60(const char *text)
{
    if (!isdigit((unsigned char)*text) || skip(&text, DIGITS "_") == 0 || *text != ':') {
        return false;
    }
    while (*text == ':') {
        size_t len;

        text++;
        len = skip(&text, DIGITS);
        if (len < 1 || len > 2) {
            return false;
        }
    }
    if (*text == '.') {
        text++;
        skip(&text, DIGITS "_");
    }
    return *text == '\0';
}

/* 2026-01-02, alone or with a time behind it */
static bool is_timestamp(const char *text)
{
    size_t month, day;

    if (skip(&text, DIGITS) != 4 || *text++ != '-') {
        return false;
    }
    month = skip(&text, DIGITS);
    if (month < 1 || month > 2 || *text++ != '-') {
        return false;
    }
    day = skip(&text, DIGITS);
    return day >= 1 && day <= 2 && strchr("Tt \t", *text) != NULL; /* strchr finds the end too */
}

bool yaml_is_always_text(const char *text)
{
    static const char *const others[] = {
        "y", "Y", "n", "N", "=", "<<", ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN",
    };
    const char *unsigned_text = text;
    bool is_integer;

    if (yaml_is_null_word(text) || yaml_is_boolean_word(text)) {
        return false;
    }
    skip_sign(&unsigned_text);
    if (is_one_of(unsigned_text, others, ARRAY_SIZE(others))) {
        return false;
    }
    if (!isdigit((unsigned char)unsigned_text[0]) && unsigned_text[0] != '.' &&
        unsigned_text[0] != '_') {
        return true; /* most texts: no number begins like that */
    }
    return !is_prefixed(unsigned_text, "0o", "01234567_") &&
           !is_prefixed(unsigned_text, "0x", DIGITS "abcdefABCDEF_") &&
           !is_prefixed(unsigned_text, "0b", "01_") &&
           !is_decimal(unsigned_text, DIGITS "_", &is_integer) && !is_base_60(unsigned_text) &&
           !is_timestamp(text);
}

/*
 * What YAML takes a scalar without quotes for.
 *
 * YAML 1.2's core schema knows null, true, 12, 0x1f and 1.5. YAML 1.1, which most readers still
 * speak, also takes yes, 1_000, 0644, 12:30 and 2026-01-02 for something other than text.
 */
#ifndef BERTH_SPECS_YAML_SCALAR_H
#define BERTH_SPECS_YAML_SCALAR_H

#include <stdbool.h>

enum yaml_meaning {
    YAML_TEXT,
    YAML_NULL,
    YAML_BOOLEAN,
    YAML_INTEGER,
    YAML_FLOAT,
};

/*
 * By YAML 1.2's core schema. ".inf" and ".nan" are YAML_TEXT here, since JSON has no such numbers.
 */
enum yaml_meaning yaml_meaning_1_2(const char *text);

/* "", ~, null, Null, NULL */
bool yaml_is_null_word(const char *text);

/* yes no on off true false, in the spellings of YAML 1.1 (yes, Yes, YES) */
bool yaml_is_boolean_word(const char *text);

/*
 * True when every reader of YAML 1.1 or 1.2 takes it for text; nothing is said about its syntax (":
 * ", " #").
 */
bool yaml_is_always_text(const char *text);

#endif

/*
 * The text of small records that a container writes: lines of "key=value".
 *
 * Each key is there at most once, the last line is ended too, and keys that the reader does not
 * know are passed over: they are a later writer's. Whoever is root in a container can write
 * anything there, so no message repeats a value, and what is taken is within limits that the reader
 * names.
 */
#ifndef BERTH_CLIENTS_RECORD_TEXT_H
#define BERTH_CLIENTS_RECORD_TEXT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record_field {
    const char *key;
    bool is_optional;
    bool is_seen;      /* out, as all that follows */
    const char *value; /* not NUL-terminated; "" where it is not seen */
    size_t len;
};

/* ERROR_INVALID (as of all here): larger than max_len, cut off, no "=", a key twice or missing. */
int record_text_parse(const char *text, size_t len, size_t max_len, struct record_field *fields,
                      size_t count, struct error *err);

/* Decimal digits in min..max. */
int record_field_number(const struct record_field *field, int64_t min, int64_t max,
                        int64_t *ret_value, struct error *err);

bool record_field_is(const struct record_field *field, const char *word);

/*
 * For people, and may hold any bytes: cut to the size and cleaned, never refused. Always clean
 * UTF-8.
 */
void record_field_message(const struct record_field *field, char *message, size_t size);

#endif

/*
 * Numbers in specs: strict reading, and words for what people write instead.
 */
#ifndef BERTH_SPECS_DECODE_NUMBER_H
#define BERTH_SPECS_DECODE_NUMBER_H

#include "base/error.h"
#include "specs/schema.h"

#include <stdint.h>

/*
 * The value of a FIELD_INTEGER, FIELD_BYTES or FIELD_CPU within its bounds, from the text of a
 * scalar. ERROR_INVALID with a message about the value: no number, one that YAML 1.1 reads as
 * another (0x10, 0644, 1_000, 12:30), or out of bounds.
 */
int decode_number(const struct field *field, const char *text, int64_t *ret_number,
                  struct error *err);

#endif

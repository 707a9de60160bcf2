/*
 * Amounts as people write them: "512Mi", "1.5", "250m", "30s". Decimal only; no sign, hex, inf or
 * nan.
 */
#ifndef BERTH_SPECS_QUANTITY_H
#define BERTH_SPECS_QUANTITY_H

#include <stdint.h>

/*
 * Bytes: a decimal number (fractions allowed) and nothing or k M G T Ki Mi Gi Ti. -1: no such
 * amount, or over 2^53.
 */
int quantity_parse_bytes(const char *text, int64_t *ret_bytes);

/*
 * Thousandths of a CPU: "2", "1.5", "250m". At most three decimals' worth is kept; less than 1m is
 * refused.
 */
int quantity_parse_cpu(const char *text, int64_t *ret_milli);

/*
 * Milliseconds: "10s", "1h30m", "250ms", "2d"; units in falling order, each once; a bare "0" is
 * allowed.
 */
int quantity_parse_duration(const char *text, int64_t *ret_ms);

enum { QUANTITY_TEXT_SIZE = 32 };

/* Shortest exact forms: "512Mi", "1500" ; "1.5", "250m"; "1h30m". They return text. */
const char *quantity_format_bytes(int64_t bytes, char text[QUANTITY_TEXT_SIZE]);
const char *quantity_format_cpu(int64_t milli, char text[QUANTITY_TEXT_SIZE]);
/* "0.8" for 800 thousandths. */
const char *quantity_format_fraction(int64_t milli, char text[QUANTITY_TEXT_SIZE]);
const char *quantity_format_duration(int64_t ms, char text[QUANTITY_TEXT_SIZE]);

#endif

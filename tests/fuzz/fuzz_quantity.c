/*
 * Amounts: whatever is read is in its range, and what is written of it reads back the same.
 */
#include "specs/quantity.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const int64_t max_amount = INT64_C(1) << 53;

static void check(const char *text, int (*parse)(const char *, int64_t *),
                  const char *(*format)(int64_t, char[QUANTITY_TEXT_SIZE]))
{
    char written[QUANTITY_TEXT_SIZE];
    int64_t amount = -1, again = -1;

    if (parse(text, &amount) < 0) {
        assert(amount == -1);
        return;
    }
    assert(amount >= 0 && amount <= max_amount);
    assert(parse(format(amount, written), &again) == 0);
    assert(again == amount);
    assert(strlen(written) < QUANTITY_TEXT_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    assert(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    check(text, quantity_parse_bytes, quantity_format_bytes);
    check(text, quantity_parse_cpu, quantity_format_cpu);
    check(text, quantity_parse_duration, quantity_format_duration);
    free(text);
    return 0;
}

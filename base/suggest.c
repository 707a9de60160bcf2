#include "base/suggest.h"

#include "base/memory.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { MAX_WORD = 62, FAR_AWAY = 99 };

static unsigned min_unsigned(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment with three rolling rows. */
unsigned suggest_distance(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    unsigned rows[3][MAX_WORD + 1];

    if (a_len > MAX_WORD || b_len > MAX_WORD) {
        return FAR_AWAY;
    }
    for (size_t j = 0; j <= b_len; j++) {
        rows[0][j] = (unsigned)j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);

            row[j] =
                min_unsigned(min_unsigned(above[j] + 1, row[j - 1] + 1), above[j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
                cb == tolower((unsigned char)a[i - 2])) {
                row[j] = min_unsigned(row[j], two_above[j - 2] + 1);
            }
        }
    }
    return rows[a_len % 3][b_len];
}

const char *suggest_nearest(const char *text, const char *const *words, size_t count)
{
    const char *best = NULL;
    unsigned best_distance = FAR_AWAY;
    size_t text_len = strlen(text);

    for (size_t i = 0; i < count; i++) {
        size_t word_len = strlen(words[i]), limit = 1 + word_len / 4;
        size_t at_least = word_len > text_len ? word_len - text_len : text_len - word_len;
        unsigned distance = FAR_AWAY;

        if (text_len >= 3 && strncasecmp(text, words[i], text_len) == 0) {
            distance = 1;
        }
        if (at_least <= limit && at_least < best_distance) {
            distance = min_unsigned(distance, suggest_distance(text, words[i]));
        }
        if (distance < best_distance && distance <= limit) {
            best = words[i];
            best_distance = distance;
        }
    }
    return best;
}

char *suggest_hint(const char *text, const char *const *words, size_t count)
{
    const char *nearest = suggest_nearest(text, words, count);

    return nearest != NULL ? xasprintf("; did you mean \"%s\"?", nearest) : xstrdup("");
}

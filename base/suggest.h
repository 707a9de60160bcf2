/*
 * "did you mean": the nearest of some known words.
 */
#ifndef BERTH_BASE_SUGGEST_H
#define BERTH_BASE_SUGGEST_H

#include <stddef.h>

/*
 * Edits (insert, delete, replace, swap of neighbours; case does not count) that lead from a to b.
 * Words longer than 62 bytes are never near anything: the result is 99.
 */
unsigned suggest_distance(const char *a, const char *b);

/*
 * Of the count words, the nearest to text, or NULL when none is within 1 + length/4 edits. A word
 * that begins with the text (three letters or more) counts as near.
 */
const char *suggest_nearest(const char *text, const char *const *words, size_t count);

/* The same as the end of a message: "; did you mean \"word\"?", or "". The caller frees it. */
char *suggest_hint(const char *text, const char *const *words, size_t count);

#endif

/*
 * Other people's text inside a message: one line, short, nothing a terminal would act on.
 */
#ifndef BERTH_SPECS_EXCERPT_H
#define BERTH_SPECS_EXCERPT_H

enum { EXCERPT_SIZE = 272 };

/*
 * The first 60 characters of the text, control characters and bytes that are no UTF-8 as escapes,
 * "..." when something is left out. Returns out.
 */
const char *excerpt(const char *text, char out[EXCERPT_SIZE]);

#endif

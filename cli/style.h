/*
 * Colours, and lines that need UTF-8: only where somebody looks, and only where they can be shown.
 *
 * Colours are on when the stream is a terminal, TERM is something and not "dumb", and NO_COLOR is
 * not set or empty (no-color.org). Lines are drawn in UTF-8 when the locale of the environment says
 * so.
 */
#ifndef BERTH_CLI_STYLE_H
#define BERTH_CLI_STYLE_H

#include <stdbool.h>
#include <stdio.h>

enum style {
    STYLE_PLAIN,
    STYLE_GOOD, /* as wanted */
    STYLE_BUSY, /* on its way, or waits */
    STYLE_BAD,  /* somebody must do something */
    STYLE_DIM,  /* at rest */
    STYLE_BOLD,
};

bool style_is_on(FILE *out);

/* The decision itself; no_color and term as in the environment, NULL: not set. */
bool style_decide(bool is_terminal, const char *no_color, const char *term);

/* What begins a style, and what ends any; "" for STYLE_PLAIN. */
const char *style_begin(enum style style);
const char *style_end(enum style style);

/* Of the word in status.phase; STYLE_PLAIN for NULL and words that are none. */
enum style style_of_phase(const char *phase);

/* By the first of LC_ALL, LC_CTYPE and LANG that says something. */
bool style_has_utf8(void);
bool style_locale_has_utf8(const char *lc_all, const char *lc_ctype, const char *lang);

#endif

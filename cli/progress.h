/*
 * How far several things are, on standard error: on a terminal a line for each, drawn again and
 * again; elsewhere a line when something has changed.
 */
#ifndef BERTH_CLI_PROGRESS_H
#define BERTH_CLI_PROGRESS_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum progress_state { PROGRESS_GOING, PROGRESS_GOOD, PROGRESS_BAD };

struct progress_line {
    char *name;
    char *word; /* short: a phase, a reason; a change of it is always told */
    char *text;
    enum progress_state state;
    bool is_changed;
    uint64_t told_at_ms; /* 0: not yet */
    uint64_t ended_ms;   /* how long it took */
};

struct progress {
    FILE *out;
    bool is_live, has_colour;
    struct progress_line *lines;
    size_t count, capacity;
    uint64_t began_at_ms, drawn_at_ms;
    unsigned drawn; /* lines on the screen that are to be drawn over */
};

/* Live where out is a terminal that can move its cursor (TERM is not "dumb"). */
void progress_init(struct progress *progress, FILE *out);
void progress_done(struct progress *progress); /* the last state stays on the screen */

size_t progress_add(struct progress *progress, const char *name);
void progress_set(struct progress *progress, size_t line, enum progress_state state,
                  const char *word, const char *text);

/* Draws, or tells what has changed; is_last: whatever was held back, too. */
void progress_show(struct progress *progress, bool is_last);

/* The line as it is shown, cut to so many characters. The caller's to free. */
char *progress_line_text(const struct progress_line *line, size_t name_width, uint64_t elapsed_ms,
                         size_t columns);

#endif

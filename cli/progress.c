#include "cli/progress.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/style.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    DRAW_MS = 100,   /* between two pictures */
    TELL_MS = 10000, /* between two lines about one thing that only says more of the same */
    DEFAULT_ROWS = 24,
    DEFAULT_COLUMNS = 80,
    LEAST_COLUMNS = 20,
};

void progress_init(struct progress *progress, FILE *out)
{
    const char *term = getenv("TERM");

    *progress = (struct progress){.out = out, .began_at_ms = clock_monotonic_ms()};
    progress->is_live =
        isatty(fileno(out)) && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
    progress->has_colour = style_is_on(out);
}

void progress_done(struct progress *progress)
{
    for (size_t i = 0; i < progress->count; i++) {
        free(progress->lines[i].name);
        free(progress->lines[i].word);
        free(progress->lines[i].text);
    }
    free(progress->lines);
    *progress = (struct progress){0};
}

size_t progress_add(struct progress *progress, const char *name)
{
    array_grow(&progress->lines, progress->count, &progress->capacity, sizeof(*progress->lines));
    progress->lines[progress->count] =
        (struct progress_line){.name = xstrdup(name), .word = xstrdup(""), .text = xstrdup("")};
    return progress->count++;
}

static bool take_text(char **text, const char *news)
{
    if (strcmp(*text, news) == 0) {
        return false;
    }
    free(*text);
    *text = xstrdup(news);
    text_make_clean_line(*text, strlen(*text)); /* it goes to a terminal */
    return true;
}

void progress_set(struct progress *progress, size_t index, enum progress_state state,
                  const char *word, const char *text)
{
    struct progress_line *line = &progress->lines[index];
    uint64_t now_ms = clock_monotonic_ms();
    bool is_other_word = take_text(&line->word, word), is_other_text = take_text(&line->text, text);

    if (state != PROGRESS_GOING && line->state == PROGRESS_GOING) {
        line->ended_ms = now_ms - progress->began_at_ms;
    }
    if (is_other_word || state != line->state) {
        line->told_at_ms = 0; /* that is news */
    }
    line->is_changed |= is_other_word || is_other_text || state != line->state;
    line->state = state;
}

/* Of so many characters at most; one that is cut ends with three points. */
static void cut(char *text, size_t columns)
{
    size_t width = 0, keep = 0;

    for (size_t at = 0; text[at] != '\0'; at++) {
        if (((unsigned char)text[at] & 0xc0) != 0x80 && width++ == columns - 3) {
            keep = at;
        }
    }
    if (width > columns) {
        memcpy(text + keep, "...", sizeof("..."));
    }
}

char *progress_line_text(const struct progress_line *line, size_t name_width, uint64_t elapsed_ms,
                         size_t columns)
{
    uint64_t ms = line->state == PROGRESS_GOING ? elapsed_ms : line->ended_ms;
    char *text = xasprintf("%-*s  %5.1fs  %s%s%s", (int)name_width, line->name, (double)ms / 1000,
                           line->word, line->text[0] != '\0' ? ": " : "", line->text);

    cut(text, columns);
    return text;
}

/* --- on a terminal ---------------------------------------------------------------------------- */

static void find_size(const struct progress *progress, unsigned *ret_rows, unsigned *ret_columns)
{
    struct winsize size;

    *ret_rows = DEFAULT_ROWS;
    *ret_columns = DEFAULT_COLUMNS;
    if (ioctl(fileno(progress->out), TIOCGWINSZ, &size) == 0 && size.ws_row > 0 &&
        size.ws_col >= LEAST_COLUMNS) {
        *ret_rows = size.ws_row;
        *ret_columns = size.ws_col;
    }
}

static enum style style_of(enum progress_state state)
{
    switch (state) { /* no default: a state without a style does not compile */
    case PROGRESS_GOING: return STYLE_BUSY;
    case PROGRESS_GOOD: return STYLE_GOOD;
    case PROGRESS_BAD: return STYLE_BAD;
    }
    abort();
}

static void draw_line(const struct progress *progress, const struct progress_line *line,
                      size_t name_width, unsigned columns)
{
    auto_free char *text = progress_line_text(
        line, name_width, clock_monotonic_ms() - progress->began_at_ms, columns - 1);
    enum style style = progress->has_colour ? style_of(line->state) : STYLE_PLAIN;

    fprintf(progress->out, "%s%s%s\x1b[K\n", style_begin(style), text, style_end(style));
}

/* What is done gives way where there is no room for all; the end shows everything. */
static void draw(struct progress *progress, bool is_last)
{
    size_t name_width = 0, going = 0, hidden = 0;
    unsigned rows, columns, drawn = 0;

    find_size(progress, &rows, &columns);
    for (size_t i = 0; i < progress->count; i++) {
        size_t width = strlen(progress->lines[i].name);

        name_width = width > name_width ? width : name_width;
        going += progress->lines[i].state == PROGRESS_GOING;
    }
    if (progress->drawn > 0) {
        fprintf(progress->out, "\x1b[%uA", progress->drawn);
    }
    for (size_t i = 0; i < progress->count; i++) {
        const struct progress_line *line = &progress->lines[i];
        bool fits = progress->count < rows || is_last ||
                    (line->state == PROGRESS_GOING && drawn + 2 < rows);

        hidden += !fits;
        drawn += fits;
        if (fits) {
            draw_line(progress, line, name_width, columns);
        }
    }
    if (hidden > 0) {
        fprintf(progress->out, "%zu of %zu are done\x1b[K\n", progress->count - going,
                progress->count);
        drawn++;
    }
    fputs("\x1b[J", progress->out); /* what was below, of a longer picture */
    fflush(progress->out);
    progress->drawn = drawn;
}

/* --- elsewhere -------------------------------------------------------------------------------- */

static void tell(struct progress *progress, bool is_last)
{
    uint64_t now_ms = clock_monotonic_ms();

    for (size_t i = 0; i < progress->count; i++) {
        struct progress_line *line = &progress->lines[i];

        if (!line->is_changed ||
            (line->told_at_ms != 0 && now_ms - line->told_at_ms < TELL_MS && !is_last)) {
            continue;
        }
        fprintf(progress->out, "%s: %s%s%s\n", line->name, line->word,
                line->text[0] != '\0' ? ": " : "", line->text);
        line->told_at_ms = now_ms;
        line->is_changed = false;
    }
    fflush(progress->out);
}

void progress_show(struct progress *progress, bool is_last)
{
    uint64_t now_ms = clock_monotonic_ms();

    if (!progress->is_live) {
        tell(progress, is_last);
        return;
    }
    if (is_last || progress->drawn_at_ms == 0 || now_ms - progress->drawn_at_ms >= DRAW_MS) {
        draw(progress, is_last);
        progress->drawn_at_ms = now_ms;
    }
}

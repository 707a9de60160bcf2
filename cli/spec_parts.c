#include "cli/spec_parts.h"

#include "base/memory.h"
#include "specs/yaml_text.h"

#include <stdlib.h>
#include <string.h>

/* The document at hand, while lines are read. */
struct reading {
    struct spec_parts *parts;
    const char *text, *end;
    struct spec_part part;
    bool has_content, has_directive;
};

static size_t skip_blanks(const char *text, size_t at, size_t end)
{
    while (at < end && (text[at] == ' ' || text[at] == '\t')) {
        at++;
    }
    return at;
}

/* "---" or "..." at the first column, with a blank or nothing behind it. */
static bool is_marker(const char *line, const char *end, const char *marker)
{
    if (end - line < 3 || memcmp(line, marker, 3) != 0) {
        return false;
    }
    line += 3;
    return line == end || *line == ' ' || *line == '\t' || yaml_text_break(line, end) > 0;
}

/* Nothing or a comment. */
static bool is_blank_line(const char *text, size_t at, size_t end)
{
    at = skip_blanks(text, at, end);
    return at == end || text[at] == '#' || yaml_text_break(text + at, text + end) > 0;
}

static void close_part(struct reading *reading, size_t end, size_t next)
{
    struct spec_parts *parts = reading->parts;

    if (reading->part.has_marker || reading->has_content) {
        reading->part.end = end;
        reading->part.next = next;
        array_grow(&parts->items, parts->count, &parts->capacity, sizeof(*parts->items));
        parts->items[parts->count++] = reading->part;
    }
    reading->part = (struct spec_part){.head = next, .start = next};
    reading->has_content = false;
    reading->has_directive = false;
}

static void open_part(struct reading *reading, size_t line, size_t behind)
{
    size_t start = skip_blanks(reading->text, line + 3, behind);
    size_t head = reading->has_directive && !reading->has_content ? reading->part.head : line;

    if (reading->has_content || reading->part.has_marker) {
        close_part(reading, line, line);
        head = line;
    }
    reading->has_directive = false;
    reading->part = (struct spec_part){
        .head = head,
        .start = is_blank_line(reading->text, start, behind) ? behind : start,
        .has_marker = true,
    };
}

static void take_line(struct reading *reading, size_t line, size_t behind)
{
    const char *at = reading->text + line;

    if (is_marker(at, reading->end, "---")) {
        open_part(reading, line, behind);
    } else if (is_marker(at, reading->end, "...")) {
        close_part(reading, line, behind);
    } else if (!reading->part.has_marker && !reading->has_content) {
        if (*at == '%') {
            reading->part.head = reading->has_directive ? reading->part.head : line;
            reading->has_directive = true;
        } else {
            reading->has_content = !is_blank_line(reading->text, line, behind);
        }
    }
}

void spec_parts_read(struct spec_parts *parts, const char *text, size_t len)
{
    struct reading reading = {.parts = parts, .text = text, .end = text + len};
    size_t at = spec_parts_begin(text, len);

    reading.part = (struct spec_part){.head = at, .start = at};
    while (at < len) {
        size_t behind = (size_t)(yaml_text_next_line(text + at, reading.end) - text);

        take_line(&reading, at, behind);
        at = behind;
    }
    close_part(&reading, len, len);
}

void spec_parts_done(struct spec_parts *parts)
{
    free(parts->items);
    *parts = (struct spec_parts){0};
}

bool spec_part_is_empty(const struct spec_part *part, const char *text)
{
    size_t at = part->start;

    while (at < part->end) {
        if (!is_blank_line(text, at, part->end)) {
            return false;
        }
        at = (size_t)(yaml_text_next_line(text + at, text + part->end) - text);
    }
    return true;
}

size_t spec_parts_begin(const char *text, size_t len)
{
    return len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

const char *spec_parts_line_end(const char *text, size_t len)
{
    const char *line = len > 0 ? memchr(text, '\n', len) : NULL;

    return line != NULL && line > text && line[-1] == '\r' ? "\r\n" : "\n";
}

#include "cli/spec_edit.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "cli/spec_parts.h"
#include "specs/yaml_reader.h"
#include "specs/yaml_text.h"

#include <string.h>

/* --- finding --------------------------------------------------------------------------------- */

static bool is_scalar(const struct yaml_node *node, const char *text)
{
    return node != NULL && node->type == YAML_NODE_SCALAR && strcmp(node->text, text) == 0;
}

static bool is_object(const struct yaml_node *root, enum kind kind, const char *name)
{
    return is_scalar(yaml_map_get(root, "kind"), kind_name(kind)) &&
           is_scalar(yaml_map_get(yaml_map_get(root, "metadata"), "name"), name);
}

static unsigned lines_before(const char *text, size_t offset)
{
    const char *at = text + spec_parts_begin(text, offset), *end = text + offset;
    unsigned lines = 0;

    while (at < end) {
        at = yaml_text_next_line(at, end);
        lines++;
    }
    return lines;
}

int spec_edit_find(const char *text, size_t len, enum kind kind, const char *name,
                   struct spec_place *ret_place, struct error *err)
{
    auto_done(spec_parts) parts = {0};
    struct error broken = {0};

    spec_parts_read(&parts, text, len);
    for (size_t i = 0; i < parts.count; i++) {
        const struct spec_part *part = &parts.items[i];
        auto_owned(yaml_stream) *stream =
            yaml_stream_parse(text + part->head, part->end - part->head);

        if (stream->count > 0 && is_object(stream->documents[0], kind, name)) {
            *ret_place = (struct spec_place){
                .start = part->start,
                .end = part->end,
                .line = lines_before(text, part->head) + stream->documents[0]->line,
            };
            return 0;
        }
        if (!stream->is_complete && broken.kind == ERROR_NONE) {
            const struct yaml_problem *problem = &stream->problems[stream->problem_count - 1];

            error_set(&broken, ERROR_INVALID, "line %u: %s",
                      lines_before(text, part->head) + problem->line, problem->message);
        }
    }
    if (broken.kind != ERROR_NONE) {
        *err = broken;
        return -1;
    }
    return error_set(err, ERROR_NOT_FOUND, "there is no %s \"%s\"", kind_name(kind), name);
}

/* --- changing -------------------------------------------------------------------------------- */

static bool ends_line(const char *text, size_t len)
{
    return len == 0 || strchr("\n\r", text[len - 1]) != NULL;
}

/* The text with all line ends as given. */
static void add_document(struct strbuf *out, const char *document, const char *line_end)
{
    bool is_windows = strcmp(line_end, "\r\n") == 0;

    for (const char *at = document; *at != '\0'; at++) {
        bool is_bare = *at == '\n' && (at == document || at[-1] != '\r');

        strbuf_add(out, is_windows && is_bare ? "\r" : "");
        strbuf_append(out, at, 1);
    }
}

char *spec_edit_replace(const char *text, size_t len, const struct spec_place *place,
                        const char *document)
{
    auto_done(strbuf) out = {0};
    bool is_behind_marker = place->start > 0 && strchr("- \t", text[place->start - 1]) != NULL;

    strbuf_append(&out, text, place->start);
    if (is_behind_marker) {
        strbuf_add(&out, spec_parts_line_end(text, len));
    }
    strbuf_add(&out, document);
    if (place->end < len && !ends_line(document, strlen(document))) {
        strbuf_add(&out, spec_parts_line_end(text, len));
    }
    strbuf_append(&out, text + place->end, len - place->end);
    return strbuf_take(&out);
}

char *spec_edit_append(const char *text, size_t len, const char *document)
{
    auto_done(spec_parts) parts = {0};
    auto_done(strbuf) out = {0};
    const char *line_end = spec_parts_line_end(text, len);
    const struct spec_part *last;

    spec_parts_read(&parts, text, len);
    last = parts.count > 0 ? &parts.items[parts.count - 1] : NULL;
    strbuf_append(&out, text, len);
    if (!ends_line(text, len)) {
        strbuf_add(&out, line_end);
    }
    if (last != NULL && !(last->has_marker && last->next == len && last->end == len &&
                          spec_part_is_empty(last, text))) {
        strbuf_addf(&out, "---%s", line_end);
    }
    add_document(&out, document, line_end);
    return strbuf_take(&out);
}

static const struct spec_part *find_part(const struct spec_parts *parts, size_t start,
                                         size_t *ret_index)
{
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->items[i].start == start) {
            *ret_index = i;
            return &parts->items[i];
        }
    }
    return NULL;
}

static bool is_plain_marker(const struct spec_part *part, const char *text)
{
    size_t at = part->head + 3;

    if (!part->has_marker || memcmp(text + part->head, "---", 3) != 0) {
        return false;
    }
    while (at < part->start && strchr(" \t\r\n", text[at]) != NULL) {
        at++;
    }
    return at == part->start;
}

char *spec_edit_remove(const char *text, size_t len, const struct spec_place *place)
{
    auto_done(spec_parts) parts = {0};
    auto_done(strbuf) out = {0};
    const struct spec_part *part;
    size_t index = 0, others = 0, next;

    spec_parts_read(&parts, text, len);
    part = find_part(&parts, place->start, &index);
    for (size_t i = 0; i < parts.count; i++) {
        others += i != index && !spec_part_is_empty(&parts.items[i], text);
    }
    if (part == NULL || others == 0) {
        return NULL;
    }
    next = part->next;
    if (!part->has_marker && index + 1 < parts.count && parts.items[index + 1].head == next &&
        is_plain_marker(&parts.items[index + 1], text)) {
        next = parts.items[index + 1].start; /* a file that began without "---" goes on so */
    }
    strbuf_append(&out, text, part->head);
    strbuf_append(&out, text + next, len - next);
    return strbuf_take(&out);
}

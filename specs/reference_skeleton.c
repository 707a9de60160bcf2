#include "specs/reference.h"

#include "base/cleanup.h"

#include <string.h>

enum { NOT_COMMENTED = -1, REMARK_COLUMN = 40, MAX_SEEN = 64 };

/* Where the next line goes, and what has been shown once already. */
struct skeleton {
    struct strbuf *out;
    int comment_indent; /* the lines below a commented-out field begin with "# " there */
    const struct field *seen[MAX_SEEN]; /* rows with sub-tables */
    size_t seen_count;
};

/* "required", "TCP | UDP"; "" for most fields. */
static void add_remark(struct strbuf *out, const struct field *field)
{
    bool is_required = (field->flags & FIELD_REQUIRED) != 0;

    strbuf_add(out, is_required ? "required" : "");
    if (field->type == FIELD_REPOSITORY_REF) {
        strbuf_addf(out, "; or {%s: name}", field->fields[0].name);
    }
    for (size_t i = 0; field->words != NULL && field->words[i] != NULL; i++) {
        strbuf_addf(out, "%s%s", i > 0 ? " | " : is_required ? ": " : "", field->words[i]);
    }
}

/* One line: the text, indented, behind a "#" where it is commented out; the remark may be "". */
static void add_line(struct skeleton *skeleton, int indent, const char *text, const char *remark)
{
    int comment = skeleton->comment_indent;
    auto_done(strbuf) line = {0};

    if (comment == NOT_COMMENTED) {
        strbuf_addf(&line, "%*s%s", indent, "", text);
    } else {
        strbuf_addf(&line, "%*s# %*s%s", comment, "", indent - comment, "", text);
    }
    if (remark[0] != '\0') {
        int gap = REMARK_COLUMN - (int)line.len;

        strbuf_addf(&line, "%*s# %s", gap > 2 ? gap : 2, "", remark);
    }
    strbuf_addf(skeleton->out, "%s\n", strbuf_text(&line));
}

/* True when the field or one below it has a value that is known or must be given. */
static bool is_active(const struct field *field)
{
    if (field->default_text != NULL || (field->flags & FIELD_REQUIRED) != 0) {
        return true;
    }
    for (const struct field *below = field->fields;
         field->type == FIELD_OBJECT && below->name != NULL; below++) {
        if (is_active(below)) {
            return true;
        }
    }
    return false;
}

/* The row whose sub-table is that of this one too, and was shown before; NULL: none. */
static const struct field *shown_before(struct skeleton *skeleton, const struct field *field)
{
    size_t rows = 0;

    while (field->fields[rows].name != NULL) {
        rows++;
    }
    for (size_t i = 0; rows > 1 && i < skeleton->seen_count; i++) {
        if (skeleton->seen[i]->fields == field->fields) {
            return skeleton->seen[i];
        }
    }
    if (skeleton->seen_count < MAX_SEEN) {
        skeleton->seen[skeleton->seen_count++] = field;
    }
    return NULL;
}

static void add_table(struct skeleton *skeleton, const struct field *fields, int indent,
                      bool is_list_item);

/* A field with a sub-table; text: its key, with what stands before it. */
static void add_map(struct skeleton *skeleton, const struct field *field, int indent,
                    const char *text)
{
    const struct field *before = shown_before(skeleton, field);
    bool is_instance = field->fields == schema_of_kind(KIND_INSTANCE);
    bool is_list = field->type == FIELD_OBJECT_LIST;
    auto_done(strbuf) line = {0}, remark = {0};

    strbuf_addf(&line, "%s:%s", text, is_instance || before != NULL ? " {}" : "");
    if (is_instance) {
        strbuf_add(&remark, "the spec of an Instance");
    } else if (before != NULL) {
        strbuf_addf(&remark, "the same fields as %s", before->name);
    }
    add_line(skeleton, indent, strbuf_text(&line), strbuf_text(&remark));
    if (!is_instance && before == NULL) {
        add_table(skeleton, field->fields, indent + (is_list ? 4 : 2), is_list);
    }
}

static void add_field(struct skeleton *skeleton, const struct field *field, int indent,
                      const char *prefix)
{
    auto_done(strbuf) line = {0}, remark = {0};
    bool opens_comment = skeleton->comment_indent == NOT_COMMENTED && !is_active(field);

    if (opens_comment) {
        skeleton->comment_indent = indent;
    }
    strbuf_addf(&line, "%s%s", prefix, field->name);
    if (field->fields != NULL && field->type != FIELD_REPOSITORY_REF) {
        add_map(skeleton, field, indent, strbuf_text(&line));
    } else {
        strbuf_add(&line, ": ");
        reference_add_value(&line, field);
        add_remark(&remark, field);
        add_line(skeleton, indent, strbuf_text(&line), strbuf_text(&remark));
    }
    if (opens_comment) {
        skeleton->comment_indent = NOT_COMMENTED;
    }
}

/* A list is shown with one item: "- " before its first field, the others below that field. */
static void add_table(struct skeleton *skeleton, const struct field *fields, int indent,
                      bool is_list_item)
{
    bool is_first = true;

    for (const struct field *field = fields; field->name != NULL; field++) {
        bool has_dash = is_list_item && is_first;

        add_field(skeleton, field, has_dash ? indent - 2 : indent, has_dash ? "- " : "");
        is_first = false;
    }
}

void reference_add_skeleton(struct strbuf *out, enum kind kind)
{
    struct skeleton skeleton = {.out = out, .comment_indent = NOT_COMMENTED};

    strbuf_addf(out, "apiVersion: %s\nkind: %s\nmetadata:\n", API_VERSION, kind_name(kind));
    add_table(&skeleton, schema_of_metadata(), 2, false);
    strbuf_add(out, "spec:\n");
    add_table(&skeleton, schema_of_kind(kind), 2, false);
}

#include "cli/explain.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/suggest.h"
#include "specs/excerpt.h"
#include "specs/reason.h"
#include "specs/reference.h"
#include "specs/schema.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 80, MAX_NAMES = 64 };

static const char *kind_summary(enum kind kind)
{
    switch (kind) { /* no default: a kind without words does not compile */
    case KIND_INSTANCE: return "One container that stands for a machine.";
    case KIND_INSTANCE_POOL: return "Instances from one template, as many as are needed.";
    case KIND_REPOSITORY: return "Settings of one repository's container.";
    case KIND_TASK: return "A command, or an open session, on a repository.";
    }
    abort(); /* not a kind at all: memory is damaged */
}

/* The text in lines of at most WIDTH characters, each of them indented. */
static void add_wrapped(struct strbuf *out, const char *text, size_t indent)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");

        if (column == 0) {
            strbuf_addf(out, "%*s", (int)indent, "");
            column = indent;
        } else if (column + 1 + len > WIDTH) {
            strbuf_addf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else {
            strbuf_add(out, " ");
            column++;
        }
        strbuf_append(out, text, len);
        column += len;
        text += len;
        text += strspn(text, " ");
    }
    strbuf_add(out, "\n");
}

/* --- finding --- */

static const struct field *find_row(const struct field *fields, const char *name)
{
    for (; fields != NULL && fields->name != NULL; fields++) {
        if (strcmp(fields->name, name) == 0) {
            return fields;
        }
    }
    return NULL;
}

static const char *nearest_row(const struct field *fields, const char *name)
{
    const char *names[MAX_NAMES];
    size_t count = 0;

    for (; fields->name != NULL && count < MAX_NAMES; fields++) {
        names[count++] = fields->name;
    }
    return suggest_nearest(name, names, count);
}

/* A place elsewhere in the kind at which a field has exactly that name. */
struct elsewhere {
    const char *name;
    char *path;
};

static bool look_elsewhere(const struct reference_field *at, void *user)
{
    struct elsewhere *elsewhere = user;

    if (elsewhere->path == NULL && strcmp(at->field->name, elsewhere->name) == 0) {
        elsewhere->path = xstrdup(at->path);
    }
    return elsewhere->path == NULL;
}

/* before: what was found of the path, with a point behind it; "" at the top. */
static int refuse_name(enum kind kind, const struct field *fields, const char *before,
                       const char *name, struct error *err)
{
    struct elsewhere elsewhere = {.name = name};
    const char *near = fields != NULL ? nearest_row(fields, name) : NULL;
    char shown[EXCERPT_SIZE];
    int result;

    excerpt(name, shown);
    if (near == NULL) {
        reference_walk(kind, look_elsewhere, &elsewhere);
    }
    if (before[0] == '\0' && strcmp(name, "status") == 0) {
        result = error_set(err, ERROR_NOT_FOUND,
                           "berth writes the status itself; see docs/status.md, and berth explain "
                           "reason for its reasons");
    } else if (near != NULL) {
        result = error_set(err, ERROR_NOT_FOUND, "%s has no field \"%s%s\"; did you mean \"%s%s\"?",
                           kind_name(kind), before, shown, before, near);
    } else if (elsewhere.path != NULL) {
        result = error_set(err, ERROR_NOT_FOUND, "%s has no field \"%s%s\"; did you mean \"%s\"?",
                           kind_name(kind), before, shown, elsewhere.path);
    } else if (fields == NULL) {
        result = error_set(err, ERROR_NOT_FOUND, "%s: %.*s has no fields below it", kind_name(kind),
                           (int)strlen(before) - 1, before);
    } else {
        result = error_set(err, ERROR_NOT_FOUND,
                           "%s has no field \"%s%s\"; see: berth explain %s --recursive",
                           kind_name(kind), before, shown, kind_name(kind));
    }
    free(elsewhere.path);
    return result;
}

/* A field on its place. */
struct found {
    const struct field *row; /* NULL: the whole kind */
    const struct field *fields;
    const struct field *top_row; /* of metadata or spec: says what a change does */
    bool is_in_spec;
    struct strbuf path;
};

static void step_into(struct found *found, const struct field *row, unsigned depth)
{
    if (depth == 0) {
        found->is_in_spec = strcmp(row->name, "spec") == 0;
    } else if (depth == 1) {
        found->top_row = row;
    }
    found->row = row;
    found->fields = row->fields;
}

static int find_field(enum kind kind, const char *path, struct found *found, struct error *err)
{
    for (unsigned depth = 0; *path != '\0'; depth++) {
        size_t len = strcspn(path, ".");
        auto_free char *name = xstrndup(path, strcspn(path, ".["));
        const struct field *row = find_row(found->fields, name);

        if (row == NULL) {
            return refuse_name(kind, found->fields, strbuf_text(&found->path), name, err);
        }
        step_into(found, row, depth);
        path += len;
        path += *path == '.' ? 1 : 0;
        strbuf_addf(&found->path, "%s%s", row->name,
                    *path == '\0'                    ? ""
                    : row->type == FIELD_OBJECT_LIST ? "[]."
                                                     : ".");
    }
    return 0;
}

/* --- showing --- */

/* "<list of maps>, required" */
static void add_kind_of_value(struct strbuf *out, const struct field *field)
{
    strbuf_add(out, "<");
    reference_add_type(out, field);
    strbuf_addf(out, ">%s", (field->flags & FIELD_REQUIRED) != 0 ? ", required" : "");
    if (field->default_text != NULL) {
        strbuf_addf(out, ", default %s",
                    field->default_text[0] != '\0' ? field->default_text : "\"\"");
    }
}

static void add_names(struct strbuf *out, const struct field *fields, size_t indent)
{
    for (; fields->name != NULL; fields++) {
        strbuf_addf(out, "%*s%s ", (int)indent, "", fields->name);
        add_kind_of_value(out, fields);
        strbuf_add(out, "\n");
        if (fields->fields != NULL) {
            add_names(out, fields->fields, indent + 2);
        }
    }
}

static void add_fields(struct strbuf *out, const struct found *found, bool is_recursive)
{
    bool is_list = found->row != NULL && found->row->type == FIELD_OBJECT_LIST;

    strbuf_addf(out, "\nFIELDS%s:\n", is_list ? " of each item" : "");
    if (is_recursive) {
        add_names(out, found->fields, 2);
        return;
    }
    for (const struct field *field = found->fields; field->name != NULL; field++) {
        strbuf_addf(out, "%s  %s ", field == found->fields ? "" : "\n", field->name);
        add_kind_of_value(out, field);
        strbuf_add(out, "\n");
        add_wrapped(out, field->doc, 4);
    }
}

static void add_field_head(struct strbuf *out, enum kind kind, const struct found *found)
{
    const struct field *row = found->row;
    const char *change = found->is_in_spec && found->top_row != NULL
                             ? reference_change(kind, (found->top_row->flags & FIELD_LIVE) != 0)
                             : NULL;

    strbuf_addf(out, "FIELD:     %s\n", strbuf_text(&found->path));
    strbuf_add(out, "TYPE:      ");
    if (row->type == FIELD_ENUM) {
        strbuf_add(out, "word\nALLOWED:   ");
        for (size_t i = 0; row->words[i] != NULL; i++) {
            strbuf_addf(out, "%s%s", i > 0 ? ", " : "", row->words[i]);
        }
    } else {
        reference_add_type(out, row);
    }
    strbuf_addf(out, "\n%s", (row->flags & FIELD_REQUIRED) != 0 ? "REQUIRED:  yes\n" : "");
    if (row->default_text != NULL) {
        strbuf_addf(out, "DEFAULT:   %s\n",
                    row->default_text[0] != '\0' ? row->default_text : "\"\"");
    } else if (row->fields == NULL) {
        strbuf_add(out, "EXAMPLE:   ");
        reference_add_value(out, row);
        strbuf_add(out, "\n");
    }
    if (change != NULL) {
        strbuf_addf(out, "A CHANGE:  %s\n", change);
    }
}

int explain_field(enum kind kind, const char *path, bool is_recursive, struct strbuf *out,
                  struct error *err)
{
    struct found found = {.row = NULL};
    struct schema_top top;
    int result;

    schema_top_of(kind, &top);
    found.fields = top.rows;
    result = find_field(kind, path, &found, err);
    if (result == 0) {
        strbuf_addf(out, "KIND:      %s\nVERSION:   %s\n", kind_name(kind), API_VERSION);
        if (found.row != NULL) {
            add_field_head(out, kind, &found);
        }
        strbuf_add(out, "\nDESCRIPTION:\n");
        add_wrapped(out, found.row != NULL ? found.row->doc : kind_summary(kind), 4);
        if (found.fields != NULL) {
            add_fields(out, &found, is_recursive);
        }
    }
    strbuf_done(&found.path);
    return result;
}

void explain_kinds(struct strbuf *out)
{
    for (unsigned i = 0; i < KIND_COUNT; i++) {
        strbuf_addf(out, "%-14s%s\n", kind_name((enum kind)i), kind_summary((enum kind)i));
    }
    strbuf_addf(out, "%-14s%s\n", "reason", "The words for what can be wrong, in statuses.");
}

/* --- reasons --- */

static int refuse_reason(const char *name, struct error *err)
{
    size_t count;
    const struct reason *reasons = reason_list(&count);
    auto_free const char **names = xcalloc(count, sizeof(*names));
    char shown[EXCERPT_SIZE];
    const char *near;

    for (size_t i = 0; i < count; i++) {
        names[i] = reasons[i].name;
    }
    near = suggest_nearest(name, names, count);
    return error_set(err, ERROR_NOT_FOUND, "there is no reason \"%s\"; %s%s%s",
                     excerpt(name, shown), near != NULL ? "did you mean \"" : "see: berth explain ",
                     near != NULL ? near : "reason", near != NULL ? "\"?" : "");
}

int explain_reason(const char *name, struct strbuf *out, struct error *err)
{
    size_t count;
    const struct reason *reasons = reason_list(&count), *reason;

    if (name == NULL) {
        for (size_t i = 0; i < count; i++) {
            strbuf_addf(out, "%s\n", reasons[i].name);
            add_wrapped(out, reasons[i].meaning, 4);
        }
        return 0;
    }
    reason = reason_find(name);
    if (reason == NULL) {
        return refuse_reason(name, err);
    }
    strbuf_addf(out, "REASON:    %s\nCODE:      %u\n\nMEANING:\n", reason->name, reason->code);
    add_wrapped(out, reason->meaning, 4);
    strbuf_add(out, "\nWHAT TO DO:\n");
    add_wrapped(out, reason->remedy, 4);
    return 0;
}

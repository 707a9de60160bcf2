#include "specs/reference_pages.h"

#include "base/cleanup.h"
#include "specs/machine_types.h"
#include "specs/quantity.h"
#include "specs/reason.h"
#include "specs/reference.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char made_by[] = "<!-- Made by `make docs`; do not edit. -->\n\n";

void markdown_add_text(struct strbuf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("\\`*_[]|#~", *text) != NULL) {
            strbuf_addf(out, "\\%c", *text);
        } else if (*text == '<' || *text == '>' || *text == '&') {
            strbuf_add(out, *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : "&amp;");
        } else {
            strbuf_addf(out, "%c", *text == '\n' ? ' ' : *text);
        }
    }
}

void markdown_add_code(struct strbuf *out, const char *text)
{
    if (strchr(text, '`') != NULL || text[0] == '\0') { /* nothing can stand for a "`" in there */
        markdown_add_text(out, text);
        return;
    }
    strbuf_add(out, "`");
    for (; *text != '\0'; text++) {
        strbuf_addf(out, *text == '|' ? "\\%c" : "%c", *text);
    }
    strbuf_add(out, "`");
}

/* "#specenv": how headings are linked to: letters and digits only, in lower case. */
static void add_anchor(struct strbuf *out, const char *path)
{
    strbuf_add(out, "#");
    for (; *path != '\0'; path++) {
        if (isalnum((unsigned char)*path)) {
            strbuf_addf(out, "%c", tolower((unsigned char)*path));
        }
    }
}

/* Fields of a kind */

struct kind_page {
    struct strbuf *out;
    enum kind kind;
};

static void add_default(struct strbuf *out, const struct field *field)
{
    if ((field->flags & FIELD_REQUIRED) != 0) {
        strbuf_add(out, "**required**");
    } else if (field->default_text != NULL) {
        markdown_add_code(out, field->default_text[0] != '\0' ? field->default_text : "\"\"");
    }
}

static void add_meaning(struct strbuf *out, const struct reference_field *at)
{
    markdown_add_text(out, at->field->doc);
    if ((at->field->flags & FIELD_UNORDERED) != 0) {
        strbuf_add(out, " The order does not matter.");
    }
    if (reference_is_instance_spec(at)) {
        strbuf_add(out, " See [its fields](instance.md#spec).");
    } else if (at->field->fields != NULL && at->depth == 0) {
        strbuf_add(out, " See [below](");
        add_anchor(out, at->path);
        strbuf_add(out, ").");
    }
}

/* change: what stands in the column of that name; NULL: there is none. */
static void add_row(struct strbuf *out, const struct reference_field *at, const char *change)
{
    auto_done(strbuf) type = {0};

    strbuf_add(out, "| ");
    markdown_add_code(out, at->path);
    strbuf_add(out, " | ");
    reference_add_type(&type, at->field);
    markdown_add_text(out, strbuf_text(&type));
    strbuf_add(out, " | ");
    add_default(out, at->field);
    strbuf_add(out, " | ");
    if (change != NULL) {
        strbuf_addf(out, "%s | ", change);
    }
    add_meaning(out, at);
    strbuf_add(out, " |\n");
}

static void add_table_head(struct strbuf *out, bool has_change)
{
    strbuf_addf(out, "| field | type | default | %smeaning |\n|---|---|---|%s---|\n",
                has_change ? "a change | " : "", has_change ? "---|" : "");
}

static bool is_in_metadata(const struct reference_field *at)
{
    return strncmp(at->path, "metadata.", strlen("metadata.")) == 0;
}

static bool add_metadata_row(const struct reference_field *at, void *user)
{
    const struct kind_page *page = user;

    if (is_in_metadata(at)) {
        add_row(page->out, at, NULL);
    }
    return false;
}

static bool add_top_row(const struct reference_field *at, void *user)
{
    const struct kind_page *page = user;

    if (!is_in_metadata(at)) {
        add_row(page->out, at, reference_change(page->kind, at->is_live));
    }
    return false;
}

/* Each map in spec is a section, with all that is below it in one table. */
static bool add_section(const struct reference_field *at, void *user)
{
    const struct kind_page *page = user;
    const char *change = reference_change(page->kind, at->is_live);

    if (at->depth > 0) {
        add_row(page->out, at, NULL);
    } else if (at->field->fields != NULL) {
        strbuf_addf(page->out, "\n### %s\n\n", at->path);
        markdown_add_text(page->out, at->field->doc);
        if (change != NULL) {
            strbuf_addf(page->out, " A change: %s.", change);
        }
        strbuf_add(page->out, "\n\n");
        add_table_head(page->out, false);
    }
    return !reference_is_instance_spec(at);
}

/* What the column "a change" means, or what a change of a pool does. */
static const char *words_on_changes(enum kind kind)
{
    switch (kind) { /* no default: a kind without words does not compile */
    case KIND_INSTANCE:
        return "*A change*: what happens when the field is changed while the container runs. "
               "\"new\n"
               "container\": it is stopped, removed and made anew, with the same name, ports and\n"
               "volumes; the status names the field. \"in place\": the container stays.\n";
    case KIND_INSTANCE_POOL:
        return "A change of any field is taken up at once and without a new container, but for\n"
               "`spec.template.spec`: what makes a new container for an Instance makes new ones "
               "for\n"
               "the members, as `spec.updateStrategy` says.\n";
    case KIND_REPOSITORY:
        return "*A change*: what happens when the field is changed while the container exists. "
               "\"new\n"
               "container\": it is made anew, when no task is active in it (condition\n"
               "`UpdatePending` until then). \"in place\": the container stays.\n";
    case KIND_TASK:
        return "*A change*: a command runs once, so most fields count \"only before the start\"; a "
               "later\nchange is reported as `ChangedAfterStart`. \"at any time\": it counts "
               "whenever it comes.\n";
    }
    abort(); /* not a kind at all: memory is damaged */
}

static void add_kind(struct strbuf *out, enum kind kind, const char *chapter)
{
    struct kind_page page = {.out = out, .kind = kind};

    strbuf_add(out, made_by);
    strbuf_addf(out,
                "# %s\n\nEvery field, from the tables that Berth itself reads specs by. "
                "[specs.md](../specs.md#%s) tells\nwhat they mean together, and what all kinds "
                "have in common.\n\n```yaml\n",
                kind_name(kind), chapter);
    reference_add_skeleton(out, kind);
    strbuf_add(out, "```\n\nLines that begin with `#` are fields without a default. As it stands, "
                    "the spec is valid.\n\n");
    strbuf_add(out, words_on_changes(kind));
    strbuf_add(out, "\n## metadata\n\n");
    add_table_head(out, false);
    reference_walk(kind, add_metadata_row, &page);
    strbuf_add(out, "\n## spec\n\n");
    add_table_head(out, reference_change(kind, true) != NULL);
    reference_walk(kind, add_top_row, &page);
    reference_walk(kind, add_section, &page);
}

static void add_instance(struct strbuf *out)
{
    add_kind(out, KIND_INSTANCE, "instance");
}

static void add_pool(struct strbuf *out)
{
    add_kind(out, KIND_INSTANCE_POOL, "instancepool");
}

static void add_repository(struct strbuf *out)
{
    add_kind(out, KIND_REPOSITORY, "repository");
}

static void add_task(struct strbuf *out)
{
    add_kind(out, KIND_TASK, "task");
}

/* The catalogues */

static void add_reasons(struct strbuf *out)
{
    size_t count;
    const struct reason *reasons = reason_list(&count);

    strbuf_add(out, made_by);
    strbuf_add(out,
               "# Reasons\n\nThe words for what can be wrong: in statuses, logs, exit messages and "
               "events alike. The codes\nare the HTTP statuses that say the same. "
               "[status.md](../status.md) tells where they stand.\n\n"
               "| reason | code | meaning | what to do |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        strbuf_add(out, "| ");
        markdown_add_code(out, reasons[i].name);
        strbuf_addf(out, " | %u | ", reasons[i].code);
        markdown_add_text(out, reasons[i].meaning);
        strbuf_add(out, " | ");
        markdown_add_text(out, reasons[i].remedy);
        strbuf_add(out, " |\n");
    }
}

static void add_machine_types(struct strbuf *out)
{
    size_t count;
    const struct machine_type *types = machine_type_list(&count);
    char cpus[QUANTITY_TEXT_SIZE], memory[QUANTITY_TEXT_SIZE];

    strbuf_add(out, made_by);
    strbuf_add(out,
               "# Machine types\n\nWhat `machineType` may name. Sizes are limits, not "
               "reservations. Besides these, any\n`custom-<vcpus>-<MiB>` with 1 to 1024 processors "
               "and 64 MiB to 4 TiB, such as `custom-2-4096`.\nShared-core types have the "
               "processor share that they sustain; `t3` types have all of theirs.\n\n"
               "| name | of | processors | memory |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        strbuf_add(out, "| ");
        markdown_add_code(out, types[i].name);
        strbuf_addf(out, " | %s | %s | %s |\n",
                    strcmp(types[i].provider, "ec2") == 0 ? "EC2" : "GCE",
                    quantity_format_cpu(types[i].cpu_milli, cpus),
                    quantity_format_bytes(types[i].memory_bytes, memory));
    }
}

static const struct reference_page pages[] = {
    {"instance.md", "the kind Instance: one container that stands for a machine", add_instance},
    {"instancepool.md", "the kind InstancePool: members from one template, as many as are needed",
     add_pool},
    {"repository.md", "the kind Repository: settings of one repository's container",
     add_repository},
    {"task.md", "the kind Task: a command or a session on a repository", add_task},
    {"reasons.md", "all reasons: code, meaning, what to do", add_reasons},
    {"machine-types.md", "the catalogue of machine types", add_machine_types},
};

const struct reference_page *reference_page_list(size_t *ret_count)
{
    *ret_count = ARRAY_SIZE(pages);
    return pages;
}

void reference_add_made_by(struct strbuf *out)
{
    strbuf_add(out, made_by);
}

static void add_page_rows(struct strbuf *out, const struct reference_page *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        strbuf_addf(out, "| [%s](%s) | ", rows[i].name, rows[i].name);
        markdown_add_text(out, rows[i].summary);
        strbuf_add(out, " |\n");
    }
}

void reference_add_index(struct strbuf *out, const struct reference_page *others, size_t count)
{
    strbuf_add(out, made_by);
    strbuf_add(out, "# Reference\n\nEvery field of every kind, every command and setting, and the "
                    "catalogues, made from the\ntables in the sources by `make docs`. `make "
                    "check-docs` holds that these pages are up to date.\n\n"
                    "| page | what |\n|---|---|\n");
    add_page_rows(out, pages, ARRAY_SIZE(pages));
    add_page_rows(out, others, count);
}

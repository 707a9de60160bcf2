#include "cli/get_output.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "base/suggest.h"
#include "cli/documents.h"
#include "cli/get_columns.h"
#include "cli/style.h"
#include "specs/types.h"
#include "specs/yaml_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the option ------------------------------------------------------------------------------- */

/* Length up to the next comma that is neither in brackets nor in quotes. */
static size_t column_length(const char *text)
{
    size_t len = 0;
    unsigned depth = 0;
    char quote = '\0';

    for (; text[len] != '\0' && (text[len] != ',' || depth > 0 || quote != '\0'); len++) {
        if (quote != '\0') {
            quote = text[len] == quote ? '\0' : quote;
        } else if (text[len] == '"' || text[len] == '\'') {
            quote = text[len];
        } else if (text[len] == '[') {
            depth++;
        } else if (text[len] == ']' && depth > 0) {
            depth--;
        }
    }
    return len;
}

static int add_column(struct get_output *output, const char *text, struct error *err)
{
    const char *colon = strchr(text, ':');
    struct custom_column *column;

    if (colon == NULL || colon == text || output->count == TABLE_MAX_COLUMNS) {
        return error_set(err, ERROR_INVALID,
                         colon == NULL || colon == text
                             ? "custom-columns: \"%s\" is not NAME:PATH, as in PHASE:.status.phase"
                             : "custom-columns: \"%s\" is one too many",
                         text);
    }
    array_grow(&output->columns, output->count, &output->capacity, sizeof(*output->columns));
    column = &output->columns[output->count++];
    *column = (struct custom_column){.title = xstrndup(text, (size_t)(colon - text))};
    if (jsonpath_compile_field(colon + 1, &column->path, err) < 0) {
        return error_wrap(err, "custom-columns: %s", column->title);
    }
    return 0;
}

static int parse_columns(struct get_output *output, const char *text, struct error *err)
{
    for (;;) {
        size_t len = column_length(text);
        auto_free char *column = xstrndup(text, len);

        if (add_column(output, column, err) < 0) {
            return -1;
        }
        if (text[len] == '\0') {
            return 0;
        }
        text += len + 1;
    }
}

static int unknown_form(const char *text, struct error *err)
{
    static const char *const words[] = {"table", "wide",      "json",           "yaml",
                                        "name",  "jsonpath=", "custom-columns="};
    auto_free char *hint = suggest_hint(text, words, ARRAY_SIZE(words));

    return error_set(err, ERROR_INVALID,
                     "\"%s\" is none of table, wide, json, yaml, name, jsonpath=TEMPLATE, "
                     "custom-columns=NAME:PATH,...%s",
                     text, hint);
}

int get_output_parse(struct get_output *output, const char *text, struct error *err)
{
    static const char *const words[] = {"table", "wide", "json", "yaml", "name"};

    get_output_done(output);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            output->form = (enum output_form)i;
            return 0;
        }
    }
    if (text_has_prefix(text, "jsonpath=")) {
        output->form = OUTPUT_JSONPATH;
        return jsonpath_compile(text + strlen("jsonpath="), &output->path, err) < 0
                   ? error_wrap(err, "jsonpath")
                   : 0;
    }
    if (text_has_prefix(text, "custom-columns=")) {
        output->form = OUTPUT_COLUMNS;
        return parse_columns(output, text + strlen("custom-columns="), err);
    }
    return unknown_form(text, err);
}

void get_output_done(struct get_output *output)
{
    for (size_t i = 0; i < output->count; i++) {
        free(output->columns[i].title);
        jsonpath_free(output->columns[i].path);
    }
    free(output->columns);
    jsonpath_free(output->path);
    table_done(&output->table);
    *output = (struct get_output){.has_no_headers = output->has_no_headers, .kind = output->kind};
}

bool get_output_is_table(const struct get_output *output)
{
    return output->form == OUTPUT_TABLE || output->form == OUTPUT_WIDE ||
           output->form == OUTPUT_COLUMNS;
}

/* --- tables ----------------------------------------------------------------------------------- */

static void begin_table(struct get_output *output)
{
    const struct get_column *columns = get_columns_of(output->kind);
    bool is_wide = output->form == OUTPUT_WIDE;
    size_t count = 0;

    for (const struct get_column *at = columns; at->title != NULL; at++) {
        count += !at->is_wide || is_wide;
    }
    table_init(&output->table, count);
    output->table.is_coloured = style_is_on(stdout);
    for (const struct get_column *at = columns; at->title != NULL && !output->has_no_headers;
         at++) {
        if (!at->is_wide || is_wide) {
            table_add(&output->table, at->title);
        }
    }
}

static void add_row(struct get_output *output, const json_t *document)
{
    const struct get_column *columns = get_columns_of(output->kind);

    for (const struct get_column *at = columns; at->title != NULL; at++) {
        if (!at->is_wide || output->form == OUTPUT_WIDE) {
            auto_free char *text = at->text(document);

            table_add_styled(&output->table, text,
                             at->is_phase ? style_of_phase(text) : STYLE_PLAIN);
        }
    }
}

static void begin_columns(struct get_output *output)
{
    table_init(&output->table, output->count);
    for (size_t i = 0; i < output->count && !output->has_no_headers; i++) {
        table_add(&output->table, output->columns[i].title);
    }
}

/* Several values with commas between them; "<none>" as kubectl. The caller's to free. */
static int column_text(const struct custom_column *column, const json_t *document, char **ret_text,
                       struct error *err)
{
    auto_done(strbuf) text = {0};
    json_auto_t *values = NULL;
    size_t index;
    json_t *value;

    if (jsonpath_find(column->path, document, &values, err) < 0) {
        return error_wrap(err, "custom-columns: %s", column->title);
    }
    json_array_foreach(values, index, value) {
        auto_free char *piece = jsonpath_value_text(value);

        strbuf_addf(&text, "%s%s", index > 0 ? "," : "", piece);
    }
    *ret_text = json_array_size(values) > 0 ? strbuf_take(&text) : xstrdup("<none>");
    return 0;
}

static int add_column_row(struct get_output *output, const json_t *document, struct error *err)
{
    for (size_t i = 0; i < output->count; i++) {
        auto_free char *text = NULL;

        if (column_text(&output->columns[i], document, &text, err) < 0) {
            return -1;
        }
        table_add(&output->table, text);
    }
    return 0;
}

static int print_table(struct get_output *output, const json_t *items, struct error *err)
{
    size_t index;
    json_t *item;

    if (!output->is_begun) {
        if (output->form == OUTPUT_COLUMNS) {
            begin_columns(output);
        } else {
            begin_table(output);
        }
        output->is_begun = true;
    }
    json_array_foreach(items, index, item) {
        if (output->form != OUTPUT_COLUMNS) {
            add_row(output, item);
        } else if (add_column_row(output, item, err) < 0) {
            return -1;
        }
    }
    table_print(&output->table, stdout);
    table_drop_rows(&output->table);
    return 0;
}

/* --- values ----------------------------------------------------------------------------------- */

static void print_names(const json_t *items)
{
    size_t index;
    json_t *item;

    json_array_foreach(items, index, item) {
        auto_free char *text = document_spelling(item);

        puts(text);
    }
}

static int print_value(struct get_output *output, const json_t *value, struct error *err)
{
    auto_done(strbuf) text = {0};
    auto_free char *json = NULL;

    switch (output->form) {
    case OUTPUT_JSONPATH:
        if (jsonpath_print(output->path, value, &text, err) < 0) {
            return error_wrap(err, "jsonpath");
        }
        fwrite(strbuf_text(&text), 1, text.len, stdout);
        break;
    case OUTPUT_YAML:
        if (yaml_write(&text, value) == 0) {
            printf("%s%s", output->is_begun ? "---\n" : "", strbuf_text(&text));
        }
        break;
    case OUTPUT_JSON:
    case OUTPUT_TABLE:
    case OUTPUT_WIDE:
    case OUTPUT_NAME:
    case OUTPUT_COLUMNS:
        json = json_dumps(value, JSON_INDENT(2));
        puts(json != NULL ? json : "");
        break;
    }
    output->is_begun = true;
    return 0;
}

int get_output_print(struct get_output *output, const json_t *items, bool is_single,
                     struct error *err)
{
    json_auto_t *list = NULL;

    if (get_output_is_table(output)) {
        return print_table(output, items, err);
    }
    if (output->form == OUTPUT_NAME) {
        print_names(items);
        return 0;
    }
    if (is_single && json_array_size(items) == 1) {
        return print_value(output, json_array_get(items, 0), err);
    }
    list = json_pack("{s:s, s:s, s:O}", "apiVersion", API_VERSION, "kind", "List", "items", items);
    return print_value(output, list, err);
}

int get_output_more(struct get_output *output, const json_t *items, struct error *err)
{
    size_t index;
    json_t *item;

    if (get_output_is_table(output)) {
        return print_table(output, items, err);
    }
    if (output->form == OUTPUT_NAME) {
        print_names(items);
        return 0;
    }
    json_array_foreach(items, index, item) {
        if (print_value(output, item, err) < 0) {
            return -1;
        }
    }
    return 0;
}

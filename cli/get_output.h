/*
 * How `berth get` shows objects: -o table, wide, json, yaml, name, jsonpath=TEMPLATE,
 * custom-columns=NAME:PATH,...
 *
 * What is given is shown at once; with get_output_more() further rows follow in the same columns,
 * for --watch.
 */
#ifndef BERTH_CLI_GET_OUTPUT_H
#define BERTH_CLI_GET_OUTPUT_H

#include "base/error.h"
#include "cli/jsonpath.h"
#include "cli/table.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum output_form {
    OUTPUT_TABLE,
    OUTPUT_WIDE,
    OUTPUT_JSON,
    OUTPUT_YAML,
    OUTPUT_NAME,
    OUTPUT_JSONPATH,
    OUTPUT_COLUMNS,
};

struct custom_column {
    char *title;
    struct jsonpath *path;
};

struct get_output {
    enum output_form form;
    bool has_no_headers;
    const char *kind; /* of all objects; NULL: they are of several */
    struct jsonpath *path;
    struct custom_column *columns;
    size_t count, capacity;
    struct table table;
    bool is_begun;
};

/*
 * The value of -o. ERROR_INVALID: it is none, with the nearest one; or a path is wrong, and where.
 */
int get_output_parse(struct get_output *output, const char *text, struct error *err);
void get_output_done(struct get_output *output);

bool get_output_is_table(const struct get_output *output);

/*
 * is_single: one object was asked for by its name, and is shown as it is, not in a List.
 * ERROR_INVALID: a path finds too much.
 */
int get_output_print(struct get_output *output, const json_t *items, bool is_single,
                     struct error *err);

/* Each by itself. */
int get_output_more(struct get_output *output, const json_t *items, struct error *err);

#endif

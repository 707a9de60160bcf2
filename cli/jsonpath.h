/*
 * kubectl's jsonpath over JSON values: templates of texts and paths in braces.
 *
 *     {.status.phase}                           a field; {.metadata.labels.a\.b} or ['a.b'] where a
 *     name has points
 *     {.items[0]} [-1] [1:3] [*] [0,2]          elements, from the end, slices, all, several
 *     {.conditions[?(@.type=="Ready")].status}  those for which it is so: == != < > <= >=;
 *     [?(@.exitCode)]: those that have it
 *     {..name}                                  all fields of that name, at any depth
 *     {range .items[*]}{.name}{"\n"}{end}       a text for each
 *
 * $ is the whole value and @ the one at hand: of a range or a filter. What is not there is no error
 * and gives nothing, as in kubectl get. ['a.b'] is first the field "a.b", else, as in kubectl,
 * .a.b. Values of different types are never equal. Pure. Results have a ceiling: paths such as
 * {..*..*} multiply.
 */
#ifndef BERTH_CLI_JSONPATH_H
#define BERTH_CLI_JSONPATH_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strbuf.h"

#include <jansson.h>

enum { JSONPATH_MAX_BYTES = 64 << 10, JSONPATH_MAX_VALUES = 1 << 18 };

struct jsonpath;

/*
 * A template. ERROR_INVALID: "at 9, before \"]}\": ..." says where it is wrong, counted in bytes
 * from 1.
 */
int jsonpath_compile(const char *text, struct jsonpath **ret_path, struct error *err);

/*
 * A single path with or without braces and first point, as kubectl takes it in --sort-by:
 * "status.phase".
 */
int jsonpath_compile_field(const char *text, struct jsonpath **ret_path, struct error *err);

void jsonpath_free(struct jsonpath *path); /* accepts NULL */
DEFINE_AUTO_FREE(jsonpath);

/*
 * Appends the text of the template; several values of one path have a blank between them.
 * ERROR_INVALID: too many.
 */
int jsonpath_print(const struct jsonpath *path, const json_t *value, struct strbuf *out,
                   struct error *err);

/* What all paths of the template find, in order: a new array. ERROR_INVALID: too many. */
int jsonpath_find(const struct jsonpath *path, const json_t *value, json_t **ret_values,
                  struct error *err);

/* A found value as it is printed: texts bare, all else as JSON. The caller's to free. */
char *jsonpath_value_text(const json_t *value);

#endif

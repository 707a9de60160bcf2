/*
 * Small texts of compose files: command lines, sizes, variables, files of variables.
 *
 * Pure, but for the variables, which are asked from a function.
 */
#ifndef BERTH_CLI_CONVERT_TEXT_H
#define BERTH_CLI_CONVERT_TEXT_H

#include "base/strbuf.h"

#include <jansson.h>
#include <stdint.h>

/* The words of a command line by the shell's quotes; nothing is expanded. NULL: a quote is open. */
json_t *convert_split_words(const char *text);

/* "512m", "1.5gb", "64K", "1048576": bytes, in powers of 1024 as Docker reads them; -1: no size. */
int convert_parse_size(const char *text, int64_t *ret_bytes);

/* "1m30s", "1.5s" in whole seconds, rounded up; -1: no time. */
int convert_parse_seconds(const char *text, int64_t *ret_seconds);

/*
 * Fills in $NAME, ${NAME}, ${NAME:-default}, ${NAME-default}, ${NAME:+text}, ${NAME+text}; "$$" is
 * "$". What has no value is empty, and its name is added to missing, with a blank between names.
 * -1: it is no such text ("${"), or it asks for an error (${NAME:?text}) that has occurred.
 */
typedef const char *convert_lookup_fn(const char *name);
int convert_fill_in(const char *text, convert_lookup_fn *lookup, struct strbuf *out,
                    struct strbuf *missing);

/* "NAME=value" lines, as Docker reads such files: {"NAME": "value"}; null: a name without "=". */
json_t *convert_parse_env_file(const char *text);

/* A name that metadata.name takes, nearest to the text: "my_App.1" -> "my-app-1". The caller's. */
char *convert_object_name(const char *text);

#endif

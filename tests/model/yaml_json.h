/*
 * A YAML file as JSON, by libyaml alone: maps, lists, and all scalars as texts. A witness beside
 * Berth's own reader.
 */
#ifndef BERTH_TESTS_MODEL_YAML_JSON_H
#define BERTH_TESTS_MODEL_YAML_JSON_H

#include <jansson.h>

/* A list with one item for each document; NULL: there is no such file, or it is no YAML. */
json_t *yaml_json_read(const char *path);

#endif

/*
 * Reading the JSON of a case with a default for what is missing.
 */
#ifndef BERTH_TESTS_PLAN_CASE_JSON_H
#define BERTH_TESTS_PLAN_CASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

const char *text_of(const json_t *json, const char *key, const char *otherwise);
int64_t number_of(const json_t *json, const char *key, int64_t otherwise);
bool flag_of(const json_t *json, const char *key, bool otherwise);

#endif

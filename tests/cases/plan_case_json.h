/*
 * Reading the JSON of a case with a default for what is missing.
 */
#ifndef BERTH_TESTS_PLAN_CASE_JSON_H
#define BERTH_TESTS_PLAN_CASE_JSON_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

const char *text_of(const json_t *json, const char *key, const char *otherwise);
int64_t number_of(const json_t *json, const char *key, int64_t otherwise);
bool flag_of(const json_t *json, const char *key, bool otherwise);

/* -1: it has a key that is none of the blank-separated words. place: "observed.container" */
int check_keys(const json_t *json, const char *place, const char *words, struct error *err);

/* The index of its word among the words; otherwise where the key is missing; -1 is an error. */
int word_of(const json_t *json, const char *key, const char *words, int otherwise, int *ret_index,
            struct error *err);

#endif

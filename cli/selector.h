/*
 * kubectl's label selectors: "team=infra,tier in (web,api),!canary".
 *
 *     a=b a==b     the label is there and has that value
 *     a!=b         it has not, or is not there
 *     a in (x,y)   it is there and has one of them;  a notin (x,y): it has none, or is not there
 *     a            it is there;  !a: it is not
 *
 * All must be so. Pure.
 */
#ifndef BERTH_CLI_SELECTOR_H
#define BERTH_CLI_SELECTOR_H

#include "base/cleanup.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

struct selector;

/* ERROR_INVALID: says where it is wrong, counted in bytes from 1. "" selects everything. */
int selector_parse(const char *text, struct selector **ret_selector, struct error *err);
void selector_free(struct selector *selector); /* accepts NULL */
DEFINE_AUTO_FREE(selector);

/* labels: an object of texts, or NULL: there are none. */
bool selector_matches(const struct selector *selector, const json_t *labels);

#endif

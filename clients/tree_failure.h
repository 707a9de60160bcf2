/*
 * The errors of work on trees: all have the reason WorkspaceFailed.
 */
#ifndef BERTH_CLIENTS_TREE_FAILURE_H
#define BERTH_CLIENTS_TREE_FAILURE_H

#include "base/error.h"

/* All of these return -1. */
int tree_refuse(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "<what> "<name>": <strerror(number)>" */
int tree_fail(struct error *err, int number, const char *what, const char *name);

/* An error of base/ is one of ours. */
int tree_blame(struct error *err);

#ifndef BERTH_CLIENTS_TREE_FAILURE_C
/* As in base/error.h: so that analyzers know. */
#define tree_refuse(...) error_minus_one(tree_refuse(__VA_ARGS__))
#define tree_fail(...) error_minus_one(tree_fail(__VA_ARGS__))
#define tree_blame(...) error_minus_one(tree_blame(__VA_ARGS__))
#endif

#endif

/*
 * Values of env that come from elsewhere (valueFrom): whether they can be had, and whether they
 * changed. Never the values themselves: a reconciler sees a keyed digest of each. Pure.
 */
#ifndef BERTH_RECONCILERS_VALUES_H
#define BERTH_RECONCILERS_VALUES_H

#include <stddef.h>

enum { VALUE_DIGEST_SIZE = 17 };

struct observed_value {
    const char *name;   /* of the variable */
    const char *source; /* "/run/secrets/token", "variable TOKEN" */
    char digest[VALUE_DIGEST_SIZE];
};

/* Those of one object's env. */
struct observed_values {
    const struct observed_value *items; /* filled only when all are there */
    size_t count;
    const char *key_id;      /* of the key that the digests were made with */
    const char *unavailable; /* which one cannot be had, and why; NULL: all are there */
};

/*
 * "<key id> NAME=<digest> ...": what a container's label dev.berth.env says of them. NULL: there
 * are none. The caller's to free.
 */
char *values_label(const struct observed_values *values);

/*
 * "changed: env (TOKEN from /run/secrets/token)" when a container with this label has other values;
 * NULL: the same, or nobody can tell, since the label was made with another key. The caller's to
 * free.
 */
char *values_difference(const struct observed_values *values, const char *label);

#endif

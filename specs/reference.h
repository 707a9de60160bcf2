/*
 * The fields of a kind as people look them up: all of them with their paths, in words.
 *
 * Everything here follows from the schema tables. reference_pages.h makes the pages in
 * docs/reference from it.
 */
#ifndef BERTH_SPECS_REFERENCE_H
#define BERTH_SPECS_REFERENCE_H

#include "base/strbuf.h"
#include "specs/schema.h"

#include <stdbool.h>

/* A field on its place. Borrowed, until the visitor returns. */
struct reference_field {
    const char *path; /* "spec.ports[].hostPort", "metadata.labels" */
    unsigned depth;   /* 0: directly in metadata or spec */
    const struct field *field;
    bool is_live; /* a change needs no new container or run: what the top-level row says */
};

/* False: its sub-table is not walked. */
typedef bool reference_visit_fn(const struct reference_field *at, void *user);

/* metadata, then spec; a field before those of its sub-table. */
void reference_walk(enum kind kind, reference_visit_fn *visit, void *user);

/* True for the sub-table of a pool's template: the fields of another kind's page. */
bool reference_is_instance_spec(const struct reference_field *at);

/* "list of IP addresses", "whole number, 1 to 65535", "one of TCP, UDP". */
void reference_add_type(struct strbuf *out, const struct field *field);

/* "new container", "in place" ...; NULL where the kind knows no difference. */
const char *reference_change(enum kind kind, bool is_live);

/*
 * A value as it may stand in a spec: the default, else an example. Only of fields without
 * sub-table.
 */
void reference_add_value(struct strbuf *out, const struct field *field);

/*
 * A whole spec of that kind with every field. What has neither default nor must be
 * given is commented out, so that it is valid as it stands.
 */
void reference_add_skeleton(struct strbuf *out, enum kind kind);

#endif

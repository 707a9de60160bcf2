/*
 * One object for people, as kubectl describe shows it: what it is, how it stands, why, and what to
 * do. Pure: from its documents to a text.
 */
#ifndef BERTH_CLI_DESCRIBE_H
#define BERTH_CLI_DESCRIBE_H

#include "base/strbuf.h"
#include "cli/event_store.h"

#include <jansson.h>

struct description {
    const json_t *document;  /* as of status_store.h; without a status: it has none yet */
    const char *spec_origin; /* "web.yaml:3", or in words where it is from; NULL: not found */
    const char *spec_text;   /* the document; NULL: it cannot be read */
    const char *engine;      /* its address, or NULL */
    const struct event_list *events;
};

enum { DESCRIBE_EVENTS = 10, DESCRIBE_LABEL_WIDTH = 15 };

void describe(const struct description *description, struct strbuf *out);

/* --- parts ------------------------------------------------------------------------------------ */

/* "Name:         web"; nothing where there is no value. */
void describe_line(struct strbuf *out, const char *label, const char *value);

/* A heading; what follows it is indented by two. */
void describe_heading(struct strbuf *out, const char *label);

/* Each line of a text, indented. */
void describe_text(struct strbuf *out, const char *text);

/* describe_advice.c: why it is not as one would like, and what to do. Nothing where all is well. */
void describe_advice(struct strbuf *out, const json_t *document);

/* describe_lists.c */
void describe_conditions(struct strbuf *out, const json_t *document);
void describe_errors(struct strbuf *out, const json_t *document);
void describe_history(struct strbuf *out, const json_t *document);
void describe_events(struct strbuf *out, const struct description *description);
void describe_ports(struct strbuf *out, const struct description *description);

#endif

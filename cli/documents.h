/*
 * Parts of documents as status files have them (status_store.h), for commands that show or judge
 * them.
 */
#ifndef BERTH_CLI_DOCUMENTS_H
#define BERTH_CLI_DOCUMENTS_H

#include "specs/types.h"

#include <jansson.h>
#include <stdbool.h>

/* All borrowed from the document; NULL: it is not there. */
const char *document_text(const json_t *object,
                          const char *key); /* a text directly in the object */
const char *document_kind(const json_t *document);
const char *document_name(const json_t *document);
const json_t *document_status(const json_t *document);
const char *document_phase(const json_t *document);
const json_t *document_condition(const json_t *document, const char *type);

/* True when the condition is there and its status is "True". */
bool document_is_true(const json_t *document, const char *condition);

/*
 * What is worth knowing first of why it is not as one would like: of SpecValid False, else of
 * Ready. "" when nothing is.
 */
const char *document_reason(const json_t *document);
const char *document_message(const json_t *document);

/* A second document of one name is refused, and its status says no more than that. */
bool document_is_duplicate(const json_t *document);

/* "42s", "7m", "3h", "9d" since a timestamp; "" where there is none. */
enum { AGE_SIZE = 32 };
const char *document_age(const char *timestamp, char text[AGE_SIZE]);

/* The same from start to end; end NULL: until now. */
const char *document_duration(const char *start, const char *end, char text[AGE_SIZE]);

/* "task/fix-7": how messages, -o name and completion spell it. The caller's to free. */
char *document_spelling(const json_t *document);

/*
 * The nearest name among documents (of that kind; NULL: of any), as "; did you mean \"web\"?", or
 * "". The caller's to free.
 */
char *documents_suggest(const json_t *documents, const char *kind, const char *name);

#endif

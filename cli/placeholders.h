/*
 * Values for the placeholders of a spec text: `--set tag=1.2` and "image: app:{{ tag }}".
 *
 * A placeholder is "{{ key }}", with or without blanks; a key is a letter or '_' and then letters,
 * digits, '_' and '-'. So "${X}" of a shell, "{{.Names}}" of docker and "${{ x }}" are none. Pure:
 * text in, text out.
 *
 * A value never changes what the text is: it becomes a part of the scalar in which its placeholder
 * stands, quoted as that is, or it is refused. Nothing in a value is looked at for placeholders.
 */
#ifndef BERTH_CLI_PLACEHOLDERS_H
#define BERTH_CLI_PLACEHOLDERS_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct placeholder {
    char *key;
    char *value;
    bool is_used;
};

struct placeholders {
    struct placeholder *items;
    size_t count, capacity;
};

void placeholders_done(struct placeholders *set);

/* "key=value". ERROR_INVALID: it is none, or the key has a value already. */
int placeholders_add(struct placeholders *set, const char *assignment, struct error *err);

/*
 * The text with all values in; without any key it is left alone. The caller's to free.
 * ERROR_INVALID: a placeholder has no value, a value does not fit where it should stand, or the
 * text is no YAML ("line 7: ...").
 */
int placeholders_fill(struct placeholders *set, const char *text, size_t len, char **ret_text,
                      size_t *ret_len, struct error *err);

/* A key that no text had so far, or NULL. */
const char *placeholders_unused(const struct placeholders *set);

#endif

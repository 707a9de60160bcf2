/*
 * What the files that read a devcontainer.json share.
 */
#ifndef BERTH_SPECS_DEVCONTAINER_PARTS_H
#define BERTH_SPECS_DEVCONTAINER_PARTS_H

#include "specs/devcontainer.h"
#include "specs/jsonc.h"
#include "specs/spec_errors.h"

struct devcontainer_reader {
    struct devcontainer *out;
    const struct jsonc *jsonc;
    struct spec_errors errors;
};

/* Tells what is wrong with the value at place. */
void devcontainer_refuse(struct devcontainer_reader *reader, const struct place *place,
                         const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Tells that the value at place must be something else: what is "text", "an array" ... */
void devcontainer_refuse_type(struct devcontainer_reader *reader, const struct place *place,
                              const json_t *value, const char *what);

/* Names what is there and not taken. */
void devcontainer_add_unsupported(struct devcontainer_reader *reader, const struct place *place);

/* In the arena, checked (check may be NULL); NULL after telling or naming why it is not taken. */
const char *devcontainer_read_text(struct devcontainer_reader *reader, const json_t *value,
                                   const struct place *place,
                                   int (*check)(const char *text, struct error *err));

void devcontainer_read_mounts(struct devcontainer_reader *reader, json_t *value,
                              const struct place *place);

#endif

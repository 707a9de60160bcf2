/*
 * The text of the spec that is in force for an object: of its file or, while that has errors or is
 * gone, the last good version that the controller keeps in its state directory.
 */
#ifndef BERTH_CLI_SPEC_IN_FORCE_H
#define BERTH_CLI_SPEC_IN_FORCE_H

#include "cli/spec_store.h"

struct spec_in_force {
    char *origin; /* "web.yaml:3", and what is the matter with it; NULL: there is none */
    char *text;   /* the document; NULL: it cannot be read */
};

void spec_in_force_done(struct spec_in_force *spec);

void spec_in_force_find(const struct spec_store *store, const char *state_dir, enum kind kind,
                        const char *name, struct spec_in_force *ret);

#endif

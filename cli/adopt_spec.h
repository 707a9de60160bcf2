/*
 * The spec of an Instance from what the engine says of a container, as far as there are
 * counterparts. Pure.
 */
#ifndef BERTH_CLI_ADOPT_SPEC_H
#define BERTH_CLI_ADOPT_SPEC_H

#include "base/strbuf.h"

#include <jansson.h>

/*
 * container, image: as the engine inspects them; image NULL: it is gone, and what it says by itself
 * is taken for the container's. Appends a line to notes for all that has no counterpart. New
 * reference.
 */
json_t *adopt_spec(const json_t *container, const json_t *image, struct strbuf *notes);

#endif

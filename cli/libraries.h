/*
 * The libraries that this binary runs with, as they are loaded, for `berth version`.
 */
#ifndef BERTH_CLI_LIBRARIES_H
#define BERTH_CLI_LIBRARIES_H

#include <jansson.h>

/* {"libgit2": "1.5.1", ...}: new reference. */
json_t *libraries_to_json(void);

#endif

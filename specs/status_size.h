/*
 * What follows from the size of a status file. It has a ceiling, which a file with a thousand
 * objects that all crash would pass: what can be done without goes first. And one of many objects
 * costs as much at a change of one of them as at a change of all, so that it is not written at
 * every change.
 */
#ifndef BERTH_SPECS_STATUS_SIZE_H
#define BERTH_SPECS_STATUS_SIZE_H

#include "specs/yaml_reader.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { STATUS_MAX_BYTES = YAML_OWN_SCALE * YAML_MAX_BYTES };

/*
 * Takes the next thing out of all documents of a status file, members of pools included: first the
 * ends of logs, then histories. step: 0, 1 ... in turn; false: there is nothing more that could go.
 */
bool status_shorten(json_t *documents, unsigned step);

/*
 * How long a file of this size stays as it is when it was written: not at all below 16 KiB, some
 * seven members of a pool, else a millisecond for each 512 bytes, and at most half a second. To
 * make one takes a millisecond for each 30 KiB or so: less than a fiftieth of the time.
 */
unsigned status_pause_ms(size_t size);

#endif

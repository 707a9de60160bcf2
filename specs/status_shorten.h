/*
 * Status files have a ceiling, which a file with a thousand objects that all crash would pass. What
 * can be done without goes first.
 */
#ifndef BERTH_SPECS_STATUS_SHORTEN_H
#define BERTH_SPECS_STATUS_SHORTEN_H

#include <jansson.h>
#include <stdbool.h>

/*
 * Takes the next thing out of all documents of a status file, members of pools included: first the
 * ends of logs, then histories. step: 0, 1 ... in turn; false: there is nothing more that could go.
 */
bool status_shorten(json_t *documents, unsigned step);

#endif

/*
 * How much disk folders take, as du counts it.
 */
#ifndef BERTH_CLIENTS_TREE_MEASURE_H
#define BERTH_CLIENTS_TREE_MEASURE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The blocks of all that is in the folders, themselves included, and how many entries that are. A
 * file with several names counts once, also across the folders; what is mounted below them is left
 * out, and no link is followed. ERROR_CONFLICT: one is not there, or has more entries or levels
 * than anything sensible.
 */
int tree_measure_folders(const char *const *paths, size_t count, uint64_t *ret_bytes,
                         uint64_t *ret_files, struct error *err);

#endif

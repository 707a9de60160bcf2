/*
 * A file of the operator's that is one YAML map: the configuration, the policy. Read like a spec:
 * all errors at once, each with line and column, unknown keys with the nearest known one.
 */
#ifndef BERTH_SPECS_MAP_FILE_H
#define BERTH_SPECS_MAP_FILE_H

#include "specs/decode.h"
#include "specs/yaml_reader.h"

/*
 * Fills the zeroed struct at values by the table; what is wrong is added to the decoder's errors,
 * with the reason for a file of several documents. Returns the map, for more than the table can
 * say; NULL: the file is empty.
 */
const struct yaml_node *map_file_decode(struct decoder *decoder, const struct yaml_stream *stream,
                                        const struct field *fields, const char *reason,
                                        void *values);

#endif

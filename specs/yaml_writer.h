/*
 * JSON values as YAML text that people read: block style, keys in the order of the object, short
 * lists of plain scalars in flow style, texts of several lines as literal blocks, and quotes
 * wherever a YAML 1.1 or 1.2 reader might take a text for something else (yes, 012, 1:20, ~).
 */
#ifndef BERTH_SPECS_YAML_WRITER_H
#define BERTH_SPECS_YAML_WRITER_H

#include "base/strbuf.h"

#include <jansson.h>

/*
 * Appends one document without a "---" line. yaml_stream_parse and yaml_node_to_json give an equal
 * value back (NUL characters in texts become U+FFFD: no reader of ours takes them). -1: the
 * buffer's ceiling was reached, or the value is nested more than YAML_MAX_DEPTH deep; the buffer
 * may then hold half of it.
 */
int yaml_write(struct strbuf *out, const json_t *value);

#endif

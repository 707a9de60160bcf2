#include "specs/map_file.h"

const struct yaml_node *map_file_decode(struct decoder *decoder, const struct yaml_stream *stream,
                                        const struct field *fields, const char *reason,
                                        void *values)
{
    for (size_t i = 0; i < stream->problem_count; i++) {
        spec_errors_add_problem(decoder->errors, &stream->problems[i]);
    }
    if (stream->count > 1) {
        spec_errors_add(decoder->errors, stream->documents[1], NULL, reason,
                        "must be one document, not %zu", stream->count);
    }
    if (stream->count == 0) {
        return NULL;
    }
    decode_fields(decoder, fields, stream->documents[0], NULL, values);
    return stream->documents[0];
}

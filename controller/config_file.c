#include "controller/config_file.h"

#include "base/file.h"
#include "base/memory.h"
#include "reconcilers/ports.h"
#include "reconcilers/subnets.h"
#include "specs/decode.h"
#include "specs/reason.h"
#include "specs/schema_parts.h"
#include "specs/yaml_reader.h"

#include <fcntl.h>
#include <stdlib.h>

/* What the table below fills. */
struct values {
    const char *ports, *network_range;
};

static int check_ports(const char *text, struct error *err)
{
    auto_done(port_table) table = {0};

    return port_table_set_ranges(&table, text, err);
}

static int check_network_range(const char *text, struct error *err)
{
    struct subnet range;

    return network_range_parse(text, &range, err);
}

static const struct field fields[] = {
    {.name = "ports",
     .type = FIELD_STRING,
     .offset = offsetof(struct values, ports),
     .check = check_ports,
     .doc = "Host ports to lease, such as 20000-29999,31000."},
    {.name = "networkRange",
     .type = FIELD_STRING,
     .offset = offsetof(struct values, network_range),
     .check = check_network_range,
     .doc = "Subnets of zones' networks are taken from it; none: the engine chooses."},
    END_OF_TABLE,
};

static void decode(struct config_file *config, const struct yaml_stream *stream,
                   struct spec_errors *errors)
{
    struct decoder decoder = {.arena = &config->arena, .errors = errors};
    struct values values = {0};

    for (size_t i = 0; i < stream->problem_count; i++) {
        spec_errors_add_problem(errors, &stream->problems[i]);
    }
    if (stream->count > 1) {
        spec_errors_add(errors, stream->documents[1], NULL, REASON_INVALID_CONFIG,
                        "must be one document, not %zu", stream->count);
    }
    if (stream->count > 0) {
        decode_fields(&decoder, fields, stream->documents[0], NULL, &values);
    }
    config->ports = values.ports;
    config->network_range = values.network_range;
}

void config_file_parse(struct config_file *config, const char *name, const char *text, size_t len)
{
    auto_owned(yaml_stream) *stream = yaml_stream_parse(text, len);
    struct spec_errors errors;

    *config = (struct config_file){0};
    arena_init(&config->arena);
    spec_errors_init(&errors, &config->arena, SPEC_MAX_ERRORS);
    decode(config, stream, &errors);
    spec_errors_sort(&errors);
    config->errors = spec_errors_texts(&errors, name);
    config->error_count = errors.count;
    spec_errors_done(&errors);
    if (config->error_count > 0) {
        config->ports = config->network_range = NULL;
    }
}

void config_file_read(struct config_file *config, const char *path)
{
    auto_free char *text = NULL;
    struct error err = {0};
    size_t len;

    if (file_read(AT_FDCWD, path, YAML_MAX_BYTES, &text, &len, &err) == 0) {
        config_file_parse(config, path, text, len);
        return;
    }
    *config = (struct config_file){.error_count = 1};
    arena_init(&config->arena);
    config->errors = arena_alloc(&config->arena, sizeof(*config->errors));
    config->errors[0] = arena_strdup(&config->arena, err.message);
}

void config_file_done(struct config_file *config)
{
    arena_done(&config->arena);
    *config = (struct config_file){0};
}

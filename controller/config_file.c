#include "controller/config_file.h"

#include "base/file.h"
#include "base/memory.h"
#include "controller/settings.h"
#include "specs/map_file.h"
#include "specs/reason.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* What a row is decoded to before its text is taken. */
union value {
    const char *text;
    bool is_on;
    struct text_list list;
};

static enum field_type field_type_of(enum setting_type type)
{
    switch (type) { /* no default: a type without a field does not compile */
    case SETTING_TEXTS:
    case SETTING_PATHS: return FIELD_STRING_LIST;
    case SETTING_SWITCH: return FIELD_BOOLEAN;
    case SETTING_TEXT:
    case SETTING_PATH:
    case SETTING_WORD:
    case SETTING_TIME:
    case SETTING_NUMBER:
    case SETTING_SIZE: return FIELD_STRING;
    }
    abort(); /* not a type at all: memory is damaged */
}

/* One text of a node; an error is told at its place. */
static void take(struct config_file *config, struct spec_errors *errors, enum setting_id id,
                 const struct yaml_node *node, const struct place *place, const char *directory,
                 const char *text)
{
    struct error err = {0};

    if (setting_take(id, &config->options, text, directory, &err) < 0) {
        spec_errors_add_error(errors, node, place, &err);
    }
}

static void take_setting(struct config_file *config, struct spec_errors *errors, enum setting_id id,
                         const struct yaml_node *node, const char *directory,
                         const union value *value)
{
    struct place place = {.key = settings[id].key};

    config->options.is_given[id] = true;
    switch (field_type_of(settings[id].type)) {
    case FIELD_BOOLEAN:
        take(config, errors, id, node, &place, directory, value->is_on ? "true" : "false");
        break;
    case FIELD_STRING_LIST:
        for (size_t i = 0; i < value->list.count; i++) {
            struct place item = {.parent = &place, .index = i};

            take(config, errors, id, node->items[i], &item, directory, value->list.items[i]);
        }
        break;
    default:
        if (value->text != NULL) { /* or it was told why it is none */
            take(config, errors, id, node, &place, directory, value->text);
        }
        break;
    }
}

static void decode(struct config_file *config, const struct yaml_stream *stream,
                   struct spec_errors *errors, const char *directory)
{
    struct decoder decoder = {.arena = &config->arena, .errors = errors};
    union value values[SETTING_COUNT] = {0};
    struct field fields[SETTING_COUNT + 1] = {0};
    const struct yaml_node *root;

    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        fields[i] = (struct field){.name = settings[i].key,
                                   .type = field_type_of(settings[i].type),
                                   .offset = i * sizeof(values[0])};
    }
    root = map_file_decode(&decoder, stream, fields, REASON_INVALID_CONFIG, values);
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        const struct yaml_node *node = yaml_map_get(root, settings[i].key);

        if (node != NULL) {
            take_setting(config, errors, (enum setting_id)i, node, directory, &values[i]);
        }
    }
}

void config_file_parse(struct config_file *config, const char *name, const char *text, size_t len)
{
    auto_owned(yaml_stream) *stream = yaml_stream_parse(text, len);
    auto_free char *directory = path_directory(name);
    struct spec_errors errors;

    *config = (struct config_file){0};
    arena_init(&config->arena);
    spec_errors_init(&errors, &config->arena, SPEC_MAX_ERRORS);
    decode(config, stream, &errors, directory);
    spec_errors_sort(&errors);
    config->errors = spec_errors_texts(&errors, name);
    config->error_count = errors.count;
    spec_errors_done(&errors);
    if (config->error_count > 0) {
        controller_options_done(&config->options);
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
    controller_options_done(&config->options);
    arena_done(&config->arena);
    *config = (struct config_file){0};
}

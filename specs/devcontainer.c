#include "specs/devcontainer_parts.h"

#include "base/memory.h"
#include "base/parse.h"
#include "specs/reason.h"
#include "specs/text_check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void devcontainer_refuse(struct devcontainer_reader *reader, const struct place *place,
                         const char *format, ...)
{
    struct jsonc_position where = jsonc_locate(reader->jsonc, place);
    struct yaml_node node = {.line = where.line, .column = where.column};
    auto_free char *message = NULL;
    va_list args;

    va_start(args, format);
    message = xvasprintf(format, args);
    va_end(args);
    spec_errors_add(&reader->errors, &node, place, REASON_INVALID_DEVCONTAINER, "%s", message);
}

static const char *type_word(const json_t *value)
{
    switch (json_typeof(value)) { /* no default: a type without a word does not compile */
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "text";
    case JSON_INTEGER: return "a number";
    case JSON_REAL: return "a fraction";
    case JSON_TRUE:
    case JSON_FALSE: return "true or false";
    case JSON_NULL: return "null";
    }
    abort(); /* not a type at all: memory is damaged */
}

void devcontainer_refuse_type(struct devcontainer_reader *reader, const struct place *place,
                              const json_t *value, const char *what)
{
    devcontainer_refuse(reader, place, "must be %s, not %s", what, type_word(value));
}

void devcontainer_add_unsupported(struct devcontainer_reader *reader, const struct place *place)
{
    struct text_list *list = &reader->out->unsupported;

    if (list->count < DEVCONTAINER_MAX_UNSUPPORTED) {
        list->items[list->count++] = place_text(place, &reader->out->arena);
    }
}

const char *devcontainer_read_text(struct devcontainer_reader *reader, const json_t *value,
                                   const struct place *place,
                                   int (*check)(const char *text, struct error *err))
{
    const char *text = json_string_value(value);
    struct error err = {0};

    if (text == NULL) {
        devcontainer_refuse_type(reader, place, value, "text");
        return NULL;
    }
    if (strstr(text, "${") != NULL) {
        devcontainer_add_unsupported(reader, place);
        return NULL;
    }
    if (check != NULL && check(text, &err) < 0) {
        devcontainer_refuse(reader, place, "%s", err.message);
        return NULL;
    }
    return arena_strdup(&reader->out->arena, text);
}

static void read_image(struct devcontainer_reader *reader, json_t *value, const struct place *place)
{
    reader->out->image = devcontainer_read_text(reader, value, place, check_image);
}

static void read_user(struct devcontainer_reader *reader, json_t *value, const struct place *place)
{
    reader->out->remote_user = devcontainer_read_text(reader, value, place, check_user);
}

/* A shell has ${...} of its own; these are the ones that an editor would put something in for. */
static bool has_substitution(const char *text)
{
    static const char *const names[] = {"localEnv:",
                                        "containerEnv:",
                                        "env:",
                                        "localWorkspaceFolder}",
                                        "localWorkspaceFolderBasename}",
                                        "containerWorkspaceFolder}",
                                        "containerWorkspaceFolderBasename}",
                                        "devcontainerId}"};

    for (text = strstr(text, "${"); text != NULL; text = strstr(text + 2, "${")) {
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
            if (text_has_prefix(text + 2, names[i])) {
                return true;
            }
        }
    }
    return false;
}

/* The texts of an array; -1 after telling or naming why there are none. */
static int read_words(struct devcontainer_reader *reader, json_t *array, const struct place *place,
                      struct text_list *ret_words)
{
    struct arena *arena = &reader->out->arena;
    struct text_list words = {
        .items = arena_alloc(arena, json_array_size(array) * sizeof(*words.items))};
    const char *program = json_string_value(json_array_get(array, 0));
    bool has_any_substitution = false;

    for (size_t i = 0; i < json_array_size(array); i++) {
        struct place item_place = {.parent = place, .index = i};
        const json_t *item = json_array_get(array, i);

        if (!json_is_string(item)) {
            devcontainer_refuse_type(reader, &item_place, item, "text");
            continue;
        }
        has_any_substitution |= has_substitution(json_string_value(item));
        words.items[words.count++] = arena_strdup(arena, json_string_value(item));
    }
    if (program != NULL && program[0] == '\0') {
        devcontainer_refuse(reader, &(struct place){.parent = place},
                            "the program's name must not be empty");
    }
    if (has_any_substitution) {
        devcontainer_add_unsupported(reader, place);
        return -1;
    }
    *ret_words = words;
    return 0;
}

static void read_command(struct devcontainer_reader *reader, json_t *value,
                         const struct place *place)
{
    struct text_list *command = &reader->out->post_create_command;
    json_auto_t *shell = NULL;

    if (json_is_object(value)) { /* commands side by side */
        devcontainer_add_unsupported(reader, place);
    } else if (json_is_array(value)) {
        (void)read_words(reader, value, place, command);
    } else if (!json_is_string(value)) {
        devcontainer_refuse_type(reader, place, value, "text or an array");
    } else if (json_string_length(value) > 0) {
        shell = json_pack("[s, s, O]", "sh", "-c", value);
        (void)read_words(reader, shell, place, command);
    }
}

static void read_env(struct devcontainer_reader *reader, json_t *value, const struct place *place,
                     struct env_list *list)
{
    struct arena *arena = &reader->out->arena;
    const char *name;
    json_t *item;

    if (!json_is_object(value)) {
        devcontainer_refuse_type(reader, place, value, "an object");
        return;
    }
    if (json_object_size(value) > DEVCONTAINER_MAX_VARIABLES) {
        devcontainer_refuse(reader, place, "has %zu variables; at most %d are possible",
                            json_object_size(value), DEVCONTAINER_MAX_VARIABLES);
        return;
    }
    list->items = arena_alloc(arena, json_object_size(value) * sizeof(*list->items));
    json_object_foreach(value, name, item) {
        struct place item_place = {.parent = place, .key = name};
        struct error err = {0};
        const char *text;

        if (check_env_name(name, &err) < 0) {
            devcontainer_refuse(reader, &item_place, "%s", err.message);
            continue;
        }
        if (json_is_null(item)) { /* a variable to be taken away */
            devcontainer_add_unsupported(reader, &item_place);
            continue;
        }
        text = devcontainer_read_text(reader, item, &item_place, NULL);
        if (text != NULL) {
            list->items[list->count++] =
                (struct env_var){.name = arena_strdup(arena, name), .value = text};
        }
    }
}

static void read_container_env(struct devcontainer_reader *reader, json_t *value,
                               const struct place *place)
{
    read_env(reader, value, place, &reader->out->container_env);
}

static void read_remote_env(struct devcontainer_reader *reader, json_t *value,
                            const struct place *place)
{
    read_env(reader, value, place, &reader->out->remote_env);
}

static bool has_port(const struct forward_ports *ports, int64_t number)
{
    for (size_t i = 0; i < ports->count; i++) {
        if (ports->items[i] == number) {
            return true;
        }
    }
    return false;
}

static void read_port(struct devcontainer_reader *reader, json_t *value, const struct place *place)
{
    struct forward_ports *ports = &reader->out->forward_ports;
    int64_t number = json_integer_value(value);

    if (json_is_string(value) && strchr(json_string_value(value), ':') != NULL) {
        devcontainer_add_unsupported(reader, place); /* of another container */
    } else if (!json_is_integer(value)) {
        devcontainer_refuse_type(reader, place, value, "a whole number");
    } else if (number < 1 || number > 65535) {
        devcontainer_refuse(reader, place, "%lld is outside 1..65535", (long long)number);
    } else if (number >= TASK_PORT_FIRST && number < TASK_PORT_FIRST + TASK_PORTS_MAX) {
        devcontainer_add_unsupported(reader, place);
    } else if (!has_port(ports, number)) {
        ports->items[ports->count++] = number;
    }
}

static void read_ports(struct devcontainer_reader *reader, json_t *value, const struct place *place)
{
    struct forward_ports *ports = &reader->out->forward_ports;
    size_t count = json_array_size(value);

    if (!json_is_array(value)) {
        devcontainer_refuse_type(reader, place, value, "an array");
        return;
    }
    if (count > DEVCONTAINER_MAX_PORTS) {
        devcontainer_refuse(reader, place, "has %zu ports; at most %d are possible", count,
                            DEVCONTAINER_MAX_PORTS);
        return;
    }
    ports->items = arena_alloc(&reader->out->arena, count * sizeof(*ports->items));
    for (size_t i = 0; i < count; i++) {
        read_port(reader, json_array_get(value, i), &(struct place){.parent = place, .index = i});
    }
}

static void ignore(struct devcontainer_reader *reader, json_t *value, const struct place *place)
{
    (void)reader;
    (void)value;
    (void)place;
}

/* What is in none of these rows is not supported. */
static const struct property {
    const char *name;
    void (*read)(struct devcontainer_reader *reader, json_t *value, const struct place *place);
} properties[] = {
    {"image", read_image},
    {"postCreateCommand", read_command},
    {"containerEnv", read_container_env},
    {"remoteEnv", read_remote_env},
    {"forwardPorts", read_ports},
    {"remoteUser", read_user},
    {"mounts", devcontainer_read_mounts},

    /* only for editors, or for how an editor's tool runs the container */
    {"$schema", ignore},
    {"name", ignore},
    {"customizations", ignore},
    {"extensions", ignore},
    {"settings", ignore},
    {"devPort", ignore},
    {"portsAttributes", ignore},
    {"otherPortsAttributes", ignore},
    {"secrets", ignore},
    {"shutdownAction", ignore},
    {"updateRemoteUserUID", ignore},
    {"userEnvProbe", ignore},
    {"waitFor", ignore},
};

static const struct property *find_property(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
        if (strcmp(properties[i].name, name) == 0) {
            return &properties[i];
        }
    }
    return NULL;
}

static void read_properties(struct devcontainer_reader *reader)
{
    const char *name;
    json_t *value;

    if (!json_is_object(reader->jsonc->root)) {
        devcontainer_refuse_type(reader, NULL, reader->jsonc->root, "an object");
        return;
    }
    json_object_foreach(reader->jsonc->root, name, value) {
        const struct property *property = find_property(name);
        struct place place = {.key = name};

        if (property != NULL) {
            property->read(reader, value, &place);
        } else {
            devcontainer_add_unsupported(reader, &place);
        }
    }
}

static void keep_errors(struct devcontainer *devcontainer, struct spec_errors *errors)
{
    spec_errors_sort(errors);
    devcontainer->errors =
        arena_alloc(&devcontainer->arena, errors->count * sizeof(*devcontainer->errors));
    if (errors->count > 0) {
        memcpy(devcontainer->errors, errors->items, errors->count * sizeof(*errors->items));
    }
    devcontainer->error_count = errors->count;
}

struct devcontainer *devcontainer_parse(const char *text, size_t len)
{
    struct devcontainer *devcontainer = xcalloc(1, sizeof(*devcontainer));
    struct devcontainer_reader reader = {.out = devcontainer};
    struct jsonc_position where;
    auto_done(jsonc) jsonc = {0};
    struct error err = {0};

    arena_init(&devcontainer->arena);
    devcontainer->unsupported.items =
        arena_alloc(&devcontainer->arena,
                    DEVCONTAINER_MAX_UNSUPPORTED * sizeof(*devcontainer->unsupported.items));
    spec_errors_init(&reader.errors, &devcontainer->arena, SPEC_MAX_ERRORS);
    if (jsonc_parse(text, len, &jsonc, &where, &err) < 0) {
        struct yaml_node node = {.line = where.line, .column = where.column};

        spec_errors_add(&reader.errors, &node, NULL, REASON_INVALID_DEVCONTAINER, "%s",
                        err.message);
    } else {
        reader.jsonc = &jsonc;
        read_properties(&reader);
    }
    keep_errors(devcontainer, &reader.errors);
    spec_errors_done(&reader.errors);
    return devcontainer;
}

void devcontainer_free(struct devcontainer *devcontainer)
{
    if (devcontainer != NULL) {
        arena_done(&devcontainer->arena);
        free(devcontainer);
    }
}

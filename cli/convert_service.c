#include "cli/convert_compose.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/text_check.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_RANGE = 100 };

/* Ports */

struct compose_port {
    const char *host_ip;                       /* NULL: all addresses, as compose has it */
    const char *published, *target, *protocol; /* "8000-8010"; published NULL: any */
};

static void add_port(struct convert_target *target, const struct compose_port *port,
                     unsigned container_port, unsigned host_port)
{
    json_t *item = json_pack("{s:i,s:s}", "containerPort", (int)container_port, "hostIP",
                             port->host_ip != NULL ? port->host_ip : "0.0.0.0");

    if (host_port != 0) {
        json_object_set_new(item, "hostPort", json_integer(host_port));
    }
    if (port->protocol != NULL && strcmp(port->protocol, "udp") == 0) {
        json_object_set_new(item, "protocol", json_string("UDP"));
    }
    json_array_append_new(convert_list_in(target->spec, "ports"), item);
}

static void add_ports(struct convert_target *target, const struct compose_port *port,
                      const struct yaml_node *node, const struct place *place)
{
    uint16_t first, last, host_first = 0, host_last = 0;
    struct error err = {0};

    if (port->host_ip != NULL && check_ip_address(port->host_ip, &err) < 0) {
        convert_drop(target->conversion, node, place, err.message);
        return;
    }
    if (port->protocol != NULL && strcmp(port->protocol, "tcp") != 0 &&
        strcmp(port->protocol, "udp") != 0) {
        convert_drop(target->conversion, node, place, "a port is tcp or udp");
        return;
    }
    if (port->target == NULL || parse_port_range(port->target, &first, &last) < 0 ||
        (port->published != NULL &&
         parse_port_range(port->published, &host_first, &host_last) < 0) ||
        last - first > MAX_RANGE) {
        convert_drop(target->conversion, node, place, "is no port, or a long range of them");
        return;
    }
    if (host_first != 0 && host_last - host_first != last - first) {
        convert_note(target->conversion, node, place,
                     "the host port is one from the controller's --ports now");
        host_first = 0;
    }
    for (unsigned i = 0; i <= (unsigned)(last - first); i++) {
        add_port(target, port, first + i, host_first != 0 ? host_first + i : 0);
    }
}

/* "[127.0.0.1:][8080:]80[/udp]"; an address of IPv6 is in brackets. */
static void take_port_text(struct convert_target *target, const char *text,
                           const struct yaml_node *node, const struct place *place)
{
    struct compose_port port = {.host_ip = NULL};
    auto_free char *copy = xstrdup(text);
    char *slash = strchr(copy, '/'), *colon, *rest = copy;

    if (slash != NULL) {
        *slash = '\0';
        port.protocol = slash + 1;
    }
    colon = strrchr(copy, ':');
    port.target = colon != NULL ? colon + 1 : copy;
    if (colon != NULL) {
        *colon = '\0';
        colon = strrchr(rest, ':');
        port.published = colon != NULL ? colon + 1 : rest;
        if (colon != NULL) {
            *colon = '\0';
            if (*rest == '[' && colon > rest && colon[-1] == ']') {
                colon[-1] = '\0';
                rest++;
            }
            port.host_ip = rest;
        }
        port.published = port.published[0] != '\0' ? port.published : NULL;
    }
    add_ports(target, &port, node, place);
}

static const char *text_in(struct convert_target *target, const struct yaml_node *map,
                           const char *key, const struct place *place)
{
    const struct yaml_node *value = yaml_map_get(map, key);
    struct place at = {.parent = place, .key = key};

    return value != NULL && !convert_is_null(value) ? convert_scalar(target->conversion, value, &at)
                                                    : NULL;
}

/* Keys of a map that are none of these are dropped. */
static void drop_others(struct convert_target *target, const struct yaml_node *map,
                        const struct place *place, const char *const *known)
{
    for (size_t i = 0; i + 1 < map->count; i += 2) {
        struct place at = {.parent = place, .key = map->items[i]->text};
        size_t k = 0;

        while (known[k] != NULL && strcmp(known[k], map->items[i]->text) != 0) {
            k++;
        }
        if (known[k] == NULL) {
            convert_drop(target->conversion, map->items[i], &at, NULL);
        }
    }
}

void compose_take_ports(struct convert_target *target, const struct yaml_node *value,
                        const struct place *place)
{
    static const char *const known[] = {"target", "published", "host_ip", "protocol", NULL};

    if (value->type != YAML_NODE_LIST) {
        convert_drop(target->conversion, value, place, "is no list");
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        const struct yaml_node *item = value->items[i];
        struct place at = {.parent = place, .index = i};

        if (item->type == YAML_NODE_MAP) {
            struct compose_port port = {
                .host_ip = text_in(target, item, "host_ip", &at),
                .published = text_in(target, item, "published", &at),
                .target = text_in(target, item, "target", &at),
                .protocol = text_in(target, item, "protocol", &at),
            };

            drop_others(target, item, &at, known);
            add_ports(target, &port, item, &at);
        } else {
            const char *text = convert_scalar(target->conversion, item, &at);

            if (text != NULL) {
                take_port_text(target, text, item, &at);
            }
        }
    }
}

/* Volumes */

/* What the engine calls a volume: another name may be given where it is declared. */
static const char *volume_name(struct convert_target *target, const char *name)
{
    const struct yaml_node *declared = yaml_map_get(target->volumes, name);
    const struct yaml_node *other = yaml_map_get(declared, "name");
    struct place volumes = {.key = "volumes"}, place = {.parent = &volumes, .key = name};
    struct place at = {.parent = &place, .key = "name"};
    const char *text = other != NULL ? convert_scalar(target->conversion, other, &at) : NULL;

    return text != NULL ? text : name;
}

/* source: a path, or the name of a volume. */
static void add_mount(struct convert_target *target, const char *source, const char *mount_path,
                      bool is_read_only, const struct yaml_node *node, const struct place *place)
{
    if (source == NULL || source[0] == '\0') {
        convert_drop(target->conversion, node, place,
                     "a volume needs a name, by which the next container finds it");
    } else if (source[0] == '~') {
        convert_drop(target->conversion, node, place, "write the path of the home directory out");
    } else if (source[0] == '/' || source[0] == '.') {
        auto_free char *joined = path_join(target->conversion->source->directory, source);
        auto_free char *path = path_absolute(joined);

        convert_volume(target, path, NULL, mount_path, is_read_only, node, place);
    } else {
        convert_volume(target, NULL, volume_name(target, source), mount_path, is_read_only, node,
                       place);
    }
}

/* "SOURCE:PATH[:OPTIONS]", or only the path. */
static void take_mount_text(struct convert_target *target, const char *text,
                            const struct yaml_node *node, const struct place *place)
{
    auto_free char *copy = xstrdup(text);
    char *path = strchr(copy, ':'), *options = NULL;
    bool is_read_only = false;

    if (path == NULL) {
        add_mount(target, NULL, text, false, node, place);
        return;
    }
    *path++ = '\0';
    options = strchr(path, ':');
    if (options != NULL) {
        *options++ = '\0';
    }
    for (char *save = NULL, *word = options != NULL ? strtok_r(options, ",", &save) : NULL;
         word != NULL; word = strtok_r(NULL, ",", &save)) {
        if (strcmp(word, "ro") == 0) {
            is_read_only = true;
        } else if (strcmp(word, "rw") != 0) {
            convert_note(target->conversion, node, place, "dropped: the option %s", word);
        }
    }
    add_mount(target, copy, path, is_read_only, node, place);
}

static void take_mount_map(struct convert_target *target, const struct yaml_node *map,
                           const struct place *place)
{
    static const char *const known[] = {"type", "source", "target", "read_only", NULL};
    const char *type = text_in(target, map, "type", place);
    const char *mount_path = text_in(target, map, "target", place);
    const char *read_only = text_in(target, map, "read_only", place);

    if (mount_path == NULL ||
        (type != NULL && strcmp(type, "bind") != 0 && strcmp(type, "volume") != 0)) {
        convert_drop(target->conversion, map, place, "only bind and volume have a counterpart");
        return;
    }
    drop_others(target, map, place, known);
    add_mount(target, text_in(target, map, "source", place), mount_path,
              text_equal(read_only, "true"), map, place);
}

void compose_take_volumes(struct convert_target *target, const struct yaml_node *value,
                          const struct place *place)
{
    for (size_t i = 0; value->type == YAML_NODE_LIST && i < value->count; i++) {
        const struct yaml_node *item = value->items[i];
        struct place at = {.parent = place, .index = i};

        if (item->type == YAML_NODE_MAP) {
            take_mount_map(target, item, &at);
        } else {
            const char *text = convert_scalar(target->conversion, item, &at);

            if (text != NULL) {
                take_mount_text(target, text, item, &at);
            }
        }
    }
    if (value->type != YAML_NODE_LIST) {
        convert_drop(target->conversion, value, place, "is no list");
    }
}

/* The check of its health: a readiness probe */

/* The command of the probe; NULL: there is none. New reference. */
static json_t *check_command(struct convert_target *target, const struct yaml_node *test,
                             const struct place *place)
{
    struct place at = {.parent = place, .key = "test"};
    json_t *words = convert_texts(target->conversion, test, &at), *shell = NULL;
    const char *first = json_string_value(json_array_get(words, 0));

    if (test->type != YAML_NODE_LIST) {
        shell = words;
    } else if (text_equal(first, "CMD")) {
        json_array_remove(words, 0);
    } else if (text_equal(first, "CMD-SHELL")) {
        json_array_remove(words, 0);
        shell = words;
    } else {
        if (!text_equal(first, "NONE")) {
            convert_drop(target->conversion, test, &at, "begins with neither CMD nor CMD-SHELL");
        }
        json_decref(words);
        return NULL;
    }
    if (json_array_size(words) == 0) {
        json_decref(words);
        return NULL;
    }
    if (shell != NULL) {
        shell = json_pack("[s,s,O]", "/bin/sh", "-c", json_array_get(words, 0));
        json_decref(words);
        return shell;
    }
    return words;
}

static void set_seconds(struct convert_target *target, json_t *probe, const char *name,
                        const struct yaml_node *map, const char *key, int64_t by_default,
                        const struct place *place)
{
    const char *text = text_in(target, map, key, place);
    struct place at = {.parent = place, .key = key};
    int64_t seconds = by_default;

    if (text != NULL && convert_parse_seconds(text, &seconds) < 0) {
        convert_drop(target->conversion, yaml_map_get(map, key), &at, "is no time");
    }
    json_object_set_new(probe, name, json_integer(seconds > 0 ? seconds : 1));
}

void compose_take_healthcheck(struct convert_target *target, const struct yaml_node *value,
                              const struct place *place)
{
    static const char *const known[] = {"test", "interval", "timeout", "retries", "disable", NULL};
    const struct yaml_node *test = yaml_map_get(value, "test");
    const struct yaml_node *retries = yaml_map_get(value, "retries");
    struct place retries_place = {.parent = place, .key = "retries"};
    json_t *command, *probe;

    if (text_equal(text_in(target, value, "disable", place), "true")) {
        return;
    }
    command = test != NULL ? check_command(target, test, place) : NULL;
    if (command == NULL) {
        if (test == NULL) {
            convert_drop(target->conversion, value, place,
                         "has no test; the image's own is not looked at");
        }
        return;
    }
    probe = json_pack("{s:{s:o}}", "exec", "command", command);
    set_seconds(target, probe, "periodSeconds", value, "interval", 30, place);
    set_seconds(target, probe, "timeoutSeconds", value, "timeout", 30, place);
    if (retries != NULL) {
        convert_set_number(target, probe, "failureThreshold", retries, &retries_place);
    }
    drop_others(target, value, place, known);
    json_object_set_new(target->spec, "readinessProbe", probe);
}

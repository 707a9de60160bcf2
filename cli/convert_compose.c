/*
 * Services of compose files. What has parts of its own (ports, mounts, checks) is in
 * convert_service.c.
 */
#include "cli/convert_compose.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/quantity.h"

#include <stdlib.h>
#include <string.h>

/* Texts */

static void take_image(struct convert_target *target, const struct yaml_node *value,
                       const struct place *place)
{
    convert_set_text(target, target->spec, "image", value, place);
}

/* A line is split as the shell splits it, a list is taken as it is. */
static void set_words(struct convert_target *target, const char *key, const struct yaml_node *value,
                      const struct place *place)
{
    const char *text;
    json_t *words;

    if (value->type == YAML_NODE_LIST) {
        json_object_set_new(target->spec, key, convert_texts(target->conversion, value, place));
        return;
    }
    text = convert_scalar(target->conversion, value, place);
    if (text == NULL) {
        return;
    }
    words = convert_split_words(text);
    if (words == NULL) {
        convert_drop(target->conversion, value, place, "a quote in it is not closed");
    } else {
        json_object_set_new(target->spec, key, words);
    }
}

static void take_command(struct convert_target *target, const struct yaml_node *value,
                         const struct place *place)
{
    set_words(target, "args", value, place);
}

static void take_entrypoint(struct convert_target *target, const struct yaml_node *value,
                            const struct place *place)
{
    set_words(target, "command", value, place);
}

static void take_working_dir(struct convert_target *target, const struct yaml_node *value,
                             const struct place *place)
{
    convert_set_text(target, target->spec, "workingDir", value, place);
}

static void take_user(struct convert_target *target, const struct yaml_node *value,
                      const struct place *place)
{
    convert_set_text(target, target->spec, "user", value, place);
}

static void take_hostname(struct convert_target *target, const struct yaml_node *value,
                          const struct place *place)
{
    convert_set_text(target, target->spec, "hostname", value, place);
}

static void take_read_only(struct convert_target *target, const struct yaml_node *value,
                           const struct place *place)
{
    if (convert_is_true(target->conversion, value, place)) {
        json_object_set_new(convert_map_in(target->spec, "securityContext"),
                            "readOnlyRootFilesystem", json_true());
    }
}

static void take_cap_add(struct convert_target *target, const struct yaml_node *value,
                         const struct place *place)
{
    json_t *security = convert_map_in(target->spec, "securityContext");

    json_object_set_new(convert_map_in(security, "capabilities"), "add",
                        convert_texts(target->conversion, value, place));
}

static void take_cap_drop(struct convert_target *target, const struct yaml_node *value,
                          const struct place *place)
{
    json_t *security = convert_map_in(target->spec, "securityContext");

    json_object_set_new(convert_map_in(security, "capabilities"), "drop",
                        convert_texts(target->conversion, value, place));
}

static void take_dns(struct convert_target *target, const struct yaml_node *value,
                     const struct place *place)
{
    json_object_set_new(convert_map_in(target->spec, "dns"), "servers",
                        convert_texts(target->conversion, value, place));
}

static void take_dns_search(struct convert_target *target, const struct yaml_node *value,
                            const struct place *place)
{
    json_object_set_new(convert_map_in(target->spec, "dns"), "search",
                        convert_texts(target->conversion, value, place));
}

/* Pairs: a map, or a list of "name=value" */

typedef void pair_fn(struct convert_target *target, const char *name, const char *value,
                     const struct yaml_node *node, const struct place *place);

static void take_map_pairs(struct convert_target *target, const struct yaml_node *map,
                           const struct place *place, pair_fn *take)
{
    for (size_t i = 0; i + 1 < map->count; i += 2) {
        const struct yaml_node *key = map->items[i], *value = map->items[i + 1];
        struct place at = {.parent = place, .key = key->text};
        const char *text =
            convert_is_null(value) ? NULL : convert_scalar(target->conversion, value, &at);

        if (text != NULL || convert_is_null(value)) {
            take(target, key->text, text, key, &at);
        }
    }
}

static void take_pairs(struct convert_target *target, const struct yaml_node *value,
                       const struct place *place, const char *separators, pair_fn *take)
{
    if (value->type == YAML_NODE_MAP) {
        take_map_pairs(target, value, place, take);
        return;
    }
    for (size_t i = 0; value->type == YAML_NODE_LIST && i < value->count; i++) {
        struct place at = {.parent = place, .index = i};
        const char *text = convert_scalar(target->conversion, value->items[i], &at);

        if (text != NULL) {
            size_t len = strcspn(text, separators);
            auto_free char *name = xstrndup(text, len);

            take(target, name, text[len] != '\0' ? text + len + 1 : NULL, value->items[i], &at);
        }
    }
    if (value->type == YAML_NODE_SCALAR) {
        convert_drop(target->conversion, value, place, "is neither a list nor a map");
    }
}

static void take_environment(struct convert_target *target, const struct yaml_node *value,
                             const struct place *place)
{
    take_pairs(target, value, place, "=", convert_env);
}

static void take_label(struct convert_target *target, const char *name, const char *value,
                       const struct yaml_node *node, const struct place *place)
{
    convert_label(target, name, value != NULL ? value : "", node, place);
}

static void take_labels(struct convert_target *target, const struct yaml_node *value,
                        const struct place *place)
{
    take_pairs(target, value, place, "=", take_label);
}

static void take_host(struct convert_target *target, const char *name, const char *value,
                      const struct yaml_node *node, const struct place *place)
{
    if (value == NULL || strcmp(value, "host-gateway") == 0) {
        convert_drop(target->conversion, node, place, "has no address");
        return;
    }
    json_array_append_new(convert_list_in(target->spec, "hostAliases"),
                          json_pack("{s:s,s:[s]}", "ip", value, "hostnames", name));
}

static void take_extra_hosts(struct convert_target *target, const struct yaml_node *value,
                             const struct place *place)
{
    take_pairs(target, value, place, ":=", take_host);
}

static void read_env_file(struct convert_target *target, const char *path, bool is_required,
                          const struct yaml_node *node, const struct place *place)
{
    const struct convert_source *source = target->conversion->source;
    auto_free char *full = path_join(source->directory, path), *text = NULL;
    json_auto_t *values = NULL;
    struct error err = {0};
    const char *name;
    json_t *value;

    if (source->read(full, &text, &err) < 0) {
        if (is_required) {
            convert_drop(target->conversion, node, place, err.message);
        }
        return;
    }
    values = convert_parse_env_file(text);
    json_object_foreach(values, name, value) {
        convert_env(target, name, json_string_value(value), node, place);
    }
    convert_note(target->conversion, node, place,
                 "its values are in the spec now; a secret belongs in a file that valueFrom names");
}

static void take_env_path(struct convert_target *target, const struct yaml_node *item,
                          const struct place *place)
{
    const struct yaml_node *path = item->type == YAML_NODE_MAP ? yaml_map_get(item, "path") : item;
    const struct yaml_node *required = yaml_map_get(item, "required");
    const char *text = path != NULL ? convert_scalar(target->conversion, path, place) : NULL;

    if (text != NULL) {
        read_env_file(target, text,
                      required == NULL || convert_is_true(target->conversion, required, place),
                      item, place);
    }
}

static void take_env_file(struct convert_target *target, const struct yaml_node *value,
                          const struct place *place)
{
    if (value->type != YAML_NODE_LIST) {
        take_env_path(target, value, place);
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        struct place at = {.parent = place, .index = i};

        take_env_path(target, value->items[i], &at);
    }
}

/* Words */

static void take_restart(struct convert_target *target, const struct yaml_node *value,
                         const struct place *place)
{
    const char *text = convert_scalar(target->conversion, value, place), *policy = NULL;

    if (text == NULL) {
        return;
    }
    if (strcmp(text, "always") == 0 || strcmp(text, "unless-stopped") == 0 ||
        strcmp(text, "any") == 0) {
        policy = "Always";
    } else if (text_has_prefix(text, "on-failure")) {
        policy = "OnFailure";
        if (text[strlen("on-failure")] == ':') {
            convert_note(
                target->conversion, value, place,
                "the number of tries is dropped: Berth waits longer each time, without end");
        }
    } else if (strcmp(text, "no") == 0 || strcmp(text, "none") == 0 || strcmp(text, "false") == 0) {
        policy = "Never";
    }
    if (policy == NULL) {
        convert_drop(target->conversion, value, place, "is not known");
    } else {
        json_object_set_new(target->spec, "restartPolicy", json_string(policy));
    }
}

static void take_pull_policy(struct convert_target *target, const struct yaml_node *value,
                             const struct place *place)
{
    const char *text = convert_scalar(target->conversion, value, place);
    const char *policy = text == NULL                  ? NULL
                         : strcmp(text, "always") == 0 ? "Always"
                         : strcmp(text, "never") == 0  ? "Never"
                         : strcmp(text, "missing") == 0 || strcmp(text, "if_not_present") == 0
                             ? "IfNotPresent"
                             : NULL;

    if (policy != NULL) {
        json_object_set_new(target->spec, "imagePullPolicy", json_string(policy));
    } else if (text != NULL) {
        convert_drop(target->conversion, value, place, "has no counterpart");
    }
}

/* Amounts */

static void take_memory(struct convert_target *target, const struct yaml_node *value,
                        const struct place *place)
{
    const char *text = convert_scalar(target->conversion, value, place);

    if (text != NULL && convert_parse_size(text, &target->memory_bytes) < 0) {
        convert_drop(target->conversion, value, place, "is no size");
    }
}

static void take_cpus(struct convert_target *target, const struct yaml_node *value,
                      const struct place *place)
{
    const char *text = convert_scalar(target->conversion, value, place);

    if (text != NULL && quantity_parse_cpu(text, &target->cpu_milli) < 0) {
        convert_drop(target->conversion, value, place, "is no number of processors");
    }
}

static void take_pids(struct convert_target *target, const struct yaml_node *value,
                      const struct place *place)
{
    int64_t pids;

    if (convert_number(target->conversion, value, place, &pids) && pids > 0) {
        target->pids = pids;
    }
}

static void take_grace(struct convert_target *target, const struct yaml_node *value,
                       const struct place *place)
{
    const char *text = convert_scalar(target->conversion, value, place);
    int64_t seconds;

    if (text == NULL) {
        return;
    }
    if (convert_parse_seconds(text, &seconds) < 0) {
        convert_drop(target->conversion, value, place, "is no time");
    } else {
        json_object_set_new(target->spec, "terminationGracePeriodSeconds", json_integer(seconds));
    }
}

static void take_scale(struct convert_target *target, const struct yaml_node *value,
                       const struct place *place)
{
    if (convert_number(target->conversion, value, place, &target->replicas) &&
        target->replicas != 1) {
        target->is_pool = true;
    }
}

/* deploy */

static void take_limits(struct convert_target *target, const struct yaml_node *value,
                        const struct place *place)
{
    static const struct convert_rule rules[] = {
        {"cpus", take_cpus, NULL},
        {"memory", take_memory, NULL},
        {"pids", take_pids, NULL},
        {NULL, NULL, NULL},
    };

    convert_by_rules(target, rules, value, place);
}

static void take_resources(struct convert_target *target, const struct yaml_node *value,
                           const struct place *place)
{
    static const struct convert_rule rules[] = {
        {"limits", take_limits, NULL},
        {"reservations", NULL, "Berth has limits only"},
        {NULL, NULL, NULL},
    };

    convert_by_rules(target, rules, value, place);
}

static void take_restart_policy(struct convert_target *target, const struct yaml_node *value,
                                const struct place *place)
{
    static const struct convert_rule rules[] = {
        {"condition", take_restart, NULL},
        {NULL, NULL, NULL},
    };

    convert_by_rules(target, rules, value, place);
}

static void take_deploy(struct convert_target *target, const struct yaml_node *value,
                        const struct place *place)
{
    static const struct convert_rule rules[] = {
        {"replicas", take_scale, NULL},
        {"resources", take_resources, NULL},
        {"restart_policy", take_restart_policy, NULL},
        {"labels", take_labels, NULL},
        {NULL, NULL, NULL},
    };

    convert_by_rules(target, rules, value, place);
}

static const struct convert_rule service_rules[] = {
    {"image", take_image, NULL},
    {"build", NULL, "Berth builds no images; build and push it, and name it as image"},
    {"command", take_command, NULL},
    {"entrypoint", take_entrypoint, NULL},
    {"env_file", NULL, ""}, /* before environment, which outweighs it: see convert_service() */
    {"environment", take_environment, NULL},
    {"working_dir", take_working_dir, NULL},
    {"user", take_user, NULL},
    {"hostname", take_hostname, NULL},
    {"read_only", take_read_only, NULL},
    {"cap_add", take_cap_add, NULL},
    {"cap_drop", take_cap_drop, NULL},
    {"dns", take_dns, NULL},
    {"dns_search", take_dns_search, NULL},
    {"extra_hosts", take_extra_hosts, NULL},
    {"labels", take_labels, NULL},
    {"ports", compose_take_ports, NULL},
    {"volumes", compose_take_volumes, NULL},
    {"healthcheck", compose_take_healthcheck, NULL},
    {"restart", take_restart, NULL},
    {"pull_policy", take_pull_policy, NULL},
    {"mem_limit", take_memory, NULL},
    {"cpus", take_cpus, NULL},
    {"pids_limit", take_pids, NULL},
    {"stop_grace_period", take_grace, NULL},
    {"scale", take_scale, NULL},
    {"deploy", take_deploy, NULL},
    {"container_name", NULL, "the container has the object's name"},
    {"depends_on", NULL,
     "Berth starts all at once; a program has to wait for what it needs, or to end and be "
     "restarted"},
    {"links", NULL, "instances of one zone reach each other by name"},
    {"networks", NULL, "instances of one zone reach each other by name; give others another zone"},
    {"expose", NULL, "instances of one zone reach all ports of each other"},
    {"privileged", NULL, "no container of Berth's is privileged"},
    {"network_mode", NULL, "each instance is on the network of its zone"},
    {"logging", NULL, "logs are kept by the engine, within limits"},
    {"secrets", NULL,
     "a file of the host can be mounted, or be the value of a variable (valueFrom)"},
    {"mem_reservation", NULL, "Berth has limits only"},
    {NULL, NULL, NULL},
};

static void convert_service(struct conversion *conversion, const struct yaml_node *key,
                            const struct yaml_node *service, const struct yaml_node *volumes,
                            const struct place *place)
{
    const struct yaml_node *env_file = yaml_map_get(service, "env_file");
    struct place env_place = {.parent = place, .key = "env_file"};
    struct convert_target target;

    if (service->type != YAML_NODE_MAP) {
        convert_drop(conversion, key, place, "is no map");
        return;
    }
    convert_target_init(&target, conversion, key->text, key, place);
    target.volumes = volumes;
    if (env_file != NULL && !convert_is_null(env_file)) {
        take_env_file(&target, env_file, &env_place);
    }
    convert_by_rules(&target, service_rules, service, place);
    if (json_object_get(target.spec, "restartPolicy") == NULL) { /* what compose does by default */
        json_object_set_new(target.spec, "restartPolicy", json_string("Never"));
    }
    if (json_object_get(target.spec, "image") == NULL) {
        convert_note(conversion, key, place,
                     "has no image: it would be an idle machine from Berth's own image");
    }
    convert_target_finish(&target);
}

void convert_compose(struct conversion *conversion, const struct yaml_node *root)
{
    const struct yaml_node *volumes = yaml_map_get(root, "volumes");

    for (size_t i = 0; i + 1 < root->count; i += 2) {
        const struct yaml_node *key = root->items[i], *value = root->items[i + 1];
        struct place place = {.key = key->text};

        if (strcmp(key->text, "services") == 0 && value->type == YAML_NODE_MAP) {
            for (size_t s = 0; s + 1 < value->count; s += 2) {
                struct place at = {.parent = &place, .key = value->items[s]->text};

                convert_service(conversion, value->items[s], value->items[s + 1], volumes, &at);
            }
        } else if (strcmp(key->text, "volumes") == 0) {
            convert_note(conversion, key, &place,
                         "dropped: the engine makes a volume when an instance names it; what "
                         "compose keeps in <project>_<name> is not moved");
        } else if (strcmp(key->text, "networks") == 0) {
            convert_drop(conversion, key, &place,
                         "an instance is on the network of its zone, which Berth makes");
        } else {
            convert_drop(conversion, key, &place, NULL);
        }
    }
}

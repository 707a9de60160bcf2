/* Manifests of kubectl: pods, and the templates of pods in what makes them. */
#include "cli/convert_parts.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/quantity.h"

#include <string.h>

#define INTO_SPEC(function, key)                                                                   \
    static void function(struct convert_target *target, const struct yaml_node *value,             \
                         const struct place *place)                                                \
    {                                                                                              \
        convert_set_text(target, target->spec, key, value, place);                                 \
    }

INTO_SPEC(take_image, "image")
INTO_SPEC(take_working_dir, "workingDir")
INTO_SPEC(take_pull_policy, "imagePullPolicy")
INTO_SPEC(take_hostname, "hostname")
INTO_SPEC(take_restart_policy, "restartPolicy")

static void take_command(struct convert_target *target, const struct yaml_node *value,
                         const struct place *place)
{
    json_object_set_new(target->spec, "command", convert_texts(target->conversion, value, place));
}

static void take_args(struct convert_target *target, const struct yaml_node *value,
                      const struct place *place)
{
    json_object_set_new(target->spec, "args", convert_texts(target->conversion, value, place));
}

static void take_grace(struct convert_target *target, const struct yaml_node *value,
                       const struct place *place)
{
    convert_set_number(target, target->spec, "terminationGracePeriodSeconds", value, place);
}

/* Keys of a map that go into another one as they are, or under another name. */
struct copied_key {
    const char *key;
    const char *name; /* NULL: the same */
    enum { COPY_TEXT, COPY_NUMBER, COPY_TRUE, COPY_TEXTS, COPY_PORT } how;
};

static void copy_value(struct convert_target *target, const struct copied_key *copied,
                       const struct yaml_node *value, const struct place *place, json_t *into)
{
    const char *name = copied->name != NULL ? copied->name : copied->key;
    const char *text;
    int64_t number;

    switch (copied->how) { /* no default: one that copies nothing does not compile */
    case COPY_TEXT: convert_set_text(target, into, name, value, place); break;
    case COPY_NUMBER: convert_set_number(target, into, name, value, place); break;
    case COPY_TRUE:
        if (convert_is_true(target->conversion, value, place)) {
            json_object_set_new(into, name, json_true());
        }
        break;
    case COPY_TEXTS:
        json_object_set_new(into, name, convert_texts(target->conversion, value, place));
        break;
    case COPY_PORT: /* a number or a name */
        text = convert_scalar(target->conversion, value, place);
        if (text != NULL) {
            json_object_set_new(into, name,
                                parse_i64(text, &number) == 0 ? json_integer(number)
                                                              : json_string(text));
        }
        break;
    }
}

/*
 * Keys that are not in the table are dropped, but for one that somebody else takes (may be NULL).
 */
static void copy_keys(struct convert_target *target, const struct copied_key *table,
                      const struct yaml_node *map, const struct place *place, const char *others,
                      json_t *into)
{
    for (size_t i = 0; map->type == YAML_NODE_MAP && i + 1 < map->count; i += 2) {
        const struct yaml_node *key = map->items[i], *value = map->items[i + 1];
        struct place at = {.parent = place, .key = key->text};
        const struct copied_key *copied = table;

        while (copied->key != NULL && strcmp(copied->key, key->text) != 0) {
            copied++;
        }
        if (copied->key == NULL && !text_equal(others, key->text)) {
            convert_drop(target->conversion, key, &at, NULL);
        } else if (copied->key != NULL && !convert_is_null(value)) {
            copy_value(target, copied, value, &at, into);
        }
    }
    if (map->type != YAML_NODE_MAP) {
        convert_drop(target->conversion, map, place, "is no map");
    }
}

/* Lists of maps, item by item into a list. */
static void copy_items(struct convert_target *target, const struct copied_key *table,
                       const struct yaml_node *list, const struct place *place, json_t *into)
{
    for (size_t i = 0; list->type == YAML_NODE_LIST && i < list->count; i++) {
        struct place at = {.parent = place, .index = i};
        json_t *item = json_object();

        copy_keys(target, table, list->items[i], &at, NULL, item);
        json_array_append_new(into, item);
    }
    if (list->type != YAML_NODE_LIST) {
        convert_drop(target->conversion, list, place, "is no list");
    }
}

static void take_ports(struct convert_target *target, const struct yaml_node *value,
                       const struct place *place)
{
    static const struct copied_key keys[] = {
        {"name", NULL, COPY_TEXT},     {"containerPort", NULL, COPY_NUMBER},
        {"protocol", NULL, COPY_TEXT}, {"hostPort", NULL, COPY_NUMBER},
        {"hostIP", NULL, COPY_TEXT},   {NULL, NULL, COPY_TEXT},
    };

    copy_items(target, keys, value, place, convert_list_in(target->spec, "ports"));
}

static void take_host_aliases(struct convert_target *target, const struct yaml_node *value,
                              const struct place *place)
{
    static const struct copied_key keys[] = {
        {"ip", NULL, COPY_TEXT},
        {"hostnames", NULL, COPY_TEXTS},
        {NULL, NULL, COPY_TEXT},
    };

    copy_items(target, keys, value, place, convert_list_in(target->spec, "hostAliases"));
}

static void take_dns(struct convert_target *target, const struct yaml_node *value,
                     const struct place *place)
{
    static const struct copied_key keys[] = {
        {"nameservers", "servers", COPY_TEXTS},
        {"searches", "search", COPY_TEXTS},
        {NULL, NULL, COPY_TEXT},
    };

    copy_keys(target, keys, value, place, NULL, convert_map_in(target->spec, "dns"));
}

static void take_env(struct convert_target *target, const struct yaml_node *value,
                     const struct place *place)
{
    for (size_t i = 0; value->type == YAML_NODE_LIST && i < value->count; i++) {
        const struct yaml_node *item = value->items[i], *name = yaml_map_get(item, "name");
        const struct yaml_node *text = yaml_map_get(item, "value");
        struct place at = {.parent = place, .index = i};
        const char *given;

        if (name == NULL || name->type != YAML_NODE_SCALAR ||
            yaml_map_get(item, "valueFrom") != NULL) {
            convert_drop(target->conversion, item, &at,
                         "a value from elsewhere; a file of the host can be the value (valueFrom)");
            continue;
        }
        given = text != NULL && !convert_is_null(text)
                    ? convert_scalar(target->conversion, text, &at)
                    : "";
        if (given != NULL) {
            convert_env(target, name->text, given, item, &at);
        }
    }
}

/* Amounts */

static void take_limit(struct convert_target *target, const char *name,
                       const struct yaml_node *value, const struct place *place)
{
    const char *text = convert_scalar(target->conversion, value, place);

    if (text == NULL) {
        return;
    }
    if (strcmp(name, "cpu") == 0 && quantity_parse_cpu(text, &target->cpu_milli) < 0) {
        convert_drop(target->conversion, value, place, "is no number of processors");
    } else if (strcmp(name, "memory") == 0 &&
               quantity_parse_bytes(text, &target->memory_bytes) < 0) {
        convert_drop(target->conversion, value, place, "is no size");
    } else if (strcmp(name, "cpu") != 0 && strcmp(name, "memory") != 0) {
        convert_drop(target->conversion, value, place, NULL);
    }
}

static void take_limits(struct convert_target *target, const struct yaml_node *value,
                        const struct place *place)
{
    for (size_t i = 0; value->type == YAML_NODE_MAP && i + 1 < value->count; i += 2) {
        struct place at = {.parent = place, .key = value->items[i]->text};

        take_limit(target, value->items[i]->text, value->items[i + 1], &at);
    }
}

static void take_resources(struct convert_target *target, const struct yaml_node *value,
                           const struct place *place)
{
    static const struct convert_rule rules[] = {
        {"limits", take_limits, NULL},
        {"requests", NULL, "Berth has limits only"},
        {NULL, NULL, NULL},
    };

    convert_by_rules(target, rules, value, place);
}

/* Actions and probes */

static const struct copied_key exec_keys[] = {
    {"command", NULL, COPY_TEXTS},
    {NULL, NULL, COPY_TEXT},
};

static const struct copied_key header_keys[] = {
    {"name", NULL, COPY_TEXT},
    {"value", NULL, COPY_TEXT},
    {NULL, NULL, COPY_TEXT},
};

/* exec, httpGet and tcpSocket of a map; true when one of them was there. */
static bool copy_actions(struct convert_target *target, const struct yaml_node *map,
                         const struct place *place, bool is_hook, json_t *into)
{
    static const struct copied_key http_keys[] = {
        {"path", NULL, COPY_TEXT},
        {"port", NULL, COPY_PORT},
        {"scheme", NULL, COPY_TEXT},
        {NULL, NULL, COPY_TEXT},
    };
    static const struct copied_key tcp_keys[] = {
        {"port", NULL, COPY_PORT},
        {NULL, NULL, COPY_TEXT},
    };
    const struct yaml_node *exec = yaml_map_get(map, "exec"), *http = yaml_map_get(map, "httpGet");
    const struct yaml_node *tcp = yaml_map_get(map, "tcpSocket");
    const struct yaml_node *headers = yaml_map_get(http, "httpHeaders");
    struct place exec_at = {.parent = place, .key = "exec"};
    struct place http_at = {.parent = place, .key = "httpGet"};
    struct place tcp_at = {.parent = place, .key = "tcpSocket"};
    struct place headers_at = {.parent = &http_at, .key = "httpHeaders"};

    if (exec != NULL) {
        copy_keys(target, exec_keys, exec, &exec_at, NULL, convert_map_in(into, "exec"));
    }
    if (!is_hook && http != NULL) {
        copy_keys(target, http_keys, http, &http_at, "httpHeaders",
                  convert_map_in(into, "httpGet"));
    }
    if (!is_hook && headers != NULL) {
        copy_items(target, header_keys, headers, &headers_at,
                   convert_list_in(convert_map_in(into, "httpGet"), "httpHeaders"));
    }
    if (!is_hook && tcp != NULL) {
        copy_keys(target, tcp_keys, tcp, &tcp_at, NULL, convert_map_in(into, "tcpSocket"));
    }
    return json_object_size(into) > 0;
}

static void take_probe(struct convert_target *target, const char *name,
                       const struct yaml_node *value, const struct place *place)
{
    static const char *const numbers[] = {"initialDelaySeconds", "periodSeconds", "timeoutSeconds",
                                          "successThreshold", "failureThreshold"};
    json_t *probe = json_object();

    if (!copy_actions(target, value, place, false, probe)) {
        convert_drop(target->conversion, value, place,
                     "only exec, httpGet and tcpSocket have a counterpart");
        json_decref(probe);
        return;
    }
    for (size_t i = 0; i + 1 < value->count; i += 2) {
        const char *key = value->items[i]->text;
        struct place at = {.parent = place, .key = key};
        size_t n = 0;

        while (n < ARRAY_SIZE(numbers) && strcmp(numbers[n], key) != 0) {
            n++;
        }
        if (n < ARRAY_SIZE(numbers)) {
            convert_set_number(target, probe, key, value->items[i + 1], &at);
        } else if (json_object_get(probe, key) == NULL) {
            convert_drop(target->conversion, value->items[i], &at, NULL);
        }
    }
    json_object_set_new(target->spec, name, probe);
}

#define TAKE_PROBE(function, name)                                                                 \
    static void function(struct convert_target *target, const struct yaml_node *value,             \
                         const struct place *place)                                                \
    {                                                                                              \
        take_probe(target, name, value, place);                                                    \
    }

TAKE_PROBE(take_readiness, "readinessProbe")
TAKE_PROBE(take_liveness, "livenessProbe")
TAKE_PROBE(take_startup, "startupProbe")

static void take_hook(struct convert_target *target, const char *name,
                      const struct yaml_node *value, const struct place *place)
{
    json_t *hook = json_object();

    if (copy_actions(target, value, place, true, hook)) {
        json_object_set(convert_map_in(target->spec, "lifecycle"), name, hook);
    } else {
        convert_drop(target->conversion, value, place, "only exec has a counterpart");
    }
    json_decref(hook);
}

static void take_post_start(struct convert_target *target, const struct yaml_node *value,
                            const struct place *place)
{
    take_hook(target, "postStart", value, place);
}

static void take_pre_stop(struct convert_target *target, const struct yaml_node *value,
                          const struct place *place)
{
    take_hook(target, "preStop", value, place);
}

static void take_lifecycle(struct convert_target *target, const struct yaml_node *value,
                           const struct place *place)
{
    static const struct convert_rule rules[] = {
        {"postStart", take_post_start, NULL},
        {"preStop", take_pre_stop, NULL},
        {NULL, NULL, NULL},
    };

    convert_by_rules(target, rules, value, place);
}

/* Of the pod or of the container, which is looked at later and outweighs it. */
static void take_security(struct convert_target *target, const struct yaml_node *value,
                          const struct place *place)
{
    static const struct copied_key keys[] = {
        {"runAsUser", NULL, COPY_NUMBER},
        {"readOnlyRootFilesystem", NULL, COPY_TRUE},
        {NULL, NULL, COPY_TEXT},
    };
    static const struct copied_key capability_keys[] = {
        {"add", NULL, COPY_TEXTS},
        {"drop", NULL, COPY_TEXTS},
        {NULL, NULL, COPY_TEXT},
    };
    const struct yaml_node *capabilities = yaml_map_get(value, "capabilities");
    json_t *security = convert_map_in(target->spec, "securityContext");
    struct place at = {.parent = place, .key = "capabilities"};

    copy_keys(target, keys, value, place, "capabilities", security);
    if (capabilities != NULL) {
        copy_keys(target, capability_keys, capabilities, &at, NULL,
                  convert_map_in(security, "capabilities"));
    }
}

/* Volumes */

static const struct yaml_node *find_volume(const struct yaml_node *volumes, const char *name)
{
    for (size_t i = 0; volumes != NULL && volumes->type == YAML_NODE_LIST && i < volumes->count;
         i++) {
        const struct yaml_node *found = yaml_map_get(volumes->items[i], "name");

        if (found != NULL && found->type == YAML_NODE_SCALAR && strcmp(found->text, name) == 0) {
            return volumes->items[i];
        }
    }
    return NULL;
}

static const char *text_of(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *value = yaml_map_get(map, key);

    return value != NULL && value->type == YAML_NODE_SCALAR ? value->text : NULL;
}

static void take_mount(struct convert_target *target, const struct yaml_node *mount,
                       const struct place *place)
{
    const char *name = text_of(mount, "name"), *path = text_of(mount, "mountPath");
    const struct yaml_node *volume = name != NULL ? find_volume(target->volumes, name) : NULL;
    const char *host_path = text_of(yaml_map_get(volume, "hostPath"), "path");
    const char *claim = text_of(yaml_map_get(volume, "persistentVolumeClaim"), "claimName");

    if (path == NULL || (host_path == NULL && claim == NULL)) {
        convert_drop(target->conversion, mount, place,
                     "only hostPath and persistentVolumeClaim have a counterpart");
        return;
    }
    for (size_t i = 0; i + 1 < mount->count; i += 2) {
        const char *key = mount->items[i]->text;
        struct place at = {.parent = place, .key = key};

        if (strcmp(key, "name") != 0 && strcmp(key, "mountPath") != 0 &&
            strcmp(key, "readOnly") != 0) {
            convert_drop(target->conversion, mount->items[i], &at, NULL);
        }
    }
    convert_volume(target, host_path, host_path == NULL ? claim : NULL, path,
                   text_equal(text_of(mount, "readOnly"), "true"), mount, place);
}

static void take_mounts(struct convert_target *target, const struct yaml_node *value,
                        const struct place *place)
{
    for (size_t i = 0; value->type == YAML_NODE_LIST && i < value->count; i++) {
        struct place at = {.parent = place, .index = i};

        take_mount(target, value->items[i], &at);
    }
}

/* Containers */

static const struct convert_rule container_rules[] = {
    {"name", NULL, ""},
    {"image", take_image, NULL},
    {"imagePullPolicy", take_pull_policy, NULL},
    {"command", take_command, NULL},
    {"args", take_args, NULL},
    {"workingDir", take_working_dir, NULL},
    {"env", take_env, NULL},
    {"envFrom", NULL, "a file of the host can be the value of a variable (valueFrom)"},
    {"ports", take_ports, NULL},
    {"resources", take_resources, NULL},
    {"readinessProbe", take_readiness, NULL},
    {"livenessProbe", take_liveness, NULL},
    {"startupProbe", take_startup, NULL},
    {"lifecycle", take_lifecycle, NULL},
    {"securityContext", take_security, NULL},
    {"volumeMounts", take_mounts, NULL},
    {NULL, NULL, NULL},
};

static const struct convert_rule pod_rules[] = {
    {"containers", NULL, ""},
    {"volumes", NULL, ""}, /* told where one is mounted */
    {"restartPolicy", take_restart_policy, NULL},
    {"terminationGracePeriodSeconds", take_grace, NULL},
    {"hostname", take_hostname, NULL},
    {"hostAliases", take_host_aliases, NULL},
    {"dnsConfig", take_dns, NULL},
    {"securityContext", take_security, NULL},
    {"initContainers", NULL, "do what they do in the image, or in lifecycle.postStart"},
    {"nodeName", NULL, "there is one node"},
    {"nodeSelector", NULL, "there is one node"},
    {"affinity", NULL, "there is one node"},
    {"tolerations", NULL, "there is one node"},
    {NULL, NULL, NULL},
};

/* What a manifest says beside the pod itself. */
struct manifest {
    struct conversion *conversion;
    const char *name;
    const struct yaml_node *metadata, *pod; /* the pod's metadata and spec */
    const struct place *metadata_place, *pod_place;
    bool is_pool;
    int64_t replicas;
};

static void take_metadata(struct convert_target *target, const struct yaml_node *metadata,
                          const struct place *place)
{
    static const char *const maps[] = {"labels", "annotations"};

    for (size_t m = 0; m < ARRAY_SIZE(maps); m++) {
        const struct yaml_node *map = yaml_map_get(metadata, maps[m]);
        struct place map_place = {.parent = place, .key = maps[m]};

        for (size_t i = 0; map != NULL && i + 1 < map->count; i += 2) {
            struct place at = {.parent = &map_place, .key = map->items[i]->text};
            const char *text = convert_scalar(target->conversion, map->items[i + 1], &at);

            if (text != NULL && m == 0) {
                convert_label(target, map->items[i]->text, text, map->items[i], &at);
            } else if (text != NULL) {
                json_object_set_new(target->annotations, map->items[i]->text, json_string(text));
            }
        }
    }
}

static void convert_container(const struct manifest *manifest, const struct yaml_node *container,
                              const struct place *place, bool is_alone)
{
    const char *own = text_of(container, "name");
    auto_free char *name = is_alone ? xstrdup(manifest->name)
                                    : xasprintf("%s-%s", manifest->name, own != NULL ? own : "c");
    struct convert_target target;

    if (!is_alone) {
        convert_note(manifest->conversion, container, place,
                     "is an object of its own now: %s; the others are not at localhost", name);
    }
    convert_target_init(&target, manifest->conversion, name, container, place);
    target.volumes = yaml_map_get(manifest->pod, "volumes");
    target.is_pool = manifest->is_pool;
    target.replicas = manifest->replicas;
    if (manifest->metadata != NULL) {
        take_metadata(&target, manifest->metadata, manifest->metadata_place);
    }
    convert_by_rules(&target, pod_rules, manifest->pod, manifest->pod_place);
    convert_by_rules(&target, container_rules, container, place);
    convert_target_finish(&target);
}

static void convert_containers(const struct manifest *manifest)
{
    const struct yaml_node *containers = yaml_map_get(manifest->pod, "containers");
    struct place place = {.parent = manifest->pod_place, .key = "containers"};

    if (containers == NULL || containers->type != YAML_NODE_LIST || containers->count == 0) {
        convert_drop(manifest->conversion, manifest->pod, &place, "it has no containers");
        return;
    }
    for (size_t i = 0; i < containers->count; i++) {
        struct place at = {.parent = &place, .index = i};

        convert_container(manifest, containers->items[i], &at, containers->count == 1);
    }
}

/* Keys of metadata that are no labels, notes or names. */
static void drop_metadata(struct conversion *conversion, const struct yaml_node *metadata,
                          const struct place *place)
{
    for (size_t i = 0; metadata != NULL && i + 1 < metadata->count; i += 2) {
        const char *key = metadata->items[i]->text;
        struct place at = {.parent = place, .key = key};

        if (strcmp(key, "name") != 0 && strcmp(key, "labels") != 0 &&
            strcmp(key, "annotations") != 0 && strcmp(key, "creationTimestamp") != 0) {
            convert_drop(conversion, metadata->items[i], &at, NULL);
        }
    }
}

static void convert_controller(const struct manifest *controller, const struct yaml_node *spec,
                               const struct place *spec_place)
{
    const struct yaml_node *template = yaml_map_get(spec, "template");
    struct place template_place = {.parent = spec_place, .key = "template"};
    struct place metadata_place = {.parent = &template_place, .key = "metadata"};
    struct place pod_place = {.parent = &template_place, .key = "spec"};
    struct manifest manifest = *controller;

    manifest.is_pool = true;
    for (size_t i = 0; spec != NULL && i + 1 < spec->count; i += 2) {
        const struct yaml_node *key = spec->items[i];
        struct place at = {.parent = spec_place, .key = key->text};

        if (strcmp(key->text, "replicas") == 0) {
            convert_number(manifest.conversion, spec->items[i + 1], &at, &manifest.replicas);
        } else if (strcmp(key->text, "template") != 0 && strcmp(key->text, "selector") != 0) {
            convert_drop(manifest.conversion, key, &at, NULL);
        }
    }
    manifest.metadata = yaml_map_get(template, "metadata");
    manifest.metadata_place = &metadata_place;
    manifest.pod = yaml_map_get(template, "spec");
    manifest.pod_place = &pod_place;
    if (manifest.pod == NULL) {
        convert_drop(manifest.conversion, spec, &pod_place, "there is no template of a pod");
    } else {
        convert_containers(&manifest);
    }
}

static int convert_list(struct conversion *conversion, const struct yaml_node *root)
{
    const struct yaml_node *items = yaml_map_get(root, "items");

    for (size_t i = 0; items != NULL && items->type == YAML_NODE_LIST && i < items->count; i++) {
        if (convert_manifest(conversion, items->items[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

int convert_manifest(struct conversion *conversion, const struct yaml_node *root)
{
    static const char *const controllers[] = {"Deployment", "ReplicaSet", "StatefulSet",
                                              "ReplicationController"};
    const char *kind = text_of(root, "kind");
    const struct yaml_node *metadata = yaml_map_get(root, "metadata");
    const struct yaml_node *spec = yaml_map_get(root, "spec");
    struct place metadata_place = {.key = "metadata"}, spec_place = {.key = "spec"};
    struct place kind_place = {.key = "kind"};
    struct manifest manifest = {
        .conversion = conversion,
        .name = text_of(metadata, "name"),
        .metadata = metadata,
        .pod = spec,
        .metadata_place = &metadata_place,
        .pod_place = &spec_place,
        .replicas = 1,
    };
    size_t i = 0;

    if (kind == NULL || text_of(root, "apiVersion") == NULL) {
        return -1;
    }
    if (strcmp(kind, "List") == 0) {
        return convert_list(conversion, root);
    }
    while (i < ARRAY_SIZE(controllers) && strcmp(controllers[i], kind) != 0) {
        i++;
    }
    if (i == ARRAY_SIZE(controllers) && strcmp(kind, "Pod") != 0) {
        convert_note(conversion, root, &kind_place,
                     "dropped: there is no counterpart of the kind %s", kind);
        return 0;
    }
    manifest.name = manifest.name != NULL ? manifest.name : "unnamed";
    drop_metadata(conversion, metadata, &metadata_place);
    if (i < ARRAY_SIZE(controllers)) {
        convert_controller(&manifest, spec, &spec_place);
    } else if (spec != NULL) {
        convert_containers(&manifest);
    }
    return 0;
}

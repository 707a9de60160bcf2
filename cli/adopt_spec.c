#include "cli/adopt_spec.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/machine_types.h"
#include "specs/text_check.h"
#include "specs/types.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NANO INT64_C(1000000)

struct adoption {
    const json_t *config, *host, *image; /* image: its Config */
    json_t *spec;
    struct strbuf *notes;
};

static void note(struct adoption *adoption, const char *what, const char *detail, const char *why)
{
    auto_free char *shown = xstrdup(detail); /* somebody else's container has it */

    text_make_clean_line(shown, strlen(shown));
    strbuf_addf(adoption->notes, "%s%s%s: %s\n", what, shown[0] != '\0' ? " " : "", shown, why);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

/* What the container has and its image has not said already; NULL: nothing. Borrowed. */
static json_t *own_value(const struct adoption *adoption, const char *key)
{
    json_t *value = json_object_get(adoption->config, key);

    return value == NULL || json_is_null(value) ||
                   json_equal(value, json_object_get(adoption->image, key))
               ? NULL
               : value;
}

static void take_text(struct adoption *adoption, const char *key, const char *field)
{
    json_t *value = own_value(adoption, key);

    if (value != NULL && text_of(adoption->config, key)[0] != '\0') {
        json_object_set(adoption->spec, field, value);
    }
}

/* A list that is not empty. */
static void take_list(json_t *target, const char *field, json_t *list)
{
    if (json_array_size(list) > 0) {
        json_object_set(target, field, list);
    }
}

/* Arguments alone go behind the image's entry point, as with docker run. */
static void take_command(struct adoption *adoption)
{
    json_t *entry = own_value(adoption, "Entrypoint"), *args = own_value(adoption, "Cmd");

    if (json_array_size(entry) > 0) {
        json_object_set(adoption->spec, "command", entry);
        args = json_object_get(adoption->config, "Cmd");
    }
    take_list(adoption->spec, "args", args);
}

static bool has_item(const json_t *list, const json_t *item)
{
    size_t index;
    json_t *other;

    json_array_foreach(list, index, other) {
        if (json_equal(other, item)) {
            return true;
        }
    }
    return false;
}

static void take_env(struct adoption *adoption)
{
    json_t *list = json_array(), *item;
    size_t index;

    json_array_foreach(json_object_get(adoption->config, "Env"), index, item) {
        const char *text = json_string_value(item), *equals = strchr(text, '=');
        auto_free char *name =
            xstrndup(text, equals != NULL ? (size_t)(equals - text) : strlen(text));
        struct error err = {0};

        if (has_item(json_object_get(adoption->image, "Env"), item)) {
            continue;
        }
        if (check_env_name(name, &err) < 0) {
            note(adoption, "environment", name, "no name that a spec may have; dropped");
            continue;
        }
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "name", name, "value", equals != NULL ? equals + 1 : ""));
    }
    take_list(adoption->spec, "env", list);
    json_decref(list);
}

static void take_port(struct adoption *adoption, json_t *list, const char *key, json_t *bindings)
{
    const json_t *binding = json_array_get(bindings, 0);
    const char *address = text_of(binding, "HostIp"), *protocol = strchr(key, '/');
    json_t *port;
    auto_free char *name =
        xasprintf("port-%ld%s", strtol(key, NULL, 10), text_equal(protocol, "/udp") ? "-udp" : "");
    long number = strtol(text_of(binding, "HostPort"), NULL, 10);

    if (protocol != NULL && strcmp(protocol, "/tcp") != 0 && strcmp(protocol, "/udp") != 0) {
        note(adoption, "port", key, "only TCP and UDP can be published; dropped");
        return;
    }
    if (json_array_size(bindings) > 1) {
        note(adoption, "port", key, "published several times; the first one is kept");
    }
    port =
        json_pack("{s:s, s:I}", "name", name, "containerPort", (json_int_t)strtol(key, NULL, 10));
    if (text_equal(protocol, "/udp")) {
        json_object_set_new(port, "protocol", json_string("UDP"));
    }
    if (number > 0) {
        json_object_set_new(port, "hostPort", json_integer(number));
    }
    json_object_set_new(port, "hostIP", json_string(address[0] != '\0' ? address : "0.0.0.0"));
    json_array_append_new(list, port);
}

static void take_ports(struct adoption *adoption)
{
    json_t *list = json_array(), *bindings;
    const char *key;

    json_object_foreach(json_object_get(adoption->host, "PortBindings"), key, bindings) {
        take_port(adoption, list, key, bindings);
    }
    take_list(adoption->spec, "ports", list);
    json_decref(list);
}

static void take_mounts(struct adoption *adoption, const json_t *mounts)
{
    json_t *list = json_array(), *mount;
    size_t index;

    json_array_foreach(mounts, index, mount) {
        const char *type = text_of(mount, "Type"), *target = text_of(mount, "Destination");
        bool is_bind = strcmp(type, "bind") == 0;
        auto_free char *name = xasprintf("volume-%zu", index);
        json_t *volume;

        if (!is_bind && strcmp(type, "volume") != 0) {
            note(adoption, "mount", target,
                 "neither a volume nor a directory of the host; dropped");
            continue;
        }
        volume =
            json_pack("{s:s, s:s, s:s}", "name", name, "mountPath", target,
                      is_bind ? "hostPath" : "volume", text_of(mount, is_bind ? "Source" : "Name"));
        if (json_is_false(json_object_get(mount, "RW"))) {
            json_object_set_new(volume, "readOnly", json_true());
        }
        if (is_bind) {
            note(adoption, "mount", target,
                 "kept; the controller needs an --allow-host-path for it");
        }
        json_array_append_new(list, volume);
    }
    take_list(adoption->spec, "volumes", list);
    json_decref(list);
}

/* The smallest type that has both. */
static const struct machine_type *fitting_type(int64_t cpu_milli, int64_t memory)
{
    const struct machine_type *best = NULL;
    size_t count;
    const struct machine_type *types = machine_type_list(&count);

    for (size_t i = 0; i < count; i++) {
        if (types[i].cpu_milli >= cpu_milli && types[i].memory_bytes >= memory &&
            (best == NULL || types[i].cpu_milli < best->cpu_milli ||
             (types[i].cpu_milli == best->cpu_milli &&
              types[i].memory_bytes < best->memory_bytes))) {
            best = &types[i];
        }
    }
    return best;
}

static void take_limits(struct adoption *adoption)
{
    int64_t cpus = json_integer_value(json_object_get(adoption->host, "NanoCpus")) / NANO;
    int64_t quota = json_integer_value(json_object_get(adoption->host, "CpuQuota"));
    int64_t period = json_integer_value(json_object_get(adoption->host, "CpuPeriod"));
    int64_t memory = json_integer_value(json_object_get(adoption->host, "Memory"));
    int64_t pids = json_integer_value(json_object_get(adoption->host, "PidsLimit"));
    json_auto_t *resources = json_object();
    const struct machine_type *type;

    if (cpus == 0 && quota > 0) {
        cpus = quota * 1000 / (period > 0 ? period : 100000);
    }
    type = fitting_type(cpus > 0 ? cpus : 1000, memory > 0 ? memory : INT64_C(4) << 30);
    if (cpus == 0 || memory == 0) {
        note(adoption,
             cpus == 0 ? (memory == 0 ? "processors and memory" : "processors") : "memory", "",
             "had no limit; the machine type is one, choose it as you need it");
    }
    json_object_set_new(adoption->spec, "machineType",
                        json_string(type != NULL ? type->name : "e2-medium"));
    if (cpus > 0) {
        auto_free char *text = xasprintf("%lldm", (long long)cpus);

        json_object_set_new(resources, "cpus", json_string(text));
    }
    if (memory > 0) {
        json_object_set_new(resources, "memory", json_integer(memory));
    }
    if (pids > 0) {
        json_object_set_new(resources, "pids", json_integer(pids));
    }
    if (json_object_size(resources) > 0) {
        json_object_set(adoption->spec, "resources", resources);
    }
}

static void take_rest(struct adoption *adoption, const char *id)
{
    const char *restart = text_of(json_object_get(adoption->host, "RestartPolicy"), "Name");
    const char *hostname = text_of(adoption->config, "Hostname");
    json_t *grace = json_object_get(adoption->config, "StopTimeout");
    json_auto_t *security = json_object(), *capabilities = json_object(), *dns = json_object();

    json_object_set_new(adoption->spec, "restartPolicy",
                        json_string(strcmp(restart, "on-failure") == 0                 ? "OnFailure"
                                    : restart[0] == '\0' || strcmp(restart, "no") == 0 ? "Never"
                                                                                       : "Always"));
    if (hostname[0] != '\0' && !text_has_prefix(id, hostname)) {
        json_object_set_new(adoption->spec, "hostname", json_string(hostname));
    }
    json_object_set_new(adoption->spec, "terminationGracePeriodSeconds",
                        json_integer(json_is_integer(grace) ? json_integer_value(grace) : 10));
    take_list(capabilities, "add", json_object_get(adoption->host, "CapAdd"));
    take_list(capabilities, "drop", json_object_get(adoption->host, "CapDrop"));
    if (json_is_true(json_object_get(adoption->host, "ReadonlyRootfs"))) {
        json_object_set_new(security, "readOnlyRootFilesystem", json_true());
    }
    if (json_object_size(capabilities) > 0) {
        json_object_set(security, "capabilities", capabilities);
    }
    if (json_object_size(security) > 0) {
        json_object_set(adoption->spec, "securityContext", security);
    }
    take_list(dns, "servers", json_object_get(adoption->host, "Dns"));
    take_list(dns, "search", json_object_get(adoption->host, "DnsSearch"));
    if (json_object_size(dns) > 0) {
        json_object_set(adoption->spec, "dns", dns);
    }
}

static bool is_set(const json_t *value)
{
    return json_is_true(value) || json_array_size(value) > 0 || json_object_size(value) > 0;
}

/* What a spec cannot say. */
static void note_dropped(struct adoption *adoption)
{
    static const char *const keys[] = {"Privileged", "Devices",  "DeviceRequests", "SecurityOpt",
                                       "Ulimits",    "Sysctls",  "Tmpfs",          "VolumesFrom",
                                       "Links",      "GroupAdd", "ExtraHosts"};
    static const char *const modes[] = {"PidMode", "IpcMode", "UTSMode", "UsernsMode"};
    const char *network = text_of(adoption->host, "NetworkMode");

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (is_set(json_object_get(adoption->host, keys[i]))) {
            note(adoption, keys[i], "", "has no counterpart; dropped");
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        const char *mode = text_of(adoption->host, modes[i]);

        if (mode[0] != '\0' && strcmp(mode, "private") != 0 && strcmp(mode, "shareable") != 0) {
            note(adoption, modes[i], mode, "has no counterpart; dropped");
        }
    }
    if (strcmp(network, "default") != 0 && strcmp(network, "bridge") != 0) {
        note(adoption, "network", network, "an instance is on the network of its zone; dropped");
    }
    if (own_value(adoption, "Healthcheck") != NULL) {
        note(adoption, "Healthcheck", "", "dropped; write a readinessProbe or livenessProbe");
    }
    if (is_set(json_object_get(adoption->config, "Tty"))) {
        note(adoption, "Tty", "", "has no counterpart; dropped");
    }
}

static json_t *take_labels(struct adoption *adoption)
{
    json_t *labels = json_object(), *value;
    const json_t *of_image = json_object_get(adoption->image, "Labels");
    const char *key;

    json_object_foreach(json_object_get(adoption->config, "Labels"), key, value) {
        struct error err = {0};

        if (json_equal(value, json_object_get(of_image, key))) {
            continue;
        }
        if (check_label_key(key, &err) < 0 ||
            check_label_value(json_string_value(value), &err) < 0) {
            note(adoption, "label", key, "not of the form that a spec's labels have; dropped");
            continue;
        }
        json_object_set(labels, key, value);
    }
    return labels;
}

/* The container's, as far as it can be an object's. The caller's to free. */
static char *take_name(struct adoption *adoption, const char *name)
{
    char *result = xstrndup(name + (*name == '/'), 60);

    for (char *at = result; *at != '\0'; at++) {
        *at = isalnum((unsigned char)*at) ? (char)tolower((unsigned char)*at) : '-';
    }
    for (size_t len = strlen(result); len > 0 && result[len - 1] == '-'; len--) {
        result[len - 1] = '\0';
    }
    if (!object_name_is_valid(result)) {
        char *longer = xasprintf("c-%s", result);

        free(result);
        result = longer;
    }
    if (strcmp(result, name + (*name == '/')) != 0) {
        note(adoption, "name", name + (*name == '/'), "no name that an object may have; changed");
    }
    return result;
}

json_t *adopt_spec(const json_t *container, const json_t *image, struct strbuf *notes)
{
    struct adoption adoption = {
        .config = json_object_get(container, "Config"),
        .host = json_object_get(container, "HostConfig"),
        .image = json_object_get(image, "Config"),
        .spec = json_object(),
        .notes = notes,
    };
    auto_free char *name = take_name(&adoption, text_of(container, "Name"));
    json_t *metadata = json_pack("{s:s}", "name", name);
    json_auto_t *labels = take_labels(&adoption);

    if (json_object_size(labels) > 0) {
        json_object_set(metadata, "labels", labels);
    }
    json_object_set_new(adoption.spec, "image", json_string(text_of(adoption.config, "Image")));
    take_limits(&adoption);
    take_command(&adoption);
    take_env(&adoption);
    take_text(&adoption, "WorkingDir", "workingDir");
    take_text(&adoption, "User", "user");
    take_ports(&adoption);
    take_mounts(&adoption, json_object_get(container, "Mounts"));
    take_rest(&adoption, text_of(container, "Id"));
    note_dropped(&adoption);
    return json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", API_VERSION, "kind",
                     kind_name(KIND_INSTANCE), "metadata", metadata, "spec", adoption.spec);
}

#include "specs/policy.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/suggest.h"
#include "specs/excerpt.h"
#include "specs/map_file.h"
#include "specs/policy_parts.h"
#include "specs/reason.h"
#include "specs/schema_parts.h"
#include "specs/text_check.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The policy file as text. */

/* What the rows below fill. */
struct values {
    struct text_list images, repositories, volumes, capabilities, host_ports, host_addresses;
    struct {
        struct mount_value *items;
        size_t count;
    } mounts;
    const char *max_machine_type;
};

struct mount_value {
    const char *path;
    bool is_read_only;
};

/* capabilities(7), Linux 6.x. */
static const char *const capability_words[] = {
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHOWN",
    "CHECKPOINT_RESTORE",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "SYSLOG",
    "WAKE_ALARM",
};

const char *policy_bare_capability(const char *name)
{
    return text_has_prefix(name, "CAP_") ? name + strlen("CAP_") : name;
}

/* Each by its name: what ALL is grows with the kernel. */
static int check_known_capability(const char *text, struct error *err)
{
    const char *name = policy_bare_capability(text);
    const char *near = suggest_nearest(name, capability_words, ARRAY_SIZE(capability_words));
    char shown[EXCERPT_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(capability_words); i++) {
        if (strcmp(capability_words[i], name) == 0) {
            return 0;
        }
    }
    excerpt(text, shown);
    if (strcmp(name, "ALL") == 0) {
        return error_set(err, ERROR_INVALID, "ALL cannot be allowed; name each capability");
    }
    return near != NULL
               ? error_set(err, ERROR_INVALID,
                           "there is no capability \"%s\"; did you mean \"%s\"?", shown, near)
               : error_set(err, ERROR_INVALID, "there is no capability \"%s\"", shown);
}

static int check_repository_pattern(const char *text, struct error *err)
{
    const char *stars = strstr(text, "**");
    char shown[EXCERPT_SIZE];

    excerpt(text, shown);
    if (strstr(text, "://") != NULL) {
        return error_set(err, ERROR_INVALID,
                         "\"%s\": leave the scheme out, write host or host/path", shown);
    }
    if (strlen(text) > 2048 || text[0] == '/' || strchr(text, '@') != NULL ||
        text[strcspn(text, " \t\r\n\\")] != '\0' || text_has_suffix(text, ".git") ||
        text_has_suffix(text, "/")) {
        return error_set(err, ERROR_INVALID,
                         "\"%s\" is not host, host:port or one of these with a path, such as "
                         "github.com/our-org/*, without user, \".git\" and \"/\" at the end",
                         shown);
    }
    if (stars != NULL && (stars[2] != '\0' || stars == text || stars[-1] != '/')) {
        return error_set(err, ERROR_INVALID, "\"%s\": two stars are for the end of a path", shown);
    }
    return 0;
}

static int check_port_range(const char *text, struct error *err)
{
    uint16_t first, last;
    char shown[EXCERPT_SIZE];

    return parse_port_range(text, &first, &last) == 0
               ? 0
               : error_set(err, ERROR_INVALID,
                           "\"%s\" is not a port or a range of them, such as 8000-8999",
                           excerpt(text, shown));
}

/* Names as text_check.h has them, with wildcards. */
static int check_volume_pattern(const char *text, struct error *err)
{
    char shown[EXCERPT_SIZE];

    if (strlen(text) > 255 || text[strcspn(text, " \t\r\n\\/")] != '\0') {
        return error_set(err, ERROR_INVALID, "\"%s\" is not a pattern of volumes' names",
                         excerpt(text, shown));
    }
    return 0;
}

static const struct field mount_fields[] = {
    {.name = "path",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_UNIQUE,
     .offset = offsetof(struct mount_value, path),
     .check = check_absolute_path},
    {.name = "readOnly",
     .type = FIELD_BOOLEAN,
     .offset = offsetof(struct mount_value, is_read_only),
     .default_text = "false"},
    END_OF_TABLE,
};

#define TEXTS(key, member, function)                                                               \
    {                                                                                              \
        .name = (key), .type = FIELD_STRING_LIST, .offset = offsetof(struct values, member),       \
        .check = (function)                                                                        \
    }

/* In the order of enum policy_rule. */
static const struct field fields[] = {
    TEXTS("images", images, policy_check_image_pattern),
    TEXTS("repositories", repositories, check_repository_pattern),
    {.name = "mounts",
     .type = FIELD_OBJECT_LIST,
     .offset = offsetof(struct values, mounts),
     .fields = mount_fields,
     .item_size = sizeof(struct mount_value)},
    TEXTS("volumes", volumes, check_volume_pattern),
    TEXTS("capabilities", capabilities, check_known_capability),
    {.name = "maxMachineType",
     .type = FIELD_STRING,
     .offset = offsetof(struct values, max_machine_type),
     .check = check_machine_type},
    TEXTS("hostPorts", host_ports, check_port_range),
    TEXTS("hostAddresses", host_addresses, check_ip_address),
    END_OF_TABLE,
};

static_assert(ARRAY_SIZE(fields) == POLICY_RULE_COUNT + 1, "each rule has a row");

const char *policy_rule_name(enum policy_rule rule)
{
    return fields[rule].name;
}

/* Where each rule stands: at its key. */
static void note_places(struct policy *policy, const struct yaml_node *root)
{
    for (size_t i = 0; root->type == YAML_NODE_MAP && i + 1 < root->count; i += 2) {
        for (size_t rule = 0; rule < POLICY_RULE_COUNT; rule++) {
            if (strcmp(root->items[i]->text, fields[rule].name) == 0) {
                policy->places[rule] =
                    (struct policy_place){root->items[i]->line, root->items[i]->column};
            }
        }
    }
}

static void take_mounts(struct policy *policy, const struct values *values,
                        const struct yaml_node *root)
{
    const struct yaml_node *list = yaml_map_get(root, fields[POLICY_MOUNTS].name);
    struct policy_mounts *mounts = &policy->mounts;

    mounts->items =
        arena_alloc(&policy->arena, (values->mounts.count + 1) * sizeof(*mounts->items));
    for (size_t i = 0; i < values->mounts.count; i++) {
        const struct mount_value *value = &values->mounts.items[i];
        auto_free char *path = value->path != NULL ? path_absolute(value->path) : NULL;

        mounts->items[mounts->count++] = (struct policy_mount){
            .path = arena_strdup(&policy->arena, path != NULL ? path : "/"),
            .is_read_only = value->is_read_only,
            .line = list->items[i]->line,
            .column = list->items[i]->column,
        };
    }
}

static void decode(struct policy *policy, const struct yaml_stream *stream,
                   struct spec_errors *errors)
{
    struct decoder decoder = {.arena = &policy->arena, .errors = errors};
    struct values values = {0};
    const struct yaml_node *root =
        map_file_decode(&decoder, stream, fields, REASON_INVALID_POLICY, &values);

    if (root != NULL) {
        note_places(policy, root);
        take_mounts(policy, &values, root);
    }
    policy->images = values.images;
    policy->repositories = values.repositories;
    policy->volumes = values.volumes;
    policy->capabilities = values.capabilities;
    policy->host_ports = values.host_ports;
    policy->host_addresses = values.host_addresses;
    policy->max_machine_type = values.max_machine_type;
}

static struct policy *policy_new(const char *name)
{
    struct policy *policy = xcalloc(1, sizeof(*policy));

    arena_init(&policy->arena);
    policy->file = arena_strdup(&policy->arena, name);
    return policy;
}

struct policy *policy_parse(const char *name, const char *text, size_t len)
{
    struct policy *policy = policy_new(name);
    auto_owned(yaml_stream) *stream = yaml_stream_parse(text, len);
    struct spec_errors errors;

    spec_errors_init(&errors, &policy->arena, SPEC_MAX_ERRORS);
    decode(policy, stream, &errors);
    spec_errors_sort(&errors);
    policy->errors = spec_errors_texts(&errors, name);
    policy->error_count = errors.count;
    spec_errors_done(&errors);
    return policy;
}

struct policy *policy_unreadable(const char *name, const char *why)
{
    struct policy *policy = policy_new(name);

    policy->errors = arena_alloc(&policy->arena, sizeof(*policy->errors));
    policy->errors[policy->error_count++] = arena_strdup(&policy->arena, why);
    return policy;
}

void policy_free(struct policy *policy)
{
    if (policy != NULL) {
        arena_done(&policy->arena);
        free(policy);
    }
}

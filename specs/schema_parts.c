#include "specs/schema_parts.h"

#include "specs/text_check.h"

enum { MAX_PIDS = 4 << 20 };

/* Docker's own lower limits: 0.01 CPUs and 6 MiB. */
#define MIN_CPU_MILLI INT64_C(10)
#define MAX_CPU_MILLI INT64_C(1024000)
#define MIN_MEMORY (INT64_C(6) << 20)
#define MAX_MEMORY (INT64_C(4) << 40)

const char *const schema_pull_policy_words[] = {"IfNotPresent", "Always", "Never", NULL};

static const char *const protocol_words[] = {"TCP", "UDP", NULL};

static const struct field value_source_fields[] = {
    {.name = "file",
     .type = FIELD_STRING,
     .offset = offsetof(struct value_source, file),
     .check = check_secret_file,
     .example = "/etc/berth/values/name",
     .doc = "A file on the controller's machine that holds the value; a line break at its end "
            "does not count. It must be below a directory of --env-file-root. When it changes, "
            "the container is made anew."},
    {.name = "env",
     .type = FIELD_STRING,
     .offset = offsetof(struct value_source, env),
     .check = check_env_source,
     .doc = "A variable of the controller's own environment that --allow-env names."},
    END_OF_TABLE,
};

const struct field schema_env_fields[] = {
    {.name = "name",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_UNIQUE,
     .offset = offsetof(struct env_var, name),
     .check = check_env_name,
     .doc = "Name of the variable."},
    {.name = "value",
     .type = FIELD_STRING,
     .offset = offsetof(struct env_var, value),
     .default_text = "",
     .doc = "Its value, as it stands: nothing is expanded. Not together with valueFrom."},
    {.name = "valueFrom",
     .type = FIELD_OPTIONAL_OBJECT,
     .offset = offsetof(struct env_var, from),
     .fields = value_source_fields,
     .item_size = sizeof(struct value_source),
     .doc = "Takes the value from a file or from the controller's environment, when the "
            "container is made or the task's command is started. Exactly one of file and env. "
            "The value is shown in no status, label, log or plan."},
    END_OF_TABLE,
};

const struct field schema_port_fields[] = {
    {.name = "name",
     .type = FIELD_STRING,
     .offset = offsetof(struct port_spec, name),
     .check = check_object_name,
     .example = "http",
     .doc = "The name of the port, unique in its object; its host port is kept under this name. "
            "Left out: port-<containerPort>, and -udp behind it for UDP."},
    {.name = "containerPort",
     .type = FIELD_INTEGER,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct port_spec, container_port),
     .min = 1,
     .max = 65535,
     .example = "8080",
     .doc = "The port on which the program in the container listens. Unique with its protocol."},
    {.name = "protocol",
     .type = FIELD_ENUM,
     .offset = offsetof(struct port_spec, protocol),
     .default_text = "TCP",
     .words = protocol_words,
     .doc = "The protocol of the port."},
    {.name = "hostPort",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct port_spec, host_port),
     .default_text = "0",
     .min = 0,
     .max = 65535,
     .doc = "The port on the host. 0: one from the controller's --ports, kept as long as the "
            "object lives."},
    {.name = "hostIP",
     .type = FIELD_STRING,
     .offset = offsetof(struct port_spec, host_ip),
     .default_text = "127.0.0.1",
     .check = check_ip_address,
     .doc = "The address of the host that the port is bound to; 0.0.0.0 can be reached from "
            "outside."},
    END_OF_TABLE,
};

const struct field schema_volume_fields[] = {
    {.name = "name",
     .type = FIELD_STRING,
     .flags = FIELD_UNIQUE,
     .offset = offsetof(struct volume_spec, name),
     .check = check_object_name,
     .example = "data",
     .doc = "A name for people."},
    {.name = "mountPath",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct volume_spec, mount_path),
     .check = check_mount_path,
     .doc = "Where it appears in the container: not /, and each path once."},
    {.name = "readOnly",
     .type = FIELD_BOOLEAN,
     .offset = offsetof(struct volume_spec, is_read_only),
     .default_text = "false",
     .doc = "The container cannot write to it."},
    {.name = "hostPath",
     .type = FIELD_STRING,
     .offset = offsetof(struct volume_spec, host_path),
     .check = check_absolute_path,
     .example = "/srv/data",
     .doc = "A directory or file of the host that exists, below an --allow-host-path of the "
            "controller. Exactly one of hostPath and volume is needed."},
    {.name = "volume",
     .type = FIELD_STRING,
     .offset = offsetof(struct volume_spec, volume),
     .check = check_volume_name,
     .doc = "A named volume of the engine, made on demand, shared by all who name it, and never "
            "removed by Berth."},
    END_OF_TABLE,
};

const struct field schema_resources_fields[] = {
    {.name = "cpus",
     .type = FIELD_CPU,
     .offset = offsetof(struct resources, cpu_milli),
     .min = MIN_CPU_MILLI,
     .max = MAX_CPU_MILLI,
     .doc = "Processor time: 1 is one processor, 250m a quarter of one."},
    {.name = "memory",
     .type = FIELD_BYTES,
     .offset = offsetof(struct resources, memory_bytes),
     .min = MIN_MEMORY,
     .max = MAX_MEMORY,
     .doc = "Memory, without swap. What needs more is killed (OOMKilled)."},
    {.name = "pids",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct resources, pids),
     .min = 1,
     .max = MAX_PIDS,
     .example = "256",
     .doc = "Processes and threads at a time. Left out: 4096."},
    END_OF_TABLE,
};

static const struct field capabilities_fields[] = {
    {.name = "add",
     .type = FIELD_STRING_LIST,
     .flags = FIELD_UNORDERED,
     .offset = offsetof(struct security_context, capabilities_add),
     .check = check_capability,
     .doc = "Capabilities beyond the default ones: only what Docker itself gives by default."},
    {.name = "drop",
     .type = FIELD_STRING_LIST,
     .flags = FIELD_UNORDERED,
     .offset = offsetof(struct security_context, capabilities_drop),
     .check = check_capability,
     .example = "[ALL]",
     .doc = "Default capabilities to take away; ALL takes every one."},
    END_OF_TABLE,
};

const struct field schema_security_fields[] = {
    {.name = "runAsUser",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct security_context, run_as_user),
     .absent = -1,
     .min = 0,
     .max = INT32_MAX,
     .example = "1000",
     .doc = "Numeric user of the processes. Left out: the image's."},
    {.name = "readOnlyRootFilesystem",
     .type = FIELD_BOOLEAN,
     .offset = offsetof(struct security_context, is_root_read_only),
     .default_text = "false",
     .doc = "Only volumes can be written to."},
    {.name = "capabilities",
     .type = FIELD_OBJECT,
     .fields = capabilities_fields,
     .doc = "Linux capabilities."},
    END_OF_TABLE,
};

#include "specs/schema_parts.h"

#include "specs/text_check.h"

enum { MAX_PROBE_SECONDS = 86400, MAX_THRESHOLD = 1000 };

static const char *const scheme_words[] = {"HTTP", "HTTPS", NULL};

static const struct field exec_fields[] = {
    {.name = "command",
     .type = FIELD_STRING_LIST,
     .flags = FIELD_REQUIRED | FIELD_NON_EMPTY,
     .offset = offsetof(struct exec_action, command),
     .example = "[test, -e, /tmp/ready]",
     .doc = "Program and arguments, run in the container without a shell."},
    END_OF_TABLE,
};

static const struct field http_header_fields[] = {
    {.name = "name",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct http_header, name),
     .check = check_http_header_name,
     .doc = "Name of the header."},
    {.name = "value",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct http_header, value),
     .check = check_http_header_value,
     .doc = "Its value."},
    END_OF_TABLE,
};

static const struct field http_get_fields[] = {
    {.name = "path",
     .type = FIELD_STRING,
     .offset = offsetof(struct http_get_action, path),
     .default_text = "/",
     .check = check_http_path,
     .doc = "What is asked for, with a query where one is needed."},
    {.name = "port",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct http_get_action, port),
     .check = check_port_or_name,
     .doc = "A port of the container: its number, or its name in spec.ports."},
    {.name = "scheme",
     .type = FIELD_ENUM,
     .offset = offsetof(struct http_get_action, scheme),
     .default_text = "HTTP",
     .words = scheme_words,
     .doc = "HTTPS does not check the certificate."},
    {.name = "httpHeaders",
     .type = FIELD_OBJECT_LIST,
     .offset = offsetof(struct http_get_action, headers),
     .fields = http_header_fields,
     .item_size = sizeof(struct http_header),
     .doc = "Headers of the request."},
    END_OF_TABLE,
};

static const struct field tcp_socket_fields[] = {
    {.name = "port",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct tcp_socket_action, port),
     .check = check_port_or_name,
     .doc = "A port of the container: its number, or its name in spec.ports."},
    END_OF_TABLE,
};

#define IN_PROBE(member) offsetof(struct probe_spec, member)

const struct field schema_probe_fields[] = {
    {.name = "exec",
     .type = FIELD_OPTIONAL_OBJECT,
     .offset = IN_PROBE(exec),
     .fields = exec_fields,
     .item_size = sizeof(struct exec_action),
     .doc = "Succeeds when a command in the container ends with code 0."},
    {.name = "httpGet",
     .type = FIELD_OPTIONAL_OBJECT,
     .offset = IN_PROBE(http_get),
     .fields = http_get_fields,
     .item_size = sizeof(struct http_get_action),
     .doc = "Asks the container's own address by HTTP; succeeds when the answer's status is 200 "
            "to 399."},
    {.name = "tcpSocket",
     .type = FIELD_OPTIONAL_OBJECT,
     .offset = IN_PROBE(tcp_socket),
     .fields = tcp_socket_fields,
     .item_size = sizeof(struct tcp_socket_action),
     .doc = "Succeeds when a port at the container's own address accepts a connection."},
    {.name = "initialDelaySeconds",
     .type = FIELD_INTEGER,
     .offset = IN_PROBE(initial_delay_seconds),
     .default_text = "0",
     .min = 0,
     .max = MAX_PROBE_SECONDS,
     .doc = "Seconds from the start of the container to the first try."},
    {.name = "periodSeconds",
     .type = FIELD_INTEGER,
     .offset = IN_PROBE(period_seconds),
     .default_text = "10",
     .min = 1,
     .max = MAX_PROBE_SECONDS,
     .doc = "Seconds from one try to the next."},
    {.name = "timeoutSeconds",
     .type = FIELD_INTEGER,
     .offset = IN_PROBE(timeout_seconds),
     .default_text = "1",
     .min = 1,
     .max = MAX_PROBE_SECONDS,
     .doc = "A try that takes longer, in seconds, has failed."},
    {.name = "successThreshold",
     .type = FIELD_INTEGER,
     .offset = IN_PROBE(success_threshold),
     .default_text = "1",
     .min = 1,
     .max = MAX_THRESHOLD,
     .doc = "How many tries in a row must succeed after a failure. Only readinessProbe may have "
            "more than 1."},
    {.name = "failureThreshold",
     .type = FIELD_INTEGER,
     .offset = IN_PROBE(failure_threshold),
     .default_text = "3",
     .min = 1,
     .max = MAX_THRESHOLD,
     .doc = "How many tries in a row must fail until the probe has failed."},
    END_OF_TABLE,
};

static const struct field hook_fields[] = {
    {.name = "exec",
     .type = FIELD_OPTIONAL_OBJECT,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct hook_spec, exec),
     .fields = exec_fields,
     .item_size = sizeof(struct exec_action),
     .doc = "The command."},
    {.name = "timeoutSeconds",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct hook_spec, timeout_seconds),
     .default_text = "30",
     .min = 1,
     .max = MAX_PROBE_SECONDS,
     .doc = "A hook that takes longer, in seconds, has failed. preStop has no longer than the "
            "grace period."},
    END_OF_TABLE,
};

const struct field schema_lifecycle_fields[] = {
    {.name = "postStart",
     .type = FIELD_OPTIONAL_OBJECT,
     .offset = offsetof(struct lifecycle, post_start),
     .fields = hook_fields,
     .item_size = sizeof(struct hook_spec),
     .doc = "Runs after each start of the container; when it fails, the container is restarted."},
    {.name = "preStop",
     .type = FIELD_OPTIONAL_OBJECT,
     .offset = offsetof(struct lifecycle, pre_stop),
     .fields = hook_fields,
     .item_size = sizeof(struct hook_spec),
     .doc = "Runs before Berth stops the container, as part of the grace period."},
    END_OF_TABLE,
};

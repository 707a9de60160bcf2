#include "cli/get_columns.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "cli/documents.h"
#include "specs/status.h"
#include "specs/types.h"

#include <string.h>

/* --- parts of a document ---------------------------------------------------------------------- */

static const json_t *part(const json_t *document, const char *key)
{
    return json_object_get(document_status(document), key);
}

static char *text_of(const json_t *object, const char *key)
{
    return xstrdup_or_null(document_text(object, key));
}

static char *number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? xasprintf("%lld", (long long)json_integer_value(value)) : NULL;
}

static char *short_hash(const char *hash)
{
    return hash != NULL ? xasprintf("%.12s", hash) : NULL;
}

/* --- of all kinds ----------------------------------------------------------------------------- */

static char *kind_text(const json_t *document)
{
    return xstrdup_or_null(document_kind(document));
}

static char *name_text(const json_t *document)
{
    return xstrdup_or_null(document_name(document));
}

static char *phase_text(const json_t *document)
{
    return xstrdup_or_null(document_phase(document));
}

/*
 * Whether it is ready; nothing for a task that is over, which will never be and has nothing to be
 * ready for.
 */
static char *ready_text(const json_t *document)
{
    const char *phase = document_phase(document);

    if (text_equal(phase, phase_name(PHASE_SUCCEEDED)) ||
        text_equal(phase, phase_name(PHASE_FAILED))) {
        return NULL;
    }
    return text_of(document_condition(document, "Ready"), "status");
}

static char *reason_text(const json_t *document)
{
    return xstrdup(document_reason(document));
}

static char *age_text(const json_t *document)
{
    const json_t *ready = document_condition(document, "Ready");
    char age[AGE_SIZE];

    return xstrdup(document_age(document_text(ready, "lastTransitionTime"), age));
}

static char *ports_text(const json_t *document)
{
    auto_done(strbuf) text = {0};
    size_t index;
    json_t *port;

    json_array_foreach(part(document, "ports"), index, port) {
        const char *ip = document_text(port, "hostIP"), *protocol = document_text(port, "protocol");

        strbuf_addf(&text, "%s%s:%lld->%lld%s", index > 0 ? "," : "", ip != NULL ? ip : "",
                    (long long)json_integer_value(json_object_get(port, "hostPort")),
                    (long long)json_integer_value(json_object_get(port, "containerPort")),
                    text_equal(protocol, "UDP") ? "/udp" : "");
    }
    return strbuf_take(&text);
}

static char *restarts_text(const json_t *document)
{
    const json_t *count = json_object_get(part(document, "restarts"), "count");

    return xasprintf("%lld", (long long)json_integer_value(count));
}

static char *container_text(const json_t *document)
{
    return short_hash(document_text(part(document, "container"), "id"));
}

static char *ip_text(const json_t *document)
{
    return text_of(part(document, "container"), "ip");
}

static char *file_text(const json_t *document)
{
    return text_of(document, "file");
}

static char *message_text(const json_t *document)
{
    return xstrdup(document_message(document));
}

/* --- instances -------------------------------------------------------------------------------- */

static char *machine_text(const json_t *document)
{
    return text_of(part(document, "instance"), "machineType");
}

static char *zone_text(const json_t *document)
{
    return text_of(part(document, "instance"), "zone");
}

static char *image_text(const json_t *document)
{
    return text_of(part(document, "container"), "image");
}

static char *member_of_text(const json_t *document)
{
    return text_of(document, "pool");
}

/* --- pools ------------------------------------------------------------------------------------ */

/* "2/3": ready of those wanted */
static char *pool_ready_text(const json_t *document)
{
    const json_t *pool = part(document, "pool");

    if (pool == NULL) {
        return NULL;
    }
    return xasprintf("%lld/%lld", (long long)json_integer_value(json_object_get(pool, "ready")),
                     (long long)json_integer_value(json_object_get(pool, "wanted")));
}

static char *pool_updated_text(const json_t *document)
{
    return number_of(part(document, "pool"), "updated");
}

static char *pool_failed_text(const json_t *document)
{
    return number_of(part(document, "pool"), "failed");
}

static char *pool_draining_text(const json_t *document)
{
    return number_of(part(document, "pool"), "draining");
}

static char *pool_tasks_text(const json_t *document)
{
    return number_of(part(document, "pool"), "activeTasks");
}

static char *pool_waiting_text(const json_t *document)
{
    return number_of(part(document, "pool"), "waitingTasks");
}

static char *pool_capacity_text(const json_t *document)
{
    return number_of(part(document, "pool"), "capacity");
}

static char *pool_used_text(const json_t *document)
{
    auto_free char *percent = number_of(part(document, "pool"), "utilization");

    return percent != NULL ? xasprintf("%s%%", percent) : NULL;
}

/* --- repositories ----------------------------------------------------------------------------- */

/* Its own container and those of its branches. */
static char *containers_text(const json_t *document)
{
    const json_t *branches = json_object_get(part(document, "repository"), "branches");
    const char *id = document_text(part(document, "container"), "id");

    return xasprintf("%zu", json_array_size(branches) + (id != NULL ? 1 : 0));
}

static char *repository_tasks_text(const json_t *document)
{
    return number_of(part(document, "repository"), "activeTasks");
}

static char *repository_branch_text(const json_t *document)
{
    return text_of(part(document, "repository"), "branch");
}

static char *head_text(const json_t *document)
{
    return short_hash(document_text(part(document, "repository"), "commit"));
}

static char *url_text(const json_t *document)
{
    return text_of(part(document, "repository"), "url");
}

static char *method_text(const json_t *document)
{
    return text_of(part(document, "repository"), "method");
}

static char *disk_text(const json_t *document)
{
    json_int_t bytes =
        json_integer_value(json_object_get(part(document, "repository"), "diskBytes"));

    return bytes > 0 ? xasprintf("%.1fMiB", (double)bytes / (1 << 20)) : NULL;
}

static char *repository_instance_text(const json_t *document)
{
    return text_of(part(document, "repository"), "instance");
}

/* --- tasks ------------------------------------------------------------------------------------ */

static char *task_repository_text(const json_t *document)
{
    return text_of(part(document, "task"), "repository");
}

static char *attempt_text(const json_t *document)
{
    return number_of(part(document, "task"), "attempt");
}

static char *exit_text(const json_t *document)
{
    return number_of(part(document, "task"), "exitCode");
}

static char *duration_text(const json_t *document)
{
    const json_t *task = part(document, "task");
    char duration[AGE_SIZE];

    return xstrdup(document_duration(document_text(task, "startTime"),
                                     document_text(task, "endTime"), duration));
}

static char *task_branch_text(const json_t *document)
{
    return text_of(part(document, "task"), "branch");
}

static char *task_commit_text(const json_t *document)
{
    return short_hash(document_text(part(document, "task"), "commit"));
}

static char *user_text(const json_t *document)
{
    return text_of(part(document, "task"), "user");
}

static char *task_pool_text(const json_t *document)
{
    return text_of(part(document, "task"), "pool");
}

static char *task_instance_text(const json_t *document)
{
    return text_of(part(document, "task"), "instance");
}

static char *queue_text(const json_t *document)
{
    return number_of(part(document, "task"), "queuePosition");
}

/* --- tables ----------------------------------------------------------------------------------- */

#define NAME_COLUMN                                                                                \
    {                                                                                              \
        "NAME", name_text, false, false                                                            \
    }
#define PHASE_COLUMN                                                                               \
    {                                                                                              \
        "PHASE", phase_text, false, true                                                           \
    }
#define READY_COLUMN                                                                               \
    {                                                                                              \
        "READY", ready_text, false, false                                                          \
    }
#define REASON_COLUMN                                                                              \
    {                                                                                              \
        "REASON", reason_text, false, false                                                        \
    }
#define AGE_COLUMN                                                                                 \
    {                                                                                              \
        "AGE", age_text, false, false                                                              \
    }
#define PORTS_COLUMN                                                                               \
    {                                                                                              \
        "PORTS", ports_text, false, false                                                          \
    }
#define LAST_COLUMNS                                                                               \
    {"STATUS FILE", file_text, true, false}, {"MESSAGE", message_text, true, false},               \
    {                                                                                              \
        NULL, NULL, false, false                                                                   \
    }

static const struct get_column all_columns[] = {
    {"KIND", kind_text, false, false},
    NAME_COLUMN,
    PHASE_COLUMN,
    READY_COLUMN,
    REASON_COLUMN,
    AGE_COLUMN,
    PORTS_COLUMN,
    {"RESTARTS", restarts_text, true, false},
    {"CONTAINER", container_text, true, false},
    {"IP", ip_text, true, false},
    LAST_COLUMNS,
};

static const struct get_column instance_columns[] = {
    NAME_COLUMN,
    PHASE_COLUMN,
    READY_COLUMN,
    REASON_COLUMN,
    {"MACHINE", machine_text, false, false},
    {"ZONE", zone_text, false, false},
    {"IP", ip_text, false, false},
    PORTS_COLUMN,
    AGE_COLUMN,
    {"RESTARTS", restarts_text, true, false},
    {"CONTAINER", container_text, true, false},
    {"IMAGE", image_text, true, false},
    {"POOL", member_of_text, true, false},
    LAST_COLUMNS,
};

static const struct get_column pool_columns[] = {
    NAME_COLUMN,
    PHASE_COLUMN,
    {"READY", pool_ready_text, false, false},
    REASON_COLUMN,
    {"UPDATED", pool_updated_text, false, false},
    {"TASKS", pool_tasks_text, false, false},
    {"WAITING", pool_waiting_text, false, false},
    {"USED", pool_used_text, false, false},
    AGE_COLUMN,
    {"FAILED", pool_failed_text, true, false},
    {"DRAINING", pool_draining_text, true, false},
    {"CAPACITY", pool_capacity_text, true, false},
    LAST_COLUMNS,
};

static const struct get_column repository_columns[] = {
    NAME_COLUMN,
    PHASE_COLUMN,
    REASON_COLUMN,
    {"CONTAINERS", containers_text, false, false},
    {"TASKS", repository_tasks_text, false, false},
    {"BRANCH", repository_branch_text, false, false},
    {"HEAD", head_text, false, false},
    AGE_COLUMN,
    {"PORTS", ports_text, true, false},
    {"CONTAINER", container_text, true, false},
    {"IP", ip_text, true, false},
    {"INSTANCE", repository_instance_text, true, false},
    {"DISK", disk_text, true, false},
    {"TREES", method_text, true, false},
    {"URL", url_text, true, false},
    LAST_COLUMNS,
};

static const struct get_column task_columns[] = {
    NAME_COLUMN,
    PHASE_COLUMN,
    REASON_COLUMN,
    {"REPOSITORY", task_repository_text, false, false},
    {"ATTEMPT", attempt_text, false, false},
    {"EXIT", exit_text, false, false},
    {"DURATION", duration_text, false, false},
    AGE_COLUMN,
    {"BRANCH", task_branch_text, true, false},
    {"COMMIT", task_commit_text, true, false},
    {"USER", user_text, true, false},
    {"POOL", task_pool_text, true, false},
    {"INSTANCE", task_instance_text, true, false},
    {"QUEUE", queue_text, true, false},
    LAST_COLUMNS,
};

const struct get_column *get_columns_of(const char *kind)
{
    static const struct get_column *const tables[] = {
        [KIND_INSTANCE] = instance_columns,
        [KIND_INSTANCE_POOL] = pool_columns,
        [KIND_REPOSITORY] = repository_columns,
        [KIND_TASK] = task_columns,
    };

    for (size_t i = 0; kind != NULL && i < ARRAY_SIZE(tables); i++) {
        if (strcmp(kind, kind_name((enum kind)i)) == 0) {
            return tables[i];
        }
    }
    return all_columns;
}

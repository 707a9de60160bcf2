#include "tests/cases/plan_case.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "specs/repo_url.h"
#include "specs/spec_file.h"
#include "specs/yaml_reader.h"
#include "tests/cases/plan_case_json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Specs */

struct object *plan_case_spec(const char *text, struct error *err)
{
    auto_owned(spec_file) *file = NULL;

    if (text == NULL) {
        error_set(err, ERROR_INVALID, "there is no spec");
        return NULL;
    }
    file = spec_file_parse("case.yaml", text, strlen(text));
    if (spec_file_has_errors(file) || file->count != 1) {
        const struct spec_error *first = file->error_count > 0 ? &file->errors[0]
                                         : file->count > 0 && file->documents[0].error_count > 0
                                             ? &file->documents[0].errors[0]
                                             : NULL;
        auto_free char *why =
            first != NULL ? spec_error_format("spec", first) : xstrdup("not one document");

        error_set(err, ERROR_INVALID, "%s", why);
        return NULL;
    }
    return object_ref(file->documents[0].object);
}

static int name_owner(struct plan_case *plan_case, struct error *err)
{
    char name[REPO_CONTAINER_NAME_SIZE];
    struct repo_url url = {0};

    if (plan_case->object->kind != KIND_REPOSITORY) {
        plan_case->name = xstrdup(plan_case->object->name);
        plan_case->key = xasprintf("%s/%s", kind_name(plan_case->object->kind), plan_case->name);
        return 0;
    }
    if (repo_url_parse(plan_case->object->repository.url, &url, err) < 0) {
        return -1;
    }
    plan_case->name = xstrdup(repo_url_container_name(&url, name));
    plan_case->key = xasprintf("%s/%s", KIND_REPOSITORY_CONTAINER, plan_case->name);
    plan_case->canonical_url = xstrdup(url.canonical);
    repo_url_done(&url);
    return 0;
}

static int read_spec(struct plan_case *plan_case, struct error *err)
{
    static const enum kind kinds[] = {KIND_INSTANCE, KIND_REPOSITORY, KIND_TASK, KIND_REPOSITORY,
                                      KIND_REPOSITORY};
    int kind;

    if (check_keys(plan_case->json, "the case",
                   "kind spec settings gone world observed previous show", err) < 0 ||
        word_of(plan_case->json, "kind", "instance repository task mirror setup", -1, &kind, err) <
            0) {
        return -1;
    }
    plan_case->kind = (enum case_kind)kind;
    plan_case->is_gone = flag_of(plan_case->json, "gone", false);
    plan_case->object = plan_case_spec(text_of(plan_case->json, "spec", NULL), err);
    if (plan_case->object == NULL) {
        return -1;
    }
    if (plan_case->object->kind != kinds[kind]) {
        return error_set(err, ERROR_INVALID, "the spec is of another kind");
    }
    return name_owner(plan_case, err);
}

/* The world */

static int read_lease(struct plan_case *plan_case, const json_t *json, struct error *err)
{
    bool is_udp = text_equal(text_of(json, "protocol", "tcp"), "udp");
    uint16_t port = (uint16_t)number_of(json, "port", 0);

    if (check_keys(json, "a lease", "owner name port protocol hostIP", err) < 0) {
        return -1;
    }
    return port_table_take(&plan_case->ports, text_of(json, "owner", plan_case->key),
                           text_of(json, "name", "http"), text_of(json, "hostIP", "127.0.0.1"),
                           port, is_udp ? PROTOCOL_UDP : PROTOCOL_TCP) < 0
               ? error_set(err, ERROR_INVALID, "port %u is leased twice", port)
               : 0;
}

static int read_policy(struct plan_case *plan_case, const char *text, struct error *err)
{
    if (text == NULL) {
        return 0;
    }
    plan_case->policy = policy_parse("policy.yaml", text, strlen(text));
    return plan_case->policy->error_count > 0
               ? error_set(err, ERROR_INVALID, "%s", plan_case->policy->errors[0])
               : 0;
}

static int read_world(struct plan_case *plan_case, struct error *err)
{
    const json_t *json = json_object_get(plan_case->json, "world");
    const json_t *roots = json_object_get(json, "hostPathRoots");
    struct world *world = &plan_case->world;
    json_t *item;
    size_t index;

    if (check_keys(json, "world", "now controllerID hostPathRoots policy ports leases quarantined",
                   err) < 0 ||
        read_policy(plan_case, text_of(json, "policy", NULL), err) < 0 ||
        port_table_set_ranges(&plan_case->ports, text_of(json, "ports", "20000-20009"), err) < 0) {
        return -1;
    }
    plan_case->roots.items = xcalloc(json_array_size(roots) + 1, sizeof(char *));
    json_array_foreach(roots, index, item) {
        plan_case->roots.items[plan_case->roots.count++] = json_string_value(item);
    }
    *world = (struct world){
        .controller_id = text_of(json, "controllerID", "c0ffee0123456789"),
        .idle_image = "berth/idle:0123456789ab",
        .repository_image = "buildpack-deps:bookworm-scm",
        .host_path_roots = plan_case->roots,
        .policy = plan_case->policy,
        .ports = &plan_case->ports,
    };
    if (timestamp_parse(text_of(json, "now", "2026-01-02T12:00:00Z"), &world->now_wall_ms) < 0) {
        return error_set(err, ERROR_INVALID, "world.now is no time");
    }
    json_array_foreach(json_object_get(json, "leases"), index, item) {
        if (read_lease(plan_case, item, err) < 0) {
            return -1;
        }
    }
    json_array_foreach(json_object_get(json, "quarantined"), index, item) {
        port_table_quarantine(&plan_case->ports, (uint16_t)json_integer_value(item), PROTOCOL_TCP,
                              world->now_wall_ms);
    }
    return 0;
}

/* Observed */

static void read_log(struct observed_container *container, const json_t *lines)
{
    size_t index;
    json_t *line;

    container->has_log = lines != NULL;
    container->log_tail = xcalloc(json_array_size(lines) + 1, sizeof(char *));
    json_array_foreach(lines, index, line) {
        container->log_tail[container->log_count++] = xstrdup(json_string_value(line));
    }
}

/*
 * What a repository container has leased when nothing else is said: its block for tasks. "": none.
 */
static char *block_label(const struct object *origin)
{
    auto_done(strbuf) label = {0};

    for (int64_t i = 1; origin->kind == KIND_REPOSITORY && i <= origin->repository.task_ports;
         i++) {
        strbuf_addf(&label, "%s" TASK_PORT_PREFIX "%" PRId64 "=tcp/%" PRId64 "/127.0.0.1",
                    i > 1 ? " " : "", i, 20000 + i);
    }
    return xstrdup(strbuf_text(&label));
}

/* The labels that say what it was made from: by default the spec at hand. */
static int read_labels(struct plan_case *plan_case, const json_t *json,
                       struct observed_container *container, struct error *err)
{
    const char *older_text = text_of(json, "spec", NULL), *ports;
    auto_free char *block = NULL;
    struct object *origin =
        older_text != NULL ? plan_case_spec(older_text, err) : object_ref(plan_case->object);

    if (origin == NULL) {
        return error_wrap(err, "observed.container");
    }
    block = block_label(origin);
    ports = text_of(json, "ports", block);
    container->is_ours = flag_of(json, "ours", true);
    container->kind = observed_text(
        container,
        text_of(json, "kind",
                plan_case->kind == CASE_INSTANCE ? "Instance" : KIND_REPOSITORY_CONTAINER));
    container->object = observed_text(container, text_of(json, "object", container->name));
    container->hash = observed_text(container, text_of(json, "hash", origin->container_hash));
    container->fields = observed_text(container, text_of(json, "fields", origin->field_hashes));
    object_unref(origin);
    container->ports = observed_text(container, ports);
    container->env = observed_text(container, text_of(json, "env", NULL));
    container->instance = observed_text(container, text_of(json, "instance", NULL));
    port_table_restore_label(&plan_case->ports, plan_case->key, ports);
    return 0;
}

static char *default_network(const struct plan_case *plan_case)
{
    return plan_case->kind == CASE_INSTANCE
               ? zone_network_name(&plan_case->world, plan_case->object->instance.zone)
               : xstrdup("bridge");
}

static int read_container(struct plan_case *plan_case, const json_t *json, struct error *err)
{
    struct observed_container *container;
    auto_free char *network = default_network(plan_case);
    int state;

    if (json == NULL) {
        return 0;
    }
    if (check_keys(json, "observed.container",
                   "state name ours kind object spec hash fields ports env instance image imageID "
                   "exitCode oom "
                   "error startedAgo finishedAgo network networkID ip askedAddress id log",
                   err) < 0 ||
        word_of(json, "state", "created running paused restarting removing exited dead", -1, &state,
                err) < 0) {
        return -1;
    }
    plan_case->container = container = xcalloc(1, sizeof(*container));
    container->state = (enum workload_state)state;
    container->name = observed_text(container, text_of(json, "name", plan_case->name));
    container->id = observed_text(container, text_of(json, "id", "c1"));
    container->image = observed_text(container, text_of(json, "image", "debian:12"));
    container->image_id = observed_text(container, text_of(json, "imageID", plan_case->image.id));
    container->exit_code = number_of(json, "exitCode", 0);
    container->is_oom_killed = flag_of(json, "oom", false);
    container->error = observed_text(container, text_of(json, "error", NULL));
    container->started_wall_ms = plan_case_moment(plan_case, json, "startedAgo");
    container->finished_wall_ms = plan_case_moment(plan_case, json, "finishedAgo");
    container->network = observed_text(container, text_of(json, "network", network));
    container->network_id = observed_text(container, text_of(json, "networkID", "n1"));
    container->ip = observed_text(container, text_of(json, "ip", NULL));
    container->has_asked_address = flag_of(json, "askedAddress", false);
    read_log(container, json_object_get(json, "log"));
    return read_labels(plan_case, json, container, err);
}

static int read_probe(struct plan_case *plan_case, const json_t *json, enum probe_type type,
                      struct error *err)
{
    struct observed_probe *probe = &plan_case->probes.of[type];
    int verdict;

    if (check_keys(json, "a probe", "verdict successes failures message", err) < 0 ||
        word_of(json, "verdict", "unknown success failure", VERDICT_UNKNOWN, &verdict, err) < 0) {
        return -1;
    }
    probe->verdict = (enum probe_verdict)verdict;
    probe->successes = (unsigned)number_of(json, "successes", 0);
    probe->failures = (unsigned)number_of(json, "failures", 0);
    probe->last_failure = xstrdup_or_null(text_of(json, "message", NULL));
    return 0;
}

/* After the previous status was read: it may remember something of the probes. */
static int read_probes(struct plan_case *plan_case, struct error *err)
{
    const json_t *json = json_object_get(json_object_get(plan_case->json, "observed"), "probes");
    struct observed_probes *probes = &plan_case->probes;

    if (plan_case->container == NULL) {
        return 0;
    }
    probes_begin(probes, plan_case->container, json == NULL ? plan_case->previous : NULL,
                 plan_case->object->hash, plan_case->world.now_wall_ms);
    if (json == NULL) {
        return 0;
    }
    if (check_keys(json, "observed.probes", "startedAgo readyAgo startup liveness readiness", err) <
        0) {
        return -1;
    }
    probes->ready_wall_ms = plan_case_moment(plan_case, json, "readyAgo");
    if (json_object_get(json, "startedAgo") != NULL) {
        probes->started_wall_ms = plan_case_moment(plan_case, json, "startedAgo");
    }
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        enum probe_type type = (enum probe_type)i;

        if (read_probe(plan_case, json_object_get(json, probe_type_name(type)), type, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int read_image(struct plan_case *plan_case, const json_t *json, struct error *err)
{
    int state;

    if (check_keys(json, "observed.image", "state id", err) < 0 ||
        word_of(json, "state", "unknown absent present", IMAGE_PRESENT, &state, err) < 0) {
        return -1;
    }
    plan_case->image.state = (enum image_state)state;
    plan_case->image.id = text_of(json, "id", "sha256:1111111111111111");
    plan_case->image.user = "";
    return 0;
}

/* The network of its zone: by default one that its containers know. */
static int read_network(struct plan_case *plan_case, const json_t *json, struct error *err)
{
    if (check_keys(json, "observed.network", "id subnet", err) < 0) {
        return -1;
    }
    plan_case->network = (struct observed_network){
        .id = xstrdup(text_of(json, "id", "n1")),
        .subnet = xstrdup_or_null(text_of(json, "subnet", NULL)),
    };
    return 0;
}

static int read_failure(struct plan_case *plan_case, const json_t *json, struct error *err)
{
    if (check_keys(json, "observed.failure", "count reason message ago permanent", err) < 0) {
        return -1;
    }
    plan_case->failure = (struct observed_failure){
        .count = json != NULL ? (unsigned)number_of(json, "count", 1) : 0,
        .is_permanent = flag_of(json, "permanent", false),
        .reason = text_of(json, "reason", "EngineError"),
        .message = text_of(json, "message", "the engine said no"),
        .at_wall_ms = plan_case_moment(plan_case, json, "ago"),
    };
    return 0;
}

static int read_attempt(struct plan_case *plan_case, const json_t *json, struct error *err)
{
    int state, outcome;

    if (check_keys(json, "observed.attempt",
                   "number state outcome exitCode oom startedAgo finishedAgo message", err) < 0 ||
        word_of(json, "state", "absent running ended lost", ATTEMPT_ABSENT, &state, err) < 0 ||
        word_of(json, "outcome", "exited timed-out stopped not-started", OUTCOME_EXITED, &outcome,
                err) < 0) {
        return -1;
    }
    plan_case->attempt = (struct observed_attempt){
        .state = (enum attempt_state)state,
        .outcome = (enum attempt_outcome)outcome,
        .exit_code = number_of(json, "exitCode", 0),
        .is_oom_killed = flag_of(json, "oom", false),
        .started_wall_ms = plan_case_moment(plan_case, json, "startedAgo"),
        .finished_wall_ms = plan_case_moment(plan_case, json, "finishedAgo"),
        .message = text_of(json, "message", ""),
    };
    return 0;
}

/* What each kind looks at; a key that it does not is an error. */
static const char *observed_keys(enum case_kind kind)
{
    switch (kind) {
    case CASE_INSTANCE:
        return "container probes values image hasNetwork network failure pool updateHold";
    case CASE_REPOSITORY:
        return "container values image failure trees mirror source mirrorStatus setupStatus "
               "snapshotImage activeTasks runningTasks sessions settingUp explicit deleted "
               "evicted warm "
               "awaitedPool poolUnknown displaced pool instance branch refused awaits pressure "
               "workKeptFor unseenTrees branches";
    case CASE_TASK:
        return "container values failure trees source mirrorStatus repository repositoryStatus "
               "pool instance queued undecided refusal fileOwner freeTree hasTree shared snapshot "
               "setup "
               "block pressure attempt";
    case CASE_MIRROR: return "failure mirror wishes unused followed askedAgo refused pressure";
    case CASE_SETUP:
        return "container image failure trees wishes prepared containerReady attempt pressure "
               "snapshotImage";
    }
    abort();
}

static int read_observed(struct plan_case *plan_case, struct error *err)
{
    const json_t *json = json_object_get(plan_case->json, "observed");

    return check_keys(json, "observed", observed_keys(plan_case->kind), err) < 0 ||
                   read_image(plan_case, json_object_get(json, "image"), err) < 0 ||
                   read_container(plan_case, json_object_get(json, "container"), err) < 0 ||
                   read_network(plan_case, json_object_get(json, "network"), err) < 0 ||
                   read_failure(plan_case, json_object_get(json, "failure"), err) < 0 ||
                   read_attempt(plan_case, json_object_get(json, "attempt"), err) < 0
               ? -1
               : plan_case_read_work(plan_case, json, err);
}

/* What the last pass, or the status file, says. */
static void read_previous(struct plan_case *plan_case)
{
    const json_t *json = json_object_get(plan_case->json, "previous");
    const json_t *last = json_object_get(json_object_get(json, "restarts"), "last");
    struct object_status *previous;

    if (json == NULL) {
        return;
    }
    plan_case->previous = previous = status_from_json(json);
    if (text_equal(previous->observed_hash, "current")) {
        previous->observed_hash = status_text(previous, plan_case->object->hash);
    }
    if (text_equal(previous->task->hash, "current")) {
        status_task(previous)->hash = status_text(previous, plan_case->object->container_hash);
    }
    if (json_object_get(last, "finishedAgo") != NULL) {
        previous->restarts.last_finished_wall_ms = plan_case_moment(plan_case, last, "finishedAgo");
    }
    plan_case_recall_task(previous, json_object_get(json, "task"));
}

struct plan_case *plan_case_parse(const char *text, size_t len, struct error *err)
{
    auto_owned(yaml_stream) *stream = yaml_stream_parse(text, len);
    auto_owned(plan_case) *plan_case = xcalloc(1, sizeof(*plan_case));

    if (stream->problem_count > 0 || stream->count != 1) {
        error_set(err, ERROR_INVALID, "line %u: %s",
                  stream->problem_count > 0 ? stream->problems[0].line : 1,
                  stream->problem_count > 0 ? stream->problems[0].message : "not one document");
        return NULL;
    }
    plan_case->json = yaml_node_to_json(stream->documents[0]);
    port_table_init(&plan_case->ports);
    if (read_spec(plan_case, err) < 0 || read_world(plan_case, err) < 0 ||
        read_observed(plan_case, err) < 0) {
        return NULL;
    }
    plan_case_read_values(plan_case,
                          json_object_get(json_object_get(plan_case->json, "observed"), "values"));
    read_previous(plan_case);
    if (read_probes(plan_case, err) < 0) {
        return NULL;
    }
    return TAKE(plan_case);
}

void plan_case_free(struct plan_case *plan_case)
{
    if (plan_case == NULL) {
        return;
    }
    observed_container_free(plan_case->container);
    observed_probes_done(&plan_case->probes);
    free(plan_case->network.id);
    free(plan_case->network.subnet);
    status_free(plan_case->previous);
    plan_case_work_done(&plan_case->work);
    port_table_done(&plan_case->ports);
    object_unref(plan_case->object);
    policy_free(plan_case->policy);
    json_decref(plan_case->json);
    free(plan_case->roots.items);
    free(plan_case->value_items);
    free(plan_case->canonical_url);
    free(plan_case->key);
    free(plan_case->name);
    free(plan_case);
}

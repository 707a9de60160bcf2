#include "controller/known_starts.h"

#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/process.h"
#include "base/strbuf.h"
#include "reconcilers/container.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 1 };

static const char file_name[] = "starts.jsonl";
static const char id_begins[] = "{\"id\":\""; /* so a line's id is found without reading it all */

struct known_starts {
    char *text;       /* of the file, each line ended by a NUL */
    struct map lines; /* container id -> its line */
};

/* Lines */

char *known_start_to_line(const struct observed_container *container, uint64_t process)
{
    json_auto_t *binds = json_array();
    json_auto_t *json = NULL;

    for (size_t i = 0; i < container->bind_count; i++) {
        json_array_append_new(binds, json_string(container->binds[i]));
    }
    json = json_pack("{s:s, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:b, s:s, s:O}", "id", container->id,
                     "pid", (json_int_t)container->pid, "process", (json_int_t)process, "image",
                     container->image, "created", (json_int_t)container->created_wall_ms, "started",
                     (json_int_t)container->started_wall_ms, "finished",
                     (json_int_t)container->finished_wall_ms, "exitCode",
                     (json_int_t)container->exit_code, "oomKilled", container->is_oom_killed,
                     "cgroupParent", container->cgroup_parent, "binds", binds);
    return json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
}

static void take_binds(struct docker_container *docker, const json_t *binds)
{
    size_t i;
    json_t *value;

    if (json_array_size(binds) > 0) {
        docker->binds = xcalloc(json_array_size(binds), sizeof(*docker->binds));
    }
    json_array_foreach(binds, i, value) {
        if (json_is_string(value)) {
            docker->binds[docker->bind_count++] = xstrdup(json_string_value(value));
        }
    }
}

int known_start_from_line(const char *line, struct docker_container *docker, uint64_t *ret_process)
{
    json_auto_t *json = json_loads(line, 0, NULL);
    const char *id, *image, *cgroup_parent;
    json_int_t pid, process, created, started, finished, exit_code;
    json_t *binds;
    int is_oom_killed;

    if (json_unpack(json, "{s:s, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:b, s:s, s:o}", "id", &id,
                    "pid", &pid, "process", &process, "image", &image, "created", &created,
                    "started", &started, "finished", &finished, "exitCode", &exit_code, "oomKilled",
                    &is_oom_killed, "cgroupParent", &cgroup_parent, "binds", &binds) < 0 ||
        !json_is_array(binds) || strcmp(id, docker->id) != 0 || pid <= 0 || process <= 0) {
        return -1;
    }
    docker->pid = pid;
    *ret_process = (uint64_t)process;
    free(docker->image); /* a list says its id once the name is another one's */
    docker->image = xstrdup(image);
    docker->created_wall_ms = created;
    docker->started_wall_ms = started;
    docker->finished_wall_ms = finished;
    docker->exit_code = exit_code;
    docker->is_oom_killed = is_oom_killed != 0;
    free(docker->cgroup_parent);
    docker->cgroup_parent = xstrdup(cgroup_parent);
    take_binds(docker, binds);
    return 0;
}

/* Reading */

static bool is_of_this_boot(const char *line)
{
    json_auto_t *json = json_loads(line, 0, NULL);
    auto_free char *boot = machine_boot_id();

    return json_integer_value(json_object_get(json, "version")) == VERSION && boot != NULL &&
           text_equal(json_string_value(json_object_get(json, "boot")), boot);
}

static void note_line(struct known_starts *known, char *line)
{
    const char *id = line + strlen(id_begins), *end;

    if (text_has_prefix(line, id_begins) && (end = strchr(id, '"')) != NULL) {
        auto_free char *key = xstrndup(id, (size_t)(end - id));

        map_put(&known->lines, key, line);
    }
}

/* NULL: there is no more. */
static char *next_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');

    if (end == NULL) {
        return NULL; /* one that has no end is half a line, or nothing */
    }
    *end = '\0';
    *at = end + 1;
    return line;
}

void known_starts_load(struct controller *controller)
{
    auto_free char *path = state_path(&controller->state, "%s", file_name);
    auto_free char *text = NULL;
    struct known_starts *known;
    struct error err = {0};
    char *at, *line;

    if (file_read(AT_FDCWD, path, STATE_FILE_MAX, &text, NULL, &err) < 0) {
        return;
    }
    at = text;
    line = next_line(&at);
    if (line == NULL || !is_of_this_boot(line)) {
        return;
    }
    known = controller->known_starts = xcalloc(1, sizeof(*known));
    known->text = TAKE(text);
    while ((line = next_line(&at)) != NULL) {
        note_line(known, line);
    }
}

void known_starts_forget(struct controller *controller)
{
    struct known_starts *known = TAKE(controller->known_starts);

    if (known != NULL) {
        map_done(&known->lines);
        free(known->text);
        free(known);
    }
}

/* What is done in other containers beside, only inspections tell. */
static bool is_instance(const char *kind)
{
    return text_equal(kind, kind_name(KIND_INSTANCE));
}

/* Of one boot: a process with this number that began then is the one that was in its cgroup. */
bool known_starts_complete(const struct controller *controller, struct docker_container *docker,
                           uint64_t *ret_process)
{
    const struct known_starts *known = controller->known_starts;
    const char *line = known != NULL ? map_get(&known->lines, docker->id) : NULL;

    return line != NULL && docker->state == DOCKER_RUNNING &&
           is_instance(docker_container_label(docker, LABEL_KIND)) &&
           known_start_from_line(line, docker, ret_process) == 0 &&
           process_start(docker->pid) == *ret_process;
}

/* Writing */

/* 0: it is not certain that the process is the container's. */
static uint64_t certain_process(const struct observed_container *container)
{
    uint64_t process = container->process;

    if (process == 0 && (process = process_start(container->pid)) != 0 &&
        !process_has_cgroup(container->pid, container->id)) {
        return 0;
    }
    return process;
}

static void add_line(struct strbuf *text, const struct observed_container *container)
{
    bool may_be_known = container->is_ours && container->state == WORKLOAD_RUNNING &&
                        is_instance(container->kind) &&
                        (container->error == NULL || container->error[0] == '\0');
    uint64_t process = may_be_known ? certain_process(container) : 0;
    auto_free char *line = process != 0 ? known_start_to_line(container, process) : NULL;

    if (line != NULL) {
        strbuf_addf(text, "%s\n", line);
    }
}

void known_starts_save(struct controller *controller)
{
    auto_free char *path = state_path(&controller->state, "%s", file_name);
    auto_free char *boot = machine_boot_id();
    auto_done(strbuf) text = {.max_len = STATE_FILE_MAX};
    struct error err = {0};

    if (!controller->state.is_writable || !controller->is_listed || boot == NULL) {
        return; /* what is not sure any more is found to be so by the next one */
    }
    strbuf_addf(&text, "{\"version\":%d,\"boot\":\"%s\"}\n", VERSION, boot);
    for (struct map_entry *at = map_first(&controller->containers); at != NULL; at = map_next(at)) {
        add_line(&text, map_value(at));
    }
    if (file_replace(AT_FDCWD, path, text.text, text.len, 0600, FILE_VISIBLE, &err) < 0) {
        log_fields(LOG_WARN, "starts_unwritten", "error", err.message, NULL);
    }
}

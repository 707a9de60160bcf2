/*
 * What a controller finds when it starts: a state directory, a spec and its status file, damaged in
 * whatever way. It comes up, whatever is there; what names folders and attempts is what Berth could
 * have written; and commands that read the same files without a controller, such as `berth get` and
 * `berth gc --dry-run`, do.
 *
 * The input is a row of files: a line "@X", where X stands for one of the places below, then its
 * text.
 */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/kept_trees.h"
#include "cli/mirror_file.h"
#include "cli/status_store.h"
#include "controller/controller.c" /* to have one without its loop */
#include "controller/disk_survey.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define URL "https://h/o/r"

static const char canonical_url[] = "h/o/r";
static char top[64], container[REPO_CONTAINER_NAME_SIZE];

/* "%s" is the repository's container. */
static const struct place {
    char mark;
    const char *path;
} places[] = {
    {'S', "specs/a.yaml"},
    {'U', "specs/a.status.yaml"},
    {'H', "state/controller.yaml"},
    {'E', "state/env-key"},
    {'L', "state/leases.json"},
    {'D', "state/disk.json"},
    {'G', "state/specs/0123456789abcdef0123456789abcdef.json"},
    {'T', "state/tasks/t.json"},
    {'W', "state/tasks/gone.json"},
    {'X', "state/retired/x.json"},
    {'I', "state/releasing/web.json"},
    {'J', "state/released/0123456789ab.json"},
    {'Q', "state/requests/gc"},
    {'P', "state/requests/reconcile-1"},
    {'R', "state/repos/%s/repository.json"},
    {'M', "state/repos/%s/mirror.json"},
    {'K', "state/repos/%s/records/t-1.json"},
    {'N', "state/repos/%s/records/shared.json"},
    {'C', "state/repos/%s/git/devcontainer.json"},
};

static const char *const folders[] = {
    "specs",
    "state/specs",
    "state/tasks",
    "state/retired",
    "state/releasing",
    "state/released",
    "state/requests",
    "state/repos/%s/records",
    "state/repos/%s/git/mirror.git",
    "state/repos/%s/trees",
    "state/repos/%s/layers",
    "state/repos/%s/snap/0123456789012345678901234567890123456789-0",
    "state/repos/%s/setup/012345678901-0123456789ab-0",
    "state/repos/%s/run/tasks/t-1",
};

static char *path_of(const char *pattern)
{
    const char *blank = strstr(pattern, "%s");

    return blank == NULL ? xasprintf("%s/%s", top, pattern)
                         : xasprintf("%s/%.*s%s%s", top, (int)(blank - pattern), pattern, container,
                                     blank + strlen("%s"));
}

static void remove_top(void)
{
    struct error err = {0};

    tree_remove(top, &err);
}

static void make_top(void)
{
    const char *temporary = getenv("TMPDIR");
    struct error err = {0};
    struct repo_url url;
    auto_free char *id = NULL;

    log_configure(LOG_FORMAT_JSON, (enum log_level)(LOG_ERROR + 1)); /* nothing */
    snprintf(top, sizeof(top), "%.32s/berth-fuzz-XXXXXX", temporary != NULL ? temporary : "/tmp");
    assert(mkdtemp(top) != NULL && repo_url_parse(URL, &url, &err) == 0);
    repo_url_container_name(&url, container);
    repo_url_done(&url);
    atexit(remove_top);
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        auto_free char *path = path_of(folders[i]);

        assert(dir_make(path, 0700, &err) == 0);
    }
    id = path_of("state/controller-id");
    assert(file_replace(AT_FDCWD, id, "0123456789abcdef\n", 17, 0600, FILE_VISIBLE, &err) == 0);
}

static void write_text(char mark, const char *text, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        if (places[i].mark == mark) {
            auto_free char *path = path_of(places[i].path);
            auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

            assert(fd >= 0 && write(fd, text, len) == (ssize_t)len);
        }
    }
}

static void write_files(const char *text, size_t size)
{
    const char *end = text + size;

    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        char mark = end - text >= 3 && text[0] == '@' && text[2] == '\n' ? text[1] : '\0';
        const char *start = line_end != NULL ? line_end + 1 : end, *next = start;

        while (next < end && !(*next == '@' && end - next >= 3 && next[2] == '\n' &&
                               (next == start || next[-1] == '\n'))) {
            next++;
        }
        if (mark != '\0') {
            write_text(mark, start, (size_t)(next - start));
        }
        text = next;
    }
}

static void remove_files(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        auto_free char *path = path_of(places[i].path);

        unlink(path);
    }
}

static void check_entries(const struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        const struct entry *entry = map_value(at);
        const struct status_task *task = entry->status->task;

        assert(entry->status != NULL && entry->name[0] != '\0');
        assert(strchr(entry->name, '/') == NULL);
        assert(task->id == NULL || object_name_is_valid(task->id));
        if (entry->kind == ENTRY_TASK && task->id != NULL && task->repository != NULL) {
            assert(strchr(task->repository, '/') == NULL);
        }
    }
}

/* As `berth run --dry-run` does, which writes nothing, up to where it would ask the engine. */
static void start_controller(char *specs, char *state)
{
    struct controller_options options = {
        .specs_dir = xstrdup(specs),
        .status_dir = xstrdup(specs),
        .state_dir = xstrdup(state),
        .engine = xstrdup("unix:///nonexistent/docker.sock"),
        .repository_image = xstrdup("busybox"),
        .program = xstrdup("berth"),
        .ports = xstrdup(DEFAULT_PORTS),
        .network_range = xstrdup(DEFAULT_NETWORK_RANGE),
        .is_dry_run = true,
        .disk_high_percent = 85,
        .inode_high_percent = 70,
        .git_stall_seconds = 60,
    };
    struct controller *controller = controller_new(&options);
    struct error err = {0};

    assert(open_parts(controller, &err) == 0);
    start_work(controller);
    requests_serve(controller);
    check_entries(controller);
    close_parts(controller);
    free(controller);
}

static void look_without_controller(const char *specs, const char *state)
{
    json_auto_t *heartbeat = status_store_heartbeat(state);
    json_auto_t *tree = kept_tree_of_task(state, "t");
    json_auto_t *documents = NULL;
    auto_done(disk_notes) notes = {0};
    auto_done(disk_survey) survey = {0};
    struct disk_policy policy = disk_policy_with(85, 70, 1);
    struct disk_usage usage = {.total_bytes = 100, .free_bytes = 1};
    struct disk_decision decision = {0};
    struct mirror_file mirror;
    struct error err = {0};

    assert(status_store_read(specs, &documents, &err) == 0);
    mirror_file_read(state, canonical_url, &mirror);
    disk_notes_read(&notes, state);
    disk_survey_read(state, &notes, true, INT64_C(1700000000000), &survey);
    disk_survey_decide(&survey, &usage, &policy, INT64_C(1700000000000), &decision);
    disk_decision_done(&decision);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *specs = NULL, *state = NULL;

    if (top[0] == '\0') {
        make_top();
    }
    specs = path_of("specs");
    state = path_of("state");
    write_files(size > 0 ? (const char *)data : "", size);
    start_controller(specs, state);
    look_without_controller(specs, state);
    remove_files();
    return 0;
}

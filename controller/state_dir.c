#include "controller/state_dir.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

char *state_path(const struct state_dir *state, const char *format, ...)
{
    auto_free char *name = NULL;
    va_list args;

    va_start(args, format);
    name = xvasprintf(format, args);
    va_end(args);
    return path_join(state->path, name);
}

static void make_id(char id[CONTROLLER_ID_SIZE])
{
    unsigned char bytes[8] = {0};

    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
        abort(); /* the kernel has no randomness: nothing is unique any more */
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    }
}

static bool is_id(const char *text)
{
    return strlen(text) == CONTROLLER_ID_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == CONTROLLER_ID_SIZE - 1;
}

static int load_id(struct state_dir *state, struct error *err)
{
    auto_free char *path = state_path(state, "controller-id");
    auto_free char *text = NULL;
    struct error missing = {0};

    if (file_read(AT_FDCWD, path, 64, &text, NULL, &missing) == 0) {
        text[strcspn(text, "\n")] = '\0';
        if (is_id(text)) {
            memcpy(state->id, text, CONTROLLER_ID_SIZE);
            return 0;
        }
        return error_set(
            err, ERROR_INVALID,
            "\"%s\" is damaged; it names the containers this controller owns, so restore "
            "it, or remove it to start anew (existing containers are then not touched)",
            path);
    }
    if (missing.kind != ERROR_NOT_FOUND) {
        *err = missing;
        return -1;
    }
    make_id(state->id);
    if (!state->is_writable) {
        return 0;
    }
    text = xasprintf("%s\n", state->id);
    return file_replace(AT_FDCWD, path, text, strlen(text), 0644, FILE_DURABLE, err);
}

/* A reader that probes the lock holds it for an instant; that is no second controller. */
static int try_lock(int fd)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};

    for (int tries = 0; tries < 10; tries++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return 0;
        }
        nanosleep(&pause, NULL);
    }
    return -1;
}

static int take_lock(struct state_dir *state, struct error *err)
{
    auto_free char *path = state_path(state, "lock");
    auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    char pid[32] = "";

    if (fd < 0) {
        return error_set_errno(err, errno, "open \"%s\"", path);
    }
    if (try_lock(fd) < 0) {
        ssize_t got = read(fd, pid, sizeof(pid) - 1);

        pid[got > 0 ? strcspn(pid, "\n") : 0] = '\0';
        return error_set(err, ERROR_CONFLICT,
                         "state directory \"%s\" is in use by the controller with pid %s",
                         state->path, pid[0] != '\0' ? pid : "(unknown)");
    }
    snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || write(fd, pid, strlen(pid)) < 0) {
        return error_set_errno(err, errno, "write \"%s\"", path);
    }
    state->lock_fd = TAKE_FD(fd);
    return 0;
}

static int make_directories(const struct state_dir *state, struct error *err)
{
    static const char *const names[] = {"repos", "tasks",    "retired",  "requests",
                                        "specs", "released", "releasing"};

    if (dir_make(state->path, 0711, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_free char *path = state_path(state, "%s", names[i]);

        if (dir_make(path, 0711, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static void remove_temporary_of_repository(void *user, const char *name)
{
    const struct state_dir *state = user;
    auto_free char *path = state_path(state, "repos/%s", name);
    auto_free char *records = state_path(state, "repos/%s/records", name);
    auto_free char *layers = state_path(state, "repos/%s/setup", name);

    dir_remove_temporary(path, "");
    dir_remove_temporary(records, "");
    dir_remove_temporary(layers, "");
}

/* A controller that was killed while it replaced a file; not in requests/, where commands write at any time. */
static void remove_temporary(struct state_dir *state)
{
    static const char *const names[] = {"", "tasks", "retired", "specs", "released", "releasing"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_free char *path = state_path(state, "%s", names[i]);

        dir_remove_temporary(path, "");
    }
    state_list(state, "repos", remove_temporary_of_repository, state);
}

int state_dir_open(struct state_dir *state, const char *path, bool is_dry_run, struct error *err)
{
    *state = (struct state_dir){
        .path = xstrdup(path),
        .is_writable = !is_dry_run,
        .lock_fd = -1,
    };
    if (!is_dry_run) {
        if (make_directories(state, err) < 0 || take_lock(state, err) < 0) {
            return -1;
        }
        remove_temporary(state);
    }
    return load_id(state, err);
}

void state_dir_close(struct state_dir *state)
{
    if (state->path != NULL && state->lock_fd >= 0) {
        close(state->lock_fd); /* the file stays: removing it would race with the next controller */
    }
    free(state->path);
    state->path = NULL;
}

json_t *state_read_json(const struct state_dir *state, const char *name)
{
    auto_free char *path = state_path(state, "%s", name);
    auto_free char *text = NULL;
    struct error err = {0};
    size_t len;

    if (file_read(AT_FDCWD, path, STATE_FILE_MAX, &text, &len, &err) < 0) {
        return NULL;
    }
    return json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
}

int state_write_json(const struct state_dir *state, const char *name, const json_t *json,
                     struct error *err)
{
    auto_free char *path = state_path(state, "%s", name);
    auto_free char *text = NULL;

    if (!state->is_writable) {
        return 0;
    }
    text = json_dumps(json, JSON_INDENT(1));
    if (text == NULL) {
        return error_set(err, ERROR_INVALID, "\"%s\": something in it is no UTF-8", path);
    }
    if (strlen(text) > STATE_FILE_MAX) { /* it could not be read back */
        return error_set(err, ERROR_INVALID, "\"%s\": would be larger than %d bytes", path,
                         STATE_FILE_MAX);
    }
    return file_replace(AT_FDCWD, path, text, strlen(text), 0600, FILE_DURABLE, err);
}

void state_remove(const struct state_dir *state, const char *name)
{
    auto_free char *path = state_path(state, "%s", name);

    if (state->is_writable) {
        unlink(path);
    }
}

void state_list(const struct state_dir *state, const char *directory,
                void (*on_name)(void *user, const char *name), void *user)
{
    auto_free char *path = state_path(state, "%s", directory);
    DIR *dir = opendir(path);
    struct dirent *item;

    if (dir == NULL) {
        return;
    }
    while ((item = readdir(dir)) != NULL) {
        if (item->d_name[0] != '.') {
            on_name(user, item->d_name);
        }
    }
    closedir(dir);
}

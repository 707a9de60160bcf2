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

static int save_id(const struct state_dir *state, struct error *err)
{
    auto_free char *path = state_path(state, "controller-id");
    auto_free char *text = xasprintf("%s\n", state->id);

    if (!state->is_writable) {
        return 0;
    }
    return file_replace(AT_FDCWD, path, text, strlen(text), 0644, FILE_DURABLE, err);
}

static int load_id(struct state_dir *state, const char *copy_directory, struct error *err)
{
    auto_free char *path = state_path(state, "controller-id");
    auto_free char *text = NULL;
    struct error missing = {0};
    bool is_read = file_read(AT_FDCWD, path, 64, &text, NULL, &missing) == 0;

    if (is_read) {
        text[strcspn(text, "\n")] = '\0';
    }
    if (is_read && controller_id_is_valid(text)) {
        memcpy(state->id, text, CONTROLLER_ID_SIZE);
        return 0;
    }
    if (!is_read && missing.kind != ERROR_NOT_FOUND && missing.kind != ERROR_INVALID) {
        *err = missing;
        return -1;
    }
    state->is_recalled =
        copy_directory != NULL && id_copy_recall(copy_directory, state->path, state->id);
    if (!state->is_recalled && missing.kind != ERROR_NOT_FOUND) {
        return error_set(
            err, ERROR_INVALID,
            "\"%s\" is damaged; it names the containers this controller owns, so restore "
            "it, or remove it to start anew (existing containers are then not touched)",
            path);
    }
    if (!state->is_recalled) {
        make_id(state->id);
    }
    return save_id(state, err);
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

/* In place, and cut afterwards: where a controller ran before that needs no room on the disk. */
static void write_pid(const char *path)
{
    auto_close int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char pid[32];
    int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

    if (fd < 0 || pwrite(fd, pid, (size_t)len, 0) != len || ftruncate(fd, len) < 0) {
        /* the lock is what counts; the number is for people */
    }
}

static int take_lock(struct state_dir *state, struct error *err)
{
    auto_free char *path = state_path(state, "lock");
    /*
     * Held for reading: it can be had where nothing may be written, and keeps nobody from making
     * that so.
     */
    auto_close int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
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
    write_pid(path);
    if (state->lock_fd >= 0) {
        close(state->lock_fd);
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

/*
 * A controller that was killed while it replaced a file; not in requests/, where commands write at
 * any time.
 */
static void remove_temporary(struct state_dir *state)
{
    static const char *const names[] = {"", "tasks", "retired", "specs", "released", "releasing"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_free char *path = state_path(state, "%s", names[i]);

        dir_remove_temporary(path, "");
    }
    state_list(state, "repos", remove_temporary_of_repository, state);
}

int state_dir_open(struct state_dir *state, const char *path, const char *copy_directory,
                   bool is_dry_run, struct error *err)
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
    return load_id(state, copy_directory, err);
}

void state_dir_close(struct state_dir *state)
{
    if (state->path != NULL && state->lock_fd >= 0) {
        close(state->lock_fd); /* the file stays: removing it would race with the next controller */
    }
    for (struct map_entry *at = map_first(&state->unwritten); at != NULL; at = map_next(at)) {
        free(map_value(at));
    }
    map_done(&state->unwritten);
    free(state->trouble);
    free(state->path);
    state->path = NULL;
}

/* --- what cannot be written ------------------------------------------------------------------- */

/* What is kept for a file that its writer writes again by itself. */
static const char written_by_others[] = "";

static void forget_unwritten(struct state_dir *state, const char *name)
{
    char *text = map_remove(&state->unwritten, name);

    free(text);
    if (map_first(&state->unwritten) == NULL) {
        free(state->trouble);
        state->trouble = NULL;
    }
}

static void keep_unwritten(struct state_dir *state, const char *name, const char *text,
                           const struct error *err)
{
    free(state->trouble);
    state->trouble = xstrdup(err->message);
    if (map_get(&state->unwritten, name) != text) {
        free(map_put(&state->unwritten, name, xstrdup(text)));
    }
}

const char *state_unwritten(const struct state_dir *state, size_t *ret_count)
{
    *ret_count = map_count(&state->unwritten);
    return state->trouble;
}

static int write_text(struct state_dir *state, const char *name, const char *text,
                      struct error *err)
{
    auto_free char *path = state_path(state, "%s", name);

    return file_replace(AT_FDCWD, path, text, strlen(text), 0600,
                        state->is_hasty ? FILE_VISIBLE : FILE_DURABLE, err);
}

void state_keep_text(struct state_dir *state, const char *name, const char *text)
{
    struct error err = {0};

    if (!state->is_writable) {
        return;
    }
    if (write_text(state, name, text, &err) < 0) {
        keep_unwritten(state, name, text, &err);
    } else {
        forget_unwritten(state, name);
    }
}

static int dump(const json_t *json, const char *name, char **ret_text, struct error *err)
{
    auto_free char *text = json_dumps(json, JSON_INDENT(1));

    if (text == NULL) {
        return error_set(err, ERROR_INVALID, "\"%s\": something in it is no UTF-8", name);
    }
    if (strlen(text) > STATE_FILE_MAX) { /* it could not be read back */
        return error_set(err, ERROR_INVALID, "\"%s\": would be larger than %d bytes", name,
                         STATE_FILE_MAX);
    }
    *ret_text = TAKE(text);
    return 0;
}

void state_keep_json(struct state_dir *state, const char *name, const json_t *json)
{
    auto_free char *text = NULL;
    struct error err = {0};

    if (!state->is_writable) {
        return;
    }
    if (dump(json, name, &text, &err) < 0) {
        state_note_result(state, name, &err); /* trying again would not help */
    } else {
        state_keep_text(state, name, text);
    }
}

void state_note_result(struct state_dir *state, const char *name, const struct error *err)
{
    if (err != NULL) {
        keep_unwritten(state, name, written_by_others, err);
    } else {
        forget_unwritten(state, name);
    }
}

static bool is_there(const struct state_dir *state)
{
    auto_free char *path = state_path(state, "lock");
    struct stat there, held;

    return stat(path, &there) == 0 && fstat(state->lock_fd, &held) == 0 &&
           there.st_ino == held.st_ino && there.st_dev == held.st_dev;
}

int state_look(struct state_dir *state, struct error *err)
{
    struct error failure = {0};

    if (!state->is_writable || make_directories(state, &failure) < 0) {
        return 0; /* not even that: later */
    }
    if (is_there(state)) {
        return 0;
    }
    if (take_lock(state, &failure) < 0) {
        *err = failure;
        state->is_writable = failure.kind != ERROR_CONFLICT; /* what is there is theirs now */
        return failure.kind == ERROR_CONFLICT ? -1 : 0;
    }
    if (save_id(state, &failure) < 0) {
        auto_free char *text = xasprintf("%s\n", state->id);

        keep_unwritten(state, "controller-id", text, &failure);
    }
    return 0;
}

int state_retry(struct state_dir *state, struct error *err)
{
    struct map_entry *next;

    if (state_look(state, err) < 0) {
        return -1;
    }
    for (struct map_entry *at = map_first(&state->unwritten); at != NULL; at = next) {
        const char *text = map_value(at);
        auto_free char *name = xstrdup(map_key(at));
        struct error failure = {0};

        next = map_next(at);
        if (text[0] == '\0') {
            continue; /* written_by_others */
        }
        if (write_text(state, name, text, &failure) < 0 && failure.kind != ERROR_NOT_FOUND) {
            keep_unwritten(state, name, text, &failure);
        } else {
            forget_unwritten(state,
                             name); /* written, or what it is about is gone with its folder */
        }
    }
    return 0;
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

int state_write_json(struct state_dir *state, const char *name, const json_t *json,
                     struct error *err)
{
    auto_free char *text = NULL;

    if (!state->is_writable) {
        return 0;
    }
    if (dump(json, name, &text, err) < 0 || write_text(state, name, text, err) < 0) {
        return -1;
    }
    forget_unwritten(state, name);
    return 0;
}

void state_remove(struct state_dir *state, const char *name)
{
    auto_free char *path = state_path(state, "%s", name);

    if (state->is_writable) {
        forget_unwritten(state, name);
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

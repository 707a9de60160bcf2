#include "controller/spec_watch.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "controller/spec_scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

enum { EVENT_BUFFER = 64 << 10, MAX_LOOKOUTS = 8, MAX_NAMES = 256, DESCRIPTOR_SIZE = 16 };

/* What a file is there after. */
static const uint32_t harmless = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB;

/* Something on the way to the directory that may become another one: its own name, or a link. */
struct lookout {
    int descriptor; /* of the watch of the folder that it is in */
    char *name;
};

struct spec_watch {
    uv_poll_t poll;
    uv_timer_t quiet; /* runs while something has happened */
    uv_timer_t polling;
    int fd; /* -1: polling */
    char *directory;
    struct map watches; /* directory -> watch descriptor + 1 */
    struct map folders; /* watch descriptor as text -> the key of the map above; values are owned */
    struct map names;   /* of files that something happened to since the last look */
    size_t name_count;
    bool is_more;    /* something else did, too */
    bool is_written; /* something may not be whole yet: not all of it was renamed into place */
    struct lookout lookouts[MAX_LOOKOUTS];
    size_t lookout_count;
    uint64_t first_sign_at_ms; /* 0: quiet */
    char *polling_reason;
    unsigned open_handles;
    void (*on_due)(void *user, const struct map *names);
    void *user;
};

static void on_quiet(uv_timer_t *timer)
{
    struct spec_watch *watch = timer->data;

    auto_done(map) names = watch->names;
    bool is_more = watch->is_more;

    watch->names = (struct map){0};
    watch->name_count = 0;
    watch->is_more = watch->is_written = false;
    watch->first_sign_at_ms = 0;
    watch->on_due(watch->user, is_more ? NULL : &names);
}

static void start_quiet(struct spec_watch *watch)
{
    uint64_t now_ms = clock_monotonic_ms(), waited_ms;
    uint64_t delay_ms = watch->is_written ? WATCH_QUIET_MS : WATCH_PLACED_MS;

    if (watch->first_sign_at_ms == 0) {
        watch->first_sign_at_ms = now_ms;
    }
    waited_ms = now_ms - watch->first_sign_at_ms;
    if (waited_ms + delay_ms > WATCH_MAX_DELAY_MS) {
        delay_ms = waited_ms < WATCH_MAX_DELAY_MS ? WATCH_MAX_DELAY_MS - waited_ms : 0;
    }
    uv_timer_start(&watch->quiet, on_quiet, delay_ms, 0);
}

/* Of what no name tells all. */
static void note_sign(struct spec_watch *watch)
{
    watch->is_more = watch->is_written = true;
    start_quiet(watch);
}

static const char *descriptor_text(int descriptor, char text[DESCRIPTOR_SIZE])
{
    snprintf(text, DESCRIPTOR_SIZE, "%d", descriptor);
    return text;
}

/* Two directories with one descriptor are one folder: which was meant cannot be told. */
static void set_folder(struct spec_watch *watch, int descriptor, const char *directory)
{
    char text[DESCRIPTOR_SIZE];
    char *before = map_get(&watch->folders, descriptor_text(descriptor, text));

    if (before == NULL || strcmp(before, directory) != 0) {
        free(map_put(&watch->folders, text, before == NULL ? xstrdup(directory) : xstrdup("/")));
    }
}

static void forget_folder(struct spec_watch *watch, int descriptor)
{
    char text[DESCRIPTOR_SIZE];

    free(map_remove(&watch->folders, descriptor_text(descriptor, text)));
}

static void note_file(struct spec_watch *watch, const struct inotify_event *event, const char *name)
{
    char text[DESCRIPTOR_SIZE];
    const char *folder = map_get(&watch->folders, descriptor_text(event->wd, text));
    auto_free char *path = folder != NULL ? path_join(folder, name) : NULL;

    if (path == NULL || folder[0] == '/' || (event->mask & ~harmless) != 0 ||
        watch->name_count >= MAX_NAMES) {
        note_sign(watch);
        return;
    }
    if (map_put(&watch->names, path, watch) == NULL) {
        watch->name_count++;
    }
    watch->is_written |= (event->mask & IN_MOVED_TO) == 0;
    start_quiet(watch);
}

static void forget_watch(struct spec_watch *watch, int descriptor)
{
    forget_folder(watch, descriptor);
    for (struct map_entry *at = map_first(&watch->watches); at != NULL; at = map_next(at)) {
        if ((intptr_t)map_value(at) == descriptor + 1) {
            map_remove(&watch->watches, map_key(at));
            return;
        }
    }
}

/* 0: of none; 1: of something on the way; -1: of what only lies beside it */
static int event_of_lookout(const struct spec_watch *watch, const struct inotify_event *event,
                            const char *name)
{
    int result = 0;

    for (size_t i = 0; i < watch->lookout_count; i++) {
        if (watch->lookouts[i].descriptor == event->wd) {
            if (strcmp(watch->lookouts[i].name, name) == 0) {
                return 1;
            }
            result = -1;
        }
    }
    return result;
}

static void handle_event(struct spec_watch *watch, const struct inotify_event *event)
{
    const char *name = event->len > 0 ? event->name : "";
    int lookout = event_of_lookout(watch, event, name);

    if (lookout != 0) {
        if (lookout > 0) {
            note_sign(watch);
        }
        return;
    }
    if (event->mask & IN_IGNORED) {
        forget_watch(watch, event->wd);
    }
    if (event->mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF)) {
        note_sign(watch);
    } else if ((event->mask & IN_ISDIR) || strcmp(name, "..data") == 0) {
        note_sign(watch); /* ..data: a ConfigMap volume was swapped */
    } else if (spec_name_is_relevant(name)) {
        note_file(watch, event, name);
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct spec_watch *watch = poll->data;
    char buffer[EVENT_BUFFER] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t got;

    (void)status;
    (void)events;
    while ((got = read(watch->fd, buffer, sizeof(buffer))) > 0) {
        for (char *at = buffer; at < buffer + got;) {
            const struct inotify_event *event = (const struct inotify_event *)(void *)at;

            handle_event(watch, event);
            at += sizeof(*event) + event->len;
        }
    }
}

static void on_polling(uv_timer_t *timer)
{
    struct spec_watch *watch = timer->data;

    watch->on_due(watch->user, NULL);
}

static void start_polling(struct spec_watch *watch, const char *reason)
{
    if (watch->polling_reason == NULL) {
        watch->polling_reason = xstrdup(reason);
        uv_timer_start(&watch->polling, on_polling, WATCH_POLL_MS, WATCH_POLL_MS);
    }
}

/* What another machine changes there is told by no event. */
static void poll_if_remote(struct spec_watch *watch)
{
    struct statfs info;

    if (statfs(watch->directory, &info) == 0 && spec_file_system_is_remote(info.f_type)) {
        start_polling(watch, "changes may come from elsewhere: it is on a network file system, or "
                             "on one of a virtual machine's host");
    }
}

static void explain_limit(struct spec_watch *watch, int number)
{
    if (number == EMFILE) {
        start_polling(watch, "no inotify instance left: raise fs.inotify.max_user_instances");
    } else if (number == ENOSPC) {
        start_polling(watch, "no inotify watch left: raise fs.inotify.max_user_watches");
    } else if (number != ENOENT && number != ENOTDIR && number != EACCES) {
        start_polling(watch, strerror(number));
    }
}

static bool is_watched(const struct spec_watch *watch, int descriptor)
{
    for (struct map_entry *at = map_first(&watch->watches); at != NULL; at = map_next(at)) {
        if ((intptr_t)map_value(at) == descriptor + 1) {
            return true;
        }
    }
    for (size_t i = 0; i < watch->lookout_count; i++) {
        if (watch->lookouts[i].descriptor == descriptor) {
            return true;
        }
    }
    return false;
}

static void add_watch(struct spec_watch *watch, const char *name)
{
    auto_free char *path =
        name[0] != '\0' ? path_join(watch->directory, name) : xstrdup(watch->directory);
    int descriptor = inotify_add_watch(watch->fd, path,
                                       IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO |
                                           IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |
                                           IN_ONLYDIR | IN_EXCL_UNLINK);
    void *now, *before;

    if (descriptor < 0) {
        explain_limit(watch, errno);
        return;
    }
    set_folder(watch, descriptor, name);
    now = (void *)(intptr_t)(descriptor + 1);
    before = map_put(&watch->watches, name, now);
    if (before == now) {
        return;
    }
    if (before != NULL && !is_watched(watch, (int)((intptr_t)before - 1))) {
        inotify_rm_watch(watch->fd, (int)((intptr_t)before - 1)); /* of the folder it replaced */
    }
    note_sign(watch); /* what came before the watch was seen by no event: look once more */
}

/* --- the way to the directory ----------------------------------------------------------------- */

/*
 * Those that were there before the new ones: the kernel gives the same descriptor for the same
 * folder.
 */
static void drop_lookouts(struct spec_watch *watch, struct lookout *lookouts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_watched(watch, lookouts[i].descriptor)) {
            inotify_rm_watch(watch->fd, lookouts[i].descriptor);
        }
        free(lookouts[i].name);
    }
}

static void add_lookout(struct spec_watch *watch, const char *folder, const char *name, size_t len)
{
    int descriptor;

    if (watch->lookout_count == MAX_LOOKOUTS) {
        return;
    }
    descriptor =
        inotify_add_watch(watch->fd, folder[0] != '\0' ? folder : "/",
                          IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR);

    if (descriptor >= 0) {
        watch->lookouts[watch->lookout_count++] =
            (struct lookout){.descriptor = descriptor, .name = xstrndup(name, len)};
    }
}

static bool is_link(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
}

/*
 * A link on the way can be switched, and the directory itself replaced, without any event inside of
 * it.
 */
static void watch_way(struct spec_watch *watch)
{
    auto_free char *path = xstrdup(watch->directory);
    struct lookout before[MAX_LOOKOUTS];
    size_t count_before = watch->lookout_count;
    char *slash = path;

    memcpy(before, watch->lookouts, sizeof(before));
    watch->lookout_count = 0;
    while (slash != NULL && slash[1] != '\0') {
        char *name = slash + 1, *end = strchr(name, '/');

        if (end != NULL) {
            *end = '\0';
        }
        if (end == NULL || is_link(path)) {
            *slash = '\0';
            add_lookout(watch, path, name, strlen(name));
            *slash = '/';
        }
        if (end != NULL) {
            *end = '/';
        }
        slash = end;
    }
    drop_lookouts(watch, before, count_before);
}

static void on_closed(uv_handle_t *handle)
{
    struct spec_watch *watch = handle->data;

    if (--watch->open_handles > 0) {
        return;
    }
    for (size_t i = 0; i < watch->lookout_count; i++) {
        free(watch->lookouts[i].name);
    }
    if (watch->fd >= 0) {
        close(watch->fd);
    }
    for (struct map_entry *at = map_first(&watch->folders); at != NULL; at = map_next(at)) {
        free(map_value(at));
    }
    map_done(&watch->folders);
    map_done(&watch->names);
    map_done(&watch->watches);
    free(watch->directory);
    free(watch->polling_reason);
    free(watch);
}

struct spec_watch *spec_watch_new(uv_loop_t *loop, const char *directory, const char *polling,
                                  void (*on_due)(void *user, const struct map *names), void *user)
{
    struct spec_watch *watch = xcalloc(1, sizeof(*watch));

    watch->directory = xstrdup(directory);
    watch->on_due = on_due;
    watch->user = user;
    uv_timer_init(loop, &watch->quiet);
    uv_timer_init(loop, &watch->polling);
    watch->quiet.data = watch;
    watch->polling.data = watch;
    watch->open_handles = 2;
    watch->fd = polling != NULL ? -1 : inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd < 0) {
        if (polling == NULL) {
            explain_limit(watch, errno);
        }
        start_polling(watch, polling != NULL ? polling : "inotify cannot be had");
        return watch;
    }
    uv_poll_init(loop, &watch->poll, watch->fd);
    watch->poll.data = watch;
    watch->open_handles++;
    uv_poll_start(&watch->poll, UV_READABLE, on_readable);
    add_watch(watch, "");
    watch_way(watch);
    poll_if_remote(watch);
    return watch;
}

void spec_watch_close(struct spec_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    if (watch->fd >= 0) {
        uv_close((uv_handle_t *)&watch->poll, on_closed);
    }
    uv_close((uv_handle_t *)&watch->quiet, on_closed);
    uv_close((uv_handle_t *)&watch->polling, on_closed);
}

void spec_watch_update(struct spec_watch *watch, const struct map *directories)
{
    struct map_entry *next;

    if (watch->fd < 0) {
        return;
    }
    /*
     * The kernel gives the descriptor back that it has, or a new one when another directory took
     * the name.
     */
    add_watch(watch, "");
    watch_way(watch);
    for (struct map_entry *at = map_first(directories); at != NULL; at = map_next(at)) {
        add_watch(watch, map_key(at));
    }
    for (struct map_entry *at = map_first(&watch->watches); at != NULL; at = next) {
        next = map_next(at);
        if (map_key(at)[0] != '\0' && map_get(directories, map_key(at)) == NULL) {
            int descriptor = (int)((intptr_t)map_value(at) - 1);

            inotify_rm_watch(watch->fd, descriptor);
            forget_folder(watch, descriptor);
            map_remove(&watch->watches, map_key(at));
        }
    }
}

const char *spec_watch_polling_reason(const struct spec_watch *watch)
{
    return watch->polling_reason;
}

#include "cli/ask_controller.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE_MS = 50 };

char *ask_make_id(void)
{
    return xasprintf("%d-%lld", (int)getpid(), (long long)clock_wall_ms());
}

void ask_pause(void)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * NS_PER_MS};

    nanosleep(&pause, NULL);
}

/* The lock tells whether the pid in it is that of a living controller. */
static bool wake_controller(const char *state_dir)
{
    auto_free char *path = path_join(state_dir, "lock");
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[32] = "";
    uint64_t pid;

    if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0 || read(fd, text, sizeof(text) - 1) <= 0) {
        return false;
    }
    text[strcspn(text, "\n")] = '\0';
    return parse_u64(text, &pid) == 0 && pid > 1 && pid <= INT32_MAX &&
           kill((pid_t)pid, SIGHUP) == 0;
}

int ask_controller(const char *state_dir, const char *request, const json_t *json,
                   struct error *err)
{
    auto_free char *folder = path_join(state_dir, "requests");
    auto_free char *path = path_join(folder, request);
    auto_free char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : xstrdup("");

    if (!path_exists(folder)) {
        return error_set(err, ERROR_NOT_FOUND,
                         "no controller has run with state directory %s; is --state right?",
                         state_dir);
    }
    if (file_replace(AT_FDCWD, path, text, strlen(text), 0600, FILE_VISIBLE, err) < 0) {
        return error_wrap(err, "ask the controller");
    }
    if (!wake_controller(state_dir)) {
        unlink(path);
        return error_set(err, ERROR_NOT_FOUND, "no controller runs with state directory %s",
                         state_dir);
    }
    return 0;
}

bool ask_is_taken(const char *state_dir, const char *request)
{
    auto_free char *path = xasprintf("%s/requests/%s", state_dir, request);

    return !path_exists(path);
}

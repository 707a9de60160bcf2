#include "tests/model/steps.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_TENTHS = 300, STOP_TENTHS = 300 };

void pause_ms(unsigned ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    while (nanosleep(&time, &time) < 0 && errno == EINTR) {
    }
}

static void run_berth(struct world *world, const char *const *arguments)
{
    int log = open(world->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    int none = open("/dev/null", O_RDONLY);

    if (log < 0 || none < 0) {
        _exit(125);
    }
    dup2(none, 0);
    dup2(log, 1);
    dup2(log, 2);
    /* execv takes its strings as not const, and does not write to them. */
    execv(world->berth, (char *const *)(uintptr_t)arguments);
    _exit(126);
}

static bool heartbeat_is_of(const struct world *world, pid_t pid)
{
    auto_free char *path = xasprintf("%s/controller.yaml", world->state);
    auto_free char *line = xasprintf("pid: %d\n", (int)pid);
    auto_free char *text = NULL;
    struct error err = {0};

    return file_read(AT_FDCWD, path, 1 << 20, &text, NULL, &err) == 0 && strstr(text, line) != NULL;
}

static void read_controller_id(struct world *world)
{
    auto_free char *path = xasprintf("%s/controller-id", world->state);
    auto_free char *text = NULL;
    struct error err = {0};

    if (file_read(AT_FDCWD, path, 100, &text, NULL, &err) < 0 || strlen(text) < 16) {
        world_abort(world, "no controller id: %s", err.message);
    }
    snprintf(world->controller_id, sizeof(world->controller_id), "%.16s", text);
}

void controller_start(struct world *world)
{
    auto_free char *ports = xasprintf("%u-%u", world->port_first, world->port_last);
    const char *arguments[] = {
        world->berth,
        "run",
        "--specs",
        world->specs,
        "--state",
        world->state,
        "--status-dir",
        world->statuses,
        "--engine",
        world->engine_url,
        "--ports",
        ports,
        "--network-range",
        world->network_range,
        "--scan-interval",
        world->scan_interval,
        "--relist-interval",
        world->relist_interval,
        "--orphan-grace",
        "2s",
        "--port-quarantine",
        "30s",
        "--repository-image",
        "berth-test/busybox:1",
        "--git-file-root",
        world->repository != NULL ? world->repository + strlen("file://") : "/nowhere",
        world->is_polling ? "--poll" : NULL,
        NULL,
    };
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run_berth(world, arguments);
    }
    if (pid < 0) {
        world_abort(world, "cannot fork");
    }
    world->controller = pid;
    for (unsigned i = 0; !heartbeat_is_of(world, pid); i++) {
        if (i == START_TENTHS || waitpid(pid, NULL, WNOHANG) != 0) {
            world_abort(world, "the controller has not started, see %s", world->log);
        }
        pause_ms(100);
    }
    read_controller_id(world);
}

/* Ended, or not there yet after so many tenths of a second. */
static bool has_ended(pid_t pid, unsigned tenths, int *ret_status)
{
    for (unsigned i = 0; i <= tenths; i++) {
        if (waitpid(pid, ret_status, WNOHANG) == pid) {
            return true;
        }
        pause_ms(100);
    }
    return false;
}

void controller_kill(struct world *world, int signal_number)
{
    int status = 0;

    if (world->controller == 0) {
        return;
    }
    kill(world->controller, signal_number);
    if (!has_ended(world->controller, STOP_TENTHS, &status)) {
        world_abort(world, "the controller does not end on signal %d", signal_number);
    }
    world->controller = 0;
    if (signal_number == SIGTERM ? status != 0
                                 : !WIFSIGNALED(status) || WTERMSIG(status) != signal_number) {
        world_abort(world, "the controller ended with %#x on signal %d", (unsigned)status,
                    signal_number);
    }
}

void controller_confirm(struct world *world)
{
    const char *arguments[] = {world->berth, "confirm-deletions", "--state", world->state, NULL};
    pid_t pid = fork();

    if (pid == 0) {
        run_berth(world, arguments);
    }
    waitpid(pid, NULL, 0);
}

static void freeze(struct world *world)
{
    unsigned ms = 200 + dice_roll(&world->dice, 2500);

    world_say(world, "freeze the controller for %u ms", ms);
    kill(world->controller, SIGSTOP);
    pause_ms(ms);
    kill(world->controller, SIGCONT);
}

void step_controller(struct world *world)
{
    unsigned what = dice_roll(&world->dice, 100);

    if (world->controller == 0) {
        world_say(world, "start the controller");
        controller_start(world);
    } else if (what < 45) {
        world_say(world, "kill the controller");
        controller_kill(world, SIGKILL);
    } else if (what < 70) {
        world_say(world, "stop the controller");
        controller_kill(world, SIGTERM);
    } else if (what < 85) {
        world_say(world, "SIGHUP to the controller");
        kill(world->controller, SIGHUP);
    } else {
        freeze(world);
    }
    if (world->controller == 0 && dice_percent(&world->dice, 60)) {
        world_say(world, "start the controller");
        controller_start(world);
    }
}

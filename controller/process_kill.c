#include "controller/process_kill.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_CGROUP_TEXT = 65536, SHORTEST_ID = 12 };

/* A line "4:memory:/docker/<id>" or "0::/system.slice/docker-<id>.scope". */
static bool is_in_container(pid_t pid, const char *container_id)
{
    auto_free char *path = xasprintf("/proc/%d/cgroup", (int)pid), *text = NULL;
    struct error err = {0};

    return file_read(AT_FDCWD, path, MAX_CGROUP_TEXT, &text, NULL, &err) == 0 &&
           strstr(text, container_id) != NULL;
}

int process_kill_in_container(int64_t pid, const char *container_id)
{
    auto_close int fd = -1;

    if (pid <= 1 || pid > INT_MAX || strlen(container_id) < SHORTEST_ID) {
        return -1;
    }
    /* from here on fd is this process, whoever gets its number later */
    fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    if (fd < 0 || !is_in_container((pid_t)pid, container_id)) {
        return -1;
    }
    /* stopped it keeps its number, so that the group is its own when that is named */
    if (syscall(SYS_pidfd_send_signal, fd, SIGSTOP, NULL, 0) < 0) {
        return -1;
    }
    if (getpgid((pid_t)pid) == (pid_t)pid) {
        kill((pid_t)-pid, SIGKILL);
    }
    return syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0 ? -1 : 0;
}

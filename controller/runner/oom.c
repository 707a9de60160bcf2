#include "controller/runner/oom.h"

#include "controller/runner/util.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int64_t oom_parse(const char *text)
{
    static const char key[] = "oom_kill ";
    char number[24];

    for (const char *line = text; *line != '\0';
         line += strcspn(line, "\n"), line += *line == '\n') {
        size_t len = strcspn(line, "\n");
        uint64_t count;

        if (strncmp(line, key, strlen(key)) == 0 && len - strlen(key) < sizeof(number)) {
            snprintf(number, sizeof(number), "%.*s", (int)(len - strlen(key)), line + strlen(key));
            return util_parse_number(number, 0, INT64_MAX, &count) < 0 ? -1 : (int64_t)count;
        }
    }
    return -1;
}

static int read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    ssize_t got = -1;

    if (fd >= 0) {
        got = read(fd, text, size - 1);
        close(fd);
    }
    if (got < 0) {
        return -1;
    }
    text[got] = '\0';
    return 0;
}

/*
 * Our cgroup v2 as /proc names it, "0::/path": where the container has no cgroup namespace of its
 * own.
 */
static int read_own_events(char *text, size_t size)
{
    char own[PATH_MAX], path[PATH_MAX + 64];
    char *line;

    if (read_text("/proc/self/cgroup", own, sizeof(own)) < 0) {
        return -1;
    }
    line = strstr(own, "0::/");
    if (line == NULL || (line != own && line[-1] != '\n')) {
        return -1;
    }
    line += strlen("0::");
    line[strcspn(line, "\n")] = '\0';
    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.events", line);
    return read_text(path, text, size);
}

int64_t oom_count_kills(void)
{
    char text[1024];

    if (read_text("/sys/fs/cgroup/memory.events", text, sizeof(text)) == 0 ||
        read_own_events(text, sizeof(text)) == 0 ||
        read_text("/sys/fs/cgroup/memory/memory.oom_control", text, sizeof(text)) == 0) {
        return oom_parse(text);
    }
    return -1;
}

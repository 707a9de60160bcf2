#include "controller/runner/util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now = {0};

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t util_monotonic_ms(void)
{
    return (uint64_t)clock_ms(CLOCK_MONOTONIC);
}

int64_t util_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

void runner_complain(const char *format, ...)
{
    char line[1024] = "berth-runner: ";
    size_t len = strlen(line);
    va_list args;

    va_start(args, format);
    vsnprintf(line + len, sizeof(line) - len - 1, format, args);
    va_end(args);
    len = strlen(line);
    line[len] = '\n';
    util_write(STDERR_FILENO, line, len + 1);
}

size_t util_write(int fd, const void *bytes, size_t len)
{
    const char *from = bytes;
    size_t written = 0;

    while (written < len) {
        ssize_t put = write(fd, from + written, len - written);

        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            break;
        }
        written += (size_t)put;
    }
    return written;
}

int util_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0')) {
        return -1;
    }
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value)) {
            return -1;
        }
    }
    if (value < min || value > max) {
        return -1;
    }
    *ret_value = value;
    return 0;
}

static bool has_parent_part(const char *path)
{
    for (const char *at = strstr(path, "/.."); at != NULL; at = strstr(at + 1, "/..")) {
        if (at[3] == '/' || at[3] == '\0') {
            return true;
        }
    }
    return false;
}

int util_clean_path(char *path)
{
    char *to = path;

    if (path[0] != '/' || has_parent_part(path)) {
        return -1;
    }
    for (const char *from = path; *from != '\0';) {
        size_t len = strcspn(from + 1, "/");

        if (len > 0 && !(len == 1 && from[1] == '.')) {
            memmove(to, from, len + 1);
            to += len + 1;
        }
        from += len + 1;
    }
    if (to == path) {
        *to++ = '/';
    }
    *to = '\0';
    return 0;
}

const char *util_path_below(const char *path, const char *directory)
{
    size_t len = strcmp(directory, "/") == 0 ? 0 : strlen(directory);

    if (strncmp(path, directory, len) != 0 || (path[len] != '/' && path[len] != '\0')) {
        return NULL;
    }
    return path[len] == '/' ? path + len + 1 : path + len;
}

const char *util_errno_text(int number, char text[64])
{
    snprintf(text, 64, "%s", strerror(number));
    if (text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a' && text[1] <= 'z') {
        text[0] = (char)(text[0] - 'A' + 'a');
    }
    return text;
}

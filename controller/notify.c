#include "controller/notify.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_MAX = 512 };

static void take_address(struct notifier *notifier, const char *socket)
{
    size_t len = strlen(socket);

    if ((socket[0] != '/' && socket[0] != '@') || len < 2 ||
        len >= sizeof(notifier->address.sun_path)) {
        return;
    }
    notifier->address.sun_family = AF_UNIX;
    memcpy(notifier->address.sun_path, socket, len);
    if (socket[0] == '@') { /* an abstract name begins with a NUL, and has none at its end */
        notifier->address.sun_path[0] = '\0';
    }
    notifier->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void notifier_init(struct notifier *notifier, const char *socket, const char *watchdog_usec,
                   const char *watchdog_pid)
{
    uint64_t usec, pid;

    *notifier = (struct notifier){0};
    if (socket == NULL) {
        return;
    }
    take_address(notifier, socket);
    if (watchdog_pid != NULL && (parse_u64(watchdog_pid, &pid) < 0 || pid != (uint64_t)getpid())) {
        return;
    }
    if (notifier_is_heard(notifier) && watchdog_usec != NULL &&
        parse_u64(watchdog_usec, &usec) == 0 && usec >= 2000) {
        notifier->watchdog_ms =
            usec / 2000; /* twice within that time, as sd_watchdog_enabled(3) says */
    }
}

void notifier_done(struct notifier *notifier)
{
    free(notifier->status);
    *notifier = (struct notifier){0};
}

bool notifier_is_heard(const struct notifier *notifier)
{
    return notifier->address_len > 0;
}

void notifier_send(const struct notifier *notifier, const char *message)
{
    auto_close int fd = -1;

    if (!notifier_is_heard(notifier)) {
        return;
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        (void)sendto(fd, message, strlen(message), MSG_NOSIGNAL,
                     (const struct sockaddr *)&notifier->address, notifier->address_len);
    }
}

void notifier_ready(const struct notifier *notifier)
{
    notifier_send(notifier, "READY=1\n");
}

void notifier_reloading(const struct notifier *notifier)
{
    auto_free char *message = xasprintf("RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\n",
                                        clock_monotonic_ms() * UINT64_C(1000));

    notifier_send(notifier, message);
}

void notifier_stopping(const struct notifier *notifier)
{
    notifier_send(notifier, "STOPPING=1\n");
}

void notifier_alive(const struct notifier *notifier)
{
    notifier_send(notifier, "WATCHDOG=1\n");
}

void notifier_say(struct notifier *notifier, const char *status)
{
    auto_free char *message = NULL, *line = NULL;

    if (!notifier_is_heard(notifier) || text_equal(notifier->status, status)) {
        return;
    }
    free(notifier->status);
    notifier->status = xstrdup(status);
    line = xstrdup(status);
    text_make_clean_line(line, STATUS_MAX);
    message = xasprintf("STATUS=%s\n", line);
    notifier_send(notifier, message);
}

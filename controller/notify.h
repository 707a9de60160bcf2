/*
 * Telling the service manager how we are: sd_notify(3), without its library.
 *
 * systemd gives a service of Type=notify the name of a socket in NOTIFY_SOCKET, and with
 * WatchdogSec= the time in WATCHDOG_USEC within which it wants to hear from us. Without the
 * variables nothing is sent, and without that time no timer runs. A manager that does not listen is
 * nobody's trouble: nothing here fails.
 */
#ifndef BERTH_CONTROLLER_NOTIFY_H
#define BERTH_CONTROLLER_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notifier {
    struct sockaddr_un address;
    socklen_t address_len; /* 0: nobody wants to hear */
    uint64_t watchdog_ms;  /* to be told WATCHDOG=1 so often; 0: never */
    char *status;          /* what was said last */
};

/*
 * From the values of NOTIFY_SOCKET ("/run/...", or "@..." for an abstract one), WATCHDOG_USEC and
 * WATCHDOG_PID; each may be NULL. What is not as systemd writes it counts as absent, as does a
 * watchdog for another process.
 */
void notifier_init(struct notifier *notifier, const char *socket, const char *watchdog_usec,
                   const char *watchdog_pid);
void notifier_done(struct notifier *notifier);

bool notifier_is_heard(const struct notifier *notifier);

/* A whole message, such as "READY=1\n". */
void notifier_send(const struct notifier *notifier, const char *message);

void notifier_ready(const struct notifier *notifier);     /* READY=1, also at the end of a reload */
void notifier_reloading(const struct notifier *notifier); /* RELOADING=1, and when */
void notifier_stopping(const struct notifier *notifier);  /* STOPPING=1 */
void notifier_alive(const struct notifier *notifier);     /* WATCHDOG=1 */

/* STATUS=..., one line for `systemctl status`; nothing when that was said last. */
void notifier_say(struct notifier *notifier, const char *status);

#endif

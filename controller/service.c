#include "controller/controller.h"

#include "base/memory.h"

#include <stdlib.h>

/* The controller as a service: what it tells the one who started it. */

static void on_watchdog(uv_timer_t *timer)
{
    const struct controller *controller = timer->data;

    notifier_alive(&controller->notifier);
}

/* Taken out of the environment: children are no part of it. */
void service_open(struct controller *controller)
{
    notifier_init(&controller->notifier, getenv("NOTIFY_SOCKET"), getenv("WATCHDOG_USEC"),
                  getenv("WATCHDOG_PID"));
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void service_ready(struct controller *controller)
{
    uint64_t period_ms = controller->notifier.watchdog_ms;

    uv_timer_init(&controller->loop, &controller->watchdog_timer);
    controller->watchdog_timer.data = controller;
    if (period_ms > 0) { /* on the loop: one that hangs falls silent */
        uv_timer_start(&controller->watchdog_timer, on_watchdog, 0, period_ms);
    }
    notifier_ready(&controller->notifier);
}

void service_say(struct controller *controller)
{
    const struct spec_set *specs = controller->specs;
    auto_free char *held = NULL, *text = NULL;

    if (!notifier_is_heard(&controller->notifier)) {
        return;
    }
    held = specs->held_count > 0 ? xasprintf("; %zu deletions are held", specs->held_count)
                                 : xstrdup("");
    text = xasprintf(
        "%zu objects in %zu files%s%s%s%s%s", map_count(&specs->entries), map_count(&specs->files),
        held, engine_is_up(controller->engine) ? "" : "; the engine is not available",
        json_array_size(controller->config.errors) > 0 ? "; the configuration file has errors" : "",
        json_array_size(controller->policy_errors) > 0 ? "; the policy file has errors" : "",
        controller->scan_error != NULL ? "; the spec directory cannot be read" : "");
    notifier_say(&controller->notifier, text);
}

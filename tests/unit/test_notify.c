#include "controller/notify.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* A service manager that listens on a socket of this name. */
struct manager {
    char name[64];
    int fd;
};

static void open_manager(struct manager *manager, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);

    snprintf(manager->name, sizeof(manager->name), "%s", name);
    memcpy(address.sun_path, name, len);
    address.sun_path[0] = name[0] == '@' ? '\0' : name[0];
    manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(manager->fd >= 0);
    assert_int_equal(bind(manager->fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
                     0);
}

static void close_manager(struct manager *manager)
{
    close(manager->fd);
    if (manager->name[0] == '/') {
        unlink(manager->name);
    }
}

/* The next message; "" when none came. The caller's to free. */
static char *hear(const struct manager *manager)
{
    char text[1024];
    ssize_t len = recv(manager->fd, text, sizeof(text) - 1, 0);

    return xstrndup(text, len > 0 ? (size_t)len : 0);
}

static void expect(const struct manager *manager, const char *text)
{
    auto_free char *heard = hear(manager);

    assert_string_equal(heard, text);
}

static void a_manager_hears_what_happens(void **state)
{
    char path[] = "/tmp/notify-XXXXXX";
    auto_free char *abstract = NULL;
    const char *names[2];

    (void)state;
    assert_non_null(mkdtemp(path));
    abstract = xasprintf("@berth-test-%d", (int)getpid());
    names[0] = abstract;
    auto_free char *file = xasprintf("%s/socket", path);
    names[1] = file;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_done(notifier) notifier = {0};
        struct manager manager;
        auto_free char *reloading = NULL;

        open_manager(&manager, names[i]);
        notifier_init(&notifier, names[i], NULL, NULL);
        assert_true(notifier_is_heard(&notifier));
        notifier_ready(&notifier);
        expect(&manager, "READY=1\n");
        notifier_reloading(&notifier);
        reloading = hear(&manager);
        assert_int_equal(strncmp(reloading, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
        assert_true(strtoull(reloading + 27, NULL, 10) > 0);
        notifier_alive(&notifier);
        expect(&manager, "WATCHDOG=1\n");
        notifier_stopping(&notifier);
        expect(&manager, "STOPPING=1\n");
        close_manager(&manager);
    }
    rmdir(path);
}

static void a_status_is_one_line_and_said_once(void **state)
{
    auto_free char *name = xasprintf("@berth-test-%d", (int)getpid());
    auto_done(notifier) notifier = {0};
    struct manager manager;

    (void)state;
    open_manager(&manager, name);
    notifier_init(&notifier, name, NULL, NULL);
    notifier_say(&notifier, "3 objects");
    expect(&manager, "STATUS=3 objects\n");
    notifier_say(&notifier, "3 objects");
    expect(&manager, "");
    notifier_say(&notifier, "4 objects\nREADY=1");
    expect(&manager, "STATUS=4 objects READY=1\n");
    notifier_say(&notifier, "3 objects");
    expect(&manager, "STATUS=3 objects\n");
    close_manager(&manager);
}

static void without_somebody_to_hear_nothing_is_sent(void **state)
{
    static const char *const names[] = {
        NULL, "", "/", "@", "relative/socket", "vsock:2:1234", "/nowhere/at/all"};
    char long_name[sizeof(struct sockaddr_un) + 8] = "/";

    (void)state;
    memset(long_name + 1, 'x', sizeof(long_name) - 2);
    for (size_t i = 0; i <= ARRAY_SIZE(names); i++) {
        const char *name = i < ARRAY_SIZE(names) ? names[i] : long_name;
        auto_done(notifier) notifier = {0};

        notifier_init(&notifier, name, "30000000", NULL);
        if (name == NULL || strcmp(name, "/nowhere/at/all") != 0) {
            assert_false(notifier_is_heard(&notifier));
            assert_int_equal(notifier.watchdog_ms, 0);
        }
        notifier_ready(&notifier); /* and nothing fails */
        notifier_say(&notifier, "x");
    }
}

static void the_watchdog_is_fed_twice_within_its_time(void **state)
{
    auto_free char *own = xasprintf("%d", (int)getpid());
    auto_free char *other = xasprintf("%d", (int)getpid() + 1);
    const struct {
        const char *usec, *pid;
        uint64_t period_ms;
    } rows[] = {
        {"30000000", NULL, 15000},
        {"30000000", own, 15000},
        {"30000000", other, 0},
        {"30000000", "x", 0},
        {NULL, own, 0},
        {"", NULL, 0},
        {"-1", NULL, 0},
        {"0", NULL, 0},
        {"1", NULL, 0},
        {"2000", NULL, 1},
        {"99999999999999999999", NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(notifier) notifier = {0};

        notifier_init(&notifier, "/run/x", rows[i].usec, rows[i].pid);
        assert_int_equal(notifier.watchdog_ms, rows[i].period_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manager_hears_what_happens),
        cmocka_unit_test(a_status_is_one_line_and_said_once),
        cmocka_unit_test(without_somebody_to_hear_nothing_is_sent),
        cmocka_unit_test(the_watchdog_is_fed_twice_within_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

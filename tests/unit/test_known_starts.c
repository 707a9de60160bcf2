#include "controller/known_starts.h"

#include "base/memory.h"
#include "base/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

static const char *const bind_paths[] = {"/srv/data", "/etc/with \"quotes\"\n"};

/* The line of a container that runs. The caller's to free. */
static char *usual_line(void)
{
    struct observed_container container = {
        .id = "0a41",
        .image = "nginx:1.25",
        .pid = 4711,
        .created_wall_ms = 1700000000123,
        .started_wall_ms = 1700000001456,
        .finished_wall_ms = 1699999999999,
        .exit_code = 137,
        .is_oom_killed = true,
        .cgroup_parent = "/berth/c0ffee/web",
        .binds = (const char **)(uintptr_t)bind_paths,
        .bind_count = ARRAY_SIZE(bind_paths),
        .state = WORKLOAD_RUNNING,
    };

    return known_start_to_line(&container, 81234);
}

static void listed(struct docker_container *docker, const char *id)
{
    *docker = (struct docker_container){
        .id = xstrdup(id),
        .image = xstrdup("sha256:1111"),
        .cgroup_parent = xstrdup(""),
        .created_wall_ms = 1700000000000,
    };
}

static void a_line_completes_what_a_list_says(void **state)
{
    auto_free char *line = usual_line();
    auto_done(docker_container) docker = {0};
    uint64_t process;

    (void)state;
    assert_null(strchr(line, '\n'));
    listed(&docker, "0a41");
    assert_int_equal(known_start_from_line(line, &docker, &process), 0);
    assert_int_equal(process, 81234);
    assert_int_equal(docker.pid, 4711);
    assert_string_equal(docker.image, "nginx:1.25");
    assert_int_equal(docker.created_wall_ms, 1700000000123);
    assert_int_equal(docker.started_wall_ms, 1700000001456);
    assert_int_equal(docker.finished_wall_ms, 1699999999999);
    assert_int_equal(docker.exit_code, 137);
    assert_true(docker.is_oom_killed);
    assert_string_equal(docker.cgroup_parent, "/berth/c0ffee/web");
    assert_int_equal(docker.bind_count, 2);
    assert_string_equal(docker.binds[1], bind_paths[1]);
}

static void a_line_that_is_wrong_completes_nothing(void **state)
{
    auto_free char *usual = usual_line();
    const char *const lines[] = {
        "",
        "{",
        "{\"id\":\"0a41\"}",
        "{\"id\":\"0a41\",\"pid\":\"4711\",\"process\":1,\"image\":\"i\",\"created\":1,\"started\":"
        "1,"
        "\"finished\":1,\"exitCode\":0,\"oomKilled\":false,\"cgroupParent\":\"\",\"binds\":[]}",
        "{\"id\":\"0a41\",\"pid\":0,\"process\":1,\"image\":\"i\",\"created\":1,\"started\":1,"
        "\"finished\":1,\"exitCode\":0,\"oomKilled\":false,\"cgroupParent\":\"\",\"binds\":[]}",
        "{\"id\":\"0a41\",\"pid\":1,\"process\":0,\"image\":\"i\",\"created\":1,\"started\":1,"
        "\"finished\":1,\"exitCode\":0,\"oomKilled\":false,\"cgroupParent\":\"\",\"binds\":[]}",
        "{\"id\":\"0a41\",\"pid\":1,\"process\":1,\"image\":\"i\",\"created\":1,\"started\":1,"
        "\"finished\":1,\"exitCode\":0,\"oomKilled\":false,\"cgroupParent\":\"\",\"binds\":{}}",
    };
    auto_done(docker_container) docker = {0}, other = {0};
    uint64_t process;

    (void)state;
    listed(&docker, "0a41");
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        assert_int_equal(known_start_from_line(lines[i], &docker, &process), -1);
    }
    assert_string_equal(docker.image, "sha256:1111");
    assert_int_equal(docker.pid, 0);
    listed(&other, "0a42");
    assert_int_equal(known_start_from_line(usual, &other, &process), -1);
}

static void a_process_is_known_by_when_it_began(void **state)
{
    int64_t parent = getpid();
    uint64_t own = process_start(parent);
    int pipes[2];
    pid_t child;
    char byte;

    (void)state;
    assert_int_not_equal(own, 0);
    assert_int_equal(process_start(parent), own);
    assert_int_equal(pipe(pipes), 0);
    child = fork();
    if (child == 0) {
        close(pipes[1]);
        _exit(read(pipes[0], &byte, 1) < 0);
    }
    assert_true(process_start(child) >= own);
    close(pipes[0]);
    close(pipes[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(process_start(child), 0);
    assert_int_equal(process_start(0), 0);
    assert_int_equal(process_start(-1), 0);
}

static void a_process_has_the_cgroups_that_the_kernel_says(void **state)
{
    (void)state;
    assert_true(process_has_cgroup(getpid(), ":/"));
    assert_false(process_has_cgroup(getpid(), "no such cgroup"));
    assert_false(process_has_cgroup(-1, ":/"));
}

static void the_boot_has_an_id(void **state)
{
    auto_free char *boot = machine_boot_id();

    (void)state;
    assert_non_null(boot);
    assert_int_equal(strlen(boot), 36);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_completes_what_a_list_says),
        cmocka_unit_test(a_line_that_is_wrong_completes_nothing),
        cmocka_unit_test(a_process_is_known_by_when_it_began),
        cmocka_unit_test(a_process_has_the_cgroups_that_the_kernel_says),
        cmocka_unit_test(the_boot_has_an_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "controller/cgroups.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/reason.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define ID "c0ffee0123456789"
#define SLICES "berth.slice/berth-c0ffee.slice/"

/*
 * A machine in a folder: cgroup/ looks like /sys/fs/cgroup of version 2, systemd/ like
 * /run/systemd, and systemctl is a script that notes what it was asked and does what systemd would.
 */
struct scene {
    char *folder, *root, *systemd, *systemctl;
    uv_loop_t loop;
    struct cgroups *cgroups;
    struct docker_host host;
    unsigned limited_calls, failed_calls;
    const char *wanted; /* by the sweep */
};

static const struct machine_limits half_cpu = {"web-1", 500, 256 << 20, 100};

static void put(const struct scene *scene, const char *path, const char *value, mode_t mode)
{
    auto_free char *file = path_join(scene->folder, path);
    auto_free char *folder = xstrndup(file, (size_t)(strrchr(file, '/') - file));
    struct error err = {0};

    assert_int_equal(dir_make(folder, 0755, &err), 0);
    assert_int_equal(file_replace(AT_FDCWD, file, value, strlen(value), mode, FILE_VISIBLE, &err),
                     0);
}

static bool exists(const struct scene *scene, const char *path)
{
    auto_free char *file = path_join(scene->folder, path);

    return path_exists(file);
}

static char *text_of(const struct scene *scene, const char *path)
{
    auto_free char *file = path_join(scene->folder, path);
    struct error err = {0};
    char *text = NULL;

    return file_read(AT_FDCWD, file, 10000, &text, NULL, &err) == 0 ? text : xstrdup("");
}

static const char script[] =
    "#!/bin/sh\n"
    "here=${0%/*}\n"
    "[ ! -e \"$here/hang\" ] || exec sleep 2\n"
    "echo \"$*\" >>\"$here/asked\"\n"
    "if [ -e \"$here/broken\" ]; then echo 'Failed to connect to bus' >&2; exit 1; fi\n"
    "[ \"$1\" != --quiet ] || shift\n"
    "verb=$1; shift; [ \"$verb\" != set-property ] || shift\n"
    "slice=$here/cgroup/" SLICES "$1; [ \"$1\" != berth-c0ffee.slice ] || slice=${slice%/*}\n"
    "case $verb in\n"
    "set-property) mkdir -p \"$here/systemd/system.control/$1.d\" ;;\n"
    "start) mkdir -p \"$slice\"; cd \"$slice\"; echo '50000 100000' >cpu.max\n"
    "    echo 268435456 >memory.max; echo 100 >pids.max ;;\n"
    "stop) rm -rf \"$slice\" ;;\n"
    "revert) rm -rf \"$here/systemd/system.control/$1.d\" ;;\n"
    "esac\n";

static int make_scene(void **state)
{
    struct scene *scene = xcalloc(1, sizeof(*scene));

    scene->folder =
        xasprintf("%s/berth-test-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(scene->folder));
    scene->root = path_join(scene->folder, "cgroup");
    scene->systemd = path_join(scene->folder, "systemd");
    scene->systemctl = path_join(scene->folder, "systemctl");
    put(scene, "systemctl", script, 0755);
    put(scene, "cgroup/cgroup.controllers", "cpu memory pids\n", 0644);
    put(scene, "cgroup/cgroup.subtree_control", "cpu memory pids\n", 0644);
    put(scene, "systemd/system/.keep", "", 0644);
    uv_loop_init(&scene->loop);
    scene->cgroups = cgroups_new(
        &scene->loop, ID, &(struct cgroups_options){scene->root, scene->systemd, scene->systemctl});
    scene->host = (struct docker_host){.cpu_count = 4, .cgroup_version = 2};
    *state = scene;
    return 0;
}

static int free_scene(void **state)
{
    struct scene *scene = *state;
    struct error err = {0};

    cgroups_close(scene->cgroups);
    uv_run(&scene->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&scene->loop), 0);
    assert_int_equal(tree_remove(scene->folder, &err), 0);
    free(scene->folder);
    free(scene->root);
    free(scene->systemd);
    free(scene->systemctl);
    free(scene);
    return 0;
}

static void take_driver(struct scene *scene, const char *driver)
{
    scene->host.cgroup_driver = xstrdup(driver);
    cgroups_take_engine(scene->cgroups, &scene->host, true);
    free(TAKE(scene->host.cgroup_driver));
}

static void on_limited(void *user, const struct error *err)
{
    struct scene *scene = user;

    scene->limited_calls++;
    scene->failed_calls += err != NULL;
}

static void limit(struct scene *scene)
{
    cgroups_limit(scene->cgroups, &half_cpu, on_limited, scene);
    uv_run(&scene->loop, UV_RUN_DEFAULT);
}

static struct observed_machine observe(const struct scene *scene, const char *id)
{
    struct observed_machine machine;

    cgroups_observe(scene->cgroups, "web-1", id, &machine);
    return machine;
}

static bool is_wanted(void *user, const char *instance)
{
    const struct scene *scene = user;

    return text_equal(scene->wanted, instance);
}

static void sweep(struct scene *scene, const char *wanted)
{
    scene->wanted = wanted;
    cgroups_sweep(scene->cgroups, is_wanted, scene);
    uv_run(&scene->loop, UV_RUN_DEFAULT);
}

static void an_engine_that_is_out_of_reach_is_only_accounted(void **state)
{
    struct scene *scene = *state;
    static char cgroupfs[] = "cgroupfs", systemd[] = "systemd", none[] = "none";
    struct {
        struct docker_host host;
        bool is_local;
        const char *reason;
    } rows[] = {
        {{.cgroup_driver = cgroupfs, .cgroup_version = 2}, false, REASON_REMOTE_ENGINE},
        {{.cgroup_driver = systemd, .cgroup_version = 2, .is_rootless = true},
         true,
         REASON_ROOTLESS_ENGINE},
        {{.cgroup_driver = cgroupfs, .cgroup_version = 1}, true, REASON_NOT_SEEN},
        {{.cgroup_driver = none, .cgroup_version = 2}, true, REASON_NOT_PERMITTED},
    };
    struct machine_limits limits = half_cpu;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct capacity *capacity = cgroups_capacity(scene->cgroups);

        cgroups_take_engine(scene->cgroups, &rows[i].host, rows[i].is_local);
        assert_int_equal(capacity->means, CAPACITY_ACCOUNTED);
        assert_string_equal(capacity->reason, rows[i].reason);
        assert_true(strlen(capacity->message) > 10);
    }
    cgroups_limit(scene->cgroups, &limits, on_limited, scene);
    assert_int_equal(scene->limited_calls, 1);
    assert_int_equal(scene->failed_calls, 0);
    sweep(scene, NULL);
    assert_false(exists(scene, "cgroup/berth"));
    assert_false(exists(scene, "asked"));
}

static void systemd_must_be_there(void **state)
{
    struct scene *scene = *state;
    auto_free char *booted = path_join(scene->systemd, "system");
    struct error err = {0};

    take_driver(scene, "systemd");
    if (geteuid() == 0) {
        assert_int_equal(cgroups_capacity(scene->cgroups)->means, CAPACITY_SLICES);
    } else {
        assert_string_equal(cgroups_capacity(scene->cgroups)->reason, REASON_NOT_PERMITTED);
    }
    assert_int_equal(tree_remove(booted, &err), 0);
    take_driver(scene, "systemd");
    assert_string_equal(cgroups_capacity(scene->cgroups)->reason, REASON_SYSTEMD_UNAVAILABLE);
}

static void directories_are_made_limited_seen_and_swept(void **state)
{
    struct scene *scene = *state;

    take_driver(scene, "cgroupfs");
    assert_int_equal(cgroups_capacity(scene->cgroups)->means, CAPACITY_DIRECTORIES);
    assert_int_equal(cgroups_capacity(scene->cgroups)->cpu_count, 4);
    put(scene, "cgroup/berth/cgroup.subtree_control", "", 0644);
    put(scene, "cgroup/berth/c0ffee/cgroup.subtree_control", "", 0644);
    put(scene, "cgroup/berth/c0ffee/web-1/cpu.max", "max 100000\n", 0644);
    put(scene, "cgroup/berth/c0ffee/web-1/memory.max", "max\n", 0644);
    put(scene, "cgroup/berth/c0ffee/web-1/pids.max", "max\n", 0644);
    put(scene, "cgroup/berth/c0ffee/web-1/abc/cgroup.procs", "", 0644);
    limit(scene);
    assert_int_equal(scene->limited_calls, 1);
    assert_int_equal(scene->failed_calls, 0);
    assert_int_equal(observe(scene, "abc").cpu_milli, 500);
    assert_true(observe(scene, "abc").has_container);
    assert_false(observe(scene, "def").has_container);
    assert_null(observe(scene, "abc").failure);
    assert_false(exists(scene, "asked"));
    sweep(scene, "web-1");
    sweep(scene, NULL); /* not empty, as real ones are not while a container runs */
    assert_true(exists(scene, "cgroup/berth/c0ffee/web-1/cpu.max"));
}

static void what_is_empty_and_not_wanted_goes_with_the_levels_above(void **state)
{
    struct scene *scene = *state;
    static const char *const folders[] = {"cgroup/berth", "cgroup/berth/c0ffee",
                                          "cgroup/berth/c0ffee/gone", "cgroup/berth/c0ffee/kept"};

    take_driver(scene, "cgroupfs");
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        auto_free char *folder = path_join(scene->folder, folders[i]);

        assert_int_equal(mkdir(folder, 0755), 0);
    }
    sweep(scene, "kept");
    assert_false(exists(scene, "cgroup/berth/c0ffee/gone"));
    assert_true(exists(scene, "cgroup/berth/c0ffee/kept"));
    sweep(scene, NULL);
    assert_false(exists(scene, "cgroup/berth"));
    assert_true(exists(scene, "cgroup"));
}

static void a_failure_is_remembered_until_it_goes_well(void **state)
{
    struct scene *scene = *state;

    take_driver(scene, "cgroupfs");
    limit(scene);
    assert_int_equal(scene->failed_calls, 1); /* a plain folder has no such files */
    assert_non_null(strstr(observe(scene, NULL).failure, "cgroup.subtree_control"));
    assert_true(observe(scene, NULL).failed_at_wall_ms > 0);
    take_driver(scene, "none");
    limit(scene);
    assert_null(observe(scene, NULL).failure);
}

/* Only root may ask systemd; in a test of another user there is nothing to see. */
static bool take_slices(struct scene *scene)
{
    take_driver(scene, "systemd");
    return cgroups_capacity(scene->cgroups)->means == CAPACITY_SLICES;
}

static void a_slice_is_made_by_systemctl_and_seen(void **state)
{
    struct scene *scene = *state;
    auto_free char *asked = NULL, *asked_again = NULL;

    if (!take_slices(scene)) {
        return;
    }
    limit(scene);
    assert_int_equal(scene->limited_calls, 1);
    assert_int_equal(scene->failed_calls, 0);
    asked = text_of(scene, "asked");
    assert_string_equal(asked, "set-property --runtime berth-c0ffee-web_1.slice CPUQuota=50% "
                               "MemoryMax=268435456 MemorySwapMax=0 TasksMax=100\n"
                               "start berth-c0ffee-web_1.slice\n");
    assert_true(observe(scene, NULL).has_cgroup);
    assert_int_equal(observe(scene, NULL).cpu_milli, 500);
    put(scene, "cgroup/" SLICES "berth-c0ffee-web_1.slice/docker-abc.scope/cgroup.procs", "", 0644);
    assert_true(observe(scene, "abc").has_container);
    limit(scene); /* has what it should: nobody is asked */
    assert_int_equal(scene->limited_calls, 2);
    asked_again = text_of(scene, "asked");
    assert_string_equal(asked_again, asked);
}

static void a_slice_is_removed_when_nothing_is_in_it_and_nobody_wants_it(void **state)
{
    struct scene *scene = *state;
    auto_free char *scope =
        path_join(scene->folder, "cgroup/" SLICES "berth-c0ffee-web_1.slice/docker-abc.scope");
    struct error err = {0};

    if (!take_slices(scene)) {
        return;
    }
    limit(scene);
    put(scene, "systemd/system.control/berth-0ther0-web_1.slice.d/x", "", 0644);
    put(scene, "systemd/system.control/user.slice.d/x", "", 0644);
    put(scene, "cgroup/" SLICES "berth-c0ffee-web_1.slice/docker-abc.scope/cgroup.procs", "", 0644);
    sweep(scene, "web-1");
    sweep(scene, NULL);
    assert_true(exists(scene, "cgroup/" SLICES "berth-c0ffee-web_1.slice"));
    assert_int_equal(tree_remove(scope, &err), 0);
    sweep(scene, "web-1");
    assert_true(exists(scene, "cgroup/" SLICES "berth-c0ffee-web_1.slice"));
    sweep(scene, NULL);
    assert_false(exists(scene, "cgroup/" SLICES "berth-c0ffee-web_1.slice"));
    assert_false(exists(scene, "systemd/system.control/berth-c0ffee-web_1.slice.d"));
    sweep(scene, NULL);
    assert_false(exists(scene, "cgroup/" SLICES));
    assert_true(exists(scene, "systemd/system.control/berth-0ther0-web_1.slice.d"));
    assert_true(exists(scene, "systemd/system.control/user.slice.d"));
}

static void what_systemctl_says_is_the_failure(void **state)
{
    struct scene *scene = *state;

    if (!take_slices(scene)) {
        return;
    }
    put(scene, "broken", "", 0644);
    limit(scene);
    assert_int_equal(scene->failed_calls, 1);
    assert_non_null(strstr(observe(scene, NULL).failure, "Failed to connect to bus"));
}

static void nobody_is_told_who_does_not_want_to_know(void **state)
{
    struct scene *scene = *state;
    struct cgroup_work *work;

    if (!take_slices(scene)) {
        return;
    }
    work = cgroups_limit(scene->cgroups, &half_cpu, on_limited, scene);
    assert_non_null(work);
    cgroup_work_forget(work);
    uv_run(&scene->loop, UV_RUN_DEFAULT);
    assert_int_equal(scene->limited_calls, 0);
    assert_true(observe(scene, NULL).has_cgroup); /* it went on */
    put(scene, "hang", "", 0644);
    cgroups_limit(scene->cgroups, &(struct machine_limits){"other", 1000, 256 << 20, 5}, on_limited,
                  scene); /* and one is under way when all is closed */
}

#define SCENE_TEST(test) cmocka_unit_test_setup_teardown(test, make_scene, free_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(an_engine_that_is_out_of_reach_is_only_accounted),
        SCENE_TEST(systemd_must_be_there),
        SCENE_TEST(directories_are_made_limited_seen_and_swept),
        SCENE_TEST(what_is_empty_and_not_wanted_goes_with_the_levels_above),
        SCENE_TEST(a_failure_is_remembered_until_it_goes_well),
        SCENE_TEST(a_slice_is_made_by_systemctl_and_seen),
        SCENE_TEST(a_slice_is_removed_when_nothing_is_in_it_and_nobody_wants_it),
        SCENE_TEST(what_systemctl_says_is_the_failure),
        SCENE_TEST(nobody_is_told_who_does_not_want_to_know),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "controller/cgroup_tree.h"

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

/*
 * Folders that look like the kernel's: what the kernel makes with a directory, the tests make
 * before, and what it checks it does not check here. On a real one the integration tests look.
 */

#define PATH "berth/c0ffee/web"

static char *root;

static const struct machine_limits one_cpu = {"web", 1500, 256 << 20, 100};

static int make_root(void **state)
{
    (void)state;
    root = xasprintf("%s/berth-test-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    return mkdtemp(root) != NULL ? 0 : -1;
}

static int remove_root(void **state)
{
    struct error err = {0};
    int result = tree_remove(root, &err);

    (void)state;
    free(root);
    return result;
}

/* A file below the root, with the folders above it. */
static void put(const char *path, const char *value)
{
    auto_free char *file = path_join(root, path);
    auto_free char *folder = xstrndup(file, (size_t)(strrchr(file, '/') - file));
    struct error err = {0};

    assert_int_equal(dir_make(folder, 0755, &err), 0);
    assert_int_equal(file_replace(AT_FDCWD, file, value, strlen(value), 0644, FILE_VISIBLE, &err),
                     0);
}

static void put_folder(const char *path)
{
    auto_free char *folder = path_join(root, path);
    struct error err = {0};

    assert_int_equal(dir_make(folder, 0755, &err), 0);
}

static bool exists(const char *path)
{
    auto_free char *file = path_join(root, path);

    return path_exists(file);
}

static void assert_value(const char *path, const char *expected)
{
    auto_free char *file = path_join(root, path);
    auto_free char *text = NULL;
    struct error err = {0};

    assert_int_equal(file_read(AT_FDCWD, file, 1000, &text, NULL, &err), 0);
    assert_string_equal(text, expected);
}

/* A tree of version 2 with the instance's cgroup as the kernel makes it. */
static struct cgroup_tree make_v2(void)
{
    put("cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n");
    put("cgroup.subtree_control", "cpuset cpu memory pids\n");
    put("berth/cgroup.subtree_control", "");
    put("berth/c0ffee/cgroup.subtree_control", "memory\n");
    put(PATH "/cpu.max", "max 100000\n");
    put(PATH "/memory.max", "max\n");
    put(PATH "/memory.current", "0\n");
    put(PATH "/memory.stat", "anon 0\nfile 0\n");
    put(PATH "/memory.swap.max", "max\n");
    put(PATH "/pids.max", "max\n");
    put(PATH "/pids.current", "3\n");
    return (struct cgroup_tree){.root = root, .is_v2 = true};
}

/* A tree of version 1, whose processor controllers are mounted under this name. */
static struct cgroup_tree make_v1(const char *cpu)
{
    auto_free char *quota = xasprintf("%s/" PATH "/cpu.cfs_quota_us", cpu);
    auto_free char *period = xasprintf("%s/" PATH "/cpu.cfs_period_us", cpu);

    put(quota, "-1\n");
    put(period, "50000\n");
    put("memory/" PATH "/memory.limit_in_bytes", "9223372036854771712\n");
    put("memory/" PATH "/memory.memsw.limit_in_bytes", "9223372036854771712\n");
    put("memory/" PATH "/memory.use_hierarchy", "0\n");
    put("pids/" PATH "/pids.max", "max\n");
    put("pids/" PATH "/pids.current", "7\n");
    return (struct cgroup_tree){.root = root, .is_v2 = false};
}

static void assert_observed(const struct cgroup_tree *tree, const char *id, int64_t cpu_milli,
                            int64_t memory_bytes, int64_t pids, bool has_container)
{
    struct observed_machine machine;

    cgroup_tree_observe(tree, PATH, id, &machine);
    assert_true(machine.has_cgroup);
    assert_int_equal(machine.cpu_milli, cpu_milli);
    assert_int_equal(machine.memory_bytes, memory_bytes);
    assert_int_equal(machine.pids, pids);
    assert_int_equal(machine.has_container, has_container);
}

static void the_version_is_what_is_mounted(void **state)
{
    (void)state;
    assert_int_equal(cgroup_tree_version(root), 0);
    put_folder("memory");
    assert_int_equal(cgroup_tree_version(root), 1);
    put("cgroup.controllers", "");
    assert_int_equal(cgroup_tree_version(root), 2);
    assert_int_equal(cgroup_tree_version("/nowhere"), 0);
}

static void version_2_gets_its_limits_and_the_way_down_hands_the_controllers_on(void **state)
{
    struct cgroup_tree tree = make_v2();
    struct error err = {0};

    (void)state;
    assert_int_equal(cgroup_tree_check(&tree, &err), 0);
    assert_observed(&tree, NULL, 0, 0, 0, false);
    assert_int_equal(cgroup_tree_limit(&tree, PATH, &one_cpu, &err), 0);
    assert_value(PATH "/cpu.max", "150000 100000");
    assert_value(PATH "/memory.max", "268435456");
    assert_value(PATH "/memory.swap.max", "0");
    assert_value(PATH "/pids.max", "100");
    assert_value("cgroup.subtree_control", "cpuset cpu memory pids\n");
    assert_value("berth/cgroup.subtree_control", "+pids"); /* the last of three writes */
    assert_value("berth/c0ffee/cgroup.subtree_control", "+pids");
    assert_observed(&tree, NULL, 1500, 256 << 20, 100, false);
}

static void version_1_gets_its_limits_in_each_hierarchy(void **state)
{
    static const char *const names[] = {"cpu", "cpu,cpuacct", "cpuacct,cpu"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct cgroup_tree tree = make_v1(names[i]);
        auto_free char *quota = xasprintf("%s/" PATH "/cpu.cfs_quota_us", names[i]);
        auto_free char *period = xasprintf("%s/" PATH "/cpu.cfs_period_us", names[i]);
        auto_free char *folder = path_join(root, names[i]);
        struct error err = {0};

        assert_int_equal(cgroup_tree_check(&tree, &err), 0);
        assert_observed(&tree, NULL, 0, 0, 0, false);
        assert_int_equal(cgroup_tree_limit(&tree, PATH, &one_cpu, &err), 0);
        assert_value(quota, "150000");
        assert_value(period, "100000");
        assert_value("memory/" PATH "/memory.limit_in_bytes", "268435456");
        assert_value("memory/" PATH "/memory.memsw.limit_in_bytes", "268435456");
        assert_value("memory/" PATH "/memory.use_hierarchy", "1");
        assert_value("pids/" PATH "/pids.max", "100");
        assert_observed(&tree, NULL, 1500, 256 << 20, 100, false);
        assert_int_equal(tree_remove(folder, &err), 0);
    }
}

static void a_kernel_without_swap_accounting_is_no_failure(void **state)
{
    struct cgroup_tree v1 = make_v1("cpu"), v2 = make_v2();
    auto_free char *memsw = path_join(root, "memory/" PATH "/memory.memsw.limit_in_bytes");
    auto_free char *swap = path_join(root, PATH "/memory.swap.max");
    struct error err = {0};

    (void)state;
    assert_int_equal(unlink(memsw), 0);
    assert_int_equal(unlink(swap), 0);
    assert_int_equal(cgroup_tree_limit(&v1, PATH, &one_cpu, &err), 0);
    assert_int_equal(cgroup_tree_limit(&v2, PATH, &one_cpu, &err), 0);
    assert_false(exists(PATH "/memory.swap.max"));
}

/* Version 2 would kill somebody. */
static void memory_that_is_in_use_is_not_taken_away(void **state)
{
    struct cgroup_tree tree = make_v2();
    struct error err = {0};

    (void)state;
    put(PATH "/memory.current", "335544320\n");
    put(PATH "/memory.stat", "anon 300000000\nfile 1048576\n");
    assert_int_equal(cgroup_tree_limit(&tree, PATH, &one_cpu, &err), -1);
    assert_string_equal(err.reason, REASON_LIMIT_FAILED);
    assert_non_null(strstr(err.message, "319 MiB are in use"));
    assert_value(PATH "/memory.max", "max\n");
    assert_value(PATH "/pids.max", "100"); /* what can be set is set */
    error_clear(&err);
    put(PATH "/memory.stat", "anon 10000\nfile 167772160\n");
    assert_int_equal(cgroup_tree_limit(&tree, PATH, &one_cpu, &err), 0);
    assert_value(PATH "/memory.max", "268435456");
}

static void what_is_as_it_should_be_is_not_written(void **state)
{
    struct cgroup_tree tree = make_v2();
    struct error err = {0};

    (void)state;
    put(PATH "/cpu.max", "75000 50000\n");
    put(PATH "/memory.max", "268435456\n");
    put(PATH "/pids.max", "100\n");
    assert_int_equal(cgroup_tree_limit(&tree, PATH, &one_cpu, &err), 0);
    assert_value(PATH "/cpu.max", "75000 50000\n");
    assert_value(PATH "/memory.max", "268435456\n");
    assert_value(PATH "/pids.max", "100\n");
}

static void directories_are_made_and_a_failure_names_the_file(void **state)
{
    struct cgroup_tree tree = make_v2();
    struct error err = {0};

    (void)state;
    assert_int_equal(cgroup_tree_limit(&tree, "berth/c0ffee/other", &one_cpu, &err), -1);
    assert_true(exists("berth/c0ffee/other"));
    assert_string_equal(err.reason, REASON_LIMIT_FAILED);
    assert_non_null(strstr(err.message, "berth/c0ffee/other/cpu.max"));
}

static void a_container_is_seen_under_every_name_that_engines_give_it(void **state)
{
    static const char *const names[] = {"abc", "docker-abc.scope", "libpod-abc",
                                        "libpod-abc.scope"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct cgroup_tree tree = make_v2();
        auto_free char *path = xasprintf(PATH "/%s", names[i]);
        auto_free char *folder = path_join(root, path);

        assert_observed(&tree, "abc", 0, 0, 0, false);
        put_folder(path);
        assert_observed(&tree, "abc", 0, 0, 0, true);
        assert_observed(&tree, "abcd", 0, 0, 0, false);
        assert_observed(&tree, "../web/abc", 0, 0, 0, false);
        assert_int_equal(rmdir(folder), 0);
    }
}

static void a_container_must_be_below_every_controller_that_bounds(void **state)
{
    struct cgroup_tree tree = make_v1("cpu");

    (void)state;
    put_folder("cpu/" PATH "/abc");
    put_folder("memory/" PATH "/abc");
    assert_observed(&tree, "abc", 0, 0, 0, false);
    put_folder("pids/" PATH "/abc");
    assert_observed(&tree, "abc", 0, 0, 0, true);
}

static void what_is_not_there_is_observed_as_nothing(void **state)
{
    struct cgroup_tree tree = make_v1("cpu");
    struct observed_machine machine;
    uint64_t current, max;

    (void)state;
    cgroup_tree_observe(&tree, "berth/c0ffee/none", "abc", &machine);
    assert_false(machine.has_cgroup);
    cgroup_tree_pids(&tree, "berth/c0ffee/none", &current, &max);
    assert_int_equal(max, 0);
    put("pids/" PATH "/pids.max", "20\n");
    cgroup_tree_pids(&tree, PATH, &current, &max);
    assert_int_equal(current, 7);
    assert_int_equal(max, 20);
}

/* The kernel's files are small numbers; whatever else stands there is no limit, and no crash. */
static void nonsense_in_a_file_reads_as_no_limit(void **state)
{
    static const char *const values[] = {
        "", "\n", "-1", "0", "x", "99999999999999999999", "9223372036854775807", "max", "1 2 3"};
    struct cgroup_tree v1 = make_v1("cpu"), v2 = make_v2();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        put(PATH "/cpu.max", values[i]);
        put(PATH "/memory.max", values[i]);
        put(PATH "/pids.max", values[i]);
        put("cpu/" PATH "/cpu.cfs_quota_us", values[i]);
        put("pids/" PATH "/pids.max", values[i]);
        assert_observed(&v2, NULL, 0, 0, 0, false);
        assert_observed(&v1, NULL, 0, 0, 0, false);
    }
}

static void a_missing_controller_is_named(void **state)
{
    struct cgroup_tree v2 = {.root = root, .is_v2 = true}, v1 = {.root = root};
    struct error err = {0};

    (void)state;
    put("cgroup.controllers", "cpuset io memory pids\n");
    assert_int_equal(cgroup_tree_check(&v2, &err), -1);
    assert_string_equal(err.reason, REASON_NOT_SEEN);
    assert_non_null(strstr(err.message, "no cpu controller"));
    error_clear(&err);
    put_folder("cpu");
    put_folder("memory");
    assert_int_equal(cgroup_tree_check(&v1, &err), -1);
    assert_non_null(strstr(err.message, "no pids controller"));
}

static void count_name(void *user, const char *name)
{
    struct machine_limits *found = user;

    found->pids++;
    found->name = strcmp(name, "web") == 0 ? "web" : found->name;
}

static void only_what_is_empty_is_removed_from_every_hierarchy(void **state)
{
    struct cgroup_tree tree = {.root = root};
    struct machine_limits found = {0};

    (void)state;
    put_folder("cpu/" PATH);
    put_folder("memory/" PATH "/abc");
    put_folder("freezer/" PATH);
    put_folder("pids/berth/c0ffee/other");
    cgroup_tree_list(&tree, "berth/c0ffee", count_name, &found);
    assert_int_equal(found.pids, 2); /* each name once */
    assert_string_equal(found.name, "web");
    assert_true(cgroup_tree_has_children(&tree, PATH));
    assert_true(cgroup_tree_exists(&tree, PATH));
    assert_false(cgroup_tree_exists(&tree, "berth/none"));
    assert_false(cgroup_tree_remove(&tree, PATH));
    assert_true(exists("memory/" PATH "/abc"));
    assert_false(exists("cpu/" PATH));
    assert_false(exists("freezer/" PATH));
    assert_true(cgroup_tree_remove(&tree, PATH "/abc"));
    assert_false(cgroup_tree_has_children(&tree, PATH));
    assert_true(cgroup_tree_remove(&tree, PATH));
    assert_true(exists("pids/berth/c0ffee/other"));
    assert_true(cgroup_tree_remove(&tree, "berth/none"));
}

#define ROOT_TEST(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOT_TEST(the_version_is_what_is_mounted),
        ROOT_TEST(version_2_gets_its_limits_and_the_way_down_hands_the_controllers_on),
        ROOT_TEST(version_1_gets_its_limits_in_each_hierarchy),
        ROOT_TEST(a_kernel_without_swap_accounting_is_no_failure),
        ROOT_TEST(memory_that_is_in_use_is_not_taken_away),
        ROOT_TEST(what_is_as_it_should_be_is_not_written),
        ROOT_TEST(directories_are_made_and_a_failure_names_the_file),
        ROOT_TEST(a_container_is_seen_under_every_name_that_engines_give_it),
        ROOT_TEST(a_container_must_be_below_every_controller_that_bounds),
        ROOT_TEST(what_is_not_there_is_observed_as_nothing),
        ROOT_TEST(nonsense_in_a_file_reads_as_no_limit),
        ROOT_TEST(a_missing_controller_is_named),
        ROOT_TEST(only_what_is_empty_is_removed_from_every_hierarchy),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "reconcilers/container.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static const char *roots[] = {"/srv/data", "/opt"};
static const struct world world = {
    .controller_id = "c0ffee0123456789",
    .host_path_roots = {roots, ARRAY_SIZE(roots)},
};

static bool refuses(const struct world *of, const char *host_path, const char *capability,
                    struct policy_refusal *ret)
{
    struct volume_spec volume = {.name = "v", .mount_path = "/v", .host_path = host_path};
    struct object object = {.kind = KIND_INSTANCE};

    object.instance.volumes = (struct volume_list){&volume, 1};
    object.instance.security = (struct security_context){
        .run_as_user = -1, .capabilities_add = {&capability, capability != NULL}};
    if (host_path == NULL) {
        volume.volume = "v";
    }
    return policy_refuses(of, &object, ret);
}

static void host_paths_are_held_to_their_roots(void **state)
{
    static const struct {
        const char *path;
        bool is_refused;
    } rows[] = {
        {"/srv/data", false},
        {"/srv/data/", false},
        {"/srv/data/a/b", false},
        {"/srv//data/./a", false},
        {"/srv/data/a/../b", false},
        {"/opt/x", false},
        {NULL, false}, /* a named volume */
        {"/", true},
        {"/proc", true},
        {"/proc/1/root", true},
        {"/sys/fs/cgroup", true},
        {"/dev/sda", true},
        {"//dev/./sda", true},
        {"/srv", true},
        {"/srv/database", true},
        {"/srv/data/..", true},
        {"/srv/data/../../etc", true},
        {"/srv/data/a/../../../etc", true},
        {"/SRV/data", true},
        {"/etc", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(policy_refusal) refusal = {0};

        if (refuses(&world, rows[i].path, NULL, &refusal) != rows[i].is_refused) {
            fail_msg("%s", rows[i].path);
        }
        if (rows[i].is_refused) {
            auto_free char *path = path_absolute(rows[i].path);

            assert_string_equal(refusal.reason, REASON_HOST_PATH_REFUSED);
            assert_string_equal(refusal.path, "spec.volumes[0].hostPath");
            assert_non_null(strstr(refusal.message, path));
        } else {
            assert_null(refusal.reason);
        }
    }
}

static void without_roots_no_host_path_is_allowed(void **state)
{
    struct world strict = {.controller_id = "c0ffee0123456789"};
    auto_done(policy_refusal) one = {0}, other = {0};

    (void)state;
    assert_true(refuses(&strict, "/srv/data", NULL, &one));
    assert_false(refuses(&strict, NULL, NULL, &other));
}

static void some_paths_are_beyond_any_root(void **state)
{
    static const char *everything[] = {"/"};
    struct world open = {.controller_id = "c0ffee0123456789", .host_path_roots = {everything, 1}};
    static const struct {
        const char *path;
        bool is_refused;
    } rows[] = {
        {"/", true},      {"/proc", true},     {"/sys", true},
        {"/dev", true},   {"/dev/kvm", true},  {"/srv", false},
        {"/home", false}, {"/devices", false}, {"/proc2", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(policy_refusal) refusal = {0};

        if (refuses(&open, rows[i].path, NULL, &refusal) != rows[i].is_refused) {
            fail_msg("%s", rows[i].path);
        }
    }
}

static void capabilities_stay_inside_the_container(void **state)
{
    static const struct {
        const char *name;
        bool is_refused;
    } rows[] = {
        {"CHOWN", false},          {"CAP_CHOWN", false},
        {"NET_RAW", false},        {"MKNOD", false},
        {"SYS_CHROOT", false},     {"SYS_ADMIN", true},
        {"CAP_SYS_ADMIN", true},   {"ALL", true},
        {"CAP_ALL", true},         {"NET_ADMIN", true},
        {"SYS_PTRACE", true},      {"SYS_MODULE", true},
        {"DAC_READ_SEARCH", true}, {"chown", true},
        {"CAP_CAP_CHOWN", true},   {"", true},
        {"CHOWN ", true},          {"BPF", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(policy_refusal) refusal = {0};

        if (refuses(&world, NULL, rows[i].name, &refusal) != rows[i].is_refused) {
            fail_msg("%s", rows[i].name);
        }
        if (rows[i].is_refused) {
            assert_string_equal(refusal.reason, REASON_CAPABILITY_REFUSED);
        }
    }
}

static void a_container_is_its_controllers_and_its_objects(void **state)
{
    static char instance[] = "Instance", repository[] = "RepositoryContainer", web[] = "web",
                other[] = "other";
    static const struct {
        bool is_ours;
        char *kind, *object;
        bool is_own;
    } rows[] = {
        {true, instance, web, true},    {false, instance, web, false},
        {true, repository, web, false}, {true, instance, other, false},
        {true, NULL, web, false},       {true, instance, NULL, false},
        {true, NULL, NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct observed_container container = {
            .is_ours = rows[i].is_ours, .kind = rows[i].kind, .object = rows[i].object};

        assert_int_equal(container_is_own(&container, "Instance", "web"), rows[i].is_own);
    }
}

static void a_zone_is_a_network_of_its_controller(void **state)
{
    struct world other = {.controller_id = "0123456789abcdef"};
    auto_free char *one = zone_network_name(&world, "us-central1-a");
    auto_free char *two = zone_network_name(&other, "us-central1-a");

    (void)state;
    assert_string_equal(one, "berth-us-central1-a-c0ffee");
    assert_string_equal(two, "berth-us-central1-a-012345"); /* two controllers, one engine */
}

static void waits_after_failures_grow_to_a_ceiling(void **state)
{
    uint64_t before = 0;

    (void)state;
    assert_int_equal(retry_delay_ms("Instance/web", 0), 0);
    for (unsigned count = 1; count <= 9; count++) {
        uint64_t delay_ms = retry_delay_ms("Instance/web", count);

        assert_true(delay_ms > before);
        before = delay_ms;
    }
    for (unsigned count = 10; count < 2000; count += 7) {
        uint64_t delay_ms = retry_delay_ms("Instance/web", count);

        assert_true(delay_ms <= RETRY_MAX_MS);
        assert_true(delay_ms >= RETRY_MAX_MS * 3 / 4);
    }
    assert_true(retry_delay_ms("Instance/web", UINT32_MAX) <= RETRY_MAX_MS);
}

static void a_failure_holds_back_what_would_change_the_world(void **state)
{
    static const int64_t now = 1000000;
    static const struct {
        const char *what;
        unsigned count;
        const char *reason;
        int64_t ago_ms;
        bool has_operation, is_held_back;
    } rows[] = {
        {"no failure", 0, "EngineError", 0, true, false},
        {"a moment ago", 1, "EngineError", 0, true, true},
        {"its time has come", 1, "EngineError", 1300, true, false},
        {"the fifth needs longer", 5, "EngineError", 1300, true, true},
        {"nothing was to be done", 5, "EngineError", 0, false, false},
        {"another port is tried at once", 1, REASON_PORT_IN_USE, 0, true, false},
        {"but not for ever", 4, REASON_PORT_IN_USE, 0, true, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct observed_failure failure = {.count = rows[i].count,
                                           .reason = rows[i].reason,
                                           .message = "no",
                                           .at_wall_ms = now - rows[i].ago_ms};
        auto_owned(object_status) *status = status_new();
        auto_owned(plan) *plan = plan_new();

        if (rows[i].has_operation) {
            plan_set_operation(plan, "create", "c");
        }
        plan_add(plan, ACTION_READ_LOG, PHASE_REPAIRING, "web", "c");
        if (failure_holds_back(&failure, "Instance/web", now, plan, status) !=
            rows[i].is_held_back) {
            fail_msg("%s", rows[i].what);
        }
        assert_int_equal(plan->count, rows[i].is_held_back ? 0 : 1);
        assert_int_equal(plan->wake_at_wall_ms > now, rows[i].is_held_back);
        assert_int_equal(status->error_count, rows[i].is_held_back);
    }
}

static void some_failures_are_more_than_a_delay(void **state)
{
    static const struct {
        unsigned count;
        bool is_permanent, is_stalled;
    } rows[] = {{1, false, false}, {2, false, false}, {3, false, true}, {1, true, true}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct observed_failure failure = {.count = rows[i].count,
                                           .is_permanent = rows[i].is_permanent,
                                           .reason = "EngineError",
                                           .message = "no",
                                           .at_wall_ms = 1000};
        auto_owned(object_status) *status = status_new();
        auto_owned(plan) *plan = plan_new();

        plan_set_operation(plan, "create", "c");
        assert_true(failure_holds_back(&failure, "Instance/web", 1000, plan, status));
        assert_int_equal(status->conditions[CONDITION_STALLED].value == CONDITION_TRUE,
                         rows[i].is_stalled);
        assert_int_equal(status->conditions[CONDITION_RECONCILING].value == CONDITION_TRUE,
                         !rows[i].is_stalled);
        assert_int_equal(status->conditions[CONDITION_READY].value, CONDITION_FALSE);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_paths_are_held_to_their_roots),
        cmocka_unit_test(some_paths_are_beyond_any_root),
        cmocka_unit_test(without_roots_no_host_path_is_allowed),
        cmocka_unit_test(capabilities_stay_inside_the_container),
        cmocka_unit_test(a_container_is_its_controllers_and_its_objects),
        cmocka_unit_test(a_zone_is_a_network_of_its_controller),
        cmocka_unit_test(waits_after_failures_grow_to_a_ceiling),
        cmocka_unit_test(a_failure_holds_back_what_would_change_the_world),
        cmocka_unit_test(some_failures_are_more_than_a_delay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

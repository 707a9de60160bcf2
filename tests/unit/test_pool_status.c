#include "pool_scene.h"

#include "base/cleanup.h"
#include "reconcilers/pool_status.h"
#include "specs/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void a_pool_says_how_it_stands_in_one_word_and_why(void **state)
{
    static const struct {
        enum member_state members[2]; /* minInstances is 2 */
        enum power_state power;
        unsigned resting, stalled;
        enum phase phase;
        enum condition_value ready, stalled_value;
        const char *reason;
    } rows[] = {
        {{MEMBER_READY, MEMBER_READY},
         POWER_RUNNING,
         0,
         0,
         PHASE_RUNNING,
         CONDITION_TRUE,
         CONDITION_FALSE,
         "Healthy"},
        {{MEMBER_READY, MEMBER_STARTING},
         POWER_RUNNING,
         0,
         0,
         PHASE_PROVISIONING,
         CONDITION_FALSE,
         CONDITION_FALSE,
         "Scaling"},
        {{MEMBER_READY, MEMBER_STARTING},
         POWER_RUNNING,
         0,
         1,
         PHASE_PROVISIONING,
         CONDITION_FALSE,
         CONDITION_TRUE,
         REASON_IMAGE_NOT_FOUND},
        {{MEMBER_STARTING, MEMBER_STARTING},
         POWER_RUNNING,
         0,
         1,
         PHASE_PROVISIONING,
         CONDITION_FALSE,
         CONDITION_FALSE,
         "Scaling"},
        {{MEMBER_STARTING, MEMBER_STARTING},
         POWER_STOPPED,
         2,
         0,
         PHASE_TERMINATED,
         CONDITION_TRUE,
         CONDITION_FALSE,
         "Stopped"},
        {{MEMBER_STARTING, MEMBER_STARTING},
         POWER_SUSPENDED,
         2,
         0,
         PHASE_SUSPENDED,
         CONDITION_TRUE,
         CONDITION_FALSE,
         "PowerSuspended"},
        {{MEMBER_STARTING, MEMBER_STARTING},
         POWER_STOPPED,
         1,
         0,
         PHASE_PROVISIONING,
         CONDITION_FALSE,
         CONDITION_FALSE,
         "Scaling"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(scene) scene;
        auto_owned(object_status) *status = status_new();

        scene_init(&scene);
        scene.spec.min_instances = 2;
        scene.spec.template_spec.power_state = rows[i].power;
        add_member(&scene, rows[i].members[0], 0);
        add_member(&scene, rows[i].members[1], 0);
        scene.input.resting = rows[i].resting;
        scene.input.stalled = rows[i].stalled;
        scene.input.stalled_reason = REASON_IMAGE_NOT_FOUND;
        scene.input.stalled_message = "web-1: there is no such image";
        decide(&scene);
        pool_describe(&scene.input, &scene.decision, status);
        assert_int_equal(status->phase, rows[i].phase);
        assert_int_equal(status->conditions[CONDITION_READY].value, rows[i].ready);
        assert_int_equal(status->conditions[CONDITION_STALLED].value, rows[i].stalled_value);
        assert_string_equal(status->conditions[CONDITION_READY].reason, rows[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_says_how_it_stands_in_one_word_and_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

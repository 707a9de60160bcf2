/* The runner is a program of its own and no part of the library that tests are linked with. */
#include "controller/runner/oom.c"
#include "controller/runner/util.c"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void the_count_is_read_from_both_versions_of_cgroups(void **state)
{
    static const struct {
        const char *text;
        int64_t count;
    } rows[] = {
        /* v2: memory.events */
        {"low 0\nhigh 0\nmax 31\noom 2\noom_kill 2\noom_group_kill 0\n", 2},
        /* v1: memory.oom_control */
        {"oom_kill_disable 0\nunder_oom 0\noom_kill 17\n", 17},
        {"oom_kill 0\n", 0},
        {"oom_kill 5", 5},
        /* before Linux 4.13 nobody counts */
        {"oom_kill_disable 0\nunder_oom 0\n", -1},
        {"", -1},
        {"oom_kill \n", -1},
        {"oom_kill x\n", -1},
        {"oom_kill 99999999999999999999\n", -1},
        {"oom_kill 000000000000000000000000000000000001\n", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(oom_parse(rows[i].text), rows[i].count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_count_is_read_from_both_versions_of_cgroups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

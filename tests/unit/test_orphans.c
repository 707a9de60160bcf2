#include "reconcilers/orphans.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void only_ours_goes_and_only_after_the_grace(void **state)
{
    static const int64_t now = 1000000, grace = 300000;
    static const struct {
        bool is_ours, has_owner;
        int64_t since;
        enum orphan_decision decision;
    } rows[] = {
        {false, false, 1, ORPHAN_NONE}, /* a stranger's, however long */
        {false, true, 1, ORPHAN_NONE},
        {true, true, 1, ORPHAN_NONE},
        {true, false, 0, ORPHAN_WAIT}, /* seen for the first time */
        {true, false, now, ORPHAN_WAIT},
        {true, false, now - grace + 1, ORPHAN_WAIT},
        {true, false, now - grace, ORPHAN_REMOVE},
        {true, false, 1, ORPHAN_REMOVE},
        {true, false, now + 1, ORPHAN_WAIT}, /* the clock went back */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct observed_container container = {.is_ours = rows[i].is_ours};

        assert_int_equal(orphan_decide(&container, rows[i].has_owner, rows[i].since, now, grace),
                         rows[i].decision);
    }
}

static void what_was_made_to_be_retained_is_never_removed(void **state)
{
    struct observed_container container = {.is_ours = true, .is_retained = true};

    (void)state;
    assert_int_equal(orphan_decide(&container, false, 1, 1000000000, 300000), ORPHAN_NONE);
}

static void no_grace_still_takes_two_looks(void **state)
{
    struct observed_container container = {.is_ours = true};

    (void)state;
    assert_int_equal(orphan_decide(&container, false, 0, 1000, 0), ORPHAN_WAIT);
    assert_int_equal(orphan_decide(&container, false, 1000, 1000, 0), ORPHAN_REMOVE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_ours_goes_and_only_after_the_grace),
        cmocka_unit_test(what_was_made_to_be_retained_is_never_removed),
        cmocka_unit_test(no_grace_still_takes_two_looks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

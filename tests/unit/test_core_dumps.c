#include "base/core_dumps.h"

#include "base/sanitized.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void neither_this_process_nor_its_children_leave_a_core(void **state)
{
    struct rlimit limit = {1, 1};
    int status;
    pid_t child;

    (void)state;
    core_dumps_off();
    assert_int_equal(prctl(PR_GET_DUMPABLE), IS_SANITIZED);
    assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 0);
    assert_int_equal(limit.rlim_max, 0);
    child = fork();
    if (child == 0) {
        abort();
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_false(WCOREDUMP(status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neither_this_process_nor_its_children_leave_a_core),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

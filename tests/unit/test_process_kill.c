#include "controller/process_kill.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* That one is killed in the right container is shown by tests/integration/probes.bats. */
static void a_process_of_another_container_is_left_alone(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0) {
        for (;;) {
            pause();
        }
    }
    assert_true(child > 0);
    assert_int_equal(process_kill_in_container(child, "0123456789abcdef0123456789abcdef"), -1);
    assert_int_equal(process_kill_in_container(child, ""), -1); /* which every text contains */
    assert_int_equal(process_kill_in_container(child, "/"), -1);
    assert_int_equal(waitpid(child, &status, WNOHANG | WUNTRACED), 0); /* not even stopped */
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(process_kill_in_container(child, "0123456789abcdef0123456789abcdef"), -1);
}

static void a_number_that_is_no_process_is_refused(void **state)
{
    static const int64_t pids[] = {0, 1, -1, -77, INT64_MAX, INT64_C(1) << 32, INT64_MIN};

    (void)state;
    for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++) {
        assert_int_equal(process_kill_in_container(pids[i], "0123456789abcdef0123456789abcdef"),
                         -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_of_another_container_is_left_alone),
        cmocka_unit_test(a_number_that_is_no_process_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#!/usr/bin/env bats
# The controller through the scenarios of the crash sweep and to its end by SIGTERM, without a bad access and
# without a leak: a plain build under valgrind's memcheck, one with sanitizers (SANITIZE=address,undefined) by them.

load ../integration/helpers
load ../integration/task_helpers
load scenarios

setup() {
    berth_setup
    REPO=repo$BATS_SUITE_TEST_NUMBER
    make_repo "$REPO"
    FINDINGS=$TEST_DIR/findings
}

teardown() {
    end_run
    berth_teardown
}

is_sanitized() { nm -D "$BERTH" | grep -q __asan_init; }

# What is put before the command line. valgrind does not follow children: they run in walls where it cannot work.
watched() {
    if is_sanitized; then
        echo "env ASAN_OPTIONS=detect_leaks=1:log_path=$FINDINGS UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:log_path=$FINDINGS"
    else
        echo "valgrind --quiet --leak-check=full --show-leak-kinds=definite,possible --errors-for-leak-kinds=definite,possible" \
            "--child-silent-after-fork=yes --error-exitcode=99 --log-file=$FINDINGS"
    fi
}

goes_well_and_stops() { "$1" && berth_stop || { echo "exit status $?"; return 1; }; }

is_clean() {
    begin_run "$TEST_DIR/reference" "$(watched)"
    run goes_well_and_stops "$1"
    echo "$output"
    # A system call that valgrind does not know is no finding: its lines begin otherwise.
    ! cat "$FINDINGS"* 2>/dev/null | grep -E '^==|runtime error|ERROR' && [[ $status -eq 0 ]]
}

@test "no bad access and no leak while an instance is made, made anew and removed" {
    is_clean instance_scenario
}

@test "no bad access and no leak while a pool grows, shrinks and goes" {
    is_clean pool_scenario
}

@test "no bad access and no leak while tasks are cloned for, set up, run and forgotten" {
    is_clean task_scenario
}

#!/usr/bin/env bash
# Runs everything that CI runs (`make check`), all of it even when something fails, and ends with
#
#     N passed, N failed[, N skipped]
#
# A step with tests counts as many as it ran, any other step as one. Exits 0 only if nothing failed,
# nothing was skipped, and every step which must have tests ran some. What the steps said is in
# build/check/STEP.log.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

logs=build/check
rm -rf "$logs"
mkdir -p "$logs"

# The steps are runs of make of their own, not parts of the one that called us.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
export LC_ALL=C.UTF-8
engine=${ENGINE:-default}
build() { make --no-print-directory WERROR=1 "$@"; }

# --- one step ----------------------------------------------------------------------------------------

# "passed failed skipped" of a finished step, from its exit status and, if it has tests, its last line.
count() {
    local kind=$1 status=$2 log=$3 passed=0 failed=0 skipped=0
    if [[ $kind == single ]]; then
        ((status == 0)) && passed=1 || failed=1
    else
        read -r passed failed skipped < <(sed -nE \
            's/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \4/p' "$log" | tail -n 1)
        passed=${passed:-0} failed=${failed:-0} skipped=${skipped:-0}
        if ((failed == 0)) && { ((status != 0)) || [[ $kind == tests && $passed == 0 ]]; }; then
            failed=1
            echo "the step failed although no test did, or ran no test at all" >>"$log"
        fi
    fi
    echo "$passed $failed $skipped"
}

# What is worth reading of a failed step: not what went well.
details() {
    grep -vE '^( *ok |  (CC|LINK|RUNNER|TIDY) |1\.\.[0-9]|make: Entering|make: Leaving)' "$1" |
        tail -n 100 | sed 's/^/        /'
    echo "        (all of it: $1)"
}

# step NAME single|tests|optional COMMAND...    optional: may have no tests yet
step() {
    local name=$1 kind=$2 log=$logs/$1.log started=$SECONDS passed failed skipped counts lock
    shift 2
    "$@" >"$log" 2>&1 </dev/null
    read -r passed failed skipped < <(count "$kind" $? "$log")
    echo "$passed $failed $skipped" >"$logs/$name.result"

    counts="$passed passed"
    ((failed == 0)) || counts+=", $failed failed"
    ((skipped == 0)) || counts+=", $skipped skipped"
    exec {lock}>"$logs/output.lock"
    flock "$lock"      # two steps may end at once
    if ((failed == 0)); then
        printf '  ok    %-18s %-24s %4d s\n' "$name" "$counts" $((SECONDS - started))
    else
        printf '  FAIL  %-18s %-24s %4d s\n' "$name" "$counts" $((SECONDS - started))
        details "$log"
    fi
    exec {lock}>&-
}

# --- all steps ---------------------------------------------------------------------------------------

step bootstrap single deploy/bootstrap.sh

# Two lanes beside each other; within a lane the steps use the same build folder or are short. At the end of the second
# is one process for each source, for minutes: it takes what time the others leave, also beside the tests of behaviour,
# which wait for things to happen.
{
    step build-gcc single build CC=gcc
    step check-docs single build CC=gcc check-docs
    step check-examples single build CC=gcc check-examples
    step test tests build CC=gcc test
    step test-sanitized tests build CC=gcc SANITIZE=address,undefined test
} &
first=$!
{
    step build-clang single build CC=clang
    step check-format single build check-format
    step check-layers single build check-layers
    step check-headers single build check-headers
    step analyze-cppcheck single build analyze-cppcheck
    renice -n 19 "$BASHPID" >/dev/null
    step analyze-tidy single build -k -j2 --output-sync=target analyze-tidy
} &
second=$!
wait "$first"

# Beside each other in lanes, but with nothing else that is in a hurry.
step test-integration tests build CC=gcc ENGINE="$engine" test-integration
step test-stops tests build CC=gcc SANITIZE=address,undefined ENGINE="$engine" BERTH_TEST_STOPS=1 \
    test-integration T='tasks pools'
step test-faults optional build CC=gcc ENGINE="$engine" test-faults
wait "$second"

# --- the sum -----------------------------------------------------------------------------------------

passed=0 failed=0 skipped=0
for result in "$logs"/*.result; do
    read -r p f s <"$result"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
summary="$passed passed, $failed failed"
if ((skipped > 0)); then
    echo "  a skipped test fails the check"
    summary+=", $skipped skipped"
fi
echo "$summary"
((failed == 0 && skipped == 0 && passed > 0))

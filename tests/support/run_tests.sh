#!/usr/bin/env bash
# Runs test programs that speak TAP ("ok 1 - name", "not ok 2 - name", a plan "1..2"), prints a line
# for each program and the details of what failed, and ends with one line:
#
#     N passed, N failed[, N skipped]
#
# cmocka programs, our own case and corpus programs and bats are all counted this way. A program that
# dies, stops before its plan is through, leaks, or runs no test at all counts as a failure even when
# every test it printed was "ok". Exits 0 only if something ran and nothing failed.
#
# usage: run_tests.sh [-jv] [-t SECONDS] [-l LOG_DIR] COMMAND...
#   COMMAND   a program and its arguments, split at spaces
#   -t        kill a program after so many seconds (default 120, 0: never)
#   -v        show each test as it happens
#   -j        run the commands beside each other; each finds its number, from 0, in TEST_LANE
set -u

verbose=no
together=no
timeout_s=120
log_dir=build/test-logs

usage() { sed -n '/^# usage:/,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }

while getopts jvt:l: option; do
    case $option in
        v) verbose=yes ;;
        j) together=yes ;;
        t) timeout_s=$OPTARG ;;
        l) log_dir=$OPTARG ;;
        *) usage ;;
    esac
done
shift $((OPTIND - 1))

export CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}
mkdir -p "$log_dir"

passed=0 failed=0 skipped=0

# Reads TAP; prints "passed failed skipped planned", then the failed tests with their comments.
# cmocka says "not ok" for a skipped test, so the directive decides.
count_tap() {
    awk '
        /^1\.\.[0-9]+/     { planned += substr($1, 4) }
        /^(not )?ok [0-9]+/ {
            failing = 0
            if (tolower($0) ~ /# *skip/) { skipped++ }
            else if (/^ok/)              { passed++ }
            else                         { failed++; failing = 1 }
        }
        failing && /^(not ok|#)/ && lines < 400 { detail[++lines] = $0 }
        END {
            print passed + 0, failed + 0, skipped + 0, planned + 0
            for (i = 1; i <= lines; i++) { print "    " detail[i] }
        }' "$1"
}

run_one() {
    local -a command
    read -r -a command <<<"$1"
    local name=${command[0]##*/}
    [[ $name == bats ]] && name=${command[-1]}
    [[ -z ${TEST_LANE:-} || $name != *.bats ]] || name="lane $TEST_LANE"
    local log=$log_dir/${name//[\/ ]/-}.log
    local limit=()
    ((timeout_s == 0)) || limit=(timeout -k 5 "$timeout_s")

    if [[ $verbose == yes ]]; then
        "${limit[@]}" "${command[@]}" 2>&1 </dev/null | tee "$log"
        local status=${PIPESTATUS[0]}
    else
        "${limit[@]}" "${command[@]}" >"$log" 2>&1 </dev/null
        local status=$?
    fi

    local ok bad skip planned details why=
    { read -r ok bad skip planned; details=$(cat); } < <(count_tap "$log")
    local ran=$((ok + bad + skip))
    if ((status == 124 && timeout_s != 0)); then
        why="did not end within $timeout_s s; $ran of $planned tests ran"
    elif ((ran < planned || ran > planned)); then
        why="exit status $status; $ran of $planned tests ran"
    elif ((ran == 0)); then
        why="exit status $status; ran no test"
    elif ((status != 0 && bad == 0)); then
        why="exit status $status although no test failed"
    fi
    [[ $verbose == no ]] || details=    # they were shown as they happened
    if [[ -n $why ]]; then
        bad=$((bad + 1))
        details+=${details:+$'\n'}"    $name: $why"
        [[ $verbose == yes ]] || details+=$'\n'$(tail -n 60 "$log" | sed 's/^/    | /')
    fi

    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
    local counts="$ok passed"
    ((bad == 0)) || counts+=", $bad failed"
    ((skip == 0)) || counts+=", $skip skipped"
    if ((bad > 0)); then
        printf '  FAIL  %-32s %s\n' "$name" "$counts"
        [[ -z $details ]] || printf '%s\n' "$details"
        printf '    (whole output: %s)\n' "$log"
    else
        printf '  ok    %-32s %s\n' "$name" "$counts"
    fi
}

# The counts come back through files: a lane is a process of its own.
run_lane() {
    export TEST_LANE=$1
    run_one "$2"
    echo "$passed $failed $skipped" >"$log_dir/lane-$1.counts"
}

run_together() {
    local lane=0 command p f s
    for command in "$@"; do
        run_lane "$lane" "$command" &
        lane=$((lane + 1))
    done
    wait
    while ((lane-- > 0)); do
        read -r p f s <"$log_dir/lane-$lane.counts" || f=1
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    done
}

if [[ $together == yes ]]; then
    rm -f "$log_dir"/lane-*.counts
    run_together "$@"
else
    for command in "$@"; do
        run_one "$command"
    done
fi

summary="$passed passed, $failed failed"
((skipped == 0)) || summary+=", $skipped skipped"
echo "$summary"
((failed == 0 && passed > 0))

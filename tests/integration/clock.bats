#!/usr/bin/env bats
# The wall clock is set forward and back by a day, the machine sleeps, records are of the future: what Berth waits for lasts as long as it
# was to last. Only Berth's own clock is moved (tests/preload/shifted_clock.c): the engine's and the commands' stay, as on
# another machine.

load helpers

DAY=86400

setup() {
    berth_setup
    REPO=clock$BATS_SUITE_TEST_NUMBER
    make_repo "$REPO"
    export BERTH_TEST_CLOCK=$TEST_DIR/clock
    real_berth=$BERTH
    printf '#!/bin/sh\nLD_PRELOAD=%s exec %s "$@"\n' "$BERTH_TEST_PROGRAMS/integration/shifted_clock.so" "$real_berth" >"$TEST_DIR/berth"
    chmod +x "$TEST_DIR/berth"
    BERTH=$TEST_DIR/berth
    set_clock 0
}

# set_clock SECONDS [SLEPT_SECONDS]: from what it really is
set_clock() {
    SHIFT=$1
    echo "$@" >"$TEST_DIR/clock.new"
    mv "$TEST_DIR/clock.new" "$TEST_DIR/clock"
}
berths_now() { echo $(($(date +%s) + SHIFT)); }

clock_was_set() { grep -q "clock_set.*seconds=\"\?$1" "$LOG"; }

crasher() {
    drop crash.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: crash}
spec: {image: "berth-test/busybox:1", command: [sh, -c, "exit 3"], zone: zone-$BATS_SUITE_TEST_NUMBER, terminationGracePeriodSeconds: 0}
SPEC
}
crashes() { status_of crash.yaml crash status.restarts.count; }
has_crashed() { (($(crashes) >= $1)); }

# The next try is to come, and not later than the longest wait.
waits_a_while() {
    local next
    next=$(date -d "$(status_of crash.yaml crash status.restarts.nextRetryTime)" +%s) || return
    (($1 - 1 <= next - $(berths_now) && next - $(berths_now) <= 301))
}

# task NAME TTL
task() {
    drop "$1.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: $1}
spec:
  repository: $GIT_HTTP_URL/git/$REPO.git
  command: [sh, -c, "echo work >file"]
  ttlSecondsAfterFinished: $2
SPEC
}
log_is_gone() { [[ ! -e $1 ]]; }

@test "set forward and back by a day: back-off goes on, what is kept is kept for its time, no more and no less" {
    crasher
    task kept 3600
    berth_start --scan-interval 2s
    wait_for 40 field_is kept.yaml kept status.phase Succeeded
    kept=$(status_of kept.yaml kept status.task.logFile)
    tree=$(status_of kept.yaml kept status.task.tree.hostPath)
    wait_for 30 has_crashed 2

    set_clock "$DAY"
    wait_for 10 clock_was_set "$DAY"
    before=$(crashes)
    wait_for 40 has_crashed $((before + 1))
    wait_for 10 waits_a_while 0
    # It is the fifth in a row or a later one, which waits 8 s: it does not spin.
    (($(crashes) <= before + 2))
    kill -HUP "$BERTH_PID"
    task other 5
    wait_for 20 field_is other.yaml other status.phase Succeeded
    [ -s "$kept" ] || [ -e "$kept" ]
    [ -e "$tree/file" ]

    set_clock "-$DAY"
    wait_for 10 clock_was_set "-$((2 * DAY))"
    before=$(crashes)
    wait_for 60 has_crashed $((before + 1))
    task brief 3
    wait_for 20 field_is brief.yaml brief status.phase Succeeded
    brief=$(status_of brief.yaml brief status.task.logFile)
    wait_for 20 log_is_gone "$brief"
    [ -e "$kept" ] && [ -e "$tree/file" ]
}

@test "a controller that finds records of tomorrow goes on today" {
    crasher
    task kept 3
    task other 3600
    set_clock "$DAY"
    berth_start --scan-interval 2s
    wait_for 40 field_is other.yaml other status.phase Succeeded
    wait_for 30 has_crashed 2
    wait_for 30 field_is kept.yaml kept status.phase Succeeded
    berth_kill9
    rm "$SPECS/other.yaml"
    set_clock 0
    berth_start --scan-interval 2s
    before=$(crashes)
    wait_for 30 has_crashed $((before + 1))
    task next 3
    wait_for 30 field_is next.yaml next status.phase Succeeded
    next=$(status_of next.yaml next status.task.logFile)
    wait_for 20 log_is_gone "$next"
    # Nothing in a status happened tomorrow.
    tomorrow=$(date -u -d '+1 day' +%Y-%m-%dT)
    [ -z "$(grep -h "$tomorrow" "$SPECS"/*.status.yaml | grep -v keptUntil)" ]
}

@test "after a sleep of a day what was due meanwhile is done at once" {
    task kept 3600
    berth_start --scan-interval 2s
    wait_for 40 field_is kept.yaml kept status.phase Succeeded
    kept=$(status_of kept.yaml kept status.task.logFile)
    [ -e "$kept" ]
    set_clock "$DAY" "$DAY"
    wait_for 10 grep -q machine_slept "$LOG"
    wait_for 15 log_is_gone "$kept"
    ! grep -q clock_set "$LOG"
}

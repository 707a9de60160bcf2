# Calls of the engine that fail. No real engine is needed: the fake one has its world in memory.
load ../integration/helpers
load ../integration/fake_helpers

setup() {
    SUITE_DIR=${SUITE_DIR:-$BATS_FILE_TMPDIR} SUPPORT=${SUPPORT:-$BATS_TEST_DIRNAME/../support}
    berth_setup
}

# There is nothing on a real engine to remove.
teardown() {
    [[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 40 "$LOG"
    berth_kill9
    fake_stop
    rm -rf --one-file-system "$TEST_DIR"
}

# All of them, by hand: tests/faults/sweep.sh all
@test "whatever call fails in whatever way, the world becomes the one without faults (30 of all runs)" {
    run "$BATS_TEST_DIRNAME/sweep.sh" sample 30
    echo "$output"
    [[ $status -eq 0 ]]
    [[ $(grep -c '^ok' <<<"$output") -eq 30 ]]
}

# start_with_engine [OPTION...]: an engine in memory with an image, and a controller that talks to it.
start_with_engine() {
    fake_start --memory
    curl -sS --unix-socket "$FAKE_SOCKET" -X POST 'http://fake/images/create?fromImage=berth-test/web&tag=1' >/dev/null
    NETWORK_RANGE=10.210.0.0/16
    berth_start --engine "unix://$FAKE_SOCKET" "$@"
}

# calls_to METHOD PATH: how many there were, by the log of calls.
calls_to() { grep -cE "^[0-9]+ $1 (/v1\.[0-9]+)?$2([?/ ]|$)" "$FAKE_LOG" || true; }
has_calls_to() { (($(calls_to "$1" "$2") >= $3)); }

@test "an engine whose streams of events end at once is asked less and less often, and forgiven" {
    local began
    start_with_engine
    fake_script 'call * GET /events: drop-after'
    : >"$FAKE_LOG"
    began=$(date +%s%N)
    fake_ask 'down?ms=1' -X POST    # the stream that is there ends
    wait_for 60 has_calls_to GET /version 7
    # 100 ms, then twice as long each time, and a quarter less or more
    (($(date +%s%N) - began > 4000000000))
    fake_script '# none'
    drop_instance web
    wait_for 20 is_ready web.yaml web
}

# Its log is a pipe that nobody reads for a while, so that its last words keep it until a relist is due.
@test "the controller ends well when a relist is due at that moment" {
    local pipe reader status=0
    mkfifo "$TEST_DIR/pipe"
    exec {pipe}<>"$TEST_DIR/pipe"
    LOG=$TEST_DIR/pipe start_with_engine --relist-interval 1s
    wait_for 10 has_calls_to GET /containers/json 2
    dd if=/dev/zero of="$TEST_DIR/pipe" bs=32 oflag=nonblock 2>/dev/null || true    # until it is full
    kill -TERM "$BERTH_PID"
    sleep 1.2
    cat <&"$pipe" >"$LOG" 2>&1 3>&- &
    reader=$!
    berth_stop || status=$?
    kill "$reader"
    [[ $status -eq 0 ]]
}

memory_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$BERTH_PID/status"; }
# But for connections, of which up to 64 are kept for the next calls.
open_descriptors() { find "/proc/$BERTH_PID/fd" -mindepth 1 -not -lname 'socket:*' | wc -l; }

# drop_many COLOUR: so many instances, all of them in one file.
drop_many() {
    local i
    for ((i = 0; i < 60; i++)); do
        cat <<SPEC
---
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: many-$i}
spec:
  machineType: e2-small
  image: berth-test/web:1
  terminationGracePeriodSeconds: 1
  env: [{name: COLOUR, value: $1}]
SPEC
    done | drop many.yaml
}

# For wait_for: all containers run, and with this colour.
all_run() {
    local list
    list=$(docker -H "unix://$FAKE_SOCKET" ps -q)
    [[ $(wc -w <<<"$list") == 60 ]] || { echo "$(wc -w <<<"$list") run"; return 1; }
    # shellcheck disable=SC2086  # a word for each
    [[ $(docker -H "unix://$FAKE_SOCKET" inspect $list | grep -c "COLOUR=$1\"") == 60 ]]
}

@test "hundreds of failing calls cost no memory, no descriptor and no container" {
    local colour memory descriptors faults=0
    start_with_engine
    drop_many white
    wait_for 60 all_run white
    for colour in red green blue; do
        fake_ask "seed?seed=7$faults&permille=200&last=400" -X POST
        fake_script '# numbers begin at 1'
        drop_many "$colour"
        wait_for 100 all_run "$colour"
        faults=$((faults + $(fake_count faults)))
        [[ $colour != red ]] || { memory=$(memory_kb) descriptors=$(open_descriptors); }
    done
    echo "$faults faults; memory: $memory kB, then $(memory_kb) kB; descriptors: $descriptors, then $(open_descriptors)"
    ((faults > 200))
    # the histories of sixty statuses still fill up; a sanitizer keeps what was freed for a while
    [[ $BERTH == *address* ]] || (($(memory_kb) < memory + 2048))
    (($(open_descriptors) <= descriptors))
    (($(fake_count connections) <= 65))
    [[ $(docker -H "unix://$FAKE_SOCKET" ps -aq | wc -l) == 60 ]]
    [[ $(fake_ask world | jq '.networks | length') == 1 ]]
    berth_stop
}

@test "a container that is gone when it is to be started is made anew, and nobody takes the instance for failed" {
    start_with_engine -v
    fake_script 'call 1 POST /containers/*/start: status 404'
    drop_instance web
    wait_for 20 is_ready web.yaml web
    [[ $(calls_to POST '/containers/[^/]*/start') -ge 2 ]]
    [[ $(grep -cE ' phase key=Instance/web .*reason=StartFailed' "$LOG") -eq 0 ]]
}

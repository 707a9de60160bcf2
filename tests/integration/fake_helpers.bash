# For tests that put the fake engine between Berth and an engine: `load fake_helpers` after helpers.
#
# fake_start makes FAKE_SOCKET; the controller is pointed at it by `berth_start --engine
# "unix://$FAKE_SOCKET"`, while docker, as a witness, still asks the real engine (or, where the fake has
# its world in memory, `docker -H "unix://$FAKE_SOCKET"`). The words for what goes wrong are in
# tests/support/fake_engine/faults.h.

# fake_start [OPTION...]: before the engine at DOCKER_HOST, or --memory for one of its own.
fake_start() {
    local program=${BERTH_TEST_PROGRAMS:-${BERTH%/*}/tests}/integration/fake_engine
    FAKE_SOCKET=$TEST_DIR/fake.sock FAKE_LOG=$TEST_DIR/calls.log
    [[ " $* " == *" --memory "* ]] || set -- --forward "$DOCKER_HOST" "$@"
    "$program" --listen "$FAKE_SOCKET" --log "$FAKE_LOG" "$@" >"$TEST_DIR/fake.out" 2>&1 </dev/null 3>&- &
    FAKE_PID=$!
    wait_for 5 grep -q ready "$TEST_DIR/fake.out"
}

# fake_stop: an exit status other than 0 is a leak or a bad access, where it was built to tell.
fake_stop() {
    local pid=${FAKE_PID:-}
    [[ -n $pid ]] || return 0
    FAKE_PID=
    kill -TERM "$pid"
    wait "$pid"
}

# fake_ask PATH [curl option...]: a question or an order to the fake itself; see front.h.
fake_ask() { curl -sS --fail-with-body -m 10 --unix-socket "$FAKE_SOCKET" "${@:2}" "http://fake/_fake/$1"; }

# fake_script [RULE...]: what goes wrong from now on, in place of the rules before; numbers begin at 1.
fake_script() { printf '%s\n' "$@" | fake_ask script -X PUT --data-binary @-; }

# fake_count FIELD: calls, events, faults, open, connections
fake_count() { fake_ask counts | jq ".$1"; }

#!/usr/bin/env bats
# What the controller asks, writes and executes, counted: a time on a busy machine says little, a number that grows says
# that somebody made a look at what has not changed cost more. On the fake engine in memory.
#
# Beside each ceiling is what was measured when it was set. One that is passed for a good reason is set anew, by hand.

load ../integration/helpers
load ../integration/fake_helpers

OBJECTS=20
PORTS='  ports: [{name: http, containerPort: 8080}]'

setup() {
    SUITE_DIR=${SUITE_DIR:-$BATS_FILE_TMPDIR} SUPPORT=${SUPPORT:-$BATS_TEST_DIRNAME/../support}
    berth_setup
    NETWORK_RANGE=10.210.0.0/16
    fake_start --memory
    curl -sS --unix-socket "$FAKE_SOCKET" -X POST 'http://fake/images/create?fromImage=berth-test/web&tag=1' >/dev/null
}

# There is nothing on a real engine to remove.
teardown() {
    [[ -n ${BATS_TEST_COMPLETED:-} ]] || { tail -n 20 "$LOG"; tail -n 60 "$FAKE_LOG"; }
    berth_kill9
    fake_stop
    rm -rf --one-file-system "$TEST_DIR"
}

# Nothing happens by the clock.
start() { berth_start --engine "unix://$FAKE_SOCKET" --scan-interval 1h --relist-interval 1h "$@"; }

drop_colour() { # NAME COLOUR [PORTS [ZONE]]
    drop "$1.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: $1}
spec:
  machineType: e2-small
  zone: us-central1-${4-a}
  image: berth-test/web:1
  terminationGracePeriodSeconds: 1
  env: [{name: COLOUR, value: $2}]
${3-$PORTS}
SPEC
}
drop_all() { # COUNT [PORTS]
    local i zones=(a b c d e f g)    # each has room for some 250
    for ((i = 1; i <= $1; i++)); do drop_colour "web-$i" white "${2-$PORTS}" "${zones[i / 200]}"; done
}

# For wait_for.
all_are_ready() { # COUNT
    local ready
    ready=$(cat "$SPECS"/*.status.yaml | grep -c '^  phase: RUNNING')
    [[ $ready == "$1" ]] || { echo "$ready of $1 run"; return 1; }
}
# The witness says in its call who it is: it is not counted.
has_colour() { # NAME COLOUR
    local container
    container=$(curl -sS --unix-socket "$FAKE_SOCKET" "http://fake/containers/$1/json?witness") || return 1
    grep -q "COLOUR=$2\"" <<<"$container" && is_ready "$1.yaml" "$1" &&
        grep -q "^    id: $(jq -r .Id <<<"$container")" "$SPECS/$1.status.yaml"
}
is_listed_again() { [[ $(calls 'GET .*/containers/json') -gt $1 ]]; }

cpu_ns() { awk '{ sum += $1 } END { printf "%.0f", sum }' /proc/"$BERTH_PID"/task/*/schedstat; }
is_sleeping() { grep -q '^State:.S' "/proc/$BERTH_PID/status"; }
# Who waits for the disk or for a processor uses none either.
is_idle() {
    local before
    before=$(cpu_ns)
    is_sleeping || return 1
    sleep 0.4
    is_sleeping && [[ $(($(cpu_ns) - before)) -lt 1000000 ]]
}

calls() { grep -cE "^[0-9]+ $1" "$FAKE_LOG" || true; }

# count_calls: what Berth asked since forget_calls, a kind in a line.
forget_calls() { FIRST_CALL=$(wc -l <"$FAKE_LOG"); }
count_calls() {
    tail -n +"$((FIRST_CALL + 1))" "$FAKE_LOG" | sed -E '/witness$/d; s#^[0-9]+ ##; s#/v1\.[0-9]+##; s#\?.*##;
        s#^GET /images/.*#GET /images/*#; s#(/containers)/(web-[0-9]*|[0-9a-f]{64})(/(start|stop|json))?$#\1/*\3#' | sort | uniq -c |
        awk '{ print $2, $3, $1 }'
}

sum_of_calls() { count_calls | awk '{ sum += $3 } END { print sum }'; }

at_most() { # WHAT CEILING NUMBER
    echo "# $1: $3, at most $2"
    [[ $3 -le $2 ]]
}

is_exactly() { # NUMBER_OR_LINES WANTED
    [[ $1 == "$2" ]] || { diff <(echo "$2") <(echo "$1"); return 1; }
}

status_files() { stat -c '%n %i %y' "$SPECS"/*.status.yaml; }

# written BEFORE: how many status files were replaced since status_files said BEFORE. A number may come back, a time not.
written() { status_files | grep -vcxFf <(echo "$1") || true; }

begin_with_all() {
    drop_all "$OBJECTS"
    start
    wait_for 30 all_are_ready "$OBJECTS"
    wait_for 30 is_idle
}

@test "a start beside unchanged instances asks for each list once, looks at each container once, and writes nothing" {
    local before
    begin_with_all
    berth_stop
    before=$(status_files)
    sleep 2.1    # events of the last two seconds are told again
    forget_calls
    start
    wait_for 30 is_listed_again 1
    wait_for 30 is_idle
    is_exactly "$(count_calls)" "GET /containers/*/json $OBJECTS
GET /containers/json 1
GET /events 1
GET /images/* 1
GET /info 1
GET /networks 1
GET /version 1"
    is_exactly "$(written "$before")" 0
}

@test "a look at everything asks for two lists, and neither inspects nor writes anything" {
    local before listed
    begin_with_all
    before=$(status_files) listed=$(calls 'GET .*/containers/json')
    forget_calls
    kill -HUP "$BERTH_PID"
    wait_for 10 is_listed_again "$listed"
    wait_for 10 is_idle
    is_exactly "$(count_calls)" "GET /containers/json 1
GET /networks 1"
    is_exactly "$(written "$before")" 0
}

@test "an instance that is added, edited or removed by somebody costs few calls, and writes its own status only" {
    local before
    begin_with_all

    forget_calls
    drop_colour web-0 white
    wait_for 10 has_colour web-0 white
    wait_for 10 is_idle
    count_calls
    at_most "calls for one more" 3 "$(sum_of_calls)"    # create, start, inspect

    before=$(status_files)
    forget_calls
    drop_colour web-7 red
    wait_for 10 has_colour web-7 red
    wait_for 10 is_idle
    count_calls
    # what is seen of the end of the old one is luck: one or none
    at_most "calls for an edit" 6 "$(sum_of_calls)"    # stop, remove, create, start, inspect
    is_exactly "$(written "$before")" 1

    before=$(status_files)
    forget_calls
    curl -sS --unix-socket "$FAKE_SOCKET" -X DELETE 'http://fake/containers/web-9?force=1&witness'
    wait_for 10 has_colour web-9 white
    wait_for 10 is_idle
    count_calls
    at_most "calls for a container that is lost" 6 "$(sum_of_calls)"    # 4 to 5: inspect, create, start, inspect
    is_exactly "$(written "$before")" 1
}

@test "an edit opens the file that was edited and no other spec" {
    local tracer
    command -v strace >/dev/null || skip "no strace"
    begin_with_all
    strace -f -qq -e trace=openat,openat2,open -o "$TEST_DIR/trace" -p "$BERTH_PID" 3>&- &
    tracer=$!
    wait_for 10 grep -q 'TracerPid:.[1-9]' "/proc/$BERTH_PID/status"
    drop_colour web-7 red
    wait_for 10 has_colour web-7 red
    kill "$tracer"
    wait "$tracer" || true
    is_exactly "$(grep -oE '"(.*/)?web-[0-9]+\.yaml"' "$TEST_DIR/trace" | sort | uniq -c | awk '{ print $2, $1 }')" '"web-7.yaml" 1'
}

@test "an idle controller does not turn" {
    local before
    begin_with_all
    before=$(awk '/^voluntary_ctxt/ { print $2 }' "/proc/$BERTH_PID/status")
    sleep 5
    at_most "waits of the loop in 5 s" 3 "$(($(awk '/^voluntary_ctxt/ { print $2 }' "/proc/$BERTH_PID/status") - before))"    # 0 or 1
}

# instructions OBJECTS LOOKS: of a controller from its start to its end, with so many looks at everything.
instructions() {
    local look listed
    BERTH=$TEST_DIR/counted berth_start --engine "unix://$FAKE_SOCKET" --scan-interval 1h --relist-interval 1h
    wait_for 60 all_are_ready "$1"
    wait_for 60 is_idle
    for ((look = 0; look < $2; look++)); do
        listed=$(calls 'GET .*/containers/json')
        kill -HUP "$BERTH_PID"
        wait_for 60 is_listed_again "$listed"
        wait_for 60 is_idle
    done
    berth_stop >&2
    sed -nE 's/^==[0-9]+== I +refs: +//p' "$TEST_DIR/counted.log" | tr -d ,
}

# look_costs OBJECTS ONE FIVE: thousands of instructions for each object in one look, from runs with one and with five.
look_costs() { echo $((($3 - $2) / 4 / $1 / 1000)); }

# make_ready OBJECTS: all of them run, and it is so long ago that no event of it is told again.
make_ready() {
    drop_all "$1" ''    # a test has a hundred ports, and somebody may be on one
    start
    wait_for 30 all_are_ready "$1"
    berth_stop
    sleep 2.1
}

@test "a look at what has not changed executes few instructions for an object, and as few when there are more" {
    local one_of_50 five_of_50 one_of_100 five_of_100
    command -v valgrind >/dev/null || skip "no valgrind"
    ! nm -D "$BERTH" | grep -q __asan_init || skip "a build with sanitizers"
    printf '#!/bin/sh\nexec valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null --log-file=%s %s "$@"\n' \
        "$TEST_DIR/counted.log" "$BERTH" >"$TEST_DIR/counted"
    chmod +x "$TEST_DIR/counted"
    make_ready 50
    one_of_50=$(instructions 50 1) five_of_50=$(instructions 50 5)
    make_ready 100
    one_of_100=$(instructions 100 1) five_of_100=$(instructions 100 5)
    ((one_of_50 < five_of_50 && one_of_50 < one_of_100 && one_of_100 < five_of_100))
    # Of 50 it is more: what does not depend on their number is in it.
    at_most "thousands of instructions for each of 50" 100 "$(look_costs 50 "$one_of_50" "$five_of_50")"       # 66
    at_most "thousands of instructions for each of 100" 77 "$(look_costs 100 "$one_of_100" "$five_of_100")"    # 51
    at_most "thousands of instructions for one more at a start" 5050 "$(((one_of_100 - one_of_50) / 50 / 1000))"    # 3370
}

# memory OBJECTS: KiB of its own that a controller has when it has looked at everything and is idle.
memory() {
    make_ready "$1"
    start
    wait_for 60 is_idle
    awk '/^RssAnon/ { print $2 }' "/proc/$BERTH_PID/status" >"$TEST_DIR/memory-$1"
    berth_stop
}

@test "an instance takes little memory" {
    ! nm -D "$BERTH" | grep -q __asan_init || skip "a build with sanitizers"
    memory 200
    memory 1200
    at_most "bytes for each object" 5200 "$((($(cat "$TEST_DIR/memory-1200") - $(cat "$TEST_DIR/memory-200")) * 1024 / 1000))"    # 4653
}

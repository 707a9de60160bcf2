#!/usr/bin/env bash
# The fault sweep: scenarios rerun with the 1st, 2nd, 3rd ... engine call failing, in each way, and then
# left alone. Each run has a fake engine of its own (tests/support/fake_engine) and a controller, and must
# come to the very world of the run without faults: containers, networks, volumes, images, statuses, open
# files; the controller must end well when it is told to.
#
# usage: sweep.sh [-j JOBS] [-t SECONDS] [-k] all|sample N|SCENARIO [RULE]
#   all               every scenario, call and fault: thousands of runs
#   sample N          N of them, evenly spread
#   SCENARIO          all of one scenario
#   SCENARIO RULE     one run, such as: sweep.sh recreate "call 4: status 500"
#   -j                runs beside each other (4 for each processor: they mostly wait)
#   -t                how long a world may take to become as it should be (40)
#   -k                keep the folder of a run that failed, and say where it is
#
# It prints TAP. BERTH is the binary (build/berth), BERTH_TEST_PROGRAMS the folder tests beside it.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=${here%/tests/*}
BERTH=${BERTH:-$project/build/berth}
BERTH_TEST_PROGRAMS=${BERTH_TEST_PROGRAMS:-$(dirname "$(realpath "$BERTH")")/tests}
export BERTH BERTH_TEST_PROGRAMS
# shellcheck source=sweep_scenarios.bash
. "$here/sweep_scenarios.bash"

FAULTS=('drop-before' 'drop-after' 'delay 700' 'delay-after 700' 'hang 1500' 'hang-after 1500' 'close-mid-body'
    'garbage' 'status 404' 'status 409' 'status 500' 'status 503' 'status-after 500' 'disk-full' 'port-in-use')
EVENT_FAULTS=('lose' 'double' 'swap' 'late 700' 'garbage' 'close')

usage() { sed -n '/^# usage:/,/^#$/s/^# \{0,1\}//p' "$0" >&2; exit 2; }

jobs=$(($(nproc) * 4)) seconds=40 keep=no
while getopts j:t:k option; do
    case $option in
        j) jobs=$OPTARG ;;
        t) seconds=$OPTARG ;;
        k) keep=yes ;;
        *) usage ;;
    esac
done
shift $((OPTIND - 1))
(($# > 0)) || usage

# --- one run -----------------------------------------------------------------------------------------

fake() { curl -sS --fail-with-body -m 10 --unix-socket "$RUN/engine.sock" "${@:2}" "http://fake/_fake/$1"; }

start_engine() {
    "$BERTH_TEST_PROGRAMS/integration/fake_engine" --listen "$RUN/engine.sock" --memory --log "$RUN/calls" \
        >"$RUN/engine.out" 2>&1 </dev/null &
    ENGINE_PID=$!
    until grep -q ready "$RUN/engine.out" 2>/dev/null; do
        kill -0 "$ENGINE_PID" 2>/dev/null || { cat "$RUN/engine.out"; return 1; }
        sleep 0.02
    done
    curl -sS --unix-socket "$RUN/engine.sock" -X POST \
        'http://fake/images/create?fromImage=berth-test/web&tag=1' >/dev/null
}

# Its id is given, so that names which follow from it are the same in every run.
start_controller() {
    "$BERTH" run --specs "$SPECS" --state "$RUN/state" --engine "unix://$RUN/engine.sock" --ports "$PORTS" \
        --orphan-grace 2s --scan-interval 1s --relist-interval 1s --port-quarantine 1s >>"$RUN/log" 2>&1 &
    CONTROLLER_PID=$!
}

# The engine's world without what may differ: numbers of ports (one may have been refused), subnets. A
# running container's ports are those of its label.
engine_world() {
    fake world | jq -S '
        def numbers: [.ports[].PublicPort | tostring];
        {containers: [.containers[] | . as $c | {name, image, state, exitCode, networks,
            ports: [.ports[].PrivatePort] | sort,
            as_labelled: all(numbers[]; . as $n | $c.labels["dev.berth.ports"] // "" | contains($n)),
            labels: (.labels | del(.["dev.berth.ports"]))}],
         networks: [.networks[] | del(.subnet)], volumes, images}'
}

# A line for each object: name, phase, Ready, error.
statuses() {
    local file
    for file in "$SPECS"/*.status.yaml; do
        [[ -e $file ]] || continue
        awk -f "$project/tests/support/yaml_fields.awk" "$file" | awk -F= '
            { value[$1] = substr($0, length($1) + 2) }
            $1 ~ /^[0-9]+\.metadata\.name$/ { documents[++count] = substr($1, 1, index($1, ".") - 1) }
            END {
                for (i = 1; i <= count; i++) {
                    at = documents[i] ".status."
                    for (c = 0; (at "conditions." c ".type") in value; c++) {
                        if (value[at "conditions." c ".type"] == "Ready") {
                            ready = value[at "conditions." c ".status"]
                        }
                    }
                    print value[documents[i] ".metadata.name"], value[at "phase"], ready, value[at "error.reason"]
                }
            }'
    done
}

# What is open but for sockets, whose number depends on how many calls were made at once.
open_files() {
    find "/proc/$CONTROLLER_PID/fd" -mindepth 1 -printf '%l\n' 2>/dev/null |
        grep -vc '^socket:'
}

world() {
    engine_world
    statuses
    [[ -z ${CONTROLLER_PID:-} ]] || echo "open files: $(open_files)"
}

# wait_for_world FILE PAUSE: it is what it should be when it is twice, some passes and a relist apart.
wait_for_world() {
    local expected=$1 deadline=$((SECONDS + seconds))
    while ((SECONDS < deadline)); do
        if world 2>/dev/null | cmp -s - "$expected"; then
            sleep "$2"
            world 2>/dev/null | cmp -s - "$expected" && return 0
        fi
        sleep 0.25
    done
    world >"$RUN/world"
    diff "$expected" "$RUN/world"
    return 1
}

# wait_until_rest COUNTS: without faults there is nothing to compare with; it is at rest when nothing has
# changed for a while. Calls and events up to the last change are in the file COUNTS.
wait_until_rest() {
    local before now=none calm=0
    while ((calm < 5)); do
        sleep 0.4
        before=$now
        now=$(world)
        if [[ $now == "$before" ]]; then
            calm=$((calm + 1))
        else
            calm=0
            fake counts | jq -r '"\(.calls) \(.events)"' >"$1"
        fi
    done
    printf '%s\n' "$now"
}

end_controller() {
    local tenths=100
    kill -TERM "$CONTROLLER_PID" 2>/dev/null || { echo "the controller has ended by itself"; return 1; }
    while kill -0 "$CONTROLLER_PID" 2>/dev/null; do
        ((tenths-- > 0)) || { echo "the controller does not end"; return 1; }
        sleep 0.1
    done
    wait "$CONTROLLER_PID" || { echo "the controller's exit status is $?"; return 1; }
    CONTROLLER_PID=
}

clean_up() {
    [[ -z ${CONTROLLER_PID:-} ]] || kill -9 "$CONTROLLER_PID" 2>/dev/null
    [[ -z ${ENGINE_PID:-} ]] || kill -TERM "$ENGINE_PID" 2>/dev/null
    wait
    [[ $keep == yes && ${failed:-no} == yes ]] || rm -rf "$RUN"
}

# begin_run NUMBER: a folder, an engine; each of those beside each other has ports of its own.
begin_run() {
    RUN=$(mktemp -d /tmp/sweep-XXXXXX) || exit 1
    SPECS=$RUN/specs
    PORTS=$((30000 + $1 % 250 * 20))-$((30019 + $1 % 250 * 20))
    CONTROLLER_PID='' ENGINE_PID=''
    trap clean_up EXIT
    mkdir "$SPECS" "$RUN/state"
    printf '%s\n' 00112233445566aa >"$RUN/state/controller-id"
    start_engine
}

# prepare SCENARIO: until its world is as it was in the run without faults before those began.
prepare() {
    "prepare_$1"
    [[ -z $CONTROLLER_PID ]] || wait_for_world "$base/$1.before" 0.3
}

# reference SCENARIO: the run without faults; its worlds and the number of its calls.
reference() (
    begin_run "$2"
    "prepare_$1"
    [[ -z $CONTROLLER_PID ]] || wait_until_rest /dev/null >"$base/$1.before"
    fake script -X PUT --data-binary '# none' || exit 1
    "act_$1"
    wait_until_rest "$base/$1.counts" >"$base/$1.world"
    end_controller
)

# fault_run NUMBER SCENARIO RULE: a line of TAP, with what differs behind it.
fault_run() (
    local number=$1 scenario=$2 rule=$3 output failed=no
    begin_run "$number"
    prepare "$scenario" && fake script -X PUT --data-binary "$rule" || failed=yes
    "act_$scenario"
    output=$(wait_for_world "$base/$scenario.world" 1.2) || failed=yes
    end_controller >"$RUN/end" || failed=yes
    output+=$(<"$RUN/end")
    if [[ $failed == no ]]; then
        printf 'ok %s - %s, %s\n' "$number" "$scenario" "$rule"
        exit
    fi
    output+=$'\n'$(grep -n "$(sed 's/.*: //' <<<"$rule")" "$RUN/calls"; tail -n 15 "$RUN/log")
    [[ $keep == no ]] || output+=$'\n'"kept: $RUN"
    printf 'not ok %s - %s, %s\n%s\n' "$number" "$scenario" "$rule" "$(sed 's/^/#   /' <<<"$output")"
)

# --- many --------------------------------------------------------------------------------------------

# rules KIND COUNT FAULT...
rules() {
    local kind=$1 count=$2 number fault
    shift 2
    for ((number = 1; number <= count; number++)); do
        for fault in "$@"; do
            printf '%s %s: %s\n' "$kind" "$number" "$fault"
        done
    done
}

all_runs() {
    local scenario calls events
    for scenario in "$@"; do
        read -r calls events <"$base/$scenario.counts"
        {
            rules call "$calls" "${FAULTS[@]}"
            rules event "$events" "${EVENT_FAULTS[@]}"
        } | sed "s/^/$scenario /"
    done
}

# Every so manieth line, so that all scenarios, calls and faults have their turn.
evenly() { awk -v wanted="$1" '{ line[NR] = $0 } END { for (i = 0; i < wanted && i < NR; i++) print line[int(i * NR / wanted) + 1] }'; }

make_references() {
    local scenario number=0
    for scenario in "$@"; do
        number=$((number + 1))
        reference "$scenario" "$number" &
    done
    wait
    for scenario in "$@"; do
        [[ -s $base/$scenario.world ]] || { echo "Bail out! $scenario fails without faults"; exit 1; }
    done
}

run_all() {
    local number=0 scenario rule
    echo "1..$(wc -l <"$base/runs")"
    while read -r scenario rule; do
        while (($(jobs -rp | wc -l) >= jobs)); do
            wait -n
        done
        number=$((number + 1))
        fault_run "$number" "$scenario" "$rule" >"$base/result.$number" 2>&1 &
    done <"$base/runs"
    wait
    number=0
    while [[ -e $base/result.$((++number)) ]]; do
        cat "$base/result.$number"
    done
    ! grep -q '^not ok' "$base"/result.*
}

base=$(mktemp -d /tmp/sweep-XXXXXX) || exit 1
trap 'rm -rf "$base"' EXIT
case $1 in
    all)
        make_references "${SCENARIOS[@]}"
        all_runs "${SCENARIOS[@]}" >"$base/runs"
        ;;
    sample)
        make_references "${SCENARIOS[@]}"
        all_runs "${SCENARIOS[@]}" | evenly "${2:?sample wants a number}" >"$base/runs"
        ;;
    *)
        declare -F "act_$1" >/dev/null || usage
        make_references "$1"
        if (($# > 1)); then
            printf '%s %s\n' "$1" "$2" >"$base/runs"
        else
            all_runs "$1" >"$base/runs"
        fi
        ;;
esac
run_all

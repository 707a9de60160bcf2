#!/usr/bin/env bash
# Plays seeds of the model test (model.c), several beside each other, each lane with an engine of its
# own. Prints TAP: a line for each seed, and of a failing one its sequence and what is wrong.
#
# usage: run.sh --seeds FROM-TO [--engine fake|default|newest|URL] [--lanes N] [--verbose]
#   --engine fake     tests/support/fake_engine, one for each seed (default)
#            default, newest, URL: as tests/support/engine.sh has it; an engine at a URL is not restarted
# BERTH, MODEL and FAKE_ENGINE in the environment name the programs. What a failing seed left is in
# build/model/SEED.
set -euo pipefail

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
support=$project/tests/support
: "${BERTH:=$project/build/berth}" "${MODEL:=$project/build/gcc/tests/model/model}"
: "${FAKE_ENGINE:=$project/build/gcc/tests/integration/fake_engine}"
seeds=1-10
engine=fake
lanes=
verbose=()

usage() { sed -n '/^# usage:/,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }

while (($# > 0)); do
    case $1 in
        --seeds) seeds=${2:?--seeds wants FROM-TO}; shift ;;
        --engine) engine=${2:?--engine wants a name}; shift ;;
        --lanes) lanes=${2:?--lanes wants a number}; shift ;;
        --verbose) verbose=(--verbose) ;;
        *) usage ;;
    esac
    shift
done
first=${seeds%-*} last=${seeds#*-}
[[ $first =~ ^[0-9]+$ && $last =~ ^[0-9]+$ ]] || usage
[[ $engine != default ]] || engine=${DOCKER_TEST_HOST:-default}
[[ -n $lanes ]] || case $engine in
    fake) lanes=8 ;;
    *://*) lanes=1 ;;
    *) lanes=2 ;;
esac
((lanes <= last - first + 1)) || lanes=$((last - first + 1))

work=$(mktemp -d /tmp/berth-model-XXXXXX)
chmod 711 "$work"    # git works as a user of its own
kept=$project/build/model
mkdir -p "$kept"

cleanup() {
    local pid
    trap - EXIT INT TERM
    for pid in $(jobs -p); do
        kill "$pid" 2>/dev/null || true
    done
    wait
    if [[ $engine != fake && $engine != *://* ]]; then
        for ((lane = 0; lane < lanes; lane++)); do
            "$support/engine.sh" down --purge --dir "$work/e$lane" >/dev/null || true
        done
    fi
    rm -rf --one-file-system "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# network_range: subnets beside those that the engine gives to networks of its own; see engine.sh.
network_range() {
    local subnet
    subnet=$(docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge)
    if [[ $subnet =~ ^(10\.2[0-9]+)\.0\.0/24$ ]]; then
        echo "${BASH_REMATCH[1]}.64.0/18"
    else
        echo 10.210.0.0/16
    fi
}

# Sets engine_options for the program; a real engine lives as long as its lane.
start_engine() {
    local lane=$1
    if [[ $engine == fake ]]; then
        return
    fi
    "$support/engine.sh" up --dir "$work/e$lane" --engine "$engine" >/dev/null
    eval "$("$support/engine.sh" env --dir "$work/e$lane" --engine "$engine")"
    "$support/images.sh" busybox web >/dev/null
    "$support/make_repo.sh" "$work/e$lane-git" model >/dev/null
    engine_options=(--engine "$DOCKER_HOST" --network-range "$(network_range)"
        --repository "file://$work/e$lane-git/model.git")
    [[ $engine == *://* ]] ||
        engine_options+=(--engine-restart "$project/tests/model/restart_engine.sh $work/e$lane")
}

# A fake engine for one seed: fake_pid and engine_options say which.
start_fake() {
    local directory=$1
    "$FAKE_ENGINE" --memory --listen "$directory/engine.sock" >"$directory/engine.out" 2>&1 &
    fake_pid=$!
    until grep -qs ready "$directory/engine.out"; do
        kill -0 "$fake_pid" 2>/dev/null || return 1
        sleep 0.05
    done
    for image in busybox web; do
        curl -sf -X POST --unix-socket "$directory/engine.sock" \
            "http://engine/v1.41/images/create?fromImage=berth-test/$image&tag=1" >/dev/null
    done
    engine_options=(--engine "unix://$directory/engine.sock"
        --engine-restart "$project/tests/model/restart_engine.sh $directory/engine.sock")
}

# Working trees are mounts, which outlive their controller.
unmount_below() {
    [[ $1 == /?* ]] || return 1    # or all mounts would go
    awk -v below="$1/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
        while read -r mounted; do umount -l "$(printf '%b' "$mounted")"; done
}

play() {
    local lane=$1 seed=$2 directory=$work/s$2 output=$work/s$2.out status=0 fake_pid=
    local -a options=(--seed "$seed" --berth "$BERTH" --directory "$directory" "${verbose[@]}"
        --ports "$((20000 + lane * 100))-$((20039 + lane * 100))")
    mkdir -p "$directory"
    if [[ $engine == fake ]] && ! start_fake "$directory" >"$output" 2>&1; then
        status=3    # told like any other failure: a lane goes on
    else
        "$MODEL" "${options[@]}" "${engine_options[@]}" >"$output" 2>&1 &
        model_pid=$!
        wait "$model_pid" || status=$?
    fi
    if [[ -n $fake_pid ]]; then
        kill -9 "$fake_pid" 2>/dev/null || true
        wait "$fake_pid" 2>/dev/null || true
    fi
    [[ $engine == fake ]] || unmount_below "$directory"
    if ((status == 0)); then
        { echo "ok $((seed - first + 1)) - seed $seed"; [[ ${#verbose[@]} == 0 ]] || cat "$output"; }
    else
        rm -rf --one-file-system "${kept:?}/$seed"
        cp -r "$directory" "$kept/$seed"
        {
            echo "not ok $((seed - first + 1)) - seed $seed"
            echo "# exit status $status; play it again: make test-model SEEDS=$seed-$seed ENGINE=$engine"
            sed '/^#/!s/^/# /' "$output"
        }
    fi >"$output.tap"
    flock "$work" cat "$output.tap"    # whole, not among the lines of other lanes
    rm -rf --one-file-system "$directory" "$output" "$output.tap"
    echo "$status" >>"$work/results"
}

run_lane() {
    local lane=$1 seed model_pid=
    trap '[[ -z $model_pid ]] || kill "$model_pid" 2>/dev/null; exit 130' TERM
    local -a engine_options=()
    start_engine "$lane"
    for ((seed = first + lane; seed <= last; seed += lanes)); do
        play "$lane" "$seed"
    done
}

echo "1..$((last - first + 1))"
for ((lane = 0; lane < lanes; lane++)); do
    run_lane "$lane" &
done
wait
! grep -qv '^0$' "$work/results"

#!/usr/bin/env bash
# How many starts at once are best, and whether Berth finds that: 50 containers that were killed while the controller was
# away are started again, with --start-slots fixed and without. A new instance is added when that is under way: how long
# that one takes is what too many at once would spoil.
#
# usage: slots.sh [ROUNDS [SLOTS...]]      (3 rounds; 2 4 8 16 32)
set -euo pipefail
# shellcheck source=tests/bench/bench.bash
. "$(dirname "${BASH_SOURCE[0]}")/bench.bash"
rounds=${1:-3}
(($# > 1)) && fixed=("${@:2}") || fixed=(2 4 8 16 32)
count=50

instance() { # NAME
    printf 'apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: %s}\nspec:\n  image: %s\n  command: %s\n  ports: [{name: http, containerPort: 8080}]\n  resources: {memory: 64Mi}\n' "$1" "$image" "$command"
}

measure() { # PEER ROUND [ARGUMENT...]
    local began added
    docker kill $(docker ps -q) >/dev/null
    witness_begin "dev.berth.controller=$(cat "$work/state/controller-id")"
    began=$(date +%s%N)
    controller_start "${@:3}"
    witness_wait start 5
    instance "fresh-$2" >"$work/fresh.yaml"
    added=$(date +%s%N)
    mv "$work/fresh.yaml" "$work/specs/"
    witness_wait start $((count + 1))
    record slots-50 "$1" "$2" all ms "$(witness_last start $((count + 1)) | awk -v a="$began" '{ printf "%.0f", $1 - a / 1e6 }')"
    record slots-50 "$1" "$2" "the one added" ms "$(awk -v a="$added" '$2 == "start" && $3 ~ /^fresh/ { printf "%.0f", ($1 - a) / 1e6 }' "$work/witness")"
    witness_end
    berth_with delete instance "fresh-$2" --wait >/dev/null 2>&1
    controller_stop
}

bench_begin slots
for ((n = 1; n <= count; n++)); do instance "bench-$n" >"$work/specs/bench-$n.yaml"; done
controller_start
until [[ $(docker ps -q | wc -l) == "$count" ]]; do sleep 0.2; done
controller_stop
for ((round = 0; round <= rounds; round++)); do # round 0 warms up
    for slots in "${fixed[@]}"; do measure "$slots at once" "$round" --start-slots "$slots"; done
    measure "as measured" "$round" --verbose
done
grep -h 'start_slots' "$work/berth.log" | sed 's/.*start_slots//' >"$out/slots.log" || true

#!/usr/bin/env bash
# How many starts at once are best, and whether Berth finds that: 50 instances from nothing, with --start-slots fixed and
# without. How long the engine takes for one start is what too many at once spoil.
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

# How long the engine's own answer to a start took, in the middle, by Berth's trace.
start_call() {
    sed 's/,$//' "$work/trace.json" | jq -Rrs '
        split("\n") | map(fromjson? | select(type == "object" and .cat == "engine call" and (.name | startswith("start container"))))
        | group_by(.name) | map((map(select(.ph == "E") | .ts) | max) - (map(select(.ph == "B") | .ts) | min)) | sort | .[length / 2 | floor] / 1000'
}

measure() { # PEER ROUND [ARGUMENT...]
    local n began
    for ((n = 1; n <= count; n++)); do instance "bench-$n" >"$work/staged/bench-$n.yaml"; done
    controller_start --profile-trace "$work/trace.json" "${@:3}"
    witness_begin "dev.berth.controller=$(cat "$work/state/controller-id")"
    began=$(date +%s%N)
    mv "$work"/staged/* "$work/specs/"
    witness_wait start "$count"
    record slots-50 "$1" "$2" all ms "$(witness_last start "$count" | awk -v a="$began" '{ printf "%.0f", $1 - a / 1e6 }')"
    witness_end
    berth_with delete -f "$work/specs" --wait >/dev/null 2>&1
    controller_stop
    record slots-50 "$1" "$2" "a start's call" ms "$(start_call)"
}

bench_begin slots
mkdir "$work/staged"
for ((round = 0; round <= rounds; round++)); do # round 0 warms up
    for slots in "${fixed[@]}"; do measure "$slots at once" "$round" --start-slots "$slots"; done
    measure "as measured" "$round" --verbose
done
grep -h 'start_slots' "$work/berth.log" | sed 's/.*start_slots//' >"$out/slots.log" || true

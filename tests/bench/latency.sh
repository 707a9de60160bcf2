#!/usr/bin/env bash
# How soon Berth acts: from saving a file, and from the engine's word that a container is gone, to its first request. The
# times of requests are those of its own trace (berth run --profile-trace), which has the clock of this script.
#
# usage: latency.sh [ROUNDS]        (20)
set -euo pipefail
# shellcheck source=tests/bench/bench.bash
. "$(dirname "${BASH_SOURCE[0]}")/bench.bash"
rounds=${1:-20}

bench_begin latency
controller_start --profile-trace "$work/trace"
until [[ -s $work/state/controller-id ]] && grep -q "list containers" "$work/trace" 2>/dev/null; do sleep 0.05; done

clocks() { "$bare" --socket "$SOCKET" now; } # CLOCK_REALTIME CLOCK_MONOTONIC, ns
monotonic_us() { clocks | awk '{ printf "%.0f\n", $2 / 1000 }'; }
instance() { # NAME
    printf 'apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: %s}\nspec:\n  image: %s\n  command: %s\n' "$1" "$image" "$command"
}

# Follows the trace from FROM_US on: when the first call that changes something, or asks about an image, was sent.
first_call() { # FROM_US
    sed 's/,$//' "$work/trace" | jq -Rr --argjson from "$1" 'fromjson? | select(type == "object" and .ph == "B" and .cat == "engine call" and .ts >= $from) | .ts' | head -1
}
create_call() { # NAME FROM_US
    sed 's/,$//' "$work/trace" | jq -Rr --arg name "create container \"$1\"" --argjson from "$2" 'fromjson? | select(type == "object" and .ph == "B" and .name == $name and .ts >= $from) | .ts' | head -1
}

for ((round = 0; round <= rounds; round++)); do # round 0 warms up
    for way in placed written; do
        instance "$way-$round" >"$work/$way.yaml"
        witness_begin "dev.berth.controller=$(cat "$work/state/controller-id")"
        from_us=$(monotonic_us) from_ns=$(date +%s%N)
        if [[ $way == placed ]]; then
            mv "$work/placed.yaml" "$work/specs/placed-$round.yaml"
        else
            cat "$work/written.yaml" >"$work/specs/written-$round.yaml"
        fi
        witness_wait start 1
        sleep 0.3 # the trace is written at the end of a turn
        record "$way" berth "$round" "first request" ms "$(first_call "$from_us" | awk -v a="$from_us" '{ print ($1 - a) / 1000 }')"
        record "$way" berth "$round" running ms "$(witness_last start 1 | awk -v a="$from_ns" '{ printf "%.1f", $1 - a / 1e6 }')"
        witness_end
    done
    witness_begin "dev.berth.controller=$(cat "$work/state/controller-id")"
    read -r real mono <<<"$(clocks)"
    docker rm -f "placed-$round" >/dev/null
    witness_wait start 1
    sleep 0.3
    gone_us=$(witness_last destroy 1 | awk -v r="$real" -v m="$mono" '{ printf "%.0f", $1 * 1000 - r / 1000 + m / 1000 }')
    record recover berth "$round" "create request" ms "$(create_call "placed-$round" $((gone_us - 20000)) | awk -v a="$gone_us" '{ print ($1 - a) / 1000 }')"
    record recover berth "$round" running ms "$(awk -v a="$(witness_last destroy 1)" -v b="$(witness_last start 1)" 'BEGIN { printf "%.1f", b - a }')"
    witness_end
    berth_with delete -f "$work/specs" --wait >/dev/null 2>&1
    witness_begin dev.berth.bench=bare
    from_ns=$(date +%s%N)
    "$bare" --socket "$SOCKET" --parallel 1 up "$image" 1 1 >/dev/null
    witness_wait start 1
    record recover bare "$round" running ms "$(witness_last start 1 | awk -v a="$from_ns" '{ printf "%.1f", $1 - a / 1e6 }')"
    witness_end
    "$bare" --socket "$SOCKET" --parallel 1 down >/dev/null
done

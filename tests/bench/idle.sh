#!/usr/bin/env bash
# What it costs that nothing happens: 50 containers, for SECONDS each the engine alone, with Berth beside it, and with a
# loop of docker compose up -d every ten seconds, which is how compose would be made to notice what is lost.
#
# usage: idle.sh [SECONDS]          (60)
set -euo pipefail
# shellcheck source=tests/bench/bench.bash
. "$(dirname "${BASH_SOURCE[0]}")/bench.bash"
seconds=${1:-60} count=50

bench_begin idle
for ((n = 1; n <= count; n++)); do
    printf 'apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: bench-%d}\nspec:\n  image: %s\n  command: %s\n  ports: [{name: http, containerPort: 8080}]\n  resources: {memory: 64Mi}\n' "$n" "$image" "$command" >"$work/specs/bench-$n.yaml"
done
controller_start
until [[ $(docker ps -q | wc -l) == "$count" ]]; do sleep 0.2; done
sleep 5 # what follows a start

# PEER [PID]: what is used up within so many seconds.
measure() {
    local engine us switches
    engine=$(engine_cpu_ms)
    if [[ -n ${2:-} ]]; then
        us=$(cpu_us "$2")
        switches=$(awk '/^voluntary/ { print $2 }' "/proc/$2/status")
    fi
    sleep "$seconds"
    record "idle-$count" "$1" 1 "engine processor" ms $(($(engine_cpu_ms) - engine))
    [[ -n ${2:-} ]] || return 0
    record "idle-$count" "$1" 1 processor ms "$(awk -v a="$us" -v b="$(cpu_us "$2")" 'BEGIN { print (b - a) / 1000 }')"
    record "idle-$count" "$1" 1 wake-ups count $(($(awk '/^voluntary/ { print $2 }' "/proc/$2/status") - switches))
    record "idle-$count" "$1" 1 resident KiB "$(rss_kib "$2")"
    record "idle-$count" "$1" 1 "resident of its own" KiB "$(awk '/^RssAnon/ { print $2 }' "/proc/$2/status")"
}

measure berth "$controller"
controller_stop
sleep 2
measure alone

compose=$out/peers/docker-compose
if [[ -x $compose ]]; then
    docker ps -aq | xargs docker rm -f >/dev/null
    { echo "services:"; for ((n = 1; n <= count; n++)); do printf '  web-%d:\n    image: %s\n    command: %s\n    mem_limit: 64m\n    ports: ["127.0.0.1:%d:8080"]\n' "$n" "$image" "${command//\$/\$\$}" $((27000 + n)); done; } >"$work/compose.yaml"
    "$compose" -p bench -f "$work/compose.yaml" up -d >/dev/null 2>&1
    sleep 5
    TIMEFORMAT='%U %S'
    engine=$(engine_cpu_ms)
    used=$({ time for ((i = 0; i < seconds / 10; i++)); do "$compose" -p bench -f "$work/compose.yaml" up -d >/dev/null 2>&1; sleep 10; done; } 2>&1)
    record "idle-$count" compose 1 processor ms "$(awk '{ print ($1 + $2) * 1000 }' <<<"$used")"
    record "idle-$count" compose 1 "engine processor" ms $(($(engine_cpu_ms) - engine))
fi

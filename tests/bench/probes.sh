#!/usr/bin/env bash
# What 200 probes a second cost: 100 containers, an httpGet and a tcpSocket probe each, every second. Beside it what 10
# HEALTHCHECKs a second cost the engine, which is how docker alone would look: each of them is a process in a container.
#
# usage: probes.sh [SECONDS]        (30)
set -euo pipefail
# shellcheck source=tests/bench/bench.bash
. "$(dirname "${BASH_SOURCE[0]}")/bench.bash"
seconds=${1:-30} count=100 checks=10

bench_begin probes
"$support/images.sh" web >/dev/null
for ((n = 1; n <= count; n++)); do
    cat >"$work/specs/web-$n.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: web-$n}
spec:
  image: berth-test/web:1
  ports: [{name: http, containerPort: 8080}]
  resources: {memory: 64Mi}
  readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
  livenessProbe: {tcpSocket: {port: http}, periodSeconds: 1}
SPEC
done
controller_start
is_ready() { [[ $(grep -l 'reason: Healthy' "$work"/specs/*.status.yaml 2>/dev/null | wc -l) == "$count" ]]; }
until is_ready; do sleep 0.5; done
sleep 5

# PEER PROBES [PID]
measure() {
    local engine us
    engine=$(engine_cpu_ms)
    [[ -z ${3:-} ]] || us=$(cpu_us "$3")
    sleep "$seconds"
    record "probes-$2" "$1" 1 "engine processor" "ms/s" "$(awk -v a="$engine" -v b="$(engine_cpu_ms)" -v s="$seconds" 'BEGIN { print (b - a) / s }')"
    [[ -n ${3:-} ]] || return 0
    record "probes-$2" "$1" 1 processor "ms/s" "$(awk -v a="$us" -v b="$(cpu_us "$3")" -v s="$seconds" 'BEGIN { print (b - a) / 1000 / s }')"
    record "probes-$2" "$1" 1 resident KiB "$(rss_kib "$3")"
}

measure berth $((2 * count)) "$controller"
controller_stop
docker ps -aq | xargs docker rm -f >/dev/null
for ((n = 1; n <= checks; n++)); do
    docker run -d --health-cmd 'wget -q -O /dev/null http://127.0.0.1:8080/' --health-interval 1s berth-test/web:1 >/dev/null
done
sleep 5
measure healthcheck "$checks"

#!/usr/bin/env bash
# What berth get costs over many status files, beside reading the same files and beside starting the program.
#
#     tests/bench/get.sh [OBJECTS [ROUNDS]]         1000 objects, 11 rounds; BERTH=build/gcc/berth
#
# Times are medians, by the clock and of processors; commands take turns, so that what else the machine does hits all of
# them. With DOCKER_HOST, `docker ps -a` is measured beside them, with as many containers as there are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

objects=${1:-1000} rounds=${2:-11}
berth=${BERTH:-build/berth}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

instance() { # NUMBER
    cat <<END
apiVersion: berth.dev/v1
kind: Instance
metadata:
  name: web-$1
  labels:
    team: infra
status:
  phase: RUNNING
  observedHash: v1-d831a2d9ab19b9da
  conditions:
  - type: Ready
    status: "True"
    reason: Healthy
    lastTransitionTime: "2026-11-22T00:50:17Z"
  - type: Reconciling
    status: "False"
    reason: Healthy
    lastTransitionTime: "2026-11-22T00:50:17Z"
  - type: ImageReady
    status: "True"
    reason: Present
    lastTransitionTime: "2026-11-22T00:50:16Z"
  - type: PortsAllocated
    status: "True"
    reason: Allocated
    lastTransitionTime: "2026-11-22T00:50:16Z"
  - type: NetworkReady
    status: "True"
    reason: Connected
    lastTransitionTime: "2026-11-22T00:50:17Z"
  operation:
    type: create
    state: DONE
    progress: 100
    cause: container does not exist
    startTime: "2026-11-22T00:50:16Z"
    endTime: "2026-11-22T00:50:17Z"
  container:
    id: 5b1c7d31c3f0f0d2f1a9f6f1de5f2f8e83dbac52dd3e8a2f6d2c1c7be1c7e$1
    name: web-$1
    image: nginx:1.25
    imageID: sha256:9d1b1c7d31c3f0f0d2f1a9f6f1de5f2f8e83dbac52dd3e8a2f6d2c1c7be1c7e0
    network: berth-us-central1-a
    ip: 10.210.7.2
    startedAt: "2026-11-22T00:50:17Z"
  lastAddress: 10.210.7.2
  ports:
  - name: http
    containerPort: 8080
    protocol: TCP
    hostIP: 127.0.0.1
    hostPort: $((20000 + $1))
  history:
  - type: create
    result: DONE
    cause: container does not exist
    startTime: "2026-11-22T00:50:16Z"
    durationMs: 973
  instance:
    machineType: e2-small
    zone: us-central1-a
END
}

for ((i = 0; i < objects; i++)); do
    instance "$i" >"$dir/web-$i.status.yaml"
done

TIMEFORMAT='%R %U %S'

# COMMAND...: milliseconds of one run, by the clock and of processors.
run_ms() {
    { time "$@" >/dev/null 2>&1; } 2>&1 | awk '{ printf "%.1f %.1f\n", $1 * 1000, ($2 + $3) * 1000 }'
}

# median FILE COLUMN
median() { awk -v c="$2" '{ print $c }' "$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

get_all() { "$berth" get all --specs "$dir" --state "$dir/none"; }
get_json() { "$berth" get all -o json --specs "$dir" --state "$dir/none"; }
read_files() { cat "$dir"/*.status.yaml; }
start() { "$berth" version; }
ps_all() { docker ps -a; }

commands=(get_all get_json read_files start)
[[ -z ${DOCKER_HOST:-} ]] || ! docker version >/dev/null 2>&1 || commands+=(ps_all)

[[ $(get_all 2>/dev/null | tail -n +2 | wc -l) == "$objects" ]]
for ((round = 0; round < rounds; round++)); do
    for command in "${commands[@]}"; do
        run_ms "$command" >>"$dir/$command.ms"
    done
done
printf '%d status files, %s; medians of %d rounds\n%-12s %10s %10s %10s\n' "$objects" \
    "$(du -ch --apparent-size "$dir"/*.status.yaml | tail -1 | cut -f1)" "$rounds" "" clock processor "of cat's"
base=$(median "$dir/read_files.ms" 2)
for command in "${commands[@]}"; do
    awk -v name="$command" -v wall="$(median "$dir/$command.ms" 1)" -v cpu="$(median "$dir/$command.ms" 2)" \
        -v base="$base" 'BEGIN { printf "%-12s %7.1f ms %7.1f ms %10.2f\n", name, wall, cpu, cpu / base }'
done

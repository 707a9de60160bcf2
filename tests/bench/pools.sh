#!/usr/bin/env bash
# How fast a pool is, side by side with docker: never part of `make check`.
#
#   scale up   from saving minInstances: 10 until ten members are RUNNING and Ready, against ten `docker run -d` of the same
#              at once (same image, limits, published port), until all ten run
#   replace    from `docker rm -f` of a member until its replacement runs, against `docker run -d` of the same
#
# usage: tests/bench/pools.sh [ROUNDS]     (default 5; prints medians in ms and their ratio)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=${here%/tests/*}
support=$project/tests/support
berth=${BERTH:-$project/build/berth}
rounds=${1:-5}
[[ -x $berth ]] || { echo "$berth is missing; run make" >&2; exit 2; }

work=$(mktemp -d /tmp/berth-XXXXXX)
pid=
finish() {
    [[ -z $pid ]] || kill "$pid" 2>/dev/null || true
    "$support/engine.sh" down --purge --dir "$work/engine" >/dev/null || true
    rm -rf --one-file-system "$work"
}
trap finish EXIT
"$support/engine.sh" up --dir "$work/engine" >/dev/null
eval "$("$support/engine.sh" env --dir "$work/engine")"
export DOCKER_HOST
"$support/images.sh" busybox web >/dev/null

mkdir "$work/specs"
now_ms() { echo $(($(date +%s%N) / 1000000)); }
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

pool() {
    cat >"$work/specs/.new" <<SPEC
apiVersion: berth.dev/v1
kind: InstancePool
metadata: {name: bench}
spec:
  minInstances: $1
  maxInstances: 20
  autoscaling: {scaleDownDelaySeconds: 0}
  template:
    spec:
      machineType: custom-1-256
      image: berth-test/web:1
      terminationGracePeriodSeconds: 0
      ports: [{name: http, containerPort: 8080}]
SPEC
    mv "$work/specs/.new" "$work/specs/bench.yaml"
}
ready() { sed -n 's/^    ready: //p' "$work/specs/bench.status.yaml" 2>/dev/null | head -n 1; }
wait_ready() { until [[ $(ready) == "$1" ]]; do sleep 0.01; done; }
running() { docker ps -q --filter label=dev.berth.pool=bench | wc -l; }

docker_run() { # NAME: what Berth asks the engine for
    docker run -d --name "$1" --init --cpus 1 --memory 256m --memory-swap 256m --pids-limit 4096 --cap-drop ALL \
        --security-opt no-new-privileges -p 127.0.0.1::8080 berth-test/web:1 >/dev/null
}

pool 0
"$berth" run --specs "$work/specs" --state "$work/state" --ports 21000-21099 2>"$work/log" &
pid=$!
wait_ready 0

: >"$work/scale" >"$work/parallel" >"$work/replace" >"$work/one"
for round in $(seq "$rounds"); do
    from=$(now_ms)
    pool 10
    wait_ready 10
    echo $(($(now_ms) - from)) >>"$work/scale"
    [[ $(running) == 10 ]]

    id=$(docker inspect -f '{{.Id}}' bench-3)
    from=$(now_ms)
    docker rm -f bench-3 >/dev/null
    until [[ $(docker inspect -f '{{.State.Running}} {{.Id}}' bench-3 2>/dev/null) == true\ * &&
             $(docker inspect -f '{{.Id}}' bench-3 2>/dev/null) != "$id" ]]; do sleep 0.01; done
    echo $(($(now_ms) - from)) >>"$work/replace"
    wait_ready 10

    pool 0
    wait_ready 0
    until [[ $(running) == 0 ]]; do sleep 0.05; done

    from=$(now_ms)
    for n in 0 1 2 3 4 5 6 7 8 9; do docker_run "plain-$n" & runs[n]=$!; done
    wait "${runs[@]}"
    echo $(($(now_ms) - from)) >>"$work/parallel"
    docker rm -f $(seq -f plain-%g 0 9) >/dev/null

    from=$(now_ms)
    docker_run plain-x
    echo $(($(now_ms) - from)) >>"$work/one"
    docker rm -f plain-x >/dev/null
done

report() { # TITLE OURS THEIRS
    local ours theirs
    ours=$(median <"$2") theirs=$(median <"$3")
    printf '%-52s %6s ms against %6s ms, ratio %s\n' "$1" "$ours" "$theirs" \
        "$(awk -v a="$ours" -v b="$theirs" 'BEGIN { printf "%.2f", a / b }')"
}
echo "median of $rounds:"
report "minInstances: 10 to ten RUNNING / 10 x docker run -d" "$work/scale" "$work/parallel"
report "docker rm -f to replacement running / docker run -d" "$work/replace" "$work/one"

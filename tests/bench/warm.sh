#!/usr/bin/env bash
# What a warm repository saves: from saving a task's file until its command has run, on a repository that its pool keeps
# warm against one that is cloned for it, side by side. Never part of `make check`.
#
# usage: tests/bench/warm.sh [ROUNDS]     (default 5; prints medians in ms and their ratio)
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
    "$support/git_server.sh" down "$work/git" || true
    "$support/engine.sh" down --purge --dir "$work/engine" >/dev/null || true
    awk -v below="$work/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r -n 1 umount -l
    rm -rf --one-file-system "$work"
}
trap finish EXIT
mkdir "$work/specs" "$work/git"
"$support/engine.sh" up --dir "$work/engine" >/dev/null
eval "$("$support/engine.sh" env --dir "$work/engine")"
export DOCKER_HOST
"$support/images.sh" busybox >/dev/null
url=$("$support/git_server.sh" up "$work/git")/git

# Repositories of 2,000 files: warm-N and cold-N, one of each for each round.
tree=$work/tree
git init -q -b main "$tree"
for n in $(seq 2000); do mkdir -p "$tree/d$((n % 40))"; head -c 4096 /dev/urandom | base64 >"$tree/d$((n % 40))/f$n"; done
git -C "$tree" add -A
git -C "$tree" -c user.name=Bench -c user.email=bench@example.org commit -q -m "2,000 files"
for round in $(seq "$rounds"); do
    for kind in warm cold; do git clone -q --bare "$tree" "$work/git/$kind-$round.git"; done
done

now_ms() { echo $(($(date +%s%N) / 1000000)); }
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

cat >"$work/specs/ci.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: InstancePool
metadata: {name: ci}
spec:
  minInstances: 1
  maxTasksPerInstance: 100
  warmRepositories: [$(seq -f "$url/warm-%g.git" -s ', ' "$rounds")]
  template: {spec: {machineType: e2-standard-2}}
SPEC
"$berth" run --specs "$work/specs" --state "$work/state" --repository-image berth-test/busybox:1 2>"$work/log" &
pid=$!
until [[ $(docker ps -q --filter label=dev.berth.instance=ci-0 | wc -l) == "$rounds" ]]; do sleep 0.1; done

task() { # NAME: from saving the file until its command has ended well
    local from
    from=$(now_ms)
    cat >"$work/specs/.new" <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: $1}
spec: {repository: "$url/$1.git", pool: ci, command: ["true"]}
SPEC
    mv "$work/specs/.new" "$work/specs/$1.yaml"
    until grep -q '^  phase: Succeeded' "$work/specs/$1.status.yaml" 2>/dev/null; do sleep 0.01; done
    echo $(($(now_ms) - from))
}
for round in $(seq "$rounds"); do
    task "warm-$round" >>"$work/warm"
    task "cold-$round" >>"$work/cold"
done
warm=$(median <"$work/warm") cold=$(median <"$work/cold")
echo "first task of a repository of 2,000 files, median of $rounds: warm $warm ms against $cold ms with the clone," \
    "ratio $(awk -v a="$warm" -v b="$cold" 'BEGIN { printf "%.2f", a / b }')"

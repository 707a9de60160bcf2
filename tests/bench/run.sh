#!/usr/bin/env bash
# All benchmarks, one after the other, and the report: build/bench/report.md, report.json and plots. Wants a quiet machine.
#
# usage: run.sh [--rounds 5] [--only "containers slots latency idle probes scale git trees warm get validate"]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=${here%/tests/*}
out=$project/build/bench
export BERTH=${BERTH:-$project/build/gcc/berth} BARE_API=${BARE_API:-$project/build/gcc/tests/bench/bare_api}
export FAKE_ENGINE=${FAKE_ENGINE:-$project/build/gcc/tests/integration/fake_engine}
rounds=5
only="containers slots latency idle probes scale git trees warm get validate"
while (($# > 0)); do
    case $1 in
        --rounds) rounds=$2 ;;
        --only) only=$2 ;;
        *) sed -n '/^# usage/,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    shift 2
done
mkdir -p "$out/docker/cli-plugins"
cd "$project"
say() { echo "bench: $*" >&2; }

load=$(cut -d' ' -f1 /proc/loadavg)
[[ ${load%.*} == 0 ]] || say "the machine is busy (load $load): ratios within a round still hold, times do not"
{
    echo "$(date -u +%F), $(uname -sr), $(nproc) processors, $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)"
    "$BERTH" version
    echo "dockerd $(dockerd --version | awk '{ print $3 }' | tr -d ,)"
    "$here/peers.sh" "$out/peers"
} >"$out/versions.txt"
[[ ! -x $out/peers/docker-compose ]] || ln -sf "$out/peers/docker-compose" "$out/docker/cli-plugins/docker-compose"

for name in $only; do
    say "$name"
    case $name in
        containers) "$here/containers.sh" --rounds "$rounds" ;;
        slots | latency | idle | probes) "$here/$name.sh" ;;
        validate) DOCKER_CONFIG=$out/docker ROUNDS=11 "$here/validate.sh" >"$out/validate.txt" ;;
        *) "$here/$name.sh" >"$out/$name.txt" ;;
    esac || say "$name has failed: its figures are missing, or not all there"
done
"$here/report.sh" "$out"
cat "$out/report.md"

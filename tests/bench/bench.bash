# What the benchmarks share: an engine of their own, peers, a witness, and figures as lines of JSON. To be sourced.
#
#   bench_begin NAME           results go to build/bench/NAME.jsonl; a private engine at $DOCKER_HOST, $SOCKET; $work
#   record SCENARIO PEER ROUND FIGURE UNIT VALUE
#   witness_begin LABEL        from now on the engine's events of containers with the label are kept
#   witness_count ACTION       how many containers have had such an event (start, destroy, ...)
#   witness_last ACTION N      when the Nth of them came, in ms of CLOCK_REALTIME
#   witness_end
#   controller_start [ARGUMENT...], controller_stop      berth run over $work/specs, as $controller
#   berth_with COMMAND...      a command of Berth's with its directories
#   now_ms, cpu_ms PID, cpu_us PID, rss_kib PID, engine_cpu_ms

bench_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=${bench_here%/tests/*}
support=$project/tests/support
out=$project/build/bench
berth=${BERTH:-$project/build/gcc/berth}
bare=${BARE_API:-$project/build/gcc/tests/bench/bare_api}
# shellcheck disable=SC2034,SC2100  # for who sources this
image=berth-test/busybox:1

command='["/bin/sh", "-c", "trap '\''exit 0'\'' TERM; sleep 1000000 & wait"]'
work=
bench_pids=()

say() { echo "bench: $*" >&2; }
die() { say "$*"; exit 1; }

# What a peer has left mounted below our folder.
unmount_all() {
    awk -v below="$work/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount -l
}

bench_end() {
    local pid
    for pid in "${bench_pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
    [[ -z $work ]] || cp "$work"/*.log "$out" 2>/dev/null || true
    [[ -z $work ]] || "$support/engine.sh" down --purge --dir "$work/engine" >/dev/null || true
    [[ -z $work ]] || unmount_all
    [[ -z $work ]] || rm -rf --one-file-system "$work"
}

bench_begin() {
    local program
    for program in "$berth" "$bare"; do [[ -x $program ]] || die "$program is missing; run make bench"; done
    mkdir -p "$out"
    results=$out/$1.jsonl
    : >"$results"
    work=$(mktemp -d /tmp/berth-XXXXXX)
    mkdir "$work/specs"
    trap bench_end EXIT
    trap 'exit 143' HUP INT TERM
    "$support/engine.sh" up --dir "$work/engine" >/dev/null
    eval "$("$support/engine.sh" env --dir "$work/engine")"
    export DOCKER_HOST
    SOCKET=${DOCKER_HOST#unix://}
    "$support/images.sh" busybox >/dev/null
    NETWORK_RANGE=$(docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge | sed -E 's|^(10\.[0-9]+)\..*|\1.64.0/18|')
}

record() {
    printf '{"scenario":"%s","peer":"%s","round":%d,"figure":"%s","unit":"%s","value":%s}\n' "$@" >>"$results"
}

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# Of the process and of the children that it has waited for.
cpu_ms() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13 + $14 + $15) * 1000 / hz }' "/proc/$1/stat"; }

# To the microsecond, of threads that live.
cpu_us() { cat "/proc/$1"/task/*/schedstat | awk '{ ns += $1 } END { printf "%d\n", ns / 1000 }'; }

rss_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

# Of the engine and of its containerd.
engine_cpu_ms() {
    local dockerd pid
    dockerd=$("$support/engine.sh" pid --dir "$work/engine")
    for pid in "$dockerd" $(pgrep -x containerd -P "$dockerd"); do cpu_ms "$pid"; done | awk '{ n += $1 } END { print n }'
}

witness_begin() { # LABEL
    : >"$work/witness"
    "$bare" --socket "$SOCKET" watch "$1" >"$work/witness" &
    witness=$!
    bench_pids+=("$witness")
    until grep -q ready "$work/witness"; do sleep 0.01; done
}

witness_end() {
    kill "$witness"
    wait "$witness" || true
    bench_pids=("${bench_pids[@]/$witness/}")
}

witness_count() { awk -v a="$1" '$2 == a' "$work/witness" | wc -l; }
witness_last() { awk -v a="$1" -v n="$2" '$2 == a && ++seen == n { printf "%.3f\n", $1 / 1e6; exit }' "$work/witness"; }

# ACTION COUNT [SECONDS]
witness_wait() {
    local until=$((SECONDS + ${3:-180}))
    while (($(witness_count "$1") < $2)); do
        ((SECONDS < until)) || { say "no $2 times $1 in ${3:-180} s"; return 1; }
        sleep 0.05
    done
}

berth_with() { "$berth" "$@" --specs "$work/specs" --state "$work/state"; }

controller=
controller_start() {
    "$berth" run --specs "$work/specs" --state "$work/state" --network-range "$NETWORK_RANGE" --ports 27000-27999 "$@" \
        2>>"$work/berth.log" &
    controller=$!
    bench_pids+=("$controller")
    until grep -q "pid: $controller" "$work/state/controller.yaml" 2>/dev/null; do
        kill -0 "$controller" 2>/dev/null || die "berth run has ended: $(tail -1 "$work/berth.log")"
        sleep 0.05
    done
}

controller_stop() {
    kill "$controller"
    wait "$controller" || true
    bench_pids=("${bench_pids[@]/$controller/}")
}

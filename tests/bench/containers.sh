#!/usr/bin/env bash
# Containers on a real engine, Berth and its peers in turn: from nothing to N, scaled, nothing to do, taken down. See
# README.md beside this file; report.sh makes the tables.
#
# usage: containers.sh [--rounds 5] [--sizes "1 10 50"] [--peers "bare berth pool compose scaled stack podman"]
#
# bare is the engine's API driven by nothing but bare_api.c, as many calls at once as a warm-up finds best. berth has an
# Instance per container, pool one InstancePool; compose has a service per container, scaled one service; stack is a
# service of Swarm. What is measured ends with the engine's own event, not when a command returns.
set -euo pipefail
# shellcheck source=tests/bench/bench.bash
. "$(dirname "${BASH_SOURCE[0]}")/bench.bash"

rounds=5
sizes="1 10 50"
peers="bare berth pool compose scaled stack podman"
while (($# > 0)); do
    case $1 in
        --rounds) rounds=$2 ;;
        --sizes) sizes=$2 ;;
        --peers) peers=$2 ;;
        *) sed -n '/^# usage/,/^#$/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    shift 2
done

bench_begin containers
peers_dir=$out/peers
export DOCKER_CONFIG=$work/docker
mkdir -p "$DOCKER_CONFIG/cli-plugins"
[[ ! -x $peers_dir/docker-compose ]] || ln -s "$peers_dir/docker-compose" "$DOCKER_CONFIG/cli-plugins/"
mkdir -p "$work/staged" "$out/curves"
parallel=8 name=bench

# --- Berth ---------------------------------------------------------------------------------------

berth_label() { echo "dev.berth.controller=$(cat "$work/state/controller-id")"; }
instance() { # NUMBER
    cat <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: bench-$1}
spec:
  image: $image
  command: $command
  ports: [{name: http, containerPort: 8080}]
  resources: {memory: 64Mi}
SPEC
}
pool() { # COUNT
    cat <<SPEC
apiVersion: berth.dev/v1
kind: InstancePool
metadata: {name: bench}
spec:
  minInstances: $1
  maxInstances: $1
  template:
    spec:
      image: $image
      command: $command
      ports: [{name: http, containerPort: 8080}]
      resources: {memory: 64Mi}
SPEC
}
berth_prepare() { # FROM TO
    rm -f "$work"/staged/*
    for ((n = $1; n <= $2; n++)); do instance "$n" >"$work/staged/bench-$n.yaml"; done
}
berth_up() { mv "$work"/staged/*.yaml "$work/specs/"; }
berth_scale() { berth_up; }
berth_down() { berth_with delete -f "$work/specs" --wait >/dev/null 2>&1; }
berth_again() { berth_with run --once --network-range "$NETWORK_RANGE" --ports 27000-27999 2>>"$work/berth.log"; }

pool_label() { berth_label; }
pool_prepare() { pool "$2" >"$work/staged/bench.yaml"; }
pool_up() { berth_up; }
pool_scale() { berth_up; }
pool_down() { berth_down; }
pool_again() { berth_again; }

# --- the limit -----------------------------------------------------------------------------------

bare_api() { "$bare" --socket "$SOCKET" --parallel "$parallel" "$@"; }
bare_label() { echo "dev.berth.bench=bare"; }
bare_prepare() { bare_from=$1 bare_to=$2; }
bare_up() { bare_api up "$image" "$bare_from" "$bare_to" >/dev/null; }
bare_scale() { bare_up; }
bare_down() { bare_api down >/dev/null; }
bare_again() { bare_api list >/dev/null; }

# --- compose -------------------------------------------------------------------------------------

service() { # NAME PORT
    printf '  %s:\n    image: %s\n    command: %s\n    mem_limit: 64m\n    ports: ["127.0.0.1:%s:8080"]\n' \
        "$1" "$image" "${command//\$/\$\$}" "$2"
}
compose() { docker compose -p "$name" -f "$work/compose.yaml" "$@" >>"$work/compose.log" 2>&1; }
compose_label() { echo "com.docker.compose.project=$name"; }
compose_prepare() {
    { echo "services:"; for ((n = 1; n <= $2; n++)); do service "web-$n" $((27000 + n)); done; } >"$work/compose.yaml"
}
compose_up() { compose up -d; }
compose_scale() { compose up -d; }
compose_down() { compose down -t 10; }
compose_again() { compose up -d; }

scaled_label() { compose_label; }
scaled_prepare() {
    { echo "services:"; service web 0; printf '    deploy: {replicas: %d}\n' "$2"; } >"$work/compose.yaml"
}
scaled_up() { compose_up; }
scaled_scale() { compose_up; }
scaled_down() { compose_down; }
scaled_again() { compose_up; }

# --- Swarm ---------------------------------------------------------------------------------------

stack_label() { echo "com.docker.stack.namespace=$name"; }
stack_prepare() {
    cat >"$work/stack.yaml" <<STACK
version: "3.7"
services:
  web:
    image: $image
    command: $command
    ports: [{target: 8080, mode: host}]
    deploy:
      replicas: $2
      resources: {limits: {memory: 64M}}
STACK
}
stack_up() { docker stack deploy -c "$work/stack.yaml" --resolve-image never "$name" >>"$work/stack.log" 2>&1; }
stack_scale() { stack_up; }
stack_down() { docker stack rm "$name" >>"$work/stack.log" 2>&1; }
stack_again() { stack_up; }
# --- podman: an engine of its own, so that its command is what is measured ---------------------------

podman() { env -u DOCKER_CONFIG CONTAINERS_CONF="$work/containers.conf" podman --root "$work/podman" --runroot "$work/podman-run" --cgroup-manager cgroupfs "$@" >>"$work/podman.log" 2>&1; }
podman_prepare() {
    for ((n = 1; n <= $2; n++)); do
        [[ $n == 1 ]] || echo "---"
        cat <<POD
apiVersion: v1
kind: Pod
metadata: {name: bench-$n}
spec:
  containers:
  - name: web
    image: localhost/bench:1
    command: $command
    ports: [{containerPort: 8080, hostPort: $((27000 + n)), hostIP: 127.0.0.1}]
    resources: {limits: {memory: 64Mi}}
POD
    done >"$work/pods.yaml"
}
podman_up() { podman kube play "$work/pods.yaml"; }
podman_down() { podman kube play --down "$work/pods.yaml"; }
# Its default asks for more open files than this user may have.
podman_can() {
    printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n' >"$work/containers.conf"
    docker save "$image" | podman load && podman tag "$image" localhost/bench:1
}

# --- measuring -----------------------------------------------------------------------------------

# SCENARIO PEER ROUND FUNCTION ACTION COUNT: from the call of PEER_FUNCTION to the COUNTth such event.
measure() {
    local began ended status=0
    if [[ $2 == podman ]]; then
        began=$(now_ms)
        podman_"$4" || status=$?
        [[ $status == 0 ]] || { say "podman: $(tail -1 "$work/podman.log")"; return 1; }
        record "$1" "$2" "$3" clock ms $(($(now_ms) - began))
        return
    fi
    witness_begin "$("$2_label")"
    began=$(date +%s%N)
    "$2_$4" || status=$?
    if [[ $status != 0 && $4 != down ]] || ! witness_wait "$5" "$6"; then
        witness_end
        say "$2 $4 failed ($status)"
        return 1
    fi
    ended=$(witness_last "$5" "$6")
    record "$1" "$2" "$3" clock ms "$(awk -v a="$began" -v b="$ended" 'BEGIN { printf "%.1f", b - a / 1e6 }')"
    awk -v a="$began" -v what="$5" '$2 == what { printf "%.1f %d\n", ($1 - a) / 1e6, ++n }' "$work/witness" \
        >"$out/curves/$1.$2.$3"
    witness_end
}

# SCENARIO PEER ROUND: the clock, and with it the client's own processor time.
measure_again() {
    local began
    TIMEFORMAT='%R %U %S'
    began=$( { time "$2_again" >/dev/null 2>&1; } 2>&1)
    record "$1" "$2" "$3" clock ms "$(awk '{ print $1 * 1000 }' <<<"$began")"
    record "$1" "$2" "$3" processor ms "$(awk '{ print ($2 + $3) * 1000 }' <<<"$began")"
}

is_berth() { [[ $1 == berth || $1 == pool ]]; }

settle() { # PEER: what it does after its containers are gone is no other peer's cost
    if [[ $1 == podman ]]; then return; fi
    until [[ -z $(docker ps -aq) ]]; do sleep 0.2; done
    sleep 1
}

# Engine 20.10 at times forgets that an endpoint has gone, and then the network cannot be removed: each cycle has a name,
# and so a network, of its own, and what is measured is the containers.
cycle() { # PEER SIZE ROUND
    local cpu
    name=$1-$2-$3
    "$1_prepare" 1 "$2"
    ! is_berth "$1" || cpu=$(cpu_ms "$controller")
    measure "up-$2" "$1" "$3" up start "$2" || return 1
    ! is_berth "$1" || record "up-$2" "$1" "$3" processor ms $(($(cpu_ms "$controller") - cpu))
    if [[ $2 == 10 && $1 != podman ]]; then
        "$1_prepare" 11 20
        measure scale-10-20 "$1" "$3" scale start 10
    fi
    if [[ $2 == 50 ]]; then
        sleep 2 # berth run --once does not trust what was started within the last second
        if is_berth "$1"; then controller_stop; fi
        measure_again again-50 "$1" "$3"
        if is_berth "$1"; then controller_start; fi
    fi
    if [[ $2 == 10 && $1 != podman ]]; then
        measure down-20 "$1" "$3" down destroy 20
    else
        measure "down-$2" "$1" "$3" down destroy "$2"
    fi
}

# How many calls at once the engine of this machine likes best: the fastest of 20 up.
choose_parallel() {
    local best=1000000 p ms
    for p in 2 4 8 16; do
        ms=$("$bare" --socket "$SOCKET" --parallel "$p" up "$image" 1 20 | jq '.ms | floor')
        record warm-up "bare-$p" 0 clock ms "$ms"
        "$bare" --socket "$SOCKET" --parallel "$p" down >/dev/null
        if ((ms < best)); then best=$ms parallel=$p; fi
    done
    say "the engine likes $parallel calls at once best"
}

can_take_part() { # PEER
    case $1 in
        compose | scaled) docker compose version >/dev/null 2>&1 || { say "$1 is left out: docker compose is not here"; return 1; } ;;
        stack) docker swarm init --advertise-addr 127.0.0.1 >/dev/null 2>"$work/swarm.log" || { say "stack is left out: $(tail -1 "$work/swarm.log")"; return 1; } ;;
        podman) podman_can || { say "podman is left out: $(tail -1 "$work/podman.log")"; return 1; } ;;
    esac
}

those=()
for peer in $peers; do ! can_take_part "$peer" || those+=("$peer"); done
controller_start
choose_parallel
for size in $sizes; do
    for ((round = 0; round <= rounds; round++)); do # round 0 warms up
        for peer in "${those[@]}"; do
            [[ $peer != podman || $size -le 10 ]] || continue
            say "$size $peer, round $round"
            cycle "$peer" "$size" "$round" || say "$peer has no figure in round $round of $size"
            settle "$peer"
        done
    done
done

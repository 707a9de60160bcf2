#!/usr/bin/env bash
# A Docker Engine for tests and demonstrations: starts a private one, or takes one that is there.
#
# usage: engine.sh up|down|stop|start|pid|status|env|netns [--dir DIR] [--engine default|newest|URL] [--purge] [--kill]
#   up       start it and wait until it answers; does nothing when it is up already
#   down     stop it; --purge also removes its images, containers, volumes and the folder's content
#   stop     end a private engine as its host's service manager does, or as a crash does (--kill);
#            what dockerd leaves behind stays as it is
#   start    bring it up again after stop
#   pid      print the process id of a private engine's dockerd
#   status   print what is up; exit status 3 when nothing is
#   env      print lines for `eval`: DOCKER_HOST, and PATH where another docker client is needed
#   --dir    where a private engine lives (default: build/engine)
#   --engine default   this machine's dockerd, as root, beside any other engine
#            newest    dockerd of Debian's unstable release, from a folder made once by debootstrap
#            URL       unix://... or tcp://...: an engine that is there; up and down only look at it
#            DOCKER_TEST_HOST in the environment: a URL to take in place of the default.
#
# Several private engines can run on one host, beside the host's own. Each has a data folder, a
# containerd namespace and a bridge of its own, named after its folder, and one range 10.N.0.0/16 for
# the bridge and all networks made in it; N is the first from 201 on that no route overlaps
# (BERTH_ENGINE_SUBNET=10.N chooses). None touches iptables, whose chains all engines of a host share
# and flush when they start: ports published on the host go through docker-proxy, which needs no rule.
# The price: containers reach the host but not the world, and nothing keeps networks apart.
# BERTH_ENGINE_IPTABLES=true brings both back for one engine at a time, and BERTH_ENGINE_NETNS=true for
# any number: the engine and its bridges are in a network namespace of their own (named after its
# folder, seen by `ip netns`), with iptables of their own and no way out, so that nothing of this
# machine's network changes. `engine.sh netns` prints the name; published ports are on its loopback.
#
# BERTH_ENGINE_LIVE_RESTORE=true at up and start: containers go on while dockerd is away.
#
# The newest engine lives in a mount namespace and sees of this machine only its folder, /tmp and the
# folders in BERTH_ENGINE_BIND (colon-separated); mounts must be made before it starts.
set -euo pipefail

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dir=$project/build/engine
engine=
purge=no
kill=no
host_lock=/run/lock/berth-engine.lock
forward_before=/run/lock/berth-engine.forwarding
newest_root=${BERTH_NEWEST_ROOT:-$project/build/newest-root}

usage() { sed -n '/^# usage:/,/^#$/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
say() { echo "engine: $*"; }
die() { echo "engine: $*" >&2; exit 1; }

command=${1:-}
[[ -n $command ]] && shift
while (($# > 0)); do
    case $1 in
        --dir) dir=${2:?--dir wants a folder}; shift ;;
        --engine) engine=${2:?--engine wants a name or a URL}; shift ;;
        --purge) purge=yes ;;
        --kill) kill=yes ;;
        *) usage ;;
    esac
    shift
done
dir=$(realpath -m "$dir")
[[ $dir == /?* ]] || die "--dir wants a folder, not \"$dir\""    # what is mounted below it goes with it
[[ -n $engine && $engine != default ]] || engine=${DOCKER_TEST_HOST:-$engine}

# What `up` decided, so that every later command agrees with it.
id=$(sha256sum <<<"$dir" | cut -c1-8)
bridge=berth-$id
kind=${engine:-default}
subnet=
run_dir=
netns=
[[ ${BERTH_ENGINE_NETNS:-false} != true ]] || netns=berth-$id
if [[ -e $dir/engine.conf ]]; then
    # shellcheck source=/dev/null
    . "$dir/engine.conf"
fi
host=unix://$run_dir/docker.sock
[[ $engine != *://* ]] || { kind=url; host=$engine; }

# Where the engine's bridges and rules are.
in_netns() {
    if [[ -n $netns ]]; then
        nsenter --net="/run/netns/$netns" -- "$@"
    else
        "$@"
    fi
}

# --- clients -------------------------------------------------------------------------------------

# The first docker client on PATH which the engine understands: a new client may refuse an old
# engine, and an old client a new one.
find_docker() {
    local client
    while read -r client; do
        if DOCKER_HOST=$host timeout 20 "$client" version --format '{{.Server.Version}}' \
            >/dev/null 2>&1; then
            echo "$client"
            return 0
        fi
    done < <(type -ap docker)
    return 1
}

answers() { docker=$(find_docker); }
in_engine() { DOCKER_HOST=$host timeout 60 "$docker" "$@"; }
version() { in_engine version --format '{{.Server.Version}} (API {{.Server.APIVersion}})'; }

# --- processes, mounts and bridges of ours ----------------------------------------------------------

dockerd_pid() {
    local pid
    pid=$(cat "$dir/docker.pid" 2>/dev/null) && [[ -n $pid ]] || return 1
    grep -zqxF -- "$dir/data" "/proc/$pid/cmdline" 2>/dev/null || return 1
    echo "$pid"
}

# Processes with an argument that begins so: our shims, our containerd.
pids_with_argument() {
    local file
    for file in /proc/[0-9]*/cmdline; do
        if grep -zq -- "^$1" "$file" 2>/dev/null; then
            basename "${file%/cmdline}"
        fi
    done
}

wait_until_gone() {
    local pid=$1 tenths=$2
    while [[ -e /proc/$pid ]] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; do
        ((tenths-- > 0)) || return 1
        sleep 0.1
    done
}

# What a killed dockerd leaves: shims with their containers, its containerd, mounts, bridges.
sweep() {
    local pid target link
    local -a children

    for pid in $(pids_with_argument "berth-$id\$"); do
        [[ $(cat "/proc/$pid/comm" 2>/dev/null) == containerd-shim* ]] || continue
        read -r -a children < <(cat /proc/"$pid"/task/*/children 2>/dev/null) || true
        kill -9 "${children[@]}" 2>/dev/null || true
        kill -9 "$pid" 2>/dev/null || true
        wait_until_gone "$pid" 50 || true
    done
    if [[ -n $run_dir ]]; then
        for pid in $(pids_with_argument "$run_dir/exec/"); do
            kill -9 "$pid" 2>/dev/null || true
            wait_until_gone "$pid" 50 || true
        done
    fi

    # Deepest mounts first. The file says a blank as \040.
    while read -r target; do
        umount -l "$(printf '%b' "$target")" 2>/dev/null || true
    done < <(awk -v a="$dir/" -v b="${run_dir:-$dir}/" \
        'index($5, a) == 1 || index($5, b) == 1 { print $5 }' /proc/self/mountinfo | sort -r)

    if [[ -n $netns ]]; then
        ip netns delete "$netns" 2>/dev/null || true    # with all its bridges
        return
    fi
    ip link delete "$bridge" 2>/dev/null || true
    if [[ -n $subnet ]]; then
        while read -r link; do
            ip link delete "$link" type bridge 2>/dev/null || true
        done < <(ip -4 -o address | awk -v net="$subnet." 'index($4, net) == 1 { print $2 }')
    fi
}

# --- up --------------------------------------------------------------------------------------------

become_root() {
    ((EUID == 0)) && return
    command -v sudo >/dev/null ||
        die "a private engine needs root; be root, or set DOCKER_TEST_HOST to an engine"
    local -a arguments=("$command" --dir "$dir" --engine "$kind")
    [[ $purge == no ]] || arguments+=(--purge)
    [[ $kill == no ]] || arguments+=(--kill)
    exec sudo --preserve-env=PATH,BERTH_ENGINE_SUBNET,BERTH_ENGINE_IPTABLES,BERTH_ENGINE_NETNS,BERTH_ENGINE_LIVE_RESTORE,BERTH_ENGINE_BIND,BERTH_NEWEST_ROOT \
        "${BASH_SOURCE[0]}" "${arguments[@]}"
}

# Whether some route lies in the range or covers it.
overlaps() {
    { in_netns ip -4 route show root "$1"; in_netns ip -4 route show match "$1"; } |
        awk '!/^default/ { found = 1 } END { exit !found }'
}

# Under a lock of the whole host, held until the bridge's route shows the choice to others.
make_bridge() {
    local n lock
    exec {lock}>"$host_lock"
    flock "$lock"
    # dockerd switches forwarding on; what it was before the first of our engines is kept for the last.
    # A namespace has a switch of its own.
    if [[ -n $netns ]]; then
        ip netns add "$netns"
        in_netns ip link set lo up
    elif [[ ! -e $forward_before ]]; then
        cat /proc/sys/net/ipv4/ip_forward >"$forward_before"
    fi
    [[ -n $subnet ]] || subnet=${BERTH_ENGINE_SUBNET:-}
    if [[ -z $subnet ]]; then
        for ((n = 201; n < 250; n++)); do
            overlaps "10.$n.0.0/16" || { subnet=10.$n; break; }
        done
        [[ -n $subnet ]] || die "no free 10.N.0.0/16 for an engine; set BERTH_ENGINE_SUBNET=10.N"
    elif overlaps "$subnet.0.0/16"; then
        die "the range $subnet.0.0/16 of $dir is used by somebody else now; down --purge, then up"
    fi
    in_netns ip link add "$bridge" type bridge
    in_netns ip address add "$subnet.0.1/24" dev "$bridge"
    in_netns ip link set "$bridge" up
    exec {lock}>&-
}

make_run_dir() {
    # A unix socket's path has at most 107 bytes, and containerd puts some 60 below this one.
    if ((${#dir} <= 40)); then
        run_dir=$dir/run
    else
        run_dir=$(mktemp -d /run/berth-engine-XXXXXX)
        chmod 711 "$run_dir"
    fi
    mkdir -p "$run_dir"
}

make_newest_root() {
    [[ ! -e $newest_root/.complete ]] || return 0
    command -v debootstrap >/dev/null || "$project/deploy/bootstrap.sh" --newest
    say "making $newest_root once (some minutes, 700 MB)"
    rm -rf --one-file-system "$newest_root"
    mkdir -p "$newest_root"
    debootstrap --variant=minbase --include=docker.io,docker-cli,iptables,ca-certificates,procps,iproute2 \
        sid "$newest_root" >"$newest_root.log" 2>&1 ||
        die "debootstrap failed, see $newest_root.log"
    touch "$newest_root/.complete"
}

# Replaces this process by one in the newest root; "$@" is what runs there.
# shellcheck disable=SC2317  # start_dockerd hands it to another shell
enter_newest_root() {
    local path
    mount --make-rslave /
    mount --bind "$newest_root" "$newest_root"
    mkdir -p "$newest_root/oldroot"
    mount -t tmpfs tmpfs "$newest_root/run"
    for path in /proc /sys /dev /tmp "$dir" "$run_dir" ${BERTH_ENGINE_BIND//:/ }; do
        mkdir -p "$newest_root$path"
        mount --rbind "$path" "$newest_root$path"
    done
    cd "$newest_root"
    pivot_root . oldroot
    umount -l /oldroot
    cd /
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin exec "$@"
}

start_dockerd() {
    local iptables=${BERTH_ENGINE_IPTABLES:-false}
    [[ -z $netns ]] || iptables=true
    local -a daemon=(dockerd --config-file "$dir/daemon.json" --data-root "$dir/data"
        --exec-root "$run_dir/exec" --pidfile "$dir/docker.pid" -H "$host"
        --bridge "$bridge" --default-address-pool "base=$subnet.128.0/17,size=24"
        --containerd-namespace "berth-$id" --containerd-plugins-namespace "plugins-berth-$id"
        --iptables="$iptables" --ip6tables=false --exec-opt native.cgroupdriver=cgroupfs)
    [[ -z ${SUDO_GID:-} ]] || daemon+=(--group "$SUDO_GID")
    # The host's own daemon.json is not for us; nor is its key, where an engine still has one.
    echo "{\"live-restore\": ${BERTH_ENGINE_LIVE_RESTORE:-false}}" >"$dir/daemon.json"

    # Nothing of the caller's stays open: bats, for one, waits until its descriptor 3 is closed.
    (
        local fd
        for fd in /proc/self/fd/*; do
            fd=${fd##*/}
            ((fd <= 2 || fd == 255)) || eval "exec $fd>&-"
        done
        if [[ $kind == newest ]]; then
            export newest_root dir run_dir BERTH_ENGINE_BIND=${BERTH_ENGINE_BIND:-}
            export -f enter_newest_root
            daemon=(unshare -m bash -ec 'enter_newest_root "$@"' _ "${daemon[@]}")
        fi
        [[ -z $netns ]] || exec setsid nsenter --net="/run/netns/$netns" -- "${daemon[@]}"
        exec setsid "${daemon[@]}"
    ) </dev/null >>"$dir/dockerd.log" 2>&1 &
    started_pid=$!
}

up() {
    if [[ $kind == url ]]; then
        answers || die "no engine answers at $host"
        say "taking the engine at $host: $(version)"
        return
    fi
    [[ $kind == "${engine:-$kind}" ]] ||
        die "$dir holds a $kind engine; down --purge makes room for another"
    become_root
    mkdir -p "$dir"
    exec {dir_lock}>"$dir/lock"
    flock "$dir_lock"
    if dockerd_pid >/dev/null && answers; then
        say "already up at $host: $(version)"
        return
    fi
    kill_dockerd
    sweep

    [[ $kind != newest ]] || make_newest_root
    [[ -n $run_dir && -d $run_dir ]] || make_run_dir
    host=unix://$run_dir/docker.sock
    make_bridge
    printf '%s=%q\n' kind "$kind" subnet "$subnet" run_dir "$run_dir" netns "$netns" >"$dir/engine.conf"
    rm -f "$dir/docker.pid" "$dir/dockerd.log"
    start_dockerd
    await_dockerd || { sweep; die "dockerd did not come up, see $dir/dockerd.log"; }
    say "up at $host: $(version)"
}

await_dockerd() {
    local tenths=600
    until answers; do
        if [[ ! -e /proc/$started_pid ]] || ((tenths-- <= 0)); then
            tail -n 20 "$dir/dockerd.log" >&2
            kill -9 "$started_pid" 2>/dev/null || true
            return 1
        fi
        sleep 0.1
    done
}

# --- stop and start --------------------------------------------------------------------------------

lock_private_engine() {
    [[ $kind != url ]] || die "the engine at $host is not ours"
    [[ -e $dir/engine.conf ]] || die "no engine in $dir; run: $0 up"
    become_root
    exec {dir_lock}>"$dir/lock"
    flock "$dir_lock"
}

stop() {
    local pid
    lock_private_engine
    if [[ $kill == yes ]] && pid=$(dockerd_pid); then
        kill -9 "$pid"
        wait_until_gone "$pid" 50
        for pid in $(pids_with_argument "$run_dir/exec/containerd/containerd.toml"); do
            wait_until_gone "$pid" 50
        done
    fi
    kill_dockerd
    # Its containerd dies with it. Where nobody reaps it, the next dockerd would take it for one that runs.
    rm -f "$dir/docker.pid" "$run_dir/exec/containerd/containerd.pid"
    say "stopped; start brings it back"
}

start() {
    lock_private_engine
    ! dockerd_pid >/dev/null || { say "already up"; return; }
    start_dockerd
    await_dockerd || die "dockerd did not come up, see $dir/dockerd.log"
    say "up again at $host: $(version)"
}

# --- down ------------------------------------------------------------------------------------------

kill_dockerd() {
    local pid
    pid=$(dockerd_pid) || return 0
    kill -TERM "$pid" 2>/dev/null || true
    wait_until_gone "$pid" 300 || {
        kill -9 "$pid" 2>/dev/null || true
        wait_until_gone "$pid" 50 || true
    }
}

# Without this, stopping waits ten seconds for every container that ignores SIGTERM, and bridges of
# networks stay.
empty_engine() {
    local -a containers
    answers || return 0
    mapfile -t containers < <(in_engine ps -q)
    ((${#containers[@]} == 0)) || in_engine kill "${containers[@]}" >/dev/null 2>&1 || true
    [[ $purge == yes ]] || return 0
    mapfile -t containers < <(in_engine ps -aq)
    ((${#containers[@]} == 0)) || in_engine rm -f -v "${containers[@]}" >/dev/null 2>&1 || true
    in_engine network prune -f >/dev/null 2>&1 || true
}

restore_forwarding() {
    local lock
    exec {lock}>"$host_lock"
    flock "$lock"
    # Run states: all but zombies, which some init of a container leaves behind.
    if [[ -e $forward_before ]] && ! pgrep -x -r D,R,S,T,t dockerd >/dev/null; then
        cat "$forward_before" >/proc/sys/net/ipv4/ip_forward
        rm "$forward_before"
    fi
    exec {lock}>&-
}

down() {
    if [[ $kind == url ]]; then
        say "the engine at $host is not ours and stays"
        return
    fi
    if [[ ! -d $dir ]]; then
        say "not up"
        return
    fi
    become_root
    exec {dir_lock}>"$dir/lock"
    flock "$dir_lock"
    empty_engine
    kill_dockerd
    sweep
    restore_forwarding
    rm -f "$dir/docker.pid"
    if [[ $purge == yes ]]; then
        [[ -z $run_dir ]] || rm -rf --one-file-system "$run_dir"
        rm -rf --one-file-system "$dir/data" "$dir/run" "$dir/daemon.json" "$dir/dockerd.log" \
            "$dir/engine.conf" "$dir/lock"
        rmdir --ignore-fail-on-non-empty "$dir"
        say "down, nothing of it is left"
    else
        say "down; its images and containers stay in $dir"
    fi
}

status() {
    if [[ $kind != url ]] && ! dockerd_pid >/dev/null; then
        say "not up"
        exit 3
    fi
    answers || { say "no answer at $host"; exit 3; }
    say "up at $host: $(version)"
    [[ $kind == url ]] || say "$kind engine, pid $(dockerd_pid), networks from $subnet.0.0/16, log $dir/dockerd.log"
}

print_env() {
    answers || die "nothing answers at $host; run: $0 up"
    printf 'export DOCKER_HOST=%q\n' "$host"
    [[ $docker == "$(type -P docker)" ]] || printf 'export PATH=%q\n' "${docker%/*}:$PATH"
}

# In braces, so that bash has read it all: this file may change while an engine is made.
{
    case $command in
        up) up ;;
        down) down ;;
        stop) stop ;;
        start) start ;;
        pid) dockerd_pid ;;
        status) status ;;
        env) print_env ;;
        netns) echo "$netns" ;;
        *) usage ;;
    esac
    exit
}

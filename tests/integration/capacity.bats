#!/usr/bin/env bats
# An instance bounds what runs on it: its cgroup carries the machine type's limits for all together.
# The witnesses are the kernel's files and the docker CLI. Where this machine does not let anybody make
# cgroups, the same tests hold the controller to saying so.

load helpers

CGROUPS=/sys/fs/cgroup

setup() {
    berth_setup
    NOT_BOUND=$(why_not_bound)
}

teardown() {
    [[ -z ${PROXY:-} ]] || kill "$PROXY" 2>/dev/null || true
    berth_teardown
}

# What the machine allows, found out without Berth: nothing, or the reason that the condition must give.
why_not_bound() {
    local probe
    [[ $DOCKER_HOST == unix://* ]] || { echo RemoteEngine; return; }
    if docker info -f '{{.SecurityOptions}}' | grep -q 'name=rootless'; then
        echo RootlessEngine
    elif [[ $(docker info -f '{{.CgroupDriver}}') == systemd ]]; then
        [[ -d /run/systemd/system ]] || { echo SystemdUnavailable; return; }
        ((EUID == 0)) || echo NotPermitted
    else
        probe=$(hierarchy pids)/berth-test-$$
        if mkdir "$probe" 2>/dev/null; then rmdir "$probe"; else echo NotPermitted; fi
    fi
}

is_v2() { [[ -e $CGROUPS/cgroup.controllers ]]; }

# hierarchy CONTROLLER: where it is mounted.
hierarchy() {
    if is_v2; then echo "$CGROUPS"; else echo "$CGROUPS/$1"; fi
}

# cgroup_of INSTANCE CONTROLLER: the directory that must bound it.
cgroup_of() {
    local id parent
    id=$(cut -c1-6 "$STATE/controller-id")
    parent=/berth/$id/$1
    if [[ $(docker info -f '{{.CgroupDriver}}') == systemd ]]; then
        parent=/berth.slice/berth-$id.slice/berth-$id-${1//-/_}.slice
    fi
    echo "$(hierarchy "$2")$parent"
}

# value_of INSTANCE cpu|memory|pids: the limit, in milli CPUs, bytes, processes.
value_of() {
    local dir
    dir=$(cgroup_of "$1" "$2")
    case $2 in
        cpu) if is_v2; then awk '{ print $1 * 1000 / $2 }' "$dir/cpu.max"
             else echo $(($(cat "$dir/cpu.cfs_quota_us") * 1000 / $(cat "$dir/cpu.cfs_period_us"))); fi ;;
        memory) if is_v2; then cat "$dir/memory.max"; else cat "$dir/memory.limit_in_bytes"; fi ;;
        pids) cat "$dir/pids.max" ;;
    esac
}

# values_are INSTANCE CPU_MILLI MEMORY_MIB PIDS
values_are() {
    local is
    is="$(value_of "$1" cpu) $(value_of "$1" memory) $(value_of "$1" pids)"
    [[ $is == "$2 $(($3 << 20)) $4" ]] || { echo "$1 has $is"; return 1; }
}

# drop_machine NAME MACHINE_TYPE [RESOURCES]
drop_machine() {
    drop "$1.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: $1}
spec:
  machineType: $2
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/busybox:1
  command: [sleep, "1000"]
  terminationGracePeriodSeconds: 1
  ${3:+resources: $3}
SPEC
}

enforced_is() { field_is "$1.yaml" "$1" 'status.conditions[type=CapacityEnforced].status' "$2"; }
enforced_reason_is() { field_is "$1.yaml" "$1" 'status.conditions[type=CapacityEnforced].reason' "$2"; }
is_enforced() { enforced_is "$1" True && enforced_reason_is "$1" ParentCgroup; }

# up NAME: it runs, and is bound. False where nothing can be bound: then the status was held to that.
up() {
    wait_for 20 is_ready "$1.yaml" "$1"
    if [[ -n $NOT_BOUND ]]; then
        wait_for 5 enforced_is "$1" False
        enforced_reason_is "$1" "$NOT_BOUND"
        [[ -z $(container_field "$1" '{{.HostConfig.CgroupParent}}') ]]
        return 1
    fi
    wait_for 5 is_enforced "$1"
}

# load_on INSTANCE NAME SCRIPT: a container beside the instance's own, below the same cgroup.
load_on() {
    foreign_container "$2" --cgroup-parent "$(container_field "$1" '{{.HostConfig.CgroupParent}}')" \
        berth-test/busybox:1 sh -c "$3"
}

@test "an instance's container is below a cgroup with the limits of its machine type" {
    drop_machine web-1 custom-1-256
    drop_machine narrow custom-2-512 '{cpus: 0.5, memory: 128Mi, pids: 50}'
    berth_start
    up web-1 || return 0
    up narrow
    values_are web-1 1000 256 4096
    values_are narrow 500 128 50
    [[ $(status_of web-1.yaml web-1 'status.conditions[type=CapacityEnforced].message') == *"1 CPU, 256 MiB, 4096 processes"* ]]
    # The kernel says of the running process where it is.
    pid=$(container_field web-1 '{{.State.Pid}}') id=$(container_field web-1 '{{.Id}}')
    inside=$(cgroup_of web-1 memory)
    grep -E "(:memory:|^0::)${inside#"$(hierarchy memory)"}/(docker-)?$id" "/proc/$pid/cgroup"
    # Its own limits are what they were.
    [ "$(container_field web-1 '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}')" = "1000000000 268435456" ]
}

# usage_ns INSTANCE: processor time of everything in it.
usage_ns() {
    if is_v2; then awk '/^usage_usec/ { print $2 * 1000 }' "$(cgroup_of "$1" cpu)/cpu.stat"
    else cat "$(cgroup_of "$1" cpuacct)/cpuacct.usage"; fi
}
throttled() { awk '/^nr_throttled/ { print $2 }' "$(cgroup_of "$1" cpu)/cpu.stat"; }
is_throttled_more() { (($(throttled "$1") > $2)); }

@test "two containers on one instance share its processors" {
    drop_machine box custom-1-256 '{cpus: 0.2}'
    berth_start
    up box || return 0
    load_on box "burn-a-$BATS_SUITE_TEST_NUMBER" 'while :; do :; done'
    load_on box "burn-b-$BATS_SUITE_TEST_NUMBER" 'while :; do :; done'
    wait_for 20 is_throttled_more box 5
    before=$(usage_ns box) began=$(date +%s%N)
    wait_for 60 is_throttled_more box $(($(throttled box) + 25))
    used=$(($(usage_ns box) - before)) took=$(($(date +%s%N) - began))
    echo "used $((used / 1000000)) ms of processors in $((took / 1000000)) ms"
    # A fifth of a processor, which they get on a busy machine too, and a tenth more for the ends of
    # the kernel's periods of 100 ms.
    ((used <= took * 22 / 100 + 100000000))
}

memory_peak() {
    local dir
    dir=$(cgroup_of "$1" memory)
    if [[ -e $dir/memory.max_usage_in_bytes ]]; then cat "$dir/memory.max_usage_in_bytes"
    elif [[ -e $dir/memory.peak ]]; then cat "$dir/memory.peak"
    else cat "$dir/memory.current"; fi
}
holds_memory() { (($(memory_peak "$1") > $2 << 20)); }

# keepers NAME...: how many of the containers still keep what they were given.
keepers() {
    local name
    for name in "$@"; do docker top "$name" -eo pid,comm; done | awk '$2 == "tail"' | wc -l
}
keepers_are() { [[ $(keepers "${@:2}") == "$1" ]]; }

@test "the containers of two repositories on one instance of a pool cannot exceed it together" {
    make_repo "repo$BATS_SUITE_TEST_NUMBER"
    make_repo "repo${BATS_SUITE_TEST_NUMBER}b"
    drop box.yaml <<SPEC
apiVersion: berth.dev/v1
kind: InstancePool
metadata: {name: box}
spec:
  minInstances: 1
  template:
    spec: {machineType: custom-1-256, zone: zone-$BATS_SUITE_TEST_NUMBER, resources: {cpus: 0.2}}
$(for n in "" b; do cat <<TASK
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: burn$n}
spec:
  repository: $GIT_HTTP_URL/git/repo$BATS_SUITE_TEST_NUMBER$n.git
  pool: box
  command: [sh, -c, "while :; do :; done"]
TASK
done)
SPEC
    berth_start
    wait_for 40 field_is box.yaml Task/burn status.phase Running
    wait_for 40 field_is box.yaml Task/burnb status.phase Running
    mapfile -t burning < <(docker ps -q --filter label=dev.berth.instance=box-0)
    [ "${#burning[@]}" -eq 2 ]
    if [[ -n $NOT_BOUND ]]; then
        [[ -z $(container_field "${burning[0]}" '{{.HostConfig.CgroupParent}}') ]]
        return 0
    fi
    for id in "${burning[@]}"; do
        [ "$(container_field "$id" '{{.HostConfig.CgroupParent}}')" = "$(container_field box-0 '{{.HostConfig.CgroupParent}}')" ]
    done
    wait_for 20 is_throttled_more box-0 5
    before=$(usage_ns box-0) began=$(date +%s%N)
    wait_for 60 is_throttled_more box-0 $(($(throttled box-0) + 25))
    used=$(($(usage_ns box-0) - before)) took=$(($(date +%s%N) - began))
    echo "used $((used / 1000000)) ms of processors in $((took / 1000000)) ms"
    ((used <= took * 22 / 100 + 100000000))
}

@test "two containers on one instance share its memory" {
    drop_machine box custom-1-256
    berth_start
    up box || return 0
    # tail keeps what it may have to print. Either alone has room, both have not.
    keep='{ head -c 150m /dev/zero; sleep 1000; } | tail -c 150m'
    a=keep-a-$BATS_SUITE_TEST_NUMBER b=keep-b-$BATS_SUITE_TEST_NUMBER
    load_on box "$a" "$keep"
    wait_for 20 holds_memory box 145
    keepers_are 1 "$a"
    load_on box "$b" "$keep"
    wait_for 20 holds_memory box 250
    wait_for 20 keepers_are 1 "$a" "$b"
    (($(memory_peak box) <= 256 << 20))
    container_is_running box
}

@test "an instance whose processes are used up says so in plain words, and comes back when there are some" {
    drop_machine box custom-1-256 '{pids: 30}'
    berth_start
    up box || return 0
    load_on box "fill-$BATS_SUITE_TEST_NUMBER" 'for i in $(seq 24); do sleep 1000 & done; wait'
    wait_for 10 sh -c "test \$(cat '$(cgroup_of box pids)/pids.current') -ge 27"
    docker kill box >/dev/null
    wait_for 20 field_is box.yaml box status.error.reason InstanceFull
    [[ $(status_of box.yaml box status.error.message) == *'instance "box" is full: '*' of its 30 processes are in use'* ]]
    docker rm -f "fill-$BATS_SUITE_TEST_NUMBER" >/dev/null
    wait_for 40 is_ready box.yaml box
}

@test "a restart of the controller recreates nothing and finds everything bound" {
    drop_machine box custom-1-256
    berth_start
    up box || return 0
    id=$(container_field box '{{.Id}} {{.State.StartedAt}}') inode=$(stat -c %i "$(cgroup_of box memory)")
    berth_stop
    rm "$SPECS/box.status.yaml"
    berth_start
    wait_for 10 is_enforced box
    [ "$(container_field box '{{.Id}} {{.State.StartedAt}}')" = "$id" ]
    [ "$(stat -c %i "$(cgroup_of box memory)")" = "$inode" ]
    values_are box 1000 256 4096
}

@test "another machine type changes the limits, in both directions" {
    drop_machine box custom-1-256
    berth_start
    up box || return 0
    drop_machine box custom-2-512
    wait_for 20 values_are box 2000 512 4096
    wait_for 20 is_ready box.yaml box
    wait_for 5 is_enforced box
    drop_machine box custom-1-128
    wait_for 20 values_are box 1000 128 4096
    wait_for 20 is_ready box.yaml box
    wait_for 5 is_enforced box
}

@test "limits that went, by a reboot or by somebody's hand, are there again" {
    drop_machine box custom-1-256
    berth_start
    up box || return 0
    echo max >"$(cgroup_of box pids)/pids.max"
    kill -HUP "$BERTH_PID"
    wait_for 10 values_are box 1000 256 4096
    wait_for 5 is_enforced box
    berth_stop
    docker stop -t 1 box >/dev/null
    remove_cgroups "$(cut -c1-6 "$STATE/controller-id")"
    [ ! -e "$(cgroup_of box memory)" ]
    berth_start
    wait_for 20 is_ready box.yaml box
    wait_for 5 is_enforced box
    values_are box 1000 256 4096
}

own_levels() { find "$CGROUPS" -maxdepth 4 -type d \( -path "*/berth/$1*" -o -name "berth-$1*" \) 2>/dev/null; }
no_own_levels() {
    local left
    left=$(own_levels "$1")
    [[ -z $left ]] || { echo "$left"; return 1; }
}

@test "the cgroup goes with its instance, and leftovers at the next start; others' stay" {
    drop_machine box custom-1-256
    berth_start
    up box || return 0
    id=$(cut -c1-6 "$STATE/controller-id")
    [ -n "$(own_levels "$id")" ]
    rm "$SPECS/box.yaml"
    wait_for 20 container_is_gone box
    wait_for 10 no_own_levels "$id"
    [[ $(docker info -f '{{.CgroupDriver}}') != systemd ]] || return 0
    berth_stop
    other=$(hierarchy pids)/berth/zz$BATS_SUITE_TEST_NUMBER
    mkdir -p "$other/box" "$(hierarchy pids)/berth/$id/left"
    berth_start
    wait_for 10 no_own_levels "$id"
    [ -d "$other/box" ]
    rmdir "$other/box" "$other"
}

@test "a container from before is left alone until it is made anew" {
    drop_machine box custom-1-256
    socat "TCP-LISTEN:$PORT_LAST,bind=127.0.0.1,fork,reuseaddr" "${DOCKER_HOST/unix:\/\//UNIX-CONNECT:}" 3>&- &
    PROXY=$!
    wait_for 5 sh -c "docker -H tcp://127.0.0.1:$PORT_LAST version >/dev/null"
    berth_start --engine "tcp://127.0.0.1:$PORT_LAST"
    wait_for 20 is_ready box.yaml box
    wait_for 5 enforced_is box False
    enforced_reason_is box RemoteEngine
    [ -z "$(container_field box '{{.HostConfig.CgroupParent}}')" ]
    id=$(container_field box '{{.Id}}')
    berth_stop
    kill "$PROXY"
    [[ -z $NOT_BOUND ]] || return 0
    berth_start
    wait_for 10 enforced_reason_is box RecreateNeeded
    enforced_is box False
    [ "$(container_field box '{{.Id}}')" = "$id" ]
    docker rm -f box >/dev/null
    up box
    values_are box 1000 256 4096
}

# A berth that sees the cgroups read-only, as in most containers.
read_only_berth() {
    cat >"$TEST_DIR/berth" <<SCRIPT
#!/bin/sh
exec unshare -m sh -c '
    mount --make-rprivate /
    for at in \$(awk "\\\$2 ~ /^\\/sys\\/fs\\/cgroup/ { print \\\$2 }" /proc/mounts); do
        mount -o remount,bind,ro "\$at"
    done
    exec "\$0" "\$@"' "$BERTH" "\$@"
SCRIPT
    chmod +x "$TEST_DIR/berth"
    echo "$TEST_DIR/berth"
}

@test "read-only cgroups: the instance runs under its own limits, and the condition says NotPermitted" {
    drop_machine box custom-1-256
    # Where nobody may mount, nobody may make cgroups either.
    ! unshare -m true 2>/dev/null || BERTH=$(read_only_berth)
    berth_start
    wait_for 20 is_ready box.yaml box
    if [[ -z $NOT_BOUND && $(docker info -f '{{.CgroupDriver}}') == systemd ]]; then
        wait_for 5 is_enforced box    # systemd writes, not Berth
        return
    fi
    wait_for 5 enforced_is box False
    enforced_reason_is box "${NOT_BOUND:-NotPermitted}"
    [ -z "$(container_field box '{{.HostConfig.CgroupParent}}')" ]
    [ "$(container_field box '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}')" = "1000000000 268435456" ]
}

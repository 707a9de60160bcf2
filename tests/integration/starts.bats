#!/usr/bin/env bats
# Starts that fail and programs that end: what the status says, and when the next try is.

load helpers

# drop_vm FIELD...
drop_vm() {
    local field
    {
        cat <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: vm}
spec:
  image: berth-test/busybox:1
  zone: zone-$BATS_SUITE_TEST_NUMBER
  terminationGracePeriodSeconds: 1
SPEC
        for field in "$@"; do echo "  $field"; done
    } | drop vm.yaml
}

is() { field_is vm.yaml vm "status.$1" "$2"; }
ready_is() { is "conditions[type=Ready].$1" "$2"; }
is_pending() { is operation.state PENDING; }

# drop_many NAME COUNT FIELD...: instances NAME1, NAME2 ...
drop_many() {
    local i
    for ((i = 1; i <= $2; i++)); do
        {
            cat <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: $1$i}
spec:
  image: berth-test/busybox:1
  zone: zone-$BATS_SUITE_TEST_NUMBER
SPEC
            printf '  %s\n' "${@:3}"
        } | drop "$1$i.yaml"
    done
}

one_waits() {
    local file
    for file in "$SPECS"/*.status.yaml; do
        grep -q "message: waits for its turn to start" "$file" && grep -q 'state: PENDING' "$file" && return
    done
    return 1
}

delete() { "$BERTH" delete --specs "$SPECS" --state "$STATE" "$@"; }

# events_of SINCE EVENT [NAME]: "NAME SIGNAL" of each, in order
events_of() {
    docker events --since "$1" --until "$(($(date +%s) + 1))" --filter type=container --filter "event=$2" \
        ${3:+--filter "container=$3"} --format '{{.Actor.Attributes.name}} {{.Actor.Attributes.signal}}'
}

@test "a start that the engine refuses: its words, the reason and the next try; a new spec is tried at once" {
    drop_vm 'user: nobody-of-that-name' 'command: [sleep, "1000"]'
    berth_start
    wait_for 20 is_pending
    ready_is reason StartFailed
    status_of vm.yaml vm 'status.conditions[type=Ready].message' | grep -q 'unable to find user nobody-of-that-name'
    is operation.type start
    is error.reason StartFailed
    [ -n "$(status_of vm.yaml vm status.restarts.nextRetryTime)" ]
    is restarts.last.reason StartFailed
    status_of vm.yaml vm status.restarts.last.message | grep -q 'unable to find user'
    is history.0.result StartFailed
    wait_for 20 is 'conditions[type=Stalled].status' True
    drop_vm 'user: "7"' 'command: [sleep, "1000"]'
    wait_for 10 is_ready vm.yaml vm
    is operation.state DONE
    ! status_of vm.yaml vm status.error.reason
}

@test "a crash loop: exit code, the last 20 lines, the reason and the next try, later each time" {
    drop_vm 'command: [sh, -c, "for i in $(seq 30); do echo line $i; done; exit 3"]'
    berth_start
    wait_for 20 is restarts.inARow 3
    wait_for 5 is_pending
    ready_is reason CrashLoopBackOff
    ready_is message 'exited with code 3'
    is operation.type restart
    is operation.cause 'exited with code 3'
    is restarts.last.exitCode 3
    is restarts.last.logTail.0 'line 11'
    is restarts.last.logTail.19 'line 30'
    ! status_of vm.yaml vm status.restarts.last.logTail.20 || return 1
    next=$(date -d "$(status_of vm.yaml vm status.restarts.nextRetryTime)" +%s)
    ended=$(date -d "$(status_of vm.yaml vm status.restarts.last.finishedAt)" +%s)
    # 2 s, spread by a quarter, and a second for times without fractions
    [ $((next - ended)) -ge 1 ] && [ $((next - ended)) -le 4 ]
    is restarts.count 3
}

@test "a program that needs more memory than it has is OOMKilled" {
    drop_vm 'command: [sh, -c, "a=x; while :; do a=$a$a; done"]' 'resources: {memory: 8Mi}'
    berth_start
    wait_for 30 is restarts.last.reason OOMKilled
    wait_for 10 ready_is reason CrashLoopBackOff
    status_of vm.yaml vm 'status.conditions[type=Ready].message' | grep -q 'out of memory'
}

@test "Never and OnFailure: an end is an end, and says which policy leaves it so" {
    drop_vm 'command: [sh, -c, "echo no luck; exit 3"]' 'restartPolicy: Never'
    berth_start
    wait_for 20 is phase TERMINATED
    ready_is reason Failed
    ready_is message 'exited with code 3; restartPolicy is Never'
    is 'conditions[type=Stalled].status' True
    is restarts.last.logTail.0 'no luck'
    is restarts.count 0
    drop_vm 'command: [sh, -c, "exit 0"]' 'restartPolicy: OnFailure'
    wait_for 20 ready_is reason Completed
    ready_is message 'exited with code 0; restartPolicy is OnFailure'
    is phase TERMINATED
    is 'conditions[type=Stalled].status' False
    drop_vm 'command: [sh, -c, "exit 1"]' 'restartPolicy: OnFailure'
    wait_for 20 ready_is reason CrashLoopBackOff
}

@test "who waits for a turn to start is PENDING; then it runs" {
    local i
    drop_many w 6 'command: [sleep, "1000"]' 'terminationGracePeriodSeconds: 0'
    berth_run_in_background --start-slots 1
    wait_for 20 one_waits
    for i in 1 2 3 4 5 6; do
        wait_for 30 is_ready "w$i.yaml" "w$i"
        field_is "w$i.yaml" "w$i" status.operation.state DONE
        field_is "w$i.yaml" "w$i" status.history.0.result DONE
        ! field_is "w$i.yaml" "w$i" status.history.1.result DONE || return 1
    done
}

@test "what waits for its turn has nothing on the engine yet, and is given up when its spec goes" {
    local i since waiting=
    since=$(date +%s)
    drop_many g 16 'command: [sleep, "1000"]' 'terminationGracePeriodSeconds: 0'
    berth_run_in_background --start-slots 1
    wait_for 20 one_waits
    waiting=$(grep -l 'message: waits for its turn to start' "$SPECS"/*.status.yaml | tail -1)
    waiting=$(basename "$waiting" .status.yaml)
    container_is_gone "$waiting"
    delete --wait --timeout 20s "instance/$waiting"
    for ((i = 1; i <= 16; i++)); do
        [ "g$i" = "$waiting" ] || wait_for 60 is_ready "g$i.yaml" "g$i"
    done
    [ -z "$(events_of "$since" create "$waiting")" ]
    [ "$(events_of "$since" create | wc -l)" -eq 15 ]
}

@test "stops take turns; a program that takes its time to end keeps nobody waiting" {
    local i since
    drop_many s 3 'command: [sh, -c, "trap : TERM; while :; do sleep 1; done"]' 'terminationGracePeriodSeconds: 6'
    berth_run_in_background --start-slots 1
    for i in 1 2 3; do wait_for 30 is_ready "s$i.yaml" "s$i"; done
    since=$(date +%s)
    delete instance s1 s2 s3
    for i in 1 2 3; do wait_for 30 container_is_gone "s$i"; done
    # One after the other: each has its turn for a third of a second at least.
    docker events --since "$since" --until "$(($(date +%s) + 1))" --filter event=kill --format '{{.TimeNano}} {{.Actor.Attributes.signal}}' |
        awk '$2 == 15 { if (n++ && $1 - before < 250000000) exit 1; before = $1 }'
    # All were told to end (15) before the first one was killed (9).
    [ "$(events_of "$since" kill | awk '$2 == 9 { exit } $2 == 15' | wc -l)" -eq 3 ]
    [ "$(events_of "$since" kill | grep -c ' 9$')" -eq 3 ]
}

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
    for i in 1 2 3 4 5 6; do
        drop "w$i.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: w$i}
spec: {image: "berth-test/busybox:1", zone: zone-$BATS_SUITE_TEST_NUMBER, command: [sleep, "1000"], terminationGracePeriodSeconds: 0}
SPEC
    done
    berth_run_in_background --start-slots 1
    one_waits() {
        local file
        for file in "$SPECS"/*.status.yaml; do
            grep -q 'message: waits for its turn to start' "$file" && grep -q 'state: PENDING' "$file" && return
        done
        return 1
    }
    wait_for 20 one_waits
    for i in 1 2 3 4 5 6; do
        wait_for 30 is_ready "w$i.yaml" "w$i"
        field_is "w$i.yaml" "w$i" status.operation.state DONE
        field_is "w$i.yaml" "w$i" status.history.0.result DONE
        ! field_is "w$i.yaml" "w$i" status.history.1.result DONE || return 1
    done
}

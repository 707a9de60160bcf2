#!/usr/bin/env bats
# Lifecycle hooks: postStart after each start, preStop before each stop.

load helpers

setup() {
    berth_setup
    NOTES=$TEST_DIR/notes
    mkdir -p "$NOTES"
}

# drop_hooked HOOKS [FIELD...]: a machine whose program and hooks leave notes in a directory of the host.
drop_hooked() {
    local hooks=$1 field
    shift
    {
        cat <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: hooked}
spec:
  image: berth-test/busybox:1
  zone: zone-$BATS_SUITE_TEST_NUMBER
  command: [sh, -c, "trap 'echo term >>/notes/log; exit 0' TERM; echo up >>/notes/log; while :; do usleep 50000; done"]
  terminationGracePeriodSeconds: 5
  volumes: [{name: notes, mountPath: /notes, hostPath: $NOTES}]
  lifecycle: $hooks
SPEC
        for field in "$@"; do echo "  $field"; done
    } | drop hooked.yaml
}

berth_with_notes() { berth_start --allow-host-path "$TEST_DIR" "$@"; }
is_in_phase() { field_is hooked.yaml hooked status.phase "$1"; }
notes_are() { local is; is=$(tr '\n' ' ' <"$NOTES/log"); [[ $is == "$1 " ]] || { echo "$is"; return 1; }; }
started() { container_field hooked '{{.Id}} {{.State.StartedAt}}'; }
note='command: [sh, -c, "echo'

@test "postStart runs after each start; RUNNING only when it has ended well" {
    drop_hooked '{postStart: {exec: {command: [sh, -c, "until test -e /notes/go; do usleep 50000; done; echo hook >>/notes/log"]}}}'
    berth_with_notes
    wait_for 20 field_is hooked.yaml hooked status.operation.message 'run postStart hook'
    is_in_phase STAGING
    ! is_ready hooked.yaml hooked || return 1
    container_is_running hooked
    touch "$NOTES/go"
    wait_for 10 is_in_phase RUNNING
    wait_for 5 is_ready hooked.yaml hooked
    notes_are "up hook"
    field_is hooked.yaml hooked status.hooks.postStart.state Succeeded
    docker kill hooked
    wait_for 20 notes_are "up hook up hook"
    wait_for 10 is_in_phase RUNNING
}

@test "a controller that starts anew does not run it again; one that was killed during it does" {
    drop_hooked "{postStart: {exec: {$note hook >>/notes/log; until test -e /notes/go; do usleep 50000; done\"]}}}"
    berth_with_notes
    wait_for 20 notes_are "up hook"
    start=$(started)
    berth_kill9
    touch "$NOTES/go"
    berth_with_notes
    wait_for 20 is_in_phase RUNNING
    notes_are "up hook hook"
    wait_for 5 is_ready hooked.yaml hooked
    berth_stop
    berth_with_notes
    wait_for 10 is_in_phase RUNNING
    kill -HUP "$BERTH_PID"
    wait_for 5 grep -q cause=SIGHUP "$LOG"
    notes_are "up hook hook"
    [ "$(started)" = "$start" ]
}

@test "a postStart that fails: stopped, started again with back-off, and told with code and last line" {
    # more than anybody keeps, and the last line still counts
    drop_hooked '{postStart: {exec: {command: [sh, -c, "seq 200000; echo no such table; exit 3"]}}}'
    berth_with_notes
    wait_for 20 field_is hooked.yaml hooked 'status.conditions[type=Ready].reason' CrashLoopBackOff
    field_is hooked.yaml hooked 'status.conditions[type=Ready].message' 'postStart hook failed: exit code 3: no such table'
    field_is hooked.yaml hooked status.restarts.last.reason HookFailed
    [ -n "$(status_of hooked.yaml hooked status.restarts.nextRetryTime)" ]
    field_is hooked.yaml hooked status.operation.state PENDING
    status_fields hooked.yaml | grep -q 'status.history.[0-4].result=HookFailed'
    ! grep -q 'phase=RUNNING' "$LOG" || return 1
    drop_hooked "{postStart: {exec: {$note mended >>/notes/log\"]}}}"
    wait_for 30 is_in_phase RUNNING
    field_is hooked.yaml hooked status.hooks.postStart.state Succeeded
}

@test "a program that is not there, and one that takes too long, have failed" {
    drop_hooked '{postStart: {exec: {command: [/no/such/program]}}}' 'restartPolicy: Never'
    berth_with_notes
    wait_for 20 field_is hooked.yaml hooked status.hooks.postStart.state Failed
    status_of hooked.yaml hooked status.hooks.postStart.message | grep -q 'no such'
    wait_for 10 is_in_phase TERMINATED
    field_is hooked.yaml hooked 'status.conditions[type=Stalled].status' True
    rm "$SPECS/hooked.yaml"
    wait_for 20 container_is_gone hooked
    drop_hooked '{postStart: {exec: {command: [sleep, "1000"]}, timeoutSeconds: 1}}' 'restartPolicy: Never'
    wait_for 20 field_is hooked.yaml hooked status.restarts.last.message 'postStart hook failed: took longer than 1 s'
}

@test "preStop runs before the stop signal, when it is powered off, made anew and deleted" {
    drop_hooked "{preStop: {exec: {$note pre >>/notes/log\"]}}}"
    berth_with_notes
    wait_for 20 is_in_phase RUNNING
    wait_for 5 notes_are up
    drop_hooked "{preStop: {exec: {$note pre >>/notes/log\"]}}}" 'powerState: Stopped'
    wait_for 15 is_in_phase TERMINATED
    notes_are "up pre term"
    drop_hooked "{preStop: {exec: {$note pre >>/notes/log\"]}}}"
    wait_for 15 is_in_phase RUNNING
    wait_for 5 notes_are "up pre term up"
    drop_hooked "{preStop: {exec: {$note pre >>/notes/log\"]}}}" 'hostname: another'
    wait_for 15 notes_are "up pre term up pre term up"
    wait_for 10 is_in_phase RUNNING
    rm "$SPECS/hooked.yaml"
    wait_for 15 container_is_gone hooked
    notes_are "up pre term up pre term up pre term"
}

@test "preStop and the stop share the grace period; then it is killed" {
    drop_hooked '{preStop: {exec: {command: [sleep, "1000"]}, timeoutSeconds: 600}}'
    sed -i "s/PeriodSeconds: 5/PeriodSeconds: 2/; s/echo term.*exit 0' TERM/echo ignored >>\/notes\/log' TERM/" "$SPECS/hooked.yaml"
    berth_with_notes
    wait_for 20 is_in_phase RUNNING
    wait_for 5 notes_are up
    begin=$(date +%s)
    sed -i 's/  lifecycle/  powerState: Stopped\n  lifecycle/' "$SPECS/hooked.yaml"
    wait_for 30 is_in_phase TERMINATED
    # 2 s for the hook, 2 s more for the signal: far from the hook's own 600 s.
    [ $(($(date +%s) - begin)) -lt 25 ]
    [ "$(container_field hooked '{{.State.ExitCode}}')" = 137 ]
    notes_are "up ignored"
    field_is hooked.yaml hooked status.hooks.preStop.message 'took longer than 2 s'
}

@test "a preStop that fails is told, and the stop goes on" {
    drop_hooked '{preStop: {exec: {command: [sh, -c, "echo cannot drain; exit 9"]}}}'
    berth_with_notes
    wait_for 20 is_in_phase RUNNING
    wait_for 5 notes_are up
    drop_hooked '{preStop: {exec: {command: [sh, -c, "echo cannot drain; exit 9"]}}}' 'powerState: Stopped'
    wait_for 15 is_in_phase TERMINATED
    notes_are "up term"
    field_is hooked.yaml hooked status.hooks.preStop.message 'exit code 9: cannot drain'
    grep -q 'hook_failed key=Instance/hooked hook=preStop' "$LOG"
}

@test "a hook that is added while it runs waits for the next start" {
    drop_hooked '{}'
    berth_with_notes
    wait_for 20 is_in_phase RUNNING
    wait_for 5 notes_are up
    drop_hooked "{postStart: {exec: {$note hook >>/notes/log\"]}}}"
    wait_for 10 field_is hooked.yaml hooked status.hooks.postStart.state Skipped
    is_in_phase RUNNING
    notes_are up
    docker kill hooked
    wait_for 20 notes_are "up up hook"
}

@test "of a hook, a probe and a program that print without end, only the end is kept" {
    flood='head -c 50000000 /dev/zero | tr "\\0" x; echo; echo'
    drop_hooked "{postStart: {exec: {command: [sh, -c, '$flood \"the reason\"; exit 7']}}}" 'restartPolicy: Never'
    berth_with_notes
    before=$(awk '/^VmHWM/ { print $2 }' "/proc/$BERTH_PID/status")
    wait_for 40 field_is hooked.yaml hooked status.hooks.postStart.state Failed
    [ "$(status_of hooked.yaml hooked status.hooks.postStart.message)" = "exit code 7: the reason" ]
    drop probed.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: probed}
spec:
  image: berth-test/busybox:1
  zone: zone-$BATS_SUITE_TEST_NUMBER
  command: [sh, -c, '$flood last words; exit 3']
  restartPolicy: Never
  readinessProbe: {exec: {command: [sh, -c, '$flood no; exit 1']}, periodSeconds: 1, timeoutSeconds: 60}
SPEC
    wait_for 40 field_is probed.yaml probed status.restarts.last.exitCode 3
    status_fields probed.yaml | grep -q 'logTail.*=last words'
    after=$(awk '/^VmHWM/ { print $2 }' "/proc/$BERTH_PID/status")
    ((after - before < 20000)) || { echo "$before kB, then $after kB"; return 1; }
    [ "$(stat -c %s "$SPECS/probed.status.yaml")" -lt 30000 ]
}

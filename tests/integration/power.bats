#!/usr/bin/env bats
# powerState: running, stopped and suspended, and every way from one to the other.

load helpers

# drop_counter POWER_STATE [FIELD...]: a machine that counts in a file, so that one sees whether its processes get on.
drop_counter() {
    local state=$1 field
    shift
    {
        cat <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: counter}
spec:
  image: berth-test/busybox:1
  zone: zone-$BATS_SUITE_TEST_NUMBER
  command: [sh, -c, "trap 'exit 0' TERM; i=0; while :; do i=\$((i+1)); echo \$i >/counter.new; mv /counter.new /counter; usleep 20000; done"]
  terminationGracePeriodSeconds: 5
  ports: [{name: http, containerPort: 8080}]
  powerState: $state
SPEC
        for field in "$@"; do echo "  $field"; done
    } | drop counter.yaml
}

is_in_phase() { field_is counter.yaml counter status.phase "$1"; }
engine_state_is() { local is; is=$(container_field counter '{{.State.Status}}' 2>&1); [[ $is == "$1" ]] || { echo "$is"; return 1; }; }
count() { docker cp counter:/counter - | tar -xO; }
last_operation() { status_of counter.yaml counter status.history.0.type; }

@test "suspended is frozen by the engine with its memory; running thaws the same processes" {
    drop_counter Running
    berth_start
    wait_for 20 is_in_phase RUNNING
    id=$(container_field counter '{{.Id}} {{.State.Pid}} {{.State.StartedAt}}')
    port=$(port_of counter.yaml counter)
    drop_counter Suspended
    wait_for 10 is_in_phase SUSPENDED
    engine_state_is paused
    is_ready counter.yaml counter
    [ "$(last_operation)" = suspend ]
    grep -q 'phase key=Instance/counter phase=SUSPENDING' "$LOG"
    frozen=$(count)
    # taken off its network it is connected again, and stays frozen
    network=$(container_field counter '{{range $name, $it := .NetworkSettings.Networks}}{{$name}}{{end}}')
    docker network disconnect "$network" counter
    is_connected() { [ "$(container_field counter '{{range $name, $it := .NetworkSettings.Networks}}{{$name}}{{end}}')" = "$network" ]; }
    wait_for 15 is_connected
    wait_for 10 is_in_phase SUSPENDED
    engine_state_is paused
    [ "$(docker exec counter true 2>&1 | grep -c paused)" = 1 ]
    [ "$(count)" = "$frozen" ]
    drop_counter Running
    wait_for 10 is_in_phase RUNNING
    [ "$(container_field counter '{{.Id}} {{.State.Pid}} {{.State.StartedAt}}')" = "$id" ]
    [ "$(port_of counter.yaml counter)" = "$port" ]
    [ "$(last_operation)" = resume ]
    wait_for 5 eval '[ "$(count)" -gt '"$frozen"' ]'
}

@test "an operator's unpause of a suspended one and pause of a running one are both put right" {
    drop_counter Suspended
    berth_start
    wait_for 20 is_in_phase SUSPENDED
    docker unpause counter
    wait_for 10 engine_state_is paused
    wait_for 10 is_in_phase SUSPENDED
    grep -q 'container was unpaused' "$LOG"
    drop_counter Running
    wait_for 10 is_in_phase RUNNING
    docker pause counter
    wait_for 10 engine_state_is running
    wait_for 10 is_in_phase RUNNING
    wait_for 5 field_is counter.yaml counter status.history.0.cause "container was paused"
}

@test "stopped keeps name, port and data; from suspended it ends by its own signal handler" {
    drop_counter Suspended
    berth_start
    wait_for 20 is_in_phase SUSPENDED
    id=$(container_field counter '{{.Id}}') port=$(port_of counter.yaml counter)
    drop_counter Stopped
    wait_for 10 is_in_phase TERMINATED
    engine_state_is exited
    [ "$(container_field counter '{{.State.ExitCode}}')" = 0 ]   # the handler ran: it was thawed before
    is_ready counter.yaml counter
    [ "$(port_of counter.yaml counter)" = "$port" ]
    data=$(count)
    [ "$data" -gt 0 ]
    [ "$(container_field counter '{{.Id}}')" = "$id" ]
    drop_counter Running
    wait_for 10 is_in_phase RUNNING
    [ "$(container_field counter '{{.Id}}')" = "$id" ]
    [ "$(status_of counter.yaml counter status.restarts.count)" = 0 ]
}

@test "a stopped one that is to be suspended is started and frozen" {
    drop_counter Stopped
    berth_start
    wait_for 20 is_in_phase TERMINATED
    drop_counter Suspended
    wait_for 10 is_in_phase SUSPENDED
    engine_state_is paused
}

@test "another spec makes a suspended one anew, and it is suspended again; deleting it leaves nothing" {
    drop_counter Suspended
    berth_start
    wait_for 20 is_in_phase SUSPENDED
    id=$(container_field counter '{{.Id}}')
    drop_counter Suspended 'hostname: another'
    is_another() { [[ $(container_field counter '{{.Id}} {{.State.Status}} {{.Config.Hostname}}') == *" paused another" ]]; }
    wait_for 15 is_another
    [ "$(container_field counter '{{.Id}}')" != "$id" ]
    wait_for 5 is_in_phase SUSPENDED
    rm "$SPECS/counter.yaml"
    wait_for 15 container_is_gone counter
}

@test "a controller that starts anew leaves a suspended one frozen; one killed meanwhile comes back frozen" {
    drop_counter Suspended
    berth_start
    wait_for 20 is_in_phase SUSPENDED
    started=$(container_field counter '{{.State.StartedAt}}')
    berth_kill9
    berth_start
    wait_for 10 is_in_phase SUSPENDED
    [ "$(container_field counter '{{.State.StartedAt}} {{.State.Status}}')" = "$started paused" ]
    docker kill counter
    is_back() { [[ $(container_field counter '{{.State.StartedAt}}') != "$started" ]] && engine_state_is paused; }
    wait_for 15 is_back
    wait_for 5 is_in_phase SUSPENDED
    [ "$(status_of counter.yaml counter status.restarts.last.exitCode)" = 137 ]
}

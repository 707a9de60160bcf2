#!/usr/bin/env bats
# Ports of tasks: leased from the block that the container publishes, told to the command, seen on the host.

load helpers
load task_helpers

# Serves its tree on the port that it was given.
SERVE='exec httpd -f -p $BERTH_PORT_PREVIEW'
PORTS='ports: [{name: preview}]'

host_port() { task_field "$1" "ports[name=${2:-preview}].hostPort"; }
container_port() { task_field "$1" "ports[name=${2:-preview}].containerPort"; }
# page_of TASK FILE: through the host
page_of() { curl -fsS --max-time 5 "http://127.0.0.1:$(host_port "$1")/$2"; }
published() { docker port "$1" | sed -n 's|^\(170[0-9]*\)/tcp -> 127.0.0.1:\([0-9]*\)$|\1 \2|p' | sort; }

@test "two tasks serve at the same time, each on its own port of one container; the status has the host ports" {
    task one "[sh, -c, 'echo one >page; $SERVE']" "$PORTS"
    task two "[sh, -c, 'echo two >page; $SERVE']" "$PORTS"
    berth_start
    for name in one two; do
        wait_for 40 is_running_task "$name"
        wait_for 10 page_of "$name" page
        [ "$(page_of "$name" page)" = "$name" ]
        published "$(repo)" | grep -qx "$(container_port "$name") $(host_port "$name")"
        [ "$(host_port "$name")" -ge "$PORT_FIRST" ]
        [ "$(host_port "$name")" -le "$PORT_LAST" ]
    done
    [ "$(host_port one)" != "$(host_port two)" ]
    [ "$(our_containers | wc -l)" -eq 1 ]
    [ "$(published "$(repo)" | wc -l)" -eq 4 ]
}

@test "several ports, with names that are no variable names" {
    task job '[sh, -c, "env | grep ^BERTH_PORT_ | sort"]' 'ports: [{name: web-ui}, {name: api}, {name: debug-2}]'
    berth_start
    wait_for 40 is_succeeded job
    [[ $(log_of job) =~ ^BERTH_PORT_API=[0-9]+$'\n'BERTH_PORT_DEBUG_2=[0-9]+$'\n'BERTH_PORT_WEB_UI=[0-9]+$ ]]
    [ "$(log_of job | cut -d= -f2 | sort -u | wc -l)" -eq 3 ]
}

@test "none left: the task waits and says so; the first that ends makes room, in the order of their coming" {
    settings 'taskPorts: 2'
    task one "[sh, -c, '$SERVE']" "$PORTS"
    task two "[sh, -c, '$SERVE']" "$PORTS"
    berth_start
    wait_for 40 is_running_task one
    wait_for 40 is_running_task two
    port=$(host_port one)
    task three "[sh, -c, 'echo three >page; $SERVE']" "$PORTS"
    wait_for 15 is_waiting_for three PortsExhausted
    [[ $(status_of three.yaml three 'status.conditions[type=Ready].message') == *"2 ports"* ]]
    field_is three.yaml three status.phase Pending
    task free '["true"]'    # who needs none does not wait
    wait_for 20 is_succeeded free
    complete one
    wait_for 25 is_running_task three
    [ "$(host_port three)" = "$port" ]
    wait_for 10 page_of three page
    [ "$(page_of three page)" = three ]
    refute task_field one 'ports[name=preview].hostPort'
    is_running_task two
}

@test "more than the container has: stalled with the numbers, until the Repository has more" {
    settings 'taskPorts: 1'
    task greedy '[sh, -c, "env | grep -c ^BERTH_PORT_"]' 'ports: [{name: a}, {name: b}]'
    berth_start
    wait_for 40 field_is greedy.yaml greedy status.error.reason PortsExhausted
    [[ $(status_of greedy.yaml greedy status.error.message) == *taskPorts* ]]
    settings 'taskPorts: 3'
    wait_for 40 is_succeeded greedy
    [ "$(log_of greedy)" = 2 ]
    [ "$(container_field "$(repo)" '{{len .HostConfig.PortBindings}}')" = 3 ]
}

@test "taskPorts 0 publishes nothing; the Repository's own ports are no task's" {
    settings 'taskPorts: 0
ports: [{name: own, containerPort: 17001}]'
    task job '["true"]'
    berth_start
    wait_for 40 is_succeeded job
    [ "$(container_field "$(repo)" '{{len .HostConfig.PortBindings}}')" = 1 ]
    settings 'taskPorts: 2
ports: [{name: own, containerPort: 17001}]'
    wait_for 10 field_is project.yaml project 'status.conditions[type=SpecValid].status' False
    [[ $(status_of project.yaml project status.error.message) == *"17001 to 17002"* ]]
}

@test "leases outlive a killed controller, and a new container has the same host ports" {
    task one "[sh, -c, 'echo one >page; $SERVE']" "$PORTS"
    task session '' "$PORTS"
    berth_start
    wait_for 40 is_running_task one
    wait_for 40 is_running_task session
    before="$(host_port one) $(host_port session)"
    berth_kill9
    berth_start
    task two "[sh, -c, 'echo two >page; $SERVE']" "$PORTS"
    wait_for 20 is_running_task two
    [ "$(host_port one) $(host_port session)" = "$before" ]
    [ "$(printf '%s\n' "$(host_port one)" "$(host_port session)" "$(host_port two)" | sort -u | wc -l)" -eq 3 ]
    [ "$(page_of one page)" = one ]
    ports=$(published "$(repo)")
    name=$(repo)
    docker rm -f "$name" >/dev/null
    wait_for 20 is_failed one
    wait_for 30 container_is_running "$name"
    [ "$(published "$name")" = "$ports" ]
    wait_for 10 is_running_task session
    [ "$(host_port session)" = "${before#* }" ]
}

@test "a port is leased for all attempts of a task" {
    task flaky '[sh, -c, "echo $BERTH_PORT_PREVIEW >>ports; test $(wc -l <ports) -ge 3"]' "$PORTS
backoffLimit: 5"
    berth_start
    wait_for 60 is_succeeded flaky
    [ "$(sort -u "$(tree_of flaky)/ports" | wc -l)" -eq 1 ]
}

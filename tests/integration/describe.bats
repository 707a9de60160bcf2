#!/usr/bin/env bats
# berth describe: all that is known of an object, and what to do about it.

load helpers
bats_require_minimum_version 1.5.0

describe() { "$BERTH" describe --specs "$SPECS" --state "$STATE" "$@"; }

@test "describe tells how an object stands, its spec in force, and what happened; with or without a controller" {
    { echo '# our web server'; cat <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: web, labels: {team: infra}}
spec:
  machineType: e2-small   # small is enough
  image: berth-test/web:1
  ports: [{name: http, containerPort: 8080}]
SPEC
    } | drop web.yaml
    run describe instance/web
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"Phase:"*"no status yet: no controller has looked at it"* ]]
    [[ $output == *"machineType: e2-small   # small is enough"* ]]
    berth_start
    wait_for 20 is_ready web.yaml web
    is_told() { describe instance/web | grep -q ' Normal  *Healthy '; }
    wait_for 5 is_told
    berth_kill9
    run --separate-stderr describe instance web
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [[ ${lines[0]} =~ ^Name:\ +web$ ]]
    [[ ${lines[1]} =~ ^Kind:\ +Instance$ ]]
    [[ $output =~ Labels:\ +team=infra ]]
    [[ $output =~ Spec:\ +web.yaml:[12] ]]
    [[ $output =~ Phase:\ +RUNNING ]]
    [[ $output =~ Ready:\ +True ]]
    [[ $output == *"127.0.0.1:$(port_of web.yaml web)->8080/TCP   http://127.0.0.1:$(port_of web.yaml web)/"* ]]
    [[ $output == *"web ($(container_field web '{{.Id}}' | cut -c1-12))"* ]]
    [[ $output == *"Conditions:"*"Ready "*"True "*"Healthy"* ]]
    [[ $output == *"History:"*"create "*"DONE"* ]]
    [[ $output == *"Events:"*"CreatedContainer"*"created container web"* ]]
    [[ $output != *"What to do:"* ]]
    [ "$(describe inst/web | head -1)" = "${lines[0]}" ]
    [ "$(describe web | head -1)" = "${lines[0]}" ]
}

@test "describe tells what is wrong and what to do, and the last good version while the file has errors" {
    drop bad.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: bad}
spec: {machineType: e2-small, image: "berth-test/none:1", imagePullPolicy: Never}
SPEC
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    wait_for 20 field_is bad.yaml bad 'status.conditions[type=Ready].reason' ImageNotFound
    run describe instance/bad
    [[ $output =~ Why:\ +ImageNotFound:\  ]]
    [[ $output == *"What to do:"*"ImageNotFound: "*"Correct spec.image"* ]]
    kept() { grep -qs e2-small "$STATE"/specs/*; }
    wait_for 10 kept
    sed -i 's/e2-small/e2-smal/' "$SPECS/web.yaml"
    wait_for 10 field_is web.yaml web 'status.conditions[type=SpecValid].status' False
    run describe instance/web
    [ "$status" -eq 0 ]
    [[ $output == *"the last good version of web.yaml, since it has errors now"* ]]
    [[ $output == *"Errors:"*"web.yaml:5:"*'did you mean "e2-small"'* ]]
    [[ $output == *"Spec in force:"*"machineType: e2-small"* ]]
    [[ $output == *"What to do:"*"InvalidMachineType: "* ]]
    # Several, and all of a kind.
    [ "$(describe instance/web instance/bad | grep -c '^Name:')" -eq 2 ]
    [ "$(describe instances | grep -c '^Name:')" -eq 2 ]
    [ "$(describe all | grep -c '^Name:')" -eq 2 ]
}

@test "a pool's members are described with the pool's template" {
    drop pool.yaml <<SPEC
apiVersion: berth.dev/v1
kind: InstancePool
metadata: {name: small}
spec:
  minInstances: 1
  maxInstances: 1
  template: {spec: {machineType: e2-small, image: "berth-test/web:1"}}
SPEC
    berth_start
    member() { "$BERTH" get --specs "$SPECS" --state "$STATE" instances -o json | jq -re '.items[0].metadata.name'; }
    wait_for 20 member
    run describe "instance/$(member)"
    [ "$status" -eq 0 ]
    [[ $output =~ Pool:\ +small ]]
    [[ $output == *"Spec in force:"*"minInstances: 1"* ]]
    run describe pool small
    [[ $output == *"Pool:"*"members: 1"* ]]
}

@test "describe says what is wrong with what it is asked for" {
    drop_instance web
    run describe instance/wbe
    [ "$status" -eq 1 ]
    [[ $output == 'berth describe: there is no Instance "wbe"; did you mean "web"?' ]]
    run describe
    [ "$status" -eq 2 ]
    run describe instnce web
    [ "$status" -eq 2 ]
    [[ $output == *'did you mean "Instance"?'* ]]
    run describe task
    [ "$status" -eq 0 ]
    [[ $output == "nothing found in $SPECS" ]]
}

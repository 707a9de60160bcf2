#!/usr/bin/env bats
# berth top: what containers use, as the engine says.

load helpers
load status_helpers
bats_require_minimum_version 1.5.0

top() { "$BERTH" top --engine "$DOCKER_HOST" --specs "$SPECS" --state "$STATE" "$@"; }

@test "top shows CPU, memory and tasks of instances and of repository containers" {
    drop_instance idle
    drop busy.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: busy}
spec:
  machineType: custom-1-64
  image: berth-test/web:1
  command: [sh, -c, 'while :; do :; done']
SPEC
    make_repo top
    drop top.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: look}
spec: {repository: $GIT_HTTP_URL/git/top.git}
SPEC
    berth_start
    wait_for 20 is_ready idle.yaml idle
    wait_for 20 is_ready busy.yaml busy
    wait_for 60 field_is top.yaml look status.phase Running

    run --separate-stderr top --sort-by cpu
    [ "$status" -eq 0 ]
    [[ ${lines[0]} =~ ^NAME\ +CPU\ +MEMORY\ +LIMIT\ +MEM%\ +TASKS\ +CONTAINER$ ]]
    [[ ${lines[1]} =~ ^instance/busy\ +[0-9]+\.[0-9]%\ +[0-9.]+[KM]iB\ +64\.0MiB\ +[0-9.]+%\ +0\ +busy$ ]]
    [[ $output =~ container/repo-.*\ 1\ +repo- ]]
    [[ $output == *instance/idle* ]]

    top -o json >"$TEST_DIR/top.json"
    item() { jq -e ".items[] | select(.name == \"$1\") | $2" "$TEST_DIR/top.json"; }
    item busy '.cpuCores > 0.01'
    [ "$(item busy .memoryLimitBytes)" = "$(docker inspect -f '{{.HostConfig.Memory}}' busy)" ]
    item idle '.cpuCores < 0.5 and .memoryBytes > 0'

    run --separate-stderr top tasks
    [[ ${lines[1]} =~ ^look\ +.*%\ +.*\ 1\ +repo- ]]

    docker stop -t 0 idle >/dev/null
    [ "$(top instance/idle --no-headers 2>/dev/null | wc -l)" = 1 ]
}

@test "top asks about all containers at once: one after the other would take six times as long as docker stats" {
    local i docker berth began
    for i in 1 2 3 4 5 6 7 8; do
        drop "i$i.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: i$i}
spec: {machineType: custom-1-64, zone: zone-$BATS_SUITE_TEST_NUMBER, image: "berth-test/busybox:1", command: [sleep, "1000"]}
SPEC
    done
    berth_start
    for i in 1 2 3 4 5 6 7 8; do wait_for 30 is_ready "i$i.yaml" "i$i"; done
    began=$EPOCHREALTIME
    docker stats --no-stream >/dev/null
    docker=$((${EPOCHREALTIME/./} - ${began/./}))
    began=$EPOCHREALTIME
    run --separate-stderr top instances --no-headers
    berth=$((${EPOCHREALTIME/./} - ${began/./}))
    echo "docker stats: $docker us, berth top: $berth us"
    [ "${#lines[@]}" -eq 8 ]
    ((berth < 4 * docker))
}

@test "top --watch measures again and again" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    "$BERTH" top -w -o json --engine "$DOCKER_HOST" --specs "$SPECS" --state "$STATE" >"$TEST_DIR/out" 2>/dev/null &
    pid=$!
    three() { [ "$(jq -c '.items[0].memoryBytes > 0' "$TEST_DIR/out" | grep -c true)" -ge 3 ]; }
    wait_for 15 three
    kill "$pid"
    code=0
    wait "$pid" || code=$?
    [ "$code" -eq 143 ]
}

@test "top says so when the engine does not answer, and what a container is not there for" {
    write_statuses
    run "$BERTH" top --engine unix:///nowhere/docker.sock --specs "$SPECS" --state "$STATE"
    [ "$status" -eq 1 ]
    [[ $output == *"berth top: "*"/nowhere/docker.sock"*"berth get works without it"* ]]
    run --separate-stderr top instances
    [ "$status" -eq 0 ]
    [[ ${lines[1]} =~ ^broken\ +-\ +-\ +-\ +-\ +0\ +-$ ]]
    run top instance/nothing
    [ "$status" -eq 1 ]
    [[ $output == *'there is no Instance "nothing"'* ]]
    run top -o yaml
    [ "$status" -eq 2 ]
}

#!/usr/bin/env bats
# berth run: its options, its ends, and what it never does.

load helpers

@test "--once brings everything up and exits 0, and again with nothing to do" {
    drop_instance web
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$PORT_LAST" --once
    [ "$status" -eq 0 ]
    container_is_running web
    id=$(container_field web '{{.Id}}')
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$PORT_LAST" --once
    [ "$status" -eq 0 ]
    [ "$(container_field web '{{.Id}}')" = "$id" ]
    curl -fsS "http://127.0.0.1:$(port_of web.yaml web)/" | grep -q web
}

@test "--once exits 1 and names what is invalid, while the rest comes up" {
    drop_instance web
    drop bad.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: bad}
spec: {machineType: e2-smal}
SPEC
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$PORT_LAST" --once
    [ "$status" -eq 1 ]
    [[ $output == *"bad.yaml:4:21: spec.machineType:"*"e2-small"* ]]
    container_is_running web
    container_is_gone bad
}

@test "--once exits 1 and names what cannot come up: an image that may not be pulled" {
    drop never.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: never}
spec: {image: "berth-test/absent:1", imagePullPolicy: Never}
SPEC
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --once
    [ "$status" -eq 1 ]
    [[ $output == *"Instance/never:"*"ImageNotFound"*"berth-test/absent:1"* ]]
}

@test "--once waits for a task and exits 1 when it fails, naming the exit code" {
    drop_sample_task t.yaml '[sh, -c, "exit 7"]'
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --repository-image berth-test/busybox:1 --once
    [ "$status" -eq 1 ]
    [[ $output == *"Task/t-$BATS_SUITE_TEST_NUMBER: Failed"*"7"* ]]
}

@test "--once takes what is dropped while it is not done yet" {
    drop_sample_task t.yaml '[sh, -c, "while [ ! -e go ]; do sleep 0.1; done"]'
    berth_run_in_background --once
    running() { field_is t.yaml "t-$BATS_SUITE_TEST_NUMBER" status.phase Running; }
    wait_for 30 running
    drop_instance web
    wait_for 15 is_ready web.yaml web
    touch "$(status_of t.yaml "t-$BATS_SUITE_TEST_NUMBER" status.task.tree.hostPath)/go"
    wait "$BERTH_PID"
    container_is_running web
}

@test "usage errors exit 2, say what is wrong and where to look" {
    run "$BERTH" run --sepcs "$SPECS"
    [ "$status" -eq 2 ]
    [[ $output == *"berth run --help"* ]]
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --ports 5-3
    [ "$status" -eq 2 ]
    [[ $output == *"5-3"* ]]
    run "$BERTH" run --log-format xml
    [ "$status" -eq 2 ]
    run "$BERTH" rnu
    [ "$status" -eq 2 ]
    [[ $output == *'did you mean "run"'* ]]
}

@test "a state directory among the specs is refused, and specs where it keeps its own" {
    run "$BERTH" run --specs "$TEST_DIR" --state "$STATE" --once
    [ "$status" -eq 2 ]
    [[ $output == *"is in the spec directory"*"put --state elsewhere"* && -z $(ls -A "$STATE") ]]
    run "$BERTH" run --specs "$SPECS" --state "$SPECS" --once
    [ "$status" -eq 2 ]
    run "$BERTH" run --specs "$SPECS" --state "$TEST_DIR" --once
    [ "$status" -eq 2 ]
    [[ $output == *"is where the state directory"* ]]
    # What is hidden is no spec, and a name that begins alike is another directory.
    run "$BERTH" run --specs "$SPECS" --state "$SPECS/.berth" --dry-run
    [ "$status" -eq 0 ]
    run "$BERTH" run --specs "$SPECS" --state "$SPECS-state" --dry-run
    [ "$status" -eq 0 ]
}

@test "--once exits 3 when there is no engine, and names its address" {
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --engine "unix://$TEST_DIR/no.sock" --once
    [ "$status" -eq 3 ]
    [[ $output == *"$TEST_DIR/no.sock"* ]]
}

@test "--engine takes tcp, and DOCKER_HOST is honoured" {
    socket=${DOCKER_HOST#unix://}
    [[ $DOCKER_HOST == unix://* ]] || skip "the engine is not on a socket"
    socat "TCP-LISTEN:$PORT_LAST,bind=127.0.0.1,fork,reuseaddr" "UNIX-CONNECT:$socket" 3>&- &
    proxy=$!
    drop_instance web
    wait_for 5 curl -fsS "http://127.0.0.1:$PORT_LAST/_ping"
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$((PORT_LAST - 1))" \
        --engine "tcp://127.0.0.1:$PORT_LAST" --once
    kill "$proxy"
    [ "$status" -eq 0 ]
    container_is_running web
}

@test "--dry-run prints each action with its cause, writes no file and sends nothing but GET" {
    drop_instance web
    drop_instance fixed "$((PORT_LAST - 1))"
    rmdir "$STATE"
    socket=${DOCKER_HOST#unix://}
    [[ $DOCKER_HOST == unix://* ]] || skip "the engine is not on a socket"
    socat -v "UNIX-LISTEN:$TEST_DIR/spy.sock,fork" "UNIX-CONNECT:$socket" 2>"$TEST_DIR/spy.log" 3>&- &
    proxy=$!
    wait_for 5 test -S "$TEST_DIR/spy.sock"
    before=$(cd "$TEST_DIR" && find specs -printf '%p %T@ %s\n' | sort; docker ps -aq | sort; docker network ls -q | sort; docker images -q | sort)
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$PORT_LAST" \
        --engine "unix://$TEST_DIR/spy.sock" --dry-run
    kill "$proxy"
    [ "$status" -eq 0 ]
    [[ $output == *"create container web from berth-test/web:1 (container does not exist)"* ]]
    [[ $output == *"lease port http = 127.0.0.1:$((PORT_LAST - 1))/tcp"* ]]
    [ ! -e "$STATE" ]
    after=$(cd "$TEST_DIR" && find specs -printf '%p %T@ %s\n' | sort; docker ps -aq | sort; docker network ls -q | sort; docker images -q | sort)
    diff <(echo "$before") <(echo "$after")
    grep -aq '^GET /' "$TEST_DIR/spy.log"
    ! grep -aE '^(POST|PUT|DELETE|PATCH|HEAD) /' "$TEST_DIR/spy.log" || return 1
}

@test "--dry-run shows what the absence of a spec would take away" {
    drop_instance web
    drop_instance other
    "$BERTH" run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$PORT_LAST" --once
    rm "$SPECS/web.yaml"
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$PORT_LAST" --dry-run
    [ "$status" -eq 0 ]
    [[ $output == *"Instance/web: delete"*"remove container web (no longer wanted)"*"3 actions"* ]]
    container_is_running web
    "$BERTH" run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$PORT_LAST" --once
    container_is_gone web
    container_is_running other
}

@test "SIGTERM ends it with 0 and leaves the containers running" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    berth_stop
    container_is_running web
    [ ! -e "$STATE/leases.json" ] || jq -e '.leases | length == 1' "$STATE/leases.json"
}

@test "SIGHUP looks at everything again" {
    berth_start --poll --scan-interval 1h
    drop_instance web
    kill -HUP "$BERTH_PID"
    wait_for 20 is_ready web.yaml web
}

@test "a second controller on the state directory refuses to start and names the first's pid" {
    berth_start
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --once
    [ "$status" -ne 0 ]
    [[ $output == *"$BERTH_PID"* ]]
    kill -0 "$BERTH_PID"
}

@test "two controllers with their own state share an engine without touching each other's containers" {
    drop_instance mine
    berth_start
    wait_for 20 is_ready mine.yaml mine
    mkdir -p "$TEST_DIR/specs2" "$TEST_DIR/state2"
    sed "s/name: mine/name: theirs/" "$SPECS/mine.yaml" >"$TEST_DIR/specs2/theirs.yaml"
    run "$BERTH" run --specs "$TEST_DIR/specs2" --state "$TEST_DIR/state2" \
        --ports "$PORT_FIRST-$PORT_LAST" --orphan-grace 1s --once
    remove="$(cat "$TEST_DIR/state2/controller-id")"
    [ "$status" -eq 0 ]
    container_is_running mine
    container_is_running theirs
    [ "$(container_field mine '{{(index (index .NetworkSettings.Ports "8080/tcp") 0).HostPort}}')" != \
      "$(container_field theirs '{{(index (index .NetworkSettings.Ports "8080/tcp") 0).HostPort}}')" ]
    remove_labelled dev.berth.controller "$remove"
}

@test "the log is JSON lines when asked for, one object a line" {
    drop_instance web
    berth_start --log-format json
    wait_for 20 is_ready web.yaml web
    berth_stop
    jq -es 'length > 3 and all(.[]; has("time") and has("level") and has("event"))' "$LOG"
}

@test "--once gives up after --timeout, and names what is not well" {
    drop web.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: web}
spec:
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/web:1
  terminationGracePeriodSeconds: 0
  readinessProbe: {tcpSocket: {port: 9}, periodSeconds: 1}
SPEC
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$PORT_LAST" \
        --network-range "$NETWORK_RANGE" --once --timeout 5s
    [ "$status" -eq 1 ]
    [[ $output == *"not converged after 5 s"*"Instance/web: "*ProbeFailed* ]]
    container_is_running web
}

#!/usr/bin/env bats
# berth wait: until objects are as they should be.

bats_require_minimum_version 1.5.0
load helpers

berth_wait() { "$BERTH" wait --specs "$SPECS" --state "$STATE" "$@"; }

@test "conditions, phases, fields and deletions are waited for" {
    drop_instance web
    berth_start
    run --separate-stderr berth_wait instance/web --for=condition=Ready --timeout 30s
    [ "$status" -eq 0 ]
    [ "$output" = "instance/web condition met" ]
    is_ready web.yaml web
    run berth_wait instance web --for=phase=running
    [ "$status" -eq 0 ]
    run --separate-stderr berth_wait inst/web --for=jsonpath='{.status.ports[0].hostPort}'="$(port_of web.yaml web)"
    [ "$status" -eq 0 ]
    run berth_wait -f "$SPECS/web.yaml"
    [ "$status" -eq 0 ]
    run --separate-stderr berth_wait instance/web --for=condition=Ready=False --timeout 1s
    [ "$status" -eq 124 ]
    [ -z "$output" ]
    [[ $stderr == *"berth wait: after 1 s there is still missing:"*"instance/web: RUNNING"* ]]
    berth_wait instance/web --for=delete --timeout 30s >"$TEST_DIR/out" 2>"$TEST_DIR/err" 3>&- &
    pid=$!
    wait_for 10 grep -q 'its spec is still there' "$TEST_DIR/err"
    rm "$SPECS/web.yaml"
    wait "$pid"
    [ "$(cat "$TEST_DIR/out")" = "instance/web deleted" ]
    run berth_wait instance/web --for=delete
    [ "$status" -eq 0 ]
}

@test "a deletion is over when the container is gone, but for one that is to be kept" {
    drop slow.yaml <<'SPEC'
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: slow}
spec:
  machineType: e2-small
  image: berth-test/busybox:1
  command: [sh, -c, "trap 'sleep 1; exit' TERM; while :; do sleep 0.1; done"]
---
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: kept}
spec: {machineType: e2-small, deletionPolicy: Retain}
SPEC
    berth_start
    berth_wait -f "$SPECS/slow.yaml" --timeout 30s
    rm "$SPECS/slow.yaml"
    run --separate-stderr berth_wait instance/slow instance/kept --for=delete --timeout 30s
    [ "$status" -eq 0 ]
    container_is_gone slow
    container_is_running kept
}

@test "a controller that was started just now is waited for" {
    drop_instance web
    (sleep 0.5 && exec "$BERTH" run --specs "$SPECS" --state "$STATE" --network-range "$NETWORK_RANGE" \
        --ports "$PORT_FIRST-$PORT_LAST") >>"$LOG" 2>&1 </dev/null 3>&- &
    BERTH_PID=$!
    run --separate-stderr berth_wait instance/web --timeout 30s
    [ "$status" -eq 0 ]
    [ "$output" = "instance/web condition met" ]
}

@test "a status counts when it speaks of the spec that is in the file" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    kill -STOP "$BERTH_PID"
    sed -i 's/^spec:/spec:\n  hostname: other/' "$SPECS/web.yaml"
    run --separate-stderr berth_wait instance/web --timeout 1s
    kill -CONT "$BERTH_PID"
    [ "$status" -eq 124 ]
    [[ $stderr == *"has not taken up this version of its spec yet"* ]]
    run berth_wait instance/web --timeout 30s
    [ "$status" -eq 0 ]
    [ "$(docker exec web hostname)" = other ]
}

@test "what cannot come is told at once" {
    drop_instance web
    sed -i 's|berth-test/web:1|berth-test/none:1\n  imagePullPolicy: Never|' "$SPECS/web.yaml"
    drop_instance bad
    sed -i 's/machineType: e2-small/machineType: e2-smal/' "$SPECS/bad.yaml"
    berth_start
    run --separate-stderr berth_wait instance/web --for=condition=Ready --timeout 50s
    [ "$status" -eq 1 ]
    [[ $stderr == *"berth wait: instance/web: ImageNotFound: "* ]]
    run berth_wait instance/web --for=condition=Stalled
    [ "$status" -eq 0 ]
    run --separate-stderr berth_wait instance/bad --timeout 50s
    [ "$status" -eq 1 ]
    [[ $stderr == *"berth wait: instance/bad: InvalidSpec: "*'did you mean "e2-small"'* ]]
    run --separate-stderr berth_wait task/none --timeout 50s
    [ "$status" -eq 1 ]
    [[ $stderr == *"task/none: NotFound"* ]]
}

@test "a task that fails is not waited for any longer" {
    make_repo wait-task
    drop task.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: bad}
spec: {repository: $GIT_HTTP_URL/git/wait-task.git, command: [sh, -c, "exit 4"]}
SPEC
    berth_start
    run --separate-stderr berth_wait task/bad --for=phase=Succeeded --timeout 50s
    [ "$status" -eq 1 ]
    [[ $stderr == *"berth wait: task/bad: Error: "*"code 4"* ]]
    run berth_wait task/bad --for=phase=Failed
    [ "$status" -eq 0 ]
    run berth_wait task/bad --for=jsonpath='{.status.task.exitCode}'=4
    [ "$status" -eq 0 ]
}

@test "wrong words are told, with the nearest one" {
    wrong() {
        run berth_wait "${@:2}"
        [ "$status" -eq 2 ] && [[ ${lines[0]} == *"$1"* ]] && return
        echo "$*: $status $output"
        return 1
    }
    wrong 'name what to wait for'
    wrong 'there is no condition "Redy"; did you mean "Ready"?' instance/web --for=condition=Redy
    wrong 'there is no phase "Suceeded"; did you mean "Succeeded"?' instance/web --for=phase=Suceeded
    wrong 'is none of condition=TYPE' instance/web --for=ready
    wrong 'jsonpath={.status' instance/web --for=jsonpath='{.status'
    wrong 'did you mean "tasks"' taks/x
    wrong '"0s" is not a time' instance/web --timeout 0s
    run berth_wait instance/web
    [ "$status" -eq 1 ]
    [[ $output == *"no controller runs with state directory $STATE"* ]]
    echo '# nothing yet' >"$TEST_DIR/empty.yaml"
    run berth_wait -f "$TEST_DIR/empty.yaml"
    [ "$status" -eq 1 ]
    [[ $output == *"there is no object in the specs"* ]]
}

#!/usr/bin/env bats
# berth attach: a shell in a session, or the output of what runs.

bats_require_minimum_version 1.5.0
load helpers
load task_helpers

attach() { "$BERTH" attach --specs "$SPECS" --state "$STATE" "$@"; }

# on_terminal COMMAND: as in exec.bats; keys come from the fifo `keys`.
on_terminal() {
    [ -p "$TEST_DIR/keys" ] || mkfifo "$TEST_DIR/keys"
    script -qec "$1" /dev/null 0<>"$TEST_DIR/keys" | sed -u 's/\r//g'
}
press() { printf "$1" >"$TEST_DIR/keys"; }

@test "attach to an instance shows what its main process writes, and ends with it" {
    drop box.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: box}
spec:
  machineType: e2-small
  image: berth-test/busybox:1
  restartPolicy: Never
  command: [sh, -c, "trap 'echo bye; exit 7' TERM; while :; do echo out; echo err >&2; sleep 0.1; done"]
SPEC
    berth_start
    wait_for 20 is_ready box.yaml box
    attach box >"$TEST_DIR/out" 2>"$TEST_DIR/err" </dev/null 3>&- &
    pid=$!
    wait_for 5 grep -q '^out$' "$TEST_DIR/out"
    wait_for 5 grep -q '^err$' "$TEST_DIR/err"
    docker kill -s TERM box
    wait_for 10 process_is_gone "$pid"
    run -7 wait "$pid"
    [ "$(tail -1 "$TEST_DIR/out")" = bye ]

    wait_for 10 field_is box.yaml box 'status.conditions[type=Ready].status' False
    run attach box
    [ "$status" -eq 1 ]
    [[ $output == "berth attach: the container of instance/box does not run"* ]]
    run attach -i box
    [ "$status" -eq 2 ]
    [[ $output == *"-i and -t are for open sessions"* ]]
    run attach bxo
    [ "$status" -eq 1 ]
    [[ $output == *'did you mean "box"?' ]]
    run attach
    [ "$status" -eq 2 ]
    run attach -t box </dev/null
    [ "$status" -eq 2 ]
}

@test "ctrl-c leaves what runs alone" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    id=$(container_field web '{{.Id}} {{.State.StartedAt}}')
    # A job in the background has SIGINT ignored, and so have its children.
    env --default-signal=INT "$BERTH" attach --specs "$SPECS" --state "$STATE" web >"$TEST_DIR/out" 2>&1 3>&- &
    pid=$!
    is_attached() { ls -l "/proc/$pid/fd" 2>/dev/null | grep -q socket:; }
    wait_for 10 is_attached
    kill -INT "$pid"
    status=0
    wait "$pid" || status=$? # not by run: its shell is not the parent, and may be too early to know the end
    [ "$status" -eq 130 ]
    [ "$(container_field web '{{.Id}} {{.State.StartedAt}}')" = "$id" ]
}

@test "attach to a task: of a command its output and exit code, of a session a shell in its tree" {
    make_repo attached
    drop tasks.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: run}
spec:
  repository: $GIT_HTTP_URL/git/attached.git
  command: [sh, -c, "echo first; until [ -e go ]; do sleep 0.1; done; echo last; exit 5"]
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: fix}
spec: {repository: $GIT_HTTP_URL/git/attached.git}
SPEC
    berth_start
    wait_for 60 field_is tasks.yaml run status.phase Running
    wait_for 60 field_is tasks.yaml fix status.phase Running
    has_begun() { "$BERTH" logs --specs "$SPECS" --state "$STATE" run | grep -q first; }
    wait_for 10 has_begun
    "$BERTH" attach --specs "$SPECS" --state "$STATE" task/run >"$TEST_DIR/out" 2>&1 3>&- &
    pid=$!
    waits() { grep -q inotify "/proc/$pid/fdinfo/"* 2>/dev/null; }
    wait_for 10 waits
    "$BERTH" exec --specs "$SPECS" --state "$STATE" run -- touch go
    wait_for 20 process_is_gone "$pid"
    run -5 wait "$pid"
    [ "$(cat "$TEST_DIR/out")" = last ]
    run attach task/run
    [ "$status" -eq 1 ]
    [[ $output == "berth attach: task/run does not run now (Failed"* ]]

    [ "$(echo 'pwd; exit' | attach -i fix)" = /workspace/fix ]
    run attach fix <<<'exit 9'
    [ "$status" -eq 9 ]
    on_terminal "$BERTH attach --specs $SPECS --state $STATE fix; echo code \$?" >"$TEST_DIR/screen" 3>&- &
    sh_waits() { [[ -s $TEST_DIR/screen ]]; }
    wait_for 10 sh_waits
    press 'tty; pwd; exit 4\n'
    wait_for 10 grep -q 'code 4' "$TEST_DIR/screen"
    grep -q '^/dev/pts' "$TEST_DIR/screen"
    grep -q '^/workspace/fix' "$TEST_DIR/screen"
}

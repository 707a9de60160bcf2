#!/usr/bin/env bats
# berth logs: of a task from its file, of an instance or a repository from the engine.

bats_require_minimum_version 1.5.0
load helpers

logs() { "$BERTH" logs --specs "$SPECS" --state "$STATE" "$@"; }

setup() {
    berth_setup
    runner=$(dirname "$(realpath "$BERTH")")/berth-runner
    records=$TEST_DIR/tasks/fix-1
    RUNNER_PID=
}

teardown() {
    [[ -z $RUNNER_PID ]] || kill -9 "$RUNNER_PID" 2>/dev/null || true
    berth_teardown
}

# status_file PHASE [ATTEMPT]: what a controller would write of a task with its records in $records.
status_file() {
    mkdir -p "$records"
    cat >"$SPECS/.new" <<STATUS
apiVersion: berth.dev/v1
kind: Task
metadata: {name: fix}
status:
  phase: $1
  conditions: [{type: Ready, status: "False", reason: Waiting, message: waits for its repository container}]
  task: {id: fix-1${2:+, attempt: $2, logFile: $records/$2.log}}
STATUS
    mv "$SPECS/.new" "$SPECS/fix.status.yaml"
}

attempt() { "$runner" run --dir "$records" --attempt "$@"; }
attempt_in_background() {
    "$runner" run --dir "$records" --attempt "$@" 3>&- &
    RUNNER_PID=$!
}

@test "the log of a task's attempts is shown, also when everything else is gone" {
    status_file Failed 2
    attempt 1 -- sh -c 'echo first' || true
    attempt 2 -- sh -c 'echo second; echo err >&2; printf "no end"; exit 3' || true
    [ "$(logs fix)" = $'second\nerr\nno end' ]
    [ "$(logs task/fix --attempt 1)" = first ]
    [ "$(logs -f fix)" = $'second\nerr\nno end' ]
    [ "$(logs --follow --tail 1 --attempt 2 fix)" = "no end" ]
    run logs --attempt 3 fix
    [ "$status" -eq 1 ]
    [ "$output" = "berth logs: task/fix has no attempt 3: its last one is 2" ]
}

@test "--tail shows the last lines, however they end" {
    status_file Succeeded 1
    expect() { # TEXT, and what --tail 2 makes of it
        printf "$1" >"$records/1.log"
        diff <(logs --tail 2 fix) <(printf "$2")
    }
    expect 'a\nb\nc\n' 'b\nc\n'
    expect 'a\nb\nc' 'b\nc'
    expect 'a\n' 'a\n'
    expect 'a' 'a'
    expect '' ''
    expect '\n\n\n' '\n\n'
    expect 'a\n\n' 'a\n\n'
    [ "$(logs --tail 0 fix)" = "" ]
    # lines that are longer than what is read at once, and blocks that end with a line
    for size in 65535 65536 65537 131072 200000; do
        { echo first; head -c "$size" /dev/zero | tr '\0' x; echo; echo last; } >"$records/1.log"
        cmp <(logs --tail 2 fix) <(tail -n 2 "$records/1.log")
        cmp <(logs --tail 3 fix) "$records/1.log"
    done
    for lines in 1 7 5000 20000; do
        seq 1000000 1020000 >"$records/1.log"
        cmp <(logs --tail "$lines" fix) <(tail -n "$lines" "$records/1.log")
    done
    for number in x -1 1.5 99999999999; do
        run logs --tail "$number" fix
        [ "$status" -eq 2 ]
    done
}

@test "a large log takes neither memory nor, for its tail, time" {
    status_file Succeeded 1
    yes 'a line of a log that is as long as it may be' | head -c $((64 << 20)) >"$records/1.log"
    before=$(date +%s%N)
    cmp <(logs --tail 3 fix) <(tail -n 3 "$records/1.log")
    [ $(($(date +%s%N) - before)) -lt 500000000 ]
    # no more than 16 MiB of memory on top of what the program itself maps
    for options in "" "-f" "--tail 1000000"; do
        (ulimit -d 16384; logs $options fix) | tail -n 1000000 | cmp - <(tail -n 1000000 "$records/1.log")
    done
}

@test "following shows what comes as it comes, and ends with the attempt" {
    status_file Running 1
    mkfifo "$TEST_DIR/go"
    attempt_in_background 1 -- sh -c 'echo one; read line <"$0"; echo two; printf three; exit 4' "$TEST_DIR/go"
    wait_for 10 test -s "$records/1.log"
    logs -f fix >"$TEST_DIR/out" 3>&- &
    follower=$!
    wait_for 10 grep -q one "$TEST_DIR/out"
    kill -0 "$follower"
    echo go >"$TEST_DIR/go"
    wait "$follower" # 0, though the task failed
    [ "$(cat "$TEST_DIR/out")" = $'one\ntwo\nthree' ]
    # a runner that is killed ends it too
    attempt_in_background 2 -- sh -c 'echo one; sleep 1000'
    wait_for 10 test -s "$records/2.log"
    logs -f --attempt 2 fix >"$TEST_DIR/out" 3>&- &
    follower=$!
    wait_for 10 grep -q one "$TEST_DIR/out"
    kill -9 "$RUNNER_PID"
    wait "$follower"
}

@test "following waits for a task that has not started, and does nothing meanwhile" {
    status_file Pending
    run logs fix
    [ "$status" -eq 1 ]
    [ "$output" = "berth logs: task/fix has no log yet: its command has not started (Pending: waits for its repository container); -f waits for it" ]
    logs -f fix >"$TEST_DIR/out" 2>"$TEST_DIR/err" 3>&- &
    follower=$!
    status_file Preparing 1
    attempt_in_background 1 -- sh -c 'echo at last; sleep 1000'
    wait_for 10 grep -q 'at last' "$TEST_DIR/out"
    status_file Running 1
    ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$follower/stat"; }
    sleep 2 # while nothing comes
    before=$(ticks)
    sleep 3
    [ "$(ticks)" -eq "$before" ]
    kill "$RUNNER_PID"
    wait "$follower"
    [ ! -s "$TEST_DIR/err" ]
    # one that never starts
    rm -r "$records"
    status_file Pending
    logs -f fix >"$TEST_DIR/out" 2>"$TEST_DIR/err" 3>&- &
    follower=$!
    status_file Failed
    code=0
    wait "$follower" || code=$?
    [ "$code" -eq 1 ]
    [ "$(cat "$TEST_DIR/err")" = "berth logs: task/fix has no log: its command never ran (Failed: waits for its repository container)" ]
    status_file Pending
    logs -f fix >"$TEST_DIR/out" 2>"$TEST_DIR/err" 3>&- &
    follower=$!
    rm "$SPECS/fix.status.yaml"
    code=0
    wait "$follower" || code=$?
    [ "$code" -eq 1 ]
    grep -qE 'task/fix is gone: its spec was removed|there is no .*"fix"' "$TEST_DIR/err" # it may have come first
}

@test "a log that has expired is told apart, and while it is followed ends it" {
    status_file Running 1
    attempt_in_background 1 -- sh -c 'echo one; sleep 1000'
    wait_for 10 test -s "$records/1.log"
    logs -f fix >"$TEST_DIR/out" 3>&- &
    follower=$!
    wait_for 10 grep -q one "$TEST_DIR/out"
    rm -r "$records"
    wait "$follower"
    kill -9 "$RUNNER_PID"
    status_file Succeeded 1
    for gone in file folder; do
        run logs fix
        [ "$status" -eq 1 ]
        [ "$output" = "berth logs: the log of task/fix has expired: logs are removed ttlSecondsAfterFinished after the end of their task; it was $records/1.log" ]
        rm -rf "$records"
    done
}

# The folder of the records is the container's too.
@test "what a container puts in place of its log is not shown" {
    status_file Succeeded 1
    echo secret >"$TEST_DIR/1.log"
    ln -s "$TEST_DIR/1.log" "$records/1.log"
    run logs fix
    [ "$status" -eq 1 ]
    [[ $output != *secret* ]]
    rm "$records/1.log"
    mkfifo "$records/1.log"
    run timeout 10 "$BERTH" logs --specs "$SPECS" --state "$STATE" fix
    [ "$status" -eq 1 ]
    [ "$output" = "berth logs: log 1.log of task fix-1 is no regular file" ]
    rm -r "$records"
    ln -s "$TEST_DIR" "$records"
    run logs fix
    [ "$status" -eq 1 ]
    [[ $output != *secret* ]]
    rm "$records"
    # and so is what no controller would have written
    sed -i "s|logFile: .*|logFile: /etc/passwd}|" "$SPECS/fix.status.yaml"
    run logs fix
    [ "$status" -eq 1 ]
    [ "$output" = 'berth logs: "/etc/passwd" is no log of a task' ]
}

@test "who reads no further ends it quietly" {
    status_file Succeeded 1
    seq 1000000 >"$records/1.log"
    run bash -c '"$@" | head -n 1; echo "${PIPESTATUS[0]}"' - "$BERTH" logs --specs "$SPECS" --state "$STATE" fix
    [ "$output" = $'1\n141' ]
    run bash -c '"$@" >/dev/full' - "$BERTH" logs --specs "$SPECS" --state "$STATE" fix
    [ "$status" -eq 1 ]
    [ "$output" = "berth logs: write to standard output: No space left on device" ]
}

@test "the log of a real task, and why an open session has none" {
    make_repo "repo$BATS_SUITE_TEST_NUMBER"
    drop work.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: work}
spec:
  repository: $GIT_HTTP_URL/git/repo$BATS_SUITE_TEST_NUMBER.git
  command: [sh, -c, "echo begin; for i in 1 2 3; do sleep 0.3; echo \$i; done; exit 3"]
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: open}
spec: {repository: "$GIT_HTTP_URL/git/repo$BATS_SUITE_TEST_NUMBER.git"}
SPEC
    berth_start
    wait_for 10 status_of work.yaml work status.phase
    [ "$(logs -f task/work)" = $'begin\n1\n2\n3' ]
    wait_for 30 field_is work.yaml open status.phase Running
    run logs open
    [ "$status" -eq 1 ]
    [ "$output" = "berth logs: task/open is an open session: it runs no command, and so has no log; to run one in it: berth exec task/open -- COMMAND" ]
    run logs -f open
    [ "$status" -eq 1 ]
}

@test "the log of an instance comes from the engine, on both streams, and can be followed to its end" {
    drop box.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: box}
spec:
  machineType: e2-small
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/busybox:1
  restartPolicy: Never
  command: [sh, -c, "seq 1000; echo err >&2; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo over"]
SPEC
    berth_start
    wait_for 20 container_is_running box
    wait_for 10 test_logged
    run --separate-stderr logs box
    [ "$output" = "$(seq 1000)" ]
    [ "$stderr" = err ]
    [ "$(logs --tail 2 instance/box 2>&1 | wc -l)" -eq 2 ]
    logs -f --tail 1 box >"$TEST_DIR/out" 2>&1 3>&- &
    follower=$!
    wait_for 10 test -s "$TEST_DIR/out"
    docker exec box touch /tmp/go
    wait "$follower"
    [ "$(tail -n 1 "$TEST_DIR/out")" = over ]
    run logs --attempt 1 box
    [ "$status" -eq 2 ]
    run logs --engine "unix://$TEST_DIR/no.sock" box
    [ "$status" -eq 1 ]
    [[ $output == *"does not answer"* ]]
}
test_logged() { docker logs box 2>&1 | grep -q err; }

@test "the log of a repository's container is what its process 1 wrote" {
    make_repo "repo$BATS_SUITE_TEST_NUMBER"
    drop project.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: project}
spec: {url: "$GIT_HTTP_URL/git/repo$BATS_SUITE_TEST_NUMBER.git", warm: true}
SPEC
    berth_start
    wait_for 30 container_is_running_of project
    run logs project
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    rm "$SPECS/project.yaml"
    run logs projekt
    [ "$status" -eq 1 ]
    [[ $output == *'did you mean "project"?' ]]
}
container_is_running_of() { container_is_running "$(status_of "$1.yaml" "$1" status.container.name)"; }

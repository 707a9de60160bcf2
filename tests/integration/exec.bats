#!/usr/bin/env bats
# berth exec: a command in the container of an instance, a repository or a task.

bats_require_minimum_version 1.5.0
load helpers

exec_in() { "$BERTH" exec --specs "$SPECS" --state "$STATE" "$@"; }

# An instance whose shell idles.
start_box() {
    drop box.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: box}
spec:
  machineType: e2-small
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/busybox:1
  command: [sh, -c, "trap 'exit 0' TERM; while :; do sleep 1; done"]
  workingDir: /home/app
  env: [{name: GREETING, value: hello}]
SPEC
    berth_start "$@"
    wait_for 20 is_ready box.yaml box
}

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

# on_terminal COMMAND: runs a shell command line on a terminal of its own; what it shows is the output, but
# for carriage returns. Keys come from the fifo `keys`, which is there and never ends.
on_terminal() {
    [ -p "$TEST_DIR/keys" ] || mkfifo "$TEST_DIR/keys"
    script -qec "$1" /dev/null 0<>"$TEST_DIR/keys" | sed -u 's/\r//g'
}
press() { printf "$1" >"$TEST_DIR/keys"; }

@test "a command has its arguments, streams, environment and directory, and its exit code is ours" {
    start_box
    run --separate-stderr exec_in box -- sh -c 'echo "$#" "[$1]" "[$2]"; pwd; echo $GREETING; echo err >&2; exit 7' \
        sh 'two words' '' </dev/null
    [ "$status" -eq 7 ]
    [ "$output" = $'2 [two words] []\n/home/app\nhello' ]
    [ "$stderr" = err ]
    for code in 0 1 255; do
        run exec_in instance/box -- sh -c "exit $code" </dev/null
        [ "$status" -eq "$code" ]
    done
    run exec_in inst/box -- sh -c 'kill -9 $$' </dev/null
    [ "$status" -eq 137 ]
    run exec_in -u app -w /tmp box -- sh -c 'id -un; pwd' </dev/null
    [ "$output" = $'app\n/tmp' ]
    # options are taken up to "--" wherever they are
    [ "$(exec_in box -u nobody -- id -un </dev/null)" = nobody ]
}

@test "a command that is not there or cannot run has 127 and 126, as with docker" {
    start_box
    for command in mkae /etc/passwd; do
        docker exec box "$command" >/dev/null 2>&1 || expected=$?
        run "-$expected" exec_in box -- "$command" </dev/null
        [ -n "$output" ]
    done
}

@test "input goes in to its end and output comes out whole, whatever the bytes are" {
    start_box
    head -c 10485760 /dev/urandom >"$TEST_DIR/bytes"
    sum=$(sha256sum <"$TEST_DIR/bytes")
    [ "$(exec_in box -- sha256sum <"$TEST_DIR/bytes")" = "$sum" ]
    [ "$(exec_in box -- cat <"$TEST_DIR/bytes" | sha256sum)" = "$sum" ]
    # a slow reader, while both directions are full
    [ "$(exec_in box -- cat <"$TEST_DIR/bytes" | (sleep 1; sha256sum))" = "$sum" ]
    [ "$(exec_in box -- sh -c 'yes | head -c 10485760; yes no | head -c 3000000 >&2' </dev/null 2>"$TEST_DIR/err" |
        sha256sum)" = "$(yes | head -c 10485760 | sha256sum)" ]
    cmp "$TEST_DIR/err" <(yes no | head -c 3000000)
}

@test "who talks with the command through both streams never gets stuck" {
    start_box
    coproc exec_in box -- sh -c 'while read -r line; do echo "got $line"; done; echo over'
    pid=$COPROC_PID
    exec {from}<&"${COPROC[0]}" {to}>&"${COPROC[1]}" # bash forgets its own when the job is done
    eval "exec ${COPROC[1]}>&-"
    for i in 1 2 3; do
        echo "$i" >&"$to"
        read -r -t 10 answer <&"$from"
        [ "$answer" = "got $i" ]
    done
    exec {to}>&-
    read -r -t 10 answer <&"$from"
    [ "$answer" = over ]
    exec {from}<&-
    wait "$pid"
}

@test "it ends with its command, though the input goes on, and with the reader of its output" {
    start_box
    before=$(milliseconds)
    mkfifo "$TEST_DIR/input"
    run exec_in box -- sh -c 'echo done; exit 4' 0<>"$TEST_DIR/input"
    [ "$status" -eq 4 ]
    [ "$output" = done ]
    run bash -c 'set -o pipefail; "$@" </dev/null 2>&1 | head -n 1; echo "${PIPESTATUS[0]}"' - \
        "$BERTH" exec --specs "$SPECS" --state "$STATE" box -- sh -c 'while echo y; do :; done'
    [ "$output" = $'y\n141' ]
    [ $(($(milliseconds) - before)) -lt 10000 ]
    run bash -c 'exec "$@" </dev/null >/dev/full' - \
        "$BERTH" exec --specs "$SPECS" --state "$STATE" box -- echo x
    [ "$status" -eq 1 ]
    [ "$output" = "berth exec: write the command's output: No space left on device" ]
}

@test "on a terminal the command has one, of the same size, and every key is the command's" {
    start_box
    command="$BERTH exec --specs $SPECS --state $STATE box"
    out=$(on_terminal "stty rows 33 cols 77; $command -- sh -c 'tty; sleep 0.2; stty size'; echo code \$?")
    [[ $out == /dev/pts/*$'\n33 77\ncode 0' ]]
    # ctrl-c ends the command over there, and not us
    on_terminal "$command -- sh -c 'trap \"echo caught; exit 9\" INT; echo ready; while :; do sleep 0.1; done'; echo code \$?" \
        >"$TEST_DIR/screen" 3>&- &
    wait_for 10 grep -q ready "$TEST_DIR/screen"
    press '\003'
    wait_for 10 grep -q 'code 9' "$TEST_DIR/screen"
    grep -q caught "$TEST_DIR/screen"
    # streams on request
    [[ $(on_terminal "$command -i -- tty") == "not a tty"* ]]
    run exec_in -t box -- true </dev/null
    [ "$status" -eq 2 ]
    [[ $output == *"-t: standard input is no terminal"* ]]
}

@test "a terminal that changes its size changes the command's" {
    start_box
    on_terminal "tty >$TEST_DIR/tty; stty rows 24 cols 80; $BERTH exec --specs $SPECS --state $STATE box -- \
        sh -c 'trap \"stty size\" WINCH; echo ready; while :; do sleep 0.1; done'" \
        >"$TEST_DIR/screen" 3>&- &
    wait_for 10 grep -q ready "$TEST_DIR/screen"
    stty -F "$(cat "$TEST_DIR/tty")" rows 40 cols 120
    wait_for 10 grep -q '40 120' "$TEST_DIR/screen"
    press '\003'
}

@test "the terminal is as it was, however it ends" {
    start_box
    cat >"$TEST_DIR/ends" <<END
stty -a >$TEST_DIR/before
"\$@"
stty -a >$TEST_DIR/after
cmp $TEST_DIR/before $TEST_DIR/after && echo the same
END
    ends="sh $TEST_DIR/ends $BERTH exec --specs $SPECS --state $STATE"
    [[ $(on_terminal "$ends box -- sh -c 'exit 3'") == *"the same"* ]]
    [[ $(on_terminal "$ends box -- no-such-command") == *"the same"* ]]
    # \$! and a terminal as input: a job in the background has none of itself
    cat >"$TEST_DIR/ended" <<END
stty -a >$TEST_DIR/before
"\$@" </dev/tty & echo \$! >$TEST_DIR/pid
wait \$!
echo code \$?
stty -a >$TEST_DIR/after
cmp $TEST_DIR/before $TEST_DIR/after && echo the same
END
    for signal in TERM HUP INT QUIT; do
        on_terminal "sh $TEST_DIR/ended env --default-signal=$signal $BERTH exec -t --specs $SPECS \
            --state $STATE box -- sh -c 'echo ready; sleep 100'" \
            >"$TEST_DIR/screen" 3>&- &
        wait_for 10 grep -q ready "$TEST_DIR/screen"
        kill -"$signal" "$(cat "$TEST_DIR/pid")"
        wait_for 10 grep -q 'the same' "$TEST_DIR/screen"
        grep -qx "code $((128 + $(kill -l $signal)))" "$TEST_DIR/screen"
        done
    # the container goes away under it
    on_terminal "$ends box -- sh -c 'echo ready; sleep 100'; echo over" >"$TEST_DIR/screen" 3>&- &
    wait_for 10 grep -q ready "$TEST_DIR/screen"
    docker kill box
    wait_for 10 grep -q 'the same' "$TEST_DIR/screen"
}

@test "a container that was restarted is as good, and one that does not run is told apart" {
    start_box
    docker restart -t 1 box
    wait_for 20 is_ready box.yaml box
    [ "$(exec_in box -- echo again </dev/null)" = again ]
    sed -i 's/^spec:/spec:\n  powerState: Suspended/' "$SPECS/box.yaml"
    wait_for 20 field_is box.yaml box status.phase SUSPENDED
    run exec_in box -- true </dev/null
    [ "$status" -eq 1 ]
    [ "$output" = "berth exec: the container of instance/box is suspended; powerState: Running resumes it" ]
    sed -i 's/Suspended/Stopped/' "$SPECS/box.yaml"
    wait_for 20 field_is box.yaml box status.phase TERMINATED
    run exec_in box -- true </dev/null
    [ "$status" -eq 1 ]
    [[ $output == "berth exec: the container of instance/box does not run (exited"*"it runs with powerState: Running" ]]
}

@test "what is not there, is not clear or cannot be asked is said in words" {
    drop_instance webserver
    drop same.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: same}
spec: {machineType: e2-small, image: berth-test/none:1, imagePullPolicy: Never, zone: zone-$BATS_SUITE_TEST_NUMBER}
---
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: same}
spec: {url: "$GIT_HTTP_URL/git/none.git"}
SPEC
    berth_start
    wait_for 20 is_ready webserver.yaml webserver
    wait_for 20 status_of same.yaml Repository/same status.phase
    run exec_in websrver -- true
    [ "$status" -eq 1 ]
    [ "$output" = "berth exec: there is no task, repository or instance \"websrver\" in $SPECS; did you mean \"webserver\"?" ]
    run exec_in task/webserver -- true
    [ "$output" = "berth exec: there is no Task \"webserver\" in $SPECS" ]
    run exec_in same -- true
    [ "$status" -eq 1 ]
    [ "$output" = 'berth exec: several objects are named "same"; write repository/same or instance/same' ]
    run exec_in repository/same -- true
    [ "$status" -eq 1 ]
    [[ $output == "berth exec: repository/same has no container ("*"; it runs while a task on it is active, or always with warm: true" ]]
    run exec_in instance/same -- true
    [[ $output == "berth exec: instance/same has no container ("*"berth-test/none:1"* ]]
    run exec_in pool/same -- true
    [[ $output == *"nothing runs in an InstancePool itself"* ]]
    run exec_in pod/same -- true
    [[ $output == *'"pod" is no kind; write task/NAME, repository/NAME or instance/NAME' ]]
    run exec_in --engine "unix://$TEST_DIR/no.sock" webserver -- true
    [ "$status" -eq 1 ]
    [[ $output == *"the engine at unix://$TEST_DIR/no.sock does not answer: "*"; name another one by --engine or DOCKER_HOST" ]]
    for arguments in "" "webserver" "webserver --" "--tyt webserver -- true"; do
        run exec_in $arguments
        [ "$status" -eq 2 ]
        [[ $output == *"see: berth exec --help" ]]
    done
    # without the variable it is the controller's engine that is asked
    [ "$(env -u DOCKER_HOST "$BERTH" exec --specs "$SPECS" --state "$STATE" webserver -- echo here </dev/null)" = here ]
}

@test "a member of a pool is an instance" {
    drop pool.yaml <<SPEC
apiVersion: berth.dev/v1
kind: InstancePool
metadata: {name: farm}
spec:
  minInstances: 1
  maxInstances: 1
  template:
    spec: {machineType: e2-small, zone: zone-$BATS_SUITE_TEST_NUMBER}
SPEC
    berth_start
    wait_for 30 container_is_running farm-0
    wait_for 10 exec_in farm-0 -- /.berth/runner version
    [ "$(exec_in instance/farm-0 -- /.berth/runner version </dev/null)" = "berth-runner 1" ]
}

@test "in a task a command is where the task is" {
    make_repo "repo$BATS_SUITE_TEST_NUMBER"
    drop open.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: open}
spec: {repository: "$GIT_HTTP_URL/git/repo$BATS_SUITE_TEST_NUMBER.git", user: alice}
---
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: project}
spec: {url: "$GIT_HTTP_URL/git/repo$BATS_SUITE_TEST_NUMBER.git"}
SPEC
    berth_start --repository-image berth-test/git:1
    wait_for 30 field_is open.yaml open status.phase Running
    [ "$(exec_in task/open -- sh -c 'cat README*; echo $BERTH_TASK' </dev/null | tail -n 1)" = open ]
    [ "$(exec_in open -- git log --format=%H -1 </dev/null)" = "$(status_of open.yaml open status.task.commit)" ]
    [ "$(exec_in repo/project -- pwd </dev/null)" = /workspace ]
    sed -i 's/^spec: {repository/spec: {state: Completed, repository/' "$SPECS/open.yaml"
    wait_for 20 field_is open.yaml open status.phase Succeeded
    wait_for 20 test_stopped
    run exec_in open -- true </dev/null
    [ "$status" -eq 1 ]
    [[ $output == "berth exec: "*"a task without a command is an open session" ]]
}
test_stopped() { ! container_is_running "$(our_containers)"; }

# A repository container as the controller would make it, and the status of a task in it.
start_tree() {
    local runner
    runner=$(dirname "$(realpath "$BERTH")")/berth-runner
    mkdir -p "$TEST_DIR/trees"/{fix,other,.home/fix,.tmp/fix} "$TEST_DIR/in/.berth"
    chown -R 1000:1000 "$TEST_DIR/trees"/{fix,other} "$TEST_DIR/trees"/.{home,tmp}/fix
    cp "$runner" "$TEST_DIR/in/.berth/runner"
    id=$(docker create --label "berth-test.test=$BATS_SUITE_TEST_NUMBER" --user 0:0 --network none \
        -v "$TEST_DIR/trees:/workspace" berth-test/git:1 /.berth/runner idle)
    tar -C "$TEST_DIR/in" -c .berth | docker cp - "$id:/"
    docker start "$id"
    cat >"$SPECS/fix.status.yaml" <<STATUS
apiVersion: berth.dev/v1
kind: Task
metadata: {name: fix}
status:
  phase: Running
  container: {id: $id, name: repo-x}
  task:
    id: fix-1
    tree: {name: fix}
    workingDirectory: /workspace/fix
    home: /workspace/.home/fix
    tmp: /workspace/.tmp/fix
    containerUser: "1000:1000"
    user: alice
    repository: https://example.org/a/b
    links: [/home/app/.cache]
    ports: [{name: preview-2, containerPort: 3001, hostPort: 20007}]
STATUS
}

@test "a task's own user, tree, home, variables and guard are its commands' too" {
    start_tree
    run --separate-stderr exec_in fix -- sh -c 'id -u; pwd; echo $HOME $TMPDIR; env | grep ^BERTH_ | sort; readlink ~/.cache
        echo x >/workspace/fix/x && echo x >../other/x' </dev/null
    [ "$status" -ne 0 ]
    diff <(echo "$output") - <<'END'
1000
/workspace/fix
/workspace/.home/fix /workspace/.tmp/fix
BERTH_PORT_PREVIEW_2=3001
BERTH_REPOSITORY=https://example.org/a/b
BERTH_TASK=fix
BERTH_USER=alice
/home/app/.cache
END
    [ -e "$TEST_DIR/trees/fix/x" ]
    [ ! -e "$TEST_DIR/trees/other/x" ]
    run --separate-stderr exec_in -u root -w /tmp task/fix -- sh -c 'id -u; pwd; echo $HOME $TMPDIR; echo x >/workspace/other/x' </dev/null
    [ "$status" -ne 0 ]
    [ "$output" = $'0\n/tmp\n/root' ]
    [ ! -e "$TEST_DIR/trees/other/x" ]
    run -127 exec_in fix -- mkae all </dev/null
    [ "$output" = 'berth-runner: exec "mkae": no such file or directory' ]
    run exec_in fix -- /etc/passwd </dev/null
    [ "$status" -eq 126 ]
    [ "$(head -c 1000000 /dev/urandom | tee "$TEST_DIR/bytes" | exec_in fix -- sha256sum)" = "$(sha256sum <"$TEST_DIR/bytes")" ]
    [[ $(on_terminal "$BERTH exec --specs $SPECS --state $STATE fix -- sh -c 'echo x >\$(tty) && stat -c %u \$(tty)'") == $'x\n1000' ]]
}

#!/usr/bin/env bats
# Setup: a command that prepares trees once per commit, the layer that it leaves, and the image that the container is kept as.

load helpers
load task_helpers

# /count/runs counts the runs of setup, whatever becomes of the container.
COUNT='caches: [{name: count, mountPath: /count}]'
runs() { docker run --rm -v "$(repo)-cache-count:/count" --label "berth-test.test=$BATS_SUITE_TEST_NUMBER" berth-test/busybox:1 sh -c 'cat /count/runs 2>/dev/null | wc -l'; }
runs_are() { local are; are=$(runs); [[ $are == "$1" ]] || { echo "setup ran $are times, not $1"; return 1; }; }

setup_field() { repository_field "setup.$1"; }
setup_field_is() { repository_field_is "setup.$1" "$2"; }
snapshot_images() { docker image ls -q --filter "label=dev.berth.snapshot.by=$(cat "$STATE/controller-id")" | sort -u; }
has_snapshot_images() { [[ $(snapshot_images | wc -l) == "$1" ]]; }
image_of() { container_field "$1" '{{.Image}}'; }

teardown() {
    local ids=''
    [[ ! -e $STATE/controller-id ]] || ids=$(snapshot_images)
    berth_teardown
    [[ -z $ids ]] || docker image rm -f $ids >/dev/null 2>&1 || true
}

@test "setup runs once; what it wrote is below every task's tree, and what a task changes there is its own" {
    settings "$COUNT
setup: {command: [sh, -c, 'echo run >>/count/runs; mkdir deps; echo dep >deps/a; echo set >.env; pwd; git status --short']}"
    task one '[sh, -c, "cat deps/a .env; echo changed >deps/a; rm .env; git log -1 --format=%s"]'
    task two '[sh, -c, "cat deps/a .env"]'
    berth_start --repository-image berth-test/git:1
    wait_for 60 is_succeeded one
    wait_for 30 is_succeeded two
    task three '[sh, -c, "cat deps/a .env; git branch --show-current"]'
    wait_for 30 is_succeeded three
    [ "$(log_of one)" = "$(printf 'dep\nset\ntests: check both greetings')" ]
    [ "$(log_of two)" = "$(printf 'dep\nset')" ]
    [ "$(log_of three)" = "$(printf 'dep\nset\ntask/three')" ]
    runs_are 1
    wait_for 10 setup_field_is state Succeeded
    setup_field_is commit "$(tip_of main)"
    [[ $(cat "$(setup_field logFile)") == "/workspace/setup-"*"?? .env"* ]]
    # Nothing of the run is left among the trees, and what setup left is no work of the tasks.
    ls -A "$STATE/repos/$(repo)/trees" "$STATE/repos/$(repo)/trees/.home"
    [ "$(ls -A "$STATE/repos/$(repo)/trees" | xargs)" = ".home .tmp one three two" ]
    [ "$(ls -A "$STATE/repos/$(repo)/trees/.home" | xargs)" = "one three two" ]
    wait_for 10 task_field_is two tree.dirty false
    wait_for 10 task_field_is one tree.dirty true
}

@test "the same where trees are copies" {
    printf '#!/bin/sh\nexec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin %q "$@"\n' "$BERTH" >"$TEST_DIR/berth"
    chmod +x "$TEST_DIR/berth"
    chmod o+x "$SUITE_DIR"
    BERTH=$TEST_DIR/berth
    settings "$COUNT
setup: {command: [sh, -c, 'echo run >>/count/runs; mkdir deps; echo dep >deps/a']}"
    task one '[sh, -c, "cat deps/a; echo changed >deps/a"]'
    task two '[cat, deps/a]'
    berth_start
    wait_for 60 is_succeeded one
    wait_for 30 is_succeeded two
    task three '[cat, deps/a]'
    wait_for 30 is_succeeded three
    for name in one two three; do [ "$(log_of "$name")" = dep ]; done
    task_field_is one tree.method copy
    runs_are 1
}

@test "once per commit and text: a new commit and a changed command run it again, for new trees only" {
    settings "$COUNT
fetchIntervalSeconds: 0
setup: {command: [sh, -c, 'echo run >>/count/runs; cp README made']}"
    task one '[cat, made]'
    task hold ''
    berth_start
    wait_for 60 is_succeeded one
    wait_for 30 is_running_task hold
    push_file "$REPO" main README <<<'another text'
    task two '[cat, made]'
    wait_for 30 is_succeeded two
    [ "$(log_of two)" = 'another text' ]
    runs_are 2
    task branch '[cat, made]' 'branch: feature'
    wait_for 30 is_succeeded branch
    [ "$(log_of branch)" = "$(log_of one)" ]
    runs_are 3
    settings "$COUNT
fetchIntervalSeconds: 0
setup: {command: [sh, -c, 'echo run >>/count/runs; echo by another command >made']}"
    task three '[cat, made]'
    wait_for 30 is_succeeded three
    [ "$(log_of three)" = 'by another command' ]
    runs_are 4
    [[ $(cat "$(tree_of hold)/made") == 'The sample repository'* ]]
    is_running_task hold
}

@test "it runs as the user of the container, who owns what it leaves; homes of tasks do not have its home" {
    settings "securityContext: {runAsUser: 1000}
setup: {command: [sh, -c, 'id -u; mkdir deps; echo x >deps/a; echo x >\$HOME/x; echo x >\$TMPDIR/x']}"
    task one '[sh, -c, "echo more >>deps/a; ls -A $HOME $TMPDIR"]'
    berth_start
    wait_for 60 is_succeeded one
    [ "$(cat "$(setup_field logFile)")" = 1000 ]
    [ "$(stat -c %u "$(tree_of one)/deps" "$(tree_of one)/deps/a" | sort -u)" = 1000 ]
    refute grep -qx x "$(task_field one logFile)"
}

@test "a failing setup: tasks wait with the reason, its log is named, it is tried again with back-off until it is right" {
    settings "$COUNT
setup: {command: [sh, -c, 'echo run >>/count/runs; echo cannot install; exit 3']}"
    task one '[cat, made]'
    berth_start
    wait_for 60 field_is one.yaml one status.error.reason SetupFailed
    [[ $(status_of one.yaml one status.error.message) == *"code 3"* ]]
    wait_for 10 setup_field_is state Failed
    [ "$(cat "$(setup_field logFile)")" = 'cannot install' ]
    again() { [[ $(runs) -ge 3 ]]; }
    wait_for 30 again
    container_is_running "$(repo)"
    task_field_is one attempt 0
    settings "$COUNT
setup: {command: [sh, -c, 'echo good >made']}"
    wait_for 40 is_succeeded one
    [ "$(log_of one)" = good ]
    wait_for 10 setup_field_is state Succeeded
}

@test "one that takes too long, and one that is not there" {
    settings "setup: {command: [sleep, '1000'], timeoutSeconds: 1}"
    task one '["true"]'
    berth_start
    wait_for 60 field_is one.yaml one status.error.reason SetupFailed
    [[ $(status_of one.yaml one status.error.message) == *"longer than 1 s"* ]]
    settings "setup: {command: [no-such-program]}"
    named() { [[ $(status_of one.yaml one status.error.message) == *no-such-program* ]]; }
    wait_for 60 named
}

@test "a command that hangs is ended when the spec says another one" {
    settings "setup: {command: [sleep, '98761']}"
    task one '[cat, made]'
    berth_start
    wait_for 40 setup_field_is state Running
    settings "setup: {command: [sh, -c, 'echo good >made']}"
    wait_for 40 is_succeeded one
    [ "$(log_of one)" = good ]
    refute sh -c "docker top '$(repo)' | grep 98761"
}

@test "a failing setup does not come in the way of tasks that have their trees" {
    settings 'fetchIntervalSeconds: 0'
    task hold '[sh, -c, "while [ ! -e go ]; do sleep 0.1; done; echo end"]'
    berth_start
    wait_for 30 is_running_task hold
    settings 'fetchIntervalSeconds: 0
setup: {command: ["false"]}'
    task one '["true"]'
    wait_for 40 field_is one.yaml one status.error.reason SetupFailed
    is_running_task hold
    touch "$(tree_of hold)/go"
    wait_for 15 is_succeeded hold
}

@test "a controller killed while setup runs: it goes on, once, and the tasks start" {
    settings "$COUNT
setup: {command: [sh, -c, 'echo run >>/count/runs; sleep 4; echo made >made']}"
    task one '[cat, made]'
    berth_start
    wait_for 40 setup_field_is state Running
    is_preparing() { field_is one.yaml one status.phase Preparing; }
    wait_for 10 is_preparing
    wait_for 10 runs_are 1
    for i in 1 2 3; do
        berth_kill9
        berth_start
    done
    wait_for 60 is_succeeded one
    [ "$(log_of one)" = made ]
    runs_are 1
    # What was set up, and where its log is, outlives the controller, too.
    wait_for 10 setup_field_is state Succeeded
    log=$(setup_field logFile)
    berth_kill9
    berth_start
    task two '[cat, made]'
    wait_for 30 is_succeeded two
    wait_for 10 setup_field_is commit "$(tip_of main)"
    setup_field_is logFile "$log"
    [ -e "$log" ]
    runs_are 1
}

@test "killed at random moments, controller, git's child and container: each attempt ran once, and all end well" {
    settings 'caches: [{name: c, mountPath: /c}]
securityContext: {runAsUser: 0}
snapshot: {enabled: true}
setup: {command: [sh, -c, "echo begin >>/c/setup; sleep 0.5; echo end >>/c/setup; echo dep >dep"]}'
    for i in 1 2 3 4; do
        task "t$i" "[sh, -c, 'echo $i >>/c/runs; sleep 1; cat dep']" 'backoffLimit: 6'
    done
    RANDOM=$BATS_SUITE_TEST_NUMBER
    for round in $(seq 16); do
        berth_run_in_background
        timeout "0.$((RANDOM % 90 + 10))" tail -f /dev/null || true
        case $((round % 8)) in
            2) pkill -9 -P "$BERTH_PID" || true ;;      # what does git's work, or makes trees
            5) docker kill "$(repo)" 2>/dev/null || true ;;
        esac
        berth_kill9
    done
    berth_start
    for i in 1 2 3 4; do
        wait_for 90 is_succeeded "t$i"
        [ "$(log_of "t$i")" = dep ]
    done
    [ "$(clone_id | wc -l)" -eq 1 ]
    lines() { docker run --rm --network none -v "$(docker inspect -f '{{range .Mounts}}{{if eq .Destination "/c"}}{{.Name}}{{end}}{{end}}' "$(repo)"):/c" --entrypoint grep berth-test/busybox:1 -cx "$1" "/c/$2" || true; }
    for i in 1 2 3 4; do [ "$(lines $i runs)" -le "$(task_field "t$i" attempt)" ]; done
    [ "$(lines end setup)" -ge 1 ]
}

@test "records and logs of setups go with their container; what nobody claims, an hour after the last use" {
    settings "retainSeconds: 1
setup: {command: [sh, -c, 'echo prepared >dep']}"
    task one '[sleep, "1000"]' 'ttlSecondsAfterFinished: 3600'
    berth_start --orphan-grace 1s
    wait_for 60 is_running_task one
    runs="$STATE/repos/$(repo)/run/tasks"
    mkdir "$runs/stray" "$runs/new"
    touch -d '2 hours ago' "$runs/stray" "$runs"/setup-* "$runs"/one-*
    wait_for 15 test ! -e "$runs/stray"
    [ -e "$runs/new" ]
    [ "$(cat "$(setup_field logFile)")" = '' ]    # as long as the status names it
    [ -e "$(task_field one logFile)" ]
    berth_kill9    # as if in the middle of a clean-up
    rm -r "$runs"/setup-*
    berth_start --orphan-grace 1s
    has_no_setup_log() { ! setup_field logFile; }
    wait_for 15 has_no_setup_log
    complete one
    wait_for 30 has_no_containers
    are_tasks_only() { [[ $(ls "$runs") =~ ^one-[^[:space:]]*$ ]] || { ls "$runs"; return 1; }; }
    wait_for 15 are_tasks_only
    [ -e "$(task_field one logFile)" ]
}

@test "a container lost while setup runs: it is run again in the next one" {
    settings "$COUNT
setup: {command: [sh, -c, 'echo run >>/count/runs; test \$(wc -l </count/runs) -ge 2 || sleep 1000; echo made >made']}"
    task one '[cat, made]'
    berth_start
    wait_for 40 setup_field_is state Running
    wait_for 10 runs_are 1
    docker rm -f "$(repo)" >/dev/null
    wait_for 60 is_succeeded one
    [ "$(log_of one)" = made ]
}

@test "a new container is set up before the next task, since setup may have installed things outside of the tree" {
    settings "$COUNT
setup: {command: [sh, -c, 'echo run >>/count/runs; echo installed >/etc/installed; echo made >made']}"
    task one '[cat, made, /etc/installed]'
    task hold ''
    berth_start
    wait_for 60 is_succeeded one
    wait_for 30 is_running_task hold
    name=$(repo)
    docker rm -f "$name" >/dev/null
    wait_for 30 container_is_running "$name"
    task two '[cat, made, /etc/installed]'
    wait_for 40 is_succeeded two
    [ "$(log_of two)" = "$(printf 'made\ninstalled')" ]
    runs_are 2
}

@test "warm: setup runs before any task comes" {
    settings "$COUNT
warm: true
setup: {command: [sh, -c, 'echo run >>/count/runs; echo made >made']}"
    berth_start
    wait_for 60 setup_field_is state Succeeded
    task one '[cat, made]'
    wait_for 20 is_succeeded one
    [ "$(log_of one)" = made ]
    runs_are 1
}

# --- snapshot images -----------------------------------------------------------------------------------

with_snapshot() {
    settings "$COUNT
snapshot: {enabled: true${2:-}}
fetchIntervalSeconds: 0
setup: {command: [sh, -c, 'echo run >>/count/runs; sleep 2; echo $1 >/etc/installed; echo made >made']}"
}

@test "snapshot: the next container is made from the image of the one that was set up, without setup, and sooner" {
    with_snapshot first
    task one '[cat, made, /etc/installed]'
    task hold ''
    berth_start
    wait_for 60 is_succeeded one
    wait_for 30 has_snapshot_images 1
    wait_for 10 repository_field snapshotImage
    image=$(repository_field snapshotImage)
    name=$(repo)
    [[ $image == berth/$name:* ]]
    [ "$(docker image inspect -f '{{.Id}}' "$image")" != "$(image_of "$name")" ]
    runs_are 1
    # Nothing of Berth's makes a container of that image one of its own.
    [ -z "$(docker image inspect -f '{{index .Config.Labels "dev.berth.controller"}}' "$image")" ]
    docker rm -f "$name" >/dev/null
    wait_for 30 container_is_running "$name"
    [ "$(image_of "$name")" = "$(docker image inspect -f '{{.Id}}' "$image")" ]
    task two '[cat, made, /etc/installed]'
    wait_for 20 is_succeeded two
    [ "$(log_of two)" = "$(printf 'made\nfirst')" ]
    runs_are 1
    is_running_task hold
}

@test "snapshot: another setup has another image, and the old one goes when nothing is made from it" {
    with_snapshot first
    task one '[cat, /etc/installed]'
    berth_start --orphan-grace 1s
    wait_for 60 is_succeeded one
    wait_for 30 has_snapshot_images 1
    old=$(repository_field snapshotImage)
    with_snapshot second
    task two '[cat, /etc/installed]'
    wait_for 60 is_succeeded two
    [ "$(log_of two)" = second ]
    runs_are 2
    is_another() { [[ $(repository_field snapshotImage) != "$old" ]]; }
    wait_for 30 is_another
    old_is_gone() { ! docker image inspect "$old" >/dev/null 2>&1; }
    docker rm -f "$(repo)" >/dev/null
    wait_for 90 old_is_gone
    wait_for 5 has_snapshot_images 1
}

@test "snapshot: the image is good for all commits, or with OnEachCommit for one" {
    with_snapshot first
    task one '["true"]'
    berth_start
    wait_for 60 is_succeeded one
    wait_for 30 has_snapshot_images 1
    image=$(repository_field snapshotImage)
    push_file "$REPO" main NEW <<<new
    task two '["true"]'
    wait_for 60 is_succeeded two
    repository_field_is snapshotImage "$image"
    runs_are 2    # once per commit: its tree has to be made all the same
    with_snapshot other ', policy: OnEachCommit'
    task three '["true"]'
    wait_for 60 is_succeeded three
    is_another() { repository_field snapshotImage && [[ $(repository_field snapshotImage) != "$image" ]]; }
    wait_for 30 is_another
    image=$(repository_field snapshotImage)
    push_file "$REPO" main NEW <<<newer
    task four '["true"]'
    wait_for 60 is_succeeded four
    wait_for 30 is_another
}

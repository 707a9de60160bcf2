#!/usr/bin/env bats
# The disk of the state directory: what goes when it fills up, what never goes, and berth gc.

load helpers
load task_helpers

MIB=1048576

# small_disk MIB: the state directory becomes a disk of its own.
small_disk() { mount -t tmpfs -o "size=$1m" tmpfs "$STATE"; }

# fill_up MIB: files that are not Berth's.
fill_up() { dd if=/dev/zero of="$STATE/filler" bs=1M count="$1" status=none || true; } # as far as it goes

# ignore REPOSITORY: what is called "big" is nobody's work.
ignore_big() { push_file "${1:-$REPO}" main .gitignore <<<big; }

# writes MIB FILE: a command that leaves a file in its tree.
writes() { echo "[sh, -c, \"dd if=/dev/zero of=$2 bs=1M count=$1\"]"; }

disk_field() {
    awk -f "$SUPPORT/yaml_fields.awk" "$STATE/controller.yaml" | sed -n "s/^0\.disk\.$1=//p"
}
is_pressing() { [[ $(disk_field pressure.status) == "$1" ]] || { disk_field pressure.status; return 1; }; }
used_percent() { df --output=pcent "$STATE" | tr -dc '0-9'; }
is_gone() { [[ ! -e $1 ]] || { echo "$1 is there"; return 1; }; }

# All that is in the state directory: names, times, contents.
checksum() {
    (cd "$STATE" && find . -xdev -printf '%p %y %m %U %G %s %n %T@ %C@\n' | sort
     find . -xdev -type f -exec sha256sum {} + | sort) | sha256sum
}

# of_json EXPRESSION: about the output of berth gc -o json
of_json() { jq -r "$1" <<<"$output"; }

@test "a disk that fills up: the longest unused idle things go, running and unpushed work does not, new work waits" {
    small_disk 64
    ignore_big
    make_repo "other$BATS_SUITE_TEST_NUMBER"
    ignore_big "other$BATS_SUITE_TEST_NUMBER"
    task old "$(writes 20 big)"
    task work "$(writes 5 not-committed)"
    TASK_REPOSITORY=$(url "other$BATS_SUITE_TEST_NUMBER") task live '[sh, -c, "dd if=/dev/zero of=big bs=1M count=5; exec sleep 1000"]'
    berth_start --repository-image berth-test/git:1
    wait_for 40 is_succeeded old
    wait_for 40 is_succeeded work
    wait_for 40 is_running_task live
    old_layer=$STATE/repos/$(task_field old repositoryContainer)/layers/old
    live_container=$(task_field live repositoryContainer)
    live_id=$(container_field "$live_container" '{{.Id}} {{.State.StartedAt}}')
    [ "$(du -sxm "$old_layer" | cut -f1)" -ge 20 ]
    is_pressing False
    fill_up 27
    [ "$(used_percent)" -ge 85 ]
    wait_for 15 grep -q 'disk_pressure status=True' "$LOG"
    wait_for 15 is_gone "$old_layer"
    wait_for 15 is_pressing False
    [ "$(used_percent)" -lt 80 ]
    grep -q 'collect kind="working tree" path=[^ ]*/trees/old ' "$LOG"

    # what is worth something is there
    [ "$(stat -c %s "$(tree_of work)/not-committed")" -eq $((5 * MIB)) ]
    [ "$(stat -c %s "$(tree_of live)/big")" -eq $((5 * MIB)) ]
    [ "$(container_field "$live_container" '{{.Id}} {{.State.StartedAt}}')" = "$live_id" ]
    field_is live.yaml live status.phase Running
    refute task_field old tree.hostPath

    # nothing more can be had now: what is new waits, and says why
    fill_up 45
    wait_for 15 is_pressing True
    task late '["true"]'
    wait_for 15 is_waiting_for late DiskPressure
    [[ $(status_of late.yaml late 'status.conditions[type=Ready].message') == *"the limit is 85 %"* ]]
    [ "$(stat -c %s "$(tree_of work)/not-committed")" -eq $((5 * MIB)) ]
    field_is live.yaml live status.phase Running
    rm "$STATE/filler"
    wait_for 30 is_succeeded late
    is_pressing False
}

@test "an idle workspace goes with its stopped container, then the mirror; the next task begins anew" {
    small_disk 64
    ignore_big
    settings 'isolation: Shared'
    TASK_REPOSITORY='{name: project}' task job "$(writes 20 big)"
    berth_start --repository-image berth-test/git:1
    wait_for 40 is_succeeded job
    name=$(repo)
    wait_for 20 container_is_stopped "$name"
    fill_up 60    # to the last byte: not even the heartbeat can be written
    wait_for 15 grep -q 'disk_pressure status=True' "$LOG"
    wait_for 20 container_is_gone "$name"
    wait_for 20 is_gone "$STATE/repos/$name/trees"
    [ -d "$STATE/repos/$name/git/mirror.git" ]    # the workspace was enough
    wait_for 15 is_pressing False
    fill_up 62
    wait_for 30 is_gone "$STATE/repos/$name/git"
    is_gone "$STATE/repos/$name/snap"
    is_gone "$STATE/repos/$name/layers"
    [ -z "$(grep -F "$STATE/repos" /proc/self/mountinfo)" ]
    field_is job.yaml job status.phase Succeeded
    [ -e "$(task_field job logFile)" ]
    TASK_REPOSITORY='{name: project}' task again '[cat, README]'
    wait_for 15 is_waiting_for again DiskPressure
    rm "$STATE/filler"
    wait_for 40 is_succeeded again
    [ "$(tree_git "$STATE/repos/$name/git/mirror.git" rev-parse main)" = "$(tip_of main)" ]
}

@test "inodes count as well" {
    mount -t tmpfs -o size=64m,nr_inodes=2000 tmpfs "$STATE"
    berth_start
    is_pressing False
    mkdir "$STATE/many"
    (cd "$STATE/many" && seq 1500 | xargs touch)
    wait_for 15 is_pressing True
    [[ $(disk_field pressure.message) == *"% of the disk's inodes are in use, the limit is 70 %"* ]]
    rm -r "$STATE/many"
    wait_for 15 is_pressing False
    grep -q 'disk_pressure status=False' "$LOG"
}

@test "a budget is kept to, one task after the other, and no task is harmed by what goes" {
    ignore_big
    berth_start --repository-image berth-test/git:1 --disk-budget 6Mi --orphan-grace 2s
    for i in 1 2 3 4 5 6; do
        task "job$i" "$(writes 4 big)" 'ttlSecondsAfterFinished: 3600'
        wait_for 60 is_succeeded "job$i"
    done
    wait_for 20 grep -q 'workspaces take' "$LOG"
    within_budget() { (($(disk_field workspaceBytes) <= 6 * MIB)) && is_pressing False; }
    wait_for 30 within_budget
    # the newest commit's snapshot, at least, was not made six times for six tasks
    refute grep -q action_failed "$LOG"
}

@test "the status has the size on disk, as du tells it" {
    ignore_big
    settings
    TASK_REPOSITORY='{name: project}' task job "$(writes 3 big)"
    berth_start --repository-image berth-test/git:1 --orphan-grace 2s
    wait_for 40 is_succeeded job
    wait_for 20 container_is_stopped "$(repo)"
    folder=$STATE/repos/$(repo)
    as_du() {
        local bytes
        bytes=$(du -scxB1 "$folder/git" "$folder"/snap/* "$folder/trees" "$folder/layers" | tail -n 1 | cut -f1)
        repository_field_is diskBytes "$bytes"
    }
    kill -HUP "$BERTH_PID"
    wait_for 20 as_du
    [ "$(repository_field diskBytes)" -ge $((3 * MIB)) ]
}

@test "gc --dry-run names what would go and the kept work, with a controller and without, and writes nothing" {
    ignore_big
    settings
    export TASK_REPOSITORY='{name: project}'
    task first '["true"]' 'ttlSecondsAfterFinished: 0'
    berth_start --repository-image berth-test/git:1
    wait_for 40 is_succeeded first
    first=$(tip_of main)
    push_file "$REPO" main news <<<hello
    "$BERTH" reconcile --state "$STATE" repository project
    task work '[sh, -c, "echo precious >mine; dd if=/dev/zero of=big bs=1M count=2"]'
    wait_for 30 is_succeeded work
    name=$(repo)
    wait_for 20 is_gone "$STATE/repos/$name/records/first.json"
    wait_for 20 container_is_stopped "$name"
    [ "$(ls "$STATE/repos/$name/snap" | sort)" = "$(printf '%s-0\n' "$first" "$(tip_of main)" | sort)" ]

    before=$(checksum)
    run "$BERTH" gc --dry-run --state "$STATE"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"0 of "*" would go"* ]]
    run "$BERTH" gc --dry-run --state "$STATE" -o json
    [ "$(of_json '.things[] | select(.kind == "working tree") | "\(.action) \(.task) \(.branch)"')" = "keep work task/work" ]
    [ "$(of_json '.things[] | select(.kind == "working tree") | .path')" = "$(tree_of work)" ]
    until=$(of_json '.things[] | select(.kind == "working tree") | .until')
    [ "$until" = "$(task_field work tree.keptUntil)" ]
    [ "$(checksum)" = "$before" ] || { echo "something was written"; return 1; }

    # two hours later, and nobody there who remembers when it was used
    berth_stop
    rm -f "$STATE/disk.json"
    touch -d '2 hours ago' "$STATE/repos/$name/snap/$first-0"
    before=$(checksum)
    run "$BERTH" gc --dry-run --state "$STATE"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"1 of "*" would go"* ]]
    [[ $output == *"no controller runs there"* ]]
    [[ $(grep '^remove' <<<"$output") == *"$name/snap/$first-0"*"not used for 2 h"* ]]
    [[ $(grep 'trees/work' <<<"$output") == keep*"task work has work in it that was not pushed, branch task/work"* ]]
    [[ $(grep "$until" <<<"$output") == *trees/work* ]]
    run "$BERTH" gc --dry-run --state "$STATE" -o json
    [ "$(of_json '.controller')" = false ]
    bytes=$(of_json '.things[] | select(.action == "remove") | .bytes')
    snapshot=$STATE/repos/$name/snap/$first-0
    alone=$(du -sB1 "$STATE/repos/$name/git" | cut -f1)
    both=$(du -scB1 "$STATE/repos/$name/git" "$snapshot" | tail -n 1 | cut -f1)
    [ "$bytes" -eq $((both - alone)) ]
    [ "$(checksum)" = "$before" ] || { echo "something was written"; return 1; }

    # and then it is done
    berth_start --repository-image berth-test/git:1
    removes_one() { [[ $("$BERTH" gc --state "$STATE") == "removed 1, "* ]]; }
    wait_for 8 removes_one    # once it knows which commit is the newest
    is_gone "$snapshot"
    wait_for 10 sh -c "test -z \"\$(ls -d '$STATE'/repos/trash-* 2>/dev/null)\""
    [ -d "$STATE/repos/$name/snap/$(tip_of main)-0" ]
    [ "$(cat "$(tree_of work)/mine")" = precious ]
    run "$BERTH" gc --state "$STATE"
    [[ $output == "nothing to remove"* ]]
}

@test "what a task is about to use, or has used until now, does not go" {
    ignore_big
    settings 'fetchIntervalSeconds: 3600'
    export TASK_REPOSITORY='{name: project}'
    berth_start --repository-image berth-test/git:1 --orphan-grace 2s
    task session ''
    wait_for 40 is_running_task session
    snapshot=$STATE/repos/$(repo)/snap/$(tip_of main)-0
    push_file "$REPO" main news <<<hello
    "$BERTH" reconcile --state "$STATE" repository project
    touch -d '2 hours ago' "$snapshot"
    for _ in 1 2 3; do
        run "$BERTH" gc --state "$STATE"
        [ "$status" -eq 0 ]
        [[ $output == "nothing to remove"* ]]
    done
    [ -d "$snapshot" ]
    complete session
    wait_for 20 is_succeeded session
    run "$BERTH" gc --state "$STATE"
    [[ $output == "nothing to remove"* ]]    # it was in use a moment ago
    [ -d "$snapshot" ]
}

@test "images that containers were kept as go when nothing is made from them any more, and nobody else's" {
    with_setup() {
        settings "warm: true
setup: {command: [sh, -c, 'echo $1 >/tmp/prepared']}
snapshot: {enabled: true}"
    }
    images_of() { docker images --format '{{.Repository}}:{{.Tag}}' "berth/$(repo)"; }
    has_image() { (($(images_of | wc -l) == $1)) || { images_of; return 1; }; }
    with_setup one
    berth_start --repository-image berth-test/git:1 --orphan-grace 2s
    wait_for 60 has_image 1
    first=$(images_of)
    name=$(repo)
    printf 'FROM %s\nRUN true\n' "$first" | docker build -q -t "berth-test/mine-$BATS_SUITE_TEST_NUMBER" - >/dev/null
    with_setup two
    image_changed() { [[ $(images_of) != "$first" ]] && has_image 1; }
    wait_for 60 image_changed
    docker image inspect "berth-test/mine-$BATS_SUITE_TEST_NUMBER" >/dev/null
    second=$(images_of)
    rm "$SPECS/project.yaml"
    wait_for 40 container_is_gone "$name"
    gone() { ! docker image inspect "$second" >/dev/null 2>&1; }
    wait_for 20 gone
    docker image inspect "berth-test/mine-$BATS_SUITE_TEST_NUMBER" >/dev/null
    docker rmi "berth-test/mine-$BATS_SUITE_TEST_NUMBER" >/dev/null
}

@test "wrong usage, no controller, and no such directory are said" {
    wrong() {
        local code=$1 words=$2
        shift 2
        run "$BERTH" gc --state "$STATE" "$@"
        echo "$output"
        [ "$status" -eq "$code" ] && [[ $output == *"$words"* ]]
    }
    wrong 2 'unknown option --dryrun; did you mean --dry-run?' --dryrun
    wrong 2 'neither text nor json' -o xml
    wrong 2 'unexpected argument' now
    wrong 2 'is not a time' --timeout now
    wrong 1 'no controller has run with state directory'
    wrong 1 'has a controller run there?' --dry-run --state "$TEST_DIR/none"
    [ ! -e "$TEST_DIR/none" ]
    berth_start
    berth_stop
    wrong 1 'no controller runs'
    wrong 0 '0 of 0 would go' --dry-run
}

@test "the folder of a repository that is gone goes, also what a killed controller left of it, and never what is in it" {
    mkdir -p "$STATE/repos/repo-gone-111111/run/tasks" "$STATE/repos/repo-half-222222/layers" \
        "$STATE/repos/repo-full-333333/trees/one" "$STATE/repos/repo-bare-444444/git/mirror.git"
    echo '{}' >"$STATE/repos/repo-gone-111111/mirror.json"
    echo '{}' >"$STATE/repos/repo-bare-444444/mirror.json"
    berth_start --orphan-grace 1s
    wait_for 10 test ! -e "$STATE/repos/repo-gone-111111"
    wait_for 10 test ! -e "$STATE/repos/repo-half-222222"
    [ -d "$STATE/repos/repo-full-333333/trees/one" ]
    [ -e "$STATE/repos/repo-bare-444444/mirror.json" ]
}

@test "berth gc is answered where there is nothing but instances" {
    berth_start
    run "$BERTH" gc --state "$STATE" --timeout 20s
    [ "$status" -eq 0 ]
}

#!/usr/bin/env bats
# Working trees: what each task has of its own, what tasks share, and how both outlive controller and container.

load helpers
load task_helpers

# Waits in its tree until somebody makes the file "go"; then goes on with the rest.
WAIT='while [ ! -e go ]; do sleep 0.1; done'

go() { touch "$(tree_of "$1")/go"; }
container_of() { task_field "$1" repositoryContainer; }

# inside TASK COMMAND...: in its tree in the container, as root
inside() { docker exec -w "/workspace/$1" "$(container_of "$1")" "${@:2}"; }

mounts_below() { awk -v below="$STATE/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo; }
has_mount() { mounts_below | grep -qx "$1"; }
has_no_mount() { ! has_mount "$1"; }
overlays_inside() { docker exec "$1" cat /proc/self/mountinfo | grep -c ' overlay .*berth-tree-'; }

need_overlay() {
    [ "$(id -u)" = 0 ] || skip "only root can mount"
}

# From here on Berth runs as root without the right to mount: trees are copies.
forbid_mounts() {
    printf '#!/bin/sh\nexec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin %q "$@"\n' "$BERTH" >"$TEST_DIR/berth"
    chmod +x "$TEST_DIR/berth"
    BERTH=$TEST_DIR/berth
    chmod o+x "$SUITE_DIR"    # nor can git's user be given a mount namespace in which it sees only its folder
}

# --- own trees -----------------------------------------------------------------------------------------

three_tasks() {
    local script='echo "$0" >mine; git add mine; git commit -q -m "by $0"; echo home >"$HOME/file"; echo tmp >"$TMPDIR/file"'
    task one "[sh, -c, '$script; $WAIT; git log --format=%s; pwd; ls', one]"
    task two "[sh, -c, '$script; $WAIT; git log --format=%s; pwd; ls', two]" 'branch: feature'
    task three "[sh, -c, '$script; $WAIT; git log --format=%s; pwd; ls', three]" 'ref: v1'
}

check_three_tasks() {
    local name from
    for name in one two three; do wait_for 40 is_running_task "$name"; done
    [ "$(our_containers | wc -l)" -eq 1 ]
    [ "$(find "$STATE" -name mirror.git | wc -l)" -eq 1 ]
    for name in one two three; do
        wait_for 10 test -s "$(tree_of "$name")/mine"
        task_field_is "$name" tree.method "$1"
        task_field_is "$name" workingDirectory "/workspace/$name"
        task_field_is "$name" branch "task/$name"
        [ "$(inside "$name" cat mine)" = "$name" ]
        [ "$(docker exec "$(repo)" cat "/workspace/.home/$name/file" "/workspace/.tmp/$name/file")" = "$(printf 'home\ntmp')" ]
        from=main
        [ "$name" != two ] || from=feature
        [ "$name" != three ] || from=v1
        task_field_is "$name" commit "$(tip_of "$from")"
        [ "$(tree_git "$(tree_of "$name")" rev-parse HEAD^)" = "$(tip_of "$from")" ]
        [ "$(tree_git "$(tree_of "$name")" branch --show-current)" = "task/$name" ]
    done
    [ "$(tree_git "$(tree_of one)" rev-parse --abbrev-ref '@{u}')" = origin/main ]
    [ "$(tree_git "$(tree_of two)" rev-parse --abbrev-ref '@{u}')" = origin/feature ]
    refute tree_git "$(tree_of three)" rev-parse --abbrev-ref '@{u}' 2>/dev/null
    for name in one two three; do go "$name"; done
    for name in one two three; do wait_for 20 is_succeeded "$name"; done
    [ "$(log_of one)" = "$(printf '%s\n' 'by one' 'tests: check both greetings' 'greet: say hello' start \
        /workspace/one Makefile README go greet.sh mine run-tests.sh)" ]
    [[ $(log_of two) == "by two"*"feature: begin"*FEATURE* ]]
    [ "$(log_of three)" = "$(printf '%s\n' 'by three' 'greet: say hello' start /workspace/three README go greet.sh mine)" ]
    git -C "$(bare)" fsck
    [ "$(git -C "$(bare)" branch --format='%(refname:short)' | xargs)" = "feature main" ]
}

@test "three tasks at once: one container, one clone; each has its tree, branch, HOME and TMPDIR" {
    need_overlay
    three_tasks
    berth_start --repository-image berth-test/git:1
    check_three_tasks overlay
    [ "$(mounts_below | wc -l)" -ge 4 ]    # the folder, and a mount for each tree
}

@test "the same where mounts are not allowed: the trees are copies, and the status says why" {
    three_tasks
    settings
    forbid_mounts
    berth_start --repository-image berth-test/git:1
    check_three_tasks copy
    [ -z "$(mounts_below)" ]
    repository_field_is method copy
    [ -n "$(repository_field methodMessage)" ]
}

@test "a task cannot write into the tree, home or folder of another, and sees nothing of its changes in its own" {
    task neighbour ''
    task intruder '[sh, -c, "echo x >/workspace/neighbour/README; echo x >/workspace/neighbour/new; rm -r /workspace/neighbour; mv /workspace/neighbour /workspace/moved; echo x >/workspace/.home/neighbour/x; echo x >/workspace/.tmp/neighbour/x; echo x >/workspace/x; echo changed >README; git status --short"]'
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_running_task neighbour
    wait_for 30 is_succeeded intruder
    [[ $(log_of intruder) == *" M README" ]]
    [ -z "$(tree_git "$(tree_of neighbour)" status --porcelain)" ]
    [ "$(tree_git "$(tree_of neighbour)" rev-parse HEAD)" = "$(tip_of main)" ]
    [ "$(docker exec "$(repo)" ls -A /workspace /workspace/.home/neighbour /workspace/.tmp/neighbour | xargs)" = \
        "/workspace: .home .tmp intruder neighbour /workspace/.home/neighbour: .gitconfig /workspace/.tmp/neighbour:" ]
}

@test "commits are the user's: spec.user is their author, also in a task without any configuration" {
    task named '[sh, -c, "unset GIT_CONFIG_SYSTEM; git commit -q --allow-empty -m x && git log -1 --format=%an:%ae"]' \
        'user: alice
env: [{name: GIT_CONFIG_SYSTEM, value: /dev/null}]'
    task mail '[sh, -c, "git commit -q --allow-empty -m x && git log -1 --format=%an:%ae"]' \
        'user: bob@example.org
env: [{name: GIT_CONFIG_SYSTEM, value: /dev/null}]'
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_succeeded named
    wait_for 30 is_succeeded mail
    [[ $(log_of named) == alice:alice@* ]]
    [[ $(log_of mail) == *:bob@example.org ]]
}

@test "a task may be named like Berth's own folders, or as long as a name can be" {
    long=$(printf 'a%.0s' $(seq 63))
    for name in home tmp git made "$long"; do task "$name" '[pwd]'; done
    berth_start
    for name in home tmp git made "$long"; do
        wait_for 40 is_succeeded "$name"
        [[ $(log_of "$name") == /workspace/$name* ]]
        task_field_is "$name" branch "task/$name"
    done
}

# --- shared trees --------------------------------------------------------------------------------------

@test "isolation Shared: one tree for all; another branch is refused with the reason, and gets its turn" {
    settings 'isolation: Shared'
    task first '[sh, -c, "echo of-first >>common; git add common; '"$WAIT"'"]'
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_running_task first
    task_field_is first workingDirectory /workspace/shared
    task_field_is first branch main
    task second '[sh, -c, "pwd; cat common; git branch --show-current"]'
    wait_for 15 is_succeeded second
    [ "$(log_of second)" = "$(printf '/workspace/shared\nof-first\nmain')" ]
    task other '[git, branch, --show-current]' 'branch: feature'
    wait_for 10 field_is other.yaml other status.error.reason BranchConflict
    message=$(status_of other.yaml other status.error.message)
    [[ $message == *main*feature* ]]
    [ "$(our_containers | wc -l)" -eq 1 ]
    go first
    wait_for 15 is_succeeded first
    # There is work in the tree that is nowhere else: it is not thrown away for another branch.
    wait_for 15 field_is other.yaml other status.error.reason BranchConflict
    [[ $(status_of other.yaml other status.error.message) == *"not pushed"* ]]
    task cleaner '[sh, -c, "git rm -q -f common; rm -f go; git status --short"]'
    wait_for 20 is_succeeded cleaner
    [ -z "$(log_of cleaner)" ]
    wait_for 30 is_succeeded other
    [ "$(log_of other)" = feature ]
}

@test "isolation Shared: an unused tree follows the branch, one with a change stays as it is" {
    settings 'isolation: Shared
fetchIntervalSeconds: 0'
    task a '[git, log, -1, --format=%s]'
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_succeeded a
    push_file "$REPO" main NEW <<<new
    task b '[sh, -c, "cat NEW; echo change >>README"]'
    wait_for 20 is_succeeded b
    [ "$(log_of b)" = new ]
    push_file "$REPO" main NEWER <<<newer
    task c '[sh, -c, "ls; tail -n 1 README"]'
    wait_for 20 is_succeeded c
    [[ $(log_of c) == *NEW*change ]]
    refute grep -q NEWER "$(task_field c logFile)"
}

@test "isolation Branch: a container for each branch, named so; those of one branch share tree and container" {
    settings 'isolation: Branch'
    task main-one "[sh, -c, 'echo one >common; $WAIT; git branch --show-current']"
    task feature-one "[sh, -c, '$WAIT; git branch --show-current; ls']" 'branch: feature'
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_running_task main-one
    wait_for 30 is_running_task feature-one
    task main-two '[cat, common]' 'branch: main'
    wait_for 20 is_succeeded main-two
    [ "$(log_of main-two)" = one ]
    [ "$(container_of main-one)" = "$(container_of main-two)" ]
    [ "$(container_of main-one)" != "$(container_of feature-one)" ]
    [[ $(container_of feature-one) == *feature* ]]
    [[ $(container_of main-one) == *main* ]]
    [ "$(our_containers | wc -l)" -eq 2 ]
    wait_for 10 repository_field_is activeTasks 2
    [ "$(repository_field 'branches[branch=feature].container')" = "$(container_of feature-one)" ]
    [ "$(repository_field 'branches[branch=main].container')" = "$(container_of main-one)" ]
    [ "$(repository_field 'branches[branch=feature].phase')" = RUNNING ]
    field_is project.yaml project 'status.conditions[type=Ready].reason' OnBranches
    [ "$(find "$STATE" -name mirror.git | wc -l)" -eq 1 ]
    go main-one
    go feature-one
    wait_for 20 is_succeeded main-one
    wait_for 20 is_succeeded feature-one
    [ "$(log_of main-one)" = main ]
    [[ $(log_of feature-one) == feature*FEATURE* ]]
    wait_for 10 repository_field_is activeTasks 0
}

@test "isolation Task in the spec of a task counts before the Repository's" {
    settings 'isolation: Shared'
    task own '[pwd]' 'isolation: Task'
    task common '[pwd]'
    berth_start
    wait_for 30 is_succeeded own
    wait_for 30 is_succeeded common
    [ "$(log_of own)" = /workspace/own ]
    [ "$(log_of common)" = /workspace/shared ]
}

# --- caches --------------------------------------------------------------------------------------------

@test "caches are volumes that all tasks share, also through their own homes, and outlive the container" {
    settings 'caches: [{name: pkg, mountPath: /home/app/.cache/pkg}, {name: global, mountPath: /var/cache/global}]
securityContext: {runAsUser: 1000}'
    task first '[sh, -c, "echo one >$HOME/.cache/pkg/file; echo two >/var/cache/global/file"]'
    task keep ''
    berth_start
    wait_for 30 is_succeeded first
    name=$(repo)
    docker rm -f "$name" >/dev/null
    wait_for 20 container_is_running "$name"
    task second '[sh, -c, "cat $HOME/.cache/pkg/file /home/app/.cache/pkg/file /var/cache/global/file"]'
    wait_for 30 is_succeeded second
    [ "$(log_of second)" = "$(printf 'one\none\ntwo')" ]
    [ "$(container_field "$name" '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{.Destination}}{{println}}{{end}}{{end}}' | sort | xargs)" = \
        "$name-cache-global /var/cache/global $name-cache-pkg /home/app/.cache/pkg" ]
    docker volume inspect "$name-cache-pkg" "$name-cache-global" >/dev/null
}

# --- whose they are ------------------------------------------------------------------------------------

owners_below() { find "$1" -printf '%U:%G\n' | sort -u; }

@test "files belong to the user that the Repository names, and git works without being told to trust them" {
    settings 'securityContext: {runAsUser: 1000}'
    task job '[sh, -c, "id -u; echo new >new; git add new && git commit -q -m new && git status --short; ls -A $HOME"]' \
        'env: [{name: GIT_CONFIG_SYSTEM, value: /dev/null}]'
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_succeeded job
    [ "$(log_of job)" = "$(printf '1000\n.gitconfig')" ]
    tree=$(tree_of job)
    [ "$(owners_below "$tree")" = 1000:1000 ]
    [ "$(owners_below "${tree%/*}/.home/job")" = 1000:1000 ]
    [ "$(stat -c %u:%a "${tree%/*}")" = 0:755 ]
}

@test "a user may change the modes of all their files, pack anew, and the next tree is as it was" {
    settings 'securityContext: {runAsUser: 1000}'
    task job '[sh, -c, "chmod -R u+w,g+w . && echo new >new && git add new && git commit -q -m new && git gc -q && git fsck"]'
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_succeeded job
    tree_git "$(tree_of job)" log -1 --format=%s | grep -qx new
    task next '[sh, -c, "git status --short; find .git/objects -type f -perm /022; git fsck"]'
    wait_for 30 is_succeeded next
    [ -z "$(grep -v '^notice' <<<"$(log_of next)")" ]
}

@test "... or that the image names, looked up in the image's own /etc/passwd" {
    id=$(docker create --label "berth-test.test=$BATS_SUITE_TEST_NUMBER" berth-test/git:1 true)
    docker commit --change 'USER app' --change "LABEL berth-test.test=$BATS_SUITE_TEST_NUMBER" "$id" "berth-test/app:t$BATS_SUITE_TEST_NUMBER" >/dev/null
    settings "image: berth-test/app:t$BATS_SUITE_TEST_NUMBER"
    task job '[sh, -c, "id -un; git status --short && echo >x && rm x"]' 'env: [{name: GIT_CONFIG_SYSTEM, value: /dev/null}]'
    berth_start
    wait_for 30 is_succeeded job
    [ "$(log_of job)" = app ]
    [ "$(owners_below "$(tree_of job)")" = 1000:1000 ]
    task_field_is job containerUser app
}

@test "a user that the image does not know is named, and nothing is started" {
    id=$(docker create --label "berth-test.test=$BATS_SUITE_TEST_NUMBER" berth-test/busybox:1 true)
    docker commit --change 'USER nobody-here' --change "LABEL berth-test.test=$BATS_SUITE_TEST_NUMBER" "$id" "berth-test/app:t$BATS_SUITE_TEST_NUMBER" >/dev/null
    settings "image: berth-test/app:t$BATS_SUITE_TEST_NUMBER"
    task job '[touch, /tmp/ran]'
    berth_start
    wait_for 30 field_is job.yaml job status.error.reason StartFailed
    [[ $(status_of job.yaml job status.error.message) == *nobody-here* ]]
    refute docker exec -u 0 "$(repo)" ls /tmp/ran
}

# --- what they outlive ---------------------------------------------------------------------------------

@test "a controller killed and started again finds trees, mounts and work as they were" {
    need_overlay
    task session ''
    task job "[sh, -c, 'echo work >work; $WAIT; cat work']"
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_running_task session
    wait_for 30 is_running_task job
    wait_for 5 test -s "$(tree_of job)/work"
    inside session sh -c 'echo mine >file'
    tree=$(tree_of session)
    before=$(grep "$STATE/" /proc/self/mountinfo)
    container=$(container_field "$(repo)" '{{.Id}} {{.State.StartedAt}}')
    berth_kill9
    berth_start --repository-image berth-test/git:1
    wait_for 10 is_running_task session
    task after '[ls]'
    wait_for 20 is_succeeded after
    [ "$(inside session cat file)" = mine ]
    [ "$(tree_of session)" = "$tree" ]
    [ "$(grep "$STATE/" /proc/self/mountinfo | grep -v /trees/after)" = "$before" ]
    [ "$(container_field "$(repo)" '{{.Id}} {{.State.StartedAt}}')" = "$container" ]
    go job
    wait_for 10 is_succeeded job
    [ "$(log_of job)" = work ]
}

@test "a tree whose mount was taken away, as by a reboot, is mounted again with what was in it" {
    need_overlay
    task session ''
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_running_task session
    tree=$(tree_of session)
    inside session sh -c 'echo mine >file; git add file; git commit -q -m mine'
    head=$(tree_git "$tree" rev-parse HEAD)
    umount -l "$tree"
    has_no_mount "$tree"
    kill -HUP "$BERTH_PID"
    wait_for 10 has_mount "$tree"
    wait_for 10 inside session cat file
    [ "$(tree_git "$tree" rev-parse HEAD)" = "$head" ]
    # Everything gone, as after a reboot of the host: no mount, no container that runs.
    berth_kill9
    docker kill "$(repo)" >/dev/null
    unmount_below "$STATE"
    [ -z "$(mounts_below)" ]
    berth_start --repository-image berth-test/git:1
    wait_for 20 container_is_running "$(repo)"
    wait_for 10 is_running_task session
    wait_for 10 has_mount "$tree"
    wait_for 10 inside session cat file
    [ "$(inside session git log -1 --format=%s)" = mine ]
    # The folder that lay there without its mount is not kept, or there would be one more after each reboot.
    [ -z "$(find "$STATE"/repos/*/layers -maxdepth 1 -name '.trash-*')" ]
}

@test "a container restarted, killed or removed comes back with every tree in it" {
    task session ''
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_running_task session
    inside session sh -c 'echo mine >file'
    name=$(repo)
    for blow in restart kill 'rm -f'; do
        # shellcheck disable=SC2086
        docker $blow "$name" >/dev/null
        wait_for 30 container_is_running "$name"
        wait_for 20 inside session grep -qx mine file
        wait_for 10 is_running_task session
    done
    task later '[cat, README]'
    wait_for 20 is_succeeded later
    [ "$(mounts_below | sort | uniq -d)" = '' ]
}

@test "trees take no disk but for what was changed in them" {
    need_overlay
    tree=$(mktemp -d "$TEST_DIR/big-XXXXXX")
    git clone -q "$(bare)" "$tree"
    head -c 20000000 /dev/urandom >"$tree/big"
    git -C "$tree" add big
    git -C "$tree" -c user.name=T -c user.email=t@example.org commit -q -m big
    git -C "$tree" push -q origin main
    task a '[sh, -c, "sha256sum big; git status --short"]'
    task b '[sh, -c, "sha256sum big; echo x >small"]'
    berth_start --repository-image berth-test/git:1
    wait_for 60 is_succeeded a
    wait_for 60 is_succeeded b
    [ "$(log_of a)" = "$(cd "$tree" && sha256sum big)" ]
    [ "$(log_of b)" = "$(cd "$tree" && sha256sum big)" ]
    for name in a b; do
        [ "$(du -s "$STATE/repos/$(repo)/layers/$name" | cut -f1)" -lt 1000 ]
    done
}

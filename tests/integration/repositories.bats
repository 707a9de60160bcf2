#!/usr/bin/env bats
# Repositories: what is fetched and when, and how long their container lives.

load helpers
load task_helpers
load front_helpers

id_of() { container_field "$1" '{{.Id}}'; }
settings_phase_is() { field_is project.yaml project status.phase "$1"; }
commit_is() { repository_field_is commit "$1"; }
condition_is() { field_is "$1.yaml" "$1" "status.conditions[type=$2].$3" "$4"; }
fetched_since() { [[ $(repository_field fetchTime) > "$1" ]]; }

# A git daemon of this test's own, on PORT_LAST, which can go away.
own_daemon_up() {
    "$SUPPORT/git_server.sh" daemon-up "$TEST_DIR/served" "$PORT_LAST" >/dev/null
}
own_daemon_down() { "$SUPPORT/git_server.sh" down "$TEST_DIR/served"; }

serve_own() {
    mkdir -p "$TEST_DIR/served"
    git clone -q --bare "$(bare)" "$TEST_DIR/served/own.git"
    own_daemon_up
    TASK_REPOSITORY=git://127.0.0.1:$PORT_LAST/own.git
}

teardown() {
    [[ ! -d $TEST_DIR/served ]] || own_daemon_down
    stop_front
    berth_teardown
}

# --- life of the container -----------------------------------------------------------------------------

@test "A; A,B; B; B,C; C; none: one container all the time, stopped after the last, and back for the next" {
    settings 'idleTimeoutSeconds: 0
retainSeconds: 600'
    task a ''
    berth_start
    wait_for 30 is_running_task a
    name=$(repo) id=$(id_of "$(repo)") clone=$(clone_id)
    started=$(container_field "$name" '{{.State.StartedAt}}')
    is_same() { [ "$(container_field "$name" '{{.Id}} {{.State.StartedAt}} {{.State.Running}}')" = "$id $started true" ]; }
    active_is() { wait_for 10 repository_field_is activeTasks "$1"; }
    active_is 1
    task b ''
    wait_for 10 is_running_task b
    active_is 2
    is_same
    complete a
    wait_for 10 is_succeeded a
    active_is 1
    is_same
    task c ''
    wait_for 10 is_running_task c
    active_is 2
    is_same
    complete b
    wait_for 10 is_succeeded b
    active_is 1
    is_same
    rm "$SPECS/c.yaml"    # the other way to end
    wait_for 20 container_is_stopped "$name"
    active_is 0
    wait_for 10 settings_phase_is TERMINATED
    [ -n "$(repository_field idleSince)" ]
    [ "$(our_containers | wc -l)" -eq 1 ]
    task d '[cat, README]'
    wait_for 20 is_succeeded d
    [ "$(id_of "$name")" = "$id" ]
    [ "$(clone_id)" = "$clone" ]
}

@test "idleTimeoutSeconds: it runs on so long without tasks; one that comes in time finds it running" {
    settings 'idleTimeoutSeconds: 4
retainSeconds: 600'
    task a '["true"]'
    berth_start
    wait_for 30 is_succeeded a
    name=$(repo)
    started=$(container_field "$name" '{{.State.StartedAt}}')
    wait_for 5 repository_field idleSince
    container_is_running "$name"
    task b '["true"]'
    wait_for 10 is_succeeded b
    [ "$(container_field "$name" '{{.State.StartedAt}}')" = "$started" ]
    wait_for 20 container_is_stopped "$name"
    ended=$(date -d "$(task_field b endTime)" +%s)
    [ $(($(date -d "$(container_field "$name" '{{.State.FinishedAt}}')" +%s) - ended)) -ge 4 ]
}

@test "retainSeconds: then the stopped container and its trees go; a controller killed meanwhile does not forget" {
    settings 'retainSeconds: 6'
    task a '["true"]' 'ttlSecondsAfterFinished: 1000'
    berth_start
    wait_for 30 is_succeeded a
    name=$(repo)
    wait_for 10 container_is_stopped "$name"
    stopped=$(date -d "$(container_field "$name" '{{.State.FinishedAt}}')" +%s)
    berth_kill9
    berth_start
    docker inspect "$name" >/dev/null
    wait_for 20 container_is_gone "$name"
    [ $(($(date +%s) - stopped)) -ge 5 ]
    gone() { [[ ! -e $STATE/repos/$name/trees && ! -e $STATE/repos/$name/layers ]]; }
    wait_for 10 gone
    wait_for 10 settings_phase_is TERMINATED
    task b '[cat, README]'
    wait_for 30 is_succeeded b
}

@test "an exec session keeps it up, and only while it lasts; Berth's own runs and a dead session do not" {
    settings 'retainSeconds: 600'
    task a '["true"]'
    task hold ''
    berth_start
    wait_for 30 is_succeeded a
    wait_for 30 is_running_task hold
    name=$(repo)
    docker exec -d "$name" sleep 1000
    wait_for 10 repository_field_is execSessions 1
    complete hold
    wait_for 10 is_succeeded hold
    wait_for 10 repository_field_is activeTasks 0
    container_is_running "$name"
    berth_kill9
    berth_start
    wait_for 10 repository_field_is execSessions 1
    container_is_running "$name"
    kill "$(docker top "$name" -eo pid,args | awk '$2 == "sleep" && $3 == "1000" { print $1 }')"
    wait_for 20 container_is_stopped "$name"
    refute repository_field execSessions
}

@test "a container is not stopped while the engine has not said whether somebody is in it" {
    settings 'idleTimeoutSeconds: 0
retainSeconds: 600'
    task a ''
    start_front
    berth_start --engine "unix://$(FRONT_SOCKET)"
    wait_for 30 is_running_task a
    name=$(repo)
    front_is delay 2000
    front_is slow '/exec/.*/json'
    docker exec -d "$name" sleep 1000
    complete a
    wait_for 10 is_succeeded a
    wait_for 10 repository_field_is execSessions 1
    container_is_running "$name"
    berth_kill9
    berth_start --engine "unix://$(FRONT_SOCKET)"
    wait_for 10 grep -q exec "$TEST_DIR/front/requests"
    wait_for 10 repository_field_is execSessions 1
    container_is_running "$name"
    kill "$(docker top "$name" -eo pid,args | awk '$2 == "sleep" && $3 == "1000" { print $1 }')"
    wait_for 20 container_is_stopped "$name"
}

@test "an engine that fails to say whether somebody is in it has not said that nobody is" {
    settings 'idleTimeoutSeconds: 0
retainSeconds: 600'
    task a ''
    start_front
    berth_start --engine "unix://$(FRONT_SOCKET)"
    wait_for 30 is_running_task a
    name=$(repo)
    front_is fail '/exec/.*/json'
    docker exec -d "$name" sleep 1000
    wait_for 10 grep -q inspect_failed "$LOG"
    complete a
    wait_for 10 is_succeeded a
    wait_for 10 repository_field_is activeTasks 0
    kill -HUP "$BERTH_PID"
    failed_again() { [[ $(grep -c inspect_failed "$LOG") -ge 2 ]]; }
    wait_for 10 failed_again
    container_is_running "$name"
    front_is_plain
    kill -HUP "$BERTH_PID"
    wait_for 10 repository_field_is execSessions 1
    kill "$(docker top "$name" -eo pid,args | awk '$2 == "sleep" && $3 == "1000" { print $1 }')"
    wait_for 20 container_is_stopped "$name"
}

@test "warm keeps it up without a task and with the clone made; no longer warm, it goes" {
    settings 'warm: true
retainSeconds: 0'
    berth_start
    wait_for 30 is_ready project.yaml project
    name=$(repo)
    wait_for 15 commit_is "$(tip_of main)"
    [ -n "$(clone_id)" ]
    settings 'retainSeconds: 0'
    wait_for 20 container_is_gone "$name"
}

@test "without its Repository object it lives by the defaults; a Repository that goes takes an idle container along" {
    settings 'retainSeconds: 600'
    task a '["true"]'
    berth_start
    wait_for 30 is_succeeded a
    name=$(repo)
    wait_for 10 container_is_stopped "$name"
    rm "$SPECS/project.yaml"
    wait_for 20 container_is_gone "$name"
    wait_for 5 test ! -e "$SPECS/project.status.yaml"
}

@test "suspend leaves the container as it is, whatever comes" {
    settings 'suspend: false'
    task a ''
    berth_start
    wait_for 30 is_running_task a
    name=$(repo)
    settings 'suspend: true'
    wait_for 10 field_is project.yaml project 'status.conditions[type=Ready].reason' Suspended
    docker stop -t 1 "$name" >/dev/null
    complete a
    wait_for 10 is_succeeded a
    settings 'suspend: true
env: [{name: A, value: b}]'
    task b '["true"]'
    wait_for 10 is_waiting_for b Suspended || wait_for 10 is_waiting_for b Preparing
    container_is_stopped "$name"
    settings 'suspend: false'
    wait_for 30 is_succeeded b
}

@test "a change that needs a new container waits for the last task; the trees that are kept are in the new one" {
    settings 'image: berth-test/busybox:1'
    task a '[sh, -c, "echo work >file; while [ ! -e go ]; do sleep 0.1; done"]'
    berth_start
    wait_for 30 is_running_task a
    name=$(repo) id=$(id_of "$(repo)")
    settings 'image: berth-test/git:1
env: [{name: NEW, value: "yes"}]'
    wait_for 10 field_is project.yaml project 'status.conditions[type=UpdatePending].status' True
    [ "$(id_of "$name")" = "$id" ]
    task session '' 'suspend: true'
    touch "$(tree_of a)/go"
    wait_for 10 is_succeeded a
    is_new() { [[ $(container_field "$name" '{{.Config.Image}}') == berth-test/git:1 ]]; }
    sed -i 's/suspend: true/suspend: false/' "$SPECS/session.yaml"
    wait_for 30 is_running_task session
    is_new
    [ "$(docker exec "$name" cat /workspace/a/file)" = work ]
    [ "$(docker exec "$name" sh -c 'echo $NEW')" = yes ]
}

# --- what is fetched -----------------------------------------------------------------------------------

@test "a push: the repository follows at its interval, a running task is left alone, a new one starts from it" {
    settings 'fetchIntervalSeconds: 1'
    task old ''
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_running_task old
    before=$(tip_of main)
    wait_for 10 commit_is "$before"
    push_file "$REPO" main NEW <<<new
    wait_for 15 commit_is "$(tip_of main)"
    [ "$(tree_git "$(tree_of old)" rev-parse HEAD)" = "$before" ]
    task new '[cat, NEW]'
    wait_for 15 is_succeeded new
    [ "$(log_of new)" = new ]
    task_field_is new commit "$(tip_of main)"
    task_field_is old commit "$before"
    is_running_task old
    [ ! -e "$(tree_of old)/NEW" ]
}

@test "fetchIntervalSeconds 0: each task starts from what was pushed before it came; nothing is fetched by itself" {
    settings 'fetchIntervalSeconds: 0'
    task hold ''
    berth_start
    wait_for 30 is_running_task hold
    for i in 1 2 3; do
        push_file "$REPO" main NEW <<<"$i"
        task "t$i" '[cat, NEW]'
        wait_for 15 is_succeeded "t$i"
        [ "$(log_of "t$i")" = "$i" ]
    done
    fetched=$(repository_field fetchTime)
    push_file "$REPO" main NEW <<<4
    kill -HUP "$BERTH_PID"
    task other '["true"]' 'ref: v1'
    wait_for 15 is_succeeded other
    [ "$(task_field other commit)" = "$(tip_of v1)" ]
    [ -n "$fetched" ]
}

@test "a long interval: what is known is good enough for it, and is not for a branch that is not known" {
    settings 'fetchIntervalSeconds: 100000'
    task first '["true"]'
    task hold ''
    berth_start
    wait_for 30 is_succeeded first
    before=$(tip_of main)
    push_file "$REPO" main NEW <<<new
    task second '["true"]'
    wait_for 15 is_succeeded second
    task_field_is second commit "$before"
}

@test "an operator asks for a fetch: berth reconcile repository" {
    settings 'fetchIntervalSeconds: 100000'
    task hold ''
    berth_start
    wait_for 30 is_running_task hold
    push_file "$REPO" main NEW <<<new
    "$BERTH" reconcile repository project --state "$STATE"
    wait_for 15 commit_is "$(tip_of main)"
    task new '[cat, NEW]'
    wait_for 15 is_succeeded new
}

@test "branch, tag, commit and HEAD; of two the task's own word counts" {
    settings 'branch: feature'
    task by-default '["true"]'
    task by-branch '["true"]' 'branch: main'
    task by-tag '["true"]' 'ref: v1'
    task by-commit '["true"]' "ref: $(tip_of main~1)"
    berth_start
    while read -r name revision; do
        wait_for 40 is_succeeded "$name"
        task_field_is "$name" commit "$(tip_of "$revision")"
    done <<TABLE
by-default feature
by-branch main
by-tag v1
by-commit main~1
TABLE
}

@test "HEAD is followed when the remote's default branch becomes another" {
    settings 'fetchIntervalSeconds: 0'
    task a '["true"]'
    berth_start
    wait_for 30 is_succeeded a
    task_field_is a commit "$(tip_of main)"
    git -C "$(bare)" symbolic-ref HEAD refs/heads/feature
    task b '["true"]'
    wait_for 20 is_succeeded b
    task_field_is b commit "$(tip_of feature)"
}

@test "a branch or tag that is not there is waited for, with its name, and used when it comes" {
    settings 'fetchIntervalSeconds: 1'
    task branch '[cat, FEATURE]' 'branch: late'
    task tag '["true"]' 'ref: v2'
    task hold ''
    berth_start
    wait_for 30 is_running_task hold
    wait_for 20 field_is branch.yaml branch status.error.reason BranchNotFound
    wait_for 20 field_is tag.yaml tag status.error.reason RefNotFound
    [[ $(status_of branch.yaml branch status.error.message) == *late* ]]
    [[ $(status_of tag.yaml tag status.error.message) == *v2* ]]
    git -C "$(bare)" branch late feature
    git -C "$(bare)" tag v2 feature
    wait_for 20 is_succeeded branch
    wait_for 20 is_succeeded tag
    task_field_is branch commit "$(tip_of late)"
    task_field_is tag commit "$(tip_of feature)"
}

@test "a branch that was removed or rewritten in the remote: running tasks keep theirs, new ones see what is so" {
    settings 'fetchIntervalSeconds: 0'
    task old '' 'branch: feature'
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_running_task old
    old=$(tip_of feature)
    git -C "$(bare)" branch -f feature main~1
    task new '["true"]' 'branch: feature'
    wait_for 20 is_succeeded new
    task_field_is new commit "$(tip_of main~1)"
    git -C "$(bare)" branch -D feature
    git -C "$(bare)" gc -q --prune=now
    task none '["true"]' 'branch: feature'
    wait_for 20 field_is none.yaml none status.error.reason BranchNotFound
    [ "$(tree_git "$(tree_of old)" rev-parse HEAD)" = "$old" ]
    tree_git "$(tree_of old)" fsck
    is_running_task old
}

@test "a remote that is away: what is known here is used and that is said; what is not known waits until it is back" {
    serve_own
    settings 'fetchIntervalSeconds: 0'
    task first '["true"]'
    task hold ''
    berth_start
    wait_for 30 is_succeeded first
    commit=$(task_field first commit)
    own_daemon_down
    git -C "$TEST_DIR/served/own.git" branch late main
    task second '["true"]'
    wait_for 40 is_succeeded second
    task_field_is second commit "$commit"
    [[ $(task_field second tree.note) == *"could not be asked"* ]]
    condition_is second WorkspaceReady reason FetchFailed
    task third '["true"]' 'branch: late'
    wait_for 30 is_waiting_for third CloneFailed
    is_running_task hold
    own_daemon_up
    wait_for 60 is_succeeded third
    wait_for 60 field_is project.yaml project 'status.conditions[type=WorkspaceReady].reason' Cloned
}

@test "a remote that is away at the first clone, and comes: the task starts by itself" {
    mkdir -p "$TEST_DIR/served"
    git clone -q --bare "$(bare)" "$TEST_DIR/served/own.git"
    TASK_REPOSITORY=git://127.0.0.1:$PORT_LAST/own.git task a '[cat, README]'
    berth_start
    wait_for 20 is_waiting_for a CloneFailed
    own_daemon_up
    wait_for 60 is_succeeded a
}

@test "somebody removes what Berth keeps of a repository: the next task has it cloned again" {
    task a '[cat, README]'
    berth_start
    wait_for 30 is_succeeded a
    mv "$STATE/repos" "$TEST_DIR/away"
    task b '[cat, README]'
    wait_for 30 is_succeeded b
    [ "$(git -C "$STATE"/repos/*/git/mirror.git rev-parse HEAD)" = "$(git ls-remote "$TASK_REPOSITORY" HEAD | cut -f1)" ]
}

@test "file:// below the root that the controller allows" {
    TASK_REPOSITORY=file://$(bare)
    task inside '[cat, README]'
    TASK_REPOSITORY=file://$TEST_DIR/elsewhere.git
    git clone -q --bare "$(bare)" "$TEST_DIR/elsewhere.git"
    task outside '[cat, README]'
    chmod o+x "$SUITE_DIR"    # the user who does git's work must get to both
    berth_start --git-file-root "$REPOSITORIES"
    wait_for 30 field_is outside.yaml outside status.error.reason SchemeRefused
    wait_for 30 is_succeeded inside
    task_field_is inside commit "$(tip_of main)"
}

# An sshd for this test on PORT_LAST, with keys in TEST_DIR/ssh.
start_sshd() {
    local dir=$TEST_DIR/ssh name
    mkdir -p "$dir" /run/sshd
    for name in host client; do ssh-keygen -q -t ed25519 -N '' -f "$dir/$name"; done
    cp "$dir/client.pub" "$dir/authorized"
    printf '%s\n' "Port $PORT_LAST" 'ListenAddress 127.0.0.1' "HostKey $dir/host" 'PidFile none' \
        "AuthorizedKeysFile $dir/authorized" 'StrictModes no' 'UsePAM no' 'PasswordAuthentication no' >"$dir/config"
    printf '[127.0.0.1]:%s %s\n' "$PORT_LAST" "$(cut -d' ' -f1,2 "$dir/host.pub")" >"$dir/known_hosts"
    "$(PATH=$PATH:/usr/sbin command -v sshd)" -D -f "$dir/config" -E "$dir/log" 3>&- &
    SSHD=$!
    listens() { (exec 4<>"/dev/tcp/127.0.0.1/$PORT_LAST") 2>/dev/null; }
    wait_for 10 listens
}

@test "by ssh, with a key from a file and the host's key known; a host that is not known is refused" {
    [ "$(id -u)" = 0 ] || skip "the server is root's"
    start_sshd
    TASK_REPOSITORY="ssh://$(id -un)@127.0.0.1:$PORT_LAST$(bare)"
    settings "credentials: {sshKeyFile: $TEST_DIR/ssh/client}"
    task job '[sh, -c, "cat README; cat .git/config"]'
    : >"$TEST_DIR/nobody-known"
    berth_start --git-known-hosts "$TEST_DIR/nobody-known"
    wait_for 30 is_waiting_for job CertificateInvalid
    berth_kill9
    berth_start --git-known-hosts "$TEST_DIR/ssh/known_hosts"
    wait_for 60 is_succeeded job
    [[ $(log_of job) == *"The sample repository"* ]]
    task_field_is job commit "$(tip_of main)"
    secret=$(sed -n 3p "$TEST_DIR/ssh/client")
    refute grep -rqF "$secret" "$STATE" "$SPECS" "$LOG"
    kill "$SSHD"
}

# --- many at once --------------------------------------------------------------------------------------

@test "twenty tasks at once on one repository: one clone, one snapshot, twenty trees, all of them right" {
    for i in $(seq 20); do task "t$i" "[sh, -c, 'echo $i >mine; cat mine; ls | wc -l']"; done
    berth_start
    for i in $(seq 20); do
        wait_for 60 is_succeeded "t$i"
        [ "$(log_of "t$i")" = "$(printf '%s\n5' "$i")" ]
    done
    [ "$(our_containers | wc -l)" -eq 1 ]
    [ "$(find "$STATE" -name mirror.git | wc -l)" -eq 1 ]
    [ "$(find "$STATE"/repos/*/snap -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
    [ "$(find "$STATE"/repos/*/trees -mindepth 1 -maxdepth 1 -name 't*' | wc -l)" -eq 20 ]
}

@test "the status of a Repository: url, branch, commit, fetch time, trees, container, ports, active tasks, disk" {
    settings 'ports: [{name: web, containerPort: 8080}]'
    task a ''
    berth_start
    wait_for 30 is_running_task a
    wait_for 10 commit_is "$(tip_of main)"
    repository_field_is branch main
    repository_field_is url "$(url | sed 's|http://||; s|\.git$||')"
    repository_field_is activeTasks 1
    [ -n "$(repository_field fetchTime)" ]
    [ "$(repository_field trees)" = "$STATE/repos/$(repo)/trees" ]
    [ -n "$(repository_field method)" ]
    field_is project.yaml project status.container.id "$(id_of "$(repo)")"
    [ "$(docker port "$(repo)" 8080/tcp)" = "127.0.0.1:$(port_of project.yaml project web)" ]
}

@test "the size on disk of mirror and trees is in the status" {
    settings
    task a '[sh, -c, "yes | head -c 5000000 >big"]'
    berth_start
    wait_for 30 is_succeeded a
    wait_for 90 repository_field diskBytes
    is_counted() { [ "$(repository_field diskBytes)" -ge 5000000 ]; }
    wait_for 90 is_counted
    [ "$(repository_field diskBytes)" -le 10000000 ]
}

#!/usr/bin/env bats
# Tasks: commands that run once in the container of their repository, and what is kept of them.

load helpers
load task_helpers

@test "a task clones the repository, runs its command in its tree and keeps log, exit code and times" {
    task build '[sh, -c, "pwd; ls; echo $GREETING; exit 3"]' 'env: [{name: GREETING, value: hello}]'
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_failed build
    task_field_is build exitCode 3
    task_field_is build reason Error
    [ -n "$(task_field build startTime)" ]
    [ -n "$(task_field build endTime)" ]
    task_field_is build workingDirectory /workspace/build
    task_field_is build branch task/build
    task_field_is build commit "$(tip_of main)"
    [[ $(log_of build) == /workspace/build*README*hello ]]
    tree=$(tree_of build)
    tree_git "$tree" fsck
    [ -z "$(tree_git "$tree" status --porcelain)" ]
    [ "$(tree_git "$tree" rev-parse HEAD)" = "$(tip_of main)" ]
    [ "$(tree_git "$tree" branch --show-current)" = task/build ]
    [ "$(tree_git "$tree" config remote.origin.url)" = "$(url)" ]
}

@test "all spellings of one repository share one container and one clone; git in it works" {
    task one '[sh, -c, "git log --oneline | wc -l"]'
    TASK_REPOSITORY="${GIT_HTTP_URL/127.0.0.1/user@127.0.0.1}/git/$REPO/" task two ''
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_succeeded one
    wait_for 10 is_running_task two
    [ "$(our_containers | wc -l)" -eq 1 ]
    [[ $(repo) =~ ^repo-git-$REPO-[0-9a-f]{6}$ ]]
    [ "$(log_of one)" -eq 3 ]
    [ "$(find "$STATE" -name mirror.git | wc -l)" -eq 1 ]
}

@test "tasks join one container; sessions stay until they are completed; the last one out stops it" {
    task first '[sh, -c, "echo one >/tmp/in-the-container"]'
    task session ''
    berth_start
    wait_for 30 is_succeeded first
    wait_for 10 is_running_task session
    name=$(repo)
    id=$(container_field "$name" '{{.Id}}')
    clone=$(clone_id)
    task second '[cat, /tmp/in-the-container]'
    wait_for 15 is_succeeded second
    [ "$(log_of second)" = one ]
    complete session
    wait_for 15 is_succeeded session
    wait_for 20 container_is_stopped "$name"
    task third '[cat, /tmp/in-the-container]'
    wait_for 20 is_succeeded third
    [ "$(log_of third)" = one ]
    [ "$(container_field "$name" '{{.Id}}')" = "$id" ]
    [ "$(clone_id)" = "$clone" ]
}

@test "after the retain time the container and its trees go, the log after its own; the mirror with the last spec" {
    settings 'retainSeconds: 2'
    task job '["true"]'
    berth_start
    wait_for 30 is_succeeded job
    wait_for 15 has_no_containers
    trees_are_gone() { [[ -z $(find "$STATE/repos" -name trees -o -name layers) ]]; }
    wait_for 10 trees_are_gone
    wait_for 5 field_is project.yaml project 'status.conditions[type=Ready].reason' Idle
    [ -e "$(task_field job logFile)" ]
    refute grep "$STATE" /proc/self/mountinfo
    rm "$SPECS/job.yaml"
    clone_is_gone() { [[ -z $(find "$STATE/repos" -name mirror.git -o -name snap) ]]; }
    wait_for 10 clone_is_gone
}

@test "a Repository's settings shape its container: env, limits, ports; warm keeps it up without tasks" {
    settings 'image: berth-test/web:1
branch: feature
warm: true
env: [{name: WHO, value: me}]
resources: {memory: 128Mi, cpus: 500m}
ports: [{name: preview, containerPort: 8080}]'
    berth_start
    wait_for 30 is_ready project.yaml project
    [ "$(container_field "$(repo)" '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}')" = "134217728 500000000" ]
    wait_for 10 repository_field_is commit "$(tip_of feature)"
    repository_field_is branch feature
    [ "$(docker exec "$(repo)" sh -c 'echo $WHO')" = me ]
    docker exec "$(repo)" sh -c 'echo hi >/tmp/index.html; httpd -p 8080 -h /tmp'
    port=$(status_of project.yaml project 'status.ports[name=preview].hostPort')
    [ "$(curl -fsS "http://127.0.0.1:$port/index.html")" = hi ]
    docker rm -f "$(repo)"
    wait_for 10 is_ready project.yaml project
    wait_for 10 field_is project.yaml project 'status.ports[name=preview].hostPort' "$port"
}

@test "a controller that is killed while a command runs: it runs on, once, and nothing of it is lost" {
    task long '[sh, -c, "echo begin $$ >>runs; for i in 1 2 3 4 5 6; do echo line $i; sleep 0.5; done; exit 5"]'
    berth_start
    wait_for 30 is_running_task long
    berth_kill9
    berth_start
    field_is long.yaml long status.phase Running
    berth_kill9
    wait_for 10 sh -c "ls '$STATE'/repos/*/run/tasks/*/1.exit"
    berth_start
    wait_for 10 is_failed long
    task_field_is long exitCode 5
    [ "$(log_of long)" = "$(printf 'line %s\n' 1 2 3 4 5 6)" ]
    [ "$(wc -l <"$(tree_of long)/runs")" -eq 1 ]
}

@test "what a killed controller left half made is swept: a tree, a pack, a lock, the mirror's record" {
    task job '["true"]'
    berth_start
    wait_for 30 is_succeeded job
    name=$(repo)
    clone=$(clone_id)
    berth_kill9
    mkdir -p "$STATE/repos/$name/layers/late/upper" "$STATE/repos/$name/layers/late/work" "$STATE/repos/$name/trees/late"
    echo stray >"$STATE/repos/$name/layers/late/upper/stray"
    echo stray >"$STATE/repos/$name/trees/late/stray"
    mirror=$STATE/repos/$name/git/mirror.git
    echo half >"$mirror/objects/pack/pack_git2_1234567890abcdef"
    install -D /dev/null "$mirror/refs/heads/main.lock"
    chown --reference="$mirror" "$mirror/objects/pack"/* "$mirror/refs/heads" "$mirror/refs/heads/main.lock"
    rm "$STATE/repos/$name/mirror.json"
    push_file "$REPO" main NEW <<<new
    berth_start
    task late '[ls]'
    wait_for 30 is_succeeded late
    [[ $(log_of late) == *NEW* ]]
    refute grep -q stray "$(task_field late logFile)"
    [ "$(clone_id)" = "$clone" ]
    [ -z "$(find "$mirror" -name 'pack_git2_*' -o -name '*.lock')" ]
    git -c safe.directory='*' -C "$mirror" fsck
}

@test "a command that does not exist fails with its name; a lost container fails the command" {
    task typo '[mkae, test]'
    task victim '[sleep, "1000"]'
    berth_start
    wait_for 30 is_failed typo
    [[ $(status_of typo.yaml typo status.error.message) == *mkae* ]]
    task_field_is typo exitCode 127
    wait_for 10 is_running_task victim
    docker rm -f "$(repo)"
    wait_for 15 is_failed victim
    task_field_is victim reason ContainerLost
}

@test "removing the file of a running command ends it, and a task of the same name is a new one" {
    task job '[sh, -c, "echo first; exec sleep 98766"]'
    task keep ''
    berth_start
    wait_for 30 is_running_task job
    rm "$SPECS/job.yaml"
    wait_for 20 sh -c "! docker top $(repo) | grep -q 98766"
    wait_for 5 test ! -e "$SPECS/job.status.yaml"
    wait_for 10 test ! -e "$STATE/tasks/job.json"
    task job '[echo, second]'
    wait_for 15 is_succeeded job
    [ "$(log_of job)" = second ]
}

@test "a failing clone says why and leaves nothing half made: wrong path, no such branch, wrong password, no server" {
    drop bad.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: nopath}
spec: {repository: "$GIT_HTTP_URL/git/absent.git", command: ["true"]}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: nobranch}
spec: {repository: "$(url)", branch: faeture, command: ["true"]}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: noauth}
spec: {repository: "$GIT_HTTP_URL/private/$REPO.git", command: ["true"]}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: noserver}
spec: {repository: "http://127.0.0.1:1/o/r.git", command: ["true"]}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: nofile}
spec: {repository: "file://$(bare)", command: ["true"]}
SPEC
    berth_start
    wait_for 20 field_is bad.yaml nopath status.error.reason RepositoryNotFound
    wait_for 20 field_is bad.yaml nobranch status.error.reason BranchNotFound
    [[ $(status_of bad.yaml nobranch status.error.message) == *faeture*feature* ]]
    wait_for 20 field_is bad.yaml noauth status.error.reason AuthenticationFailed
    wait_for 20 field_is bad.yaml noserver 'status.conditions[type=Ready].reason' CloneFailed
    wait_for 20 field_is bad.yaml nofile status.error.reason SchemeRefused
    # but for the moments in which it is tried again
    is_only_mirror() { [[ $(find "$STATE/repos" -name mirror.git) == "$(echo "$STATE"/repos/repo-git-"$REPO"-*/git/mirror.git)" ]]; }
    wait_for 10 is_only_mirror
    [ -z "$(find "$STATE/repos" -path '*/trees/*' -o -path '*/snap/*')" ]
}

@test "credentials from files open a private repository and appear nowhere" {
    printf 's3cret\n' >"$TEST_DIR/token"
    printf 'alice\n' >"$TEST_DIR/user"
    drop repo.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: private}
spec:
  url: $GIT_HTTP_URL/private/$REPO.git
  credentials: {tokenFile: $TEST_DIR/token, usernameFile: $TEST_DIR/user}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: job}
spec: {repository: {name: private}, command: [cat, README]}
SPEC
    berth_start -v
    wait_for 30 field_is repo.yaml job status.phase Succeeded
    ! grep -rq s3cret "$SPECS" "$STATE" "$LOG" || return 1
    ! docker inspect "$(repo)" | grep -q s3cret || return 1
}

@test "a server that stops talking is given up after the stall timeout" {
    socat "TCP-LISTEN:$PORT_LAST,bind=127.0.0.1,fork,reuseaddr" 'EXEC:tail -f /dev/null' 3>&- &
    silent=$!
    drop t.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: t}
spec: {repository: "http://127.0.0.1:$PORT_LAST/o/r.git", command: ["true"]}
SPEC
    berth_start --git-stall-timeout 1s
    wait_for 20 field_is t.yaml t 'status.conditions[type=Ready].reason' CloneStalled
    kill "$silent"
    ! pgrep -f "git-worker.*" -P "$BERTH_PID" || return 1
}

@test "this very repository, by git:// and by http, clones whole" {
    [ -d "$PROJECT/.git" ] || skip "not a checkout"
    git clone -q --bare "$PROJECT" "$REPOSITORIES/self.git"
    head=$(git -C "$REPOSITORIES/self.git" rev-parse HEAD)
    git -C "$REPOSITORIES/self.git" update-ref refs/heads/tested "$head"    # a checkout may be on no branch
    git -C "$REPOSITORIES/self.git" symbolic-ref HEAD refs/heads/tested
    drop self.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: by-git}
spec: {repository: "$GIT_DAEMON_URL/self.git", command: [sh, -c, "ls Makefile base/error.h; cat .git/HEAD"]}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: by-http}
spec: {repository: "$GIT_HTTP_URL/git/self.git", command: [sh, -c, "ls Makefile base/error.h; cat .git/HEAD"]}
SPEC
    berth_start
    wait_for 60 field_is self.yaml by-git status.phase Succeeded
    wait_for 60 field_is self.yaml by-http status.phase Succeeded
    [ "$(status_of self.yaml by-git status.task.commit)" = "$head" ]
    for name in by-git by-http; do
        tree=$(status_of self.yaml $name status.task.tree.hostPath)
        [ "$(tree_git "$tree" rev-parse HEAD)" = "$head" ]
        [ -z "$(tree_git "$tree" status --porcelain)" ]
    done
}

@test "a git child that is killed in the middle of a clone is followed by another one, and leaves nothing" {
    tree=$(mktemp -d "$TEST_DIR/big-XXXXXX")
    git clone -q "$(bare)" "$tree"
    head -c 60000000 /dev/urandom >"$tree/big"
    git -C "$tree" add big
    git -C "$tree" -c user.name=T -c user.email=t@example.org commit -q -m big
    git -C "$tree" push -q origin main
    task job '[sh, -c, "wc -c <big"]'
    berth_start
    killed=none
    worker() { pgrep -P "$BERTH_PID" -f git-worker | grep -vx "$killed" | head -n 1 | grep .; }
    next_worker() { worker >"$TEST_DIR/worker"; }
    for i in 1 2 3; do
        wait_for 30 next_worker
        killed=$(cat "$TEST_DIR/worker")
        kill -9 "$killed" || true    # it may just have ended
    done
    wait_for 90 is_succeeded job
    [ "$(log_of job)" -eq 60000000 ]
    mirror=$(find "$STATE/repos" -name mirror.git)
    git -c safe.directory='*' -C "$mirror" fsck
    [ -z "$(find "$STATE/repos" -name 'pack_git2_*' -o -name '*.lock' -path '*.git/*' -o -name '*.work' -o -name '.*staging')" ]
    refute worker
}

#!/usr/bin/env bats
# Repository containers and tasks: one container per repository, commands that run once.

load helpers

url() { echo "$GIT_HTTP_URL/git/repo$BATS_SUITE_TEST_NUMBER.git"; }
repo() { our_containers | grep '^repo-' | head -n 1; }

setup() {
    berth_setup
    make_repo "repo$BATS_SUITE_TEST_NUMBER"
}

# task NAME COMMAND-LIST [more spec lines]
task() {
    drop "$1.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: $1}
spec:
  repository: $(url)
  ${2:+command: $2}
  ${3:-}
SPEC
}

is_succeeded() { field_is "$1.yaml" "$1" status.phase Succeeded; }
is_failed() { field_is "$1.yaml" "$1" status.phase Failed; }
is_running_task() { field_is "$1.yaml" "$1" status.phase Running; }
log_of() { cat "$(status_of "$1.yaml" "$1" status.task.logFile)"; }

@test "a task clones the repository, runs its command in the tree and keeps log, exit code and times" {
    task build '[sh, -c, "pwd; ls; echo $GREETING; exit 3"]' 'env: [{name: GREETING, value: hello}]'
    berth_start
    wait_for 30 is_failed build
    field_is build.yaml build status.task.exitCode 3
    field_is build.yaml build status.task.reason CommandFailed
    [ -n "$(status_of build.yaml build status.task.startTime)" ]
    [ -n "$(status_of build.yaml build status.task.endTime)" ]
    [ "$(status_of build.yaml build status.task.commit)" = "$(git -C "$REPOSITORIES/repo$BATS_SUITE_TEST_NUMBER.git" rev-parse main)" ]
    log=$(log_of build)
    [[ $log == /workspace*README*hello ]]
    tree=$STATE/repos/$(repo)/tree
    git -c safe.directory='*' -C "$tree" fsck
    [ -z "$(git -c safe.directory='*' -C "$tree" status --porcelain)" ]
    [ "$(git -c safe.directory='*' -C "$tree" config remote.origin.url)" = "$(url)" ]
}

@test "all spellings of one repository share one container; git in it works" {
    task one '[sh, -c, "git log --oneline | wc -l"]'
    berth_stop 2>/dev/null || true
    drop two.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: two}
spec: {repository: "${GIT_HTTP_URL/127.0.0.1/user@127.0.0.1}/git/repo$BATS_SUITE_TEST_NUMBER/"}
SPEC
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_succeeded one
    wait_for 10 is_running_task two
    [ "$(our_containers | wc -l)" -eq 1 ]
    [[ $(repo) =~ ^repo-git-repo$BATS_SUITE_TEST_NUMBER-[0-9a-f]{6}$ ]]
    [ "$(log_of one)" -ge 1 ]
}

@test "tasks join one container; sessions stay until they are completed; the last one out stops it" {
    task first '[sh, -c, "echo one >shared-file"]'
    task session ''
    berth_start
    wait_for 30 is_succeeded first
    wait_for 10 is_running_task session
    id=$(container_field "$(repo)" '{{.Id}}')
    task second '[cat, shared-file]'
    wait_for 15 is_succeeded second
    [ "$(log_of second)" = one ]
    [ "$(container_field "$(repo)" '{{.Id}}')" = "$id" ]
    sed -i 's/^spec:/spec:\n  state: Completed/' "$SPECS/session.yaml"
    wait_for 15 is_succeeded session
    wait_for 20 sh -c "test \"\$(docker inspect -f '{{.State.Running}}' $(repo))\" = false"
    task third '[cat, shared-file]'
    wait_for 20 is_succeeded third
    [ "$(log_of third)" = one ]
    [ "$(container_field "$(repo)" '{{.Id}}')" = "$id" ]
    grep -c 'action="make workspace"' "$LOG" | grep -qx 1
}

@test "after the retain time the container and its workspace go" {
    drop repo.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: project}
spec: {url: "$(url)", retainSeconds: 2}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: job}
spec: {repository: {name: project}, command: ["true"]}
SPEC
    berth_start
    wait_for 30 field_is repo.yaml job status.phase Succeeded
    wait_for 15 sh -c "test -z \"\$(docker ps -aq --filter label=dev.berth.controller=$(cat "$STATE/controller-id"))\""
    wait_for 5 sh -c "! ls '$STATE'/repos/*/tree"
    field_is repo.yaml project 'status.conditions[type=Ready].reason' Idle
    [ -s "$(status_of repo.yaml job status.task.logFile)" ] || [ -e "$(status_of repo.yaml job status.task.logFile)" ]
}

@test "a Repository's settings shape its container: env, limits, ports; warm keeps it up without tasks" {
    drop repo.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: project}
spec:
  url: $(url)
  image: berth-test/web:1
  branch: feature
  warm: true
  env: [{name: WHO, value: me}]
  resources: {memory: 128Mi, cpus: 500m}
  ports: [{name: preview, containerPort: 8080}]
SPEC
    berth_start
    wait_for 30 is_ready repo.yaml project
    [ "$(container_field "$(repo)" '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}')" = "134217728 500000000" ]
    field_is repo.yaml project status.repository.branch feature
    docker exec "$(repo)" sh -c 'echo hi >/tmp/index.html; httpd -p 8080 -h /tmp'
    port=$(status_of repo.yaml project 'status.ports[name=preview].hostPort')
    [ "$(curl -fsS "http://127.0.0.1:$port/index.html")" = hi ]
    docker rm -f "$(repo)"
    wait_for 10 is_ready repo.yaml project
    wait_for 10 field_is repo.yaml project 'status.ports[name=preview].hostPort' "$port"
}

@test "a controller that is killed while a command runs: it runs on, once, and nothing of it is lost" {
    task long '[sh, -c, "echo begin $$ >>/workspace/runs; for i in 1 2 3 4 5 6; do echo line $i; sleep 0.5; done; exit 5"]'
    berth_start
    wait_for 30 is_running_task long
    berth_kill9
    berth_start
    field_is long.yaml long status.phase Running
    berth_kill9
    wait_for 10 sh -c "ls '$STATE'/repos/*/run/tasks/*/1.exit"
    berth_start
    wait_for 10 is_failed long
    field_is long.yaml long status.task.exitCode 5
    [ "$(log_of long)" = "$(printf 'line %s\n' 1 2 3 4 5 6)" ]
    [ "$(wc -l <"$STATE/repos/$(repo)/tree/runs")" -eq 1 ]
}

@test "killed between the end of a clone and its record: the tree is made anew" {
    task job '[cat, README]'
    berth_start
    wait_for 30 is_succeeded job
    berth_kill9
    name=$(repo)
    docker rm -f "$name"
    rm "$STATE/repos/$name/repository.json" "$SPECS/job.yaml" "$STATE/tasks/job.json"
    rm -f "$STATE"/specs/*
    echo stray >"$STATE/repos/$name/tree/stray"
    berth_start
    task again '[ls]'
    wait_for 30 is_succeeded again
    [[ $(log_of again) != *stray* ]]
    gone() { ! ls -d "$STATE"/repos/trash-*; }
    wait_for 10 gone
}

@test "a task on another branch waits while others work on the tree, and gets its own when they have ended" {
    task on-main ''
    berth_start
    wait_for 30 is_running_task on-main
    task on-feature '[sh, -c, "cat .git/HEAD"]' 'branch: feature'
    wait_for 10 field_is on-feature.yaml on-feature status.error.reason BranchConflict
    sed -i 's/^spec:/spec:\n  state: Completed/' "$SPECS/on-main.yaml"
    wait_for 40 is_succeeded on-feature
    [ "$(log_of on-feature)" = "ref: refs/heads/feature" ]
}

@test "a timeout kills the process tree and says so" {
    task slow '[sh, -c, "setsid sleep 98765 & sleep 98765"]' 'timeoutSeconds: 1'
    berth_start
    wait_for 30 is_failed slow
    field_is slow.yaml slow status.task.reason DeadlineExceeded
    ! docker top "$(repo)" 2>/dev/null | grep -q 98765 || return 1
}

@test "a command that does not exist fails with its name; a lost container fails the command" {
    task typo '[mkae, test]'
    task victim '[sleep, "1000"]'
    berth_start
    wait_for 30 is_failed typo
    [[ $(status_of typo.yaml typo status.error.message) == *mkae* ]]
    field_is typo.yaml typo status.task.exitCode 127
    wait_for 10 is_running_task victim
    docker rm -f "$(repo)"
    wait_for 15 is_failed victim
    field_is victim.yaml victim status.task.reason ContainerLost
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
spec: {repository: "$GIT_HTTP_URL/private/repo$BATS_SUITE_TEST_NUMBER.git", command: ["true"]}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: noserver}
spec: {repository: "http://127.0.0.1:1/o/r.git", command: ["true"]}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: nofile}
spec: {repository: "file://$REPOSITORIES/repo$BATS_SUITE_TEST_NUMBER.git", command: ["true"]}
SPEC
    berth_start
    wait_for 20 field_is bad.yaml nopath status.error.reason RepositoryNotFound
    wait_for 20 field_is bad.yaml nobranch status.error.reason BranchNotFound
    [[ $(status_of bad.yaml nobranch status.error.message) == *faeture*feature* ]]
    wait_for 20 field_is bad.yaml noauth status.error.reason AuthenticationFailed
    wait_for 20 field_is bad.yaml noserver 'status.conditions[type=Ready].reason' CloneFailed
    wait_for 20 field_is bad.yaml nofile status.error.reason SchemeRefused
    ! ls "$STATE"/repos/*/tree || return 1
    [ -z "$(our_containers)" ]
}

@test "credentials from files open a private repository and appear nowhere" {
    printf 's3cret\n' >"$TEST_DIR/token"
    printf 'alice\n' >"$TEST_DIR/user"
    drop repo.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: private}
spec:
  url: $GIT_HTTP_URL/private/repo$BATS_SUITE_TEST_NUMBER.git
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
    for tree in "$STATE"/repos/*/tree; do
        [ "$(git -c safe.directory='*' -C "$tree" rev-parse HEAD)" = "$head" ]
        [ -z "$(git -c safe.directory='*' -C "$tree" status --porcelain)" ]
    done
}

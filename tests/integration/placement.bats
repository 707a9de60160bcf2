#!/usr/bin/env bats
# Tasks on pools: places, queue, growth and shrinking, warm repositories, draining.

load helpers

url() { echo "$GIT_HTTP_URL/git/repo$BATS_SUITE_TEST_NUMBER${1:-}.git"; }

setup() {
    berth_setup
    make_repo "repo$BATS_SUITE_TEST_NUMBER"
    make_repo "repo${BATS_SUITE_TEST_NUMBER}b"
}

# pool MIN MAX PLACES [more lines of the spec]: named ci, of idle instances
pool() {
    drop ci.yaml <<SPEC
apiVersion: berth.dev/v1
kind: InstancePool
metadata: {name: ci}
spec:
  minInstances: $1
  maxInstances: $2
  maxTasksPerInstance: $3
  autoscaling: {scaleDownDelaySeconds: 1, targetUtilization: 1}
  ${4:-}
  template:
    spec: {machineType: e2-small, zone: zone-$BATS_SUITE_TEST_NUMBER, terminationGracePeriodSeconds: 1}
SPEC
}

# session NAME [REPOSITORY-SUFFIX [more lines]]: an open session on the pool
session() {
    drop "$1.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: $1}
spec:
  repository: $(url "${2:-}")
  pool: ci
  ${3:-}
SPEC
}
is_running_task() { field_is "$1.yaml" "$1" status.phase Running; }
waits_for() { field_is "$1.yaml" "$1" 'status.conditions[type=Ready].reason' "$2"; }
members() { docker ps --filter "label=dev.berth.pool=ci" --format '{{.Names}}' | sort -V | paste -sd' '; }
are_members() { [ "$(members)" = "$1" ] || { echo "members: $(members)"; return 1; }; }
placed_on() { docker ps --filter "label=dev.berth.instance=$1" --format '{{.Names}}' | grep -c '^repo-'; }

@test "tasks of one repository share its container's instance; when it is full the next one waits, with its position" {
    pool 1 1 2
    session one
    berth_start
    wait_for 40 is_running_task one
    [ "$(status_of one.yaml one status.task.instance)" = ci-0 ]
    [ "$(placed_on ci-0)" -eq 1 ]
    session two
    wait_for 20 is_running_task two
    session three
    wait_for 10 waits_for three InstanceFull
    field_is three.yaml three status.task.queuePosition 1
    session four '' 'priority: 5'
    wait_for 10 field_is four.yaml four status.task.queuePosition 1
    wait_for 10 field_is three.yaml three status.task.queuePosition 2
    session other b
    wait_for 10 waits_for other PoolExhausted
    status_of other.yaml other 'status.conditions[type=Ready].message'
    rm "$SPECS/one.yaml"
    wait_for 20 is_running_task four
    field_is three.yaml three status.phase Pending
    rm "$SPECS/two.yaml"
    wait_for 20 is_running_task three
    [ "$(our_containers | grep -c '^repo-')" -eq 1 ]
}

@test "a pool grows when tasks wait and shrinks when they are gone, never an instance with a task" {
    pool 0 2 1
    berth_start
    wait_for 10 is_ready ci.yaml ci
    [ -z "$(members)" ]
    session one
    wait_for 40 is_running_task one
    are_members ci-0
    session other b
    wait_for 40 is_running_task other
    are_members "ci-0 ci-1"
    first=$(status_of one.yaml one status.task.instance)
    rm "$SPECS/other.yaml"
    wait_for 20 are_members "$first"
    field_is one.yaml one status.phase Running
    rm "$SPECS/one.yaml"
    wait_for 20 are_members ""
}

@test "what a pool cannot hold at all, and a pool that does not exist, are said at once" {
    pool 1 1 2
    drop big.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: big}
spec: {url: "$(url)", pool: ci, resources: {memory: 64Gi}}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: big-task}
spec: {repository: {name: big}}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: lost}
spec: {repository: "$(url b)", pool: nowhere}
SPEC
    berth_start
    wait_for 20 field_is big.yaml Task/big-task 'status.error.reason' Unschedulable
    [[ $(status_of big.yaml Task/big-task status.error.message) == *64* ]]
    wait_for 10 field_is big.yaml Task/lost 'status.error.reason' PoolUnknown
    wait_for 20 is_ready ci.yaml ci
    [ -z "$(our_containers | grep '^repo-')" ]
}

@test "a warm repository is cloned and started before any task asks; its first task needs no clone" {
    pool 1 1 2 "warmRepositories: [$(url)]"
    berth_start
    is_warm() { [ "$(placed_on ci-0)" -eq 1 ]; }
    wait_for 40 is_warm
    id=$(docker ps -q --filter label=dev.berth.instance=ci-0 --filter name=repo-)
    session one
    wait_for 10 is_running_task one
    [ "$(docker ps -q --no-trunc --filter label=dev.berth.instance=ci-0 --filter name=repo- | cut -c1-12)" = "$id" ]
    ! grep -q '"\?action"\?.*make workspace' <(tail -n +"$(grep -n 'Task/one' "$LOG" | head -n 1 | cut -d: -f1)" "$LOG") || return 1
    rm "$SPECS/one.yaml"
    pool 1 1 2
    stopped() { [ -z "$(docker ps -q --filter label=dev.berth.instance=ci-0 --filter name=repo-)" ]; }
    wait_for 20 stopped
}

@test "an update of the template drains busy members: their tasks go on to the end, then the next one is placed elsewhere" {
    pool 1 1 2
    session one
    berth_start
    wait_for 40 is_running_task one
    id=$(container_field ci-0 '{{.Id}}')
    sed -i 's/e2-small/e2-medium/' "$SPECS/ci.yaml"
    wait_for 10 field_is ci.yaml ci status.pool.draining 1
    session two
    wait_for 10 field_is two.yaml two status.phase Pending
    [ "$(container_field ci-0 '{{.Id}}')" = "$id" ]
    field_is one.yaml one status.phase Running
    rm "$SPECS/one.yaml"
    wait_for 40 is_running_task two
    [ "$(container_field ci-0 '{{.Id}}')" != "$id" ]
}

@test "an instance that is lost is repaired under its name; the command on it goes on" {
    pool 1 1 2
    drop long.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: long}
spec:
  repository: $(url)
  pool: ci
  command: [sh, -c, "while [ ! -e done ]; do sleep 0.1; done; echo through"]
SPEC
    berth_start
    wait_for 40 is_running_task long
    docker rm -f ci-0 >/dev/null
    wait_for 20 are_members ci-0
    wait_for 20 is_ready ci.yaml ci
    field_is long.yaml long status.phase Running
    docker exec "$(our_containers | grep '^repo-')" touch long/done
    wait_for 20 field_is long.yaml long status.phase Succeeded
    [ "$(cat "$(status_of long.yaml long status.task.logFile)")" = through ]
}

@test "a restart of the controller keeps places and queue" {
    pool 1 1 1
    session one
    berth_start
    wait_for 40 is_running_task one
    session two
    wait_for 10 waits_for two InstanceFull
    arrival=$(status_of two.yaml two status.task.arrivalTime)
    id=$(docker ps -q --filter name=repo-)
    berth_kill9
    session three '' 'priority: 0'
    berth_start
    wait_for 20 field_is three.yaml three status.task.queuePosition 2
    field_is two.yaml two status.task.queuePosition 1
    [ "$(status_of two.yaml two status.task.arrivalTime)" = "$arrival" ]
    field_is one.yaml one status.phase Running
    [ "$(docker ps -q --filter name=repo-)" = "$id" ]
}

@test "a template that changed while no controller ran drains busy members, too" {
    pool 1 1 2
    session one
    berth_start
    wait_for 40 is_running_task one
    id=$(container_field ci-0 '{{.Id}}')
    berth_kill9
    sed -i 's/e2-small/e2-medium/' "$SPECS/ci.yaml"
    berth_start
    wait_for 20 field_is ci.yaml ci status.pool.draining 1
    [ "$(container_field ci-0 '{{.Id}}')" = "$id" ]
    field_is one.yaml one status.phase Running
}

@test "a pool that was made smaller while no controller ran keeps the instance with a task" {
    pool 0 2 1
    session one
    session other b
    berth_start
    wait_for 40 is_running_task one
    wait_for 40 is_running_task other
    are_members "ci-0 ci-1"
    ids=$(docker inspect -f '{{.Id}}' ci-0 ci-1)
    berth_kill9
    sed -i 's/maxInstances: 2/maxInstances: 1/' "$SPECS/ci.yaml"
    berth_start
    wait_for 20 field_is ci.yaml ci status.pool.draining 1
    [ "$(docker inspect -f '{{.Id}}' ci-0 ci-1)" = "$ids" ]
    wait_for 20 is_running_task one
    wait_for 20 is_running_task other
}

@test "a deleted pool lets its tasks finish before its instances go" {
    pool 1 1 2
    session one
    berth_start
    wait_for 40 is_running_task one
    rm "$SPECS/ci.yaml"
    wait_for 10 sh -c "grep -q 'spec_gone.*InstancePool/ci' '$LOG'"
    session two
    wait_for 10 field_is two.yaml two status.error.reason PoolUnknown
    are_members ci-0
    field_is one.yaml one status.phase Running
    rm "$SPECS/one.yaml"
    wait_for 20 are_members ""
}

# another_pool NAME: of one instance with one place
another_pool() {
    pool 1 1 1
    sed "s/{name: ci}/{name: $1}/" "$SPECS/ci.yaml" | drop "$1.yaml"
}
# repositories MEMORY [more of the second]: objects a and b, whose containers ask for it
repositories() {
    drop repositories.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: a}
spec: {url: "$(url)", pool: ci, resources: {memory: $1}}
---
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: b}
spec: {url: "$(url b)", pool: ci, resources: {memory: $1}${2:-}}
SPEC
}
# task NAME REPOSITORY [POOL [more lines]]: an open session; REPOSITORY is YAML
task() {
    drop "$1.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: $1}
spec:
  repository: $2
  pool: ${3:-ci}
  ${4:-}
SPEC
}
instance_of() { container_field "$(our_containers | grep '^repo-' | head -n 1)" '{{index .Config.Labels "dev.berth.instance"}}'; }

@test "a controller with a pool and a queue makes no passes while nothing happens" {
    pool 1 1 1
    session one
    berth_start
    wait_for 40 is_running_task one
    session two
    wait_for 10 waits_for two InstanceFull
    wait_for 20 is_ready ci.yaml ci
    passes() { awk '$1 == "passes:" {print $2}' "$STATE/controller.yaml"; }
    is_quiet() { local before; before=$(passes); sleep 5; [ "$(passes)" = "$before" ]; } # less than the relist's minute
    wait_for 20 is_quiet
}

@test "a container whose next task asks for another pool moves there before the task starts" {
    pool 1 1 1
    another_pool web
    session one
    berth_start
    wait_for 40 is_running_task one
    [ "$(instance_of)" = ci-0 ]
    task two "$(url)" web
    wait_for 10 waits_for two PoolConflict
    rm "$SPECS/one.yaml"
    wait_for 40 is_running_task two
    [ "$(instance_of)" = web-0 ]
}

@test "a task in the queue of one pool that asks for another one is placed there" {
    pool 1 1 1
    another_pool web
    session one
    berth_start
    wait_for 40 is_running_task one
    session two b
    wait_for 10 waits_for two PoolExhausted
    task two "$(url b)" web
    wait_for 40 is_running_task two
    field_is two.yaml two status.task.instance web-0
}

@test "a container that is stopped for want of tasks takes no room from others" {
    pool 1 1 5
    repositories 1500Mi
    task one '{name: a}'
    berth_start
    wait_for 40 is_running_task one
    task two '{name: b}'
    wait_for 10 waits_for two PoolExhausted
    rm "$SPECS/one.yaml"
    wait_for 40 is_running_task two
}

@test "a repository that is to be warm says that it waits for a place, and gets it" {
    pool 1 1 5
    repositories 1500Mi ', warm: true'
    task one '{name: a}'
    berth_start
    wait_for 40 is_running_task one
    wait_for 20 field_is repositories.yaml Repository/b 'status.conditions[type=Ready].reason' Waiting
    rm "$SPECS/one.yaml"
    wait_for 40 field_is repositories.yaml Repository/b status.phase RUNNING
    repositories 1500Mi ', warm: true'
    sed -i '/name: b/,$s/pool: ci/pool: nowhere/' "$SPECS/repositories.yaml"
    wait_for 20 field_is repositories.yaml Repository/b 'status.error.reason' PoolUnknown
}

@test "a task whose repository is mended in its file is placed anew" {
    pool 1 1 1
    task one "$GIT_HTTP_URL/git/nothing.git"
    berth_start
    wait_for 30 field_is one.yaml one status.task.instance ci-0
    session one
    wait_for 40 is_running_task one
    field_is one.yaml one status.task.instance ci-0
    [ "$(instance_of)" = ci-0 ]
}

@test "a task that is suspended before it began leaves its place to others" {
    pool 1 1 1
    task one "$GIT_HTTP_URL/git/nothing.git"
    berth_start
    wait_for 30 field_is one.yaml one status.task.instance ci-0
    task one "$GIT_HTTP_URL/git/nothing.git" ci 'suspend: true'
    session two
    wait_for 40 is_running_task two
    task one "$GIT_HTTP_URL/git/nothing.git"
    wait_for 10 field_is one.yaml one status.task.queuePosition 1
}

@test "a pool that comes later takes the tasks that waited for it" {
    session one
    berth_start
    wait_for 10 waits_for one PoolUnknown
    pool 0 1 1
    wait_for 40 is_running_task one
    [ "$(instance_of)" = ci-0 ]
}

@test "an InstancePool named default comes and goes: what runs goes on where it is" {
    task one "$(url)" default
    berth_start
    wait_for 40 is_running_task one
    id=$(docker ps -q --no-trunc --filter name=repo-)
    another_pool default
    wait_for 20 is_ready default.yaml default
    task two "$(url b)" default
    wait_for 40 is_running_task two
    field_is two.yaml two status.task.instance default-0
    rm "$SPECS/default.yaml"
    task three "$(url)" default
    wait_for 40 is_running_task three
    container_is_running default-0
    rm "$SPECS/two.yaml"
    wait_for 30 container_is_gone default-0
    docker ps -q --no-trunc --filter name=repo- | grep -q "$id"
    field_is one.yaml one status.phase Running
}

@test "two pools name one warm repository: when the first goes the other one has it" {
    pool 1 1 2 "warmRepositories: [$(url)]"
    sed 's/{name: ci}/{name: web}/' "$SPECS/ci.yaml" | drop web.yaml
    berth_start
    is_on() { [ "$(placed_on "$1")" -eq 1 ]; }
    wait_for 40 is_on ci-0
    rm "$SPECS/ci.yaml"
    wait_for 40 is_on web-0
}

@test "--once ends with tasks in the queue and tasks that conflict, and tells who waits" {
    pool 1 1 1
    another_pool web
    session one
    session two
    task zero "$(url)" web
    run timeout 60 "$BERTH" run --once --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$PORT_LAST" \
        --network-range "$NETWORK_RANGE" --repository-image berth-test/busybox:1
    [ "$status" -eq 1 ]
    [[ $output == *"Task/two: Pending: InstanceFull"* ]]
    [[ $output == *"Task/zero: Pending: PoolConflict"* ]]
}

@test "pool and tasks are deleted at once: nothing is left" {
    pool 1 1 2
    session one
    session two b
    drop_instance kept
    drop_instance kept-too
    drop_instance kept-as-well
    drop_instance kept-after-all
    berth_start
    wait_for 40 is_running_task one
    wait_for 40 is_running_task two
    wait_for 20 is_ready kept-after-all.yaml kept-after-all
    rm "$SPECS/ci.yaml" "$SPECS/one.yaml" "$SPECS/two.yaml"
    wait_for 40 are_members ""
    is_idle() { [ -z "$(docker ps -q --filter name=repo-)" ]; }
    wait_for 20 is_idle
}

@test "kill -9 at any time while tasks come: each of them ends up with its one place" {
    pool 0 2 2
    berth_start
    for n in 1 2 3 4; do
        drop "t$n.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: t$n}
spec: {repository: "$(url "$([ $((n % 2)) -eq 0 ] && echo b)")", pool: ci, command: [sh, -c, "echo once; sleep 1"]}
SPEC
        berth_kill9
        berth_start
    done
    for n in 1 2 3 4; do
        wait_for 60 field_is "t$n.yaml" "t$n" status.phase Succeeded
        [ "$(cat "$(status_of "t$n.yaml" "t$n" status.task.logFile)")" = once ]
    done
    wait_for 30 are_members ""
}

#!/usr/bin/env bats
# Who may run tasks: others end as Failed, Forbidden, and nothing is started for them.

load helpers
load task_helpers

nothing_was_made() {
    [ -z "$(our_containers)" ]
    [ -z "$(find "$STATE/repos" -mindepth 1)" ]
    [ -z "$(docker volume ls -q --filter "label=dev.berth.controller=$(cat "$STATE/controller-id")")" ]
}

is_forbidden() {
    wait_for 20 is_failed "$1"
    task_field_is "$1" reason Forbidden
    field_is "$1.yaml" "$1" status.error.code 403
    task_field_is "$1" attempt 0
}

@test "others than access.users, and nobody at all, are Forbidden; nothing is cloned, made or started for them" {
    settings 'access: {users: [alice, bob@example.org]}
caches: [{name: c, mountPath: /c}]'
    task mallory '["true"]' 'user: mallory'
    task nobody '["true"]'
    task prefix '["true"]' 'user: alic'
    task session '' 'user: bob'
    berth_start
    for name in mallory nobody prefix session; do is_forbidden "$name"; done
    [[ $(status_of mallory.yaml mallory status.error.message) == *mallory*project* ]]
    refute task_field mallory tree.hostPath
    nothing_was_made
    [ "$(grep -c "/git/$REPO.git" "$REPOSITORIES/.server/access.log")" -eq 0 ]
}

@test "those who are named may, and get what they are called" {
    settings 'access: {users: [alice, bob@example.org]}'
    task one '[sh, -c, "echo $BERTH_USER"]' 'user: alice'
    task two '[sh, -c, "echo $BERTH_USER"]' 'user: bob@example.org'
    berth_start
    wait_for 30 is_succeeded one
    wait_for 30 is_succeeded two
    [ "$(log_of one) $(log_of two)" = "alice bob@example.org" ]
}

@test "an empty list is nobody, no list is everybody" {
    settings 'access: {users: []}'
    task one '["true"]' 'user: alice'
    berth_start
    is_forbidden one
    nothing_was_made
    settings
    task two '["true"]' 'user: mallory'
    task three '["true"]'
    wait_for 30 is_succeeded two
    wait_for 30 is_succeeded three
    is_failed one    # what is over is over
}

@test "a list that comes or changes leaves what runs alone and counts for the next" {
    settings 'access: {users: [alice]}'
    task runs '[sh, -c, "while [ ! -e go ]; do sleep 0.1; done"]' 'user: alice'
    berth_start
    wait_for 30 is_running_task runs
    settings 'access: {users: [bob]}'
    task late '["true"]' 'user: alice'
    is_forbidden late
    is_running_task runs
    touch "$(tree_of runs)/go"
    wait_for 15 is_succeeded runs
    task bob '["true"]' 'user: bob'
    wait_for 30 is_succeeded bob
}

@test "the list counts for every spelling of the URL, and for the name of the Repository" {
    settings 'access: {users: [alice]}'
    TASK_REPOSITORY="{name: project}" task by-name '["true"]' 'user: mallory'
    TASK_REPOSITORY="${GIT_HTTP_URL/127.0.0.1/user@127.0.0.1}/git/$REPO/" task by-url '["true"]' 'user: mallory'
    berth_start
    is_forbidden by-name
    is_forbidden by-url
}

@test "a task of one who is forbidden takes no place in the pool of others" {
    drop pool.yaml <<SPEC
apiVersion: berth.dev/v1
kind: InstancePool
metadata: {name: small}
spec:
  minInstances: 1
  maxInstances: 1
  maxTasksPerInstance: 1
  template: {spec: {machineType: e2-medium, zone: zone-$BATS_SUITE_TEST_NUMBER}}
SPEC
    settings 'access: {users: [alice]}
pool: small'
    task mallory '' 'user: mallory
priority: 100'
    task alice '["true"]' 'user: alice'
    berth_start
    is_forbidden mallory
    wait_for 60 is_succeeded alice
}

@test "--verify-task-user: the owner of the file must be who the task says; root may say anybody" {
    [ "$(id -u)" = 0 ] || skip "only root can give files away"
    settings 'access: {users: [daemon, games]}'
    chmod 755 "$SPECS"
    task honest '["true"]' 'user: daemon'
    chown daemon "$SPECS/honest.yaml"
    task liar '["true"]' 'user: games'
    chown daemon "$SPECS/liar.yaml"
    task root '["true"]' 'user: games'
    task unnamed '["true"]'
    chown daemon "$SPECS/unnamed.yaml"
    task stranger '["true"]' 'user: daemon'
    chown 54321 "$SPECS/stranger.yaml"
    berth_start --verify-task-user
    is_forbidden liar
    is_forbidden unnamed
    is_forbidden stranger
    [[ $(status_of liar.yaml liar status.error.message) == *daemon*games* ]]
    wait_for 30 is_succeeded honest
    wait_for 30 is_succeeded root
}

@test "of a link to a file, the owner of the file counts" {
    [ "$(id -u)" = 0 ] || skip "only root can give files away"
    mkdir "$SPECS/.real"
    task liar '["true"]' 'user: games'
    mv "$SPECS/liar.yaml" "$SPECS/.real/liar.yaml"
    chown daemon "$SPECS/.real/liar.yaml"
    ln -s .real/liar.yaml "$SPECS/liar.yaml"
    berth_start --verify-task-user
    is_forbidden liar
}

@test "whose a file was when it was read counts: removing it at once does not help, nor does a session end by a new list" {
    [ "$(id -u)" = 0 ] || skip "only root can give files away"
    settings 'access: {users: [games]}'
    task session '' 'user: games'
    berth_start --verify-task-user
    wait_for 30 is_running_task session
    settings 'access: {users: [alice]}'
    wait_for 10 repository_field_is activeTasks 1
    for i in $(seq 20); do
        task "liar$i" "[sh, -c, 'echo ran >>/workspace/.home/liar$i/ran']" 'user: alice'
        chown daemon "$SPECS/liar$i.yaml"
        rm "$SPECS/liar$i.yaml"
    done
    settings 'access: {users: [games]}'
    task last '["true"]' 'user: games'
    wait_for 30 is_succeeded last
    is_running_task session
    [ -z "$(docker exec "$(repo)" sh -c 'ls -d /workspace/liar*' 2>/dev/null)" ]
}

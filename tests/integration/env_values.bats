#!/usr/bin/env bats
# env with valueFrom: the container has the value, nobody else shows it, and a changed file makes the container anew.

load helpers

SECRET=zq8-hidden-value-4711

setup() {
    berth_setup
    SECRETS=$TEST_DIR/secrets
    mkdir -p "$SECRETS"
    printf '%s\n' "$SECRET" >"$SECRETS/token"
}

drop_app() {
    drop app.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: app}
spec:
  image: berth-test/busybox:1
  zone: zone-$BATS_SUITE_TEST_NUMBER
  command: [sleep, "1000"]
  terminationGracePeriodSeconds: 0
  env:
  - {name: PLAIN, value: seen}
  - {name: TOKEN, valueFrom: {file: $SECRETS/token}}
  - {name: FROM_ENV, valueFrom: {env: BERTH_TEST_SECRET}}
${1:-}
SPEC
}

start_with_secrets() {
    BERTH_TEST_SECRET="$SECRET-env" berth_start --env-file-root "$SECRETS" --allow-env 'BERTH_TEST_*' \
        --scan-interval 1s -v "$@"
}

env_of() { container_field app '{{range .Config.Env}}{{println .}}{{end}}' | sed -n "s/^$1=//p"; }
env_is() { local is; is=$(env_of "$1" 2>&1); [[ $is == "$2" ]] || { echo "$is"; return 1; }; }
condition() { status_of app.yaml app "status.conditions[type=$1].$2"; }
condition_is() { local is; is=$(condition "$1" "$2"); [[ $is == "$3" ]] || { echo "$is"; return 1; }; }

# Everywhere but in the container itself, in the files that hold them, and in the environment that Berth was given.
secret_is_nowhere() {
    local label
    ! grep -rl "$SECRET" "$SPECS" "$STATE" "$LOG" || return 1
    label=$(docker ps -aq | xargs -r docker inspect -f '{{json .Config.Labels}} {{json .Config.Cmd}} {{json .Args}}')
    [[ $label != *"$SECRET"* ]] || { echo "$label"; return 1; }
    ! grep -la "$SECRET" /proc/[0-9]*/cmdline 2>/dev/null || return 1
}

@test "the container has the values of file and environment; they show nowhere else" {
    drop_app
    start_with_secrets
    wait_for 20 is_ready app.yaml app
    [ "$(docker exec app sh -c 'echo "$TOKEN"')" = "$SECRET" ]
    [ "$(docker exec app sh -c 'echo "$FROM_ENV"')" = "$SECRET-env" ]
    [ "$(docker exec app sh -c 'echo "$PLAIN"')" = seen ]
    secret_is_nowhere
    run "$BERTH" get instances app -o yaml --specs "$SPECS" --state "$STATE"
    [ "$status" -eq 0 ]
    [[ $output != *"$SECRET"* ]]
    [ "$(stat -c %a "$STATE/env-key")" = 600 ]
}

@test "a changed file makes the container anew, with the name and the path as the cause" {
    drop_app
    start_with_secrets
    wait_for 20 is_ready app.yaml app
    id=$(container_field app '{{.Id}}')
    echo "$SECRET-2" >"$SECRETS/token"
    wait_for 15 env_is TOKEN "$SECRET-2"
    wait_for 10 is_ready app.yaml app
    [ "$(container_field app '{{.Id}}')" != "$id" ]
    field_is app.yaml app status.history.0.cause "changed: env (TOKEN from $SECRETS/token)"
    field_is app.yaml app status.history.0.type update
    grep -q "cause=\"changed: env (TOKEN from $SECRETS/token)\"" "$LOG"
    secret_is_nowhere
}

@test "a dry run tells of a changed value without telling it, and writes nothing" {
    drop_app
    start_with_secrets
    wait_for 20 is_ready app.yaml app
    berth_stop
    echo "$SECRET-2" >"$SECRETS/token"
    before=$(find "$STATE" "$SPECS" -type f -printf '%p %T@\n' | sort)
    BERTH_TEST_SECRET="$SECRET-env" run "$BERTH" run --dry-run --specs "$SPECS" --state "$STATE" \
        --ports "$PORT_FIRST-$PORT_LAST" --env-file-root "$SECRETS" --allow-env BERTH_TEST_SECRET
    [[ $output == *"create container app from berth-test/busybox:1 (changed: env (TOKEN from $SECRETS/token))"* ]]
    [[ $output != *"$SECRET"* ]]
    [ "$(find "$STATE" "$SPECS" -type f -printf '%p %T@\n' | sort)" = "$before" ]
}

@test "a file that goes leaves the running container alone and says so; it comes back and all is well" {
    drop_app
    start_with_secrets
    wait_for 20 is_ready app.yaml app
    id=$(container_field app '{{.Id}}')
    rm "$SECRETS/token"
    wait_for 10 condition_is Ready reason ValueUnavailable
    condition_is Ready status True
    [ "$(condition Ready message)" = "env TOKEN: file $SECRETS/token: No such file or directory" ]
    [ "$(container_field app '{{.Id}} {{.State.Running}}')" = "$id true" ]
    drop_app '  hostname: another'
    wait_for 10 condition_is UpdatePending status True
    [ "$(container_field app '{{.Id}} {{.State.Running}}')" = "$id true" ]
    echo "$SECRET" >"$SECRETS/token"
    host_is() { [[ $(container_field app '{{.Config.Hostname}}') == another ]]; }
    wait_for 15 host_is
    wait_for 10 condition_is Ready reason Healthy
}

@test "without the file no container is made; it is stalled until the file is there" {
    rm "$SECRETS/token"
    drop_app
    start_with_secrets
    wait_for 10 condition_is Stalled reason ValueUnavailable
    container_is_gone app
    field_is app.yaml app status.error.code 424
    echo "$SECRET" >"$SECRETS/token"
    wait_for 15 is_ready app.yaml app
    env_is TOKEN "$SECRET"
}

@test "SIGHUP looks at the files at once" {
    drop_app
    BERTH_TEST_SECRET="$SECRET-env" berth_start --env-file-root "$SECRETS" --allow-env BERTH_TEST_SECRET --scan-interval 1h
    wait_for 20 is_ready app.yaml app
    echo "$SECRET-2" >"$SECRETS/token"
    kill -HUP "$BERTH_PID"
    wait_for 15 env_is TOKEN "$SECRET-2"
}

@test "a file outside the roots, also behind a link, and a variable that is not named are refused" {
    echo "$SECRET" >"$TEST_DIR/outside"
    ln -s "$TEST_DIR/outside" "$SECRETS/link"
    for source in "file: $TEST_DIR/outside" "file: $SECRETS/link" "env: HOME"; do
        drop "${source%%:*}-$RANDOM.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: r$RANDOM}
spec: {image: "berth-test/busybox:1", zone: zone-$BATS_SUITE_TEST_NUMBER, env: [{name: TOKEN, valueFrom: {$source}}]}
SPEC
    done
    start_with_secrets
    all_refused() { [[ $(grep -l 'reason: ValueUnavailable' "$SPECS"/*.status.yaml | wc -l) == 3 ]]; }
    wait_for 10 all_refused
    [ -z "$(our_containers)" ]
    secret_is_nowhere
}

@test "a lost state directory makes nothing anew because of values" {
    drop_app
    start_with_secrets
    wait_for 20 is_ready app.yaml app
    id=$(container_field app '{{.Id}}')
    berth_stop
    rm "$STATE/env-key"
    start_with_secrets
    wait_for 10 is_ready app.yaml app
    wait_for 5 test -s "$STATE/env-key"
    kill -HUP "$BERTH_PID"
    wait_for 5 grep -q cause=SIGHUP "$LOG"
    is_ready app.yaml app
    [ "$(container_field app '{{.Id}}')" = "$id" ]
}

@test "a repository's container and a task's command get theirs" {
    make_repo values
    drop task.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: values}
spec:
  url: $GIT_HTTP_URL/git/values.git
  image: berth-test/busybox:1
  env: [{name: OF_REPOSITORY, valueFrom: {file: $SECRETS/token}}]
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: show}
spec:
  repository: {name: values}
  command: [sh, -c, 'echo "\$OF_REPOSITORY \$OF_TASK" | md5sum']
  env: [{name: OF_TASK, valueFrom: {env: BERTH_TEST_SECRET}}]
SPEC
    start_with_secrets
    wait_for 40 field_is task.yaml Task/show status.phase Succeeded
    log=$(status_of task.yaml Task/show status.task.logFile)
    [ "$(cat "$log")" = "$(echo "$SECRET $SECRET-env" | md5sum)" ]
    secret_is_nowhere
}

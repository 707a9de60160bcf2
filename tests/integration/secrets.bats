#!/usr/bin/env bats
# Secrets are planted wherever one can be, and where people put them by mistake. After everything that can go wrong with
# them they are looked for everywhere; where they may be is said with each.
#
# While a clone with a token runs: attacks.bats. Values that change: env_values.bats.

load helpers
load task_helpers

setup() {
    berth_setup
    REPO=repo$BATS_SUITE_TEST_NUMBER
    make_repo "$REPO"
    MARK=zq$RANDOM$RANDOM    # in every secret of this test
    SECRETS=$TEST_DIR/secrets
    mkdir -p "$SECRETS"
    printf '%s\n' "$(secret file)" >"$SECRETS/value"
    printf '%s\n' "$(secret token)" >"$SECRETS/token"
    printf -- '-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n' "$(secret key)" >"$SECRETS/key"
    chmod 600 "$SECRETS"/*
}

secret() { echo "$MARK-$1"; }

# found FILE...: which secrets the files hold, a word each
found() { grep -aohs "$MARK-[a-z]*" "$@" | sort -u | sed "s/^$MARK-//" | tr '\n' ' '; }
found_below() { grep -arohs "$MARK-[a-z]*" "$@" | sort -u | sed "s/^$MARK-//" | tr '\n' ' '; }

start_with_secrets() {
    BERTH_TEST_SECRET=$(secret env) https_proxy=http://bob:$(secret proxy)@127.0.0.1:1 \
        berth_start --env-file-root "$SECRETS" --allow-env 'BERTH_TEST_*' --scan-interval 1s -v "$@"
}

# Right by the rules, but nothing works: the probes, the hook, the clones.
drop_what_fails() {
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
  - {name: PLAIN, value: $(secret plain)}
  - {name: TOKEN, valueFrom: {file: $SECRETS/value}}
  - {name: FROM_ENV, valueFrom: {env: BERTH_TEST_SECRET}}
  lifecycle:
    postStart: {exec: {command: [sh, -c, 'test "\$PLAIN" = $(secret hook)']}}
  readinessProbe:
    httpGet: {port: 80, httpHeaders: [{name: Authorization, value: "Bearer $(secret header)"}]}
    periodSeconds: 1
SPEC
    drop clone.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: by-http}
spec:
  url: $GIT_HTTP_URL/private/$REPO.git
  credentials: {tokenFile: $SECRETS/token}
---
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: by-ssh}
spec:
  url: ssh://git@127.0.0.1:1/o/r
  credentials: {sshKeyFile: $SECRETS/key}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: by-http}
spec: {repository: {name: by-http}, command: ["true"], env: [{name: T, value: $(secret task)}]}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: by-ssh}
spec: {repository: {name: by-ssh}, command: ["true"]}
SPEC
}

# What people write by mistake; all of it is refused.
drop_mistakes() {
    drop mistakes.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: wrong}
spec:
  image: https://bob:$(secret image)@registry.example.com/app:1
  env:
  - {name: "TOKEN=$(secret name)"}
  - {name: A, valueFrom: {file: $(secret path)}}
  - {name: B, valueFrom: {env: "$(secret variable)!"}}
  - TOKEN=$(secret compose)
  readinessProbe:
    httpGet:
      port: 80
      httpHeaders:
      - name: Authorization
        value: |
          Bearer $(secret line)
---
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: wrong}
spec:
  url: https://bob:$(secret url)@git.example.com/o/r
  credentials: {tokenFile: $(secret pasted)}
SPEC
    printf 'env: {TOKEN: %s\n  - [\n' "$(secret syntax)" | drop broken.yaml
}

all_has_failed() {
    field_is app.yaml app 'status.conditions[type=Ready].status' False || return 1
    grep -q hook_failed "$LOG" || { echo "the hook has not failed yet"; return 1; }
    field_is clone.yaml Task/by-http 'status.conditions[type=Ready].reason' AuthenticationFailed || return 1
    field_is clone.yaml Task/by-ssh 'status.conditions[type=Ready].status' False || return 1
    field_is mistakes.yaml Instance/wrong status.phase Invalid || return 1
    grep -q 'spec_invalid.*broken.yaml' "$LOG"
}

# Processes but those in containers, the test and who was given them.
environments() {
    local pid
    for pid in $(pgrep -f "$BERTH" | grep -vx "$BERTH_PID"); do echo "/proc/$pid/environ"; done
}

check_everywhere() {
    [ -z "$(found "$LOG")" ]
    [ -z "$(find "$SPECS" -name '*.status.yaml' -exec cat {} + | found -)" ]
    # The last good version of a spec is as secret as the spec: for nobody but its owner.
    [ "$(found_below "$STATE" --exclude-dir=specs)" = '' ]
    [ "$(found_below "$STATE/specs")" = 'header hook plain task ' ]
    [ -z "$(find "$STATE/specs" -type f ! -perm 600)" ]
    # shellcheck disable=SC2046
    [ -z "$(found /dev/null $(environments))" ]
    [ -z "$(found /proc/[0-9]*/cmdline)" ]
    ! docker ps -aq | xargs -r docker inspect -f '{{json .Config.Labels}} {{json .Config.Cmd}} {{json .HostConfig}} {{json .State}}' |
        grep -o "$MARK-[a-z]*" || return 1
    [ "$(docker ps -aq | xargs -r docker inspect -f '{{json .Config.Env}}' | found -)" = 'env file plain ' ]
}

@test "planted secrets are in the specs, in the container's environment, and nowhere else" {
    drop_what_fails
    drop_mistakes
    start_with_secrets
    wait_for 40 all_has_failed
    check_everywhere
    run "$BERTH" get all -o yaml --specs "$SPECS" --state "$STATE"
    [[ $output != *"$MARK"* ]]
    run "$BERTH" run --dry-run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$PORT_LAST" --log-format json -v
    [[ $output != *"$MARK"* ]]
    run "$BERTH" validate "$SPECS"
    [ "$status" -eq 1 ]
    [[ $output != *"$MARK"* ]]
    run "$BERTH" gc --dry-run --state "$STATE"
    [[ $output != *"$MARK"* ]]
    berth_stop
    mv "$LOG" "$LOG.text"
    docker rm -f app >/dev/null    # and with it the back-off of its hook
    start_with_secrets --log-format json
    wait_for 20 grep -q '"event":"started"' "$LOG"
    wait_for 40 all_has_failed
    check_everywhere
}

@test "addresses with passwords in them, and keys, are not repeated" {
    local command
    mkdir "$TEST_DIR/certificates"
    for file in ca cert key; do
        printf -- '-----BEGIN PRIVATE KEY-----\n%s\n' "$(secret "$file")" >"$TEST_DIR/certificates/$file.pem"
    done
    for command in run doctor; do
        run timeout 20 "$BERTH" $command --specs "$SPECS" --state "$STATE" --engine "tcp://bob:$(secret engine)@127.0.0.1:1"
        [ "$status" -ne 0 ]
        [[ $output != *"$MARK"* ]]
    done
    run timeout 20 "$BERTH" run --specs "$SPECS" --state "$STATE" --git-proxy "http://bob:$(secret proxy)@127.0.0.1:1"
    [ "$status" -eq 2 ]
    [[ $output != *"$MARK"* ]]
    run "$BERTH" reconcile --specs "$SPECS" --state "$STATE" "https://bob:$(secret url)@127.0.0.1/o/r"
    [ "$status" -ne 0 ]
    [[ $output != *"$MARK"* ]]
    DOCKER_HOST=tcp://127.0.0.1:1 DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$TEST_DIR/certificates berth_start
    wait_for 10 grep -q engine_unavailable "$LOG"
    [ -z "$(found "$LOG" "$STATE/controller.yaml")" ]
}

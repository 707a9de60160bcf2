#!/usr/bin/env bats
# A repository's own devcontainer.json, where the controller's policy lets it count.

load helpers
load task_helpers

# push_config [BRANCH] <<EOF: the repository's .devcontainer/devcontainer.json
push_config() {
    local tree
    tree=$(mktemp -d "$TEST_DIR/push-XXXXXX")
    git clone -q --branch "${1:-main}" "$(bare)" "$tree"
    mkdir -p "$tree/.devcontainer"
    cat >"$tree/.devcontainer/devcontainer.json"
    git -C "$tree" add .
    git -C "$tree" -c user.name=T -c user.email=t@example.org commit -q -m config
    git -C "$tree" push -q origin "${1:-main}"
    rm -rf "$tree"
}

a_full_config() {
    push_config <<'EOF_CONFIG'
// What this project needs.
{
    "name": "sample",
    "image": "berth-test/git:1", /* a comment, and commas at the end */
    "containerEnv": {"FROM_CONTAINER": "one", "BOTH": "container"},
    "remoteEnv": {"FROM_REMOTE": "two", "BOTH": "remote",},
    "forwardPorts": [8080],
    "remoteUser": "app",
    "postCreateCommand": "echo prepared by $(id -un) >prepared; pwd >>prepared",
    "mounts": [{"type": "volume", "source": "data", "target": "/data"}],
    "features": {"ghcr.io/some/feature:1": {}},
    "runArgs": ["--privileged"],
    "customizations": {"vscode": {"extensions": ["a.b"]}},
}
EOF_CONFIG
}

start_allowing() { berth_start --devcontainer-image 'berth-test/*' "$@"; }
unsupported() { status_fields project.yaml | sed -n 's/.*\.devcontainerUnsupported\.[0-9]*=//p'; }
image_of() { container_field "$1" '{{.Config.Image}}'; }
image_is() { [[ $(image_of "$1" 2>&1) == "$2" ]]; }

@test "image, command, variables, ports, user and volumes are taken, with comments and all; the rest is named" {
    a_full_config
    settings 'caches: [{name: c, mountPath: /cache}]'
    task job '[sh, -c, "id -un; echo $FROM_CONTAINER $FROM_REMOTE $BOTH; cat prepared; git log --oneline | wc -l; ls -d /data /cache"]'
    task hold ''
    start_allowing
    wait_for 60 is_succeeded job
    [ "$(log_of job | head -n 3)" = "$(printf 'app\none two remote\nprepared by app')" ]
    [ "$(log_of job | tail -n 3)" = "$(printf '4\n/cache\n/data')" ]
    name=$(repo)
    [ "$(image_of "$name")" = berth-test/git:1 ]
    [ "$(docker port "$name" 8080/tcp)" = "127.0.0.1:$(port_of project.yaml project port-8080)" ]
    [ "$(container_field "$name" '{{.HostConfig.Privileged}}')" = false ]
    [ "$(container_field "$name" '{{range .Mounts}}{{if eq .Destination "/data"}}{{.Name}}{{end}}{{end}}')" = "$name-data" ]
    [ "$(stat -c %u "$(tree_of job)")" = 1000 ]
    is_named() { unsupported | grep -q "$1"; }
    wait_for 10 is_named features
    is_named runArgs
    refute is_named customizations
    repository_field_is setup.state Succeeded
}

@test "without the controller's word nothing of it counts, and nothing is waited for" {
    a_full_config
    settings
    task job '[sh, -c, "id -u; echo x$FROM_CONTAINER; ls"]'
    berth_start
    wait_for 60 is_succeeded job
    [[ $(log_of job) == 0$'\n'x$'\n'* ]]
    refute grep -qx prepared "$(task_field job logFile)"
    [ "$(image_of "$(repo)")" = berth-test/busybox:1 ]
    [ -z "$(unsupported)" ]
}

@test "an image that no pattern allows: the file does not count, and the status says why" {
    push_config <<<'{"image": "evil/image:1", "containerEnv": {"A": "b"}}'
    settings
    task job '[sh, -c, "echo x$A"]'
    start_allowing
    wait_for 60 is_succeeded job
    [ "$(log_of job)" = x ]
    [ "$(image_of "$(repo)")" = berth-test/busybox:1 ]
    unsupported | grep -q 'evil/image:1'
}

@test "what the Repository says comes first, field by field" {
    a_full_config
    settings 'image: berth-test/busybox:1
env: [{name: OWN, value: "yes"}]
setup: {command: [sh, -c, "echo own >prepared"]}
securityContext: {runAsUser: 0}'
    task job '[sh, -c, "id -u; echo $OWN x$FROM_CONTAINER; cat prepared"]'
    task hold ''
    start_allowing
    wait_for 60 is_succeeded job
    [ "$(log_of job)" = "$(printf '0\nyes x\nown')" ]
    [ "$(image_of "$(repo)")" = berth-test/busybox:1 ]
    docker port "$(repo)" 8080/tcp
}

@test "a file with errors is not used: its place is named, and tasks run with what else is known" {
    push_config <<<'{"image": "berth-test/git:1", "forwardPorts": ["http"], }'
    settings
    task job '["true"]'
    start_allowing
    wait_for 60 is_succeeded job
    [ "$(image_of "$(repo)")" = berth-test/busybox:1 ]
    wait_for 10 unsupported
    unsupported | grep -q 'devcontainer.json is not used.*forwardPorts'
}

@test "a new version of it makes the container anew when no task is in it" {
    push_config <<<'{"image": "berth-test/git:1"}'
    settings 'fetchIntervalSeconds: 0'
    task hold '[sh, -c, "while [ ! -e go ]; do sleep 0.1; done"]'
    start_allowing
    wait_for 60 is_running_task hold
    name=$(repo)
    push_config <<<'{"image": "berth-test/web:1", "containerEnv": {"NEW": "yes"}}'
    task two ''
    wait_for 30 field_is project.yaml project 'status.conditions[type=UpdatePending].status' True
    [ "$(image_of "$name")" = berth-test/git:1 ]
    touch "$(tree_of hold)/go"
    wait_for 15 is_succeeded hold
    complete two
    task three '[sh, -c, "echo $NEW"]'
    wait_for 40 is_succeeded three
    [ "$(log_of three)" = yes ]
    [ "$(image_of "$name")" = berth-test/web:1 ]
}

@test "a task without a Repository object gets it too; a restarted controller has not forgotten it" {
    push_config <<<'{"image": "berth-test/git:1", "containerEnv": {"A": "b"}}'
    task one '[sh, -c, "echo $A"]'
    task hold ''
    start_allowing
    wait_for 60 is_succeeded one
    [ "$(log_of one)" = b ]
    name=$(repo)
    id=$(container_field "$name" '{{.Id}}')
    berth_kill9
    start_allowing
    task two '[sh, -c, "echo $A"]'
    wait_for 30 is_succeeded two
    [ "$(log_of two)" = b ]
    [ "$(container_field "$name" '{{.Id}}')" = "$id" ]
}

@test "it cannot reach beyond its container: host paths, other volumes, host ports, options of the engine" {
    docker volume create --label "berth-test.test=$BATS_SUITE_TEST_NUMBER" "precious-$BATS_SUITE_TEST_NUMBER" >/dev/null
    push_config <<EOF_CONFIG
{
    "image": "berth-test/git:1",
    "mounts": ["source=/etc,target=/host,type=bind", "source=precious-$BATS_SUITE_TEST_NUMBER,target=/p,type=volume",
               "source=x,target=/workspace/x,type=volume", "source=z,target=/.berth/z,type=volume"],
    "runArgs": ["--network=host", "--pid=host", "-v", "/:/host"],
    "capAdd": ["SYS_ADMIN"], "securityOpt": ["seccomp=unconfined"], "privileged": true, "init": true,
    "appPort": ["0.0.0.0:22:22"], "workspaceMount": "source=/,target=/w,type=bind", "workspaceFolder": "/w",
    "initializeCommand": "touch $TEST_DIR/ran-on-the-host",
    "remoteEnv": {"LEAK": "\${localEnv:HOME}"}
}
EOF_CONFIG
    settings
    task job '[sh, -c, "ls -d /host /p /w /y /workspace/x; echo x$LEAK"]'
    task hold ''
    start_allowing
    wait_for 60 is_running_task hold
    wait_for 60 field_is job.yaml job status.phase Succeeded
    refute grep -qE '^/(host|w|workspace/x)$' "$(task_field job logFile)"
    [ "$(log_of job | tail -n 1)" = x ]
    name=$(repo)
    [[ $(container_field "$name" '{{.HostConfig.NetworkMode}},{{.HostConfig.PidMode}},{{.HostConfig.Privileged}}') =~ ^(default|bridge),,false$ ]]
    refute grep -q SYS_ADMIN <<<"$(container_field "$name" '{{.HostConfig.CapAdd}}')"
    refute grep -q unconfined <<<"$(container_field "$name" '{{.HostConfig.SecurityOpt}}')"
    [ -z "$(container_field "$name" '{{range .Mounts}}{{if eq .Name "precious-'"$BATS_SUITE_TEST_NUMBER"'"}}found{{end}}{{end}}')" ]
    [ ! -e "$TEST_DIR/ran-on-the-host" ]
    for word in mounts runArgs capAdd securityOpt privileged appPort workspaceMount initializeCommand remoteEnv.LEAK; do
        unsupported | grep -q "$word" || { unsupported; echo "$word is not named"; return 1; }
    done
}

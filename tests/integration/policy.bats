#!/usr/bin/env bats
# What an operator lets specs ask for (--policy), and what no spec gets whatever it writes.

load helpers

setup() {
    berth_setup
    POLICY=$TEST_DIR/policy.yaml
    VICTIM=$TEST_DIR/victim
    mkdir -p "$VICTIM" "$TEST_DIR/allowed/data"
    echo "secret of the host" >"$VICTIM/file"
}

policy() { cat >"$POLICY"; }

# instance NAME [spec lines]: of busybox, for good
instance() {
    drop "$1.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: $1}
spec:
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/busybox:1
  command: [sleep, "1000"]
  terminationGracePeriodSeconds: 0
$(sed 's/^/  /' <<<"${2:-}")
SPEC
}

reason_is() { field_is "$1.yaml" "$1" status.error.reason "$2"; }
message_of() { status_of "$1.yaml" "$1" status.error.message; }
starts_of() { container_field "$1" '{{.State.StartedAt}}'; }
# While it is tried again there is no error for a moment.
message_has() { [[ $(message_of "$1") == *"$2"* ]] || { echo "$1: $(message_of "$1")"; return 1; }; }
heartbeat_says() { grep -q "$1" "$STATE/controller.yaml"; }

# The controller is alive and goes on: something new comes up.
still_works() {
    instance "alive-$1"
    wait_for 20 is_ready "alive-$1.yaml" "alive-$1"
}

@test "a policy with errors: the controller does not start, and says each with its place" {
    policy <<'END'
images: ["berth-test/*"]
mount: []
capabilities: [NET_ADMN]
END
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --policy "$POLICY" --once
    [ "$status" -eq 2 ]
    [[ $output == *"$POLICY:2:1: mount: unknown field; did you mean \\\"mounts\\\"?"* ]]
    [[ $output == *"$POLICY:3:16: capabilities[0]: there is no capability \\\"NET_ADMN\\\"; did you mean \\\"NET_ADMIN\\\"?"* ]]
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --policy "$TEST_DIR/nowhere" --once
    [ "$status" -eq 2 ]
    [[ $output == *"$TEST_DIR/nowhere"* ]]
}

@test "berth validate --policy names what the policy refuses, and by which rule" {
    policy <<'END'
images: ["debian:12"]
maxMachineType: e2-small
END
    instance web 'machineType: e2-medium'
    run "$BERTH" validate --policy "$POLICY" "$SPECS"
    [ "$status" -eq 1 ]
    [[ $output == *"$SPECS/web.yaml:1:1: spec.image: image \"berth-test/busybox:1\" is not allowed (rule images, $POLICY:1:1)"* ]]
    policy <<<'images: ["berth-test/*"]'
    run "$BERTH" validate --policy "$POLICY" "$SPECS"
    [ "$status" -eq 0 ]
    policy <<<'images: berth-test/*'
    run "$BERTH" validate --policy "$POLICY" "$SPECS"
    [ "$status" -eq 1 ]
    [[ $output == *"$POLICY:1:9: images: must be a list"* ]]
}

@test "what the policy refuses is not made, and says the rule; what it allows is; SIGHUP reads it again" {
    policy <<END
images: ["berth-test/*"]
mounts:
  - {path: $TEST_DIR/allowed, readOnly: true}
volumes: []
capabilities: [NET_ADMIN]
maxMachineType: e2-medium
hostPorts: ["$PORT_FIRST"]
END
    instance fine "volumes: [{mountPath: /d, hostPath: $TEST_DIR/allowed/data, readOnly: true}]
securityContext: {capabilities: {add: [NET_ADMIN]}}
ports: [{containerPort: 80, hostPort: $PORT_FIRST}]"
    instance image 'image: "busybox:1"'
    sed -i '/image: berth-test/d' "$SPECS/image.yaml"
    instance writable "volumes: [{mountPath: /d, hostPath: $TEST_DIR/allowed/data}]"
    instance outside "volumes: [{mountPath: /d, hostPath: $VICTIM, readOnly: true}]"
    instance volume 'volumes: [{mountPath: /d, volume: of-somebody-else}]'
    instance capability 'securityContext: {capabilities: {add: [NET_RAW]}}'
    instance large 'machineType: e2-standard-32'
    instance port "ports: [{containerPort: 80, hostPort: $PORT_LAST}]"
    berth_start --policy "$POLICY"
    wait_for 20 is_ready fine.yaml fine
    [ "$(container_field fine '{{(index .Mounts 0).RW}} {{.HostConfig.CapAdd}}' | grep -c 'false .*NET_ADMIN')" = 1 ]
    wait_for 10 reason_is image PolicyRefused
    wait_for 10 reason_is writable HostPathRefused
    wait_for 10 reason_is outside HostPathRefused
    wait_for 10 reason_is volume PolicyRefused
    wait_for 10 reason_is capability CapabilityRefused
    wait_for 10 reason_is large PolicyRefused
    wait_for 10 reason_is port PolicyRefused
    [[ $(message_of image) == *"(rule images, $POLICY:1:1)"* ]]
    [[ $(message_of writable) == *"(rule mounts, $POLICY:3:5)"* ]]
    [[ $(message_of outside) == *"(rule mounts, $POLICY:2:1)"* ]]
    [[ $(message_of volume) == *"(rule volumes, $POLICY:4:1)"* ]]
    [[ $(message_of capability) == *"(rule capabilities, $POLICY:5:1)"* ]]
    [[ $(message_of large) == *"(rule maxMachineType, $POLICY:6:1)"* ]]
    [[ $(message_of port) == *"(rule hostPorts, $POLICY:7:1)"* ]]
    [ "$(our_containers)" = fine ]
    [ -z "$(docker volume ls -q --filter name=of-somebody-else)" ]
    policy <<<'{}'
    kill -HUP "$BERTH_PID"
    for name in volume capability large port; do wait_for 20 is_ready "$name.yaml" "$name"; done
    rm "$SPECS/volume.yaml"
    wait_for 20 container_is_gone volume
    docker volume rm of-somebody-else >/dev/null
}

@test "a policy that gets stricter: what runs goes on and comes back when it ends, is not made anew, and can be deleted" {
    policy <<<'images: ["berth-test/*"]'
    instance web
    instance lost
    berth_start --policy "$POLICY"
    wait_for 20 is_ready web.yaml web
    wait_for 20 is_ready lost.yaml lost
    id=$(container_field web '{{.Id}}')
    policy <<<'images: ["debian:*"]'
    kill -HUP "$BERTH_PID"
    wait_for 10 reason_is web PolicyRefused
    is_ready web.yaml web
    before=$(starts_of web)
    docker kill web >/dev/null
    restarted() { [ "$(starts_of web)" != "$before" ] && container_is_running web; }
    wait_for 20 restarted
    [ "$(container_field web '{{.Id}}')" = "$id" ]
    sed -i 's/"1000"/"2000"/' "$SPECS/web.yaml"
    wait_for 10 field_is web.yaml web 'status.conditions[type=UpdatePending].status' True
    [ "$(container_field web '{{.Id}}')" = "$id" ]
    docker rm -f lost >/dev/null
    wait_for 10 field_is lost.yaml lost 'status.conditions[type=Stalled].reason' PolicyRefused
    container_is_gone lost
    rm "$SPECS/web.yaml"
    wait_for 20 container_is_gone web
    policy <<<'images: ["berth-test/*"]'
    kill -HUP "$BERTH_PID"
    wait_for 20 is_ready lost.yaml lost
}

@test "a policy that is broken or gone while the controller runs: the one before stays in force, and it is told" {
    policy <<<'images: ["berth-test/*"]'
    berth_start --policy "$POLICY"
    policy <<<'image: ["*"]'
    kill -HUP "$BERTH_PID"
    wait_for 10 heartbeat_says 'policy.yaml:1:1: image: unknown field'
    grep -A2 'type: PolicyValid' "$STATE/controller.yaml" | grep -q 'status: "False"'
    grep -q 'policy_invalid.*did you mean' "$LOG"
    instance other 'image: "busybox:1"'
    sed -i '/image: berth-test/d' "$SPECS/other.yaml"
    wait_for 10 reason_is other PolicyRefused
    rm "$POLICY"
    kill -HUP "$BERTH_PID"
    missing() { grep -q "policy_invalid.*$POLICY" "$LOG"; }
    wait_for 10 missing
    still_works 1
    container_is_gone other
}

@test "repositories that the policy does not name are neither cloned nor worked on; other spellings are no way round" {
    make_repo "policy$BATS_SUITE_TEST_NUMBER"
    name=policy$BATS_SUITE_TEST_NUMBER
    host=${GIT_HTTP_URL#http://}
    policy <<<"repositories: [\"$host/git/$name\"]"
    make_repo "other$name"
    for spelling in fine:"$GIT_HTTP_URL/git/$name.git" other:"$GIT_HTTP_URL/git/other$name.git" \
        daemon:"$GIT_DAEMON_URL/$name.git" slashes:"$GIT_HTTP_URL//git//other$name"; do
        drop "${spelling%%:*}.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: ${spelling%%:*}}
spec: {repository: "${spelling#*:}", command: [cat, README]}
SPEC
    done
    berth_start --policy "$POLICY"
    wait_for 40 field_is fine.yaml fine status.phase Succeeded
    for task in other daemon slashes; do
        wait_for 10 reason_is "$task" PolicyRefused
        [[ $(message_of "$task") == *"(rule repositories, $POLICY:1:1)"* ]]
    done
    [ "$(find "$STATE/repos" -name mirror.git | wc -l)" = 1 ]
}

# --- what no spec gets, with every directory of the machine allowed -------------------------------------

@test "the engine's socket, the state directory, the policy, and what holds them: never, by no link and no spelling" {
    ln -s "$STATE" "$TEST_DIR/allowed/link"
    ln -s / "$TEST_DIR/allowed/root"
    ln -s "${DOCKER_HOST#unix://}" "$TEST_DIR/allowed/socket"
    ln -s "$TEST_DIR/allowed/root" "$TEST_DIR/allowed/twice"
    policy <<<'mounts: [{path: /}]'
    socket=${DOCKER_HOST#unix://}
    declare -A paths=(
        [socket]=$socket [socket-folder]=${socket%/*} [socket-link]=$TEST_DIR/allowed/socket
        [state]=$STATE [state-below]=$STATE/specs [state-above]=$TEST_DIR [state-link]=$TEST_DIR/allowed/link
        [root-link]=$TEST_DIR/allowed/root [root-twice]=$TEST_DIR/allowed/twice [through]=$TEST_DIR/allowed/root/proc/1
        [policy]=$POLICY [proc]=/proc [proc-self]=/proc/self/root [sys]=/sys/fs/cgroup [dev]=/dev
        [root]=/ [dots]=//./ [tmp]=/tmp
    )
    for name in "${!paths[@]}"; do
        instance "$name" "volumes: [{mountPath: /d, hostPath: \"${paths[$name]}\", readOnly: true}]"
    done
    berth_start --policy "$POLICY"
    for name in "${!paths[@]}"; do
        wait_for 20 reason_is "$name" HostPathRefused || { echo "$name"; return 1; }
        wait_for 20 message_has "$name" 'never allowed'
    done
    [ -z "$(our_containers)" ]
    instance fine "volumes: [{mountPath: /d, hostPath: $VICTIM}]"
    wait_for 20 is_ready fine.yaml fine
}

@test "a directory that becomes a link after the container was made: it is not started, until that is put back" {
    mkdir -p "$TEST_DIR/allowed/data/deep"
    instance web "volumes: [{mountPath: /d, hostPath: $TEST_DIR/allowed/data/deep}]"
    berth_start --allow-host-path "$TEST_DIR/allowed"
    wait_for 20 is_ready web.yaml web
    mv "$TEST_DIR/allowed/data" "$TEST_DIR/allowed/away"
    mkdir "$VICTIM/deep"
    ln -s "$VICTIM" "$TEST_DIR/allowed/data"
    docker kill web >/dev/null
    wait_for 20 reason_is web HostPathRefused
    wait_for 20 message_has web "leads to $VICTIM/deep"
    [ "$(container_field web "{{.State.Running}}")" = false ]
    rm "$TEST_DIR/allowed/data"
    mv "$TEST_DIR/allowed/away" "$TEST_DIR/allowed/data"
    wait_for 30 is_ready web.yaml web
    docker exec web test ! -e /d/file
}

@test "a link below a readOnly directory leads to a writable one, and one below a writable to a readOnly: the target counts" {
    mkdir -p "$TEST_DIR/golden/x" "$TEST_DIR/open/y"
    ln -s "$TEST_DIR/golden/x" "$TEST_DIR/open/to-golden"
    ln -s "$TEST_DIR/open/y" "$TEST_DIR/golden/to-open"
    policy <<END
mounts:
  - {path: $TEST_DIR/golden, readOnly: true}
  - {path: $TEST_DIR/open}
END
    instance to-golden "volumes: [{mountPath: /d, hostPath: $TEST_DIR/open/to-golden}]"
    instance to-open "volumes: [{mountPath: /d, hostPath: $TEST_DIR/golden/to-open, readOnly: true}]"
    berth_start --policy "$POLICY"
    wait_for 20 reason_is to-golden HostPathRefused
    wait_for 20 message_has to-golden "leads to $TEST_DIR/golden/x: hostPath $TEST_DIR/golden/x needs readOnly"
    wait_for 20 is_ready to-open.yaml to-open
    [ "$(container_field to-open '{{(index .Mounts 0).RW}}')" = false ]
    sed -i 's/, readOnly: true//' "$POLICY"
    kill -HUP "$BERTH_PID"
    wait_for 20 is_ready to-golden.yaml to-golden
}

@test "privileged, host namespaces, devices, Berth's own labels and Docker's names for them: no such field" {
    while IFS='|' read -r name line; do
        instance "$name" "$line"
    done <<'TABLE'
a|privileged: true
b|hostNetwork: true
c|hostPID: true
d|devices: [/dev/kvm]
e|securityContext: {privileged: true}
f|securityContext: {allowPrivilegeEscalation: true}
g|securityContext: {seccompProfile: {type: Unconfined}}
h|hostIPC: true
i|network_mode: host
j|volumes: [{mountPath: /d, hostPath: /srv/x, propagation: rshared}]
k|cgroupParent: /
l|labels: {dev.berth.controller: x}
m|runtime: x
n|volumes_from: [other]
TABLE
    instance spoof
    sed -i 's/^metadata:.*/metadata: {name: spoof, labels: {dev.berth.kind: Task}}/' "$SPECS/spoof.yaml"
    berth_start
    for name in a b c d e f g h i j k l m n; do wait_for 10 reason_is "$name" UnknownField || { echo "$name"; return 1; }; done
    wait_for 10 field_is spoof.yaml spoof status.phase Invalid
    [ -z "$(our_containers)" ]
    still_works 1
    [ "$(container_field alive-1 '{{.HostConfig.Privileged}} {{.HostConfig.PidMode}} {{.HostConfig.NetworkMode}} {{.HostConfig.Devices}} {{.HostConfig.SecurityOpt}}' |
        grep -c '^false  berth-.* \[\] \[no-new-privileges')" = 1 ]
}

@test "texts that a shell, a log or an environment would take for more than a text stay that text" {
    marker=$TEST_DIR/marker
    hostile="\$(touch $marker)\`touch $marker\`;touch $marker|touch $marker&&touch $marker\\n' \\\" --help"
    drop hostile.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: hostile, annotations: {note: "$hostile"}}
spec:
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/busybox:1
  command: [sh, -c, 'printf "%s|" "\$@" >/tmp/arguments; env >/tmp/env; touch /tmp/up; sleep 1000', "$hostile"]
  args: ["$hostile", "-x", ""]
  env:
    - {name: PLAIN, value: "$hostile"}
    - {name: LINES, value: "one\nLD_PRELOAD=/evil.so\nPATH=/evil"}
  workingDir: /tmp
  terminationGracePeriodSeconds: 0
  readinessProbe: {exec: {command: [test, "$hostile", "=", "$hostile"]}, periodSeconds: 1}
  lifecycle: {postStart: {exec: {command: [sh, -c, 'printf %s "\$1" >/tmp/hook', sh, "$hostile"]}}}
SPEC
    while IFS='|' read -r name line; do
        instance "$name" "$line"
    done <<'TABLE'
p|user: "0; touch /x"
q|hostname: "a$(id)"
r|dns: {servers: ["1.1.1.1; id"]}
s|hostAliases: [{ip: "10.0.0.1", hostnames: ["a b:10.0.0.2"]}]
t|zone: "../host"
u|image: "busybox:1 --privileged"
v|volumes: [{mountPath: "/d:/etc:rw", volume: x}]
w|volumes: [{mountPath: /d, volume: "../../etc"}]
x|env: [{name: "A=B\nC", value: x}]
y|readinessProbe: {httpGet: {path: "/ HTTP/1.1\r\nHost: evil", port: 80}}
z|readinessProbe: {httpGet: {path: /, port: 80, httpHeaders: [{name: "A: b\r\nC", value: d}]}}
TABLE
    berth_start
    wait_for 30 is_ready hostile.yaml hostile
    [ ! -e "$marker" ]
    docker exec hostile test ! -e "$marker"
    [[ $(docker exec hostile cat /tmp/arguments) == *"\$(touch $marker)"*'--help|-x||' ]]
    [[ $(docker exec hostile cat /tmp/hook) == *"\$(touch $marker)"*"--help" ]]
    [ "$(docker inspect hostile | jq -r '.[0].Config.Env[] | select(startswith("LINES=")) | split("\n") | length')" = 3 ]
    [ "$(docker inspect hostile | jq -r '[.[0].Config.Env[] | select(startswith("LD_PRELOAD=") or startswith("PATH=/evil"))] | length')" = 0 ]
    for name in p q r s t u v w x y z; do wait_for 10 field_is "$name.yaml" "$name" status.phase Invalid || { echo "$name"; return 1; }; done
    [ "$(our_containers)" = hostile ]
}

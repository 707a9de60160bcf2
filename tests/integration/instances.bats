#!/usr/bin/env bats
# Instances: what a spec says is what the container has.

load helpers

@test "machine type, resources, env, command, user, volumes and labels are on the container" {
    mkdir -p "$TEST_DIR/data"
    echo hello >"$TEST_DIR/data/file"
    drop vm.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: vm, labels: {team: infra}}
spec:
  machineType: n1-standard-1
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/busybox:1
  command: [sh, -c]
  args: ["cat /data/file; echo \$GREETING; id -u; pwd; exec sleep 1000"]
  env: [{name: GREETING, value: "good day"}]
  user: "1000"
  workingDir: /tmp
  hostname: machine
  resources: {memory: 64Mi, cpu: 250m, pids: 50}
  volumes:
  - {name: data, mountPath: /data, hostPath: $TEST_DIR/data, readOnly: true}
  - {name: scratch, mountPath: /scratch, volume: scratch-$BATS_SUITE_TEST_NUMBER}
  terminationGracePeriodSeconds: 1
SPEC
    sed -i 's/cpu: 250m/cpus: 250m/' "$SPECS/vm.yaml"
    berth_start --allow-host-path "$TEST_DIR"
    wait_for 20 is_ready vm.yaml vm
    [ "$(container_field vm '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}')" = "67108864 250000000 50" ]
    [ "$(container_field vm '{{.Config.User}} {{.Config.WorkingDir}} {{.Config.Hostname}}')" = "1000 /tmp machine" ]
    [ "$(container_field vm '{{index .Config.Labels "dev.berth.kind"}} {{index .Config.Labels "dev.berth.name"}} {{index .Config.Labels "dev.berth.source"}}')" = "Instance vm vm.yaml" ]
    [ "$(container_field vm '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.SecurityOpt}} {{.HostConfig.LogConfig.Config}}')" = "no [no-new-privileges] map[max-file:3 max-size:10m]" ]
    wait_for 5 sh -c 'test "$(docker logs vm 2>&1 | tr "\n" " ")" = "hello good day 1000 /tmp "'
    docker volume rm -f "scratch-$BATS_SUITE_TEST_NUMBER" 2>/dev/null || true
}

@test "a machine type alone gives its limits; more processors than the host has are what the host has" {
    drop vm.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: big}
spec: {machineType: custom-64-2048, zone: zone-$BATS_SUITE_TEST_NUMBER}
---
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: small}
spec: {machineType: e2-micro, zone: zone-$BATS_SUITE_TEST_NUMBER}
SPEC
    berth_start
    wait_for 20 is_ready vm.yaml small
    wait_for 20 is_ready vm.yaml big
    [ "$(container_field small '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}')" = "1073741824 250000000" ]
    [ "$(container_field big '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}')" = "2147483648 $(nproc)000000000" ]
}

@test "instances of a zone reach each other by name on their own network" {
    drop_instance web
    drop client.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: client}
spec: {image: "berth-test/busybox:1", command: [sleep, "1000"], zone: zone-$BATS_SUITE_TEST_NUMBER, terminationGracePeriodSeconds: 1}
SPEC
    berth_start
    wait_for 20 is_ready web.yaml web
    wait_for 20 is_ready client.yaml client
    docker exec client wget -qO- "http://web:8080/" | grep -q web
    docker exec client wget -qO- "http://web.zone-$BATS_SUITE_TEST_NUMBER.berth.internal:8080/" | grep -q web
    [ "$(container_field web '{{range $name, $n := .NetworkSettings.Networks}}{{$name}}{{end}}')" = \
      "berth-zone-$BATS_SUITE_TEST_NUMBER-$(cut -c1-6 "$STATE/controller-id")" ]
}

@test "an instance without an image is Berth's own idle image, built without any registry" {
    drop idle.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: anchor}
spec: {machineType: e2-micro, zone: zone-$BATS_SUITE_TEST_NUMBER}
SPEC
    docker images -q 'berth/idle' | xargs -r docker rmi -f || true
    berth_start
    wait_for 20 is_ready idle.yaml anchor
    [[ $(container_field anchor '{{.Config.Image}}') == berth/idle:* ]]
    run bash -c "time docker stop -t 10 anchor"
    wait_for 10 container_is_running anchor
}

@test "powerState Stopped stops it and keeps name, port and container; Running starts it again" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    id=$(container_field web '{{.Id}}') port=$(port_of web.yaml web)
    sed -i 's/^spec:/spec:\n  powerState: Stopped/' "$SPECS/web.yaml"
    wait_for 15 field_is web.yaml web status.phase TERMINATED
    [ "$(container_field web '{{.State.Running}} {{.Id}}')" = "false $id" ]
    is_ready web.yaml web
    sed -i '/powerState/d' "$SPECS/web.yaml"
    wait_for 15 field_is web.yaml web status.phase RUNNING
    [ "$(container_field web '{{.State.Running}} {{.Id}}')" = "true $id" ]
    [ "$(port_of web.yaml web)" = "$port" ]
    curl -fsS "http://127.0.0.1:$port/" >/dev/null
}

@test "restartPolicy Never and OnFailure: an end is an end, and says how it ended" {
    for name in never-ok never-bad onfailure-ok; do
        policy=Never code=0
        [[ $name == *-bad ]] && code=4
        [[ $name == onfailure-* ]] && policy=OnFailure
        drop "$name.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: $name}
spec: {image: "berth-test/busybox:1", command: [sh, -c, "exit $code"], restartPolicy: $policy, zone: zone-$BATS_SUITE_TEST_NUMBER}
SPEC
    done
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --once
    [ "$status" -eq 1 ]
    [[ $output == *"Instance/never-bad"*"4"* ]]
    ! grep -E '^Instance/(never|onfailure)-ok:' <<<"$output" || return 1
    for name in never-ok never-bad onfailure-ok; do
        field_is "$name.yaml" "$name" status.phase TERMINATED
        field_is "$name.yaml" "$name" status.restarts.last.exitCode "$(container_field "$name" '{{.State.ExitCode}}')"
    done
    docker rm -f never-ok
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --once
    container_is_gone never-ok
}

@test "spec.suspend changes nothing, also when the container is gone" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    sed -i 's/^spec:/spec:\n  suspend: true/' "$SPECS/web.yaml"
    wait_for 10 field_is web.yaml web 'status.conditions[type=Ready].reason' Suspended
    docker rm -f web
    wait_for 10 field_is web.yaml web status.phase TERMINATED
    drop_instance other
    wait_for 20 is_ready other.yaml other
    container_is_gone web
    sed -i '/suspend/d' "$SPECS/web.yaml"
    wait_for 20 is_ready web.yaml web
}

@test "a hostPath outside the allowed roots and a dangerous capability are refused, and nothing is created" {
    drop bad.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: sock}
spec:
  image: berth-test/busybox:1
  volumes: [{name: s, mountPath: /s, hostPath: /var/run/docker.sock}]
---
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: admin}
spec:
  image: berth-test/busybox:1
  securityContext: {capabilities: {add: [SYS_ADMIN]}}
SPEC
    berth_start --allow-host-path "$TEST_DIR"
    wait_for 10 field_is bad.yaml sock status.error.reason HostPathRefused
    wait_for 10 field_is bad.yaml admin status.error.reason CapabilityRefused
    container_is_gone sock
    container_is_gone admin
}

@test "neither a link out of an allowed root nor the state directory below one can be mounted" {
    mkdir -p "$TEST_DIR/allowed"
    ln -s /etc "$TEST_DIR/allowed/way-out"
    drop bad.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: linked}
spec:
  image: berth-test/busybox:1
  zone: zone-$BATS_SUITE_TEST_NUMBER
  volumes: [{name: s, mountPath: /s, hostPath: $TEST_DIR/allowed/way-out}]
---
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: inner}
spec:
  image: berth-test/busybox:1
  zone: zone-$BATS_SUITE_TEST_NUMBER
  volumes: [{name: s, mountPath: /s, hostPath: $STATE/repos}]
SPEC
    berth_start --allow-host-path "$TEST_DIR"
    wait_for 10 field_is bad.yaml linked status.error.reason HostPathRefused
    [[ $(status_of bad.yaml linked status.error.message) == *"leads to /etc"* ]]
    wait_for 10 field_is bad.yaml inner status.error.reason HostPathRefused
    container_is_gone linked
    container_is_gone inner
}

@test "an image that nobody has: the engine's words in the status, and another try by itself" {
    drop web.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: web}
spec: {image: "127.0.0.1:1/berth-test/absent:1", zone: zone-$BATS_SUITE_TEST_NUMBER}
SPEC
    berth_start
    wait_for 15 field_is web.yaml web status.error.reason ImagePullFailed
    [[ $(status_of web.yaml web status.error.message) == *"127.0.0.1:1"* ]]
    docker tag berth-test/web:1 "127.0.0.1:1/berth-test/absent:1"
    wait_for 20 is_ready web.yaml web
    docker rmi "127.0.0.1:1/berth-test/absent:1" || true
}

#!/usr/bin/env bats
# Every field of an Instance, against what the engine and the container itself say.

load helpers

# check NAME <<TABLE: per line a Go template for docker inspect, " => ", and what it must print.
check() {
    local line is
    while IFS= read -r line; do
        is=$(container_field "$1" "${line%% => *}") || return 1
        is=${is//CAP_/}    # newer engines spell capabilities out
        [[ $is == "${line#* => }" ]] || { echo "$1: ${line%% => *} is \"$is\", not \"${line#* => }\""; return 1; }
    done
}

# inside NAME <<TABLE: per line a command for the container's shell, " => ", and what it must print.
inside() {
    local line is
    while IFS= read -r line; do
        is=$(docker exec "$1" sh -c "${line%% => *}" </dev/null 2>&1) || true
        [[ $is == "${line#* => }" ]] || { echo "$1: ${line%% => *} says \"$is\", not \"${line#* => }\""; return 1; }
    done
}

@test "each field is on the container, and works in it" {
    mkdir -p "$TEST_DIR/data"
    echo from-the-host >"$TEST_DIR/data/file"
    zone=zone-$BATS_SUITE_TEST_NUMBER
    drop all.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: all, labels: {team: infra}}
spec:
  machineType: n1-standard-2
  zone: $zone
  image: berth-test/busybox:1
  imagePullPolicy: Never
  command: [sh, -c]
  args: ['trap "exit 0" TERM; httpd -p 8080 -h /; while :; do usleep 100000; done']
  env:
  - {name: B, value: "two words"}
  - {name: A, value: "1=2"}
  - {name: EMPTY}
  workingDir: /tmp
  user: "1000:1001"
  hostname: machine
  dns: {servers: [192.0.2.53, 192.0.2.54], search: [one.example, two.example]}
  hostAliases:
  - {ip: 192.0.2.1, hostnames: [db.example, db]}
  - {ip: 192.0.2.2, hostnames: [cache]}
  ports:
  - {name: http, containerPort: 8080}
  - {name: fixed, containerPort: 9000, hostPort: $((PORT_FIRST + 60)), hostIP: 0.0.0.0}
  - {name: dns, containerPort: 53, protocol: UDP}
  volumes:
  - {name: data, mountPath: /data, hostPath: $TEST_DIR/data, readOnly: true}
  - {name: scratch, mountPath: /scratch, volume: scratch-$BATS_SUITE_TEST_NUMBER}
  resources: {cpus: 750m, memory: 96Mi, pids: 77}
  restartPolicy: OnFailure
  terminationGracePeriodSeconds: 7
  securityContext:
    capabilities: {add: [NET_RAW], drop: [CHOWN, FOWNER]}
SPEC
    berth_start --allow-host-path "$TEST_DIR"
    wait_for 20 is_ready all.yaml all
    network=berth-$zone-$(cut -c1-6 "$STATE/controller-id")
    http=$(port_of all.yaml all) dns=$(port_of all.yaml all dns) fixed=$((PORT_FIRST + 60))
    check all <<TABLE
{{.Config.Image}} => berth-test/busybox:1
{{json .Config.Entrypoint}} => ["sh","-c"]
{{json .Config.Cmd}} => ["trap \"exit 0\" TERM; httpd -p 8080 -h /; while :; do usleep 100000; done"]
{{range .Config.Env}}{{if or (eq . "A=1=2") (eq . "B=two words") (eq . "EMPTY=")}}{{.}};{{end}}{{end}} => B=two words;A=1=2;EMPTY=;
{{.Config.WorkingDir}} {{.Config.User}} {{.Config.Hostname}} => /tmp 1000:1001 machine
{{json .HostConfig.Dns}} {{json .HostConfig.DnsSearch}} => ["192.0.2.53","192.0.2.54"] ["one.example","two.example"]
{{json .HostConfig.ExtraHosts}} => ["db.example:192.0.2.1","db:192.0.2.1","cache:192.0.2.2"]
{{json (index .HostConfig.PortBindings "8080/tcp")}} => [{"HostIp":"127.0.0.1","HostPort":"$http"}]
{{json (index .HostConfig.PortBindings "9000/tcp")}} => [{"HostIp":"0.0.0.0","HostPort":"$fixed"}]
{{json (index .HostConfig.PortBindings "53/udp")}} => [{"HostIp":"127.0.0.1","HostPort":"$dns"}]
{{range .Mounts}}{{if eq .Destination "/data"}}{{.Type}} {{.Source}} {{.RW}}{{end}}{{end}} => bind $TEST_DIR/data false
{{range .Mounts}}{{if eq .Destination "/scratch"}}{{.Type}} {{.Name}} {{.RW}}{{end}}{{end}} => volume scratch-$BATS_SUITE_TEST_NUMBER true
{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.PidsLimit}} => 750000000 100663296 100663296 77
{{.HostConfig.RestartPolicy.Name}} => no
{{.Config.StopTimeout}} => 7
{{json .HostConfig.CapDrop}} => ["ALL"]
{{json .HostConfig.CapAdd}} => ["DAC_OVERRIDE","FSETID","KILL","NET_BIND_SERVICE","SETGID","SETPCAP","SETUID","NET_RAW"]
{{json .HostConfig.SecurityOpt}} {{.HostConfig.Privileged}} {{.HostConfig.ReadonlyRootfs}} => ["no-new-privileges"] false false
{{range \$name, \$n := .NetworkSettings.Networks}}{{\$name}}{{end}} => $network
{{index .Config.Labels "dev.berth.kind"}}/{{index .Config.Labels "dev.berth.name"}} {{index .Config.Labels "dev.berth.source"}} => Instance/all all.yaml
TABLE
    inside all <<'TABLE'
echo $(id -u) $(id -g) => 1000 1001
TABLE
    curl -sf -m 2 "http://127.0.0.1:$http/data/file" | grep -qx from-the-host
}

@test "what the container itself sees of user, directory, environment, names, volumes and limits" {
    mkdir -p "$TEST_DIR/data"
    echo from-the-host >"$TEST_DIR/data/file"
    drop seen.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: seen}
spec:
  machineType: e2-small
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/busybox:1
  command: [sleep, "1000"]
  env: [{name: GREETING, value: "good day"}]
  workingDir: /tmp
  hostname: machine
  dns: {servers: [192.0.2.53], search: [one.example]}
  hostAliases: [{ip: 192.0.2.1, hostnames: [db.example, db]}]
  volumes:
  - {name: data, mountPath: /data, hostPath: $TEST_DIR/data, readOnly: true}
  - {name: scratch, mountPath: /scratch, volume: scratch-$BATS_SUITE_TEST_NUMBER}
  terminationGracePeriodSeconds: 0
  securityContext: {runAsUser: 0, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
SPEC
    berth_start --allow-host-path "$TEST_DIR"
    wait_for 20 is_ready seen.yaml seen
    inside seen <<'TABLE'
id -u => 0
pwd => /tmp
hostname => machine
echo "$GREETING" => good day
cat /data/file => from-the-host
grep -c '192.0.2.1.*db.example' /etc/hosts => 1
grep -o 'search one.example' /etc/resolv.conf => search one.example
(echo x >/data/file) 2>/dev/null && echo written || echo refused => refused
touch /root-file 2>/dev/null && echo written || echo refused => refused
echo kept >/scratch/file && cat /scratch/file => kept
grep CapEff /proc/1/status | tr -d '\t' => CapEff:0000000000000000
grep NoNewPrivs /proc/1/status | tr -d '\t' => NoNewPrivs:1
TABLE
    docker rm -f seen
    is_back() { [[ $(docker exec seen cat /scratch/file 2>/dev/null </dev/null) == kept ]]; }
    wait_for 20 is_back                                   # a named volume outlives its container
    rm "$SPECS/seen.yaml"
    wait_for 20 container_is_gone seen
    docker volume inspect "scratch-$BATS_SUITE_TEST_NUMBER" >/dev/null
    docker volume rm "scratch-$BATS_SUITE_TEST_NUMBER"
}

@test "live fields change without another container; each other field makes one, and is the cause" {
    drop vm.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: vm}
spec:
  machineType: e2-small
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/busybox:1
  command: [sleep]
  args: ["1000"]
  terminationGracePeriodSeconds: 0
SPEC
    put() { sed -i "/^  ${1%%:*}:/d; \$a\  $1" "$SPECS/vm.yaml"; }
    berth_start
    wait_for 20 is_ready vm.yaml vm
    for field in 'restartPolicy: OnFailure' 'imagePullPolicy: Never' 'deletionPolicy: Retain' \
        'lifecycle: {preStop: {exec: {command: ["true"]}}}' 'readinessProbe: {exec: {command: ["true"]}}'; do
        id=$(container_field vm '{{.Id}}') hash=$(status_of vm.yaml vm status.observedHash)
        put "$field"
        seen() { [[ $(status_of vm.yaml vm status.observedHash) != "$hash" ]]; }
        wait_for 10 seen
        wait_for 10 is_ready vm.yaml vm
        [ "$(container_field vm '{{.Id}}')" = "$id" ]
    done
    for field in 'hostname: h' 'workingDir: /tmp' 'user: "7"' 'args: ["1001"]' 'env: [{name: A, value: b}]' \
        'dns: {servers: [192.0.2.53]}' 'hostAliases: [{ip: 192.0.2.1, hostnames: [db]}]' \
        'resources: {memory: 64Mi}' 'ports: [{containerPort: 80}]' \
        'securityContext: {readOnlyRootFilesystem: true}'; do
        id=$(container_field vm '{{.Id}}')
        put "$field"
        another() { local is; is=$(container_field vm '{{.Id}} {{.State.Status}}' 2>&1); [[ $is != "$id"* && $is == *running ]] || { echo "$field: $is"; return 1; }; }
        wait_for 20 another
        wait_for 10 is_ready vm.yaml vm
        status_of vm.yaml vm status.history.0.cause | grep -q "changed: .*${field%%:*}"
    done
}

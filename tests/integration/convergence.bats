#!/usr/bin/env bats
# What gets lost comes back; what differs is recreated and says why; what is not ours is left alone.

load helpers

# Milliseconds from now until the container's id is another one and it runs.
back_within() {
    local limit_ms=$1 name=$2 before=$3 start
    start=$(date +%s%N)
    wait_for 10 container_runs_since "$name" "$before"
    elapsed=$((($(date +%s%N) - start) / 1000000))
    echo "back after $elapsed ms"
    [ "$elapsed" -le "$limit_ms" ]
}
container_runs_since() {
    [[ $(container_field "$1" '{{.State.Running}} {{.State.StartedAt}}' 2>&1) == "true "* ]] &&
        [[ $(container_field "$1" '{{.State.StartedAt}}') != "$2" ]]
}

@test "rm -f, stop and kill: back within two seconds, same name, same port" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    port=$(port_of web.yaml web)
    started=$(container_field web '{{.State.StartedAt}}')
    docker rm -f web >/dev/null
    back_within 2000 web "$started"
    wait_for 5 is_ready web.yaml web
    started=$(container_field web '{{.State.StartedAt}}')
    docker stop -t 1 web >/dev/null
    back_within 2000 web "$started"
    wait_for 5 is_ready web.yaml web
    [ "$(port_of web.yaml web)" = "$port" ]
    curl -fsS "http://127.0.0.1:$port/" >/dev/null
    field_is web.yaml web 'status.restarts.count' 1
    field_is web.yaml web 'status.restarts.last.exitCode' "$(container_field web '{{.State.ExitCode}}' >/dev/null; status_of web.yaml web status.restarts.last.exitCode)"
}

@test "docker kill: back within two seconds, with the exit code in the status" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    started=$(container_field web '{{.State.StartedAt}}')
    docker kill web >/dev/null
    back_within 2000 web "$started"
    wait_for 5 field_is web.yaml web 'status.restarts.last.exitCode' 137
}

@test "a removed network: back, and the container is on it again" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    network=$(container_field web '{{range $name, $n := .NetworkSettings.Networks}}{{$name}}{{end}}')
    docker network disconnect -f "$network" web && docker network rm "$network" || true
    on_network() { [[ $(container_field web '{{range $name, $n := .NetworkSettings.Networks}}{{$name}}{{end}}') == "$network" ]]; }
    wait_for 10 on_network
    wait_for 5 is_ready web.yaml web
    curl -fsS "http://127.0.0.1:$(port_of web.yaml web)/" >/dev/null
}

@test "a crash loop backs off and shows exit code, log lines and the next try" {
    drop crash.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: crash}
spec: {image: "berth-test/busybox:1", command: [sh, -c, "echo about to fail; exit 42"], zone: zone-$BATS_SUITE_TEST_NUMBER}
SPEC
    berth_start
    wait_for 30 field_is crash.yaml crash 'status.conditions[type=Stalled].reason' CrashLoopBackOff
    field_is crash.yaml crash status.restarts.last.exitCode 42
    field_is crash.yaml crash status.restarts.last.logTail.0 'about to fail'
    [ -n "$(status_of crash.yaml crash status.restarts.nextRetryTime)" ]
    count=$(status_of crash.yaml crash status.restarts.count)
    [ "$count" -ge 3 ] && [ "$count" -le 8 ]
    sed -i 's/exit 42/exec sleep 1000/' "$SPECS/crash.yaml"
    wait_for 10 is_ready crash.yaml crash
}

@test "out of memory is named" {
    drop oom.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: oom}
spec:
  image: berth-test/busybox:1
  command: [sh, -c, "x=0123456789; while true; do x=\$x\$x; done"]
  machineType: custom-1-64
  resources: {memory: 16Mi}
  zone: zone-$BATS_SUITE_TEST_NUMBER
SPEC
    berth_start
    wait_for 30 field_is oom.yaml oom status.restarts.last.reason OOMKilled
}

@test "only what differs is recreated, and the cause is in the history and the log" {
    drop_instance web
    drop_instance other
    berth_start
    wait_for 20 is_ready web.yaml web
    wait_for 20 is_ready other.yaml other
    web=$(container_field web '{{.Id}}') other=$(container_field other '{{.Id}}')
    printf '  env: [{name: A, value: b}]\n' >>"$SPECS/web.yaml"
    recreated() { [[ $(container_field web '{{.Id}}') != "$web" ]]; }
    wait_for 15 recreated
    wait_for 10 field_is web.yaml web status.history.0.cause 'changed: env'
    [ "$(container_field other '{{.Id}}')" = "$other" ]
    grep -q 'key=Instance/web action="create container".*changed: env' "$LOG"
    web=$(container_field web '{{.Id}}')
    sed -i 's/^  machineType: e2-small/  machineType:   "e2-small" # the same/' "$SPECS/web.yaml"
    drop_instance third
    wait_for 20 is_ready third.yaml third
    [ "$(container_field web '{{.Id}}')" = "$web" ]
}

@test "another image under the same tag recreates, with the cause" {
    docker tag berth-test/busybox:1 "berth-test/moving:$BATS_SUITE_TEST_NUMBER"
    drop m.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: moving}
spec: {image: "berth-test/moving:$BATS_SUITE_TEST_NUMBER", command: [sleep, "1000"], zone: zone-$BATS_SUITE_TEST_NUMBER, terminationGracePeriodSeconds: 1}
SPEC
    berth_start
    wait_for 20 is_ready m.yaml moving
    docker tag berth-test/web:1 "berth-test/moving:$BATS_SUITE_TEST_NUMBER"
    is_new() { [[ $(container_field moving '{{.Image}}') == "$(docker image inspect -f '{{.Id}}' berth-test/web:1)" ]]; }
    wait_for 15 is_new
    wait_for 10 is_ready m.yaml moving
    [[ $(status_of m.yaml moving status.history.0.cause) == "image berth-test/moving:"*"was replaced"* ]]
    docker rmi "berth-test/moving:$BATS_SUITE_TEST_NUMBER" >/dev/null || true
}

@test "an orphan with our label goes after the grace; a foreign container never" {
    foreign_container "foreign-$BATS_SUITE_TEST_NUMBER"
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    for orphan in "orphan-$BATS_SUITE_TEST_NUMBER" "removed-$BATS_SUITE_TEST_NUMBER"; do
        docker run -d --name "$orphan" --label "dev.berth.controller=$(cat "$STATE/controller-id")" \
            --label dev.berth.kind=Instance --label "dev.berth.name=$orphan" berth-test/busybox:1 sleep 1000
    done
    berth_stop
    berth_start --orphan-grace 4s
    is_listed() {
        "$BERTH" gc --dry-run --state "$STATE" | awk '{ print $1, $2, $3 }' |
            grep -qx "orphan-$BATS_SUITE_TEST_NUMBER Instance orphan-$BATS_SUITE_TEST_NUMBER"
    }
    wait_for 10 is_listed
    container_is_running "orphan-$BATS_SUITE_TEST_NUMBER"
    orphans() { "$BERTH" gc --dry-run -o json --state "$STATE" | jq -c .orphans; }
    after=$(orphans | jq -r '.[0].removeAfter')
    [ "$(orphans | jq length)" -eq 2 ]
    docker rm -f "removed-$BATS_SUITE_TEST_NUMBER"
    wait_for 20 container_is_gone "orphan-$BATS_SUITE_TEST_NUMBER"
    [ "$(date +%s)" -ge "$(date -d "$after" +%s)" ]
    orphans_are_gone() { [[ $(orphans) == '[]' ]]; }
    wait_for 5 orphans_are_gone
    container_is_running web
    container_is_running "foreign-$BATS_SUITE_TEST_NUMBER"
}

@test "a foreign container that holds a name we want is reported, left alone, and followed by ours when it goes" {
    foreign_container "taken"
    drop taken.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: taken}
spec: {image: "berth-test/web:1", zone: zone-$BATS_SUITE_TEST_NUMBER}
SPEC
    id=$(container_field taken '{{.Id}}')
    berth_start
    wait_for 15 field_is taken.yaml taken status.error.reason NameTaken
    [ "$(container_field taken '{{.Id}} {{.State.Running}}')" = "$id true" ]
    rm "$SPECS/taken.yaml"
    drop_instance witness
    wait_for 20 is_ready witness.yaml witness
    [ "$(container_field taken '{{.Id}} {{.State.Running}}')" = "$id true" ]
    drop_instance taken
    wait_for 15 field_is taken.yaml taken status.error.reason NameTaken
    docker rm -f taken >/dev/null
    wait_for 15 is_ready taken.yaml taken
}

@test "a name that begins another container's id never leads to that container" {
    for try in $(seq 60); do
        id=$(docker run -d --label "berth-test.test=$BATS_SUITE_TEST_NUMBER" berth-test/busybox:1 sleep 1000)
        [[ $id == [a-f]* ]] && break
        docker rm -f "$id" >/dev/null
    done
    name=${id:0:6}
    drop_instance "$name"
    berth_start
    wait_for 20 is_ready "$name.yaml" "$name"
    [ "$(docker ps -q --no-trunc --filter "name=^/$name$")" != "$id" ]
    docker rm -f "$(docker ps -q --no-trunc --filter "name=^/$name$")" >/dev/null
    rm "$SPECS/$name.yaml"
    gone() { [ -z "$(docker ps -aq --filter "name=^/$name$")" ]; }
    wait_for 20 gone
    wait_for 5 jq -e '.leases == []' "$STATE/leases.json"
    [ "$(docker inspect -f '{{.State.Running}} {{.Id}}' "$id")" = "true $id" ]
}

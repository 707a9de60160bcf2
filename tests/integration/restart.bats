#!/usr/bin/env bats
# The controller can die at any moment: containers are adopted, nothing is doubled, nothing is lost.

load helpers

@test "kill -9 and start again: the same containers, ports and statuses" {
    drop_instance web
    drop_instance two
    berth_start
    wait_for 20 is_ready web.yaml web
    wait_for 20 is_ready two.yaml two
    before=$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' web two)
    ports="$(port_of web.yaml web) $(port_of two.yaml two)"
    berth_kill9
    berth_start
    wait_for 10 is_ready web.yaml web
    drop_instance three
    wait_for 20 is_ready three.yaml three
    [ "$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' web two)" = "$before" ]
    [ "$(port_of web.yaml web) $(port_of two.yaml two)" = "$ports" ]
    field_is web.yaml web status.history.0.type create
}

# start_seen: with an engine that is reached through a door where each connection's requests are written down.
start_seen() {
    shut_door
    rm -f "$TEST_DIR/e.sock" "$TEST_DIR"/requests-*
    socat "UNIX-LISTEN:$TEST_DIR/e.sock,fork" \
        SYSTEM:"tee $TEST_DIR/requests-\$\$ | socat - UNIX-CONNECT\:${DOCKER_HOST#unix://}" 3>&- &
    DOOR_PID=$!
    wait_for 5 test -S "$TEST_DIR/e.sock"
    berth_start --engine "unix://$TEST_DIR/e.sock"
    wait_for 10 is_ready web.yaml web
    wait_for 10 has_listed 1
    kill -HUP "$BERTH_PID"    # what the first list leads to is asked for before there is a second one
    wait_for 10 has_listed 2
}
shut_door() {
    [[ -z ${DOOR_PID:-} ]] || { kill "$DOOR_PID" && wait "$DOOR_PID" || true; }
    DOOR_PID=
}
requests() { cat "$TEST_DIR"/requests-* | grep -ac "GET /v[0-9.]*/$1" || true; }
has_listed() { [[ $(requests containers/json) -ge $1 ]]; }
inspections() { requests "containers/$1/json"; }
started_at() { date -d "$(container_field "$1" '{{.State.StartedAt}}')" -u +%Y-%m-%dT%H:%M:%SZ; }

@test "a controller that has ended leaves what it knew: the next one inspects only what was started since" {
    [[ $DOCKER_HOST == unix://* ]] || skip "the engine is not on a socket"
    local before
    drop_instance web
    drop_instance two
    start_seen
    wait_for 20 is_ready two.yaml two
    berth_stop
    sleep 2.1    # events of the last two seconds are told again
    before=$(stat -c '%n %i %y' "$SPECS"/*.status.yaml)
    start_seen
    [ "$(inspections web) $(inspections two)" = "0 0" ]
    [ "$(stat -c '%n %i %y' "$SPECS"/*.status.yaml)" = "$before" ]
    docker kill web    # it is watched as any other
    wait_for 20 field_is web.yaml web status.restarts.count 1
    wait_for 20 is_ready web.yaml web
    berth_stop

    sleep 2.1    # as above
    docker restart -t 0 two
    start_seen
    [ "$(inspections web)" = 0 ]
    [ "$(inspections two)" -ge 1 ]
    wait_for 10 field_is two.yaml two status.container.startedAt "$(started_at two)"
    field_is web.yaml web status.container.startedAt "$(started_at web)"
    berth_stop

    docker rm -f two    # and its process' number is another's
    sed -i "s/\"pid\":[0-9]*/\"pid\":$$/" "$STATE/starts.jsonl"
    start_seen
    [ "$(inspections web)" -ge 1 ]
    wait_for 20 is_ready two.yaml two
    berth_stop

    sed -i '1s/"boot":"./"boot":"x/' "$STATE/starts.jsonl"    # another boot's
    start_seen
    [ "$(inspections web)" -ge 1 ]
    berth_stop
    head -c 300 /dev/urandom >"$STATE/starts.jsonl"
    start_seen
    [ "$(inspections web)" -ge 1 ]
    shut_door
}

@test "what is deleted or changed while no controller runs is made good at the next start" {
    drop_instance gone
    drop_instance changed
    berth_start
    wait_for 20 is_ready gone.yaml gone
    wait_for 20 is_ready changed.yaml changed
    berth_kill9
    rm "$SPECS/gone.yaml"
    sed -i 's/e2-small/e2-medium/' "$SPECS/changed.yaml"
    docker rm -f changed
    berth_start
    wait_for 20 container_is_gone gone
    wait_for 20 is_ready changed.yaml changed
    [ "$(container_field changed '{{.HostConfig.Memory}}')" = 4294967296 ]
    wait_for 10 test ! -e "$SPECS/gone.status.yaml"
}

@test "a spec that is broken while no controller runs keeps what its last good version brought up" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    id=$(container_field web '{{.Id}}')
    berth_kill9
    sed -i 's/e2-small/e2-smal/' "$SPECS/web.yaml"
    berth_start --orphan-grace 1s
    wait_for 10 field_is web.yaml web 'status.conditions[type=SpecValid].status' False
    docker rm -f web
    wait_for 10 container_is_running web
}

@test "the engine goes and comes back: Berth waits, says so, and converges" {
    [[ $DOCKER_HOST == unix://* ]] || skip "the engine is not on a socket"
    socat "UNIX-LISTEN:$TEST_DIR/e.sock,fork" "UNIX-CONNECT:${DOCKER_HOST#unix://}" 3>&- &
    proxy=$!
    wait_for 5 test -S "$TEST_DIR/e.sock"
    drop_instance web
    berth_start --engine "unix://$TEST_DIR/e.sock"
    wait_for 20 is_ready web.yaml web
    pkill -P "$proxy" || true
    kill "$proxy"
    rm -f "$TEST_DIR/e.sock"
    wait_for 10 grep -q 'EngineUnavailable' "$STATE/controller.yaml"
    docker rm -f web
    drop_instance late
    socat "UNIX-LISTEN:$TEST_DIR/e.sock,fork" "UNIX-CONNECT:${DOCKER_HOST#unix://}" 3>&- &
    proxy=$!
    wait_for 30 is_ready late.yaml late
    wait_for 10 container_is_running web
    kill "$proxy"
}

@test "20 kills at random moments while 10 objects converge: nothing lost, nothing doubled" {
    make_repo "crash$BATS_SUITE_TEST_NUMBER"
    for i in 1 2 3 4 5 6 7; do drop_instance "i$i"; done
    for i in 1 2 3; do
        drop "t$i.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: t$i}
spec:
  repository: $GIT_HTTP_URL/git/crash$BATS_SUITE_TEST_NUMBER.git
  command: [sh, -c, "echo ran >>ran-t$i; sleep 2; echo end"]
SPEC
    done
    RANDOM=$BATS_SUITE_TEST_NUMBER
    for kill in $(seq 20); do
        berth_run_in_background
        timeout "0.$((RANDOM % 90 + 10))" tail -f /dev/null || true
        berth_kill9
        for i in 1 2 3 4 5 6 7; do
            # A container that is up keeps its port from the first time on.
            port=$(docker inspect -f '{{index .Config.Labels "dev.berth.ports"}}' "i$i" 2>/dev/null) || continue
            [[ -z ${first[i]:-} || ${first[i]} == "$port" ]] || { echo "i$i had ${first[i]}, now $port"; return 1; }
            first[i]=$port
        done
    done
    berth_start
    for i in 1 2 3 4 5 6 7; do wait_for 30 is_ready "i$i.yaml" "i$i"; done
    for i in 1 2 3; do wait_for 30 field_is "t$i.yaml" "t$i" status.phase Succeeded; done
    [ "$(our_containers | wc -l)" -eq 8 ]
    [ "$(docker network ls -q --filter "label=dev.berth.controller=$(cat "$STATE/controller-id")" | wc -l)" -eq 1 ]
    for i in 1 2 3; do
        [ "$(cat "$STATE"/repos/*/trees/t$i/ran-t$i)" = ran ]
        [ "$(cat "$(status_of "t$i.yaml" "t$i" status.task.logFile)")" = end ]
    done
    [ "$(docker ps --format '{{.Ports}}' --filter "label=dev.berth.controller=$(cat "$STATE/controller-id")" | grep -c 8080)" -eq 7 ]
    [ "$(docker ps --format '{{.Ports}}' --filter "label=dev.berth.controller=$(cat "$STATE/controller-id")" | grep 8080 | sort -u | wc -l)" -eq 7 ]
}

@test "a faulty document keeps its last good version when its file moves, and the next controller knows it" {
    drop_instance gone
    drop_instance web
    drop_instance other
    cat "$SPECS/other.yaml" >>"$SPECS/both" && echo --- >>"$SPECS/both" && cat "$SPECS/web.yaml" >>"$SPECS/both"
    rm "$SPECS/other.yaml" "$SPECS/web.yaml"
    mv "$SPECS/both" "$SPECS/both.yaml"
    berth_start
    wait_for 20 is_ready both.yaml web
    id=$(container_field web '{{.Id}}')
    sed -i '0,/^---/!s/machineType/machineTipe/' "$SPECS/both.yaml"
    wait_for 10 field_is both.yaml web status.error.reason UnknownField
    mv "$SPECS/both.yaml" "$SPECS/moved.yaml"
    wait_for 10 field_is moved.yaml web status.error.reason UnknownField
    berth_stop
    rm "$SPECS/gone.yaml"    # a deletion needs its time to be sure
    berth_start
    wait_for 20 container_is_gone gone
    is_ready moved.yaml other
    is_ready moved.yaml web
    [ "$(container_field web '{{.Id}}')" = "$id" ]
}

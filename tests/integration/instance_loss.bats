#!/usr/bin/env bats
# An instance that is lost comes back as it was: name, address, ports, volume; REPAIRING meanwhile.

load helpers

# A web server that serves what its volume holds, with a leased and a fixed port.
drop_server() {
    drop web.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: web}
spec:
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/busybox:1
  command: [sh, -c, "httpd -p 8081 -h /data; exec httpd -f -p 8080 -h /data"]
  terminationGracePeriodSeconds: 1
  volumes: [{mountPath: /data, volume: loss-$BATS_SUITE_TEST_NUMBER}]
  ports:
    - {name: leased, containerPort: 8080}
    - {name: fixed, containerPort: 8081, hostPort: $PORT_LAST}
SPEC
}

ip_of() { container_field "$1" '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'; }
served() { curl -fsS -m 3 "http://127.0.0.1:$1/index.html"; }
says() { [[ $(served "$1") == "$2" ]]; }

# Before the loss: up, with something in the volume; its address and ports are remembered.
setup_server() {
    docker volume create --label "berth-test.test=$BATS_SUITE_TEST_NUMBER" "loss-$BATS_SUITE_TEST_NUMBER" >/dev/null
    # A neighbour whose address is free afterwards: the engine would give it to whoever comes next.
    drop neighbour.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: neighbour}
spec: {zone: zone-$BATS_SUITE_TEST_NUMBER, image: "berth-test/busybox:1", command: [sleep, "1000"], terminationGracePeriodSeconds: 0}
SPEC
    berth_start
    wait_for 30 is_ready neighbour.yaml neighbour
    drop_server
    wait_for 30 is_ready web.yaml web
    rm "$SPECS/neighbour.yaml"
    wait_for 20 container_is_gone neighbour
    docker exec web sh -c "echo kept-$BATS_SUITE_TEST_NUMBER >/data/index.html"
    ip=$(ip_of web) port=$(port_of web.yaml web leased) id=$(container_field web '{{.Id}}')
    [ -n "$ip" ]
    says "$port" "kept-$BATS_SUITE_TEST_NUMBER"
    watch_phases
}

# Every phase that its status has had from now on, in PHASES, a line each.
watch_phases() {
    PHASES=$TEST_DIR/phases
    : >"$PHASES"
    (
        last=
        while :; do
            now=$(awk '$1 == "phase:" { print $2; exit }' "$SPECS/web.status.yaml" 2>/dev/null)
            [[ $now == "$last" ]] || echo "$now" >>"$PHASES"
            last=$now
            sleep 0.02
        done
    ) 3>&- &
    WATCHER=$!
}

teardown() {
    [[ -z ${WATCHER:-} ]] || kill "$WATCHER" 2>/dev/null || true
    berth_teardown
}

# After it: what a user relies on.
is_back_as_it_was() {
    wait_for 30 is_ready web.yaml web
    [ "$(status_of web.yaml web status.phase)" = RUNNING ]
    wait_for 10 says "$port" "kept-$BATS_SUITE_TEST_NUMBER"
    wait_for 10 says "$PORT_LAST" "kept-$BATS_SUITE_TEST_NUMBER"
    [ "$(port_of web.yaml web leased)" = "$port" ]
    [ "$(port_of web.yaml web fixed)" = "$PORT_LAST" ]
    [ "$(docker port web 8080/tcp)" = "127.0.0.1:$port" ]
    [ "$(docker port web 8081/tcp)" = "127.0.0.1:$PORT_LAST" ]
    [ "$(ip_of web)" = "$ip" ]
    [ "$(status_of web.yaml web status.container.ip)" = "$ip" ]
    # it may be over before the watcher looks again
    grep -qx REPAIRING "$PHASES" || grep -q 'phase key=Instance/web phase=REPAIRING ' "$LOG"
}

@test "docker rm -f: made anew with name, address, ports and volume" {
    setup_server
    docker rm -f web >/dev/null
    wait_for 30 container_is_running web
    is_back_as_it_was
    [ "$(container_field web '{{.Id}}')" != "$id" ]
    field_is web.yaml web status.history.0.type repair
    field_is web.yaml web status.history.0.cause 'container was removed'
    field_is web.yaml web status.history.0.result DONE
}

@test "docker kill: started again at its address, on its ports" {
    setup_server
    started=$(container_field web '{{.State.StartedAt}}')
    docker kill web >/dev/null
    wait_for 30 sh -c "test \"\$(docker inspect -f '{{.State.StartedAt}}' web)\" != '$started'"
    is_back_as_it_was
    [ "$(container_field web '{{.Id}}')" = "$id" ]
    field_is web.yaml web status.history.0.type restart
    [[ $(status_of web.yaml web status.history.0.cause) == *"signal 9"* ]]
    field_is web.yaml web status.restarts.count 1
}

@test "docker network disconnect: connected again at its address, with its ports" {
    setup_server
    docker network disconnect "berth-zone-$BATS_SUITE_TEST_NUMBER-$(cut -c1-6 "$STATE/controller-id")" web
    wait_for 30 sh -c "test -n \"\$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' web)\""
    is_back_as_it_was
    [ "$(container_field web '{{.Id}}')" = "$id" ]
    field_is web.yaml web status.history.0.type repair
    field_is web.yaml web status.history.0.cause 'not on its network'
}

@test "lost while no controller runs: back as it was when one comes" {
    setup_server
    berth_stop
    docker rm -f web >/dev/null
    berth_start
    wait_for 30 container_is_running web
    is_back_as_it_was
    field_is web.yaml web status.history.0.cause 'container was removed'
}

@test "lost with the controller killed in between: the address is not forgotten" {
    setup_server
    berth_kill9
    docker rm -f web >/dev/null
    # The image is away: nothing can be made, and the controller is killed again while it waits.
    docker tag berth-test/busybox:1 "berth-test/aside:$BATS_SUITE_TEST_NUMBER"
    sed -i "s/imagePullPolicy: .*//; s/^  image: .*/  image: berth-test\/aside:$BATS_SUITE_TEST_NUMBER\n  imagePullPolicy: Never/" "$SPECS/web.yaml"
    docker image rm "berth-test/aside:$BATS_SUITE_TEST_NUMBER" >/dev/null
    berth_start
    wait_for 20 field_is web.yaml web status.error.reason ImageNotFound
    field_is web.yaml web status.lastAddress "$ip"
    berth_kill9
    docker tag berth-test/busybox:1 "berth-test/aside:$BATS_SUITE_TEST_NUMBER"
    berth_start
    wait_for 30 container_is_running web
    wait_for 30 is_ready web.yaml web
    docker image rm "berth-test/aside:$BATS_SUITE_TEST_NUMBER" >/dev/null
    [ "$(ip_of web)" = "$ip" ]
    [ "$(port_of web.yaml web leased)" = "$port" ]
}

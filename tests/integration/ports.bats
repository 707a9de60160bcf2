#!/usr/bin/env bats
# Host ports: leased before the container exists, kept, checked, never shared.

load helpers

@test "a leased port is in the range, answers, is in label and status, and outlives recreation" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    port=$(port_of web.yaml web)
    [ "$port" -ge "$PORT_FIRST" ] && [ "$port" -le "$PORT_LAST" ]
    curl -fsS "http://127.0.0.1:$port/" >/dev/null
    [ "$(container_field web '{{index .Config.Labels "dev.berth.ports"}}')" = "http=tcp/$port/127.0.0.1" ]
    sed -i 's/e2-small/e2-medium/' "$SPECS/web.yaml"
    wait_for 20 sh -c "test \$(docker inspect -f '{{.HostConfig.Memory}}' web) = 4294967296"
    wait_for 10 is_ready web.yaml web
    [ "$(port_of web.yaml web)" = "$port" ]
    field_is web.yaml web 'status.history.0.cause' 'changed: machineType'
    curl -fsS "http://127.0.0.1:$port/" >/dev/null
}

@test "two specs that want one fixed port: the second is refused and told who has it" {
    drop_instance first "$PORT_LAST"
    berth_start
    wait_for 20 is_ready first.yaml first
    drop_instance second "$PORT_LAST"
    wait_for 10 field_is second.yaml second status.error.reason PortConflict
    [[ $(status_of second.yaml second status.error.message) == *"$PORT_LAST"*"Instance/first"* ]]
    container_is_gone second
    rm "$SPECS/first.yaml"
    wait_for 20 container_is_gone first
    wait_for 40 is_ready second.yaml second
}

@test "a port of the pool that a foreign process holds is passed over" {
    drop_instance web
    run "$BERTH" run --specs "$SPECS" --state "$TEST_DIR/none" --ports "$PORT_FIRST-$((PORT_FIRST + 1))" --dry-run
    chosen=$(grep -o '127.0.0.1:[0-9]*' <<<"$output" | cut -d: -f2)
    socat "TCP-LISTEN:$chosen,bind=127.0.0.1,fork,reuseaddr" EXEC:cat 3>&- &
    holder=$!
    wait_for 5 sh -c "! curl -s -m 1 -o /dev/null telnet://127.0.0.1:$chosen </dev/null || true; ss -ltn | grep -q ':$chosen '"
    "$BERTH" run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$((PORT_FIRST + 1))" --once
    kill "$holder"
    [ "$(port_of web.yaml web)" != "$chosen" ]
    curl -fsS "http://127.0.0.1:$(port_of web.yaml web)/" >/dev/null
}

@test "the next port is taken when the engine says that one is in use" {
    drop_instance web
    run "$BERTH" run --specs "$SPECS" --state "$TEST_DIR/none" --ports "$PORT_FIRST-$((PORT_FIRST + 1))" --dry-run
    chosen=$(grep -o '127.0.0.1:[0-9]*' <<<"$output" | cut -d: -f2)
    # Bound by the engine for another container on another address of the loopback: our probe cannot see that,
    # and the engine, which binds all addresses of it, says so at the start.
    foreign_container "holder-$BATS_SUITE_TEST_NUMBER" -p "127.0.0.1:$chosen:8080" berth-test/web:1
    "$BERTH" run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$((PORT_FIRST + 1))" --once
    [ "$(port_of web.yaml web)" != "$chosen" ]
    container_is_running "holder-$BATS_SUITE_TEST_NUMBER"
}

@test "when the pool is used up the next one waits with PortsExhausted and comes when a port is free" {
    drop_instance one
    drop_instance two
    # 101 ports of the helper's range are too many for this: a controller of its own.
    "$BERTH" run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$((PORT_FIRST + 1))" >>"$LOG" 2>&1 3>&- &
    BERTH_PID=$!
    wait_for 20 is_ready one.yaml one
    wait_for 20 is_ready two.yaml two
    drop_instance three
    wait_for 10 field_is three.yaml three status.error.reason PortsExhausted
    rm "$SPECS/one.yaml"
    wait_for 40 is_ready three.yaml three
}

@test "ports can be renamed, swapped and fixed without getting stuck" {
    drop web.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: web}
spec:
  image: berth-test/web:1
  zone: zone-$BATS_SUITE_TEST_NUMBER
  terminationGracePeriodSeconds: 1
  ports: [{name: a, containerPort: 8080, hostPort: $PORT_FIRST}, {name: b, containerPort: 8081, hostPort: $PORT_LAST}]
SPEC
    berth_start
    wait_for 20 is_ready web.yaml web
    sed -i "s/name: a, containerPort: 8080, hostPort: $PORT_FIRST/name: c, containerPort: 8080, hostPort: $PORT_LAST/; s/name: b, containerPort: 8081, hostPort: $PORT_LAST/name: b, containerPort: 8081, hostPort: $PORT_FIRST/" "$SPECS/web.yaml"
    wait_for 20 field_is web.yaml web 'status.ports[name=c].hostPort' "$PORT_LAST"
    wait_for 20 is_ready web.yaml web
    curl -fsS "http://127.0.0.1:$PORT_LAST/" >/dev/null
    jq -e '.leases | length == 2' "$STATE/leases.json"
}

@test "a lost state directory costs no port: the labels tell" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    port=$(port_of web.yaml web) id=$(container_field web '{{.Id}}')
    berth_stop
    rm "$STATE/leases.json" "$SPECS/web.status.yaml"
    berth_start
    wait_for 10 is_ready web.yaml web
    [ "$(port_of web.yaml web)" = "$port" ]
    [ "$(container_field web '{{.Id}}')" = "$id" ]
    wait_for 5 jq -e ".leases[0].port == $port" "$STATE/leases.json"
}

# --- how many there are, and more of them without a restart ------------------------------------------

# A controller of its own, with few ports or with ports from a file.
berth_start_with() {
    "$BERTH" run --specs "$SPECS" --state "$STATE" --network-range "$NETWORK_RANGE" "$@" >>"$LOG" 2>&1 3>&- &
    BERTH_PID=$!
    wait_for 10 berth_beats
}

# heartbeat_is PATH VALUE: for wait_for, of controller.yaml.
heartbeat_is() {
    local is
    is=$(awk -f "$SUPPORT/yaml_fields.awk" "$STATE/controller.yaml" | sed -n "s/^0\.$1=//p")
    [[ $is == $2 ]] || { echo "$1 is \"$is\", not \"$2\""; return 1; }
}

# An instance that sleeps, with so many ports of the pool.
drop_with_ports() {
    local ports= i
    for ((i = 1; i <= $2; i++)); do ports+="{name: p$i, containerPort: $((8000 + i))}, "; done
    drop "$1.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: $1}
spec:
  image: berth-test/busybox:1
  command: [sleep, "1000"]
  zone: zone-$BATS_SUITE_TEST_NUMBER
  terminationGracePeriodSeconds: 0
  ports: [${ports%, }]
SPEC
}

@test "the heartbeat tells the use of every range, and PortPressure from 80 % on until it is over" {
    drop_with_ports web 3
    berth_start_with --ports "$PORT_FIRST-$((PORT_FIRST + 2)),$((PORT_FIRST + 10))-$((PORT_FIRST + 11))"
    wait_for 20 is_ready web.yaml web
    wait_for 5 heartbeat_is ports.used 3
    heartbeat_is ports.total 5
    heartbeat_is ports.ranges.1.first "$((PORT_FIRST + 10))"
    heartbeat_is ports.ranges.1.last "$((PORT_FIRST + 11))"
    heartbeat_is ports.ranges.1.total 2
    heartbeat_is conditions.0.type PortPressure
    heartbeat_is conditions.0.status False
    drop_with_ports more 1
    wait_for 20 is_ready more.yaml more
    wait_for 5 heartbeat_is conditions.0.status True
    heartbeat_is conditions.0.message '4 of 5 host ports are in use*80 %*--ports*'
    grep -q 'port_pressure status=True' "$LOG"
    rm "$SPECS/more.yaml"
    wait_for 20 heartbeat_is conditions.0.status False
    heartbeat_is ports.used 3
}

@test "a new range in the configuration file is taken up at SIGHUP and frees who waits; leases outside stay" {
    echo "ports: $PORT_FIRST" >"$TEST_DIR/berth.yaml"
    drop_with_ports web 1
    berth_start_with --config "$TEST_DIR/berth.yaml"
    wait_for 20 is_ready web.yaml web
    drop_with_ports more 1
    wait_for 10 field_is more.yaml more status.error.reason PortsExhausted
    [[ $(status_of more.yaml more status.error.message) == *"1 of 1"*"--config"* ]]
    echo "ports: $PORT_LAST" >"$TEST_DIR/berth.yaml"
    kill -HUP "$BERTH_PID"
    wait_for 20 is_ready more.yaml more
    [ "$(port_of more.yaml more p1)" = "$PORT_LAST" ]
    grep -q "config_changed key=ports before=$PORT_FIRST now=$PORT_LAST" "$LOG"
    # The port of the first one is in no range any more, and still its own.
    docker rm -f web >/dev/null
    wait_for 20 container_is_running web
    wait_for 20 is_ready web.yaml web
    [ "$(port_of web.yaml web p1)" = "$PORT_FIRST" ]
    [ "$(docker port web 8001/tcp)" = "127.0.0.1:$PORT_FIRST" ]
    heartbeat_is config.ports "$PORT_LAST"
}

@test "an invalid configuration file stops the start; at SIGHUP it changes nothing and is told" {
    printf 'ports: %s\nnetwork-range: none\n' "$PORT_FIRST" >"$TEST_DIR/berth.yaml"
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --config "$TEST_DIR/berth.yaml"
    [ "$status" -eq 2 ]
    [[ $output == *"berth.yaml:2:1: network-range: "*'did you mean \"networkRange\"'* ]]
    echo "ports: $PORT_FIRST" >"$TEST_DIR/berth.yaml"
    berth_start_with --config "$TEST_DIR/berth.yaml"
    heartbeat_is conditions.1.type ConfigValid
    heartbeat_is conditions.1.status True
    echo "ports: none" >"$TEST_DIR/berth.yaml"
    kill -HUP "$BERTH_PID"
    wait_for 10 heartbeat_is conditions.1.status False
    heartbeat_is conditions.1.reason InvalidConfig
    heartbeat_is config.errors.0 "*berth.yaml:1:8: ports: *"
    heartbeat_is config.ports "$PORT_FIRST"
    grep -q 'config_invalid error=.*berth.yaml:1:8' "$LOG"
    drop_with_ports web 1
    wait_for 20 is_ready web.yaml web
    [ "$(port_of web.yaml web p1)" = "$PORT_FIRST" ]
    rm "$TEST_DIR/berth.yaml"
    kill -HUP "$BERTH_PID"
    wait_for 10 heartbeat_is config.errors.0 '*berth.yaml*'
    echo "ports: $PORT_FIRST-$PORT_LAST" >"$TEST_DIR/berth.yaml"
    kill -HUP "$BERTH_PID"
    wait_for 10 heartbeat_is conditions.1.status True
    heartbeat_is ports.total 100
}

@test "the command line outweighs the configuration file, also after SIGHUP" {
    echo "{ports: $PORT_LAST, networkRange: none}" >"$TEST_DIR/berth.yaml"
    berth_start_with --config "$TEST_DIR/berth.yaml" --ports "$PORT_FIRST"
    heartbeat_is config.ports "$PORT_FIRST"
    heartbeat_is config.networkRange "$NETWORK_RANGE"
    kill -HUP "$BERTH_PID"
    wait_for 10 grep -q 'cause=SIGHUP' "$LOG"
    drop_with_ports web 1
    wait_for 20 is_ready web.yaml web
    [ "$(port_of web.yaml web p1)" = "$PORT_FIRST" ]
}

@test "a port that something else uses is in quarantine and tried again when that is over" {
    socat "TCP-LISTEN:$PORT_FIRST,bind=127.0.0.1,fork,reuseaddr" EXEC:cat 3>&- &
    holder=$!
    wait_for 5 sh -c "ss -ltn | grep -q '127.0.0.1:$PORT_FIRST '"
    drop_with_ports web 1
    berth_start_with --ports "$PORT_FIRST" --port-quarantine 2s
    wait_for 10 field_is web.yaml web status.error.reason PortsExhausted
    [[ $(status_of web.yaml web status.error.message) == *"1 in quarantine"* ]]
    wait_for 5 heartbeat_is ports.quarantined 1
    # It is looked at again and again, and still in use.
    wait_for 20 sh -c "test \$(grep -c 'action_failed.*PortInUse' '$LOG') -ge 2"
    container_is_gone web
    kill "$holder"
    wait_for 30 is_ready web.yaml web
    [ "$(port_of web.yaml web p1)" = "$PORT_FIRST" ]
    wait_for 5 heartbeat_is ports.quarantined 0
}

@test "a lease whose owner is gone comes back by itself, and who waits gets it" {
    echo "{\"version\": 1, \"leases\": [{\"port\": $PORT_FIRST, \"protocol\": \"tcp\",
        \"owner\": \"Instance/ghost\", \"name\": \"http\", \"hostIP\": \"127.0.0.1\"}]}" >"$STATE/leases.json"
    drop_with_ports web 1
    berth_start_with --ports "$PORT_FIRST" --orphan-grace 4s
    wait_for 10 field_is web.yaml web status.error.reason PortsExhausted
    wait_for 20 is_ready web.yaml web
    [ "$(port_of web.yaml web p1)" = "$PORT_FIRST" ]
    jq -e '.leases | length == 1 and .[0].owner == "Instance/web"' "$STATE/leases.json"
}

@test "many ports in a row that something else uses are passed over at once" {
    local port holders=()
    for ((port = PORT_FIRST; port < PORT_FIRST + 20; port++)); do
        socat "TCP-LISTEN:$port,bind=127.0.0.1,fork,reuseaddr" EXEC:cat 3>&- &
        holders+=($!)
    done
    for i in 1 2 3; do drop_instance "web-$i"; done
    berth_start --ports "$PORT_FIRST-$((PORT_FIRST + 23))" --port-quarantine 1s
    for i in 1 2 3; do
        wait_for 20 is_ready "web-$i.yaml" "web-$i"
        [ "$(port_of "web-$i.yaml" "web-$i")" -ge $((PORT_FIRST + 20)) ]
    done
    kill "${holders[@]}"
}

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

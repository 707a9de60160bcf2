#!/usr/bin/env bats
# The engine is not there, goes, comes back, hangs, is slow, is another one: Berth waits, says so, removes nothing meanwhile, and then
# brings about what the specs want, a few at a time.
#
# With an engine of this file's own, which is stopped, killed, frozen and emptied.

load helpers
load front_helpers

setup_file() {
    local subnet
    export LOSS_ENGINE=$SUITE_DIR/loss
    engine up
    eval "$(engine env)"
    export DOCKER_HOST PATH
    "$SUPPORT/images.sh" busybox web
    subnet=$(docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge)
    export NETWORK_RANGE=${subnet%.0.0/24}.64.0/18
}

teardown_file() { engine down --purge; }

engine() {
    local kind=default
    [[ ${BERTH_TEST_ENGINE:-} != newest ]] || kind=newest
    env -u DOCKER_TEST_HOST "$SUPPORT/engine.sh" "$1" --dir "$LOSS_ENGINE" --engine "$kind" "${@:2}"
}

teardown() {
    local frozen
    if frozen=$(engine pid); then kill -CONT "$frozen"; else engine start; fi
    stop_front
    berth_teardown
}

# --- what the heartbeat says -------------------------------------------------------------------------

heartbeat() { awk -f "$SUPPORT/yaml_fields.awk" "$STATE/controller.yaml"; }
is_unavailable() {
    heartbeat | grep -qx '0.engine.available=false' && heartbeat | grep -qx '0.engine.reason=EngineUnavailable'
}
is_available() { heartbeat | grep -qx '0.engine.available=true'; }
says() { heartbeat | grep '^0.engine.message=' | grep -qF -- "$1"; }

# idler NAME [LINE OF SPEC]: an instance that ends at once when it is asked to.
idler() {
    drop "$1.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: $1}
spec:
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/busybox:1
  command: [sh, -c, "trap exit TERM; while :; do sleep 1000 & wait; done"]
  terminationGracePeriodSeconds: 1
  ${2:-}
SPEC
}

started_at() { container_field "$1" '{{.State.StartedAt}}'; }

@test "no engine at the start: Berth waits and says so, judges specs, and begins when one comes" {
    engine stop
    idler web
    drop wrong.yaml <<<'{apiVersion: berth.dev/v1, kind: Instance, metadata: {name: wrong}, spec: {zoone: a}}'
    berth_start
    wait_for 5 is_unavailable
    says "$DOCKER_HOST"
    wait_for 5 field_is wrong.yaml wrong status.phase Invalid
    tries() { [ "$(grep -c engine_unavailable "$LOG")" -ge 1 ]; }
    wait_for 5 tries
    [ "$(grep -c engine_unavailable "$LOG")" -eq 1 ]    # once, however often it is tried
    engine start
    wait_for 20 is_ready web.yaml web
    is_available
}

@test "killed and started again: nothing is swept meanwhile, all come back, never more at once than there are slots, and a new object goes before them" {
    local i
    for i in 1 2 3 4 5 6 7 8; do idler "vm$i"; done
    start_front
    berth_start --engine "unix://$(FRONT_SOCKET)" --start-slots 2 --orphan-grace 3s
    for i in 1 2 3 4 5 6 7 8; do wait_for 40 is_ready "vm$i.yaml" "vm$i"; done
    rm "$SPECS/vm8.yaml"
    docker run -d --name "stray-$BATS_SUITE_TEST_NUMBER" --label "dev.berth.controller=$(cat "$STATE/controller-id")" \
        --label dev.berth.kind=Instance --label "dev.berth.name=stray-$BATS_SUITE_TEST_NUMBER" berth-test/busybox:1 sleep 1000
    engine stop --kill
    wait_for 10 is_unavailable
    idler late
    # Longer than the grace: what has no owner is still not swept.
    swept=$(timeout 4 tail -n 0 -f "$LOG" | grep 'sweep kind=' || true)
    [ -z "$swept" ] || { echo "$swept"; return 1; }
    [ ! -e "$SPECS/late.status.yaml" ] || ! is_ready late.yaml late
    rm "$TEST_DIR/front/starts"
    events_from=$(date +%s)
    engine start
    wait_for 20 is_available
    idler new
    for i in 1 2 3 4 5 6 7; do wait_for 40 is_ready "vm$i.yaml" "vm$i"; done
    wait_for 20 is_ready late.yaml late
    wait_for 20 is_ready new.yaml new
    wait_for 20 container_is_gone vm8
    wait_for 20 container_is_gone "stray-$BATS_SUITE_TEST_NUMBER"
    starts_from "$events_from"
    [ "$(most_at_once)" -eq 2 ]
    # What was dropped when the engine was back is not the last of nine.
    [ "$(grep -n '^new$' "$TEST_DIR/started" | cut -d: -f1)" -le 7 ]
    for i in 1 2 3 4 5 6 7; do field_is "vm$i.yaml" "vm$i" status.restarts.count 1; done
}

# In TEST_DIR/started the names of containers that the engine started since then, in that order.
starts_from() {
    docker events --since "$1" --until "$(($(date +%s) + 1))" --filter type=container --filter event=start \
        --format '{{.Actor.Attributes.name}}' >"$TEST_DIR/started"
}

# As the front saw it: +1 for each request to start a container, -1 for its answer, in the order in which they came.
most_at_once() { awk '{ now += $1; if (now > most) most = now } END { print most + 0 }' "$TEST_DIR/front/starts"; }

@test "with live-restore: the containers go on, none is started again, and what was dropped meanwhile is made" {
    engine stop
    BERTH_ENGINE_LIVE_RESTORE=true engine start
    idler web
    berth_start
    wait_for 20 is_ready web.yaml web
    before="$(started_at web) $(container_field web '{{.Id}}')"
    engine stop --kill
    wait_for 10 is_unavailable
    idler late
    BERTH_ENGINE_LIVE_RESTORE=true engine start
    wait_for 20 is_ready late.yaml late
    is_ready web.yaml web
    [ "$(started_at web) $(container_field web '{{.Id}}')" = "$before" ]
    engine stop
    engine start
}

@test "an engine that hangs is not an engine that is there: Berth says so, and goes on when it goes on" {
    idler web
    berth_start --relist-interval 1s
    wait_for 20 is_ready web.yaml web
    before=$(started_at web)
    kill -STOP "$(engine pid)"
    wait_for 30 is_unavailable
    idler late
    kill -CONT "$(engine pid)"
    wait_for 40 is_ready late.yaml late
    is_ready web.yaml web
    [ "$(started_at web)" = "$before" ]
}

@test "an engine that answers slowly: all is made, and once" {
    local i
    start_front
    front_is delay 400
    for i in 1 2 3; do idler "vm$i"; done
    since=$(date +%s)
    berth_start --engine "unix://$(FRONT_SOCKET)" --relist-interval 1s
    for i in 1 2 3; do wait_for 60 is_ready "vm$i.yaml" "vm$i"; done
    is_available
    [ "$(docker events --since "$since" --until "$(($(date +%s) + 1))" --filter type=container --filter event=create \
        --filter "label=dev.berth.controller=$(cat "$STATE/controller-id")" --format '{{.ID}}' | wc -l)" -eq 3 ]
    ! grep -q engine_unavailable "$LOG"
}

@test "an engine that is too old, then upgraded, then another version behind the same socket: negotiated anew, with what runs left alone" {
    start_front
    front_is api 1.40
    idler web
    berth_start --engine "unix://$(FRONT_SOCKET)" --relist-interval 1s
    wait_for 10 is_unavailable
    says 1.40
    front_is_plain
    wait_for 30 is_ready web.yaml web
    api=$(docker version -f '{{.Server.APIVersion}}')
    heartbeat | grep -qx "0.engine.apiVersion=$api"
    before=$(started_at web)
    front_is api 1.39
    wait_for 20 is_unavailable
    says 1.39
    front_is_plain
    wait_for 20 is_available
    [ "$(started_at web)" = "$before" ]
    idler late
    wait_for 20 is_ready late.yaml late
}

@test "an engine that ends each connection at once is asked less and less often" {
    start_front
    idler web
    berth_start --engine "unix://$(FRONT_SOCKET)"
    wait_for 20 is_ready web.yaml web
    stop_front
    rm -f "$TEST_DIR/front/requests"
    front_is cut
    start_front
    front_is cut
    many() { [ "$(grep -c /events "$TEST_DIR/front/requests")" -ge 4 ]; }
    wait_for 20 many
    first=$(grep -c /events "$TEST_DIR/front/requests")
    timeout 5 tail -f /dev/null || true
    [ "$(($(grep -c /events "$TEST_DIR/front/requests") - first))" -le 6 ]
    front_is_plain
    wait_for 20 is_available
    idler late
    wait_for 20 is_ready late.yaml late
}

@test "an engine that comes back empty: all is made anew, with the same ports" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    port=$(port_of web.yaml web)
    engine stop
    wait_for 10 is_unavailable
    unmount_below "$LOSS_ENGINE"
    rm -rf --one-file-system "$LOSS_ENGINE/data"
    engine start
    "$SUPPORT/images.sh" busybox web
    wait_for 60 is_ready web.yaml web
    [ "$(port_of web.yaml web)" = "$port" ]
    curl -fsS "http://127.0.0.1:$port/" >/dev/null
}

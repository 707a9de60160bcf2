#!/usr/bin/env bats
# deletionPolicy Retain: when the spec goes the container runs on, and is nobody's.

load helpers

drop_kept() {
    drop kept.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: kept}
spec:
  machineType: e2-small
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/web:1
  terminationGracePeriodSeconds: 2
  deletionPolicy: Retain
  ports: [{name: http, containerPort: 8080}]
SPEC
}

who() { container_field kept '{{.Id}} {{.State.Pid}} {{.State.StartedAt}} {{.State.Status}}'; }
is_released() { [[ -e $STATE/released/$(container_field kept '{{.Id}}').json ]]; }
answers() { curl -sf -m 2 "http://127.0.0.1:$1/" | grep -q kept; }

# An orphan beside it, so that one sees that a sweep took place.
let_a_sweep_pass() {
    docker run -d --name ghost --label "dev.berth.controller=$(cat "$STATE/controller-id")" \
        --label dev.berth.kind=Instance --label dev.berth.name=ghost berth-test/busybox:1 sleep 1000 >/dev/null
    wait_for 20 container_is_gone ghost
}

@test "the container runs on without its spec, on its port, and is never swept" {
    drop_kept
    berth_start --orphan-grace 1s
    wait_for 20 is_ready kept.yaml kept
    before=$(who) port=$(port_of kept.yaml kept)
    rm "$SPECS/kept.yaml"
    wait_for 15 is_released
    wait_for 10 test ! -e "$SPECS/kept.status.yaml"
    grep -q 'action="release container" target=kept cause="deletionPolicy is Retain"' "$LOG"
    let_a_sweep_pass
    [ "$(who)" = "$before" ]
    answers "$port"
    berth_kill9
    berth_start --orphan-grace 1s
    let_a_sweep_pass
    [ "$(who)" = "$before" ]
    is_released
}

@test "its spec comes back: it is taken up as it is, and Berth's again" {
    drop_kept
    berth_start
    wait_for 20 is_ready kept.yaml kept
    before=$(who) port=$(port_of kept.yaml kept)
    rm "$SPECS/kept.yaml"
    wait_for 15 is_released
    drop_kept
    wait_for 15 is_ready kept.yaml kept
    [ "$(who)" = "$before" ]
    [ "$(port_of kept.yaml kept)" = "$port" ]
    [ -z "$(ls "$STATE/released")" ]
    docker kill kept
    is_another() { [[ $(who) != "$before" && $(who) == *running ]]; }
    wait_for 15 is_another
}

@test "a spec that went while no controller ran: the plan says what happens, and it does" {
    drop_kept
    berth_start
    wait_for 20 is_ready kept.yaml kept
    before=$(who)
    berth_kill9
    rm "$SPECS/kept.yaml"
    run "$BERTH" run --dry-run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$PORT_LAST"
    [[ $output == *"release container kept (deletionPolicy is Retain)"* ]]
    [ -z "$(ls "$STATE/released" "$STATE/releasing" | grep json)" ]
    berth_start
    wait_for 15 is_released
    [ "$(who)" = "$before" ]
    [ -z "$(ls "$STATE/releasing")" ]
}

@test "killed between the end of the spec and the release, the next controller releases it" {
    drop_kept
    berth_start
    wait_for 20 is_ready kept.yaml kept
    before=$(who)
    berth_kill9
    # What a controller leaves that dies at once after it has seen the deletion.
    rm "$SPECS/kept.yaml" "$STATE/specs"/*
    echo '{"version": 1, "object": "Instance/kept"}' >"$STATE/releasing/kept.json"
    berth_start --orphan-grace 1s
    wait_for 15 is_released
    let_a_sweep_pass
    [ "$(who)" = "$before" ]
}

@test "even when the record is lost, what was made to be retained is not swept" {
    drop_kept
    berth_start
    wait_for 20 is_ready kept.yaml kept
    before=$(who)
    rm "$SPECS/kept.yaml"
    wait_for 15 is_released
    berth_stop
    rm -r "$STATE/released"
    berth_start --orphan-grace 1s
    let_a_sweep_pass
    [ "$(who)" = "$before" ]
}

@test "changed to Retain while it runs, nothing is made anew, and it is retained" {
    drop_instance kept
    berth_start --orphan-grace 1s
    wait_for 20 is_ready kept.yaml kept
    before=$(who)
    hash=$(status_of kept.yaml kept status.observedHash)
    sed -i 's/  machineType/  deletionPolicy: Retain\n  machineType/' "$SPECS/kept.yaml"
    is_seen() { [[ $(status_of kept.yaml kept status.observedHash) != "$hash" ]]; }
    wait_for 10 is_seen
    rm "$SPECS/kept.yaml"
    wait_for 15 is_released
    let_a_sweep_pass
    [ "$(who)" = "$before" ]
}

@test "its port is given to nobody while it runs; its record goes with it" {
    PORT_LAST=$((PORT_FIRST + 1))
    drop_kept
    berth_start --orphan-grace 1s
    wait_for 20 is_ready kept.yaml kept
    port=$(port_of kept.yaml kept)
    rm "$SPECS/kept.yaml"
    wait_for 15 is_released
    drop_instance other
    wait_for 20 is_ready other.yaml other
    [ "$(port_of other.yaml other)" != "$port" ]
    answers "$port"
    docker rm -f kept
    wait_for 15 eval '[ -z "$(ls "$STATE/released")" ]'
}

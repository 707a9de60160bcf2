#!/usr/bin/env bats
# berth diff and plan: what would change, and nothing is changed by asking.

load helpers
bats_require_minimum_version 1.5.0

diff_of() { "$BERTH" diff --specs "$SPECS" --state "$STATE" "$@"; }

pool() {
    cat <<SPEC
apiVersion: berth.dev/v1
kind: InstancePool
metadata: {name: workers}
spec:
  minInstances: $1
  template:
    spec: {machineType: e2-small, image: berth-test/web:1, zone: zone-$BATS_SUITE_TEST_NUMBER, terminationGracePeriodSeconds: 1}
SPEC
}

# All that asking could change: every file with its times, and every object of the engine.
world() {
    find "$SPECS" "$STATE" -printf '%p %s %T@ %C@ %i\n' | sort
    find "$SPECS" "$STATE" -type f -exec sha256sum {} + | sort
    docker ps -aq --no-trunc | sort | xargs -r docker inspect -f '{{.Id}} {{.State.StartedAt}} {{.State.Status}}'
    docker network ls -q --no-trunc | sort
    docker volume ls -q | sort
    docker images -aq --no-trunc | sort
}

@test "diff says what Berth would do, and its exit codes are those of diff" {
    drop_instance web
    pool 2 | drop workers.yaml
    run --separate-stderr diff_of
    [ "$status" -eq 1 ]
    [ "$output" = "instance/web: create (container does not exist)
instance/workers-0: create (container does not exist)
instance/workers-1: create (container does not exist)
instancepool/workers: update (members: 2 to create)" ]
    berth_start
    wait_for 20 is_ready web.yaml web
    wait_for 20 is_ready workers.yaml workers
    berth_stop
    run --separate-stderr diff_of
    [ "$status" -eq 0 ]
    [ "$output" = "instance/web: nothing
instance/workers-0: nothing
instance/workers-1: nothing
instancepool/workers: nothing" ]
    [ -z "$stderr" ]

    # Edited, but not yet in force, since no controller runs.
    sed -i 's/e2-small/e2-medium/; s/web:1/busybox:1/' "$SPECS/web.yaml"
    rm "$SPECS/workers.yaml"
    run diff_of
    [ "$status" -eq 1 ]
    [[ ${lines[0]} == "instance/web: update (changed: image berth-test/web:1 -> berth-test/busybox:1, machineType)" ]]
    [[ ${lines[1]} == "instance/workers-0: delete (no longer wanted)" ]]
    [[ ${lines[3]} == "instancepool/workers: delete (its spec is gone)" ]]

    run --separate-stderr diff_of -o json
    [ "$status" -eq 1 ]
    [ "$(jq -r '.items[] | select(.name == "web") | .action + " " + .fields[0].after' <<<"$output")" = "update berth-test/busybox:1" ]
    [ "$(jq -r '.items[] | select(.name == "web") | .steps[]' <<<"$output" | grep -c '^create container web from berth-test/busybox:1')" = 1 ]
}

@test "diff -f lays an input over the directory, and what it says is what apply brings" {
    drop_instance web
    pool 1 | drop workers.yaml
    berth_start
    wait_for 20 is_ready web.yaml web
    wait_for 20 is_ready workers.yaml workers
    { sed 's/Seconds: 2/Seconds: 1/; s/e2-small/e2-medium/' "$SPECS/web.yaml"; echo ---; pool 2; echo ---
      sed 's/name: web/name: other/' "$SPECS/web.yaml"; } >"$TEST_DIR/input.yaml"
    run --separate-stderr "$BERTH" plan --specs "$SPECS" --state "$STATE" -f "$TEST_DIR/input.yaml"
    [ "$status" -eq 1 ]
    [ "$output" = "instance/other: create (container does not exist)
instance/web: update (changed: machineType e2-small -> e2-medium, terminationGracePeriodSeconds 2 -> 1)
instance/workers-1: create (container does not exist)
instancepool/workers: update (changed: minInstances 1 -> 2, maxInstances 1 -> 2)" ]
    before=$(container_field web '{{.Id}}')
    kept=$(container_field workers-0 '{{.Id}}')
    "$BERTH" apply --specs "$SPECS" --state "$STATE" -f "$TEST_DIR/input.yaml" --wait
    [ "$(container_field web '{{.Id}}')" != "$before" ]
    [ "$(container_field workers-0 '{{.Id}}')" = "$kept" ]
    container_is_running other
    container_is_running workers-1
    run --separate-stderr diff_of -f - <"$TEST_DIR/input.yaml"
    [ "$status" -eq 0 ]
    [ "$output" = "instance/other: nothing
instance/web: nothing
instancepool/workers: nothing" ]
}

@test "diff writes nothing: no file, nothing in the engine, no event" {
    drop_instance web
    pool 1 | drop workers.yaml
    berth_start
    wait_for 20 is_ready web.yaml web
    wait_for 20 is_ready workers.yaml workers
    berth_stop
    rm "$SPECS/workers.yaml"
    sed -i 's/e2-small/e2-medium/' "$SPECS/web.yaml"
    sed 's/name: web/name: new/' "$SPECS/web.yaml" >"$TEST_DIR/new.yaml"
    since=$(date +%s.%N)
    world >"$TEST_DIR/before"
    run diff_of
    [ "$status" -eq 1 ]
    run diff_of -f "$TEST_DIR/new.yaml"
    [ "$status" -eq 1 ]
    [[ $output == *"instance/new: create"* ]]
    world >"$TEST_DIR/after"
    cmp "$TEST_DIR/before" "$TEST_DIR/after"
    [ -z "$(docker events --since "$since" --until "$(date +%s.%N)" --filter type=container \
        --filter "label=dev.berth.controller=$(cat "$STATE/controller-id")")" ]
}

@test "diff beside a controller sees what holds an object up, and uses the policy that the controller has" {
    echo 'images: ["berth-test/web:*"]' >"$TEST_DIR/policy.yaml"
    drop_instance web
    berth_start --policy "$TEST_DIR/policy.yaml"
    wait_for 20 is_ready web.yaml web
    sed 's/web:1/busybox:1/; s/name: web/name: bad/' "$SPECS/web.yaml" >"$TEST_DIR/bad.yaml"
    run --separate-stderr diff_of -f "$TEST_DIR/bad.yaml"
    [ "$status" -eq 1 ]
    [[ $output == "instance/bad: blocked ("*"image"* ]]
}

@test "diff ends with 2 when something is wrong" {
    drop_instance web
    sed 's/e2-small/e2-smal/' "$SPECS/web.yaml" >"$TEST_DIR/bad.yaml"
    run diff_of -f "$TEST_DIR/bad.yaml"
    [ "$status" -eq 2 ]
    [[ $output == *'bad.yaml:5:16: spec.machineType: unknown machine type "e2-smal"'* ]]
    cp "$TEST_DIR/bad.yaml" "$SPECS/bad.yaml"
    sed -i 's/name: web/name: bad/' "$SPECS/bad.yaml"
    run --separate-stderr diff_of
    [ "$status" -eq 2 ]
    [ "$output" = "instance/web: create (container does not exist)" ]
    [[ $stderr == *'bad.yaml:5:16: spec.machineType'* ]]
    run diff_of --engine "unix://$TEST_DIR/none"
    [ "$status" -eq 2 ]
    [[ $output == *"$TEST_DIR/none"* ]]
    run "$BERTH" diff --specs "$TEST_DIR/nowhere" --state "$STATE"
    [ "$status" -eq 2 ]
    [[ $output == *"$TEST_DIR/nowhere"* ]]
    run diff_of -o xml
    [ "$status" -eq 2 ]
    run diff_of extra
    [ "$status" -eq 2 ]
}

#!/usr/bin/env bats
# Pools: members come and go with the file, are repaired under their names, and are updated a few at a time.

load helpers

# pool NAME MIN MAX [more lines of the spec [more lines of the template's spec]]
pool() {
    drop "$1.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: InstancePool
metadata: {name: $1}
spec:
  minInstances: $2
  maxInstances: $3
  ${4:-}
  template:
    metadata: {labels: {team: infra}}
    spec:
      machineType: e2-small
      zone: zone-$BATS_SUITE_TEST_NUMBER
      image: berth-test/web:1
      terminationGracePeriodSeconds: 1
      ports: [{name: http, containerPort: 8080}]
      ${5:-}
SPEC
}

# members POOL: names of its running containers, in order, as docker has them.
members() {
    docker ps --filter "label=dev.berth.pool=$1" \
        --filter "label=dev.berth.controller=$(cat "$STATE/controller-id")" --format '{{.Names}}' |
        sort -V | paste -sd' '
}
are_members() { [ "$(members "$1")" = "$2" ] || { echo "members: $(members "$1")"; return 1; }; }
are_settled() { are_members "$1" "$2" && is_ready "$1.yaml" "$1"; }
ids_of() { docker inspect -f '{{.Name}} {{.Id}}' $(members "$1") | sort; }
# member POOL NAME JQ: a field of a member as a user asks for it.
member() { "$BERTH" get instance "$2" --specs "$SPECS" --state "$STATE" -o json | jq -r "$3"; }

@test "members follow minInstances and maxInstances in the file, and berth get lists them beside other instances" {
    pool web 2 4
    drop_instance alone
    berth_start
    wait_for 20 are_settled web "web-0 web-1"
    wait_for 10 is_ready alone.yaml alone
    run "$BERTH" get instances --specs "$SPECS" --state "$STATE"
    [[ $output == *web-0*RUNNING*True* ]]
    [[ $output == *web-1*RUNNING*True* ]]
    [[ $output == *alone*RUNNING*True* ]]
    curl -fsS "http://127.0.0.1:$(member web web-1 '.status.ports[0].hostPort')/" >/dev/null
    [ "$(container_field web-0 '{{index .Config.Labels "dev.berth.kind"}}')" = Instance ]
    before=$(ids_of web)

    sed -i 's/minInstances: 2/minInstances: 4/' "$SPECS/web.yaml"
    wait_for 20 are_settled web "web-0 web-1 web-2 web-3"
    [ "$(ids_of web | head -2)" = "$before" ]

    # below the present number: the newest go at once, for there may be no more than maxInstances
    sed -i 's/minInstances: 4/minInstances: 1/; s/maxInstances: 4/maxInstances: 2/' "$SPECS/web.yaml"
    wait_for 20 are_settled web "web-0 web-1"
    [ "$(ids_of web)" = "$before" ]
}

@test "fewer are enough: idle members go after scaleDownDelaySeconds, down to minInstances" {
    pool web 3 3 'autoscaling: {scaleDownDelaySeconds: 2}'
    berth_start
    wait_for 20 are_settled web "web-0 web-1 web-2"
    sed -i 's/minInstances: 3/minInstances: 1/' "$SPECS/web.yaml"
    wait_for 20 are_settled web "web-0"
    wait_for 10 container_is_gone web-1
    wait_for 10 container_is_gone web-2
}

@test "a member that is lost comes back under its name, with its port" {
    pool web 2 2
    berth_start
    wait_for 20 are_settled web "web-0 web-1"
    port=$(member web web-0 '.status.ports[0].hostPort')
    id=$(container_field web-0 '{{.Id}}')
    docker rm -f web-0 >/dev/null
    is_another() { [ "$(container_field web-0 '{{.Id}}' 2>/dev/null)" != "$id" ] && are_settled web "web-0 web-1"; }
    wait_for 15 is_another
    [ "$(member web web-0 '.status.ports[0].hostPort')" = "$port" ]
    member web web-0 '.status.history[].type' | grep -qx repair
}

@test "a restart of the controller, also by kill -9, makes no member anew" {
    pool web 3 3
    berth_start
    wait_for 20 are_settled web "web-0 web-1 web-2"
    before=$(ids_of web)
    berth_kill9
    berth_start
    wait_for 10 are_settled web "web-0 web-1 web-2"
    sed -i 's/minInstances: 3/minInstances: 3 #/' "$SPECS/web.yaml" # the same, saved again
    sed -i 's/maxInstances: 3/maxInstances: 4/' "$SPECS/web.yaml"
    wait_for 10 field_is web.yaml web status.pool.ready 3
    [ "$(ids_of web)" = "$before" ]
}

@test "a file that names an instance like a member takes the name: the pool takes another number" {
    pool web 1 2
    berth_start
    wait_for 20 are_settled web "web-0"
    drop_instance web-0
    wait_for 20 is_ready web-0.yaml web-0
    wait_for 20 is_ready web.yaml web
    [ "$(member web web-1 .pool)" = web ]
    rm "$SPECS/web.yaml"
    wait_for 20 container_is_gone web-1
    container_is_running web-0
}

@test "a change of the template rolls through the members, never more than maxUnavailable missing" {
    pool web 3 3 'updateStrategy: {maxUnavailable: 1}' 'env: [{name: VERSION, value: "1"}]'
    berth_start
    wait_for 20 are_settled web "web-0 web-1 web-2"
    (
        until [ -e "$TEST_DIR/enough" ]; do
            docker ps -q --filter label=dev.berth.pool=web | wc -l >>"$TEST_DIR/fewest"
        done
    ) 3>&- &
    watcher=$!
    sed -i 's/value: "1"/value: "2"/' "$SPECS/web.yaml"
    is_new() {
        for name in web-0 web-1 web-2; do
            container_field $name '{{.Config.Env}}' 2>/dev/null | grep -q VERSION=2 || return 1
        done
    }
    wait_for 40 is_new
    wait_for 20 are_settled web "web-0 web-1 web-2"
    touch "$TEST_DIR/enough"
    wait "$watcher" || true
    fewest=$(sort -n "$TEST_DIR/fewest" | head -n 1)
    [ "$fewest" -ge 2 ]
    field_is web.yaml web status.pool.updated 3
}

@test "an update that does not come up stops after maxUnavailable members, and goes on after a fix" {
    pool web 3 3 '' 'env: [{name: VERSION, value: "1"}]'
    berth_start
    wait_for 20 are_settled web "web-0 web-1 web-2"
    pool web 3 3 '' 'command: [sh, -c, "exit 3"]'
    is_stuck() { field_is web.yaml web 'status.conditions[type=UpdatePending].reason' UpdateStuck; }
    wait_for 40 is_stuck
    good=$(docker ps --filter label=dev.berth.pool=web --filter status=running -q | wc -l)
    [ "$good" -ge 2 ]
    pool web 3 3 '' 'env: [{name: VERSION, value: "3"}]'
    is_fixed() {
        local n=0 name
        for name in $(members web); do
            container_field "$name" '{{.Config.Env}}' | grep -q VERSION=3 && n=$((n + 1))
        done
        [ "$n" -eq 3 ] && is_ready web.yaml web
    }
    wait_for 60 is_fixed
}

@test "OnDelete waits for somebody to remove the member" {
    pool web 2 2 'updateStrategy: {type: OnDelete}' 'env: [{name: VERSION, value: "1"}]'
    berth_start
    wait_for 20 are_settled web "web-0 web-1"
    before=$(ids_of web)
    sed -i 's/value: "1"/value: "2"/' "$SPECS/web.yaml"
    wait_for 10 field_is web.yaml web 'status.conditions[type=UpdatePending].status' True
    wait_for 10 field_is web.yaml web status.pool.updated 0
    [ "$(ids_of web)" = "$before" ]
    docker rm -f web-0 >/dev/null
    is_new() { container_field web-0 '{{.Config.Env}}' 2>/dev/null | grep -q VERSION=2; }
    wait_for 15 is_new
    wait_for 10 are_members web "web-0 web-1"
    container_field web-1 '{{.Config.Env}}' | grep -q VERSION=1
}

@test "a deleted pool takes its members with it; a suspended one changes nothing" {
    pool web 2 2
    berth_start
    wait_for 20 are_settled web "web-0 web-1"
    pool web 3 3 'suspend: true'
    wait_for 10 field_is web.yaml web 'status.conditions[type=Ready].reason' Suspended
    docker rm -f web-1 >/dev/null
    wait_for 10 are_members web "web-0"
    rm "$SPECS/web.yaml"
    wait_for 20 sh -c "test -z \"\$(docker ps -aq --filter label=dev.berth.pool=web --filter label=dev.berth.controller=$(cat "$STATE/controller-id"))\""
    [ ! -e "$SPECS/web.status.yaml" ]
}

@test "after 30 random edits, with containers killed in between, the world is as the file says" {
    RANDOM=$BATS_SUITE_TEST_NUMBER
    pool web 1 3 'autoscaling: {scaleDownDelaySeconds: 1}'
    berth_start
    wait_for 20 are_settled web "web-0"
    for edit in $(seq 30); do
        min=$((RANDOM % 5))
        max=$((min + RANDOM % 3))
        pool web $min $max 'autoscaling: {scaleDownDelaySeconds: 1}' "env: [{name: VERSION, value: \"$((RANDOM % 3))\"}]"
        if ((RANDOM % 3 == 0)); then
            victim=$(docker ps -q --filter label=dev.berth.pool=web | sort -R --random-source=<(yes $edit) | head -n 1)
            [ -z "$victim" ] || docker rm -f "$victim" >/dev/null 2>&1 || true
        elif ((RANDOM % 3 == 0)); then
            victim=$(docker ps -q --filter label=dev.berth.pool=web | head -n 1)
            [ -z "$victim" ] || docker kill "$victim" >/dev/null 2>&1 || true
        fi
    done
    pool web 3 3 'autoscaling: {scaleDownDelaySeconds: 1}' 'env: [{name: VERSION, value: "last"}]'
    is_as_the_file_says() {
        local name
        [ "$(members web | wc -w)" -eq 3 ] || { echo "members: $(members web)"; return 1; }
        for name in $(members web); do
            container_field "$name" '{{.Config.Env}}' | grep -q VERSION=last || { echo "$name is old"; return 1; }
        done
        is_ready web.yaml web
    }
    wait_for 90 is_as_the_file_says
    only_three() { [ "$(docker ps -aq --filter label=dev.berth.pool=web | wc -l)" -eq 3 ]; }
    wait_for 10 only_three
}

# once [OPTION...]: one converged state and out; bounded, since a run that never ends is what it must not be.
once() {
    timeout 40 "$BERTH" run --once --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$PORT_LAST" \
        --network-range "$NETWORK_RANGE" --repository-image berth-test/busybox:1 "$@"
}
dry_run() {
    "$BERTH" run --dry-run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$PORT_LAST" \
        --network-range "$NETWORK_RANGE" --repository-image berth-test/busybox:1 2>/dev/null
}

@test "a dry run shows each member that would be made, changed or removed, and changes nothing" {
    pool web 2 2
    before=$(find "$SPECS" "$STATE" | sort)
    run dry_run
    [ "$status" -eq 0 ]
    [[ $output == *"Instance/web-0: create"* ]]
    [[ $output == *"Instance/web-1: create"* ]]
    [ "$(find "$SPECS" "$STATE" | sort)" = "$before" ]
    [ -z "$(docker ps -aq --filter name='^/web-[01]$')" ]

    berth_start
    wait_for 20 are_settled web "web-0 web-1"
    berth_stop
    run dry_run
    [ "$output" = "0 actions" ]
    sed -i 's/minInstances: 2/minInstances: 1/; s/maxInstances: 2/maxInstances: 1/' "$SPECS/web.yaml"
    run dry_run
    [[ $output == *"Instance/web-1: delete"* ]]
    [[ $output != *web-0* ]]
    are_members web "web-0 web-1"
}

@test "--once ends when the members are ready" {
    pool web 2 2
    run once
    [ "$status" -eq 0 ]
    are_settled web "web-0 web-1"
}

@test "--once ends where members cannot come up, and says what is wrong; the pool's status says it, too" {
    pool web 2 2 '' 'imagePullPolicy: Never'
    sed -i 's|berth-test/web:1|berth-test/missing:1|' "$SPECS/web.yaml"
    run once
    [ "$status" -eq 1 ]
    [[ $output == *"InstancePool/web: PROVISIONING: ImageNotFound: web-0: image"* ]]
    field_is web.yaml web 'status.conditions[type=Stalled].reason' ImageNotFound
}

@test "a pool whose template is stopped or suspended has come to rest, and runs when the template says so" {
    pool web 2 2 '' 'powerState: Stopped'
    run once
    [ "$status" -eq 0 ]
    field_is web.yaml web status.phase TERMINATED
    field_is web.yaml web 'status.conditions[type=Ready].reason' Stopped
    [ "$(docker inspect -f '{{.State.Running}}' web-0 web-1 | sort -u)" = false ]
    pool web 2 2 '' 'powerState: Suspended'
    run once
    [ "$status" -eq 0 ]
    field_is web.yaml web status.phase SUSPENDED
    [ "$(docker inspect -f '{{.State.Paused}}' web-0 web-1 | sort -u)" = true ]
    pool web 2 2
    run once
    [ "$status" -eq 0 ]
    are_settled web "web-0 web-1"
}

@test "a container of somebody else has a member's name: the pool takes another number" {
    foreign_container web-0
    pool web 2 2
    berth_start
    wait_for 20 is_ready web.yaml web
    are_members web "web-1 web-2"
    [ "$(container_field web-0 '{{.State.Running}}')" = true ]
}

@test "pools whose names begin alike do not take each other's members" {
    pool web 2 2
    pool web-1 2 2
    berth_start
    wait_for 20 are_settled web "web-0 web-1"
    wait_for 20 are_settled web-1 "web-1-0 web-1-1"
    berth_kill9
    berth_start
    rm "$SPECS/web.yaml"
    wait_for 20 are_members web ""
    are_members web-1 "web-1-0 web-1-1"
}

@test "a template that is invalid after an edit changes nothing, which the pool and its members say until it is mended" {
    pool web 1 1
    berth_start
    wait_for 20 are_settled web "web-0"
    before=$(ids_of web)
    sed -i 's/e2-small/e2-nonsense/' "$SPECS/web.yaml"
    wait_for 10 field_is web.yaml web 'status.conditions[type=SpecValid].status' False
    is_told() { [ "$(grep -c 'type: SpecValid' "$SPECS/web.status.yaml")" -eq "$1" ]; }
    wait_for 10 is_told 2
    [ "$(ids_of web)" = "$before" ]
    sed -i 's/e2-nonsense/e2-small/' "$SPECS/web.yaml"
    wait_for 10 is_told 0
    [ "$(ids_of web)" = "$before" ]
}

@test "a pool with all that is in the directory goes: its members are held until it is confirmed" {
    pool web 2 2
    local name
    for name in one two three four five; do
        drop "$name.yaml" <<<"{apiVersion: berth.dev/v1, kind: Repository, metadata: {name: $name}, spec: {url: 'https://git.invalid/$name.git'}}"
    done
    berth_start
    wait_for 20 are_settled web "web-0 web-1"
    before=$(ids_of web)
    rm "$SPECS"/*.yaml
    wait_for 20 field_is web.yaml web 'status.conditions[type=SpecValid].reason' DeletionsHeld
    docker rm -f web-1 >/dev/null
    wait_for 20 are_members web "web-0 web-1"
    [ "$(ids_of web | head -n 1)" = "$(head -n 1 <<<"$before")" ]
    "$BERTH" confirm-deletions --state "$STATE"
    wait_for 20 are_members web ""
}

@test "a document with errors shows its errors, and not a member of a pool that has its name" {
    pool web 1 1
    berth_start
    wait_for 20 are_settled web "web-0"
    mkdir "$TEST_DIR/aside"
    (SPECS=$TEST_DIR/aside drop_instance web-0)
    sed -i 's/machineType/machineTipe/' "$TEST_DIR/aside/web-0.yaml"
    mv "$TEST_DIR/aside/web-0.yaml" "$SPECS/"    # it never was good
    wait_for 10 field_is web-0.yaml web-0 status.error.reason UnknownField
    field_is web-0.yaml web-0 status.phase Invalid
    are_settled web "web-0"
}

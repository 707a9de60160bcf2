#!/usr/bin/env bats
# The spec directory: how files come, change, break and go.

load helpers

count_passes() { awk -F': ' '$1 == "passes" {print $2}' "$STATE/controller.yaml"; }

@test "a new file, also in a new sub-directory, takes effect at once" {
    berth_start
    mkdir -p "$SPECS/team/deep"
    drop_instance web
    mv "$SPECS/web.yaml" "$SPECS/team/deep/web.yaml"
    wait_for 10 is_ready team/deep/web.yaml web
    drop_instance second
    wait_for 10 is_ready second.yaml second
}

@test "a broken edit keeps the last good version running and says what is wrong and where" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    id=$(container_field web '{{.Id}}')
    sed -i 's/machineType:.*/machineType: e2-smal/' "$SPECS/web.yaml"
    wait_for 10 field_is web.yaml web 'status.conditions[type=SpecValid].status' False
    field_is web.yaml web status.error.reason InvalidMachineType
    [[ $(status_of web.yaml web status.error.location) == "web.yaml:5:16 spec.machineType" ]]
    [ "$(container_field web '{{.Id}}')" = "$id" ]
    printf 'apiVersion: [\n' >"$SPECS/web.yaml"
    wait_for 10 field_is web.yaml SpecFile/web.yaml status.phase Invalid
    [ "$(container_field web '{{.Id}}')" = "$id" ]
    field_is web.yaml web status.phase RUNNING
    docker rm -f web
    wait_for 10 container_is_running web
    drop_instance web
    wait_for 10 is_ready web.yaml web
    run status_of web.yaml web 'status.error.reason'
    [ "$status" -eq 1 ]
}

@test "a file that is still being written is not acted upon until it is closed" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    id=$(container_field web '{{.Id}}')
    exec 7>"$SPECS/web.yaml"
    printf 'apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: web}\nspec:\n' >&7
    "$BERTH" get --specs "$SPECS" --state "$STATE" >/dev/null
    kill -HUP "$BERTH_PID"
    wait_for 5 grep -q relisting "$LOG"
    drop_instance witness
    wait_for 10 is_ready witness.yaml witness
    [ "$(container_field web '{{.Id}}')" = "$id" ]
    printf '  image: berth-test/web:1\n  machineType: e2-small\n  zone: zone-%s\n  terminationGracePeriodSeconds: 2\n' "$BATS_SUITE_TEST_NUMBER" >&7
    exec 7>&-
    wait_for 10 sh -c "test \"\$(docker inspect -f '{{.Id}}' web)\" != $id"
}

@test "saving by rename, moving a spec to another file and replacing the file never delete" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    id=$(container_field web '{{.Id}}')
    for i in 1 2 3; do
        cp "$SPECS/web.yaml" "$TEST_DIR/copy"
        mv "$SPECS/web.yaml" "$SPECS/web.yaml~"
        cp "$TEST_DIR/copy" "$SPECS/web.yaml"
        rm "$SPECS/web.yaml~"
    done
    mv "$SPECS/web.yaml" "$SPECS/moved.yaml"
    wait_for 10 is_ready moved.yaml web
    wait_for 10 test ! -e "$SPECS/web.status.yaml"
    [ "$(container_field web '{{.Id}}')" = "$id" ]
    ! grep -q spec_gone "$LOG" || return 1
}

@test "a removed file takes its container, its status and its network away" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    rm "$SPECS/web.yaml"
    wait_for 15 container_is_gone web
    wait_for 5 test ! -e "$SPECS/web.status.yaml"
    wait_for 10 sh -c "test -z \"\$(docker network ls -q --filter label=dev.berth.controller=$(cat "$STATE/controller-id"))\""
    wait_for 5 jq -e '.leases == []' "$STATE/leases.json"
}

@test "a spec directory that cannot be read, or is gone, means unknown: nothing is deleted" {
    drop_instance web
    berth_start --orphan-grace 1s
    wait_for 20 is_ready web.yaml web
    id=$(container_field web '{{.Id}}')
    mv "$SPECS" "$SPECS.away"
    kill -HUP "$BERTH_PID"
    wait_for 10 grep -q spec_directory_unreadable "$LOG"
    touch "$SPECS"
    kill -HUP "$BERTH_PID"
    docker rm -f web
    wait_for 10 container_is_running web
    rm "$SPECS"
    mv "$SPECS.away" "$SPECS"
    drop_instance other
    wait_for 40 is_ready other.yaml other
    ! grep -q spec_gone "$LOG" || return 1
}

@test "more than half of all and more than five at once is held until it is back or confirmed" {
    for i in 1 2 3 4 5 6 7; do
        drop "i$i.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: held-$i}
spec: {powerState: Stopped, zone: zone-$BATS_SUITE_TEST_NUMBER}
SPEC
    done
    berth_start
    for i in 1 2 3 4 5 6 7; do wait_for 20 is_ready "i$i.yaml" "held-$i"; done
    mkdir "$TEST_DIR/away"
    mv "$SPECS"/i[1-6].yaml "$TEST_DIR/away/"
    wait_for 10 grep -q deletions_held "$LOG"
    [ "$(our_containers | wc -l)" -eq 7 ]
    field_is i1.yaml held-1 'status.conditions[type=SpecValid].reason' DeletionsHeld
    run "$BERTH" get --specs "$SPECS" --state "$STATE"
    [[ $output == *"6 deletions are held"* ]]
    mv "$TEST_DIR"/away/i[1-3].yaml "$SPECS/"
    wait_for 15 grep -q "heldDeletions: 3" "$STATE/controller.yaml"
    rm "$SPECS/i1.yaml"
    wait_for 15 container_is_gone held-1
    [ "$(our_containers | wc -l)" -eq 6 ]
    field_is i4.yaml held-4 'status.conditions[type=SpecValid].reason' DeletionsHeld
    mv "$TEST_DIR"/away/i[45].yaml "$SPECS/"
    wait_for 15 grep -q "heldDeletions: 1" "$STATE/controller.yaml"
    "$BERTH" confirm-deletions --state "$STATE"
    wait_for 15 container_is_gone held-6
    [ "$(our_containers | wc -l)" -eq 5 ]
}

@test "berth confirm-deletions lets held deletions happen" {
    for i in 1 2 3 4 5 6; do
        drop "i$i.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: gone-$i}
spec: {powerState: Stopped, zone: zone-$BATS_SUITE_TEST_NUMBER}
SPEC
    done
    berth_start
    for i in 1 2 3 4 5 6; do wait_for 20 is_ready "i$i.yaml" "gone-$i"; done
    rm "$SPECS"/i*.yaml
    wait_for 10 grep -q deletions_held "$LOG"
    run "$BERTH" confirm-deletions --state "$STATE"
    [ "$status" -eq 0 ]
    wait_for 15 sh -c "test -z \"\$(docker ps -aq --filter label=dev.berth.controller=$(cat "$STATE/controller-id"))\""
}

@test "confirm-deletions confirms nothing when nothing is held" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    run "$BERTH" confirm-deletions --state "$STATE"
    [ "$status" -eq 1 ]
    [[ $output == *"no deletion is held"* ]]
    [ ! -e "$STATE/requests/confirm-deletions" ]
    container_is_running web
    berth_stop
    run "$BERTH" confirm-deletions --state "$STATE"
    [ "$status" -eq 1 ]
    [[ $output == *"no controller runs"* ]]
}

@test "a hold outlives the controller" {
    for i in 1 2 3 4 5 6; do
        drop "i$i.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: kept-$i}
spec: {powerState: Stopped, zone: zone-$BATS_SUITE_TEST_NUMBER}
SPEC
    done
    berth_start
    for i in 1 2 3 4 5 6; do wait_for 20 is_ready "i$i.yaml" "kept-$i"; done
    rm "$SPECS"/i*.yaml
    wait_for 10 grep -q deletions_held "$LOG"
    berth_stop
    : >"$LOG"
    berth_start --orphan-grace 1s
    wait_for 10 grep -q deletions_held "$LOG"
    drop_instance witness
    wait_for 20 is_ready witness.yaml witness
    [ "$(our_containers | grep -c kept-)" -eq 6 ]
    ! grep -q 'msg=orphan\| orphan ' "$LOG" || return 1
    run "$BERTH" confirm-deletions --state "$STATE"
    [ "$status" -eq 0 ]
    gone() { [ "$(our_containers | grep -c kept-)" -eq 0 ]; }
    wait_for 15 gone
    run "$BERTH" confirm-deletions --state "$TEST_DIR/none"
    [ "$status" -eq 1 ]
}

@test "a hold outlives the controller also for a file that was never wholly good" {
    {
        for i in 1 2 3 4 5 6; do
            printf 'apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: part-%s}\nspec: {powerState: Stopped, zone: zone-%s}\n---\n' "$i" "$BATS_SUITE_TEST_NUMBER"
        done
        printf 'apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: bad}\nspec: {imag: x}\n'
    } >"$TEST_DIR/s.yaml"
    drop s.yaml <"$TEST_DIR/s.yaml"
    berth_start
    for i in 1 2 3 4 5 6; do wait_for 20 is_ready s.yaml "part-$i"; done
    grep -q 'spec_invalid.*s.yaml' "$LOG"
    rm "$SPECS/s.yaml"
    wait_for 10 grep -q deletions_held "$LOG"
    berth_kill9
    : >"$LOG"
    berth_start --orphan-grace 1s
    wait_for 10 grep -q deletions_held "$LOG"
    [ "$(our_containers | grep -c part-)" -eq 6 ]
}

@test "an emptied file takes its objects and its status away; a status that somebody removed comes back" {
    drop_instance web
    drop_instance stays
    berth_start --scan-interval 2s
    wait_for 20 is_ready web.yaml web
    wait_for 20 is_ready stays.yaml stays
    rm "$SPECS/stays.status.yaml"
    wait_for 10 is_ready stays.yaml stays
    sed -i 's/^/# /' "$SPECS/web.yaml"
    wait_for 15 container_is_gone web
    wait_for 5 test ! -e "$SPECS/web.status.yaml"
}

@test "the first owner keeps a name; the other file's status names it" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    id=$(container_field web '{{.Id}}')
    sed 's/e2-small/e2-medium/' "$SPECS/web.yaml" >"$SPECS/a-copy.yaml"
    wait_for 10 field_is a-copy.yaml web status.error.reason DuplicateObject
    [[ $(status_of a-copy.yaml web status.error.message) == *web.yaml* ]]
    [ "$(container_field web '{{.Id}}')" = "$id" ]
    is_ready web.yaml web
    rm "$SPECS/web.yaml"
    wait_for 20 is_ready a-copy.yaml web
    [ "$(container_field web '{{.HostConfig.Memory}}')" = 4294967296 ]
}

@test "what it writes itself causes no pass, and an idle controller does nothing" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    touch "$SPECS/web.status.yaml" "$SPECS/.hidden.yaml" "$SPECS/notes.txt" "$SPECS/web.yaml~"
    ticks() { awk '/ctxt/ {sum += $2} END {print sum}' "/proc/$BERTH_PID/status"; }
    first=$(ticks)
    timeout 5 tail -f /dev/null || true
    second=$(ticks)
    echo "woken $((second - first)) times"
    [ $((second - first)) -le 12 ]
}

@test "more events than the kernel keeps: everything is looked at again" {
    berth_start --scan-interval 1h
    kill -STOP "$BERTH_PID"
    mkdir "$SPECS/flood"
    limit=$(cat /proc/sys/fs/inotify/max_queued_events)
    (cd "$SPECS" && for i in $(seq "$((limit / 3 + 100))"); do : >"f$i.yaml"; rm "f$i.yaml"; done)
    drop_instance late
    kill -CONT "$BERTH_PID"
    wait_for 20 is_ready late.yaml late
}

@test "polling where inotify is not wanted: a file still takes effect" {
    berth_start --poll
    drop_instance web
    wait_for 10 is_ready web.yaml web
    grep -q 'polling:' "$STATE/controller.yaml"
}

@test "a read-only spec directory: the statuses go to --status-dir" {
    drop_instance web
    mkdir "$TEST_DIR/status"
    STATUS_DIR=$TEST_DIR/status
    berth_start --status-dir "$STATUS_DIR"
    wait_for 20 is_ready web.yaml web
    [ ! -e "$SPECS/web.status.yaml" ]
    run "$BERTH" get --specs "$SPECS" --state "$STATE"
    [[ $output == *web*RUNNING* ]]
}

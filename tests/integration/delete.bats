#!/usr/bin/env bats
# berth delete: specs out of the spec directory, and until what they stood for is gone.

bats_require_minimum_version 1.5.0
load helpers

delete() { "$BERTH" delete --specs "$SPECS" --state "$STATE" "$@"; }

@test "a document goes and its neighbours stay; with the last one the file goes" {
    drop_instance a
    { echo "# two"; cat "$SPECS/a.yaml"; echo "---"; echo "# of b"; sed 's/name: a}/name: b}/' "$SPECS/a.yaml"; } >"$SPECS/two.yaml"
    rm "$SPECS/a.yaml"
    cp "$SPECS/two.yaml" "$TEST_DIR/before"
    run --separate-stderr delete --dry-run instance/b
    [ "$status" -eq 0 ]
    [ "$output" = "instance/b deleted (dry run)" ]
    cmp "$SPECS/two.yaml" "$TEST_DIR/before"
    run --separate-stderr delete instance b
    [ "$status" -eq 0 ]
    [ "$output" = "instance/b deleted" ]
    [[ $stderr == *"no controller runs with state directory $STATE"* ]]
    sed '/^---/,$d' "$TEST_DIR/before" | cmp - "$SPECS/two.yaml"
    run --separate-stderr delete -f "$TEST_DIR/before"
    [ "$status" -eq 1 ]
    [ "$output" = "instance/a deleted" ]
    [[ $stderr == *"there is no Instance \"b\" in $SPECS"* ]]
    [ -z "$(ls -A "$SPECS")" ]
    run --separate-stderr delete --ignore-not-found -f - <"$TEST_DIR/before"
    [ "$status" -eq 0 ]
    [ -z "$output$stderr" ]
}

@test "what is named wrongly is told, with the nearest name" {
    drop_instance webserver
    run delete instance/websrver
    [ "$status" -eq 1 ]
    [[ $output == *'there is no Instance "websrver"'*'did you mean "webserver"?'* ]]
    run delete instnace webserver
    [ "$status" -eq 2 ]
    [[ ${output,,} == *'did you mean "instance'* ]]
    for words in "" "instances" "instance/webserver webserver" "instance/webserver -f $SPECS/webserver.yaml" "instance/Web"; do
        run delete $words
        [ "$status" -eq 2 ]
    done
    run delete --wait instance/webserver
    [ "$status" -eq 1 ]
    [[ $output == *"no controller runs with state directory $STATE"* ]]
    [ -e "$SPECS/webserver.yaml" ]
}

@test "a Repository that tasks use goes only with them" {
    drop shop.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: shop}
spec: {url: https://git.example.com/org/shop.git}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: by-name}
spec: {repository: {name: shop}}
SPEC
    drop tasks.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: by-url}
spec: {repository: "git@git.example.com:org/shop"}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: other}
spec: {repository: "https://git.example.com/org/other"}
SPEC
    run delete repository/shop
    [ "$status" -eq 1 ]
    [[ $output == *"repository/shop is used by task/by-name, task/by-url; delete them too with --cascade"* ]]
    [ "$("$BERTH" validate "$SPECS")" = "4 objects in 2 files: good" ]
    run --separate-stderr delete repository/shop --cascade
    [ "$status" -eq 0 ]
    [ "$output" = $'repository/shop deleted\ntask/by-name deleted\ntask/by-url deleted' ]
    [ "$("$BERTH" validate "$SPECS")" = "1 object in 1 file: good" ]
}

@test "--wait ends when container and status are gone" {
    drop_instance one
    drop_instance two
    berth_start
    wait_for 20 is_ready one.yaml one
    wait_for 20 is_ready two.yaml two
    run --separate-stderr delete --wait instance/one
    [ "$status" -eq 0 ]
    [ "$output" = "instance/one deleted" ]
    [[ $stderr == *"instance/one: deleted"* ]]
    container_is_gone one
    [ ! -e "$SPECS/one.status.yaml" ]
    container_is_running two
}

@test "what goes by name goes at once, however much it is" {
    for i in 1 2 3 4 5 6 7; do
        drop_instance "i$i"
        sed -i 's/^spec:/spec:\n  powerState: Stopped/' "$SPECS/i$i.yaml"
    done
    mkdir "$TEST_DIR/in"
    cp "$SPECS"/i[1-6].yaml "$TEST_DIR/in"
    berth_start
    wait_for 30 is_ready i7.yaml i7
    wait_for 30 is_ready i6.yaml i6
    run --separate-stderr delete --wait --timeout 50s -f "$TEST_DIR/in"
    [ "$status" -eq 0 ]
    [ "$(ls "$SPECS")" = $'i7.status.yaml\ni7.yaml' ]
    [ "$(our_containers | wc -l)" -eq 1 ]
    [[ $stderr != *DeletionsHeld* ]]
    ! grep -q deletions_held "$LOG" || return 1
    [ -z "$(ls "$STATE/requests")" ]
}

@test "what others have taken away does not go with it" {
    for i in 1 2 3 4 5 6 7 8 9; do
        drop_instance "i$i"
        sed -i 's/^spec:/spec:\n  powerState: Stopped/' "$SPECS/i$i.yaml"
    done
    berth_start
    wait_for 30 is_ready i9.yaml i9
    rm "$SPECS"/i[1-6].yaml
    wait_for 20 grep -q 'heldDeletions: 6' "$STATE/controller.yaml"
    run --separate-stderr delete --wait --timeout 30s instance/i7
    [ "$status" -eq 0 ]
    grep -q 'heldDeletions: 6' "$STATE/controller.yaml"
    [[ $(ls "$SPECS"/i[1-6].status.yaml | wc -l) -eq 6 ]]
}

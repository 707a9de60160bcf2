#!/usr/bin/env bats
# berth scale, suspend and resume: one value in a spec file, and all the rest as it was.

load helpers
bats_require_minimum_version 1.5.0

berth() { "$BERTH" "$@" --specs "$SPECS"; }

# A file with what people write: comments, several documents, styles.
pool_file() {
    drop pools/web.yaml <<SPEC
# who: the web team
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: front}   # not the pool
spec: {machineType: e2-small, image: berth-test/web:1, zone: zone-$BATS_SUITE_TEST_NUMBER}
---
apiVersion: berth.dev/v1
kind: InstancePool
metadata:
    name: web
spec:
    minInstances: 1     # at night
    maxInstances:   2

    # what a member is
    template:
        spec: {machineType: e2-small, image: berth-test/web:1,
               zone: zone-$BATS_SUITE_TEST_NUMBER, terminationGracePeriodSeconds: 1}
SPEC
    chmod 640 "$SPECS/pools/web.yaml"
    cp "$SPECS/pools/web.yaml" "$TEST_DIR/before"
}

# What changed in the file since, as lines of diff.
changes() { diff "$TEST_DIR/before" "$SPECS/pools/web.yaml" | grep '^[<>]'; }

@test "scale changes the numbers of a pool in place and says what they were" {
    pool_file
    run berth scale pool web --min 2 --max 5
    [ "$status" -eq 0 ]
    [ "$output" = "instancepool/web scaled (minInstances 1 -> 2, maxInstances 2 -> 5, in pools/web.yaml)" ]
    [ "$(changes)" = "<     minInstances: 1     # at night
<     maxInstances:   2
>     minInstances: 2     # at night
>     maxInstances:   5" ]
    [ "$(stat -c %a "$SPECS/pools/web.yaml")" = 640 ]
    run berth scale instancepool/web --replicas 5
    [ "$output" = "instancepool/web scaled (minInstances 2 -> 5, maxInstances 5, in pools/web.yaml)" ]
    stat -c %i "$SPECS/pools/web.yaml" >"$TEST_DIR/inode"
    run berth scale pools web --max 5
    [ "$status" -eq 0 ]
    [ "$output" = "instancepool/web unchanged (minInstances 5, maxInstances 5, in pools/web.yaml)" ]
    [ "$(stat -c %i "$SPECS/pools/web.yaml")" = "$(cat "$TEST_DIR/inode")" ]
}

@test "scale writes nothing that would be no good spec, and says why" {
    pool_file
    run --separate-stderr berth scale pool web --min 3
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    [[ $stderr == *"pools/web.yaml:13:21: spec.maxInstances: 2 is below minInstances, which is 3"* ]]
    run berth scale pool web --min 99999999
    [ "$status" -eq 1 ]
    [[ $output == *"spec.minInstances"*1000* ]]
    cmp "$TEST_DIR/before" "$SPECS/pools/web.yaml"
    printf 'apiVersion: berth.dev/v1\nkind: InstancePool\nmetadata: {name: x}\nspec: &a {minInstances: 1}\n' | drop x.yaml
    run berth scale pool x --min 2
    [ "$status" -eq 1 ]
    [[ $output == "berth scale: x.yaml:1: spec.minInstances cannot be changed in place: anchors (&name)"* ]]
}

@test "scale tells wrong names, kinds and numbers apart" {
    pool_file
    run berth scale pool wbe --min 1
    [ "$status" -eq 1 ]
    [[ $output == "berth scale: there is no InstancePool \"wbe\" in $SPECS; did you mean \"web\"?" ]]
    wrong() {
        run berth scale "${@:2}"
        [ "$status" -eq 2 ] && [[ ${lines[0]} == "berth scale: $1"* ]] && return
        echo "berth scale ${*:2}: $status $output"
        return 1
    }
    wrong 'only an InstancePool can be scaled, not instance/front' instance front --min 1
    wrong 'how many? --min N' pool web
    wrong '--min: "many" is no number' pool web --min many
    wrong '--max: "-1" is no number' pool/web --max -1
    wrong 'which object?' pool
    wrong 'which object?' pool/web web --min 1
    wrong 'unknown kind "pol"' pol web --min 1
    cmp "$TEST_DIR/before" "$SPECS/pools/web.yaml"
}

@test "a pool that is scaled gets its members, and a suspended one keeps what it has" {
    pool_file
    berth_start
    wait_for 20 is_ready pools/web.yaml web
    berth scale pool web --replicas 2
    wait_for 20 container_is_running web-1
    berth suspend pool web
    wait_for 10 field_is pools/web.yaml web 'status.conditions[type=Ready].reason' Suspended
    berth scale pool web --min 1 --max 1
    berth suspend instance front
    wait_for 10 field_is pools/web.yaml front 'status.conditions[type=Ready].reason' Suspended
    container_is_running web-1
    berth resume pool web
    wait_for 20 container_is_gone web-1
    container_is_running web-0
}

@test "suspend and resume leave the file as it was" {
    pool_file
    run berth suspend pool/web
    [ "$status" -eq 0 ]
    [ "$output" = "instancepool/web suspended (in pools/web.yaml)" ]
    [ "$(changes)" = ">     suspend: true" ]
    run berth suspend pool web
    [ "$status" -eq 0 ]
    [ "$output" = "instancepool/web unchanged (it is suspended, in pools/web.yaml)" ]
    run berth resume pool web
    [ "$output" = "instancepool/web resumed (in pools/web.yaml)" ]
    cmp "$TEST_DIR/before" "$SPECS/pools/web.yaml"
    run berth resume pool web
    [ "$output" = "instancepool/web unchanged (it is not suspended, in pools/web.yaml)" ]
    berth suspend instance/front
    [[ "$(changes)" == *"> spec: {machineType: e2-small, image: berth-test/web:1, zone: zone-$BATS_SUITE_TEST_NUMBER, suspend: true}"* ]]
    berth resume instance/front
    cmp "$TEST_DIR/before" "$SPECS/pools/web.yaml"
    run berth suspend instance web-0
    [ "$status" -eq 1 ]
    [[ $output == *'there is no Instance "web-0"'*'it is a member of instancepool/web'* ]]
}

@test "a document is changed although the ones beside it are broken" {
    pool_file
    { printf 'kind: [nonsense\n---\n'; cat "$TEST_DIR/before"; } >"$TEST_DIR/broken"
    { cat "$TEST_DIR/before"; printf -- '---\nkind: Instance\nspec: [nonsense\n'; } | drop pools/web.yaml
    run berth suspend pool web
    [ "$status" -eq 0 ]
    [ "$(diff <(cat "$TEST_DIR/before") "$SPECS/pools/web.yaml" | grep -c suspend)" = 1 ]
    # Nothing behind a syntax error is in force: a change there would do nothing.
    drop pools/web.yaml <"$TEST_DIR/broken"
    run berth suspend pool web
    [ "$status" -eq 1 ]
    [[ $output == "berth suspend: pools/web.yaml:1:"* ]]
    cmp "$TEST_DIR/broken" "$SPECS/pools/web.yaml"
}

@test "which directory: the one that the controller looks at, when nothing says otherwise" {
    pool_file
    mkdir -p "$STATE"
    printf 'specs:\n  directory: %s\n' "$SPECS" >"$STATE/controller.yaml"
    cd "$TEST_DIR"
    for BERTH_SPECS in '' "$TEST_DIR/nowhere"; do
        export BERTH_SPECS
        run "$BERTH" scale pool web --min 2 --state "$STATE"
        [ "$status" -eq "$([[ -n $BERTH_SPECS ]] && echo 1 || echo 0)" ]
    done
    [ "$(changes)" = "<     minInstances: 1     # at night
>     minInstances: 2     # at night" ]
}

@test "a file with a NUL byte in another document is left as it is" {
    pool_file
    printf -- '---\nkind: Instance\n\0x: y\n---\nlast: 1\n' >>"$SPECS/pools/web.yaml"
    cp "$SPECS/pools/web.yaml" "$TEST_DIR/before"
    run berth scale pool web --min 2
    [ "$status" -eq 1 ]
    [[ $output == *"pools/web.yaml: has a NUL byte in it"* ]]
    cmp "$SPECS/pools/web.yaml" "$TEST_DIR/before"
}

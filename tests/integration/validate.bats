#!/usr/bin/env bats
# berth validate: what scripts read, and what a thousand files cost.

load helpers
bats_require_minimum_version 1.5.0

@test "validate -o json lists all errors of all files with their places" {
    drop good.yaml <<<'{apiVersion: berth.dev/v1, kind: Instance, metadata: {name: web}, spec: {}}'
    drop sub/bad.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: two}
spec:
  imge: debian:12
  ports: [{containerPort: 0}]
---
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: web}
spec: {}
SPEC
    printf 'a: [\n' >"$SPECS/$(printf 'odd-\377').yaml"
    run --separate-stderr "$BERTH" validate -o json "$SPECS" "$TEST_DIR/none.yaml"
    [ "$status" -eq 1 ]
    [ -z "$stderr" ]
    [ "$(jq -r '[.valid, .files, .objects, (.errors | length)] | map(tostring) | join(" ")' <<<"$output")" = "false 3 2 5" ]
    [ "$(jq -r '.errors[] | select(.path == "spec.imge") | "\(.file):\(.line):\(.column) \(.reason) \(.message)"' <<<"$output")" = \
        "$SPECS/sub/bad.yaml:5:3 UnknownField unknown field; did you mean \"image\"?" ]
    [ "$(jq -r '.errors[] | select(.reason == "DuplicateObject").message' <<<"$output")" = 'Instance "web" is already defined in good.yaml' ]
    [ "$(jq -r '.errors[] | select(.file | endswith("none.yaml")) | "\(.reason) \(.line)"' <<<"$output")" = "FileUnreadable null" ]
    [ "$(jq -r '.errors[] | select(.reason == "FileUnreadable").file' <<<"$output" | grep -c '/odd-.xff.yaml$')" -eq 1 ]
}

@test "validate -o json of what is good has no errors, and another format is refused" {
    drop good.yaml <<<'{apiVersion: berth.dev/v1, kind: Instance, metadata: {name: web}, spec: {}}'
    run --separate-stderr "$BERTH" validate -o json "$SPECS"
    [ "$status" -eq 0 ]
    [ "$(jq -c . <<<"$output")" = '{"valid":true,"files":1,"objects":1,"errors":[]}' ]
    run --separate-stderr "$BERTH" validate -o yaml "$SPECS"
    [ "$status" -eq 2 ]
    [[ $stderr == *'"yaml" is not text or json'* ]]
}

@test "a thousand files take a fraction of a second of processor time" {
    for i in {1..1000}; do
        printf 'apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: web-%d}\nspec: {image: "nginx:1", ports: [{containerPort: 80}]}\n' \
            "$i" >"$SPECS/web-$i.yaml"
    done
    TIMEFORMAT='%U %S'
    took=$({ time "$BERTH" validate "$SPECS" >"$TEST_DIR/said"; } 2>&1)
    [ "$(cat "$TEST_DIR/said")" = "1000 objects in 1000 files: good" ]
    echo "user and system: $took"
    awk '{ exit $1 + $2 > 0.2 }' <<<"$took"
}

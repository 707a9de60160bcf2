#!/usr/bin/env bats
# berth schema: JSON Schema for editors, checked with a validator that is not ours.

load helpers
bats_require_minimum_version 1.5.0

# judge SCHEMA FILE...: "good FILE" or "bad FILE: where: why", a line each, for all documents of each file.
judge() {
    python3 - "$@" <<'PYTHON'
import json, sys, yaml
from jsonschema import Draft7Validator
schema = json.load(open(sys.argv[1]))
Draft7Validator.check_schema(schema)
validator = Draft7Validator(schema)
for name in sys.argv[2:]:
    errors = [e for document in yaml.safe_load_all(open(name)) if document is not None
              for e in validator.iter_errors(document)]
    if errors:
        where = ".".join(str(part) for part in errors[0].absolute_path)
        print(f"bad {name}: {where}: {errors[0].message[:200]}")
    else:
        print(f"good {name}")
PYTHON
}

# A document with one field replaced or added, as a file of its own.
wrong() { # NAME KIND SPEC-LINES...
    local name=$1 kind=$2
    shift 2
    { printf 'apiVersion: berth.dev/v1\nkind: %s\nmetadata: {name: wrong}\nspec:\n' "$kind"
      printf '  %s\n' "$@"; } >"$TEST_DIR/$name.yaml"
}

@test "all examples, and the documented skeleton of each kind, are good by the schema" {
    "$BERTH" schema >"$TEST_DIR/all.json"
    for page in "$BATS_TEST_DIRNAME"/../../docs/reference/{instance,instancepool,repository,task}.md; do
        awk '/^```yaml/ { on = 1; next } /^```/ { exit } on' "$page" >"$TEST_DIR/$(basename "$page" .md).yaml"
    done
    mapfile -t files < <(find "$BATS_TEST_DIRNAME/../../examples" "$TEST_DIR" -name '*.yaml' | sort)
    [ "${#files[@]}" -gt 14 ]
    run judge "$TEST_DIR/all.json" "${files[@]}"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c '^good' <<<"$output")" -eq "${#files[@]}" ]
}

@test "what berth refuses plainly is bad by the schema, too" {
    "$BERTH" schema >"$TEST_DIR/all.json"
    wrong field Instance 'imge: debian:12'
    wrong word Instance 'powerState: Runing'
    wrong type Instance 'machineType: e2-huge'
    wrong number Instance 'terminationGracePeriodSeconds: -1'
    wrong port Instance 'ports: [{containerPort: 65536}]'
    wrong required Instance 'ports: [{name: http}]'
    wrong probe Instance 'readinessProbe: {exec: {command: [a]}, tcpSocket: {port: 1}}'
    wrong volume Instance 'volumes: [{mountPath: /data}]'
    wrong size Instance 'resources: {memory: 512 MB}'
    wrong boolean Instance 'suspend: "true"'
    wrong list Instance 'command: sleep'
    wrong member InstancePool 'template: {spec: {imge: a}}'
    wrong url Repository 'branch: main'
    wrong source Task 'repository: https://h/o/r' 'env: [{name: A, valueFrom: {}}]'
    wrong both Task 'repository: https://h/o/r' 'branch: main' 'ref: v1'
    wrong other Task 'repository: https://h/o/r' 'machineType: e2-small'
    printf 'apiVersion: berth.dev/v2\nkind: Instance\nmetadata: {name: a}\nspec: {}\n' >"$TEST_DIR/version.yaml"
    printf 'apiVersion: berth.dev/v1\nkind: Instances\nmetadata: {name: a}\nspec: {}\n' >"$TEST_DIR/kind.yaml"
    printf 'apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: A_b}\nspec: {}\n' >"$TEST_DIR/name.yaml"
    printf 'apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: a}\nspec: {}\nstatus: {}\n' >"$TEST_DIR/status.yaml"
    run judge "$TEST_DIR/all.json" "$TEST_DIR"/*.yaml
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c '^bad' <<<"$output")" -eq 20 ]
    [ "$(grep -c '^good' <<<"$output")" -eq 0 ]
    for file in "$TEST_DIR"/*.yaml; do # the tests themselves: berth says the same
        run "$BERTH" validate "$file"
        [ "$status" -eq 1 ]
    done
}

@test "the schema of one kind takes that kind only" {
    "$BERTH" schema --kind tasks >"$TEST_DIR/task.json"
    wrong good Task 'repository: https://h/o/r'
    wrong other Instance 'machineType: e2-small'
    run judge "$TEST_DIR/task.json" "$TEST_DIR/good.yaml" "$TEST_DIR/other.yaml"
    [[ ${lines[0]} == good* ]]
    [[ ${lines[1]} == bad* ]]
    run "$BERTH" schema --kind taks
    [ "$status" -eq 2 ]
    [[ $output == *'did you mean "tasks"?'* ]]
}

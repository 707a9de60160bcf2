#!/usr/bin/env bats
# berth convert: compose files and kubectl's manifests. What comes of the files in tests/cases/convert
# is written there, as NAME.specs and NAME.notes; UPDATE=1 writes it anew: read the difference.

load helpers
bats_require_minimum_version 1.5.0

CASES=$BATS_TEST_DIRNAME/../cases/convert

# golden NAME: the specs and notes of NAME.yaml are those that are written down, and valid.
golden() {
    local name=$1 part
    cp "$CASES"/*.yaml "$CASES"/*.env "$TEST_DIR"
    (cd "$TEST_DIR" && env -u DB_PASSWORD -u NGINX_VERSION "$BERTH" convert "$name.yaml" \
        >"$name.specs" 2>"$name.notes") || { cat "$TEST_DIR/$name.notes"; return 1; }
    for part in specs notes; do
        sed -i "s#$(cd "$TEST_DIR" && pwd -P)#/DIR#; s#$TEST_DIR#/DIR#" "$TEST_DIR/$name.$part"
        [[ -z ${UPDATE:-} ]] || cp "$TEST_DIR/$name.$part" "$CASES"
        diff -u "$CASES/$name.$part" "$TEST_DIR/$name.$part" || return 1
    done
    "$BERTH" validate - <"$TEST_DIR/$name.specs"
}

@test "the services of a shop become instances and a pool" { golden shop.compose; }

@test "a pod becomes an instance" { golden web.pod; }

@test "a deployment of two containers becomes two pools; a list is looked into" { golden api.deployment; }

@test "every field of a service is in the result or told by name, line and column" {
    cat >"$TEST_DIR/all.yaml" <<'YAML'
services:
  web:
    image: nginx
    blkio_config: {weight: 300}
    cgroup_parent: m
    devices: ["/dev/ttyUSB0:/dev/ttyUSB0"]
    group_add: [mail]
    init: true
    ipc: host
    ulimits: {nproc: 65535}
    no_such_field: 1
YAML
    run --separate-stderr "$BERTH" convert "$TEST_DIR/all.yaml"
    [ "$status" -eq 0 ]
    for field in 4:blkio_config 5:cgroup_parent 6:devices 7:group_add 8:init 9:ipc 10:ulimits 11:no_such_field; do
        [[ $stderr == *"$TEST_DIR/all.yaml:${field%:*}:5: services.web.${field#*:}: dropped: "* ]]
    done
}

@test "files are written one for each object, and none is overwritten" {
    run --separate-stderr "$BERTH" convert -o "$TEST_DIR/out" "$CASES/api.deployment.yaml"
    [ "$status" -eq 0 ]
    [ "$output" = "$(printf '%s\n' "$TEST_DIR"/out/{api-api,api-proxy,debug}.yaml)" ]
    [ "$("$BERTH" validate "$TEST_DIR/out")" = "3 objects in 3 files: good" ]
    echo mine >"$TEST_DIR/out/debug.yaml"
    run --separate-stderr "$BERTH" convert -o "$TEST_DIR/out" "$CASES/api.deployment.yaml"
    [ "$status" -eq 1 ]
    [[ $stderr == *'debug.yaml" exists already; nothing is overwritten'* ]]
    [ "$(cat "$TEST_DIR/out/debug.yaml")" = mine ]
}

@test "variables are filled in from the environment, and standard input is read" {
    run --separate-stderr env TAG=1.27 "$BERTH" convert - <<<'services: {web: {image: "nginx:${TAG:?}", environment: {A: "${B-b} $C"}}}'
    [ "$status" -eq 0 ]
    [[ $output == *"image: nginx:1.27"*'value: "b "'* ]]
    [[ $stderr == *"services.web.environment.A: has no value, and is empty: variable C"* ]]
    run --separate-stderr env -u TAG "$BERTH" convert - <<<'services: {web: {image: "nginx:${TAG:?}"}}'
    [[ $stderr == *"services.web.image: dropped: its variables cannot be filled in"* ]]
}

@test "what cannot be converted is an error, and what would not be valid is left out" {
    printf 'a: 1\n' >"$TEST_DIR/other.yaml"
    run --separate-stderr "$BERTH" convert "$TEST_DIR/other.yaml"
    [ "$status" -eq 1 ]
    [[ $stderr == *"other.yaml:1:1: is neither a compose file (it has no services) nor a manifest of kubectl"* ]]
    printf 'x: &a {image: nginx}\nservices: {web: *a}\n' >"$TEST_DIR/anchor.yaml"
    run --separate-stderr "$BERTH" convert "$TEST_DIR/anchor.yaml"
    [ "$status" -eq 1 ]
    [[ $stderr == *"anchor.yaml:1:4: anchors"*"docker compose config writes a file out without them"* ]]
    printf 'services: {good: {image: nginx}, bad: {image: "NGINX"}}\n' >"$TEST_DIR/half.yaml"
    run --separate-stderr "$BERTH" convert "$TEST_DIR/half.yaml"
    [ "$status" -eq 1 ]
    [[ $output == *"name: good"* ]]
    [[ $output != *"name: bad"* ]]
    [[ $stderr == *"berth convert: bad: spec.image: "* ]]
    run --separate-stderr "$BERTH" convert
    [ "$status" -eq 2 ]
}

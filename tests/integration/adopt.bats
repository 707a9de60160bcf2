#!/usr/bin/env bats
# berth adopt: the spec of a container that somebody else has made.

load helpers
bats_require_minimum_version 1.5.0

adopt() { "$BERTH" adopt --specs "$SPECS" --state "$STATE" "$@"; }

# A container as people start one; taken away by its label.
make_container() {
    name=adopt-$BATS_SUITE_TEST_NUMBER
    docker run -d --name "$name" --label "berth-test.test=$BATS_SUITE_TEST_NUMBER" \
        --label team=infra --memory 64m --cpus 0.25 --pids-limit 50 --restart unless-stopped \
        --env 'GREETING=a: "b" #c' --publish "127.0.0.1:$((PORT_FIRST + 5)):8080" \
        --volume "adopt-data-$BATS_SUITE_TEST_NUMBER:/data:ro" --stop-timeout 1 --cap-drop NET_RAW --tmpfs /scratch \
        "$@" berth-test/web:1
}

teardown() {
    docker rm -f "adopt-$BATS_SUITE_TEST_NUMBER" >/dev/null 2>&1 || true
    docker volume rm -f "adopt-data-$BATS_SUITE_TEST_NUMBER" >/dev/null 2>&1 || true
    berth_teardown
}

@test "adopt prints a good spec, says what it dropped, and touches nothing" {
    make_container --ulimit nofile=100:100
    docker inspect "$name" | jq 'del(.[].State.Health)' >"$TEST_DIR/before"
    run --separate-stderr adopt "$name"
    [ "$status" -eq 0 ]
    printf '%s\n' "$output" >"$TEST_DIR/spec.yaml"
    "$BERTH" validate "$TEST_DIR/spec.yaml"
    for line in "  name: $name" '    team: infra' '  image: berth-test/web:1' "hostPort: $((PORT_FIRST + 5))" \
        '  restartPolicy: Always' '  terminationGracePeriodSeconds: 1'; do
        grep -qF -- "$line" "$TEST_DIR/spec.yaml" || { echo "no $line in $output"; return 1; }
    done
    [[ $output == *GREETING*'a: "b" #c'* || $output == *GREETING*'a: \"b\" #c'* ]]
    [[ $stderr == *"Ulimits: has no counterpart; dropped"* ]]
    [[ $stderr == *"/scratch"*dropped* || $stderr == *"Tmpfs: has no counterpart; dropped"* ]]
    [[ $stderr == *"docker rm -f $name"* ]]
    docker inspect "$name" | jq 'del(.[].State.Health)' | cmp - "$TEST_DIR/before"
}

@test "what adopt has written Berth runs, once the container is out of the way" {
    make_container
    run --separate-stderr adopt "$name" --write
    [ "$status" -eq 0 ]
    [ "$output" = "instance/$name created (in $name.yaml)" ]
    docker rm -f "$name"
    berth_start
    wait_for 20 is_ready "$name.yaml" "$name"
    curl -fsS "http://127.0.0.1:$((PORT_FIRST + 5))/" >/dev/null
    [ "$(container_field "$name" '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}')" = "67108864 250000000 50" ]
    [ "$(docker inspect "$name" | jq -r '.[0].Config.Env[] | select(startswith("GREETING="))')" = 'GREETING=a: "b" #c' ]
    [ "$(container_field "$name" '{{(index .Mounts 0).Name}} {{(index .Mounts 0).RW}}')" = "adopt-data-$BATS_SUITE_TEST_NUMBER false" ]
    run adopt "$name"
    [ "$status" -eq 1 ]
    [[ $output == *"is Berth's already"* ]]
}

@test "adopt overwrites nothing" {
    make_container
    adopt "$name" -o "$TEST_DIR/new.yaml"
    "$BERTH" validate "$TEST_DIR/new.yaml"
    run adopt "$name" -o "$TEST_DIR/new.yaml"
    [ "$status" -eq 1 ]
    [[ $output == *'exists already'* ]]
    adopt "$name" --write
    run adopt "$name" --write
    [ "$status" -eq 1 ]
    [[ $output == *"Instance \"$name\" is in $name.yaml already"* ]]
    run adopt nothing-of-that-name
    [ "$status" -eq 1 ]
    run adopt
    [ "$status" -eq 2 ]
}

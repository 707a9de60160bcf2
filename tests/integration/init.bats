#!/usr/bin/env bats
# berth init: a directory to begin with.

load helpers
bats_require_minimum_version 1.5.0

@test "init writes a directory in which everything is valid, formatted and found" {
    run --separate-stderr "$BERTH" init "$TEST_DIR/host"
    [ "$status" -eq 0 ]
    [ "$output" = "$(printf "$TEST_DIR/host/%s\n" README.md .gitignore berth.yaml specs/web.yaml specs/more.yaml)" ]
    [[ $stderr == *"Next:"*"cd $TEST_DIR/host"*"berth run"* ]]
    cd "$TEST_DIR/host"
    [ "$("$BERTH" validate specs)" = "1 object in 2 files: good" ]
    run "$BERTH" fmt --check specs
    [ "$status" -eq 0 ]
    run env -u BERTH_SPECS -u BERTH_STATE "$BERTH" get
    [[ $output == *"$TEST_DIR/host/specs"* ]]

    # What is commented out is good, too.
    sed -i 's/^# //' specs/more.yaml
    [ "$("$BERTH" validate specs)" = "4 objects in 2 files: good" ]
    run "$BERTH" fmt --check specs
    [ "$status" -eq 0 ]
}

@test "berth.yaml is read by the controller, and has every setting" {
    "$BERTH" init "$TEST_DIR/host" >/dev/null
    run env -u BERTH_SPECS -u BERTH_STATE -u DOCKER_HOST "$BERTH" run --once --timeout 1s \
        --config "$TEST_DIR/host/berth.yaml" --engine "unix://$TEST_DIR/none.sock"
    echo "$output"
    [[ $output == *config_read* ]]
    [[ $output != *config_invalid* ]]
    [[ $output == *engine_unavailable* ]]
    [ "$(sed -nE 's/^#?([a-zA-Z]+): .*/\1/p' "$TEST_DIR/host/berth.yaml" | sort)" = \
        "$(sed -nE 's/^\| `([a-zA-Z]+)` \| .*/\1/p' "$BATS_TEST_DIRNAME/../../docs/reference/configuration.md" | sort)" ]
}

@test "init overwrites nothing, and adds what is not there" {
    mkdir -p "$TEST_DIR/host/specs"
    echo mine >"$TEST_DIR/host/README.md"
    ln -s elsewhere "$TEST_DIR/host/specs/web.yaml"
    run --separate-stderr "$BERTH" init "$TEST_DIR/host"
    [ "$status" -eq 0 ]
    [[ $stderr == *"README.md is there, and stays as it is"* ]]
    [[ $stderr == *"specs/web.yaml is there, and stays as it is"* ]]
    [ "$(cat "$TEST_DIR/host/README.md")" = mine ]
    [ ! -e "$TEST_DIR/host/specs/elsewhere" ]
    [ -f "$TEST_DIR/host/berth.yaml" ]
    run --separate-stderr "$BERTH" init "$TEST_DIR/host"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [[ $stderr == *"nothing was written"* ]]
    touch "$TEST_DIR/file"
    run --separate-stderr "$BERTH" init "$TEST_DIR/file"
    [ "$status" -eq 1 ]
}

@test "what berth writes is not kept in git" {
    "$BERTH" init "$TEST_DIR/host" >/dev/null
    cd "$TEST_DIR/host"
    mkdir state
    touch specs/web.status.yaml specs/.web.yaml.tmp state/controller.yaml specs/.berth.schema.json
    git init -q
    git add .
    [ "$(git ls-files | sort | xargs)" = ".gitignore README.md berth.yaml specs/more.yaml specs/web.yaml" ]
}

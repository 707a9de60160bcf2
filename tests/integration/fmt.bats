#!/usr/bin/env bats
# berth fmt: spec files in one form.

load helpers
bats_require_minimum_version 1.5.0

good() { printf 'apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: %s}\nspec:\n  image: a # b\n' "$1"; }
bad() { printf 'kind: Instance\napiVersion: berth.dev/v1\nspec:\n    image:   a # b\nmetadata: {name: %s}\n' "$1"; }

@test "fmt prints, names, shows or writes what is not in its form" {
    good good >"$SPECS/good.yaml"
    mkdir "$SPECS/sub"
    bad bad >"$SPECS/sub/bad.yml"
    chmod 640 "$SPECS/sub/bad.yml"
    bad web >"$SPECS/.hidden.yaml"
    bad web >"$SPECS/web.status.yaml"

    run --separate-stderr "$BERTH" fmt "$SPECS/sub/bad.yml"
    [ "$status" -eq 0 ]
    [ "$output" = "$(good bad)" ]
    [ "$(cat "$SPECS/sub/bad.yml")" = "$(bad bad)" ]

    run --separate-stderr "$BERTH" fmt --check "$SPECS"
    [ "$status" -eq 1 ]
    [ "$output" = "$SPECS/sub/bad.yml" ]

    run --separate-stderr "$BERTH" fmt --diff "$SPECS"
    [ "$status" -eq 0 ]
    [[ $output == "--- $SPECS/sub/bad.yml (as it is)"*$'\n+  image: a # b'* ]]
    patch -s -o "$TEST_DIR/patched" "$SPECS/sub/bad.yml" <<<"$output"
    [ "$(cat "$TEST_DIR/patched")" = "$(good bad)" ]

    run --separate-stderr "$BERTH" fmt --write "$SPECS"
    [ "$status" -eq 0 ]
    [ "$output" = "$SPECS/sub/bad.yml" ]
    [ "$(cat "$SPECS/sub/bad.yml")" = "$(good bad)" ]
    [ "$(stat -c %a "$SPECS/sub/bad.yml")" = 640 ]
    [ "$(cat "$SPECS/.hidden.yaml")" = "$(bad web)" ]
    [ "$(cat "$SPECS/web.status.yaml")" = "$(bad web)" ]

    run --separate-stderr "$BERTH" fmt --check "$SPECS"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "fmt reads standard input" {
    [ "$(bad web | "$BERTH" fmt)" = "$(good web)" ]
    [ "$(bad web | "$BERTH" fmt -)" = "$(good web)" ]
    run --separate-stderr "$BERTH" fmt -w - </dev/null
    [ "$status" -eq 2 ]
    run --separate-stderr "$BERTH" fmt --wirte "$SPECS"
    [ "$status" -eq 2 ]
    [[ $stderr == *"did you mean --write?"* ]]
}

@test "a file that cannot be formatted is named and left as it is, and the others are done" {
    printf 'a: [\n' >"$SPECS/a.yaml"
    bad b >"$SPECS/b.yaml"
    run --separate-stderr "$BERTH" fmt --write "$SPECS" "$TEST_DIR/none.yaml"
    [ "$status" -eq 1 ]
    [[ $stderr == *"$SPECS/a.yaml:2:1: "* ]]
    [[ $stderr == *"none.yaml"*"No such file or directory"* ]]
    [ "$(cat "$SPECS/a.yaml")" = "a: [" ]
    [ "$(cat "$SPECS/b.yaml")" = "$(good b)" ]
}

# The objects of files by a reader that is not ours, without regard to the order of keys.
objects() { python3 -c 'import json, sys, yaml
for name in sys.argv[1:]:
    for document in yaml.safe_load_all(open(name)):
        if document is not None:
            print(json.dumps(document, sort_keys=True, default=str))' "$@"; }

@test "all examples mean the same when they are formatted, and keep their comments" {
    for file in "$BATS_TEST_DIRNAME"/../../examples/{,quickstart/}*.yaml; do
        "$BERTH" fmt "$file" >"$TEST_DIR/formatted.yaml"
        [ "$(objects "$file")" = "$(objects "$TEST_DIR/formatted.yaml")" ]
        [ "$(grep -oE '(^|[[:blank:]])#.*' "$file" | sed 's/^[[:blank:]]*//' | sort)" = \
            "$(grep -oE '(^|[[:blank:]])#.*' "$TEST_DIR/formatted.yaml" | sed 's/^[[:blank:]]*//' | sort)" ]
        "$BERTH" fmt --check "$TEST_DIR/formatted.yaml"
        "$BERTH" validate "$TEST_DIR/formatted.yaml"
    done
}

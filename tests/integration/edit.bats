#!/usr/bin/env bats
# berth edit: a document of the spec directory in an editor, which is a script here.

load helpers
bats_require_minimum_version 1.5.0

edit() { "$BERTH" edit --specs "$SPECS" "$@"; }

two_documents() {
    drop web.yaml <<SPEC
# two of them
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: web}   # the first
spec:
  machineType: e2-small
---
# the second
apiVersion: berth.dev/v1
kind: Task
metadata: {name: web}
spec: {repository: "https://git.example.com/o/r.git"}
SPEC
    cp "$SPECS/web.yaml" "$TEST_DIR/before"
    export TMPDIR=$TEST_DIR/tmp
    mkdir -p "$TMPDIR"
}

# editor <<SCRIPT: what the editor does with "$1"; each time is counted, and what it saw is kept.
editor() {
    { printf '#!/bin/sh\necho >>"%s/calls"; cp "$1" "%s/seen$(wc -l <"%s/calls")"\n' "$TEST_DIR" "$TEST_DIR" "$TEST_DIR"; cat; } >"$TEST_DIR/editor"
    chmod +x "$TEST_DIR/editor"
    rm -f "$TEST_DIR/calls" "$TEST_DIR"/seen*
    export EDITOR=$TEST_DIR/editor
    unset VISUAL BERTH_EDITOR
}
calls() { wc -l <"$TEST_DIR/calls"; }
kept() { find "$TMPDIR" -type f; }

@test "edit shows one document, and writes what was changed in it" {
    two_documents
    editor <<'END'
stat -c %a "$1" "${1%/*}" >>"${0%/*}/modes"
sed -i s/e2-small/e2-medium/ "$1"
END
    run edit instance web
    [ "$status" -eq 0 ]
    [ "$output" = "instance/web edited (in web.yaml)" ]
    [ "$(diff "$TEST_DIR/before" "$SPECS/web.yaml" | grep '^[<>]')" = "<   machineType: e2-small
>   machineType: e2-medium" ]
    grep -q 'kind: Instance' "$TEST_DIR/seen1"
    [ "$(grep -c 'kind: Task' "$TEST_DIR/seen1")" -eq 0 ]
    [[ $(head -1 "$TEST_DIR/seen1") == '#~ instance/web of web.yaml.'* ]]
    [ "$(paste -sd' ' "$TEST_DIR/modes")" = "600 700" ]
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "edit of the last document keeps the first, and an end without a newline" {
    two_documents
    printf '%s' "$(cat "$TEST_DIR/before")" >"$SPECS/web.yaml"
    editor <<<'sed -i "s/o\/r.git/o\/other.git/" "$1"'
    edit task/web
    [ "$(cat "$SPECS/web.yaml")" = "$(sed 's/o\/r.git/o\/other.git/' "$TEST_DIR/before")" ]
    [ "$(calls)" -eq 1 ]
}

@test "nothing is written when nothing was changed or all was taken away" {
    two_documents
    editor <<<':'
    run edit instance web
    [ "$status" -eq 0 ]
    [ "$output" = "edit cancelled: nothing was changed" ]
    editor <<<'grep "^#" "$1" >"$1.new"; mv "$1.new" "$1"'
    run edit instance web
    [ "$status" -eq 0 ]
    [ "$output" = "edit cancelled: the file was emptied" ]
    cmp "$TEST_DIR/before" "$SPECS/web.yaml"
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "what is wrong is said on top when the editor opens again, with its line there" {
    two_documents
    editor <<'END'
case $(wc -l <"${0%/*}/calls") in
1) sed -i 's/machineType: e2-small/machinetype: e2-small\n  nonsense: 1/' "$1" ;;
2) sed -i 's/machinetype: e2-small/machineType: e2-micro/; /nonsense/d' "$1" ;;
esac
END
    run edit instance web
    [ "$status" -eq 0 ]
    [ "$output" = "instance/web edited (in web.yaml)" ]
    [ "$(calls)" -eq 2 ]
    grep -q '^  machineType: e2-micro$' "$SPECS/web.yaml"
    [ "$(grep -c '#~' "$SPECS/web.yaml")" -eq 0 ]
    # The lines that the messages name are the lines of the text that has them.
    line=$(sed -n 's/^#~   line:\([0-9]*\):[0-9]*: spec.machinetype: .*did you mean "machineType".*/\1/p' "$TEST_DIR/seen2")
    [[ $(sed -n "${line}p" "$TEST_DIR/seen2") == *machinetype* ]]
    line=$(sed -n 's/^#~   line:\([0-9]*\):[0-9]*: spec.nonsense: .*/\1/p' "$TEST_DIR/seen2")
    [[ $(sed -n "${line}p" "$TEST_DIR/seen2") == *nonsense* ]]
}

@test "errors that stay end it, and the text is kept" {
    two_documents
    editor <<<'sed -i "s/e2-small/e2-smal/" "$1"'
    run edit instance web
    [ "$status" -eq 1 ]
    [[ $output == *'unknown machine type "e2-smal"'*"what you wrote is kept in $(kept)" ]]
    [ "$(calls)" -eq 2 ]
    grep -q e2-smal "$(kept)"
    cmp "$TEST_DIR/before" "$SPECS/web.yaml"
}

@test "another name, another document and broken YAML are refused" {
    two_documents
    for change in 's/name: web/name: other/' 's/^spec:/---\nspec:/' 's/^spec:/spec: [/'; do
        editor <<<"[ \$(wc -l <\"\${0%/*}/calls\") -gt 1 ] || sed -i '$change' \"\$1\""
        run edit instance web
        [ "$status" -eq 1 ]
        [ "$(calls)" -eq 2 ]
        cmp "$TEST_DIR/before" "$SPECS/web.yaml"
    done
    [[ $(cat "$TEST_DIR/seen2") == *'#~   line:'*'is never closed'* ]]
}

@test "a file that changed meanwhile is left alone, and the text is kept" {
    two_documents
    editor <<END
sed -i s/e2-small/e2-medium/ "\$1"
echo '# somebody else' >>"$SPECS/web.yaml"
END
    run edit instance web
    [ "$status" -eq 1 ]
    [[ $output == *"web.yaml\" was changed meanwhile; try again"*"what you wrote is kept in $(kept)" ]]
    grep -q e2-medium "$(kept)"
    [ "$(diff "$TEST_DIR/before" "$SPECS/web.yaml")" = "12a13
> # somebody else" ]
}

@test "the editor is the first of BERTH_EDITOR, VISUAL and EDITOR, may have arguments, and may fail" {
    two_documents
    editor <<<'sed -i "s/e2-small/$2$3/" "$1"'
    export VISUAL=false
    BERTH_EDITOR="sh -c 'sed -i s/e2-small/e2-medium/ \"\$1\"' x" edit instance web
    grep -q 'machineType: e2-medium' "$SPECS/web.yaml"
    run edit instance web
    [ "$status" -eq 1 ]
    [[ $output == 'berth edit: the editor "false" ended with 1' ]]
    VISUAL=/no/editor run edit instance web
    [ "$status" -eq 1 ]
    [[ $output == *'the editor "/no/editor" is not there; set EDITOR'* ]]
    run edit instance wbe
    [ "$status" -eq 1 ]
    [[ $output == *'did you mean "web"?'* ]]
    run edit
    [ "$status" -eq 2 ]
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "the editor has the terminal" {
    two_documents
    editor <<'END'
[ -t 0 ] && [ -t 1 ] || exit 3
printf 'which? '
read -r answer
sed -i "s/e2-small/$answer/" "$1"
END
    run script -qec "'$BERTH' edit --specs '$SPECS' instance web" /dev/null < <(echo e2-medium)
    [ "$status" -eq 0 ]
    [[ $output == *which?*"instance/web edited (in web.yaml)"* ]]
    grep -q 'machineType: e2-medium' "$SPECS/web.yaml"
}

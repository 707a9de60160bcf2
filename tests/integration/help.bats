#!/usr/bin/env bats
# berth version, --help, and what is told of wrong command lines.

load helpers
bats_require_minimum_version 1.5.0

setup() { :; }    # no controller, no engine
teardown() { :; }

@test "version is a line, or JSON with all that it runs with" {
    run "$BERTH" version
    [ "$status" -eq 0 ]
    [[ $output =~ ^berth\ [0-9]+\.[0-9]+\.[0-9]+(\ \([0-9a-f]{12}(-dirty)?\))?$ ]]
    [ "$("$BERTH" --version)" = "$output" ]
    run --separate-stderr "$BERTH" version -o json
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [ "$(jq -r '"berth " + .version + if .commit then " (" + .commit + ")" else "" end' <<<"$output")" = "$("$BERTH" version)" ]
    [ "$(jq -r '.apiVersions[0]' <<<"$output")" = berth.dev/v1 ]
    [ "$(jq -r '.engineApi.oldest' <<<"$output")" = 1.41 ]
    [ "$(jq -r '.libraries | keys | join(" ")' <<<"$output")" = 'jansson libcrypto libcurl libgit2 libuv libyaml nettle' ]
    [ "$(jq -r '.libraries[] | select(test("^[0-9]+[.][0-9]+") | not)' <<<"$output")" = '' ]
    run "$BERTH" version -o yaml
    [ "$status" -eq 2 ]
    [[ $output == *'"yaml" is neither text nor json'* ]]
}

@test "of libraries that come along unasked, GnuTLS does not begin itself" {
    # what the dynamic linker says of the symbol that it looks for
    LD_DEBUG=bindings LD_DEBUG_OUTPUT=$BATS_TEST_TMPDIR/bindings "$BERTH" version
    cat "$BATS_TEST_TMPDIR"/bindings.* >"$BATS_TEST_TMPDIR/all"
    if grep -q 'libgnutls\.so' "$BATS_TEST_TMPDIR/all"; then
        grep -E 'libgnutls\.so.* to .*berth .*_gnutls_global_init_skip' "$BATS_TEST_TMPDIR/all"
    fi
}

@test "the commit is that of the clone" {
    local commit
    commit=$("$BERTH" version -o json | jq -r .commit)
    [ "${commit%-dirty}" = "$(git -C "$PROJECT" rev-parse --short=12 HEAD 2>/dev/null || echo null)" ]
}

# commands: as berth --help lists them
commands() { "$BERTH" --help | sed -nE 's/^  ([a-z][a-z-]*)  .*/\1/p'; }

@test "every command is listed once, has --help, exit codes and examples" {
    run "$BERTH" --help
    [ "$status" -eq 0 ]
    for title in 'objects:' 'spec files:' 'tasks and containers:' 'others:'; do
        [[ $output == *$'\n'"$title"* ]]
    done
    [ "$(commands | wc -l)" -ge 11 ]
    [ -z "$(commands | sort | uniq -d)" ]
    for command in $(commands); do
        run --separate-stderr "$BERTH" "$command" --help
        [ "$status" -eq 0 ]
        [ -z "$stderr" ]
        [[ ${lines[0]} == "usage: berth $command"* ]]
        [[ $output == *'exit code: '* ]]
        sed '1,/^examples*:$/d' <<<"$output" | grep -q "berth $command\>"
        # what cannot be wrapped: names of options, and examples
        [ "$(awk 'length > 80 && !/^  (-|berth )/' <<<"$output")" = '' ]
        [ "$("$BERTH" help "$command")" = "$output" ]
    done
}

@test "without a command there is help on stderr, and code 2; a wrong one is told with the nearest" {
    run --separate-stderr "$BERTH"
    [ "$status" -eq 2 ]
    [ -z "$output" ]
    [[ $stderr == *'usage: berth COMMAND'* ]]
    run "$BERTH" valdate
    [ "$status" -eq 2 ]
    [[ $output == *'did you mean "validate"?'* ]]
    run "$BERTH" git-wrker
    [ "$status" -eq 2 ]
    [[ $output != *git-worker* ]]    # not for people
}

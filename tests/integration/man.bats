#!/usr/bin/env bats
# The manual pages, docs/reference/commands.md, and what make install puts where.

load helpers
bats_require_minimum_version 1.5.0

teardown() { berth_teardown; }

# pages: all of them, into TEST_DIR/man
pages() {
    local page
    mkdir -p "$TEST_DIR/man"
    for page in $("$BERTH" __pages); do
        "$BERTH" __pages "$page" >"$TEST_DIR/man/$page" || return 1
    done
}

# commands: as berth --help lists them
commands() { "$BERTH" --help | sed -nE 's/^  ([a-z][a-z-]*)  .*/\1/p'; }

@test "there is a page for each command, for berth and for berth.yaml, and mandoc finds nothing wrong" {
    pages
    [ "$(ls "$TEST_DIR/man")" = "$({ echo berth.1; echo berth.yaml.5; commands | sed 's/.*/berth-&.1/'; } | sort)" ]
    run mandoc -T lint -W warning "$TEST_DIR"/man/*
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "a page says what --help says" {
    pages
    mandoc -T ascii "$TEST_DIR/man/berth-gc.1" | col -b >"$TEST_DIR/gc.txt"
    grep -q '^BERTH-GC(1)' "$TEST_DIR/gc.txt"
    for option in $("$BERTH" gc --help | grep -oE -- '--[a-z-]+' | sort -u); do
        grep -q -- "$option" "$TEST_DIR/gc.txt"
    done
    grep -q 'berth gc --dry-run$' "$TEST_DIR/gc.txt"
    mandoc -T ascii "$TEST_DIR/man/berth.yaml.5" | col -b | grep -q '^ *gitMaxSize SIZE'
    man -l "$TEST_DIR/man/berth.1" | col -b >"$TEST_DIR/berth.txt"
    for command in $(commands); do
        grep -q "berth-$command(1)" "$TEST_DIR/berth.txt"
    done
}

@test "the reference has every command with its exit codes" {
    local page=$PROJECT/docs/reference/commands.md
    "$BERTH" __pages commands.md | diff - "$page"
    for command in $(commands); do
        grep -q "^### berth $command\$" "$page"
        grep -q "^| \[\`$command\`\](#berth-$command) | ." "$page"
    done
    [[ $(grep -c __ "$page") -eq 0 ]]
}

@test "make install puts pages and completion where they are found" {
    make -s -C "$PROJECT" install DESTDIR="$TEST_DIR/root" PREFIX=/usr OUT="$(dirname "$BERTH")" \
        BUILD="$TEST_DIR/build" -o "$BERTH" >/dev/null
    [ "$(MANPATH=$TEST_DIR/root/usr/share/man man -w berth-get)" = "$TEST_DIR/root/usr/share/man/man1/berth-get.1" ]
    [ -f "$TEST_DIR/root/usr/share/man/man5/berth.yaml.5" ]
    bash -n "$TEST_DIR/root/usr/share/bash-completion/completions/berth"
    grep -q '^#compdef berth' "$TEST_DIR/root/usr/share/zsh/site-functions/_berth"
    grep -q '^complete -c berth' "$TEST_DIR/root/usr/share/fish/vendor_completions.d/berth.fish"
}

#!/usr/bin/env bats
# Whole outputs of the commands that read, over a spec and a state directory that were kept from a real run (below
# tests/cases/commands): no engine, no controller, and a clock that stands days after it. UPDATE=1 writes what is expected
# anew: read the difference.

load helpers

CASES=$BATS_TEST_DIRNAME/../cases/commands

setup() {
    berth_setup
    cp -r "$CASES/specs/." "$SPECS/"
    mkdir -p "$STATE"
    cp "$CASES"/state/* "$STATE/"
    cd "$TEST_DIR"
    export BERTH_SPECS=specs BERTH_STATE=state TZ=UTC
    export LD_PRELOAD=$BERTH_TEST_PROGRAMS/integration/shifted_clock.so BERTH_TEST_CLOCK=$TEST_DIR/clock
    echo $(($(date -d 2026-12-02T06:30:00Z +%s) - $(date +%s))) >"$TEST_DIR/clock"
}

teardown() { rm -rf "$TEST_DIR"; }

# golden NAME ARGUMENT...: all of what the command prints, and how it ends, is NAME.expected.
golden() {
    local name=$1 out
    shift
    out=$({ "$BERTH" "$@" 2>stderr; echo "--- exit code $?"; } | sed "s#$TEST_DIR#/srv#g"; [[ ! -s stderr ]] || { echo "--- stderr"; sed "s#$TEST_DIR#/srv#g" stderr; })
    [[ -z ${UPDATE:-} ]] || printf '%s\n' "$out" >"$CASES/$name.expected"
    diff -u "$CASES/$name.expected" <(printf '%s\n' "$out") || { echo "berth $* differs from $name.expected"; return 1; }
}

@test "get: tables, names, JSONPath and columns" {
    golden get-all get all
    golden get-wide get all -o wide
    golden get-name get all -o name
    golden get-sorted get all --sort-by=.metadata.name
    golden get-selector get instances -l app=shop
    golden get-jsonpath get instance web -o 'jsonpath={.status.ports[*].hostPort}'
    golden get-columns get tasks -o custom-columns=NAME:.metadata.name,PHASE:.status.phase
    golden get-json get instance web -o json
    golden get-yaml get task fix-7 -o yaml
    golden get-misspelled get instance wbe
}

@test "describe: what it is, what it waits for, and what happened" {
    golden describe-instance describe instance/web
    golden describe-broken describe instance/broken
    golden describe-pool describe instancepool/ci
    golden describe-repository describe repository/app
    golden describe-task describe task/fix-7
}

@test "tree and events" {
    golden tree tree
    golden tree-json tree -o json
    golden events events instance/broken
}

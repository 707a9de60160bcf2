#!/usr/bin/env bats
# berth events: the history that the controller leaves, and what people read of it.

load helpers
load task_helpers
bats_require_minimum_version 1.5.0

events() { "$BERTH" events --specs "$SPECS" --state "$STATE" "$@"; }
# event OBJECT REASON...: the object has an event with each of the reasons.
has_event() {
    local object=$1 reason
    shift
    for reason; do
        events "$object" -o json | jq -e --arg reason "$reason" \
            'any(.items[]; .reason == $reason)' >/dev/null ||
            { events "$object"; return 1; }
    done
}

@test "events tell what happened to an object, newest last, with or without a controller" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    wait_for 5 has_event instance/web CreatedContainer StartedContainer Healthy
    docker rm -f web
    wait_for 20 sh -c "'$BERTH' events web --state '$STATE' -o json | jq -e '
        [.items[] | select(.reason == \"CreatedContainer\")] | map(.count) | add >= 2'"
    wait_for 20 is_ready web.yaml web
    berth_kill9
    run --separate-stderr events instance/web
    [ "$status" -eq 0 ]
    [[ ${lines[0]} =~ ^LAST\ SEEN\ +TYPE\ +REASON\ +OBJECT\ +MESSAGE$ ]]
    [[ $output == *Normal*CreatedContainer*instance/web*"created container web"* ]]
    [ -z "$stderr" ]
    events -o json | jq -e '.kind == "EventList" and ([.items[].time] | . == sort)'
    # The same by other words.
    for words in "inst web" "web" "--for instance/web" "instances" "Instance/web"; do
        [ "$(events $words -o json)" = "$(events instance/web -o json)" ]
    done
    events controller -o json | jq -e 'any(.items[]; .reason == "Started" and .name == "berth")'
    [ "$(events instance/web -o yaml | head -2 | tail -1)" = "kind: EventList" ]
}

@test "failures are warnings, specs that change or break or go are told" {
    drop bad.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: bad}
spec: {machineType: e2-small, image: "berth-test/none:1", imagePullPolicy: Never}
SPEC
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    wait_for 10 has_event instance/bad ImageNotFound
    events instance/bad --types Warning -o json | jq -e '.items | length > 0 and all(.type == "Warning")'
    [ "$(events instance/bad --types Normal -o json | jq '[.items[] | select(.type == "Warning")] | length')" = 0 ]
    sed -i 's/e2-small/e2-smal/' "$SPECS/web.yaml"
    wait_for 10 has_event instance/web InvalidSpec
    [[ $(events instance/web --types Warning) == *web.yaml:*'did you mean "e2-small"'* ]]
    sed -i 's/e2-smal$/e2-medium/' "$SPECS/web.yaml"
    wait_for 10 has_event instance/web SpecChanged
    printf 'a: [\n' >"$SPECS/broken.yaml"
    wait_for 10 has_event specfile/broken.yaml InvalidSpec
    rm "$SPECS/web.yaml"
    wait_for 20 has_event instance/web SpecGone StoppedContainer RemovedContainer Gone
}

@test "a crash loop is a few lines with a count" {
    drop crash.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: crash}
spec: {machineType: e2-small, image: "berth-test/web:1", command: ["false"]}
SPEC
    berth_start
    restarts_of() { status_of crash.yaml crash status.restarts.count; }
    has_restarted() { [[ $(restarts_of) -ge 3 ]]; }
    wait_for 20 has_restarted
    berth_stop
    events instance/crash -o json | jq -e 'any(.items[]; .reason == "Ended" and .count >= 3)'
    events instance/crash | grep -qE '\(x[0-9]+ over [0-9]+s\) +Normal +Ended +instance/crash'
    # Repeats are gathered before they are written: the first one, what came in ten seconds, the rest.
    [[ $(grep -c '"Ended"' "$STATE/events.jsonl") -le 3 ]]
}

@test "a task's life is told, and its repository's by its name" {
    make_repo told
    drop told.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: told}
spec: {url: $GIT_HTTP_URL/git/told.git}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: t}
spec: {repository: {name: told}, command: ["false"]}
SPEC
    berth_start
    wait_for 60 field_is told.yaml t status.phase Failed
    wait_for 5 has_event task/t StartedTask Error
    wait_for 5 has_event repository/told FetchedMirror CreatedContainer
}

@test "events -w goes on with what comes, --since leaves out what is old" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    "$BERTH" events --specs "$SPECS" --state "$STATE" -w instance/web >"$TEST_DIR/table" 3>&- &
    table=$!
    "$BERTH" events --specs "$SPECS" --state "$STATE" -w -o json --since 0s >"$TEST_DIR/lines" 3>&- &
    json=$!
    wait_for 5 grep -q Healthy "$TEST_DIR/table"
    rm "$SPECS/web.yaml"
    wait_for 20 grep -q 'Gone.*instance/web' "$TEST_DIR/table"
    wait_for 5 grep -q '"Gone"' "$TEST_DIR/lines"
    kill "$table" "$json"
    [[ $(grep -c 'CreatedContainer' "$TEST_DIR/lines") -eq 0 ]]
    jq -es 'all(.[]; .kind and .reason and .time)' "$TEST_DIR/lines"
    head -1 "$TEST_DIR/table" | grep -q '^LAST SEEN'
    run --separate-stderr events --since 0s
    [ "$status" -eq 0 ]
    [ "$output$stderr" = "no events" ]
}

@test "events says what is wrong with what it is asked for" {
    run --separate-stderr events
    [ "$status" -eq 0 ]
    [[ $stderr == "no events: no controller has run with state directory $STATE" ]]
    drop_instance webserver
    berth_start
    wait_for 20 is_ready webserver.yaml webserver
    run events instance/websrver
    [ "$status" -eq 1 ]
    [[ $output == 'berth events: there is no Instance "websrver", nor any event of one; did you mean "webserver"?' ]]
    for wrong in "instnce/web" "--since x" "--types Bad" "-o x" "-w -o yaml" "instance/" "a b c"; do
        run events $wrong
        [ "$status" -eq 2 ] || { echo "$wrong: $status $output"; false; }
    done
}

@test "a history that cannot be written holds nothing up, and goes on" {
    berth_start
    wait_for 5 events controller
    rm "$STATE/events.jsonl"
    mkdir "$STATE/events.jsonl" "$STATE/events.jsonl/in the way"
    drop_instance web
    wait_for 20 is_ready web.yaml web
    wait_for 10 grep -q 'state_unwritable.*events.jsonl' "$LOG"
    rm -r "$STATE/events.jsonl"
    wait_for 10 has_event instance/web CreatedContainer Healthy
    wait_for 10 grep -q 'state_writable' "$LOG"
}

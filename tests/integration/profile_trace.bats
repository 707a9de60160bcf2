#!/usr/bin/env bats
# berth run --profile-trace: what the file tells, and that it is readable however the controller ends.

load helpers

# trace_is_sound FILE: all that tools rely on. Spans nest, on each track, and each has its end, with its
# name; time goes forward; tracks and the process have names.
trace_is_sound() {
    jq -e '
        (map(select(.ph == "B" or .ph == "E")) | group_by(.tid) | all(
            reduce .[] as $e ({open: [], ok: true};
                if $e.ph == "B" then .open += [$e.name] else .ok = (.ok and .open[-1] == $e.name) | .open |= .[:-1] end)
            | .ok and .open == [])) and
        all(.[]; .ph != "E" or .name != null) and
        ([.[] | select(.ph != "M").ts] | . == sort) and
        ([.[] | select(.name == "thread_name").tid] as $named
            | [.[] | select(.ph == "B" or .ph == "i").tid] | unique - $named == []) and
        any(.[]; .name == "process_name" and .args.name == "berth") and
        (map(.pid) | unique | length) == 1' "$1"
}

# spans FILE: the spans, each with all args, those of the begin and of the end.
spans() {
    jq '[group_by(.tid)[] | reduce (.[] | select(.ph == "B" or .ph == "E")) as $e ({open: [], done: []};
            if $e.ph == "B" then .open += [$e]
            else .done += [.open[-1] + {us: ($e.ts - .open[-1].ts), args: ((.open[-1].args // {}) + ($e.args // {}))}]
                | .open |= .[:-1] end) | .done[]]' "$1"
}

# has_span FILE FILTER: a span for which the filter of jq is true.
has_span() { spans "$1" | jq -e "any(.[]; $2)" || { echo "no span: $2"; spans "$1" | jq -c '.[]'; return 1; }; }

@test "a trace has passes with their plans, actions, engine calls with their status, and what came back" {
    drop_instance web
    berth_start --profile-trace "$TEST_DIR/trace.json"
    wait_for 30 is_ready web.yaml web
    docker kill web
    wait_for 30 trace_mentions 'Instance/web: restart'
    wait_for 30 is_ready web.yaml web
    rm "$SPECS/web.yaml"
    wait_for 30 container_is_gone web
    berth_stop
    local trace=$TEST_DIR/trace.json
    [ "$(stat -c %a "$trace")" = 600 ]
    trace_is_sound "$trace"
    has_span "$trace" '.tid == 1 and .name == "pass Instance/web" and .args.cause == "scan the specs"'
    has_span "$trace" '.name == "pass Instance/web" and .args.operation == "create" and .args.actions >= 3
        and (.args.plan | contains("create container web")) and .us >= 0'
    has_span "$trace" '.name == "pass Instance/web" and .args.gone'
    has_span "$trace" '.name == "pass Instance/web" and .args.cause == "reply: inspect container \"web\""'
    has_span "$trace" '.cat == "plan" and .name == "Instance/web: create" and .args.done == .args.actions'
    has_span "$trace" '.cat == "plan" and .name == "Instance/web: restart" and (.args.cause | contains("signal 9"))'
    has_span "$trace" '.cat == "plan" and .name == "create container web" and .args.cause == "container does not exist"'
    has_span "$trace" '.cat == "engine call" and .args.method == "POST" and .args.status == 201
        and (.args.path | startswith("/containers/create?name=web")) and .args.sentBytes > 100'
    has_span "$trace" '.cat == "engine call" and .args.method == "POST" and .args.status == 204
        and (.args.path | test("^/containers/[0-9a-f]{64}/start"))'
    has_span "$trace" '.cat == "engine call" and .args.method == "GET" and .args.status == 200 and .args.bytes > 0'
    has_span "$trace" '.cat == "engine call" and (.args.path | startswith("/events")) and .args.cancelled'
    has_span "$trace" '.name == "status of web.yaml"'
    has_span "$trace" '.tid == 1 and .name == "engine event: container die web"'
    jq -e 'any(.[]; .ph == "i" and .name == "container die" and .args.name == "web")' "$trace"
    jq -e '[.[] | select(.ph == "C" and .name == "engine calls in flight").args.value] | max >= 1 and .[-1] == 0' "$trace"
    jq -e '[.[] | select(.ph == "C" and .name == "keys in the queue").args.value] | max >= 1' "$trace"
}

# trace_mentions NAME: the file that is being written has such an event by now.
trace_mentions() { { cat "$TEST_DIR/trace.json"; echo ']'; } | jq -e --arg name "$1" 'any(.[]; .name == $name)'; }

@test "what is secret is not in a trace" {
    drop web.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: web}
spec:
  machineType: e2-small
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/web:1
  env: [{name: PASSWORD, value: s3cret-of-the-spec}]
  readinessProbe: {exec: {command: [sh, -c, "test s3cret-of-the-probe"]}, periodSeconds: 1}
  terminationGracePeriodSeconds: 2
SPEC
    berth_start --profile-trace "$TEST_DIR/trace.json"
    wait_for 30 is_ready web.yaml web
    berth_stop
    trace_is_sound "$TEST_DIR/trace.json"
    has_span "$TEST_DIR/trace.json" '.cat == "probe" and (.name | contains("Instance/web")) and .args.result == "success"'
    grep -q 'create container' "$TEST_DIR/trace.json"
    run grep -o ".\{0,80\}s3cret" "$TEST_DIR/trace.json"
    [ "$status" -eq 1 ]
}

@test "children have spans: what git fetched, and the trees that were made" {
    drop_sample_task t.yaml '["true"]'
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$PORT_LAST" --network-range "$NETWORK_RANGE" \
        --repository-image berth-test/busybox:1 --once --profile-trace "$TEST_DIR/trace.json"
    [ "$status" -eq 0 ]
    trace_is_sound "$TEST_DIR/trace.json"
    has_span "$TEST_DIR/trace.json" '.cat == "child process" and .args.status == 0
        and .name == "git-worker fetch '"$GIT_HTTP_URL"'/git/sample.git"'
    has_span "$TEST_DIR/trace.json" '.cat == "child process" and .args.status == 0
        and (.name | startswith("tree-worker make ")) and .args.pid > 0'
    has_span "$TEST_DIR/trace.json" '.cat == "plan" and .name == "start task t-'"$BATS_SUITE_TEST_NUMBER"'"'
}

@test "a dry run can be traced too" {
    drop_instance web
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --dry-run --profile-trace "$TEST_DIR/trace.json"
    [[ $output == *"create container web"* ]]
    trace_is_sound "$TEST_DIR/trace.json"
    has_span "$TEST_DIR/trace.json" '.name == "pass Instance/web" and (.args.plan | contains("create container web"))'
}

@test "a killed controller leaves a trace that is JSON but for its bracket, with all that had happened" {
    drop_instance web
    berth_start --profile-trace "$TEST_DIR/trace.json"
    wait_for 30 is_ready web.yaml web
    berth_kill9
    run jq . "$TEST_DIR/trace.json"
    [ "$status" -ne 0 ]
    { cat "$TEST_DIR/trace.json"; echo ']'; } >"$TEST_DIR/mended.json"
    jq -e 'length > 20' "$TEST_DIR/mended.json"
    has_span "$TEST_DIR/mended.json" '.cat == "engine call" and .args.status == 201'
    has_span "$TEST_DIR/mended.json" '.name == "status of web.yaml"'
    jq -e 'any(.[]; .ph == "B" and .args.path != null and (.args.path | startswith("/events")))' "$TEST_DIR/mended.json"
}

@test "a disk that is full ends the trace and nothing else, and the log says so once" {
    drop_instance web
    berth_start --profile-trace /dev/full
    wait_for 30 is_ready web.yaml web
    curl -fsS "http://127.0.0.1:$(port_of web.yaml web)/" | grep -q web
    berth_stop
    [ "$(grep -c profile_trace_ended "$LOG")" = 1 ]
    grep -q 'profile_trace_ended.*No space left on device' "$LOG"
}

@test "a trace that cannot be opened is told at once; one controller does not touch the other's" {
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --once --profile-trace "$TEST_DIR/absent/trace.json"
    [ "$status" -eq 2 ]
    [[ $output == *"$TEST_DIR/absent/trace.json"*"No such file or directory"* ]]
    run "$BERTH" run --profile-trace
    [ "$status" -eq 2 ]
    berth_start --profile-trace "$TEST_DIR/trace.json"
    local size
    size=$(stat -c %s "$TEST_DIR/trace.json")
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --once --profile-trace "$TEST_DIR/trace.json"
    [ "$status" -eq 2 ]
    [ "$(stat -c %s "$TEST_DIR/trace.json")" -ge "$size" ]
    berth_stop
    trace_is_sound "$TEST_DIR/trace.json"
}

#!/usr/bin/env bats
# berth apply: specs into the spec directory, and until they are as they should be.

bats_require_minimum_version 1.5.0
load helpers

apply() { "$BERTH" apply --specs "$SPECS" --state "$STATE" "$@"; }

# web_spec NAME [LINE...]: a small web server, with further lines of its spec.
web_spec() {
    cat <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: $1, labels: {app: shop}}
spec:
  machineType: e2-small
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/web:1
  terminationGracePeriodSeconds: 1
  ports: [{name: http, containerPort: 8080}]   # any
SPEC
    (($# < 2)) || printf '  %s\n' "${@:2}"
}

task_spec() {
    cat <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: $1}
spec: {repository: $GIT_HTTP_URL/git/$REPOSITORY.git, command: $2}
SPEC
}

# on_terminal COMMAND: a shell command line on a terminal of its own.
on_terminal() { script -qec "$1" /dev/null </dev/null; }

@test "objects are created, configured and unchanged, and what stands around them stays" {
    mkdir "$TEST_DIR/in"
    { echo "# both"; web_spec a; echo "---"; web_spec b; } >"$TEST_DIR/in/both.yaml"
    run --separate-stderr apply -f "$TEST_DIR/in"
    [ "$status" -eq 0 ]
    [ "$output" = $'instance/a created\ninstance/b created' ]
    [ -z "$stderr" ]
    cmp "$TEST_DIR/in/both.yaml" "$SPECS/both.yaml"
    run apply -f "$TEST_DIR/in"
    [ "$output" = $'instance/a unchanged\ninstance/b unchanged' ]
    # from standard input: where it is
    run apply -f - < <(echo "# new b"; web_spec b "hostname: bee")
    [ "$output" = "instance/b configured" ]
    { echo "# both"; web_spec a; echo "---"; echo "# new b"; web_spec b "hostname: bee"; } | cmp - "$SPECS/both.yaml"
    run apply -f - < <(web_spec c)
    [ "$output" = "instance/c created" ]
    web_spec c | cmp - "$SPECS/instance-c.yaml"
    chmod 640 "$SPECS/instance-c.yaml"
    apply -f <(web_spec c "hostname: sea")
    [ "$(stat -c %a "$SPECS/instance-c.yaml")" = 640 ]
    [ "$(ls -A "$SPECS")" = $'both.yaml\ninstance-c.yaml' ]
}

@test "with anything wrong nothing is written, and all of it is told with its place" {
    web_spec good >"$TEST_DIR/good.yaml"
    web_spec bad "powerState: runing" "color: red" >"$TEST_DIR/bad.yaml"
    run --separate-stderr apply -f "$TEST_DIR/good.yaml" -f "$TEST_DIR/bad.yaml" --report "$TEST_DIR/report.xml"
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    [[ $stderr == *"bad.yaml:10:15: spec.powerState:"*'did you mean "Running"'* ]]
    [[ $stderr == *"bad.yaml:11:3: spec.color:"* ]]
    [[ $stderr == *"berth apply: 2 errors; nothing was written"* ]]
    [ -z "$(ls -A "$SPECS")" ]
    grep -q '<failure type="InvalidSpec" message="[^"]*spec.powerState' "$TEST_DIR/report.xml"
    # one name twice, in the input and in the directory
    run apply -f "$TEST_DIR/good.yaml" -f <(web_spec good)
    [ "$status" -eq 1 ]
    [[ $output == *'Instance "good" is already defined in'* ]]
    web_spec good >"$SPECS/x.yaml"
    web_spec good >"$SPECS/y.yaml"
    run apply -f "$TEST_DIR/good.yaml"
    [ "$status" -eq 1 ]
    [[ $output == *'Instance "good" is in x.yaml and again in y.yaml, line 1; remove one of them'* ]]
    run apply -f "$TEST_DIR/none.yaml"
    [ "$status" -eq 1 ]
    [[ $output == *"none.yaml: No such file or directory"* ]]
    run apply
    [ "$status" -eq 2 ]
    run apply -f "$TEST_DIR/good.yaml" --prune
    [ "$status" -eq 2 ]
    [[ $output == *"--prune and --selector belong together"* ]]
    run apply --specs "$TEST_DIR/nowhere" -f "$TEST_DIR/good.yaml"
    [ "$status" -eq 1 ]
}

@test "a dry run says the same and writes nothing" {
    web_spec a >"$SPECS/a.yaml"
    web_spec old >"$SPECS/old.yaml"
    find "$SPECS" -type f -exec stat -c '%n %i %y' {} + | sort >"$TEST_DIR/before"
    run apply --dry-run --prune -l app=shop -f - < <(web_spec a "hostname: x"; echo "---"; web_spec b)
    [ "$status" -eq 0 ]
    [ "$output" = $'instance/a configured (dry run)\ninstance/b created (dry run)\ninstance/old pruned (dry run)' ]
    find "$SPECS" -type f -exec stat -c '%n %i %y' {} + | sort | cmp - "$TEST_DIR/before"
    run apply --prune -l app=shop -f - < <(web_spec a "hostname: x"; echo "---"; web_spec b)
    [ "$output" = $'instance/a configured\ninstance/b created\ninstance/old pruned' ]
    [ "$(ls -A "$SPECS")" = $'a.yaml\ninstance-b.yaml' ]
}

@test "--if-hash writes only what nobody has changed meanwhile" {
    web_spec a >"$SPECS/a.yaml"
    run apply --if-hash v1-0000000000000000 -f - < <(web_spec a "hostname: x")
    [ "$status" -eq 1 ]
    web_spec a | cmp - "$SPECS/a.yaml"
    hash=$(grep -o 'v1-[0-9a-f]*$' <<<"${output#*has }" || grep -o 'it has v1-[0-9a-f]*' <<<"$output" | cut -d' ' -f3)
    run apply --if-hash "$hash" -f - < <(web_spec a "hostname: x")
    [ "$output" = "instance/a configured" ]
    run apply --if-hash "$hash" -f - < <(web_spec a "hostname: y")
    [ "$status" -eq 1 ]
    run apply --if-hash "$hash" -f - < <(web_spec a; echo "---"; web_spec b)
    [ "$status" -eq 2 ]
    # of twenty at once one wins, and nothing is lost of the others' files
    hash=$(apply --if-hash x -f "$SPECS/a.yaml" 2>&1 | grep -o 'it has v1-[0-9a-f]*' | cut -d' ' -f3)
    pids=()
    for i in {1..20}; do
        apply --if-hash "$hash" -f - < <(web_spec a "hostname: h$i") >"$TEST_DIR/out.$i" 2>&1 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || [ $? -eq 1 ]; done
    [ "$(cat "$TEST_DIR"/out.* | grep -c '^instance/a configured$')" -eq 1 ]
    "$BERTH" validate "$SPECS"
}

@test "many that write to one file at once lose nothing of each other" {
    web_spec seed >"$SPECS/all.yaml"
    pids=()
    mkdir "$TEST_DIR/in"
    for i in 1 2 3 4; do
        mkdir "$TEST_DIR/in/$i"
        web_spec "w$i" >"$TEST_DIR/in/$i/all.yaml"
        apply -f "$TEST_DIR/in/$i" >"$TEST_DIR/out.$i" 2>&1 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    for i in 1 2 3 4; do
        [ "$(cat "$TEST_DIR/out.$i")" = "instance/w$i created" ]
    done
    [ "$("$BERTH" validate "$SPECS")" = "5 objects in 1 file: good" ]
}

@test "one fixture serves two jobs side by side" {
    REPOSITORY=apply-jobs
    mkdir "$TEST_DIR/in"
    { web_spec web "env: [{name: JOB, value: '{{ job }}'}]"; echo "---"; task_spec test '[sh, -c, "echo ${HOME} {{ job }}"]'; } \
        >"$TEST_DIR/in/all.yaml"
    make_repo "$REPOSITORY"
    berth_start
    apply -f "$TEST_DIR/in" --name-prefix one- --set job=1 --wait --timeout 50s >"$TEST_DIR/one" 2>&1 3>&- &
    pid=$!
    run --separate-stderr apply -f "$TEST_DIR/in" --name-prefix two- --set job=2 --wait --timeout 50s --report "$TEST_DIR/report.xml"
    [ "$status" -eq 0 ]
    [ "$output" = $'instance/two-web created\ntask/two-test created' ]
    [[ $stderr == *"instance/two-web: Ready"* && $stderr == *"task/two-test: Succeeded"* ]]
    wait "$pid"
    container_is_running one-web
    docker exec two-web sh -c 'test "$JOB" = 2'
    [[ $("$BERTH" logs --specs "$SPECS" --state "$STATE" task/one-test) == *" 1" ]]
    [ "$(ls "$SPECS" | grep -v status)" = $'one-all.yaml\ntwo-all.yaml' ]
    grep -q '<testsuite name="berth apply" tests="2" failures="0"' "$TEST_DIR/report.xml"
    grep -q '<testcase classname="Task" name="two-test" time="' "$TEST_DIR/report.xml"
    run apply -f "$TEST_DIR/in" --set jbo=1
    [ "$status" -eq 1 ]
    [[ $output == *'all.yaml: line '*'{{ job }} has no value; add --set job='*'(you gave one for "jbo")'* ]]
    run "$BERTH" delete --specs "$SPECS" --state "$STATE" -f "$TEST_DIR/in" --name-prefix one- --set job=1 --wait
    [ "$status" -eq 0 ]
    container_is_gone one-web
    container_is_running two-web
}

@test "waiting ends at once, with the reason, when something cannot come" {
    REPOSITORY=apply-ends
    make_repo "$REPOSITORY"
    berth_start
    run --separate-stderr apply --wait --timeout 50s --report "$TEST_DIR/report.xml" \
        -f - < <(task_spec bad '[sh, -c, "exit 3"]'; echo "---"; task_spec good '["true"]')
    [ "$status" -eq 1 ]
    [[ $stderr == *"berth apply: task/bad: Error: "*"code 3"* ]]
    [[ $stderr == *"task/good: Succeeded"* ]]
    [ "$(grep -c '<failure type="Error" message="[^"]*code 3' "$TEST_DIR/report.xml")" -eq 1 ]
    run --separate-stderr apply --wait --timeout 50s \
        -f - < <(web_spec lost | sed 's|berth-test/web:1|berth-test/none:1|; s/image: .*/&\n  imagePullPolicy: Never/')
    [ "$status" -eq 1 ]
    [[ $stderr == *"berth apply: instance/lost: ImageNotFound: "* ]]
    # a task that has run does not run again for another spec
    run --separate-stderr apply --wait --timeout 50s -f - < <(task_spec good '[sh, -c, "true"]')
    [ "$status" -eq 1 ]
    [[ $stderr == *"task/good: ChangedAfterStart: "* ]]
}

@test "when time is up it says what is missing, and ends with 124" {
    berth_start
    run --separate-stderr apply --wait --timeout 2s --report "$TEST_DIR/report.xml" -f - < <(
        web_spec never "readinessProbe: {exec: {command: ['false']}, periodSeconds: 1}"
        echo "---"
        web_spec web
    )
    [ "$status" -eq 124 ]
    [[ $stderr == *"berth apply: after 2 s there "*" still missing:"*"instance/never: "* ]]
    grep -q '<failure type="TimedOut"' "$TEST_DIR/report.xml"
    # it is waited for exactly what was written, not for what was Ready before
    wait_for 20 is_ready instance-web.yaml web
    run --separate-stderr apply --wait --timeout 30s -f - < <(web_spec web "hostname: other")
    [ "$status" -eq 0 ]
    [ "$(docker exec web hostname)" = other ]
}

@test "without a controller, or with one of other specs, waiting is refused before anything is written" {
    run apply --wait -f - < <(web_spec web)
    [ "$status" -eq 1 ]
    [[ $output == *"no controller runs with state directory $STATE"* ]]
    [ -z "$(ls -A "$SPECS")" ]
    berth_start
    mkdir "$TEST_DIR/other"
    run "$BERTH" apply --specs "$TEST_DIR/other" --state "$STATE" --wait -f - < <(web_spec web)
    [ "$status" -eq 1 ]
    [[ $output == *"looks at the specs in $SPECS, not in $TEST_DIR/other"* ]]
    [ -z "$(ls -A "$TEST_DIR/other")" ]
    # without both flags it is where the controller looks
    run env -u BERTH_SPECS "$BERTH" apply --state "$STATE" -f - < <(web_spec web)
    [ "$output" = "instance/web created" ]
    [ -e "$SPECS/instance-web.yaml" ]
}

@test "on a terminal there is a line for each that is drawn over; TERM=dumb and pipes get lines" {
    berth_start
    { web_spec one; echo "---"; web_spec two; } >"$TEST_DIR/two.yaml"
    command="$BERTH apply --specs $SPECS --state $STATE -f $TEST_DIR/two.yaml --wait"
    shown=$(TERM=xterm on_terminal "$command")
    [[ $shown == *$'\e[2A'* && $shown == *$'\e[32minstance/one'*Ready* && $shown == *$'\e[32minstance/two'*Ready* ]]
    shown=$(TERM=xterm NO_COLOR=1 on_terminal "$command")
    [[ $shown == *"instance/one"*"Ready"* && $(grep -c $'\e\\[3' <<<"$shown") -eq 0 ]]
    shown=$(TERM=dumb on_terminal "$command")
    [[ $shown == *"instance/one: Ready"* && $(grep -c $'\e' <<<"$shown") -eq 0 ]]
    run $command
    [[ $output == *"instance/one: Ready"* && $(grep -c $'\e' <<<"$output") -eq 0 ]]
}

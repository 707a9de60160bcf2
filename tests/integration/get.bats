#!/usr/bin/env bats
# berth get and validate: what people read.

load helpers
load status_helpers
bats_require_minimum_version 1.5.0

get() { "$BERTH" get --specs "$SPECS" --state "$STATE" "$@"; }

@test "get shows a table, wide, JSON and YAML of what runs" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    run get
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == KIND*NAME*PHASE*READY*PORTS* ]]
    [[ ${lines[1]} == Instance*web*RUNNING*True*"127.0.0.1:$(port_of web.yaml web)->8080"* ]]
    run get instances -o wide
    [[ $output == *web.status.yaml* ]]
    [ "$(get instance web -o json | jq -r .status.container.id)" = "$(container_field web '{{.Id}}')" ]
    [ "$(get -o json | jq -r '.kind + " " + .items[0].metadata.name')" = "List web" ]
    get instance web -o yaml | grep -q '^  phase: RUNNING$'
}

@test "get of an unknown name or kind says so, with the nearest one" {
    drop_instance webserver
    berth_start
    wait_for 20 is_ready webserver.yaml webserver
    run get instance websrver
    [ "$status" -eq 1 ]
    [[ $output == *'there is no Instance "websrver"; did you mean "webserver"?'* ]]
    run get instnces
    [ "$status" -eq 2 ]
    [[ $output == *'did you mean "instances"'* ]]
    run get nonsense
    [ "$status" -eq 2 ]
    [[ $output == *'it is one of instances, instancepools, repositories, tasks or all'* ]]
}

@test "get takes kinds by their name, plural or short form" {
    drop_instance web
    drop project.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: project}
spec: {url: $GIT_HTTP_URL/git/none.git}
SPEC
    berth_start
    wait_for 20 is_ready web.yaml web
    wait_for 20 status_of project.yaml project status.phase
    for word in instance instances inst Instance; do
        run get "$word"
        [ "$status" -eq 0 ]
        [[ ${#lines[@]} == 2 && ${lines[1]} == web*RUNNING* ]]
    done
    for word in repository repositories repo repos; do
        run get "$word"
        [ "$status" -eq 0 ]
        [[ ${#lines[@]} == 2 && ${lines[1]} == project* ]]
    done
    for word in pool pools instancepool instancepools task tasks; do
        run get "$word"
        [ "$status" -eq 0 ]
        [[ $output == "nothing found in $SPECS" ]]
    done
    run get all
    [[ ${#lines[@]} == 3 ]]
}

@test "a task that is over is neither ready nor not" {
    make_repo over
    drop over.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: good}
spec: {repository: $GIT_HTTP_URL/git/over.git, command: ["true"]}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: bad}
spec: {repository: $GIT_HTTP_URL/git/over.git, command: ["false"]}
SPEC
    berth_start
    wait_for 60 field_is over.yaml good status.phase Succeeded
    wait_for 60 field_is over.yaml bad status.phase Failed
    run get task good
    [[ ${lines[1]} =~ ^good\ +Succeeded\ +Completed\ .*over\ +1\ +0\  ]]
    run get all
    [[ $output =~ Task\ +good\ +Succeeded\ +-\ +Completed ]]
    run get task bad
    [[ ${lines[1]} =~ ^bad\ +Failed\ +Error\ .*over\ +1\ +1\  ]]
}

# shows EXPECTED ARGUMENT...: all that get says on stdout of the files of write_statuses.
shows() { diff <(get "${@:2}" 2>/dev/null) <(printf '%s\n' "$1"); }

@test "each kind has columns of its own, and several have those that all share" {
    write_statuses
    shows "\
NAME      PHASE       READY   REASON        MACHINE         ZONE            IP           PORTS                   AGE
broken    Invalid     False   InvalidSpec   -               -               -            -                       -
build-0   RUNNING     True    Healthy       n1-standard-1   us-central1-a   10.210.0.2   -                       -
build-1   STAGING     False   Starting      n1-standard-1   us-central1-a   -            -                       -
web       REPAIRING   False   CrashLoop     e2-small        us-central1-b   -            127.0.0.1:20014->8080   -" instances
    shows "\
NAME    PHASE          READY   REASON    UPDATED   TASKS   WAITING   USED   AGE
build   PROVISIONING   1/2     Scaling   2         1       1         25%    -" pools
    shows "\
NAME      PHASE     REASON    CONTAINERS   TASKS   BRANCH   HEAD           AGE
project   RUNNING   Healthy   1            1       main     fd4e5b31aa00   -" repositories
    shows "\
NAME    PHASE     REASON    REPOSITORY                    ATTEMPT   EXIT   DURATION   AGE
fix-7   Running   Running   git.example.com/org/project   1         -      -          -
fix-8   Pending   Waiting   git.example.com/org/project   0         -      -          -
tests   Failed    Error     git.example.com/org/shop      2         3      42s        -" tasks
    shows "\
KIND           NAME    PHASE          READY   REASON    AGE   PORTS
InstancePool   build   PROVISIONING   False   Scaling   -     -
Task           fix-7   Running        True    Running   -     -
Task           fix-8   Pending        False   Waiting   -     -
Task           tests   Failed         -       Error     -     -" pools,tasks
    shows "\
web   REPAIRING   False   CrashLoop   e2-small   us-central1-b   -   127.0.0.1:20014->8080   -   3   -   -   -   web.status.yaml   exit code 1" \
        inst web -o wide --no-headers
}

@test "objects are asked for by several names, and as KIND/NAME" {
    write_statuses
    shows $'instance/web\ninstance/build-0' instances web build-0 -o name
    shows $'task/tests\ninstancepool/build' task/tests pool/build -o name
    shows $'NAME    PHASE    REASON   REPOSITORY                 ATTEMPT   EXIT   DURATION   AGE
tests   Failed   Error    git.example.com/org/shop   2         3      42s        -' task/tests
    [ "$(get web -o jsonpath='{.x}' 2>&1)" != "" ]    # web is no kind
    run --separate-stderr get task fix-7 fix-9 tests -o name
    [ "$status" -eq 1 ]
    [ "$output" = $'task/fix-7\ntask/tests' ]
    [[ $stderr == *'there is no Task "fix-9"; did you mean "fix-7"?'* ]]
    run get task/fix-7 tests
    [ "$status" -eq 2 ]
    [[ $output == *'"tests" is not KIND/NAME'* ]]
    run get tsak/fix-7
    [ "$status" -eq 2 ]
    [[ $output == *'did you mean "Task"'* ]]
}

@test "labels choose objects" {
    write_statuses
    shows $'instance/build-0\ninstance/build-1\ntask/fix-7' -l team=infra -o name
    shows $'instance/web\ntask/tests' all -l 'team in (shop, x)' -o name
    shows task/tests all -l 'team=shop,!tier' -o name
    shows instance/broken instances -l '!team' -o name
    run get tasks -l team=
    [ "$status" -eq 0 ]
    [[ $output == *"nothing found in $SPECS"* ]]
    run get tasks -l 'team in shop'
    [ "$status" -eq 2 ]
    [[ $output == *'-l: "team in shop": at 9: values belong here in parentheses'* ]]
    run get tasks fix-7 -l team
    [ "$status" -eq 2 ]
}

@test "jsonpath, custom columns and --sort-by take paths" {
    write_statuses
    [ "$(get task tests -o 'jsonpath={.status.task.exitCode}')" = 3 ]
    [ "$(get tasks -o 'jsonpath={range .items[*]}{.metadata.name}={.status.phase}{"\n"}{end}')" = \
        $'fix-7=Running\nfix-8=Pending\ntests=Failed' ]
    [ "$(get inst web -o 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}')" = CrashLoop ]
    [ "$(get tasks -o 'jsonpath={.items[?(@.status.task.exitCode>0)].metadata.name}')" = tests ]
    shows $'N       EXIT     WHY
fix-7   <none>   Running
fix-8   <none>   Waiting
tests   3        Error' tasks -o 'custom-columns=N:.metadata.name,EXIT:status.task.exitCode,WHY:.status.conditions[?(@.type=="Ready")].reason'
    shows $'task/fix-8\ntask/fix-7\ntask/tests' tasks --sort-by .status.task.attempt -o name
    shows $'task/tests\ntask/fix-7\ntask/fix-8' tasks --sort-by '{.status.task.startTime}' -o name
    run get tasks -o 'jsonpath={.items[*}'
    [ "$status" -eq 2 ]
    [[ $output == *'-o: jsonpath: at 10, before "}": "]" is missing'* ]]
    run get tasks -o custom-columns=NAME
    [ "$status" -eq 2 ]
    [[ $output == *'"NAME" is not NAME:PATH'* ]]
    run get tasks -o jsom
    [ "$status" -eq 2 ]
    [[ $output == *'did you mean "json"?'* ]]
}

@test "phases are coloured on a terminal that can, and nowhere else" {
    write_statuses
    on_terminal() { script -qec "$1 $BERTH get pools --specs $SPECS --state $STATE" /dev/null </dev/null; }
    red=$'\e[33mPROVISIONING\e[0m'
    [[ $(on_terminal "env -u NO_COLOR TERM=xterm") == *"$red"* ]]
    for plain in "env TERM=dumb" "env TERM=xterm NO_COLOR=1" "env -u TERM"; do
        output=$(on_terminal "$plain")
        [[ $output == *PROVISIONING* && $(grep -c $'\e' <<<"$output") -eq 0 ]]
    done
    output=$(TERM=xterm get pools 2>&1)
    [[ $output == *PROVISIONING* && $(grep -c $'\e' <<<"$output") -eq 0 ]]
}

@test "--watch shows what changes as it changes, and what goes" {
    write_statuses
    out=$TEST_DIR/out
    "$BERTH" get tasks -w --specs "$SPECS" --state "$STATE" >"$out" 2>/dev/null &
    pid=$!
    has_line() { grep -qE "$1" "$out"; }
    wait_for 10 has_line '^tests +Failed'
    [ "$(wc -l <"$out")" = 4 ]
    sed 's/phase: Pending/phase: Preparing/' "$SPECS/work.status.yaml" >"$TEST_DIR/new"
    mv "$TEST_DIR/new" "$SPECS/work.status.yaml"
    wait_for 10 has_line '^fix-8 +Preparing'
    [ "$(wc -l <"$out")" = 5 ]
    rm "$SPECS/work.status.yaml"
    wait_for 10 has_line '^tests +Deleted'
    [ "$(wc -l <"$out")" = 8 ]
    kill "$pid"
    code=0
    wait "$pid" || code=$?
    [ "$code" -eq 143 ]
}

@test "--watch on a terminal is coloured, and ends at Ctrl-C" {
    write_statuses
    mkfifo "$TEST_DIR/keys"
    # what bats has in the background ignores Ctrl-C
    script -qec "env --default-signal=INT -u NO_COLOR TERM=xterm $BERTH get tasks -w --specs $SPECS --state $STATE" /dev/null \
        0<>"$TEST_DIR/keys" >"$TEST_DIR/screen" 3>&- &
    pid=$!
    wait_for 10 grep -qF $'\e[31mFailed\e[0m' "$TEST_DIR/screen"
    printf '\003' >"$TEST_DIR/keys"
    is_over() { ! kill -0 "$pid" 2>/dev/null; }
    wait_for 10 is_over
}

@test "what somebody wrote by hand into a status file is read as YAML" {
    printf '# a comment\nkind: Task\nmetadata: {name: "by-hand", labels: {a: b}}\nstatus: {phase: Running}\n' >"$SPECS/x.status.yaml"
    [ "$(get tasks -l a=b -o name 2>/dev/null)" = task/by-hand ]
}

@test "a wrong option is named, with the nearest one" {
    wrong() {
        run "$BERTH" "${@:2}"
        [ "$status" -eq 2 ] && [[ ${lines[0]} == "berth $2: $1" && ${lines[1]} == "see: berth $2 --help" ]] && return
        echo "berth ${*:2}: $status $output"
        return 1
    }
    wrong 'unknown option --sepcs; did you mean --specs?' get --sepcs x
    wrong 'unknown option --status-dri; did you mean --status-dir?' get --status-dri=/x
    wrong '--stat could be --status-dir or --state' get --stat x
    wrong 'unknown option -x' get -x
    wrong '-o needs a value' get -o
    wrong '--output needs a value' get --output
    wrong '--help takes no value' get --help=no
    wrong 'unknown option --dryrun; did you mean --dry-run?' run --dryrun
    wrong '--poll takes no value' run --poll=yes
    wrong '--engine needs a value' run --engine
    wrong 'unknown option --zzz' run --zzz
    wrong 'unknown option --hlep; did you mean --help?' validate --hlep
    wrong 'unknown option --versions' version --versions
    wrong 'unknown option --satte; did you mean --state?' confirm-deletions --satte x
    wrong 'unexpected argument "x"' confirm-deletions x
}

@test "get works without a controller and says how old its answer is" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    run --separate-stderr get
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    berth_kill9
    run --separate-stderr get
    [ "$status" -eq 0 ]
    [[ $output == *web*RUNNING* ]]
    [[ $stderr == *"no controller is running"*ago* ]]
}

@test "validate names every error of every file with its place, and needs no engine" {
    drop a.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: Web}
spec:
  machinetype: e2-small
  powerState: runing
---
apiVersion: berth.dev/v1
kind: Tsk
metadata: {name: t}
SPEC
    drop_instance good
    export DOCKER_HOST=unix:///nowhere
    run "$BERTH" validate "$SPECS"
    [ "$status" -eq 1 ]
    [[ $output == *"a.yaml:3:18: metadata.name:"* ]]
    [[ $output == *'a.yaml:5:3: spec.machinetype:'*'did you mean "machineType"'* ]]
    [[ $output == *'a.yaml:6:15: spec.powerState:'*'did you mean "Running"'* ]]
    [[ $output == *'a.yaml:9:7: kind:'*'did you mean "Task"'* ]]
    run "$BERTH" validate "$SPECS/good.yaml"
    [ "$status" -eq 0 ]
    [[ $output == "1 object in 1 file: good" ]]
    run "$BERTH" validate - <"$SPECS/a.yaml"
    [ "$status" -eq 1 ]
    run "$BERTH" validate
    [ "$status" -eq 2 ]
}

@test "validate sees one name in two files of a directory" {
    drop_instance web
    cp "$SPECS/web.yaml" "$SPECS/web2.yaml"
    run "$BERTH" validate "$SPECS"
    [ "$status" -eq 1 ]
    [[ $output == *"web2.yaml"*'Instance "web" is already defined in web.yaml'* ]]
}

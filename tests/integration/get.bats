#!/usr/bin/env bats
# berth get and validate: what people read.

load helpers
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
        [[ ${#lines[@]} == 2 && ${lines[1]} == Instance*web* ]]
    done
    for word in repository repositories repo repos; do
        run get "$word"
        [ "$status" -eq 0 ]
        [[ ${#lines[@]} == 2 && ${lines[1]} == Repository*project* ]]
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
    [[ ${lines[1]} =~ ^Task\ +good\ +Succeeded\ +-\ +Completed ]]
    run get task bad
    [[ ${lines[1]} =~ ^Task\ +bad\ +Failed\ +-\ +Error ]]
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

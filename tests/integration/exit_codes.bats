#!/usr/bin/env bats
# Every exit code that a command's --help documents, through pipes and on terminals: the same code, results
# on stdout and talk on stderr, colours on a terminal only that wants them.

bats_require_minimum_version 1.5.0
load helpers
load task_helpers

# Code, stream, command line. The stream is where a pipe gets something: o: stdout only; e: stderr only; -: no
# matter. $M is the mode, so that what a line changes is there for each mode. What an engine says of a command
# that is not there depends on the engine (exec.bats asks docker); the shell in the container says 127.
ROWS='
0   o  berth apply -f $D/in/a-$M.yaml
0   -  berth apply -f $D/in/p-$M.yaml --wait --timeout 20s
1   e  berth apply -f $D/bad.yaml
2   e  berth apply
124 -  berth apply -f $BERTH_SPECS/never.yaml --wait --timeout 300ms
0   o  berth delete pool gone-$M
1   e  berth delete pool nothing
2   e  berth delete
124 -  berth delete instance stubborn-$M --wait --timeout 300ms
0   o  berth describe instance web
1   e  berth describe instance nothing
2   e  berth describe
0   o  berth get
1   e  berth get instance nothing
2   e  berth get nonsense
0   o  berth tree
1   e  berth tree instance nothing
2   e  berth tree nonsense
0   -  berth adopt foreign
1   e  berth adopt nothing
2   e  berth adopt
0   o  berth convert $D/compose.yaml
1   e  berth convert $D/nothing
2   e  berth convert
0   -  berth diff --specs $D/none --state $D/other --engine $DOCKER_HOST
1   o  berth diff -f $D/new.yaml
2   e  berth diff -f $D/bad.yaml
0   -  berth plan --specs $D/none --state $D/other --engine $DOCKER_HOST
1   o  berth plan -f $D/new.yaml
2   e  berth plan -f $D/bad.yaml
0   -  EDITOR=true berth edit pool wide
1   e  EDITOR=false berth edit pool wide
2   e  berth edit
0   o  berth explain Instance.spec.image
1   e  berth explain Instance.spec.nonsense
2   e  berth explain nonsense
0   o  berth fmt $BERTH_SPECS/web.yaml
1   -  berth fmt --check $D/bad.yaml
2   e  berth fmt --write -
0   -  berth init $D/init-$M
1   e  berth init $D/bad.yaml/below
2   e  berth init one two
0   o  berth suspend pool wide
1   e  berth suspend pool nothing
2   e  berth suspend
0   o  berth resume pool wide
1   e  berth resume pool nothing
2   e  berth resume
0   o  berth scale pool wide --max 2
1   e  berth scale pool wide --min 3 --max 2
2   e  berth scale pool wide
0   o  berth schema
2   e  berth schema --kind nonsense
0   o  berth validate $BERTH_SPECS/web.yaml
1   e  berth validate $D/bad.yaml
2   e  berth validate
7   -  echo exit 7 | berth attach -i session
1   e  berth attach nothing
2   e  berth attach
0   o  berth events
1   e  berth events instance/nothing
2   e  berth events -o nonsense
7   -  berth exec web -- sh -c "exit 7"
126 -  berth exec web -- /etc
127 -  berth exec web -- sh -c nothing
1   e  berth exec nothing -- true
2   e  berth exec web
0   -  berth fetch done --into $D/clone
1   e  berth fetch nothing --into $D/clone
2   e  berth fetch
0   o  berth logs done
1   e  berth logs nothing
2   e  berth logs
0   o  berth open web
1   e  berth open nothing
2   e  berth open
0   o  berth top instance web
1   e  berth top --engine unix:///nothing
2   e  berth top nonsense
0   -  berth wait instance/web --timeout 20s
1   e  berth wait instance/nothing --timeout 20s
2   e  berth wait
124 e  berth wait instance/never --timeout 300ms
1   e  berth confirm-deletions
2   e  berth confirm-deletions nonsense
0   o  berth doctor --no-network --ports $PORTS
1   o  berth doctor --no-network --engine unix:///nothing
2   e  berth doctor nonsense
0   o  berth gc --dry-run
1   e  berth gc --state $D/nothing
2   e  berth gc nonsense
0   o  berth reconcile pool wide
1   e  berth reconcile pool nothing
2   e  berth reconcile
0   -  berth run --once --specs $D/none --state $D/once-$M --network-range $NETWORK_RANGE
1   -  berth run --once --specs $D/broken --state $D/once-$M --network-range $NETWORK_RANGE
2   e  berth run nonsense
3   e  berth run --once --specs $D/none --state $D/lost-$M --engine unix:///nothing
0   o  berth completion bash
2   e  berth completion nonsense
0   o  berth version
2   e  berth version -o nonsense
'

MODES='pipe xterm nocolor dumb'

environment_of() {
    case $1 in
    nocolor) echo "NO_COLOR=1 TERM=xterm" ;;
    dumb) echo "-u NO_COLOR TERM=dumb" ;;
    *) echo "-u NO_COLOR TERM=xterm" ;;
    esac
}

# in_mode MODE COMMAND-LINE: the exit code is the line's; what it says is in $TEST_DIR/out and err.
in_mode() {
    local line="env $(environment_of "$1") M=$1 bash $TEST_DIR/line"
    echo "$2" >"$TEST_DIR/line"
    : >"$TEST_DIR/err"
    if [[ $1 == pipe ]]; then
        $line >"$TEST_DIR/out" 2>"$TEST_DIR/err" </dev/null 3>&-
    else
        timeout 60 script -qec "$line" /dev/null >"$TEST_DIR/out" </dev/null 3>&-
    fi
}

# wrong_streams MODE STREAM: what is wrong with what the last line said
wrong_streams() {
    local escape=$'\e'
    case $1 in
    pipe) grep -q "$escape" "$TEST_DIR/out" "$TEST_DIR/err" && echo "control characters in a pipe" ;;
    dumb) grep -q "$escape" "$TEST_DIR/out" && echo "control characters on a dumb terminal" ;;
    nocolor) grep -qE "$escape"'\[[0-9;]*m' "$TEST_DIR/out" && echo "colours despite NO_COLOR" ;;
    esac
    case $1$2 in
    pipeo) [[ -s $TEST_DIR/out && ! -s $TEST_DIR/err ]] || echo "not on stdout alone" ;;
    pipee) [[ ! -s $TEST_DIR/out && -s $TEST_DIR/err ]] || echo "not on stderr alone" ;;
    esac
}

# command_of COMMAND-LINE: "berth get x" is get
command_of() { sed -E 's/^(.* )?berth ([a-z-]+).*/\2/' <<<"$1"; }

# documented_codes: each command's codes by its --help, "get 0" a line
documented_codes() {
    local command
    for command in $(berth --help | sed -nE 's/^  ([a-z][a-z-]*)  .*/\1/p'); do
        berth "$command" --help | sed -n '/^exit code: /,/^$/p' | tr -s '\n ' ' ' | sed 's/^exit code//' |
            grep -oE '[:;,] [0-9]+\b' | sed "s/^../$command /"
    done
}

pool_spec() {
    printf '%s\n' 'apiVersion: berth.dev/v1' 'kind: InstancePool' "metadata: {name: $1}" \
        'spec: {minInstances: 0, maxInstances: 1, template: {spec: {machineType: custom-1-64}}}'
}

instance_spec() {
    printf '%s\n' 'apiVersion: berth.dev/v1' 'kind: Instance' "metadata: {name: $1}" 'spec:' \
        '  machineType: e2-small' "  zone: zone-$BATS_SUITE_TEST_NUMBER" '  image: berth-test/busybox:1' "  $2"
}

# What the rows are about.
make_world() {
    local mode
    mkdir -p "$TEST_DIR"/{bin,in,none,broken}
    ln -s "$BERTH" "$TEST_DIR/bin/berth"
    export PATH=$TEST_DIR/bin:$PATH SHELL=/bin/bash D=$TEST_DIR BERTH_SPECS=$SPECS BERTH_STATE=$STATE \
        PORTS=$PORT_FIRST-$PORT_LAST
    instance_spec web 'hostname: [' >"$TEST_DIR/bad.yaml"
    cp "$TEST_DIR/bad.yaml" "$TEST_DIR/broken/bad.yaml"
    pool_spec new >"$TEST_DIR/new.yaml"
    printf 'services:\n  web:\n    image: busybox:1\n' >"$TEST_DIR/compose.yaml"
    git clone -q "$(bare)" "$TEST_DIR/clone"
    foreign_container foreign
    drop_instance web
    pool_spec wide | drop wide.yaml
    instance_spec never 'readinessProbe: {exec: {command: ["false"]}}' | sed '$a\  command: [sleep, "1000"]' | drop never.yaml
    task done '[echo, hello]'
    task session ''
    for mode in $MODES; do
        pool_spec "a-$mode" >"$TEST_DIR/in/a-$mode.yaml"
        pool_spec "p-$mode" >"$TEST_DIR/in/p-$mode.yaml"
        pool_spec "gone-$mode" | drop "gone-$mode.yaml"
        instance_spec "stubborn-$mode" 'command: [sh, -c, "trap : TERM; while :; do sleep 1; done"]' |
            drop "stubborn-$mode.yaml"
    done
    berth_start
    wait_for 60 is_succeeded done
    wait_for 30 is_running_task session
    wait_for 30 is_ready web.yaml web
    for mode in $MODES; do wait_for 30 is_ready "stubborn-$mode.yaml" "stubborn-$mode"; done
}

@test "each documented exit code comes through a pipe and on a terminal, with output where it belongs" {
    local code stream line mode is wrong='' coloured=''
    make_world
    while read -r code stream line; do
        [[ -n $code ]] || continue
        for mode in $MODES; do
            is=0
            in_mode "$mode" "$line" || is=$?
            [[ $is == "$code" ]] || wrong+="$mode: $line: ended with $is, not with $code"$'\n'
            is=$(wrong_streams "$mode" "$stream")
            [[ -z $is ]] || wrong+="$mode: $line: $is: $(head -c 300 "$TEST_DIR/out" "$TEST_DIR/err")"$'\n'
            [[ $mode != xterm ]] || ! grep -qE $'\e''\[[0-9;]+m' "$TEST_DIR/out" ||
                coloured+="$(command_of "$line")"$'\n'
        done
    done <<<"$ROWS"
    printf '%s' "$wrong"
    [ -z "$wrong" ]
    [ "$(sort -u <<<"$coloured" | xargs)" = 'apply delete get tree wait' ]
}

@test "no exit code that --help documents is without a row" {
    PATH=$PATH:${BERTH%/*}
    rows=$(while read -r code _ line; do [[ -z $code ]] || echo "$(command_of "$line") $code"; done <<<"$ROWS"; echo confirm-deletions 0)
    [ "$(documented_codes | wc -l)" -gt 80 ]
    [ "$(comm -23 <(documented_codes | sort -u) <(sort -u <<<"$rows"))" = '' ]
    # what has no number of its own there
    for passed_on in 'exec 7' 'attach 7'; do grep -qx "$passed_on" <<<"$rows"; done
}

@test "an unknown option ends every command with 2, and says so on stderr alone" {
    PATH=$PATH:${BERTH%/*}
    for command in $(berth --help | sed -nE 's/^  ([a-z][a-z-]*)  .*/\1/p'); do
        run --separate-stderr berth "$command" --hepl
        [ "$status" -eq 2 ]
        [ -z "$output" ]
        [ "$stderr" = "berth $command: unknown option --hepl; did you mean --help?"$'\n'"see: berth $command --help" ]
    done
}

@test "held deletions are confirmed through a pipe and on a terminal" {
    local i mode
    mkdir "$TEST_DIR/bin"
    ln -s "$BERTH" "$TEST_DIR/bin/berth"
    export PATH=$TEST_DIR/bin:$PATH SHELL=/bin/bash BERTH_STATE=$STATE
    are_held() { [[ $(grep -c deletions_held "$LOG") -ge $1 ]]; }
    is_empty() { [[ -z $(ls "$SPECS") ]]; }
    held=0
    for mode in pipe xterm; do
        for i in 1 2 3 4 5 6; do pool_spec "gone-$i" | drop "gone-$i.yaml"; done
        [[ -n $BERTH_PID ]] || berth_start
        for i in 1 2 3 4 5 6; do wait_for 20 status_of "gone-$i.yaml" "gone-$i" status.phase; done
        rm "$SPECS"/gone-?.yaml
        held=$((held + 1))
        wait_for 10 are_held "$held"
        in_mode "$mode" 'berth confirm-deletions'
        [ -z "$(wrong_streams "$mode" o)" ]
        wait_for 15 is_empty
    done
}

@test "what cannot be written to stdout is a failure" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    export BERTH_SPECS=$SPECS BERTH_STATE=$STATE
    for line in version schema 'explain instance' get 'describe all' "validate $SPECS" "fmt $SPECS/web.yaml" \
        'completion bash' 'get --help' '--help' 'help get'; do
        code=0
        # shellcheck disable=SC2086
        "$BERTH" $line >/dev/full 2>"$TEST_DIR/err" || code=$?
        [ "$code" -eq 1 ]
        cat "$TEST_DIR/err"
        grep -qx 'berth: not all could be written to standard output: No space left on device' "$TEST_DIR/err"
    done
    code=0    # neither "nothing would change" nor "something would"
    "$BERTH" diff >/dev/full 2>"$TEST_DIR/err" || code=$?
    [ "$code" -eq 2 ]
    # who reads no further is told nothing
    run --separate-stderr bash -c "'$BERTH' schema | head -c 1"
    [ -z "$stderr" ]
}

#!/usr/bin/env bats
# berth completion: in real shells, with names from the status files.

load helpers
bats_require_minimum_version 1.5.0

setup() {
    berth_setup
    mkdir "$TEST_DIR/bin"
    ln -s "$BERTH" "$TEST_DIR/bin/berth"
    export PATH=$TEST_DIR/bin:$PATH HOME=$TEST_DIR BERTH_SPECS=$SPECS BERTH_STATE=$STATE
}

teardown() {
    exec 7>&-
    berth_teardown
}

# Status files as a controller leaves them; no engine is needed for that.
write_statuses() {
    drop_instance web
    drop_instance worker
    drop more.yaml <<SPEC
apiVersion: berth.dev/v1
kind: InstancePool
metadata: {name: wide}
spec:
  minInstances: 0
  maxInstances: 1
  template: {spec: {machineType: custom-1-64}}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: fix-7}
spec: {repository: $GIT_HTTP_URL/git/none.git, command: ["true"]}
SPEC
    env -u DOCKER_HOST "$BERTH" run --engine unix:///nonexistent --ports "$PORT_FIRST-$PORT_LAST" \
        >>"$LOG" 2>&1 </dev/null 3>&- &
    BERTH_PID=$!
    wait_for 10 status_of more.yaml fix-7 status.phase
    wait_for 10 status_of worker.yaml worker status.phase
    berth_stop
}

# bash_offers [WORD...]: what bash is given for the last word, sorted
bash_offers() {
    bash --norc --noprofile -c '
        source <(berth completion bash)
        COMP_WORDS=(berth "$@") COMP_CWORD=$#
        _berth
        printf "%s\n" "${COMPREPLY[@]}"' bash "$@" | sort | tr '\n' ' '
}

@test "bash completes commands, options and words" {
    [ "$(bash_offers va)" = 'validate ' ]
    [[ $(bash_offers '') == *'completion '*'confirm-deletions '*'doctor '* ]]
    [[ $(bash_offers '') != *__* ]]
    [ "$(bash_offers help comp)" = 'completion ' ]
    [ "$(bash_offers run --port)" = '--port-quarantine --ports ' ]
    [[ $(bash_offers get -) == *'--help '*'--output '*'--specs '* ]]
    [ "$(bash_offers version -o j)" = 'json ' ]
    [ "$(bash_offers version --output = j)" = 'json ' ]    # bash splits there
    [ "$(bash_offers version --output =)" = 'json text ' ]
    [ "$(bash_offers completion '')" = 'bash fish zsh ' ]
    [ "$(bash_offers get inst)" = 'instancepools instances ' ]
    [ "$(bash_offers explain Instance.spec.machineT)" = 'Instance.spec.machineType ' ]
    [ "$(bash_offers nonsense '')" = ' ' ]
}

@test "bash completes names from the status files: of the environment, the line, ./berth.yaml" {
    write_statuses
    [ "$(bash_offers get instances w)" = 'web worker ' ]
    [ "$(bash_offers get pools w)" = 'wide ' ]
    [ "$(bash_offers logs ta)" = 'task/fix-7 ' ]
    [ "$(bash_offers fetch '')" = 'fix-7 ' ]
    export BERTH_SPECS=/nonexistent BERTH_STATE=/nonexistent
    run --separate-stderr bash_offers get instances w
    [ "$output" = ' ' ]    # nothing there is no error
    [ -z "$stderr" ]
    [ "$(bash_offers get --specs "$SPECS" instances wo)" = 'worker ' ]
    [ "$(bash_offers get --status-dir = "$SPECS" instances wo)" = 'worker ' ]
    unset BERTH_SPECS BERTH_STATE
    cd "$TEST_DIR"
    printf 'specs: specs\nstate: state\n' >berth.yaml
    [ "$(bash_offers get instances wo)" = 'worker ' ]
    echo 'specs: [' >berth.yaml
    run --separate-stderr bash_offers get instances wo
    [ -z "$stderr" ]
}

@test "bash completes files and directories, also behind =" {
    mkdir -p "$TEST_DIR/some/dir one" && cd "$TEST_DIR/some" && touch 'file two'
    [ "$(bash_offers run --config '')" = 'dir one file two ' ]
    [ "$(bash_offers run --specs d)" = 'dir one ' ]
    [ "$(bash_offers run --specs f)" = ' ' ]
    [ "$(bash_offers run --specs = d)" = 'dir one ' ]
    [ "$(bash_offers run --specs=d)" = '--specs=dir one ' ]
}

@test "the bash-completion package finds it where make install puts it" {
    mkdir -p "$TEST_DIR/share/bash-completion/completions"
    berth completion bash >"$TEST_DIR/share/bash-completion/completions/berth"
    run env XDG_DATA_DIRS="$TEST_DIR/share" bash --norc --noprofile -c '
        source /usr/share/bash-completion/bash_completion
        _completion_loader berth
        complete -p berth
        COMP_WORDS=(berth valid) COMP_CWORD=1
        _berth && echo "${COMPREPLY[0]}"'
    [ "$output" = $'complete -F _berth berth\nvalidate' ]
}

# shell_in_a_terminal COMMAND: its input is descriptor 7, what it shows in $TEST_DIR/shown
shell_in_a_terminal() {
    mkfifo "$TEST_DIR/typed"
    TERM=dumb script -qfc "$1" "$TEST_DIR/shown" <"$TEST_DIR/typed" >/dev/null 2>&1 3>&- &
    exec 7>"$TEST_DIR/typed"
}

shows() { grep -qE -- "$1" "$TEST_DIR/shown"; }

@test "TAB in an interactive bash" {
    shell_in_a_terminal 'bash --norc --noprofile -i'
    printf 'PS1="ready""> "; source <(berth completion bash)\n' >&7
    wait_for 10 shows '^ready> '
    printf 'berth vers\t-o js\t| sed s/^/=/\n' >&7    # a blank comes with each
    wait_for 10 shows '^=  "version": '
    printf 'exit\n' >&7
}

@test "TAB in an interactive zsh" {
    shell_in_a_terminal 'zsh -f -i'
    printf 'unsetopt prompt_sp prompt_cr; unset zle_bracketed_paste; autoload -U compinit && compinit -D -u\n' >&7
    printf 'source <(berth completion zsh); PS1="ready""> "\n' >&7
    wait_for 20 shows 'ready> '
    printf 'berth vers\t-o js\t| sed s/^/=/\n' >&7
    wait_for 20 shows '^=  "version": '
    printf 'exit\n' >&7
}

@test "zsh and fish take their scripts; fish offers the same" {
    berth completion zsh >"$TEST_DIR/_berth"
    run zsh -n "$TEST_DIR/_berth"
    [ "$status" -eq 0 ] && [ -z "$output" ]
    [ "$(head -n 1 "$TEST_DIR/_berth")" = '#compdef berth' ]
    berth completion fish >"$TEST_DIR/berth.fish"
    run fish -n "$TEST_DIR/berth.fish"
    [ "$status" -eq 0 ] && [ -z "$output" ]
    write_statuses
    offers() { fish --no-config -c "source $TEST_DIR/berth.fish; complete --do-complete '$1'" | cut -f1 | sort | tr '\n' ' '; }
    [ "$(offers 'berth val')" = 'validate ' ]
    [ "$(offers 'berth get instances w')" = 'web worker ' ]
    [ "$(offers 'berth version --output=j')" = '--output=json ' ]
}

@test "an unknown shell, or none" {
    run berth completion
    [ "$status" -eq 2 ]
    [[ $output == *'name a shell'* ]]
    run berth completion bsh
    [ "$status" -eq 2 ]
    [[ $output == *'none of bash, zsh, fish; did you mean "bash"?'* ]]
}

#!/usr/bin/env bats
# The configuration file of the controller, and ./berth.yaml as what names the places of all commands.

load helpers
load task_helpers
bats_require_minimum_version 1.5.0

# No engine is needed but where the test says so.
start_with_config() {
    # Descriptor 3 is bats' own.
    (cd "$TEST_DIR" && exec env -u DOCKER_HOST "$BERTH" run "$@") >>"$LOG" 2>&1 </dev/null 3>&- &
    BERTH_PID=$!
    wait_for 10 berth_beats
}

config() { cat >"$TEST_DIR/berth.yaml"; }

# keys CHANGE: those of the reference whose column "a change" says so
keys() {
    sed -nE "s/^\| \`([A-Za-z]+)\` .* \| $1 \| .*/\1/p" "$PROJECT/docs/reference/configuration.md" | sort
}

# logged EVENT: the keys that the log names with it
logged() { sed -nE "s/.* $1 key=([A-Za-z]+) .*/\1/p" "$LOG" | sort; }

logs() { grep -qE -- "$1" "$LOG"; }

heartbeat_has() { grep -qE -- "$1" "$STATE/controller.yaml"; }

# everything N: each key, with a value that goes with N
everything() {
    cat <<END
specs: $SPECS
state: $STATE
statusDir: $TEST_DIR/status$1
engine: unix:///nonexistent/$1.sock
policy: $TEST_DIR/policy$1.yaml
ports: 2000$1
portQuarantine: 4${1}s
networkRange: 10.21$1.0.0/16
repositoryImage: berth-test/busybox:$1
allowHostPath: [/srv/$1, /data]
envFileRoot: [/srv/$1]
allowEnv: [A$1, "B*"]
gitFileRoot: /srv/git$1
gitScheme: [https, $([[ $1 == 1 ]] && echo ssh || echo git)]
gitKnownHosts: /srv/known$1
gitMaxSize: ${1}Gi
gitStallTimeout: 3${1}s
gitProxy: http://127.0.0.1:$1
trees: $([[ $1 == 1 ]] && echo copy || echo auto)
devcontainerImage: ["debian:$1"]
verifyTaskUser: $([[ $1 == 1 ]] && echo true || echo false)
diskHigh: 9$1
inodesHigh: 8$1
diskBudget: ${1}00Gi
orphanGrace: ${1}m
scanInterval: 2${1}s
relistInterval: 5${1}s
startSlots: 1$1
poll: $([[ $1 == 1 ]] && echo true || echo false)
logFormat: text
verbose: false
END
}

@test "every key of the reference can stand in the file" {
    everything 1 | config
    : >"$TEST_DIR/policy1.yaml"
    [ "$(sed 's/:.*//' "$TEST_DIR/berth.yaml" | sort)" = "$(sort <(keys SIGHUP) <(keys restart))" ]
    start_with_config --config berth.yaml
    logs "config_read file=$TEST_DIR/berth.yaml"
    heartbeat_has '^  ports: "?20001"?$'
    heartbeat_has '^  networkRange: 10.211.0.0/16$'
    heartbeat_has '^intervalSeconds: 21$'
    heartbeat_has '^  highPercent: 91$'
    heartbeat_has '^  method: copy$'
    heartbeat_has "statusDirectory: $TEST_DIR/status1"
    logs 'address=unix:///nonexistent/1.sock'
}

@test "SIGHUP changes what can change, and says what needs a restart" {
    everything 1 | config
    touch "$TEST_DIR"/policy{1,2}.yaml
    start_with_config
    everything 2 | config
    sed -i "s#^state: .*#state: $TEST_DIR/other#; s#^specs: .*#specs: $TEST_DIR/elsewhere#
        s/^verbose: .*/verbose: true/" "$TEST_DIR/berth.yaml"
    kill -HUP "$BERTH_PID"
    wait_for 10 logs 'config_changed key=verbose before=false now=true'
    [ "$(logged config_changed)" = "$(keys SIGHUP | grep -v logFormat)" ]
    [ "$(logged config_needs_restart)" = "$(keys restart)" ]
    logs 'config_changed key=allowHostPath before=/srv/1,/data now=/srv/2,/data'
    logs 'config_changed key=diskBudget before=100Gi now=200Gi'
    logs 'config_needs_restart key=engine .*hint="needs a restart"'
    logs "policy_read file=$TEST_DIR/policy2.yaml"
    wait_for 10 heartbeat_has '^intervalSeconds: 22$'
    heartbeat_has '^  highPercent: 92$'
    heartbeat_has 'message: "?needs a restart: specs, state, statusDir, engine, trees, devcontainerImage, poll'
    heartbeat_has '^  method: copy$'
    # what is as it was is no news, and nothing needs a restart any more
    everything 1 | sed "s/^verbose: .*/verbose: true/; s/^logFormat: .*/logFormat: json/" | config
    kill -HUP "$BERTH_PID"
    wait_for 10 logs '"event":"policy_read"'
    wait_for 10 heartbeat_has '^intervalSeconds: 21$'
    [[ $(grep -c 'needs a restart' "$STATE/controller.yaml") -eq 0 ]]
}

@test "a file with errors stops the start with 2, and changes nothing while it runs" {
    config <<END
specs: $SPECS
stat: $STATE
diskHigh: 101
gitScheme: [https, gopher]
END
    run "$BERTH" run --config "$TEST_DIR/berth.yaml" --once
    [ "$status" -eq 2 ]
    [[ $output == *"berth.yaml:2:1: stat: unknown field; did you mean"* ]]
    [[ $output == *'berth.yaml:3:11: diskHigh: \"101\" is not in 1..100'* ]]
    [[ $output == *'berth.yaml:4:20: gitScheme[1]: \"gopher\" is none of'* ]]
    run "$BERTH" run --config "$TEST_DIR/none.yaml" --once
    [ "$status" -eq 2 ]
    [[ $output == *none.yaml* ]]

    printf 'specs: %s\nstate: %s\ndiskHigh: 50\n' "$SPECS" "$STATE" | config
    start_with_config --engine unix:///nonexistent
    printf 'specs: %s\nstate: %s\ndiskHigh: 500\n' "$SPECS" "$STATE" | config
    kill -HUP "$BERTH_PID"
    wait_for 10 logs 'config_invalid error=.*berth.yaml:3:11'
    wait_for 10 heartbeat_has 'berth.yaml:3:11: diskHigh'
    heartbeat_has '^  highPercent: 50$'
}

@test "a flag outweighs the environment, that the file, and the file the default" {
    mkdir -p "$TEST_DIR"/{flag,variable,file}
    printf 'specs: file\nstate: state\nstatusDir: file\ninodesHigh: 60\ndiskHigh: 60\n' | config
    BERTH_SPECS=$TEST_DIR/variable start_with_config --status-dir "$TEST_DIR/flag" --disk-high 40 \
        --engine unix:///nonexistent
    logs "started .*specs=$TEST_DIR/variable state=$STATE"
    heartbeat_has "statusDirectory: $TEST_DIR/flag"
    heartbeat_has '^  highPercent: 40$'
    heartbeat_has '^  inodesHighPercent: 60$'
    printf 'specs: file\nstate: state\nstatusDir: file\ninodesHigh: 61\ndiskHigh: 61\n' | config
    kill -HUP "$BERTH_PID"
    wait_for 10 heartbeat_has '^  inodesHighPercent: 61$'
    heartbeat_has '^  highPercent: 40$'
    [[ $(logged config_needs_restart) == '' ]]
}

@test "specs of a flag, and nobody says where statuses go: nothing needs a restart" {
    printf 'state: state\ndiskHigh: 60\n' | config
    start_with_config --specs "$SPECS" --engine unix:///nonexistent
    printf 'state: state\ndiskHigh: 61\n' | config
    kill -HUP "$BERTH_PID"
    wait_for 10 heartbeat_has '^  highPercent: 61$'
    [[ $(logged config_needs_restart) == '' ]]
    heartbeat_has "statusDirectory: $SPECS"
}

@test "what a change allows is tried at once" {    # on the engine
    mkdir -p "$TEST_DIR/data"
    printf 'orphanGrace: 5m\n' | config
    drop web.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: web}
spec:
  machineType: custom-1-64
  image: berth-test/web:1
  volumes: [{name: data, mountPath: /data, hostPath: $TEST_DIR/data}]
SPEC
    berth_start --config "$TEST_DIR/berth.yaml"
    wait_for 10 field_is web.yaml web status.error.reason HostPathRefused
    printf 'orphanGrace: 5m\nallowHostPath: [data]\n' | config
    kill -HUP "$BERTH_PID"
    wait_for 20 is_ready web.yaml web
    [ "$(docker inspect -f '{{(index .Mounts 0).Source}}' web)" = "$TEST_DIR/data" ]
}

image_of() { container_field "$(our_containers | grep -- "-git-$1-")" '{{.Config.Image}}'; }

@test "another image for repositories is for containers that are made from then on" {    # on the engine
    local other=other$BATS_SUITE_TEST_NUMBER again=berth-test/again:$BATS_SUITE_TEST_NUMBER
    make_repo "$other"
    docker tag berth-test/busybox:1 "$again"
    config <<END
specs: specs
state: state
ports: $PORT_FIRST-$PORT_LAST
networkRange: $NETWORK_RANGE
repositoryImage: berth-test/busybox:1
END
    "$BERTH" run --config "$TEST_DIR/berth.yaml" >>"$LOG" 2>&1 </dev/null 3>&- &
    BERTH_PID=$!
    wait_for 10 berth_beats
    task one '["true"]'
    wait_for 30 is_succeeded one
    sed -i "s#^repositoryImage:.*#repositoryImage: $again#" "$TEST_DIR/berth.yaml"
    kill -HUP "$BERTH_PID"
    wait_for 10 logs "config_changed key=repositoryImage .*now=$again"
    TASK_REPOSITORY=$(url "$other") task two '["true"]'
    wait_for 30 is_succeeded two
    [ "$(image_of "$other")" = "$again" ]
    [ "$(image_of "$REPO")" = berth-test/busybox:1 ]
    docker rm -f "$(our_containers | grep -- "-git-$REPO-")" >/dev/null
    task three '["true"]'
    wait_for 30 is_succeeded three
    [ "$(image_of "$REPO")" = "$again" ]
    berth_stop
    our_containers | xargs docker rm -f >/dev/null
    docker rmi "$again" >/dev/null
}

@test "./berth.yaml names the places of every command; flags and variables outweigh it" {
    mkdir -p "$TEST_DIR/sub"
    printf 'specs: specs\nstate: state\nengine: unix:///nonexistent\n' | config
    drop_instance web
    start_with_config
    wait_for 10 status_of web.yaml web status.phase
    cd "$TEST_DIR"
    [ "$("$BERTH" get -o json | jq -r '.items[0].metadata.name')" = web ]
    cd sub
    BERTH_SPECS='' BERTH_STATE='' run "$BERTH" get
    [[ $output != *web* ]]    # that of the current directory only
    cd ..
    run --separate-stderr "$BERTH" get --specs sub
    [ "$status" -eq 0 ]
    [[ $stderr == *"nothing found in $TEST_DIR/sub"* ]]
    BERTH_SPECS=sub run --separate-stderr "$BERTH" get
    [[ $stderr == *"nothing found in $TEST_DIR/sub"* ]]
    printf 'specs: specs\nstate: state\nstatusDir: sub\n' | config
    run --separate-stderr "$BERTH" get
    [[ $stderr == *"nothing found in $TEST_DIR/sub"* ]]
    BERTH_STATUS_DIR=specs "$BERTH" get | grep -q '^Instance *web '
}

@test "a broken ./berth.yaml is said, not passed over; what needs no place does not read it" {
    config <<<'spces: specs'
    cd "$TEST_DIR"
    for command in get gc doctor reconcile; do
        run "$BERTH" "$command"
        [ "$status" -eq 2 ]
        [[ $output == *"berth.yaml:1:1: spces: unknown field; did you mean \"specs\"?"* ]]
    done
    run "$BERTH" get --specs "$SPECS" --state "$STATE"
    [ "$status" -eq 0 ]
    BERTH_SPECS=$SPECS BERTH_STATE=$STATE run "$BERTH" get
    [ "$status" -eq 0 ]
    run "$BERTH" get --help
    [ "$status" -eq 0 ]
    run "$BERTH" version
    [ "$status" -eq 0 ]
}

@test "a ./berth.yaml of somebody else is refused" {
    printf 'specs: specs\nstate: state\n' | config
    chown 12345 "$TEST_DIR/berth.yaml"
    cd "$TEST_DIR"
    for command in 'get' 'run --once'; do
        # shellcheck disable=SC2086
        run env -u SUDO_UID "$BERTH" $command
        [ "$status" -eq 2 ]
        [[ $output == *'belongs to user 12345'* ]]
    done
    SUDO_UID=12345 run "$BERTH" get
    [ "$status" -eq 0 ]
}

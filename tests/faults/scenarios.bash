# Scenarios that can be interrupted: `load ../integration/helpers`, `load ../integration/task_helpers`,
# `load scenarios`.
#
# A scenario changes specs, waits with `settle` until the world has followed, and looks at it with
# `mark`. The first run of a scenario writes down what the marks saw, in REFERENCE; in every other run each of them
# must see the same: docker's words, the answers at published ports, statuses, results, counts of what
# was run, the names of all files, and how often each container was created, started and destroyed.
#
# Whenever the controller has died, `settle` looks whether a file is half written and starts it again. KILLS
# has a command line for each start, to be put before the controller's; when they are used up it runs by itself.
#
# Nothing here stands on errexit: a scenario is one chain of &&, so that it can be run and judged.

SETTLE_S=${CRASH_PATIENCE:-40}

# --- the controller, again and again ----------------------------------------------------------------

# begin_run REFERENCE-DIR [KILL...]: an empty world. Each KILL is a command line to be put before "berth".
begin_run() {
    REFERENCE=$1
    shift
    KILLS=("$@")
    end_run
    mkdir -p "$REFERENCE" "$SPECS" "$STATE"
    BEGAN=$(date +%s.%N) UP_SINCE=$SECONDS
}

# end_run: nothing of it is left, whatever happened.
end_run() {
    local id
    berth_kill9
    let_port_go
    id=$(cat "$STATE/controller-id" 2>/dev/null) || true
    [[ -z $id ]] || { remove_labelled dev.berth.controller "$id"; remove_cgroups "${id:0:6}"; }
    unmount_below "$TEST_DIR"
    rm -rf --one-file-system "$SPECS" "$STATE"
}

# What nobody needs is swept every 2.5 s with this grace, not every minute.
start_next() {
    local berth=$BERTH
    UP_SINCE=$SECONDS
    if ((${#KILLS[@]} > 0)); then
        printf '#!/bin/sh\nexec %s %q "$@"\n' "${KILLS[0]}" "$BERTH" >"$TEST_DIR/berth"
        chmod +x "$TEST_DIR/berth"
        berth=$TEST_DIR/berth
        KILLS=("${KILLS[@]:1}")
    fi
    BERTH=$berth berth_run_in_background --orphan-grace 4s
}

# True when the controller runs; starts it when it does not.
is_up() {
    [[ -z $BERTH_PID ]] || ! process_is_gone "$BERTH_PID" || {
        wait "$BERTH_PID" 2>/dev/null
        [[ $? -eq 137 ]] || { echo "the controller ended by itself"; tail -n 5 "$LOG"; return 9; }
        BERTH_PID=
        files_are_whole || return 9
    }
    [[ -n $BERTH_PID ]] || start_next
    berth_beats
}

# settle COMMAND...: until it is so, and a controller is there; SETTLE_S is for the last of them.
settle() {
    local begun=$SECONDS output status
    while :; do
        output=$("$@" 2>&1)
        status=$?
        is_up >"$TEST_DIR/up" 2>&1
        case $? in
            9) cat "$TEST_DIR/up"; return 1 ;;
            0) ((status != 0)) || return 0 ;;
        esac
        if ((SECONDS > (begun > UP_SINCE ? begun : UP_SINCE) + SETTLE_S)); then
            printf 'waited %s s in vain for: %s\n%s\n' "$SETTLE_S" "$*" "$output"
            cat "$TEST_DIR/up"
            WORLD_IS_SHOWN='' show_world
            return 1
        fi
        sleep "$POLL_S"
    done
}

# What a controller that was just killed has left under the names of real files. The text of the lock is a
# hint only, and what is in a working tree or mirror is git's or the user's, also when it is put away.
files_are_whole() {
    local file bad=0
    while read -r file; do
        case $file in
            */events*.jsonl) continue ;; # lines are added to it; who reads it skips a torn one
            *.json) jq -e . "$file" >/dev/null 2>&1 && continue ;;
            *) [[ -s $file && -z $(tail -c 1 "$file") ]] && continue ;;
        esac
        echo "half written: $file"
        bad=1
    done < <(find "$SPECS" "$STATE" \( -name 'trash-*' -o -name mirror.git -o -name trees -o -name layers -o -name snap \
        -o -name packs -o -name setup -o -name run -o -name git -o -name probe \) -prune -o \
        -type f ! -name '.*' ! -name lock ! -name env-key -print 2>/dev/null)
    return $bad
}

# --- what the world looks like -----------------------------------------------------------------------

container_template='{{.Name}} {{.State.Status}} {{.Config.Image}} {{json .HostConfig.PortBindings}}
  {{json .Config.Env}} {{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{json .HostConfig.Binds}}
  {{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}
  {{index .Config.Labels "dev.berth.hash"}} {{index .Config.Labels "dev.berth.ports"}}'

pages() {
    local port
    while read -r port; do
        echo "$port $(curl -fsS -m 5 "http://127.0.0.1:$port/" 2>&1 | grep -o 'hello from.*<')"
    done < <(docker ps -a --filter "label=dev.berth.controller=$id" --format '{{.Ports}}' |
        grep -oE '127.0.0.1:[0-9]+->8080' | sed 's/.*:\(.*\)->.*/\1/' | sort -u)
}

# All but times, ids, and words that tell of the way here.
statuses() {
    local file
    for file in "$SPECS"/*.status.yaml; do
        [[ -e $file ]] || continue
        echo "${file##*/}"
        awk -f "$SUPPORT/yaml_fields.awk" "$file" |
            grep -vE 'startedAt=|message=|history|operation|\.ip=|[iI]D?d=|lastAddress|logTail|sizeBytes|diskUsage|[bB]ytes='
        grep -oE 'logFile: .*' "$file" | sed 's/logFile: //' | sort -u | while read -r log; do
            sed 's/^/  log: /' "$log"
        done
    done
}

files() {
    (cd "$TEST_DIR" && find specs state \( -name mirror.git -o -name snap -o -name packs -o -path '*/trees/*' \
        -o -path '*/layers/*' \) -prune -printf '%y %P\n' -o -printf '%y %p\n' |
        grep -v state/disk.json | sort)    # measured when there is time
}

counts() {
    local volume
    for volume in $(docker volume ls -q --filter "label=dev.berth.controller=$id"); do
        sort "$(docker volume inspect -f '{{.Mountpoint}}' "$volume")/runs" 2>/dev/null | uniq -c
    done
}

# How often each of our containers and networks came, started and went.
lives() {
    {
        docker events --since "$BEGAN" --until "$(date +%s.%N)" --filter type=container \
            --filter "label=dev.berth.controller=$id" --format '{{.Actor.Attributes.name}} {{.Action}}'
        docker events --since "$BEGAN" --until "$(date +%s.%N)" --filter type=network \
            --format '{{.Actor.Attributes.name}} {{.Action}}' | grep "${id:0:6}"
    } | grep -E ' (create|start|destroy)$' | sort | uniq -c
}

world() {
    local id short
    id=$(cat "$STATE/controller-id") || return 1
    short=${id:0:6}
    {
        echo '--- containers'
        # shellcheck disable=SC2046  # one argument for each
        [[ -z $(our_containers) ]] || docker inspect -f "$container_template" $(our_containers)
        echo '--- networks, volumes, mounts'
        docker network ls --filter "label=dev.berth.controller=$id" --format '{{.Name}}' | sort
        docker volume ls --filter "label=dev.berth.controller=$id" --format '{{.Name}}' | sort
        awk -v below="$TEST_DIR/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort
        echo '--- pages'
        pages
        echo '--- leases'
        jq -S . "$STATE/leases.json" 2>/dev/null
        echo '--- statuses'
        statuses
        echo '--- runs'
        counts
        echo '--- files'
        files
        echo '--- lives'
        lives
    } | sed -E 's/20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/TIME/g; s/-[0-9a-f]{6}-[0-9a-f]{10,12}\b/-RUN/g' |
        sed -E 's/(setup-[0-9a-f]{12}-0-[0-9a-f]{12})-[0-9a-f]{8}\b/\1-RUN/g' |
        sed -E "s!$TEST_DIR!DIR!g; s/$id/CONTROLLER/g; s/$short/CONTROL/g; s/\\b[0-9a-f]{12,64}\\b/ID/g"
}

# mark NAME: the world is as it was when the first run came here.
mark() {
    if [[ ! -e $REFERENCE/complete ]]; then
        world_is_still && world >"$REFERENCE/$1"
        return
    fi
    is_as_marked() { world | diff "$REFERENCE/$1" -; }
    settle is_as_marked "$1"
}

# For the first run, which has nothing to compare with: twice the same, half a second apart.
world_is_still() {
    is_still() {
        local before
        before=$(world) && sleep 0.5 && diff <(echo "$before") <(world)
    }
    settle is_still
}

# --- the port that comes first -------------------------------------------------------------------------

# hold_port PORT: somebody else has it. A lease that was lost would be chosen anew, as another one, when it is free.
hold_port() {
    socat "TCP-LISTEN:$1,bind=127.0.0.1,reuseaddr,fork" /dev/null </dev/null >/dev/null 2>&1 3>&- &
    HOLDER_PID=$!
    settle_port() { ss -Hltn "sport = :$1" | grep -q .; }
    wait_for 5 settle_port "$1"
}

let_port_go() {
    [[ -n ${HOLDER_PID:-} ]] || return 0
    kill "$HOLDER_PID" 2>/dev/null || true
    wait "$HOLDER_PID" 2>/dev/null || true
    HOLDER_PID=
}

# first_choice: the port that the Instance "web" gets when all are free.
first_choice() {
    "$BERTH" run --specs "$SPECS" --state "$TEST_DIR/none" --ports "$PORT_FIRST-$PORT_LAST" \
        --network-range "$NETWORK_RANGE" --dry-run 2>/dev/null | grep -oE 'lease port http = 127.0.0.1:[0-9]+' | grep -oE '[0-9]+$'
}

# --- an instance: create, recreate, delete ------------------------------------------------------------

web() {
    drop web.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: web}
spec:
  machineType: $1
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/web:1
  terminationGracePeriodSeconds: 1
  ports: [{name: http, containerPort: 8080}]
SPEC
}

web_has() { is_ready web.yaml web && [[ $(container_field web '{{.HostConfig.Memory}}') == "$1" ]]; }

all_is_gone() {
    has_no_containers &&
        [[ -z $(docker network ls -q --filter "label=dev.berth.controller=$(cat "$STATE/controller-id")") ]] &&
        [[ -z $(ls "$SPECS") ]] && [[ $(jq -c .leases "$STATE/leases.json") =~ ^(\[\]|\{\}|null)$ ]]
}

instance_scenario() {
    web e2-small
    [[ -s $TEST_DIR/first-choice ]] || first_choice >"$TEST_DIR/first-choice"
    hold_port "$(cat "$TEST_DIR/first-choice")" &&
        settle web_has 2147483648 &&
        mark created &&
        let_port_go &&
        web e2-medium &&
        settle web_has 4294967296 &&
        mark recreated &&
        rm "$SPECS/web.yaml" &&
        settle all_is_gone &&
        mark deleted
}

# --- a pool: up, down, away -----------------------------------------------------------------------------

pool() {
    drop pool.yaml <<SPEC
apiVersion: berth.dev/v1
kind: InstancePool
metadata: {name: pool}
spec:
  minInstances: $1
  maxInstances: $1
  template:
    spec:
      machineType: e2-small
      zone: zone-$BATS_SUITE_TEST_NUMBER
      image: berth-test/web:1
      terminationGracePeriodSeconds: 1
      ports: [{name: http, containerPort: 8080}]
SPEC
}

members_are() {
    [[ $(docker ps --filter "label=dev.berth.controller=$(cat "$STATE/controller-id")" --format '{{.Names}}' | sort | xargs) == "$1" ]] &&
        is_ready pool.yaml pool && [[ $(our_containers | xargs) == "$1" ]]
}

pool_scenario() {
    pool 1 && settle members_are pool-0 && mark one &&
        pool 3 && settle members_are 'pool-0 pool-1 pool-2' && mark three &&
        pool 1 && settle members_are pool-0 && mark one-again &&
        rm "$SPECS/pool.yaml" && settle all_is_gone && mark none
}

# --- tasks on a repository: mirror, setup, trees, commands, and away ------------------------------------

repository_settings() {
    settings "caches: [{name: count, mountPath: /count}]
retainSeconds: $1
setup: {command: [sh, -c, 'echo setup >>/count/runs; echo dep >dep']}"
}

work() { task "$1" "[sh, -c, 'echo $1 >>/count/runs; cat dep; echo $1 >mine; exit $2']" "ttlSecondsAfterFinished: $3"; }

repository_is_idle() { [[ $(docker inspect -f '{{.State.Status}}' "$(repo)") == exited ]]; }

is_finished() { is_failed "$1" && task_field_is "$1" exitCode "$2" && task_field "$1" tree.dirty >/dev/null; }

nothing_is_kept() {
    local left
    has_no_containers && left=$(ls "$SPECS" && find "$STATE/repos" "$STATE/tasks" "$STATE/retired" -mindepth 1) &&
        [[ -z $left ]] || { echo "left: $left"; return 1; }
}

task_scenario() {
    repository_settings 86400 && work one 7 3600 &&
        settle is_finished one 7 && settle repository_is_idle && mark one &&
        work two 8 3600 &&
        settle is_finished two 8 && settle repository_is_idle && mark two &&
        repository_settings 1 && work one 7 1 && work two 8 1 &&
        settle has_no_containers && mark idle &&
        rm "$SPECS"/{one,two,project}.yaml && settle nothing_is_kept && mark none
}

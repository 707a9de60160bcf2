#!/usr/bin/env bash
# Churn on a real engine for a while, and then: does anything grow that should not, does anything stay, is what statuses say true?
#
# usage: soak.sh [MINUTES]      (make soak MINUTES=20)
#
# A controller of its own, on an engine of its own, looks after instances, a pool and tasks on two repositories while specs are made, edited,
# broken and removed, containers are killed, stopped and removed, and the engine is restarted and killed now and then.
# Every 5 s it is looked at from outside: memory, descriptors, threads, children, and what it has on the engine and on disk. Once a
# minute the churn pauses until every status agrees with the engine. In the end all specs go, and nothing may be left.
#
# Exit status 1 when something leaks or is stale. Samples, log and the seed of the choices are in build/soak.
#   SEED=n       the same choices again          ENGINE=newest    on the newest engine
set -euo pipefail

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
minutes=${1:-20}
[[ $minutes =~ ^[0-9]+$ ]] && ((minutes > 0)) || { sed -n '/^# usage:/s/^# //p' "$0" >&2; exit 2; }

export SUPPORT=$project/tests/support
results=$project/build/soak
SUITE_DIR=$(mktemp -d /tmp/berth-soak-XXXXXX)
TEST_DIR=$SUITE_DIR/soak SPECS=$SUITE_DIR/soak/specs STATE=$SUITE_DIR/soak/state LOG=$results/berth.log
REPOSITORIES=$SUITE_DIR/git
BATS_SUITE_TEST_NUMBER=soak PORT_FIRST=28000 PORT_LAST=28199
export SUITE_DIR REPOSITORIES
mkdir -p "$results" "$SPECS" "$STATE" "$REPOSITORIES"
# shellcheck source=../integration/helpers.bash
source "$project/tests/integration/helpers.bash"
BERTH_PID='' WORLD_IS_SHOWN=''
# A copy: the one in build/ may be made anew meanwhile.
cp "${BERTH:-$project/build/berth}" "$SUITE_DIR/berth"
BERTH=$SUITE_DIR/berth
samples=$results/samples.csv
seed=${SEED:-$(($(date +%s) % 32768))}
RANDOM=$seed
: >"$LOG"

engine() { "$SUPPORT/engine.sh" "$1" --dir "$SUITE_DIR/engine" --engine "${ENGINE:-default}" "${@:2}"; }
say() { echo "$(date +%H:%M:%S) $*"; }

sampler=''
clean_up() {
    trap - EXIT
    [[ -z $sampler ]] || kill "$sampler" 2>/dev/null || true
    berth_teardown_soak || true
    "$SUPPORT/git_server.sh" down "$REPOSITORIES" >/dev/null || true
    engine start >/dev/null 2>&1 || true
    engine down --purge >/dev/null || true
    rm -rf --one-file-system "$SUITE_DIR"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

berth_teardown_soak() {
    local id
    berth_kill9
    id=$(cat "$STATE/controller-id" 2>/dev/null) && remove_cgroups "${id:0:6}"
    unmount_below "$TEST_DIR"
}

# --- what is looked at -------------------------------------------------------------------------------

columns=(time rss_kib descriptors threads children containers networks leases state_files status_files mounts log_lines heartbeat_age)

field_of() { awk -v key="$1:" '$1 == key { print $2; exit }' "/proc/$BERTH_PID/status"; }
children_of() { cat /proc/"$BERTH_PID"/task/*/children 2>/dev/null | wc -w; }
# Unknown while the engine is away.
on_engine() { docker "$@" --filter "label=dev.berth.controller=$controller_id" -q 2>/dev/null | wc -l; }
heartbeat_age() {
    local time
    time=$(awk '$1 == "time:" { gsub(/"/, "", $2); print $2 }' "$STATE/controller.yaml")
    echo $(($(date +%s) - $(date -d "$time" +%s)))
}

sample() {
    local values
    values=("$(($(date +%s) - began))" "$(field_of VmRSS)" "$(find "/proc/$BERTH_PID/fd" -mindepth 1 | wc -l)" "$(field_of Threads)"
        "$(children_of)" "$(on_engine ps -a)" "$(on_engine network ls)"
        "$(jq '.leases | length' "$STATE/leases.json" 2>/dev/null || echo 0)"
        "$(find "$STATE" -path "$STATE/repos" -prune -o -type f -print | wc -l)"
        "$(find "$SPECS" -name '*.status.yaml' | wc -l)" "$(grep -c " $STATE/" /proc/self/mountinfo || true)"
        "$(wc -l <"$LOG")" "$(heartbeat_age)")
    (IFS=,; echo "${values[*]}")
}

sample_all() {
    while kill -0 "$BERTH_PID" 2>/dev/null; do
        sample >>"$samples" || true
        timeout 5 tail -f /dev/null || true
    done
}

# --- churn -------------------------------------------------------------------------------------------

pick() { local -n from=$1; echo "${from[RANDOM % ${#from[@]}]}"; }

some_instance() {
    local -a files
    mapfile -t files < <(find "$SPECS" -name 'vm*.yaml' ! -name '*.status.yaml')
    ((${#files[@]} > 0)) || return 1
    basename "$(pick files)" .yaml
}

make_instance() {
    local name=vm$((RANDOM % 8))
    drop "$name.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: $name}
spec:
  zone: soak-$((RANDOM % 2))
  image: berth-test/web:1
  terminationGracePeriodSeconds: 0
  env: [{name: ROUND, value: "$RANDOM"}]
  ports: [{name: http, containerPort: 8080}]
  readinessProbe: {httpGet: {port: 8080, path: /}, periodSeconds: 1}
SPEC
}
edit_instance() { local name; name=$(some_instance) && sed -i "s/value: .*}/value: \"$RANDOM\"}/" "$SPECS/$name.yaml"; }
break_instance() { local name; name=$(some_instance) && sed -i 's/^  zone:/  zoone:/' "$SPECS/$name.yaml"; }
mend_instances() { sed -i 's/^  zoone:/  zone:/' "$SPECS"/vm*.yaml 2>/dev/null; }
remove_instance() { local name; name=$(some_instance) && rm -f "$SPECS/$name.yaml"; }
rename_file() { local name; name=$(some_instance) && mkdir -p "$SPECS/moved" && mv "$SPECS/$name.yaml" "$SPECS/moved/$name.yaml"; mv "$SPECS"/moved/vm*.yaml "$SPECS/" 2>/dev/null; }

hurt_container() {
    local -a ids
    mapfile -t ids < <(docker ps -q --filter "label=dev.berth.controller=$controller_id")
    ((${#ids[@]} > 0)) || return 0
    case $((RANDOM % 3)) in
        0) docker kill "$(pick ids)" ;;
        1) docker rm -f "$(pick ids)" ;;
        2) docker stop -t 0 "$(pick ids)" ;;
    esac >/dev/null 2>&1
}

scale_pool() {
    drop pool.yaml <<SPEC
apiVersion: berth.dev/v1
kind: InstancePool
metadata: {name: pool}
spec:
  minInstances: $((RANDOM % 4))
  maxInstances: 4
  autoscaling: {scaleDownDelaySeconds: 1}
  template: {spec: {machineType: f1-micro, zone: soak-0, image: "berth-test/busybox:1", command: [sleep, "100000"], terminationGracePeriodSeconds: 0}}
SPEC
}

tasks=0
make_task() {
    local repository=soak-$((RANDOM % 2)) exit=$((RANDOM % 3 / 2))
    tasks=$((tasks + 1))
    drop "task$tasks.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: task$tasks}
spec:
  repository: $GIT_HTTP_URL/git/$repository.git
  command: [sh, -c, "echo $tasks >$([[ $repository == soak-0 ]] && echo file || echo /dev/null); sleep 0.$((RANDOM % 10)); exit $exit"]
  timeoutSeconds: 60
  ttlSecondsAfterFinished: 5
SPEC
    rm -f "$SPECS/task$((tasks - 6)).yaml"
}

hurt_engine() {
    say "engine: $1"
    case $1 in
        restart) engine stop >/dev/null; engine start >/dev/null ;;
        kill) engine stop --kill >/dev/null; engine start >/dev/null ;;
        freeze)
            kill -STOP "$(engine pid)"
            timeout 4 tail -f /dev/null || true
            kill -CONT "$(engine pid)"
            ;;
    esac
}

churn() {
    case $((RANDOM % 16)) in
        0 | 1 | 2) make_instance ;;
        3 | 4) edit_instance ;;
        5) remove_instance ;;
        6) break_instance ;;
        7) mend_instances ;;
        8) rename_file ;;
        9 | 10) hurt_container ;;
        11) scale_pool ;;
        *) make_task ;;
    esac || true
}

# --- is what statuses say true? ----------------------------------------------------------------------

# It was killed again and again, and is started later: at a time to come that is not far.
waits_to_start() {
    local next
    [[ $(status_of "$1.yaml" "$1" 'status.conditions[type=Ready].reason') == CrashLoopBackOff ]] &&
        next=$(status_of "$1.yaml" "$1" status.restarts.nextRetryTime) &&
        next=$(($(date -d "$next" +%s) - $(date +%s))) && ((next >= -5 && next <= 301)) &&
        [[ $(container_field "$1" '{{.State.Status}} {{.State.Error}}') == "exited " ]]
}

# Prints the first object whose status and the engine do not agree.
disagreement() {
    local file name id wanted have
    for file in "$SPECS"/vm*.yaml; do
        [[ $file != *.status.yaml && -e $file ]] || continue
        name=$(basename "$file" .yaml)
        is_ready "$name.yaml" "$name" || {
            waits_to_start "$name" && continue
            return 0
        }
        id=$(container_field "$name" '{{.Id}} {{.State.Running}}' 2>&1)
        [[ $id == "$(status_of "$name.yaml" "$name" status.container.id) true" ]] || { echo "$name: the engine says $id"; return 0; }
    done
    if [[ -e $SPECS/pool.yaml ]]; then
        wanted=$(awk '$1 == "minInstances:" { print $2 }' "$SPECS/pool.yaml")
        have=$(docker ps -q --filter "label=dev.berth.controller=$controller_id" --filter label=dev.berth.pool=pool | wc -l)
        ((have == wanted)) || { echo "pool: $have containers, not $wanted"; return 0; }
    fi
    for file in "$SPECS"/task*.yaml; do
        [[ $file != *.status.yaml && -e $file ]] || continue
        name=$(basename "$file" .yaml)
        [[ $(status_of "$name.yaml" "$name" status.phase) =~ ^(Succeeded|Failed)$ ]] ||
            { echo "$name: $(status_of "$name.yaml" "$name" status.phase)"; return 0; }
    done
    for file in "$SPECS"/*.status.yaml; do
        [[ ! -e $file || -e ${file%.status.yaml}.yaml ]] || { echo "$file has no spec"; return 0; }
    done
    echo none
}
agrees() { local what; what=$(disagreement); [[ $what == none ]] || { echo "$what"; return 1; }; }

failures=()
pauses=0
check_agreement() {
    mend_instances || true
    pauses=$((pauses + 1))
    wait_for 90 agrees >"$results/disagreement" 2>&1 ||
        { failures+=("minute $(((SECONDS + 59) / 60)): $(sed -n 2p "$results/disagreement")"); say "DISAGREES: $(sed -n 1,2p "$results/disagreement")"; }
}

# --- the run -----------------------------------------------------------------------------------------

"$SUPPORT/engine.sh" up --dir "$SUITE_DIR/engine" --engine "${ENGINE:-default}"
eval "$(engine env)"
export DOCKER_HOST PATH
"$SUPPORT/images.sh" busybox web >/dev/null
subnet=$(docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge)
export NETWORK_RANGE=${subnet%.0.0/24}.64.0/18
GIT_HTTP_URL=$("$SUPPORT/git_server.sh" up "$REPOSITORIES")
make_repo soak-0
make_repo soak-1
# Its tasks leave work, which is kept for so long; the other's leave none.
drop repository.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: soak-0}
spec: {url: "$GIT_HTTP_URL/git/soak-0.git", retainSeconds: 20}
SPEC
berth_start --orphan-grace 5s --relist-interval 10s --scan-interval 5s
controller_id=$(cat "$STATE/controller-id")
began=$(date +%s)
(IFS=,; echo "${columns[*]}") >"$samples"
sample_all &
sampler=$!
say "soak: $minutes min, seed $seed, controller $BERTH_PID; samples in $samples"

ends=$((began + minutes * 60)) next_check=$((began + 60)) next_engine=$((began + 100)) kinds=(restart freeze kill)
while (($(date +%s) < ends)); do
    kill -0 "$BERTH_PID" || { failures+=("the controller has ended"); break; }
    churn
    timeout "0.$((RANDOM % 6 + 1))" tail -f /dev/null || true
    if (($(date +%s) >= next_engine)); then
        hurt_engine "${kinds[0]}"
        kinds=("${kinds[@]:1}" "${kinds[0]}")
        next_engine=$(($(date +%s) + 170))
    fi
    if (($(date +%s) >= next_check)); then
        check_agreement
        next_check=$(($(date +%s) + 60))
    fi
done

# All goes: so many deletions at once are held until somebody confirms them.
say "soak: all specs go"
mend_instances || true
while read -r file; do
    rm -f "$file"
done < <(find "$SPECS" -name '*.yaml' ! -name '*.status.yaml')
are_held() { awk -f "$SUPPORT/yaml_fields.awk" "$STATE/controller.yaml" | grep -q '^0.specs.heldDeletions=[1-9]'; }
wait_for 30 are_held >/dev/null || failures+=("so many deletions at once were not held")

# Repositories' containers and trees are kept for a day: they are all that may stay.
left() {
    local what
    ! are_held || "$BERTH" confirm-deletions --state "$STATE"    # they may be seen in several scans
    what=$(docker ps -a --filter "label=dev.berth.controller=$controller_id" --format '{{.Names}}' | grep -v '^repo-' || true)
    [[ -z $what ]] || { echo "containers: $what"; return 1; }
    what=$(docker network ls --filter "label=dev.berth.controller=$controller_id" --format '{{.Name}}')
    [[ -z $what ]] || { echo "networks: $what"; return 1; }
    what=$(jq -r '.leases[].owner' "$STATE/leases.json" | grep -v '^RepositoryContainer/' || true)
    [[ -z $what ]] || { echo "leases: $what"; return 1; }
    what=$(find "$SPECS" -name '*.yaml')
    [[ -z $what ]] || { echo "files: $what"; return 1; }
    what=$(find "$STATE/tasks" "$STATE/retired" "$STATE/specs" "$STATE/requests" "$STATE/releasing" -type f 2>/dev/null)
    [[ -z $what ]] || { echo "state: $what"; return 1; }
    (($(children_of) == 0)) || { echo "children: $(children_of)"; return 1; }
}
wait_for 150 left >"$results/left" 2>&1 || failures+=("left after all specs went: $(sed -n 2p "$results/left")")
timeout 11 tail -f /dev/null || true    # two more samples of rest
find "/proc/$BERTH_PID/fd" -mindepth 1 -printf '%l\n' | sed 's/[0-9]\+//g' | sort | uniq -c >"$results/descriptors"
kill "$sampler" 2>/dev/null || true
sampler=''

# --- what came of it ---------------------------------------------------------------------------------

# The median of a column over a part of the samples, in percent of the time of the churn.
median() {
    awk -F, -v column="$1" -v from="$2" -v to="$3" -v total="$((ends - began))" \
        'NR > 1 && $1 * 100 >= from * total && $1 * 100 <= to * total { print $column }' "$samples" | sort -n |
        awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
most() { awk -F, -v column="$1" 'NR > 1 && $column > most { most = $column } END { print most + 0 }' "$samples"; }
first() { awk -F, -v column="$1" 'NR == 2 { print $column }' "$samples"; }
last() { awk -F, -v column="$1" 'END { print $column }' "$samples"; }

printf '%-14s %8s %8s %8s %8s %8s %8s\n' '' start 25-50% 50-75% 75-100% most rest
for i in "${!columns[@]}"; do
    ((i > 0)) || continue
    n=$((i + 1))
    printf '%-14s %8s %8s %8s %8s %8s %8s\n' "${columns[i]}" "$(first $n)" "$(median $n 25 50)" "$(median $n 50 75)" \
        "$(median $n 75 100)" "$(most $n)" "$(last $n)"
done

# grew COLUMN ALLOWED: from the second quarter to the last
grew() {
    local before after
    before=$(median "$1" 25 50) after=$(median "$1" 75 100)
    ((after - before <= $2)) || failures+=("${columns[$1 - 1]} grew from $before to $after")
}
grew 2 1024    # memory: the allocator keeps what it had at the worst moment
grew 3 4
grew 4 0
grew 9 16      # files of the state directory but workspaces
grew 11 12     # mounts: working trees that are kept for a while
(($(last 3) <= $(median 3 25 50) + 4)) || failures+=("descriptors at rest: $(last 3)")
(($(most 13) <= 30)) || failures+=("the heartbeat was $(most 13) s old, of 5 s")
say "soak: $pauses times statuses and engine were compared; $tasks tasks; $(grep -c ' engine_available' "$LOG") connections to the engine"

for failure in "${failures[@]}"; do echo "FAILED: $failure"; done
((${#failures[@]} == 0)) && echo "nothing leaks and nothing is stale"

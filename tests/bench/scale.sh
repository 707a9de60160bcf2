#!/usr/bin/env bash
# What a controller costs as it has more to look after: N instances in N spec files, on the fake engine in memory.
#
#     tests/bench/scale.sh [N...]          100 1000 10000; BERTH=build/gcc/berth FAKE_ENGINE=.../fake_engine
#     TASKS="1000 10" tests/bench/scale.sh          so many tasks on so many repositories through one pool, in their place
#     QUEUE="1000 10" tests/bench/scale.sh          the same with ten places for each repository: most tasks wait for theirs
#
# For each N: bring-up from nothing, a restart beside unchanged containers, a full scan, a relist, one edit, one container
# that is removed, and a storm of 10,000 events. Times are those of processors (schedstat, all threads), so that what else
# the machine does counts little; requests are counted by the engine's log, system calls by strace where there is one.
# Figures go to build/bench/scale.json too, a line each: {"name", "n", "figure", "value", "unit"}.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

berth=${BERTH:-build/gcc/berth}
fake_engine=${FAKE_ENGINE:-build/gcc/tests/integration/fake_engine}
[[ -x $berth && -x $fake_engine ]] || { echo "run make $berth $fake_engine" >&2; exit 2; }
sizes=("${@:-100}")
(($# > 0)) || sizes=(100 1000 10000)
STORM_EVENTS=10000
NOISE_NS=3000000    # of processor time in QUIET_S: as good as idle
QUIET_S=1

work=$(mktemp -d /tmp/berth-scale-XXXXXX)
chmod 755 "$work"    # git's work is done by another user
socket=$work/engine.sock calls=$work/calls.log
controller='' engine=''
mkdir -p build/bench
json=build/bench/scale.json
: >"$json"

stop_one() { # PID
    [[ -z $1 ]] || { kill "$1" 2>/dev/null && wait "$1" 2>/dev/null; } || true
}
finish() {
    stop_one "$controller"
    stop_one "$engine"
    rm -rf --one-file-system "$work"
}
trap finish EXIT

# --- measuring -------------------------------------------------------------------------------------

cpu_ns() { awk '{ sum += $1 } END { printf "%.0f", sum }' /proc/"$controller"/task/*/schedstat; }
memory_kib() { awk -v field="$1:" '$1 == field { print $2 }' "/proc/$controller/status"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

# Until it has done nothing for a while; CPU of that while is not worth telling.
wait_idle() {
    local before now
    now=$(cpu_ns)
    while :; do
        before=$now
        sleep "$QUIET_S"
        now=$(cpu_ns)
        ((now - before > NOISE_NS)) || return 0
    done
}

wait_until() { # SECONDS COMMAND...
    local end=$(($(date +%s) + $1))
    until "${@:2}"; do
        (($(date +%s) < end)) || { echo "waited $1 s for: ${*:2}" >&2; tail -n 5 "$work/log" >&2; return 1; }
        sleep 0.05
    done
}

note() { # NAME N FIGURE VALUE UNIT
    jq -nc --arg name "$1" --argjson n "$2" --arg figure "$3" --argjson value "$4" --arg unit "$5" \
        '{$name, $n, $figure, $value, $unit}' >>"$json"
    printf '%-10s %6s  %-34s %12s %s\n' "$1" "$2" "$3" "$4" "$5"
}
ms() { awk -v ns="$1" 'BEGIN { printf "%.1f", ns / 1e6 }'; }
value_of() { jq -r --arg name "$1" --argjson n "$2" --arg figure "$3" \
    'select(.name == $name and .n == $n and .figure == $figure).value' "$json"; }

# How many requests there were since the log had LINES lines, by kind: method and path without names. Those of this script
# have "bench" behind them.
note_requests() { # NAME N LINES
    local count kind
    while read -r count kind; do
        note "$1" "$2" "requests $kind" "$count" 1
    done < <(tail -n +"$(($3 + 1))" "$calls" | awk '!/[?&]bench$/ {
            path = $3
            sub(/^\/v1\.[0-9]+/, "", path); sub(/\?.*/, "", path)
            n = split(path, part, "/")
            if (n > 3 || (n == 3 && part[3] != "json" && part[3] != "create")) part[3] = "*"
            path = ""
            for (i = 2; i <= n; i++) path = path "/" part[i]
            count[$2 " " path]++
        } END { for (kind in count) print count[kind], kind }' | sort -k2)
}
lines() { wc -l <"$calls"; }

# --- the world -------------------------------------------------------------------------------------

engine_start() {
    : >"$calls"
    "$fake_engine" --listen "$socket" --memory --log "$calls" >"$work/engine.out" 2>&1 &
    engine=$!
    wait_until 10 grep -q ready "$work/engine.out"
    ask -X POST 'http://fake/images/create?fromImage=bench&tag=1'
}
ask() { curl -sS --fail-with-body --unix-socket "$socket" -o "$work/answer" "$@"; }

# A network of a zone has room for some 250.
instance() { # NUMBER COLOUR
    cat <<END
apiVersion: berth.dev/v1
kind: Instance
metadata:
  name: web-$1
  labels: {team: infra}
spec:
  machineType: custom-1-256
  zone: zone-$(($1 / 200))
  image: bench:1
  terminationGracePeriodSeconds: 1
  env: [{name: COLOUR, value: $2}]
END
}
drop() { # NUMBER COLOUR
    instance "$1" "$2" >"$work/specs/.new"
    mv "$work/specs/.new" "$work/specs/web-$1.yaml"
}

controller_start() { # [RELIST_INTERVAL [OPTION...]]: nothing happens by the clock unless it is asked for
    "$berth" run --specs "$work/specs" --state "$work/state" --engine "unix://$socket" --network-range 10.128.0.0/9 \
        --scan-interval 1h --relist-interval "${1:-1h}" --start-slots 64 "${@:2}" 2>"$work/log" &
    controller=$!
    wait_until 60 grep -q ' started ' "$work/log"
}
controller_stop() {
    kill "$controller"
    wait "$controller"
    controller=
}
ready_count() { find "$work/specs" -name '*.status.yaml' -print0 | xargs -0 -r grep -l '^  phase: RUNNING' | wc -l; }
are_all_ready() { [[ $(ready_count) == "$1" ]]; }
is_colour_ready() { # NUMBER COLOUR
    ask "http://fake/containers/web-$1/json?bench" && grep -q "COLOUR=$2\"" "$work/answer" &&
        grep -q '^  phase: RUNNING' "$work/specs/web-$1.status.yaml" &&
        grep -q "id: $(jq -r .Id "$work/answer")" "$work/specs/web-$1.status.yaml"
}

# --- what is measured ------------------------------------------------------------------------------

bring_up() { # N
    local from
    from=$(now_ms)
    controller_start
    wait_until 1800 are_all_ready "$1"
    note up "$1" "until all are ready, by the clock" $(($(now_ms) - from)) ms
    wait_idle
    note up "$1" CPU "$(ms "$(cpu_ns)")" ms
    note up "$1" VmHWM "$(memory_kib VmHWM)" KiB
    controller_stop
}

restart() { # N
    local before
    sleep 3    # events of the last two seconds are told again
    before=$(lines)
    controller_start
    wait_idle
    note restart "$1" CPU "$(ms "$(cpu_ns)")" ms
    note restart "$1" VmRSS "$(memory_kib VmRSS)" KiB
    note restart "$1" VmHWM "$(memory_kib VmHWM)" KiB
    note_requests restart "$1" "$before"
    are_all_ready "$1"
}

# Looks at all files, at the engine's lists, and has a pass for every key.
hangup() { # N
    local before from
    before=$(lines) from=$(cpu_ns)
    kill -HUP "$controller"
    wait_idle
    note hangup "$1" CPU "$(ms $(($(cpu_ns) - from)))" ms
    note_requests hangup "$1" "$before"
}

is_listed_again() { (($(tail -n +"$(($1 + 1))" "$calls" | grep -c 'GET .*/containers/json') > 0)); }
# The second one: in the first one each item of the list is new.
relist() { # N
    local before from
    before=$(lines)
    wait_until 60 is_listed_again "$before"
    wait_idle
    before=$(lines) from=$(cpu_ns)
    wait_until 60 is_listed_again "$before"
    wait_idle
    note relist "$1" CPU "$(ms $(($(cpu_ns) - from)))" ms
    note relist "$1" VmRSS "$(memory_kib VmRSS)" KiB
    note relist "$1" VmHWM "$(memory_kib VmHWM)" KiB
    note_requests relist "$1" "$before"
}

edit() { # N
    local before from
    before=$(lines) from=$(cpu_ns)
    drop 7 red
    wait_until 60 is_colour_ready 7 red
    wait_idle
    note edit "$1" CPU "$(ms $(($(cpu_ns) - from)))" ms
    note_requests edit "$1" "$before"
    command -v strace >/dev/null || return 0
    strace -f -qq -e trace=openat,openat2,rename,renameat,renameat2 -o "$work/trace" -p "$controller" &
    local tracer=$!
    wait_until 10 grep -q 'TracerPid:.[1-9]' "/proc/$controller/status"
    drop 7 blue
    wait_until 60 is_colour_ready 7 blue
    sleep 1
    kill "$tracer"
    wait "$tracer" 2>/dev/null || true
    note edit "$1" "spec files opened" "$(grep -cE 'openat2?\(.*"web-[0-9]+\.yaml"' "$work/trace" || true)" 1
    note edit "$1" "status files written" "$(grep -cE 'rename.*\.status\.yaml' "$work/trace" || true)" 1
    note edit "$1" "state files written" "$(grep -E 'rename' "$work/trace" | grep -vc '\.status\.yaml' || true)" 1
}
loss() { # N: somebody removes one container
    local before from
    before=$(lines) from=$(cpu_ns)
    ask -X DELETE 'http://fake/containers/web-9?force=1'
    wait_until 60 is_colour_ready 9 white
    wait_idle
    note loss "$1" CPU "$(ms $(($(cpu_ns) - from)))" ms
}

storm() { # N: each restart is a die and a start
    local from restarts=$((STORM_EVENTS / 2)) last at
    last=$((restarts < $1 ? restarts : $1))
    from=$(cpu_ns)
    for ((at = 0; at < restarts; at += last)); do
        ask -X POST "http://fake/containers/web-[0-$((last - 1))]/restart?t=0"
    done
    wait_idle
    note storm "$1" CPU "$(ms $(($(cpu_ns) - from)))" ms
    note storm "$1" events "$STORM_EVENTS" 1
    are_all_ready "$1"
    note storm "$1" "instances that run afterwards" "$(ready_count)" 1
}

measure() { # N
    local i
    rm -rf --one-file-system "$work/specs" "$work/state"
    mkdir "$work/specs"
    for ((i = 0; i < $1; i++)); do
        instance "$i" white >"$work/specs/web-$i.yaml"
    done
    engine_start
    bring_up "$1"
    restart "$1"
    hangup "$1"
    edit "$1"
    loss "$1"
    storm "$1"
    controller_stop
    controller_start 15s
    wait_idle
    relist "$1"
    controller_stop
    stop_one "$engine"
    engine=
}

# Sessions, since nothing runs in a container in memory: placement, clones, trees (copies) and statuses are all there is.
# The pool is there before the tasks come: to the first member that is ready they would bring all repositories.
tasks_begin() { # TASKS REPOSITORIES MEMBERS PLACES
    local i
    rm -rf --one-file-system "$work/specs" "$work/state" "$work/git" "$work/tree" "$work/tasks"
    mkdir "$work/specs" "$work/git" "$work/tasks"
    git init -q -b main "$work/tree"
    echo hello >"$work/tree/README"
    git -C "$work/tree" add -A
    git -C "$work/tree" -c user.name=Bench -c user.email=bench@example.org commit -q -m "one file"
    for ((i = 0; i < $2; i++)); do git clone -q --bare "$work/tree" "$work/git/repo-$i.git"; done
    cat >"$work/specs/pool.yaml" <<END
apiVersion: berth.dev/v1
kind: InstancePool
metadata: {name: ci}
spec:
  minInstances: $3
  maxInstances: $3
  maxTasksPerInstance: $4
  placement: Spread
  template: {spec: {machineType: custom-1-256, image: "bench:1"}}
END
    for ((i = 0; i < $1; i++)); do task "$i" "$2" Active >"$work/tasks/task-$i.yaml"; done
    engine_start
    controller_start 1h --git-file-root "$work/git" --repository-image bench:1 --trees copy
    wait_until 60 grep -q "message: $3 of $3 members ready" "$work/specs/pool.status.yaml"
    files_count_begin
    mv "$work/tasks" "$work/specs/tasks"
}
# Each status and each file of state is put in its place by a rename.
files_count_begin() {
    counter=
    perf stat -e syscalls:sys_enter_renameat true 2>/dev/null || return 0
    perf stat --no-inherit -x ' ' -o "$work/renames" -e syscalls:sys_enter_renameat -p "$controller" &
    counter=$!
}
files_count_end() { # NAME TASKS
    [[ -n $counter ]] || return 0
    kill -INT "$counter"
    wait "$counter" || true
    note "$1" "$2" "files written" "$(awk '/renameat/ { print $1 }' "$work/renames")" 1
}
task() { # NUMBER REPOSITORIES STATE
    cat <<END
apiVersion: berth.dev/v1
kind: Task
metadata: {name: task-$1}
spec: {pool: ci, repository: "file://$work/git/repo-$(($1 % $2)).git", state: $3}
END
}
in_phase() { # PHASE: the numbers of those tasks
    find "$work/specs" -name 'task-*.status.yaml' -print0 | xargs -0 -r grep -lE "^  phase: $1" |
        sed -E 's/.*task-([0-9]+)\..*/\1/' || true
}
is_phase_of() { # PHASE COUNT: asks rarely, since it looks at every file
    sleep 1
    [[ $(in_phase "$1" | wc -l) == "$2" ]]
}
tasks_note() { # NAME TASKS FROM_MS
    note "$1" "$2" "until the last one, by the clock" $(($(now_ms) - $3)) ms
    wait_idle
    note "$1" "$2" CPU "$(ms "$(cpu_ns)")" ms
    note "$1" "$2" VmHWM "$(memory_kib VmHWM)" KiB
    files_count_end "$1" "$2"
}
tasks_end() {
    controller_stop
    stop_one "$engine"
    engine=
}

# There is a place for each, wherever its repository is.
tasks() { # TASKS REPOSITORIES
    local from members=$(($1 / 500))
    tasks_begin "$1" "$2" $((members > 10 ? members : 10)) 1000
    from=$(now_ms)
    wait_until 3600 is_phase_of Running "$1"
    tasks_note tasks "$1" "$from"
    hangup "$1"
    tasks_end
}

# There are ten places for each repository, and who is open is completed, so that all the others move up in the queue.
queue() { # TASKS REPOSITORIES
    local i from over=0
    tasks_begin "$1" "$2" 10 "$2"
    from=$(now_ms)
    while ((over < $1)); do
        for i in $(in_phase Running); do
            grep -q Active "$work/specs/tasks/task-$i.yaml" || continue
            task "$i" "$2" Completed >"$work/specs/tasks/.new"
            mv "$work/specs/tasks/.new" "$work/specs/tasks/task-$i.yaml"
        done
        over=$(in_phase '(Succeeded|Failed)' | wc -l)
        (($(now_ms) - from < 3600000)) || return 1
    done
    tasks_note queue "$1" "$from"
    tasks_end
}

# --- how it grows ----------------------------------------------------------------------------------

compare() { # SMALL LARGE
    local name
    for name in up restart hangup relist edit loss; do
        note growth "$2" "$name: exponent of CPU from $1" "$(awk -v a="$(value_of "$name" "$1" CPU)" \
            -v b="$(value_of "$name" "$2" CPU)" -v n="$1" -v m="$2" \
            'BEGIN { printf "%.2f", log(b / a) / log(m / n) }')" 1
    done
    note growth "$2" "edit: times that of $1" "$(awk -v a="$(value_of edit "$1" CPU)" -v b="$(value_of edit "$2" CPU)" \
        'BEGIN { printf "%.2f", b / a }')" 1
    note growth "$2" "memory of one object" "$(awk -v a="$(value_of relist "$1" VmRSS)" \
        -v b="$(value_of relist "$2" VmRSS)" -v n="$1" -v m="$2" 'BEGIN { printf "%.2f", (b - a) / (m - n) }')" KiB
}

if [[ -n ${TASKS:-}${QUEUE:-} ]]; then
    # shellcheck disable=SC2086  # two words each
    [[ -z ${TASKS:-} ]] || tasks $TASKS
    # shellcheck disable=SC2086
    [[ -z ${QUEUE:-} ]] || queue $QUEUE
    exit
fi
for n in "${sizes[@]}"; do
    measure "$n"
done
((${#sizes[@]} < 2)) || compare "${sizes[0]}" "${sizes[-1]}"

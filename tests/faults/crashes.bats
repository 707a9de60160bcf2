#!/usr/bin/env bats
# The controller is killed at its changes to the world, before or after each, and started again. The world
# that comes of it is the one of a run without a kill: see scenarios.bash for what is compared.
#
# What is a change says crash_at.c: a system call that alters a file of specs or state directory, or by which a child
# alters anything; or that sends something to the engine. In one run of a scenario the controller is killed
# CRASH_KILLS times (6), each time at the first change where it was not killed yet.
#   without CRASH, as in `make check`, this is done for CRASH_SECONDS (15) a scenario, at random points; the
#                                    seed is printed, and CRASH_SEED repeats it
#   CRASH=all                        until it was killed at every point; CRASH=@FILE: at those in FILE, one "HOW POINT" a line
#   CRASH='before POINT, after 12'   one run: killed at POINT, and again at the 12th change after the next start.
#                                    What failed is printed like this
# CRASH_PORTS=30100 chooses the first port, so that two runs on one machine do not share any; CRASH_PATIENCE=120 waits
# longer than 40 s for the world to follow, where the machine has other work.

load ../integration/helpers
load ../integration/task_helpers
load scenarios

setup() {
    berth_setup
    REPO=repo$BATS_SUITE_TEST_NUMBER
    make_repo "$REPO"
    [[ -z ${CRASH_PORTS:-} ]] || PORT_FIRST=$CRASH_PORTS PORT_LAST=$((CRASH_PORTS + 99))
    CHANGES=$TEST_DIR/changes
    TODO=$TEST_DIR/todo
    REFERENCE=$TEST_DIR/reference
}

teardown() {
    [[ -z ${CRASH_KEEP:-} ]] || cp -r "$REFERENCE" "$CHANGES" "$LOG" "$CRASH_KEEP"
    end_run
    berth_teardown
}

say() { echo "# $*" >&3; }

crash_at() {
    printf '%q ' "$BERTH_TEST_PROGRAMS/faults/crash_at" -l "$CHANGES" -e "${DOCKER_HOST#unix://}" \
        -r "specs=$SPECS" -r "state=$STATE" "$@" --
}

# kill_line HOW POINT: what begin_run wants. HOW is never, before, after or alone (only the process itself dies);
# POINT a line of CHANGES, or the number of a change.
kill_line() {
    local -a how=()
    case $1 in
        after) how=(-a) ;;
        alone) how=(-c) ;;
    esac
    case $1:$2 in
        never:*) crash_at ;;
        *:*[!0-9]*) crash_at "${how[@]}" -p "$2" ;;
        *) crash_at "${how[@]}" -n "$2" ;;
    esac
}

judged() {
    local status
    "$1"
    status=$?
    end_run
    return "$status"
}

# run_with SCENARIO KILL...: one run. Sets KILLED, how often somebody was killed.
run_with() {
    local scenario=$1
    shift
    : >"$CHANGES"
    begin_run "$REFERENCE" "$@"
    run judged "$scenario"
    end_run
    KILLED=$(grep -c '^killed' "$CHANGES")
    if ((status != 0)); then
        say "FAILED: CRASH='$(sed -n 's/^killed //p' "$CHANGES" | sed ':all;N;$!b all;s/\n/, /g')'"
        head -n 60 <<<"$output" | sed 's/^/# /' >&3
        grep -hE ' (WARN|ERROR) ' "$LOG" | tail -n 20 | sed 's/^/# /' >&3
        return 1
    fi
}

# The run that the others are compared with. Sets POINTS.
first_run() {
    run_with "$1" "$(crash_at)" || return 1
    touch "$REFERENCE/complete"
    mapfile -t POINTS < <(grep -v '^end$' "$CHANGES")
    say "$1: ${#POINTS[@]} changes, $(printf '%s\n' "${POINTS[@]}" | grep -cv '^run ') of them by children"
    ((${#POINTS[@]} > 0))
}

one_run() {
    local rest=$2, one
    local -a kills=()
    while [[ -n $rest ]]; do
        one=${rest%%,*} rest=${rest#*,} rest=${rest# }
        kills+=("$(kill_line "${one%% *}" "${one#* }")")
    done
    run_with "$1" "${kills[@]}" || return 1
    say "killed: $KILLED"
}

# What is to be tried at a point: "before" is after the one before it, so "after" matters only where somebody else,
# the engine, goes on with it. Of the many calls of children each name is tried once, not each occurrence, and in turns
# the child dies alone or with the controller.
hows_of() {
    case $1 in
        run\ unlink\ *.tmp#*) ;;    # there is nothing to be removed: the same as the point before
        run\ POST* | run\ PUT* | run\ DELETE* | run\ more*) echo "before $1" && echo "after $1" ;;
        run\ *) echo "before $1" ;;
        *#1)
            CHILD_CALLS=$((CHILD_CALLS + 1))
            ((CHILD_CALLS % 2 > 0)) && echo "before $1" || echo "alone $1"
            ;;
    esac
}

all_kills() {
    local point CHILD_CALLS=0
    for point in "${POINTS[@]}"; do hows_of "$point"; done
}

# take_off: what was done in the last run is not to be done any more.
take_off() {
    sed -n 's/^killed //p' "$CHANGES" | sort >"$TODO.done"
    comm -23 "$TODO" "$TODO.done" >"$TODO.rest"
    mv "$TODO.rest" "$TODO"
}

# kill_all SCENARIO KILLS UNTIL: KILLS a run, until TODO is empty or not reached any more, or the time has come.
kill_all() {
    local scenario=$1 until=$3 runs=0 kills=0 failed=0 i
    local -a many=()
    sort -o "$TODO" "$TODO"
    for ((i = 0; i < $2; i++)); do many+=("$(crash_at -t "$TODO")"); done
    while [[ -s $TODO ]] && ((SECONDS < until)); do
        run_with "$scenario" "${many[@]}" || failed=$((failed + 1))
        take_off
        runs=$((runs + 1)) kills=$((kills + KILLED))
        ((KILLED > 0)) || break
        ((runs % 10 > 0)) || say "$scenario: $runs runs, $kills kills, $failed runs failed, $(wc -l <"$TODO") points left"
    done
    say "$scenario: $runs runs, $kills kills, $failed runs failed"
    ((failed == 0))
}

# everything SCENARIO: or what is still to be done of an earlier sweep.
everything() {
    case $CRASH in
        @*) cp "${CRASH#@}" "$TODO" ;;
        *) all_kills >"$TODO" ;;
    esac
    # How often a point came counts from the start of a controller: the last ones are reached by those that live long.
    kill_all "$1" "${CRASH_KILLS:-6}" $((SECONDS + 86400)) && kill_all "$1" 1 $((SECONDS + 86400)) || return 1
    sed 's/^/# not reached: /' "$TODO" >&3
}

# Always: between a layer and the rest of its tree, where a digest was lost once, and in the removal of a mirror and of a
# repository's folder, where parts of them stayed; and the child that finds out how trees are made dies alone, from which
# it was concluded that they cannot be mounts. What else was found comes with any kill.
sample() {
    local seed=${CRASH_SEED:-$RANDOM}
    say "$1: CRASH_SEED=$seed"
    { all_kills | grep -E 'trash-setup-.*/made#1$|before run (rename state/repos/trash-.*-snap-|rmdir state/repos/repo-).*#1$' || true; } >"$TODO"
    printf '%s\n' "${POINTS[@]}" | sed -n 's/^tree-worker write state\/probe\/.*kept#1$/alone &/p' >>"$TODO"
    all_kills | shuf -n 20 --random-source=<(yes "$seed") | sort -u - "$TODO" -o "$TODO"
    kill_all "$1" "${CRASH_KILLS:-6}" $((SECONDS + ${CRASH_SECONDS:-15}))
}

crash() {
    local scenario=$1
    first_run "$scenario" || return 1
    case ${CRASH:-} in
        '') sample "$scenario" ;;
        all | @*) everything "$scenario" ;;
        *) one_run "$scenario" "$CRASH" ;;
    esac
}

@test "killed while an instance is made, made anew and removed: the same container, port, page and files" {
    crash instance_scenario
}

@test "killed while a pool grows, shrinks and goes: the same members, each made once, on the same ports" {
    crash pool_scenario
}

@test "killed while tasks are cloned for, set up, run and forgotten: each command ran once, each result is kept" {
    crash task_scenario
}

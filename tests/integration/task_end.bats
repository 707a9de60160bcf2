#!/usr/bin/env bats
# How tasks end: results, retries, timeouts, stops; and for how long what they leave is kept.

load helpers
load task_helpers

# For commands of sh: what can be ignored is.
TRAP_ALL='trap \"\" TERM INT HUP'

runs() { wc -l <"$1"; }
is_gone() { [[ ! -e $1 ]]; }
has_field() { task_field "$1" "$2" >/dev/null; }
has_no_field() { ! has_field "$1" "$2"; }
process_in() { docker top "$1" 2>/dev/null | grep -q -- "$2"; }
no_process_in() { ! process_in "$@"; }
kept() { repository_field "keptTrees.0.$1"; }
# pause_before N: milliseconds from the end of the attempt before it, as the records' files have it; in $logs
pause_before() { echo $(($(date -r "$logs/$1.start" +%s%3N) - $(date -r "$logs/$(($1 - 1)).exit" +%s%3N))); }
seconds_between() { echo $(($(date -d "$2" +%s) - $(date -d "$1" +%s))); }

# --- results -------------------------------------------------------------------------------------------

@test "each way to end has its phase, reason, exit code and words" {
    settings 'resources: {memory: 64Mi}
taskPorts: 0'
    task good '["true"]'
    task bad '[sh, -c, "exit 7"]'
    task killed '[sh, -c, "kill -9 $$"]'
    task absent '[no-such-command]'
    task denied '[./README]'
    task slow '[sleep, "1000"]' 'timeoutSeconds: 1'
    task hungry '[sh, -c, "x=$(yes | head -c 200000000); echo end"]'
    berth_start
    while read -r name phase reason code; do
        wait_for 60 field_is "$name.yaml" "$name" status.phase "$phase"
        task_field_is "$name" reason "$reason"
        [ "$code" = - ] || task_field_is "$name" exitCode "$code"
        field_is "$name.yaml" "$name" 'status.conditions[type=Ready].reason' "$reason"
        [ -n "$(task_field "$name" startTime)" ]
        [ -n "$(task_field "$name" endTime)" ]
        task_field_is "$name" attempt 1
    done <<'TABLE'
good Succeeded Completed 0
bad Failed Error 7
killed Failed Error 137
absent Failed StartFailed 127
denied Failed StartFailed 126
slow Failed DeadlineExceeded -
hungry Failed OOMKilled -
TABLE
    [[ $(status_of absent.yaml absent status.error.message) == *no-such-command* ]]
    [[ $(status_of denied.yaml denied status.error.message) == *README* ]]
    [[ $(status_of slow.yaml slow status.error.message) == *"1 s"* ]]
}

# A control group in which the controller can be kept from making processes.
enter_pids_cgroup() {
    local root=/sys/fs/cgroup/pids
    [[ -d $root ]] || root=/sys/fs/cgroup
    PIDS_CGROUP=$root/berth-test-$$-$BATS_SUITE_TEST_NUMBER
    mkdir "$PIDS_CGROUP"
    [[ -e $PIDS_CGROUP/pids.max ]] || skip "no control group can limit processes here"
    echo "$BERTH_PID" >"$PIDS_CGROUP/cgroup.procs"
}
teardown() {
    local result=0
    [[ ! -e ${PIDS_CGROUP:-}/pids.max ]] || echo max >"$PIDS_CGROUP/pids.max"
    berth_teardown || result=1
    [[ -z ${PIDS_CGROUP:-} ]] || rmdir "$PIDS_CGROUP" || result=1
    return "$result"
}

@test "a tree that cannot be looked at when its task ends is looked at again" {
    task one '[sleep, "3"]'
    berth_start
    wait_for 60 field_is one.yaml one status.phase Running
    enter_pids_cgroup
    echo 1 >"$PIDS_CGROUP/pids.max"
    wait_for 30 grep -q 'action_failed.*action="inspect tree"' "$LOG"
    echo max >"$PIDS_CGROUP/pids.max"
    wait_for 30 has_field one tree.endBranch
    task_field_is one tree.dirty false
    task_field_is one tree.endCommit "$(git -C "$(bare)" rev-parse HEAD)"
    ! grep -q tree_unreadable "$LOG"
}

@test "a timeout kills the whole process tree, also what has left the group and ignores SIGTERM" {
    task slow "[sh, -c, '(trap \"\" TERM; setsid sleep 98765) & $TRAP_ALL; while :; do sleep 98764; done']" 'timeoutSeconds: 1'
    task keep ''
    berth_start
    wait_for 60 is_failed slow
    task_field_is slow reason DeadlineExceeded
    wait_for 5 no_process_in "$(repo)" 9876
}

@test "the log has both outputs in order, ends with a marker at its ceiling, and what is run is not cut short by it" {
    task loud '[sh, -c, "echo out; echo err >&2; yes | head -c 70000000; echo end >done"]'
    berth_start
    wait_for 90 is_succeeded loud
    file=$(task_field loud logFile)
    [ "$(head -n 2 "$file")" = "$(printf 'out\nerr')" ]
    size=$(stat -c %s "$file")
    [ "$size" -ge $((64 << 20)) ]
    [ "$size" -le $(((64 << 20) + 1000)) ]
    [[ $(tail -c 300 "$file") == *berth* ]]
    [ "$(cat "$(tree_of loud)/done")" = end ]
}

@test "what a command leaves running in the background ends with it, and does not hold its end up" {
    task job '[sh, -c, "setsid sleep 98763 >/dev/null 2>&1 & echo done"]'
    task keep ''
    berth_start
    wait_for 30 is_succeeded job
    [ "$(log_of job)" = "done" ]
    wait_for 10 no_process_in "$(repo)" 98763
}

# --- retries -------------------------------------------------------------------------------------------

@test "a failed command is tried again in its tree, with back-off, as often as the spec says; each log is kept" {
    task flaky '[sh, -c, "echo run >>runs; echo attempt $(wc -l <runs); exit 9"]' 'backoffLimit: 2'
    berth_start
    wait_for 30 has_field flaky nextRetryTime
    field_is flaky.yaml flaky status.phase Pending
    [[ $(status_of flaky.yaml flaky 'status.conditions[type=Ready].message') == *"attempt 1 of 3"* ]]
    wait_for 60 is_failed flaky
    task_field_is flaky attempt 3
    task_field_is flaky exitCode 9
    [ "$(runs "$(tree_of flaky)/runs")" -eq 3 ]
    logs=$(dirname "$(task_field flaky logFile)")
    for i in 1 2 3; do [ "$(cat "$logs/$i.log")" = "attempt $i" ]; done
    # Not at once, and later each time.
    [ "$(pause_before 2)" -ge 500 ]
    [ "$(pause_before 3)" -gt "$(pause_before 2)" ]
}

@test "one that succeeds at last has succeeded; a controller killed between attempts changes nothing" {
    task flaky '[sh, -c, "echo run >>runs; test $(wc -l <runs) -ge 3"]' 'backoffLimit: 5'
    berth_start
    wait_for 30 has_field flaky nextRetryTime
    for i in 1 2 3; do
        berth_kill9
        berth_start
    done
    wait_for 60 is_succeeded flaky
    task_field_is flaky attempt 3
    task_field_is flaky exitCode 0
    [ "$(runs "$(tree_of flaky)/runs")" -eq 3 ]
}

@test "a lost container fails the attempt; with a retry the next one goes on in the same tree" {
    task once '[sh, -c, "echo run >>runs; exec sleep 1000"]'
    task again '[sh, -c, "echo run >>runs; test $(wc -l <runs) -ge 2 || exec sleep 1000"]' 'backoffLimit: 1'
    berth_start
    wait_for 30 is_running_task once
    wait_for 30 is_running_task again
    docker kill "$(repo)" >/dev/null
    wait_for 20 is_failed once
    task_field_is once reason ContainerLost
    refute has_field once exitCode
    wait_for 40 is_succeeded again
    task_field_is again attempt 2
    [ "$(runs "$(tree_of once)/runs")" -eq 1 ]
    [ "$(runs "$(tree_of again)/runs")" -eq 2 ]
}

@test "a runner that is killed in the container counts as lost, and nothing of its command lives on" {
    task victim '[sh, -c, "echo run >>runs; exec sleep 98762"]'
    task keep ''
    berth_start
    wait_for 30 is_running_task victim
    runner=$(docker top "$(repo)" -eo pid,args | awk '/\/.berth\/runner run / && !/awk/ { print $1; exit }')
    [ -n "$runner" ]
    kill -9 "$runner"
    wait_for 20 is_failed victim
    task_field_is victim reason ContainerLost
    wait_for 10 no_process_in "$(repo)" 98762
    [ "$(runs "$(tree_of victim)/runs")" -eq 1 ]
}

# --- stops ---------------------------------------------------------------------------------------------

@test "state Completed ends a command: SIGTERM, which it can use to clean up, and SIGKILL ten seconds later" {
    task polite '[sh, -c, "trap \"echo bye; exit 0\" TERM; echo hello; while :; do sleep 0.1; done"]'
    task stubborn "[sh, -c, '$TRAP_ALL; echo hello; while :; do sleep 0.1; done']"
    berth_start
    wait_for 30 is_running_task polite
    wait_for 30 is_running_task stubborn
    complete polite
    complete stubborn
    wait_for 8 is_succeeded polite
    task_field_is polite reason Completed
    [[ $(log_of polite) == hello*bye ]]
    is_running_task stubborn
    wait_for 25 is_succeeded stubborn
    [ "$(seconds_between "$(task_field polite endTime)" "$(task_field stubborn endTime)")" -ge 8 ]
}

@test "a session and a task that had not started are over at once when they are completed" {
    task session ''
    task waits '["true"]' 'branch: not-yet'
    berth_start
    wait_for 30 is_running_task session
    wait_for 30 field_is waits.yaml waits status.error.reason BranchNotFound
    complete session
    complete waits
    wait_for 10 is_succeeded session
    wait_for 10 is_succeeded waits
    task_field_is session reason Completed
    task_field_is waits attempt 0
}

@test "an edit after the start changes nothing and is reported; what may change at any time is taken up" {
    task job '[sh, -c, "echo one; while [ ! -e go ]; do sleep 0.1; done"]'
    berth_start
    wait_for 30 is_running_task job
    task job '[echo, two]'
    wait_for 10 field_is job.yaml job 'status.conditions[type=UpdatePending].reason' ChangedAfterStart
    is_running_task job
    touch "$(tree_of job)/go"
    wait_for 15 is_succeeded job
    [ "$(log_of job)" = one ]
    task job '[echo, two]' 'ttlSecondsAfterFinished: 1'
    wait_for 15 has_no_field job logFile
    task_field_is job attempt 1
}

# --- what is kept --------------------------------------------------------------------------------------

@test "ttlSecondsAfterFinished: the log and a tree without work go when it is over, and not before" {
    settings 'retainSeconds: 1000'
    task short '[sh, -c, "echo short"]' 'ttlSecondsAfterFinished: 3'
    task long '[sh, -c, "echo long"]'
    berth_start
    wait_for 30 is_succeeded short
    wait_for 30 is_succeeded long
    ended=$(task_field short endTime)
    log=$(task_field short logFile) tree=$(tree_of short)
    [ -s "$log" ]
    wait_for 15 is_gone "$log"
    [ "$(seconds_between "$ended" now)" -ge 2 ]
    wait_for 10 is_gone "$tree"
    wait_for 5 has_no_field short logFile
    refute grep -q " $tree " /proc/self/mountinfo
    is_gone "$STATE/repos/$(repo)/layers/short"
    is_gone "${tree%/*}/.home/short"
    is_gone "${tree%/*}/.tmp/short"
    [ "$(log_of long)" = long ]
    [ -d "$(tree_of long)" ]
    is_succeeded short
}

@test "a tree with uncommitted work is kept beyond the ttl, named in both statuses, until retainSeconds are over" {
    settings 'retainSeconds: 12'
    task dirty '[sh, -c, "echo work >file"]' 'ttlSecondsAfterFinished: 1'
    task clean '["true"]' 'ttlSecondsAfterFinished: 1'
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_succeeded dirty
    wait_for 30 is_succeeded clean
    tree=$(tree_of dirty)
    wait_for 15 field_is dirty.yaml dirty 'status.conditions[type=WorkKept].status' True
    task_field_is dirty tree.dirty true
    task_field_is dirty tree.unpushed false
    [ "$(seconds_between "$(task_field dirty endTime)" "$(task_field dirty tree.keptUntil)")" -eq 12 ]
    wait_for 15 has_no_field clean tree.hostPath
    wait_for 15 has_no_field dirty logFile
    [ "$(cat "$tree/file")" = work ]
    rm "$SPECS/dirty.yaml"
    wait_for 10 is_gone "$SPECS/dirty.status.yaml"
    wait_for 10 kept path
    [ "$(kept path)" = "$tree" ]
    [ "$(kept task)" = dirty ]
    [ "$(cat "$tree/file")" = work ]
    wait_for 20 is_gone "$tree"
    wait_for 10 refute kept path
}

@test "commits that were not pushed are work, commits that were are not" {
    settings 'retainSeconds: 1000'
    commit='git commit -q --allow-empty -m work; git rev-parse HEAD; while [ ! -e .git/go ]; do sleep 0.1; done'
    task unpushed "[sh, -c, '$commit']" 'ttlSecondsAfterFinished: 1'
    task pushed "[sh, -c, '$commit']" 'ttlSecondsAfterFinished: 1'
    task stashed "[sh, -c, 'echo x >>README; git stash -q; while [ ! -e .git/go ]; do sleep 0.1; done']" 'ttlSecondsAfterFinished: 1'
    berth_start --repository-image berth-test/git:1
    for name in unpushed pushed stashed; do wait_for 30 is_running_task "$name"; done
    for name in unpushed pushed; do wait_for 10 test -s "$(task_field "$name" logFile)"; done
    tree=$(tree_of pushed)
    # From outside, since these containers do not reach the server: as if pushed from inside.
    git -c safe.directory='*' -C "$tree" -c "url.$(bare).insteadOf=$(url)" push -q origin HEAD:refs/heads/result
    for name in unpushed pushed stashed; do touch "$(tree_of "$name")/.git/go"; done
    for name in unpushed pushed stashed; do wait_for 20 is_succeeded "$name"; done
    wait_for 20 is_gone "$tree"
    task_field_is pushed tree.unpushed false
    for name in unpushed stashed; do
        task_field_is "$name" tree.unpushed true
        task_field_is "$name" tree.dirty false
        [ -d "$(tree_of "$name")" ]
    done
    task_field_is unpushed tree.endBranch task/unpushed
    task_field_is unpushed tree.endCommit "$(tree_git "$(tree_of unpushed)" rev-parse HEAD)"
    [ "$(git -C "$(bare)" rev-parse result)" = "$(task_field pushed tree.endCommit)" ]
}

@test "a task of the same name gets a new tree beside one that is kept" {
    task job '[sh, -c, "echo work >file"]'
    task keep ''
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_succeeded job
    tree=$(tree_of job)
    wait_for 10 has_field job tree.dirty
    rm "$SPECS/job.yaml"
    wait_for 15 is_gone "$SPECS/job.status.yaml"
    task job '[ls]'
    wait_for 20 is_succeeded job
    refute grep -qx file "$(task_field job logFile)"
    [ "$(tree_of job)" != "$tree" ]
    [ "$(cat "$tree/file")" = work ]
    task_field_is job branch task/job
}

@test "with the spec of a finished task go its log and its clean tree, when their time is over" {
    settings 'retainSeconds: 1000'
    task job '[echo, hello]' 'ttlSecondsAfterFinished: 4'
    task keep ''
    berth_start
    wait_for 30 is_succeeded job
    log=$(task_field job logFile) tree=$(tree_of job)
    wait_for 10 has_field job tree.dirty
    rm "$SPECS/job.yaml"
    wait_for 10 is_gone "$SPECS/job.status.yaml"
    [ "$(cat "$log")" = hello ]
    berth_kill9
    berth_start    # what is to go is remembered
    wait_for 20 is_gone "$log"
    wait_for 20 is_gone "$tree"
    is_gone "$STATE/repos/$(repo)/layers/job"
}

@test "a repository whose tasks have all gone keeps trees with work for its retain time, without a container" {
    settings 'retainSeconds: 10'
    task job '[sh, -c, "echo work >file"]' 'ttlSecondsAfterFinished: 0'
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_succeeded job
    wait_for 10 has_field job tree.dirty
    tree=$(tree_of job)
    rm "$SPECS/job.yaml"
    wait_for 10 kept path
    rm "$SPECS/project.yaml"
    wait_for 20 has_no_containers
    [ "$(cat "$tree/file")" = work ]
    wait_for 30 is_gone "$tree"
    nothing_left() { [[ -z $(find "$STATE/repos" -mindepth 2 \( -name trees -o -name layers -o -name mirror.git \)) ]]; }
    wait_for 20 nothing_left
}

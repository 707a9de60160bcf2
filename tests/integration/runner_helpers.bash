# For the files about the task runner. RUNNER names the program; without it, the one beside $BERTH or the
# last one built. Each test has a folder for a task's records, $dir.

# shellcheck source=assert.bash
source "${BASH_SOURCE[0]%/*}/assert.bash"

setup_file() {
    if [ -z "$RUNNER" ] && [ -n "$BERTH" ]; then
        RUNNER=$(dirname "$(realpath "$BERTH")")/berth-runner
    elif [ -z "$RUNNER" ]; then
        RUNNER=$(ls -t "$BATS_TEST_DIRNAME"/../../build/*/berth-runner | head -n 1)
    fi
    RUNNER=$(realpath "$RUNNER")
    export RUNNER
}

runner_setup() {
    dir=$BATS_TEST_TMPDIR/task
    mkdir "$dir"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR" 2>/dev/null || true
    started=()
}

runner_teardown() {
    for pid in "${started[@]}"; do
        kill -9 "$pid" 2>/dev/null || true
    done
    while read -r mount; do
        umount "$mount"
    done < <(awk -v below="$BATS_TEST_TMPDIR" 'index($2, below) == 1 { print $2 }' /proc/mounts)
    if [ -n "$container" ]; then
        docker rm -f "$container" >/dev/null
    fi
}

setup() { runner_setup; }
teardown() { runner_teardown; }

# attempt N [option...] -- command...: sets $status and $output
attempt() {
    status=0
    output=$(timeout -k 1 60 "$RUNNER" run --dir "$dir" --attempt "$@" 2>&1) || status=$?
}

# The same in the background; its pid is in $runner.
attempt_in_background() {
    "$RUNNER" run --dir "$dir" --attempt "$@" 3>&- &
    runner=$!
    started+=("$runner")
}

# record N: the exit record without its times, and without what the kernel counted
record() { grep -v '^\(version\|started_ms\|finished_ms\|oom\)=' "$dir/$1.exit" | tr '\n' ' '; }

value() { sed -n "s/^$2=//p" "$dir/$1"; }

# "! command" would not fail a test.
is_locked() { ! flock -n -s "$dir/$1.start" true; }

# Ten seconds are for slow machines: what is waited for comes at once or not at all.
wait_until() {
    local end=$((SECONDS + 10))
    until eval "$1"; do
        if ((SECONDS >= end)); then
            echo "waited in vain for: $1" >&2
            return 1
        fi
        sleep 0.02
    done
}

is_alive() { kill -0 "$1" 2>/dev/null && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status"; }

# Clock ticks that the process has used
ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }

# --- in containers: DOCKER_HOST says where, and $container which ---

in_container() { docker exec "${docker_exec_options[@]}" "$container" "$@"; }

attempt_in_container() {
    in_container /.berth/runner run --dir /.berth/tasks/t --attempt "$@"
}

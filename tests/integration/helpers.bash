# For every test file: `load helpers` (from tests/faults: `load ../integration/helpers`).
#
# Each test has a folder of its own with SPECS and STATE, a port range of its own (PORT_FIRST to
# PORT_LAST, given to Berth as its pool), and a controller whose output is in LOG. setup and teardown
# are defined here; a file that needs more calls berth_setup and berth_teardown from its own.
#
# Nothing here sleeps and hopes: wait_for asks until something is so, and says what it saw when not.

# shellcheck source=assert.bash
source "${BASH_SOURCE[0]%/*}/assert.bash"

POLL_S=0.1

berth_setup() {
    TEST_DIR=$SUITE_DIR/t$BATS_SUITE_TEST_NUMBER
    SPECS=$TEST_DIR/specs STATE=$TEST_DIR/state LOG=$TEST_DIR/berth.log
    # 100 ports for each of 50 tests, all of them in Berth's default range, and for each of two lanes.
    PORT_FIRST=$((20000 + ${TEST_LANE:-0} % 2 * 5000 + BATS_SUITE_TEST_NUMBER % 50 * 100))
    PORT_LAST=$((PORT_FIRST + 99))
    BERTH_PID='' WORLD_IS_SHOWN=''
    mkdir -p "$SPECS" "$STATE"
    : >"$LOG"
}

# Whatever the test did, nothing with the label of a controller of its own outlives it. With
# BERTH_TEST_STOPS=1 the controller is stopped and not killed, and must end well: a sanitizer then tells
# what it has lost.
berth_teardown() {
    local id result=0
    [[ -n ${TEST_DIR:-} ]] || return 0    # not even set up
    [[ -n ${BATS_TEST_COMPLETED:-} ]] || show_world
    [[ -z ${BERTH_TEST_STOPS:-} || -z ${BERTH_PID:-} ]] || berth_stop || { result=1; cat "$LOG"; }
    berth_kill9
    remove_labelled berth-test.test "$BATS_SUITE_TEST_NUMBER"
    while read -r id; do
        [[ -n $id ]] || continue
        remove_labelled dev.berth.controller "$id"
        remove_cgroups "${id:0:6}"
    done < <(find "$TEST_DIR" -name controller-id -size -100c -exec cat {} +)
    unmount_below "$TEST_DIR"
    rm -rf --one-file-system "$TEST_DIR"
    return "$result"
}

# unmount_below FOLDER: working trees are mounts, which outlive their controller.
# An empty name would be every mount of the machine: a setup that failed before it had a folder.
unmount_below() {
    [[ $1 == /?* ]] || return 0
    awk -v below="$1/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
        while read -r mounted; do umount -l "$(printf '%b' "$mounted")"; done
}

setup() { berth_setup; }
teardown() { berth_teardown; }

# --- the controller --------------------------------------------------------------------------------

# berth_start [OPTION...]: runs the controller and waits for its heartbeat.
berth_start() {
    berth_run_in_background "$@"
    wait_for 10 berth_beats
}

berth_run_in_background() {
    # Descriptor 3 is bats' own; a controller that kept it would keep bats waiting.
    "$BERTH" run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$PORT_LAST" \
        --network-range "$NETWORK_RANGE" --repository-image berth-test/busybox:1 "$@" >>"$LOG" 2>&1 </dev/null 3>&- &
    BERTH_PID=$!
}

# The heartbeat of a run before this one has another pid.
berth_beats() {
    kill -0 "$BERTH_PID" 2>/dev/null || { echo "the controller has ended"; return 1; }
    grep -qw -- "$BERTH_PID" "$STATE/controller.yaml"
}

# berth_stop: SIGTERM; the exit status is the controller's.
berth_stop() {
    local pid=$BERTH_PID
    kill -TERM "$pid"
    wait_for 20 process_is_gone "$pid" || return 1
    BERTH_PID=
    wait "$pid"
}

berth_kill9() {
    [[ -n ${BERTH_PID:-} ]] || return 0
    kill -9 "$BERTH_PID" 2>/dev/null || true
    wait "$BERTH_PID" 2>/dev/null || true    # 137, of course
    BERTH_PID=
}

process_is_gone() { [[ ! -e /proc/$1 ]] || grep -q '^State:.Z' "/proc/$1/status"; }

# --- specs and status ------------------------------------------------------------------------------

# drop FILE <<EOF: writes a spec whole, as an editor does that saves by rename.
drop() {
    local file=$SPECS/$1
    mkdir -p "${file%/*}"
    cat >"${file%/*}/.${file##*/}.new"
    mv "${file%/*}/.${file##*/}.new" "$file"
}

# drop_instance NAME [PORT]: a small web server as FILE NAME.yaml.
drop_instance() {
    drop "$1.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: $1}
spec:
  machineType: e2-small
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/web:1
  terminationGracePeriodSeconds: 2
  ports: [{name: http, containerPort: 8080${2:+, hostPort: $2}}]
SPEC
}

# drop_sample_task FILE COMMAND-LIST: the task t-NUMBER of this test, on a sample repository that tests share.
drop_sample_task() {
    [ -e "$REPOSITORIES/sample.git" ] || make_repo sample
    drop "$1" <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: t-$BATS_SUITE_TEST_NUMBER}
spec:
  repository: $GIT_HTTP_URL/git/sample.git
  command: $2
SPEC
}

# status_fields FILE: all fields of the status of SPECS/FILE, "DOCUMENT.path=value" a line.
status_fields() {
    local file=${STATUS_DIR:-$SPECS}/${1%.y*ml}.status.yaml
    [[ -e $file ]] || { echo "no status file $file" >&2; return 1; }
    awk -f "$SUPPORT/yaml_fields.awk" "$file"
}

# status_of FILE NAME PATH: one field of the object NAME (or Kind/NAME); exit status 1: not there.
#   status_of web.yaml web status.phase
#   status_of web.yaml web 'status.ports[name=http].hostPort'
#   status_of web.yaml web 'status.conditions[type=Ready].status'
status_of() {
    status_fields "$1" | awk -v wanted="$2" -v path="$3" '
        BEGIN {
            n = split(wanted, part, "/")
            kind = n == 2 ? part[1] : ""
            name = part[n]
        }
        {
            at = index($0, "=")
            key = substr($0, 1, at - 1)
            value[key] = substr($0, at + 1)
            order[++lines] = key
        }
        # The list item in which a field has a value.
        function item(list, field, want,    i) {
            for (i = 0; (list "." i "." field) in value; i++) {
                if (value[list "." i "." field] == want) {
                    return i
                }
            }
            return "none"
        }
        END {
            for (d = 0; (d ".kind") in value; d++) {
                if (value[d ".metadata.name"] == name && (kind == "" || value[d ".kind"] == kind)) {
                    break
                }
            }
            full = d "." path
            while (match(full, /\[[A-Za-z]+=[^]]*\]/)) {
                split(substr(full, RSTART + 1, RLENGTH - 2), pair, "=")
                before = substr(full, 1, RSTART - 1)
                full = before "." item(before, pair[1], pair[2]) substr(full, RSTART + RLENGTH)
            }
            if (!(full in value)) {
                print "(no " path " of " wanted ")"
                exit 1
            }
            print value[full]
        }'
}

# For wait_for.  field_is FILE NAME PATH VALUE     is_ready FILE NAME
field_is() {
    local is
    is=$(status_of "$1" "$2" "$3") || { echo "$is"; return 1; }
    [[ $is == "$4" ]] || { echo "$2: $3 is \"$is\", not \"$4\""; return 1; }
}
is_ready() { field_is "$1" "$2" 'status.conditions[type=Ready].status' True; }

# port_of FILE NAME [PORT_NAME]: the host port of an object.
port_of() { status_of "$1" "$2" "status.ports[name=${3:-http}].hostPort"; }

# --- docker as a witness ---------------------------------------------------------------------------

# container_field NAME GO_TEMPLATE
container_field() { docker inspect --type container -f "$2" "$1"; }

container_is_running() { [[ $(container_field "$1" '{{.State.Running}}' 2>&1) == true ]]; }
container_is_gone() { ! docker inspect --type container "$1" >/dev/null 2>&1; }

# our_containers: names of all containers of this test's controller, sorted.
our_containers() {
    docker ps -a --filter "label=dev.berth.controller=$(cat "$STATE/controller-id")" \
        --format '{{.Names}}' | sort
}

# foreign_container NAME [docker run option... image command...]: one that Berth must not touch.
foreign_container() {
    local name=$1
    shift
    (($# > 0)) || set -- berth-test/busybox:1 sleep 1000
    docker run -d --init --name "$name" --label "berth-test.test=$BATS_SUITE_TEST_NUMBER" "$@" >/dev/null
}

remove_labelled() {
    local filter=label=$1=$2 ids
    mapfile -t ids < <(docker ps -aq --filter "$filter")
    ((${#ids[@]} == 0)) || docker rm -f -v "${ids[@]}" >/dev/null
    mapfile -t ids < <(docker network ls -q --filter "$filter")
    ((${#ids[@]} == 0)) || docker network rm "${ids[@]}" >/dev/null
    mapfile -t ids < <(docker volume ls -q --filter "$filter")
    ((${#ids[@]} == 0)) || docker volume rm -f "${ids[@]}" >/dev/null
    mapfile -t ids < <(docker image ls -q --filter "$filter" | sort -u)
    ((${#ids[@]} == 0)) || docker image rm -f "${ids[@]}" >/dev/null
}

# remove_cgroups ID: what a controller that was killed left of its instances' cgroups, as far as they
# are empty; ID is the first six digits of the controller's.
remove_cgroups() {
    local level slice
    for slice in /run/systemd/system.control/berth-"$1"-*.slice.d; do
        [[ -d $slice ]] || continue
        slice=$(basename "$slice" .d)
        systemctl --quiet stop "$slice"
        systemctl --quiet revert "$slice"
    done
    for level in /sys/fs/cgroup/{,*/}berth/"$1" /sys/fs/cgroup/{,*/}berth.slice/berth-"$1".slice; do
        [[ -d $level ]] || continue
        find "$level" -depth -type d -exec rmdir {} + 2>/dev/null || true
        rmdir "${level%/*}" 2>/dev/null || true    # shared with other controllers
    done
}

# --- git -------------------------------------------------------------------------------------------

# make_repo NAME: a sample bare repository, REPOSITORIES/NAME.git; see tests/support/make_repo.sh.
make_repo() { "$SUPPORT/make_repo.sh" "$REPOSITORIES" "$1" >/dev/null; }

# push_file REPOSITORY BRANCH FILE <<EOF: one commit more on a branch.
push_file() {
    local tree
    tree=$(mktemp -d "$TEST_DIR/push-XXXXXX")
    git clone -q --branch "$2" "$REPOSITORIES/$1.git" "$tree"
    cat >"$tree/$3"
    git -C "$tree" add "$3"
    git -C "$tree" -c user.name=Test -c user.email=test@example.org commit -q -m "change $3"
    git -C "$tree" push -q origin "$2"
    rm -rf "$tree"
}

# --- waiting ---------------------------------------------------------------------------------------

# wait_for SECONDS COMMAND...: runs the command until it succeeds; shows what it said and the state
# of the world when the time is up.
wait_for() {
    local deadline seconds=$1 output up
    read -r up _ </proc/uptime    # in hundredths of a second; somebody may set the clock
    deadline=$((${up/./} + $1 * 100))
    shift
    until output=$("$@" 2>&1); do
        read -r up _ </proc/uptime
        if ((${up/./} > deadline)); then
            echo "waited $seconds s in vain for: $*"
            [[ -z $output ]] || echo "it said: $output"
            show_world
            return 1
        fi
        sleep "$POLL_S"
    done
}

# What a person would look at first when a test failed.
show_world() {
    local file
    [[ -z $WORLD_IS_SHOWN ]] || return 0
    WORLD_IS_SHOWN=yes
    while read -r file; do
        echo "--- ${file#"$TEST_DIR/"}"
        head -n 80 "$file"
    done < <(find "$SPECS" ${STATUS_DIR:+"$STATUS_DIR"} -name '*.status.yaml' -size -200k)
    echo "--- controller.yaml"
    cat "$STATE/controller.yaml" 2>/dev/null
    echo "--- the end of $LOG"
    tail -n 40 "$LOG"
    echo "--- docker ps -a"
    docker ps -a --format '{{.Names}}\t{{.Image}}\t{{.Status}}\t{{.Ports}}'
}

#!/usr/bin/env bash
# The main job, end to end: four specs in a folder become running containers, and go with the specs.
#
# usage: examples/demo.sh          (make demo)     KEEP=1: leave everything running at the end
#        examples/demo.sh stop                     take away what KEEP=1 left
#
# Takes the Docker Engine at DOCKER_HOST or the default socket if one answers, and otherwise starts a
# private one in build/engine, which needs root. All it writes is in build/demo. Exits 0 only if
# everything came up.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

demo=$PWD/build/demo
specs=$demo/specs
state=$demo/state
log=$demo/berth.log
support=tests/support
berth=build/berth

step() { printf '\n== %s\n' "$*"; }
note() { printf '   %s\n' "$*"; }
fail() { printf '\ndemo: %s\n' "$*" >&2; exit 1; }

get() { "$berth" get --specs "$specs" --state "$state"; }

# --- going -----------------------------------------------------------------------------------------

# SIGTERM leaves the containers running; that the specs are gone is what takes them away.
stop_controller() {
    local pid tenths=300
    pid=$(cat "$demo/berth.pid" 2>/dev/null) && kill -TERM "$pid" 2>/dev/null || return 0
    while [[ -e /proc/$pid ]] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; do
        ((tenths-- > 0)) || { kill -9 "$pid"; break; }
        sleep 0.1
    done
}

our() { docker "$1" ls -q "${@:2}" --filter "label=dev.berth.controller=$(cat "$state/controller-id")"; }

remove_ours() {
    local -a ids
    [[ -s $state/controller-id ]] || return 0
    mapfile -t ids < <(our container -a)
    ((${#ids[@]} == 0)) || docker rm -f -v "${ids[@]}" >/dev/null
    mapfile -t ids < <(our network)
    ((${#ids[@]} == 0)) || docker network rm "${ids[@]}" >/dev/null
    mapfile -t ids < <(our volume)
    ((${#ids[@]} == 0)) || docker volume rm -f "${ids[@]}" >/dev/null
    mapfile -t ids < <(our image | sort -u)
    ((${#ids[@]} == 0)) || docker image rm -f "${ids[@]}" >/dev/null
}

# Working trees are mounts, which outlive their controller.
leave_no_file() {
    local trees
    for trees in "$demo"/state/repos/*/trees; do
        ! mountpoint -q "$trees" || umount -R "$trees"
    done
    rm -rf --one-file-system "$demo"
}

# Whatever there is of a demonstration, all of it or the half of a failed one.
clean_up() {
    local image
    [[ -d $demo ]] || return 0
    if [[ -s $demo/env ]]; then
        # shellcheck source=/dev/null
        . "$demo/env"
    fi
    stop_controller
    if docker version >/dev/null 2>&1; then
        remove_ours || true
        for image in web git; do
            docker image rm -f "berth-demo/$image:1" >/dev/null 2>&1 || true
        done
    fi
    $support/git_server.sh down "$demo/git"
    [[ ! -e $demo/private-engine ]] || $support/engine.sh down --purge >/dev/null
    leave_no_file 2>/dev/null ||
        ${SUDO:-sudo} bash -c "demo=$(printf %q "$demo"); $(declare -f leave_no_file); leave_no_file"
}

case ${1:-} in
    '') ;;
    stop) clean_up; echo "demo: all gone"; exit 0 ;;
    *) sed -n '/^# usage:/,/^#$/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

ended() {
    local status=$?
    if ((status != 0)) && [[ -s $log ]]; then
        printf '\n== the end of the controller'"'"'s log\n'
        tail -n 30 "$log"
    fi
    clean_up
    exit $status
}

# --- coming ----------------------------------------------------------------------------------------

step "What is needed"
deploy/bootstrap.sh --demo
make --no-print-directory
[[ ! -d $demo ]] || { note "taking away an earlier demonstration"; clean_up; }
mkdir -p "$specs" "$state" "$demo/git"
trap ended EXIT
trap 'exit 130' INT TERM

# Said even where it is the default, so that a docker context leads nobody elsewhere.
export DOCKER_HOST=${DOCKER_HOST:-unix:///var/run/docker.sock}
if docker version >/dev/null 2>&1; then
    note "the engine at $DOCKER_HOST: $(docker version --format '{{.Server.Version}}')"
    printf 'export DOCKER_HOST=%q\n' "$DOCKER_HOST" >"$demo/env"
else
    : >"$demo/private-engine"
    $support/engine.sh up | sed 's/^engine: /   a private engine: /'
    $support/engine.sh env >"$demo/env"
fi
# shellcheck source=/dev/null
. "$demo/env"
PREFIX=berth-demo $support/images.sh web git | sed 's/^images: /   /'

$support/make_repo.sh "$demo/git" sample >/dev/null
git_url=$($support/git_server.sh up "$demo/git")
note "a sample repository at $git_url/git/sample.git"

step "Berth, on the specs of examples/quickstart"
"$berth" run --specs "$specs" --state "$state" --repository-image berth-demo/git:1 \
    >"$log" 2>&1 </dev/null &
echo $! >"$demo/berth.pid"
note "berth run --specs build/demo/specs --state build/demo/state"
for file in examples/quickstart/*.yaml; do
    # Written under a name that Berth does not look at, then renamed, as an editor does.
    sed "s|http://127.0.0.1:31999|$git_url|" "$file" >"$specs/.new"
    mv "$specs/.new" "$specs/${file##*/}"
    note "saved ${file##*/}"
done

# field FILE NAME PATH: of the status that Berth wrote beside the spec
field() {
    awk -f $support/yaml_fields.awk "$specs/$1.status.yaml" 2>/dev/null | awk -v name="$2" -v path="$3" '
        { at = index($0, "="); value[substr($0, 1, at - 1)] = substr($0, at + 1) }
        END {
            for (d = 0; (d ".kind") in value; d++) {
                if (value[d ".metadata.name"] == name) {
                    print value[d "." path]
                }
            }
        }'
}
all_up() {
    [[ $(field web web status.phase) == RUNNING && $(field db db status.phase) == RUNNING &&
        $(field tasks run-tests status.phase) == Succeeded &&
        $(field tasks session status.phase) == Running ]]
}
started=$SECONDS
until all_up; do
    kill -0 "$(cat "$demo/berth.pid")" 2>/dev/null || fail "the controller has ended"
    if ((SECONDS - started > 60)); then
        get || true
        fail "not everything came up within a minute"
    fi
    sleep 0.1
done
note "all came up within $((SECONDS - started + 1)) s"

step "What came up: berth get"
get | sed 's/^/   /'

step "The proof: the port that Berth leased for web"
port=$(field web web status.ports.0.hostPort)
note "curl http://127.0.0.1:$port/"
curl -sS --fail --max-time 5 --retry 5 --retry-connrefused "http://127.0.0.1:$port/" | sed 's/^/   /'

step "What the task run-tests said"
task_log=$(field tasks run-tests status.task.logFile)
[[ -s $task_log ]] || fail "the log of run-tests is missing: $task_log"
sed 's/^/   /' "$task_log"

step "Where to look"
for file in "$specs"/*.status.yaml; do
    note "${file#"$PWD/"}"
done
note "${log#"$PWD/"}"

if [[ -n ${KEEP:-} ]]; then
    trap - EXIT
    step "All of it is left running. What to try next"
    note "$(cat "$demo/env")"
    note "build/berth get --specs build/demo/specs --state build/demo/state -o wide"
    note "docker rm -f web                         and see it come back on the same port"
    note "edit build/demo/specs/web.yaml           machineType: e2-medium; with a mistake, see its status"
    note "docker exec -it $(field tasks session status.task.repositoryContainer) sh     the container of both tasks"
    note "rm build/demo/specs/tasks.yaml           and its container stops"
    note "build/berth validate examples/quickstart"
    note "examples/demo.sh stop                    takes everything away"
    exit 0
fi

step "The files go, and so does what they asked for"
rm "$specs"/web.yaml "$specs"/db.yaml "$specs"/tasks.yaml
started=$SECONDS
until [[ -z $(our container) ]]; do
    ((SECONDS - started <= 60)) || fail "containers are still there a minute after their specs went"
    sleep 0.1
done
note "no container is left running, after $((SECONDS - started + 1)) s"
note ""
note "KEEP=1 make demo leaves it running, and says what to try"

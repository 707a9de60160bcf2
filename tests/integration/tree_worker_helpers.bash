# Jobs, snapshots, containers and expectations of tree_worker.bats and fetch.bats, beside helpers.bash.
#
# Each test has TREES and LAYERS as a repository's container has them, and a snapshot SNAPSHOT of COMMIT as
# Berth makes them (a clone of ORIGIN, detached, the container user's). METHOD is overlay or copy.

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_TERMINAL_PROMPT=0
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'

USER_ID=1000

tree_setup() {
    berth_setup
    chmod 711 "$SUITE_DIR" # for tests as another user
    METHOD=overlay
    place "$TEST_DIR/repo"
    make_origin
}

# Whatever is mounted goes first, or nothing below it could be removed.
tree_teardown() {
    remove_labelled berth-test.test "$BATS_SUITE_TEST_NUMBER"
    unmount_below "$TEST_DIR"
    berth_teardown
}

# mounts_below FOLDER: where something is mounted, as the kernel escapes it, the last mount first.
mounts_below() { awk -v folder="$1/" 'index($5, folder) == 1 {print $5}' /proc/self/mountinfo | tac; }

# place FOLDER: where the trees of the following jobs are.
place() { TREES=$1/trees LAYERS=$1/layers; }

# --- repositories ------------------------------------------------------------------------------------

# ORIGIN, with two commits on main, and SNAPSHOT of the second one.
make_origin() {
    ORIGIN=$TEST_DIR/origin.git
    local source=$TEST_DIR/source
    git init -q -b main "$source"
    (
        cd "$source" || exit
        mkdir -p folder/inner moved
        echo kept >kept
        echo gone >gone
        echo a >folder/a
        echo b >folder/inner/b
        echo m >moved/m
        echo '*.ignored' >.gitignore
        ln -s kept link
        printf '#!/bin/sh\n' >run.sh
        chmod +x run.sh
        git add -A
        git commit -q -m one
        echo two >two
        git add -A
        git commit -q -m two
        git tag v1 HEAD^
    )
    git clone -q --bare "$source" "$ORIGIN"
    COMMIT=$(git -C "$ORIGIN" rev-parse main)
    SNAPSHOT=$TEST_DIR/snapshots/$COMMIT
    make_snapshot "$SNAPSHOT"
    LOWERS=$SNAPSHOT
}

make_snapshot() {
    git clone -q "$ORIGIN" "$1"
    git -C "$1" checkout -q --detach
    git -C "$1" branch -q -D main
    chown -R "$USER_ID:$USER_ID" "$1"
}

# What a folder holds, but for times: to compare it with itself later, or with another one.
fingerprint() {
    (cd "$1" && find . -path ./.git -prune -o -printf '%p %y %m %l\n' -o -false | sort
        find . -path ./.git -prune -o -type f -exec sha256sum {} + | sort)
}

# The same with owners, times and all of git's files: for what must not change at all.
full_fingerprint() {
    (cd "$1" && find . -printf '%p %y %m %u %g %s %T@ %i %l\n' | sort
        find . -type f -exec sha256sum {} + | sort)
}

# git in a tree, as the user that it belongs to.
tree_git() { HOME=/ as_user "$USER_ID" git -C "$TREES/$1" "${@:2}"; }

as_user() { setpriv --reuid="$1" --regid="$1" --clear-groups "${@:2}"; }

# --- jobs --------------------------------------------------------------------------------------------

# job VERB [FIELD=VALUE...]: the JSON of a job on tree "one", or whatever name= says. lowers are separated by
# newlines. "FIELD=" leaves a field out.
job() {
    local -A fields=([verb]=$1 [method]=$METHOD [trees]=$TREES [layers]=$LAYERS [name]=one)
    local -A ids=([uid]=$USER_ID [gid]=$USER_ID)
    local -a texts=()
    local lowers='' pair name
    case $1 in
        make) fields[commit]=$COMMIT lowers=$LOWERS ;;
        inspect | export) unset 'fields[layers]' ;;
    esac
    for pair in "${@:2}"; do
        case ${pair%%=*} in
            uid | gid) ids[${pair%%=*}]=${pair#*=} ;;
            lowers) lowers=${pair#*=} ;;
            *) fields[${pair%%=*}]=${pair#*=} ;;
        esac
    done
    for name in "${!fields[@]}"; do
        [[ -z ${fields[$name]} ]] || texts+=(--arg "$name" "${fields[$name]}")
    done
    jq -nc "${texts[@]}" --argjson uid "${ids[uid]}" --argjson gid "${ids[gid]}" --arg lowers "$lowers" \
        '$ARGS.named | if .lowers == "" then del(.lowers) else .lowers |= split("\n") end'
}

# Runs a job to its end; see bats' run.
tree() { run "$BERTH" tree-worker < <(job "$@"); }

# tree_ok VERB [FIELD=VALUE...]: it must have a result.
tree_ok() {
    tree "$@"
    [[ $status -eq 0 && ${lines[-1]} == 'R {'* ]] || { echo "$1: $output"; return 1; }
}

# tree_fails WORDS VERB [FIELD=VALUE...]: it must fail, with these words.
tree_fails() {
    local words=$1
    shift
    tree "$@"
    [[ $status -eq 1 && ${lines[-1]} == "E WorkspaceFailed "*"$words"* ]] || { echo "$1: $output"; return 1; }
}

# A field of the result.
result() { jq -r ".$1" <<<"${output#R }"; }

# each_method COMMAND...: for both, each with folders of its own. Never in a condition: that would switch off
# that a test ends with its first failure.
each_method() {
    for METHOD in overlay copy; do
        echo "method $METHOD"
        place "$TEST_DIR/$METHOD"
        "$@"
    done
}

is_mounted() { mountpoint -q "$TREES/${1:-one}"; }

# Nothing of the tree, and nothing that was put aside.
expect_nothing_left() {
    local name=${1:-one} left
    left=$(find "$TREES" "$LAYERS" -maxdepth 2 \( -name "$name" -o -name ".*-$name" -o -name ".*-$name.*" \))
    [[ -z $left ]] || { echo "left: $left"; return 1; }
    ! is_mounted "$name" || { echo "still mounted"; return 1; }
}

# --- containers --------------------------------------------------------------------------------------

# start_container [USER]: CONTAINER, which has TREES at /workspace.
start_container() {
    CONTAINER=tree-$BATS_SUITE_TEST_NUMBER-$METHOD
    tree_ok share layers= name=
    foreign_container "$CONTAINER" -u "${1:-$USER_ID}" -v "$TREES:/workspace:rslave" berth-test/git:1 sleep 1000
}

# inside COMMAND [ARGUMENT...], as root: inside_root
inside() { docker exec -e GIT_AUTHOR_NAME=C -e GIT_AUTHOR_EMAIL=c@c -e GIT_COMMITTER_NAME=C \
    -e GIT_COMMITTER_EMAIL=c@c "$CONTAINER" "$@"; }
inside_root() { docker exec -u 0 "$CONTAINER" "$@"; }

# Does the engine see mounts that are made after its start? The newest one has a mount namespace of its own.
engine_sees_mounts() {
    tree_ok make name=seen
    local is=1
    inside test -e /workspace/seen/.git && is=0
    tree_ok remove name=seen
    return $is
}


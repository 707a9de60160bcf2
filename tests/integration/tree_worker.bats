# "berth tree-worker" on real mounts, with containers of the real engine that have the trees. Witnesses are
# git, find, findmnt, du, and the containers themselves. Needs root.

bats_require_minimum_version 1.5.0

load helpers
load tree_worker_helpers

setup() { tree_setup; }
teardown() { tree_teardown; }

# --- the folder of trees -----------------------------------------------------------------------------

shared_once() {
    [ "$(findmnt -no PROPAGATION "$TREES")" = shared ]
    [ "$(findmnt -no TARGET "$TREES" | wc -l)" = 1 ]
    findmnt -no OPTIONS "$TREES" | grep -q nosuid,nodev
    [ "$(stat -c '%u %a' "$TREES")" = "0 755" ]
}

@test "a probe finds that overlays work, and leaves nothing, not even a mount; sharing makes one" {
    tree_ok probe layers= name=
    [ "$(result method) $(result message)" = "overlay " ]
    [ -z "$(ls -A "$TREES")" ]
    ! findmnt "$TREES" || return 1
    tree_ok probe layers= name=
    tree_ok share layers= name=
    [ "$(result method)" = overlay ]
    shared_once
}

@test "the folder of trees is shared alone, whatever the mount is that it lies on" {
    for propagation in private shared slave; do
        place "$TEST_DIR/$propagation"
        job share layers= name= >"$TEST_DIR/job"
        unshare -m --propagation "$propagation" sh -ec '
            "$1" tree-worker <"$2" && "$1" tree-worker <"$2"
            findmnt -no PROPAGATION "$3"
            mkdir "$3/x" && mount -t tmpfs tmpfs "$3/x"
            grep -c " $3/x " /proc/self/mountinfo' sh "$BERTH" "$TEST_DIR/job" "$TREES" >"$TEST_DIR/out"
        [ "$(sed -n '3,$p' "$TEST_DIR/out" | tr '\n' ' ')" = "shared 1 " ]
    done
}

@test "a folder that is a mount already is made a shared one" {
    mkdir -p "$TREES"
    mount -t tmpfs tmpfs "$TREES"
    mount --make-private "$TREES"
    tree_ok share layers= name=
    [ "$(result method)" = overlay ]
    shared_once
}

@test "a container's root cannot keep the folder of trees" {
    tree_ok share layers= name=
    chown 1000 "$TREES"
    chmod 777 "$TREES"
    tree_ok share layers= name=
    shared_once
}

@test "a probe says why trees cannot be overlays: another user, no right to mount, an overlay below" {
    mkdir -m 777 "$TEST_DIR/free"
    place "$TEST_DIR/free/repo"
    run as_user 1000 "$BERTH" tree-worker < <(job probe layers= name=)
    [ "$status" -eq 0 ]
    [ "$(result method)" = copy ]
    [[ $(result message) == *"shared mount"*"takes root"* ]]

    place "$TEST_DIR/weak"
    run setpriv --bounding-set -sys_admin "$BERTH" tree-worker < <(job probe layers= name=)
    [ "$(result method)" = copy ]
    [[ $(result message) == *"Operation not permitted"* ]]

    mkdir -p "$TEST_DIR"/stack/{lower,upper,work,merged}
    mount -t overlay overlay -o "lowerdir=$TEST_DIR/stack/lower,upperdir=$TEST_DIR/stack/upper,workdir=$TEST_DIR/stack/work" \
        "$TEST_DIR/stack/merged"
    place "$TEST_DIR/stack/merged"
    tree_ok probe layers= name=
    [ "$(result method)" = copy ]
    [[ $(result message) == *"an overlay itself"* ]]
    [ -z "$(ls -A "$TREES")" ]
}

# --- making ------------------------------------------------------------------------------------------

a_tree_is_a_clean_checkout_of_its_own_branch() {
    tree_ok make branch=task/fix-7 upstream=main person='Ann "Q" O\Neil' mail=ann@example.org
    [ "$(result wasThere)" = false ]
    [ "$(fingerprint "$TREES/one")" = "$(fingerprint "$SNAPSHOT")" ]
    [ "$(tree_git one status -sb)" = "## task/fix-7...origin/main" ]
    [ "$(tree_git one rev-parse HEAD)" = "$COMMIT" ]
    [ "$(tree_git one config branch.task/fix-7.merge)" = refs/heads/main ]
    [ "$(tree_git one config remote.origin.url)" = "$ORIGIN" ]
    tree_git one fsck --strict --no-dangling
    [ -z "$(find "$TREES/one" "$TREES/.home/one" "$TREES/.tmp/one" ! -user 1000 -o ! -group 1000)" ]
    [ "$(stat -c %a "$TREES/.home/one" "$TREES/.tmp/one" | tr '\n' ' ')" = "700 700 " ]
    [ "$(git config -f "$TREES/.home/one/.gitconfig" user.name)" = 'Ann "Q" O\Neil' ]
    [ "$(git config -f "$TREES/.home/one/.gitconfig" user.email)" = ann@example.org ]
    [ "$(stat -c %a "$LAYERS")" = 700 ]
}

@test "a tree is a clean checkout on a branch of its own, all of it the container's user's" {
    before=$(full_fingerprint "$SNAPSHOT")
    each_method a_tree_is_a_clean_checkout_of_its_own_branch
    [ "$(full_fingerprint "$SNAPSHOT")" = "$before" ]
}

a_tree_without_a_branch_is_detached() {
    tree_ok make
    [ "$(tree_git one rev-parse --abbrev-ref HEAD) $(tree_git one rev-parse HEAD)" = "HEAD $COMMIT" ]
    [ ! -e "$TREES/.home/one/.gitconfig" ]
}

@test "a tree without a branch has a detached HEAD" {
    each_method a_tree_without_a_branch_is_detached
}

odd_names_survive() {
    tree_ok make branch='we"ird/na;me#1' upstream='x"y#z' person='a;b#c\' mail='"'
    [ "$(tree_git one symbolic-ref HEAD)" = 'refs/heads/we"ird/na;me#1' ]
    [ "$(tree_git one config 'branch.we"ird/na;me#1.merge')" = 'refs/heads/x"y#z' ]
    [ "$(git config -f "$TREES/.home/one/.gitconfig" user.name)" = 'a;b#c\' ]
    [ "$(git config -f "$TREES/.home/one/.gitconfig" user.email)" = '"' ]
}

@test "odd names of branches and people are quoted" {
    each_method odd_names_survive
}

trees_are_apart() {
    tree_ok make branch=task/a
    tree_ok make name=two branch=task/b
    echo changed >"$TREES/one/kept"
    rm "$TREES/one/gone"
    mkdir "$TREES/one/new"
    [ "$(fingerprint "$TREES/two")" = "$(fingerprint "$SNAPSHOT")" ]
    tree_ok remove
    expect_nothing_left
    [ "$(tree_git two status -sb)" = "## task/b" ]
}

@test "trees of one snapshot are apart from each other and from it" {
    before=$(full_fingerprint "$SNAPSHOT")
    each_method trees_are_apart
    [ "$(full_fingerprint "$SNAPSHOT")" = "$before" ]
}

made_again_it_is_as_it_was() {
    tree_ok make branch=task/a
    echo work >"$TREES/one/work"
    rm -r "$TREES/one/folder"
    tree_ok make branch=task/a
    [ "$(result wasThere)" = true ]
    if [ "$METHOD" = overlay ]; then
        umount "$TREES/one" # as after a reboot
        rmdir "$TREES/one"
        ln -s /etc "$TREES/one"
        rm -r "$TREES/.tmp"
        tree_ok make branch=task/a
        [ "$(result wasThere)" = true ]
        is_mounted
        [ "$(grep -c " $TREES/one " /proc/self/mountinfo)" = 1 ]
    fi
    [ "$(cat "$TREES/one/work")" = work ]
    [ ! -e "$TREES/one/folder" ]
    [ "$(tree_git one rev-parse --abbrev-ref HEAD)" = task/a ]
}

@test "a tree that was made before is as it was, also after a reboot" {
    each_method made_again_it_is_as_it_was
    [ -d "$TEST_DIR/overlay/trees/.tmp/one" ]
}

a_half_made_tree_is_made_anew() {
    tree_ok make branch=task/a
    echo work >"$TREES/one/work"
    rm "$LAYERS/one/made"
    tree_ok make branch=task/a
    [ "$(result wasThere)" = false ]
    [ "$(fingerprint "$TREES/one")" = "$(fingerprint "$SNAPSHOT")" ]
}

@test "a tree that was made by half is made anew" {
    each_method a_half_made_tree_is_made_anew
}

a_failed_make_leaves_nothing() {
    tree_fails "No such file" make lowers="$TEST_DIR/nowhere"
    expect_nothing_left
    mkdir -p "$TEST_DIR/no-git"
    tree_fails ".git/config" make lowers="$TEST_DIR/no-git"
    expect_nothing_left
    rm -rf "$TEST_DIR/linked" && mkdir "$TEST_DIR/linked" && ln -s "$SNAPSHOT/.git" "$TEST_DIR/linked/.git"
    tree_fails ".git" make lowers="$TEST_DIR/linked"
    expect_nothing_left
}

@test "what cannot be made leaves nothing behind" {
    each_method a_failed_make_leaves_nothing
    METHOD=copy
    tree_fails "a single layer" make lowers="$SNAPSHOT"$'\n'"$SNAPSHOT"
    expect_nothing_left
}

in_a_folder_with_an_odd_name() {
    local odd
    for odd in 'a:b,c=d' 'blanks and "quotes" \ and # $x' "$(printf 'l%.0s' $(seq 200))/$(printf 'm%.0s' $(seq 200))"; do
        place "$TEST_DIR/$METHOD-$odd"
        mkdir -p "$TEST_DIR/snap-$odd"
        rm -rf "$TEST_DIR/snap-$odd"
        make_snapshot "$TEST_DIR/snap-$odd"
        tree_ok share layers= name=
        tree_ok make branch=task/a lowers="$TEST_DIR/snap-$odd"
        [ "$(fingerprint "$TREES/one")" = "$(fingerprint "$SNAPSHOT")" ]
        tree_ok inspect
        [ "$(result commit) $(result isDirty)" = "$COMMIT false" ]
        tree_ok remove
        expect_nothing_left
    done
}

@test "folders may have odd names and long paths" {
    for METHOD in overlay copy; do
        in_a_folder_with_an_odd_name
    done
}

@test "trees allow no set-user-id programs and no devices" {
    chmod 6755 "$SNAPSHOT/run.sh"
    each_method tree_ok make
    [ "$(stat -c %a "$TEST_DIR/copy/trees/one/run.sh")" = 755 ]
    METHOD=overlay
    place "$TEST_DIR/overlay"
    findmnt -no OPTIONS "$TREES/one" | grep -q nosuid,nodev
}

@test "a copy has what the snapshot has: times, modes, links, holes of no matter" {
    mkfifo "$SNAPSHOT/fifo"
    truncate -s 10M "$SNAPSHOT/large"
    chmod 1777 "$SNAPSHOT/folder"
    touch -d 2001-02-03 "$SNAPSHOT/kept" "$SNAPSHOT/folder"
    touch -h -d 2001-02-03 "$SNAPSHOT/link"
    METHOD=copy
    tree_ok make
    diff <(cd "$SNAPSHOT" && find . -path ./.git -prune -o ! -name . -printf '%p %y %m %l %T@\n' | sort) \
        <(cd "$TREES/one" && find . -path ./.git -prune -o ! -name . -printf '%p %y %m %l %T@\n' | sort)
    cmp "$SNAPSHOT/large" "$TREES/one/large"
}

# --- containers --------------------------------------------------------------------------------------

a_container_works_in_a_tree() {
    start_container
    if [ "$METHOD" = overlay ] && ! engine_sees_mounts; then
        [ "${BERTH_TEST_ENGINE:-default}" != default ]
        return 0
    fi
    tree_ok make branch=task/a person=Ann mail=ann@example.org
    [ "$(inside git -C /workspace/one status -sb)" = "## task/a" ]
    inside sh -ec 'cd /workspace/one && echo new >new && rm gone && git mv moved elsewhere && git add -A &&
        HOME=/workspace/.home/one git commit -q -m three && touch /workspace/.tmp/one/x'
    [ "$(tree_git one log -1 --format='%an %s')" = "C three" ]
    [ "$(tree_git one status --porcelain)" = "" ]
    if [ "$METHOD" = overlay ]; then
        [ "$(cat "$LAYERS/one/upper/new")" = new ]
        [ -c "$LAYERS/one/upper/gone" ]
    fi
    tree_ok inspect commit="$COMMIT"
    [ "$(result branch) $(result isDirty) $(result isUnpushed)" = "task/a false true" ]
    tree_ok remove
    refute inside test -e /workspace/one
}

@test "a container sees trees that are made after its start, and what it writes stays in them" {
    before=$(full_fingerprint "$SNAPSHOT")
    each_method a_container_works_in_a_tree
    [ "$(full_fingerprint "$SNAPSHOT")" = "$before" ]
}

roots_hands_on_a_tree() {
    start_container 0
    tree_ok make
    # through the container where it sees the mount, else as the same root from here
    inside_root sh -c 'test -e /workspace/one/.git' || return 0
    inside_root sh -ec 'cd /workspace/one && for f in $(find .git/objects -type f); do echo damaged >"$f"; done
        chown -R 4711 . && chmod -R 777 . && rm -rf folder && ln -s /etc folder && ln .git/config hard
        mkdir -p .git/hooks && echo evil >.git/hooks/post-checkout'
}

@test "a container's root cannot reach the snapshot through a tree" {
    before=$(full_fingerprint "$SNAPSHOT")
    each_method roots_hands_on_a_tree
    [ "$(full_fingerprint "$SNAPSHOT")" = "$before" ]
}

links_are_planted_before_make() {
    tree_ok share layers= name=
    ln -s "$TEST_DIR/victim" "$TREES/one"
    ln -s "$TEST_DIR/victim" "$TREES/.home"
    mkdir "$TREES/.tmp"
    ln -s "$TEST_DIR/victim" "$TREES/.tmp/one"
    tree_ok make person=Ann
    [ "$(fingerprint "$TREES/one")" = "$(fingerprint "$SNAPSHOT")" ]
    [ -d "$TREES/.home/one" ]
    [ ! -L "$TREES/.tmp/one" ]
    rm -r "$TREES/.tmp" "$TREES/.home"
    ln -s "$TEST_DIR/victim" "$TREES/.home"
    echo file >"$TREES/.tmp"
    tree_ok make
    tree_ok remove
    expect_nothing_left
    rm -rf "$TREES/.home"
    ln -s "$TEST_DIR/victim" "$TREES/.home"
    mkdir -p "$TEST_DIR/victim/one"
    tree_ok remove
    [ -d "$TEST_DIR/victim/one" ]
    rmdir "$TEST_DIR/victim/one"
}

@test "links that were planted where a tree will be lead nowhere" {
    mkdir "$TEST_DIR/victim"
    echo precious >"$TEST_DIR/victim/file"
    before=$(full_fingerprint "$TEST_DIR/victim" | grep -v '^\. ')
    each_method links_are_planted_before_make
    [ "$(full_fingerprint "$TEST_DIR/victim" | grep -v '^\. ')" = "$before" ]
}

@test "whoever swaps the folder for a link while the tree is made gets nothing mounted elsewhere" {
    mkdir -p "$TEST_DIR/victim"
    echo precious >"$TEST_DIR/victim/file"
    tree_ok share layers= name=
    # a container's root, as busy as it can be
    bash -c 'while :; do mv -T "$1/one" "$1/aside"; ln -s "$2" "$1/one"; rm -rf "$1/one" "$1/aside"; done' \
        _ "$TREES" "$TEST_DIR/victim" 2>/dev/null 3>&- &
    swapper=$!
    for ((i = 0; i < 60; i++)); do
        tree make person=Ann
        [ "$(awk -v folder="$TEST_DIR" 'index($5, folder) == 1 && $5 !~ /\/trees(\/one)?$/' /proc/self/mountinfo)" = "" ]
        tree remove
    done
    kill "$swapper"
    wait "$swapper" || true
    [ "$(ls -A "$TEST_DIR/victim")" = file ]
    tree_ok remove
    expect_nothing_left
    tree_ok make
}

# --- freezing ----------------------------------------------------------------------------------------

work_of_a_setup() {
    (
        cd "$1" || exit
        echo changed >kept
        rm gone
        rm -r folder
        mkdir folder
        echo other >folder/other
        mv moved renamed
        mkdir -p deps/x
        echo dep >deps/x/dep
        ln -s deps/x current
        mv folder/other folder/again
    )
}

a_frozen_tree_is_a_layer() {
    tree_ok make name=setup
    work_of_a_setup "$TREES/setup"
    expected=$(fingerprint "$TREES/setup")
    tree_ok freeze name=setup to="$TEST_DIR/$METHOD/frozen/layer"
    expect_nothing_left setup
    (($(result bytes) > 0 && $(result files) > 5))
    if [ "$METHOD" = overlay ]; then
        layers=$TEST_DIR/overlay/frozen/layer$'\n'$SNAPSHOT
    else
        layers=$TEST_DIR/copy/frozen/layer
    fi
    layer_before=$(full_fingerprint "$TEST_DIR/$METHOD/frozen/layer")
    tree_ok make branch=task/a upstream=main lowers="$layers"
    tree_ok make name=two branch=task/b lowers="$layers"
    diff <(echo "$expected") <(fingerprint "$TREES/one")
    [ "$(tree_git one status --porcelain | sort)" = "$(printf '%s\n' ' D folder/a' ' D folder/inner/b' ' D gone' \
        ' D moved/m' ' M kept' '?? current' '?? deps/' '?? folder/again' '?? renamed/' | sort)" ]
    [ "$(tree_git one rev-parse --abbrev-ref HEAD)" = task/a ]
    # a tree on it is a tree like others
    mv "$TREES/one/renamed" "$TREES/one/back"
    rm -r "$TREES/one/deps"
    echo mine >"$TREES/one/folder/again"
    diff <(echo "$expected") <(fingerprint "$TREES/two")
    tree_ok freeze to="$TEST_DIR/$METHOD/frozen/second"
    if [ "$METHOD" = overlay ]; then
        layers=$TEST_DIR/overlay/frozen/second$'\n'$layers
    else
        layers=$TEST_DIR/copy/frozen/second
    fi
    tree_ok make lowers="$layers"
    [ "$(cat "$TREES/one/back/m") $(cat "$TREES/one/folder/again")" = "m mine" ]
    [ ! -e "$TREES/one/deps" ]
    [ ! -e "$TREES/one/moved" ]
    [ "$(full_fingerprint "$TEST_DIR/$METHOD/frozen/layer")" = "$layer_before" ]
}

@test "what was written into a tree becomes a layer: trees on it have its changes, deletions and renames" {
    before=$(full_fingerprint "$SNAPSHOT")
    each_method a_frozen_tree_is_a_layer
    [ "$(full_fingerprint "$SNAPSHOT")" = "$before" ]
}

freezing_again_is_fine() {
    tree_ok make
    echo new >"$TREES/one/new"
    tree_ok freeze to="$TEST_DIR/$METHOD/layer"
    bytes=$(result bytes)
    tree_ok freeze to="$TEST_DIR/$METHOD/layer"
    [ "$(result bytes)" = "$bytes" ]
    tree_fails "no tree" freeze to="$TEST_DIR/$METHOD/other"
    tree_ok make
    tree_fails "exists already" freeze to="$TEST_DIR/$METHOD/layer"
    [ -e "$TREES/one/kept" ]
    tree_ok freeze to="$TEST_DIR/$METHOD/other"
}

@test "a freeze that was done is done; one that would overwrite a layer is refused" {
    each_method freezing_again_is_fine
}

@test "a tree that is in use is not frozen, and says so" {
    tree_ok make
    (cd "$TREES/one" && exec sleep 100) 3>&- &
    user=$!
    wait_for 10 test "$(readlink /proc/$user/cwd)" = "$TREES/one"
    tree_fails "processes still use" freeze to="$TEST_DIR/layer"
    is_mounted
    [ ! -e "$TEST_DIR/layer" ]
    kill "$user"
    wait "$user" || true
    tree_ok freeze to="$TEST_DIR/layer"
}

# --- removing ----------------------------------------------------------------------------------------

whatever_stands_is_removed() {
    tree_ok remove # never made
    tree_ok make
    tree_ok make name=one-more
    (cd "$TREES/one" && exec sleep 100) 3>&- &
    user=$!
    mkfifo "$TREES/one/fifo" "$TREES/.home/one/fifo"
    chmod 000 "$TREES/one/folder"
    (cd "$TREES/one" && for ((i = 0; i < 700; i++)); do mkdir d && cd d || exit; done)
    tree_ok remove
    expect_nothing_left
    kill "$user"
    wait "$user" || true
    tree_ok make
    rm "$LAYERS/one/made"
    [ "$METHOD" = copy ] || rm -r "$LAYERS/one/work"
    rm -r "$TREES/.home/one"
    tree_ok remove
    expect_nothing_left
    mkdir "$LAYERS/.trash-one.0" "$LAYERS/.trash-other.0" "$LAYERS/.copy-one"
    echo x >"$LAYERS/.trash-one.0/x"
    tree_ok remove
    expect_nothing_left
    [ -d "$LAYERS/.trash-other.0" ]
    [ "$(fingerprint "$TREES/one-more")" = "$(fingerprint "$SNAPSHOT")" ]
}

@test "a tree is removed whatever stands of it, also while it is in use" {
    each_method whatever_stands_is_removed
}

@test "what is mounted below a tree is unmounted, not emptied" {
    METHOD=copy
    tree_ok make
    mkdir "$TREES/one/m" "$TEST_DIR/precious"
    echo x >"$TEST_DIR/precious/x"
    mount --bind "$TEST_DIR/precious" "$TREES/one/m"
    tree_ok remove
    expect_nothing_left
    [ -e "$TEST_DIR/precious/x" ]
}

everything_is_cleared() {
    tree_ok clear name= # nothing was ever made
    tree_ok share layers= name=
    tree_ok make
    tree_ok make name=two
    (cd "$TREES/two" && exec sleep 100) 3>&- &
    user=$!
    ln -s "$TEST_DIR/victim" "$TREES/link"
    tree_ok clear name=
    kill "$user"
    wait "$user" || true
    [ ! -e "$TREES" ]
    [ ! -e "$LAYERS" ]
    [ -z "$(mounts_below "${TREES%/*}")" ]
    [ -e "$TEST_DIR/victim/file" ]
}

@test "a whole folder of trees can be cleared away, also while trees are in use" {
    mkdir "$TEST_DIR/victim"
    touch "$TEST_DIR/victim/file"
    each_method everything_is_cleared
}

# --- killed at any moment ----------------------------------------------------------------------------

# killed_then_again VERB [FIELD=VALUE...]: kills the job after a while that grows with i, then does it again.
killed_then_again() {
    job "$@" >"$TEST_DIR/job"
    "$BERTH" tree-worker <"$TEST_DIR/job" >/dev/null 3>&- &
    local worker=$!
    read -rt "0.$(printf %04d $((i * 7)))" <>"$TEST_DIR/never" || true
    if kill -9 "$worker" 2>/dev/null; then
        KILLED=$((KILLED + 1))
    fi
    wait "$worker" 2>/dev/null || true
    tree_ok "$@"
}

made_in_spite_of_kills() {
    for ((i = 0; i < 25; i++)); do
        killed_then_again make branch=task/a
        [ "$(fingerprint "$TREES/one")" = "$(fingerprint "$SNAPSHOT")" ]
        [ "$(tree_git one status -sb)" = "## task/a" ]
        echo work >"$TREES/one/work"
        killed_then_again freeze to="$TEST_DIR/$METHOD/layer"
        [ "$(cat "$TEST_DIR/$METHOD/layer/work")" = work ]
        rm -r "$TEST_DIR/$METHOD/layer"
        expect_nothing_left
        tree_ok make
        killed_then_again remove
        expect_nothing_left
    done
}

@test "a job that is killed at any moment is done by the next one" {
    KILLED=0
    mkfifo "$TEST_DIR/never"
    each_method made_in_spite_of_kills
    ((KILLED > 20))
}

# --- inspecting --------------------------------------------------------------------------------------

# expect_state COMMIT BRANCH DIRTY UNPUSHED
expect_state() {
    local is
    tree_ok inspect commit="$COMMIT"
    is="$(result commit) $(result branch) $(result isDirty) $(result isUnpushed)"
    [ "$is" = "$1 $2 $3 $4" ] || { echo "$is, not $*"; return 1; }
}

head_of() { tree_git one rev-parse HEAD; }

all_kinds_of_work_are_seen() {
    tree_ok make branch=task/a upstream=main
    expect_state "$COMMIT" task/a false false
    as_user 1000 touch "$TREES/one/x.ignored"
    expect_state "$COMMIT" task/a false false
    as_user 1000 touch "$TREES/one/untracked"
    expect_state "$COMMIT" task/a true false
    rm "$TREES/one/untracked"
    echo changed >"$TREES/one/folder/a"
    expect_state "$COMMIT" task/a true false
    tree_git one checkout -q folder/a
    expect_state "$COMMIT" task/a false false
    rm "$TREES/one/gone"
    expect_state "$COMMIT" task/a true false
    tree_git one rm -q --cached gone
    expect_state "$COMMIT" task/a true false
    tree_git one commit -q -m three
    expect_state "$(head_of)" task/a false true
    tree_git one update-ref refs/remotes/origin/task/a HEAD
    expect_state "$(head_of)" task/a false false
    tree_git one update-ref -d refs/remotes/origin/task/a
    tree_git one tag kept
    expect_state "$(head_of)" task/a false false
    tree_git one tag -d kept
    tree_git one checkout -q --detach "$COMMIT"
    expect_state "$COMMIT" "" false true # the branch is still there
    tree_git one branch -q -D task/a
    expect_state "$COMMIT" "" false false
    echo stashed >"$TREES/one/kept"
    tree_git one stash -q
    expect_state "$COMMIT" "" false true
    tree_git one stash drop -q
    tree_git one checkout -q --orphan lonely
    expect_state "" "" true true
}

@test "work that exists nowhere else is seen: changes, new files, commits, stashes" {
    each_method all_kinds_of_work_are_seen
}

changes_have_a_digest() {
    local first
    tree_ok make
    tree_ok inspect
    [ -z "$(result changes)" ]
    as_user 1000 sh -c "mkdir '$TREES/one/new' && echo x >'$TREES/one/new/file'"
    tree_ok inspect
    first=$(result changes)
    [[ $first =~ ^[0-9a-f]{64}$ ]]
    tree_ok inspect
    [ "$(result changes)" = "$first" ]
    as_user 1000 sh -c "echo y >'$TREES/one/new/file'"
    tree_ok inspect
    [[ $(result changes) =~ ^[0-9a-f]{64}$ ]]
    [ "$(result changes)" != "$first" ]
}

@test "what is changed in a tree has a digest, which tells when it changes again" {
    each_method changes_have_a_digest
}

# trap_is NAME SCRIPT COMMIT DIRTY: what a tree seems to be in which the container's user ran the script.
trap_is() {
    local was now
    echo "trap $1"
    tree_ok make branch=task/a
    (cd "$TREES/one" && HOME=/ as_user 1000 sh -ec "$2")
    was=$(cd "$TREES/one" && find . -printf '%p %T@ %s\n' | sort)
    SECONDS=0
    tree_ok inspect commit="$COMMIT"
    ((SECONDS < 30))
    now="$(result commit) $(result isDirty)"
    [ "$now" = "$3 $4" ] || { echo "$now, not $3 $4"; return 1; }
    [ "$was" = "$(cd "$TREES/one" && find . -printf '%p %T@ %s\n' | sort)" ]
    [ ! -e "$MARK" ]
    tree_ok remove
}

traps() {
    export MARK=$TEST_DIR/free/mark HOST=$TEST_DIR/free/host
    trap_is fsmonitor 'git config core.fsmonitor "touch $MARK; echo"; touch x' "$COMMIT" true
    trap_is hooks 'for h in post-checkout pre-commit post-index-change; do
        printf "#!/bin/sh\ntouch $MARK\n" >.git/hooks/$h; chmod +x .git/hooks/$h; done' "$COMMIT" false
    trap_is filter 'git config filter.evil.clean "touch $MARK"; git config filter.evil.smudge "touch $MARK"
        echo "* filter=evil" >.gitattributes; touch kept' "$COMMIT" true
    trap_is pager 'git config core.pager "touch $MARK"; git config diff.external "touch $MARK"
        git config core.sshCommand "touch $MARK"; git config alias.status "!touch $MARK"' "$COMMIT" false
    trap_is worktree 'git config core.worktree "$HOST"' "$COMMIT" false
    trap_is bare 'git config core.bare true' "$COMMIT" false
    trap_is include 'git config include.path "$HOST/config"; git config core.excludesfile "$HOST/x"' "$COMMIT" false
    trap_is alternates 'echo "$HOST/.git/objects" >.git/objects/info/alternates' "$COMMIT" false
    # a commit that only the host's repository has
    trap_is foreign-commit 'echo "$HOST/.git/objects" >.git/objects/info/alternates
        git -C "$HOST" rev-parse HEAD >.git/refs/heads/task/a' "" true
    trap_is gitfile 'mv .git other; echo "gitdir: other" >.git' "" true
    trap_is gitfile-out 'rm -rf .git; echo "gitdir: $HOST/.git" >.git' "" true
    trap_is git-link 'mv .git other; ln -s other .git' "" true
    trap_is git-link-out 'rm -rf .git; ln -s "$HOST/.git" .git' "" true
    trap_is commondir 'echo "$HOST/.git" >.git/commondir' "" true
    trap_is no-git 'rm -rf .git' "" true
    trap_is no-head 'rm .git/HEAD' "" true
    trap_is odd-head 'echo "ref: ../../../etc/passwd" >.git/HEAD' "" true
    trap_is endless-head 'ln -sf HEAD .git/HEAD' "" true
    trap_is zero-head 'ln -sf /dev/zero .git/HEAD' "" true
    trap_is fifo-head 'rm .git/HEAD; mkfifo .git/HEAD' "" true
    trap_is fifo-config 'rm .git/config; mkfifo .git/config' "$COMMIT" true
    trap_is fifo-packed-refs 'rm -f .git/packed-refs; mkfifo .git/packed-refs' "$COMMIT" false
    trap_is fifo-index 'rm .git/index; mkfifo .git/index' "$COMMIT" true
    trap_is fifo-attributes 'mkfifo .gitattributes' "$COMMIT" false
    trap_is fifo-ignore 'mkfifo folder/.gitignore' "$COMMIT" false
    trap_is no-index 'rm .git/index' "$COMMIT" true
    trap_is short-index 'truncate -s 50 .git/index' "$COMMIT" true
    trap_is huge-index 'truncate -s 100G .git/index' "$COMMIT" true
    trap_is huge-config 'truncate -s 100G .git/config' "$COMMIT" true
    trap_is huge-file 'truncate -s 1T kept' "$COMMIT" true
    trap_is damaged-objects 'for f in $(find .git/objects -type f); do rm -f $f; echo damaged >$f; done' "" true
    trap_is no-objects 'rm -rf .git/objects/??' "" true
    trap_is unreadable 'chmod 000 .git/HEAD' "" true
    trap_is unknown-extension 'git config core.repositoryformatversion 1; git config extensions.odd 1' "$COMMIT" false
}

@test "no trap in git's files runs anything, leads out, writes, or holds the look at a tree up" {
    mkdir -m 777 "$TEST_DIR/free"
    git clone -q "$ORIGIN" "$TEST_DIR/free/host"
    git -C "$TEST_DIR/free/host" commit -q --allow-empty -m secret
    before=$(full_fingerprint "$TEST_DIR/free/host")
    each_method traps
    [ "$(full_fingerprint "$TEST_DIR/free/host")" = "$before" ]
}

@test "a container whose user is root is looked at without the powers of root" {
    mkdir "$TEST_DIR/root-only"
    git clone -q "$ORIGIN" "$TEST_DIR/root-only/host"
    chmod 700 "$TEST_DIR/root-only"
    USER_ID=0
    chown -R 0:0 "$SNAPSHOT"
    tree_ok make branch=task/a
    expect_state "$COMMIT" task/a false false
    chown 4711 "$TREES/one/.git/index"
    chmod 600 "$TREES/one/.git/index"
    expect_state "$COMMIT" task/a true false # its root would need a capability to read it
    rm "$TREES/one/.git/HEAD"
    ln -s "$TEST_DIR/root-only/host/.git/HEAD" "$TREES/one/.git/HEAD"
    expect_state "" "" true true
}

@test "a tree that is not there, or not mounted, is an error" {
    tree_ok share layers= name=
    tree_fails "no tree" inspect
    tree_ok make
    umount "$TREES/one"
    tree_fails "not mounted" inspect
    mkdir -p "$TEST_DIR/elsewhere/.git"
    rmdir "$TREES/one"
    ln -s "$TEST_DIR/elsewhere" "$TREES/one"
    tree_fails "no tree" inspect
}

# --- exporting ---------------------------------------------------------------------------------------

exported_commits_arrive() {
    local pack=$TEST_DIR/$METHOD/pack
    tree_ok make branch=task/a upstream=main
    echo three >"$TREES/one/three"
    tree_git one add three
    tree_git one commit -q -m three
    tree_ok export have="$COMMIT" to="$pack"
    [ "$(result commit) $(result branch)" = "$(head_of) task/a" ]
    [ "$(stat -c %a "$pack")" = 600 ]
    git clone -q "$ORIGIN" "$TEST_DIR/$METHOD/clone"
    # a commit, its tree and a file, and nothing that was there before
    [ "$(git -C "$TEST_DIR/$METHOD/clone" unpack-objects <"$pack" 2>&1 | grep -c .)" = 0 ]
    [ "$(git -C "$TEST_DIR/$METHOD/clone" log -1 --format=%s "$(head_of)")" = three ]
    git -C "$TEST_DIR/$METHOD/clone" fsck --no-dangling
    git init -q --bare "$TEST_DIR/$METHOD/empty.git"
    git -C "$TEST_DIR/$METHOD/empty.git" index-pack --stdin -v <"$pack" 2>&1 | grep -q '(3/3)'
    tree_fails "File exists" export to="$pack"
    rm "$pack"
    tree_ok export to="$pack"
    git init -q --bare "$TEST_DIR/$METHOD/all.git"
    git -C "$TEST_DIR/$METHOD/all.git" index-pack --stdin <"$pack"
    [ "$(git -C "$TEST_DIR/$METHOD/all.git" rev-list --count "$(head_of)")" = 3 ]
    rm "$pack"
    tree_ok export have=0123456789012345678901234567890123456789 to="$pack" # not there: all of it
    rm "$pack"
    tree_ok export have="$(head_of)" to="$pack"
    rm "$pack"
    rm "$TREES/one/.git/HEAD"
    tree_fails "no commit that can be read" export to="$pack"
    [ ! -e "$pack" ]
}

@test "the commits of a tree come out as a pack, without what is there already" {
    each_method exported_commits_arrive
}

@test "a damaged tree gives no pack" {
    tree_ok make branch=task/a
    echo three >"$TREES/one/three"
    tree_git one add three
    tree_git one commit -q -m three
    rm -r "$TREES/one/.git/objects/$(tree_git one rev-parse HEAD:three | cut -c1-2)"
    tree_fails "cannot be read" export have="$COMMIT" to="$TEST_DIR/pack"
    [ ! -e "$TEST_DIR/pack" ]
}

# --- measuring ---------------------------------------------------------------------------------------

@test "folders are measured as du does it" {
    mkdir -p "$TEST_DIR"/{a,b}/sub "$TEST_DIR/m"
    head -c 100000 /dev/urandom >"$TEST_DIR/a/file"
    truncate -s 1G "$TEST_DIR/a/sub/holes"
    ln "$TEST_DIR/a/file" "$TEST_DIR/a/sub/again"
    ln "$TEST_DIR/a/file" "$TEST_DIR/b/again"
    ln -s / "$TEST_DIR/b/out"
    mkfifo "$TEST_DIR/b/fifo"
    tree_ok measure trees= layers= name= lowers="$TEST_DIR/a"$'\n'"$TEST_DIR/b"
    [ "$(result bytes)" = "$(du -s -c -B1 "$TEST_DIR/a" "$TEST_DIR/b" | awk 'END {print $1}')" ]
    [ "$(result files)" = 8 ] # two folders, two in them, the file once, holes, link, fifo
    mount -t tmpfs tmpfs "$TEST_DIR/b/sub"
    head -c 100000 /dev/urandom >"$TEST_DIR/b/sub/not-counted"
    tree_ok measure trees= layers= name= lowers="$TEST_DIR/b"
    [ "$(result bytes)" = "$(du -s -x -B1 "$TEST_DIR/b" | awk '{print $1}')" ]
    tree_fails "No such file" measure trees= layers= name= lowers="$TEST_DIR/nowhere"
}

# --- without root ------------------------------------------------------------------------------------

as_plain_user() { run as_user 1000 "$BERTH" tree-worker < <(job "$@"); }

@test "without root, trees are copies of one's own" {
    mkdir -m 777 "$TEST_DIR/free"
    place "$TEST_DIR/free/repo"
    METHOD=copy
    as_plain_user make branch=task/a
    [ "$status" -eq 0 ] || { echo "$output"; false; }
    [ "$(fingerprint "$TREES/one")" = "$(fingerprint "$SNAPSHOT")" ]
    as_plain_user inspect commit="$COMMIT"
    [ "$(result commit) $(result branch) $(result isDirty) $(result isUnpushed)" = "$COMMIT task/a false false" ]
    as_plain_user inspect uid=4711
    [ "$(result commit) $(result isDirty)" = " true" ]
    as_plain_user make name=two uid=4711
    [[ $output == "E WorkspaceFailed only root"* ]]
    as_plain_user export uid=4711 to="$TEST_DIR/free/pack"
    [[ $output == "E WorkspaceFailed "*"not root" ]]
    as_plain_user freeze to="$TEST_DIR/free/layer"
    [ "$status" -eq 0 ]
    as_plain_user make lowers="$TEST_DIR/free/layer"
    [ "$status" -eq 0 ]
    as_plain_user remove
    [ "$status" -eq 0 ]
    expect_nothing_left
    METHOD=overlay
    as_plain_user make
    [[ $output == "E WorkspaceFailed only root"* ]]
}

# --- the worker --------------------------------------------------------------------------------------

@test "a job that is none is refused with an answer" {
    run "$BERTH" tree-worker <<<'{}'
    [ "$status" -eq 1 ]
    [[ $output == 'E WorkspaceFailed tree job: "verb" is none' ]]
    run "$BERTH" tree-worker < <(head -c 100000 /dev/zero)
    [[ $output == *"larger than 65536 bytes"* ]]
    run "$BERTH" tree-worker extra
    [ "$status" -eq 2 ]
    refute grep -q tree-worker <("$BERTH" --help)
}

#!/usr/bin/env bats
# How programs write into the spec directory, and what can happen to it: each change takes effect once it is
# whole, nothing half-written is acted upon, and nothing is deleted that was not meant to be.

load helpers

setup() {
    berth_setup
    ROUND=0
}

# spec NAME ROUND: an instance that costs little, and shows in its environment which version it is.
spec() {
    cat <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: $1}
spec:
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/busybox:1
  command: [sleep, "1000"]
  terminationGracePeriodSeconds: 0
  env: [{name: ROUND, value: round-$2}]
SPEC
}

# What the engine has: the version of NAME that runs.
runs_round() { [[ $(container_field "$1" '{{.State.Running}} {{.Config.Env}}' 2>&1) == "true "*"round-$2"[\ \]]* ]]; }

# A neighbour in the same directory that nobody touches, and must not notice anything.
start_with_neighbour() {
    spec web 0 >"$SPECS/web.yaml"
    spec neighbour 0 >"$SPECS/neighbour.yaml"
    berth_start "$@"
    wait_for 20 runs_round web 0
    wait_for 20 runs_round neighbour 0
    NEIGHBOUR=$(container_field neighbour '{{.Id}}')
}

# No deletion was seen, nor a version that nobody wrote; whoever was not written is as it was.
nothing_was_misread() {
    ! grep -E 'spec_gone|spec_invalid|spec_unreadable|deletions_held|cause="no longer wanted"' "$LOG" || return 1
    [ "$(container_field neighbour '{{.Id}}')" = "$NEIGHBOUR" ]
}

# change HOW...: writes the next version of web.yaml in that way and waits until it runs.
change() {
    local before=$((ROUND++))
    "$@" "$before" "$ROUND"
    wait_for 10 runs_round web "$ROUND" || { echo "not with: $*"; return 1; }
    wait_for 5 is_ready web.yaml web
}

# --- ways to write a file; each gets the version before and the new one ------------------------------

with_sed() { sed -i "s/round-$1/round-$2/" "$SPECS/web.yaml"; }
with_redirection() { spec web "$2" >"$SPECS/web.yaml"; }
with_vi() { vi -u NONE -i NONE -n -es -c "set backupskip= nobackup writebackup backupcopy=$3" -c "%s/round-$1/round-$2/" -c wq "$SPECS/web.yaml" </dev/null; }
with_vi_renaming() { with_vi "$1" "$2" no; }
with_vi_in_place() { with_vi "$1" "$2" yes; }
with_vi_and_swap_file() {
    vi -u NONE -i NONE -es -c "set backup backupskip= backupcopy=auto" -c "%s/round-$1/round-$2/" -c wq "$SPECS/web.yaml" </dev/null
    [ -e "$SPECS/web.yaml~" ]
}
# Ctrl-\ replaces, A all; Ctrl-O Enter saves, Ctrl-X leaves. What is typed before it shows itself is lost.
with_nano() {
    local screen=$TEST_DIR/screen keys=$TEST_DIR/keys
    mkfifo "$keys"
    TERM=vt100 timeout 30 script -qefc "stty rows 24 cols 80; nano --ignorercfiles '$SPECS/web.yaml'" "$screen" \
        <"$keys" >/dev/null 2>&1 3>&- &
    exec 8>"$keys"
    wait_for 10 grep -aq nano "$screen"
    printf '\034round-%s\rround-%s\rA\017\r\030' "$1" "$2" >&8
    wait $!
    exec 8>&-
    rm "$keys"
}
# The calls of Emacs 28.2 as strace shows them (the program itself is too large to be installed for this): a lock that is
# a dangling link, an auto-save file, then either a rename to the backup and a new file that is written in pieces, or with
# file-precious-flag a new file and a rename.
with_emacs() {
    ln -s "user@host.123:1" "$SPECS/.#web.yaml"
    spec web "$2" >"$SPECS/#web.yaml#"
    mv "$SPECS/web.yaml" "$SPECS/web.yaml~"
    { spec web "$2" | head -n 3; spec web "$2" | tail -n +4; } >"$SPECS/web.yaml"
    rm "$SPECS/.#web.yaml"
    chmod 644 "$SPECS/web.yaml"
    rm "$SPECS/#web.yaml#"
}
with_precious_emacs() {
    ln -s "user@host.123:1" "$SPECS/.#web.yaml"
    cp -p "$SPECS/web.yaml" "$SPECS/web.yaml~"
    spec web "$2" >"$SPECS/tmpi4w1L3"
    rm "$SPECS/.#web.yaml"
    mv "$SPECS/tmpi4w1L3" "$SPECS/web.yaml"
    chmod 644 "$SPECS/web.yaml"
}
# VS Code opens what is there, cuts it and writes; with atomic saving a file beside is renamed over it.
with_code() {
    local text
    text=$(spec web "$2")
    exec 7<>"$SPECS/web.yaml"
    truncate -s 0 "$SPECS/web.yaml"
    printf '%s\n' "$text" >&7
    exec 7>&-
}
with_atomic_code() { spec web "$2" >"$SPECS/web.yaml.vsctmp" && mv "$SPECS/web.yaml.vsctmp" "$SPECS/web.yaml"; }
written_elsewhere() { rm -rf "$TEST_DIR/elsewhere" && mkdir "$TEST_DIR/elsewhere" && spec web "$1" >"$TEST_DIR/elsewhere/web.yaml"; }
with_cp() { written_elsewhere "$2" && cp "$TEST_DIR/elsewhere/web.yaml" "$SPECS/"; }
with_cp_that_removes() { written_elsewhere "$2" && cp -p --remove-destination "$TEST_DIR/elsewhere/web.yaml" "$SPECS/"; }
with_install() { written_elsewhere "$2" && install -m 644 "$TEST_DIR/elsewhere/web.yaml" "$SPECS/"; }
with_mv() { written_elsewhere "$2" && mv "$TEST_DIR/elsewhere/web.yaml" "$SPECS/"; }
with_link() { written_elsewhere "$2" && ln -f "$TEST_DIR/elsewhere/web.yaml" "$SPECS/web.yaml"; }
# Two versions of one size within one second are the same to rsync unless it compares what is in them.
with_rsync() { written_elsewhere "$2" && rsync -ac "${@:3}" "$TEST_DIR/elsewhere/web.yaml" "$SPECS/"; }
with_rsync_in_place() { with_rsync "$1" "$2" --inplace; }
with_rsync_of_all() { written_elsewhere "$2" && cp -p "$SPECS/neighbour.yaml" "$TEST_DIR/elsewhere/" && rsync -ac --delete-before --delay-updates --exclude '*.status.yaml' "$TEST_DIR/elsewhere/" "$SPECS/"; }
with_tar() { written_elsewhere "$2" && tar -C "$TEST_DIR/elsewhere" -c web.yaml | tar -C "$SPECS" -x; }
with_tar_that_unlinks() { written_elsewhere "$2" && tar -C "$TEST_DIR/elsewhere" -c web.yaml | tar -C "$SPECS" -x --unlink-first; }
# What an NFS client does with a file that somebody has open: it gets a hidden name until it is closed.
with_silly_rename() {
    exec 7<"$SPECS/web.yaml"
    mv "$SPECS/web.yaml" "$SPECS/.nfs000000000000a1b2"
    spec web "$2" >"$SPECS/web.yaml"
    exec 7<&-
    rm "$SPECS/.nfs000000000000a1b2"
}
with_slow_writer() { spec web "$2" | while IFS= read -r line; do printf '%s\n' "$line"; sleep 0.2; done >"$SPECS/web.yaml"; }
with_link_in_the_tree() { rm -f "$SPECS/web.yaml"; spec web "$2" >"$SPECS/.real-$2"; ln -s ".real-$2" "$SPECS/web.yaml"; }

@test "however an editor or a copying program writes a file, it takes effect whole and nothing else happens" {
    start_with_neighbour
    for how in with_sed with_redirection with_vi_renaming with_vi_in_place with_vi_and_swap_file with_nano \
        with_emacs with_precious_emacs with_code with_atomic_code; do
        change "$how"
    done
    for how in with_cp with_cp_that_removes with_install with_mv with_link with_rsync with_rsync_in_place \
        with_rsync_of_all with_tar with_tar_that_unlinks with_silly_rename with_slow_writer with_link_in_the_tree; do
        change "$how"
    done
    nothing_was_misread
    [ "$ROUND" -eq 23 ]
}

@test "git checkout, pull, stash, reset, merge conflicts and another work tree" {
    git init -q -b main "$SPECS"
    commit() { git -C "$1" add -A && git -C "$1" -c user.name=T -c user.email=t@example.org commit -q -m "$2"; }
    printf '*.status.yaml\n.berth*\n' >"$SPECS/.gitignore"
    start_with_neighbour
    commit "$SPECS" first
    git clone -q "$SPECS" "$TEST_DIR/clone"
    git -C "$SPECS" config receive.denyCurrentBranch ignore
    with_checkout() { git -C "$SPECS" checkout -q -b "round-$2" && with_sed "$@" && commit "$SPECS" "$2" && git -C "$SPECS" checkout -q main && git -C "$SPECS" checkout -q "round-$2"; }
    with_pull() {
        git -C "$TEST_DIR/clone" pull -q origin "round-$1"
        sed -i "s/round-$1/round-$2/" "$TEST_DIR/clone/web.yaml"
        commit "$TEST_DIR/clone" "$2"
        git -C "$SPECS" pull -q "$TEST_DIR/clone" HEAD
    }
    with_stash() { with_sed "$@" && git -C "$SPECS" stash -q && git -C "$SPECS" stash pop -q; }
    with_reset() { commit "$SPECS" "$1" && with_sed "$@" && commit "$SPECS" "$2" && git -C "$SPECS" reset -q --hard HEAD~1 && git -C "$SPECS" reset -q --hard ORIG_HEAD; }
    change with_checkout
    change with_pull
    change with_stash
    change with_reset
    nothing_was_misread
    # a conflict: the last good version stays until it is resolved
    git -C "$SPECS" checkout -q -b other
    sed -i 's/round-[0-9]*/round-100/' "$SPECS/web.yaml" && commit "$SPECS" 100
    git -C "$SPECS" checkout -q -b another HEAD~1
    sed -i 's/round-[0-9]*/round-101/' "$SPECS/web.yaml" && commit "$SPECS" 101
    wait_for 10 runs_round web 101
    git -C "$SPECS" -c user.name=T -c user.email=t@example.org merge -q other || true
    grep -q '<<<<<<<' "$SPECS/web.yaml"
    wait_for 10 field_is web.yaml SpecFile/web.yaml status.phase Invalid
    runs_round web 101
    git -C "$SPECS" checkout -q --theirs web.yaml
    wait_for 10 runs_round web 100
    ! grep -q spec_gone "$LOG" || return 1
    [ "$(container_field neighbour '{{.Id}}')" = "$NEIGHBOUR" ]
    # the directory as a link that is switched from one work tree to another, as git-sync does
    commit "$SPECS" merged
    berth_stop
    git -C "$SPECS" worktree add -q --detach "$TEST_DIR/tree-a" HEAD
    git -C "$SPECS" worktree add -q --detach "$TEST_DIR/tree-b" HEAD
    sed -i 's/round-100/round-102/' "$TEST_DIR/tree-b/web.yaml"
    ln -s tree-a "$TEST_DIR/current"
    STATUS_DIR=$TEST_DIR/status
    SPECS=$TEST_DIR/current berth_start --status-dir "$STATUS_DIR"
    wait_for 10 is_ready web.yaml web
    ln -s tree-b "$TEST_DIR/current.new"
    mv -T "$TEST_DIR/current.new" "$TEST_DIR/current"
    wait_for 10 runs_round web 102
    ! grep -q spec_gone "$LOG" || return 1
}

@test "a ConfigMap volume: its files change with one switch of ..data" {
    # swap NUMBER: what the kubelet does (AtomicWriter)
    swap() {
        local old=''
        mkdir "$SPECS/..2026_$1"
        spec web "$1" >"$SPECS/..2026_$1/web.yaml"
        spec neighbour 0 >"$SPECS/..2026_$1/neighbour.yaml"
        [ ! -e "$SPECS/..data" ] || old=$(readlink "$SPECS/..data")
        ln -s "..2026_$1" "$SPECS/..data_tmp"
        mv -T "$SPECS/..data_tmp" "$SPECS/..data"
        for file in web neighbour; do
            [ -e "$SPECS/$file.yaml" ] || ln -s "..data/$file.yaml" "$SPECS/$file.yaml"
        done
        [ -z "$old" ] || rm -r "${SPECS:?}/$old"
    }
    swap 0
    STATUS_DIR=$TEST_DIR/status
    berth_start --status-dir "$STATUS_DIR"
    wait_for 20 runs_round web 0
    wait_for 20 runs_round neighbour 0
    NEIGHBOUR=$(container_field neighbour '{{.Id}}')
    for round in 1 2 3; do
        swap "$round"
        wait_for 10 runs_round web "$round"
    done
    nothing_was_misread
}

@test "unmounted, the whole directory or a part of it: nothing goes, it is said, and it goes on when it is mounted again" {
    for disk in all team; do
        mkdir -p "$TEST_DIR/$disk"
        mount -t tmpfs -o size=1m none "$TEST_DIR/$disk"
    done
    mkdir "$TEST_DIR/all/team"
    mount_all() { mount --bind "$TEST_DIR/all" "$SPECS" && mount_team; }
    mount_team() { mount --bind "$TEST_DIR/team" "$SPECS/team"; }
    held() { grep -q "heldDeletions: $1" "$STATE/controller.yaml"; }
    ids() { for name in web member neighbour; do container_field "$name" '{{.Id}}'; done; }
    mount_all
    spec member 0 >"$SPECS/team/member.yaml"
    start_with_neighbour --orphan-grace 1s --scan-interval 2s    # no event tells of it
    wait_for 20 runs_round member 0
    # a part of it: the rest goes on, also with deletions
    umount "$SPECS/team"
    wait_for 10 held 1
    spec web 1 >"$SPECS/web.yaml"
    wait_for 10 runs_round web 1
    rm "$SPECS/neighbour.yaml"
    wait_for 10 container_is_gone neighbour
    spec neighbour 0 >"$SPECS/neighbour.yaml"
    wait_for 10 runs_round neighbour 0
    mount_team
    wait_for 10 held 0
    # all of it, with a restart meanwhile, as after a boot where it is not mounted yet
    before=$(ids)
    umount "$SPECS/team" "$SPECS"
    wait_for 10 held 3
    field_is web.yaml web 'status.conditions[type=SpecValid].reason' DeletionsHeld
    berth_kill9
    berth_start --orphan-grace 1s --scan-interval 2s
    wait_for 10 held 3
    grep -q spec_directory_replaced "$LOG"
    mount_all
    wait_for 10 held 0
    spec web 2 >"$SPECS/web.yaml"
    wait_for 10 runs_round web 2
    [ "$(ids | tail -n 2)" = "$(tail -n 2 <<<"$before")" ]
    # and when that was meant
    umount "$SPECS/team" "$SPECS"
    wait_for 10 held 3
    "$BERTH" confirm-deletions --state "$STATE"
    wait_for 10 container_is_gone web
    wait_for 10 container_is_gone member
}

@test "moved away and back, made anew, replaced by a file, permissions withdrawn: it goes on within seconds" {
    start_with_neighbour --orphan-grace 1s
    before="$(container_field web '{{.Id}}') $NEIGHBOUR"
    unreadable() { grep -q 'message:.*spec directory' "$STATE/controller.yaml"; }
    readable() { ! unreadable; }
    mv "$SPECS" "$SPECS.away"
    wait_for 5 unreadable
    touch "$SPECS"    # a file in its place
    docker rm -f web >/dev/null
    wait_for 10 runs_round web 0    # what is known is kept up
    rm "$SPECS"
    mkdir "$SPECS"    # an empty one in its place
    wait_for 5 readable
    held() { grep -q 'heldDeletions: 2' "$STATE/controller.yaml"; }
    wait_for 5 held
    rm -rf "${SPECS:?}"
    cp -a "$SPECS.away" "$SPECS"    # a copy of it, slowly or not
    wait_for 5 readable
    spec web 1 >"$SPECS/web.yaml"
    wait_for 5 runs_round web 1
    [ "$(container_field neighbour '{{.Id}}')" = "$NEIGHBOUR" ]
    ! grep -q spec_gone "$LOG" || return 1
    # a link to itself, then to where it is
    mv "$SPECS" "$SPECS.real"
    ln -s "$SPECS" "$SPECS"
    wait_for 5 unreadable
    rm "$SPECS"
    ln -s "$SPECS.real" "$SPECS"
    wait_for 5 readable
    spec web 2 >"$SPECS/web.yaml"
    wait_for 5 runs_round web 2
    berth_stop
    # Of a user without rights: the file, a folder, all of it.
    before=$(container_field web '{{.Id}}')
    mkdir "$SPECS/team"
    mv "$SPECS/neighbour.yaml" "$SPECS/team/"
    rm -f "$SPECS"/*.status.yaml
    STATUS_DIR=$TEST_DIR/status
    mkdir "$STATUS_DIR"
    chmod 755 "$SUITE_DIR" "$TEST_DIR"
    BERTH_UNPRIVILEGED='--bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override,-dac_read_search'
    chown -R 12345 "$SPECS.real"
    setpriv $BERTH_UNPRIVILEGED "$BERTH" run --specs "$SPECS" --state "$STATE" --status-dir "$STATUS_DIR" \
        --network-range "$NETWORK_RANGE" --ports "$PORT_FIRST-$PORT_LAST" --orphan-grace 1s >>"$LOG" 2>&1 </dev/null 3>&- &
    BERTH_PID=$!
    wait_for 10 is_ready web.yaml web
    wait_for 10 is_ready team/neighbour.yaml neighbour
    chmod 0 "$SPECS/web.yaml"
    wait_for 10 field_is web.yaml SpecFile/web.yaml status.error.reason FileUnreadable
    chmod 0 "$SPECS/team"
    spec late 0 >"$SPECS/late.yaml"
    wait_for 10 runs_round late 0
    chmod 0 "$SPECS.real"
    wait_for 5 unreadable
    chmod 755 "$SPECS.real" "$SPECS.real/team"
    chmod 644 "$SPECS.real/web.yaml"
    wait_for 10 is_ready web.yaml web
    spec web 3 >"$SPECS/web.yaml"
    wait_for 10 runs_round web 3
    [ "$(container_field neighbour '{{.Id}}')" = "$NEIGHBOUR" ]
    ! grep -q spec_gone "$LOG" || return 1
}

@test "names with spaces, newlines, UTF-8, no UTF-8, 255 bytes; loops; links out of the tree; devices and pipes" {
    start_with_neighbour
    long=$(printf 'n%.0s' $(seq 250)).yaml
    other=$(printf 'n%.0s' $(seq 249))x.yaml
    i=0
    for name in 'with space.yaml' $'new\nline.yaml' 'größe 日本.yaml' "$long" "$other" '-rf *.yaml' $'a\ttab.yaml'; do
        i=$((i + 1))
        spec "odd-$i" 0 >"$SPECS/$name"
    done
    spec refused 0 >"$SPECS/"$'\xff\xfe.yaml'
    mkdir "$SPECS/"$'bad\xff'
    spec refused2 0 >"$SPECS/"$'bad\xff/x.yaml'
    spec refused3 0 >"$SPECS/"$'\e[31mred.yaml'
    spec outside 0 >"$TEST_DIR/outside.yaml"
    ln -s ../outside.yaml "$SPECS/relative.yaml"
    ln -s "$TEST_DIR/outside.yaml" "$SPECS/absolute.yaml"
    ln -s /proc/self/cwd/outside.yaml "$SPECS/magic.yaml"
    ln -s loop-b.yaml "$SPECS/loop-a.yaml"
    ln -s loop-a.yaml "$SPECS/loop-b.yaml"
    mkdir "$SPECS/sub"
    ln -s .. "$SPECS/sub/up"
    ln -s "$TEST_DIR" "$SPECS/out"
    mkfifo "$SPECS/pipe.yaml"
    mknod "$SPECS/zero.yaml" c 1 5
    for i in 1 2 3 4 5 6 7; do
        wait_for 20 runs_round "odd-$i" 0
    done
    wait_for 5 is_ready 'with space.yaml' odd-1
    wait_for 5 is_ready $'new\nline.yaml' odd-2
    wait_for 5 is_ready 'größe 日本.yaml' odd-3
    # a name that leaves no room for a longer one has a status under a shorter one
    has_status() { grep -qs "^  name: $1" "$SPECS"/nnn*.status.yaml; }
    wait_for 5 has_status odd-4
    wait_for 5 has_status odd-5
    for name in relative absolute magic; do
        wait_for 5 field_is "$name.yaml" "SpecFile/$name.yaml" status.error.reason FileUnreadable
    done
    wait_for 5 field_is loop-a.yaml SpecFile/loop-a.yaml status.error.reason FileUnreadable
    container_is_gone outside
    for name in refused refused2 refused3; do container_is_gone "$name"; done
    grep -q 'spec_unreadable.*not UTF-8' "$LOG"
    [ "$(grep -c $'\e' "$LOG")" -eq 0 ]
    run "$BERTH" get --specs "$SPECS" --state "$STATE"
    [ "$status" -eq 0 ]
    [[ $output != *$'\e'* ]]
    rm "$SPECS/$long"
    wait_for 10 container_is_gone odd-4
    gone_status() { ! has_status odd-4; }
    wait_for 5 gone_status
    has_status odd-5
    # all of it is known to the next controller
    berth_kill9
    : >"$LOG"
    berth_start
    wait_for 10 grep -q 'engine_available' "$LOG"
    wait_for 10 is_ready 'with space.yaml' odd-1
    wait_for 10 has_status odd-5
    kill -0 "$BERTH_PID"
    ! grep -q spec_gone "$LOG" || return 1
}

@test "a file that was emptied by accident, or holds nothing but zeros, keeps its last good version" {
    start_with_neighbour
    id=$(container_field web '{{.Id}}')
    cp "$SPECS/web.yaml" "$TEST_DIR/web.yaml"
    : >"$SPECS/web.yaml"    # a full disk, a power cut, a redirection that failed
    wait_for 10 field_is web.yaml SpecFile/web.yaml status.phase Invalid
    [[ $(status_of web.yaml SpecFile/web.yaml status.error.message) == *empty* ]]
    berth_kill9
    berth_start
    truncate -s 300 "$SPECS/web.yaml"    # and zeros, as some file systems leave after one
    zeros() { grep -q 'spec_invalid.*web.yaml' "$LOG"; }
    wait_for 10 zeros
    : >"$SPECS/web.yaml"
    wait_for 10 field_is web.yaml SpecFile/web.yaml status.error.reason FileUnreadable
    [ "$(container_field web '{{.Id}}')" = "$id" ]
    sed 's/round-0/round-1/' "$TEST_DIR/web.yaml" >"$SPECS/web.yaml"
    wait_for 10 runs_round web 1
    : >"$SPECS/web.yaml"
    wait_for 10 field_is web.yaml SpecFile/web.yaml status.phase Invalid
    rm "$SPECS/web.yaml"
    wait_for 10 container_is_gone web
    [ "$(container_field neighbour '{{.Id}}')" = "$NEIGHBOUR" ]
}

@test "where the kernel does not tell who writes, a slow writer's file is not read before it rests" {
    start_with_neighbour
    berth_stop
    : >"$LOG"
    # No lease can be had on files of others: as on file systems that have none.
    chown 12345 "$SPECS/web.yaml" "$SPECS/neighbour.yaml"
    setpriv --bounding-set=-lease --inh-caps=-lease "$BERTH" run --specs "$SPECS" --state "$STATE" \
        --network-range "$NETWORK_RANGE" --ports "$PORT_FIRST-$PORT_LAST" >>"$LOG" 2>&1 </dev/null 3>&- &
    BERTH_PID=$!
    wait_for 10 berth_beats
    wait_for 10 is_ready web.yaml web
    id=$(container_field web '{{.Id}}')
    {
        spec web 1 | head -n 7
        for _ in 1 2 3 4 5 6 7 8; do sleep 0.4; echo '# not yet'; done
        spec web 1 | tail -n +8
    } >"$SPECS/web.yaml"
    wait_for 10 runs_round web 1
    [ "$(grep -c 'spec_changed key=Instance/web' "$LOG")" -eq 2 ]    # at the start, and now
    nothing_was_misread
}

@test "a directory that is being rearranged loses nothing, however long that takes" {
    start_with_neighbour
    for i in $(seq 8); do spec "part-$i" 0; echo ---; done >"$SPECS/parts.yaml"
    for i in $(seq 8); do wait_for 20 runs_round "part-$i" 0; done
    id=$(container_field web '{{.Id}}')
    # One file is removed first, and comes last, as with git's checkout of a tree in which much has moved.
    mv "$SPECS/web.yaml" "$TEST_DIR/web.yaml"
    for i in $(seq 7); do
        echo "# $i" >"$SPECS/other-$i.yaml"
        sleep 0.5
    done
    mkdir "$SPECS/moved"
    mv "$TEST_DIR/web.yaml" "$SPECS/moved/web.yaml"
    wait_for 10 is_ready moved/web.yaml web
    [ "$(container_field web '{{.Id}}')" = "$id" ]
    nothing_was_misread
}

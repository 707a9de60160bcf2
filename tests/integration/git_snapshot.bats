# Snapshots of "berth git-worker": what they are, whose files they are, what they share with the mirror, and what
# of a repository is refused. The witness is git itself. Some tests need root: they look at files of other users.

bats_require_minimum_version 1.5.0

load git_worker_helpers

setup_file() { make_repositories git-snapshot; }
setup() { start_test; }
teardown() { end_test; }

# --- what it is ------------------------------------------------------------------------------------

@test "a snapshot is what git clone makes, on no branch" {
    make_tree "$PUBLIC/sample.git" tree
    expect_result
    git clone -q "$PUBLIC/sample.git" "$T/witness"
    git -C "$T/witness" checkout -q --detach
    git -C "$T/witness" branch -q -D main
    diff -r --exclude=.git "$T/witness" "$T/tree"
    [ "$(git_in tree log --format=%H%d)" = "$(git_in witness log --format=%H%d)" ]
    [ "$(git_in tree show-ref -d | sort)" = "$(git_in witness show-ref -d | sort)" ]
    [ "$(git_in tree for-each-ref)" = "$(git_in witness for-each-ref)" ]
    [ "$(git_in tree rev-parse --abbrev-ref origin/HEAD)" = origin/main ]
    [ "$(git_in tree remote get-url origin)" = "$PUBLIC/sample.git" ]
    [ "$(git_in tree config remote.origin.fetch)" = '+refs/heads/*:refs/remotes/origin/*' ]
    [ "$(git_in tree config core.logallrefupdates)" = true ]
    [ "$(result treeFiles)" = "$(git_in witness ls-files | wc -l)" ]
    [ "$(result treeBytes)" = "$(git_in witness ls-tree -rl HEAD | awk '{s += $4} END {print s}')" ]
    git_in tree fsck --strict --no-dangling
}

@test "any commit can be had, with all branches" {
    make_tree "$DAEMON/sample.git" tree ref=v1
    expect_result
    [ "$(git_in tree rev-parse HEAD)" = "$(git --git-dir="$SERVED/sample.git" rev-parse 'v1^{commit}')" ]
    refute git_in tree symbolic-ref -q HEAD
    [ ! -e "$T/tree/run-tests.sh" ]
    [ "$(git_in tree branch -r | wc -l)" = 3 ]
    git_in tree checkout -q -b mine origin/feature
    [ -e "$T/tree/FEATURE" ]
}

@test "its owner can work in it as in any clone" {
    need_root
    make_tree "$PUBLIC/sample.git" tree runAs=20001 owner=20002 ownerGroup=20003
    expect_result
    cp -a "$T/tree" "$T/copy"
    export HOME=$T
    owner() { setpriv --reuid=20002 --regid=20003 --clear-groups git -C "$T/copy" "$@"; }
    export -n GIT_CONFIG_COUNT # no safe.directory: the files are the owner's
    [ -z "$(owner status --porcelain)" ]
    owner fsck
    owner checkout -q -b task/one
    echo x >"$T/copy/new"
    owner add new
    owner -c user.name=a -c user.email=a@b commit -q -m new
    owner fetch -q
    owner gc -q
    owner fsck
    [ "$(owner log -g --format=%gs task/one | head -n 1)" = "commit: new" ]
}

@test "git knows its files without reading one" {
    need_root
    make_tree "$DAEMON/large.git" tree runAs=20001 owner=20002 ownerGroup=20002
    expect_result
    as_user 20002 git -C "$T/tree" diff-files --quiet # plumbing: does not refresh, tells of each stat that differs
    [ "$(find "$T/tree" -name .git -prune -o -type f -newer "$T/tree/.git/index" -print | wc -l)" = 0 ]
    # nor is a file as young as the index, which git would have to read to be sure
    local index file
    index=$(stat -c %Y "$T/tree/.git/index") file=$(find "$T/tree" -name .git -prune -o -type f -printf '%T@\n' | sort -n | tail -n 1)
    [ "${file%.*}" -lt "$index" ]
    git_in tree ls-files --debug f | grep -q 'uid: 20002.*gid: 20002'
    # the trees are in the index as well: no need to compare it with the commit
    grep -qa TREE "$T/tree/.git/index"
    touch "$T/tree/f" # and the witness can tell
    refute git_in tree diff-files --quiet
}

@test "modes and links are those in git" {
    git_work odd 'echo x >run && chmod +x run && ln -s ../elsewhere link && mkdir -p deep/er && echo y >deep/er/f && : >empty
        touch "$(printf "a\tb\351")" -- "-x" ".hidden"'
    make_tree "file://$T/odd.git" tree
    expect_result
    [ "$(stat -c %a "$T/tree" "$T/tree/run" "$T/tree/deep/er/f" | tr '\n' ' ')" = "755 755 644 " ]
    [ "$(readlink "$T/tree/link")" = ../elsewhere ]
    [ -z "$(git_in tree status --porcelain)" ]
    diff -r --no-dereference --exclude=.git "$T/odd" "$T/tree"
}

@test "line ends and keywords are what git makes of the attributes, at any depth" {
    git_work eol 'printf "*.bat text eol=crlf\n*.id ident\n*.bin -text\n" >.gitattributes
        mkdir -p sub/sub; printf "*.sh text eol=crlf\n*.bat text eol=lf\n" >sub/.gitattributes
        for d in . sub sub/sub; do
            printf "one\ntwo\n" >$d/a.bat; printf "one\ntwo\n" >$d/a.sh; printf "\$Id\$\n" >$d/a.id; printf "a\nb\r\n" >$d/a.bin
            printf "x\n" >"$d/+before.bat"; printf "plain\n" >$d/plain
        done'
    git clone -q "$T/eol.git" "$T/witness"
    make_tree "file://$T/eol.git" tree
    expect_result
    diff -r --exclude=.git "$T/witness" "$T/tree"
    [ "$(od -c "$T/tree/a.bat" | grep -c '\\r')" = 1 ]
    [ -z "$(git_in tree status --porcelain)" ]
    git_in tree diff-files --quiet
}

@test "submodules are empty directories and LFS files pointers, and both are told" {
    git_work plain 'echo "# *.x filter=lfs" >.gitattributes; mkdir sub; echo "* filter=lfs" >sub/.gitattributes'
    make_tree "file://$T/plain.git" plain-tree
    [ "$(result hasSubmodules)$(result hasLfs)" = falsefalse ]

    rm -rf "$T/m"
    git_work special 'echo "*.x filter=lfs diff=lfs -text" >.gitattributes; printf "version https://git-lfs\n" >a.x
        git -c protocol.file.allow=always submodule --quiet add "$T/plain.git" mod'
    make_tree "file://$T/special.git" tree
    expect_result
    [ "$(result hasSubmodules)$(result hasLfs)" = truetrue ]
    [ -d "$T/tree/mod" ] && [ -z "$(ls -A "$T/tree/mod")" ]
    [ "$(cat "$T/tree/a.x")" = "version https://git-lfs" ]
    [ -z "$(git_in tree status --porcelain)" ]
}

@test "an old mode 664 becomes 644" {
    git init -q --bare -b main "$T/hostile.git"
    hostile '100664 f'
    make_tree "file://$T/hostile.git" tree
    expect_result
    [ "$(stat -c %a "$T/tree/f")" = 644 ]
    [ "$(git_in tree ls-files -s | cut -c1-6)" = 100644 ]
    [ -z "$(git_in tree status --porcelain)" ]
}

@test "no hook and no filter of a repository is run" {
    git_work filters 'printf "* filter=evil ident\n" >.gitattributes && echo x >f'
    printf '#!/bin/sh\ntouch %s/ran\n' "$T" >"$T/hook"
    chmod +x "$T/hook"
    for hook in post-checkout post-update reference-transaction pre-receive; do
        cp "$T/hook" "$T/filters.git/hooks/$hook"
    done
    git config --file "$T/.gitconfig" filter.evil.smudge "$T/hook"
    cp "$T/.gitconfig" "$T/filters.git/config.evil"
    HOME=$T make_tree "file://$T/filters.git" tree
    expect_result
    [ ! -e "$T/ran" ]
    [ "$(cat "$T/tree/f")" = x ]
}

# --- what it shares --------------------------------------------------------------------------------

@test "all of it is its owner's; its packs are links to copies that all snapshots of one owner share" {
    need_root
    make_tree "$PUBLIC/sample.git" tree runAs=20001 owner=20002 ownerGroup=20003
    expect_result
    [ "$(find "$T/tree" -printf '%U:%G\n' | sort -u)" = 20002:20003 ]
    [ "$(find "$T/tree" -not -type d -links +1 -printf '%P %U:%G %m %n\n' | sed 's/-[0-9a-f]*\././' | sort)" = "$(printf '%s\n' \
        '.git/objects/pack/pack.idx 20002:20003 444 2' '.git/objects/pack/pack.pack 20002:20003 444 2')" ]
    cmp "$T"/tree/.git/objects/pack/*.pack "$MIRROR"/objects/pack/*.pack
    [ "$(find "$MIRROR" -printf '%U:%G %n\n' | grep -v ' [2-9]$' | sort -u)" = '20001:20001 1' ]
    [ "$(stat -c %U "$T")" = root ]
    [ -z "$(find "$T/tree" "$T/m" -perm /7000)" ]
    [ ! -e "$T/tree/.git/objects/info/alternates" ]
    snapshot "$PUBLIC/sample.git" tree2 "$(git_in tree rev-parse HEAD)" runAs=20001 owner=20002 ownerGroup=20003
    [ "$(stat -c %i "$T"/tree2/.git/objects/pack/*.pack)" = "$(stat -c %i "$T"/tree/.git/objects/pack/*.pack)" ]
    snapshot "$PUBLIC/sample.git" tree3 "$(git_in tree rev-parse HEAD)" runAs=20001 owner=20004
    [ "$(stat -c '%h %u %a' "$T"/tree3/.git/objects/pack/*.pack)" = "2 20004 444" ]
    [ "$(stat -c '%h %u %a' "$T"/tree/.git/objects/pack/*.pack)" = "3 20002 444" ]
    [ "$(stat -c '%h %u' "$MIRROR"/objects/pack/*.pack)" = "1 20001" ]
}

@test "copies of packs: only whose they are gets to them, and what no snapshot links to goes" {
    need_root
    make_tree "$PUBLIC/sample.git" tree runAs=20001 owner=20002
    expect_result
    [ "$(stat -c '%u %a' "$T/m/packs" "$T"/m/packs/*)" = "$(printf '0 700\n0 700')" ]
    rm -rf "$T/tree"
    snapshot "$PUBLIC/sample.git" tree "$(git --git-dir="$MIRROR" rev-parse HEAD)" runAs=20001 owner=20002
    expect_result
    old=$(ls "$T"/m/packs/*)
    rm -rf "$MIRROR"    # another one has files of its own
    worker "$PUBLIC/sample.git" runAs=20001
    rm -rf "$T/tree"
    snapshot "$PUBLIC/sample.git" tree "$(found 0)" runAs=20001 owner=20002
    expect_result
    [ "$(ls "$T"/m/packs/* | wc -l)" -eq 2 ]
    [ "$(ls "$T"/m/packs/*)" != "$old" ]
    git_in tree fsck --strict --no-dangling
}

@test "a directory in the place of the copies that the git user made is not believed" {
    need_root
    worker "$PUBLIC/sample.git" runAs=20001
    commit=$(found 0)
    mkdir -p "$T/m/packs" "$T/elsewhere"
    chown 20001 "$T/m/packs"
    snapshot "$PUBLIC/sample.git" tree "$commit" runAs=20001 owner=20002
    [[ $output == *WorkspaceFailed*"belongs to user 20001"* ]]
    rmdir "$T/m/packs"
    ln -s "$T/elsewhere" "$T/m/packs"
    snapshot "$PUBLIC/sample.git" tree "$commit" runAs=20001 owner=20002
    [[ $output == *WorkspaceFailed* ]]
    [ -z "$(ls -A "$T/elsewhere")" ]
    [ ! -e "$T/tree" ]
}

@test "root in a container cannot reach the mirror through the layer above a snapshot" {
    need_root
    make_tree "$PUBLIC/sample.git" tree runAs=20001 owner=20002
    expect_result
    mkdir "$T/upper" "$T/work" "$T/merged"
    unshare -m sh -ec '
        mount -t overlay overlay -o "lowerdir=$1/tree,upperdir=$1/upper,workdir=$1/work" "$1/merged"
        cd "$1/merged"
        chown -R 20009:20009 .
        chmod -R a+rwX .
        for file in .git/objects/pack/*; do echo garbage >"$file"; done
        rm -rf .git/refs greet.sh' sh "$T"
    git --git-dir="$MIRROR" fsck --strict
    [ "$(stat -c '%U %a' "$MIRROR"/objects/pack/*.pack | sort -u)" = "$(stat -c '%U 444' "$MIRROR/HEAD")" ]
    git_in tree fsck --strict --no-dangling
    [ -z "$(git_in tree status --porcelain)" ]
}

@test "a snapshot needs no mirror, and does not care what becomes of it" {
    make_tree "$PUBLIC/sample.git" tree
    rm -rf "$MIRROR"
    git_in tree fsck --strict --no-dangling
    worker "$PUBLIC/sample.git"
    snapshot "$PUBLIC/sample.git" tree2 "$(found 0)"
    expect_result
    [ "$(stat -c %h "$T"/tree/.git/objects/pack/*.pack)" = 1 ]
    [ "$(stat -c %h "$T"/tree2/.git/objects/pack/*.pack)" = 2 ]
}

@test "a pack that cannot be linked is copied" {
    need_root
    worker "$DAEMON/large.git" runAs=20001
    chmod 644 "$MIRROR"/objects/pack/*.pack # others' links are to be of what nobody writes
    snapshot "$DAEMON/large.git" tree "$(found 0)" runAs=20001 owner=20002
    expect_result
    [ "$(stat -c '%h %u %a' "$T"/tree/.git/objects/pack/*.pack)" = "1 20002 444" ]
    [ "$(stat -c '%h %u %a' "$T"/tree/.git/objects/pack/*.idx)" = "2 20002 444" ]
    grep -q ' copying$' <<<"$output"
    git_in tree fsck --no-dangling
}

@test "objects that lie loose in the mirror are copied" {
    need_root
    worker "$PUBLIC/sample.git" runAs=20001
    mkdir "$T/packs"
    mv "$MIRROR"/objects/pack/* "$T/packs"
    cat "$T"/packs/*.pack | git --git-dir="$MIRROR" unpack-objects -q
    chown -R 20001:20001 "$MIRROR"
    snapshot "$PUBLIC/sample.git" tree "$(found 0)" runAs=20001 owner=20002
    expect_result
    [ -z "$(find "$T/tree" -type f -links +1)" ]
    [ "$(find "$T/tree/.git/objects" -type f -printf '%U\n' | sort -u)" = 20002 ]
    git_in tree fsck --strict --no-dangling
}

@test "a mirror whose packs are shared is given to another git user all the same" {
    need_root
    make_tree "$PUBLIC/sample.git" tree runAs=20001 owner=20003
    snapshot "$PUBLIC/sample.git" tree2 "$(git_in tree rev-parse HEAD)" runAs=20002 owner=20003
    expect_result
    [ "$(find "$MIRROR" -printf '%U\n' | sort -u)" = 20002 ]
    git_in tree2 fsck --no-dangling
}

# --- where it comes to be --------------------------------------------------------------------------

@test "a snapshot that is there is a success at once, and left alone" {
    make_tree "$PUBLIC/sample.git" tree
    local answer before
    answer=${lines[-1]} before=$(find "$T/tree" -printf '%p %i %C@\n' | sort)
    snapshot "$PUBLIC/sample.git" tree "$(git_in tree rev-parse HEAD)"
    expect_result
    [ "${lines[-1]}" = "$answer" ]
    [ "$(find "$T/tree" -printf '%p %i %C@\n' | sort)" = "$before" ]
    refute grep -q 'checking out' <<<"$output"
}

@test "what is no directory in a snapshot's place is left alone" {
    ln -s nowhere "$T/tree"
    make_tree "$PUBLIC/sample.git" tree
    expect_error WorkspaceFailed "exists already, and is no directory"
    [ "$(readlink "$T/tree")" = nowhere ]
    [ ! -e "$T/m/.staging" ]
}

@test "a commit that the mirror does not have is WorkspaceFailed, and nothing is made" {
    worker "$PUBLIC/sample.git"
    for commit in 0123456789abcdef0123456789abcdef01234567 "$LARGE"; do
        snapshot "$PUBLIC/sample.git" tree "$commit"
        expect_error WorkspaceFailed "the mirror has no commit $commit"
    done
    [ ! -e "$T/tree" ] && [ ! -e "$T/m/.staging" ]
}

@test "one job can fetch and make a snapshot" {
    worker "$DAEMON/large.git" tree=tree "commit=$LARGE" head
    expect_result
    [ "$(found 0)" = "$LARGE" ]
    [ -z "$(git_in tree status --porcelain)" ]
}

@test "a place on another file system than the mirror's is WorkspaceFailed" {
    [ "$(stat -c %d /dev/shm)" != "$(stat -c %d "$T")" ]
    local elsewhere
    elsewhere=$(mktemp -d /dev/shm/berth-git-test.XXXXXX)
    worker "$PUBLIC/sample.git"
    run "$BERTH" git-worker < <(T=$elsewhere job "$PUBLIC/sample.git" tree=tree "commit=$(found 0)" isOffline=true)
    [ -z "$(ls -A "$elsewhere")" ]
    rm -r "$elsewhere"
    expect_error WorkspaceFailed "on another file system than the mirror"
    [ ! -e "$T/m/.staging" ]
}

@test "remains of a killed job are removed by the next one, whatever it is" {
    mkdir -p "$T/m/.staging/tree/.git/objects/ab" "$T/m/.staging/work/tree"
    ln -s / "$T/m/.staging/tree/root"
    worker "$PUBLIC/sample.git"
    expect_result
    [ ! -e "$T/m/.staging" ]
    [ -e /etc/passwd ]
}

@test "links in the places of its own files are not followed" {
    mkdir "$T/victim" "$T/m"
    ln -s "$T/victim" "$T/m/.staging"
    make_tree "$PUBLIC/sample.git" tree
    expect_result
    rm -rf "$T/tree"
    rm "$T/m/mirror.git.lock"
    ln -s "$T/victim/lock" "$T/m/mirror.git.lock"
    make_tree "$PUBLIC/sample.git" tree
    [ "$status" -eq 1 ]
    rm "$T/m/mirror.git.lock"
    ln -s "$T/victim" "$T/m/mirror.git.work"
    ln -s "$T/victim/config" "$T/m/devcontainer.json"
    ln -s "$T/victim/mark" "$T/m/mirror.git.damaged"
    make_tree "$PUBLIC/sample.git" tree
    expect_result
    [ -z "$(ls -A "$T/victim")" ]
}

@test "a kill between handover and the end leaves nothing under the snapshot's name" {
    need_root
    local n made=0
    worker "$DAEMON/large.git" runAs=20001
    for ((n = 0; n < 15; n++)); do
        start_worker "$DAEMON/large.git" tree=tree "commit=$LARGE" isOffline=true runAs=20001 owner=20002
        wait_for 'test -e "$T/m/.staging" -o -s "$T/out"'
        wait_ms $((RANDOM % 40))
        kill -KILL -- "-$WORKER" 2>/dev/null || true
        wait_for 'test -z "$(processes_of_group)"'
        if [ -e "$T/tree" ]; then
            made=$((made + 1))
            [ "$(find "$T/tree" -links 1 -printf '%U\n' | sort -u)" = 20002 ]
            as_user 20002 git -C "$T/tree" diff-files --quiet
            git_in tree fsck --no-dangling
            rm -rf "$T/tree"
        fi
    done
    echo "$made of $n were done"
    snapshot "$DAEMON/large.git" tree "$LARGE" runAs=20001 owner=20002
    expect_result
    [ ! -e "$T/m/.staging" ]
    git --git-dir="$MIRROR" fsck --no-dangling
}

@test "damage that a snapshot finds is mended by the next fetch" {
    make_tree "$PUBLIC/sample.git" tree
    rm -rf "$T/tree"
    chmod -R u+w "$MIRROR"
    truncate -s 100 "$MIRROR"/objects/pack/*.pack
    local commit
    commit=$(git --git-dir="$SERVED/sample.git" rev-parse main)
    snapshot "$PUBLIC/sample.git" tree "$commit"
    expect_error CloneFailed "the mirror is damaged, and made anew by the next fetch"
    snapshot "$PUBLIC/sample.git" tree "$commit"
    expect_error CloneFailed
    [ ! -e "$T/tree" ] && [ ! -e "$T/m/.staging" ]
    make_tree "$PUBLIC/sample.git" tree
    expect_result
    git --git-dir="$MIRROR" fsck --strict
    [ "$(ls -A "$T/m" | sort | tr '\n' ' ')" = "mirror.git mirror.git.lock packs " ]
}

# --- hostile repositories --------------------------------------------------------------------------

@test "a small pack that unpacks to a large tree is CloneTooLarge before a file is written" {
    git_work bomb 'head -c 30000000 /dev/zero >f'
    make_tree "file://$T/bomb.git" tree maxBytes=20000000
    expect_error CloneTooLarge "the working tree is larger"
    [ ! -e "$T/tree" ]
    [ ! -e "$T/m/.staging" ]
}

@test "a set-user-id mode in the repository is refused" {
    hostile '104755 run'
    make_tree "file://$T/hostile.git" tree
    expect_error WorkspaceFailed '"run" has the unsafe mode 104755'
    [ ! -e "$T/tree" ]
    [ ! -e "$T/m/.staging" ]
}

@test "names that lead out of the tree, or into .git, are refused" {
    for entry in '100644 ../escaped' '100644 ..' '100644 .git' '40000 .GIT' '40000 ..' \
                 "100644 $T/escaped" '100644 .' '100644 a/b' '40000 git~1' '100644 d/' \
                 '40000 .git ' '40000 .Git...' '40000 .git::$INDEX_ALLOCATION' '120000 .gitmodules'; do
        rm -rf "$T/hostile.git" "$T/m"
        hostile "$entry"
        make_tree "file://$T/hostile.git" tree
        [ "$status" -eq 1 ] || { echo "taken: $entry"; false; }
        [[ ${lines[-1]} == E\ * ]]
        [ ! -e "$T/tree" ]
        [ ! -e "$T/m/.staging" ]
        [ ! -e "$T/escaped" ]
    done
    for entry in '100644 .gitx' '100644 git~10' '40000 .github' '100644 ...'; do
        rm -rf "$T/hostile.git" "$T/m" "$T/tree"
        hostile "$entry"
        make_tree "file://$T/hostile.git" tree
        expect_result
        [ -e "$T/tree/${entry#* }" ]
    done
}

@test "a link and a directory of the same name do not lead out of the tree" {
    mkdir "$T/outside"
    for second in directory slash; do
        rm -rf "$T/hostile.git" "$T/m" "$T/tree"
        hostile_link_and_directory "$T/outside" "$second"
        make_tree "file://$T/hostile.git" tree
        expect_error WorkspaceFailed
        [ -z "$(ls -A "$T/outside")" ]
        [ ! -e "$T/m/.staging" ]
    done
}

@test "a few objects that unfold to endlessly many files, or endlessly deep, are CloneTooLarge" {
    git init -q --bare -b main "$T/hostile.git"
    hostile_tree_of_trees 12 "d0 d1 d2 d3 d4 d5 d6 d7 d8 d9"
    make_tree "file://$T/hostile.git" tree
    expect_error CloneTooLarge
    hostile_tree_of_trees 300 d
    make_tree "file://$T/hostile.git" tree
    expect_error CloneTooLarge "deeper than"
    [ ! -e "$T/tree" ]
    [ ! -e "$T/m/.staging" ]
}

# "berth fetch": commits out of a task's tree into a clone, with git as the witness. No controller runs: the
# status files are written by hand, and the trees are made by tree-worker. Needs root.

bats_require_minimum_version 1.5.0

load helpers
load tree_worker_helpers

setup() {
    tree_setup
    place "$STATE/repos/repo-x"
    CLONE=$TEST_DIR/clone
    git clone -q "$ORIGIN" "$CLONE"
    export TMPDIR=$TEST_DIR/tmp
    mkdir "$TMPDIR"
}
teardown() { tree_teardown; }

# task_status [METHOD]: what the controller says of the task fix-7, whose tree is "one".
task_status() {
    cat >"$SPECS/fix-7.status.yaml" <<STATUS
apiVersion: berth.dev/v1
kind: Task
metadata:
  name: fix-7
status:
  phase: Succeeded
  task:
    repositoryContainer: ${TREE_REPOSITORY:-repo-x}
    commit: ${BEGIN:-$COMMIT}
    tree:
      name: ${TREE_NAME:-one}
      method: ${1:-$METHOD}
      uid: $USER_ID
      gid: $USER_ID
STATUS
}

# commit_in_tree NAME: one commit more, which adds a file of that name.
commit_in_tree() {
    echo "$1" >"$TREES/one/$1"
    tree_git one add "$1"
    tree_git one commit -q -m "add $1"
}

fetch() { run --separate-stderr "$BERTH" fetch fix-7 --specs "$SPECS" --state "$STATE" --into "$CLONE" "$@"; }

# fetch_says LINE [OPTION...]: it must do its work and say so.
fetch_says() {
    local line=$1
    shift
    fetch "$@"
    [[ $status -eq 0 && $output == "$line" ]] || { echo "$status: $output $stderr"; return 1; }
}

# fetch_fails WORDS [OPTION...]
fetch_fails() {
    local words=$1
    shift
    fetch "$@"
    [[ $status -eq 1 && -z $output && $stderr == "berth fetch: "*"$words"* ]] ||
        { echo "$status: $output $stderr"; return 1; }
}

short() { git -C "$CLONE" rev-parse --short=7 "$1"; }

commits_arrive() {
    tree_ok make branch=task/fix-7 upstream=main
    task_status
    commit_in_tree three
    commit_in_tree four
    fetch_says "task/fix-7: 2 commits, ${COMMIT:0:7}..$(tree_git one rev-parse --short=7 HEAD) (new branch)"
    [ -z "$stderr" ]
    [ "$(git -C "$CLONE" rev-parse task/fix-7)" = "$(tree_git one rev-parse HEAD)" ]
    [ "$(git -C "$CLONE" log --format=%s main..task/fix-7 | tr '\n' ,)" = "add four,add three," ]
    git -C "$CLONE" fsck --strict --no-dangling
    [ "$(git -C "$CLONE" status --porcelain)" = "" ]
    [ "$(git -C "$CLONE" rev-parse --abbrev-ref HEAD)" = main ]
    fetch_says "task/fix-7: nothing new, at $(short task/fix-7)"
    before=$(short task/fix-7)
    commit_in_tree five
    fetch_says "task/fix-7: 1 commit, $before..$(tree_git one rev-parse --short=7 HEAD)"
    tree_ok remove
    rm -rf "$CLONE"
    git clone -q "$ORIGIN" "$CLONE"
}

@test "the commits of a task's tree come into a clone, as a branch there" {
    for METHOD in overlay copy; do
        commits_arrive
    done
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "without --into it is the repository that one is in" {
    tree_ok make branch=task/fix-7
    task_status
    commit_in_tree three
    mkdir "$CLONE/deep"
    cd "$CLONE/deep"
    run "$BERTH" fetch fix-7 --specs "$SPECS" --state "$STATE"
    [ "$status" -eq 0 ]
    [ "$(git -C "$CLONE" log -1 --format=%s task/fix-7)" = "add three" ]
    cd "$TEST_DIR"
    run "$BERTH" fetch fix-7 --specs "$SPECS" --state "$STATE"
    [ "$status" -eq 1 ]
    [[ $output == *"not in a git repository; say which with --into"* ]]
    fetch_fails "not a git repository" --into "$CLONE/deep"
}

@test "a bare repository and a linked working tree will do as well" {
    tree_ok make branch=task/fix-7
    task_status
    commit_in_tree three
    git clone -q --bare "$ORIGIN" "$TEST_DIR/bare.git"
    fetch_says "task/fix-7: 1 commit, ${COMMIT:0:7}..$(tree_git one rev-parse --short=7 HEAD) (new branch)" \
        --into "$TEST_DIR/bare.git"
    [ "$(git -C "$TEST_DIR/bare.git" log -1 --format=%s task/fix-7)" = "add three" ]
    git -C "$CLONE" worktree add -q --detach "$TEST_DIR/linked"
    fetch --into "$TEST_DIR/linked"
    [ "$status" -eq 0 ]
    [ "$(git -C "$CLONE" log -1 --format=%s task/fix-7)" = "add three" ]
}

@test "a clone without the commit that the tree began at gets all that it needs" {
    tree_ok make branch=task/fix-7
    task_status
    commit_in_tree three
    git init -q "$TEST_DIR/empty"
    fetch_says "task/fix-7: 1 commit, ${COMMIT:0:7}..$(tree_git one rev-parse --short=7 HEAD) (new branch)" \
        --into "$TEST_DIR/empty"
    git -C "$TEST_DIR/empty" fsck --strict --no-dangling
    [ "$(git -C "$TEST_DIR/empty" rev-list --count task/fix-7)" = 3 ]
}

@test "uncommitted work is mentioned, and not fetched" {
    tree_ok make branch=task/fix-7
    task_status
    commit_in_tree three
    echo more >"$TREES/one/three"
    fetch
    [ "$status" -eq 0 ]
    [[ $stderr == *"uncommitted changes, which are not fetched" ]]
    [ "$(git -C "$CLONE" show task/fix-7:three)" = three ]
}

@test "a branch with other commits is moved by --force only" {
    tree_ok make branch=task/fix-7
    task_status
    commit_in_tree three
    git -C "$CLONE" branch task/fix-7 "$COMMIT"
    fetch_says "task/fix-7: 1 commit, ${COMMIT:0:7}..$(tree_git one rev-parse --short=7 HEAD)"
    tree_git one commit -q --amend -m "another three"
    was=$(git -C "$CLONE" rev-parse task/fix-7)
    fetch_fails "has commits there that the tree has not"
    [ "$(git -C "$CLONE" rev-parse task/fix-7)" = "$was" ]
    fetch_says "task/fix-7: 1 commit, ${was:0:7}..$(tree_git one rev-parse --short=7 HEAD) (forced)" --force
    [ "$(git -C "$CLONE" log -1 --format=%s task/fix-7)" = "another three" ]
}

@test "a branch that is checked out is not moved, anywhere and not even by force" {
    tree_ok make branch=task/fix-7
    task_status
    commit_in_tree three
    git -C "$CLONE" checkout -q -b task/fix-7
    fetch_fails "is checked out there"
    fetch_fails "is checked out there" --force
    [ "$(git -C "$CLONE" rev-parse HEAD)" = "$COMMIT" ]
    git -C "$CLONE" checkout -q main
    git -C "$CLONE" worktree add -q "$TEST_DIR/linked" task/fix-7
    fetch_fails "is checked out there"
    fetch_says "review/7: 1 commit, ${COMMIT:0:7}..$(tree_git one rev-parse --short=7 HEAD) (new branch)" --branch review/7
    git init -q -b task/fix-7 "$TEST_DIR/unborn"
    fetch_fails "with no commit yet" --into "$TEST_DIR/unborn"
    # a checked-out branch that stays where it is
    git -C "$CLONE" checkout -q review/7
    fetch_says "review/7: nothing new, at $(short review/7)" --branch review/7
}

@test "a tree on no branch needs a name" {
    tree_ok make
    task_status
    commit_in_tree three
    fetch_fails "say with --branch"
    fetch_says "mine: 1 commit, ${COMMIT:0:7}..$(tree_git one rev-parse --short=7 HEAD) (new branch)" --branch mine
    fetch_fails "no name for a branch" --branch 'a b'
    fetch_fails "no name for a branch" --branch '../../x'
}

@test "what root fetches into somebody's clone is theirs" {
    tree_ok make branch=task/fix-7
    task_status
    commit_in_tree three
    chown -R 4711:4712 "$CLONE"
    fetch
    [ "$status" -eq 0 ]
    [ -z "$(find "$CLONE" ! -user 4711 -o ! -group 4712)" ]
    # and what they may not write is not written either
    chown -R 0:0 "$CLONE/.git/objects"
    chmod -R go-w "$CLONE/.git/objects"
    commit_in_tree four
    fetch_fails "ermission denied"
}

@test "commits that are not complete are not taken" {
    tree_ok make branch=task/fix-7
    task_status
    commit_in_tree three
    # the tree says that its commit is a child of one which it has not
    lost=$(tree_git one rev-parse HEAD)
    commit_in_tree four
    rm "$TREES/one/.git/objects/${lost:0:2}/${lost:2}"
    fetch
    [ "$status" -eq 1 ]
    git -C "$CLONE" fsck --strict --no-dangling
    run git -C "$CLONE" rev-parse -q --verify task/fix-7
    [ "$status" -ne 0 ]
}

@test "a task that is not there, has no tree, or whose tree is away, is a clear error" {
    task_status
    run "$BERTH" fetch fix-8 --specs "$SPECS" --state "$STATE" --into "$CLONE"
    [ "$status" -eq 1 ]
    [ "$output" = 'berth fetch: there is no task "fix-8"; did you mean "fix-7"?' ]
    fetch_fails "" # nothing was made
    tree_ok make branch=task/fix-7
    umount "$TREES/one"
    fetch_fails "not mounted"
    sed -i '/tree:/,$d' "$SPECS/fix-7.status.yaml"
    fetch_fails "has no tree"
    TREE_REPOSITORY=../../elsewhere task_status
    fetch_fails "does not tell where its tree is"
    TREE_NAME=.. task_status
    fetch_fails "does not tell where its tree is"
}

@test "wrong usage has exit code 2" {
    run "$BERTH" fetch
    [ "$status" -eq 2 ]
    run "$BERTH" fetch a b
    [ "$status" -eq 2 ]
    run "$BERTH" fetch a --inot x
    [ "$status" -eq 2 ]
    [[ $output == *"--into"* ]]
    run "$BERTH" fetch --help
    [ "$status" -eq 0 ]
}

#!/usr/bin/env bash
# Makes a bare sample repository for tests and demonstrations; the same commits every time.
#
# usage: make_repo.sh DIR NAME      makes DIR/NAME.git and prints its path
#   main      three commits: README, greet.sh, then Makefile and run-tests.sh (for busybox sh)
#   feature   main and one commit more (FEATURE)
#   v1        a tag on the second commit of main
set -euo pipefail

(($# == 2)) || { sed -n '/^# usage:/s/^# //p' "$0" >&2; exit 2; }
repository=$(realpath -m "$1")/$2.git
[[ ! -e $repository ]] || { echo "make_repo: $repository is there already" >&2; exit 1; }

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
# Nothing of the caller's configuration decides what the commits look like.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME='Sample Author' GIT_AUTHOR_EMAIL=author@example.org
export GIT_COMMITTER_NAME='Sample Author' GIT_COMMITTER_EMAIL=author@example.org
day=1

commit() {
    export GIT_AUTHOR_DATE="2024-01-0${day}T12:00:00Z" GIT_COMMITTER_DATE="2024-01-0${day}T12:00:00Z"
    git -C "$tree" add -A
    git -C "$tree" commit -q -m "$1"
    day=$((day + 1))
}

git init -q -b main "$tree"
echo "The sample repository \"$2\"." >"$tree/README"
commit 'start'

cat >"$tree/greet.sh" <<'SCRIPT'
#!/bin/sh
echo "hello, ${1:-world}"
SCRIPT
chmod +x "$tree/greet.sh"
commit 'greet: say hello'
git -C "$tree" tag -a -m 'version 1' v1

cat >"$tree/run-tests.sh" <<'SCRIPT'
#!/bin/sh
# Runs anywhere with a POSIX shell; exit status 1 when a test fails.
cd "$(dirname "$0")" || exit 1
failed=0
check() {
    if [ "$2" = "$3" ]; then
        echo "ok   $1"
    else
        echo "FAIL $1: \"$2\" is not \"$3\""
        failed=1
    fi
}
check "greets the world" "$(sh greet.sh)" "hello, world"
check "greets by name" "$(sh greet.sh berth)" "hello, berth"
exit $failed
SCRIPT
printf 'test:\n\tsh run-tests.sh\n\n.PHONY: test\n' >"$tree/Makefile"
chmod +x "$tree/run-tests.sh"
commit 'tests: check both greetings'

git -C "$tree" checkout -q -b feature
echo 'only on the branch "feature"' >"$tree/FEATURE"
commit 'feature: begin'
git -C "$tree" checkout -q main

mkdir -p "${repository%/*}"
git clone -q --bare "$tree" "$repository"
git -C "$repository" remote remove origin
git -C "$repository" update-server-info
echo "$repository"

#!/usr/bin/env bash
# What the git child costs: fetching a repository over http and making a snapshot of it, against git clone, side by
# side; then what a second snapshot and `git status` in one cost. Needs root and about 1 GB below /tmp for each round;
# nothing is removed before the end, since new files are slow on ext4 where others were just removed. Never part of
# `make check`.
#
# usage: tests/bench/git.sh [ROUNDS [FILES]]     (default 5 rounds, 20000 files of 10 KB; prints seconds)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=${here%/tests/*}
support=$project/tests/support
berth=${BERTH:-$project/build/berth}
rounds=${1:-5} files=${2:-20000}
[[ -x $berth ]] || { echo "$berth is missing; run make" >&2; exit 2; }

work=$(mktemp -d /tmp/berth-XXXXXX)
chmod 755 "$work"
finish() {
    "$support/git_server.sh" down "$work/git" || true
    rm -rf --one-file-system "$work"
}
trap finish EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
url=$("$support/git_server.sh" up "$work/git")/git/large.git

# Text that packs about as well as sources do: lines of words that were made up, with a few commits on top.
tree=$work/tree
git init -q -b main "$tree"
awk -v files="$files" -v tree="$tree" 'BEGIN {
    srand(7)
    for (i = 0; i < 20000; i++) {
        word = ""
        for (j = 2 + int(rand() * 8); j > 0; j--) word = word sprintf("%c", 97 + int(rand() * 26))
        words[i] = word
    }
    for (n = 0; n < files; n++) {
        dir = tree "/d" n % 40 "/s" int(n / 40) % 25
        if (!made[dir]++) system("mkdir -p " dir)
        file = dir "/f" n
        for (size = 2500 + int(rand() * 15000); size > 0; size -= length(line) + 1) {
            line = words[int(rand() * 20000)]
            for (j = 0; j < 9; j++) line = line " " words[int(rand() * 20000)]
            print line > file
        }
        close(file)
    }
}'
commit() { git -C "$tree" -c user.name=Bench -c user.email=bench@example.org commit -q -a -m "$1"; }
git -C "$tree" add -A
commit "$files files"
for n in $(seq 20); do
    for file in "$tree/d$n"/s*/*; do
        echo "change $n" >>"$file"
        ((RANDOM % 20)) || break
    done
    commit "change $n"
done
git clone -q --bare "$tree" "$work/git/large.git"
git -C "$work/git/large.git" repack -adq
commit=$(git -C "$tree" rev-parse HEAD)
echo "$files files, $(du -sm --exclude=.git "$tree" | cut -f1) MB; pack $(du -sm "$work/git/large.git" | cut -f1) MB"
rm -rf "$tree"

job() { # MIRROR OFFLINE MORE
    printf '{"url":"%s","mirror":"%s","maxBytes":0,"isOffline":%s,"runAs":65533,"owner":1000,"ownerGroup":1000,%s}' \
        "$url" "$1" "$2" "$3"
}

median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# measure NAME COMMAND...: its time, as a line of $work/NAME
measure() {
    local name=$1 from
    shift
    from=$(date +%s%N)
    "$@" >"$work/out"
    echo "$((($(date +%s%N) - from) / 1000000))" >>"$work/$name"
}

child() { "$berth" git-worker <"$work/job"; }

for round in $(seq "$rounds"); do
    sync
    measure clone git clone -q "$url" "$work/clone-$round"
    sync
    mirror=$work/m$round/mirror.git
    job "$mirror" false '"revisions":[{"kind":"head"}]' >"$work/job"
    measure fetch child
    for tree in first second; do
        job "$mirror" true "\"revisions\":[],\"tree\":\"$work/$tree-$round\",\"commit\":\"$commit\"" >"$work/job"
        measure "$tree" child
    done
    echo $(($(tail -n 1 "$work/fetch") + $(tail -n 1 "$work/first"))) >>"$work/both"
    measure status setpriv --reuid=1000 --regid=1000 --clear-groups env HOME=/ git -C "$work/first-$round" status --porcelain
    [[ ! -s $work/out ]] || { echo "the snapshot is not clean" >&2; exit 1; }
done

for name in clone both fetch first second status; do
    printf '%-7s %6.2f s\n' "$name" "$(median <"$work/$name" | awk '{print $1 / 1000}')"
done
awk -v both="$(median <"$work/both")" -v clone="$(median <"$work/clone")" \
    'BEGIN { printf "fetch and first snapshot take %.2f of git clone\n", both / clone }'

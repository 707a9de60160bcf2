#!/usr/bin/env bash
# What repositories and working trees cost, side by side with git and docker: never part of `make check`.
#
#   clone      mirror and snapshot of a large repository (20,000 files, 200 MB, 2,000 commits) by the git child, against
#              `git clone` of the same, both over http: time, and peak memory (sampled)
#   task       a further task on that repository, from the saved file until its command runs in a tree of its own, against
#              `git worktree add` and `docker exec` in it: time, and the disk that each tree takes
#   setup      a task in a new container, with a setup that takes two seconds, against the same from its snapshot image
#
# usage: tests/bench/trees.sh [ROUNDS]     (default 5; prints medians and their ratios)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=${here%/tests/*}
support=$project/tests/support
berth=${BERTH:-$project/build/berth}
rounds=${1:-5}
[[ -x $berth ]] || { echo "$berth is missing; run make" >&2; exit 2; }

work=$(mktemp -d /tmp/berth-XXXXXX)
pid=
finish() {
    [[ -z $pid ]] || kill "$pid" 2>/dev/null || true
    "$support/git_server.sh" down "$work/git" || true
    "$support/engine.sh" down --purge --dir "$work/engine" >/dev/null || true
    awk -v below="$work/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r -n 1 umount -l
    rm -rf --one-file-system "$work"
}
trap finish EXIT
mkdir "$work/specs" "$work/git" "$work/out"
"$support/engine.sh" up --dir "$work/engine" >/dev/null
eval "$("$support/engine.sh" env --dir "$work/engine")"
export DOCKER_HOST GIT_CONFIG_GLOBAL=/dev/null
"$support/images.sh" git >/dev/null
url=$("$support/git_server.sh" up "$work/git")/git

now_ms() { echo $(($(date +%s%N) / 1000000)); }
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
note() { echo "$2" >>"$work/out/$1"; }
of() { median <"$work/out/$1"; }
report() { # WHAT OURS THEIRS UNIT
    printf '%-34s %9s %s   against %9s %s   ratio %s\n' "$1" "$(of "$2")" "$4" "$(of "$3")" "$4" "$(ratio "$(of "$2")" "$(of "$3")")"
}

# --- the repository --------------------------------------------------------------------------------------------------

echo "making a repository of 20,000 files and 2,000 commits" >&2
tree=$work/tree
git init -q -b main "$tree"
(cd "$tree" && mkdir $(seq -f d%03g 0 199))
# 20,000 files of 10 KB that do not compress much, the same ones every time
openssl enc -aes-128-ctr -nosalt -pass pass:bench </dev/zero 2>/dev/null | head -c 155000000 | base64 -w 99 |
    awk -v tree="$tree" 'NR % 100 == 1 { if (file) close(file); n++; file = sprintf("%s/d%03d/f%d", tree, n % 200, n) } n <= 20000 { print >file }' || true
git -C "$tree" add -A
git -C "$tree" -c user.name=Bench -c user.email=b@example.org commit -q -m "20,000 files"
awk 'BEGIN {
    for (n = 1; n < 2000; n++) {
        printf "commit refs/heads/main\nmark :%d\ncommitter Bench <b@example.org> %d +0000\ndata 6\nchange\n", n, 1700000000 + n
        printf n == 1 ? "from refs/heads/main^0\n" : "from :%d\n", n - 1
        printf "M 100644 inline d%03d/f%d\ndata 8\n%08d\n", n % 200, n, n
    }
}' | git -C "$tree" fast-import --quiet --force
git -C "$tree" repack -q -ad
git clone -q --bare "$tree" "$work/git/large.git"
printf 'repository: %s files, %s, %s commits\n' "$(git -C "$tree" ls-tree -r main | wc -l)" \
    "$(du -sh --exclude=.git "$tree" | cut -f1)" "$(git -C "$tree" rev-list --count main)"
rm -rf "$tree"

# --- clone -----------------------------------------------------------------------------------------------------------

# measure NAME COMMAND...: time in ms and the peak of the resident memory of all its processes in MiB.
measure() {
    local name=$1 from child peak=0 rss
    shift
    from=$(now_ms)
    setsid "$@" >"$work/out/answer" 2>&1 </dev/null &
    child=$!
    while kill -0 "$child" 2>/dev/null; do
        rss=$({ ps -o rss= -s "$child" 2>/dev/null || true; } | awk '{ sum += $1 } END { print int(sum / 1024) }')
        ((rss > peak)) && peak=$rss
        read -rt 0.02 <> <(:) || true
    done
    wait "$child" || { cat "$work/out/answer" >&2; exit 1; }
    note "$name-ms" $(($(now_ms) - from))
    note "$name-mib" "$peak"
}
commit=$(git -C "$work/git/large.git" rev-parse main)
chmod 755 "$work"
mkdir "$work/clones"
clone_berth() { # ROUND
    mkdir -p "$work/clones/$1/git" "$work/clones/$1/snap"
    cat >"$work/job" <<JOB
{"url": "$url/large.git", "mirror": "$work/clones/$1/git/mirror.git", "tree": "$work/clones/$1/snap/x", "commit": "$commit",
 "revisions": [], "maxBytes": 0, "isOffline": false, "runAs": 65533, "owner": 0, "ownerGroup": 0}
JOB
    sync
    measure clone-berth sh -c "exec '$berth' git-worker <'$work/job'"
    grep -q '^R ' "$work/out/answer" || { cat "$work/out/answer"; exit 1; }
}
clone_git() { # ROUND
    sync
    measure clone-git git clone -q "$url/large.git" "$work/clones/by-git-$1"
}
# Nothing is removed meanwhile: new files are slow on ext4 where others were just removed. Each is first in turn.
for round in $(seq "$rounds"); do
    if ((round % 2)); then clone_berth "$round"; clone_git "$round"; else clone_git "$round"; clone_berth "$round"; fi
done
mv "$work/clones/by-git-1" "$work/by-git"
rm -rf "$work/clones"
report 'clone: mirror and snapshot' clone-berth-ms clone-git-ms ms
report 'clone: memory (with mapped packs)' clone-berth-mib clone-git-mib MiB

# --- a further task --------------------------------------------------------------------------------------------------

spec() { # NAME [MORE]
    cat >"$work/specs/.new" <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: $1}
spec:
  repository: {name: large}
  command: [sh, -c, "echo here; exec sleep 1"]
SPEC
    mv "$work/specs/.new" "$work/specs/$1.yaml"
}
repository() { # SETUP-LINES
    cat >"$work/specs/.new" <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: large}
spec: {url: "$url/large.git", warm: true, fetchIntervalSeconds: 3600$1}
SPEC
    mv "$work/specs/.new" "$work/specs/large.yaml"
}
log_of() { sed -n 's/^    logFile: //p' "$work/specs/$1.status.yaml" 2>/dev/null; }
stamp_ms() { echo $(($(stat -c %.9Y "$1" | tr -d .) / 1000000)); }
started_ms() { # NAME: when its command wrote its first word
    local log
    until log=$(log_of "$1") && [[ -s $log ]]; do read -rt 0.01 <> <(:) || true; done
    stamp_ms "$log"
}

repository ''
"$berth" run --specs "$work/specs" --state "$work/state" --ports 21000-21099 --repository-image berth-test/git:1 2>"$work/log" &
pid=$!
spec first
started_ms first >/dev/null
container=$(docker ps --format '{{.Names}}' | grep '^repo-')
docker run -d --name peer -v "$work/by-git:/by-git" -v "$work/trees:/trees" berth-test/git:1 sleep 1000000 >/dev/null
for round in $(seq "$rounds"); do
    from=$(now_ms)
    spec "task-$round"
    note task-berth-ms $(($(started_ms "task-$round") - from))
    note task-berth-kib "$(du -sk "$work/state/repos/$container/layers/task-$round" | cut -f1)"
    from=$(now_ms)
    git -C "$work/by-git" worktree add -q -b "task-$round" "$work/trees/t$round" main
    docker exec -w "/trees/t$round" peer sh -c 'echo here >/trees/stamp'
    note task-git-ms $(($(stamp_ms "$work/trees/stamp") - from))
    note task-git-kib "$(du -sk "$work/trees/t$round" | cut -f1)"
done
report 'second task: until its command runs' task-berth-ms task-git-ms ms
report 'second task: disk of its tree' task-berth-kib task-git-kib KiB

# --- setup and snapshot ----------------------------------------------------------------------------------------------

new_container() { # NAME: a task in a container that was just made
    docker rm -f "$container" >/dev/null
    from=$(now_ms)
    spec "$1"
    note "$2" $(($(started_ms "$1") - from))
}
setup='setup: {command: [sh, -c, "sleep 2; echo done >deps"]}'
repository ", $setup"
spec prepared && started_ms prepared >/dev/null
for round in $(seq "$rounds"); do new_container "setup-$round" setup-ms; done
repository ", $setup, snapshot: {enabled: true}"
docker rm -f "$container" >/dev/null
until docker images --format '{{.Repository}}' | grep -q "^berth/$container"; do read -rt 0.1 <> <(:) || true; done
for round in $(seq "$rounds"); do new_container "snapshot-$round" snapshot-ms; done
report 'new container: from snapshot' snapshot-ms setup-ms ms

# Servers, jobs and expectations of git_worker.bats, beside what setup_suite.bash starts.
#
# Each test has a folder $T that every user can search; the mirror of its jobs is $MIRROR, its trees are $T/<name>.

# shellcheck source=assert.bash
source "${BASH_SOURCE[0]%/*}/assert.bash"

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_TERMINAL_PROMPT=0
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'

# --- servers -----------------------------------------------------------------------------------------

# SERVED/sample.git and SERVED/large.git (3 MB that cannot be compressed) are at PUBLIC, PRIVATE and DAEMON.
# LARGE is the commit of the latter. The argument keeps the repositories of two files apart.
make_repositories() {
    export SERVED=$REPOSITORIES/$1
    export PUBLIC=$GIT_HTTP_URL/git/$1 PRIVATE=$GIT_HTTP_URL/private/$1
    export DAEMON=$GIT_DAEMON_URL/$1
    T=$SERVED/work
    mkdir -p "$T"
    "$SUPPORT/make_repo.sh" "$SERVED" sample >/dev/null
    git_work large 'head -c 3000000 /dev/urandom >f; for i in $(seq 200); do echo $i >file$i; done'
    mv "$T/large.git" "$SERVED/large.git"
    LARGE=$(git --git-dir="$SERVED/large.git" rev-parse main)
    export LARGE
}

start_test() {
    T=$(mktemp -d /tmp/berth-git-test.XXXXXX)
    chmod 755 "$T"
    MIRROR=$T/m/mirror.git
    WORKER=
    STARTED=()
}

end_test() {
    local pid
    [ -z "$WORKER" ] || kill -KILL -- "-$WORKER" 2>/dev/null || true
    for pid in "${STARTED[@]}"; do
        kill -- "-$pid" 2>/dev/null || kill "$pid" 2>/dev/null || true
    done
    rm -rf --one-file-system "$T"
}

free_port() {
    local try
    for ((try = 0; try < 50; try++)); do
        PORT=$((32000 + RANDOM % 700))
        (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null || return 0
    done
    return 1
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# serve SCRIPT: runs it for each connection, with the connection as stdin and stdout. Sets PORT.
serve() {
    free_port
    printf '#!/bin/bash\n%s\n' "$1" >"$T/serve-$PORT"
    chmod +x "$T/serve-$PORT"
    setsid socat "tcp-listen:$PORT,bind=127.0.0.1,reuseaddr,fork" "exec:$T/serve-$PORT" 3>&- 2>/dev/null &
    STARTED+=($!)
    wait_for "listens $PORT"
}

# git daemon, but after 200 kB nothing more comes.
serve_half() {
    serve "git daemon --inetd --export-all --base-path='$1' | { stdbuf -o0 head -c 200000; exec sleep 1000; }"
}

# The two answers of http that matter here, as scripts for serve.
redirect_to() {
    printf '%s\nprintf "HTTP/1.1 301 Moved\\r\\nLocation: %%s\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n" "%s"' \
        "while IFS= read -r line && [ \"\${line%\$'\\r'}\" != '' ]; do :; done" "$1"
}

refuse_login() {
    printf '{ %s; printf "HTTP/1.1 401 No\\r\\nWWW-Authenticate: Basic realm=x\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n"; }' \
        "while IFS= read -r line && [ \"\${line%\$'\\r'}\" != '' ]; do :; done"
}

# Proxies, as scripts for serve: one that hands requests with a whole URL on to the http server, which takes them like
# that, and one that makes a tunnel to where it is asked for. Both write what they were asked to $T/heard.
http_proxy() { printf 'tee -a %s | socat - tcp:%s' "$T/heard" "${GIT_HTTP_URL#http://}"; }

tunnel_proxy() {
    printf '%s\nprintf "HTTP/1.1 200 OK\\r\\n\\r\\n"\nexec socat - "tcp:$target"\n' \
        "read -r _ target _; echo \"\$target\" >>$T/heard; while IFS= read -r line && [ \"\${line%\$'\\r'}\" != '' ]; do :; done"
}

refuse_proxy() {
    printf '{ %s; printf "HTTP/1.1 407 No\\r\\nProxy-Authenticate: Basic realm=x\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n"; }' \
        "while IFS= read -r line && [ \"\${line%\$'\\r'}\" != '' ]; do :; done"
}

# start_tls [SOCAT_OPTIONS]: the http server behind https with a certificate of our own making. Sets PORT.
start_tls() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/key.pem" -out "$T/cert.pem" -days 2 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
    free_port
    setsid socat "openssl-listen:$PORT,bind=127.0.0.1,reuseaddr,fork,cert=$T/cert.pem,key=$T/key.pem,verify=0${1:-}" \
        "tcp:${GIT_HTTP_URL#http://}" 3>&- 2>/dev/null &
    STARTED+=($!)
    wait_for "listens $PORT"
}

# An sshd of our own for this user; keys in $T/ssh. Sets PORT.
start_sshd() {
    local type sshd
    sshd=$(PATH=$PATH:/usr/sbin command -v sshd)
    mkdir "$T/ssh"
    for type in ed25519 ecdsa; do
        ssh-keygen -q -t "$type" -N '' -f "$T/ssh/id_$type"
    done
    ssh-keygen -q -t ed25519 -N '' -f "$T/ssh/stranger"
    ssh-keygen -q -t ed25519 -N '' -f "$T/ssh/host"
    cat "$T/ssh/id_ed25519.pub" "$T/ssh/id_ecdsa.pub" >"$T/ssh/authorized"
    free_port
    printf '%s\n' "Port $PORT" "ListenAddress 127.0.0.1" "HostKey $T/ssh/host" "PidFile none" \
        "AuthorizedKeysFile $T/ssh/authorized" "StrictModes no" "UsePAM no" "PasswordAuthentication no" \
        >"$T/ssh/config"
    printf '[127.0.0.1]:%s %s\n' "$PORT" "$(cut -d' ' -f1,2 "$T/ssh/host.pub")" >"$T/ssh/known_hosts"
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd # a root sshd insists on it
    "$sshd" -D -f "$T/ssh/config" -E "$T/ssh/log" 3>&- &
    STARTED+=($!)
    wait_for "listens $PORT"
}

# --- repositories ------------------------------------------------------------------------------------

# git_work NAME SCRIPT: a repository $T/NAME with one commit of what the script makes, and $T/NAME.git with it.
git_work() {
    git init -q -b main "$T/$1"
    (cd "$T/$1" && eval "$2")
    git -C "$T/$1" add -A
    git -C "$T/$1" commit -q -m one
    git clone -q --bare --no-hardlinks "$T/$1" "$T/$1.git"
}

# hostile "MODE NAME": $T/hostile.git whose only commit has just that entry, which git itself would not write.
hostile() {
    local mode=${1%% *} name=${1#* } blob tree
    git init -q --bare -b main "$T/hostile.git"
    blob=$(echo boo | git --git-dir="$T/hostile.git" hash-object -w --stdin)
    if [ "$mode" = 40000 ]; then
        blob=$(printf "100644 f\0$(escaped "$blob")" | write_tree)
    fi
    tree=$(printf "%s %s\0$(escaped "$blob")" "$mode" "$name" | write_tree)
    commit_hostile "$tree"
}

# An entry "d" that is a link to $1, and a second way into it: a directory "d" with a file, or (slash) a file "d/f".
hostile_link_and_directory() {
    local blob link inner tree
    git init -q --bare -b main "$T/hostile.git"
    blob=$(echo boo | git --git-dir="$T/hostile.git" hash-object -w --stdin)
    link=$(printf %s "$1" | git --git-dir="$T/hostile.git" hash-object -w --stdin)
    inner=$(printf "100644 f\0$(escaped "$blob")" | write_tree)
    if [ "$2" = slash ]; then
        tree=$(printf "120000 d\0$(escaped "$link")100644 d/f\0$(escaped "$blob")" | write_tree)
    else
        tree=$(printf "120000 d\0$(escaped "$link")40000 d\0$(escaped "$inner")" | write_tree)
    fi
    commit_hostile "$tree"
}

# hostile_tree_of_trees LEVELS "NAMES": directories of that many levels, each with the next one under all the names.
hostile_tree_of_trees() {
    local tree level name
    tree=$(printf '100644 blob %s\tf\n' "$(echo x | git --git-dir="$T/hostile.git" hash-object -w --stdin)" |
        git --git-dir="$T/hostile.git" mktree)
    for ((level = 0; level < $1; level++)); do
        tree=$(for name in $2; do printf '040000 tree %s\t%s\n' "$tree" "$name"; done |
            git --git-dir="$T/hostile.git" mktree)
    done
    commit_hostile "$tree"
}

escaped() { sed 's/../\\x&/g' <<<"$1"; }
write_tree() { git --git-dir="$T/hostile.git" hash-object -t tree -w --stdin --literally; }

commit_hostile() {
    git --git-dir="$T/hostile.git" update-ref refs/heads/main \
        "$(git --git-dir="$T/hostile.git" commit-tree -m hostile "$1")"
}

git_in() { git -C "$T/$1" "${@:2}"; }

# --- jobs --------------------------------------------------------------------------------------------

quoted() {
    local text=$1
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//$'\n'/\\n}
    printf '"%s"' "$text"
}

# job URL [FIELD=VALUE...]: the job's JSON. tree is a name in $T. head, branch=NAME and ref=NAME are its revisions,
# in order; without these and without tree it asks for the head.
job() {
    local -A fields=([maxBytes]=0 [isOffline]=false [runAs]=0 [owner]=0 [ownerGroup]=0)
    local pair name separator= revisions=
    fields[url]=$(quoted "$1")
    fields[mirror]=$(quoted "$MIRROR")
    for pair in "${@:2}"; do
        name=${pair%%=*}
        case $name in
            maxBytes | isOffline | runAs | owner | ownerGroup) fields[$name]=${pair#*=} ;;
            head) revisions+=,'{"kind":"head"}' ;;
            branch | ref) revisions+=",{\"kind\":\"$name\",\"name\":$(quoted "${pair#*=}")}" ;;
            tree) fields[tree]=$(quoted "$T/${pair#*=}") ;;
            *) fields[$name]=$(quoted "${pair#*=}") ;;
        esac
    done
    [[ -n $revisions || -n ${fields[tree]:-} ]] || revisions=',{"kind":"head"}'
    printf '{"revisions":[%s]' "${revisions#,}"
    for name in "${!fields[@]}"; do
        printf ',"%s":%s' "$name" "${fields[$name]}"
    done
    printf '}\n'
}

# Runs a job to its end; see bats' run.
worker() { run "$BERTH" git-worker < <(job "$@"); }

# snapshot URL TREE COMMIT [FIELD=VALUE...]: from the mirror, without network.
snapshot() { worker "$1" "tree=$2" "commit=$3" isOffline=true "${@:4}"; }

# make_tree URL TREE [FIELD=VALUE...]: a fetch, and the snapshot of what was asked for first, if that was found. The
# last job's output and status.
make_tree() {
    local -a others=()
    local pair
    worker "$1" "${@:3}"
    [[ $status -eq 0 && -n $(found 0) ]] || return 0
    for pair in "${@:3}"; do
        [[ $pair =~ ^(head|branch=|ref=|isOffline=) ]] || others+=("$pair")
    done
    snapshot "$1" "$2" "$(found 0)" "${others[@]}"
}

# Starts one in a process group of its own, WORKER; its output goes to $T/out.
start_worker() {
    job "$@" >"$T/job"
    rm -f "$T/out" "$T/leader"
    setsid sh -c 'echo $$ >"$1/leader.new"; mv "$1/leader.new" "$1/leader"
                  exec env -i "$2" git-worker <"$1/job" >"$1/out"' sh "$T" "$BERTH" 3>&- &
    disown
    wait_for 'test -e "$T/leader"'
    WORKER=$(cat "$T/leader")
}

# The numbers of the group's processes, without those that are dead and not yet fetched.
processes_of_group() { ps -eo pid=,pgid=,stat= | awk -v group="$WORKER" '$2 == group && $3 !~ /^Z/ {print $1}'; }

as_user() { setpriv --reuid="$1" --regid="$1" --clear-groups "${@:2}"; }

# Whether the kernel has what the cage is made of (landlock_create_ruleset, its version).
has_landlock() { perl -e 'exit(syscall(444, 0, 0, 1) >= 2 ? 0 : 1)'; }

need_root() { [ "$(id -u)" = 0 ] || { echo "this test needs root"; false; }; }

# --- expectations ------------------------------------------------------------------------------------

# Waits until the command succeeds, 20 s at most.
wait_for() {
    local tries=1000
    until eval "$1" 2>/dev/null; do
        ((tries-- > 0)) || { echo "in vain: $1"; return 1; }
        wait_ms 20
    done
}

wait_ms() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

expect_result() {
    [ "$status" -eq 0 ] && [[ ${lines[-1]} == 'R {'* ]] || { echo "$output"; return 1; }
}

# expect_error REASON [WORDS]
expect_error() {
    [ "$status" -eq 1 ] && [[ ${lines[-1]} == "E $1 "*"${2:-}"* ]] || { echo "$output"; return 1; }
}

# expect_missing N WORDS: revision N of the job was not found, and why.
expect_missing() {
    expect_result && [ -z "$(found "$1")" ] && [[ $(missing "$1") == *"$2"* ]] || { echo "$output"; return 1; }
}

# A field of the result; the commit that revision N is, or why it was not found.
answer() { sed -n 's/^R //p' <<<"${lines[-1]}"; }
result() { jq -r ".$1" <<<"$(answer)"; }
found() { result "found[$1].commit"; }
missing() { result "found[$1].message"; }

# No mirror, no tree, nothing on the way to one.
expect_nothing_made() {
    [ ! -e "$MIRROR" ] && [ ! -e "$MIRROR.work" ] && [ ! -e "$T/tree" ] && [ ! -e "$T/m/.staging" ] ||
        { find "$T"; return 1; }
}

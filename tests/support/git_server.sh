#!/usr/bin/env bash
# Serves the bare repositories of a folder on 127.0.0.1: over http like the big forges do (lighttpd
# and git http-backend), or by git daemon.
#
# usage: git_server.sh up DIR [PORT]           prints the URL, http://127.0.0.1:PORT
#        git_server.sh daemon-up DIR [PORT]    prints the URL, git://127.0.0.1:PORT
#        git_server.sh down DIR                stops both
#
#   DIR/x.git is URL/git/x.git for everyone, URL/private/x.git for alice with the password s3cret,
#   and URL/x.git under git daemon. Without PORT a free one is taken. What the servers need (pid
#   files, configuration, logs) is in DIR/.server; down leaves the logs.
set -euo pipefail

usage() { sed -n '/^# usage:/,/^#$/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
die() { echo "git_server: $*" >&2; exit 1; }

# Descriptor 3 is bats' own: a server that kept it would keep bats waiting.
exec 3>&-

command=${1:-}
[[ -n ${2:-} ]] || usage
dir=$(realpath -m "$2")
port=${3:-}
server=$dir/.server
PATH=$PATH:/usr/sbin:/sbin

# A server that is up answers the TCP handshake.
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

is_running() {
    local pid
    pid=$(cat "$1" 2>/dev/null) && [[ -n $pid ]] && kill -0 "$pid" 2>/dev/null
}

# start_on PORT must start the server, or fail when the port is taken; another port is tried then.
with_port() {
    local start_on=$1 try
    if [[ -n $port ]]; then
        "$start_on" "$port" || die "no server on port $port; see $server"
        return
    fi
    for ((try = 0; try < 20; try++)); do
        port=$((31000 + RANDOM % 1000))
        listens "$port" && continue
        "$start_on" "$port" && return
    done
    die "found no free port; see $server"
}

wait_for_server() {
    local pid_file=$1 tenths=50
    until is_running "$pid_file" && listens "$2"; do
        ((tenths-- > 0)) || return 1
        sleep 0.1
    done
}

start_http() {
    local backend
    backend=$(git --exec-path)/git-http-backend
    [[ -x $backend ]] || die "git-http-backend is missing"
    echo 'alice:s3cret' >"$server/users"
    # safe.directory: the server may run as another user than the repositories' owner.
    cat >"$server/lighttpd.conf" <<CONF
server.modules = ("mod_setenv", "mod_auth", "mod_authn_file", "mod_alias", "mod_cgi", "mod_accesslog")
server.bind = "127.0.0.1"
server.port = $1
server.document-root = "$server"
server.pid-file = "$server/http.pid"
server.errorlog = "$server/http.log"
accesslog.filename = "$server/access.log"
alias.url = ("/git/" => "$backend/", "/private/" => "$backend/")
cgi.assign = ("" => "")
setenv.set-environment = (
    "GIT_PROJECT_ROOT" => "$dir",
    "GIT_HTTP_EXPORT_ALL" => "1",
    "GIT_CONFIG_COUNT" => "1",
    "GIT_CONFIG_KEY_0" => "safe.directory",
    "GIT_CONFIG_VALUE_0" => "*",
)
auth.backend = "plain"
auth.backend.plain.userfile = "$server/users"
auth.require = ("/private/" => ("method" => "basic", "realm" => "git", "require" => "valid-user"))
CONF
    lighttpd -f "$server/lighttpd.conf" >>"$server/http.log" 2>&1 </dev/null || return 1
    wait_for_server "$server/http.pid" "$1"
}

start_daemon() {
    git -c safe.directory='*' daemon --detach --reuseaddr --export-all --base-path="$dir" \
        --listen=127.0.0.1 --port="$1" --pid-file="$server/daemon.pid" \
        >>"$server/daemon.log" 2>&1 </dev/null
    wait_for_server "$server/daemon.pid" "$1"
}

up() {
    local name=$1 scheme=$2 start_on=$3
    mkdir -p "$server"
    if ! is_running "$server/$name.pid"; then
        rm -f "$server/$name.pid"
        with_port "$start_on"
        echo "$scheme://127.0.0.1:$port" >"$server/$name.url"
    fi
    cat "$server/$name.url"
}

stop() {
    local pid tenths=50
    is_running "$1" || { rm -f "$1"; return 0; }
    pid=$(cat "$1")
    kill "$pid"
    while [[ -e /proc/$pid ]] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; do
        ((tenths-- > 0)) || { kill -9 "$pid"; break; }
        sleep 0.1
    done
    rm -f "$1" "${1%.pid}.url"
}

case $command in
    up) up http http start_http ;;
    daemon-up) up daemon git start_daemon ;;
    down) stop "$server/http.pid"; stop "$server/daemon.pid" ;;
    *) usage ;;
esac

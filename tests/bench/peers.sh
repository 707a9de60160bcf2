#!/usr/bin/env bash
# Gets the peers that `make bench` measures, where Debian has them; says of each that cannot be had why.
#
# usage: peers.sh [FOLDER]      (build/bench/peers)
#   docker compose   the newest: unstable's package, unpacked into FOLDER, never installed
#   podman           this release's package, where it is installed already or can be
#   Swarm            is in the engine
# Prints a line "name version" for each.
set -euo pipefail
folder=$(realpath -m "${1:-$(dirname "${BASH_SOURCE[0]}")/../../build/bench/peers}")
mkdir -p "$folder"

say() { echo "peers: $*" >&2; }

# A list of packages of its own: nothing of this machine's changes.
unstable() {
    apt-get -qq -o Dir::Etc::sourcelist="$folder/apt/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$folder/apt/lists" -o Dir::Cache="$folder/apt/cache" -o APT::Sandbox::User=root "$@"
}

fetch_compose() {
    local mirror
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        awk '$1 == "URIs:" { print $2; exit } $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^http/) { print $i; exit } }')
    [[ -n $mirror ]] || { say "docker compose is left out: no Debian mirror is configured"; return 1; }
    mkdir -p "$folder"/apt/{lists,cache/archives}/partial
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" >"$folder/apt/sources.list"
    (cd "$folder/apt" && unstable update && unstable download docker-compose) 2>"$folder/apt/log" ||
        { say "docker compose is left out: $(tail -1 "$folder/apt/log")"; return 1; }
    dpkg -x "$folder"/apt/docker-compose_*.deb "$folder/root"
    rm -rf "$folder/apt/lists"
    cp "$folder/root/usr/libexec/docker/cli-plugins/docker-compose" "$folder/docker-compose"
}

if [[ -x $folder/docker-compose ]] || fetch_compose; then
    echo "compose $("$folder/docker-compose" version --short)"
fi
if (command -v podman && command -v catatonit) >/dev/null || apt-get install -y -qq --no-install-recommends podman catatonit >"$folder/podman.log" 2>&1; then
    echo "podman $(podman --version | awk '{ print $3 }')"
else
    say "podman is left out: $(tail -1 "$folder/podman.log")"
fi

#!/usr/bin/env bash
# Ends an engine of the model test and starts it again.
#
# usage: restart_engine.sh WHERE KILL|TERM
#   WHERE   the folder of a private engine, which is ended by that signal, or the socket of a fake one
set -euo pipefail

support=$(cd "$(dirname "${BASH_SOURCE[0]}")/../support" && pwd)
where=$1

answers() { curl -sf --unix-socket "$where" http://engine/_ping >/dev/null; }

if [[ -S $where ]]; then
    curl -sf -X POST --unix-socket "$where" "http://engine/_fake/down?ms=700" >/dev/null
    for ((tenths = 0; tenths < 100; tenths++)); do
        sleep 0.1
        ! answers || exit 0
    done
    exit 1
fi

stop=("$support/engine.sh" stop --dir "$where")
[[ $2 != KILL ]] || stop+=(--kill)
"${stop[@]}" >/dev/null
exec "$support/engine.sh" start --dir "$where"

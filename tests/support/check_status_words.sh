#!/usr/bin/env bash
# Holds that docs/status.md names every key, condition, phase and word that status files and the
# heartbeat can have (part of make check-docs). It cannot know whether what it says of them is true.
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
bad=0

# hold FILE WHAT: each word on standard input must be a word of docs/status.md.
hold() {
    local word count=0
    while read -r word; do
        count=$((count + 1))
        grep -qwF -- "$word" docs/status.md || { echo "docs/status.md does not name the $2 \"$word\" of $1" >&2; bad=1; }
    done
    ((count > 0)) || { echo "$1 has no ${2}s any more: correct $0" >&2; bad=1; }
}

# Second arguments of the setters, and the keys of json_pack().
keys() {
    grep -ohE '(put_[a-z]+|json_object_set_new)\([a-z_]+, "[a-zA-Z]+"' "$1" | sed 's/.*"\(.*\)"/\1/'
    grep -ohE '"[a-z][a-zA-Z]*",' "$1" | tr -d '",'
}

for file in specs/status_document.c specs/status_work.c; do
    hold "$file" key < <(keys "$file" | sort -u)
done
hold controller/heartbeat.c key \
    < <(keys controller/heartbeat.c | grep -vE '^(state_unwritable|error)$' | sort -u)
hold controller/disk.c key < <(keys controller/disk.c | grep -vx error | sort -u)
hold specs/status_words.c word \
    < <(sed -nE 's/^ *case [A-Z_]+: return "([A-Za-z]+)";.*/\1/p' specs/status_words.c)
hold specs/status.c phase \
    < <(sed -nE 's/^ *case PHASE_[A-Z_]+: return "([A-Za-z]+)";.*/\1/p' specs/status.c)
exit "$bad"

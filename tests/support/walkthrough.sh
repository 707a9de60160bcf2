#!/usr/bin/env bash
# Does what a page of the documentation tells its reader to do, word for word, and holds that what
# is shown there is what comes out.
#
# usage: walkthrough.sh PAGE.md [NAME]     in a folder of its own, left as the page leaves it
#
# What counts are the blocks that are fenced as `console`. In them a line that begins with "$ " is a
# command, with the lines that a \ or a <<WORD makes part of it; what follows, up to the next
# command or the end of the block, is all that it prints on standard output, or on both streams: what
# is said on standard error may be left out. All commands run in one shell, so that `cd`, `export`
# and jobs in the background last; what still runs at the end is ended. A command must succeed,
# unless the next one is `echo $?`.
#
#   ... or …             as a line: any lines, or none; in a line: any text
#   ages, times, ports   5-digit numbers, and ids in hex digits: each counts as any other
#   blanks               any number counts as one
#
# Blocks that are fenced otherwise, such as `sh`, are not run: they need what a test has not, such
# as systemd. A block after the line `<!-- walkthrough: NAME -->` is run only when NAME is given.
set -uo pipefail

usage() { sed -n '/^# usage:/s/^# //p' "$0" >&2; exit 2; }
(($# == 1 || $# == 2)) || usage
[[ -r $1 ]] || { echo "walkthrough: cannot read $1" >&2; exit 2; }
page=$(realpath "$1")
work=$(mktemp -d)

end_walk() {
    local -a left
    mapfile -t left < <(jobs -p)
    ((${#left[@]} == 0)) || kill "${left[@]}" 2>/dev/null
    wait
    rm -rf "$work"
}
trap end_walk EXIT

# Writes N.command, N.expected and N.line into the folder "work" for each command, N from 1 on.
split_page() {
    awk -v work="$work" -v wanted="${2:-}" '
        function begin(text) {
            steps++
            command = work "/" steps ".command"
            expected = work "/" steps ".expected"
            print FNR >(work "/" steps ".line")
            printf "" >expected
            add(text)
        }
        # A line of a command, and whether the next one is part of it as well.
        function add(text) {
            print text >command
            if (until != "") {
                if (text == until) { until = "" }
                return
            }
            if (match(text, /<<\047?[A-Z]+\047?/)) {
                until = substr(text, RSTART + 2, RLENGTH - 2)
                gsub(/\047/, "", until)
            }
            continued = text ~ /\\$/
        }
        !fenced && /^<!-- walkthrough: .* -->$/ { name = $3; next }
        !fenced && /^```/ {
            fenced = 1
            mine = $0 == "```console" && name == wanted
            name = ""
            next
        }
        fenced && /^```$/ { fenced = 0; command = ""; next }
        !fenced && /[^ ]/ { name = "" }
        !mine || !fenced { next }
        command != "" && (until != "" || continued) { add($0); next }
        /^\$ / { begin(substr($0, 3)); next }
        command == "" { wrong = FILENAME ":" FNR ": output without a command"; exit }
        { print >expected }
        END {
            if (wrong == "" && until != "") { wrong = FILENAME ": <<" until " has no end" }
            if (wrong != "") { print wrong >"/dev/stderr"; exit 2 }
        }
    ' "$page"
}

# What differs from run to run becomes one word.
normalize() {
    sed -E -e 's/…/.../g' -e 's/[[:blank:]]+/ /g' -e 's/ $//' \
        -e 's/\b20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/TIME/g' \
        -e 's/\b[0-9]+(\.[0-9]+)?(ms|s|m|h|d)([0-9]+(s|m|h))?\b/AGE/g' \
        -e 's/\b[0-9]{5}\b/PORT/g' -e 's/\b[0-9a-f]{7,}\b/HEX/g' -e 's/-[0-9a-f]{6}\b/-HEX/g' "$1"
}

# is_shown EXPECTED ACTUAL, in a shell of its own: `<(...)` would be the page's $!
is_shown() (
    awk '
        # Whether a line is what is shown; the parts between "..." come in their order.
        function fits(shown, line,    parts, n, i, at) {
            n = split(shown, parts, /\.\.\./)
            if (n <= 1) { return shown == line }
            if (substr(line, 1, length(parts[1])) != parts[1]) { return 0 }
            line = substr(line, length(parts[1]) + 1)
            for (i = 2; i < n; i++) {
                at = index(line, parts[i])
                if (at == 0) { return 0 }
                line = substr(line, at + length(parts[i]))
            }
            return length(line) >= length(parts[n]) &&
                substr(line, length(line) - length(parts[n]) + 1) == parts[n]
        }
        function all_fit(i, j) {
            for (; i <= shown; i++) {
                if (want[i] == "...") {
                    for (; j <= lines + 1; j++) {
                        if (all_fit(i + 1, j)) { return 1 }
                    }
                    return 0
                }
                if (j > lines || !fits(want[i], have[j])) { return 0 }
                j++
            }
            return j > lines
        }
        FNR == NR && FILENAME == ARGV[1] { want[++shown] = $0; next }
        { have[++lines] = $0 }
        END { exit !all_fit(1, 1) }
    ' <(normalize "$1") <(normalize "$2")
)

# Which of the two streams came first is not known. The first line spares most steps all programs.
shows_step() {
    [[ $(<"$work/$1.expected") != "$(<"$work/$1.out")" ]] || return 0
    cat "$work/$1.out" "$work/$1.err" >"$work/$1.both"
    cat "$work/$1.err" "$work/$1.out" >"$work/$1.errors-first"
    is_shown "$work/$1.expected" "$work/$1.out" || is_shown "$work/$1.expected" "$work/$1.both" ||
        is_shown "$work/$1.expected" "$work/$1.errors-first"
}

complain() {
    local step=$1
    echo "$page:$(cat "$work/$step.line"): $2"
    sed 's/^/    $ /' "$work/$step.command"
    echo "  shown in the page:"
    sed 's/^/    | /' "$work/$step.expected"
    echo "  printed:"
    sed 's/^/    | /' "$work/$step.out" "$work/$step.err"
}

split_page "$@" || exit 2
[[ -e $work/1.command ]] || { echo "walkthrough: no commands in $page${2:+ for $2}" >&2; exit 2; }

last_status=0
for ((step = 1; ; step++)); do
    [[ -e $work/$step.command ]] || break
    text=$(<"$work/$step.command")
    # The page's own variables must not meet ours, nor its options those of this script.
    set +u
    (exit "$last_status")
    eval "$text" >"$work/$step.out" 2>"$work/$step.err" </dev/null
    last_status=$?
    set -u
    if ! shows_step "$step"; then
        complain "$step" "prints something else"
        exit 1
    fi
    if ((last_status != 0)) && [[ $(cat "$work/$((step + 1)).command" 2>&1) != 'echo $?' ]]; then
        complain "$step" "exit status $last_status"
        exit 1
    fi
done
echo "$((step - 1)) commands of ${page##*/} do what it says"

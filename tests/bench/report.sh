#!/usr/bin/env bash
# Tables and plots out of what the benchmarks wrote to build/bench: report.md, report.json, *.svg.
#
# usage: report.sh [FOLDER]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "${1:-$here/../../build/bench}"

lines() { cat ./*.jsonl 2>/dev/null; }

scale='[]'
[[ ! -s scale.json ]] || scale=$(jq -s . scale.json)
lines | jq -s -f "$here/report.jq" >report-figures.json
jq -n --slurpfile figures report-figures.json --rawfile versions versions.txt --argjson scale "$scale" \
    '{versions: ($versions | split("\n") | map(select(length > 0))), figures: $figures[0], scale: $scale}' >report.json
rm report-figures.json

# SCENARIO-PATTERN: a table of all its figures.
table() {
    echo "| scenario | figure | peer | rounds | median | least | most | of bare API's | of Berth's |"
    echo "|---|---|---|---|---|---|---|---|---|"
    jq -r --arg pattern "$1" '.figures[] | select(.scenario | test($pattern)) | "| \(.scenario) | \(.figure) | \(.peer) | \(.rounds) | \(.median) \(.unit) | \(.min) | \(.max) | \(.toBare // "") | \(.toBerth // "") |"' report.json
    echo
}

text() { # TITLE FILE
    [[ ! -s $2 ]] || printf '## %s\n\n```\n%s\n```\n\n' "$1" "$(cat "$2")"
}

{
    echo "# What Berth costs beside others"
    echo
    sed 's/^/- /' versions.txt
    echo
    printf '## From nothing, to more, again, and down\n\n'
    table '^(up|scale|again|down)-'
    printf '## How many starts at once\n\n'
    table '^slots-'
    printf '## How soon\n\n'
    table '^(placed|written|recover)$'
    printf '## When nothing happens, and probes\n\n'
    table '^(idle|probes)-'
    text "Scale, on an engine in memory" scale.txt
    text "Clone, and a second workspace" git.txt
    text "Trees of tasks" trees.txt
    text "A repository that is kept warm" warm.txt
    text "berth get" get.txt
    text "berth validate" validate.txt
} >report.md

# The middle one of the rounds that were plotted is as good as any: the first is taken.
if compgen -G 'curves/up-50.*.1' >/dev/null; then
    for curve in curves/up-50.*.1; do
        peer=${curve#curves/up-50.} peer=${peer%.1}
        awk -v peer="$peer" 'NR == 1 { print peer, 0, 0 } { print peer, $1 / 1000, $2 }' "$curve"
    done | awk -v title="From nothing to 50 containers" -v x_label="seconds" -v y_label="containers that run" -f "$here/plot.awk" >up-50.svg
fi
for size in 1 10 50; do
    jq -r --arg size "$size" '.figures[] | select(.scenario == "up-\($size)" and .figure == "clock") | "\(.peer) \($size) \(.median / 1000)"' report.json
done | sort -s -k1,1 | awk -v logs=1 -v title="From nothing to N containers" -v x_label="containers" -v y_label="seconds" -f "$here/plot.awk" >up-n.svg || rm -f up-n.svg

#!/usr/bin/env bash
# Prints how many lines of each folder's sources the last coverage run reached.
#
# usage: coverage.sh OUT FOLDER...      OUT: the build folder with the .gcda files
set -euo pipefail

out=$1
shift
report=$(mktemp)
trap 'rm -f "$report"' EXIT
find "$out" -name '*.gcda' -exec gcov --no-output --relative-only {} + >"$report" 2>/dev/null

printf '  %-14s %8s %8s %8s\n' folder lines reached percent
for folder in "$@" all; do
    awk -v folder="$folder" '
        /^File / {
            file = substr($2, 2, length($2) - 2)
            wanted = file ~ /\.c$/ && file !~ /^tests\// && (folder == "all" || index(file, folder "/") == 1)
        }
        /^Lines executed:/ && wanted && !(file in seen) {
            split($2, part, /[:%]/)
            seen[file] = 1; lines += $4; reached += $4 * part[2] / 100
        }
        END {
            if (lines > 0) {
                printf "  %-14s %8d %8d %7.1f%%\n", folder, lines, reached + 0.5, 100 * reached / lines
            }
        }' "$report"
done

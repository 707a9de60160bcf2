#!/usr/bin/env bash
# Divides bats files into lanes that have about as many tests each: one line "bats --tap FILE..." for each lane.
#
# usage: lanes.sh LANES FILE...
set -euo pipefail
(($# > 1)) || { sed -n '/^# usage:/s/^# //p' "$0" >&2; exit 2; }
lanes=$1
shift

# The largest file first, each to the lane that has least.
grep -c '^@test' "$@" /dev/null | sed '$d' | sort -t: -k2,2nr -k1,1 | awk -F: -v lanes="$lanes" '
    {
        least = 1
        for (i = 2; i <= lanes; i++) if (tests[i] + 0 < tests[least] + 0) least = i
        tests[least] += $2
        files[least] = files[least] " " $1
    }
    END { for (i = 1; i <= lanes; i++) if (files[i] != "") print "bats --tap" files[i] }'

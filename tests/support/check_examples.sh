#!/usr/bin/env bash
# Holds that the examples are good (make check-examples):
#
#   - every spec below examples/ is valid, and so is every spec shown in docs/specs.md;
#   - examples/README.md lists every file at the top of examples/ and every folder, and nothing else.
#
# BERTH is the binary to ask. Exits 0 only if all of that is so, and says what is not.
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
berth=${BERTH:-build/berth}
bad=0

complain() { echo "$*" >&2; bad=1; }

# --- valid -------------------------------------------------------------------------------------------

files=0
while read -r file; do
    files=$((files + 1))
    "$berth" validate "$file" >/dev/null || complain "$file is not valid"
done < <(find examples \( -name '*.yaml' -o -name '*.yml' \) ! -name '*.status.y*ml' | sort)
((files > 0)) || complain "there are no examples"

# The blocks of docs/specs.md that are whole specs, as the documents of one file each.
blocks=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
awk -v folder="$folder" '
    /^```yaml$/ { file = folder "/line-" NR ".yaml"; next }
    /^```$/ { file = ""; next }
    file != "" { print >file }
' docs/specs.md
for file in "$folder"/*.yaml; do
    grep -q '^apiVersion: berth.dev/v1' "$file" || continue
    blocks=$((blocks + 1))
    "$berth" validate "$file" >/dev/null || complain "docs/specs.md: the spec at ${file##*/} is not valid"
done
((blocks > 0)) || complain "docs/specs.md shows no specs"

# --- listed ------------------------------------------------------------------------------------------

# The first column of the table: `name`, or `folder/`.
listed=$(sed -nE 's/^\| `([^`]+)` \|.*/\1/p' examples/README.md | sort)
there=$(find examples -mindepth 1 -maxdepth 1 ! -name README.md ! -name '.*' \
    \( -type d -printf '%f/\n' -o -printf '%f\n' \) | sort)
while read -r name; do
    [[ -z $name ]] || complain "examples/README.md does not list $name"
done < <(comm -13 <(echo "$listed") <(echo "$there"))
while read -r name; do
    [[ -z $name ]] || complain "examples/README.md lists $name, which is not there"
done < <(comm -23 <(echo "$listed") <(echo "$there"))

((bad == 0)) && echo "$files examples and $blocks specs in docs/specs.md are valid"
exit "$bad"

#!/usr/bin/env bash
# How long `berth validate` takes over many files, side by side in one run with
#
#   docker compose config   on a file of as many services, where it is there
#   cat                     on the same files: what opening and reading alone costs
#
# usage: tests/bench/validate.sh [FILES]        (1000)
# BERTH is the binary to measure; ROUNDS how often (5). Prints medians of processor time, which a busy machine does
# not change, and of the clock, and their ratios.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
files=${1:-1000}
rounds=${ROUNDS:-5}
berth=${BERTH:-build/berth}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/specs"
TIMEFORMAT='%R %U %S'

echo "services:" >"$folder/compose.yaml"
for ((i = 1; i <= files; i++)); do
    cat >"$folder/specs/web-$i.yaml" <<SPEC
# machine number $i
apiVersion: berth.dev/v1
kind: Instance
metadata:
  name: web-$i
  labels: {team: infra, app: web}
spec:
  machineType: e2-small
  image: nginx:1.27
  command: [nginx, -g, daemon off;]
  env:
    - {name: A, value: "1"}
    - name: B
      value: two
  ports:
    - {name: http, containerPort: 8080}
  resources: {memory: 256Mi}
  readinessProbe:
    httpGet: {path: /, port: http}
    periodSeconds: 5
SPEC
    cat >>"$folder/compose.yaml" <<SERVICE
  web-$i:
    image: nginx:1.27
    command: [nginx, -g, daemon off;]
    labels: {team: infra, app: web}
    environment: {A: "1", B: two}
    ports: ["127.0.0.1::8080"]
    mem_limit: 256m
SERVICE
done

# measure NAME COMMAND...: a line "real user system" for each round, in NAME.
measure() {
    local name=$1
    shift
    { time "$@" >/dev/null 2>"$folder/$name.err"; } 2>>"$folder/$name" || {
        cat "$folder/$name.err" >&2
        echo "bench: $name failed: $*" >&2
        exit 1
    }
}

peers=(cat)
docker compose version >/dev/null 2>&1 && peers+=(compose) || echo "docker compose is not here: left out"
"$berth" validate "$folder/specs" >/dev/null # the first one pays for what is not in memory yet
for ((round = 0; round < rounds; round++)); do
    measure berth "$berth" validate "$folder/specs"
    measure cat sh -c 'cat "$0"/*.yaml' "$folder/specs"
    [[ ${peers[*]} != *compose* ]] || measure compose docker compose -f "$folder/compose.yaml" config
done

# median NAME clock|processor: milliseconds
median() {
    awk -v of="$2" '{ print 1000 * (of == "clock" ? $1 : $2 + $3) }' "$folder/$1" | sort -n |
        awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}
printf '%d files, %d rounds, medians\n\n%-18s %14s %14s\n' "$files" "$rounds" '' 'processor ms' 'clock ms'
for name in berth "${peers[@]}"; do
    printf '%-18s %14d %14d\n' "$name" "$(median "$name" processor)" "$(median "$name" clock)"
done
for name in "${peers[@]}"; do
    printf 'berth / %-10s %14s %14s\n' "$name" \
        "$(awk -v a="$(median berth processor)" -v b="$(median "$name" processor)" 'BEGIN { printf "%.3f", (b > 0 ? a / b : 0) }')" \
        "$(awk -v a="$(median berth clock)" -v b="$(median "$name" clock)" 'BEGIN { printf "%.3f", (b > 0 ? a / b : 0) }')"
done

#!/usr/bin/env bats
# berth open: the addresses of ports, with curl as a witness.

load helpers
bats_require_minimum_version 1.5.0

open() { "$BERTH" open --specs "$SPECS" --state "$STATE" "$@"; }

@test "open prints the URLs of an instance's ports, and they answer" {
    drop web.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: web}
spec:
  machineType: e2-small
  image: berth-test/web:1
  ports:
    - {name: http, containerPort: 8080}
    - {name: dns, containerPort: 53, protocol: UDP}
    - {name: admin, containerPort: 9090}
---
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: plain}
spec: {machineType: e2-small, image: "berth-test/web:1"}
SPEC
    berth_start
    wait_for 20 is_ready web.yaml web
    wait_for 20 is_ready web.yaml plain
    http=$(docker port web 8080/tcp) admin=$(docker port web 9090/tcp)
    run open web
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[0]} =~ ^"http://$http/"\ +http$ ]]
    [[ ${lines[1]} =~ ^"http://$admin/"\ +admin$ ]]
    [ "$(open instance/web --print)" = "http://$http/"$'\n'"http://$admin/" ]
    [ "$(open web -o json | jq -r '.[1].url')" = "http://$admin/" ]
    curl -fsS "$(open web --print --port http)"
    berth_kill9    # no controller is needed
    [ "$(open web --print --port admin)" = "http://$admin/" ]

    run open plain
    [ "$status" -eq 1 ]
    [[ $output == "berth open: instance/plain has no TCP ports"* ]]
    run open web --port htp
    [ "$status" -eq 1 ]
    [[ $output == 'berth open: instance/web has no TCP port "htp"; it has: http, admin' ]]
    run open wbe
    [ "$status" -eq 1 ]
    [[ $output == *'did you mean "web"?' ]]
    for wrong in "" "web plain" "web -o x" "--prnt web"; do
        run open $wrong
        [ "$status" -eq 2 ]
    done

    # A browser is a program with the address behind it.
    printf '#!/bin/sh\necho "$@" >"%s"\n' "$TEST_DIR/seen" >"$TEST_DIR/browser"
    chmod +x "$TEST_DIR/browser"
    BROWSER=$TEST_DIR/browser:other open web --browser
    [ "$(cat "$TEST_DIR/seen")" = "http://$http/" ]
    run env BROWSER= PATH="$TEST_DIR/nothing" "$(command -v "$BERTH")" open --specs "$SPECS" --state "$STATE" web --browser
    [ "$status" -eq 1 ]
    [[ $output == *"there is no xdg-open, and BROWSER names no program"* ]]
    run env BROWSER=false "$BERTH" open --specs "$SPECS" --state "$STATE" web --browser
    [ "$status" -eq 1 ]
}

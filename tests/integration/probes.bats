#!/usr/bin/env bats
# Probes: ready, alive, started. Everything that is asserted of a probe is read from inside the container or from docker.

load helpers

# drop_probed NAME FILE-CONTENT: an instance of the test image; the rest of its spec comes from standard input.
drop_probed() {
    {
        cat <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: $1}
spec:
  machineType: e2-small
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/busybox:1
  terminationGracePeriodSeconds: 1
SPEC
        sed 's/^/  /'
    } | drop "$1.yaml"
}

phase_is() { field_is "$1.yaml" "$1" status.phase "$2"; }
ready_reason_is() { field_is "$1.yaml" "$1" 'status.conditions[type=Ready].reason' "$2"; }
ready_message_is() { field_is "$1.yaml" "$1" 'status.conditions[type=Ready].message' "$2"; }
start_of() { container_field "$1" '{{.Id}} {{.State.StartedAt}}'; }
was_restarted() { [[ $(start_of "$1") != "$2" ]] && container_is_running "$1"; }

# lines_of NAME FILE: how many lines a file in the container has.
lines_of() { docker exec "$1" sh -c "cat $2 2>/dev/null | wc -l"; }
has_lines() { (($(lines_of "$1" "$2") >= $3)); }

# count_of NAME COMMAND: processes of the container whose command line has these words.
count_of() { docker top "$1" -eo pid,args | grep -c -- "$2" || true; }
runs_at_most() { (($(count_of "$1" "$2") <= $3)); }

@test "exec: not ready before the file is there; ready, not ready and ready again without a restart" {
    drop_probed web <<'SPEC'
command: [sleep, "1000"]
readinessProbe: {exec: {command: [ls, /tmp/ready]}, periodSeconds: 1, failureThreshold: 2}
SPEC
    berth_start
    wait_for 20 ready_reason_is web ProbeFailed
    phase_is web STAGING
    ready_message_is web "readiness probe failed: exit code 1: ls: /tmp/ready: No such file or directory"
    start=$(start_of web)
    docker exec web touch /tmp/ready
    wait_for 10 is_ready web.yaml web
    phase_is web RUNNING
    field_is web.yaml web status.probes.readiness.state Success
    docker exec web rm /tmp/ready
    wait_for 10 phase_is web REPAIRING
    field_is web.yaml web 'status.conditions[type=Ready].status' False
    field_is web.yaml web status.error.reason ProbeFailed
    field_is web.yaml web status.probes.readiness.failures 2
    docker exec web touch /tmp/ready
    wait_for 10 phase_is web RUNNING
    [ "$(start_of web)" = "$start" ]
}

@test "httpGet: named port, headers, status; a redirection to itself is followed, one to another host is good" {
    drop_probed web <<'SPEC'
command:
  - sh
  - -c
  - |
    mkdir -p /tmp/www/cgi-bin
    printf '%s\n' '#!/bin/sh' '. /tmp/answer' >/tmp/www/cgi-bin/health
    echo "printf 'Status: 500 No\r\n\r\n'" >/tmp/answer
    chmod 755 /tmp/www/cgi-bin/health
    exec httpd -f -p 8080 -h /tmp/www
ports: [{name: http, containerPort: 8080}]
readinessProbe:
  httpGet: {path: /cgi-bin/health?deep=1, port: http, httpHeaders: [{name: X-Probe, value: from berth}]}
  periodSeconds: 1
  failureThreshold: 1
SPEC
    answer() { docker exec -i web sh -c 'cat >/tmp/answer.new && mv /tmp/answer.new /tmp/answer'; }
    berth_start
    wait_for 20 ready_message_is web "readiness probe failed: HTTP status 500"
    answer <<'CGI'
test "$HTTP_X_PROBE" = "from berth" && test "$QUERY_STRING" = deep=1 && status=204 || status=400
printf 'Status: %s x\r\n\r\n' "$status"
CGI
    wait_for 10 is_ready web.yaml web
    # to itself: what it leads to counts
    answer <<'CGI'
printf 'Status: 302 x\r\nLocation: /missing\r\n\r\n'
CGI
    wait_for 10 ready_message_is web "readiness probe failed: HTTP status 404"
    answer <<'CGI'
printf 'Status: 302 x\r\nLocation: http://192.0.2.1/elsewhere\r\n\r\n'
CGI
    wait_for 10 is_ready web.yaml web
    # a loop ends
    answer <<'CGI'
printf 'Status: 302 x\r\nLocation: /cgi-bin/health\r\n\r\n'
CGI
    wait_for 10 ready_message_is web "readiness probe failed: more than 10 redirections"
    # an endless body is not read to its end
    answer <<'CGI'
printf 'Status: 200 x\r\n\r\n'; exec yes
CGI
    wait_for 10 is_ready web.yaml web
}

@test "httpGet by HTTPS: nobody asks who signed the certificate" {
    [[ -x $(command -v openssl) ]] || { echo "openssl is missing; deploy/bootstrap.sh installs it"; return 1; }
    drop_probed web <<'SPEC'
command: [sleep, "1000"]
readinessProbe: {httpGet: {port: 8443, scheme: HTTPS}, periodSeconds: 1, timeoutSeconds: 5}
SPEC
    berth_start
    wait_for 20 ready_message_is web "readiness probe failed: cannot connect to port 8443: connection refused"
    # this machine's openssl with its libraries, and a certificate that nobody knows
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=elsewhere.example.com \
        -keyout "$TEST_DIR/key.pem" -out "$TEST_DIR/cert.pem" 2>/dev/null
    { command -v openssl; ldd "$(command -v openssl)" | grep -o '/[^ ]*'; echo "$TEST_DIR/key.pem"
        echo "$TEST_DIR/cert.pem"; } | sed 's,^/,,' | tar -C / -ch -T - | docker cp - web:/
    docker exec -d web "$(command -v openssl)" s_server -quiet -www -accept 8443 \
        -key "$TEST_DIR/key.pem" -cert "$TEST_DIR/cert.pem"
    wait_for 20 is_ready web.yaml web
}

@test "tcpSocket: ready as soon as something listens" {
    drop_probed web <<'SPEC'
command: [sleep, "1000"]
readinessProbe: {tcpSocket: {port: 7000}, periodSeconds: 1}
SPEC
    berth_start
    wait_for 20 ready_message_is web "readiness probe failed: cannot connect to port 7000: connection refused"
    docker exec -d web httpd -f -p 7000
    wait_for 10 is_ready web.yaml web
}

@test "a failed liveness probe restarts under the back-off of crashes, and says why" {
    drop_probed web <<'SPEC'
command: [sleep, "1000"]
livenessProbe: {exec: {command: [sh, -c, "echo sick; exit 3"]}, periodSeconds: 1, failureThreshold: 2}
SPEC
    berth_start
    wait_for 20 container_is_running web
    start=$(start_of web)
    wait_for 20 was_restarted web "$start"
    wait_for 10 field_is web.yaml web status.restarts.last.reason ProbeFailed
    [ "$(container_field web '{{.Id}}')" = "${start%% *}" ]
    field_is web.yaml web status.restarts.last.message "liveness probe failed: exit code 3: sick"
    status_fields web.yaml | grep -q '^0.status.history.[0-9].cause=liveness probe failed: exit code 3: sick$'
    # from the third in a row on it is stalled, and waits
    wait_for 60 ready_reason_is web CrashLoopBackOff
    ready_message_is web "liveness probe failed: exit code 3: sick"
    wait_for 60 field_is web.yaml web 'status.conditions[type=Stalled].status' True
    [ "$(status_of web.yaml web status.restarts.inARow)" -ge 3 ]
    run status_of web.yaml web status.restarts.nextRetryTime
    [ "$status" -eq 0 ]
}

@test "the controller dies while it stops a container whose liveness probe failed: the next one knows why" {
    drop_probed web <<'SPEC'
command: [sh, -c, "trap 'sleep 3; exit 0' TERM; touch /tmp/alive; while :; do sleep 0.1; done"]
terminationGracePeriodSeconds: 20
restartPolicy: OnFailure
livenessProbe: {exec: {command: [test, -e, /tmp/alive]}, periodSeconds: 1, failureThreshold: 1, initialDelaySeconds: 1}
SPEC
    sed -i '/terminationGracePeriodSeconds: 1$/d' "$SPECS/web.yaml"
    berth_start
    wait_for 20 field_is web.yaml web status.probes.liveness.state Success
    start=$(start_of web)
    docker exec web rm /tmp/alive
    wait_for 10 field_is web.yaml web status.operation.type stop
    berth_kill9
    wait_for 10 test "$(container_field web '{{.State.Running}}')" = true
    container_has_ended() { [[ $(container_field web '{{.State.Running}} {{.State.ExitCode}}') == "false 0" ]]; }
    wait_for 20 container_has_ended
    berth_start
    wait_for 20 was_restarted web "$start"
    wait_for 10 field_is web.yaml web status.restarts.last.reason ProbeFailed
    field_is web.yaml web status.restarts.count 1
}

@test "restartPolicy Never: a failed liveness probe ends it for good" {
    drop_probed web <<'SPEC'
command: [sleep, "1000"]
restartPolicy: Never
livenessProbe: {exec: {command: ["false"]}, periodSeconds: 1, failureThreshold: 1}
SPEC
    berth_start
    wait_for 20 field_is web.yaml web 'status.conditions[type=Stalled].message' "liveness probe failed: exit code 1; restartPolicy is Never"
    phase_is web TERMINATED
    finished=$(container_field web '{{.State.Running}} {{.State.FinishedAt}}')
    [[ $finished == false* ]]
    berth_stop
    berth_start
    wait_for 10 berth_beats
    drop_instance other
    wait_for 20 is_ready other.yaml other    # so there were passes
    [ "$(container_field web '{{.State.Running}} {{.State.FinishedAt}}')" = "$finished" ]
}

@test "a startup probe holds the others back, and restarts what does not start in time" {
    drop_probed slow <<'SPEC'
command: [sleep, "1000"]
startupProbe: {exec: {command: [sh, -c, "echo x >>/tmp/tries; test -e /tmp/started"]}, periodSeconds: 1, failureThreshold: 600}
livenessProbe: {exec: {command: [sh, -c, "echo x >>/tmp/alive"]}, periodSeconds: 1}
readinessProbe: {exec: {command: [sh, -c, "echo x >>/tmp/ready"]}, periodSeconds: 1}
SPEC
    drop_probed never <<'SPEC'
command: [sleep, "1000"]
startupProbe: {exec: {command: ["false"]}, periodSeconds: 1, failureThreshold: 2}
SPEC
    berth_start
    wait_for 20 container_is_running slow
    wait_for 20 has_lines slow /tmp/tries 3
    phase_is slow STAGING
    [ "$(lines_of slow /tmp/alive)" -eq 0 ]
    [ "$(lines_of slow /tmp/ready)" -eq 0 ]
    docker exec slow touch /tmp/started
    wait_for 10 is_ready slow.yaml slow
    wait_for 10 has_lines slow /tmp/alive 2
    tries=$(lines_of slow /tmp/tries)
    ready=$(lines_of slow /tmp/ready)
    wait_for 10 has_lines slow /tmp/ready $((ready + 3))
    [ "$(lines_of slow /tmp/tries)" -eq "$tries" ]    # what has started is not asked again
    wait_for 20 field_is never.yaml never status.restarts.last.message "startup probe failed: exit code 1"
}

@test "initialDelaySeconds counts from the start, successThreshold successes in a row" {
    drop_probed web <<'SPEC'
command: [sleep, "1000"]
readinessProbe:
  exec: {command: [sh, -c, "date +%s >>/tmp/tries; test $(wc -l </tmp/tries) -ne 2"]}
  initialDelaySeconds: 4
  periodSeconds: 1
  successThreshold: 3
SPEC
    berth_start
    wait_for 30 is_ready web.yaml web
    started=$(date +%s -d "$(container_field web '{{.State.StartedAt}}')")
    first=$(docker exec web head -n 1 /tmp/tries)
    [ $((first - started)) -ge 4 ]
    # success, failure, and then three in a row: ready with the fifth
    fifth=$(docker exec web sed -n 5p /tmp/tries)
    ready=$(date +%s -d "$(status_of web.yaml web status.probes.firstReadyTime)")
    [ "$ready" -ge "$fifth" ]
    [ "$ready" -lt $((fifth + 10)) ]
}

@test "commands that hang do not pile up, and delay nobody else's probes" {
    drop_probed hangs <<'SPEC'
command: [sleep, "1000"]
readinessProbe: {exec: {command: [sh, -c, "echo x >>/tmp/tries; sleep 777; echo never"]}, periodSeconds: 1}
livenessProbe: {tcpSocket: {port: 9}, periodSeconds: 3600, initialDelaySeconds: 3600}
SPEC
    drop_probed long <<'SPEC'
command: [sleep, "1000"]
readinessProbe: {exec: {command: [sleep, "888"]}, periodSeconds: 1, timeoutSeconds: 600}
SPEC
    berth_start
    wait_for 20 ready_message_is hangs "readiness probe failed: the command did not end within 1 s"
    drop_probed quick <<'SPEC'
command: [sleep, "1000"]
readinessProbe: {exec: {command: ["true"]}, periodSeconds: 1, timeoutSeconds: 10}
SPEC
    wait_for 20 is_ready quick.yaml quick
    [ "$(count_of long 'sleep 888')" -eq 1 ]
    # here Berth is root on the engine's machine: it ends them, and tries again and again
    wait_for 20 has_lines hangs /tmp/tries 4
    wait_for 10 runs_at_most hangs 'sleep 777' 2    # the command and its child
    phase_is hangs STAGING
    phase_is long STAGING
}

@test "a changed probe takes effect at once and leaves the container alone" {
    drop_probed web <<'SPEC'
command: [httpd, -f, -p, "8080"]
readinessProbe: {tcpSocket: {port: 81}, periodSeconds: 3600}
SPEC
    berth_start
    wait_for 20 ready_message_is web "readiness probe failed: cannot connect to port 81: connection refused"
    start=$(start_of web)
    sed -i 's/port: 81,*/port: 8080/' "$SPECS/web.yaml"
    wait_for 10 is_ready web.yaml web
    sed -i 's/port: 8080}/port: 82}/' "$SPECS/web.yaml"
    wait_for 10 ready_message_is web "readiness probe failed: cannot connect to port 82: connection refused"
    sed -i '/readinessProbe/d' "$SPECS/web.yaml"
    wait_for 10 is_ready web.yaml web
    [ "$(start_of web)" = "$start" ]
    [ "$(status_fields web.yaml | grep -c probes)" -eq 0 ]
}

@test "equal results cost no pass and no status; a new controller takes back nothing that is ready" {
    drop_probed web <<'SPEC'
command: [sleep, "1000"]
readinessProbe: {exec: {command: [sh, -c, "echo x >>/tmp/tries"]}, periodSeconds: 1}
livenessProbe: {exec: {command: ["true"]}, periodSeconds: 1}
SPEC
    berth_start --relist-interval 1h --scan-interval 1s    # which is the heartbeat's, too
    wait_for 20 is_ready web.yaml web
    wait_for 10 field_is web.yaml web status.probes.liveness.state Success
    wait_for 10 has_lines web /tmp/tries 3
    beat_is_another() { [[ $(awk '/^time:/ {print $2}' "$STATE/controller.yaml") != "$1" ]]; }
    passes() {
        wait_for 10 beat_is_another "$(awk '/^time:/ {print $2}' "$STATE/controller.yaml")"
        awk '/^passes:/ {print $2}' "$STATE/controller.yaml"
    }
    passes=$(passes)
    before=$(stat -c '%i %y' "$SPECS/web.status.yaml")
    tries=$(lines_of web /tmp/tries)
    wait_for 20 has_lines web /tmp/tries $((tries + 5))
    [ "$(passes)" = "$passes" ]
    [ "$(stat -c '%i %y' "$SPECS/web.status.yaml")" = "$before" ]
    since=$(status_of web.yaml web 'status.conditions[type=Ready].lastTransitionTime')
    berth_kill9
    berth_start
    tries=$(lines_of web /tmp/tries)
    wait_for 20 has_lines web /tmp/tries $((tries + 3))
    [ "$(status_of web.yaml web 'status.conditions[type=Ready].lastTransitionTime')" = "$since" ]
}

@test "the story of examples/probes.yaml" {
    sed 's,busybox:1.36,berth-test/busybox:1,' "$PROJECT/examples/probes.yaml" >"$SPECS/shop.yaml"
    berth_start
    wait_for 20 container_is_running shop
    start=$(start_of shop)
    wait_for 40 is_ready shop.yaml shop
    field_is shop.yaml shop status.probes.startup.state Success
    docker exec shop rm /srv/www/ready
    wait_for 30 ready_message_is shop "readiness probe failed: HTTP status 404"
    docker exec shop touch /srv/www/ready
    wait_for 30 is_ready shop.yaml shop
    [ "$(start_of shop)" = "$start" ]
    docker exec shop rm /srv/www/alive
    wait_for 60 was_restarted shop "$start"
    wait_for 10 field_is shop.yaml shop status.restarts.last.message "liveness probe failed: exit code 1"
    wait_for 40 is_ready shop.yaml shop
}

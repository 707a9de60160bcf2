#!/usr/bin/env bats
# Berth as a service: the units, what they take away, and what it tells systemd. No systemd runs here: capabilities are
# setpriv's, system calls are filtered by service_sandbox.c from the lines of the unit itself.

load helpers
load task_helpers

setup() {
    berth_setup
    REPO=repo$BATS_SUITE_TEST_NUMBER
    make_repo "$REPO"
    DEPLOY=$PROJECT/deploy
    chmod o+x "$SUITE_DIR"
}

teardown() {
    [[ -z ${LISTENER:-} ]] || kill "$LISTENER" 2>/dev/null || true
    berth_teardown
}

# unit_value UNIT KEY: the last line of that key
unit_value() { sed -n "s/^$2=//p" "$DEPLOY/$1" | tail -n 1; }

# sandboxed UNIT [setpriv option...]: BERTH is run as the unit says, as far as that goes without systemd
sandboxed() {
    local unit=$1 bounding
    shift
    bounding=$(unit_value "$unit" CapabilityBoundingSet | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
    {
        echo '#!/bin/sh'
        printf 'exec setpriv --inh-caps=-all --bounding-set=-all%s ' "${bounding:+,$bounding}"
        printf '%q ' "$@" "$BERTH_TEST_PROGRAMS/integration/service_sandbox" "$DEPLOY/$unit" "$BERTH"
        echo '"$@"'
    } >"$TEST_DIR/berth"
    chmod +x "$TEST_DIR/berth"
    BERTH=$TEST_DIR/berth
}

process_field() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$BERTH_PID/status"; }

@test "systemd reads both units, and finds little exposed; the one without root hardly anything" {
    for unit in berth berth-docker-group; do
        sed "s#/usr/local/bin/berth#$BERTH#" "$DEPLOY/$unit.service" >"$TEST_DIR/$unit.service"
    done
    run systemd-analyze verify --man=no "$TEST_DIR/berth.service" "$TEST_DIR/berth-docker-group.service"
    [ "$status" -eq 0 ]
    [ -z "$(grep -v "$TEST_DIR/\|^$" <<<"$output" | grep -i 'berth' || true)" ]
    refute grep -i 'unknown\|invalid\|failed to parse' <<<"$output"
    systemd-analyze security --no-pager --offline=true --threshold=56 "$TEST_DIR/berth.service" >"$TEST_DIR/one" ||
        { tail -n 3 "$TEST_DIR/one"; return 1; }
    systemd-analyze security --no-pager --offline=true --threshold=17 "$TEST_DIR/berth-docker-group.service" >"$TEST_DIR/other" ||
        { tail -n 3 "$TEST_DIR/other"; return 1; }
}

@test "make install: the binary, the units with its path, the user, the folders" {
    make -s -C "$PROJECT" BUILD="$TEST_DIR/build" OUT="${BERTH%/berth}" DESTDIR="$TEST_DIR/root" PREFIX=/opt/berth \
        -o "${BERTH%/berth}/berth" install
    "$TEST_DIR/root/opt/berth/bin/berth" version
    grep -q '^ExecStart=/opt/berth/bin/berth run' "$TEST_DIR/root/opt/berth/lib/systemd/system/berth.service"
    [ -d "$TEST_DIR/root/etc/berth/specs" ]
    [ -f "$TEST_DIR/root/opt/berth/lib/sysusers.d/berth.conf" ]
}

@test "systemd is told of start, reload, end, the state of things, and that the loop turns" {
    socat -u UNIX-RECV:"$TEST_DIR/notify",mode=600 - >"$TEST_DIR/told" 3>&- &
    LISTENER=$!
    wait_for 5 test -S "$TEST_DIR/notify"
    told() { grep -aqx "$1" "$TEST_DIR/told"; }
    drop_instance web
    NOTIFY_SOCKET=$TEST_DIR/notify WATCHDOG_USEC=400000 berth_start
    wait_for 10 told READY=1
    wait_for 10 told 'STATUS=1 objects in 1 files'
    alive() { [ "$(grep -ac '^WATCHDOG=1' "$TEST_DIR/told")" -ge 5 ]; }
    wait_for 10 alive
    refute grep -aq RELOADING "$TEST_DIR/told"
    kill -HUP "$BERTH_PID"
    wait_for 10 told RELOADING=1
    ready_again() { [ "$(sed -n '/^RELOADING=1/,$p' "$TEST_DIR/told" | grep -ac '^READY=1')" = 1 ]; }
    wait_for 10 ready_again
    grep -aqE '^MONOTONIC_USEC=[0-9]+$' "$TEST_DIR/told"
    # It is ours alone: no container and no child has the variables.
    wait_for 20 is_ready web.yaml web
    refute grep -z NOTIFY_SOCKET <(docker inspect web)
    berth_stop
    wait_for 5 told STOPPING=1
}

@test "a controller that hangs falls silent, so that the watchdog sees it" {
    socat -u UNIX-RECV:"$TEST_DIR/notify",mode=600 - >"$TEST_DIR/told" 3>&- &
    LISTENER=$!
    wait_for 5 test -S "$TEST_DIR/notify"
    NOTIFY_SOCKET=$TEST_DIR/notify WATCHDOG_USEC=200000 berth_start
    heard() { [ "$(grep -ac '^WATCHDOG=1' "$TEST_DIR/told")" -gt "$1" ]; }
    wait_for 10 heard 2
    kill -STOP "$BERTH_PID"
    wait_for 5 grep -q '^State:.T' "/proc/$BERTH_PID/status"
    count=$(grep -ac '^WATCHDOG=1' "$TEST_DIR/told")
    run wait_for 1 heard $((count + 1))
    [ "$status" -ne 0 ]
    kill -CONT "$BERTH_PID"
    wait_for 5 heard $((count + 1))
}

@test "no core dump is left of the controller, nobody of its user looks into it, and it gains no privileges" {
    berth_start
    [ "$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$BERTH_PID/limits")" = "0 0" ]
    [ "$(process_field NoNewPrivs)" = 1 ]
    berth_stop
    chown -R 12345:12345 "$STATE" "$SPECS"
    sandboxed berth-docker-group.service --reuid=12345 --regid=12345 --clear-groups
    berth_start
    [ "$(stat -c %U "/proc/$BERTH_PID/environ")" = root ]    # so the kernel says: not dumpable
    refute setpriv --reuid=12345 --regid=12345 --clear-groups cat "/proc/$BERTH_PID/environ"
}

@test "as berth.service says: machines as bounds, trees as mounts, clones, hooks and probes all work" {
    settings "setup: {command: [sh, -c, 'echo made >made']}"
    task session ''
    task job '[sh, -c, "cat README made; echo x >new; git status --short"]'
    drop_instance web
    sandboxed berth.service
    berth_start --repository-image berth-test/git:1
    [ "$(process_field Seccomp)" = 2 ]
    wait_for 60 is_succeeded job
    [[ $(cat "$(task_field job logFile)") == *"The sample repository"*made* ]]
    wait_for 30 is_running_task session
    [ "$(task_field session tree.method)" = overlay ]
    wait_for 30 is_ready web.yaml web
    [ "$(status_of web.yaml web 'status.conditions[type=CapacityEnforced].status')" = True ]
    curl -sf "http://127.0.0.1:$(port_of web.yaml web)/" >/dev/null
    inspected() { task_field job tree.dirty; }
    wait_for 30 inspected
    kill -HUP "$BERTH_PID"
    docker rm -f web >/dev/null
    is_back() { container_is_running web; }
    wait_for 20 is_back
    rm "$SPECS/session.yaml" "$SPECS/job.yaml"
    wait_for 30 test ! -e "$SPECS/job.status.yaml"
    refute grep -i 'not permitted\|EPERM' "$LOG"
}

@test "as berth-docker-group.service says, without root and with little to write to: machines, clones and tasks work" {
    local user=12346 group
    group=$(stat -c %g "${DOCKER_HOST#unix://}")
    mkdir -p "$STATE/status"
    chown -R "$user:$user" "$STATE"
    STATUS_DIR=$STATE/status
    settings "securityContext: {runAsUser: $user}"
    task job '[sh, -c, "cat README; echo x >new; git status --short; id -u"]'
    drop_instance web
    sandboxed berth-docker-group.service --reuid="$user" --regid="$user" --groups="$group"
    # What ProtectSystem=strict, ProtectKernelTunables and ProtectControlGroups come to: only StateDirectory can be written to.
    cat >"$TEST_DIR/outer" <<END
#!/bin/bash
exec unshare -m --propagation slave bash -c 'mount --bind $STATE $STATE && mount -o remount,bind,ro / &&
    for part in /proc /sys/fs/cgroup /tmp; do ! mountpoint -q \$part || mount -o remount,bind,ro \$part || exit 1; done
    exec "\$@"' _ $BERTH "\$@"
END
    chmod +x "$TEST_DIR/outer"
    BERTH=$TEST_DIR/outer
    berth_start --repository-image berth-test/git:1 --status-dir "$STATUS_DIR"
    wait_for 60 is_succeeded job
    [[ $(cat "$(task_field job logFile)") == *"The sample repository"*"$user"* ]]
    [ "$(task_field job tree.method)" = copy ]
    wait_for 30 is_ready web.yaml web
    [ "$(status_of web.yaml web 'status.conditions[type=CapacityEnforced].status')" = False ]
    curl -sf "http://127.0.0.1:$(port_of web.yaml web)/" >/dev/null
    [ "$(process_field CapEff)" = 0000000000000000 ]
    [ "$(process_field Uid)" = "$user" ]
    rm "$SPECS/web.yaml"
    wait_for 20 container_is_gone web
}

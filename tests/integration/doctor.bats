#!/usr/bin/env bats
# berth doctor: what Berth needs on this machine, with docker, df and the kernel as witnesses.

load helpers

teardown() {
    [[ -z ${SERVER_PID:-} ]] || kill "$SERVER_PID" 2>/dev/null || true
    SERVER_PID=
    berth_teardown
}

doctor() { run "$BERTH" doctor --state "$STATE" --specs "$SPECS" --ports "$PORT_FIRST-$PORT_LAST" "$@"; echo "$output"; }

# says VERDICT SUBJECT WORDS: one line of the output
says() {
    local line
    line=$(grep -E "^$1 +$2 " <<<"$output") || { echo "no line \"$1 $2\""; return 1; }
    [[ $line == *"$3"* ]] || { echo "\"$line\" does not say \"$3\""; return 1; }
}

@test "a machine where all is well: each check has its line, and nothing is left behind" {
    berth_start
    wait_for 10 grep -q ' trees method=overlay' "$LOG"
    gone() { [[ ! -e $STATE/probe ]]; }
    wait_for 10 gone    # the controller's own try
    before=$(find "$STATE" -xdev -type d | sort)
    doctor
    [ "$status" -eq 0 ]
    says ok controller "pid $BERTH_PID,"
    says ok permissions root
    says ok specs "$SPECS"
    says ok state "$STATE"
    says ok engine "$DOCKER_HOST, version $(docker version -f '{{.Server.Version}}'), API $(docker version -f '{{.Server.APIVersion}}')"
    says ok clock ours
    df=$(df --output=pcent "$STATE" | tr -dc '0-9')    # rounded up
    says ok disk "$df % of the bytes" || says ok disk "$((df - 1)) % of the bytes"
    says ok trees overlays
    says ok git "libgit2 $(pkg-config --modversion libgit2), https by /"
    says ok ports "100 of the 100 TCP ports $PORT_FIRST-$PORT_LAST are free, 0 are leased"
    says ok landlock ABI
    says ok inotify "$(cat /proc/sys/fs/inotify/max_user_watches) watches"
    [[ $output == *"0 failed"* ]]
    [ "$(find "$STATE" -xdev -type d | sort)" = "$before" ]
    [ "$(grep -c berth-doctor /proc/self/mountinfo)" -eq 0 ]
}

@test "before the first run there is no state directory, and there is none afterwards" {
    rm -r "$STATE"
    doctor
    [ "$status" -eq 0 ]
    says warn controller "none runs"
    says ok state "does not exist yet"
    says ok trees overlays
    [ ! -e "$STATE" ]
    [ -z "$(find "$TEST_DIR" -name '.berth-doctor*')" ]
}

@test "what fails is told with what to do, and the other checks go on" {
    touch "$TEST_DIR/no-socket"
    doctor --engine "unix://$TEST_DIR/none" --specs "$TEST_DIR/no-specs"
    [ "$status" -eq 1 ]
    says fail engine "there is no socket $TEST_DIR/none; fix: start it"
    says fail specs "$TEST_DIR/no-specs cannot be read: No such file or directory; fix: make it"
    says ok trees overlays
    says ok disk %
    [[ $output == *"2 failed"* ]]
    [ ! -e "$TEST_DIR/no-specs" ]
}

@test "who is not root learns what that costs" {
    install -m 755 "$BERTH" "$TEST_DIR/berth"
    chmod 755 "$SUITE_DIR" "$TEST_DIR" "$SPECS"
    chown nobody "$STATE"
    run setpriv --reuid nobody --regid nogroup --clear-groups "$TEST_DIR/berth" doctor --state "$STATE" --specs "$SPECS"
    echo "$output"
    [ "$status" -eq 1 ]
    says warn permissions "uid $(id -u nobody)"
    says fail engine "uid $(id -u nobody) may not use the socket"
    says warn specs "status files have no place"
    says warn trees "copies"
    says ok state "$STATE"
    [ -z "$(find "$STATE" -mindepth 1)" ]
}

@test "where overlays cannot be had the reason is told" {
    mkdir "$TEST_DIR"/{lower,upper,work}
    mount -t overlay -o "lowerdir=$TEST_DIR/lower,upperdir=$TEST_DIR/upper,workdir=$TEST_DIR/work" overlay "$STATE"
    doctor
    [ "$status" -eq 0 ]
    says warn trees "the folder is on an overlay itself"
    says warn trees "fix: put the state directory on a file system such as ext4"
    [ -z "$(find "$STATE" -mindepth 1)" ]
}

@test "a disk that is too full fails, and one that is nearly so is warned of" {
    mount -t tmpfs -o size=20m,nr_inodes=200 tmpfs "$STATE"
    dd if=/dev/zero of="$STATE/filler" bs=1M count=18 status=none
    doctor
    [ "$status" -eq 1 ]
    says fail disk "90 % of the bytes of the state directory's disk are in use, and nothing new is begun from 85 %; fix: make room"
    says ok inodes '%'
    dd if=/dev/zero of="$STATE/filler" bs=1K count=16900 status=none
    doctor
    [ "$status" -eq 0 ]
    says warn disk "82 % of the bytes of the state directory's disk are in use, the limit is 85 %"
    rm "$STATE/filler"
    seq -f "$STATE/%g" 150 | xargs touch
    doctor
    [ "$status" -eq 1 ]
    says fail inodes "of the inodes of that disk are in use, and nothing new is begun from 70 %"
}

@test "ports that are taken are counted, and those that are leased are ours" {
    drop_instance web
    berth_start
    wait_for 20 is_ready web.yaml web
    taken=$((PORT_FIRST + 1))
    [ "$(port_of web.yaml web)" -ne "$taken" ] || taken=$((PORT_FIRST + 2))
    foreign_container "taken-$BATS_SUITE_TEST_NUMBER" -p "127.0.0.1:$taken:8080" berth-test/web:1
    doctor
    [ "$status" -eq 0 ]
    says ok ports "98 of the 100 TCP ports $PORT_FIRST-$PORT_LAST are free, 1 are leased, 1 are taken by something else ($taken is the first)"
    doctor --ports "$taken"
    [ "$status" -eq 1 ]
    says fail ports "0 of the 1 TCP ports"
    doctor --ports 99999
    [ "$status" -eq 1 ]
    says fail ports 99999
}

# A folder of files that looks like an engine, as far as it is asked.
fake_engine() {
    mkdir -p "$TEST_DIR/fake"
    echo '{"Version": "20.10.0", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}' >"$TEST_DIR/fake/version"
    echo "{\"SystemTime\": \"$1\", \"NCPU\": 2, \"CgroupDriver\": \"systemd\", \"CgroupVersion\": \"2\"}" >"$TEST_DIR/fake/info"
    busybox httpd -f -p "127.0.0.1:$PORT_LAST" -h "$TEST_DIR/fake" 3>&- &
    SERVER_PID=$!
    wait_for 5 curl -fsS "http://127.0.0.1:$PORT_LAST/version"
}

@test "an engine whose clock is off, and that is somewhere else, is warned of" {
    fake_engine "$(date -u -d '10 minutes ago' +%Y-%m-%dT%H:%M:%SZ)"
    doctor --engine "tcp://127.0.0.1:$PORT_LAST"
    [ "$status" -eq 0 ]
    says ok engine "version 20.10.0, API 1.41; it is reached by TCP"
    says warn clock "the engine's clock is "
    says warn clock "s behind ours"
    says warn cgroups "(RemoteEngine)"
}

@test "the git servers of the specs are tried, all of them once, and --no-network does not" {
    make_repo reach
    drop a.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: a}
spec: {url: $GIT_HTTP_URL/git/reach.git}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: t}
spec: {repository: $GIT_HTTP_URL/git/other.git}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: closed}
spec: {repository: "http://127.0.0.1:$PORT_LAST/git/other.git"}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: local}
spec: {repository: "file:///srv/x.git"}
SPEC
    address=${GIT_HTTP_URL#http://} host=${address%:*} port=${address##*:}
    doctor
    [ "$status" -eq 0 ]
    says ok git-server "$host port $port can be reached, at "
    says warn git-server "127.0.0.1 port $PORT_LAST cannot be reached (127.0.0.1: Connection refused)"
    [ "$(grep -c git-server <<<"$output")" -eq 2 ]
    doctor --no-network
    [ "$(grep -c git-server <<<"$output")" -eq 0 ]
    doctor -o json
    [ "$status" -eq 0 ]
    jq -e '.failed == 0 and .warnings >= 1 and all(.checks[]; .check and .message and (.verdict | IN("ok", "warn", "fail")))' <<<"$output"
    jq -e '[.checks[] | select(.check == "git-server")] | length == 2 and any(.[]; .verdict == "warn" and .fix)' <<<"$output"
    mkdir -p "$SPECS/one/two"
    doctor --no-network
    says ok inotify "the spec directory takes 3"
}

@test "wrong usage" {
    doctor -o yaml
    [ "$status" -eq 2 ]
    doctor --sttae x
    [ "$status" -eq 2 ]
    [[ $output == *"--state"* ]]
    doctor now
    [ "$status" -eq 2 ]
}

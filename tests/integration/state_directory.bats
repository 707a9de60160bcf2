#!/usr/bin/env bats
# The state directory lost, full, read-only, damaged, of another version; two controllers.
# In each case containers are adopted with their ports, and at most history is lost.

load helpers

setup() {
    berth_setup
    STATE2=$TEST_DIR/state2 SPECS2=$TEST_DIR/specs2
}

# small_disk FOLDER [BYTES]: a file system of its own, which the teardown unmounts.
small_disk() {
    mkdir -p "$1"
    mount -t tmpfs -o "size=${2:-1m},mode=0755" none "$1"
}

# fill FOLDER: not a byte is left; make_room FOLDER.
fill() {
    head -c 4M /dev/zero >"$1/.fill" 2>/dev/null || true
    refute_room "$1"
}
refute_room() { if (echo x >"$1/.more") 2>/dev/null; then rm "$1/.more"; return 1; fi; rm -f "$1/.more"; }
make_room() { rm -f "$1/.fill"; }

# An instance that costs little: busybox, with a leased port.
drop_small() {
    drop "$1.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: $1}
spec:
  zone: zone-$BATS_SUITE_TEST_NUMBER
  image: berth-test/busybox:1
  command: [httpd, -f, -p, "8080"]
  terminationGracePeriodSeconds: 0
  ports: [{name: http, containerPort: 8080}]
SPEC
}

id_of() { container_field "$1" '{{.Id}}'; }
host_port_of() { container_field "$1" '{{(index (index .NetworkSettings.Ports "8080/tcp") 0).HostPort}}'; }

# What is there for readers is whole at every moment: a YAML document that ends with its last line.
watch_files() {
    BROKEN=$TEST_DIR/broken
    : >"$BROKEN"
    (
        while :; do
            for file in "$SPECS"/*.status.yaml "$STATE"/controller.yaml; do
                text=$(cat "$file" 2>/dev/null; echo .) || continue
                [ -e "$file" ] || continue
                [[ $text == *$'\n.' && ($text == apiVersion:* || $text == pid:*) ]] || echo "$file: $text" >>"$BROKEN"
            done
            for file in "$STATE"/leases.json; do
                jq -e .version "$file" >/dev/null 2>&1 || echo "$file: $(cat "$file")" >>"$BROKEN"
            done
            sleep 0.05
        done
    ) 3>&- &
    WATCHER=$!
}
files_were_whole() {
    kill "$WATCHER"
    cat "$BROKEN"
    [ ! -s "$BROKEN" ]
}

# With the working trees, which are mounts.
lose() {
    unmount_below "$1"
    rm -rf --one-file-system "${1:?}"
}

# What a test that loses its state directory leaves would be found by nobody.
remember_id() { mkdir -p "$TEST_DIR/known" && cp "$STATE/controller-id" "$TEST_DIR/known/"; }

teardown() {
    [[ -z ${WATCHER:-} ]] || kill "$WATCHER" 2>/dev/null || true
    [[ -z ${SECOND:-} ]] || kill -9 "$SECOND" 2>/dev/null || true
    berth_teardown
}

@test "a full disk below state and specs: no file is cut, work goes on, it is said, and all is written when there is room" {
    small_disk "$STATE"
    small_disk "$SPECS"
    drop_small web
    berth_start
    wait_for 20 is_ready web.yaml web
    port=$(port_of web.yaml web) before=$(id_of web)
    watch_files
    (SPECS=$TEST_DIR; drop_small late)
    fill "$STATE"
    fill "$SPECS"
    docker rm -f web >/dev/null
    wait_for 20 container_is_running web
    [ "$(id_of web)" != "$before" ]
    wait_for 10 grep -q 'status_unwritable.*No space left' "$LOG"
    [ "$(host_port_of web)" = "$port" ]
    # room for the spec only: its container is made, though no state file can say so
    make_room "$SPECS"
    cp "$TEST_DIR/late.yaml" "$SPECS/late.yaml"
    fill "$SPECS"
    wait_for 20 container_is_running late
    wait_for 10 grep -q 'state_unwritable.*No space left' "$LOG"
    late_port=$(host_port_of late)
    lines=$(grep -c unwritable "$LOG")
    echo "$lines lines about it"
    [ "$lines" -le 4 ]    # each place says it when it begins, not each time
    refute_room "$STATE"
    make_room "$SPECS"
    is_current() { field_is web.yaml web status.container.id "$(id_of web)"; }
    wait_for 15 is_current
    wait_for 10 is_ready late.yaml late
    make_room "$STATE"
    has_both() { jq -e ".leases | map(.port) | contains([$port, $late_port])" "$STATE/leases.json"; }
    wait_for 15 has_both
    wait_for 10 grep -q status_writable "$LOG"
    wait_for 10 grep -q state_writable "$LOG"
    files_were_whole
    [ -z "$(find "$STATE" "$SPECS" -name '*.tmp')" ]
    berth_kill9
    late=$(id_of late)
    berth_start
    wait_for 10 is_ready late.yaml late
    [ "$(id_of late)" = "$late" ]
}

@test "a controller starts on a full disk and adopts what runs; its last good specs are kept as soon as they can be" {
    small_disk "$STATE"
    drop_small web
    berth_start
    wait_for 20 is_ready web.yaml web
    id=$(id_of web)
    berth_kill9
    fill "$STATE"
    : >"$LOG"
    sed -i 's/zone:/machineType: e2-small\n  zone:/' "$SPECS/web.yaml"
    berth_run_in_background
    renewed() { [ "$(id_of web)" != "$id" ] && is_ready web.yaml web; }
    wait_for 20 renewed
    [ "$(container_field web '{{.HostConfig.Memory}}')" = 2147483648 ]
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --once
    [ "$status" -eq 2 ]
    [[ $output == *"in use by the controller with pid $BERTH_PID"* ]]
    make_room "$STATE"
    kept() { grep -rq e2-small "$STATE/specs"; }
    wait_for 15 kept
    wait_for 10 berth_beats
}

@test "a state directory that becomes read-only, and is so at the start: adopted, kept up, and said" {
    small_disk "$STATE"
    drop_small web
    berth_start
    wait_for 20 is_ready web.yaml web
    id=$(id_of web) port=$(port_of web.yaml web)
    mount -o remount,ro "$STATE"
    docker kill web >/dev/null
    drop_small other
    wait_for 20 is_ready other.yaml other
    wait_for 10 grep -q 'state_unwritable.*Read-only' "$LOG"
    berth_kill9
    : >"$LOG"
    berth_run_in_background
    wait_for 10 grep -q 'started ' "$LOG"
    sed -i 's/metadata:.*/metadata: {name: third}/' "$SPECS/other.yaml"
    wait_for 20 is_ready other.yaml third
    [ "$(id_of web)" = "$id" ]
    [ "$(host_port_of web)" = "$port" ]
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --once
    [ "$status" -eq 2 ]
    [[ $output == *"is in use by the controller"* ]]
    mount -o remount,rw "$STATE"
    wait_for 15 berth_beats
    wait_for 10 jq -e '.leases | length == 2' "$STATE/leases.json"
}

@test "a lost state directory: the next controller is the same one, and adopts containers with ports and addresses" {
    drop_small web
    berth_start
    wait_for 20 is_ready web.yaml web
    id=$(id_of web) port=$(port_of web.yaml web) me=$(cat "$STATE/controller-id")
    remember_id
    berth_kill9
    lose "$STATE"
    berth_start
    wait_for 20 field_is web.yaml web status.container.id "$id"
    wait_for 20 is_ready web.yaml web
    [ "$(cat "$STATE/controller-id")" = "$me" ]
    [ "$(id_of web)" = "$id" ]
    [ "$(jq -r '.leases[0].port' "$STATE/leases.json")" = "$port" ]
    berth_stop
    echo garbage >"$STATE/controller-id"    # damaged is as good as lost
    berth_start
    wait_for 20 is_ready web.yaml web
    [ "$(id_of web)" = "$id" ]
    [ "$(cat "$STATE/controller-id")" = "$me" ]
    # Another state directory, and a copy of the spec directory, are another controller's.
    berth_stop
    cp -a "$SPECS" "$SPECS2"
    for pair in "$SPECS $STATE2" "$SPECS2 $STATE"; do
        read -r specs state <<<"$pair"
        unmount_below "$STATE"
        mv "$STATE" "$STATE.aside"
        timeout 20 "$BERTH" run --specs "$specs" --state "$state" --network-range "$NETWORK_RANGE" --once --timeout 5s || true
        [[ $(cat "$state/controller-id") =~ ^[0-9a-f]{16}$ && $(cat "$state/controller-id") != "$me" ]]
        [ "$(id_of web)" = "$id" ]
        install -D "$state/controller-id" "$TEST_DIR/known/${specs##*/}/controller-id"    # for the teardown
        lose "$state"
        mv "$STATE.aside" "$STATE"
    done
}

@test "a state directory that is removed under a running controller is made again" {
    drop_small web
    berth_start
    wait_for 20 is_ready web.yaml web
    id=$(id_of web) me=$(cat "$STATE/controller-id")
    remember_id
    lose "$STATE"
    drop_small other
    wait_for 20 is_ready other.yaml other
    wait_for 15 test -e "$STATE/controller-id"
    [ "$(cat "$STATE/controller-id")" = "$me" ]
    wait_for 10 jq -e '.leases | length == 2' "$STATE/leases.json"
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --once
    [ "$status" -eq 2 ]
    [[ $output == *"pid $BERTH_PID"* ]]
    berth_kill9
    berth_start
    wait_for 20 is_ready web.yaml web
    [ "$(id_of web)" = "$id" ]
}

@test "any state or status file cut, empty, garbage, of a later version or something else altogether: adopted all the same" {
    drop_small web
    drop project.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: project-$BATS_SUITE_TEST_NUMBER}
spec: {url: $GIT_HTTP_URL/git/state-$BATS_SUITE_TEST_NUMBER.git, warm: true}
SPEC
    make_repo "state-$BATS_SUITE_TEST_NUMBER"
    berth_start
    wait_for 30 is_ready web.yaml web
    wait_for 40 is_ready project.yaml "project-$BATS_SUITE_TEST_NUMBER"
    berth_stop
    all=$(our_containers)
    before=$(for name in $all; do id_of "$name"; done) port=$(port_of web.yaml web)
    mapfile -t files < <(
        find "$STATE" -type f \( -name '*.json' -o -name 'env-key' -o -name controller.yaml -o -name lock \) ! -path '*/git/*'
        find "$SPECS" -name '*.status.yaml')
    [ "${#files[@]}" -ge 8 ]
    mkdir "$TEST_DIR/good"
    for i in "${!files[@]}"; do cp -a "${files[i]}" "$TEST_DIR/good/$i"; done
    for damage in empty cut garbage null list later numbers directory link fifo; do
        for i in "${!files[@]}"; do
            rm -rf "${files[i]}"
            cp -a "$TEST_DIR/good/$i" "${files[i]}"
            spoil "$damage" "${files[i]}"
        done
        : >"$LOG"
        berth_start
        wait_for 20 field_is_fresh
        wait_for 20 is_ready web.yaml web
        wait_for 20 is_ready project.yaml "project-$BATS_SUITE_TEST_NUMBER"
        echo "after $damage"
        [ "$(our_containers)" = "$all" ]
        [ "$(for name in $all; do id_of "$name"; done)" = "$before" ]
        [ "$(port_of web.yaml web)" = "$port" ]
        berth_stop
    done
}

field_is_fresh() { [ -f "$SPECS/web.status.yaml" ] && ! [ -L "$SPECS/web.status.yaml" ] && is_ready web.yaml web; }

spoil() {
    case $1 in
        empty) : >"$2" ;;
        cut) truncate -s "$(($(stat -c %s "$2") / 2))" "$2" ;;
        garbage) head -c 3000 /dev/urandom >"$2" ;;
        null) echo null >"$2" ;;
        list) echo '[[], {}, 1, "x"]' >"$2" ;;
        later) [[ $2 != *.json ]] || { jq '.version = 99 | .new = {"a": [1, 2]}' "$2" >"$2.new" && mv "$2.new" "$2"; } ;;
        numbers) [[ $2 != *.json ]] || { jq '(.. | strings) = 7' "$2" >"$2.new" && mv "$2.new" "$2"; } ;;
        directory) [[ $2 != *.json ]] || { rm "$2" && mkdir "$2"; } ;;    # cannot be written: that is said
        link) [[ $2 == */lock ]] || { rm "$2" && ln -s /etc/passwd "$2"; } ;;
        fifo) [[ $2 == */controller.yaml ]] || { rm "$2" && mkfifo "$2"; } ;;    # which berth_start reads
    esac
}

@test "a second controller on the state directory refuses, however it is named, and only while the first lives" {
    berth_start
    ln -s "$STATE" "$TEST_DIR/link"
    for state in "$STATE" "$STATE/." "$TEST_DIR/link"; do
        for mode in "" --once; do
            run timeout 10 "$BERTH" run --specs "$SPECS" --state "$state" $mode
            [ "$status" -eq 2 ]
            [[ $output == *"in use by the controller with pid $BERTH_PID"* ]]
        done
    done
    kill -STOP "$BERTH_PID"    # also one that hangs
    run timeout 10 "$BERTH" run --specs "$SPECS" --state "$STATE" --once
    [ "$status" -eq 2 ]
    [[ $output == *"pid $BERTH_PID"* ]]
    kill -CONT "$BERTH_PID"
    first=$BERTH_PID
    berth_kill9
    run "$BERTH" run --specs "$SPECS" --state "$STATE" --once
    [ "$status" -eq 0 ]
    refute_first() { ! grep -qw "$first" "$STATE/lock"; }
    refute_first
}

# everything that carries the label of controller $1, with ids: containers, networks, volumes, images
belongings() {
    docker ps -a --no-trunc --filter "label=dev.berth.controller=$1" --format '{{.ID}} {{.Names}} {{.State}}'
    docker network ls --no-trunc --filter "label=dev.berth.controller=$1" --format '{{.ID}} {{.Name}}'
    docker volume ls -q --filter "label=dev.berth.controller=$1"
    docker images --no-trunc -q --filter "label=dev.berth.controller=$1"
}

@test "two controllers on one engine: neither touches containers, orphans, networks, images or volumes of the other" {
    local n=$BATS_SUITE_TEST_NUMBER
    make_repo "two-$n"
    SPECS1=$SPECS
    for which in 1 2; do
        SPECS=$TEST_DIR/specs$which
        [ $which = 1 ] && SPECS=$SPECS1
        mkdir -p "$SPECS"
        drop_small "mine$which"
        drop_small "gone$which"
        sed -i "s|^  zone:|  volumes: [{mountPath: /data, volume: shared-$n}]\n  zone:|" "$SPECS/mine$which.yaml"
        drop pool.yaml <<SPEC
apiVersion: berth.dev/v1
kind: InstancePool
metadata: {name: pool$which}
spec:
  minInstances: 1
  maxInstances: 1
  template: {spec: {zone: zone-$n, image: "berth-test/busybox:1", command: [sleep, "1000"], terminationGracePeriodSeconds: 0}}
SPEC
    done
    # the second wants a name that the first has
    SPECS=$TEST_DIR/specs2 drop_small mine1
    mv "$TEST_DIR/specs2/mine1.yaml" "$TEST_DIR/specs2/same.yaml"
    # both have a repository of the same URL, whose container has one name
    for which in "$SPECS1" "$TEST_DIR/specs2"; do
        SPECS=$which drop project.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: project}
spec: {url: $GIT_HTTP_URL/git/two-$n.git, warm: true, setup: {command: ["true"]}, snapshot: {enabled: true}}
SPEC
    done
    SPECS=$SPECS1
    docker volume create --label "berth-test.test=$n" "shared-$n" >/dev/null
    berth_start --orphan-grace 1s
    wait_for 30 is_ready mine1.yaml mine1
    wait_for 30 is_ready gone1.yaml gone1
    wait_for 60 is_ready project.yaml project
    first_id=$(cat "$STATE/controller-id")
    docker tag berth-test/busybox:1 "aside-$n:1"
    printf 'FROM aside-%s:1\nLABEL dev.berth.controller=%s\n' "$n" "$first_id" | docker build -q -t "theirs-$n:1" - >/dev/null
    # an orphan of the first: its spec goes while it does not run
    berth_stop
    mv "$SPECS/gone1.yaml" "$TEST_DIR/"
    all=$(belongings "$first_id")
    "$BERTH" run --specs "$TEST_DIR/specs2" --state "$STATE2" --ports "$PORT_FIRST-$PORT_LAST" \
        --network-range "$NETWORK_RANGE" --repository-image berth-test/busybox:1 --orphan-grace 1s \
        --relist-interval 1s >>"$LOG.2" 2>&1 </dev/null 3>&- &
    SECOND=$!
    SPECS=$TEST_DIR/specs2
    wait_for 30 is_ready mine2.yaml mine2
    wait_for 30 is_ready gone2.yaml gone2
    wait_for 20 field_is same.yaml mine1 status.error.reason NameTaken
    second_id=$(cat "$STATE2/controller-id")
    # it sweeps at least once, orphans of its own among it
    docker rm -f gone2 >/dev/null
    rm "$SPECS/gone2.yaml"
    docker create --name "orphan-$n" --label "dev.berth.controller=$second_id" --label dev.berth.kind=Instance \
        --label "dev.berth.name=orphan-$n" berth-test/busybox:1 true >/dev/null
    wait_for 20 container_is_gone "orphan-$n"
    run "$BERTH" gc --state "$STATE2"
    [ "$status" -eq 0 ]
    diff <(echo "$all") <(belongings "$first_id")
    [ "$(docker volume ls -q --filter name="shared-$n")" = "shared-$n" ]
    # and when all that the second has goes
    rm "$SPECS"/*.yaml
    kill -HUP "$SECOND"
    wait_for 10 grep -q deletions_held "$LOG.2" || true
    "$BERTH" confirm-deletions --state "$STATE2" || true
    nothing_left() { [ -z "$(docker ps -aq --filter "label=dev.berth.controller=$second_id" --filter label=dev.berth.kind=Instance)" ]; }
    wait_for 30 nothing_left
    diff <(echo "$all") <(belongings "$first_id")
    # the first comes back, and has everything but what lost its spec
    SPECS=$SPECS1
    berth_start --orphan-grace 1s
    wait_for 20 is_ready mine1.yaml mine1
    wait_for 20 container_is_gone gone1
    docker image rm "theirs-$n:1" "aside-$n:1" >/dev/null
}

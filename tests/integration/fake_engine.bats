# The fake engine in memory (tests/support/fake_engine) says what a real engine says. Each test makes the
# same calls to both, with curl and docker, and wants the same of both: what holds here may be relied on
# where the fake stands in for an engine.
load helpers
load fake_helpers

IMAGE=berth-test/busybox:1

setup() {
    N=fe${BATS_SUITE_TEST_NUMBER}x$$    # names of what a test makes begin so; an empty one would be all there are
    berth_setup
    fake_start --memory
    docker save "$IMAGE" -o "$TEST_DIR/image.tar"    # not used by the fake but as content
    docker -H "unix://$FAKE_SOCKET" import --change 'CMD ["/bin/sh"]' --change 'LABEL berth-test.version=1' \
        "$TEST_DIR/image.tar" "$IMAGE" >/dev/null
}

teardown() {
    local id
    [[ -n ${BATS_TEST_COMPLETED:-} ]] || echo "it was the $ENGINE engine"
    fake_stop
    [[ -n $N ]]
    for id in $(docker ps -aq --filter "name=^/$N"); do docker rm -f "$id" >/dev/null; done
    for id in $(docker network ls -q --filter "name=^$N"); do docker network rm "$id" >/dev/null; done
    for id in $(docker volume ls -q --filter "name=^$N"); do docker volume rm -f "$id" >/dev/null; done
    berth_teardown
}

# on_both FUNCTION: it finds the engine's socket in SOCKET, and in ENGINE which it is.
on_both() {
    ENGINE=real SOCKET=${DOCKER_HOST#unix://}
    "$@"
    ENGINE=fake SOCKET=$FAKE_SOCKET
    DOCKER_HOST=unix://$FAKE_SOCKET "$@"
}

# call STATUS METHOD PATH [JSON]: the reply's body is in BODY.
call() {
    local status
    status=$(curl -sS -m 30 --unix-socket "$SOCKET" -o "$TEST_DIR/body" -w '%{http_code}' -X "$2" \
        -H 'Content-Type: application/json' ${4:+-d "$4"} "http://engine/v1.41$3")
    BODY=$(tr -d '\0' <"$TEST_DIR/body")
    [[ $status == "$1" ]] || { echo "$ENGINE: $2 $3 gave $status, not $1: $BODY"; return 1; }
}

# says TEXT: the message of the last reply has it.
says() { jq -er .message <<<"$BODY" | grep -qF -- "$1" || { echo "$ENGINE: $BODY lacks: $1"; return 1; }; }
# is FILTER VALUE: of the last reply.
is() { [[ $(jq -r "$1" <<<"$BODY") == "$2" ]] || { echo "$ENGINE: $1 is $(jq -c "$1" <<<"$BODY"), not $2"; return 1; }; }

# sleeper NAME [MORE_JSON]: creates a container that runs until it is told to end.
sleeper() {
    call 201 POST "/containers/create?name=$1" "$(jq -cn --arg image "$IMAGE" \
        '{Image: $image, Cmd: ["sleep", "1000"], Labels: {who: "fe"}, HostConfig: {Init: true}} * '"${2:-{\}}")"
}

@test "a name is taken once, and what is not there is not found" {
    names() {
        sleeper "$N-a"
        call 409 POST "/containers/create?name=$N-a" "{\"Image\": \"$IMAGE\", \"Cmd\": [\"true\"]}"
        says "is already in use by container"
        call 404 POST "/containers/create?name=$N-b" '{"Image": "berth-test/no-such:1", "Cmd": ["true"]}'
        says "No such image: berth-test/no-such:1"
        call 404 GET "/containers/$N-b/json"
        says "No such container: $N-b"
        call 404 POST "/containers/$N-b/start"
        call 404 DELETE "/containers/$N-b?force=1&v=1"
        sleeper "$N-c"
        call 409 POST "/containers/$N-c/rename?name=$N-a"
        call 204 POST "/containers/$N-c/rename?name=$N-d"
        call 200 GET "/containers/$N-d/json"
        is .Name "/$N-d"
    }
    on_both names
}

@test "a container is created, started once, paused, stopped once, and started again" {
    life() {
        sleeper "$N-a"
        call 200 GET "/containers/$N-a/json"
        is '[.State.Status, .State.Running, .State.Pid, .State.StartedAt] | @csv' \
            '"created",false,0,"0001-01-01T00:00:00Z"'
        call 304 POST "/containers/$N-a/stop?t=1"
        call 409 POST "/containers/$N-a/kill?signal=KILL"
        call 204 POST "/containers/$N-a/start"
        call 304 POST "/containers/$N-a/start"
        call 200 GET "/containers/$N-a/json"
        is '[.State.Status, .State.Running, .State.Pid > 0, .State.ExitCode] | @csv' '"running",true,true,0'
        call 204 POST "/containers/$N-a/pause"
        call 409 POST "/containers/$N-a/pause"
        call 200 GET "/containers/$N-a/json"
        is .State.Status paused
        call 204 POST "/containers/$N-a/unpause"
        call 204 POST "/containers/$N-a/stop?t=10"
        call 304 POST "/containers/$N-a/stop?t=10"
        call 200 GET "/containers/$N-a/json"
        is '[.State.Status, .State.Running, .State.Pid, .State.ExitCode] | @csv' '"exited",false,0,143'
        call 204 POST "/containers/$N-a/start"
        call 204 POST "/containers/$N-a/kill?signal=SIGKILL"
        wait_for 10 call 409 POST "/containers/$N-a/kill?signal=SIGKILL"
        call 200 GET "/containers/$N-a/json"
        is .State.ExitCode 137
    }
    on_both life
}

@test "a running container is removed only by force, and once" {
    removal() {
        sleeper "$N-a"
        call 204 POST "/containers/$N-a/start"
        call 409 DELETE "/containers/$N-a"
        call 204 DELETE "/containers/$N-a?force=1&v=1"
        call 404 DELETE "/containers/$N-a?force=1&v=1"
    }
    on_both removal
}

@test "a command's end is seen, with its exit status, by who waits" {
    waiting() {
        call 201 POST "/containers/create?name=$N-a" "{\"Image\": \"$IMAGE\", \"Cmd\": [\"sh\", \"-c\", \"exit 3\"]}"
        call 204 POST "/containers/$N-a/start"
        call 200 POST "/containers/$N-a/wait"
        is .StatusCode 3
        call 200 GET "/containers/$N-a/json"
        is '[.State.Status, .State.ExitCode] | @csv' '"exited",3'
    }
    on_both waiting
}

@test "lists are filtered by label, name and state" {
    lists() {
        local filters
        sleeper "$N-a" '{Labels: {one: "1"}}'
        sleeper "$N-b" '{Labels: {one: "2"}}'
        call 204 POST "/containers/$N-b/start"
        filters=$(jq -rn --arg n "$N" '{name: [$n], label: ["one"]} | tojson | @uri')
        call 200 GET "/containers/json?all=1&filters=$filters"
        is '[.[].Names[0]] | sort | join(" ")' "/$N-a /$N-b"
        is '[.[].State] | sort | join(" ")' "created running"
        is '.[0].HostConfig | has("NetworkMode")' true
        call 200 GET "/containers/json?filters=$filters"
        is '[.[].Names[0]] | join(" ")' "/$N-b"
        filters=$(jq -rn --arg n "$N" '{name: [$n], label: ["one=1"]} | tojson | @uri')
        call 200 GET "/containers/json?all=1&filters=$filters"
        is '[.[].Names[0]] | join(" ")' "/$N-a"
        filters=$(jq -rn --arg n "$N" '{name: [$n], label: ["one", "two"]} | tojson | @uri')
        call 200 GET "/containers/json?all=1&filters=$filters"
        is length 0
    }
    on_both lists
}

@test "a taken host port refuses the start and nothing else; it starts when the port is free" {
    ports() {
        local publish="{ExposedPorts: {\"80/tcp\": {}}, HostConfig: {PortBindings: {\"80/tcp\": [{HostIp: \"127.0.0.1\", HostPort: \"$PORT_FIRST\"}]}}}"
        sleeper "$N-a" "$publish"
        sleeper "$N-b" "$publish"
        call 204 POST "/containers/$N-a/start"
        call 200 GET "/containers/$N-a/json"
        is '.NetworkSettings.Ports["80/tcp"][0] | [.HostIp, .HostPort] | @csv' "\"127.0.0.1\",\"$PORT_FIRST\""
        call 500 POST "/containers/$N-b/start"
        says "driver failed programming external connectivity on endpoint $N-b"
        jq -r .message <<<"$BODY" | grep -qE "address already in use|port is already allocated"
        call 200 GET "/containers/$N-b/json"
        is '[.State.Status, .State.ExitCode, (.State.Error | length > 0)] | @csv' '"created",128,true'
        call 204 POST "/containers/$N-a/stop?t=1"
        call 204 POST "/containers/$N-b/start"
        call 200 GET "/containers/json"
        is ".[] | select(.Names[0] == \"/$N-b\").Ports[0] | [.IP, .PrivatePort, .PublicPort, .Type] | @csv" \
            "\"127.0.0.1\",80,$PORT_FIRST,\"tcp\""
        call 204 DELETE "/containers/$N-b?force=1"
    }
    on_both ports
}

@test "networks have names and subnets of their own, give addresses, and stay while they are used" {
    networks() {
        local range=10.77.$((BATS_SUITE_TEST_NUMBER % 250))
        call 201 POST /networks/create "{\"Name\": \"$N-n\", \"CheckDuplicate\": true, \"Labels\": {\"one\": \"1\"}, \"IPAM\": {\"Config\": [{\"Subnet\": \"$range.0/24\"}]}}"
        call 409 POST /networks/create "{\"Name\": \"$N-n\", \"CheckDuplicate\": true}"
        says "already exists"
        call 403 POST /networks/create "{\"Name\": \"$N-m\", \"IPAM\": {\"Config\": [{\"Subnet\": \"$range.128/25\"}]}}"
        says "Pool overlaps with other one on this address space"
        call 200 GET "/networks?filters=$(jq -rn --arg n "$N" '{name: [$n], label: ["one=1"]} | tojson | @uri')"
        is '[.[].Name] | join(" ")' "$N-n"
        is '.[0].IPAM.Config[0].Subnet' "$range.0/24"
        sleeper "$N-a" "{HostConfig: {NetworkMode: \"$N-n\"}, NetworkingConfig: {EndpointsConfig: {\"$N-n\": {IPAMConfig: {IPv4Address: \"$range.9\"}, Aliases: [\"x\"]}}}}"
        call 204 POST "/containers/$N-a/start"
        call 200 GET "/containers/$N-a/json"
        is ".NetworkSettings.Networks[\"$N-n\"] | [.IPAddress, .IPAMConfig.IPv4Address, (.NetworkID | length)] | @csv" \
            "\"$range.9\",\"$range.9\",64"
        sleeper "$N-b" "{HostConfig: {NetworkMode: \"$N-n\"}, NetworkingConfig: {EndpointsConfig: {\"$N-n\": {IPAMConfig: {IPv4Address: \"$range.9\"}}}}}"
        call 403 POST "/containers/$N-b/start"
        says "Address already in use"
        call 403 DELETE "/networks/$N-n"
        says "has active endpoints"
        call 200 POST "/networks/$N-n/disconnect" "{\"Container\": \"$N-a\", \"Force\": true}"
        call 200 GET "/containers/$N-a/json"
        is '.NetworkSettings.Networks | length' 0
        call 204 DELETE "/networks/$N-n"
        call 404 DELETE "/networks/$N-n"
        call 404 POST "/containers/$N-b/start"
        says "not found"
    }
    on_both networks
}

@test "a volume is made once, keeps its labels, and stays while a container has it" {
    volumes() {
        call 201 POST /volumes/create "{\"Name\": \"$N-v\", \"Labels\": {\"one\": \"1\"}}"
        call 201 POST /volumes/create "{\"Name\": \"$N-v\", \"Labels\": {\"one\": \"2\"}}"
        is .Labels.one 1
        call 200 GET "/volumes?filters=$(jq -rn --arg n "$N" '{name: [$n], label: ["one"]} | tojson | @uri')"
        is '[.Volumes[].Name] | join(" ")' "$N-v"
        sleeper "$N-a" "{HostConfig: {Mounts: [{Type: \"volume\", Source: \"$N-v\", Target: \"/data\"}]}}"
        call 409 DELETE "/volumes/$N-v"
        says "volume is in use"
        call 204 DELETE "/containers/$N-a?v=1"
        call 204 DELETE "/volumes/$N-v"
        call 404 DELETE "/volumes/$N-v"
        call 400 POST "/containers/create?name=$N-b" "{\"Image\": \"$IMAGE\", \"Cmd\": [\"true\"], \"HostConfig\": {\"Mounts\": [{\"Type\": \"bind\", \"Source\": \"/no/such/folder\", \"Target\": \"/x\"}]}}"
        says "bind source path does not exist"
    }
    on_both volumes
}

@test "what happens to a container is told by the same events in the same order" {
    events() {
        local since
        since=$(date +%s.%N)
        sleeper "$N-a"
        call 204 POST "/containers/$N-a/start"
        call 204 POST "/containers/$N-a/pause"
        call 204 POST "/containers/$N-a/unpause"
        call 204 POST "/containers/$N-a/stop?t=10"
        call 204 POST "/containers/$N-a/start"
        call 204 DELETE "/containers/$N-a?force=1"
        call 200 GET "/events?since=$since&until=$(date +%s.%N)&filters=$(jq -rn --arg n "$N-a" '{type: ["container"], container: [$n]} | tojson | @uri')"
        is '.Action' "$(printf '%s\n' create start pause unpause kill die stop start kill die destroy)"
        is 'select(.Action == "die") | .Actor.Attributes.exitCode' $'143\n137'
        is 'select(.Action == "create") | .Actor.Attributes | [.name, .image, .who] | @csv' "\"$N-a\",\"$IMAGE\",\"fe\""
        call 200 GET "/events?since=$since&until=$(date +%s.%N)&filters=$(jq -rn '{type: ["network"], event: ["connect"]} | tojson | @uri')"
        is 'select(.Actor.Attributes.name == "bridge") | .Action' $'connect\nconnect'
    }
    on_both events
}

@test "a live stream of events tells of what begins after it" {
    live() {
        local filters
        filters=$(jq -rn --arg n "$N-a" '{container: [$n]} | tojson | @uri')
        sleeper "$N-a"
        curl -sSN -m 30 --unix-socket "$SOCKET" "http://engine/v1.41/events?since=$(date +%s)&filters=$filters" \
            >"$TEST_DIR/$ENGINE.events" 3>&- &
        call 204 POST "/containers/$N-a/start"
        wait_for 10 grep -q '"start"' "$TEST_DIR/$ENGINE.events"
        call 204 DELETE "/containers/$N-a?force=1"
        wait_for 10 grep -q '"destroy"' "$TEST_DIR/$ENGINE.events"
        kill $!
    }
    on_both live
}

@test "commands run in a container: output, exit status, and none where it does not run" {
    commands() {
        sleeper "$N-a"
        call 409 POST "/containers/$N-a/exec" '{"Cmd": ["true"]}'
        call 204 POST "/containers/$N-a/start"
        call 201 POST "/containers/$N-a/exec" '{"Cmd": ["echo", "hello"], "AttachStdout": true}'
        id=$(jq -r .Id <<<"$BODY")
        call 200 GET "/exec/$id/json"
        is '[.Running, .ExitCode] | @csv' 'false,'
        call 200 POST "/exec/$id/start" '{"Detach": false, "Tty": false}'
        [[ $(od -An -c "$TEST_DIR/body" | tr -d ' \n') == '001\0\0\0\0\0\0006hello\n' ]]
        call 200 GET "/exec/$id/json"
        is '[.Running, .ExitCode, .ProcessConfig.entrypoint, .ProcessConfig.arguments[0]] | @csv' 'false,0,"echo","hello"'
        call 201 POST "/containers/$N-a/exec" '{"Cmd": ["sh", "-c", "exit 7"]}'
        id=$(jq -r .Id <<<"$BODY")
        call 200 POST "/exec/$id/start" '{"Detach": true}'
        exit_code_is() { call 200 GET "/exec/$id/json" && is .ExitCode "$1"; }
        wait_for 10 exit_code_is 7
        call 404 GET "/exec/no-such/json"
    }
    on_both commands
}

@test "a log is read whole or from its end, in frames" {
    logs() {
        call 201 POST "/containers/create?name=$N-a" "{\"Image\": \"$IMAGE\", \"Cmd\": [\"echo\", \"one\"]}"
        for _ in 1 2 3; do
            call 204 POST "/containers/$N-a/start"
            call 200 POST "/containers/$N-a/wait"
        done
        call 200 GET "/containers/$N-a/logs?stdout=1&stderr=1"
        [[ $(wc -c <"$TEST_DIR/body") == 36 ]]
        call 200 GET "/containers/$N-a/logs?stdout=1&stderr=1&tail=2"
        [[ $(wc -c <"$TEST_DIR/body") == 24 ]]
    }
    on_both logs
}

@test "a container that runs has figures of what it uses, and one that does not has none" {
    figures() {
        sleeper "$N-a" '{HostConfig: {Memory: 67108864}}'
        call 200 GET "/containers/$N-a/stats?stream=false&one-shot=true"
        is '.cpu_stats.system_cpu_usage // 0' 0
        call 204 POST "/containers/$N-a/start"
        call 200 GET "/containers/$N-a/stats?stream=false&one-shot=true"
        is '.cpu_stats.cpu_usage.total_usage > 0 and .cpu_stats.system_cpu_usage > 0 and .cpu_stats.online_cpus > 0' true
        is '.memory_stats.usage > 0' true
        is .memory_stats.limit 67108864
        call 404 GET "/containers/$N-none/stats?stream=false&one-shot=true"
    }
    on_both figures
}

@test "images are found by name and id, tagged, listed by label and removed" {
    images() {
        call 404 GET /images/berth-test/no-such:1/json
        call 200 GET "/images/$IMAGE/json"
        is '.Config.Labels["berth-test.version"]' 1
        is '.Id[:7]' sha256:
        call 200 GET "/images/$(jq -r .Id <<<"$BODY")/json"
        call 201 POST "/images/$IMAGE/tag?repo=berth-test/$N&tag=2"
        call 200 GET "/images/json?filters=$(jq -rn --arg n "berth-test/$N" '{label: ["berth-test.version=1"], reference: [$n]} | tojson | @uri')"
        is '.[0].RepoTags | index("berth-test/'"$N"':2") != null' true
        call 200 DELETE "/images/berth-test/$N:2"
        is '.[0].Untagged' "berth-test/$N:2"
        call 404 GET "/images/berth-test/$N:2/json"
        call 200 GET "/images/$IMAGE/json"
    }
    on_both images
}

@test "a version that is too new is refused, and the versions that are spoken are told" {
    versions() {
        BODY=$(curl -sS --unix-socket "$SOCKET" http://engine/v1.99/info)
        says "client version 1.99 is too new"
        curl -sSI --unix-socket "$SOCKET" http://engine/_ping | grep -qi '^api-version: 1\.'
        BODY=$(curl -sS --unix-socket "$SOCKET" http://engine/version)
        is '[.ApiVersion, .MinAPIVersion | startswith("1.")] | all' true
        call 200 GET /info
        is '[(.NCPU > 0), (.SystemTime | length > 19), (.CgroupVersion | length > 0)] | all' true
    }
    on_both versions
}

@test "docker works with it: run, ps, inspect, stop, start, kill, network ls, volume ls, rm" {
    cli() {
        docker run -d --init --name "$N-a" --label one=1 -v "$N-v:/data" "$IMAGE" sleep 1000
        [[ $(docker ps --filter label=one=1 --format '{{.Names}} {{.Image}} {{.State}}') == "$N-a $IMAGE running" ]]
        container_is_running "$N-a"
        docker stop -t 10 "$N-a"
        [[ $(docker ps -a --filter "name=$N-a" --format '{{.Status}}') == "Exited (143)"* ]]
        docker start "$N-a"
        container_is_running "$N-a"
        docker kill "$N-a"
        docker network create "$N-n"
        docker network connect "$N-n" "$N-a"
        docker network ls --format '{{.Name}}' | grep -qx "$N-n"
        docker volume ls --format '{{.Name}}' | grep -qx "$N-v"
        [[ $(docker wait "$N-a") == 137 ]]
        docker rm -v "$N-a"
        container_is_gone "$N-a"
        docker network rm "$N-n"
        docker volume rm "$N-v"
    }
    on_both cli
}

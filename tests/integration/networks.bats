#!/usr/bin/env bats
# Networks of zones: names, isolation, subnets, addresses.
#
# With an engine of this file's own that has iptables, which is what keeps networks apart: in a network
# namespace, so that nothing of this machine's network changes.

load helpers

setup_file() {
    local subnet
    export ZONE_ENGINE=$SUITE_DIR/zones
    engine_of_file up
    eval "$(engine_of_file env)"
    export DOCKER_HOST PATH
    "$SUPPORT/images.sh" busybox web
    subnet=$(docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge)
    export NETWORK_RANGE=${subnet%.0.0/24}.64.0/18
}

NAME_SERVER=
teardown() {
    [[ -z $NAME_SERVER ]] || kill "$NAME_SERVER"
    berth_teardown
}

teardown_file() { engine_of_file down --purge; }

engine_of_file() {
    local kind=default
    [[ ${BERTH_TEST_ENGINE:-} != newest ]] || kind=newest
    env -u DOCKER_TEST_HOST BERTH_ENGINE_NETNS=true \
        "$SUPPORT/engine.sh" "$1" --dir "$ZONE_ENGINE" --engine "$kind" "${@:2}"
}

in_zone_engine() { exec nsenter --net="/run/netns/$(engine_of_file netns)" "$@"; }

# instance NAME ZONE [IMAGE [MORE LINES OF SPEC]]: as FILE NAME.yaml.
instance() {
    drop "$1.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: $1}
spec:
  zone: $2
  image: berth-test/${3:-busybox}:1
  $([[ ${3:-busybox} == web ]] || echo 'command: [sleep, "1000"]')
  terminationGracePeriodSeconds: 0
  ${4:-}
SPEC
}

network_of() { echo "berth-$1-$(cut -c1-6 "$STATE/controller-id")"; }
network_field() { docker network inspect -f "$2" "$(network_of "$1")"; }
subnet_of() { network_field "$1" '{{(index .IPAM.Config 0).Subnet}}'; }
network_exists() { [[ -n $(docker network ls -q --filter "name=^$(network_of "$1")\$") ]]; }
network_is_gone() { ! network_exists "$1"; }
ip_of() { container_field "$1" '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'; }
# fetch FROM URL: what a container gets from a web server, in at most 3 s.
fetch() { docker exec "$1" timeout 3 wget -qO- "$2"; }

# Two ranges of two subnets each that no other test and no route of this machine has.
small_range() { echo "10.254.$((BATS_SUITE_TEST_NUMBER % 64 * 4)).0/23"; }
small_range_part() { echo "10.254.$((BATS_SUITE_TEST_NUMBER % 64 * 4 + $1)).0/24"; }

@test "members of a zone reach each other by name; other zones neither resolve nor reach them" {
    instance web-a zone-a web
    instance client-a zone-a
    instance web-b zone-b web
    instance client-b zone-b
    berth_start
    for name in web-a client-a web-b client-b; do wait_for 30 is_ready "$name.yaml" "$name"; done
    fetch client-a http://web-a:8080/ | grep -q 'hello from web-a'
    fetch client-a http://web-a.zone-a.berth.internal:8080/ | grep -q 'hello from web-a'
    fetch client-a "http://$(ip_of web-a):8080/" | grep -q 'hello from web-a'
    fetch client-b "http://$(ip_of web-b):8080/" | grep -q 'hello from web-b'
    # The other zone: no name, no way by address, in both directions.
    for name in web-a web-a.zone-a.berth.internal; do
        docker exec client-a nslookup "$name" | grep -qw "$(ip_of web-a)"
        run docker exec client-b timeout 10 nslookup "$name"
        [[ $output != *"$(ip_of web-a)"* ]]
        run fetch client-b "http://$name:8080/"
        [ "$status" -ne 0 ]
        [[ $output != *hello* ]]
    done
    run fetch client-b "http://$(ip_of web-a):8080/"
    [ "$status" -ne 0 ]
    [[ $output != *hello* ]]
    run fetch client-a "http://$(ip_of web-b):8080/"
    [ "$status" -ne 0 ]
    [[ $output != *hello* ]]
    [ "$(status_of web-a.yaml web-a 'status.conditions[type=NetworkReady].status')" = True ]
    [ "$(status_of web-a.yaml web-a status.container.ip)" = "$(ip_of web-a)" ]
    # The names stay when a member is made anew.
    docker rm -f web-a >/dev/null
    wait_for 20 container_is_running web-a
    wait_for 20 fetch client-a http://web-a.zone-a.berth.internal:8080/
}

@test "custom name servers are asked, and search domains are in resolv.conf" {
    # A name server on the engine's own bridge that knows one name.
    server=$(docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' bridge)
    in_zone_engine dnsmasq --no-daemon --user=root --pid-file= --conf-file=/dev/null --no-resolv --no-hosts \
        --bind-interfaces --listen-address="$server" --host-record=host.corp.example,10.1.2.3 '--address=/#/' 3>&- &
    NAME_SERVER=$!
    wait_for 5 sh -c "nsenter --net='/run/netns/$(engine_of_file netns)' ss -lun | grep -q '$server:53 '"
    instance client zone-a busybox "dns: {servers: [$server], search: [corp.example]}"
    instance peer zone-a
    berth_start
    wait_for 30 is_ready client.yaml client
    wait_for 30 is_ready peer.yaml peer
    docker exec client grep -qx 'search corp.example' /etc/resolv.conf
    [ "$(container_field client '{{.HostConfig.Dns}}')" = "[$server]" ]
    # By its full name, by the search domain alone, and beside the names of the zone.
    run docker exec client timeout 5 wget -O- http://host.corp.example/
    [[ $output == *"host.corp.example (10.1.2.3:80)"* ]]
    run docker exec client timeout 5 wget -O- http://host/
    [[ $output == *"host (10.1.2.3:80)"* ]]
    run docker exec client timeout 5 wget -O- http://peer/
    [[ $output == *"peer ($(ip_of peer):80)"* ]]
    # One without that search domain does not find the second.
    run docker exec peer timeout 5 wget -O- http://host/
    [[ $output != *10.1.2.3* ]]
}

@test "zones that come at once get subnets of the range of their own, and the engine agrees" {
    for i in 1 2 3 4 5 6; do instance "i$i" "zone-$i"; done
    berth_start
    for i in 1 2 3 4 5 6; do wait_for 40 is_ready "i$i.yaml" "i$i"; done
    for i in 1 2 3 4 5 6; do
        [ "$(network_field "zone-$i" '{{index .Labels "dev.berth.subnet"}}')" = "$(subnet_of "zone-$i")" ]
        subnet_of "zone-$i"
    done >"$TEST_DIR/subnets"
    [ "$(sort -u "$TEST_DIR/subnets" | wc -l)" -eq 6 ]
    [ "$(grep -c "^${NETWORK_RANGE%.64.0/18}\.\(6[4-9]\|[7-9][0-9]\|1[0-2][0-9]\)\.0/24$" "$TEST_DIR/subnets")" -eq 6 ]
}

@test "a zone's network has the same subnet when it is made again" {
    instance web zone-a
    berth_start
    wait_for 30 is_ready web.yaml web
    subnet=$(subnet_of zone-a)
    rm "$SPECS/web.yaml"
    wait_for 20 network_is_gone zone-a
    instance web zone-a
    wait_for 30 is_ready web.yaml web
    [ "$(subnet_of zone-a)" = "$subnet" ]
}

@test "subnets that are taken are passed over; a zone without one waits, others go on, and it comes" {
    docker network create --label "berth-test.test=$BATS_SUITE_TEST_NUMBER" \
        --subnet "$(small_range_part 0)" "taken-$BATS_SUITE_TEST_NUMBER"
    instance first zone-a
    berth_start --network-range "$(small_range)"
    wait_for 30 is_ready first.yaml first
    [ "$(subnet_of zone-a)" = "$(small_range_part 1)" ]
    instance second zone-b
    wait_for 20 field_is second.yaml second status.error.reason SubnetsExhausted
    [[ $(status_of second.yaml second status.error.message) == *"all 2 of $(small_range)"*--network-range* ]]
    field_is second.yaml second 'status.conditions[type=NetworkReady].status' False
    field_is second.yaml second 'status.conditions[type=Stalled].status' True
    instance third zone-a
    wait_for 30 is_ready third.yaml third
    docker network rm "taken-$BATS_SUITE_TEST_NUMBER"
    wait_for 30 is_ready second.yaml second
    [ "$(subnet_of zone-b)" = "$(small_range_part 0)" ]
}

@test "--network-range none leaves subnets to the engine" {
    instance web zone-a
    berth_start --network-range none
    wait_for 30 is_ready web.yaml web
    [[ $(subnet_of zone-a) == "${NETWORK_RANGE%.64.0/18}".* ]]    # of the engine's own pool
    [ -z "$(network_field zone-a '{{index .Labels "dev.berth.subnet"}}')" ]
    # It asks for no address then, which the engine would refuse.
    docker rm -f web >/dev/null
    wait_for 20 container_is_running web
    wait_for 20 is_ready web.yaml web
}

@test "a network of somebody else's that has the name is refused and never touched" {
    berth_start
    wait_for 5 test -s "$STATE/controller-id"
    docker network create --label "berth-test.test=$BATS_SUITE_TEST_NUMBER" "$(network_of zone-a)"
    id=$(network_field zone-a '{{.Id}}')
    instance web zone-a
    wait_for 20 field_is web.yaml web status.error.reason NetworkTaken
    field_is web.yaml web 'status.conditions[type=NetworkReady].reason' NetworkTaken
    instance other zone-b
    wait_for 30 is_ready other.yaml other
    container_is_gone web
    [ "$(network_field zone-a '{{.Id}} {{len .Containers}}')" = "$id 0" ]
    rm "$SPECS/web.yaml"
    wait_for 20 sh -c "! test -e '$SPECS/web.status.yaml'"
    [ "$(network_field zone-a '{{.Id}}')" = "$id" ]
    instance web zone-a
    wait_for 20 field_is web.yaml web status.error.reason NetworkTaken
    docker network rm "$(network_of zone-a)"
    wait_for 30 is_ready web.yaml web
    [ "$(network_field zone-a '{{index .Labels "dev.berth.controller"}}')" = "$(cat "$STATE/controller-id")" ]
}

@test "a network that is removed under running instances is made anew; they join it at their addresses" {
    instance web zone-a web
    instance client zone-a
    berth_start
    wait_for 30 is_ready web.yaml web
    wait_for 30 is_ready client.yaml client
    web=$(container_field web '{{.Id}}') ip=$(ip_of web) id=$(network_field zone-a '{{.Id}}')
    docker network disconnect -f "$(network_of zone-a)" client
    docker network disconnect -f "$(network_of zone-a)" web && docker network rm "$(network_of zone-a)" || true
    wait_for 20 sh -c "test -n \"\$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' web)\""
    wait_for 20 fetch client http://web:8080/
    wait_for 20 is_ready web.yaml web
    [ "$(container_field web '{{.Id}}')" = "$web" ]    # the same container
    [ "$(ip_of web)" = "$ip" ]
    field_is web.yaml web status.history.0.type repair
    [ "$(container_field web '{{range .NetworkSettings.Networks}}{{.NetworkID}}{{end}}')" = "$(network_field zone-a '{{.Id}}')" ]
}

@test "a stopped instance whose network was made anew starts again, and keeps what is in it" {
    instance web zone-a
    berth_start
    wait_for 30 is_ready web.yaml web
    docker exec web sh -c 'echo kept >/tmp/mark'
    web=$(container_field web '{{.Id}}') id=$(network_field zone-a '{{.Id}}')
    sed -i 's/^  zone:/  powerState: Stopped\n  zone:/' "$SPECS/web.yaml"
    wait_for 20 field_is web.yaml web status.phase TERMINATED
    docker network rm "$(network_of zone-a)"
    sed -i '/powerState/d' "$SPECS/web.yaml"
    wait_for 30 container_is_running web
    wait_for 30 is_ready web.yaml web
    [ "$(container_field web '{{.Id}}')" = "$web" ]
    [ "$(docker exec web cat /tmp/mark)" = kept ]
    [ "$(network_field zone-a '{{.Id}}')" != "$id" ]
    [ "$(container_field web '{{range .NetworkSettings.Networks}}{{.NetworkID}}{{end}}')" = "$(network_field zone-a '{{.Id}}')" ]
}

@test "the network of a zone goes with its last instance, and not before" {
    instance one zone-a
    instance two zone-a
    berth_start
    wait_for 30 is_ready one.yaml one
    wait_for 30 is_ready two.yaml two
    rm "$SPECS/one.yaml"
    wait_for 20 container_is_gone one
    wait_for 10 grep -q 'object_gone key=Instance/one' "$LOG"
    network_exists zone-a
    rm "$SPECS/two.yaml"
    wait_for 20 network_is_gone zone-a
}

@test "an address that another container has taken meanwhile is no obstacle" {
    instance web zone-a web
    berth_start
    wait_for 30 is_ready web.yaml web
    ip=$(ip_of web)
    berth_stop
    docker rm -f web >/dev/null
    foreign_container "squatter-$BATS_SUITE_TEST_NUMBER" --network "$(network_of zone-a)" --ip "$ip" \
        berth-test/busybox:1 sleep 1000
    berth_start
    wait_for 30 container_is_running web
    wait_for 30 is_ready web.yaml web
    [ "$(ip_of web)" != "$ip" ]
    [ "$(ip_of "squatter-$BATS_SUITE_TEST_NUMBER")" = "$ip" ]
    grep -q 'action_failed .*reason=AddressUnavailable' "$LOG"
    docker rm -f "squatter-$BATS_SUITE_TEST_NUMBER" >/dev/null
}

@test "the default range is a wish: where all of it is taken, the engine chooses" {
    docker network create --label "berth-test.test=$BATS_SUITE_TEST_NUMBER" --subnet 10.210.0.0/16 "taken-$BATS_SUITE_TEST_NUMBER" >/dev/null
    instance web zone-a
    berth_start --network-range 10.210.0.0/16
    wait_for 20 is_ready web.yaml web
    [[ $(subnet_of zone-a) != 10.210.* ]]
    grep -q subnet_left_to_engine "$LOG"
}

#!/usr/bin/env bats
# The files in examples/ do what their comments say. Images and repositories from outside are replaced
# by the tests' own; everything else is as a user would drop it.

load helpers
bats_require_minimum_version 1.5.0

# example NAME.yaml: the example as a file of the spec directory.
example() {
    sed -e 's|busybox:1\.36|berth-test/busybox:1|' \
        -e "s|https://github.com/octocat/|$GIT_HTTP_URL/git/|" \
        -e "s|zone: us-central1-a|zone: zone-$BATS_SUITE_TEST_NUMBER|" \
        "$PROJECT/examples/$1" | drop "$1"
}

page_is() { [[ $(curl -sf "http://127.0.0.1:$1/index.html") == "$2" ]]; }

@test "the example of an instance serves its page on the port that its status names" {
    example instance.yaml
    berth_start
    wait_for 30 container_is_running site
    docker exec site sh -c 'echo "$GREETING" >/srv/www/index.html'
    wait_for 30 is_ready instance.yaml site
    port=$(port_of instance.yaml site)
    page_is "$port" "hello from Berth"
    [ "$(container_field site '{{.HostConfig.PidsLimit}}')" -eq 200 ]
    [ "$(container_field site '{{.Config.Hostname}}')" = site ]
    [ "$(container_field site '{{.HostConfig.NanoCpus}}')" -le 500000000 ]
    docker exec site grep -q '192.0.2.10.*db.example.com' /etc/hosts
    first=$(container_field site '{{.Id}}')
    docker rm -f site
    wait_for 30 page_is "$port" "hello from Berth"
    [ "$(container_field site '{{.Id}}')" != "$first" ]
    wait_for 30 is_ready instance.yaml site
    rm "$SPECS/instance.yaml"
    wait_for 30 container_is_gone site
    docker volume rm site-pages
}

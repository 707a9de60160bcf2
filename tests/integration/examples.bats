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

# Examples share repositories: made by the first test that wants them.
sample() { [[ -d $REPOSITORIES/$1.git ]] || make_repo "$1"; }

members() { our_containers | grep -cE "^$1-[0-9]+$"; }
members_are() { local n; n=$(members "$1"); [[ $n == "$2" ]] || { echo "$n members of $1"; return 1; }; }

@test "the example of a pool follows its two numbers" {
    example pool.yaml
    berth_start
    wait_for 40 members_are build 1
    wait_for 20 is_ready pool.yaml InstancePool/build
    sed -i 's/minInstances: 1 /minInstances: 3 /' "$SPECS/pool.yaml"
    wait_for 40 members_are build 3
    sed -i -e 's/minInstances: 3 /minInstances: 1 /' -e 's/scaleDownDelaySeconds: 300/scaleDownDelaySeconds: 0/' "$SPECS/pool.yaml"
    wait_for 40 members_are build 1
    container_is_running build-0
}

@test "the example of a rolling update keeps two of three members serving" {
    example rolling-update.yaml
    berth_start
    wait_for 60 is_ready rolling-update.yaml InstancePool/front
    members_are front 3
    pages() {
        local i port
        for i in 0 1 2; do
            port=$(docker port "front-$i" 8080 2>/dev/null) && curl -sf --max-time 2 "http://$port/"
        done
    }
    all_serve() { [[ $(pages | grep -c "^version $1\$") == 3 ]] || { pages; return 1; }; }
    wait_for 30 all_serve 1
    sed -i 's/value: "1"/value: "2"/' "$SPECS/rolling-update.yaml"
    # A look at three members takes a moment, in which one may come and the next go: only two bad ones
    # in a row are too few.
    two_serve() { (($(pages | wc -l) >= 2)) || (($(pages | wc -l) >= 2)) || touch "$TEST_DIR/too-few"; }
    updated() { two_serve; all_serve 2; }
    wait_for 120 updated
    [ ! -e "$TEST_DIR/too-few" ]
}

@test "the example of tasks on a pool: the hotfix goes before the nightly that waits" {
    sample Hello-World
    example pool-tasks.yaml
    berth_start --repository-image berth-test/git:1
    for name in nightly-1 nightly-2 nightly-3 hotfix; do
        wait_for 120 field_is pool-tasks.yaml "$name" status.phase Succeeded
    done
    [[ $(status_of pool-tasks.yaml hotfix status.task.startTime) < $(status_of pool-tasks.yaml nightly-3 status.task.startTime) ]]
}

@test "the example of warm repositories: both run before the task, and the task runs" {
    sample Hello-World
    sample Spoon-Knife
    example warm-repositories.yaml
    berth_start --repository-image berth-test/git:1
    warm() { [[ $(our_containers | grep -c '^repo-') == 2 ]]; }
    wait_for 60 warm
    wait_for 60 field_is warm-repositories.yaml first-look status.phase Succeeded
    field_is warm-repositories.yaml first-look status.task.instance warm-0
}

@test "the example of zones: names within a zone, none beyond it" {
    example zones.yaml
    berth_start
    for name in db api visitor; do wait_for 30 is_ready zones.yaml "$name"; done
    docker exec api wget -qO- http://db:8080/passwd | grep -q root
    docker exec api wget -qO- http://db.us-east1-b.berth.internal:8080/passwd | grep -q root
    docker exec api grep -q '192.0.2.7.*printer.example.com' /etc/hosts
    docker exec visitor grep -qx 'search corp.example.com' /etc/resolv.conf
    run docker exec visitor timeout 5 wget -qO- http://db:8080/passwd
    [ "$status" -ne 0 ]
    field_is zones.yaml db 'status.conditions[type=NetworkReady].status' True
    ip=$(status_of zones.yaml db status.container.ip)
    docker rm -f db >/dev/null
    wait_for 30 container_is_running db
    wait_for 30 is_ready zones.yaml db
    field_is zones.yaml db status.container.ip "$ip"
}

@test "the example of ports: a fixed one, one of the pool, and one of UDP" {
    example ports.yaml
    sed -i "s/18080/$PORT_LAST/" "$SPECS/ports.yaml"
    berth_start
    wait_for 30 is_ready ports.yaml shop
    curl -fsS "http://127.0.0.1:$PORT_LAST/passwd" | grep -q root
    curl -fsS "http://127.0.0.1:$(port_of ports.yaml shop admin)/passwd" | grep -q root
    [ "$(docker port shop 7777/udp)" = "127.0.0.1:$(port_of ports.yaml shop game)" ]
}

@test "the example of two agents: one container, a tree, port and log for each, and commits that come home" {
    sample Hello-World
    example agents.yaml
    sed -i 's|berth-test/busybox:1|berth-test/git:1|' "$SPECS/agents.yaml"
    berth_start
    export BERTH_SPECS=$SPECS BERTH_STATE=$STATE
    wait_for 60 field_is agents.yaml agent-login status.phase Running
    wait_for 60 field_is agents.yaml agent-search status.phase Running
    [ "$(our_containers | grep -c '^repo-')" -eq 1 ]
    preview_is_served() { curl -sf "http://127.0.0.1:$1/index.html" | grep -q 'preview of agent-search'; }
    wait_for 20 preview_is_served "$(status_of agents.yaml agent-search 'status.task.ports[name=preview].hostPort')"
    "$BERTH" logs agent-search | grep -q '^in /workspace/agent-search, with [A-Z]'
    "$BERTH" exec task/agent-login -- sh -c 'test -s deps/installed && echo login >login.txt && git add login.txt && git commit -qm login'
    container=$(our_containers | grep '^repo-')
    docker exec "$container" test ! -e /workspace/agent-search/login.txt
    git clone -q "$REPOSITORIES/Hello-World.git" "$TEST_DIR/mine"
    (cd "$TEST_DIR/mine" && "$BERTH" fetch agent-login)
    [ "$(git -C "$TEST_DIR/mine" log -1 --format=%s task/agent-login)" = login ]
    rm "$SPECS/agents.yaml"
    wait_for 60 container_is_gone "$container"
}

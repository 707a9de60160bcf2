# Runs once around all test files: an engine, its images, git servers.
#
# What the tests find in their environment:
#   BERTH          the binary under test
#   DOCKER_HOST    the engine: private, or the one BERTH_TEST_ENGINE / DOCKER_TEST_HOST names
#   NETWORK_RANGE  subnets for networks of zones: berth run --network-range
#   SUITE_DIR      a folder with a short path for everything that is written
#   REPOSITORIES   folder of bare repositories (make_repo in helpers.bash adds some), served at
#   GIT_HTTP_URL   http://127.0.0.1:PORT   (REPOSITORIES/x.git is /git/x.git, or /private/x.git
#                  for alice, s3cret)
#   GIT_DAEMON_URL git://127.0.0.1:PORT    (REPOSITORIES/x.git is /x.git)

setup_suite() {
    local here engine subnet
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
    export PROJECT=${here%/tests/*}
    export SUPPORT=$PROJECT/tests/support
    export BERTH=${BERTH:-$PROJECT/build/berth}
    [[ -x $BERTH ]] || { echo "$BERTH is missing; run make" >&2; return 1; }

    # Below /tmp, where the newest engine sees it too, and short, because of unix sockets in it.
    SUITE_DIR=$(mktemp -d /tmp/berth-XXXXXX)
    export SUITE_DIR REPOSITORIES=$SUITE_DIR/git
    mkdir "$REPOSITORIES"

    engine=(--dir "$SUITE_DIR/engine" --engine "${BERTH_TEST_ENGINE:-default}")
    "$SUPPORT/engine.sh" up "${engine[@]}" || return 1
    eval "$("$SUPPORT/engine.sh" env "${engine[@]}")"
    export DOCKER_HOST PATH
    "$SUPPORT/images.sh" || return 1

    # Beside what the engine gives to networks of its own, and gone with it; see engine.sh.
    NETWORK_RANGE=10.210.0.0/16
    subnet=$(docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge)
    [[ ! $subnet =~ ^(10\.2[0-9]+)\.0\.0/24$ ]] || NETWORK_RANGE=${BASH_REMATCH[1]}.64.0/18
    export NETWORK_RANGE

    GIT_HTTP_URL=$("$SUPPORT/git_server.sh" up "$REPOSITORIES") || return 1
    GIT_DAEMON_URL=$("$SUPPORT/git_server.sh" daemon-up "$REPOSITORIES") || return 1
    export GIT_HTTP_URL GIT_DAEMON_URL
}

teardown_suite() {
    [[ -n ${SUITE_DIR:-} ]] || return 0
    "$SUPPORT/git_server.sh" down "$REPOSITORIES"
    "$SUPPORT/engine.sh" down --purge --dir "$SUITE_DIR/engine" --engine "${BERTH_TEST_ENGINE:-default}"
    rm -rf --one-file-system "$SUITE_DIR"
}

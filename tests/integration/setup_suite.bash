# Runs once around all test files: an engine, its images, git servers.
#
# What the tests find in their environment:
#   BERTH          the binary under test
#   DOCKER_HOST    the engine: private, or the one BERTH_TEST_ENGINE / DOCKER_TEST_HOST names
#   SUITE_DIR      a folder with a short path for everything that is written
#   REPOSITORIES   folder of bare repositories (make_repo in helpers.bash adds some), served at
#   GIT_HTTP_URL   http://127.0.0.1:PORT   (REPOSITORIES/x.git is /git/x.git, or /private/x.git
#                  for alice, s3cret)
#   GIT_DAEMON_URL git://127.0.0.1:PORT    (REPOSITORIES/x.git is /x.git)

setup_suite() {
    local here engine
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

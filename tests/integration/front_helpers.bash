# A front before the engine: Berth's connections pass it (--engine "unix://$(FRONT_SOCKET)"), the docker client's do not.
# A file that loads this calls stop_front in its teardown.

FRONT=''

FRONT_SOCKET() { echo "$TEST_DIR/front.sock"; }

start_front() {
    mkdir -p "$TEST_DIR/front"
    "$SUPPORT/engine_front.pl" "$(FRONT_SOCKET)" "${DOCKER_HOST#unix://}" "$TEST_DIR/front" 3>&- &
    FRONT=$!
    wait_for 5 test -S "$(FRONT_SOCKET)"
}

stop_front() {
    local children
    [[ -n $FRONT ]] || return 0
    read -r -a children < <(cat /proc/"$FRONT"/task/*/children 2>/dev/null) || true
    kill "$FRONT" "${children[@]}" 2>/dev/null || true
    wait "$FRONT" 2>/dev/null || true
    FRONT=''
    rm -f "$(FRONT_SOCKET)"
}

# front_is delay|slow|api|fail|cut [VALUE]    front_is_plain
front_is() { echo "${2:-}" >"$TEST_DIR/front/.new" && mv "$TEST_DIR/front/.new" "$TEST_DIR/front/$1"; }
front_is_plain() { rm -f "$TEST_DIR"/front/{delay,slow,api,fail,cut}; }

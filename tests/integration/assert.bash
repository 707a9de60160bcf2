# What every helpers file sources.

# refute COMMAND...: "! command" would not fail a test.
refute() {
    if "$@"; then
        echo "should have failed: $*" >&2
        return 1
    fi
}

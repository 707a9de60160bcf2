# The Docker client and its transport against a real engine, without a controller around them.
# engine_client.c prints TAP of its own; here it counts as one test.

@test "the Docker client speaks to this engine" {
    run timeout -k 5 170 "$BERTH_TEST_PROGRAMS/integration/engine_client" berth-test/busybox:1
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"ok 1 - "* ]]
}

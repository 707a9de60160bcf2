#!/usr/bin/env bats
# A few seeds of the model test (tests/model), and what it found that needs the engine to be slow.

load ../integration/helpers
load ../integration/fake_helpers

@test "after random edits, faults and restarts the world is as the files say (six seeds)" {
    FAKE_ENGINE=$BERTH_TEST_PROGRAMS/integration/fake_engine MODEL=$BERTH_TEST_PROGRAMS/model/model \
        run "$PROJECT/tests/model/run.sh" --engine fake --seeds 1-6
    echo "$output"
    [ "$status" -eq 0 ]
}

# Both objects choose their ports at the same time. The second has to wait for its image, and finds its
# choice bound by the container of the first.
@test "a port that another object has got and bound meanwhile stays that object's" {
    fake_start --memory
    fake_script 'call * POST */build: delay 2000'
    curl -sf -X POST --unix-socket "$FAKE_SOCKET" \
        "http://fake/v1.41/images/create?fromImage=berth-test/web&tag=1" >/dev/null
    for i in 1 2 3 4 5 6; do
        drop_instance "quick-$i"
        drop_instance "slow-$i"
        sed -i '/image:/d' "$SPECS/slow-$i.yaml"
    done
    berth_start --engine "unix://$FAKE_SOCKET" --ports "$PORT_FIRST-$((PORT_FIRST + 11))"
    for i in 1 2 3 4 5 6; do
        wait_for 20 is_ready "quick-$i.yaml" "quick-$i"
        wait_for 20 is_ready "slow-$i.yaml" "slow-$i"
    done
    for i in 1 2 3 4 5 6; do
        port_of "quick-$i.yaml" "quick-$i"
        port_of "slow-$i.yaml" "slow-$i"
    done >"$TEST_DIR/ports"
    [ "$(sort -u "$TEST_DIR/ports" | wc -l)" -eq 12 ]
    [ "$(jq '.leases | length' "$STATE/leases.json")" -eq 12 ]
    fake_stop
}

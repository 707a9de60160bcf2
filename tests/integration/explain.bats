#!/usr/bin/env bats
# berth explain: what a field or a reason means.

load helpers
bats_require_minimum_version 1.5.0

@test "explain shows a kind, a field, and all that is below a field" {
    run --separate-stderr "$BERTH" explain
    [ "$status" -eq 0 ]
    [[ $output == *$'\n'InstancePool*$'\n'Task* ]]
    run --separate-stderr "$BERTH" explain instance
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == "KIND:      Instance" ]]
    [[ $output == *"  spec <map>, required"* ]]
    run --separate-stderr "$BERTH" explain pools.spec.template.spec.ports.protocol
    [ "$status" -eq 0 ]
    [[ $output == *"FIELD:     spec.template.spec.ports[].protocol"* ]]
    [[ $output == *"ALLOWED:   TCP, UDP"* ]]
    [[ $output == *"DEFAULT:   TCP"* ]]
    run --separate-stderr "$BERTH" explain Task.spec --recursive
    [ "$status" -eq 0 ]
    [[ $output == *"    valueFrom <map>"*"      file <absolute path>"* ]]
    [ -z "$stderr" ]
}

@test "a field that is not there is named, with the one that may be meant" {
    run --separate-stderr "$BERTH" explain instance.spec.prots
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    [[ $stderr == *'Instance has no field "spec.prots"; did you mean "spec.ports"?'* ]]
    run --separate-stderr "$BERTH" explain instnce
    [ "$status" -eq 2 ]
    [[ $stderr == *'did you mean "Instance"?'* ]]
    run --separate-stderr "$BERTH" explain instance spec
    [ "$status" -eq 2 ]
    [[ $stderr == *'unexpected argument "spec"'* ]]
}

@test "a reason says what to do, and lines are not wider than a screen" {
    run --separate-stderr "$BERTH" explain reason ImagePullFailed
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == "REASON:    ImagePullFailed" ]]
    [[ $output == *"WHAT TO DO:"* ]]
    before=$output
    run --separate-stderr "$BERTH" explain ImagePullFailed
    [ "$output" = "$before" ]
    run --separate-stderr "$BERTH" explain reason ImagePulFailed
    [ "$status" -eq 1 ]
    [[ $stderr == *'did you mean "ImagePullFailed"?'* ]]
    [ "$("$BERTH" explain reason | grep -c '^[A-Z]')" -gt 60 ]
    [ "$("$BERTH" explain reason | awk 'length($0) > 80' | wc -l)" -eq 0 ]
    [ "$("$BERTH" explain instance.spec | awk 'length($0) > 80' | wc -l)" -eq 0 ]
}

#!/usr/bin/env bats
# berth reconcile: an object is looked at now, and of a repository the remote is asked.

load helpers
load task_helpers

reconcile() { run "$BERTH" reconcile --state "$STATE" "$@"; }

# Fetching by itself would make any of these tests pass.
NEVER='fetchIntervalSeconds: 3600'

@test "a push is fetched within the interval; new tasks start from it, and running ones keep their tree" {
    settings "$NEVER"
    TASK_REPOSITORY='{name: project}' task session ''
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_running_task session
    before=$(tip_of main)
    push_file "$REPO" main news <<<hello
    [ "$(tip_of main)" != "$before" ]
    reconcile repository project
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"repository/project: fetched; main is $(tip_of main)"* ]]
    repository_field_is commit "$(tip_of main)"
    TASK_REPOSITORY='{name: project}' task second '[cat, news]'
    wait_for 20 is_succeeded second
    [ "$(log_of second)" = hello ]
    task_field_is second commit "$(tip_of main)"
    [ "$(tree_git "$(tree_of session)" rev-parse HEAD)" = "$before" ]
    [ ! -e "$(tree_of session)/news" ]
    [ -z "$(ls "$STATE/requests")" ]
}

@test "a repository without an object is named by any spelling of its URL" {
    task session ''
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_running_task session
    push_file "$REPO" main news <<<hello
    reconcile "${GIT_HTTP_URL/127.0.0.1/somebody@127.0.0.1}/git/$REPO/"
    echo "$output"
    [ "$status" -eq 0 ]
    mirror=$(echo "$STATE"/repos/*/git/mirror.git)
    [ "$(tree_git "$mirror" rev-parse main)" = "$(tip_of main)" ]
    reconcile "$GIT_HTTP_URL/git/no-such.git"
    [ "$status" -eq 1 ]
    [[ $output == *"no Repository and no Task is about"* ]]
}

@test "a remote that fails is told at once, and one that is back is not waited for" {
    settings "$NEVER"
    TASK_REPOSITORY='{name: project}' task session ''
    berth_start --repository-image berth-test/git:1
    wait_for 30 is_running_task session
    mv "$(bare)" "$(bare).away"
    for _ in 1 2 3 4 5; do    # the fifth would have to wait for half a minute
        reconcile repo project --timeout 20s
        echo "$output"
        [ "$status" -eq 1 ]
        [[ $output == *"repository/project: "*NotFound* ]]
    done
    mv "$(bare).away" "$(bare)"
    push_file "$REPO" main news <<<hello
    reconcile repo project --timeout 10s
    echo "$output"
    [ "$status" -eq 0 ]
    repository_field_is commit "$(tip_of main)"
}

@test "what failed is tried again at once" {
    drop web.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: web}
spec: {image: berth-test/late-$BATS_SUITE_TEST_NUMBER:1, imagePullPolicy: Never, zone: zone-$BATS_SUITE_TEST_NUMBER}
SPEC
    berth_start
    failed_often() { (($(grep -c 'action_failed key=Instance/web' "$LOG") >= 4)); }
    is_stalled() { field_is web.yaml web 'status.conditions[type=Stalled].status' True; }
    wait_for 30 is_stalled
    docker tag berth-test/web:1 "berth-test/late-$BATS_SUITE_TEST_NUMBER:1"
    for word in instance/web "inst web" web; do
        # shellcheck disable=SC2086
        reconcile $word
        echo "$output"
        [ "$status" -eq 0 ]
        [[ $output == "instance/web: looked at" ]]
    done
    wait_for 10 container_is_running web
    docker rm -f web >/dev/null
    docker rmi "berth-test/late-$BATS_SUITE_TEST_NUMBER:1"
}

@test "what nobody needs is not cloned for it; what is suspended is left alone" {
    settings
    berth_start
    wait_for 10 field_is project.yaml project 'status.conditions[type=Ready].reason' Idle
    reconcile repository project
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"nothing of it is cloned"* ]]
    [ -z "$(find "$STATE/repos" -name mirror.git)" ]
    settings 'suspend: true'
    suspended() { field_is project.yaml project 'status.conditions[type=Ready].reason' Suspended; }
    TASK_REPOSITORY='{name: project}' task session ''
    wait_for 10 suspended
    reconcile repository project --timeout 5s
    [ "$status" -eq 1 ]
    [[ $output == *Suspended* ]]
}

@test "unknown names, two of one name, no controller, and wrong usage are said in clear words" {
    settings
    drop same.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Instance
metadata: {name: project}
spec: {powerState: Stopped, zone: zone-$BATS_SUITE_TEST_NUMBER}
SPEC
    berth_start
    wait_for 20 field_is project.yaml project 'status.conditions[type=Ready].reason' Idle
    wait_for 20 is_ready same.yaml project
    wrong() {
        local code=$1 words=$2
        shift 2
        reconcile "$@"
        echo "$output"
        [ "$status" -eq "$code" ] && [[ $output == *"$words"* ]]
    }
    wrong 1 'there is no Repository "projcet"; did you mean "project"?' repository projcet
    wrong 1 'there is no object "nobody"' nobody
    wrong 1 'are both named "project"' project
    wrong 0 'repository/project: nothing' repository/project
    wrong 0 'instance/project: looked at' instance/project
    wrong 0 'instance/project: asked' instance/project --wait=no
    wrong 2 'unknown kind "repositry"' repositry project
    wrong 2 'did you mean "Repository"' repositry/project
    wrong 2 'which object?'
    wrong 2 'only a repository has a URL' task https://git.example.com/a/b
    wrong 2 'is not a time' project --timeout soon
    wrong 2 'neither yes nor no' project --wait=maybe
    berth_stop
    wrong 1 'no controller runs' repository project
    [ -z "$(ls "$STATE/requests")" ]
}

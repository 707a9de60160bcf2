#!/usr/bin/env bats
# berth tree: what runs where, from the status files alone.

load helpers
load status_helpers
bats_require_minimum_version 1.5.0

tree() { "$BERTH" tree --specs "$SPECS" --state "$STATE" "$@"; }

@test "tree shows pools, instances, repository containers and tasks, with phase and reason" {
    write_statuses
    diff <(LC_ALL=C.UTF-8 tree 2>/dev/null) - <<'END'
NAME                             PHASE          REASON
instancepool/build               PROVISIONING   Scaling
├─ instance/build-0              RUNNING        Healthy
│  └─ repository/project         RUNNING        Healthy
│     └─ task/fix-7              Running        Running
├─ instance/build-1              STAGING        Starting
└─ task/fix-8                    Pending        Waiting
instance/broken                  Invalid        InvalidSpec
instance/web                     REPAIRING      CrashLoop
container/repo-org-shop-a1b2c3   -              -
└─ task/tests                    Failed         Error
END
}

@test "tree draws in ASCII where the locale has no UTF-8, and shows an object with its way" {
    write_statuses
    diff <(LC_ALL=C tree task/fix-7 -o wide 2>/dev/null) - <<'END'
NAME                       PHASE          REASON    MESSAGE
instancepool/build         PROVISIONING   Scaling   1 of 2 members are ready
`- instance/build-0        RUNNING        Healthy   -
   `- repository/project   RUNNING        Healthy   -
      `- task/fix-7        Running        Running   -
END
    [ "$(tree pool/build -o json 2>/dev/null |
        jq -r '.items[0].children[0].children[0].children[0] | .kind + "/" + .name')" = Task/fix-7 ]
}

@test "tree of a real world: a task is below the repository container that it is in" {
    make_repo grove
    drop grove.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: grove}
spec: {url: $GIT_HTTP_URL/git/grove.git}
---
apiVersion: berth.dev/v1
kind: Task
metadata: {name: leaf}
spec: {repository: $GIT_HTTP_URL/git/grove.git}
SPEC
    berth_start
    wait_for 60 field_is grove.yaml leaf status.phase Running
    run --separate-stderr tree
    [[ ${lines[1]} == repository/grove* && ${lines[2]} == *' task/leaf '*Running* ]]
    [ -z "$stderr" ]
}

@test "tree colours phases on a terminal only, and says what is not there" {
    write_statuses
    [[ $(script -qec "env -u NO_COLOR TERM=xterm $BERTH tree --specs $SPECS --state $STATE" /dev/null </dev/null) == \
        *$'\e[31mREPAIRING\e[0m'* ]]
    [[ $(tree 2>&1 | grep -c $'\e') -eq 0 ]]
    run tree task/fix-9
    [ "$status" -eq 1 ]
    [[ $output == *'there is no Task "fix-9"; did you mean "fix-7"?'* ]]
    run tree -o yaml
    [ "$status" -eq 2 ]
    rm "$SPECS"/*
    run tree
    [ "$status" -eq 0 ]
    [[ $output == *"nothing found in $SPECS"* ]]
}

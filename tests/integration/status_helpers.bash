# Status files as a controller leaves them, for commands that read nothing else: `load status_helpers`.

# A pool with a member that has a repository's container with a task, one that waits for a place, an instance of its own, a task
# that is over on a repository without an object, and a spec that is wrong.
write_statuses() {
    cat >"$SPECS/pool.status.yaml" <<'END'
apiVersion: berth.dev/v1
kind: InstancePool
metadata:
  name: build
status:
  phase: PROVISIONING
  conditions:
  - type: Ready
    status: "False"
    reason: Scaling
    message: 1 of 2 members are ready
  pool:
    wanted: 2
    members: 2
    ready: 1
    starting: 1
    failed: 0
    draining: 0
    updated: 2
    activeTasks: 1
    waitingTasks: 1
    capacity: 4
    utilization: 25
  members:
  - kind: Instance
    metadata:
      name: build-0
      labels:
        team: infra
    status:
      phase: RUNNING
      conditions:
      - type: Ready
        status: "True"
        reason: Healthy
      container:
        id: c111111111111111111111111111111111111111111111111111111111111111
        name: build-0
        image: berth-idle:1
        ip: 10.210.0.2
      instance:
        machineType: n1-standard-1
        zone: us-central1-a
  - kind: Instance
    metadata:
      name: build-1
      labels:
        team: infra
    status:
      phase: STAGING
      conditions:
      - type: Ready
        status: "False"
        reason: Starting
      instance:
        machineType: n1-standard-1
        zone: us-central1-a
END
    cat >"$SPECS/web.status.yaml" <<'END'
apiVersion: berth.dev/v1
kind: Instance
metadata:
  name: web
  labels:
    team: shop
    tier: front
status:
  phase: REPAIRING
  conditions:
  - type: Ready
    status: "False"
    reason: CrashLoop
    message: exit code 1
  ports:
  - name: http
    containerPort: 8080
    protocol: TCP
    hostIP: 127.0.0.1
    hostPort: 20014
  restarts:
    count: 3
    inARow: 3
  instance:
    machineType: e2-small
    zone: us-central1-b
END
    cat >"$SPECS/work.status.yaml" <<'END'
apiVersion: berth.dev/v1
kind: Repository
metadata:
  name: project
status:
  phase: RUNNING
  conditions:
  - type: Ready
    status: "True"
    reason: Healthy
  container:
    id: c222222222222222222222222222222222222222222222222222222222222222
    name: repo-org-project-cd6433
  repository:
    url: git.example.com/org/project
    branch: main
    commit: fd4e5b31aa00fd4e5b31aa00fd4e5b31aa00fd4e
    activeTasks: 1
    diskBytes: 73400320
    pool: build
    instance: build-0
---
apiVersion: berth.dev/v1
kind: Task
metadata:
  name: fix-7
  labels:
    team: infra
status:
  phase: Running
  conditions:
  - type: Ready
    status: "True"
    reason: Running
  task:
    repository: git.example.com/org/project
    repositoryContainer: repo-org-project-cd6433
    branch: task/fix-7
    commit: fd4e5b31aa00fd4e5b31aa00fd4e5b31aa00fd4e
    attempt: 1
    pool: build
    instance: build-0
    admitted: true
---
apiVersion: berth.dev/v1
kind: Task
metadata:
  name: fix-8
status:
  phase: Pending
  conditions:
  - type: Ready
    status: "False"
    reason: Waiting
  task:
    repository: git.example.com/org/project
    repositoryContainer: repo-org-project-cd6433
    attempt: 0
    pool: build
    queuePosition: 1
---
apiVersion: berth.dev/v1
kind: Task
metadata:
  name: tests
  labels:
    team: shop
status:
  phase: Failed
  conditions:
  - type: Ready
    status: "False"
    reason: Error
    message: exit code 3
  task:
    repository: git.example.com/org/shop
    repositoryContainer: repo-org-shop-a1b2c3
    attempt: 2
    reason: Error
    exitCode: 3
    startTime: "2026-11-22T00:50:17Z"
    endTime: "2026-11-22T00:50:59Z"
END
    cat >"$SPECS/broken.status.yaml" <<'END'
apiVersion: berth.dev/v1
kind: Instance
metadata:
  name: broken
status:
  phase: Invalid
  conditions:
  - type: Ready
    status: "False"
    reason: InvalidSpec
  error:
    code: 400
    reason: InvalidSpec
    message: "unknown machine type \"e9-huge\""
    location: "broken.yaml:5:16 spec.machineType"
END
}

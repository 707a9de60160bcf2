# For test files about repositories and tasks: `load helpers`, then `load task_helpers`.
#
# Each test has a sample repository of its own, REPOSITORIES/$REPO.git, and `task` drops tasks on it.

setup() {
    berth_setup
    REPO=repo$BATS_SUITE_TEST_NUMBER
    make_repo "$REPO"
}

url() { echo "$GIT_HTTP_URL/git/${1:-$REPO}.git"; }
bare() { echo "$REPOSITORIES/${1:-$REPO}.git"; }

# tip_of REVISION: its commit in the remote
tip_of() { git -C "$(bare)" rev-parse "$1^{commit}"; }

# The mirrors of this test, by inode and birth: a second clone would be another one.
clone_id() { find "$STATE/repos" -name mirror.git -exec stat -c '%i %W' {} +; }

# --- specs -------------------------------------------------------------------------------------------

# task NAME COMMAND-LIST [more spec lines]: NAME.yaml; without a command an open session. TASK_REPOSITORY is what
# it works on, if not the sample.
task() {
    drop "$1.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: $1}
spec:
  repository: ${TASK_REPOSITORY:-$(url)}
  ${2:+command: $2}
$(sed 's/^/  /' <<<"${3:-}")
SPEC
}

# settings [spec lines]: the Repository object "project"
settings() {
    drop project.yaml <<SPEC
apiVersion: berth.dev/v1
kind: Repository
metadata: {name: project}
spec:
  url: ${TASK_REPOSITORY:-$(url)}
$(sed 's/^/  /' <<<"${1:-}")
SPEC
}

complete() { sed -i 's/^spec:/spec:\n  state: Completed/' "$SPECS/$1.yaml"; }

# --- what is there -----------------------------------------------------------------------------------

task_field() { status_of "$1.yaml" "$1" "status.task.$2"; }
task_field_is() { field_is "$1.yaml" "$1" "status.task.$2" "$3"; }
repository_field() { status_of project.yaml project "status.repository.$1"; }
repository_field_is() { field_is project.yaml project "status.repository.$1" "$2"; }

is_succeeded() { field_is "$1.yaml" "$1" status.phase Succeeded; }
is_failed() { field_is "$1.yaml" "$1" status.phase Failed; }
is_running_task() { field_is "$1.yaml" "$1" status.phase Running; }
is_waiting_for() { field_is "$1.yaml" "$1" 'status.conditions[type=Ready].reason' "$2"; }

log_of() { cat "$(task_field "$1" logFile)"; }
tree_of() { task_field "$1" tree.hostPath; }

# The container of a repository; with several, the first.
repo() { our_containers | grep '^repo-' | head -n 1; }
container_is_stopped() { [[ $(container_field "$1" '{{.State.Running}}') == false ]]; }
has_no_containers() { [[ -z $(our_containers) ]]; }

# The tree's own git cannot be trusted in general; in these tests it was made by Berth or by the test.
tree_git() { GIT_OPTIONAL_LOCKS=0 git -c safe.directory='*' -C "$@"; }


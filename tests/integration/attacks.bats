#!/usr/bin/env bats
# What strangers can write, tried out: repositories, trees, records, names, and root inside a container. Each attack
# must fail, or hit nothing but the attacker's own files.

load helpers
load task_helpers

EVIL=evil-marker

setup_victim() {
    VICTIM=$TEST_DIR/victim
    mkdir -p "$VICTIM/folder"
    echo "secret of the host" >"$VICTIM/file"
    echo "secret of the host" >"$VICTIM/folder/file"
    before_victim=$(picture "$VICTIM")
}

setup() {
    berth_setup
    REPO=repo$BATS_SUITE_TEST_NUMBER
    make_repo "$REPO"
    setup_victim
}

# All of a folder in one number: names, types, modes, owners, targets of links, contents.
picture() {
    (
        cd "$1"
        find . -printf '%p %y %m %U:%G %l\n' | sort
        find . -type f -exec sha256sum {} + | sort
    ) | sha256sum
}

victim_is_untouched() { [ "$(picture "$VICTIM")" = "$before_victim" ]; }

# as_root SCRIPT: what an operator can do, or whoever broke out of a task's guard
as_root() { docker exec -u 0 "$(repo)" sh -c "$1"; }

is_inspected() { task_field "$1" tree.dirty; }

# The controller goes on working: a new task on another repository runs from its file to its end.
still_works() {
    make_repo "other$BATS_SUITE_TEST_NUMBER-$1"
    TASK_REPOSITORY=$(url "other$BATS_SUITE_TEST_NUMBER-$1") task "still-works-$1" '[cat, README]'
    wait_for 30 is_succeeded "still-works-$1"
}

without_mounts() {
    printf '#!/bin/sh\nexec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin %q "$@"\n' "$BERTH" >"$TEST_DIR/berth"
    chmod +x "$TEST_DIR/berth"
    chmod o+x "$SUITE_DIR"
    BERTH=$TEST_DIR/berth
}

# --- root in the container -----------------------------------------------------------------------------

ruin() {
    as_root "cd /workspace/$1 && find . -type f -exec sh -c 'echo $EVIL >\"\$1\"' _ {} \\; ; chown -R 1234:1234 . ; chmod -R 7777 . ;
        rm -rf .git/refs .git/objects; ln -s / all-of-it; mkfifo pipe; mknod disk b 8 0; cp /bin/busybox setuid; chmod 6755 setuid; rm -rf greet.sh run-tests.sh; mkdir -p greet.sh/x; true"
}

shared_parts() {
    local part
    for part in git snap setup; do picture "$STATE/repos/$(repo)/$part"; done
}

damage_is_contained() {
    settings "setup: {command: [sh, -c, 'mkdir deps; echo dep >deps/a']}"
    task session ''
    task neighbour ''
    berth_start --repository-image berth-test/git:1
    wait_for 60 is_running_task session
    wait_for 60 is_running_task neighbour
    before=$(shared_parts)
    neighbour=$(picture "$(tree_of neighbour)")
    ruin session
    grep -q "$EVIL" "$(tree_of session)/README"
    [ "$(shared_parts)" = "$before" ]
    [ "$(picture "$(tree_of neighbour)")" = "$neighbour" ]
    git -c safe.directory='*' -C "$STATE/repos/$(repo)/git/mirror.git" fsck
    task later '[sh, -c, "cat README deps/a; ls; git status --short; git fsck"]'
    wait_for 30 is_succeeded later
    refute grep -q "$EVIL" "$(task_field later logFile)"
    [[ $(log_of later) == *"The sample repository"*dep* ]]
    complete session
    wait_for 20 is_succeeded session
    wait_for 30 is_inspected session
    task_field_is session tree.dirty true
    victim_is_untouched
    still_works 1
}

@test "root inside ruins a whole tree: mirror, snapshot, setup's layer and other trees stay as they were" {
    damage_is_contained
    [ "$(task_field session tree.method)" = overlay ] || skip "no overlay here"
    while read -r options; do
        [[ ,$options, == *,nosuid,* && ,$options, == *,nodev,* ]]
    done < <(awk -v below="$STATE/" 'index($5, below) == 1 && $0 ~ / - overlay / { print $6 }' /proc/self/mountinfo)
}

@test "the same with trees that are copies" {
    without_mounts
    damage_is_contained
    [ "$(task_field session tree.method)" = copy ]
}

@test "neither the mirror nor another repository's files can be found from inside" {
    make_repo "second$BATS_SUITE_TEST_NUMBER"
    TASK_REPOSITORY=$(url "second$BATS_SUITE_TEST_NUMBER") task second '[sh, -c, "echo of-the-second >mine; while :; do sleep 1; done"]'
    task session ''
    berth_start
    wait_for 40 is_running_task session
    wait_for 40 is_running_task second
    name=$(task_field session repositoryContainer)
    docker exec "$name" sh -c 'find / -xdev -name mirror.git; find /workspace -name mine; grep -c mirror /proc/self/mountinfo' >"$TEST_DIR/found" 2>/dev/null || true
    [ "$(cat "$TEST_DIR/found")" = 0 ]
    docker exec "$name" sh -c 'mount -t tmpfs x /workspace/session || mount --bind / /mnt || umount /workspace/session || mknod /dev/disk b 254 0 && cat /dev/disk' 2>/dev/null && return 1
    [ "$(container_field "$name" '{{range .Mounts}}{{if eq .Destination "/workspace"}}{{.Propagation}}{{end}}{{end}}')" != rshared ]
    container_is_running "$(task_field second repositoryContainer)"
}

@test "a task that is root tries to get around its guard: by /proc, mounts, namespaces, chroot and other processes" {
    task neighbour '[sleep, "1000"]'
    task intruder '[sh, -c, "n=/workspace/neighbour; for p in 1 $(pidof sleep); do echo x >/proc/$p/root$n/README; echo x >/proc/$p/cwd/README; echo x >/proc/$p/root/.berth/tasks/x; done; mount --bind /tmp $n; umount $n; unshare -m sh -c \"echo x >$n/README\"; nsenter -t 1 -m -p sh -c \"echo x >$n/README\"; chroot /proc/1/root sh -c \"echo x >$n/README\"; mkdir -p m; mount -t overlay overlay -o lowerdir=$n,upperdir=m,workdir=m m; cp /bin/busybox /.berth/runner; rm -rf $n/.git; ln -sf $PWD/README $n/README; mv $n /workspace/gone; echo x | dd of=$n/README; echo tried"]'
    berth_start --repository-image berth-test/git:1
    wait_for 40 is_running_task neighbour
    before=$(picture "$(tree_of neighbour)")
    wait_for 40 is_succeeded intruder
    [[ $(log_of intruder) == *tried ]]
    [ "$(picture "$(tree_of neighbour)")" = "$before" ]
    is_running_task neighbour
    docker exec "$(repo)" /.berth/runner version
    still_works 1
}

traps_in_workspace() {
    task session '' 'ttlSecondsAfterFinished: 5'
    berth_start --repository-image berth-test/git:1
    wait_for 40 is_running_task session
    as_root "cd /workspace; rm -rf .home .tmp; ln -s '$VICTIM' .home; ln -s '$VICTIM' .tmp;
        ln -s '$VICTIM' link; ln -s '$VICTIM/file' link-file; mkfifo pipe; echo x >file; mkdir -p folder/.git; echo x >folder/README; ln -s '$VICTIM' folder/link"
    for name in link link-file pipe file folder; do
        task "$name" '[sh, -c, "git status --short; git rev-parse HEAD; echo x >new; echo x >$HOME/x; echo x >$TMPDIR/x"]' 'ttlSecondsAfterFinished: 5'
        wait_for 40 is_succeeded "$name"
        [ "$(log_of "$name")" = "$(tip_of main)" ]
    done
    victim_is_untouched
    # And on their way out: what is removed is the trap, not what it points to.
    as_root "cd /workspace; rm -rf link/* .home/link; ln -s '$VICTIM' .home/link; ln -s '$VICTIM' link/x; mv .home away; ln -s '$VICTIM' .home"
    settings 'retainSeconds: 0'
    for name in link link-file pipe file folder session; do
        rm "$SPECS/$name.yaml"    # one by one: many at once would be held
        wait_for 40 test ! -e "$SPECS/$name.status.yaml"
    done
    wait_for 40 has_no_containers
    rm "$SPECS/project.yaml"
    gone() { [[ -z $(find "$STATE/repos" -name trees) ]]; }
    wait_for 40 gone
    victim_is_untouched
}

@test "links, pipes and folders of root's in the way of new trees, homes and their removal lead nowhere" {
    traps_in_workspace
}

@test "the same with trees that are copies: traps" {
    without_mounts
    traps_in_workspace
}

# --- forged records ------------------------------------------------------------------------------------

@test "forged records: links are not followed, pipes do not stop the controller, nothing of the host is shown" {
    settings 'securityContext: {runAsUser: 1000}'
    task hold ''
    for i in 1 2 3 4 5 6; do task "t$i" '[sh, -c, "echo hello; while :; do sleep 1; done"]'; done
    berth_start
    for i in 1 2 3 4 5 6; do
        wait_for 40 is_running_task "t$i"
        id[i]=$(task_field "t$i" id)
    done
    as_root "cd /.berth/tasks; kill -9 \$(pidof runner) 2>/dev/null;
        rm ${id[1]}/1.log; ln -s '$VICTIM/file' ${id[1]}/1.log;
        mkfifo ${id[2]}/1.exit;
        ln -s '$VICTIM/file' ${id[3]}/1.exit;
        yes | head -c 20000000 >${id[4]}/1.exit;
        mv ${id[5]} away; ln -s '$VICTIM' ${id[5]};
        rm ${id[6]}/1.start; mknod ${id[6]}/1.start b 8 0;
        rm -f .user; mkfifo .user"
    kill -HUP "$BERTH_PID"
    still_works 1
    run timeout 20 "$BERTH" logs task/t1 --specs "$SPECS" --state "$STATE"
    [[ $output != *"secret of the host"* ]]
    for i in 2 3 4 5 6; do
        run timeout 20 "$BERTH" logs "task/t$i" --specs "$SPECS" --state "$STATE"
        [ "$status" -ne 124 ]
        [[ $output != *"secret of the host"* ]]
    done
    berth_kill9
    berth_start
    still_works 2
    refute grep -rq "secret of the host" "$SPECS" "$LOG"
    for i in 1 2 3 4 5 6; do
        sed -i 's/^spec:/spec:\n  ttlSecondsAfterFinished: 0/' "$SPECS/t$i.yaml"
        rm "$SPECS/t$i.yaml"
        wait_for 60 test ! -e "$SPECS/t$i.status.yaml"
    done
    victim_is_untouched
    still_works 3
}

# --- planted in a tree ---------------------------------------------------------------------------------

@test ".git planted in a tree: nothing of it is run or followed on the host, and the controller does not wait for it" {
    local -A trap=(
        [config]='printf "[core]\n worktree = '"$VICTIM"'\n fsmonitor = touch '"$TEST_DIR/$EVIL"'\n hooksPath = /workspace/config/h\n[include]\n path = '"$VICTIM/file"'\n[filter \"x\"]\n clean = touch '"$TEST_DIR/$EVIL"'\n" >>.git/config; echo "* filter=x" >.gitattributes'
        [hooks]='for h in post-index-change fsmonitor-watchman pre-auto-gc reference-transaction post-checkout; do printf "#!/bin/sh\ntouch '"$TEST_DIR/$EVIL"'\n" >.git/hooks/$h; chmod +x .git/hooks/$h; done; echo x >>README'
        [gitfile]='rm -rf .git; echo "gitdir: '"$VICTIM"'" >.git'
        [gitlink]='rm -rf .git; ln -s '"$VICTIM"' .git'
        [pipe-config]='rm .git/config; mkfifo .git/config'
        [pipe-head]='rm .git/HEAD; mkfifo .git/HEAD'
        [pipe-attributes]='mkfifo .gitattributes; mkfifo .gitignore; mkfifo .git/packed-refs2; rm -f .git/packed-refs; mkfifo .git/packed-refs'
        [big-index]='rm .git/index; truncate -s 1000G .git/index'
        [big-file]='truncate -s 1000G README'
        [alternates]='echo '"$VICTIM"' >.git/objects/info/alternates'
        [deep]='d=$PWD; for i in $(seq 3000); do mkdir d && cd d || break; done; true'
        [outside]='for f in README Makefile greet.sh; do rm $f; ln -s '"$VICTIM/file"' $f; done; ln -s '"$VICTIM"' d'
        [no-git]='rm -rf .git'
        [locks]='touch .git/index.lock .git/HEAD.lock .git/config.lock; chmod 000 .git/objects'
    )
    settings 'securityContext: {runAsUser: 1000}
retainSeconds: 1000'
    for name in "${!trap[@]}"; do
        printf '%s\n' "${trap[$name]}" >"$TEST_DIR/script"
        drop "$name.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: $name}
spec:
  repository: $(url)
  command:
  - sh
  - -c
  - |
$(sed 's/^/    /' "$TEST_DIR/script")
SPEC
    done
    task hold ''
    berth_start --repository-image berth-test/git:1
    for name in "${!trap[@]}"; do wait_for 60 is_succeeded "$name" || { log_of "$name"; return 1; }; done
    still_works 1
    for name in "${!trap[@]}"; do
        wait_for 60 is_inspected "$name"
        [ ! -e "$TEST_DIR/$EVIL" ]
    done
    # What cannot be read counts as work: it is not thrown away.
    for name in hooks gitfile gitlink pipe-head big-index big-file outside no-git; do
        task_field_is "$name" tree.dirty true || { echo "$name"; return 1; }
    done
    git clone -q "$(bare)" "$TEST_DIR/clone"
    for name in "${!trap[@]}"; do
        run timeout 60 "$BERTH" fetch "$name" --into "$TEST_DIR/clone" --specs "$SPECS" --state "$STATE"
        [ "$status" -ne 124 ] || { echo "$name"; return 1; }
        [[ $output != *"secret of the host"* ]]
    done
    [ ! -e "$TEST_DIR/$EVIL" ]
    for name in "${!trap[@]}"; do sed -i 's/^spec:/spec:\n  ttlSecondsAfterFinished: 0/' "$SPECS/$name.yaml"; done
    settings 'securityContext: {runAsUser: 1000}
retainSeconds: 0'
    away() { ! task_field "$1" tree.hostPath; }
    for name in "${!trap[@]}"; do wait_for 60 away "$name"; done
    victim_is_untouched
    refute grep -rq "secret of the host" "$SPECS" "$LOG"
}

# --- planted in a repository ---------------------------------------------------------------------------

# hostile NAME ENTRIES: a repository whose only commit has such a tree, which git itself would not write
hostile() {
    local git=$REPOSITORIES/$1.git blob tree
    git init -q --bare -b main "$git"
    blob=$(echo "$EVIL" | git --git-dir="$git" hash-object -w --stdin)
    tree=$(printf "$2\0$(sed 's/../\\x&/g' <<<"$blob")" | git --git-dir="$git" hash-object -t tree -w --stdin --literally)
    git --git-dir="$git" update-ref refs/heads/main "$(git --git-dir="$git" -c user.name=T -c user.email=t@example.org commit-tree -m hostile "$tree")"
}

@test "a repository with .git, .. and links in the way of its own files is refused with the reason; nothing is made" {
    local n=$BATS_SUITE_TEST_NUMBER
    hostile "dotgit$n" '100644 .git'
    hostile "case$n" '100644 .GIT'
    hostile "ntfs$n" '100644 git~1'
    hostile "up$n" '100644 ..'
    hostile "slash$n" '100644 ../escaped'
    hostile "absolute$n" "100644 $TEST_DIR/escaped"
    for name in dotgit case ntfs up slash absolute; do
        TASK_REPOSITORY=$(url "$name$n") task "$name" '[ls, -la]'
    done
    berth_start
    for name in dotgit case ntfs up slash absolute; do
        refused() { [[ -n $(status_of "$name.yaml" "$name" status.error.reason) ]]; }
        wait_for 40 refused
        [ "$(task_field "$name" attempt)" = 0 ]
    done
    [ -z "$(find "$STATE" "$TEST_DIR" -name 'escaped*')" ]
    [ -z "$(find "$STATE/repos" -path '*/trees/*' -type f)" ]
    still_works 1
}

@test "links of a repository to the host, a set-user-id file, and a submodule whose URL is a command" {
    tree=$(mktemp -d "$TEST_DIR/evil-XXXXXX")
    git clone -q "$(bare)" "$tree"
    ln -s "$VICTIM" "$tree/d"
    ln -sf "$VICTIM/file" "$tree/README"
    mkdir "$tree/.devcontainer"
    ln -s "$VICTIM/file" "$tree/.devcontainer/devcontainer.json"
    printf '[submodule "s"]\n path = s\n url = ext::sh -c touch%% %s\n' "$TEST_DIR/$EVIL" >"$tree/.gitmodules"
    git -C "$tree" add -A
    git -C "$tree" update-index --add --cacheinfo "160000,$(tip_of main),s"
    git -C "$tree" -c user.name=T -c user.email=t@example.org commit -q -m evil
    git -C "$tree" push -q origin main
    settings "securityContext: {runAsUser: 1000}
setup: {command: [sh, -c, 'echo x >made']}"
    task job '[sh, -c, "cat README; echo x >d/new; echo x >README; git status --short"]'
    berth_start --repository-image berth-test/git:1 --devcontainer-image 'berth-test/*'
    wait_for 60 is_succeeded job
    refute grep -q "secret of the host" "$(task_field job logFile)"
    [ ! -e "$TEST_DIR/$EVIL" ]
    victim_is_untouched
    repository_field_is submodules true
    refute grep -rq "secret of the host" "$SPECS" "$LOG" "$STATE"
    wait_for 30 is_inspected job
}

# --- names ---------------------------------------------------------------------------------------------

@test "names with .., options in the place of branches, and URLs that are commands: refused, or just names" {
    ran=$TEST_DIR/$EVIL
    i=0
    while IFS='|' read -r field value; do
        i=$((i + 1))
        [ -n "$field" ] || continue
        name=n$i repository=$(url) branch='' ref='' user=''
        eval "$field=\$value"
        drop "n$i.yaml" <<SPEC
apiVersion: berth.dev/v1
kind: Task
metadata: {name: "$name"}
spec:
  repository: "$repository"
  ${branch:+branch: "$branch"}
  ${ref:+ref: "$ref"}
  ${user:+user: "$user"}
  command: [touch, /tmp/ran-$i]
SPEC
    done <<TABLE
name|../../escaped
name|a/b
name|.hidden
name|-x
repository|ext::sh -c touch% $ran
repository|--upload-pack=touch $ran
repository|-oProxyCommand=touch $ran
repository|ssh://-oProxyCommand=touch $ran/x/y
repository|file://$REPOSITORIES/../victim
repository|$GIT_HTTP_URL/git/../victim/x
repository|$GIT_HTTP_URL/git/x;touch $ran
repository|http://user:password@127.0.0.1/x/y
branch|--upload-pack=touch $ran
branch|-f
branch|../../../escaped
branch|main..feature
branch|refs/heads/../../x
branch|a b
ref|--output=$ran
ref|../escaped
ref|v1^{/x}
ref|:/start
user|../../escaped
user|-x
TABLE
    task fine '["true"]'
    berth_start
    wait_for 30 is_succeeded fine
    for ((n = 1; n <= i; n++)); do
        says_no() { grep -qE 'reason: (Invalid[A-Za-z]*|BranchNotFound|RefNotFound|SchemeRefused|RepositoryNotFound)$' "$SPECS/n$n.status.yaml"; }
        wait_for 20 says_no || { cat "$SPECS/n$n.yaml" "$SPECS/n$n.status.yaml"; return 1; }
    done
    [ ! -e "$ran" ]
    [ -z "$(find "$TEST_DIR" -name 'escaped*')" ]
    refute docker exec "$(repo)" sh -c 'ls /tmp/ran-*'
}

@test "a remote whose branches are called like options: only names" {
    for branch in --help -x --upload-pack=touch 'evil$(id)' "$(printf 'a%.0s' $(seq 200))"; do
        git -C "$(bare)" update-ref "refs/heads/$branch" main
    done
    task one '[git, branch, --show-current]' 'branch: "evil$(id)"'
    task two '["true"]' "branch: $(printf 'a%.0s' $(seq 200))"
    settings 'isolation: Branch'
    berth_start --repository-image berth-test/git:1
    wait_for 40 is_succeeded two
    name=$(task_field two repositoryContainer)
    [ "${#name}" -le 128 ]
    ended() { is_succeeded one || field_is one.yaml one status.phase Invalid; }
    wait_for 40 ended
    still_works 1
}

# --- credentials ---------------------------------------------------------------------------------------

# Asks for a login, and takes its time once it has got one.
serve_slowly() {
    cat >"$TEST_DIR/slow" <<'SCRIPT'
#!/bin/bash
while IFS= read -r line && [ "${line%$'\r'}" != '' ]; do
    [[ $line != [Aa]uthorization:* ]] || echo "$line" >>"$1"
done
if [ -s "$1" ]; then
    while [ ! -e "$1.go" ]; do sleep 0.1; done
fi
printf 'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
SCRIPT
    chmod +x "$TEST_DIR/slow"
    socat "TCP-LISTEN:$PORT_LAST,bind=127.0.0.1,fork,reuseaddr" "EXEC:$TEST_DIR/slow $TEST_DIR/login" 3>&- 2>/dev/null &
    SERVER=$!
}

# Not of this test and its server, which have to know it.
who_shows() {
    local file
    for file in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do
        ! grep -aqs "$1" "$file" || echo "$file: $(tr '\0' ' ' <"$file" | head -c 300)"
    done
}

@test "while a clone with a token runs the token is in no process list, environment, status, log, label or state file" {
    token=t0ken-$RANDOM$RANDOM
    printf '%s\n' "$token" >"$TEST_DIR/token"
    chmod 600 "$TEST_DIR/token"
    serve_slowly
    TASK_REPOSITORY=http://127.0.0.1:$PORT_LAST/org/private.git
    settings "credentials: {tokenFile: $TEST_DIR/token}"
    task job '["true"]'
    berth_start -v
    wait_for 30 test -s "$TEST_DIR/login"
    grep -q "$(printf 'x-access-token:%s' "$token" | base64 -w0)" "$TEST_DIR/login"    # it is in use now
    coded=$(printf 'x-access-token:%s' "$token" | base64 -w0)
    for secret in "$token" "$coded"; do
        who_shows "$secret"
        [ -z "$(who_shows "$secret")" ]
        refute grep -rlF "$secret" "$SPECS" "$STATE" "$LOG"
        refute grep -F "$secret" <<<"$(docker ps -aq | xargs -r docker inspect)"
    done
    run "$BERTH" run --dry-run --specs "$SPECS" --state "$STATE" --ports "$PORT_FIRST-$PORT_LAST"
    [[ $output != *"$token"* ]]
    run "$BERTH" get tasks -o yaml --specs "$SPECS" --state "$STATE"
    [[ $output != *"$token"* ]]
    touch "$TEST_DIR/login.go"
    wait_for 30 is_waiting_for job AuthenticationFailed
    refute grep -rlF -e "$token" -e "$coded" "$SPECS" "$STATE" "$LOG"
    [ "$(sort -u "$TEST_DIR/login" | wc -l)" -eq 1 ]
    kill "$SERVER"
}

@test "a private repository's task finds no credential: not in its tree, its environment, nor anywhere in its container" {
    printf 's3cret\n' >"$TEST_DIR/token"
    printf 'alice\n' >"$TEST_DIR/user"
    TASK_REPOSITORY=$GIT_HTTP_URL/private/$REPO.git
    settings "credentials: {tokenFile: $TEST_DIR/token, usernameFile: $TEST_DIR/user}"
    task job '[sh, -c, "env; cat .git/config; git config -l; grep -rl s3cre[t] / --exclude-dir=proc --exclude-dir=sys 2>/dev/null; cat /proc/*/environ /proc/*/cmdline; echo looked"]'
    berth_start -v --repository-image berth-test/git:1
    wait_for 60 is_succeeded job
    [[ $(log_of job | tr '\0' ' ') == *looked ]]
    refute grep -aq s3cret "$(task_field job logFile)"
    refute grep -aq YWxpY2U6czNjcmV0 "$(task_field job logFile)"    # alice:s3cret in base64
    refute grep -rq s3cret "$SPECS" "$STATE" "$LOG"
}

# --- other users of the host ---------------------------------------------------------------------------

@test "another user of this machine gets to no tree, log, mirror or record" {
    [ "$(id -u)" = 0 ] || skip "only root can become another user"
    chmod o+x "$SUITE_DIR"
    settings 'securityContext: {runAsUser: 1000}'
    task session ''
    task job '[echo, hello]'
    berth_start
    wait_for 40 is_running_task session
    wait_for 40 is_succeeded job
    for path in "$(tree_of session)/README" "$(task_field job logFile)" "$STATE/repos/$(repo)" \
        "$STATE"/repos/*/git/mirror.git/HEAD "$STATE"/repos/*/snap/*/README "$STATE/repos/$(repo)/layers/session"; do
        [ -e "$path" ]
        refute setpriv --reuid=12345 --regid=12345 --clear-groups ls "$path" 2>/dev/null
    done
}

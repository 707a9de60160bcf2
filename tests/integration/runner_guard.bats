#!/usr/bin/env bats
#
# What a task has of its own in a container that it shares with others of the same user: its tree, home
# and folder for temporary files, and a guard that keeps it out of everybody else's. The tasks are `own`
# and `other`; nothing of the controller is needed. The kernel must have Landlock (Linux 5.19 and on).

bats_require_minimum_version 1.5.0
load runner_helpers

setup() {
    runner_setup
    trees=$BATS_TEST_TMPDIR/trees
    mkdir -p "$trees"/{own,other,.home/own,.home/other,.tmp/own,.tmp/other}
    echo keep >"$trees/other/keep"
    chown -R 1000:1000 "$trees"/{own,other,.home/*,.tmp/*}
    own=(--cwd /workspace/own --home /workspace/.home/own --tmp /workspace/.tmp/own
        --guard /workspace --guard /.berth
        --allow /workspace/own --allow /workspace/.home/own --allow /workspace/.tmp/own)
}

# start_repository [docker option...] [-- idle option...]: a container as those of repositories are.
start_repository() {
    local options=() root=$BATS_TEST_TMPDIR/root
    while (($# > 0)) && [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    [ "${1:-}" != -- ] || shift
    container=$(docker create --user 0:0 --network none --pids-limit 128 --memory 128m \
        --security-opt no-new-privileges -v "$trees:/workspace" -v "$dir:/.berth/tasks/t" \
        "${options[@]}" berth-test/git:1 /.berth/runner idle "$@")
    mkdir -p "$root/.berth"
    cp "$RUNNER" "$root/.berth/runner"
    tar -C "$root" -c .berth | docker cp - "$container:/"
    docker start "$container"
}

# judge < lines of "can COMMAND" or "cannot COMMAND": what is so in the container, under the options of
# the attempt; fails with the difference.
judge() {
    local cases=$BATS_TEST_TMPDIR/cases
    cat >"$cases"
    cp "$cases" "$trees/own/cases"
    in_container /.berth/runner exec "$@" -- sh -c 'while read -r verdict command; do
        if (eval "$command") >/dev/null 2>&1 </dev/null; then echo "can $command"; else echo "cannot $command"; fi
        (echo keep >/workspace/other/keep) 2>/dev/null || :
    done <cases' >"$BATS_TEST_TMPDIR/found"
    diff "$cases" "$BATS_TEST_TMPDIR/found"
}

@test "a guarded command writes in its own places and in nobody else's, be it a user or root" {
    start_repository
    for user in 1000:1000 0:0; do
        judge --user "$user" "${own[@]}" <<'END'
can cat /workspace/other/keep
cannot echo x >/workspace/other/new
cannot echo x >>/workspace/other/keep
cannot rm /workspace/other/keep
cannot mv /workspace/other/keep /workspace/other/moved
cannot mv /workspace/other/keep /workspace/own/
cannot ln /workspace/other/keep /workspace/own/link
cannot truncate -s 0 /workspace/other/keep
cannot mkdir /workspace/other/folder
cannot ln -s x /workspace/other/symlink
cannot mkfifo /workspace/other/fifo
cannot rmdir /workspace/.tmp/other
cannot echo x >/workspace/.home/other/x
cannot echo x >/workspace/.tmp/other/x
cannot echo x >/.berth/tasks/t/9.exit
cannot mv /workspace/own /workspace/mine
cannot touch /workspace/new
can echo x >/workspace/own/file
can mv /workspace/own/file /workspace/own/file2
can mkdir -p /workspace/own/a/b
can mv /workspace/own/file2 /workspace/own/a/b/
can ln /workspace/own/a/b/file2 /workspace/own/link
can mv /workspace/own/a/b /workspace/own/c
can ln -s nowhere /workspace/own/symlink
can rm -rf /workspace/own/a /workspace/own/c /workspace/own/link /workspace/own/symlink
can echo x >"$HOME/x" && rm "$HOME/x"
can echo x >"$TMPDIR/x" && mv "$TMPDIR/x" /workspace/own/ && rm /workspace/own/x
can echo x >/tmp/x && rm /tmp/x
can echo x >/dev/null
can echo x >/dev/shm/x && rm /dev/shm/x
END
    done
    judge --user 0:0 "${own[@]}" <<'END'
can mkdir /var/x && rmdir /var/x
can echo x >/etc/x && rm /etc/x
cannot touch /x
END
}

# Without this the test above could not fail.
@test "without a guard the same user can do all of that" {
    start_repository
    judge --user 1000:1000 --cwd /workspace/own <<'END'
can echo x >/workspace/other/new && rm /workspace/other/new
can mv /workspace/other/keep /workspace/own/
can rm /workspace/other/keep
can ln /workspace/other/keep /workspace/own/link && rm /workspace/own/link
can mkdir /workspace/other/folder && rmdir /workspace/other/folder
END
}

# A program that does to the process in its argument what debuggers do.
build_tracer() {
    cat >"$BATS_TEST_TMPDIR/tracer.c" <<'END'
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static char text[16] = "untouched";

int main(int argc, char **argv)
{
    char other[16] = "";
    struct iovec here = {other, sizeof(other)}, there = {text, sizeof(text)};
    int pid = atoi(argv[2]);

    (void)argc;
    if (strcmp(argv[1], "attach") == 0) {
        return ptrace(PTRACE_SEIZE, pid, 0, 0) < 0;
    }
    return process_vm_readv(pid, &here, 1, &there, 1, 0) < 0;
}
END
    "${CC:-cc}" -static -no-pie -o "$trees/own/tracer" "$BATS_TEST_TMPDIR/tracer.c"
}

@test "there is no way around the guard through another task's process, a mount or a namespace" {
    start_repository
    build_tracer
    # the other task's process: it has its own tree open, and no guard
    docker_exec_options=(-d)
    in_container /.berth/runner exec --user 1000:1000 --cwd /workspace/other -- \
        sh -c 'exec 7>>keep; echo $$ >/workspace/.tmp/other/pid; exec sleep 1000'
    wait_until '[ -s "$trees/.tmp/other/pid" ]'
    docker_exec_options=()
    pid=$(cat "$trees/.tmp/other/pid")
    ways=$(cat <<END
echo x >>/proc/$pid/root/workspace/other/keep
echo x >>/proc/$pid/cwd/keep
echo x >>/proc/$pid/fd/7
cat /proc/$pid/environ
./tracer attach $pid
END
)
    judge --user 1000:1000 --cwd /workspace/own < <(sed 's/^/can /' <<<"$ways")
    judge --user 1000:1000 "${own[@]}" < <(sed 's/^/cannot /' <<<"$ways")
    judge --user 0:0 "${own[@]}" < <(sed 's/^/cannot /' <<<"$ways"
        cat <<END
cannot ./tracer read $pid
cannot echo x >>/proc/self/root/workspace/other/keep
cannot echo x >>/proc/1/root/workspace/other/keep
cannot chroot /workspace/other /bin/true
cannot mount --bind /workspace/other /mnt
cannot mount -t tmpfs none /tmp
cannot umount /workspace
cannot unshare -Urm mount --bind /workspace/other /tmp
END
    )
}

@test "also who may mount cannot while guarded" {
    start_repository --cap-add SYS_ADMIN --security-opt apparmor=unconfined
    ways=$(cat <<'END'
mount --bind /workspace/other /tmp
mount -t tmpfs none /var && umount /var
END
)
    judge --user 0:0 --cwd /workspace/own < <(sed 's/^/can /' <<<"$ways")
    judge --user 0:0 "${own[@]}" < <(sed 's/^/cannot /' <<<"$ways")
}

@test "git works in the task's own tree" {
    start_repository
    cat >"$trees/own/work" <<'END'
set -e
git init -q -b main --template= .
mkdir sub; echo 1 >sub/file; git add sub; git commit -q -m one
git checkout -q -b topic
git mv sub/file moved; echo 2 >>moved; git commit -q -a -m two
git checkout -q main; echo 3 >third; git add third; git commit -q -m three
git checkout -q topic; git rebase -q main
echo 4 >>moved; git stash -q; git stash pop -q; git commit -q -a -m four
git config --global alias.last 'log -1 --format=%s'
git gc -q --prune=now; git fsck --strict; git last; git log --format=%s | wc -l
git worktree add -q ../other/tree 2>/dev/null || echo no tree elsewhere
END
    run in_container /.berth/runner run --dir /.berth/tasks/t --attempt 1 --user 1000:1000 "${own[@]}" -- sh work
    diff "$dir/1.log" <(printf 'four\n4\nno tree elsewhere\n')
    [ "$status" -eq 0 ]
    [ "$(value 1.start guard)" = landlock ]
    [ -f "$trees/.home/own/.gitconfig" ]
}

@test "a container that may not have Landlock runs its tasks all the same and says so" {
    for number in 1 38; do # EPERM, ENOSYS
        cat >"$BATS_TEST_TMPDIR/seccomp" <<END
{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["landlock_create_ruleset", "landlock_add_rule",
 "landlock_restrict_self"], "action": "SCMP_ACT_ERRNO", "errnoRet": $number}]}
END
        start_repository --security-opt "seccomp=$BATS_TEST_TMPDIR/seccomp"
        attempt_in_container "$number" --user 1000:1000 "${own[@]}" -- sh -c 'echo x >../other/x'
        [ "$(value "$number.start" guard)" = none ]
        [ "$(cat "$trees/other/x")" = x ]
        docker rm -f "$container"
    done
}

@test "what is to be allowed and is not there is said before anything runs" {
    start_repository
    code=0
    attempt_in_container 1 --guard /workspace --allow /workspace/gone -- touch /workspace/own/ran || code=$?
    [ "$code" -eq 126 ]
    [ "$(value 1.exit message)" = 'guard: open "/workspace/gone": no such file or directory' ]
    [ "$(value 1.exit outcome)" = not-started ]
    [ ! -e "$trees/own/ran" ]
    for path in relative /a/../b ""; do
        run -64 in_container /.berth/runner exec --guard "$path" -- true
        [ "$output" = "berth-runner: exec: --guard \"$path\" is not an absolute path without \"..\"" ]
    done
    many=()
    for i in $(seq 65); do
        many+=(--allow /tmp)
    done
    run -64 in_container /.berth/runner exec "${many[@]}" -- true
    [ "$output" = "berth-runner: exec: --allow is given more than 64 times" ]
}

@test "a task has a home and a place for temporary files of its own, with links to caches of its user" {
    start_repository --tmpfs /home/app/.cache/pip --tmpfs /home/app/.m2 --tmpfs /var/cache/apt
    install -d -o 1000 -g 1000 "$trees/.home/own/.config"
    echo mine >"$trees/.home/own/.npmrc"
    attempt_in_container 1 --user app "${own[@]}" --allow /home/app/.m2 \
        --link /home/app/.cache/pip --link /home/app//.m2/ --link /home/app/.config/tool/cache \
        --link /home/app/.npmrc --link /home/app/.npmrc/below --link /var/cache/apt --link /home/app \
        -- sh -c 'echo $HOME $TMPDIR $TMP $TEMP; cd; find . | sort
            for link in .cache/pip .m2 .config/tool/cache; do readlink $link; done
            stat -c %u:%g:%a .cache .config/tool; cat .npmrc; echo x >.m2/x'
    diff "$dir/1.log" - <<'END'
/workspace/.home/own /workspace/.tmp/own /workspace/.tmp/own /workspace/.tmp/own
.
./.cache
./.cache/pip
./.config
./.config/tool
./.config/tool/cache
./.m2
./.npmrc
/home/app/.cache/pip
/home/app/.m2
/home/app/.config/tool/cache
1000:1000:755
1000:1000:755
mine
END
    # once more, with everything there
    attempt_in_container 2 --user app "${own[@]}" --link /home/app/.m2 -- readlink /workspace/.home/own/.m2
    [ "$(cat "$dir/2.log")" = /home/app/.m2 ]
    # root's own home, and a user whose home is /: nothing lies below that in a way that matters
    attempt_in_container 3 --user 4242 "${own[@]}" --link /var/cache/apt -- find /workspace/.home/own -name apt
    [ ! -s "$dir/3.log" ]
    attempt_in_container 4 --user root --link /root/.cache -- sh -c 'echo $HOME; ls -A ~'
    [ "$(cat "$dir/4.log")" = /root ]
    code=0
    attempt_in_container 5 --user app --home /workspace/.home/none --link /home/app/.m2 -- true || code=$?
    [ "$code" -eq 126 ]
    [ "$(value 5.exit message)" = \
        "make in the task's home a link to \"/home/app/.m2\": no such file or directory" ]
}

@test "a task's outputs can be opened by name, whoever its user is" {
    start_repository
    attempt_in_container 1 --user app -- sh -c 'echo out >/dev/stdout; echo err >/dev/stderr; echo fd >/proc/self/fd/1'
    [ "$(tr '\n' ' ' <"$dir/1.log")" = "out err fd " ]
}

@test "exec becomes the command in place, with streams, terminal and exit code, and leaves no record" {
    start_repository
    [ "$(in_container /.berth/runner exec --user app "${own[@]}" -- \
        sh -c 'id -un; pwd; echo $HOME $TMPDIR; cat /proc/$PPID/comm 2>&1' | tr '\n' ' ')" = \
        "app /workspace/own /workspace/.home/own /workspace/.tmp/own cat: can't open '/proc/0/comm': No such file or directory " ]
    docker_exec_options=(-i)
    [ "$(echo hello | in_container /.berth/runner exec --user app -- cat)" = hello ]
    [ "$(in_container /.berth/runner exec --user app -- sh -c 'echo err >/dev/stderr; echo out' 2>/dev/null)" = out ]
    for code in 0 3 255; do
        run -$code in_container /.berth/runner exec -- sh -c "exit $code"
    done
    run -143 in_container /.berth/runner exec -- sh -c 'kill $$'
    run -127 in_container /.berth/runner exec -- mkae all
    [ "$output" = 'berth-runner: exec "mkae": no such file or directory' ]
    run -126 in_container /.berth/runner exec -- /etc/passwd
    [ "$output" = 'berth-runner: exec "/etc/passwd": permission denied' ]
    run -126 in_container /.berth/runner exec --user carol -- true
    [ "$output" = 'berth-runner: no user "carol" in /etc/passwd' ]
    run -126 in_container /.berth/runner exec --cwd /no/such -- true
    run -64 in_container /.berth/runner exec --user app
    run -64 in_container /.berth/runner exec --dir /.berth/tasks/t -- true
    [ -z "$(ls -A "$dir")" ]
    # into a file: an engine may drop the last bytes of a terminal whose input has ended
    script -qec "docker exec -it $container /.berth/runner exec --user app -- sh -c ': >\$(tty) && stat -c %U \$(tty) >/tmp/owner'" \
        /dev/null </dev/null
    [ "$(in_container cat /tmp/owner)" = app ]
}

@test "idle writes down who a user is, at each start" {
    start_repository -- --user app --user-file /.berth/tasks/t/user
    wait_until '[ -s "$dir/user" ]'
    diff "$dir/user" <(printf 'version=1\nuid=1000\ngid=1000\nhome=/home/app\n')
    [ "$(stat -c %a "$dir/user")" = 644 ]
    docker stop "$container"
    ln -sf /etc/passwd "$dir/user" # replaced, not followed
    docker start "$container"
    wait_until '[ ! -L "$dir/user" ]'
    diff "$dir/user" <(printf 'version=1\nuid=1000\ngid=1000\nhome=/home/app\n')
    [ "$(ls -A "$dir")" = user ]
    docker rm -f "$container"
    start_repository -- --user carol --user-file /.berth/tasks/t/user
    wait_until 'grep -q carol "$dir/user"'
    diff "$dir/user" <(printf 'version=1\nerror=no user "carol" in /etc/passwd\n')
    docker rm -f "$container"
    start_repository -- --user 4242:app --user-file /.berth/tasks/t/user
    wait_until 'grep -q 4242 "$dir/user"'
    diff "$dir/user" <(printf 'version=1\nuid=4242\ngid=1000\nhome=/\n')
    docker rm -f "$container"
    start_repository -- --user-file /no/such/folder/user # and idles on
    attempt_in_container 1 -- true
    [ "$(docker logs "$container" 2>&1)" = \
        'berth-runner: idle: write "/no/such/folder/user": no such file or directory' ]
}

@test "a command that the kernel kills for memory is told apart from one that somebody kills" {
    start_repository
    code=0
    # all of it in one string
    attempt_in_container 1 -- sh -c 'exec tail /dev/zero' || code=$?
    [ "$code" -eq 137 ]
    [ "$(value 1.exit signal)" = 9 ]
    [ "$(value 1.exit oom)" = 1 ]
    # the same in a child of the command
    attempt_in_container 2 -- sh -c 'tail /dev/zero; exit 3' || true
    [ "$(value 2.exit exit_code)" = 3 ]
    [ "$(value 2.exit oom)" = 1 ]
    attempt_in_container 3 -- sh -c 'kill -9 $$' || true
    [ "$(value 3.exit exit_code)" = 137 ]
    [ "$(value 3.exit oom)" = 0 ]
    # one that copes has no such end
    attempt_in_container 4 -- sh -c 'tail /dev/zero; exit 0'
    [ "$(value 4.exit oom)" = 0 ]
}

@test "attempts of a task are independent of each other" {
    start_repository
    code=0
    attempt_in_container 1 -- sh -c 'echo first; exit 3' || code=$?
    [ "$code" -eq 3 ]
    docker_exec_options=(-d)
    attempt_in_container 2 -- sh -c 'echo second; sleep 1000'
    attempt_in_container 10 -- sh -c 'echo tenth; sleep 1000'
    wait_until 'grep -q second "$dir/2.log" && grep -q tenth "$dir/10.log"'
    is_locked 2
    is_locked 10
    refute is_locked 1
    docker_exec_options=()
    in_container /.berth/runner stop --dir /.berth/tasks/t --attempt 1
    in_container /.berth/runner stop --dir /.berth/tasks/t --attempt 2
    [ "$(value 2.exit outcome)" = stopped ]
    is_locked 10
    [ "$(cat "$dir/1.log" "$dir/2.log" "$dir/10.log" | tr '\n' ' ')" = "first second tenth " ]
    [ "$(value 1.exit exit_code)" = 3 ]
    for number in 1 2 10; do
        code=0
        attempt_in_container $number -- touch /workspace/own/ran || code=$?
        [ "$code" -eq 75 ]
    done
    [ ! -e "$trees/own/ran" ]
    docker kill "$container"
    wait_until 'refute is_locked 10 2>/dev/null'
    [ ! -e "$dir/10.exit" ]
}

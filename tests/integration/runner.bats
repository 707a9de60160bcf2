#!/usr/bin/env bats
#
# The task runner, run directly on this machine and then in containers that hold nothing else: what a
# task may rely on, and what the records say. Needs root, for other users, mounts and pid namespaces.

bats_require_minimum_version 1.5.0
load runner_helpers

@test "version says which runner it is, and what is not understood ends with 64" {
    run "$RUNNER" version
    [ "$status" -eq 0 ]
    [ "$output" = "berth-runner 1" ]
    for arguments in "" "dance" "run" "run --dir $dir" "run --dir $dir --attempt 1" \
        "run --dir $dir --attempt 1 --" "run --dir $dir --attempt 0 -- true" \
        "run --dir $dir --attempt 1 --attempt 1 -- true" "run --dir $dir --attempt 1 -x 1 -- true" \
        "run --dir $dir --attempt 1 --timeout-ms 1s -- true" "run --dir $dir --attempt" \
        "stop --dir $dir" "idle --grace-ms -1"; do
        run "$RUNNER" $arguments
        [ "$status" -eq 64 ]
        [ -n "$output" ]
    done
    [ -z "$(ls -A "$dir")" ]
}

@test "the exit code of the command is in the record, and is the runner's own" {
    for code in 0 1 3 255; do
        attempt $((code + 1)) -- sh -c "exit $code"
        [ "$status" -eq "$code" ]
        [ "$(record $((code + 1)))" = "outcome=exited exit_code=$code signal=0 log_truncated=0 message= " ]
    done
}

@test "the times are those of the command" {
    before=$(date +%s%3N)
    attempt 1 -- sleep 0.3
    after=$(date +%s%3N)
    [ "$(value 1.start started_ms)" -eq "$(value 1.exit started_ms)" ]
    [ "$(value 1.exit started_ms)" -ge "$before" ]
    [ "$(value 1.exit finished_ms)" -ge $(($(value 1.exit started_ms) + 300)) ]
    [ "$(value 1.exit finished_ms)" -le "$after" ]
}

@test "a command that dies of a signal has 128 and the signal" {
    for signal in 6 9 11 15; do
        attempt $signal -- sh -c "kill -$signal \$\$"
        [ "$status" -eq $((128 + signal)) ]
        [ "$(record $signal)" = "outcome=exited exit_code=$((128 + signal)) signal=$signal log_truncated=0 message= " ]
    done
}

@test "what cannot be started says why" {
    printf '#!/no/such/interpreter\n' >"$BATS_TEST_TMPDIR/script"
    chmod +x "$BATS_TEST_TMPDIR/script"
    touch "$BATS_TEST_TMPDIR/file"
    expect() {
        local number=$1 code=$2 message=$3
        [ "$status" -eq "$code" ]
        [ "$(record "$number")" = "outcome=not-started exit_code=$code signal=0 log_truncated=0 message=$message " ]
    }
    attempt 1 -- mkae all
    expect 1 127 'exec "mkae": no such file or directory'
    attempt 2 -- ./gone
    expect 2 127 'exec "./gone": no such file or directory'
    attempt 3 -- "$BATS_TEST_TMPDIR/script"
    expect 3 127 "exec \"$BATS_TEST_TMPDIR/script\": its interpreter or dynamic loader does not exist"
    attempt 4 -- "$BATS_TEST_TMPDIR/file"
    expect 4 126 "exec \"$BATS_TEST_TMPDIR/file\": permission denied"
    attempt 5 --cwd /no/such -- true
    expect 5 126 'change to directory "/no/such": no such file or directory'
    attempt 6 --user carol -- true
    expect 6 126 'no user "carol" in /etc/passwd'
    attempt 7 --user root:carols -- true
    expect 7 126 'no group "carols" in /etc/group'
    attempt 8 -- $'a\nb'
    expect 8 127 'exec "a?b": no such file or directory'
    attempt 9 -- ""
    expect 9 127 'exec "": no such file or directory'
}

@test "the log has both outputs in the order of writing" {
    attempt 1 -- sh -c 'i=0; while [ $i -lt 200 ]; do echo out $i; echo err $i >&2; i=$((i + 1)); done'
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    diff "$dir/1.log" <(for i in $(seq 0 199); do echo "out $i"; echo "err $i"; done)
    [ "$(stat -c %a "$dir/1.log" "$dir/1.start" "$dir/1.exit" | sort -u)" = 644 ]
}

@test "records can be read by everybody whatever the umask, which is the command's still" {
    (umask 077 && "$RUNNER" run --dir "$dir" --attempt 1 -- sh -c umask)
    [ "$(stat -c %a "$dir/1.log" "$dir/1.start" "$dir/1.exit" | sort -u)" = 644 ]
    [ "$(cat "$dir/1.log")" = 0077 ]
}

@test "a large output is whole" {
    attempt 1 -- sh -c 'seq 1000000; seq 1000000 >&2'
    [ "$status" -eq 0 ]
    cmp "$dir/1.log" <(seq 1000000; seq 1000000)
    [ "$(value 1.exit log_truncated)" = 0 ]
}

@test "the command has no input, its own session, default signals and no descriptors of ours" {
    # all signals, also the two that the C library keeps to itself and bash cannot name
    ignore='my $ignore = pack("Q4", 1, 0, 0, 0);
        for (1..64) { my $signal = $_; syscall(13, $signal, $ignore, 0, 8) } exec @ARGV'
    [ "$(uname -m)" = x86_64 ] || ignore='$SIG{$_} = "IGNORE" for keys %SIG; exec @ARGV'
    run perl -e "$ignore" bash -c 'exec 7</etc/passwd
        echo secret | "$0" run --dir "$1" --attempt 1 -- bash -c "
            read line && echo got \$line
            echo session \$(( \$(cut -d\" \" -f 6 /proc/\$\$/stat) - \$\$ ))
            grep -E \"^Sig(Blk|Ign):\" /proc/self/status
            ls /proc/\$\$/fd; :"' "$RUNNER" "$dir"
    [ "$status" -eq 0 ]
    diff "$dir/1.log" - <<END
session 0
SigBlk:	0000000000000000
SigIgn:	0000000000000000
0
1
2
END
}

@test "the environment passes through, and HOME is there" {
    run env -i GREETING="hello world" HOME=/somewhere PATH="$PATH" \
        "$RUNNER" run --dir "$dir" --attempt 1 -- env
    [ "$status" -eq 0 ]
    diff <(sort "$dir/1.log") <(printf 'GREETING=hello world\nHOME=/somewhere\nPATH=%s\n' "$PATH")
    run env -i PATH="$PATH" "$RUNNER" run --dir "$dir" --attempt 2 -- env
    grep -qx "HOME=$(getent passwd 0 | cut -d: -f 6)" "$dir/2.log"
}

@test "the directory is / or the one that is asked for" {
    attempt 1 -- pwd
    [ "$(cat "$dir/1.log")" = / ]
    attempt 2 --cwd /usr/share -- pwd
    [ "$(cat "$dir/2.log")" = /usr/share ]
}

@test "the command is the user and group that are asked for, with no more groups than theirs" {
    who='id -u; id -g; id -G; echo $HOME; grep -c "^Cap\(Eff\|Prm\):	0*$" /proc/self/status'
    setpriv --groups 0,4,27 "$RUNNER" run --dir "$dir" --attempt 1 --user 54321:54322 -- sh -c "$who"
    [ "$(tr '\n' ' ' <"$dir/1.log")" = "54321 54322 54322 / 2 " ]
    attempt 2 --user nobody -- sh -c "$who"
    [ "$(tr '\n' ' ' <"$dir/2.log")" = \
        "$(id -u nobody) $(id -g nobody) $(id -G nobody) $(getent passwd nobody | cut -d: -f 6) 2 " ]
    attempt 3 --user nobody:daemon -- sh -c "$who"
    gid=$(getent group daemon | cut -d: -f 3)
    [ "$(tr '\n' ' ' <"$dir/3.log")" = \
        "$(id -u nobody) $gid $gid $(getent passwd nobody | cut -d: -f 6) 2 " ]
    # the records are not the task's to write
    attempt 4 --user nobody -- sh -c "echo version=1 >$dir/4.exit || rm -f $dir/4.start"
    [ "$status" -ne 0 ]
    [ "$(value 4.exit outcome)" = exited ]
}

@test "a user without rights can only stay who they are" {
    chmod 777 "$dir"
    run setpriv --reuid 1000 --regid 1000 --clear-groups \
        "$RUNNER" run --dir "$dir" --attempt 1 --user 1000:1000 -- id -u
    [ "$status" -eq 0 ]
    run setpriv --reuid 1000 --regid 1000 --clear-groups \
        "$RUNNER" run --dir "$dir" --attempt 2 --user 0 -- id -u
    [ "$status" -eq 126 ]
    [ "$(value 2.exit message)" = "become user 0, group 0: operation not permitted" ]
}

@test "an image with nothing in it is enough, and one's own passwd counts" {
    root=$BATS_TEST_TMPDIR/root
    mkdir -p "$root/tasks" "$root/etc"
    cp "$RUNNER" "$root/runner"
    run chroot "$root" /runner run --dir /tasks --attempt 1 -- /runner version
    [ "$status" -eq 0 ]
    [ "$(cat "$root/tasks/1.log")" = "berth-runner 1" ]
    run -127 chroot "$root" /runner run --dir /tasks --attempt 2 -- sh -c true
    run chroot "$root" /runner run --dir /tasks --attempt 3 --user builder -- /runner version
    [ "$status" -eq 126 ]
    printf 'builder:x:77:78::/build:/bin/sh\n' >"$root/etc/passwd"
    printf 'tools:x:79:builder\n' >"$root/etc/group"
    cp /bin/busybox "$root/busybox"
    run chroot "$root" /runner run --dir /tasks --attempt 4 --user builder -- \
        /busybox sh -c '/busybox id; echo $HOME; cat; true'
    [ "$(cat "$root/tasks/4.log")" = \
        "uid=77(builder) gid=78 groups=78,79(tools)"$'\n'"/build"$'\n'"sh: cat: not found" ]
}

@test "the log ends at its ceiling with a line that says so, and the command goes on" {
    attempt 1 --log-max 1000 -- sh -c 'head -c 5000000 /dev/zero | tr "\0" x; exit 5'
    [ "$status" -eq 5 ]
    cmp "$dir/1.log" <(head -c 1000 /dev/zero | tr '\0' x
        printf '\n[berth: log limit of 1000 bytes reached, the rest is dropped]\n')
    [ "$(value 1.exit log_truncated)" = 1 ]
    # what just fits is not cut; the line that follows a whole line needs no empty one
    attempt 2 --log-max 6 -- echo hello
    [ "$(cat "$dir/2.log")" = hello ]
    [ "$(value 2.exit log_truncated)" = 0 ]
    attempt 3 --log-max 6 -- sh -c 'echo hello; echo world; echo again'
    diff "$dir/3.log" <(printf 'hello\n[berth: log limit of 6 bytes reached, the rest is dropped]\n')
    attempt 4 --log-max 0 -- echo hello
    diff "$dir/4.log" <(printf '[berth: log limit of 0 bytes reached, the rest is dropped]\n')
}

@test "a full disk costs output, and neither the command nor its result" {
    mount -t tmpfs -o size=128k none "$dir"
    attempt 1 -- sh -c 'seq 100000; exit 4'
    [ "$status" -eq 4 ]
    [ "$(record 1)" = "outcome=exited exit_code=4 signal=0 log_truncated=1 message= " ]
    [ "$(value 1.start guard)" = none ] # the last line
    # without room for its records nothing is started
    attempt 2 -- touch "$BATS_TEST_TMPDIR/ran"
    [ "$status" -eq 74 ]
    [[ $output == *"no space left on device"* ]]
    [ "$(ls -A "$dir" | tr '\n' ' ')" = "1.exit 1.log 1.start " ]
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "when the disk has room again the log goes on and says that something is missing" {
    # What becomes free has room for all that may still be in the pipe, and for what follows.
    mount -t tmpfs -o size=256k none "$dir"
    head -c 160k /dev/zero >"$dir/ballast"
    attempt 1 -- sh -c "seq 100000; rm $dir/ballast; sleep 0.3; echo more; echo the end"
    [ "$status" -eq 0 ]
    [ "$(value 1.exit log_truncated)" = 1 ]
    [ "$(tail -n 2 "$dir/1.log")" = "more"$'\n'"the end" ]
    [ "$(head -n 1 "$dir/1.log")" = 1 ]
    [ "$(grep -cx '\[berth: the log could not be written, output is missing here\]' "$dir/1.log")" -eq 1 ]
}

@test "of twenty starts of one attempt exactly one runs the command" {
    pids=()
    for i in $(seq 20); do
        "$RUNNER" run --dir "$dir" --attempt 1 -- sh -c 'echo run; exit 9' 2>/dev/null 3>&- &
        pids+=($!)
    done
    codes=()
    for pid in "${pids[@]}"; do
        code=0
        wait "$pid" || code=$?
        codes+=("$code")
    done
    [ "$(printf '%s\n' "${codes[@]}" | sort | uniq -c | awk '{ print $1 "x" $2 }' | tr '\n' ' ')" = \
        "19x75 1x9 " ]
    [ "$(cat "$dir/1.log")" = run ]
    [ "$(ls -A "$dir" | tr '\n' ' ')" = "1.exit 1.log 1.start " ]
}

@test "an attempt that has been is not run again, whatever is left of it" {
    attempt 1 -- true
    attempt 1 -- touch "$BATS_TEST_TMPDIR/ran"
    [ "$status" -eq 75 ]
    rm "$dir/1.start"
    attempt 1 -- touch "$BATS_TEST_TMPDIR/ran"
    [ "$status" -eq 75 ]
    ln -s nowhere "$dir/2.start"
    attempt 2 -- touch "$BATS_TEST_TMPDIR/ran"
    [ "$status" -eq 75 ]
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
    attempt 3 -- true
    [ "$status" -eq 0 ]
}

@test "who looks for the lock all the time is never in the way of a start" {
    (while [ ! -e "$dir/stop" ]; do
        for file in "$dir"/*.start; do
            flock -n -s "$file" true 2>/dev/null || true
        done
    done) 3>&- &
    started+=($!)
    for i in $(seq 60); do
        attempt "$i" -- true
        [ "$status" -eq 0 ]
    done
    touch "$dir/stop"
}

@test "without its directory, or with a link in its place, nothing is run" {
    ln -s "$dir" "$BATS_TEST_TMPDIR/link"
    for path in "$dir/gone" "$BATS_TEST_TMPDIR/link" /etc/passwd; do
        run "$RUNNER" run --dir "$path" --attempt 1 -- touch "$BATS_TEST_TMPDIR/ran"
        [ "$status" -eq 74 ]
    done
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "a log that is no regular file is not written to" {
    mkfifo "$dir/1.log"
    attempt 1 -- touch "$BATS_TEST_TMPDIR/ran"
    [ "$status" -eq 126 ]
    [[ $(value 1.exit message) == "open the log: "* ]]
    ln -s "$BATS_TEST_TMPDIR/elsewhere" "$dir/2.log"
    attempt 2 -- touch "$BATS_TEST_TMPDIR/ran"
    [ "$status" -eq 126 ]
    [ ! -e "$BATS_TEST_TMPDIR/elsewhere" ]
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "the start record is locked as long as the runner lives, and the command does not hold it" {
    attempt_in_background 1 -- sleep 100
    wait_until '[ -s "$dir/1.start" ]'
    is_locked 1
    [ "$(value 1.start pid)" -eq "$runner" ]
    wait_until 'pgrep -P "$runner" -x sleep >/dev/null'
    command=$(pgrep -P "$runner" -x sleep)
    started+=("$command")
    [ -z "$(find "/proc/$command/fd" -lname "$dir/*" ! -lname '*.log')" ]
    kill "$runner"
    wait "$runner" || true
    refute is_locked 1
}

@test "a runner that is killed leaves a start record without lock and end, and no command" {
    attempt_in_background 1 -- sleep 100
    wait_until 'pgrep -P "$runner" -x sleep >/dev/null'
    command=$(pgrep -P "$runner" -x sleep)
    kill -9 "$runner"
    wait "$runner" || true
    [ -s "$dir/1.start" ]
    [ ! -e "$dir/1.exit" ]
    refute is_locked 1
    wait_until '! is_alive "$command"'
    attempt 1 -- touch "$BATS_TEST_TMPDIR/ran"
    [ "$status" -eq 75 ]
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "at its timeout a command is told to end, and may do so in its own way" {
    attempt 1 --timeout-ms 300 -- sh -c 'trap "echo cleaning up; exit 7" TERM; sleep 100 & wait'
    [ "$status" -eq 7 ]
    [ "$(record 1)" = "outcome=timed-out exit_code=7 signal=0 log_truncated=0 message= " ]
    [ "$(cat "$dir/1.log")" = "cleaning up" ]
    attempt 2 --timeout-ms 300 -- sleep 100
    [ "$status" -eq 143 ]
    [ "$(record 2)" = "outcome=timed-out exit_code=143 signal=15 log_truncated=0 message= " ]
    attempt 3 --timeout-ms 60000 -- true
    [ "$(value 3.exit outcome)" = exited ]
}

@test "what ignores that is killed after the grace, wherever it went" {
    cat >"$BATS_TEST_TMPDIR/stubborn" <<'END'
trap "" TERM INT HUP
setsid sh -c 'echo $$ >>"$1"; setsid sh -c "echo \$\$ >>$1; sleep 100; :" & sleep 100; :' - "$1" &
(setsid sh -c 'echo $$ >>"$1"; sleep 100; :' - "$1" &)
echo $$ >>"$1"
sleep 100
sleep 100
END
    before=$(date +%s%3N)
    attempt 1 --timeout-ms 1000 --grace-ms 500 -- sh "$BATS_TEST_TMPDIR/stubborn" "$BATS_TEST_TMPDIR/pids"
    [ $(($(date +%s%3N) - before)) -ge 1500 ]
    [ "$status" -eq 137 ]
    [ "$(record 1)" = "outcome=timed-out exit_code=137 signal=9 log_truncated=0 message= " ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/pids")" -eq 4 ]
    while read -r pid; do
        refute is_alive "$pid"
    done <"$BATS_TEST_TMPDIR/pids"
}

@test "processes that replace themselves all the time are caught" {
    cat >"$BATS_TEST_TMPDIR/hop" <<'END'
trap "" TERM
echo $$ >"$1"
[ -e "$2" ] && exit
setsid sh "$0" "$1" "$2" &
END
    attempt 1 --timeout-ms 500 --grace-ms 100 -- \
        sh -c 'for i in 1 2 3; do sh "$0" "$1.$i" "$2"; done; sleep 100' \
        "$BATS_TEST_TMPDIR/hop" "$BATS_TEST_TMPDIR/last" "$BATS_TEST_TMPDIR/enough"
    touch "$BATS_TEST_TMPDIR/enough" # whatever is left would end now: look at what there was before
    [ "$(value 1.exit outcome)" = timed-out ]
    for i in 1 2 3; do
        last=$(cat "$BATS_TEST_TMPDIR/last.$i")
        sleep 0.1
        [ "$(cat "$BATS_TEST_TMPDIR/last.$i")" = "$last" ]
    done
}

@test "a task leaves nothing in the background, and what that still wrote is in the log" {
    cat >"$BATS_TEST_TMPDIR/leaver" <<'END'
setsid sh -c 'echo $$ >>"$1"; trap "echo polite; exit" TERM; while :; do sleep 0.02; done' - "$1" &
(setsid sh -c 'echo $$ >>"$1"; trap "echo no" TERM; while :; do sleep 0.02; done' - "$1" &)
while [ "$(wc -l <"$1" 2>/dev/null || echo 0)" -lt 2 ]; do sleep 0.02; done
exit 3
END
    attempt 1 -- sh "$BATS_TEST_TMPDIR/leaver" "$BATS_TEST_TMPDIR/pids"
    [ "$status" -eq 3 ]
    [ "$(record 1)" = "outcome=exited exit_code=3 signal=0 log_truncated=0 message= " ]
    grep -qx polite "$dir/1.log"
    grep -qx no "$dir/1.log"
    while read -r pid; do
        refute is_alive "$pid"
    done <"$BATS_TEST_TMPDIR/pids"
    # the command was done long before
    [ "$(value 1.exit finished_ms)" -lt $(($(date +%s%3N) - 2000)) ]
}

@test "what only empties a pipe behind a finished command is left to finish" {
    attempt 1 -- bash -c 'exec > >(sleep 0.05; cat); echo to the end'
    [ "$status" -eq 0 ]
    [ "$(cat "$dir/1.log")" = "to the end" ]
}

@test "a command that closes its outputs is still waited for" {
    attempt 1 -- sh -c 'exec >&- 2>&-; sleep 0.3; exit 6'
    [ "$status" -eq 6 ]
}

@test "stop ends an attempt, waits for its record, and can shorten the grace" {
    attempt_in_background 1 -- sh -c 'trap "echo bye; exit 0" TERM; echo ready; sleep 100 & wait'
    wait_until 'grep -q ready "$dir/1.log"'
    run "$RUNNER" stop --dir "$dir" --attempt 1
    [ "$status" -eq 0 ]
    [ "$(record 1)" = "outcome=stopped exit_code=0 signal=0 log_truncated=0 message= " ]
    [ "$(cat "$dir/1.log")" = "ready"$'\n'"bye" ]

    attempt_in_background 2 --grace-ms 60000 -- sh -c 'trap "" TERM; echo ready; sleep 100; sleep 100'
    wait_until 'grep -q ready "$dir/2.log"'
    run timeout 20 "$RUNNER" stop --dir "$dir" --attempt 2 --grace-ms 100
    [ "$status" -eq 0 ]
    [ "$(record 2)" = "outcome=stopped exit_code=137 signal=9 log_truncated=0 message= " ]
}

@test "stop of an attempt that does not run does nothing" {
    run "$RUNNER" stop --dir "$dir" --attempt 1
    [ "$status" -eq 0 ]
    attempt 2 -- true
    run "$RUNNER" stop --dir "$dir" --attempt 2
    [ "$status" -eq 0 ]
    [ "$(value 2.exit outcome)" = exited ]
    mkfifo "$dir/3.start"
    run timeout 10 "$RUNNER" stop --dir "$dir" --attempt 3
    [ "$status" -ne 124 ]
}

@test "stop does not wait for ever for a runner that does not listen" {
    # something that is no runner holds the lock and takes TERM for nothing
    (trap "" TERM; exec flock "$dir/1.start" sleep 60) 3>&- &
    holder=$!
    started+=("$holder")
    wait_until 'is_locked 1 && pgrep -P "$holder" -x sleep >/dev/null'
    started+=("$(pgrep -P "$holder" -x sleep)")
    printf 'version=1\npid=%d\nstarted_ms=1\n' "$holder" >"$dir/1.start"
    run timeout 30 "$RUNNER" stop --dir "$dir" --attempt 1 --grace-ms 0
    [ "$status" -eq 1 ]
    [ "$output" = "berth-runner: stop: process $holder has not ended the attempt in time" ]
    is_alive "$holder"
}

@test "TERM, INT and HUP stop an attempt, also one that has only just begun" {
    number=0
    for signal in TERM INT HUP; do
        number=$((number + 1))
        # not a job of this shell: it would have INT ignored
        setsid env --default-signal "$RUNNER" run --dir "$dir" --attempt $number -- sleep 100 3>&- &
        started+=($!)
        wait_until '[ -s "$dir/$number.start" ]'
        kill -$signal "$(value $number.start pid)"
        wait_until '[ -s "$dir/$number.exit" ]'
        code=$(kill -l $signal) # it is that signal that reaches the command
        [ "$(record $number)" = "outcome=stopped exit_code=$((128 + code)) signal=$code log_truncated=0 message= " ]
    done
}

@test "every other signal goes on to the group of the command, and the attempt with it" {
    signals=(USR1 USR2 QUIT WINCH ALRM CONT)
    listener='$| = 1; my $name = fork() ? "parent" : "child";
        for my $signal (@ARGV) { $SIG{$signal} = sub { print "$name $signal\n" } }
        print "$name ready\n"; sleep 1 while 1'
    attempt_in_background 1 -- perl -e "$listener" "${signals[@]}"
    wait_until '[ "$(grep -c ready "$dir/1.log")" -eq 2 ]'
    for signal in "${signals[@]}"; do
        kill -"$signal" "$(value 1.start pid)"
        wait_until "grep -qx 'parent $signal' '$dir/1.log' && grep -qx 'child $signal' '$dir/1.log'"
    done
    [ ! -e "$dir/1.exit" ]
    kill -RTMIN+3 "$(value 1.start pid)" # what nobody listens for ends the command, as it does anywhere
    code=0
    wait "$runner" || code=$?
    [ "$code" -eq $((128 + $(kill -l RTMIN+3))) ]
    [ "$(value 1.exit outcome)" = exited ]
}

@test "who was told to end by one signal can be told by another, and not by the same again" {
    attempt_in_background 1 --grace-ms 60000 -- perl -e '$| = 1; $SIG{INT} = sub { print "INT\n" };
        $SIG{TERM} = sub { print "TERM\n"; exit 9 }; print "ready\n"; sleep 1 while 1'
    wait_until 'grep -q ready "$dir/1.log"'
    kill -INT "$(value 1.start pid)"
    wait_until 'grep -q INT "$dir/1.log"'
    kill -INT "$(value 1.start pid)"
    kill -TERM "$(value 1.start pid)"
    code=0
    wait "$runner" || code=$?
    [ "$code" -eq 9 ]
    [ "$(tr '\n' ' ' <"$dir/1.log")" = "ready INT TERM " ]
    [ "$(value 1.exit outcome)" = stopped ]
}

@test "without /proc the group of the command is ended all the same" {
    unshare -m sh -c '
        mount -t tmpfs none /proc
        "$0" run --dir "$1" --attempt 1 --timeout-ms 300 --grace-ms 100 -- \
            sh -c "trap \"\" TERM; sleep 101 & sleep 101; sleep 101"
        "$0" run --dir "$1" --attempt 2 -- sh -c "sleep 101 & exit 3"
        "$0" run --dir "$1" --attempt 3 -- sh -c "setsid sleep 102 & exit 3"' "$RUNNER" "$dir" || true
    [ "$(value 1.exit outcome)" = timed-out ]
    [ "$(value 2.exit exit_code)" = 3 ]
    [ "$(value 3.exit exit_code)" = 3 ]
    refute pgrep -x -f 'sleep 101'
    pkill -x -f 'sleep 102' # out of reach without /proc; a runner that waits for it would hang here
}

@test "a runner that waits uses no time" {
    attempt_in_background 1 --timeout-ms 60000 -- sleep 100
    wait_until 'pgrep -P "$runner" -x sleep >/dev/null'
    before=$(ticks "$runner")
    sleep 2
    [ $(($(ticks "$runner") - before)) -eq 0 ]
    kill "$runner"
}

# True once it is the runner, and waits for signals: one that came earlier would be lost on process 1.
is_idle() {
    [ "$(readlink "/proc/$1/exe")" = "$RUNNER" ] && grep -q '^State:[[:space:]]*S' "/proc/$1/status"
}

# Starts idle as process 1 of a pid namespace; $outside is its pid out here.
start_idle() {
    unshare --pid --fork --mount-proc "$RUNNER" idle "$@" 3>&- &
    wrapper=$!
    started+=("$wrapper")
    wait_until 'outside=$(pgrep -P "$wrapper") && is_idle "$outside"'
    started+=("$outside")
}

inside() { nsenter --target "$outside" --pid --mount "$@"; }

@test "idle takes in orphans and uses no time" {
    start_idle
    for i in 1 2 3 4 5; do
        inside sh -c '(sleep 0.05 & sleep 0.1 &) ; exit 0' 3>&-
    done
    wait_until '! pgrep -P "$outside" >/dev/null' # neither children nor zombies
    before=$(ticks "$outside")
    sleep 2
    [ $(($(ticks "$outside") - before)) -eq 0 ]
    is_alive "$outside"
    [ "$(awk '/^VmRSS/ { print $2 }' "/proc/$outside/status")" -lt 4096 ]
}

@test "idle ends with 0 at TERM and at INT, and takes the others along" {
    for signal in TERM INT; do
        start_idle
        inside sh -c 'setsid sleep 103 >/dev/null 2>&1 &' 3>&-
        kill -$signal "$outside"
        code=0
        wait "$wrapper" || code=$?
        [ "$code" -eq 0 ]
        refute pgrep -x -f 'sleep 103'
    done
}

@test "idle waits for its grace and no longer" {
    start_idle --grace-ms 300
    inside sh -c 'trap "" TERM; setsid sh -c "trap \"\" TERM; touch $0; sleep 104; :" >/dev/null 2>&1 &' \
        "$BATS_TEST_TMPDIR/ready" 3>&-
    wait_until '[ -e "$BATS_TEST_TMPDIR/ready" ]'
    kill "$outside"
    code=0
    wait "$wrapper" || code=$?
    [ "$code" -eq 0 ]
    refute pgrep -x -f 'sleep 104'
}

@test "a container that is stopped lets its attempts end with a record" {
    start_idle
    inside "$RUNNER" run --dir "$dir" --attempt 1 -- sh -c 'echo ready; sleep 100' 3>&- &
    started+=($!)
    # deaf to TERM, and with a grace that is longer than that of process 1
    inside "$RUNNER" run --dir "$dir" --attempt 2 --grace-ms 60000 -- \
        sh -c 'trap "" TERM; echo ready; sleep 100; sleep 100' 3>&- &
    started+=($!)
    wait_until 'grep -q ready "$dir/1.log" && grep -q ready "$dir/2.log"'
    kill "$outside"
    wait "$wrapper"
    [ "$(value 1.exit outcome)" = stopped ]
    [ "$(record 2)" = "outcome=stopped exit_code=137 signal=9 log_truncated=0 message= " ]
}

@test "idle as an ordinary process ends what is below it and nothing else" {
    sleep 105 3>&- &
    bystander=$!
    started+=("$bystander")
    "$RUNNER" idle 3>&- &
    idle=$!
    started+=("$idle")
    wait_until 'is_idle "$idle"'
    kill "$idle"
    wait "$idle"
    is_alive "$bystander"
}

# --- in containers: DOCKER_HOST says where ---

# Starts a container of an image that is the runner and the named files, with idle as its process 1;
# $container is its id.
start_container() {
    local root=$BATS_TEST_TMPDIR/root
    [ -n "$DOCKER_HOST" ] || skip "no engine at DOCKER_HOST"
    mkdir -p "$root/.berth"
    cp "$RUNNER" "$root/.berth/runner"
    for file in "$@"; do
        cp -L "$file" "$root/"
    done
    tar -C "$root" -c . | docker import - berth-test/runner:1 >/dev/null
    container=$(docker run -d --network none --pids-limit 64 --cap-drop ALL \
        --security-opt no-new-privileges --memory 64m \
        -v "$dir:/.berth/tasks/t" berth-test/runner:1 /.berth/runner idle)
}

@test "in a container with nothing but the runner an attempt runs and leaves its records on the host" {
    start_container
    code=0
    attempt_in_container 1 -- /.berth/runner version || code=$?
    [ "$code" -eq 0 ]
    [ "$(cat "$dir/1.log")" = "berth-runner 1" ]
    [ "$(record 1)" = "outcome=exited exit_code=0 signal=0 log_truncated=0 message= " ]
    code=0
    attempt_in_container 2 -- sh -c true || code=$?
    [ "$code" -eq 127 ]
    [ "$(value 2.exit message)" = 'exec "sh": no such file or directory' ]
    code=0
    attempt_in_container 1 -- /.berth/runner version || code=$?
    [ "$code" -eq 75 ]
}

@test "the host sees the lock of a runner in a container, and stop ends it from within" {
    start_container
    docker_exec_options=(-d)
    attempt_in_container 1 -- /.berth/runner idle
    wait_until '[ -s "$dir/1.start" ]'
    is_locked 1
    sleep 0.2
    is_locked 1
    docker_exec_options=()
    in_container /.berth/runner stop --dir /.berth/tasks/t --attempt 1
    refute is_locked 1
    [ "$(value 1.exit outcome)" = stopped ]
}

@test "a container that is killed loses its attempt, and one that is stopped does not" {
    start_container
    docker_exec_options=(-d)
    attempt_in_container 1 -- /.berth/runner idle
    wait_until '[ -s "$dir/1.start" ]'
    docker kill "$container"
    wait_until 'refute is_locked 1 2>/dev/null'
    [ ! -e "$dir/1.exit" ]
    docker start "$container"
    attempt_in_container 2 -- /.berth/runner idle
    wait_until '[ -s "$dir/2.start" ]'
    docker stop "$container"
    [ "$(docker inspect -f '{{.State.ExitCode}}' "$container")" -eq 0 ]
    [ "$(value 2.exit outcome)" = stopped ]
}

@test "when memory is used up the kernel ends what the command started, and not the runner" {
    attempt 1 -- sh -c 'cat /proc/self/oom_score_adj /proc/$PPID/oom_score_adj'
    [ "$(xargs <"$dir/1.log")" = "1000 $(cat /proc/self/oom_score_adj)" ]
    attempt 2 --user 1000 -- cat /proc/self/oom_score_adj
    [ "$(cat "$dir/2.log")" = 1000 ]
}

@test "a task that fills its container with processes is ended at its timeout all the same" {
    # each process starts others as fast as it can, all in sessions of their own and deaf to TERM
    cat >"$BATS_TEST_TMPDIR/bomb.c" <<'END'
#include <signal.h>
#include <unistd.h>

int main(void)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        if (fork() == 0) {
            setsid();
        }
        usleep(500);
    }
}
END
    "${CC:-cc}" -static -o "$BATS_TEST_TMPDIR/bomb" "$BATS_TEST_TMPDIR/bomb.c"
    start_container "$BATS_TEST_TMPDIR/bomb"
    code=0
    timeout 60 docker exec "$container" /.berth/runner run --dir /.berth/tasks/t --attempt 1 \
        --timeout-ms 500 --grace-ms 100 -- /bomb || code=$?
    [ "$code" -eq 137 ]
    # its memory may be used up first; the record is there in any case
    [ "$(value 1.exit outcome)" = timed-out ] || [ "$(value 1.exit oom)" = 1 ]
    [ "$(docker top "$container" -eo pid,args | tail -n +2 | wc -l)" -eq 1 ] # idle
}

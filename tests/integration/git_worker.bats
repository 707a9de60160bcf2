# "berth git-worker" on real servers: git daemon, git http-backend behind lighttpd, sshd. The witness is git itself.
# Some tests need root: they look at files that belong to other users.

bats_require_minimum_version 1.5.0

load git_worker_helpers

setup_file() { make_repositories; }
setup() { start_test; }
teardown() { end_test; }

# --- a clone ---------------------------------------------------------------------------------------

@test "a clone over http is what git clone makes" {
    worker "$PUBLIC/sample.git" tree
    expect_result
    git clone -q "$PUBLIC/sample.git" "$T/witness"
    diff -r --exclude=.git "$T/witness" "$T/tree"
    [ "$(git_in tree log --format=%H%d)" = "$(git_in witness log --format=%H%d)" ]
    [ "$(git_in tree for-each-ref | sort)" = "$(git_in witness for-each-ref | sort)" ]
    [ "$(git_in tree status -sb)" = "## main...origin/main" ]
    [ "$(git_in tree remote get-url origin)" = "$PUBLIC/sample.git" ]
    git_in tree fsck --strict --no-dangling
    [ "$(result commit)" = "$(git_in witness rev-parse HEAD)" ]
    [ "$(result branch)" = main ]
    [ "$(result treeFiles)" = "$(git_in witness ls-files | wc -l)" ]
}

@test "the modes and links of a clone are those in git" {
    git_work odd 'echo x >run && chmod +x run && ln -s ../elsewhere link && mkdir -p deep/er && echo y >deep/er/f'
    worker "file://$T/odd.git" tree
    expect_result
    [ "$(stat -c %a "$T/tree" "$T/tree/run" "$T/tree/deep/er/f" | tr '\n' ' ')" = "755 755 644 " ]
    [ "$(readlink "$T/tree/link")" = ../elsewhere ]
    [ -z "$(git_in tree status --porcelain)" ]
}

@test "a clone by git daemon, of another branch" {
    worker "$DAEMON/sample.git" tree branch=feature
    expect_result
    [ "$(result branch)" = feature ]
    [ "$(git_in tree status -sb)" = "## feature...origin/feature" ]
    [ -e "$T/tree/FEATURE" ]
    [ "$(git_in tree rev-parse --abbrev-ref origin/HEAD)" = origin/main ]
}

@test "a clone of a file URL" {
    worker "file://$SERVED/sample.git" tree
    expect_result
    [ -e "$T/tree/greet.sh" ]
}

@test "a clone of the project itself, by git daemon" {
    root=$(git -C "$BATS_TEST_DIRNAME" rev-parse --show-toplevel)
    git clone -q --bare --no-hardlinks "$root" "$SERVED/$BATS_TEST_NUMBER.git"
    worker "$DAEMON/$BATS_TEST_NUMBER.git" tree
    expect_result
    git_in tree fsck --no-dangling
    [ -z "$(git_in tree status --porcelain)" ]
    [ "$(git_in tree rev-parse HEAD)" = "$(git -C "$SERVED/$BATS_TEST_NUMBER.git" rev-parse HEAD)" ]
}

@test "only the mirror is made where no tree is asked for" {
    worker "$PUBLIC/sample.git" ""
    expect_result
    [ "$(ls -A "$T")" = m ]
    [ "$(git ls-remote "$PUBLIC/sample.git" 'refs/heads/*' 'refs/tags/*' | grep -v '\^{}' | sort)" = \
      "$(git --git-dir="$MIRROR" show-ref | tr ' ' '\t' | sort)" ]
}

@test "progress comes before the result, in the words of the protocol" {
    worker "$PUBLIC/sample.git" tree
    expect_result
    [ "${lines[0]}" = "P 0 0 connecting" ]
    refute grep -qvE '^(P [0-9]{1,3} [0-9]+ (connecting|receiving|resolving|copying|checking out)|R .*)$' <<<"$output"
    grep -qE '^P 100 [0-9]+ checking out$' <<<"$output"
}

# --- an update -------------------------------------------------------------------------------------

@test "the mirror follows its server: new, forced, removed and renamed branches" {
    git_work moving 'echo 1 >f'
    git -C "$T/moving" branch a
    git -C "$T/moving" branch gone
    git -C "$T/moving" push -q "$T/moving.git" --all
    worker "file://$T/moving.git" tree
    expect_result

    echo 2 >"$T/moving/f"
    git -C "$T/moving" commit -q --amend -a -m forced
    git -C "$T/moving" tag -a -m v2 v2
    git -C "$T/moving" push -q --force "$T/moving.git" main v2 :gone :a
    git -C "$T/moving" branch -q -m a a/b
    git -C "$T/moving" push -q "$T/moving.git" a/b
    worker "file://$T/moving.git" tree2
    expect_result
    [ "$(result receivedBytes)" -gt 0 ]
    [ "$(cat "$T/tree2/f")" = 2 ]
    [ "$(git --git-dir="$MIRROR" show-ref)" = "$(git --git-dir="$T/moving.git" show-ref)" ]
    [ "$(cat "$T/tree/f")" = 1 ]

    worker "file://$T/moving.git" ""
    expect_result
    [ "$(result receivedBytes)" = 0 ]
}

@test "the mirror's HEAD is the server's" {
    git_work head 'echo 1 >f'
    git -C "$T/head" branch next
    git -C "$T/head" push -q "$T/head.git" next
    worker "file://$T/head.git" ""
    [ "$(result branch)" = main ]
    git --git-dir="$T/head.git" symbolic-ref HEAD refs/heads/next
    worker "file://$T/head.git" ""
    [ "$(result branch)" = next ]
}

@test "another spelling of the URL is used for the same mirror" {
    worker "$PUBLIC/sample.git" ""
    expect_result
    worker "$DAEMON/sample.git" tree
    expect_result
    [ "$(git --git-dir="$MIRROR" config remote.origin.url)" = "$DAEMON/sample.git" ]
    [ "$(git_in tree remote get-url origin)" = "$DAEMON/sample.git" ]
}

@test "an offline job makes its tree from the mirror and asks nobody" {
    worker "$PUBLIC/sample.git" ""
    worker "http://127.0.0.1:1/sample.git" tree isOffline=true
    expect_result
    [ -e "$T/tree/greet.sh" ]
    rm -rf "$MIRROR" "$T/tree"
    worker "http://127.0.0.1:1/sample.git" tree isOffline=true
    expect_error CloneFailed "no mirror"
}

@test "two jobs on one mirror at the same time wait for each other" {
    job "$PUBLIC/sample.git" one | "$BERTH" git-worker >"$T/one.out" &
    local one=$!
    job "$PUBLIC/sample.git" two | "$BERTH" git-worker >"$T/two.out"
    wait "$one"
    [ -z "$(git_in one status --porcelain)" ]
    [ -z "$(git_in two status --porcelain)" ]
}

# --- what goes wrong, and what it is called --------------------------------------------------------

@test "a wrong URL is RepositoryNotFound, whoever serves" {
    for url in "$PUBLIC/nope.git" "$DAEMON/nope.git" "file://$SERVED/nope.git" "file://$T"; do
        worker "$url" tree
        expect_error RepositoryNotFound "$url: no such repository"
        expect_nothing_made
    done
}

@test "a branch that is not there is BranchNotFound and names the nearest" {
    worker "$PUBLIC/sample.git" tree branch=faeture
    expect_error BranchNotFound "no branch \"faeture\"; did you mean \"feature\"?"
    for branch in nothing-like-it '../../x' 'a b' '-x' HEAD refs/heads/main; do
        worker "$PUBLIC/sample.git" tree "branch=$branch"
        expect_error BranchNotFound "no branch \"$branch\""
    done
    [ ! -e "$T/tree" ]
    [ "$(ls -A "$T")" = m ]
}

@test "a repository without a commit is said to be empty" {
    git init -q --bare "$T/empty.git"
    worker "file://$T/empty.git" tree
    expect_error BranchNotFound "it has no branch yet"
    expect_nothing_made
}

@test "a default branch that does not exist is BranchNotFound and names one that does" {
    git_work lost 'echo 1 >f'
    git --git-dir="$T/lost.git" symbolic-ref HEAD refs/heads/nowhere
    worker "file://$T/lost.git" tree
    expect_error BranchNotFound 'name a branch, such as "main"'
    worker "file://$T/lost.git" tree branch=main
    expect_result
}

@test "credentials: right ones work, wrong ones and none are AuthenticationFailed" {
    worker "$PRIVATE/sample.git" tree
    expect_error AuthenticationFailed "asks for credentials and there are none"
    worker "$PRIVATE/sample.git" tree username=alice token=wr0ngt0ken
    expect_error AuthenticationFailed "refused the credentials"
    [[ $output != *wr0ngt0ken* ]]
    worker "$PRIVATE/sample.git" tree token=s3cret # the user is x-access-token
    expect_error AuthenticationFailed "refused the credentials"
    expect_nothing_made
    worker "$PRIVATE/sample.git" tree username=alice token=s3cret
    expect_result
    [[ $output != *s3cret* ]]
    refute grep -rqa s3cret "$T"
}

@test "wrong credentials are sent once, not until the server is tired" {
    serve "tee -a $T/heard | $(refuse_login)"
    worker "http://127.0.0.1:$PORT/x.git" tree username=alice token=wr0ngt0ken
    expect_error AuthenticationFailed "refused the credentials"
    [ "$(grep -ci '^authorization: basic' "$T/heard")" -eq 1 ]
}

@test "a server that is not there, or a name that is none, is CloneFailed" {
    worker "http://127.0.0.1:1/x.git" tree
    expect_error CloneFailed "failed to connect"
    worker "https://no-such-host.invalid/x.git" tree
    expect_error CloneFailed "failed to resolve"
    expect_nothing_made
}

@test "what is no git server is an error, not a surprise" {
    serve 'printf "220 hello, this is mail\r\n"; read -r x'
    for scheme in http git; do
        worker "$scheme://127.0.0.1:$PORT/x.git" tree
        [ "$status" -eq 1 ]
        [[ ${lines[-1]} == "E CloneFailed "* ]]
        expect_nothing_made
    done
}

@test "other schemes and credentials inside of a URL are refused before anybody is asked" {
    for url in ftp://127.0.0.1/x /etc ./x ext::sh "ext::sh -c id" https:/x rsync://h/x; do
        worker "$url" tree
        expect_error SchemeRefused "begins with none of"
    done
    for url in https://alice:s3cret@127.0.0.1/x https://s3cret@127.0.0.1/x ssh://a:s3cret@h/x \
               ftp://alice:s3cret@127.0.0.1/x alice:s3cret@host/x; do
        worker "$url" tree
        expect_error InvalidURL "credentials inside"
        [[ $output != *s3cret* ]]
    done
    expect_nothing_made
}

@test "a redirect to another host is not followed, and says what to do" {
    serve "$(redirect_to "http://localhost:${PUBLIC#http://127.0.0.1:}/sample.git/info/refs?service=git-upload-pack")"
    worker "http://127.0.0.1:$PORT/x.git" tree token=s3cret
    expect_error InvalidURL "use the repository's final URL"
    expect_nothing_made
}

@test "credentials do not follow a redirect to another port of the host" {
    serve "tee -a $T/heard | $(refuse_login)"
    local elsewhere=$PORT
    serve "$(redirect_to "http://127.0.0.1:$elsewhere/private/x.git/info/refs?service=git-upload-pack")"
    worker "http://127.0.0.1:$PORT/x.git" tree username=alice token=s3cret
    [ "$status" -eq 1 ]
    grep -q 'GET /private/x.git' "$T/heard"
    refute grep -qi '^authorization' "$T/heard"
}

@test "a certificate that nobody vouches for is CertificateInvalid" {
    start_tls
    worker "https://localhost:$PORT/git/git-worker/sample.git" tree
    expect_error CertificateInvalid "not trusted"
    worker "https://127.0.0.1:$PORT/git/git-worker/sample.git" tree
    expect_error CertificateInvalid "use a host name"
    expect_nothing_made
}

@test "a server that speaks TLS 1.3 only gets a hint" {
    start_tls ,openssl-min-proto-version=TLS1.3
    worker "https://localhost:$PORT/git/git-worker/sample.git" tree
    if [ "$status" -ne 0 ] && [[ ${lines[-1]} != "E CertificateInvalid"* ]]; then # a newer libgit2 can
        expect_error CloneFailed "TLS 1.3 only"
    fi
    expect_nothing_made
}

@test "a job that is none is an error in a line" {
    for text in '' 'garbage' '[]' '{}' '{"url":"u"}' "$(head -c 300000 /dev/zero | tr '\0' ' ')"; do
        run "$BERTH" git-worker <<<"$text"
        [ "$status" -eq 1 ]
        [[ $output == "E CloneFailed "* ]]
    done
    run "$BERTH" git-worker --help </dev/null
    [ "$status" -eq 2 ]
}

# --- ceilings --------------------------------------------------------------------------------------

@test "a repository larger than allowed is CloneTooLarge, while it comes" {
    git_work big 'head -c 3000000 /dev/urandom >f'
    worker "file://$T/big.git" tree maxBytes=1000000
    expect_error CloneTooLarge "larger than the 1000000 bytes"
    expect_nothing_made
    worker "file://$T/big.git" tree maxBytes=10000000
    expect_result
}

@test "an update that would make the mirror too large leaves it as it was" {
    git_work grows 'echo small >f'
    worker "file://$T/grows.git" "" maxBytes=1000000
    expect_result
    head -c 3000000 /dev/urandom >"$T/grows/g"
    git -C "$T/grows" add -A
    git -C "$T/grows" commit -q -m big
    git -C "$T/grows" push -q "$T/grows.git" main
    worker "file://$T/grows.git" "" maxBytes=1000000
    expect_error CloneTooLarge
    git --git-dir="$MIRROR" fsck --strict
    [ -z "$(find "$MIRROR" -name 'pack_git2_*' -o -name '*.lock')" ]
}

@test "a small pack that unpacks to a large tree is CloneTooLarge before a file is written" {
    git_work bomb 'head -c 30000000 /dev/zero >f'
    worker "file://$T/bomb.git" tree maxBytes=20000000
    expect_error CloneTooLarge "the working tree is larger"
    [ ! -e "$T/tree" ]
    [ ! -e "$T/.tree.staging" ]
}

# --- hostile repositories --------------------------------------------------------------------------

@test "a set-user-id mode in the repository is refused" {
    hostile '104755 run'
    worker "file://$T/hostile.git" tree
    expect_error WorkspaceFailed '"run" has the unsafe mode 104755'
    [ ! -e "$T/tree" ]
    [ ! -e "$T/.tree.staging" ]
}

@test "names that lead out of the tree, or into .git, are refused" {
    for entry in '100644 ../escaped' '100644 ..' '100644 .git' '40000 .GIT' '40000 ..' \
                 "100644 $T/escaped" '100644 .' '100644 a/b' '40000 git~1' '100644 d/'; do
        rm -rf "$T/hostile.git" "$T/m"
        hostile "$entry"
        worker "file://$T/hostile.git" tree
        [ "$status" -eq 1 ] || { echo "taken: $entry"; false; }
        [[ ${lines[-1]} == E\ * ]]
        [ ! -e "$T/tree" ]
        [ ! -e "$T/.tree.staging" ]
        [ ! -e "$T/escaped" ]
    done
}

@test "a link and a directory of the same name do not lead out of the tree" {
    mkdir "$T/outside"
    for second in directory slash; do
        rm -rf "$T/hostile.git" "$T/m" "$T/tree"
        hostile_link_and_directory "$T/outside" "$second"
        worker "file://$T/hostile.git" tree
        [ -z "$(ls -A "$T/outside")" ]
        [ ! -e "$T/.tree.staging" ]
    done
}

@test "a few objects that unfold to endlessly many files, or endlessly deep, are CloneTooLarge" {
    git init -q --bare -b main "$T/hostile.git"
    hostile_tree_of_trees 12 "d0 d1 d2 d3 d4 d5 d6 d7 d8 d9"
    worker "file://$T/hostile.git" tree
    expect_error CloneTooLarge
    hostile_tree_of_trees 300 d
    worker "file://$T/hostile.git" tree
    expect_error CloneTooLarge "deeper than"
    [ ! -e "$T/tree" ]
    [ ! -e "$T/.tree.staging" ]
}

@test "no hook and no filter of a repository is run" {
    git_work filters 'printf "* filter=evil\n" >.gitattributes && echo x >f'
    printf '#!/bin/sh\ntouch %s/ran\n' "$T" >"$T/hook"
    chmod +x "$T/hook"
    for hook in post-checkout post-update reference-transaction pre-receive; do
        cp "$T/hook" "$T/filters.git/hooks/$hook"
    done
    git config --file "$T/home-gitconfig" filter.evil.smudge "$T/hook"
    cp "$T/home-gitconfig" "$T/filters.git/config.evil"
    HOME=$T worker "file://$T/filters.git" tree
    expect_result
    [ ! -e "$T/ran" ]
}

# --- being killed ----------------------------------------------------------------------------------

@test "a silent server gets a job that says nothing, and dies when it is killed" {
    serve 'exec sleep 1000'
    start_worker "http://127.0.0.1:$PORT/x.git" tree username=alice token=s3cret
    wait_for 'test -s "$T/out"'
    wait_for 'test $(processes_of_group | wc -l) -eq 2'
    [ "$(cat "$T/out")" = "P 0 0 connecting" ]
    # while it waits, its secret can be read from nowhere
    for pid in $(processes_of_group); do
        refute grep -qa s3cret "/proc/$pid/cmdline"
        [ -z "$(tr -d '\0' <"/proc/$pid/environ")" ]
    done
    refute grep -rqa s3cret "$T/m"
    kill -KILL -- "-$WORKER"
    wait_for 'test -z "$(processes_of_group)"'
}

@test "killing the keeper alone ends its worker too" {
    serve 'exec sleep 1000'
    start_worker "http://127.0.0.1:$PORT/x.git" tree runAs=20001
    wait_for 'test $(processes_of_group | wc -l) -eq 2 && test -s "$T/out"'
    kill -KILL "$WORKER"
    wait_for 'test -z "$(processes_of_group)"'
}

@test "when nobody reads its output any more, it gives up" {
    serve 'exec sleep 1000'
    mkfifo "$T/fifo"
    job "http://127.0.0.1:$PORT/x.git" tree | "$BERTH" git-worker >"$T/fifo" &
    local pid=$!
    head -n 1 "$T/fifo" >/dev/null
    wait_for "! kill -0 $pid"
}

@test "a clone that was killed half-way is made anew" {
    serve_half "$SERVED"
    start_worker "git://127.0.0.1:$PORT/large.git" tree
    wait_for 'grep -q "receiving" "$T/out"'
    wait_for 'test -n "$(find "$T/m" -name "pack_git2_*" -size +50k)"'
    kill -KILL -- "-$WORKER"
    wait_for 'test -z "$(processes_of_group)"'
    [ ! -e "$MIRROR" ]
    [ ! -e "$T/tree" ]
    worker "$DAEMON/large.git" tree
    expect_result
    git_in tree fsck --no-dangling
    [ "$(ls -A "$T/m" | sort | tr '\n' ' ')" = "mirror.git mirror.git.lock " ]
    [ ! -e "$T/.tree.staging" ]
}

@test "an update that was killed half-way leaves a mirror that works, and no remains" {
    git_work updated 'echo 1 >f'
    mv "$T/updated.git" "$SERVED/updated.git"
    worker "$DAEMON/updated.git" ""
    expect_result
    head -c 3000000 /dev/urandom >"$T/updated/g"
    git -C "$T/updated" add -A
    git -C "$T/updated" commit -q -m more
    git -C "$T/updated" push -q "$SERVED/updated.git" main
    serve_half "$SERVED"
    start_worker "git://127.0.0.1:$PORT/updated.git" ""
    wait_for 'test -n "$(find "$MIRROR" -name "pack_git2_*" -size +50k)"'
    kill -KILL -- "-$WORKER"
    wait_for 'test -z "$(processes_of_group)"'
    touch "$MIRROR/refs/heads/main.lock" "$MIRROR/HEAD.lock" # as a kill at another moment leaves
    git --git-dir="$MIRROR" fsck
    worker "$DAEMON/updated.git" tree
    expect_result
    [ -e "$T/tree/g" ]
    [ -z "$(find "$MIRROR" -name 'pack_git2_*' -o -name '*.lock')" ]
}

@test "kills at random moments never leave anything half-made under a final name" {
    local n
    for ((n = 0; n < 12; n++)); do
        start_worker "$DAEMON/large.git" tree
        wait_ms $((RANDOM % 150))
        kill -KILL -- "-$WORKER" 2>/dev/null || true
        wait_for 'test -z "$(processes_of_group)"'
        if [ -e "$T/tree" ]; then
            git_in tree fsck --no-dangling
            [ -z "$(git_in tree status --porcelain)" ]
            rm -rf "$T/tree"
        fi
        [ ! -e "$MIRROR" ] || git --git-dir="$MIRROR" fsck --no-dangling
    done
    worker "$DAEMON/large.git" tree
    expect_result
}

@test "remains of a killed job for the tree are removed by the next one" {
    mkdir -p "$T/.tree.staging/tree/.git/objects/ab"
    ln -s / "$T/.tree.staging/tree/root"
    worker "$PUBLIC/sample.git" tree
    expect_result
    [ ! -e "$T/.tree.staging" ]
    [ -e /etc/passwd ]
}

# --- damage ----------------------------------------------------------------------------------------

@test "a damaged mirror is made anew" {
    local damage
    for damage in 'echo "[[garbage" >config' 'rm HEAD' 'echo x >HEAD' 'echo x >refs/heads/main' \
                  'truncate -s 100 objects/pack/*.pack' 'rm objects/pack/*.idx' 'rm objects/pack/*' \
                  'dd if=/dev/urandom of=$(ls objects/pack/*.pack) bs=1 seek=200 count=300 conv=notrunc' \
                  'rm -r objects' 'chmod 000 .'; do
        rm -rf "$T/tree" "$T/m"
        worker "$PUBLIC/sample.git" ""
        expect_result
        chmod -R u+w "$MIRROR"
        (cd "$MIRROR" && eval "$damage") 2>/dev/null
        worker "$PUBLIC/sample.git" tree
        [ "$status" -eq 0 ] || { echo "$damage: $output"; false; }
        [ -z "$(git_in tree status --porcelain)" ]
        git --git-dir="$MIRROR" fsck --strict
        [ "$(ls -A "$T/m" | sort | tr '\n' ' ')" = "mirror.git mirror.git.lock " ]
    done
}

@test "what is in the mirror's place and is none makes way for it" {
    mkdir -p "$T/m"
    echo x >"$MIRROR"
    worker "$PUBLIC/sample.git" tree
    expect_result
}

@test "a mirror of another user's is given to the git user" {
    need_root
    worker "$PUBLIC/sample.git" "" runAs=20001
    expect_result
    chmod 700 "$MIRROR/objects"
    worker "$PUBLIC/sample.git" "" runAs=20002
    expect_result
    [ "$(find "$T/m" -printf '%u\n' | sort -u)" = 20002 ]
    worker "$PUBLIC/sample.git" tree runAs=0
    expect_result
    [ "$(find "$T/m" -printf '%U\n' | sort -u)" = 0 ]
}

# --- whose files they are --------------------------------------------------------------------------

@test "the mirror is the git user's, the tree its owner's, and they share no inode" {
    need_root
    worker "$PUBLIC/sample.git" tree runAs=20001 owner=20002
    expect_result
    [ "$(find "$T/m" -printf '%U:%G\n' | sort -u)" = 20001:20001 ]
    [ "$(find "$T/tree" -printf '%U:%G\n' | sort -u)" = 20002:20002 ]
    [ "$(stat -c %U "$T")" = root ]
    [ -z "$(find "$T/tree" -type f -links +1)" ]
    [ -z "$(find "$T/tree" "$T/m" -perm /7000)" ]
    [ ! -e "$T/tree/.git/objects/info/alternates" ]
    as_user 20002 git -C "$T/tree" status --porcelain
    as_user 20002 git -C "$T/tree" fsck
}

@test "the work is done without any privilege" {
    need_root
    serve 'exec sleep 1000'
    start_worker "http://127.0.0.1:$PORT/x.git" tree runAs=20001 owner=20002
    wait_for 'test $(processes_of_group | wc -l) -eq 2 && test -s "$T/out"'
    local pid
    pid=$(processes_of_group | grep -vx "$WORKER")
    [ "$(awk '/^Uid:/{print $2,$3,$4,$5}' "/proc/$pid/status")" = "20001 20001 20001 20001" ]
    [ "$(awk '/^Gid:/{print $2,$3,$4,$5}' "/proc/$pid/status")" = "20001 20001 20001 20001" ]
    [ -z "$(awk '/^Groups:/{$1="";print}' "/proc/$pid/status" | tr -d ' ')" ]
    [ "$(awk '/^Cap(Prm|Eff|Inh|Amb):/{print $2}' "/proc/$pid/status" | sort -u)" = 0000000000000000 ]
    [ "$(awk '/^NoNewPrivs:/{print $2}' "/proc/$pid/status")" = 1 ]
    grep -q '^Max core file size  *0  *0 ' "/proc/$pid/limits"
}

@test "a state directory below a private one is reached all the same" {
    need_root
    mkdir -m 700 "$T/closed"
    MIRROR=$T/closed/deeper/mirror.git
    worker "$PUBLIC/sample.git" "" runAs=20001
    [[ $output == *$'\nR '* || $output == 'R '* ]]
    [ "$(stat -c %u "$MIRROR")" = 20001 ]
    git -c safe.directory='*' -C "$MIRROR" fsck
}

@test "without root it works as who it is" {
    need_root
    chown 20001 "$T"
    cp "$BERTH" "$T/berth" # that user need not see the checkout
    as_user 20001 "$T/berth" git-worker >"$T/out" < <(job "$PUBLIC/sample.git" tree runAs=20009)
    grep -q '^R ' "$T/out"
    [ "$(find "$T/m" "$T/tree" -printf '%U\n' | sort -u)" = 20001 ]
    run as_user 20001 "$T/berth" git-worker < <(job "$PUBLIC/sample.git" tree2 owner=20002)
    expect_error WorkspaceFailed "only root can give"
}

@test "a tree that exists is left alone" {
    mkdir "$T/tree"
    worker "$PUBLIC/sample.git" tree
    expect_error WorkspaceFailed "exists already"
    [ -z "$(ls -A "$T/tree")" ]
    rmdir "$T/tree"
    ln -s nowhere "$T/tree"
    worker "$PUBLIC/sample.git" tree
    expect_error WorkspaceFailed "exists already"
    [ "$(readlink "$T/tree")" = nowhere ]
    [ ! -e "$T/.tree.staging" ]
}

@test "links in the places of its own files are not followed" {
    mkdir "$T/victim" "$T/m"
    ln -s "$T/victim" "$T/.tree.staging"
    worker "$PUBLIC/sample.git" tree
    [ "$status" -eq 1 ]
    rm "$T/.tree.staging"
    ln -s "$T/victim/lock" "$T/m/mirror.git.lock"
    worker "$PUBLIC/sample.git" tree
    [ "$status" -eq 1 ]
    rm "$T/m/mirror.git.lock"
    ln -s "$T/victim" "$T/m/mirror.git.work"
    worker "$PUBLIC/sample.git" tree
    expect_result
    [ -z "$(ls -A "$T/victim")" ]
}

# --- ssh -------------------------------------------------------------------------------------------

@test "a clone over ssh with an ed25519 or ECDSA key" {
    start_sshd
    for type in ed25519 ecdsa; do
        worker "ssh://$(id -un)@127.0.0.1:$PORT$SERVED/sample.git" "tree-$type" \
            "sshKey=$(cat "$T/ssh/id_$type")" "knownHosts=$T/ssh/known_hosts"
        expect_result
        [ -z "$(git_in "tree-$type" status --porcelain)" ]
    done
    refute grep -rqa 'PRIVATE KEY' "$T/m" "$T"/tree-*
}

@test "ssh: an unknown host key is CertificateInvalid and shows the fingerprint" {
    start_sshd
    local key
    key=$(cat "$T/ssh/id_ed25519")
    worker "ssh://$(id -un)@127.0.0.1:$PORT$SERVED/sample.git" tree "sshKey=$key"
    expect_error CertificateInvalid "$(ssh-keygen -lf "$T/ssh/host.pub" | cut -d' ' -f2)"
    [[ $output == *"no file was given"* ]]
    printf '[127.0.0.1]:%s %s\n' "$PORT" "$(cut -d' ' -f1,2 "$T/ssh/id_ed25519.pub")" >"$T/ssh/wrong"
    worker "ssh://$(id -un)@127.0.0.1:$PORT$SERVED/sample.git" tree "sshKey=$key" "knownHosts=$T/ssh/wrong"
    expect_error CertificateInvalid "not in the known hosts"
    expect_nothing_made
}

@test "ssh: a key that the server does not know, or none, is AuthenticationFailed" {
    start_sshd
    local url
    url="ssh://$(id -un)@127.0.0.1:$PORT$SERVED/sample.git"
    worker "$url" tree "knownHosts=$T/ssh/known_hosts"
    expect_error AuthenticationFailed "give the repository an ssh key"
    worker "$url" tree "knownHosts=$T/ssh/known_hosts" "sshKey=$(cat "$T/ssh/stranger")"
    expect_error AuthenticationFailed "refused the ssh key"
    worker "$url" tree "knownHosts=$T/ssh/known_hosts" "sshKey=nonsense"
    expect_error AuthenticationFailed "ed25519"
    worker "ssh://$(id -un)@127.0.0.1:$PORT$SERVED/nope.git" tree "knownHosts=$T/ssh/known_hosts" \
        "sshKey=$(cat "$T/ssh/id_ed25519")"
    expect_error RepositoryNotFound "does not appear to be a git repository"
    expect_nothing_made
}

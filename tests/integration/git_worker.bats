# "berth git-worker" on real servers: git daemon, git http-backend behind lighttpd, sshd. The witness is git itself.
# Some tests need root: they look at files that belong to other users. What a snapshot is, is in git_snapshot.bats.

bats_require_minimum_version 1.5.0

load git_worker_helpers

setup_file() { make_repositories git-worker; }
setup() { start_test; }
teardown() { end_test; }

# --- a fetch ---------------------------------------------------------------------------------------

@test "the mirror has the branches and tags of its server, and nothing else is made" {
    worker "$PUBLIC/sample.git"
    expect_result
    [ "$(ls -A "$T")" = m ]
    [ "$(ls -A "$T/m" | sort | tr '\n' ' ')" = "mirror.git mirror.git.lock " ]
    [ "$(git ls-remote "$PUBLIC/sample.git" 'refs/heads/*' 'refs/tags/*' | grep -v '\^{}' | sort)" = \
      "$(git --git-dir="$MIRROR" show-ref | tr ' ' '\t' | sort)" ]
    git --git-dir="$MIRROR" fsck --strict
    [ "$(result headBranch)" = main ]
    [ "$(result headCommit)" = "$(git --git-dir="$SERVED/sample.git" rev-parse main)" ]
    [ "$(found 0)" = "$(result headCommit)" ]
    [ "$(result receivedBytes)" -gt 0 ]
    [ "$(result treeFiles)" = 0 ]
}

@test "a fetch by git daemon, of a file URL, and of the project itself" {
    root=$(git -C "$BATS_TEST_DIRNAME" rev-parse --show-toplevel)
    git clone -q --bare --no-hardlinks "$root" "$SERVED/$BATS_TEST_NUMBER.git"
    for url in "$DAEMON/sample.git" "file://$SERVED/sample.git" "$DAEMON/$BATS_TEST_NUMBER.git" \
               "file://$SERVED/$BATS_TEST_NUMBER.git"; do
        MIRROR=$T/${url//\//-}/mirror.git
        make_tree "$url" "tree${url//\//-}" runAs=0
        expect_result
        git_in "tree${url//\//-}" fsck --no-dangling
        [ -z "$(git_in "tree${url//\//-}" status --porcelain)" ]
    done
    [ "$(git_in "tree${url//\//-}" rev-parse HEAD)" = "$(git -C "$SERVED/$BATS_TEST_NUMBER.git" rev-parse HEAD)" ]
}

@test "a file URL may have a host, and blanks as such" {
    git_work 'odd name' 'echo 1 >f'
    for url in "file://localhost$T/odd%20name.git" "file://$T/odd%20n%61me.git" "file://$T/odd name.git"; do
        worker "$url"
        expect_result
    done
}

@test "a file URL can be packed without being root" {
    need_root
    git_work wide 'for i in $(seq 400); do seq $i $((i + 300)) >f$i; done'
    git -C "$T/wide.git" repack -adfq --depth=0
    make_tree "file://$T/wide.git" tree runAs=20001 owner=20002
    expect_result
    [ "$(result treeFiles)" = 400 ]
}

@test "progress comes before the result, in the words of the protocol" {
    make_tree "$PUBLIC/sample.git" tree
    expect_result
    refute grep -qvE '^(P [0-9]{1,3} [0-9]+ (connecting|receiving|resolving|copying|checking out|syncing)|R .*)$' <<<"$output"
    grep -qE '^P 100 [0-9]+ checking out$' <<<"$output"
    worker "$PUBLIC/sample.git"
    [ "${lines[0]}" = "P 0 0 connecting" ]
}

# --- revisions -------------------------------------------------------------------------------------

@test "revisions are looked up as they are named, each for itself" {
    git_work named 'echo 1 >f'
    git -C "$T/named" tag light
    git -C "$T/named" tag -a -m annotated v1
    git -C "$T/named" tag -a -m 'a tag of a tag' v2 v1
    git -C "$T/named" tag a-blob HEAD:f
    echo 2 >"$T/named/f"
    git -C "$T/named" commit -q -a -m two
    git -C "$T/named" branch feature/x
    git -C "$T/named" push -q "$T/named.git" --all
    git -C "$T/named" push -q "$T/named.git" --tags
    local one two
    one=$(git -C "$T/named" rev-parse main~1) two=$(git -C "$T/named" rev-parse main)
    worker "file://$T/named.git" head branch=main branch=feature/x ref=light ref=v1 ref=v2 "ref=$one" "ref=${two:0:7}" \
        "ref=${one^^}" "ref=$(git -C "$T/named" rev-parse v1)" ref=a-blob "ref=$(git -C "$T/named" rev-parse HEAD:f)"
    expect_result
    [ "$(for n in 0 1 2; do found $n; done | sort -u)" = "$two" ]
    [ "$(for n in 3 4 5 6 8 9; do found $n; done | sort -u)" = "$one" ]
    [ "$(found 7)" = "$two" ]
    expect_missing 10 '"a-blob" is a blob and no commit'
    expect_missing 11 "is a blob and no commit"
    [ "$(result 'found | length')" = 12 ]
}

@test "what is not found is no failure, and says what is near" {
    local name
    worker "$PUBLIC/sample.git" branch=faeture branch=v1 branch=refs/heads/main ref=main ref=v2 ref=nothing-like-it branch=main
    expect_result
    expect_missing 0 'no branch "faeture"; did you mean "feature"?'
    expect_missing 1 'no branch "v1", but a tag: ask for it as ref'
    expect_missing 2 'no branch "refs/heads/main"; did you mean "main"?'
    expect_missing 3 'no tag or commit "main", but a branch: ask for it as branch'
    expect_missing 4 'no tag or commit "v2"; did you mean "v1"?'
    expect_missing 5 'no tag or commit "nothing-like-it"'
    [ -n "$(found 6)" ]
    [ ! -e "$T/m/devcontainer.json" ] && [ -z "$(result configCommit)" ]
}

@test "odd names are names, and nothing is made of them" {
    local -a names=('../../x' 'a b' -x --upload-pack=id HEAD a..b main~1 'main^{commit}' 'main@{0}' ':/start' @ '*' 'a\\b'
        "$(printf 'x%.0s' {1..1000})" 0123456 0123456789abcdef0123456789abcdef01234567 012345 "two
lines")
    local -a revisions=()
    for name in "${names[@]}"; do
        revisions+=("branch=$name" "ref=$name")
    done
    worker "$PUBLIC/sample.git" "${revisions[@]}"
    expect_result
    answer | jq -e '.found | length == 36 and all(.commit == "" and .message != "")'
    expect_missing 4 'there is no branch "-x"'
    expect_missing 5 'there is no tag or commit "-x"'
    [ "$(ls -A "$T")" = m ]
}

@test "an abbreviation that fits several objects asks for more digits" {
    git init -q --bare "$T/many.git"
    # the beginnings of ids of many objects: two of them have 7 digits in common sooner or later
    seq 60000 | awk '{printf "blob\ndata %d\n%s\n", length($1), $1}' | git --git-dir="$T/many.git" fast-import --quiet
    local double
    double=$(git --git-dir="$T/many.git" cat-file --batch-all-objects --batch-check='%(objectname)' | cut -c1-7 | sort | uniq -d | head -n 1)
    [ -n "$double" ]
    git --git-dir="$T/many.git" cat-file --batch-all-objects --batch-check='%(objectname)' |
        awk '{printf "100644 blob %s\t%s\n", $1, $1}' | git --git-dir="$T/many.git" mktree >"$T/tree-id"
    git --git-dir="$T/many.git" update-ref refs/heads/main "$(git --git-dir="$T/many.git" commit-tree -m all "$(cat "$T/tree-id")")"
    worker "file://$T/many.git" "ref=$double"
    expect_missing 0 "several objects begin with \"$double\"; give more digits"
}

@test "a server's HEAD may be a branch that is not there, a commit, or nothing" {
    git_work lost 'echo 1 >f'
    local commit
    commit=$(git -C "$T/lost" rev-parse HEAD)
    worker "file://$T/lost.git"
    [ "$(result headBranch)" = main ]
    git --git-dir="$T/lost.git" symbolic-ref HEAD refs/heads/nowhere
    worker "file://$T/lost.git" head branch=main
    expect_missing 0 'name a branch, such as "main"'
    [ "$(found 1)" = "$commit" ]
    [ -z "$(result headCommit)" ]
    git --git-dir="$T/lost.git" update-ref --no-deref HEAD "$commit"
    git -C "$T/lost" commit -q --allow-empty -m two
    git -C "$T/lost" push -q "$T/lost.git" main
    worker "file://$T/lost.git" head
    [ "$(found 0)" = "$commit" ]
    [ -z "$(result headBranch)" ] && [ "$(result headCommit)" = "$commit" ]
    worker "file://$T/lost.git" head isOffline=true
    [ "$(found 0)" = "$commit" ]
}

@test "a repository without a commit is said to be empty, until it has one" {
    git init -q --bare -b main "$T/empty.git"
    worker "file://$T/empty.git" head branch=main ref=v1
    expect_missing 0 "push a first commit"
    expect_missing 1 "the repository is empty; push a first commit"
    expect_missing 2 "there is no tag or commit"
    git_work first 'echo 1 >f'
    git -C "$T/first" push -q "$T/empty.git" main
    worker "file://$T/empty.git"
    [ "$(found 0)" = "$(git -C "$T/first" rev-parse HEAD)" ]
}

# --- devcontainer.json -----------------------------------------------------------------------------

@test "the development container configuration of what is asked for first lies beside the mirror" {
    git_work dev 'mkdir .devcontainer; echo "{\"image\": \"a\"}" >.devcontainer/devcontainer.json; echo "{}" >.devcontainer.json'
    local config=$T/m/devcontainer.json
    worker "file://$T/dev.git"
    expect_result
    [ "$(cat "$config")" = '{"image": "a"}' ]
    [ "$(stat -c %a "$config")" = 644 ]
    [ "$(result configCommit)" = "$(found 0)" ]

    git -C "$T/dev" rm -rq .devcontainer
    git -C "$T/dev" commit -qm two
    git -C "$T/dev" push -q "$T/dev.git" main
    worker "file://$T/dev.git"
    [ "$(cat "$config")" = '{}' ]
    worker "file://$T/dev.git" branch=nothing head
    [ -z "$(result configCommit)" ]
    [ "$(cat "$config")" = '{}' ]
    worker "file://$T/dev.git" "ref=$(git -C "$T/dev" rev-parse main~1)" isOffline=true
    [ "$(cat "$config")" = '{"image": "a"}' ]

    git -C "$T/dev" rm -q .devcontainer.json
    git -C "$T/dev" commit -qm three
    git -C "$T/dev" push -q "$T/dev.git" main
    worker "file://$T/dev.git"
    [ ! -e "$config" ]
    [ "$(result configCommit)" = "$(found 0)" ]
}

@test "a development container configuration that is a link, or too large, counts as none" {
    git_work link 'mkdir .devcontainer; ln -s /etc/passwd .devcontainer/devcontainer.json; echo "{\"b\": 1}" >.devcontainer.json'
    worker "file://$T/link.git"
    [ "$(cat "$T/m/devcontainer.json")" = '{"b": 1}' ]
    git_work large 'mkdir .devcontainer; head -c 65537 /dev/zero >.devcontainer.json; ln -s .. .devcontainer/devcontainer.json'
    worker "file://$T/large.git"
    expect_result
    [ ! -e "$T/m/devcontainer.json" ]
    git_work fits 'head -c 65536 /dev/zero >.devcontainer.json'
    worker "file://$T/fits.git"
    [ "$(stat -c %s "$T/m/devcontainer.json")" = 65536 ]
}

# --- an update -------------------------------------------------------------------------------------

@test "the mirror follows its server: new, forced, removed and renamed branches" {
    git_work moving 'echo 1 >f'
    git -C "$T/moving" branch a
    git -C "$T/moving" branch gone
    git -C "$T/moving" push -q "$T/moving.git" --all
    make_tree "file://$T/moving.git" tree
    expect_result

    echo 2 >"$T/moving/f"
    git -C "$T/moving" commit -q --amend -a -m forced
    git -C "$T/moving" tag -a -m v2 v2
    git -C "$T/moving" push -q --force "$T/moving.git" main v2 :gone :a
    git -C "$T/moving" branch -q -m a a/b
    git -C "$T/moving" push -q "$T/moving.git" a/b
    worker "file://$T/moving.git"
    expect_result
    [ "$(result receivedBytes)" -gt 0 ]
    [ "$(git --git-dir="$MIRROR" show-ref)" = "$(git --git-dir="$T/moving.git" show-ref)" ]
    snapshot "file://$T/moving.git" tree2 "$(found 0)"
    [ "$(cat "$T/tree2/f")" = 2 ]
    [ "$(cat "$T/tree/f")" = 1 ]

    worker "file://$T/moving.git"
    expect_result
    [ "$(result receivedBytes)" = 0 ]
}

@test "the mirror's HEAD is the server's" {
    git_work head 'echo 1 >f'
    git -C "$T/head" branch next
    git -C "$T/head" push -q "$T/head.git" next
    worker "file://$T/head.git"
    [ "$(result headBranch)" = main ]
    git --git-dir="$T/head.git" symbolic-ref HEAD refs/heads/next
    worker "file://$T/head.git"
    [ "$(result headBranch)" = next ]
}

@test "another spelling of the URL is used for the same mirror" {
    worker "$PUBLIC/sample.git"
    expect_result
    make_tree "$DAEMON/sample.git" tree
    expect_result
    [ "$(git --git-dir="$MIRROR" config remote.origin.url)" = "$DAEMON/sample.git" ]
    [ "$(git_in tree remote get-url origin)" = "$DAEMON/sample.git" ]
}

@test "an offline job takes the mirror as it is and asks nobody" {
    worker "http://127.0.0.1:1/sample.git" isOffline=true
    expect_error CloneFailed "no mirror"
    worker "$PUBLIC/sample.git"
    worker "http://127.0.0.1:1/sample.git" isOffline=true branch=feature head
    expect_result
    [ "$(found 0)" = "$(git --git-dir="$SERVED/sample.git" rev-parse feature)" ]
    [ "$(result headBranch)" = main ]
}

@test "thousands of branches and tags are taken over" {
    git_work many 'echo 1 >f'
    local commit
    commit=$(git -C "$T/many" rev-parse HEAD)
    for ((i = 0; i < 3000; i++)); do
        printf 'create refs/heads/b%d %s\ncreate refs/tags/t/%d %s\n' "$i" "$commit" "$i" "$commit"
    done | git --git-dir="$T/many.git" update-ref --stdin
    make_tree "file://$T/many.git" tree ref=t/2999
    expect_result
    [ "$(git --git-dir="$MIRROR" show-ref)" = "$(git --git-dir="$T/many.git" show-ref)" ]
    [ "$(git_in tree for-each-ref refs/remotes/origin/b* | wc -l)" = 3000 ]
    [ "$(find "$T/tree/.git/refs" "$MIRROR/refs" -type f | wc -l)" -le 2 ]
}

@test "two jobs on one mirror at the same time wait for each other" {
    local one commit
    commit=$(git --git-dir="$SERVED/sample.git" rev-parse main)
    job "$PUBLIC/sample.git" tree=one "commit=$commit" | "$BERTH" git-worker >"$T/one.out" &
    one=$!
    job "$PUBLIC/sample.git" tree=two "commit=$commit" | "$BERTH" git-worker >"$T/two.out"
    wait "$one"
    [ -z "$(git_in one status --porcelain)" ]
    [ -z "$(git_in two status --porcelain)" ]
}

# --- what goes wrong, and what it is called --------------------------------------------------------

@test "a wrong URL is RepositoryNotFound, whoever serves" {
    for url in "$PUBLIC/nope.git" "$DAEMON/nope.git" "file://$SERVED/nope.git" "file://$T"; do
        worker "$url"
        expect_error RepositoryNotFound "$url: no such repository"
        expect_nothing_made
    done
}

@test "credentials: right ones work, wrong ones and none are AuthenticationFailed" {
    worker "$PRIVATE/sample.git"
    expect_error AuthenticationFailed "asks for credentials and there are none"
    worker "$PRIVATE/sample.git" username=alice token=wr0ngt0ken
    expect_error AuthenticationFailed "refused the credentials"
    [[ $output != *wr0ngt0ken* ]]
    worker "$PRIVATE/sample.git" token=s3cret # the user is x-access-token
    expect_error AuthenticationFailed "refused the credentials"
    expect_nothing_made
    worker "$PRIVATE/sample.git" username=alice token=s3cret
    expect_result
    [[ $output != *s3cret* ]]
    refute grep -rqa s3cret "$T"
}

@test "wrong credentials are sent once, not until the server is tired" {
    serve "tee -a $T/heard | $(refuse_login)"
    worker "http://127.0.0.1:$PORT/x.git" username=alice token=wr0ngt0ken
    expect_error AuthenticationFailed "refused the credentials"
    [ "$(grep -ci '^authorization: basic' "$T/heard")" -eq 1 ]
}

@test "a server that is not there, or a name that is none, is CloneFailed" {
    worker "http://127.0.0.1:1/x.git"
    expect_error CloneFailed "failed to connect"
    worker "https://no-such-host.invalid/x.git"
    expect_error CloneFailed "failed to resolve"
    expect_nothing_made
}

@test "what is no git server is an error, not a surprise" {
    serve 'printf "220 hello, this is mail\r\n"; read -r x'
    for scheme in http git; do
        worker "$scheme://127.0.0.1:$PORT/x.git"
        [ "$status" -eq 1 ]
        [[ ${lines[-1]} == "E CloneFailed "* ]]
        expect_nothing_made
    done
}

@test "other schemes and credentials inside of a URL are refused before anybody is asked" {
    for url in ftp://127.0.0.1/x /etc ./x ext::sh "ext::sh -c id" https:/x rsync://h/x; do
        worker "$url"
        expect_error SchemeRefused "begins with none of"
    done
    for url in https://alice:s3cret@127.0.0.1/x https://s3cret@127.0.0.1/x ssh://a:s3cret@h/x \
               ftp://alice:s3cret@127.0.0.1/x alice:s3cret@host/x; do
        worker "$url"
        expect_error InvalidURL "credentials inside"
        [[ $output != *s3cret* ]]
    done
    expect_nothing_made
}

@test "a redirect to another host is not followed, and says what to do" {
    serve "$(redirect_to "http://localhost:${PUBLIC#http://127.0.0.1:}/sample.git/info/refs?service=git-upload-pack")"
    worker "http://127.0.0.1:$PORT/x.git" token=s3cret
    expect_error InvalidURL "use the repository's final URL"
    expect_nothing_made
}

@test "credentials do not follow a redirect to another port of the host" {
    serve "tee -a $T/heard | $(refuse_login)"
    local elsewhere=$PORT
    serve "$(redirect_to "http://127.0.0.1:$elsewhere/private/x.git/info/refs?service=git-upload-pack")"
    worker "http://127.0.0.1:$PORT/x.git" username=alice token=s3cret
    [ "$status" -eq 1 ]
    grep -q 'GET /private/x.git' "$T/heard"
    refute grep -qi '^authorization' "$T/heard"
}

@test "a certificate that nobody vouches for is CertificateInvalid" {
    start_tls
    worker "https://localhost:$PORT/git/git-worker/sample.git"
    expect_error CertificateInvalid "not trusted"
    worker "https://127.0.0.1:$PORT/git/git-worker/sample.git"
    expect_error CertificateInvalid "use a host name"
    expect_nothing_made
}

@test "a server that speaks TLS 1.3 only gets a hint" {
    start_tls ,openssl-min-proto-version=TLS1.3
    worker "https://localhost:$PORT/git/git-worker/sample.git"
    if [ "$status" -ne 0 ] && [[ ${lines[-1]} != "E CertificateInvalid"* ]]; then # a newer libgit2 can
        expect_error CloneFailed "TLS 1.3 only"
    fi
    expect_nothing_made
}

@test "a job that is none is an error in a line" {
    for text in '' 'garbage' '[]' '{}' '{"url":"u"}' "$(head -c 600000 /dev/zero | tr '\0' ' ')"; do
        run "$BERTH" git-worker <<<"$text"
        [ "$status" -eq 1 ]
        [[ $output == "E CloneFailed "* ]]
    done
    run "$BERTH" git-worker --help </dev/null
    [ "$status" -eq 2 ]
}

# --- proxies ---------------------------------------------------------------------------------------

@test "a proxy is asked for http with the whole URL, whoever the server is" {
    serve "$(http_proxy)"
    worker "http://git.example.invalid:81/git/git-worker/sample.git" "proxy=http://127.0.0.1:$PORT"
    expect_result
    grep -q '^GET http://git.example.invalid:81/git/git-worker/sample.git/info/refs?service=git-upload-pack HTTP/1.1' "$T/heard"
    grep -q '^POST http://git.example.invalid:81/git/git-worker/sample.git/git-upload-pack HTTP/1.1' "$T/heard"
    git --git-dir="$MIRROR" fsck --strict
    worker "$PRIVATE/sample.git" "proxy=http://127.0.0.1:$PORT/" username=alice token=s3cret
    expect_result
    worker "$DAEMON/sample.git" "proxy=http://127.0.0.1:1" # is for http and https only
    expect_result
}

@test "a proxy is asked for a tunnel to a server that speaks https" {
    start_tls
    local server=$PORT
    serve "$(tunnel_proxy)"
    worker "https://localhost:$server/git/git-worker/sample.git" "proxy=http://127.0.0.1:$PORT"
    expect_error CertificateInvalid "not trusted" # so it came as far as the server's certificate
    [ "$(grep . "$T/heard")" = "localhost:$server" ] # but for the empty one of who looked whether it listens
}

@test "a proxy that wants credentials, or is none, is told as such" {
    serve "$(refuse_proxy)"
    for scheme in http https; do
        worker "$scheme://localhost:1/x.git" "proxy=http://127.0.0.1:$PORT" token=s3cret
        expect_error AuthenticationFailed "the proxy http://127.0.0.1:$PORT wants credentials"
        worker "$scheme://localhost:2/x.git" "proxy=http://127.0.0.1:1"
        expect_error CloneFailed "asked through the proxy http://127.0.0.1:1"
        worker "$scheme://localhost:2/x.git" "proxy=http://no-such-host.invalid:1"
        expect_error CloneFailed "no-such-host.invalid"
    done
    worker "http://localhost:1/x.git" "proxy=http://alice:s3cret@127.0.0.1:$PORT"
    expect_error InvalidURL "the proxy's URL has credentials inside"
    [[ $output != *s3cret* ]]
    worker "http://localhost:1/x.git" "proxy=socks5://127.0.0.1:$PORT"
    expect_error InvalidURL "is not of the form http://host:port"
    expect_nothing_made
}

# --- what cannot be mirrored -----------------------------------------------------------------------

@test "shallow and partial sources are told as such, whoever serves" {
    git clone -q --bare --depth 1 "file://$SERVED/sample.git" "$SERVED/shallow.git"
    git -C "$SERVED/sample.git" config uploadpack.allowFilter true
    git clone -q --bare --filter=blob:none "file://$SERVED/sample.git" "$SERVED/partial.git"
    git -C "$SERVED/partial.git" remote remove origin
    for base in "$PUBLIC" "$DAEMON" "file://$SERVED"; do
        worker "$base/shallow.git"
        expect_error CloneFailed "shallow clone, which cannot be mirrored"
        worker "$base/partial.git"
        expect_error CloneFailed "partial or shallow clone, which cannot be mirrored"
    done
    expect_nothing_made
}

# --- the cage --------------------------------------------------------------------------------------

# Without it libgit2 goes wherever a source leads it.
@test "a file:// source is read, but nothing that it leads to" {
    has_landlock || return 0
    git_work outer 'echo 1 >f'
    mkdir "$T/elsewhere"
    mv "$T/outer.git/objects/pack" "$T/elsewhere" 2>/dev/null || true
    mv "$T"/outer.git/objects/?? "$T/elsewhere"
    git --git-dir="$T/outer.git" rev-parse -q --verify main >/dev/null
    echo "$T/elsewhere" >"$T/outer.git/objects/info/alternates"
    git --git-dir="$T/outer.git" fsck
    worker "file://$T/outer.git"
    expect_error CloneFailed "borrows objects from another one"
    expect_nothing_made
    mv "$T"/elsewhere/* "$T/outer.git/objects"
    rm "$T/outer.git/objects/info/alternates"
    worker "file://$T/outer.git"
    expect_result
}

# --- ceilings --------------------------------------------------------------------------------------

@test "a repository larger than allowed is CloneTooLarge, while it comes" {
    git_work big 'head -c 3000000 /dev/urandom >f'
    worker "file://$T/big.git" maxBytes=1000000
    expect_error CloneTooLarge "larger than the 1000000 bytes"
    expect_nothing_made
    worker "file://$T/big.git" maxBytes=10000000
    expect_result
}

@test "an update that would make the mirror too large leaves it as it was" {
    git_work grows 'echo small >f'
    worker "file://$T/grows.git" maxBytes=1000000
    expect_result
    head -c 3000000 /dev/urandom >"$T/grows/g"
    git -C "$T/grows" add -A
    git -C "$T/grows" commit -q -m big
    git -C "$T/grows" push -q "$T/grows.git" main
    worker "file://$T/grows.git" maxBytes=1000000
    expect_error CloneTooLarge
    git --git-dir="$MIRROR" fsck --strict
    [ -z "$(find "$MIRROR" -name 'pack_git2_*' -o -name '*.lock')" ]
}

# --- being killed ----------------------------------------------------------------------------------

@test "a silent server gets a job that says nothing, and dies when it is killed" {
    serve 'exec sleep 1000'
    start_worker "http://127.0.0.1:$PORT/x.git" tree=tree commit="$LARGE" username=alice token=s3cret
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
    start_worker "http://127.0.0.1:$PORT/x.git" tree=tree commit="$LARGE" runAs=20001
    wait_for 'test $(processes_of_group | wc -l) -eq 2 && test -s "$T/out"'
    kill -KILL "$WORKER"
    wait_for 'test -z "$(processes_of_group)"'
}

@test "when nobody reads its output any more, it gives up" {
    serve 'exec sleep 1000'
    mkfifo "$T/fifo"
    job "http://127.0.0.1:$PORT/x.git" tree=tree commit="$LARGE" | "$BERTH" git-worker >"$T/fifo" &
    local pid=$!
    head -n 1 "$T/fifo" >/dev/null
    wait_for "! kill -0 $pid"
}

@test "a clone that was killed half-way is made anew" {
    serve_half "$SERVED"
    start_worker "git://127.0.0.1:$PORT/large.git" tree=tree commit="$LARGE"
    wait_for 'grep -q "receiving" "$T/out"'
    wait_for 'test -n "$(find "$T/m" -name "pack_git2_*" -size +50k)"'
    kill -KILL -- "-$WORKER"
    wait_for 'test -z "$(processes_of_group)"'
    [ ! -e "$MIRROR" ]
    [ ! -e "$T/tree" ]
    make_tree "$DAEMON/large.git" tree
    expect_result
    git_in tree fsck --no-dangling
    [ "$(ls -A "$T/m" | sort | tr '\n' ' ')" = "mirror.git mirror.git.lock packs " ]
    [ ! -e "$T/m/.staging" ]
}

@test "an update that was killed half-way leaves a mirror that works, and no remains" {
    git_work updated 'echo 1 >f'
    mv "$T/updated.git" "$SERVED/updated.git"
    worker "$DAEMON/updated.git"
    expect_result
    head -c 3000000 /dev/urandom >"$T/updated/g"
    git -C "$T/updated" add -A
    git -C "$T/updated" commit -q -m more
    git -C "$T/updated" push -q "$SERVED/updated.git" main
    serve_half "$SERVED"
    start_worker "git://127.0.0.1:$PORT/updated.git"
    wait_for 'test -n "$(find "$MIRROR" -name "pack_git2_*" -size +50k)"'
    kill -KILL -- "-$WORKER"
    wait_for 'test -z "$(processes_of_group)"'
    touch "$MIRROR/refs/heads/main.lock" "$MIRROR/HEAD.lock" # as a kill at another moment leaves
    git --git-dir="$MIRROR" fsck
    make_tree "$DAEMON/updated.git" tree
    expect_result
    [ -e "$T/tree/g" ]
    [ -z "$(find "$MIRROR" -name 'pack_git2_*' -o -name '*.lock')" ]
}

@test "kills at random moments never leave anything half-made under a final name" {
    local n
    for ((n = 0; n < 12; n++)); do
        start_worker "$DAEMON/large.git" tree=tree commit="$LARGE"
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
    make_tree "$DAEMON/large.git" tree
    expect_result
}

# --- damage ----------------------------------------------------------------------------------------

@test "a damaged mirror is made anew" {
    local damage
    for damage in 'echo "[[garbage" >config' 'rm HEAD' 'echo x >HEAD' 'echo x >refs/heads/main' \
                  'truncate -s 100 objects/pack/*.pack' 'rm objects/pack/*.idx' 'rm objects/pack/*' \
                  'dd if=/dev/urandom of=$(ls objects/pack/*.pack) bs=1 seek=200 count=300 conv=notrunc' \
                  'rm -r objects' 'chmod 000 .'; do
        rm -rf "$T/tree" "$T/m"
        worker "$PUBLIC/sample.git"
        expect_result
        chmod -R u+w "$MIRROR"
        (cd "$MIRROR" && eval "$damage") 2>/dev/null
        # some is seen by the fetch, the rest by the snapshot
        worker "$PUBLIC/sample.git" tree=tree "commit=$(git --git-dir="$SERVED/sample.git" rev-parse main)"
        [ "$status" -eq 0 ] || { echo "$damage: $output"; false; }
        [ -z "$(git_in tree status --porcelain)" ]
        git --git-dir="$MIRROR" fsck --strict
        [ "$(ls -A "$T/m" | sort | tr '\n' ' ')" = "mirror.git mirror.git.lock packs " ]
    done
}

@test "what is in the mirror's place and is none makes way for it" {
    mkdir -p "$T/m"
    echo x >"$MIRROR"
    make_tree "$PUBLIC/sample.git" tree
    expect_result
}

@test "a mirror of another user's is given to the git user" {
    need_root
    worker "$PUBLIC/sample.git" runAs=20001
    expect_result
    chmod 700 "$MIRROR/objects"
    worker "$PUBLIC/sample.git" runAs=20002
    expect_result
    [ "$(find "$MIRROR" -printf '%u\n' | sort -u)" = 20002 ]
    make_tree "$PUBLIC/sample.git" tree runAs=0
    expect_result
    [ "$(find "$T/m" -printf '%U\n' | sort -u)" = 0 ]
}

# --- whose files they are --------------------------------------------------------------------------

@test "the work is done without any privilege" {
    need_root
    serve 'exec sleep 1000'
    start_worker "http://127.0.0.1:$PORT/x.git" tree=tree commit="$LARGE" runAs=20001 owner=20002
    wait_for 'test $(processes_of_group | wc -l) -eq 2 && test -s "$T/out"'
    local pid
    pid=$(processes_of_group | grep -vx "$WORKER")
    [ "$(awk '/^Uid:/{print $2,$3,$4,$5}' "/proc/$pid/status")" = "20001 20001 20001 20001" ]
    [ "$(awk '/^Gid:/{print $2,$3,$4,$5}' "/proc/$pid/status")" = "20001 20001 20001 20001" ]
    [ -z "$(awk '/^Groups:/{$1="";print}' "/proc/$pid/status" | tr -d ' ')" ]
    [ "$(awk '/^Cap(Prm|Eff|Inh|Amb|Bnd):/{print $2}' "/proc/$pid/status" | sort -u)" = 0000000000000000 ]
    [ "$(awk '/^NoNewPrivs:/{print $2}' "/proc/$pid/status")" = 1 ]
    grep -q '^Max core file size  *0  *0 ' "/proc/$pid/limits"
}

@test "who stays root has no privilege either" {
    need_root
    serve 'exec sleep 1000'
    start_worker "http://127.0.0.1:$PORT/x.git"
    wait_for 'test $(processes_of_group | wc -l) -eq 2 && test -s "$T/out"'
    local pid
    pid=$(processes_of_group | grep -vx "$WORKER")
    [ "$(awk '/^Cap(Prm|Eff|Inh|Amb|Bnd):/{print $2}' "/proc/$pid/status" | sort -u)" = 0000000000000000 ]
}

@test "a state directory below a private one is reached all the same" {
    need_root
    mkdir -m 700 "$T/closed"
    MIRROR=$T/closed/deeper/mirror.git
    worker "$PUBLIC/sample.git" runAs=20001
    expect_result
    [ "$(stat -c %u "$MIRROR")" = 20001 ]
    git -c safe.directory='*' -C "$MIRROR" fsck
}

@test "without root it works as who it is" {
    need_root
    chown 20001 "$T"
    cp "$BERTH" "$T/berth" # that user need not see the checkout
    as_user 20001 "$T/berth" git-worker >"$T/out" < <(job "$DAEMON/large.git" tree=tree commit="$LARGE" runAs=20009)
    grep -q '^R ' "$T/out"
    [ "$(find "$T/m" "$T/tree" -printf '%U\n' | sort -u)" = 20001 ]
    run as_user 20001 "$T/berth" git-worker < <(job "$DAEMON/large.git" tree=tree2 commit="$LARGE" owner=20002)
    expect_error WorkspaceFailed "only root can give"
}

# --- ssh -------------------------------------------------------------------------------------------

@test "a clone over ssh with an ed25519 or ECDSA key" {
    start_sshd
    for type in ed25519 ecdsa; do
        make_tree "ssh://$(id -un)@127.0.0.1:$PORT$SERVED/sample.git" "tree-$type" \
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
    worker "ssh://$(id -un)@127.0.0.1:$PORT$SERVED/sample.git" "sshKey=$key"
    expect_error CertificateInvalid "$(ssh-keygen -lf "$T/ssh/host.pub" | cut -d' ' -f2)"
    [[ $output == *"no file was given"* ]]
    printf '[127.0.0.1]:%s %s\n' "$PORT" "$(cut -d' ' -f1,2 "$T/ssh/id_ed25519.pub")" >"$T/ssh/wrong"
    worker "ssh://$(id -un)@127.0.0.1:$PORT$SERVED/sample.git" "sshKey=$key" "knownHosts=$T/ssh/wrong"
    expect_error CertificateInvalid "not in the known hosts"
    expect_nothing_made
}

@test "ssh: a key that the server does not know, or none, is AuthenticationFailed" {
    start_sshd
    local url
    url="ssh://$(id -un)@127.0.0.1:$PORT$SERVED/sample.git"
    worker "$url" "knownHosts=$T/ssh/known_hosts"
    expect_error AuthenticationFailed "give the repository an ssh key"
    worker "$url" "knownHosts=$T/ssh/known_hosts" "sshKey=$(cat "$T/ssh/stranger")"
    expect_error AuthenticationFailed "refused the ssh key"
    worker "$url" "knownHosts=$T/ssh/known_hosts" "sshKey=nonsense"
    expect_error AuthenticationFailed "ed25519"
    worker "ssh://$(id -un)@127.0.0.1:$PORT$SERVED/nope.git" "knownHosts=$T/ssh/known_hosts" \
        "sshKey=$(cat "$T/ssh/id_ed25519")"
    expect_error RepositoryNotFound "does not appear to be a git repository"
    expect_nothing_made
}

@test "ssh: keys that cannot be used are told by their kind" {
    start_sshd
    local url kind
    url="ssh://$(id -un)@127.0.0.1:$PORT$SERVED/sample.git"
    ssh-keygen -q -t ed25519 -N secret -f "$T/ssh/passphrase"
    ssh-keygen -q -t ecdsa -m PEM -N secret -f "$T/ssh/passphrase-pem"
    ssh-keygen -q -t rsa -b 2048 -m PKCS8 -N secret -f "$T/ssh/passphrase-pkcs8"
    for kind in passphrase passphrase-pem passphrase-pkcs8; do
        worker "$url" "knownHosts=$T/ssh/known_hosts" "sshKey=$(cat "$T/ssh/$kind")"
        expect_error AuthenticationFailed "the ssh key is encrypted"
    done
    worker "$url" "knownHosts=$T/ssh/known_hosts" "sshKey=$(cat "$T/ssh/id_ed25519.pub")"
    expect_error AuthenticationFailed "is no private key"
    ssh-keygen -q -t rsa -b 2048 -N '' -f "$T/ssh/rsa"
    ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -f "$T/ssh/rsa-pem"
    ssh-keygen -q -t rsa -b 2048 -m PKCS8 -N '' -f "$T/ssh/rsa-pkcs8"
    cat "$T"/ssh/rsa*.pub >>"$T/ssh/authorized"
    for kind in rsa rsa-pem rsa-pkcs8; do
        worker "$url" "knownHosts=$T/ssh/known_hosts" "sshKey=$(cat "$T/ssh/$kind")"
        # a newer libssh2 can
        [ "$status" -eq 0 ] || expect_error AuthenticationFailed "use an ed25519 or ECDSA key"
    done
}

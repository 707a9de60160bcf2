#!/usr/bin/env bats
# The README and the guides in docs/, done word for word; tests/support/walkthrough.sh tells how.
#
# Each is done in a folder that looks like a checkout after `make`. The images that they name are
# those of a registry; where the engine has none of them, they are made as docs/getting-started.md
# says it for machines without a registry, and go again.

load helpers
bats_require_minimum_version 1.5.0

PAGES=(README docs/getting-started docs/guide-gitops docs/guide-tasks docs/guide-ci
    docs/guide-operator)
IMAGES=(busybox:1 buildpack-deps:bookworm-scm)

# A folder with what the pages use of a checkout.
make_checkout() {
    mkdir -p "$1/build"
    ln -s "$BERTH" "$1/build/berth"
    ln -s "$PROJECT/tests" "$PROJECT/examples" "$1"
}

setup_file() {
    local image missing=''
    chmod 711 "$SUITE_DIR" # git works as a user of its own
    make_checkout "$BATS_FILE_TMPDIR/checkout"
    for image in "${IMAGES[@]}"; do
        docker image inspect "$image" >/dev/null 2>&1 || missing+=" $image"
    done
    export MADE_IMAGES=$missing
    [[ -z $missing ]] || (cd "$BATS_FILE_TMPDIR/checkout" &&
        "$SUPPORT/walkthrough.sh" "$PROJECT/docs/getting-started.md" images)
}

teardown_file() {
    # shellcheck disable=SC2086 # a list
    [[ -z ${MADE_IMAGES:-} ]] || docker image rm $MADE_IMAGES >/dev/null
}

setup() {
    berth_setup
    make_checkout "$TEST_DIR/checkout"
    unset BERTH_SPECS BERTH_STATE
}

# walk PAGE: with berth on the PATH, as `make install` puts it there.
walk() {
    (cd "$TEST_DIR/checkout" && PATH=$PWD/build:$PATH "$SUPPORT/walkthrough.sh" "$PROJECT/$1.md")
}

@test "README" { walk README; }
@test "docs/getting-started.md" { walk docs/getting-started; }
@test "docs/guide-gitops.md" { walk docs/guide-gitops; }
@test "docs/guide-tasks.md" { walk docs/guide-tasks; }
@test "docs/guide-ci.md" { walk docs/guide-ci; }
@test "docs/guide-operator.md" { walk docs/guide-operator; }

@test "no page with commands for a terminal is left out" {
    local page
    cd "$PROJECT"
    while read -r page; do
        [[ " ${PAGES[*]} " == *" ${page%.md} "* ]] || { echo "$page is done by no test"; return 1; }
    done < <(grep -l '^```console' README.md docs/*.md docs/*/*.md)
}

@test "a page that shows what does not come out is found out" {
    local page=$TEST_DIR/page.md
    page() { cat >"$page"; }
    walkthrough() { run "$SUPPORT/walkthrough.sh" "$page"; }

    page <<'MD'
```console
$ printf 'web 26568 3s\nmore\nlast\n'
web   20001   12s
…
last
$ sleep 1000 &
$ kill $!
$ cat >x <<'END'
$ a: 1
END
$ grep -c a \
    x
1
$ false
$ echo $?
1
$ echo result; echo talk >&2
result
$ echo result; echo trouble >&2
trouble
result
```
```sh
false
```
MD
    walkthrough
    [[ $status -eq 0 && $output == "9 commands of page.md do what it says" ]]

    page <<<$'```console\n$ echo one\ntwo\n```'
    walkthrough
    [[ $status -eq 1 && $output == *"page.md:2: prints something else"* ]]
    page <<<$'```console\n$ echo one\n```'
    walkthrough
    [[ $status -eq 1 ]]
    page <<<$'```console\n$ true\nsomething\n```'
    walkthrough
    [[ $status -eq 1 ]]
    page <<<$'```console\n$ echo web 1 of 2\nweb 1 of 3\n```'
    walkthrough
    [[ $status -eq 1 ]]
    page <<<$'```console\n$ false\n$ true\n```'
    walkthrough
    [[ $status -eq 1 && $output == *"page.md:2: exit status 1"* ]]
    page <<<'no commands'
    walkthrough
    [[ $status -eq 2 ]]
}

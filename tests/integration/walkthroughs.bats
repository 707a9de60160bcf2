#!/usr/bin/env bats
# The README and the pages in docs/, done word for word; tests/support/walkthrough.sh tells how.

load helpers
bats_require_minimum_version 1.5.0

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
```
```sh
false
```
MD
    walkthrough
    [[ $status -eq 0 && $output == "7 commands of page.md do what it says" ]]

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

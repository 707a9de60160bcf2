#!/usr/bin/env bash
# Makes the small images of the tests on the engine at DOCKER_HOST, without a registry: busybox and,
# for one of them, this machine's git with the libraries it needs. Does nothing for an image that is
# there already in this version.
#
# usage: images.sh [NAME...]     (default: busybox web git)
#   busybox   berth-test/busybox:1  every applet in /bin; users root, nobody and app (1000)
#   web       berth-test/web:1      the same; serves a page with its host name on port 8080
#   git       berth-test/git:1      the same, with git
#   PREFIX=name in the environment makes name/busybox:1 and so on instead.
set -euo pipefail

# Part of each image's label: count it up when an image here changes.
version=1
prefix=${PREFIX:-berth-test}

die() { echo "images: $*" >&2; exit 1; }

busybox=$(command -v busybox.static || command -v busybox) || die "busybox is missing; deploy/bootstrap.sh installs it"
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

is_there() {
    [[ $(docker image inspect -f '{{index .Config.Labels "berth-test.version"}}' "$1" 2>/dev/null) == "$version" ]]
}

# The root folder as an image; the same bytes give the same image on every machine.
import() {
    local image=$1 option
    local -a changes=(--change "LABEL berth-test.version=$version")
    shift
    for option in "$@"; do
        changes+=(--change "$option")
    done
    tar -C "$root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -c . |
        docker import "${changes[@]}" - "$image" >/dev/null
    echo "images: made $image"
}

lay_busybox() {
    local applet
    [[ ! -e $root/bin/busybox ]] || return 0
    mkdir -p "$root"/{bin,dev,etc,proc,root,sys,tmp,var,home/app}
    chmod 1777 "$root/tmp" "$root/home/app"
    cp "$busybox" "$root/bin/busybox"
    while read -r applet; do
        [[ $applet == busybox ]] || ln -s busybox "$root/bin/$applet"
    done < <("$busybox" --list)
    printf '%s\n' root:x:0:0:root:/root:/bin/sh nobody:x:65534:65534:nobody:/:/bin/false \
        app:x:1000:1000:app:/home/app:/bin/sh >"$root/etc/passwd"
    printf '%s\n' root:x:0: nogroup:x:65534: app:x:1000: >"$root/etc/group"
}

lay_web() {
    # Without an index.html httpd asks this script for the page of "/".
    mkdir -p "$root/www/cgi-bin"
    cat >"$root/www/cgi-bin/index.cgi" <<'CGI'
#!/bin/sh
printf 'Content-Type: text/html\r\n\r\n<!doctype html><title>berth</title><p>hello from %s</p>\n' "$(hostname)"
CGI
    # As process 1 httpd would ignore SIGTERM, and every stop would take the whole grace period.
    cat >"$root/bin/serve" <<'SERVE'
#!/bin/sh
trap 'exit 0' TERM
httpd -f -p 8080 -h /www &
wait
SERVE
    chmod 755 "$root/www/cgi-bin/index.cgi" "$root/bin/serve"
}

lay_git() {
    local library
    command -v git >/dev/null || die "git is missing; deploy/bootstrap.sh installs it"
    mkdir -p "$root/usr/bin"
    cp -L "$(command -v git)" "$root/usr/bin/git"
    # ldd says "name => path (address)" or, for the loader, "path (address)".
    while read -r library; do
        mkdir -p "$root${library%/*}"
        cp -L "$library" "$root$library"
    done < <(ldd "$(command -v git)" | grep -o '/[^ ]*')
    # The tree belongs to whom the test says, not always to who looks at it.
    printf '[safe]\n\tdirectory = *\n[user]\n\tname = Test\n\temail = test@example.org\n' \
        >"$root/etc/gitconfig"
}

(($# > 0)) || set -- busybox web git
for name in "$@"; do
    image=$prefix/$name:1
    is_there "$image" && continue
    rm -rf "${root:?}"/*
    lay_busybox
    case $name in
        busybox) import "$image" 'CMD ["/bin/sh"]' ;;
        web) lay_web; import "$image" 'EXPOSE 8080' 'CMD ["serve"]' ;;
        git) lay_git; import "$image" 'CMD ["/bin/sh"]' ;;
        *) die "no such image: $name" ;;
    esac
done

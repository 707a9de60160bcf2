#!/usr/bin/env bash
# Installs what is missing to build, test and demonstrate Berth; quiet and quick when nothing is.
#
# usage: deploy/bootstrap.sh [--build-only|--demo] [--newest] [--list] [--print]
#   --build-only   only what `make` needs
#   --demo         what `make` and `make demo` need
#   --newest       also what `make test-integration ENGINE=newest` needs
#   --list         print what is missing and stop
#   --print        print the command that would install it, and stop
#
# Debian and its descendants are served by apt; Fedora by dnf and Alpine by apk from the same table.
# What counts is the thing, not the package: a Docker Engine from elsewhere is not replaced. Engines
# and web servers which come along are not started, now or at the next boot.
set -euo pipefail

# needed for | how to tell that it is there | Debian | Fedora | Alpine
table='
build  command:gcc             gcc                   gcc                  gcc
build  command:make            make                  make                 make
build  command:pkg-config      pkg-config            pkgconf-pkg-config   pkgconf
build  static-libc             libc6-dev             glibc-static         musl-dev
build  pkgconfig:yaml-0.1      libyaml-dev           libyaml-devel        yaml-dev
build  pkgconfig:jansson       libjansson-dev        jansson-devel        jansson-dev
build  pkgconfig:libcurl       libcurl4-openssl-dev  libcurl-devel        curl-dev
build  pkgconfig:libgit2       libgit2-dev           libgit2-devel        libgit2-dev
build  pkgconfig:libuv         libuv1-dev            libuv-devel          libuv-dev
build  pkgconfig:nettle        nettle-dev            nettle-devel         nettle-dev
build  pkgconfig:libcrypto     libssl-dev            openssl-devel        openssl-dev
build  header:uthash.h         uthash-dev            uthash-devel         uthash-dev
check  pkgconfig:cmocka        libcmocka-dev         libcmocka-devel      cmocka-dev
check  command:clang           clang                 clang                clang
check  clang-runtime           libclang-rt-dev       compiler-rt          compiler-rt
check  command:clang-tidy      clang-tidy            clang-tools-extra    clang-extra-tools
check  command:clang-format    clang-format          clang-tools-extra    clang-extra-tools
check  command:cppcheck        cppcheck              cppcheck             cppcheck
check  command:bats            bats                  bats                 bats
demo   command:dockerd         docker.io             moby-engine          docker-engine
demo   command:docker          docker.io             docker-cli           docker-cli
demo   command:iptables        iptables              iptables-nft         iptables
demo   command:pgrep           procps                procps-ng            procps
demo   command:ip              iproute2              iproute              iproute2
demo   static-busybox          busybox-static        busybox              busybox-static
demo   command:curl            curl                  curl                 curl
check  command:jq              jq                    jq                   jq
demo   command:git             git                   git                  git
demo   git-http-backend        git                   git-core             git-daemon
demo   command:lighttpd        lighttpd              lighttpd             lighttpd
check  command:sshd            openssh-server        openssh-server       openssh-server
check  command:ssh             openssh-client        openssh-clients      openssh-client
check  command:socat           socat                 socat                socat
check  command:dnsmasq         dnsmasq-base          dnsmasq              dnsmasq
check  command:perl            perl-base             perl-interpreter     perl
check  command:openssl         openssl               openssl              openssl
check  command:systemd-analyze systemd               systemd              -
check  command:valgrind        valgrind              valgrind             valgrind
check  command:vi              vim-tiny              vim-minimal          vim
check  command:nano            nano                  nano                 nano
check  command:rsync           rsync                 rsync                rsync
check  command:mandoc          mandoc                mandoc               mandoc
check  command:zsh             zsh                   zsh                  zsh
check  command:fish            fish                  fish                 fish
check  bash-completion         bash-completion       bash-completion      bash-completion
check  python:jsonschema       python3-jsonschema    python3-jsonschema   py3-jsonschema
check  python:yaml             python3-yaml          python3-pyyaml       py3-yaml
newest command:debootstrap     debootstrap           debootstrap          debootstrap
'
# Services that the packages above would start.
services='docker.io:docker.service docker.io:docker.socket lighttpd:lighttpd.service
          openssh-server:ssh.service'

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
wanted='build demo check'
mode=install
for argument in "$@"; do
    case $argument in
        --build-only) wanted=build ;;
        --demo) wanted='build demo' ;;
        --newest) wanted+=' newest' ;;
        --list) mode=list ;;
        --print) mode=print ;;
        *) sed -n '/^# usage:/,/^#$/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done

is_static() { ! LC_ALL=C ldd "$1" 2>/dev/null | grep -q '=>'; }

is_there() {
    case $1 in
        command:*) command -v "${1#*:}" >/dev/null ;;
        pkgconfig:*) pkg-config --exists "${1#*:}" 2>/dev/null ;;
        header:*) echo "#include <${1#*:}>" | gcc -E -o /dev/null - 2>/dev/null ;;
        python:*) python3 -c "import ${1#*:}" 2>/dev/null ;;
        static-libc) [[ $(gcc -print-file-name=libc.a 2>/dev/null) == /* ]] ;;
        clang-runtime) compgen -G "$(clang -print-resource-dir 2>/dev/null)/lib/*/libclang_rt.fuzzer*" \
            >/dev/null ;;
        static-busybox) { command -v busybox.static ||
            { command -v busybox && is_static "$(command -v busybox)"; }; } >/dev/null ;;
        bash-completion) [[ -r /usr/share/bash-completion/bash_completion ]] ;;
        git-http-backend) [[ -x $(git --exec-path 2>/dev/null)/git-http-backend ]] ;;
    esac
}

if command -v apt-get >/dev/null; then
    system=debian
elif command -v dnf >/dev/null; then
    system=fedora
elif command -v apk >/dev/null; then
    system=alpine
else
    system=unknown
fi

packages=()
missing=()
while read -r group probe debian fedora alpine; do
    [[ -n $group && " $wanted " == *" $group "* ]] || continue
    is_there "$probe" && continue
    case $system in
        debian) package=$debian ;;
        fedora) package=$fedora ;;
        alpine) package=$alpine ;;
        *) package=${probe#*:} ;;
    esac
    [[ $package != - ]] || continue # it has none
    missing+=("${probe#*:}")
    [[ " ${packages[*]-} " == *" $package "* ]] || packages+=("$package")
done <<<"$table"

((${#missing[@]} > 0)) || exit 0

as_root=()
((EUID == 0)) || as_root=(sudo)
case $system in
    debian) install=(apt-get install -y --no-install-recommends "${packages[@]}") ;;
    fedora) install=(dnf install -y --setopt=install_weak_deps=False "${packages[@]}") ;;
    alpine) install=(apk add "${packages[@]}") ;;
    unknown)
        echo "bootstrap: neither apt, dnf nor apk here; please install: ${missing[*]}" >&2
        exit 1
        ;;
esac
case $mode in
    list) printf '%s\n' "${packages[@]}"; exit 0 ;;
    print) echo "${as_root[*]-} ${install[*]}"; exit 0 ;;
esac

if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    echo "bootstrap: must be root to run: ${install[*]}" >&2
    exit 1
fi
echo "bootstrap: installing ${packages[*]}"

# Debian starts a service as soon as it is installed, unless this program says 101. One that is there
# already is the machine's own and comes back afterwards.
policy=/usr/sbin/policy-rc.d
hold_services() {
    "${as_root[@]}" sh -c "test ! -e $policy || mv $policy $policy.berth-saved
        printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy"
    trap release_services EXIT
}
release_services() {
    "${as_root[@]}" sh -c "rm -f $policy
        test ! -e $policy.berth-saved || mv $policy.berth-saved $policy"
}

log=$(mktemp)
run() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 </dev/null || {
        tail -n 30 "$log" >&2
        echo "bootstrap: failed: $*" >&2
        rm -f "$log"
        exit 1
    }
}

if [[ $system == debian ]]; then
    hold_services
    # Wait for another apt rather than fail beside it.
    lock=(-o DPkg::Lock::Timeout=600)
    run apt-get "${lock[@]}" update
    run "${install[@]}" "${lock[@]}"
    if command -v systemctl >/dev/null; then
        for entry in $services; do
            [[ " ${packages[*]} " == *" ${entry%%:*} "* ]] || continue
            "${as_root[@]}" systemctl --quiet disable "${entry#*:}" 2>/dev/null || true
        done
    fi
else
    run "${install[@]}"
fi
rm -f "$log"

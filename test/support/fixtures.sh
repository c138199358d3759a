#!/bin/sh
# The root file systems and images that tests start from, made once and kept in one folder:
#
#   busybox.tar, debian.tar                root file systems (busybox-static with its applets; debootstrap's minbase)
#   services.tar                           debian.tar with redis, nginx, mariadb and their clients, curl and ApacheBench
#   java.tar                               debian.tar with Java's compiler, and tomcat
#   busybox-image.tar, debian-image.tar    the first two as `docker save` writes them (busybox:latest, debian:bookworm)
#
#   fixtures.sh [NAME.tar …]               makes what is missing (all, without a name) and prints the folder
#
# Two callers at once are safe: one waits for the other, and a file appears under its name only when it is complete.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=${SKIFF_FIXTURES:-/var/tmp/skiff-fixtures}
scratch=

say() { echo "fixtures: $*" >&2; }
cleanup() {
    [ -n "$scratch" ] || return 0
    [ ! -e "$scratch/engine" ] || "$here/reference-engine.sh" stop "$scratch/engine"
    rm -rf "$scratch"
}

# Packs the tree $1 as $folder/$2: the same tree gives the same bytes.
pack() {
    tar --numeric-owner --sort=name --mtime=@1700000000 -C "$1" -cf "$scratch/$2" .
    mv "$scratch/$2" "$folder/$2"
}

# Laid out as the official busybox image is: one binary with a hard link for each applet.
make_busybox() {
    root=$scratch/busybox
    mkdir -p "$root/bin" "$root/dev" "$root/etc" "$root/home" "$root/usr/bin" "$root/usr/sbin" "$root/var/spool/mail" "$root/var/www"
    mkdir -m 700 "$root/root"
    mkdir -m 1777 "$root/tmp"
    cp /bin/busybox "$root/bin/busybox"
    for applet in $("$root/bin/busybox" --list); do
        [ "$applet" = busybox ] || ln "$root/bin/busybox" "$root/bin/$applet"
    done
    ln "$root/bin/busybox" "$root/usr/bin/env"
    cat >"$root/etc/passwd" <<'END'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
sys:x:3:3:sys:/dev:/bin/false
sync:x:4:100:sync:/bin:/bin/sync
mail:x:8:8:mail:/var/spool/mail:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
operator:x:37:37:Operator:/var:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
END
    cat >"$root/etc/group" <<'END'
root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:operator
lp:x:7:
mail:x:8:
kmem:x:9:
wheel:x:10:root
cdrom:x:11:
dialout:x:18:
floppy:x:19:
video:x:28:
audio:x:29:
tape:x:32:
www-data:x:33:
operator:x:37:
utmp:x:43:
plugdev:x:46:
staff:x:50:
lock:x:54:
netdev:x:82:
users:x:100:
nobody:x:65534:
END
    echo 'root:*:::::::' >"$root/etc/shadow"
    pack "$root" busybox.tar
}

make_debian() {
    say 'making a minimal Debian with debootstrap (about a minute)'
    # In a mount namespace: what debootstrap mounts goes with it, however it ends.
    unshare -m debootstrap --variant=minbase bookworm "$scratch/debian" >"$scratch/debootstrap.log" 2>&1 || {
        tail -n 20 "$scratch/debootstrap.log" >&2
        say 'debootstrap failed; the end of its log is above'
        exit 1
    }
    rm -rf "$scratch/debian/var/cache/apt/archives"/*.deb "$scratch/debian/var/lib/apt/lists"/* "$scratch/debian/var/log"/*.log
    pack "$scratch/debian" debian.tar
}

# Real servers, from Debian's packages: $1.tar with the packages that follow. Nothing of them runs while they are installed: chroot has
# no service manager. Leaves the tree in $root.
install_packages() {
    need debian.tar
    root=$scratch/$1
    shift
    say "installing into a Debian (about a minute): $*"
    mkdir "$root"
    tar --numeric-owner -C "$root" -xf "$folder/debian.tar"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    cp "$root/usr/sbin/policy-rc.d" "$scratch/policy-rc.d" 2>/dev/null || :
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    # Documentation and translations would be a third of the files.
    printf 'path-exclude=/usr/share/%s/*\n' doc man locale info >"$root/etc/dpkg/dpkg.cfg.d/small"
    printf 'force-unsafe-io\n' >"$root/etc/dpkg/dpkg.cfg.d/quick"
    # The machine's own proxy for packages, if it has one.
    for conf in /etc/apt/apt.conf.d/*; do
        grep -qi 'acquire::.*proxy' "$conf" 2>/dev/null && cp "$conf" "$root/etc/apt/apt.conf.d/" || :
    done
    # /proc: Java's packages ask it what they run on.
    unshare -m sh -ec '
        root=$1
        shift
        mount -t proc none "$root/proc"
        exec chroot "$root" sh -ec "
            export DEBIAN_FRONTEND=noninteractive LC_ALL=C
            apt-get update -q
            apt-get install -qy --no-install-recommends $*
            apt-get clean"' sh "$root" "$@" >"$scratch/packages.log" 2>&1 || {
        tail -n 20 "$scratch/packages.log" >&2
        say 'the installation failed; the end of its log is above'
        exit 1
    }
    rm -rf "$root/var/lib/apt/lists"/* "$root/usr/sbin/policy-rc.d" "$root/etc/resolv.conf" "$root/var/cache/apt"/*.bin
    [ ! -e "$scratch/policy-rc.d" ] || cp "$scratch/policy-rc.d" "$root/usr/sbin/policy-rc.d"
}

make_services() {
    install_packages services redis-server redis-tools nginx-light mariadb-server mariadb-client curl apache2-utils
    # A server makes its database anew: with one inside, a volume would begin with 130 MB of it.
    rm -rf "$root/var/lib/mysql"/*
    pack "$root" services.tar
}

make_java() {
    install_packages java openjdk-17-jdk-headless tomcat10
    pack "$root" java.tar
}

# $1: the root file system's archive, $2: the image's name, $3: the image's archive.
save_image() {
    need "$1"
    "$here/reference-engine.sh" start "$scratch/engine"
    docker="docker -H unix://$scratch/engine/docker.sock"
    # Written by the shell: docker's own -o makes a file that only its owner can read.
    if $docker import -c 'CMD ["sh"]' "$folder/$1" "$2" >/dev/null && $docker save "$2" >"$scratch/$3"; then
        mv "$scratch/$3" "$folder/$3"
    else
        say "cannot save $2 with the reference engine"
    fi
    "$here/reference-engine.sh" stop "$scratch/engine"
    [ -e "$folder/$3" ]
}

need() {
    [ ! -e "$folder/$1" ] || return 0
    case $1 in
    busybox.tar) make_busybox ;;
    debian.tar) make_debian ;;
    services.tar) make_services ;;
    java.tar) make_java ;;
    busybox-image.tar) save_image busybox.tar busybox:latest "$1" ;;
    debian-image.tar) save_image debian.tar debian:bookworm "$1" ;;
    *)
        say "no fixture is called $1"
        exit 2
        ;;
    esac
}

[ $# -gt 0 ] || set -- busybox.tar debian.tar services.tar java.tar busybox-image.tar debian-image.tar
# With nothing to make nothing is locked: the folder may be one that can only be read (test/vm).
missing=
for name; do [ -e "$folder/$name" ] || missing=1; done
[ -n "$missing" ] || { echo "$folder"; exit 0; }
mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
scratch=$(mktemp -d /var/tmp/skiff-fixtures-XXXXXX)
for name; do need "$name" 9>&-; done
echo "$folder"

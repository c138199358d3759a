#!/bin/sh
# The reference engine: Debian's dockerd, in mount and network namespaces of its own, with everything it writes
# in one folder. Only its processes and cgroups are the machine's; `stop` removes both, even after a crash.
#
#   reference-engine.sh start DIR [dockerd options]     then: docker -H unix://DIR/docker.sock …
#   reference-engine.sh stop DIR                        ends engine and containers, removes what they used and DIR
#
# DIR must be short (a socket's path has at most 107 bytes) and outside /run, which the engine gets afresh.
set -eu

say() { echo "reference engine: $*" >&2; }
usage() {
    echo "usage: $0 start DIR [dockerd options] | stop DIR" >&2
    exit 2
}

[ $# -ge 2 ] || usage
action=$1
dir=$(realpath -m "$2")
shift 2
# The name of this engine's cgroup: unique as long as DIR is.
cgroup=skiff-reference-$(echo "$dir" | cksum | cut -d' ' -f1)

# Every folder of this engine's cgroup, in each hierarchy, deepest first.
cgroup_folders() {
    awk '{ for (i = 7; $i != "-"; i++); if ($(i + 1) ~ /^cgroup2?$/) print $5 }' /proc/self/mountinfo | while read -r root; do
        [ ! -d "$root/$cgroup" ] || find "$root/$cgroup" -depth -type d
    done
}

# The processes of the containers (by cgroup), then dockerd, containerd and the shims (by mount namespace).
processes() {
    cgroup_folders | while read -r folder; do cat "$folder/cgroup.procs" 2>/dev/null || true; done
    namespace=$(cat "$dir/mnt-namespace" 2>/dev/null || true)
    [ -n "$namespace" ] || return 0
    for link in /proc/[0-9]*/ns/mnt; do
        [ "$(readlink "$link" 2>/dev/null)" != "$namespace" ] || echo "$link" | cut -d/ -f3
    done
}

# To be asked right before a signal: to list takes so long that a process may have ended, and another have its number.
is_ours() {
    ! grep -qs "/$cgroup" "/proc/$1/cgroup" || return 0
    [ -e "$dir/mnt-namespace" ] && [ "$(readlink "/proc/$1/ns/mnt" 2>/dev/null)" = "$(cat "$dir/mnt-namespace")" ]
}

thaw() {
    cgroup_folders | while read -r folder; do
        [ ! -f "$folder/freezer.state" ] || echo THAWED >"$folder/freezer.state" || true
        [ ! -f "$folder/cgroup.freeze" ] || echo 0 >"$folder/cgroup.freeze" || true
    done
}

start() {
    [ "$(id -u)" = 0 ] || { say 'must be root'; exit 1; }
    [ ! -e "$dir/docker.pid" ] || { say "$dir is in use"; exit 1; }
    mkdir -p "$dir"
    echo "/$cgroup" >"$dir/cgroup-parent"
    # A tmpfs on /run: containerd's shims keep their sockets in /run/containerd whatever the exec-root is.
    # shellcheck disable=SC2016
    setsid unshare -m -n sh -c '
        dir=$1; shift
        mount --make-rprivate /
        mount -t tmpfs -o mode=755 tmpfs /run
        ip link set lo up
        readlink /proc/self/ns/mnt >"$dir/mnt-namespace"
        exec dockerd "$@"
    ' sh "$dir" --data-root "$dir/data" --exec-root "$dir/exec" -H "unix://$dir/docker.sock" -p "$dir/docker.pid" \
        --cgroup-parent "/$cgroup" --oom-score-adjust 0 "$@" >"$dir/dockerd.log" 2>&1 </dev/null &
    dockerd=$!
    tries=600
    until curl -sf --unix-socket "$dir/docker.sock" http://localhost/_ping >/dev/null 2>&1; do
        tries=$((tries - 1))
        if ! kill -0 "$dockerd" 2>/dev/null || [ "$tries" = 0 ]; then
            tail -n 20 "$dir/dockerd.log" >&2
            say "did not start; its log is above"
            stop
            exit 1
        fi
        sleep 0.1
    done
}

stop() {
    # The engine goes first and hard: nothing of it shall be kept, and a shim must not be asked to clean up in parallel.
    tries=200
    while [ -n "$(processes)" ]; do
        thaw
        for pid in $(processes); do
            ! is_ours "$pid" || kill -9 "$pid" 2>/dev/null || true
        done
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { say "these processes do not end: $(processes | tr '\n' ' ')"; exit 1; }
        sleep 0.05
    done
    cgroup_folders | while read -r folder; do rmdir "$folder" || say "cannot remove $folder"; done
    # Its mounts went with its mount namespace, so this removes only its own files.
    rm -rf "$dir"
}

case $action in
start) start "$@" ;;
stop) stop ;;
*) usage ;;
esac

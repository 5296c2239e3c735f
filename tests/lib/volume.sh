# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced after functions.sh by tests that run a volume's server by hand.
#   make_volume NAME SIZE [BASE]   $tmp/NAME, over snapshot BASE of $store
#   start_volume NAME [PARAM ...]  sets $pid, $sock, $uri; stopped by the exit hook
#   ctl NAME JSON                  one control call, the answer on stdout
: "${KILN_MKSNAP:?path of mksnap}" "${KILN_VOLUME_PLUGIN:?path of kiln-volume.so}"
requires nbdkit --version
requires socat -V
requires jq --version

store=$tmp/store
pids=

stop_servers() {
    for p in $pids; do
        kill -KILL "$p" 2> /dev/null && wait "$p" 2> /dev/null
    done
}
on_exit stop_servers

make_store() {
    "$KILN_MKSNAP" store "$store"
}

make_volume() {
    if [ $# -gt 2 ]; then
        "$KILN_MKSNAP" volume "$tmp/$1" "$1" "$2" "$store" "$3"
    else
        "$KILN_MKSNAP" volume "$tmp/$1" "$1" "$2"
    fi
}

# Waits for the event, not for a while: the socket gets its name when a call is answered.
start_volume() {
    name=$1
    shift
    sock=$tmp/$name/nbd.sock
    rm -f "$sock" "$tmp/$name/ctl.sock"
    nbdkit -f -U "$sock" "$KILN_VOLUME_PLUGIN" dir="$tmp/$name" "$@" \
        >> "$tmp/$name/server.log" 2>&1 &
    pid=$!
    pids="$pids $pid"
    "$KILN_MKSNAP" wait "$tmp/$name" ctl.sock || fail "the server of '$name' does not start"
    uri="nbd+unix:///?socket=$sock"
}

point_uri() {
    printf 'nbd+unix:///point/%s?socket=%s' "$1" "$sock"
}

# A number that was waited for may be another process's by now.
forget_pid() {
    pids=$(printf '%s\n' $pids | grep -vx "$pid" || :)
}

kill_volume() {
    kill -KILL "$pid"
    wait "$pid" 2> /dev/null || :
    forget_pid
}

stop_volume() {
    ctl "$1" '{"call":"stop"}' > /dev/null
    wait "$pid" || fail "the server of '$1' ended with status $?"
    forget_pid
}

ctl() {
    printf '%s\n' "$2" | socat -t 10 - "UNIX:$tmp/$1/ctl.sock"
}

# must NAME JSON: the call succeeds
must() {
    answer=$(ctl "$1" "$2")
    [ "$(printf '%s' "$answer" | jq -r .ok)" = true ] || fail "$2: $answer"
}

# status NAME FIELD
status() {
    ctl "$1" '{"call":"status"}' | jq -r ".$2"
}

io() {
    qemu-io -f raw "$@" > "$tmp/io.out" 2>&1 || { cat "$tmp/io.out" >&2; fail "qemu-io $*"; }
    ! grep -E 'failed|error|Pattern' "$tmp/io.out" >&2 || fail "qemu-io $*"
}

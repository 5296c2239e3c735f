# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What the tests of kiln-worker share. KILN_WORKER and STORETOOL name the built programs. Each test
# works in a directory of its own, $T, with an empty store; temporary files would lie in $T/run.
set -eu
export LC_ALL=C
: "${KILN_WORKER:?the path of kiln-worker}" "${STORETOOL:?the path of storetool}"

T=$(mktemp -d)
cleanup_pids=
cleanup()
{
    for p in $cleanup_pids; do
        kill "$p" 2>/dev/null || true
    done
    rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 1' INT TERM
cd "$T"

fail()
{
    echo "FAILED: $*" >&2
    [ ! -f out ] || sed 's/^/  out: /' out >&2
    exit 1
}

# requires PROGRAM...: skips loudly
requires()
{
    for p in "$@"; do
        command -v "$p" >/dev/null || { echo "skipped: no $p"; exit 77; }
    done
}

new_store()
{
    rm -rf store run
    mkdir run
    export TMPDIR="$T/run" XDG_RUNTIME_DIR="$T/run"
    "$STORETOOL" create store
}

# worker ARG...: its lines in "out"; its status is returned
worker()
{
    "$KILN_WORKER" "$@" >out 2>err
}

import() # ID FORMAT SOURCE
{
    worker import --store store --snapshot "$1" --format "$2" --source "$3"
}

result() # FIELD
{
    tail -n 1 out | jq -r ".result.$1"
}

# refused KIND TEXT COMMAND...: it fails with this kind, and says this; exactly one line of error,
# the last one; nothing visible and no temporary file is left
refused()
{
    kind=$1 text=$2
    shift 2
    if "$@"; then
        fail "$* succeeded"
    fi
    [ "$(tail -n 1 out | jq -r .error.kind)" = "$kind" ] || fail "not of kind $kind: $*"
    tail -n 1 out | jq -r .error.msg | grep -qF "$text" || fail "does not say '$text': $*"
    [ "$(grep -cv '^{"progress"' out)" = 1 ] || fail "more than an error"
    nothing_left
}

nothing_left()
{
    [ -z "$(ls -A run)" ] || fail "temporary files are left: $(ls -A run)"
}

# same ID FORMAT SOURCE: the snapshot holds what QEMU reads from the source
same()
{
    "$STORETOOL" cat store "$1" >got.raw
    qemu-img compare -q -f raw -F "$2" got.raw "$3" || fail "snapshot $1 differs from $3"
}

# progress_is_sound: lines are monotone under one total and reach it, then comes one result
progress_is_sound()
{
    jq -se '
        (.[-1] | has("result")) and ([.[:-1][] | has("progress")] | all) and
        ([.[:-1][].progress] as $p |
            ($p | length) >= 1 and
            ([$p[].total] | unique | length) == 1 and
            ([$p[].done] | . == sort) and ([$p[].read] | . == sort) and
            ([$p[].stored] | . == sort) and
            $p[-1].done == $p[-1].total)' out >/dev/null || fail "progress is not sound"
}

# serve NAME NBDKIT-ARG...: nbdkit on the socket NAME, which listens when this returns; ended with
# the test
serve()
{
    name=$1
    shift
    # It listens before it goes to the background, and says who it is behind that: a FIFO waits.
    mkfifo "$T/$name.pid"
    nbdkit -P "$T/$name.pid" -U "$T/$name" "$@" || fail "nbdkit $*"
    cleanup_pids="$cleanup_pids $(cat "$T/$name.pid")"
}

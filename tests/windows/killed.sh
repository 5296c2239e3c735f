#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# kill -9 at many moments of the whole program: the disk is as before, or as after, once the next
# command has looked at it; and of the command itself: no file of it is left anywhere.
. "$(dirname "$0")/lib.sh"
requires jq --version
requires qemu-img --version
requires timeout --version

disk "$tmp/base" --size 64M --firmware bare --facts "$tmp/facts"
sid=$(jq -r .sid "$tmp/facts")
before=0 after=0 finished=0

request() { # FORMAT
    printf '{"action": "generalise", "disks": [{"path": "%s", "format": "%s"}]}' \
        "$tmp/d.$1" "$1" > "$tmp/request"
    cp --sparse=always "$tmp/base.$1" "$tmp/d.$1"
}

# How long it takes here, in microseconds: the moments are parts of that.
duration() { # FORMAT
    request "$1"
    start=$(date +%s%N)
    "$KILN_BUILD/kiln-worker" windows --request "$tmp/request" > "$tmp/out" 2>&1 ||
        fail "$1: $(cat "$tmp/out")"
    echo $((($(date +%s%N) - start) / 1000))
}

try() { # FORMAT MICROSECONDS
    request "$1"
    timeout --foreground -s KILL "$(printf '%d.%06d' $(($2 / 1000000)) $(($2 % 1000000)))" \
        "$KILN_BUILD/kiln-worker" windows --request "$tmp/request" \
        > "$tmp/out" 2>&1 || true
    [ ! -e "$tmp/d.$1.kiln-journal" ] || finished=$((finished + 1))
    # Its qemu-nbd is killed by the kernel, which may take a moment.
    until "$KILN" windows inspect --json "$tmp/d.$1" > "$tmp/json" 2> "$tmp/err"; do
        grep -q 'in use by another process\|Failed to get .* lock' "$tmp/err" ||
            fail "$1 after $2 us: $(cat "$tmp/err")"
    done
    [ ! -e "$tmp/d.$1.kiln-journal" ] || fail "$1 after $2 us: the journal stays"
    if grep -q "$sid" "$tmp/json"; then
        qemu-img compare -q -f "$1" -F "$1" "$tmp/base.$1" "$tmp/d.$1" ||
            fail "$1 after $2 us: a mixture"
        before=$((before + 1))
    else
        "$KILN" windows prepare --dry-run "$tmp/d.$1" > "$tmp/out" 2>&1 ||
            fail "$1 after $2 us: not whole: $(cat "$tmp/out")"
        after=$((after + 1))
    fi
}

cp --sparse=always "$tmp/base" "$tmp/base.raw"
qemu-img convert -O qcow2 "$tmp/base" "$tmp/base.qcow2"
for format in raw qcow2; do
    all=$(duration $format)
    for part in 1 2 3 4 5 6 7 8 9 10 11 12 20; do
        try $format $((all * part / 12))
    done
done
[ $before -gt 3 ] || fail "as before: $before times only"
[ $after -gt 0 ] || fail "never as after"

# The command has no directory and no socket with a name: nothing can be left of it.
mkdir "$tmp/empty"
for ms in 002 005 010 020 040 080; do
    TMPDIR=$tmp/empty XDG_RUNTIME_DIR=$tmp/empty timeout -s KILL "0.$ms" \
        "$KILN" windows inspect "$tmp/base.qcow2" > "$tmp/out" 2>&1 || true
done
[ -z "$(ls -A "$tmp/empty")" ] || fail "left of 'kiln windows': $(ls -A "$tmp/empty")"

echo "as before $before times, as after $after times; $finished were finished by the next command"

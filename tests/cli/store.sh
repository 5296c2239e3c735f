#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# kiln store on a store without a daemon: what it holds, what a collection gives back, that a full
# disk makes nothing worse, that damage is named.
. "$(dirname "$0")/lib.sh"
: "${KILN_MKSNAP:?path of mksnap}"
requires jq --version

store=$KILN_HOME/store
mount_home() { # a small file system for the full disk
    mount -t tmpfs -o size=48m none "$KILN_HOME" 2> /dev/null || return 1
    on_exit unmount_home
}
unmount_home() {
    umount "$KILN_HOME"
}
mount_home || { echo 'SKIP: cannot mount a tmpfs here' >&2; exit 77; }

"$KILN_MKSNAP" store "$store"
dd if=/dev/urandom of="$tmp/all" bs=1M count=16 status=none
truncate -s 16M "$tmp/some"
dd if="$tmp/all" of="$tmp/some" bs=1M count=2 seek=5 skip=5 conv=notrunc status=none
"$KILN_MKSNAP" snapshot "$store" all "$tmp/all"
"$KILN_MKSNAP" snapshot "$store" some "$tmp/some"

run 0 store stats --json
[ "$(jq '.store.dead_bytes' "$tmp/out")" = 0 ] || fail "all is needed: $out"
"$KILN_MKSNAP" delete "$store" all
run 0 store stats
case $out in *'2 packs: 2.0 MiB are needed, 14.0 MiB are not'*) ;; *) fail "stats: $out" ;; esac

# The disk is full: what would have to be copied finds no room, and that is told.
dd if=/dev/zero of="$KILN_HOME/filler" bs=64k 2> /dev/null || :
packs() {
    (cd "$store/packs" && sha256sum ./*)
}
before=$(packs)
run 1 store gc
says 'No space left on device'
case $out in *'0 written anew'*) ;; *) fail "gc on a full disk: $out" ;; esac
is "$before" "$(packs)" 'packs after a collection on a full disk'
run 0 store check
rm "$KILN_HOME/filler"

# A bit flips in what is needed: its snapshot, block and pack are named, and nothing is removed.
large=$(cd "$store/packs" && find . -size +4M)
flip() { # the byte's complement, twice is nothing
    python3 - "$store/packs/$large" << 'P'
import sys
with open(sys.argv[1], 'r+b') as f:
    f.seek(5 * (1 << 20) + 300000)  # random blocks are stored as they are, one behind the other
    b = f.read(1)
    f.seek(-1, 1)
    f.write(bytes([b[0] ^ 255]))
P
}
flip
damaged=$(packs)
run 1 store gc
says "of snapshot 'some': record "
says 'checksum of frame'
is "$damaged" "$(packs)" 'packs after a collection that met damage'
run 1 store check
flip
run 0 store check

# A reader of a snapshot that nothing pins keeps the collection away.
(
    flock -s 9
    run 1 store gc
) 9< "$store/locks/gc"
grep -q 'the store is being written, checked or exported' "$tmp/err" || fail "$(cat "$tmp/err")"

run 0 store gc
case $out in
'gave 14.0 MiB back: 0 packs removed, 1 written anew (2.0 MiB moved)'*) ;;
*) fail "gc: $out" ;;
esac
run 0 store gc --json
[ "$(jq '.gc.dead_bytes, .gc.packs_compacted' "$tmp/out" | tr '\n' ' ')" = '0 0 ' ] || fail "$out"
run 0 store check
case $out in *'2.0 MiB of the packs are needed, 0 B are not'*) ;; *) fail "check: $out" ;; esac
run 0 store export some "$tmp/out.raw"
cmp "$tmp/some" "$tmp/out.raw"

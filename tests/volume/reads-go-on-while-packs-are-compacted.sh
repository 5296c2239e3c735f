#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Packs are written anew under running servers: what they have open and what they open later reads
# alike, a server that is reading meanwhile sees nothing of it, and afterwards the space is back.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/../lib/volume.sh"
: "${KILN_WORKER:?path of kiln-worker}"
requires qemu-io --version
requires qemu-img --version
requires nbdcopy --version

packs=8 # each of 4 MiB, of which the volumes' snapshot needs the first

make_store
truncate -s 64M "$tmp/raw"
for i in $(seq $packs); do
    dd if=/dev/urandom of="$tmp/part" bs=1M count=4 status=none
    "$KILN_MKSNAP" snapshot "$store" "snap-$i" "$tmp/part"
    dd if="$tmp/part" of="$tmp/raw" bs=1M count=1 seek=$((i * 4)) conv=notrunc status=none
done
"$KILN_MKSNAP" snapshot "$store" kept "$tmp/raw"
for i in $(seq $packs); do
    "$KILN_MKSNAP" delete "$store" "snap-$i"
done

make_volume vol-2 64M kept
start_volume vol-2 store="$store"
load_uri=$uri
make_volume vol-1 64M kept
start_volume vol-1 store="$store"

# Files of a server that have no name any more. No call to the server: that would tidy up.
nameless() {
    find "/proc/$pid/fd" -lname "$store/packs/*(deleted)" 2> /dev/null | wc -l
}

# same NUMBER: that block of the volume, read through the server of vol-1, is the image's
same() {
    part="driver=raw,offset=$(($1 * 524288)),size=524288"
    server="file.driver=nbd,file.server.type=unix,file.server.path=$sock"
    qemu-img convert -O raw --image-opts "$part,$server" "$tmp/got"
    dd if="$tmp/raw" bs=512k skip="$1" count=1 status=none | cmp - "$tmp/got"
}

same 8 # a block is proven through the whole leaf: now the server has every pack open

# vol-2 is read sector by sector, a block of each pack after the other, before and during it all.
: > "$tmp/progress"
(
    for at in $(seq 0 64 960); do
        for i in $(seq $packs); do
            qemu-io -r -f raw -c "read $((i * 4096 + at))k 4k" "$load_uri" > /dev/null || exit 1
            echo "$i" >> "$tmp/progress"
        done
    done
) &
load=$!
tail -f -n +1 "$tmp/progress" | sed -n '4q' # it has begun
kill -0 $load 2> /dev/null || fail 'the load has ended'

before=$(du -sk "$store/packs" | cut -f 1)
"$KILN_WORKER" gc --store "$store" > "$tmp/gc"
is $packs "$(tail -n 1 "$tmp/gc" | jq .result.packs_compacted)" 'packs written anew'
is 0 "$(tail -n 1 "$tmp/gc" | jq .result.dead_bytes)" 'bytes that nothing needs'
is '' "$(tail -n 1 "$tmp/gc" | jq -r .result.trouble)" 'trouble'
after=$(du -sk "$store/packs" | cut -f 1)
[ "$after" -lt $((before / 3)) ] || fail "$before KiB of packs became $after KiB"
kill -0 $load 2> /dev/null || fail 'the load was over before the packs were written anew'

is $packs "$(nameless)" 'old packs that the server has open'
for i in $(seq $packs); do
    same $((i * 8)) # from the old files
done
is $((packs * 2)) "$(status vol-1 blocks_base)" 'blocks of the base'
is 0 "$(nameless)" 'old packs that are still open when it has tidied up'
nbdcopy "$uri" "$tmp/got-1" # the other half of the blocks from the new ones
cmp "$tmp/raw" "$tmp/got-1"
wait $load || fail 'a reader met an error'
nbdcopy "$load_uri" "$tmp/got-2"
cmp "$tmp/raw" "$tmp/got-2"
stop_volume vol-1
"$KILN_WORKER" check --store "$store" > "$tmp/check"
is 0 "$(tail -n 1 "$tmp/check" | jq .result.problems)" 'problems of the store'

#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A volume's life: points under writes become a chain of snapshots, each the frozen content; only
# what changed is read; the parent may be a pin.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/../lib/volume.sh"
: "${KILN_WORKER:?path of kiln-worker}" "${STORETOOL:?path of storetool}"
requires qemu-io --version
requires nbdcopy --version

make_store
head -c 6M /dev/urandom >"$tmp/raw"
truncate -s 64M "$tmp/raw"
"$KILN_MKSNAP" snapshot "$store" snap-0 "$tmp/raw"
make_volume vol-1 64M snap-0
start_volume vol-1 store="$store"

# take ID POINT EXPORT [PARENT]: sets $read
take()
{
    "$KILN_WORKER" snapshot --store "$store" --snapshot "$1" --nbd "$sock" \
        --export "point/$2$3" --size 67108864 --parent "${4-}" >"$tmp/out" || {
        cat "$tmp/out" >&2
        fail "snapshot $1"
    }
    read=$(tail -n 1 "$tmp/out" | jq .result.read)
}

# same ID FILE
same()
{
    "$STORETOOL" cat "$store" "$1" | cmp - "$2" || fail "$1 differs"
}

for n in 1 2 3; do
    io -c "write -P $n ${n}M 512k" -c "write -P $n 40M ${n}k" -c "write -z $((6 - n))M 512k" "$uri"
    must vol-1 "{\"call\":\"point\",\"name\":\"p$n\"}"
    nbdcopy "$(point_uri "p$n/full")" "$tmp/frozen-$n"
    io -c 'write -P 99 0 16M' "$uri" # the guest goes on
    take "snap-$n" "p$n" "" "snap-$((n - 1))"
    same "snap-$n" "$tmp/frozen-$n"
    [ "$n" = 1 ] && is $((2 * 524288)) "$read" 'bytes read of the first increment'
    must vol-1 "{\"call\":\"release\",\"name\":\"p$n\",\"base\":\"snap-$n\"}"
done

# The volume's pin stands for the snapshot it loads from, also when that one is deleted.
must vol-1 '{"call":"point","name":"p4"}'
nbdcopy "$(point_uri p4/full)" "$tmp/frozen-4"
rm "$store/snaps/snap-3"
take snap-4 p4 "" vol-1
same snap-4 "$tmp/frozen-4"
take snap-full p4 /full
same snap-full "$tmp/frozen-4"
is "$("$KILN_WORKER" check --store "$store" | tail -n 1 | jq .result.problems)" 0 problems
must vol-1 '{"call":"release","name":"p4","base":"snap-4"}'
stop_volume vol-1
for n in 1 2; do
    same "snap-$n" "$tmp/frozen-$n"
done

#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The worker reads exactly what a point's extents call changed, and inherits the rest.
. "$(dirname "$0")/lib.sh"
requires nbdkit jq
new_store

snapshot() # ID SOCKET SIZE [ARG...]
{
    id=$1 socket=$2 bytes=$3
    shift 3
    worker snapshot --store store --snapshot "$id" --nbd "$socket" --export point/p1 \
        --size "$bytes" "$@"
}

# 8 blocks and a bit; the tail is no whole block.
size=$((8 * 524288 + 1536))
head -c $size /dev/urandom >v1
serve full file v1
snapshot full full $size || fail full
progress_is_sound
[ "$(result read)" = $size ] || fail "read of a full one"
[ "$(result parent)" = "" ] || fail "parent of a full one"
"$STORETOOL" cat store full | cmp - v1 || fail "content of a full one"

# A second state: block 1 and the tail changed, 3 zeroed, 4 discarded, the rest is as before. The
# server tells it so, and lies about what it calls unchanged, to see that nobody reads it.
cp v1 v2
head -c 524288 /dev/urandom | dd of=v2 bs=524288 seek=1 conv=notrunc 2>dd.log
dd if=/dev/zero of=v2 bs=524288 seek=3 count=2 conv=notrunc 2>dd.log
head -c 1536 /dev/urandom | dd of=v2 bs=524288 seek=8 conv=notrunc 2>dd.log
{
    dd if=/dev/zero bs=524288 count=1
    dd if=v2 bs=524288 skip=1 count=1
    dd if=/dev/zero bs=524288 count=6
    dd if=v2 bs=524288 skip=8 count=1
} >served 2>dd.log
serve point eval get_size="echo $size" \
    pread='dd if='"$T"'/served iflag=skip_bytes,count_bytes,fullblock skip=$4 count=$3 2>/dev/null
           echo $3 >>'"$T"'/reads' \
    can_extents='exit 0' \
    extents='echo 0 524288 hole
             echo 524288 524288
             echo 1048576 524288 hole
             echo 1572864 524288 zero
             echo 2097152 524288 hole,zero
             echo 2621440 1572864 hole
             echo 4194304 1536'
snapshot next point $size --parent full || fail next
progress_is_sound
[ "$(result read)" = $((524288 + 1536)) ] || fail "read $(result read)"
[ "$(awk '{ s += $1 } END { print s }' reads)" = $((524288 + 1536)) ] || fail "the server counts"
[ "$(result parent)" = full ] || fail "parent"
"$STORETOOL" cat store next | cmp - v2 || fail "content of the increment"
"$STORETOOL" cat store full | cmp - v1 || fail "content of the parent"

# Nothing changed: nothing read, the same content under another name.
serve same eval get_size="echo $size" pread='exit 1' can_extents='exit 0' \
    extents="echo 0 $size hole"
snapshot again same $size --parent next || fail again
[ "$(result read)" = 0 ] || fail "read of nothing"
progress_is_sound
"$STORETOOL" cat store again | cmp - v2 || fail "content of no change"

# Refusals.
refused conflict "the export has $size bytes" snapshot bad full 1048576
refused invalid "multiple of 512" snapshot bad full 1048577
refused invalid "'--size' wants" snapshot bad full 1M
refused io "" snapshot bad nowhere $size
refused not-found "" snapshot bad point $size --parent nobody
refused exists "" snapshot full full $size
serve broken --filter=error file v1 error-pread-rate=100%
refused io "Input/output error" snapshot bad broken $size
"$STORETOOL" list store | sort | tr '\n' ' ' | grep -qx 'again full next ' ||
    fail "more became visible"

# A wish to stop while the server is slow.
mkfifo lines
serve slow --filter=delay file v1 rdelay=60
"$KILN_WORKER" snapshot --store store --snapshot stopped --nbd slow --export "" --size $size \
    >lines 2>err &
pid=$!
{
    read -r _
    kill -TERM $pid
    cat
} <lines >out
wait $pid && fail "a stopped one succeeded"
[ "$(tail -n 1 out | jq -r .error.msg)" = cancelled ] || fail "not cancelled"
"$STORETOOL" list store | grep -qx stopped && fail "stopped, but visible"
worker check --store store || fail check
[ "$(result problems)" = 0 ] || fail problems

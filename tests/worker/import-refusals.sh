#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What is not whole, not ours to read or not what it is called is refused, with the reason.
. "$(dirname "$0")/lib.sh"
requires qemu-img qemu-io qemu-nbd jq
new_store

secret="$T/secret"
head -c 1M /dev/urandom >"$secret"
qemu-img create -q -f qcow2 good.qcow2 16M
qemu-io -f qcow2 -c 'write -P 0x11 0 8M' good.qcow2 >qemu-io.log

refused invalid "unknown format 'vdi'" import s vdi good.qcow2
refused not-found "No such file" import s raw missing
refused invalid "it is a qcow2 image; name its format" import s raw good.qcow2
refused invalid "it is a qcow2 image; name its format" import s vmdk good.qcow2
refused invalid "does not look like a vhd image" import s vhd "$secret"
refused invalid "neither a file nor a block device" import s raw "$T"
refused invalid "neither a file nor a block device" import s raw /dev/null
mkfifo fifo
refused invalid "neither a file nor a block device" import s raw fifo
: >empty
refused invalid "the file is empty" import s raw empty

# References to other files, of each kind there is.
qemu-img create -q -f qcow2 -b "$secret" -F raw backed.qcow2
refused invalid "needs a backing file" import s qcow2 backed.qcow2
qemu-img create -q -f qcow2 -o data_file=data.raw,data_file_raw=on split.qcow2 16M
refused invalid "its data lies in another file" import s qcow2 split.qcow2
for type in monolithicFlat twoGbMaxExtentSparse; do
    qemu-img create -q -f vmdk -o subformat=$type $type.vmdk 16M
    refused invalid "refers to other files" import s vmdk $type.vmdk
done
refused invalid "one piece of a split disk" import s vmdk twoGbMaxExtentSparse-s001.vmdk
qemu-img create -q -f vmdk parent.vmdk 16M
qemu-img create -q -f vmdk -b parent.vmdk -F vmdk delta.vmdk
refused invalid "needs its parent disk" import s vmdk delta.vmdk

# Encryption (the old form: LUKS measures the processor first, and gives up on a busy machine).
qemu-img create -q --object secret,id=k,data=abc -f qcow2 \
    -o encrypt.format=aes,encrypt.key-secret=k locked.qcow2 16M
refused invalid "it is encrypted" import s qcow2 locked.qcow2

# Truncated, format by format.
for row in qcow2:qcow2 vpc:vhd vhdx:vhdx vmdk:vmdk; do
    driver=${row%:*} format=${row#*:}
    qemu-img convert -O "$driver" good.qcow2 "cut.$format"
    truncate -s 5M "cut.$format"
    if import "s-$format" "$format" "cut.$format"; then
        fail "a truncated $format was taken"
    fi
    tail -n 1 out | jq -r .error.msg | grep -q "read 'cut.$format' as $format: ." ||
        fail "a truncated $format gives no file, format and reason"
    nothing_left
done
qemu-img convert -O vpc -o subformat=fixed,force_size=on good.qcow2 fixed.vhd
tail -c 512 fixed.vhd >footer
truncate -s 4M fixed.vhd
cat footer >>fixed.vhd
refused corrupt "truncated" import s vhd fixed.vhd
head -c 100 good.qcow2 >head.qcow2
refused invalid "read 'head.qcow2' as qcow2" import s qcow2 head.qcow2

# Marks of a crash.
qemu-img create -q -f qcow2 -o lazy_refcounts=on dirty.qcow2 16M
printf '\001' | dd of=dirty.qcow2 bs=1 seek=79 conv=notrunc 2>dd.log
refused corrupt "not closed cleanly" import s qcow2 dirty.qcow2

# In use by somebody who writes.
serve_lock=$T/lock.sock
qemu-nbd --fork --persistent --pid-file="$T/lock.pid" -k "$serve_lock" -f qcow2 good.qcow2
cleanup_pids="$cleanup_pids $(cat lock.pid)"
refused invalid "lock" import s qcow2 good.qcow2
kill "$(cat lock.pid)"

# Names of snapshots, stores and options.
refused invalid "snapshot '../s' is no valid name" import ../s raw "$secret"
refused not-found "" worker import --store nowhere --snapshot s --format raw \
    --source "$secret"
refused invalid "'import' needs '--format'" worker import --store store --snapshot s \
    --source "$secret"
"$KILN_WORKER" gc --stor x >out 2>err && fail "a wrong option went well" || [ $? = 2 ] ||
    fail "a wrong option does not end with status 2"
import twice raw "$secret" || fail "a good one"
refused exists "twice" import twice raw "$secret"

# As somebody who may not read it.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    chmod 600 "$secret"
    chmod 711 "$T"
    chown -R nobody store run
    as_nobody()
    {
        (umask 022 && : >out && setpriv --reuid=65534 --regid=65534 --clear-groups \
            "$KILN_WORKER" import --store store --snapshot s --format raw \
            --source "$secret" >out 2>err)
    }
    refused denied "the user 'nobody' may not read it: give read permission" as_nobody
fi

# No room for the packs.
new_store
(
    ulimit -f 1000 # KiB or half of it
    import full raw "$secret" && fail "no room, and it went well"
    [ "$(tail -n 1 out | jq -r .error.kind)" != null ] || fail "no room, no story"
)
[ -z "$("$STORETOOL" list store)" ] || fail "something is visible"
import full raw "$secret" || fail "after room was made"
same full raw "$secret"

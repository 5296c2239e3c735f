#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every format comes in as QEMU reads it: whole, and without reading its holes.
. "$(dirname "$0")/lib.sh"
requires qemu-img qemu-io qemu-nbd jq xxd
new_store

qemu-img create -q -f qcow2 base.qcow2 100M
qemu-io -f qcow2 -c 'write -P 0x11 1M 3M' -c 'write -P 0x22 50M 64k' \
    -c 'write -P 0x33 104857088 512' -c 'write -z 60M 1M' base.qcow2 >qemu-io.log

import plain qcow2 base.qcow2 || fail qcow2
same plain qcow2 base.qcow2
progress_is_sound
[ "$(result volume_bytes)" = 104857600 ] || fail "volume_bytes"
[ "$(result disk_bytes)" = "$(stat -c %s base.qcow2)" ] || fail "disk_bytes"
[ "$(result read)" -lt 8000000 ] || fail "holes were read"
[ "$(result 'root_sha256 | length')" = 64 ] || fail "root_sha256"
nothing_left

# label, format for us, for QEMU, options of qemu-img convert
while read -r id format driver options; do
    # shellcheck disable=SC2086
    qemu-img convert -O "$driver" $options base.qcow2 "$id"
    import "$id" "$format" "$id" || fail "$id"
    same "$id" "$driver" "$id"
    progress_is_sound
done <<'X'
raw            raw    raw
compressed     qcow2  qcow2  -c
zstd           qcow2  qcow2  -c -o compression_type=zstd
old            qcow2  qcow2  -o compat=0.10
extended       qcow2  qcow2  -o extended_l2=on,cluster_size=128k
vhd-dynamic    vhd    vpc
vhd-fixed      vhd    vpc    -o subformat=fixed,force_size=on
vhd-exact      vhd    vpc    -o force_size=on
vhdx-dynamic   vhdx   vhdx
vhdx-fixed     vhdx   vhdx   -o subformat=fixed
vmdk-sparse    vmdk   vmdk
vmdk-stream    vmdk   vmdk   -o subformat=streamOptimized
X

# A VHD keeps the exact size that its footer tells.
import exact vhd vhd-exact || fail "vhd-exact again"
[ "$(result volume_bytes)" = 104857600 ] || fail "size of a VHD with force_size"
# Whoever wrote it; only Virtual PC's guests saw the geometry. A footer has its creator at offset
# 28, its current size at 48 (here two sectors more than the geometry), the checksum at 64.
by() # CREATOR
{
    cp vhd-dynamic vhd-by
    head -c 512 vhd-by >footer
    {
        printf '%s' "$1" | dd of=footer bs=1 seek=28 conv=notrunc
        printf '%016x' $((geometry + 1024)) | xxd -r -p | dd of=footer bs=1 seek=48 conv=notrunc
        printf '00000000' | xxd -r -p | dd of=footer bs=1 seek=64 conv=notrunc
        sum=$(od -An -v -tu1 footer | awk '{ for (i = 1; i <= NF; i++) s += $i } END { print s }')
        printf '%08x' $((0xffffffff - sum)) | xxd -r -p | dd of=footer bs=1 seek=64 conv=notrunc
        dd if=footer of=vhd-by conv=notrunc
        dd if=footer of=vhd-by bs=1 seek=$(($(stat -c %s vhd-by) - 512)) conv=notrunc
    } 2>dd.log
}
geometry=$(qemu-img info --output=json -f vpc vhd-dynamic | jq '."virtual-size"')
by abcd
import by-somebody vhd vhd-by || fail "vhd by somebody"
[ "$(result volume_bytes)" = $((geometry + 1024)) ] || fail "size of a VHD by somebody"
by 'vpc '
import by-virtual-pc vhd vhd-by || fail "vhd by Virtual PC"
[ "$(result volume_bytes)" = "$geometry" ] || fail "size of a VHD by Virtual PC"

# Internal snapshots stay behind; the live state comes.
qemu-img snapshot -c before base.qcow2
qemu-io -f qcow2 -c 'write -P 0x44 2M 64k' base.qcow2 >qemu-io.log
import inner qcow2 base.qcow2 || fail "internal snapshots"
same inner qcow2 base.qcow2

# Names that options and shells might trip over.
cp base.qcow2 'a,b=c: "d" %s
.qcow2'
import odd-name qcow2 'a,b=c: "d" %s
.qcow2' || fail "odd name"
same odd-name qcow2 base.qcow2
cp base.qcow2 'json:{}'
import json-name qcow2 'json:{}' || fail "json name"

# Sizes off the sector and off the block; a large hole costs nothing.
printf 'hello' >tiny
import tiny raw tiny || fail tiny
[ "$(result volume_bytes)" = 512 ] || fail "size of a tiny file"
truncate -s 3T big
printf 'end' | dd of=big bs=1 seek=$((3 * 1024 * 1024 * 1024 * 1024 - 3)) conv=notrunc 2>dd.log
import big raw big || fail big
[ "$(result read)" -le 524288 ] || fail "a hole of 3 TiB was read"
[ "$(result data_blocks)" = 1 ] || fail "data_blocks"

# What it is: by its boot sectors.
truncate -s 64M linux
mkfs.ext4 -q -F linux 2>/dev/null && {
    import linux raw linux || fail linux
    [ "$(result looks_like)" = linux ] || fail "ext4 looks like '$(result looks_like)'"
}
printf '\353\122\220NTFS    ' >windows
truncate -s 64M windows
import windows raw windows || fail windows
[ "$(result looks_like)" = windows ] || fail "NTFS looks like '$(result looks_like)'"
[ "$(result boots_by)" = legacy-bios ] || fail "without a GPT it boots by '$(result boots_by)'"

# The snapshot tells the same, later.
if command -v sgdisk >sgdisk.log; then
    truncate -s 64M gen2
    sgdisk -n 1:2048:+8M -t 1:ef00 -n 2:0:0 -t 2:0700 gen2 >>sgdisk.log
    dd if=windows of=gen2 bs=512 seek=18432 count=1 conv=notrunc 2>dd.log
    import gen2 raw gen2 || fail gen2
    [ "$(result looks_like) $(result boots_by)" = "windows uefi" ] || fail "$(tail -n 1 out)"
    worker look --store store --snapshot gen2 || fail look
    [ "$(result looks_like) $(result boots_by)" = "windows uefi" ] || fail "$(tail -n 1 out)"
fi

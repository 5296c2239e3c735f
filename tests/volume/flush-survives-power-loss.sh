#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What a flush, or FUA, has promised is there after a power cut: played by another boot id, so that
# only the durable map counts.
. "$(dirname "$0")/../lib/functions.sh"
. "$(dirname "$0")/../lib/volume.sh"
requires qemu-io --version

make_volume vol-1 64M
export KILN_VOLUME_BOOT_ID=boot-1
start_volume vol-1
io -c 'write -P 0x5a 1M 64k' -c flush "$uri"
io -c 'write -f -P 0x5b 2M 4k' "$uri"
kill_volume
export KILN_VOLUME_BOOT_ID=boot-2
start_volume vol-1
io -r -c 'read -P 0x5a 1M 64k' -c 'read -P 0x5b 2M 4k' "$uri"
[ "$(status vol-1 blocks_dirty)" -ge 2 ] || fail 'too little is called changed'

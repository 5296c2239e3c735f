#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A copy shares every block; under a key it has its own; killed at any moment it is absent or whole.
. "$(dirname "$0")/lib.sh"
requires qemu-img qemu-nbd jq timeout
new_store

head -c 24M /dev/urandom >disk
truncate -s 1G disk
import s raw disk || fail import
"$STORETOOL" key key

copy() # SOURCE ID [ARG...]
{
    source=$1 id=$2
    shift 2
    worker copy --store store --source "$source" --snapshot "$id" "$@"
}
packs() { find store/packs -name '*.pack' | wc -l; }

before=$(packs)
copy s shared || fail 'plain copy'
progress_is_sound
[ "$(packs)" = "$before" ] || fail 'a plain copy wrote blocks'
[ "$(result stored) $(result read)" = '0 0' ] || fail 'a plain copy read or stored'
same shared raw disk
refused exists "copy snapshot 's' to 'shared'" copy s shared
refused not-found "there is no snapshot 'none'" copy none other

killed=0
for ms in 005 010 020 030 040 060 080 100 120 150 180 210 240 280 320 360 400; do
    if timeout -s KILL "0.$ms" "$KILN_WORKER" copy --store store --source s --snapshot sealed \
        --key key >out 2>err; then
        break # faster than this
    fi
    killed=$((killed + 1))
    "$STORETOOL" list store | grep -qx sealed && break # it died after its commit
done
[ $killed -gt 1 ] || fail "was killed $killed times only"
"$STORETOOL" list store | grep -qx sealed || copy s sealed --key key || fail "after $killed kills"
"$STORETOOL" list store | grep -qx sealed || fail 'no copy'

# Without the key nobody reads it, with the key it is the same; a copy of it needs none.
"$STORETOOL" cat store sealed >/dev/null 2>err && fail 'read without its key'
copy sealed sealed-too || fail 'a copy of what is encrypted'
[ "$(result stored)" = 0 ] || fail 'it was written anew'
for id in sealed sealed-too; do
    "$STORETOOL" cat store "$id" key >got.raw || fail "read $id"
    cmp got.raw disk || fail "$id differs"
done
copy s fresh --key key || fail 'encrypt'
progress_is_sound
[ "$(result read)" = $((24 << 20)) ] || fail "read $(result read)"

worker gc --store store || fail gc
worker check --store store --key key || fail check
[ "$(result problems)" = 0 ] || fail problems
[ "$(result sealed)" = 0 ] || fail 'blocks that the key does not open'

#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The same work on every format, firmware and kind of hive; what independent tools find afterwards.
. "$(dirname "$0")/lib.sh"
requires jq --version
requires qemu-img --version
requires mkntfs --version
requires which hivexsh

# Whatever the tool, the result is a sound volume with sound hives and not one old SID.
check() { # RAW
    volume "$1" "$tmp/vol"
    old=$(jq -r .sub_hex "$tmp/facts") foreign=$(jq -r .foreign_hex "$tmp/facts")
    for h in SYSTEM SOFTWARE SAM SECURITY; do
        ntfscat -f "$tmp/vol" "Windows/System32/config/$h" > "$tmp/$h" || fail "ntfscat $h"
        echo "ls" | hivexsh "$tmp/$h" > "$tmp/ls" || fail "hivexsh: $h"
        [ -s "$tmp/ls" ] || fail "$h is empty"
        is 0 "$(count_hex "$tmp/$h" "$old")" "the old SID in $h"
    done
    ntfsfix -n "$tmp/vol" > "$tmp/fix" || fail "ntfsfix: $(cat "$tmp/fix")"
    ntfssecaudit -a "$tmp/vol" > "$tmp/audit" 2>&1 || fail "ntfssecaudit"
    grep -q 'No errors were found' "$tmp/audit" || fail "$(tail -3 "$tmp/audit")"
    ntfscat -f -i 9 -n '$SDS' "$tmp/vol" > "$tmp/sds"
    is 0 "$(count_hex "$tmp/sds" "$old")" "the old SID in the volume's security"
    [ "$(count_hex "$tmp/sds" "$foreign")" -gt 0 ] || fail "Microsoft's constant was touched"
}

disk "$tmp/base" --size 64M --firmware bare --facts "$tmp/facts"
sum=$(sha256sum < "$tmp/base")
"$KILN" windows inspect "$tmp/base" > "$tmp/out" || fail inspect
"$KILN" windows generalise --dry-run "$tmp/base" > "$tmp/dry" || fail "dry run"
grep -q '^would ' "$tmp/dry" || fail "the dry run tells nothing"
is "$sum" "$(sha256sum < "$tmp/base")" "the disk after inspect and a dry run"

# label, format for us, for QEMU, options
while read -r id format driver options; do
    # shellcheck disable=SC2086
    qemu-img convert -O "$driver" $options "$tmp/base" "$tmp/$id.$format"
    "$KILN" windows generalise --report "$tmp/report" "$tmp/$id.$format" > "$tmp/out" \
        2> "$tmp/err" || fail "$id: $(cat "$tmp/err")"
    jq -e '.committed and (.rows | length > 20)' "$tmp/report" > "$tmp/out" || fail "$id: report"
    qemu-img convert -f "$driver" -O raw "$tmp/$id.$format" "$tmp/back"
    check "$tmp/back"
    "$KILN" windows inspect --json "$tmp/$id.$format" > "$tmp/json" || fail "$id: inspect"
    ! grep -q "$(jq -r .sid "$tmp/facts")" "$tmp/json" || fail "$id: the old SID is told"
    [ ! -e "$tmp/$id.$format.kiln-journal" ] || fail "$id: a journal stays"
    rm "$tmp/$id.$format" "$tmp/back"
done << 'Y'
raw     raw    raw
qcow2   qcow2  qcow2
vhd     vhd    vpc    -o force_size=on
vhdx    vhdx   vhdx
vmdk    vmdk   vmdk
Y

# an old-style disk, and hives of a real Windows with their logs
disk "$tmp/bios" --firmware bios --real --facts "$tmp/facts"
"$KILN" windows generalise "$tmp/bios" > "$tmp/out" || fail "bios, real"
grep -q '^done .*machine SID' "$tmp/out" || fail "no new SID: $(cat "$tmp/out")"
check "$tmp/bios"
"$KILN" windows diff "$tmp/bios" "$tmp/bios" | grep -q '^0 files and 0 keys' ||
    fail "diff of a disk with itself"

# the boot configuration lies in a FAT volume: read by mtools and hivexsh
disk "$tmp/sealed" --sealed
"$KILN" windows prepare --computer-name WEB01 --ems "$tmp/sealed" > "$tmp/out" || fail prepare
mcopy -i "$tmp/sealed@@1M" ::EFI/Microsoft/Boot/BCD "$tmp/BCD"
printf 'cd \\Objects\\{9dea862c-5cdd-4e70-acc1-f32b344d4795}\\Elements\\16000020\nlsval\n' |
    hivexsh "$tmp/BCD" > "$tmp/bcd" || fail "hivexsh: BCD"
grep -q 'hex(3):01' "$tmp/bcd" || fail "bootems is off: $(cat "$tmp/bcd")"
mdir -i "$tmp/sealed@@1M" ::EFI/Boot > "$tmp/mdir" || fail mdir
fsck.fat -n "$(
    dd if="$tmp/sealed" of="$tmp/esp" bs=512 skip=2048 count=204800 conv=sparse status=none
    echo "$tmp/esp"
)" > "$tmp/fsck" || fail "fsck.fat: $(cat "$tmp/fsck")"

# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by shell tests of Windows disks.
#   disk FILE ARGUMENT...   a disk with a Windows on it, by make-disk
#   volume RAW FILE         its NTFS volume
. "$(dirname "$0")/../lib/functions.sh"

here=$(dirname "$0")
: "${KILN:?path of kiln}" "${KILN_BUILD:?build directory}" "${NTFS_FILL:?path of ntfs-fill}"
KILN_WINDOWS_DATA=${KILN_WINDOWS_DATA:-$here/../../../shared/data/windows}
export KILN_WINDOWS_DATA
[ -d "$KILN_WINDOWS_DATA/single" ] || {
    echo "SKIP: no Windows data: set KILN_WINDOWS_DATA" >&2
    exit 77
}
PATH=$PATH:/usr/sbin:/sbin

disk() {
    status=0
    out=$1
    shift
    /usr/bin/python3 "$here/make-disk" "$out" "$@" > "$tmp/make.out" 2>&1 || status=$?
    [ "$status" -ne 77 ] || { tail -1 "$tmp/make.out" >&2; exit 77; }
    [ "$status" -eq 0 ] || fail "make-disk $*: $(tail -3 "$tmp/make.out")"
}

volume() {
    if [ "$(dd if="$1" bs=1 skip=3 count=4 status=none | tr -d '\0')" = NTFS ]; then
        cp --sparse=always "$1" "$2"
        return
    fi
    start=$(sfdisk -J "$1" | jq '[.partitiontable.partitions[]] | last | .start')
    size=$(sfdisk -J "$1" | jq '[.partitiontable.partitions[]] | last | .size')
    dd if="$1" of="$2" bs=512 skip="$start" count="$size" conv=sparse status=none
}

# Times that bytes, given in hex, occur in a file.
count_hex() {
    python3 -c 'import sys
print(open(sys.argv[1], "rb").read().count(bytes.fromhex(sys.argv[2])))' "$1" "$2"
}

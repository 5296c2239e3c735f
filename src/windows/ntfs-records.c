/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of files, record by record: what one pass over it needs. */
#include "ntfs-priv.h"

#include <errno.h>
#include <string.h>

#define RECORDS_MAX (1U << 28)

bool win_ntfs_in_use(const uint8_t *p, uint32_t size)
{
    const MFT_RECORD *m = (const MFT_RECORD *)p;

    return memcmp(p, "FILE", 4) == 0 && (m->flags & MFT_RECORD_IN_USE) && m->bytes_in_use <= size;
}

const ATTR_RECORD *win_ntfs_next_attr(const uint8_t *p, uint32_t size, const ATTR_RECORD *a)
{
    const MFT_RECORD *m = (const MFT_RECORD *)p;
    uint32_t used = m->bytes_in_use <= size ? m->bytes_in_use : size;
    uint64_t at = a ? (uint64_t)((const uint8_t *)a - p) + a->length : m->attrs_offset;

    if (at > used || used - at < 24)
        return NULL;
    a = (const ATTR_RECORD *)(p + at);
    return a->type == AT_END || a->length < 24 || a->length > used - at ? NULL : a;
}

const FILE_NAME_ATTR *win_ntfs_file_name(const ATTR_RECORD *a)
{
    const FILE_NAME_ATTR *fn;

    if (a->type != AT_FILE_NAME || a->non_resident ||
        (uint64_t)a->value_offset + a->value_length > a->length ||
        a->value_length < sizeof(FILE_NAME_ATTR))
        return NULL;
    fn = (const FILE_NAME_ATTR *)((const uint8_t *)a + a->value_offset);
    return sizeof *fn + fn->file_name_length * sizeof(ntfschar) <= a->value_length ? fn : NULL;
}

int win_ntfs_each_record(struct ntfs_tree *t, win_ntfs_record_fn fn, void *userdata, struct err *e)
{
    ntfs_volume *vol = t->vol;
    uint32_t size = vol->mft_record_size;
    uint64_t n = min_u64((uint64_t)vol->mft_na->initialized_size / size, RECORDS_MAX);
    uint32_t at_once = (uint32_t)(NTFS_CHUNK / size);
    _cleanup_free_ uint8_t *buf = malloc((size_t)at_once * size);
    int r = 0;

    if (!buf)
        return err_oom(e);
    for (uint64_t i = 0; i < n && r == 0;) {
        s64 got = ntfs_attr_mst_pread(vol->mft_na, (s64)(i * size), (s64)min_u64(at_once, n - i),
                                      size, buf);

        if (got <= 0)
            return win_ntfs_failed(t, got < 0 ? errno : EIO, "read", "$MFT", e);
        for (s64 k = 0; k < got && r == 0; k++)
            r = fn(userdata, i + (uint64_t)k, buf + (uint64_t)k * size, size, e);
        i += (uint64_t)got;
    }
    return r;
}

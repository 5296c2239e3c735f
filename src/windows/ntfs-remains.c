/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a volume still holds of a machine's SID where no file is any more: records of deleted files,
 * the unused ends of records and of directories' blocks, the journal of the volume. It is wiped.
 *
 * Records are written as they lie on the disk: the volume must have been opened anew, so that
 * libntfs-3g has none of them in memory. */
#include "ntfs-priv.h"

#include <ntfs-3g/index.h>
#include <ntfs-3g/logfile.h>
#include <ntfs-3g/mst.h>

#include <errno.h>
#include <string.h>

#include "sid-priv.h"

#define BLOCKS_MAX MIB(512) /* of one directory */
#define BITMAP_MAX MIB(1)
#define DIR_CHUNK  KIB(256) /* of a directory, read at once */

struct wiping {
    struct ntfs_tree *t;
    struct sid_forms f;
    bool only_count;
    uint64_t *dirs; /* records of directories with blocks */
    size_t n, cap;
    struct win_sid_remains found;
};

static void wiping_done(struct wiping *w)
{
    free(w->dirs);
}

static bool occurs(const struct wiping *w, const uint8_t *p, size_t n)
{
    return sid_occurs(p, n, &w->f);
}

/* ---- records --------------------------------------------------------------------------------- */

static int put_record(struct wiping *w, uint64_t number, uint8_t *p, uint32_t size, struct err *e)
{
    if (w->only_count)
        return 0;
    if (ntfs_attr_mst_pwrite(w->t->vol->mft_na, (s64)(number * size), 1, size, p) != 1)
        return win_ntfs_failed(w->t, errno, "write", "$MFT", e);
    return 0;
}

/* A record that is free: its attributes go, its number and sequence stay. */
static int wipe_free_record(struct wiping *w, uint64_t number, uint8_t *p, uint32_t size,
                            struct err *e)
{
    MFT_RECORD *m = (MFT_RECORD *)p;
    uint32_t at = m->attrs_offset, end = 0xffffffff;

    w->found.records++;
    if (at < 42 || at % 8 || at > size - 8)
        return err_set(e, EIO, ERR_CORRUPT, "record %llu of the table of files is damaged",
                       (unsigned long long)number);
    memset(p + at, 0, size - at);
    memcpy(p + at, &end, 4);
    m->bytes_in_use = at + 8;
    return put_record(w, number, p, size, e);
}

static int note_dir(struct wiping *w, uint64_t record, struct err *e)
{
    if (w->n && w->dirs[w->n - 1] == record)
        return 0;
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 1024;
        void *p = reallocarray(w->dirs, cap, sizeof *w->dirs);

        if (!p)
            return err_oom(e);
        w->dirs = p;
        w->cap = cap;
    }
    w->dirs[w->n++] = record;
    return 0;
}

static int look_at_used_record(struct wiping *w, uint64_t number, uint8_t *p, uint32_t size,
                               struct err *e)
{
    MFT_RECORD *m = (MFT_RECORD *)p;
    uint64_t base = MREF(m->base_mft_record);
    uint32_t used = m->bytes_in_use;
    const ATTR_RECORD *a = NULL;
    int r = 0;

    while (r == 0 && (a = win_ntfs_next_attr(p, size, a))) {
        const FILE_NAME_ATTR *fn = win_ntfs_file_name(a);

        w->found.names += fn && win_ntfs_is_named_by(fn, &w->f);
        if (a->type == AT_INDEX_ALLOCATION)
            r = note_dir(w, base ? base : number, e);
    }
    if (r == 0 && occurs(w, p + used, size - used)) {
        w->found.ends++;
        memset(p + used, 0, size - used);
        r = put_record(w, number, p, size, e);
    }
    return r;
}

/* The first records are the volume's own, and some of them are open. */
static int look_at_record(void *userdata, uint64_t number, uint8_t *p, uint32_t size, struct err *e)
{
    struct wiping *w = userdata;

    if (number < NTFS_FIRST_USER || memcmp(p, "FILE", 4) != 0)
        return 0;
    if (win_ntfs_in_use(p, size))
        return look_at_used_record(w, number, p, size, e);
    if (((const MFT_RECORD *)p)->flags & MFT_RECORD_IN_USE)
        return 0; /* damaged: nothing that is known to be free */
    return occurs(w, p, size) ? wipe_free_record(w, number, p, size, e) : 0;
}

/* ---- directories ----------------------------------------------------------------------------- */

/* Of the blocks: which are used. *ret: caller frees. */
static int load_bitmap(struct wiping *w, ntfs_inode *ni, uint8_t **ret, size_t *ret_n,
                       struct err *e)
{
    _cleanup_(ntfs_attr_closep) ntfs_attr *na = ntfs_attr_open(ni, AT_BITMAP, NTFS_INDEX_I30, 4);
    _cleanup_free_ uint8_t *p = NULL;
    int r;

    if (!na || na->data_size > (s64)BITMAP_MAX)
        return win_ntfs_failed(w->t, EIO, "read", "a directory", e);
    p = malloc((size_t)na->data_size + 1);
    if (!p)
        return err_oom(e);
    r = win_ntfs_attr_read(w->t, na, 0, p, (size_t)na->data_size, "a directory", e);
    if (r < 0)
        return r;
    *ret_n = (size_t)na->data_size;
    *ret = TAKE_PTR(p);
    return 0;
}

static int look_at_block(struct wiping *w, ntfs_attr *na, uint64_t at, uint8_t *p, uint32_t size,
                         bool used, struct err *e)
{
    const INDEX_BLOCK *b = (const INDEX_BLOCK *)p;
    uint32_t head = 40 + 2 * b->usa_count, end = 24 + b->index.index_length;

    if (memcmp(p, "INDX", 4) != 0 || end > size)
        return 0;
    if (!used)
        end = (head + 7) & ~7U;
    if (end >= size || !occurs(w, p + end, size - end))
        return 0;
    w->found.ends++;
    memset(p + end, 0, size - end);
    if (!w->only_count && ntfs_attr_mst_pwrite(na, (s64)at, 1, size, p) != 1)
        return win_ntfs_failed(w->t, errno, "write", "a directory", e);
    return 0;
}

static int look_at_dir(struct wiping *w, uint64_t record, struct err *e)
{
    _cleanup_(ntfs_inode_closep) ntfs_inode *ni = ntfs_inode_open(w->t->vol, record);
    _cleanup_(ntfs_attr_closep) ntfs_attr *na = NULL;
    _cleanup_free_ uint8_t *bitmap = NULL, *p = NULL;
    uint32_t size = w->t->vol->indx_record_size;
    uint64_t n;
    size_t bits = 0;
    int r;

    if (!ni)
        return win_ntfs_failed(w->t, EIO, "open", "a directory", e);
    na = ntfs_attr_open(ni, AT_INDEX_ALLOCATION, NTFS_INDEX_I30, 4);
    if (!na)
        return 0; /* another index: of the volume's own files */
    if (size < 512 || size > KIB(64) || na->data_size > (s64)BLOCKS_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "a directory has more than 512 MiB of names");
    r = load_bitmap(w, ni, &bitmap, &bits, e);
    p = malloc(DIR_CHUNK);
    if (r == 0 && !p)
        return err_oom(e);
    n = (uint64_t)na->data_size / size;
    for (uint64_t i = 0; r == 0 && i < n;) {
        s64 got = ntfs_attr_mst_pread(na, (s64)(i * size), (s64)min_u64(DIR_CHUNK / size, n - i),
                                      size, p);

        if (got <= 0)
            return win_ntfs_failed(w->t, got < 0 ? errno : EIO, "read", "a directory", e);
        for (s64 k = 0; k < got && r == 0; k++, i++) {
            bool used = i / 8 < bits && (bitmap[i / 8] >> (i % 8) & 1);

            r = look_at_block(w, na, i * size, p + (uint64_t)k * size, size, used, e);
        }
    }
    return r;
}

/* ---- the journal of the volume --------------------------------------------------------------- */

/* 1: the SID is in it. It is that of a volume that was taken down in order: nobody reads it again.
 */
static int log_holds_it(struct wiping *w, ntfs_attr *na, struct err *e)
{
    _cleanup_free_ uint8_t *buf = malloc(NTFS_CHUNK);
    uint64_t end = (uint64_t)na->data_size;
    int r = buf ? 0 : err_oom(e);

    for (uint64_t at = 0; r == 0 && at < end; at += NTFS_CHUNK - SID_FORM_MAX) {
        size_t n = (size_t)min_u64(NTFS_CHUNK, end - at);

        r = win_ntfs_attr_read(w->t, na, at, buf, n, "$LogFile", e);
        if (r == 0 && occurs(w, buf, n))
            return 1;
    }
    return r;
}

static int wipe_log(struct wiping *w, struct err *e)
{
    _cleanup_(ntfs_inode_closep) ntfs_inode *ni = ntfs_inode_open(w->t->vol, FILE_LogFile);
    _cleanup_(ntfs_attr_closep) ntfs_attr *na =
        ni ? ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0) : NULL;
    int r = na ? log_holds_it(w, na, e) : win_ntfs_failed(w->t, EIO, "open", "$LogFile", e);

    if (r <= 0)
        return r;
    w->found.log = true;
    NVolClearLogFileEmpty(w->t->vol); /* it looks no further than at the restart pages */
    if (!w->only_count && ntfs_empty_logfile(na) < 0)
        return win_ntfs_failed(w->t, errno, "empty", "$LogFile", e);
    return 0;
}

int win_ntfs_remains(struct win_tree *tree, const uint8_t machine[SID_MACHINE_BYTES], bool wipe,
                     struct win_sid_remains *ret, struct err *e)
{
    _cleanup_(wiping_done) struct wiping w = { .t = ntfs_of(tree), .only_count = !wipe };
    uint64_t files = 0;
    int r;

    sid_forms(machine, &w.f);
    r = wipe ? win_ntfs_each_record(w.t, look_at_record, &w, e)
             : win_ntfs_security_sid(w.t, machine, NULL, look_at_record, &w, &w.found.descriptors,
                                     &files, e);
    if (r == 0 && !wipe)
        r = win_ntfs_metadata_sid(w.t, machine, NULL, &w.found.places, e);
    for (size_t i = 0; r == 0 && i < w.n; i++)
        r = look_at_dir(&w, w.dirs[i], e);
    if (r == 0)
        r = wipe_log(&w, e);
    if (r < 0)
        return err_wrap(e, "look for what deleted files left of the SID");
    *ret = w.found;
    return 0;
}

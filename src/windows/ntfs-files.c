/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files and directories of an NTFS volume. */
#include "ntfs-priv.h"

#include <errno.h>

/* ---- inodes ---------------------------------------------------------------------------------- */

int win_ntfs_inode(struct ntfs_tree *t, const char *path, ntfs_inode **ret, struct err *e)
{
    ntfs_inode *ni = ntfs_pathname_to_inode(t->vol, NULL, *path ? path : "/");

    if (!ni) {
        /* A file where the path goes on; a name that no volume has. */
        int no = errno == ENOTDIR || errno == ENAMETOOLONG || errno == EILSEQ ? ENOENT : errno;

        return win_ntfs_failed(t, no, "find", path, e);
    }
    *ret = ni;
    return 0;
}

int win_ntfs_reparse_tag(struct ntfs_tree *t, ntfs_inode *ni, const char *path, uint32_t *ret,
                         struct err *e)
{
    _cleanup_(ntfs_attr_closep) ntfs_attr *na = NULL;
    uint32_t tag = 0;

    *ret = 0;
    if (!(ni->flags & FILE_ATTR_REPARSE_POINT))
        return 0;
    na = ntfs_attr_open(ni, AT_REPARSE_POINT, AT_UNNAMED, 0);
    if (!na || ntfs_attr_pread(na, 0, sizeof tag, &tag) != sizeof tag)
        return win_ntfs_failed(t, EIO, "read the reparse point of", path, e);
    *ret = tag;
    return 0;
}

static int fill_stat(struct ntfs_tree *t, ntfs_inode *ni, const char *path, struct win_stat *ret,
                     struct err *e)
{
    *ret = (struct win_stat){
        .is_dir = ni->mrec->flags & MFT_RECORD_IS_DIRECTORY,
        .encrypted = ni->flags & FILE_ATTR_ENCRYPTED,
        .attributes = ni->flags,
        .mtime = (uint64_t)ni->last_data_change_time,
        .id = ni->mft_no,
    };
    if (!ret->is_dir && ni->data_size > 0)
        ret->bytes = (uint64_t)ni->data_size;
    return win_ntfs_reparse_tag(t, ni, path, &ret->reparse_tag, e);
}

int win_ntfs_stat(struct win_tree *tree, const char *path, struct win_stat *ret, struct err *e)
{
    struct ntfs_tree *t = ntfs_of(tree);
    _cleanup_(ntfs_inode_closep) ntfs_inode *ni = NULL;
    struct win_stat st;
    int r = win_ntfs_inode(t, path, &ni, e);

    if (r == 0)
        r = fill_stat(t, ni, path, &st, e);
    if (r == 0)
        *ret = st;
    return r;
}

/* ---- content --------------------------------------------------------------------------------- */

int win_ntfs_attr_read(struct ntfs_tree *t, ntfs_attr *na, uint64_t offset, void *buf, size_t len,
                       const char *path, struct err *e)
{
    size_t done = 0;

    while (done < len) {
        s64 k = ntfs_attr_pread(na, (s64)(offset + done), (s64)min_u64(len - done, NTFS_CHUNK),
                                (uint8_t *)buf + done);

        if (k <= 0)
            return win_ntfs_failed(t, k < 0 ? errno : EIO, "read", path, e);
        done += (size_t)k;
    }
    return 0;
}

int win_ntfs_attr_write(struct ntfs_tree *t, ntfs_attr *na, uint64_t offset, const void *buf,
                        size_t len, const char *path, struct err *e)
{
    size_t done = 0;

    while (done < len) {
        s64 k = ntfs_attr_pwrite(na, (s64)(offset + done), (s64)min_u64(len - done, NTFS_CHUNK),
                                 (const uint8_t *)buf + done);

        if (k <= 0)
            return win_ntfs_failed(t, k < 0 ? errno : EIO, "write", path, e);
        done += (size_t)k;
    }
    return 0;
}

int win_ntfs_read_at(struct win_tree *tree, const char *path, uint64_t offset, void *buf,
                     size_t len, size_t *ret_len, struct err *e)
{
    struct ntfs_tree *t = ntfs_of(tree);
    _cleanup_(ntfs_inode_closep) ntfs_inode *ni = NULL;
    _cleanup_(ntfs_attr_closep) ntfs_attr *na = NULL;
    int r = win_ntfs_inode(t, path, &ni, e);

    if (r < 0)
        return r;
    na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
    if (!na)
        return win_ntfs_failed(t, errno == ENOENT ? EIO : errno, "open the content of", path, e);
    r = win_ntfs_attr_read(t, na, offset, buf, len, path, e);
    if (r == 0)
        *ret_len = len;
    return r;
}

/* Where the record lies: its first cluster run that holds it. */
static int record_extent(struct ntfs_tree *t, uint64_t record,
                         int (*fn)(void *userdata, uint64_t offset, uint64_t bytes), void *userdata)
{
    ntfs_volume *vol = t->vol;
    uint64_t at = record * vol->mft_record_size;
    LCN lcn = ntfs_attr_vcn_to_lcn(vol->mft_na, (VCN)(at / vol->cluster_size));

    return lcn < 0 ? fn(userdata, 0, UINT64_MAX)
                   : fn(userdata, (uint64_t)lcn * vol->cluster_size + at % vol->cluster_size,
                        vol->mft_record_size);
}

int win_ntfs_extents(struct win_tree *tree, const char *path,
                     int (*fn)(void *userdata, uint64_t offset, uint64_t bytes), void *userdata,
                     struct err *e)
{
    struct ntfs_tree *t = ntfs_of(tree);
    _cleanup_(ntfs_inode_closep) ntfs_inode *ni = NULL;
    _cleanup_(ntfs_attr_closep) ntfs_attr *na = NULL;
    int r = win_ntfs_inode(t, path, &ni, e);

    if (r == 0)
        r = record_extent(t, ni->mft_no, fn, userdata);
    if (r != 0 || (ni->mrec->flags & MFT_RECORD_IS_DIRECTORY))
        return r;
    if (ni->nr_extents > 0 || NInoAttrList(ni)) /* more records: not worth following */
        return fn(userdata, 0, UINT64_MAX);
    na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
    if (!na || !NAttrNonResident(na))
        return 0;
    if (ntfs_attr_map_whole_runlist(na) < 0)
        return win_ntfs_failed(t, errno, "find the clusters of", path, e);
    for (runlist_element *rl = na->rl; rl && rl->length && r == 0; rl++)
        if (rl->lcn >= 0)
            r = fn(userdata, (uint64_t)rl->lcn * t->vol->cluster_size,
                   (uint64_t)rl->length * t->vol->cluster_size);
    return r;
}

/* ---- directories ----------------------------------------------------------------------------- */

struct entry {
    char *name;
    uint64_t mref;
};

struct entries {
    struct entry *v;
    size_t n, cap;
    int failed; /* errno */
};

static void entries_done(struct entries *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i].name);
    free(l->v);
}

static int keep_entry(struct entries *l, const ntfschar *name, int len, uint64_t mref)
{
    char *text = NULL;

    if (l->n >= WIN_ENTRIES_MAX)
        return E2BIG;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        void *v = reallocarray(l->v, cap, sizeof *l->v);

        if (!v)
            return ENOMEM;
        l->v = v;
        l->cap = cap;
    }
    if (ntfs_ucstombs(name, len, &text, 0) < 0)
        return errno == EILSEQ ? 0 : errno; /* half a surrogate pair: no path can name it */
    l->v[l->n++] = (struct entry){ .name = text, .mref = mref };
    return 0;
}

static int on_entry(void *dirent, const ntfschar *name, const int len, const int name_type,
                    const s64 pos, const MFT_REF mref, const unsigned dt_type)
{
    struct entries *l = dirent;

    (void)pos, (void)dt_type;
    if (name_type == FILE_NAME_DOS || MREF(mref) < NTFS_FIRST_USER ||
        (len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.'))
        return 0;
    l->failed = keep_entry(l, name, len, mref);
    return l->failed ? -1 : 0;
}

static int read_entries(struct ntfs_tree *t, const char *path, struct entries *l, struct err *e)
{
    _cleanup_(ntfs_inode_closep) ntfs_inode *ni = NULL;
    s64 pos = 0;
    int no, r = win_ntfs_inode(t, path, &ni, e);

    if (r < 0)
        return r;
    if (!(ni->mrec->flags & MFT_RECORD_IS_DIRECTORY))
        return err_set(e, ENOTDIR, ERR_INVALID, "'%s' is not a directory", path);
    NVolSetCaseSensitive(t->vol); /* else the library lists all names in lower case */
    no = ntfs_readdir(ni, &pos, l, on_entry);
    NVolClearCaseSensitive(t->vol);
    if (no == 0)
        return 0;
    if (l->failed == E2BIG)
        return err_set(e, E2BIG, ERR_LIMIT, "'%s' has more than %d names", path, WIN_ENTRIES_MAX);
    return win_ntfs_failed(t, l->failed ? l->failed : errno, "list", path, e);
}

/* In the order of their records: one pass over the table of files. */
static int by_record(const void *a, const void *b)
{
    uint64_t x = MREF(((const struct entry *)a)->mref), y = MREF(((const struct entry *)b)->mref);

    return x < y ? -1 : x > y;
}

static int stat_entry(struct ntfs_tree *t, const struct entry *en, struct win_stat *ret,
                      struct err *e)
{
    _cleanup_(ntfs_inode_closep) ntfs_inode *ni = ntfs_inode_open(t->vol, en->mref);

    if (!ni)
        return win_ntfs_failed(t, EIO, "open", en->name, e);
    return fill_stat(t, ni, en->name, ret, e);
}

int win_ntfs_list(struct win_tree *tree, const char *path, win_tree_each_fn fn, void *userdata,
                  struct err *e)
{
    struct ntfs_tree *t = ntfs_of(tree);
    _cleanup_(entries_done) struct entries l = { 0 };
    int r = read_entries(t, path, &l, e);

    if (r == 0 && l.n)
        qsort(l.v, l.n, sizeof *l.v, by_record);
    for (size_t i = 0; i < l.n && r == 0; i++) {
        struct win_stat st;

        r = stat_entry(t, &l.v[i], &st, e);
        if (r == 0)
            r = fn(userdata, l.v[i].name, &st, e);
    }
    return r;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changing files of an NTFS volume: new content, new names, none any more. */
#include "ntfs-priv.h"

#include <ntfs-3g/reparse.h>

#include <errno.h>

/* ---- replacing ------------------------------------------------------------------------------- */

static int remove_stream(struct ntfs_tree *t, ntfs_inode *ni, const char *name, const char *path,
                         struct err *e)
{
    _cleanup_(ntfs_ucsfreep) ntfschar *uname = NULL;
    int len = ntfs_mbstoucs(name, &uname);

    if (len < 0)
        return err_oom(e);
    if (ntfs_attr_remove(ni, AT_DATA, uname, (u32)len) < 0 && errno != ENOENT)
        return win_ntfs_failed(t, errno, "remove the compressed content of", path, e);
    return 0;
}

/* A WOF file's real content is a stream that its reparse point announces: both go. */
static int make_plain(struct ntfs_tree *t, ntfs_inode *ni, const char *path, struct err *e)
{
    uint32_t tag;
    int r = win_ntfs_reparse_tag(t, ni, path, &tag, e);

    if (r < 0 || tag == 0)
        return r;
    if (tag != WIN_REPARSE_WOF)
        return err_set(e, EOPNOTSUPP, ERR_CONFLICT, "'%s' is a reparse point (0x%08x)", path, tag);
    if (ntfs_remove_ntfs_reparse_data(ni) < 0)
        return win_ntfs_failed(t, errno, "remove the reparse point of", path, e);
    return remove_stream(t, ni, "WofCompressedData", path, e);
}

/* What a shorter content leaves of a small file (an answer file, with a password in it) does not
 * stay in its last cluster. */
static int clear_tail(struct ntfs_tree *t, ntfs_attr *na, const char *path, size_t len,
                      struct err *e)
{
    static const uint8_t zeros[KIB(64)];

    if (na->data_size <= (s64)len || na->data_size > (s64)sizeof zeros)
        return 0;
    return win_ntfs_attr_write(t, na, len, zeros, (size_t)na->data_size - len, path, e);
}

static int put_content(struct ntfs_tree *t, ntfs_inode *ni, const char *path, const void *buf,
                       size_t len, struct err *e)
{
    _cleanup_(ntfs_attr_closep) ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
    int r;

    if (!na)
        return win_ntfs_failed(t, errno, "open the content of", path, e);
    r = win_ntfs_attr_write(t, na, 0, buf, len, path, e);
    if (r == 0)
        r = clear_tail(t, na, path, len, e);
    if (r == 0 && na->data_size != (s64)len && ntfs_attr_truncate(na, (s64)len) < 0)
        r = win_ntfs_failed(t, errno, "set the size of", path, e);
    if (r == 0 && ntfs_attr_pclose(na) < 0)
        r = win_ntfs_failed(t, errno, "end the content of", path, e);
    return r;
}

/* Closing writes the record and its copy in the directory; a failure there is ours too. */
static int close_in_dir(struct ntfs_tree *t, ntfs_inode *ni, ntfs_inode *dir, const char *path,
                        int r, struct err *e)
{
    int no = dir ? ntfs_inode_close_in_dir(ni, dir) : ntfs_inode_close(ni);

    if (r == 0 && no < 0)
        return win_ntfs_failed(t, errno, "write", path, e);
    return r;
}

static int replace(struct ntfs_tree *t, ntfs_inode *ni, const char *path, const void *buf,
                   size_t len, struct err *e)
{
    int r = 0;

    if (ni->mrec->flags & MFT_RECORD_IS_DIRECTORY)
        r = err_set(e, EISDIR, ERR_INVALID, "'%s' is a directory", path);
    else if (ni->flags & FILE_ATTR_ENCRYPTED)
        r = err_set(e, EACCES, ERR_CONFLICT, "'%s' is encrypted (EFS)", path);
    if (r == 0)
        r = make_plain(t, ni, path, e);
    if (r == 0)
        r = put_content(t, ni, path, buf, len, e);
    if (r == 0)
        ntfs_inode_update_times(ni, NTFS_UPDATE_MCTIME);
    return close_in_dir(t, ni, NULL, path, r, e);
}

/* ---- making and removing --------------------------------------------------------------------- */

/* As UTF-16; caller frees. */
static int name_of(const char *name, ntfschar **ret, u8 *ret_len, struct err *e)
{
    _cleanup_(ntfs_ucsfreep) ntfschar *uname = NULL;
    int len = ntfs_mbstoucs(name, &uname);

    if (len < 0 && errno == EILSEQ)
        return err_set(e, EILSEQ, ERR_INVALID, "the name is not UTF-8");
    if (len < 0)
        return err_oom(e);
    if (len == 0 || len > 255)
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is no file name of Windows", name);
    *ret = TAKE_PTR(uname);
    *ret_len = (u8)len;
    return 0;
}

struct place {
    ntfs_inode *dir;
    ntfschar *name;
    u8 len;
};

static void place_done(struct place *p)
{
    if (p->dir)
        (void)ntfs_inode_close(p->dir);
    ntfs_ucsfree(p->name);
}

static int find_place(struct ntfs_tree *t, const char *path, struct place *p, struct err *e)
{
    _cleanup_free_ char *dir = NULL;
    const char *name;
    int r = win_path_split(path, &dir, &name, e);

    if (r == 0)
        r = name_of(name, &p->name, &p->len, e);
    if (r == 0)
        r = win_ntfs_inode(t, dir, &p->dir, e);
    if (r == 0 && !(p->dir->mrec->flags & MFT_RECORD_IS_DIRECTORY))
        return err_set(e, ENOTDIR, ERR_INVALID, "'%s' is not a directory", dir);
    return r;
}

static int make(struct ntfs_tree *t, const char *path, mode_t type, const void *buf, size_t len,
                struct err *e)
{
    _cleanup_(place_done) struct place p = { 0 };
    ntfs_inode *ni;
    int r = find_place(t, path, &p, e);

    if (r == 0 && (ntfs_forbidden_chars(p.name, p.len, TRUE) ||
                   ntfs_forbidden_names(t->vol, p.name, p.len, TRUE)))
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is no file name of Windows", path);
    if (r < 0)
        return r;
    ni =
        ntfs_create(p.dir, ntfs_inherited_id(&t->scx, p.dir, type == S_IFDIR), p.name, p.len, type);
    if (!ni)
        return win_ntfs_failed(t, errno, "create", path, e);
    if (type == S_IFREG)
        r = put_content(t, ni, path, buf, len, e);
    r = close_in_dir(t, ni, p.dir, path, r, e);
    if (r == 0)
        ntfs_inode_update_times(p.dir, NTFS_UPDATE_MCTIME);
    ni = TAKE_PTR(p.dir);
    return close_in_dir(t, ni, NULL, path, r, e);
}

int win_ntfs_write(struct win_tree *tree, const char *path, const void *buf, size_t len,
                   struct err *e)
{
    struct ntfs_tree *t = ntfs_of(tree);
    struct err inner = { 0 };
    ntfs_inode *ni = NULL;
    int r = win_ntfs_inode(t, path, &ni, &inner);

    if (r == 0)
        return replace(t, ni, path, buf, len, e);
    if (inner.kind == ERR_NOT_FOUND)
        return make(t, path, S_IFREG, buf, len, e);
    *e = inner;
    return r;
}

int win_ntfs_mkdir(struct win_tree *tree, const char *path, struct err *e)
{
    return make(ntfs_of(tree), path, S_IFDIR, NULL, 0, e);
}

/* The second name of what has one already. */
static int link_as(struct ntfs_tree *t, const char *path, const char *name, struct err *e)
{
    _cleanup_(place_done) struct place p = { 0 };
    _cleanup_(ntfs_ucsfreep) ntfschar *fresh = NULL;
    ntfs_inode *ni = NULL;
    u8 len = 0;
    int r = name_of(name, &fresh, &len, e);

    if (r == 0)
        r = find_place(t, path, &p, e);
    if (r == 0)
        r = win_ntfs_inode(t, path, &ni, e);
    if (r < 0)
        return r;
    if (ntfs_link(ni, p.dir, fresh, len) < 0)
        r = win_ntfs_failed(t, errno, "rename", path, e);
    r = close_in_dir(t, ni, p.dir, path, r, e);
    ni = TAKE_PTR(p.dir);
    return close_in_dir(t, ni, NULL, path, r, e);
}

int win_ntfs_rename(struct ntfs_tree *t, const char *path, const char *name, struct err *e)
{
    int r = link_as(t, path, name, e);

    return r < 0 ? r : win_ntfs_remove(&t->t, path, e);
}

int win_ntfs_remove(struct win_tree *tree, const char *path, struct err *e)
{
    struct ntfs_tree *t = ntfs_of(tree);
    _cleanup_(place_done) struct place p = { 0 };
    _cleanup_free_ char *rooted = NULL;
    ntfs_inode *ni = NULL;
    int r = win_ntfs_inode(t, path, &ni, e);

    if (r < 0)
        return r;
    if (ni->mft_no < NTFS_FIRST_USER)
        r = err_set(e, EPERM, ERR_INVALID, "'%s' belongs to the volume itself", path);
    if (r == 0)
        r = find_place(t, path, &p, e);
    if (r == 0)
        r = win_path_join("", path, &rooted, e);
    if (r < 0) {
        (void)ntfs_inode_close(ni);
        return r;
    }
    /* Closes both inodes, whatever comes of it. */
    if (ntfs_delete(t->vol, rooted, ni, TAKE_PTR(p.dir), p.name, p.len) < 0)
        return win_ntfs_failed(t, errno, "delete", path, e);
    return 0;
}

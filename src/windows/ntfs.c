/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A volume: the device that libntfs-3g works on, opening, its state, what is said about it. */
#include "ntfs.h"

#include "ntfs-priv.h"

#include <ntfs-3g/device.h>
#include <ntfs-3g/logfile.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "str.h"

static const char *const state_names[WIN_VOLUME_STATE_MAX] = { "clean", "dirty", "hibernated",
                                                               "fast-started" };

const char *win_volume_state_name(enum win_volume_state s)
{
    return s < WIN_VOLUME_STATE_MAX ? state_names[s] : "?";
}

int win_ntfs_failed(struct ntfs_tree *t, int no, const char *what, const char *path, struct err *e)
{
    if (t->io.no)
        return err_set(e, t->io.no, t->io.kind, "%s '%s': %s", what, path, t->io.msg);
    if (no == ENOENT)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "'%s' does not exist", path);
    if (no == EIO || no == 0)
        return err_set(e, EIO, ERR_CORRUPT, "%s '%s': the volume is damaged there", what, path);
    return err_no(e, no, "%s '%s'", what, path);
}

/* ---- the device ------------------------------------------------------------------------------ */

static struct ntfs_tree *tree_of(struct ntfs_device *dev)
{
    return dev->d_private;
}

static int dev_open(struct ntfs_device *dev, int flags)
{
    (void)flags;
    if (NDevOpen(dev)) {
        errno = EBUSY;
        return -1;
    }
    NDevSetOpen(dev);
    return 0;
}

static int dev_close(struct ntfs_device *dev)
{
    NDevClearOpen(dev);
    return 0;
}

static s64 failed_io(struct ntfs_tree *t, const struct err *why)
{
    /* A range behind the end is the volume's lie, not the disk's failure. */
    if (!t->io.no && why->kind != ERR_CORRUPT)
        t->io = *why;
    errno = EIO;
    return -1;
}

static s64 dev_pread(struct ntfs_device *dev, void *buf, s64 count, s64 offset)
{
    struct ntfs_tree *t = tree_of(dev);
    struct err e = { 0 };

    if (count < 0 || offset < 0)
        return errno = EINVAL, -1;
    if (win_disk_read(t->part, (uint64_t)offset, buf, (size_t)count, &e) < 0)
        return failed_io(t, &e);
    return count;
}

static s64 dev_pwrite(struct ntfs_device *dev, const void *buf, s64 count, s64 offset)
{
    struct ntfs_tree *t = tree_of(dev);
    struct err e = { 0 };

    if (count < 0 || offset < 0)
        return errno = EINVAL, -1;
    NDevSetDirty(dev);
    if (win_disk_write(t->part, (uint64_t)offset, buf, (size_t)count, &e) < 0)
        return failed_io(t, &e);
    return count;
}

static s64 dev_seek(struct ntfs_device *dev, s64 offset, int whence)
{
    struct ntfs_tree *t = tree_of(dev);
    int64_t base = whence == SEEK_CUR   ? t->pos
                   : whence == SEEK_END ? (int64_t)win_disk_bytes(t->part)
                                        : 0;
    int64_t to;

    if (__builtin_add_overflow(base, offset, &to) || to < 0)
        return errno = EINVAL, -1;
    return t->pos = to;
}

static s64 dev_read(struct ntfs_device *dev, void *buf, s64 count)
{
    s64 n = dev_pread(dev, buf, count, tree_of(dev)->pos);

    if (n > 0)
        tree_of(dev)->pos += n;
    return n;
}

static s64 dev_write(struct ntfs_device *dev, const void *buf, s64 count)
{
    s64 n = dev_pwrite(dev, buf, count, tree_of(dev)->pos);

    if (n > 0)
        tree_of(dev)->pos += n;
    return n;
}

/* The layer below is flushed when the work is committed, once. */
static int dev_sync(struct ntfs_device *dev)
{
    NDevClearDirty(dev);
    return 0;
}

static int dev_stat(struct ntfs_device *dev, struct stat *buf)
{
    (void)dev, (void)buf;
    return errno = EOPNOTSUPP, -1;
}

static int dev_ioctl(struct ntfs_device *dev, unsigned long request, void *argp)
{
    (void)dev, (void)request, (void)argp;
    return errno = EOPNOTSUPP, -1;
}

static struct ntfs_device_operations device_ops = {
    .open = dev_open,
    .close = dev_close,
    .seek = dev_seek,
    .read = dev_read,
    .write = dev_write,
    .pread = dev_pread,
    .pwrite = dev_pwrite,
    .sync = dev_sync,
    .stat = dev_stat,
    .ioctl = dev_ioctl,
};

/* ---- state ----------------------------------------------------------------------------------- */

/* The first bytes of a file; *ret_len 0 when there is none. */
static int first_bytes(struct ntfs_tree *t, ntfs_inode *ni, void *buf, size_t len, size_t *ret_len,
                       struct err *e)
{
    _cleanup_(ntfs_attr_closep) ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
    s64 n;

    *ret_len = 0;
    if (!na)
        return 0;
    n = ntfs_attr_pread(na, 0, (s64)len, buf);
    if (n < 0)
        return win_ntfs_failed(t, errno, "read", "the volume's state", e);
    *ret_len = (size_t)n;
    return 0;
}

/* "hibr" holds a session; "wake" was used up, zeros were never written. Shorter than a page: a
 * volume that is not the system's and was open while it was hibernated. */
static int look_at_hiberfil(struct ntfs_tree *t, struct err *e)
{
    _cleanup_(ntfs_inode_closep) ntfs_inode *ni =
        ntfs_pathname_to_inode(t->vol, NULL, "hiberfil.sys");
    char head[4096];
    size_t n;
    int r;

    if (!ni)
        return 0;
    r = first_bytes(t, ni, head, sizeof head, &n, e);
    if (r == 0 && n >= 4 && (memcmp(head, "hibr", 4) == 0 || memcmp(head, "HIBR", 4) == 0))
        t->state = WIN_VOLUME_HIBERNATED;
    else if (r == 0 && n < sizeof head)
        t->state = WIN_VOLUME_HIBERNATED;
    return r;
}

/* Windows 8.1 and later write version 2.0 into the restart page while the volume is mounted, and
 * 1.1 again at a clean dismount. */
static int look_at_journal(struct ntfs_tree *t, struct err *e)
{
    _cleanup_(ntfs_inode_closep) ntfs_inode *ni = ntfs_inode_open(t->vol, FILE_LogFile);
    _cleanup_(ntfs_attr_closep) ntfs_attr *na = NULL;
    _cleanup_free_ RESTART_PAGE_HEADER *rp = NULL;
    RESTART_PAGE_HEADER head;
    size_t n;
    int r;

    if (!ni)
        return win_ntfs_failed(t, errno, "open", "$LogFile", e);
    r = first_bytes(t, ni, &head, sizeof head, &n, e);
    if (r < 0)
        return r;
    if (n == sizeof head && memcmp(&head.magic, "RSTR", 4) == 0 && (int16_t)head.major_ver >= 2) {
        t->state = WIN_VOLUME_FAST_STARTED;
        return 0;
    }
    na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
    if (!na)
        return win_ntfs_failed(t, errno, "open", "$LogFile", e);
    if (!ntfs_check_logfile(na, &rp) || !ntfs_is_logfile_clean(na, rp))
        t->state = WIN_VOLUME_DIRTY;
    return 0;
}

static int find_state(struct ntfs_tree *t, struct err *e)
{
    int r = look_at_hiberfil(t, e);

    if (r == 0 && t->state == WIN_VOLUME_CLEAN)
        r = look_at_journal(t, e);
    if (r == 0 && t->state == WIN_VOLUME_CLEAN && (t->vol->flags & VOLUME_IS_DIRTY))
        t->state = WIN_VOLUME_DIRTY;
    return r;
}

static int refuse_state(enum win_volume_state s, struct err *e)
{
    switch (s) {
    case WIN_VOLUME_HIBERNATED:
        return err_set(e, EBUSY, ERR_CONFLICT,
                       "Windows is hibernated or was shut down with fast startup: its memory image "
                       "holds newer data; start it and shut it down with 'shutdown /s /f /t 0' "
                       "after 'powercfg /h off'");
    case WIN_VOLUME_FAST_STARTED:
        return err_set(e, EBUSY, ERR_CONFLICT,
                       "the volume was not dismounted (metadata kept in Windows' cache, as fast "
                       "startup leaves it); start Windows and shut it down with "
                       "'shutdown /s /f /t 0'");
    case WIN_VOLUME_DIRTY:
        return err_set(e, EBUSY, ERR_CONFLICT,
                       "the volume was not dismounted cleanly; start Windows, let 'chkdsk' finish, "
                       "and shut it down with 'shutdown /s /f /t 0'");
    default:
        return 0;
    }
}

int win_ntfs_state(struct win_tree *t, enum win_volume_state *ret, struct err *e)
{
    if (win_tree_kind(t) != WIN_TREE_NTFS)
        return err_set(e, EINVAL, ERR_INVALID, "this is not an NTFS volume");
    *ret = ntfs_of(t)->state;
    return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int unmount(struct ntfs_tree *t, struct err *e)
{
    ntfs_volume *vol = t->vol;
    int r;

    t->vol = NULL;
    if (!vol)
        return 0;
    r = ntfs_umount(vol, FALSE) < 0 ? errno : 0;
    return r || t->io.no ? win_ntfs_failed(t, r, "close", "the volume", e) : 0;
}

static int mount(struct ntfs_tree *t, unsigned long flags, struct err *e)
{
    struct ntfs_device *dev = ntfs_device_alloc("disk", 0, &device_ops, t);

    if (!dev)
        return err_oom(e);
    if (flags & NTFS_MNT_RDONLY)
        NDevSetReadOnly(dev);
    t->vol = ntfs_device_mount(dev, (ntfs_mount_flags)flags);
    if (!t->vol) {
        int no = errno;

        (void)ntfs_device_free(dev);
        if (t->io.no)
            return err_set(e, t->io.no, t->io.kind, "%s", t->io.msg);
        if (no == EPERM || no == EOPNOTSUPP)
            return err_set(e, EBUSY, ERR_CONFLICT,
                           "Windows has not let go of the volume; start it "
                           "and shut it down with 'shutdown /s /f /t 0'");
        return err_set(e, no ? no : EIO, ERR_CORRUPT, "it is not a sound NTFS volume");
    }
    if (ntfs_set_ignore_case(t->vol) < 0)
        return err_errno(e, "make names case-insensitive");
    if (!t->vol->secure_ni && t->vol->major_ver >= 3)
        (void)ntfs_open_secure(t->vol); /* without it, descriptors are files' own */
    t->scx.vol = t->vol;
    t->scx.pseccache = &t->cache;
    return 0;
}

static int ntfs_close(struct win_tree *tree, struct err *e)
{
    return unmount(ntfs_of(tree), e);
}

static void ntfs_free(struct win_tree *tree)
{
    struct err ignored = { 0 };

    (void)unmount(ntfs_of(tree), &ignored); /* what could not be written is dropped by the caller */
    free(tree);
}

static int ntfs_facts(struct win_tree *tree, struct win_volume_facts *ret, struct err *e)
{
    struct ntfs_tree *t = ntfs_of(tree);
    NTFS_BOOT_SECTOR boot;
    int r = win_disk_read(t->part, 0, &boot, sizeof boot, e);

    if (r < 0)
        return r;
    if (ntfs_volume_get_free_space(t->vol) < 0)
        return win_ntfs_failed(t, errno, "count the free space of", "the volume", e);
    (void)snprintf(ret->format, sizeof ret->format, "NTFS %u.%u", t->vol->major_ver,
                   t->vol->minor_ver);
    (void)str_copy(ret->label, sizeof ret->label, t->vol->vol_name ? t->vol->vol_name : "");
    ret->serial = boot.volume_serial_number;
    ret->cluster_bytes = t->vol->cluster_size;
    ret->total_bytes = (uint64_t)t->vol->nr_clusters * t->vol->cluster_size;
    ret->free_bytes = (uint64_t)t->vol->free_clusters * t->vol->cluster_size;
    return 0;
}

static const struct win_tree_ops ntfs_ops = {
    .kind = WIN_TREE_NTFS,
    .stat = win_ntfs_stat,
    .read_at = win_ntfs_read_at,
    .list = win_ntfs_list,
    .facts = ntfs_facts,
    .write = win_ntfs_write,
    .mkdir = win_ntfs_mkdir,
    .remove = win_ntfs_remove,
    .replace_sid = win_ntfs_replace_sid,
    .remains = win_ntfs_remains,
    .extents = win_ntfs_extents,
    .close = ntfs_close,
    .free = ntfs_free,
};

/* A disk that was cut, or a table that lies; the library looks at neither. */
static int check_size(const struct ntfs_tree *t, struct err *e)
{
    uint64_t has = win_disk_bytes(t->part), bytes;

    if (!mul_u64((uint64_t)t->vol->nr_clusters, t->vol->cluster_size, &bytes) || bytes > has)
        return err_set(e, EINVAL, ERR_CORRUPT,
                       "it is not a sound NTFS volume: it is larger than its place of %llu bytes",
                       (unsigned long long)has);
    return 0;
}

static int open_volume(struct ntfs_tree *t, bool writable, struct err *e)
{
    int r = mount(t, NTFS_MNT_RDONLY | NTFS_MNT_FORENSIC, e);

    if (r == 0)
        r = check_size(t, e);
    if (r == 0)
        r = find_state(t, e);
    if (r < 0 || !writable)
        return r;
    r = refuse_state(t->state, e);
    if (r == 0)
        r = unmount(t, e);
    if (r == 0)
        r = mount(t, 0, e);
    if (r == 0)
        r = win_ntfs_check_secure(t, e);
    return r;
}

int win_ntfs_open(struct win_disk *part, bool writable, struct win_tree **ret, struct err *e)
{
    struct ntfs_tree *t = calloc(1, sizeof *t);
    int r;

    if (!t)
        return err_oom(e);
    (void)ntfs_set_char_encoding("utf8");
    t->t.ops = &ntfs_ops;
    t->t.writable = writable;
    t->part = part;
    r = open_volume(t, writable, e);
    if (r < 0) {
        ntfs_free(&t->t);
        return r;
    }
    *ret = &t->t;
    return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the NTFS tree. No "cur.h" here: libntfs-3g has le16 and le32 of its own. */
#pragma once

#include <stdarg.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/* The library's headers leave the system's out unless its own configuration tells them. */
#define HAVE_STDARG_H    1
#define HAVE_SYS_STAT_H  1
#define HAVE_SYS_TYPES_H 1
#define HAVE_TIME_H      1
#include <ntfs-3g/types.h>

#include <ntfs-3g/volume.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/security.h>
#include <ntfs-3g/unistr.h>

#include "disk.h"
#include "ntfs.h"
#include "sid-priv.h"
#include "tree-priv.h"

#define NTFS_FIRST_USER 24 /* MFT records below are the volume's own */
#define NTFS_CHUNK      MIB(1)

struct ntfs_tree {
    struct win_tree t;
    struct win_disk *part; /* borrowed */
    ntfs_volume *vol;
    int64_t pos; /* of the device, for read() and write() */
    enum win_volume_state state;
    struct SECURITY_CONTEXT scx;
    struct PERMISSIONS_CACHE *cache; /* always NULL; libntfs-3g wants its address */
    struct err io;                   /* the first failure of the disk below */
};

static inline struct ntfs_tree *ntfs_of(struct win_tree *t)
{
    return (struct ntfs_tree *)t;
}

DEFINE_FREEP(ntfs_inode_close, ntfs_inode);
DEFINE_FREEP(ntfs_attr_close, ntfs_attr);
DEFINE_FREEP(ntfs_ucsfree, ntfschar);

/* "" is the root. ERR_NOT_FOUND when it is not there. Close before anything else opens it. */
int win_ntfs_inode(struct ntfs_tree *t, const char *path, ntfs_inode **ret, struct err *e);
/* 0: it is no reparse point. */
int win_ntfs_reparse_tag(struct ntfs_tree *t, ntfs_inode *ni, const char *path, uint32_t *ret,
                         struct err *e);
/* The story of a failed call of libntfs-3g, with the disk's own when that is the reason. */
int win_ntfs_failed(struct ntfs_tree *t, int no, const char *what, const char *path, struct err *e);
/* len bytes of an open attribute. */
int win_ntfs_attr_read(struct ntfs_tree *t, ntfs_attr *na, uint64_t offset, void *buf, size_t len,
                       const char *path, struct err *e);
int win_ntfs_attr_write(struct ntfs_tree *t, ntfs_attr *na, uint64_t offset, const void *buf,
                        size_t len, const char *path, struct err *e);

/* ERR_CORRUPT: the library must not change what names the descriptors. */
int win_ntfs_check_secure(struct ntfs_tree *t, struct err *e);

/* ---- records of the table of files (ntfs-records.c) ------------------------------------------ */

/* In the order of their numbers; p: size bytes, without the marks of torn writes; what is no record
 * comes too. fn returns non-zero to stop, which is returned. */
typedef int (*win_ntfs_record_fn)(void *userdata, uint64_t number, uint8_t *p, uint32_t size,
                                  struct err *e);
int win_ntfs_each_record(struct ntfs_tree *t, win_ntfs_record_fn fn, void *userdata, struct err *e);
bool win_ntfs_in_use(const uint8_t *p, uint32_t size);
/* The attribute behind a (NULL: the first) that lies whole in the record; NULL: none. */
const ATTR_RECORD *win_ntfs_next_attr(const uint8_t *p, uint32_t size, const ATTR_RECORD *a);
/* NULL: it is no whole name. */
const FILE_NAME_ATTR *win_ntfs_file_name(const ATTR_RECORD *a);

/* ---- a machine's SID outside of descriptors -------------------------------------------------- */

/* Not for DOS names: they are too short. */
bool win_ntfs_is_named_by(const FILE_NAME_ATTR *fn, const struct sid_forms *f);
/* In descriptors; with NULL: only counted. also: called for each record of the table of files on
 * the way, or NULL. Added to *ret_descriptors and *ret_files. */
int win_ntfs_security_sid(struct ntfs_tree *t, const uint8_t old[SID_MACHINE_BYTES],
                          const uint8_t *with, win_ntfs_record_fn also, void *userdata,
                          uint64_t *ret_descriptors, uint64_t *ret_files, struct err *e);
/* $Quota and $UsnJrnl; with NULL: only counted. Places are added to *ret_places. */
int win_ntfs_metadata_sid(struct ntfs_tree *t, const uint8_t old[SID_MACHINE_BYTES],
                          const uint8_t *with, uint64_t *ret_places, struct err *e);
int win_ntfs_replace_sid(struct win_tree *t, const uint8_t old[SID_MACHINE_BYTES],
                         const uint8_t with[SID_MACHINE_BYTES], struct win_sid_changes *ret,
                         struct err *e);
int win_ntfs_remains(struct win_tree *t, const uint8_t machine[SID_MACHINE_BYTES], bool wipe,
                     struct win_sid_remains *ret, struct err *e);

int win_ntfs_rename(struct ntfs_tree *t, const char *path, const char *name, struct err *e);
int win_ntfs_stat(struct win_tree *t, const char *path, struct win_stat *ret, struct err *e);
int win_ntfs_read_at(struct win_tree *t, const char *path, uint64_t offset, void *buf, size_t len,
                     size_t *ret_len, struct err *e);
int win_ntfs_list(struct win_tree *t, const char *path, win_tree_each_fn fn, void *userdata,
                  struct err *e);
int win_ntfs_write(struct win_tree *t, const char *path, const void *buf, size_t len,
                   struct err *e);
int win_ntfs_mkdir(struct win_tree *t, const char *path, struct err *e);
int win_ntfs_remove(struct win_tree *t, const char *path, struct err *e);
int win_ntfs_extents(struct win_tree *t, const char *path,
                     int (*fn)(void *userdata, uint64_t offset, uint64_t bytes), void *userdata,
                     struct err *e);

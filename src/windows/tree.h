/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files below one root: an NTFS volume, a FAT volume (the EFI system partition), or a plain folder
 * (read-only, for "inspect" of a folder of hives). All work on Windows content goes through this.
 *
 * Paths are UTF-8 with '/' between names ("Windows/System32/config/SAM"), "" is the root; names are
 * found in any case and keep the spelling found. All functions set ERR_NOT_FOUND for what is
 * absent. */
#pragma once

#include "err.h"

#define WIN_PATH_MAX 4096

struct win_tree;

enum win_tree_kind { WIN_TREE_NTFS, WIN_TREE_FAT, WIN_TREE_FOLDER, WIN_TREE_MAX };

#define WIN_REPARSE_WOF                                                                            \
    0x80000017U /* compressed by the overlay filter: content not readable here */

struct win_stat {
    bool is_dir;
    bool encrypted;       /* EFS: content not readable */
    uint32_t reparse_tag; /* 0: no reparse point */
    uint32_t attributes;  /* FILE_ATTRIBUTE_* of Windows; 0 in a folder */
    uint64_t bytes;
    uint64_t mtime; /* FILETIME: 100 ns since 1601 */
    uint64_t id;    /* MFT record number, inode, or of FAT a place; the same file has the same id */
};

enum win_tree_kind win_tree_kind(const struct win_tree *t);
void win_tree_free(struct win_tree *t); /* without win_tree_close(): nothing more is written */
DEFINE_FREEP(win_tree_free, struct win_tree);
/* Writes what is pending and takes the volume down in order; frees in every case. */
int win_tree_close(struct win_tree *t, struct err *e);

int win_tree_stat(struct win_tree *t, const char *path, struct win_stat *ret, struct err *e);
/* 1 / 0 / negative: absence is an answer here. */
int win_tree_exists(struct win_tree *t, const char *path, struct err *e);
/* A whole file, with a NUL behind; caller frees. Over max bytes: ERR_LIMIT. What is not readable
 * offline (EFS, WOF, reparse points) is ERR_CONFLICT with the reason. */
int win_tree_read(struct win_tree *t, const char *path, size_t max, uint8_t **ret, size_t *ret_len,
                  struct err *e);
/* At most len bytes from offset; *ret_len: how many there were. */
int win_tree_read_at(struct win_tree *t, const char *path, uint64_t offset, void *buf, size_t len,
                     size_t *ret_len, struct err *e);

/* Exactly len bytes; a file that has less there is ERR_CORRUPT. */
int win_tree_read_full(struct win_tree *t, const char *path, uint64_t offset, void *buf, size_t len,
                       struct err *e);

/* One call per name, in no order, without "." and "..", without DOS twins and the volume's own
 * metadata files. fn returns non-zero to stop; that value is returned. Must not change the tree. */
typedef int (*win_tree_each_fn)(void *userdata, const char *name, const struct win_stat *st,
                                struct err *e);
int win_tree_list(struct win_tree *t, const char *path, win_tree_each_fn fn, void *userdata,
                  struct err *e);
/* The same below path, whole subtrees, parents first; name is the path below path. Never follows
 * reparse points. Bounded in depth and number. */
int win_tree_walk(struct win_tree *t, const char *path, win_tree_each_fn fn, void *userdata,
                  struct err *e);

/* Names that were kept, for whoever changes the tree meanwhile: end with win_names_done(). */
struct win_name {
    char *name;
    struct win_stat st;
};
struct win_names {
    struct win_name *v;
    size_t n, cap;
    size_t max; /* more are ERR_LIMIT; 0: as many as there are */
};
void win_names_done(struct win_names *l);
/* The function for listing and walking that keeps them; userdata: struct win_names. */
int win_names_keep(void *userdata, const char *name, const struct win_stat *st, struct err *e);
/* Those of a directory, or (deep) of all below it; none when it is not there. */
int win_tree_names(struct win_tree *t, const char *path, bool deep, struct win_names *l,
                   struct err *e);

/* Calls fn for each range of the volume (offsets in bytes) in which the file's content lies, or the
 * record that holds it, until fn returns non-zero, which is returned. NTFS only: elsewhere one
 * range of everything. */
int win_tree_extents(struct win_tree *t, const char *path,
                     int (*fn)(void *userdata, uint64_t offset, uint64_t bytes), void *userdata,
                     struct err *e);

/* ---- changes: -EROFS on a read-only tree ----------------------------------------------------- */

/* The file's whole new content. An existing file keeps its id, times of creation, attributes,
 * security and short name; a new one inherits its security from its directory, which must exist.
 * WOF compression is removed from what is replaced. */
int win_tree_write(struct win_tree *t, const char *path, const void *buf, size_t len,
                   struct err *e);
/* With its parents; existing ones are fine. */
int win_tree_mkdir(struct win_tree *t, const char *path, struct err *e);
/* A file, or a directory with all that is below it. Absent is fine. *ret_files, *ret_bytes (either
 * may be NULL) are added to. */
int win_tree_delete(struct win_tree *t, const char *path, uint64_t *ret_files, uint64_t *ret_bytes,
                    struct err *e);
/* All that is below a directory, but not itself. Absent is fine. */
int win_tree_empty(struct win_tree *t, const char *path, uint64_t *ret_files, uint64_t *ret_bytes,
                   struct err *e);
/* As win_tree_delete, but content up to WIN_SHRED_MAX is overwritten where it lies first: for
 * secrets, which would be readable in free clusters. What cannot be written is only deleted. */
#define WIN_SHRED_MAX MIB(64)
int win_tree_shred(struct win_tree *t, const char *path, uint64_t *ret_files, uint64_t *ret_bytes,
                   struct err *e);
/* One machine's SID (24 bytes) gives way to another's, as long as text, in what the volume itself
 * keeps: security descriptors, names of files and directories, $Quota, $UsnJrnl. NTFS only. */
struct win_sid_changes {
    uint64_t descriptors, files; /* that use them */
    uint64_t names;
    uint64_t places; /* in $Quota and $UsnJrnl */
};
int win_tree_replace_sid(struct win_tree *t, const uint8_t old[24], const uint8_t with[24],
                         struct win_sid_changes *ret, struct err *e);
/* Where one machine's SID is still. The first three are not wiped: they were to be replaced. */
struct win_sid_remains {
    uint64_t descriptors, names, places;
    uint64_t records; /* of deleted files */
    uint64_t ends;    /* unused ends of records and of directories' blocks */
    bool log;         /* the journal of the volume: emptied */
};
/* Wipes it. Only on a tree that was opened for this alone, when all else is written. NTFS only. */
int win_tree_wipe_sid(struct win_tree *t, const uint8_t machine[24], struct win_sid_remains *ret,
                      struct err *e);

/* What is written from now on is noted there, to be proved later; it must outlive the tree. */
struct win_changes;
void win_tree_note_changes(struct win_tree *t, struct win_changes *c);

/* ---- what is said about the volume ----------------------------------------------------------- */

struct win_volume_facts {
    char label[132];
    char format[16]; /* "NTFS 3.1", "FAT32", "folder" */
    uint64_t serial;
    unsigned cluster_bytes;
    uint64_t total_bytes, free_bytes;
};
int win_tree_facts(struct win_tree *t, struct win_volume_facts *ret, struct err *e);

/* A folder of the host. Paths below Windows/System32/config that are not there are looked for in
 * the folder itself, so that a heap of exported hives will do. A single file is such a heap of
 * one. */
int win_tree_open_folder(const char *path, struct win_tree **ret, struct err *e);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files and directories that are named by the machine's SID ("S-1-5-21-A-B-C-1001"), wherever they
 * are: found by one pass over the table of files, renamed one by one. The new text is as long as
 * the old one. */
#include "ntfs-priv.h"

#include <errno.h>
#include <string.h>

#include "sid-priv.h"
#include "str.h"

#define NAMES_MAX     100000 /* renamed on one volume */
#define NAMES_OF_FILE 1024   /* hard links: Windows stops there */

struct renaming {
    struct ntfs_tree *t;
    struct sid_forms old, with;
    uint64_t *records; /* files that have such a name */
    size_t n, cap;
    uint64_t names;
};

static void renaming_done(struct renaming *x)
{
    free(x->records);
}

static int note(struct renaming *x, uint64_t record, struct err *e)
{
    if (x->n && x->records[x->n - 1] == record)
        return 0;
    if (x->n == NAMES_MAX)
        return err_set(e, E2BIG, ERR_LIMIT, "more than %d files are named by the machine's SID",
                       NAMES_MAX);
    if (x->n == x->cap) {
        size_t cap = x->cap ? x->cap * 2 : 64;
        void *p = reallocarray(x->records, cap, sizeof *x->records);

        if (!p)
            return err_oom(e);
        x->records = p;
        x->cap = cap;
    }
    x->records[x->n++] = record;
    return 0;
}

bool win_ntfs_is_named_by(const FILE_NAME_ATTR *fn, const struct sid_forms *f)
{
    return fn->file_name_type != FILE_NAME_DOS &&
           sid_find((const uint8_t *)fn->file_name, fn->file_name_length * sizeof(ntfschar), 0, f,
                    SID_TEXT16) != SIZE_MAX;
}

static int look_at_record(void *userdata, uint64_t number, uint8_t *p, uint32_t size, struct err *e)
{
    struct renaming *x = userdata;
    const MFT_RECORD *m = (const MFT_RECORD *)p;
    uint64_t base = MREF(m->base_mft_record);
    const ATTR_RECORD *a = NULL;

    if (number < NTFS_FIRST_USER || !win_ntfs_in_use(p, size))
        return 0;
    while ((a = win_ntfs_next_attr(p, size, a))) {
        const FILE_NAME_ATTR *fn = win_ntfs_file_name(a);

        if (fn && win_ntfs_is_named_by(fn, &x->old))
            return note(x, base ? base : number, e);
    }
    return 0;
}

/* ---- one name -------------------------------------------------------------------------------- */

/* A name of a file: the first one that the SID is in, or any but the DOS one when forms is NULL.
 * 1 and the name (caller frees) with its directory, 0, or negative. */
static int name_of_record(struct ntfs_tree *t, uint64_t record, const struct sid_forms *forms,
                          char **ret, uint64_t *ret_dir, struct err *e)
{
    _cleanup_(ntfs_inode_closep) ntfs_inode *ni = ntfs_inode_open(t->vol, record);
    ntfs_attr_search_ctx *ctx = ni ? ntfs_attr_get_search_ctx(ni, NULL) : NULL;
    ntfschar name[256];
    int r = 0;

    if (!ctx)
        return win_ntfs_failed(t, EIO, "open", "a file's record", e);
    while (r == 0 &&
           ntfs_attr_lookup(AT_FILE_NAME, NULL, 0, CASE_SENSITIVE, 0, NULL, 0, ctx) == 0) {
        const FILE_NAME_ATTR *fn = win_ntfs_file_name(ctx->attr);

        if (!fn || fn->file_name_type == FILE_NAME_DOS ||
            (forms && !win_ntfs_is_named_by(fn, forms)))
            continue;
        r = 1;
        *ret_dir = MREF(fn->parent_directory);
        memcpy(name, fn->file_name, fn->file_name_length * sizeof *name);
        if (ntfs_ucstombs(name, fn->file_name_length, ret, 0) < 0)
            r = err_set(e, errno, ERR_CORRUPT, "a file's name is no text");
    }
    ntfs_attr_put_search_ctx(ctx);
    return r;
}

/* The path of a directory; "" is the root. */
static int path_of(struct ntfs_tree *t, uint64_t record, char **ret, struct err *e)
{
    _cleanup_free_ char *path = xstrdup("");

    for (unsigned depth = 0; record != FILE_root; depth++) {
        _cleanup_free_ char *name = NULL;
        char *longer;
        int r = depth < WIN_DEPTH_MAX
                    ? name_of_record(t, record, NULL, &name, &record, e)
                    : err_set(e, ELOOP, ERR_CORRUPT, "directories are nested deeper than %d",
                              WIN_DEPTH_MAX);

        if (r == 0)
            return err_set(e, EIO, ERR_CORRUPT, "a directory has no name");
        if (r < 0)
            return r;
        longer = *path ? xasprintf("%s/%s", name, path) : xstrdup(name);
        free(path);
        path = longer;
    }
    *ret = TAKE_PTR(path);
    return 0;
}

static int rename_one(struct renaming *x, const char *dir, const char *name, struct err *e)
{
    _cleanup_free_ char *path = NULL, *fresh = xstrdup(name);
    int r = win_path_join(dir, name, &path, e);

    if (r == 0)
        (void)sid_patch((uint8_t *)fresh, strlen(fresh), &x->old, &x->with);
    if (r == 0 && str_eq(fresh, name))
        return err_set(e, EIO, ERR_CORRUPT, "'%s' keeps the old SID in its name", path);
    if (r == 0)
        r = win_ntfs_rename(x->t, path, fresh, e);
    if (r == 0 && x->t->t.changes)
        r = win_changes_deleted(x->t->t.changes, path, true, e);
    x->names += r == 0;
    return r;
}

/* Each name of a file that the SID is in. */
static int rename_file(struct renaming *x, uint64_t record, struct err *e)
{
    for (unsigned i = 0; i < NAMES_OF_FILE; i++) {
        _cleanup_free_ char *name = NULL, *dir = NULL;
        uint64_t parent;
        int r = name_of_record(x->t, record, &x->old, &name, &parent, e);

        if (r <= 0)
            return r;
        r = path_of(x->t, parent, &dir, e);
        if (r == 0)
            r = rename_one(x, dir, name, e);
        if (r < 0)
            return r;
    }
    return err_set(e, EIO, ERR_CORRUPT, "a file has more than %d names", NAMES_OF_FILE);
}

int win_ntfs_replace_sid(struct win_tree *tree, const uint8_t old[SID_MACHINE_BYTES],
                         const uint8_t with[SID_MACHINE_BYTES], struct win_sid_changes *ret,
                         struct err *e)
{
    _cleanup_(renaming_done) struct renaming x = { .t = ntfs_of(tree) };
    struct win_sid_changes n = { 0 };
    int r;

    sid_forms(old, &x.old);
    sid_forms(with, &x.with);
    if (x.old.n[SID_TEXT16] != x.with.n[SID_TEXT16])
        return err_set(e, ENOTSUP, ERR_INVALID, "the new SID is not as long as the old one");
    r = win_ntfs_security_sid(x.t, old, with, look_at_record, &x, &n.descriptors, &n.files, e);
    for (size_t i = 0; i < x.n && r == 0; i++) {
        r = rename_file(&x, x.records[i], e);
        if (r < 0)
            r = err_wrap(e, "put the new SID into names of files");
    }
    if (r == 0)
        r = win_ntfs_metadata_sid(x.t, old, with, &n.places, e);
    n.names = x.names;
    if (r == 0)
        *ret = n;
    return r;
}

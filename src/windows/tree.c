/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is the same for all kinds of trees. */
#include "tree.h"

#include <errno.h>
#include <string.h>

#include "str.h"
#include "tree-priv.h"

/* ---- paths ----------------------------------------------------------------------------------- */

int win_path_check(const char *path, struct err *e)
{
    size_t n = strlen(path);
    const char *p = path;

    if (n >= WIN_PATH_MAX)
        return err_set(e, ENAMETOOLONG, ERR_INVALID, "the path is longer than %d bytes",
                       WIN_PATH_MAX - 1);
    while (n) {
        size_t k = strcspn(p, "/");

        if (k == 0 || (k == 1 && p[0] == '.') || (k == 2 && p[0] == '.' && p[1] == '.'))
            return err_set(e, EINVAL, ERR_INVALID, "the path '%s' has a part that names nothing",
                           path);
        if (!p[k])
            break;
        p += k + 1;
    }
    return 0;
}

int win_path_join(const char *a, const char *b, char **ret, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(WIN_PATH_MAX);
    int r;

    str_add(&s, a);
    if (*a && *b)
        str_addc(&s, '/');
    str_add(&s, b);
    r = str_check(&s, "a path", e);
    if (r == 0)
        *ret = str_take(&s);
    return r;
}

int win_path_split(const char *path, char **ret_dir, const char **ret_name, struct err *e)
{
    const char *slash = strrchr(path, '/');
    char *dir = strndup(path, slash ? (size_t)(slash - path) : 0);

    if (!dir)
        return err_oom(e);
    *ret_dir = dir;
    *ret_name = slash ? slash + 1 : path;
    return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

enum win_tree_kind win_tree_kind(const struct win_tree *t)
{
    return t->ops->kind;
}

void win_tree_free(struct win_tree *t)
{
    if (t)
        t->ops->free(t);
}

int win_tree_close(struct win_tree *t, struct err *e)
{
    int r = t->ops->close ? t->ops->close(t, e) : 0;

    win_tree_free(t);
    return r;
}

/* ---- reading --------------------------------------------------------------------------------- */

int win_tree_stat(struct win_tree *t, const char *path, struct win_stat *ret, struct err *e)
{
    int r = win_path_check(path, e);

    return r < 0 ? r : t->ops->stat(t, path, ret, e);
}

int win_tree_exists(struct win_tree *t, const char *path, struct err *e)
{
    struct err inner = { 0 };
    struct win_stat st;
    int r = win_tree_stat(t, path, &st, &inner);

    if (r == 0)
        return 1;
    if (inner.kind == ERR_NOT_FOUND)
        return 0;
    *e = inner;
    return r;
}

/* Contents that only a running Windows can give. */
static int check_readable(const char *path, const struct win_stat *st, struct err *e)
{
    if (st->is_dir)
        return err_set(e, EISDIR, ERR_INVALID, "'%s' is a directory", path);
    if (st->encrypted)
        return err_set(e, EACCES, ERR_CONFLICT, "'%s' is encrypted (EFS)", path);
    if (st->reparse_tag == WIN_REPARSE_WOF)
        return err_set(e, EOPNOTSUPP, ERR_CONFLICT,
                       "'%s' is compressed by the Windows overlay filter (CompactOS)", path);
    if (st->reparse_tag)
        return err_set(e, EOPNOTSUPP, ERR_CONFLICT,
                       "'%s' is a reparse point (0x%08x), its content is elsewhere", path,
                       st->reparse_tag);
    return 0;
}

int win_tree_read_at(struct win_tree *t, const char *path, uint64_t offset, void *buf, size_t len,
                     size_t *ret_len, struct err *e)
{
    struct win_stat st;
    int r = win_tree_stat(t, path, &st, e);

    if (r == 0)
        r = check_readable(path, &st, e);
    if (r < 0)
        return r;
    if (offset >= st.bytes || len == 0) {
        *ret_len = 0;
        return 0;
    }
    return t->ops->read_at(t, path, offset, buf, (size_t)min_u64(len, st.bytes - offset), ret_len,
                           e);
}

int win_tree_read_full(struct win_tree *t, const char *path, uint64_t offset, void *buf, size_t len,
                       struct err *e)
{
    size_t n = 0;
    int r = win_tree_read_at(t, path, offset, buf, len, &n, e);

    if (r == 0 && n != len)
        return err_set(e, EIO, ERR_CORRUPT, "'%s' ends at %llu, before its size", path,
                       (unsigned long long)(offset + n));
    return r;
}

int win_tree_read(struct win_tree *t, const char *path, size_t max, uint8_t **ret, size_t *ret_len,
                  struct err *e)
{
    _cleanup_free_ uint8_t *buf = NULL;
    struct win_stat st;
    size_t n = 0;
    int r = win_tree_stat(t, path, &st, e);

    if (r == 0)
        r = check_readable(path, &st, e);
    if (r < 0)
        return r;
    if (st.bytes > max)
        return err_set(e, EFBIG, ERR_LIMIT, "'%s' has %llu bytes, more than %zu", path,
                       (unsigned long long)st.bytes, max);
    buf = malloc((size_t)st.bytes + 1);
    if (!buf)
        return err_oom(e);
    if (st.bytes)
        r = t->ops->read_at(t, path, 0, buf, (size_t)st.bytes, &n, e);
    if (r == 0 && n != st.bytes)
        return err_set(e, EIO, ERR_IO, "'%s' ends after %zu of %llu bytes", path, n,
                       (unsigned long long)st.bytes);
    if (r < 0)
        return r;
    buf[n] = 0;
    *ret = TAKE_PTR(buf);
    *ret_len = n;
    return 0;
}

int win_tree_list(struct win_tree *t, const char *path, win_tree_each_fn fn, void *userdata,
                  struct err *e)
{
    int r = win_path_check(path, e);

    return r < 0 ? r : t->ops->list(t, path, fn, userdata, e);
}

int win_tree_extents(struct win_tree *t, const char *path,
                     int (*fn)(void *userdata, uint64_t offset, uint64_t bytes), void *userdata,
                     struct err *e)
{
    return t->ops->extents ? t->ops->extents(t, path, fn, userdata, e)
                           : fn(userdata, 0, UINT64_MAX);
}

int win_tree_facts(struct win_tree *t, struct win_volume_facts *ret, struct err *e)
{
    *ret = (struct win_volume_facts){ 0 };
    return t->ops->facts(t, ret, e);
}

/* ---- walk ------------------------------------------------------------------------------------ */

struct walk {
    struct win_tree *t;
    const char *root;
    win_tree_each_fn fn;
    void *userdata;
    uint64_t seen;
    uint64_t above[WIN_DEPTH_MAX + 2]; /* ids of the directories on the way */
};

/* A damaged directory may hold itself: all of it would be kept once for each level. */
static int go_down(struct walk *w, const char *path, const struct win_stat *st, unsigned depth,
                   struct err *e)
{
    for (unsigned k = 0; k <= depth; k++)
        if (w->above[k] == st->id)
            return err_set(e, ELOOP, ERR_CORRUPT, "the directory '%s' lies below itself", path);
    w->above[depth + 1] = st->id;
    return 0;
}

static int walk_below(struct walk *w, const char *below, unsigned depth, struct err *e);

static int walk_one(struct walk *w, const char *below, const char *name, const struct win_stat *st,
                    unsigned depth, struct err *e)
{
    _cleanup_free_ char *path = NULL;
    int r = win_path_join(below, name, &path, e);

    if (r < 0)
        return r;
    if (++w->seen > WIN_ENTRIES_MAX)
        return err_set(e, E2BIG, ERR_LIMIT, "there are more than %d files", WIN_ENTRIES_MAX);
    r = w->fn(w->userdata, path, st, e);
    if (r != 0 || !st->is_dir || st->reparse_tag)
        return r;
    r = go_down(w, path, st, depth, e);
    return r < 0 ? r : walk_below(w, path, depth + 1, e);
}

static int walk_below(struct walk *w, const char *below, unsigned depth, struct err *e)
{
    _cleanup_(win_names_done) struct win_names l = { 0 };
    _cleanup_free_ char *path = NULL;
    int r;

    if (depth > WIN_DEPTH_MAX)
        return err_set(e, ELOOP, ERR_CORRUPT, "directories are nested deeper than %d",
                       WIN_DEPTH_MAX);
    r = win_path_join(w->root, below, &path, e);
    if (r == 0)
        r = w->t->ops->list(w->t, path, win_names_keep, &l, e);
    for (size_t i = 0; i < l.n && r == 0; i++)
        r = walk_one(w, below, l.v[i].name, &l.v[i].st, depth, e);
    return r;
}

int win_tree_walk(struct win_tree *t, const char *path, win_tree_each_fn fn, void *userdata,
                  struct err *e)
{
    struct walk w = { .t = t, .root = path, .fn = fn, .userdata = userdata };
    struct win_stat st;
    int r = win_tree_stat(t, path, &st, e);

    if (r < 0)
        return r;
    w.above[0] = st.id;
    return walk_below(&w, "", 0, e);
}

/* ---- changes --------------------------------------------------------------------------------- */

static int check_writable(const struct win_tree *t, const char *path, struct err *e)
{
    if (!t->writable || !t->ops->write)
        return err_set(e, EROFS, ERR_DENIED, "'%s' was opened for reading only", path);
    return *path ? win_path_check(path, e)
                 : err_set(e, EINVAL, ERR_INVALID, "the root cannot be replaced");
}

int win_tree_write(struct win_tree *t, const char *path, const void *buf, size_t len, struct err *e)
{
    int r = check_writable(t, path, e);

    if (r == 0)
        r = t->ops->write(t, path, buf, len, e);
    return r == 0 && t->changes ? win_changes_wrote(t->changes, path, buf, len, e) : r;
}

void win_tree_note_changes(struct win_tree *t, struct win_changes *c)
{
    t->changes = c;
}

static int make_level(struct win_tree *t, const char *path, struct err *e)
{
    struct err inner = { 0 };
    struct win_stat st;
    int r = win_tree_stat(t, path, &st, &inner);

    if (r == 0)
        return st.is_dir ? 0 : err_set(e, ENOTDIR, ERR_INVALID, "'%s' is not a directory", path);
    if (inner.kind != ERR_NOT_FOUND) {
        *e = inner;
        return r;
    }
    return t->ops->mkdir ? t->ops->mkdir(t, path, e)
                         : err_set(e, EOPNOTSUPP, ERR_INVALID, "no directories are made here");
}

int win_tree_mkdir(struct win_tree *t, const char *path, struct err *e)
{
    _cleanup_free_ char *part = strdup(path);
    int r = check_writable(t, path, e);

    if (!part)
        return err_oom(e);
    for (char *p = part; r == 0 && p;) {
        char *slash = strchr(p, '/');

        if (slash)
            *slash = '\0';
        r = make_level(t, part, e);
        if (slash)
            *slash = '/';
        p = slash ? slash + 1 : NULL;
    }
    return r;
}

/* What one deletion counts, and whether it overwrites. */
struct deletion {
    bool shred;
    uint64_t *files, *bytes; /* NULL: not counted */
};

static int delete_one(struct win_tree *t, const char *path, const struct win_stat *st,
                      const struct deletion *d, unsigned depth, struct err *e);

static int delete_below(struct win_tree *t, const char *dir, const struct deletion *d,
                        unsigned depth, struct err *e)
{
    _cleanup_(win_names_done) struct win_names l = { 0 };
    int r;

    if (depth > WIN_DEPTH_MAX)
        return err_set(e, ELOOP, ERR_CORRUPT, "directories are nested deeper than %d",
                       WIN_DEPTH_MAX);
    r = t->ops->list(t, dir, win_names_keep, &l, e);
    for (size_t i = 0; i < l.n && r == 0; i++) {
        _cleanup_free_ char *path = NULL;

        r = win_path_join(dir, l.v[i].name, &path, e);
        if (r == 0)
            r = delete_one(t, path, &l.v[i].st, d, depth, e);
    }
    return r;
}

/* Zeros as long as the file: they land where its content lies. */
static int overwrite(struct win_tree *t, const char *path, const struct win_stat *st, struct err *e)
{
    _cleanup_free_ uint8_t *zeros = NULL;

    if (st->is_dir || st->reparse_tag || st->encrypted || !st->bytes || st->bytes > WIN_SHRED_MAX)
        return 0;
    zeros = calloc(1, (size_t)st->bytes);
    return zeros ? t->ops->write(t, path, zeros, (size_t)st->bytes, e) : err_oom(e);
}

static int delete_one(struct win_tree *t, const char *path, const struct win_stat *st,
                      const struct deletion *d, unsigned depth, struct err *e)
{
    int r = 0;

    if (st->is_dir && !st->reparse_tag)
        r = delete_below(t, path, d, depth + 1, e);
    if (r == 0 && d->shred)
        r = overwrite(t, path, st, e);
    if (r == 0)
        r = t->ops->remove(t, path, e);
    if (r == 0 && d->files)
        *d->files += 1;
    if (r == 0 && d->bytes && !st->is_dir)
        *d->bytes += st->bytes;
    return r;
}

/* 1: is there; 0: is not. */
static int stat_to_delete(struct win_tree *t, const char *path, struct win_stat *ret, struct err *e)
{
    struct err inner = { 0 };
    int r = check_writable(t, path, e);

    if (r < 0)
        return r;
    if (!t->ops->remove)
        return err_set(e, EOPNOTSUPP, ERR_INVALID, "nothing is deleted here");
    r = t->ops->stat(t, path, ret, &inner);
    if (r == 0)
        return 1;
    if (inner.kind == ERR_NOT_FOUND)
        return 0;
    *e = inner;
    return r;
}

static int delete_noted(struct win_tree *t, const char *path, const struct deletion *d,
                        struct err *e)
{
    struct win_stat st;
    int r = stat_to_delete(t, path, &st, e);

    if (r == 1)
        r = delete_one(t, path, &st, d, 0, e);
    return r == 0 && t->changes ? win_changes_deleted(t->changes, path, true, e) : r;
}

int win_tree_delete(struct win_tree *t, const char *path, uint64_t *ret_files, uint64_t *ret_bytes,
                    struct err *e)
{
    const struct deletion d = { false, ret_files, ret_bytes };

    return delete_noted(t, path, &d, e);
}

int win_tree_shred(struct win_tree *t, const char *path, uint64_t *ret_files, uint64_t *ret_bytes,
                   struct err *e)
{
    const struct deletion d = { true, ret_files, ret_bytes };

    return delete_noted(t, path, &d, e);
}

int win_tree_empty(struct win_tree *t, const char *path, uint64_t *ret_files, uint64_t *ret_bytes,
                   struct err *e)
{
    const struct deletion d = { false, ret_files, ret_bytes };
    struct win_stat st;
    int r = stat_to_delete(t, path, &st, e);

    if (r == 1 && !st.is_dir)
        return err_set(e, ENOTDIR, ERR_INVALID, "'%s' is not a directory", path);
    if (r == 1)
        r = delete_below(t, path, &d, 0, e);
    return r == 0 && t->changes ? win_changes_deleted(t->changes, path, false, e) : r;
}

int win_tree_replace_sid(struct win_tree *t, const uint8_t old[24], const uint8_t with[24],
                         struct win_sid_changes *ret, struct err *e)
{
    if (!t->writable || !t->ops->replace_sid)
        return err_set(e, EROFS, ERR_DENIED, "the volume's security cannot be changed");
    if (t->changes)
        win_changes_replaced_sid(t->changes, old + 12);
    return t->ops->replace_sid(t, old, with, ret, e);
}

int win_tree_wipe_sid(struct win_tree *t, const uint8_t machine[24], struct win_sid_remains *ret,
                      struct err *e)
{
    if (!t->writable || !t->ops->remains)
        return err_set(e, EROFS, ERR_DENIED, "the volume cannot be wiped");
    return t->ops->remains(t, machine, true, ret, e);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "changes.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "hives.h"
#include "tree-priv.h"

#define PIECE MIB(1)

struct change {
    char *path;
    bool gone;
    size_t len;
    uint8_t sha256[32];
};

struct win_changes {
    struct change *v;
    size_t n, cap;
    bool has_sid;
    uint8_t old_sub[12];
};

struct win_changes *win_changes_new(void)
{
    return xcalloc(1, sizeof(struct win_changes));
}

void win_changes_free(struct win_changes *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++)
        free(c->v[i].path);
    free(c->v);
    free(c);
}

size_t win_changes_count(const struct win_changes *c)
{
    return c->n;
}

static int digest(const void *p, size_t n, uint8_t out[32], struct err *e)
{
    return EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : err_oom(e);
}

static void drop_at(struct win_changes *c, size_t i)
{
    free(c->v[i].path);
    c->v[i] = c->v[--c->n];
}

static bool is_at_or_below(const char *path, const char *top, bool itself)
{
    size_t n = strlen(top);

    if (strncasecmp(path, top, n) != 0)
        return false;
    return path[n] == '/' || (path[n] == '\0' && itself);
}

static int put(struct win_changes *c, const char *path, struct change **ret, struct err *e)
{
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 64;
        void *v = reallocarray(c->v, cap, sizeof *c->v);

        if (!v)
            return err_oom(e);
        c->v = v;
        c->cap = cap;
    }
    c->v[c->n] = (struct change){ .path = strdup(path) };
    if (!c->v[c->n].path)
        return err_oom(e);
    *ret = &c->v[c->n++];
    return 0;
}

int win_changes_wrote(struct win_changes *c, const char *path, const void *buf, size_t len,
                      struct err *e)
{
    struct change *n;
    int r;

    for (size_t i = 0; i < c->n; i++)
        if (strcasecmp(c->v[i].path, path) == 0 ||
            (c->v[i].gone && is_at_or_below(path, c->v[i].path, true)))
            drop_at(c, i--);
    r = put(c, path, &n, e);
    if (r < 0)
        return r;
    n->len = len;
    return digest(buf, len, n->sha256, e);
}

int win_changes_deleted(struct win_changes *c, const char *path, bool itself, struct err *e)
{
    struct change *n;
    int r;

    for (size_t i = 0; i < c->n; i++)
        if (is_at_or_below(c->v[i].path, path, itself))
            drop_at(c, i--);
    if (!itself)
        return 0;
    r = put(c, path, &n, e);
    if (r == 0)
        n->gone = true;
    return r;
}

void win_changes_replaced_sid(struct win_changes *c, const uint8_t old_sub[12])
{
    memcpy(c->old_sub, old_sub, sizeof c->old_sub);
    c->has_sid = true;
}

bool win_changes_old_sid(const struct win_changes *c, uint8_t ret[24])
{
    static const uint8_t head[12] = { 1, 4, 0, 0, 0, 0, 0, 5, 21 };

    memcpy(ret, head, sizeof head);
    memcpy(ret + sizeof head, c->old_sub, sizeof c->old_sub);
    return c->has_sid;
}

/* ---- the second reading ---------------------------------------------------------------------- */

static int differs(const char *path, const char *how, struct err *e)
{
    return err_set(e, EIO, ERR_CORRUPT, "'%s' %s when it is read again; nothing was committed",
                   path, how);
}

/* Piece by piece: a hive may have hundreds of megabytes, and is to be in memory once. */
static int digest_pieces(const struct hive_file *f, size_t len, EVP_MD_CTX *md, uint8_t *buf,
                         struct err *e)
{
    if (!md || !buf || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
        return err_oom(e);
    for (size_t at = 0; at < len;) {
        size_t k = (size_t)min_u64(PIECE, len - at);
        int r = win_tree_read_full(f->t, f->path, at, buf, k, e);

        if (r < 0)
            return r;
        if (EVP_DigestUpdate(md, buf, k) != 1)
            return err_oom(e);
        at += k;
    }
    return 0;
}

static int digest_file(const struct hive_file *f, size_t len, uint8_t out[32], struct err *e)
{
    _cleanup_free_ uint8_t *buf = malloc(PIECE);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int r = digest_pieces(f, len, md, buf, e);

    if (r == 0 && EVP_DigestFinal_ex(md, out, NULL) != 1)
        r = err_oom(e);
    EVP_MD_CTX_free(md);
    return r;
}

static int verify_hive(struct hive_file *f, size_t n, struct err *e)
{
    struct regf_source src = hive_source(f, n);
    _cleanup_regf_ struct regf *h = NULL;
    int r;

    if (!regf_is_hive(&src))
        return 0;
    r = regf_open(&src, NULL, NULL, 0, &h, e);
    if (r == 0)
        r = regf_verify(h, NULL, e);
    return r < 0 ? err_wrap(e, "read '%s' again", f->path) : 0;
}

static int verify_file(const struct change *c, struct win_tree *t, struct err *e)
{
    struct hive_file f = { t, c->path };
    struct win_stat st;
    uint8_t sha[32];
    int r = win_tree_stat(t, c->path, &st, e);

    if (r == 0 && st.bytes != c->len)
        return differs(c->path, "has another size", e);
    if (r == 0)
        r = digest_file(&f, c->len, sha, e);
    if (r < 0)
        return err_wrap(e, "read what was written");
    if (memcmp(sha, c->sha256, sizeof sha) != 0)
        return differs(c->path, "has another content", e);
    return verify_hive(&f, c->len, e);
}

static int verify_one(const struct change *c, struct win_tree *t, struct err *e)
{
    int r;

    if (!c->gone)
        return verify_file(c, t, e);
    r = win_tree_exists(t, c->path, e);
    return r == 1 ? differs(c->path, "is still there", e) : r;
}

static int still_there(uint64_t n, const char *what, struct err *e)
{
    if (n == 0)
        return 0;
    return err_set(e, EIO, ERR_CORRUPT,
                   "%llu %s of the volume still have the old SID when they are read again; nothing "
                   "was committed",
                   (unsigned long long)n, what);
}

static int verify_sid(const struct win_changes *c, struct win_tree *t, struct err *e)
{
    struct win_sid_remains left = { 0 };
    uint8_t sid[24];
    int r;

    if (!win_changes_old_sid(c, sid) || !t->ops->remains)
        return 0;
    r = t->ops->remains(t, sid, false, &left, e);
    if (r == 0)
        r = still_there(left.descriptors, "security descriptors", e);
    if (r == 0)
        r = still_there(left.places, "places in $Quota or $UsnJrnl", e);
    if (r == 0)
        r = still_there(left.names, "names of files", e);
    if (r == 0)
        r = still_there(left.records + left.ends + left.log, "records or blocks", e);
    return r;
}

int win_changes_verify(const struct win_changes *c, struct win_tree *t, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < c->n && r == 0; i++)
        r = verify_one(&c->v[i], t, e);
    return r < 0 ? r : verify_sid(c, t, e);
}

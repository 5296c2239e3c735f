/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two hives side by side: keys and values that only one has, or that differ. Secrets are not shown:
 * of SAM and SECURITY only that a value differs, and its size. */
#include "diff-priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "regf.h"

#define SHOWN_MAX 200 /* characters of a value */

struct pair {
    struct diff *d;
    const char *hive; /* its file's path */
    bool secret;
    struct regf *left, *right;
};

static json_t *shown(const struct pair *p, const struct regf *h, uint32_t value)
{
    _cleanup_regf_data_ struct regf_data data = { 0 };
    struct err e = { 0 };
    char text[64];

    if (p->secret || regf_value_data(h, value, &data, &e) < 0) {
        (void)snprintf(text, sizeof text, "%zu bytes", regf_value_bytes(h, value));
        return json_string(text);
    }
    if (data.type == REGF_DWORD && data.n == 4) {
        (void)snprintf(text, sizeof text, "0x%08x",
                       (unsigned)data.p[0] | (unsigned)data.p[1] << 8 | (unsigned)data.p[2] << 16 |
                           (unsigned)data.p[3] << 24);
        return json_string(text);
    }
    (void)snprintf(text, sizeof text, "%zu bytes of type %u", data.n, data.type);
    return json_string(text);
}

static json_t *shown_of(const struct pair *p, const struct regf *h, uint32_t value)
{
    uint32_t type = regf_value_type(h, value);

    if (!p->secret && (type == REGF_SZ || type == REGF_EXPAND_SZ)) {
        _cleanup_free_ char *s = regf_value_text(h, value);
        char cut[SHOWN_MAX];
        json_t *j = NULL;

        if (s)
            j = strlen(s) < SHOWN_MAX ? json_string(s) : NULL;
        if (s && !j)
            j = json_string(str_show(s, cut, sizeof cut));
        if (j)
            return j;
    }
    return shown(p, h, value);
}

static bool same_value(const struct pair *p, uint32_t a, uint32_t b)
{
    _cleanup_regf_data_ struct regf_data x = { 0 }, y = { 0 };
    struct err e = { 0 };

    if (regf_value_type(p->left, a) != regf_value_type(p->right, b) ||
        regf_value_bytes(p->left, a) != regf_value_bytes(p->right, b))
        return false;
    if (regf_value_data(p->left, a, &x, &e) < 0)
        return true; /* damaged in the same way, for all that can be told */
    err_clear(&e);
    return regf_value_data(p->right, b, &y, &e) == 0 && x.n == y.n &&
           (x.n == 0 || memcmp(x.p, y.p, x.n) == 0);
}

/* v of the left hive, w of the right one, of the same name; 0: it has none. */
static int compare_value(struct pair *p, const char *path, uint32_t v, uint32_t w, struct err *e)
{
    _cleanup_free_ char *name = NULL;

    if (v && w && same_value(p, v, w))
        return 0;
    name = v ? regf_value_name(p->left, v) : regf_value_name(p->right, w);
    if (!name)
        return err_oom(e);
    return diff_add_key(p->d, p->hive, path, name,
                        !w   ? "removed"
                        : !v ? "added"
                             : "changed",
                        v ? shown_of(p, p->left, v) : NULL, w ? shown_of(p, p->right, w) : NULL, e);
}

static int values_of(struct pair *p, uint32_t a, uint32_t b, const char *path, struct err *e)
{
    _cleanup_free_ uint32_t *v = NULL, *w = NULL;
    size_t nv = 0, nw = 0, i = 0, k = 0;
    int r = regf_values_sorted(p->left, a, &v, &nv, e);

    if (r == 0)
        r = regf_values_sorted(p->right, b, &w, &nw, e);
    while (r == 0 && !p->d->truncated && (i < nv || k < nw)) {
        int c = i == nv ? 1 : k == nw ? -1 : regf_value_cmp(p->left, v[i], p->right, w[k]);

        r = compare_value(p, path, c <= 0 ? v[i] : 0, c >= 0 ? w[k] : 0, e);
        i += c <= 0;
        k += c >= 0;
    }
    return r;
}

static int join(const char *path, const char *name, char **ret, struct err *e)
{
    if (asprintf(ret, "%s%s%s", path, *path ? "\\" : "", name) < 0)
        return err_oom(e);
    return 0;
}

static int keys_of(struct pair *p, uint32_t a, uint32_t b, const char *path, unsigned depth,
                   struct err *e);

/* key of the left hive, other of the right one, of the same name; 0: it has none. */
static int compare_key(struct pair *p, uint32_t key, uint32_t other, const char *path,
                       unsigned depth, struct err *e)
{
    _cleanup_free_ char *below = NULL;
    char name[REGF_NAME_BYTES];
    int r = key ? join(path, regf_key_name(p->left, key, name), &below, e)
                : join(path, regf_key_name(p->right, other, name), &below, e);

    if (r < 0)
        return r;
    return key && other
               ? keys_of(p, key, other, below, depth + 1, e)
               : diff_add_key(p->d, p->hive, below, NULL, key ? "removed" : "added", NULL, NULL, e);
}

/* Both lists are sorted: they were verified. */
static int keys_of(struct pair *p, uint32_t a, uint32_t b, const char *path, unsigned depth,
                   struct err *e)
{
    struct regf_iter x = regf_subkeys(p->left, a), y = regf_subkeys(p->right, b);
    uint32_t key = regf_next_subkey(p->left, &x), other = regf_next_subkey(p->right, &y);
    int r = values_of(p, a, b, path, e);

    if (depth > REGF_DEPTH_MAX)
        return err_set(e, ELOOP, ERR_CORRUPT, "'%s' has keys nested deeper than %d", p->hive,
                       REGF_DEPTH_MAX);
    while (r == 0 && !p->d->truncated && (key || other)) {
        int c = !key ? 1 : !other ? -1 : regf_key_cmp(p->left, key, p->right, other);

        r = compare_key(p, c <= 0 ? key : 0, c >= 0 ? other : 0, path, depth, e);
        if (c <= 0)
            key = regf_next_subkey(p->left, &x);
        if (c >= 0)
            other = regf_next_subkey(p->right, &y);
    }
    return r;
}

static bool is_secret(const char *path)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

    return str_eq_nocase(name, "SAM") || str_eq_nocase(name, "SECURITY");
}

int diff_registry(struct diff *d, const char *path, const struct regf_source *left,
                  const struct regf_source *right, struct err *e)
{
    _cleanup_regf_ struct regf *a = NULL, *b = NULL;
    struct pair p = { .d = d, .hive = path, .secret = is_secret(path) };
    struct err inner = { 0 };

    if (!regf_is_hive(left) || !regf_is_hive(right))
        return 0;
    /* A damaged hive differs as a file; that is told already. */
    if (regf_open(left, NULL, NULL, REGF_DIRTY_OK, &a, &inner) < 0)
        return 0;
    if (regf_open(right, NULL, NULL, REGF_DIRTY_OK, &b, &inner) < 0)
        return 0;
    /* Only a walk over a verified tree is sure to end. */
    if (regf_verify(a, NULL, &inner) < 0 || regf_verify(b, NULL, &inner) < 0)
        return 0;
    p.left = a;
    p.right = b;
    return keys_of(&p, regf_root(a), regf_root(b), "", 0, e);
}

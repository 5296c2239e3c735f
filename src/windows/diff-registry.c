/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two hives side by side: keys and values that only one has, or that differ. Secrets are not shown:
 * of SAM and SECURITY only that a value differs, and its size. */
#include "diff-priv.h"

#include <errno.h>
#include <inttypes.h>
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

static json_t *shown_of(const struct pair *p, const struct regf *h, uint32_t key, uint32_t value,
                        const char *name)
{
    uint32_t type = regf_value_type(h, value);

    if (!p->secret && (type == REGF_SZ || type == REGF_EXPAND_SZ)) {
        _cleanup_free_ char *s = regf_text(h, key, name);
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

static int values_of(struct pair *p, uint32_t a, uint32_t b, const char *path, struct err *e)
{
    struct regf_iter it = regf_values(p->left, a);
    uint32_t v;
    int r = 0;

    while (r == 0 && (v = regf_next_value(p->left, &it))) {
        _cleanup_free_ char *name = regf_value_name(p->left, v);
        uint32_t w = name ? regf_value(p->right, b, name) : 0;

        if (!name)
            return err_oom(e);
        if (!w)
            r = diff_add_key(p->d, p->hive, path, name, "removed", shown_of(p, p->left, a, v, name),
                             NULL, e);
        else if (!same_value(p, v, w))
            r = diff_add_key(p->d, p->hive, path, name, "changed", shown_of(p, p->left, a, v, name),
                             shown_of(p, p->right, b, w, name), e);
    }
    it = regf_values(p->right, b);
    while (r == 0 && (v = regf_next_value(p->right, &it))) {
        _cleanup_free_ char *name = regf_value_name(p->right, v);

        if (!name)
            return err_oom(e);
        if (!regf_value(p->left, a, name))
            r = diff_add_key(p->d, p->hive, path, name, "added", NULL,
                             shown_of(p, p->right, b, v, name), e);
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

static int key_of_left(struct pair *p, uint32_t key, uint32_t b, const char *path, unsigned depth,
                       struct err *e)
{
    _cleanup_free_ char *below = NULL;
    char name[REGF_NAME_BYTES];
    uint32_t other;
    int r;

    regf_key_name(p->left, key, name);
    r = join(path, name, &below, e);
    if (r < 0)
        return r;
    other = regf_find(p->right, b, name);
    return other ? keys_of(p, key, other, below, depth + 1, e)
                 : diff_add_key(p->d, p->hive, below, NULL, "removed", NULL, NULL, e);
}

static int keys_of(struct pair *p, uint32_t a, uint32_t b, const char *path, unsigned depth,
                   struct err *e)
{
    struct regf_iter it = regf_subkeys(p->left, a);
    uint32_t key;
    int r = values_of(p, a, b, path, e);

    if (depth > REGF_DEPTH_MAX)
        return err_set(e, ELOOP, ERR_CORRUPT, "'%s' has keys nested deeper than %d", p->hive,
                       REGF_DEPTH_MAX);
    while (r == 0 && !p->d->truncated && (key = regf_next_subkey(p->left, &it)))
        r = key_of_left(p, key, b, path, depth, e);
    it = regf_subkeys(p->right, b);
    while (r == 0 && !p->d->truncated && (key = regf_next_subkey(p->right, &it))) {
        _cleanup_free_ char *below = NULL;
        char name[REGF_NAME_BYTES];

        regf_key_name(p->right, key, name);
        if (regf_find(p->left, a, name))
            continue;
        r = join(path, name, &below, e);
        if (r == 0)
            r = diff_add_key(p->d, p->hive, below, NULL, "added", NULL, NULL, e);
    }
    return r;
}

static bool is_secret(const char *path)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

    return str_eq_nocase(name, "SAM") || str_eq_nocase(name, "SECURITY");
}

int diff_registry(struct diff *d, const char *path, const uint8_t *left, size_t n_left,
                  const uint8_t *right, size_t n_right, struct err *e)
{
    _cleanup_regf_ struct regf *a = NULL, *b = NULL;
    struct regf_source x = regf_source_mem(left, n_left), y = regf_source_mem(right, n_right);
    struct pair p = { .d = d, .hive = path, .secret = is_secret(path) };
    struct err inner = { 0 };

    if (n_left < 4 || n_right < 4 || memcmp(left, "regf", 4) != 0 || memcmp(right, "regf", 4) != 0)
        return 0;
    /* A damaged hive differs as a file; that is told already. */
    if (regf_open(&x, NULL, NULL, REGF_DIRTY_OK, &a, &inner) < 0)
        return 0;
    if (regf_open(&y, NULL, NULL, REGF_DIRTY_OK, &b, &inner) < 0)
        return 0;
    /* Only a walk over a verified tree is sure to end. */
    if (regf_verify(a, NULL, &inner) < 0 || regf_verify(b, NULL, &inner) < 0)
        return 0;
    p.left = a;
    p.right = b;
    return keys_of(&p, regf_root(a), regf_root(b), "", 0, e);
}

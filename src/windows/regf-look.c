/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding and walking keys. A subkey counts only when it names the key it hangs on as its parent.
 */
#include "regf-priv.h"

#include <errno.h>

#include "str.h"

uint32_t regf_root(const struct regf *h)
{
    uint32_t root = rd32(h->p + 36);

    return regf_nk(h, root) ? root : 0;
}

uint32_t regf_parent(const struct regf *h, uint32_t key)
{
    const uint8_t *nk = regf_nk(h, key);
    uint32_t parent = nk && key != regf_root(h) ? rd32(nk + 16) : 0;

    return regf_nk(h, parent) ? parent : 0;
}

const char *regf_key_name(const struct regf *h, uint32_t key, char buf[REGF_NAME_BYTES])
{
    const uint8_t *nk = regf_nk(h, key);
    struct regf_name name;

    buf[0] = '\0';
    if (!nk)
        return buf;
    name = regf_nk_name(nk);
    (void)regf_name_utf8(&name, buf, REGF_NAME_BYTES);
    return buf;
}

/* Fills up[] with key and what it is below of, the root left out. */
static uint32_t ancestry(const struct regf *h, uint32_t key, uint32_t up[REGF_DEPTH_MAX])
{
    uint32_t n = 0, root = regf_root(h);

    for (; key && key != root && n < REGF_DEPTH_MAX; key = regf_parent(h, key))
        up[n++] = key;
    return n;
}

char *regf_key_path(const struct regf *h, uint32_t key)
{
    struct str s = STR_INIT(REGF_DEPTH_MAX * REGF_NAME_BYTES);
    uint32_t up[REGF_DEPTH_MAX], n = ancestry(h, key, up);
    char name[REGF_NAME_BYTES];

    while (n--) {
        str_add(&s, regf_key_name(h, up[n], name));
        if (n)
            str_addc(&s, '\\');
    }
    str_add(&s, "");
    return str_take(&s);
}

uint64_t regf_key_time(const struct regf *h, uint32_t key)
{
    const uint8_t *nk = regf_nk(h, key);

    return nk ? rd64(nk + 4) : 0;
}

uint32_t regf_key_count(const struct regf *h, uint32_t key)
{
    const uint8_t *nk = regf_nk(h, key);

    return nk ? (uint32_t)min_u64(rd32(nk + 20), CHILDREN_MAX) : 0;
}

uint32_t regf_value_count(const struct regf *h, uint32_t key)
{
    const uint8_t *nk = regf_nk(h, key);

    return nk ? (uint32_t)min_u64(rd32(nk + 36), CHILDREN_MAX) : 0;
}

/* --- walking --- */

struct regf_iter regf_subkeys(const struct regf *h, uint32_t key)
{
    const uint8_t *nk = regf_nk(h, key);
    struct regf_iter it = { .key = key, .left = regf_key_count(h, key) };

    if (nk && it.left)
        it.list = rd32(nk + 28);
    return it;
}

/* The leaf the iterator stands on; false at the end. */
static bool stand_on(const struct regf *h, struct regf_iter *it, struct regf_leaf *leaf)
{
    uint8_t *ri;
    uint32_t n;

    if (!it->left)
        return false;
    n = regf_ri(h, it->list, &ri);
    if (!n)
        return regf_leaf(h, it->list, leaf) && it->i < leaf->n;
    for (; it->sub < n; it->sub++, it->i = 0)
        if (regf_leaf(h, rd32(ri + 4 + 4 * it->sub), leaf) && it->i < leaf->n)
            return true;
    return false;
}

uint32_t regf_next_subkey(const struct regf *h, struct regf_iter *it)
{
    struct regf_leaf leaf;

    while (stand_on(h, it, &leaf)) {
        uint32_t child = rd32(leaf.p + 4 + leaf.step * it->i++);
        const uint8_t *nk = regf_nk(h, child);

        it->left--;
        if (nk && rd32(nk + 16) == it->key)
            return child;
    }
    return 0;
}

struct regf_iter regf_values(const struct regf *h, uint32_t key)
{
    const uint8_t *nk = regf_nk(h, key);
    struct regf_iter it = { .key = key, .n = regf_value_count(h, key) };
    uint32_t bytes = 0;

    if (nk && it.n)
        it.list = rd32(nk + 40);
    if (!regf_cell(h, it.list, 4, &bytes))
        it.n = 0;
    it.n = (uint32_t)min_u64(it.n, bytes / 4);
    return it;
}

uint32_t regf_next_value(const struct regf *h, struct regf_iter *it)
{
    while (it->i < it->n) {
        const uint8_t *list = regf_cell(h, it->list, 4 * (it->i + 1), NULL);
        uint32_t value = list ? rd32(list + 4 * it->i) : 0;

        it->i++;
        if (regf_vk(h, value))
            return value;
    }
    return 0;
}

int regf_children(const struct regf *h, uint32_t key, uint32_t **ret, size_t *ret_n, struct err *e)
{
    struct regf_iter it = regf_subkeys(h, key);
    _cleanup_free_ uint32_t *all = NULL;
    size_t n = 0, cap = 0;
    uint32_t child;

    while ((child = regf_next_subkey(h, &it))) {
        if (n == cap) {
            uint32_t *p = realloc(all, (cap ? cap * 2 : 16) * sizeof *p);

            if (!p)
                return err_oom(e);
            all = p;
            cap = cap ? cap * 2 : 16;
        }
        all[n++] = child;
    }
    *ret = TAKE_PTR(all);
    *ret_n = n;
    return 0;
}

/* --- order --- */

int regf_key_cmp(const struct regf *ha, uint32_t a, const struct regf *hb, uint32_t b)
{
    const uint8_t *na = regf_nk(ha, a), *nb = regf_nk(hb, b);
    struct regf_name x, y;

    if (!na || !nb)
        return na ? 1 : nb ? -1 : 0;
    x = regf_nk_name(na);
    y = regf_nk_name(nb);
    return regf_name_cmp(&x, &y);
}

/* --- paths --- */

static uint32_t find_child(const struct regf *h, uint32_t key, const char *name, size_t n)
{
    _cleanup_wide_ struct regf_wide w = { 0 };
    struct err e = { 0 };

    if (regf_wide_from(name, n, KEY_NAME_MAX, &w, &e) < 0)
        return 0;
    return regf_list_find(h, key, &w);
}

uint32_t regf_find(const struct regf *h, uint32_t base, const char *path)
{
    uint32_t key = base ? base : regf_root(h);

    if (!path)
        path = "";
    if (!regf_nk(h, key))
        return 0;
    while (key && *path) {
        size_t n = strcspn(path, "\\");

        if (n)
            key = find_child(h, key, path, n);
        path += n + (path[n] == '\\');
    }
    return key;
}

int regf_find_key(const struct regf *h, uint32_t base, const char *path, uint32_t *ret,
                  struct err *e)
{
    uint32_t key = regf_find(h, base, path);

    if (!key) {
        _cleanup_free_ char *at = base ? regf_key_path(h, base) : NULL;

        return err_set(e, ENOENT, ERR_NOT_FOUND, "no registry key '%s%s%s'", at ? at : "",
                       at && *at ? "\\" : "", path);
    }
    *ret = key;
    return 0;
}

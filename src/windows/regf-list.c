/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists of subkeys: one leaf (lf with the first letters, lh with a hash, li bare), or an index root
 * (ri) over leaves. Kept sorted by upper-cased name. A leaf that grows past LEAF_MAX is halved, as
 * Windows does (measured: leaves of up to 968 entries, and many of 506 and 507, in the sample
 * hives; in hives of minor version 3, leaves under an index root are li). */
#include "regf-priv.h"

#include <errno.h>

#define LEAF_MAX  1012U
#define FAST_MAX  506U /* entries of an lf leaf; then it becomes an li leaf */
#define INDEX_MAX 0xfff0U

bool regf_leaf(const struct regf *h, uint32_t cell, struct regf_leaf *ret)
{
    uint32_t n;
    uint8_t *p = regf_cell(h, cell, 4, &n);

    if (!p || p[0] != 'l' || (p[1] != 'f' && p[1] != 'h' && p[1] != 'i'))
        return false;
    ret->p = p;
    ret->kind = (char)p[1];
    ret->step = p[1] == 'i' ? 4 : 8;
    ret->n = (uint32_t)min_u64(rd16(p + 2), (n - 4) / ret->step);
    return true;
}

uint32_t regf_ri(const struct regf *h, uint32_t cell, uint8_t **ret)
{
    uint32_t n;
    uint8_t *p = regf_cell(h, cell, 4, &n);

    if (!p || p[0] != 'r' || p[1] != 'i')
        return 0;
    *ret = p;
    return (uint32_t)min_u64(rd16(p + 2), (n - 4) / 4);
}

/* --- finding --- */

struct wanted {
    const struct regf_wide *name;
    uint32_t key, hash;
};

static bool hint_differs(const uint8_t *hint, const struct regf_wide *w)
{
    for (uint32_t i = 0; i < 4 && i < w->n; i++) {
        if (!hint[i])
            return false; /* says nothing: a wide name */
        if (regf_upper(hint[i]) != regf_upper(w->u[i]))
            return true;
    }
    return false;
}

static bool is_wanted(const struct regf *h, const struct regf_leaf *leaf, uint32_t i,
                      const struct wanted *w)
{
    const uint8_t *entry = leaf->p + 4 + leaf->step * i, *nk;
    struct regf_name name;

    if (leaf->kind == 'h' && rd32(entry + 4) != w->hash)
        return false;
    if (leaf->kind == 'f' && hint_differs(entry + 4, w->name))
        return false;
    nk = regf_nk(h, rd32(entry));
    if (!nk || rd32(nk + 16) != w->key)
        return false;
    name = regf_nk_name(nk);
    return regf_name_cmp_wide(&name, w->name) == 0;
}

/* Every entry is looked at, by hash where there is one: a list that another program left unsorted
 * answers all the same. */
static uint32_t find_in_leaf(const struct regf *h, uint32_t cell, const struct wanted *w,
                             uint32_t *budget)
{
    struct regf_leaf leaf;

    if (!regf_leaf(h, cell, &leaf))
        return 0;
    for (uint32_t i = 0; i < leaf.n && *budget; i++, --*budget)
        if (is_wanted(h, &leaf, i, w))
            return rd32(leaf.p + 4 + leaf.step * i);
    return 0;
}

static uint32_t wide_hash(const struct regf_wide *w)
{
    uint32_t hash = 0;

    for (uint32_t i = 0; i < w->n; i++)
        hash = hash * 37 + regf_upper(w->u[i]);
    return hash;
}

uint32_t regf_list_find(const struct regf *h, uint32_t key, const struct regf_wide *name)
{
    const uint8_t *nk = regf_nk(h, key);
    struct wanted w = { name, key, wide_hash(name) };
    uint32_t list, n, found = 0, budget = regf_key_count(h, key);
    uint8_t *ri;

    if (!nk || !budget)
        return 0;
    list = rd32(nk + 28);
    n = regf_ri(h, list, &ri);
    if (!n)
        return find_in_leaf(h, list, &w, &budget);
    for (uint32_t i = 0; i < n && !found && budget; i++)
        found = find_in_leaf(h, rd32(ri + 4 + 4 * i), &w, &budget);
    return found;
}

/* --- editing --- */

/* How many entries of a leaf sort before child. */
static uint32_t place_in_leaf(const struct regf *h, const struct regf_leaf *leaf, uint32_t child)
{
    uint32_t lo = 0, hi = leaf->n;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;

        if (regf_key_cmp(h, rd32(leaf->p + 4 + leaf->step * mid), h, child) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void write_entry(const struct regf *h, uint8_t *entry, char kind, uint32_t child)
{
    const uint8_t *nk = regf_nk(h, child);
    struct regf_name name;

    wr32(entry, child);
    if (kind == 'i' || !nk)
        return;
    name = regf_nk_name(nk);
    if (kind == 'h') {
        wr32(entry + 4, regf_name_hash(&name));
        return;
    }
    wr32(entry + 4, 0);
    for (uint32_t i = 0; i < 4 && i < regf_name_units(&name); i++) {
        uint16_t c = name.wide ? rd16(name.p + 2 * i) : name.p[i];

        if (c > 0xff) { /* does not fit: no hint at all */
            wr32(entry + 4, 0);
            return;
        }
        entry[4 + i] = (uint8_t)c;
    }
}

/* The entry goes into a leaf that has a hole for it at least in the count. */
static int insert_in_leaf(struct regf *h, uint32_t *cell, uint32_t child, struct err *e)
{
    struct regf_leaf leaf;
    uint32_t at;
    int r;

    if (!regf_leaf(h, *cell, &leaf))
        return regf_corrupt(e, h, 0, "a list of subkeys that is none");
    r = regf_grow(h, cell, 4 + leaf.step * (leaf.n + 1), e);
    if (r < 0)
        return r;
    (void)regf_leaf(h, *cell, &leaf); /* the same one, perhaps elsewhere */
    at = place_in_leaf(h, &leaf, child);
    memmove(leaf.p + 4 + leaf.step * (at + 1), leaf.p + 4 + leaf.step * at,
            leaf.step * (leaf.n - at));
    write_entry(h, leaf.p + 4 + leaf.step * at, leaf.kind, child);
    wr16(leaf.p + 2, (uint16_t)(leaf.n + 1));
    h->is_changed = true;
    return 0;
}

static int new_leaf(struct regf *h, char kind, uint32_t entries, uint32_t *ret, struct err *e)
{
    int r = regf_alloc(h, 4 + (kind == 'i' ? 4 : 8) * entries, ret, e);

    if (r < 0)
        return r;
    regf_at(h, *ret)[4] = 'l';
    regf_at(h, *ret)[5] = (uint8_t)kind;
    return 0;
}

/* The entries of an lf leaf without their letters. */
static int make_bare(struct regf *h, uint32_t *cell, struct err *e)
{
    struct regf_leaf leaf, bare;
    uint32_t to;
    int r;

    if (!regf_leaf(h, *cell, &leaf) || leaf.kind != 'f' || leaf.n < FAST_MAX)
        return 0;
    r = new_leaf(h, 'i', leaf.n + 1, &to, e);
    if (r < 0)
        return r;
    (void)regf_leaf(h, to, &bare);
    for (uint32_t i = 0; i < leaf.n; i++)
        memcpy(bare.p + 4 + 4 * i, leaf.p + 4 + 8 * i, 4);
    wr16(bare.p + 2, (uint16_t)leaf.n);
    regf_release(h, *cell);
    *cell = to;
    return 0;
}

/* The upper half of a leaf moves into a new one. */
static int halve(struct regf *h, uint32_t cell, uint32_t *ret_upper, struct err *e)
{
    struct regf_leaf leaf, upper;
    uint32_t keep, to;
    int r;

    if (!regf_leaf(h, cell, &leaf))
        return regf_corrupt(e, h, 0, "a list of subkeys that is none");
    keep = leaf.n / 2;
    r = new_leaf(h, leaf.kind, leaf.n - keep, &to, e);
    if (r < 0)
        return r;
    (void)regf_leaf(h, to, &upper);
    memcpy(upper.p + 4, leaf.p + 4 + leaf.step * keep, leaf.step * (leaf.n - keep));
    wr16(upper.p + 2, (uint16_t)(leaf.n - keep));
    memset(leaf.p + 4 + leaf.step * keep, 0, leaf.step * (leaf.n - keep));
    wr16(leaf.p + 2, (uint16_t)keep);
    h->is_changed = true;
    *ret_upper = to;
    return 0;
}

/* One more leaf behind position i of an index root. */
static int insert_in_root(struct regf *h, uint32_t *root, uint32_t i, uint32_t leaf, struct err *e)
{
    uint8_t *ri;
    uint32_t n = regf_ri(h, *root, &ri);
    int r;

    if (n >= INDEX_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "a key has too many subkeys");
    r = regf_grow(h, root, 4 + 4 * (n + 1), e);
    if (r < 0)
        return r;
    ri = regf_at(h, *root) + 4;
    memmove(ri + 4 + 4 * (i + 2), ri + 4 + 4 * (i + 1), 4 * (n - i - 1));
    wr32(ri + 4 + 4 * (i + 1), leaf);
    wr16(ri + 2, (uint16_t)(n + 1));
    h->is_changed = true;
    return 0;
}

/* The leaf of an index root that child belongs to: the last one whose first key is not above it. */
static uint32_t choose_leaf(const struct regf *h, const uint8_t *ri, uint32_t n, uint32_t child)
{
    uint32_t lo = 1, hi = n;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        struct regf_leaf leaf;

        if (regf_leaf(h, rd32(ri + 4 + 4 * mid), &leaf) && leaf.n &&
            regf_key_cmp(h, rd32(leaf.p + 4), h, child) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo - 1;
}

static int insert_under_root(struct regf *h, uint32_t *root, uint32_t child, struct err *e)
{
    struct regf_leaf leaf;
    uint8_t *ri;
    uint32_t n = regf_ri(h, *root, &ri), i = choose_leaf(h, ri, n, child), cell, upper;
    int r;

    cell = rd32(ri + 4 + 4 * i);
    if (!regf_leaf(h, cell, &leaf))
        return regf_corrupt(e, h, 0, "a list of subkeys that is none");
    if (leaf.n >= LEAF_MAX) {
        r = halve(h, cell, &upper, e);
        if (r < 0)
            return r;
        r = insert_in_root(h, root, i, upper, e);
        if (r < 0)
            return regf_break(h, r); /* half of the entries hang nowhere */
        return insert_under_root(h, root, child, e);
    }
    r = insert_in_leaf(h, &cell, child, e);
    if (r < 0)
        return r;
    ri = regf_at(h, *root) + 4;
    wr32(ri + 4 + 4 * i, cell);
    h->is_changed = true;
    return 0;
}

/* A full leaf becomes the first of two under a new index root. */
static int make_root(struct regf *h, uint32_t leaf, uint32_t *ret, struct err *e)
{
    uint32_t root, upper;
    uint8_t *ri;
    int r = regf_alloc(h, 4 + 4 * 8, &root, e);

    if (r < 0)
        return r;
    r = halve(h, leaf, &upper, e);
    if (r < 0) {
        regf_release(h, root);
        return r;
    }
    ri = regf_at(h, root) + 4;
    ri[0] = 'r', ri[1] = 'i';
    wr16(ri + 2, 2);
    wr32(ri + 4, leaf);
    wr32(ri + 8, upper);
    *ret = root;
    return 0;
}

static void set_list(struct regf *h, uint32_t key, uint32_t list, uint32_t count)
{
    uint8_t *nk = regf_nk(h, key);

    wr32(nk + 20, count);
    wr32(nk + 28, list);
    h->is_changed = true;
}

int regf_list_insert(struct regf *h, uint32_t key, uint32_t child, struct err *e)
{
    const uint8_t *nk = regf_nk(h, key);
    struct regf_leaf leaf;
    uint32_t list = nk ? rd32(nk + 28) : 0, count = nk ? rd32(nk + 20) : 0;
    uint8_t *ri;
    int r = 0;

    if (!nk)
        return regf_corrupt(e, h, key, "not a key");
    if (count >= CHILDREN_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "a key has too many subkeys");
    if (!count) {
        regf_list_release(h, list);
        r = new_leaf(h, h->info.minor >= 5 ? 'h' : 'f', 1, &list, e);
    } else if (regf_leaf(h, list, &leaf)) {
        r = leaf.n >= LEAF_MAX ? make_root(h, list, &list, e) : make_bare(h, &list, e);
    }
    if (r < 0)
        return r;
    if (count)
        set_list(h, key, list, count); /* another cell is in force from here */
    r = regf_ri(h, list, &ri) ? insert_under_root(h, &list, child, e)
                              : insert_in_leaf(h, &list, child, e);
    if (r < 0)
        return r;
    set_list(h, key, list, count + 1);
    return 0;
}

/* Takes the entry out; the place of it in a leaf is by handle, not by name. */
static bool remove_from_leaf(struct regf *h, uint32_t cell, uint32_t child, uint32_t *ret_left)
{
    struct regf_leaf leaf;

    if (!regf_leaf(h, cell, &leaf))
        return false;
    for (uint32_t i = 0; i < leaf.n; i++) {
        uint8_t *entry = leaf.p + 4 + leaf.step * i;

        if (rd32(entry) != child)
            continue;
        memmove(entry, entry + leaf.step, leaf.step * (leaf.n - i - 1));
        memset(leaf.p + 4 + leaf.step * (leaf.n - 1), 0, leaf.step);
        wr16(leaf.p + 2, (uint16_t)(leaf.n - 1));
        h->is_changed = true;
        *ret_left = leaf.n - 1;
        return true;
    }
    return false;
}

static bool remove_under_root(struct regf *h, uint32_t root, uint32_t child)
{
    uint8_t *ri;
    uint32_t n = regf_ri(h, root, &ri), left = 0, i = 0;

    while (i < n && !remove_from_leaf(h, rd32(ri + 4 + 4 * i), child, &left))
        i++;
    if (i == n)
        return false;
    if (left)
        return true;
    regf_release(h, rd32(ri + 4 + 4 * i)); /* an empty leaf goes */
    memmove(ri + 4 + 4 * i, ri + 4 + 4 * (i + 1), 4 * (n - i - 1));
    wr32(ri + 4 + 4 * (n - 1), 0);
    wr16(ri + 2, (uint16_t)(n - 1));
    h->is_changed = true;
    return true;
}

int regf_list_remove(struct regf *h, uint32_t key, uint32_t child, struct err *e)
{
    const uint8_t *nk = regf_nk(h, key);
    uint32_t list = nk ? rd32(nk + 28) : 0, count = nk ? rd32(nk + 20) : 0, left;
    uint8_t *ri;
    bool found;

    found = nk && count &&
            (regf_ri(h, list, &ri) ? remove_under_root(h, list, child)
                                   : remove_from_leaf(h, list, child, &left));
    if (!found)
        return regf_corrupt(e, h, key, "a subkey that its parent does not list");
    if (count == 1) {
        regf_list_release(h, list);
        list = REGF_NIL;
    }
    set_list(h, key, list, count - 1);
    return 0;
}

void regf_list_release(struct regf *h, uint32_t list)
{
    struct regf_leaf leaf;
    uint8_t *ri;
    uint32_t n = regf_ri(h, list, &ri);

    for (uint32_t i = 0; i < n; i++)
        if (regf_leaf(h, rd32(ri + 4 + 4 * i), &leaf))
            regf_release(h, rd32(ri + 4 + 4 * i));
    if (n || regf_leaf(h, list, &leaf))
        regf_release(h, list);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole of a hive, checked: every cell is reached once or not at all, lists are sorted and say
 * the right numbers, every reference is to a cell of its kind, the ring of security descriptors
 * closes and each counts its keys. After this, a walk over the tree ends. */
#include "regf-priv.h"

#include <errno.h>

struct sk_count {
    uint32_t cell, refs;
};

struct check {
    const struct regf *h;
    uint64_t *seen; /* as h->starts */
    struct sk_count *sk;
    size_t n_sk;
    struct regf_report rep;
    uint32_t key; /* being looked at, for the story */
};

static int fault(const struct check *c, struct err *e, const char *what)
{
    return regf_corrupt(e, c->h, c->key, what);
}

/* A cell in use of at least n bytes, for the first time. */
static bool reach(struct check *c, uint32_t off, uint32_t n)
{
    uint64_t bit;

    if (!regf_cell(c->h, off, n, NULL))
        return false;
    bit = UINT64_C(1) << (off >> 3 & 63);
    if (c->seen[off >> 9] & bit)
        return false;
    c->seen[off >> 9] |= bit;
    return true;
}

/* --- security --- */

static int by_cell(const void *a, const void *b)
{
    uint32_t x = ((const struct sk_count *)a)->cell, y = ((const struct sk_count *)b)->cell;

    return x < y ? -1 : x > y;
}

static int gather_ring(struct check *c, struct err *e)
{
    size_t cap = 0;
    uint32_t cell = 0, last = 0, first = regf_next_security(c->h, 0);

    while ((cell = regf_next_security(c->h, cell))) {
        if (c->n_sk == cap) {
            struct sk_count *p = realloc(c->sk, (cap ? cap * 2 : 64) * sizeof *p);

            if (!p)
                return err_oom(e);
            c->sk = p;
            cap = cap ? cap * 2 : 64;
        }
        if (!reach(c, cell, SK_BYTES + 4))
            return fault(c, e, "the ring of security descriptors");
        c->sk[c->n_sk++] = (struct sk_count){ cell, 0 };
        last = cell;
    }
    if (!first || rd32(regf_at(c->h, last) + 8) != first || rd32(regf_at(c->h, first) + 12) != last)
        return fault(c, e, "the ring of security descriptors does not close");
    qsort(c->sk, c->n_sk, sizeof *c->sk, by_cell);
    c->rep.security = c->n_sk;
    return 0;
}

static int count_security(struct check *c, const uint8_t *nk, struct err *e)
{
    struct sk_count want = { rd32(nk + 44), 0 }, *sk;

    sk = bsearch(&want, c->sk, c->n_sk, sizeof want, by_cell);
    if (!sk)
        return fault(c, e, "a key whose security descriptor is not in the ring");
    sk->refs++;
    return 0;
}

static int compare_counts(struct check *c, struct err *e)
{
    c->key = 0;
    for (size_t i = 0; i < c->n_sk; i++)
        if (rd32(regf_at(c->h, c->sk[i].cell) + 16) != c->sk[i].refs)
            return err_set(e, EBADMSG, ERR_CORRUPT,
                           "damaged hive: security descriptor 0x%x counts %u keys, %u have it",
                           c->sk[i].cell, rd32(regf_at(c->h, c->sk[i].cell) + 16), c->sk[i].refs);
    return 0;
}

/* --- values --- */

static int check_split(struct check *c, const struct regf_db *db, uint32_t cell, uint32_t n,
                       struct err *e)
{
    if (!reach(c, cell, 8) || !reach(c, db->list_cell, 4 * db->segments))
        return fault(c, e, "a value in segments");
    for (uint32_t i = 0; i < db->segments; i++) {
        uint32_t part = (uint32_t)min_u64(n - i * REGF_PLAIN_MAX, REGF_PLAIN_MAX);

        if (!reach(c, rd32(db->list + 4 * i), part))
            return fault(c, e, "a segment of a value");
    }
    return 0;
}

static int check_data(struct check *c, const uint8_t *vk, struct err *e)
{
    uint32_t n = rd32(vk + 4), cell = rd32(vk + 8);
    struct regf_db db;

    if (n & 0x80000000U)
        return (n & 0x7fffffffU) > 4 ? fault(c, e, "the size of a value") : 0;
    if (!n)
        return 0;
    if (regf_db(c->h, cell, n, &db))
        return check_split(c, &db, cell, n, e);
    if (!regf_cell(c->h, cell, n, NULL)) { /* seen in a hive that was copied while in use */
        c->rep.bad_values++;
        return 0;
    }
    if (!reach(c, cell, n))
        return fault(c, e, "the data of a value, or it has two owners");
    c->rep.unsplit += regf_is_split(c->h, n);
    return 0;
}

static int check_values(struct check *c, const uint8_t *nk, struct err *e)
{
    uint32_t n = rd32(nk + 36);
    const uint8_t *list;

    if (!n)
        return 0;
    if (n > CHILDREN_MAX || !reach(c, rd32(nk + 40), 4 * n))
        return fault(c, e, "the list of values");
    list = regf_cell(c->h, rd32(nk + 40), 4 * n, NULL);
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *vk = regf_vk(c->h, rd32(list + 4 * i));
        int r;

        if (!vk || !reach(c, rd32(list + 4 * i), VK_BYTES))
            return fault(c, e, "a value");
        if (!(rd16(vk + 16) & 1) && rd16(vk + 2) % 2)
            return fault(c, e, "the name of a value");
        r = check_data(c, vk, e);
        if (r < 0)
            return r;
        c->rep.values++;
    }
    return 0;
}

/* --- keys --- */

static int check_key(struct check *c, uint32_t key, uint32_t parent, struct err *e)
{
    const uint8_t *nk = regf_nk(c->h, key);
    uint32_t n;
    int r;

    c->key = parent;
    if (!nk || !reach(c, key, NK_BYTES))
        return fault(c, e, "a subkey that is none, or is listed twice");
    if (parent && rd32(nk + 16) != parent)
        return fault(c, e, "a subkey that names another parent");
    c->key = key;
    n = rd16(nk + 72);
    if (!n || (!(rd16(nk + 2) & 0x20) && n % 2))
        return fault(c, e, "the name of a key");
    n = rd16(nk + 74);
    if (n && !reach(c, rd32(nk + 48), n))
        return fault(c, e, "the class of a key");
    r = count_security(c, nk, e);
    if (r == 0)
        r = check_values(c, nk, e);
    c->rep.keys += r == 0;
    return r;
}

/* The last name of the list so far, which the next one must follow. */
struct order {
    struct regf_name last;
    uint32_t n;
};

static bool hint_is_right(const uint8_t *hint, const struct regf_name *name)
{
    uint8_t want[4] = { 0 };

    for (uint32_t i = 0; i < 4 && i < regf_name_units(name); i++) {
        uint16_t c = name->wide ? rd16(name->p + 2 * i) : name->p[i];

        if (c > 0xff)
            return true; /* seen both ways */
        want[i] = (uint8_t)c;
    }
    return memcmp(want, hint, 4) == 0 || rd32(hint) == 0;
}

static int check_leaf(struct check *c, uint32_t cell, struct order *o, struct err *e)
{
    struct regf_leaf leaf;

    if (!regf_leaf(c->h, cell, &leaf) || !reach(c, cell, 4 + leaf.step * rd16(leaf.p + 2)))
        return fault(c, e, "a list of subkeys");
    for (uint32_t i = 0; i < leaf.n; i++) {
        const uint8_t *entry = leaf.p + 4 + leaf.step * i, *nk = regf_nk(c->h, rd32(entry));
        struct regf_name name;

        if (!nk)
            return fault(c, e, "a subkey that is none");
        name = regf_nk_name(nk);
        if (o->n && regf_name_cmp(&o->last, &name) >= 0)
            return fault(c, e, "subkeys that are not sorted");
        if (leaf.kind == 'h' && rd32(entry + 4) != regf_name_hash(&name))
            return fault(c, e, "the hash of a subkey");
        if (leaf.kind == 'f' && !hint_is_right(entry + 4, &name))
            return fault(c, e, "the first letters of a subkey in its list");
        o->last = name;
        o->n++;
    }
    return 0;
}

static int check_lists(struct check *c, uint32_t key, struct err *e)
{
    const uint8_t *nk = regf_nk(c->h, key);
    struct order o = { 0 };
    uint32_t list = rd32(nk + 28), n;
    uint8_t *ri;
    int r = 0;

    c->key = key;
    if (!rd32(nk + 20)) { /* other programs leave an empty list behind */
        (void)reach(c, list, 4);
        return 0;
    }
    n = regf_ri(c->h, list, &ri);
    if (n && (n != rd16(ri + 2) || !reach(c, list, 4 + 4 * n)))
        return fault(c, e, "a list of lists of subkeys");
    for (uint32_t i = 0; i < n && r == 0; i++)
        r = check_leaf(c, rd32(ri + 4 + 4 * i), &o, e);
    if (!n)
        r = check_leaf(c, list, &o, e);
    if (r == 0 && o.n != rd32(nk + 20))
        return fault(c, e, "the number of subkeys");
    return r;
}

/* --- the tree, without recursion --- */

static int check_tree(struct check *c, struct err *e)
{
    struct regf_iter up[REGF_DEPTH_MAX];
    unsigned depth = 0;
    uint32_t key = regf_root(c->h), parent = 0;

    for (;;) {
        int r = check_key(c, key, parent, e);

        if (r == 0)
            r = check_lists(c, key, e);
        if (r < 0)
            return r;
        if (depth == REGF_DEPTH_MAX)
            return fault(c, e, "too many levels of keys");
        up[depth++] = regf_subkeys(c->h, key);
        while (depth && !(key = regf_next_subkey(c->h, &up[depth - 1])))
            depth--;
        if (!depth)
            return 0;
        parent = up[depth - 1].key;
    }
}

static void count_cells(struct check *c)
{
    for (size_t w = 0; w < c->h->starts_n; w++) {
        uint64_t bits = c->h->starts[w];

        c->rep.cells += (unsigned)__builtin_popcountll(bits);
        for (bits &= ~c->seen[w]; bits; bits &= bits - 1) {
            uint32_t off = (uint32_t)(w << 9) + (uint32_t)__builtin_ctzll(bits) * 8;

            if (rd32(regf_at(c->h, off)) & 0x80000000U)
                c->rep.lost_cells++;
            else
                c->rep.free_cells++;
        }
    }
}

int regf_verify(const struct regf *h, struct regf_report *ret, struct err *e)
{
    _cleanup_free_ uint64_t *seen = calloc(h->starts_n, sizeof *seen);
    struct check c = { .h = h, .seen = seen };
    int r;

    if (!seen)
        return err_oom(e);
    r = gather_ring(&c, e);
    if (r == 0)
        r = check_tree(&c, e);
    if (r == 0)
        r = compare_counts(&c, e);
    free(c.sk);
    if (r < 0)
        return r;
    count_cells(&c);
    if (ret)
        *ret = c.rep;
    return 0;
}

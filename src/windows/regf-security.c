/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Security descriptors: each in a cell that keys share, with a count of them, in one ring. */
#include "regf-priv.h"

#include <errno.h>

#define SD_MAX 0xffffU

static uint8_t *sk_of(const struct regf *h, uint32_t cell)
{
    uint32_t n;
    uint8_t *p = regf_cell(h, cell, SK_BYTES + 4, &n);

    if (!p || p[0] != 's' || p[1] != 'k' || rd32(p + 16) > n - SK_BYTES - 4)
        return NULL;
    return p;
}

int regf_security_bytes(const struct regf *h, uint32_t cell, const uint8_t **ret, size_t *ret_n,
                        struct err *e)
{
    const uint8_t *p = sk_of(h, cell);

    if (!p)
        return regf_corrupt(e, h, 0, "not a security descriptor");
    *ret = p + 20;
    *ret_n = rd32(p + 16);
    return 0;
}

int regf_security(const struct regf *h, uint32_t key, const uint8_t **ret, size_t *ret_n,
                  struct err *e)
{
    const uint8_t *nk = regf_nk(h, key);

    if (!nk)
        return regf_corrupt(e, h, key, "not a key");
    return regf_security_bytes(h, rd32(nk + 44), ret, ret_n, e);
}

static uint32_t ring_head(const struct regf *h)
{
    const uint8_t *nk = regf_nk(h, regf_root(h));
    uint32_t head = nk ? rd32(nk + 44) : 0;

    return sk_of(h, head) ? head : 0;
}

/* A cell is entered only from the one it names as its predecessor, so no walk can run in circles.
 */
uint32_t regf_next_security(const struct regf *h, uint32_t cell)
{
    uint32_t head = ring_head(h), next;
    const uint8_t *p = sk_of(h, cell), *q;

    if (!cell || !head)
        return head;
    next = p ? rd32(p + 4) : 0;
    q = sk_of(h, next);
    return q && next != head && rd32(q + 8) == cell ? next : 0;
}

int regf_security_patch(struct regf *h, uint32_t cell, size_t offset, const void *data, size_t n,
                        struct err *e)
{
    uint8_t *p = sk_of(h, cell);
    int r = regf_begin_edit(h, e);

    if (r < 0)
        return r;
    if (!p || offset > rd32(p + 16) || n > rd32(p + 16) - offset)
        return regf_corrupt(e, h, 0, "not a security descriptor of that size");
    memcpy(p + 20 + offset, data, n);
    h->is_changed = true;
    return 0;
}

int regf_sk_ref(struct regf *h, uint32_t cell, struct err *e)
{
    uint8_t *p = sk_of(h, cell);

    if (!p || rd32(p + 12) == UINT32_MAX)
        return regf_corrupt(e, h, 0, "not a security descriptor");
    wr32(p + 12, rd32(p + 12) + 1);
    h->is_changed = true;
    return 0;
}

void regf_sk_unref(struct regf *h, uint32_t cell)
{
    uint8_t *p = sk_of(h, cell), *next, *before;
    uint32_t refs = p ? rd32(p + 12) : 0;

    if (!refs)
        return;
    wr32(p + 12, refs - 1);
    h->is_changed = true;
    next = sk_of(h, rd32(p + 4));
    before = sk_of(h, rd32(p + 8));
    if (refs > 1 || !next || !before || next == p)
        return;
    wr32(next + 8, rd32(p + 8));
    wr32(before + 4, rd32(p + 4));
    h->is_changed = true;
    regf_release(h, cell);
}

static uint32_t find_equal(const struct regf *h, const void *sd, size_t n)
{
    for (uint32_t c = 0; (c = regf_next_security(h, c));) {
        const uint8_t *p = sk_of(h, c);

        if (rd32(p + 16) == n && memcmp(p + 20, sd, n) == 0)
            return c;
    }
    return 0;
}

/* A cell with no key yet, in the ring behind its head. */
static int add_sk(struct regf *h, const void *sd, size_t n, uint32_t *ret, struct err *e)
{
    uint32_t head = ring_head(h), cell, after;
    uint8_t *p, *q;
    int r;

    if (!head || !sk_of(h, rd32(sk_of(h, head) + 4)))
        return regf_corrupt(e, h, 0, "the ring of security descriptors");
    r = regf_alloc(h, SK_BYTES + 4 + (uint32_t)n, &cell, e);
    if (r < 0)
        return r;
    p = regf_at(h, cell) + 4;
    q = sk_of(h, head);
    after = rd32(q + 4);
    p[0] = 's', p[1] = 'k';
    wr32(p + 4, after);
    wr32(p + 8, head);
    wr32(p + 16, (uint32_t)n);
    memcpy(p + 20, sd, n);
    wr32(q + 4, cell);
    q = sk_of(h, after);
    wr32(q + 8, cell);
    h->is_changed = true;
    *ret = cell;
    return 0;
}

int regf_set_security(struct regf *h, uint32_t key, const void *sd, size_t n, struct err *e)
{
    uint8_t *nk = regf_nk(h, key);
    uint32_t old, cell;
    int r = regf_begin_edit(h, e);

    if (r < 0)
        return r;
    if (!nk)
        return regf_corrupt(e, h, key, "not a key");
    if (n < 20 || n > SD_MAX)
        return err_set(e, EINVAL, ERR_INVALID, "a security descriptor of %zu bytes", n);
    old = rd32(nk + 44);
    cell = find_equal(h, sd, n);
    if (cell == old)
        return 0;
    if (!cell)
        r = add_sk(h, sd, n, &cell, e);
    if (r == 0)
        r = regf_sk_ref(h, cell, e);
    if (r < 0)
        return r;
    wr32(nk + 44, cell);
    h->is_changed = true;
    regf_sk_unref(h, old);
    regf_key_touch(h, key);
    return 0;
}

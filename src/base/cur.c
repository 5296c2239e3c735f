/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cur.h"

const void *cur_take(struct cur *c, size_t n)
{
    const void *at = c->p;

    if (c->bad || n > c->left) {
        c->bad = true;
        c->left = 0;
        return NULL;
    }
    c->p += n;
    c->left -= n;
    return at;
}

bool cur_copy(struct cur *c, void *out, size_t n)
{
    const void *at = cur_take(c, n);

    if (!at)
        return false;
    memcpy(out, at, n);
    return true;
}

uint8_t cur_u8(struct cur *c)
{
    uint8_t v = 0;

    (void)cur_copy(c, &v, 1);
    return v;
}

uint16_t cur_le16(struct cur *c)
{
    le16 v = { 0 };

    (void)cur_copy(c, &v, sizeof v);
    return get_le16(v);
}

uint32_t cur_le32(struct cur *c)
{
    le32 v = { 0 };

    (void)cur_copy(c, &v, sizeof v);
    return get_le32(v);
}

uint64_t cur_le64(struct cur *c)
{
    le64 v = { 0 };

    (void)cur_copy(c, &v, sizeof v);
    return get_le64(v);
}

uint32_t cur_be32(struct cur *c)
{
    return __builtin_bswap32(cur_le32(c));
}

uint64_t cur_be64(struct cur *c)
{
    return __builtin_bswap64(cur_le64(c));
}

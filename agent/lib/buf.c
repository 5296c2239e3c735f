/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/buf.h"

const void *cur_take(struct cur *c, size_t n)
{
    const uint8_t *p = c->p;

    if (c->bad || n > c->left) {
        c->bad = true;
        return NULL;
    }
    c->p += n;
    c->left -= n;
    return p;
}

uint8_t cur_u8(struct cur *c)
{
    const uint8_t *p = cur_take(c, 1);

    return p ? *p : 0;
}

uint16_t cur_le16(struct cur *c)
{
    const uint8_t *p = cur_take(c, 2);

    return p ? (uint16_t)(p[0] | p[1] << 8) : 0;
}

uint32_t cur_le32(struct cur *c)
{
    const uint8_t *p = cur_take(c, 4);

    return p ? (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24
             : 0;
}

uint32_t cur_be32(struct cur *c)
{
    const uint8_t *p = cur_take(c, 4);

    return p ? (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24
             : 0;
}

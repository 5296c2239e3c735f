/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from outside: a cursor that refuses to run past its end and stays refused. (Bytes are built
 * with struct str, which does not mind NULs.) */
#pragma once

#include "lib/util.h"

struct cur {
    const uint8_t *p;
    size_t left;
    bool bad;
};

static inline struct cur cur_over(const void *p, size_t n)
{
    return (struct cur){ .p = p, .left = n };
}

const void *cur_take(struct cur *c, size_t n); /* NULL, and c->bad for good, when n > c->left */
uint8_t cur_u8(struct cur *c);
uint16_t cur_le16(struct cur *c);
uint32_t cur_le32(struct cur *c);
uint32_t cur_be32(struct cur *c);

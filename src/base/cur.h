/* SPDX-License-Identifier: GPL-3.0-or-later */
/* On-disk integers with types of their own, and a cursor that refuses to run past its end. */
#pragma once

#include <string.h>

#include "util.h"

typedef struct {
    uint8_t b[2];
} le16;
typedef struct {
    uint8_t b[4];
} le32; /* byte arrays: no padding, no alignment, no accidents */
typedef struct {
    uint8_t b[8];
} le64;

static inline uint16_t get_le16(le16 v)
{
    return (uint16_t)(v.b[0] | v.b[1] << 8);
}

static inline uint32_t get_le32(le32 v)
{
    return (uint32_t)v.b[0] | (uint32_t)v.b[1] << 8 | (uint32_t)v.b[2] << 16 |
           (uint32_t)v.b[3] << 24;
}

static inline uint64_t get_le64(le64 v)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < 8; i++)
        r |= (uint64_t)v.b[i] << (8 * i);
    return r;
}

static inline le16 put_le16(uint16_t v)
{
    return (le16){ { (uint8_t)v, (uint8_t)(v >> 8) } };
}

static inline le32 put_le32(uint32_t v)
{
    return (le32){ { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) } };
}

static inline le64 put_le64(uint64_t v)
{
    le64 r;

    for (unsigned i = 0; i < 8; i++)
        r.b[i] = (uint8_t)(v >> (8 * i));
    return r;
}

struct cur {
    const uint8_t *p;
    size_t left;
    bool bad;
};

static inline struct cur cur_over(const void *p, size_t n)
{
    return (struct cur){ .p = p, .left = n };
}

/* NULL, and c->bad for good, when n > c->left. */
const void *cur_take(struct cur *c, size_t n);
bool cur_copy(struct cur *c, void *out, size_t n);
uint8_t cur_u8(struct cur *c);
uint16_t cur_le16(struct cur *c);
uint32_t cur_le32(struct cur *c);
uint64_t cur_le64(struct cur *c);
uint32_t cur_be32(struct cur *c);
uint64_t cur_be64(struct cur *c);

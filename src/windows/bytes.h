/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Little-endian numbers at a place in a buffer whose bounds were checked, and the sum that GPT and
 * event logs have over theirs. */
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline uint16_t rd16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t rd32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t rd64(const uint8_t *p)
{
    return rd32(p) | (uint64_t)rd32(p + 4) << 32;
}

static inline void wr16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v, p[1] = (uint8_t)(v >> 8);
}

static inline void wr32(uint8_t *p, uint32_t v)
{
    wr16(p, (uint16_t)v), wr16(p + 2, (uint16_t)(v >> 16));
}

static inline void wr64(uint8_t *p, uint64_t v)
{
    wr32(p, (uint32_t)v), wr32(p + 4, (uint32_t)(v >> 32));
}

/* IEEE 802.3, as zlib's: crc is 0, or the sum of what came before. */
uint32_t win_crc32(uint32_t crc, const void *p, size_t n);

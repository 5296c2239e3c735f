/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bitmaps of 64-bit words that many threads set and read at once. On disk they are little-endian,
 * so the words are used as they are mapped. */
#pragma once

#include "util.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "maps are used as they are on disk");

static inline uint64_t word_get(const uint64_t *w)
{
    return __atomic_load_n(w, __ATOMIC_ACQUIRE);
}

static inline bool bit_get(const uint64_t *w, uint64_t i)
{
    return word_get(&w[i / 64]) >> (i % 64) & 1;
}

/* True when this call set it. */
static inline bool bit_set(uint64_t *w, uint64_t i)
{
    uint64_t m = 1ULL << (i % 64);

    if (word_get(&w[i / 64]) & m)
        return false;
    return !(__atomic_fetch_or(&w[i / 64], m, __ATOMIC_SEQ_CST) & m);
}

static inline void bit_clear(uint64_t *w, uint64_t i)
{
    (void)__atomic_fetch_and(&w[i / 64], ~(1ULL << (i % 64)), __ATOMIC_SEQ_CST);
}

static inline uint64_t words_for(uint64_t bits)
{
    return div_up_u64(bits, 64);
}

static inline uint64_t bits_count(const uint64_t *w, uint64_t bits)
{
    uint64_t n = 0;

    for (uint64_t i = 0; i < words_for(bits); i++)
        n += (uint64_t)__builtin_popcountll(word_get(&w[i]));
    return n;
}

static inline void bits_or(uint64_t *into, const uint64_t *from, uint64_t words)
{
    for (uint64_t i = 0; i < words; i++) {
        uint64_t m = word_get(&from[i]);

        if (m)
            (void)__atomic_fetch_or(&into[i], m, __ATOMIC_SEQ_CST);
    }
}

static inline void bits_copy(uint64_t *into, const uint64_t *from, uint64_t words)
{
    for (uint64_t i = 0; i < words; i++)
        __atomic_store_n(&into[i], word_get(&from[i]), __ATOMIC_RELAXED);
}

static inline void bits_zero(uint64_t *w, uint64_t words)
{
    for (uint64_t i = 0; i < words; i++)
        if (word_get(&w[i]))
            __atomic_store_n(&w[i], 0, __ATOMIC_SEQ_CST);
}

static inline uint64_t count_add(uint64_t *c, uint64_t n)
{
    return __atomic_add_fetch(c, n, __ATOMIC_RELAXED);
}

static inline uint64_t count_get(const uint64_t *c)
{
    return __atomic_load_n(c, __ATOMIC_RELAXED);
}

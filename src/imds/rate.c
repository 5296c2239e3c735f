/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rate.h"

#define ONE        1000ULL
#define ELAPSED_MS 3600000ULL /* fills any bucket; keeps the product small */

void bucket_init(struct bucket *b, unsigned per_s, unsigned burst, uint64_t now_ms)
{
    *b = (struct bucket){ .level = burst * ONE, .last_ms = now_ms, .per_s = per_s, .burst = burst };
}

static void fill(struct bucket *b, uint64_t now_ms)
{
    uint64_t ms = now_ms > b->last_ms ? min_u64(now_ms - b->last_ms, ELAPSED_MS) : 0;

    b->level = min_u64(b->level + ms * b->per_s, b->burst * ONE);
    b->last_ms = max_u64(b->last_ms, now_ms);
}

bool bucket_take(struct bucket *b, uint64_t now_ms)
{
    fill(b, now_ms);
    if (b->level < ONE)
        return false;
    b->level -= ONE;
    return true;
}

bool bucket_is_empty(struct bucket *b, uint64_t now_ms)
{
    fill(b, now_ms);
    return b->level < ONE;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bucket that fills with time: so many a second, so many at once. */
#pragma once

#include "util.h"

struct bucket {
    uint64_t level; /* thousandths of one */
    uint64_t last_ms;
    unsigned per_s, burst; /* at least 1 each */
};

void bucket_init(struct bucket *b, unsigned per_s, unsigned burst, uint64_t now_ms);
/* Takes one; false when there is none. */
bool bucket_take(struct bucket *b, uint64_t now_ms);
bool bucket_is_empty(struct bucket *b, uint64_t now_ms);

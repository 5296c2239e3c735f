/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A set of non-zero numbers. All zeros is an empty one. */
#pragma once

#include "err.h"

struct set {
    uint64_t *slot; /* 0: free */
    size_t n, cap;  /* cap: a power of two */
};

/* 1: it is new; 0: it was there; or no memory. */
int set_add(struct set *x, uint64_t value, struct err *e);
bool set_has(const struct set *x, uint64_t value);
void set_done(struct set *x);

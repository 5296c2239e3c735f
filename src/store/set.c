/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "set.h"

#define SET_MIN 256U

/* The slot of value, or the free one where it belongs. */
static size_t place(const uint64_t *slot, size_t cap, uint64_t value)
{
    uint64_t hash = value * 0x9e3779b97f4a7c15ULL;
    size_t i = (size_t)(hash ^ hash >> 32) & (cap - 1);

    while (slot[i] && slot[i] != value)
        i = (i + 1) & (cap - 1);
    return i;
}

static int grow(struct set *x, struct err *e)
{
    size_t cap = x->cap ? x->cap * 2 : SET_MIN;
    uint64_t *slot = calloc(cap, sizeof *slot);

    if (!slot)
        return err_oom(e);
    for (size_t i = 0; i < x->cap; i++)
        if (x->slot[i])
            slot[place(slot, cap, x->slot[i])] = x->slot[i];
    free(x->slot);
    x->slot = slot;
    x->cap = cap;
    return 0;
}

int set_add(struct set *x, uint64_t value, struct err *e)
{
    size_t i;

    if (set_has(x, value))
        return 0;
    if (x->n * 3 >= x->cap * 2) {
        int r = grow(x, e);

        if (r < 0)
            return r;
    }
    i = place(x->slot, x->cap, value);
    x->slot[i] = value;
    x->n++;
    return 1;
}

bool set_has(const struct set *x, uint64_t value)
{
    return x->cap && x->slot[place(x->slot, x->cap, value)] == value;
}

void set_done(struct set *x)
{
    free(x->slot);
    *x = (struct set){ 0 };
}

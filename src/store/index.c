/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which content is stored already: open addressing, 16 bytes a slot, at most two thirds full. */
#include <errno.h>
#include <string.h>

#include "store-priv.h"

#define INDEX_MIN 1024U

static uint64_t tag_of(const uint8_t sha[SHA_BYTES])
{
    uint64_t tag;

    memcpy(&tag, sha, sizeof tag); /* a hash of SHA-256: any eight bytes are as good as others */
    return tag;
}

static void put(struct index *x, uint64_t tag, uint64_t loc)
{
    size_t i = tag & x->mask;

    while (x->slot[i].loc)
        i = (i + 1) & x->mask;
    x->slot[i] = (struct index_slot){ tag, loc };
    x->n++;
}

static int grow(struct index *x, struct err *e)
{
    size_t cap = x->slot ? (x->mask + 1) * 2 : INDEX_MIN;
    struct index y = { .slot = calloc(cap, sizeof *y.slot), .mask = cap - 1 };

    if (!y.slot)
        return err_oom(e);
    for (size_t i = 0; x->slot && i <= x->mask; i++)
        if (x->slot[i].loc)
            put(&y, x->slot[i].tag, x->slot[i].loc);
    free(x->slot);
    *x = y;
    return 0;
}

int index_add(struct index *x, const uint8_t sha[SHA_BYTES], uint64_t loc, struct err *e)
{
    int r = 0;

    if (!x->slot || x->n * 3 >= (x->mask + 1) * 2)
        r = grow(x, e);
    if (r == 0)
        put(x, tag_of(sha), loc);
    return r;
}

uint64_t index_next(const struct index *x, const uint8_t sha[SHA_BYTES], size_t *pos)
{
    uint64_t tag = tag_of(sha);

    while (x->slot) {
        const struct index_slot *s = &x->slot[(tag + *pos) & x->mask];

        ++*pos;
        if (!s->loc)
            return 0;
        if (s->tag == tag)
            return s->loc;
    }
    return 0;
}

static int add_pack(struct store *s, const struct store_key *key, struct index *x, uint64_t seq,
                    struct err *e)
{
    struct pack *p;
    int r = pack_get_fresh(s, seq, &p, e);
    bool ours;

    if (r < 0)
        return r;
    ours = key ? key_fits_pack(key, pack_domain(p)) : pack_domain(p)->domain == 0;
    for (uint32_t i = 0; r == 0 && ours && i < pack_count(p); i++)
        if (!entry_is_gone(pack_entry(p, i)))
            r = index_add(x, pack_entry(p, i)->sha, LOC(seq, i), e);
    pack_put(s, p);
    return r;
}

/* A damaged pack must not stop new snapshots: what it holds is stored again. */
int index_load(struct store *s, const struct store_key *key, struct index *x, struct err *e)
{
    _cleanup_(names_done) struct names l = { 0 };
    uint64_t seq;
    int r = names_list(s, "packs", &l, e);

    for (size_t i = 0; r == 0 && i < l.n; i++) {
        if (!pack_name_parse(l.name[i], ".pack", &seq))
            continue;
        r = add_pack(s, key, x, seq, e);
        if (r < 0 && e->kind == ERR_CORRUPT) {
            err_clear(e);
            r = 0;
        }
    }
    return r;
}

void index_done(struct index *x)
{
    free(x->slot);
    *x = (struct index){ 0 };
}

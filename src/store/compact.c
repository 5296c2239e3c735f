/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A pack of which half or more is dead is written anew: to <seq>.open what is live, every record to
 * the slot that it has, byte by byte as it is; then the copy takes the pack's name at one instant.
 * So no leaf, no root and no reader learns of it: a location stays what it was, and who has the old
 * file open reads on in it. Each record is proven before it is written, and the copy is read back
 * before it gets the name: whatever goes wrong, the old pack stays.
 *
 * Whoever waits for the store is let in before the next record: what was copied of the pack at hand
 * is thrown away, and a later collection goes on. */
#include "compact.h"

#include <errno.h>
#include <string.h>

#include "owner.h"
#include "store-priv.h"

#define SHARE_PERCENT 50U /* dead, of a pack that is written anew */

struct victim {
    const struct pack_marks *marks;
    uint64_t bytes, dead;
};

struct compact {
    struct store *s;
    struct store_gc_stats *st;
    struct victim *v;
    size_t n;
    uint8_t *plain, *stored; /* one record, both ways */
};

/* ---- which ---- */

/* What brings most for what it costs comes first: on a full disk it is also what needs least. */
static int compare_victims(const void *a, const void *b)
{
    const struct victim *x = a, *y = b;
    double left = (double)x->dead * (double)y->bytes, right = (double)y->dead * (double)x->bytes;

    if (left != right)
        return left > right ? -1 : 1;
    return x->marks->seq < y->marks->seq ? -1 : x->marks->seq > y->marks->seq;
}

static void note_trouble(struct store_gc_stats *st, struct err *e)
{
    if (!st->trouble.no)
        st->trouble = *e;
    err_clear(e);
}

/* One pack: is it worth it? What it holds is counted in any case. */
static int look_at(struct compact *c, const struct pack_marks *m, struct err *e)
{
    struct victim v = { .marks = m };
    struct pack *p;
    int r = pack_get(c->s, m->seq, &p, e);

    if (r < 0 && e->kind != ERR_CORRUPT)
        return r;
    if (r < 0) {
        c->st->packs_damaged++;
        note_trouble(c->st, e);
        return 0;
    }
    v.bytes = pack_bytes(p);
    v.dead = marks_dead_bytes(m, p);
    pack_put(c->s, p);
    c->st->live_bytes += v.bytes - v.dead;
    c->st->dead_bytes += v.dead;
    if (v.dead * 100 >= v.bytes * SHARE_PERCENT && v.dead >= c->s->compact_min)
        c->v[c->n++] = v;
    return 0;
}

static int choose(struct compact *c, const struct marks *m, struct err *e)
{
    int r = 0;

    c->v = calloc(m->n + 1, sizeof *c->v);
    if (!c->v)
        return err_oom(e);
    for (size_t i = 0; r == 0 && i < m->n; i++)
        if (marks_any(&m->pack[i])) /* else it was swept */
            r = look_at(c, &m->pack[i], e);
    if (c->n)
        qsort(c->v, c->n, sizeof *c->v, compare_victims);
    return r;
}

/* ---- one record ---- */

/* Its hash, from content (a block: by pack_prove) or from the hashes of its blocks (a leaf). */
static int prove(struct compact *c, struct pack *p, uint32_t slot, struct err *e)
{
    const struct entry_disk *t = pack_entry(p, slot);
    uint8_t sha[SHA_BYTES];
    uint64_t loc[LEAF_ENTRIES];
    bool sealed;
    int r = pack_prove(c->s, p, slot, c->plain, NULL, &sealed, e);

    if (r < 0 || t->kind != REC_LEAF)
        return r;
    r = leaf_parse(c->plain, loc, e);
    if (r == 0)
        r = leaf_sha_in_store(c->s, pack_domain(p)->domain, loc, sha, e);
    if (r == 0 && memcmp(sha, t->sha, SHA_BYTES) != 0)
        r = err_set(e, EBADMSG, ERR_CORRUPT, "the leaf's blocks do not have its hash");
    return r;
}

static int move_record(struct compact *c, struct pack *p, struct packw *w, uint32_t slot,
                       struct err *e)
{
    const struct entry_disk *t = pack_entry(p, slot);
    uint32_t len = 0, to = 0;
    uint64_t offset = 0;
    int r = prove(c, p, slot, e);

    if (r == 0)
        r = pack_read_stored(c->s, p, slot, c->stored, &len, e);
    if (r == 0)
        r = packw_reserve(w, (enum rec_kind)t->kind, len, t->sha, &to, &offset, e);
    if (r < 0)
        return r;
    assert(to == slot);
    memset(c->stored + len, 0, 8); /* the gap to the next record */
    c->st->bytes_copied += len;
    return packw_write(w, offset, c->stored, len, e);
}

/* ---- one pack ---- */

/* 1: all of it; 0: somebody waits. */
static int fill_copy(struct compact *c, const struct pack_marks *m, struct pack *p, struct packw *w,
                     struct err *e)
{
    for (uint32_t slot = 0; slot < pack_count(p); slot++) {
        int r;

        if (!marks_has(m, slot)) {
            r = packw_skip(w, e);
        } else if (gc_is_wanted(c->s)) {
            return 0;
        } else {
            r = move_record(c, p, w, slot, e);
            if (r < 0 && e->kind == ERR_CORRUPT)
                owner_tell(c->s, LOC(m->seq, slot), e);
        }
        if (r < 0)
            return r;
    }
    return 1;
}

/* The copy as a reader will see it, against the pack. The records' bytes were proven when they were
 * copied: now their checksums are enough. */
static int compare_copy(struct compact *c, const struct pack_marks *m, struct pack *old,
                        struct pack *copy, struct err *e)
{
    int r = 0;

    if (pack_count(copy) != pack_count(old))
        return err_set(e, EBADMSG, ERR_IO, "the copy has not as many slots");
    for (uint32_t i = 0; r == 0 && i < pack_count(old); i++) {
        const struct entry_disk *a = pack_entry(old, i), *b = pack_entry(copy, i);

        if (!marks_has(m, i))
            continue;
        if (a->kind != b->kind || memcmp(a->sha, b->sha, SHA_BYTES) != 0)
            return err_set(e, EBADMSG, ERR_IO, "slot %" PRIu32 " of the copy is another", i);
        r = pack_read_sums(c->s, copy, i, (enum rec_kind)b->kind, NULL, e);
    }
    return r;
}

static int read_back(struct compact *c, const struct pack_marks *m, struct pack *old, struct err *e)
{
    struct pack *copy;
    int r = pack_get_copy(c->s, m->seq, &copy, e);

    if (r == 0) {
        r = compare_copy(c, m, old, copy, e);
        pack_put(c->s, copy);
    }
    if (r == 0)
        return 0;
    e->kind = ERR_IO; /* what is damaged is not the store */
    return err_wrap(e, "read back the copy");
}

static int replace(struct compact *c, const struct victim *v, struct pack *p, struct err *e)
{
    _cleanup_(packw_freep) struct packw *w = NULL;
    int r = packw_open_again(c->s, v->marks->seq, pack_domain(p), &w, e);

    if (r == 0)
        r = fill_copy(c, v->marks, p, w, e);
    if (r > 0 && gc_is_wanted(c->s))
        r = 0;
    if (r <= 0)
        return r;
    r = packw_finish(w, e);
    if (r == 0)
        r = read_back(c, v->marks, p, e);
    if (r == 0)
        r = packw_name(w, e);
    if (r < 0)
        return r;
    pack_forget(c->s, v->marks->seq);
    c->st->packs_compacted++;
    c->st->bytes_freed += v->bytes - packw_bytes(w);
    c->st->dead_bytes -= v->dead;
    return 1;
}

/* 1: done; 0: somebody waits. */
static int compact_pack(struct compact *c, const struct victim *v, struct err *e)
{
    struct pack *p;
    int r = pack_get(c->s, v->marks->seq, &p, e);

    if (r < 0)
        return r;
    r = replace(c, v, p, e);
    pack_put(c->s, p);
    return r < 0 ? err_wrap(e, "write pack '%016" PRIx64 "' anew", v->marks->seq) : r;
}

static bool is_full(const struct err *e)
{
    return e->no == ENOSPC || e->no == EDQUOT;
}

static int compact_all(struct compact *c, struct err *e)
{
    uint64_t before = c->st->bytes_copied;

    c->st->packs_left = c->n;
    for (size_t i = 0; i < c->n; i++) {
        int r;

        if (c->st->bytes_copied - before >= c->s->compact_max) {
            c->st->again = true;
            return 0;
        }
        r = compact_pack(c, &c->v[i], e);
        if (r == 0) {
            c->st->again = true;
            return 0;
        }
        if (r < 0 && e->kind != ERR_CORRUPT && !is_full(e))
            return r;
        if (r < 0) {
            bool full = is_full(e);

            c->st->packs_damaged += !full;
            note_trouble(c->st, e);
            if (full)
                return 0;
        }
        c->st->packs_left -= r > 0;
    }
    return 0;
}

int compact_packs(struct store *s, const struct marks *m, struct store_gc_stats *st, struct err *e)
{
    _cleanup_free_ uint8_t *plain = malloc(STORE_BLOCK_BYTES),
                           *stored = malloc(RECORD_BYTES_MAX + 8);
    struct compact c = { .s = s, .st = st, .plain = plain, .stored = stored };
    int r;

    if (!plain || !stored)
        return err_oom(e);
    r = choose(&c, m, e);
    if (r == 0)
        r = compact_all(&c, e);
    free(c.v);
    return r;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The oracle: proves on a real store what store.c promises. Reads only. It holds locks/gc shared,
 * so that no pack goes away under it; writers may run beside it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "marks.h"
#include "store-priv.h"

struct check {
    struct store *s;
    bool deep;
    void (*fn)(bool is_problem, const char *sentence, void *userdata);
    void *userdata;
    struct store_check_report rep;
    struct set bad; /* locations of records that are damaged */
    struct marks reached;
    struct set proven; /* locations of leaves that were proven with one reference's hash */
    bool quiet;        /* no writer ran at the start: what nothing reaches is a leftover */
    uint8_t *buf;      /* one block */
};

static void tell(struct check *c, bool is_problem, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void tell(struct check *c, bool is_problem, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    if (is_problem)
        c->rep.problems++;
    else
        c->rep.leftovers++;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (c->fn)
        c->fn(is_problem, text, c->userdata);
}

/* A failed step of the check itself (no memory, no access) ends it; damage is told, and it goes
 * on. Returns 0 or the failure. */
static int damage(struct check *c, int r, struct err *e)
{
    if (r >= 0)
        return 0;
    if (e->kind != ERR_CORRUPT && e->kind != ERR_INVALID)
        return r;
    tell(c, true, "%s", e->msg);
    err_clear(e);
    return 0;
}

/* ---- packs ---- */

static int record_check(struct check *c, struct pack *p, uint32_t slot, struct err *e)
{
    bool sealed = false;
    int r = pack_prove(c->s, p, slot, c->buf, &c->rep.bytes, &sealed, e);

    c->rep.sealed += sealed;
    return r;
}

static int records_check(struct check *c, struct pack *p, uint64_t seq, struct err *e)
{
    for (uint32_t i = 0; i < pack_count(p); i++) {
        bool leaf = pack_entry(p, i)->kind == REC_LEAF;
        int r;

        if (entry_is_gone(pack_entry(p, i)))
            continue;
        r = c->deep || leaf ? record_check(c, p, i, e) : 0;
        c->rep.leaves += leaf;
        c->rep.blocks += !leaf;
        if (r < 0) {
            r = damage(c, r, e);
            if (r == 0)
                r = set_add(&c->bad, LOC(seq, i), e);
        }
        if (r < 0)
            return r;
    }
    return 0;
}

static int pack_check(struct check *c, uint64_t seq, struct err *e)
{
    struct pack *p;
    int r = pack_get(c->s, seq, &p, e);

    c->rep.packs++;
    if (r < 0)
        return damage(c, r, e);
    r = records_check(c, p, seq, e);
    pack_put(c->s, p);
    return r;
}

static int packs_check(struct check *c, const struct names *l, struct err *e)
{
    uint64_t seq, bytes;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < l->n; i++) {
        if (pack_name_parse(l->name[i], ".pack", &seq)) {
            r = pack_check(c, seq, e);
        } else if (!pack_name_parse(l->name[i], ".open", &seq)) {
            tell(c, false, "file 'packs/%s' is none of ours", l->name[i]);
        } else {
            r = open_pack_is_dead(c->s, l->name[i], false, &bytes, e);
            if (r > 0)
                tell(c, false, "pack 'packs/%s' was left by a dead writer", l->name[i]);
        }
    }
    return r < 0 ? r : 0;
}

/* ---- roots ---- */

static int entries_check(struct check *c, const char *what, uint64_t first,
                         const uint64_t loc[LEAF_ENTRIES], uint64_t blocks, struct err *e)
{
    int r = 0;

    for (unsigned i = 0; r >= 0 && i < LEAF_ENTRIES; i++) {
        if (first + i >= blocks && loc[i] != LOC_HOLE)
            tell(c, true, "%s names block %" PRIu64 " behind its end", what, first + i);
        if (!LOC_IS_RECORD(loc[i]))
            continue;
        r = marks_add(&c->reached, loc[i], e);
        if (set_has(&c->bad, loc[i]))
            tell(c, true,
                 "block %" PRIu64 " of %s is damaged: record %" PRIu32 " of pack '%016" PRIx64 "'",
                 first + i, what, LOC_SLOT(loc[i]), LOC_SEQ(loc[i]));
    }
    return r < 0 ? r : 0;
}

/* Leaves that snapshots share are proven once, unless something is damaged: then every snapshot
 * that suffers is named. */
static int leaf_check(struct check *c, const char *what, const struct root *root, uint32_t at,
                      struct err *e)
{
    const struct ref_disk *ref = &root->ref[at];
    uint64_t loc[LEAF_ENTRIES], where = get_le64(ref->loc);
    int r;

    if (where == LOC_HOLE)
        return 0;
    r = marks_add(&c->reached, where, e);
    if (r < 0)
        return r;
    if (set_has(&c->proven, where) && c->bad.n == 0)
        r = leaf_load(c->s, root->info.domain, ref, false, loc, e);
    else
        r = leaf_load(c->s, root->info.domain, ref, true, loc, e);
    if (r < 0) {
        (void)err_wrap(e, "leaf %" PRIu32 " of %s", at, what);
        return damage(c, r, e);
    }
    r = set_add(&c->proven, where, e);
    return r < 0 ? r
                 : entries_check(c, what, (uint64_t)at * LEAF_ENTRIES, loc,
                                 blocks_for(root->info.volume_bytes), e);
}

static int root_check(struct check *c, const char *dir, const char *name, struct err *e)
{
    _cleanup_(root_done) struct root root = { 0 };
    char what[STORE_ID_MAX + 16];
    int r = root_load(c->s, dir, name, &root, e);

    if (r == -ENOENT) { /* deleted meanwhile */
        err_clear(e);
        return 0;
    }
    if (r < 0)
        return damage(c, r, e);
    (void)snprintf(what, sizeof what, "%s '%s'", dir[0] == 's' ? "snapshot" : "pin", name);
    for (uint32_t i = 0; r == 0 && i < root.leaves; i++)
        r = leaf_check(c, what, &root, i, e);
    return r;
}

static int roots_check(struct check *c, const char *dir, uint64_t *counter, struct err *e)
{
    _cleanup_(names_done) struct names l = { 0 };
    int r = names_list(c->s, dir, &l, e);

    for (size_t i = 0; r == 0 && i < l.n; i++) {
        if (name_is_ok(l.name[i])) {
            ++*counter;
            r = root_check(c, dir, l.name[i], e);
        } else if (c->quiet || !name_is_temporary(l.name[i])) {
            tell(c, false, "file '%s/%s' is a leftover", dir, l.name[i]);
        }
    }
    return r;
}

/* ---- the whole ---- */

/* One that cannot be opened was told before. */
static void count_bytes(struct check *c, const struct pack_marks *m)
{
    struct err scratch = { 0 };
    struct pack *p;
    uint64_t dead;

    if (pack_get(c->s, m->seq, &p, &scratch) < 0)
        return;
    dead = marks_dead_bytes(m, p);
    c->rep.dead_bytes += dead;
    c->rep.live_bytes += pack_bytes(p) - dead;
    pack_put(c->s, p);
}

static void unreached_check(struct check *c)
{
    for (size_t i = 0; i < c->reached.n; i++) {
        const struct pack_marks *m = &c->reached.pack[i];

        count_bytes(c, m);
        if (c->quiet && !marks_any(m))
            tell(c, false, "pack 'packs/%016" PRIx64 ".pack' is reached by no snapshot and no pin",
                 m->seq);
    }
}

static int run(struct check *c, struct err *e)
{
    _cleanup_(names_done) struct names packs = { 0 };
    int r = marks_init(c->s, &c->reached, e);

    if (r == 0)
        r = names_list(c->s, "packs", &packs, e);
    if (r == 0)
        r = packs_check(c, &packs, e);
    if (r == 0)
        r = roots_check(c, "snaps", &c->rep.snapshots, e);
    if (r == 0)
        r = roots_check(c, "pins", &c->rep.pins, e);
    if (r == 0)
        unreached_check(c);
    return r;
}

/* Was anybody at work just now? */
static int look_for_writers(struct check *c, struct err *e)
{
    _cleanup_(io_handle_done) struct io_handle x = { c->s->io, -1 };
    int r = gc_lock(c->s, STORE_IO_EXCLUSIVE, false, &x.h, e);

    c->quiet = r == 0;
    return r == -EAGAIN && !e->no ? 0 : r;
}

int store_check(struct store *s, bool deep,
                void (*fn)(bool is_problem, const char *sentence, void *userdata), void *userdata,
                struct store_check_report *ret, struct err *e)
{
    _cleanup_(io_handle_done) struct io_handle lock = { s->io, -1 };
    _cleanup_free_ uint8_t *buf = malloc(STORE_BLOCK_BYTES);
    struct check c = { .s = s, .deep = deep, .fn = fn, .userdata = userdata, .buf = buf };
    int r;

    if (!buf)
        return err_oom(e);
    r = look_for_writers(&c, e);
    if (r == 0)
        r = gc_lock(s, STORE_IO_SHARED, true, &lock.h, e);
    packs_forget_stale(s);
    if (r == 0)
        r = run(&c, e);
    set_done(&c.bad);
    marks_done(&c.reached);
    set_done(&c.proven);
    if (r < 0)
        return err_wrap(e, "check the store '%s'", s->path);
    if (ret)
        *ret = c.rep;
    return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Marking: every root, every distinct leaf once (invariant 4). */
#include "marks.h"

#include <errno.h>
#include <string.h>

#include "store-priv.h"

#define WORD_BITS 64U

int marks_init(struct store *s, struct marks *m, struct err *e)
{
    _cleanup_(names_done) struct names l = { 0 };
    int r = names_list(s, "packs", &l, e);

    if (r < 0)
        return r;
    m->pack = calloc(l.n + 1, sizeof *m->pack);
    if (!m->pack)
        return err_oom(e);
    for (size_t i = 0; i < l.n; i++) /* sorted by name: by number, too */
        if (pack_name_parse(l.name[i], ".pack", &m->pack[m->n].seq))
            m->n++;
    return 0;
}

void marks_done(struct marks *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->pack[i].bit);
    free(m->pack);
    set_done(&m->leaves);
    *m = (struct marks){ 0 };
}

/* ---- bits ---- */

/* Blocks that follow each other lie mostly in one pack. */
static struct pack_marks *find(struct marks *m, uint64_t seq)
{
    size_t low = 0, high = m->n;

    if (m->last < m->n && m->pack[m->last].seq == seq)
        return &m->pack[m->last];
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (m->pack[mid].seq < seq)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == m->n || m->pack[low].seq != seq)
        return NULL;
    m->last = low;
    return &m->pack[low];
}

static int make_room(struct pack_marks *p, uint32_t words, struct err *e)
{
    uint32_t want = (uint32_t)max_u64(words, p->words * 2ULL);
    uint64_t *bit = reallocarray(p->bit, want, sizeof *bit);

    if (!bit)
        return err_oom(e);
    memset(bit + p->words, 0, (want - p->words) * sizeof *bit);
    p->bit = bit;
    p->words = want;
    return 0;
}

int marks_add(struct marks *m, uint64_t loc, struct err *e)
{
    struct pack_marks *p = find(m, LOC_SEQ(loc));
    uint32_t word = LOC_SLOT(loc) / WORD_BITS;
    int r = 0;

    if (!p)
        return 0;
    if (word >= p->words)
        r = make_room(p, word + 1, e);
    if (r == 0)
        p->bit[word] |= 1ULL << LOC_SLOT(loc) % WORD_BITS;
    return r;
}

bool marks_has(const struct pack_marks *p, uint32_t slot)
{
    uint32_t word = slot / WORD_BITS;

    return word < p->words && (p->bit[word] >> slot % WORD_BITS & 1);
}

bool marks_any(const struct pack_marks *p)
{
    for (uint32_t i = 0; i < p->words; i++)
        if (p->bit[i])
            return true;
    return false;
}

uint64_t marks_dead_bytes(const struct pack_marks *m, const struct pack *p)
{
    uint64_t need = sizeof(struct pack_header_disk) + sizeof(struct trailer_disk);

    if (!marks_any(m))
        return pack_bytes(p);
    for (uint32_t i = 0; i < pack_count(p); i++) {
        uint64_t len = marks_has(m, i) ? get_le32(pack_entry(p, i)->len) : sizeof(struct rec_disk);

        need += sizeof(struct entry_disk) + ((len + 7) & ~7ULL);
    }
    return pack_bytes(p) > need ? pack_bytes(p) - need : 0;
}

/* ---- roots ---- */

static int mark_leaf(struct store *s, struct marks *m, uint32_t domain, const struct ref_disk *ref,
                     struct err *e)
{
    uint64_t at = get_le64(ref->loc), loc[LEAF_ENTRIES];
    int r;

    if (at == LOC_HOLE)
        return 0;
    r = set_add(&m->leaves, at, e);
    if (r <= 0)
        return r; /* walked before, or no memory */
    m->stopped = m->yields && gc_is_wanted(s);
    if (m->stopped)
        return 0;
    r = marks_add(m, at, e);
    if (r == 0)
        r = leaf_load(s, domain, ref, false, loc, e);
    for (unsigned i = 0; r == 0 && i < LEAF_ENTRIES; i++)
        if (LOC_IS_RECORD(loc[i]))
            r = marks_add(m, loc[i], e);
    return r;
}

static int mark_root(struct store *s, struct marks *m, const char *dir, const char *name,
                     struct err *e)
{
    _cleanup_(root_done) struct root root = { 0 };
    int r = root_load(s, dir, name, &root, e);

    if (r == -ENOENT) { /* deleted meanwhile */
        err_clear(e);
        return 0;
    }
    for (uint32_t i = 0; r == 0 && !m->stopped && i < root.leaves; i++)
        r = mark_leaf(s, m, root.info.domain, &root.ref[i], e);
    return r < 0 ? err_wrap(e, "mark what '%s/%s' reaches", dir, name) : 0;
}

static int mark_dir(struct store *s, struct marks *m, const char *dir, struct err *e)
{
    _cleanup_(names_done) struct names l = { 0 };
    int r = names_list(s, dir, &l, e);

    for (size_t i = 0; r == 0 && !m->stopped && i < l.n; i++)
        if (name_is_ok(l.name[i]))
            r = mark_root(s, m, dir, l.name[i], e);
    return r;
}

int marks_roots(struct store *s, struct marks *m, bool yields, struct err *e)
{
    int r;

    m->yields = yields;
    r = mark_dir(s, m, "snaps", e);
    if (r == 0)
        r = mark_dir(s, m, "pins", e);
    return r < 0 ? r : !m->stopped;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transaction logs, replayed into the buffer of a dirty hive. Two forms: the old one (XP to 8) is a
 * bitmap of 512-byte pages and the pages, and belongs to the hive that has the same time stamp; the
 * new one (8.1 and later) is a row of hashed entries with sequence numbers, spread over two files.
 * Both were checked byte for byte against what Windows itself made of the same files. */
#include "regf-priv.h"

#include <errno.h>

#define LOG_HEAD     512U
#define ENTRY_HEAD   40U
#define ENTRY_MAX    MIB(256)
#define MARVIN_SEED  UINT64_C(0x82EF4D887A4E55C5)
#define TYPE_PRIMARY 0U
#define TYPE_OLD_LOG 1U
#define TYPE_NEW_LOG 6U

struct log {
    const struct regf_source *s;
    uint8_t head[LOG_HEAD];
    uint32_t type, seq;
    bool usable;
};

/* --- hashes --- */

static uint32_t rol(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

static void marvin_step(uint32_t *lo, uint32_t *hi, uint32_t v)
{
    *lo += v;
    *hi ^= *lo;
    *lo = rol(*lo, 20) + *hi;
    *hi = rol(*hi, 9) ^ *lo;
    *lo = rol(*lo, 27) + *hi;
    *hi = rol(*hi, 19);
}

uint64_t regf_marvin32(const uint8_t *p, size_t n)
{
    uint32_t lo = (uint32_t)MARVIN_SEED, hi = (uint32_t)(MARVIN_SEED >> 32);
    uint8_t tail[4] = { 0 };

    for (; n >= 4; p += 4, n -= 4)
        marvin_step(&lo, &hi, rd32(p));
    memcpy(tail, p, n);
    tail[n] = 0x80;
    marvin_step(&lo, &hi, rd32(tail));
    marvin_step(&lo, &hi, 0);
    return (uint64_t)hi << 32 | lo;
}

uint32_t regf_checksum(const uint8_t *base)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < 508; i += 4)
        sum ^= rd32(base + i);
    return sum == 0 ? 1 : sum == 0xffffffffU ? 0xfffffffeU : sum;
}

bool regf_head_ok(const uint8_t *base, uint32_t type)
{
    uint32_t bins = rd32(base + 40);

    return memcmp(base, "regf", 4) == 0 && rd32(base + 28) == type &&
           rd32(base + 508) == regf_checksum(base) && bins && bins % REGF_PAGE == 0;
}

/* --- what both forms share --- */

int regf_source_read(const struct regf_source *s, uint64_t offset, void *buf, size_t len,
                     struct err *e)
{
    if (offset > s->bytes || len > s->bytes - offset)
        return err_set(e, EBADMSG, ERR_CORRUPT, "the file ends early");
    if (!len)
        return 0;
    if (!s->mem)
        return s->read(s->userdata, offset, buf, len, e);
    memcpy(buf, (const uint8_t *)s->mem + offset, len);
    return 0;
}

static int log_head(struct log *l, const struct regf_source *s, struct err *e)
{
    int r;

    l->s = s;
    if (!s || s->bytes < LOG_HEAD)
        return 0;
    r = regf_source_read(s, 0, l->head, LOG_HEAD, e);
    if (r < 0)
        return err_wrap(e, "read a registry log");
    l->type = rd32(l->head + 28);
    l->seq = rd32(l->head + 4);
    l->usable =
        (l->type == TYPE_OLD_LOG || l->type == TYPE_NEW_LOG) && regf_head_ok(l->head, l->type);
    return 0;
}

static void note_seq(struct regf *h, uint32_t seq)
{
    if (seq > h->seq_max)
        h->seq_max = seq;
}

/* The base block as it is after a replay: clean, with this sequence number and size. */
static void set_head(struct regf *h, uint32_t seq, uint32_t bins)
{
    wr32(h->p + 4, seq);
    wr32(h->p + 8, seq);
    wr32(h->p + 28, TYPE_PRIMARY);
    wr32(h->p + 40, bins);
    wr32(h->p + 508, regf_checksum(h->p));
    h->bins = bins;
    h->is_changed = true;
}

/* --- the new form --- */

struct entry {
    uint8_t *p;
    uint32_t n, seq, bins, pages;
};

/* 1 a sound entry, 0 none (the end of what counts), or negative. */
static int read_entry(const struct log *l, uint64_t at, struct entry *ret, struct err *e)
{
    uint8_t head[ENTRY_HEAD];
    _cleanup_free_ uint8_t *p = NULL;
    uint32_t n;
    int r;

    if (at > l->s->bytes || l->s->bytes - at < ENTRY_HEAD)
        return 0;
    r = regf_source_read(l->s, at, head, sizeof head, e);
    if (r < 0)
        return r;
    n = rd32(head + 4);
    if (memcmp(head, "HvLE", 4) != 0 || n < ENTRY_HEAD || n % 512 || n > l->s->bytes - at ||
        n > ENTRY_MAX || regf_marvin32(head, 32) != rd64(head + 32))
        return 0;
    p = malloc(n);
    if (!p)
        return err_oom(e);
    r = regf_source_read(l->s, at, p, n, e);
    if (r < 0)
        return r;
    if (regf_marvin32(p + ENTRY_HEAD, n - ENTRY_HEAD) != rd64(p + 24))
        return 0;
    *ret = (struct entry){ TAKE_PTR(p), n, rd32(head + 12), rd32(head + 16), rd32(head + 20) };
    return 1;
}

/* All pages lie inside the bins and inside the entry. */
static bool entry_is_sound(const struct entry *x)
{
    uint64_t data;

    if (!x->bins || x->bins % REGF_PAGE || x->bins > REGF_BYTES_MAX - REGF_BASE ||
        x->pages > (x->n - ENTRY_HEAD) / 8)
        return false;
    data = ENTRY_HEAD + 8ULL * x->pages;
    for (uint32_t i = 0; i < x->pages; i++) {
        uint32_t off = rd32(x->p + ENTRY_HEAD + 8 * i), n = rd32(x->p + ENTRY_HEAD + 8 * i + 4);

        if (off > x->bins || n > x->bins - off || n > x->n - data)
            return false;
        data += n;
    }
    return true;
}

static int apply_entry(struct regf *h, const struct entry *x, struct err *e)
{
    const uint8_t *from = x->p + ENTRY_HEAD + 8 * (size_t)x->pages;
    int r = regf_map(h, (uint64_t)REGF_BASE + x->bins, e);

    if (r < 0)
        return r;
    for (uint32_t i = 0; i < x->pages; i++) {
        uint32_t off = rd32(x->p + ENTRY_HEAD + 8 * i), n = rd32(x->p + ENTRY_HEAD + 8 * i + 4);

        memcpy(regf_at(h, off), from, n);
        if (n)
            h->is_changed = true;
        from += n;
    }
    set_head(h, x->seq, x->bins);
    h->info.log_entries++;
    return 0;
}

/* Entries of one log. *next: the sequence number wanted; what is older is passed over. The first
 * one of all may be any newer one, the others follow without a gap. 0 go on, 1 a gap. */
static int apply_log(struct regf *h, const struct log *l, uint32_t *next, struct err *e)
{
    uint64_t at = LOG_HEAD;
    int r;

    for (;;) {
        struct entry x = { 0 };
        _cleanup_free_ uint8_t *hold = NULL;

        r = read_entry(l, at, &x, e);
        if (r <= 0)
            return r;
        hold = x.p;
        at += x.n;
        note_seq(h, x.seq);
        if (x.seq < *next)
            continue;
        if (h->info.log_entries && x.seq != *next)
            return 1;
        if (!entry_is_sound(&x))
            return 1;
        r = apply_entry(h, &x, e);
        if (r < 0)
            return r;
        *next = x.seq + 1;
    }
}

/* In the order of the logs' own numbers. A base block that is damaged comes from the younger log;
 * then the entries of both count that are not older than the older log itself. */
static int replay_new(struct regf *h, struct log *a, struct log *b, bool head_ok, struct err *e)
{
    struct log *first = a, *second = b;
    uint32_t next;
    int r;

    if (!a->usable || (b->usable && b->seq < a->seq))
        first = b, second = a;
    if (!head_ok) {
        memcpy(h->p, second->usable ? second->head : first->head, LOG_HEAD);
        h->is_changed = true;
    }
    next = head_ok ? rd32(h->p + 4) : first->seq;
    r = apply_log(h, first, &next, e);
    if (r == 0 && second->usable)
        r = apply_log(h, second, &next, e);
    return r < 0 ? r : 0;
}

/* --- the old form --- */

static bool old_matches(const struct regf *h, const struct log *l, bool head_ok)
{
    /* The first bin keeps a copy of the time stamp. */
    uint64_t time = head_ok ? rd64(h->p + 12) : rd64(h->p + REGF_BASE + 20);

    return l->usable && l->type == TYPE_OLD_LOG && rd32(l->head + 4) == rd32(l->head + 8) &&
           rd64(l->head + 12) == time;
}

static int apply_pages(struct regf *h, const struct log *l, const uint8_t *bits, uint32_t pages,
                       uint64_t data, struct err *e)
{
    for (uint32_t i = 0; i < pages; i++) {
        uint8_t *to = regf_at(h, i * 512);
        int r;

        if (!(bits[i / 8] >> i % 8 & 1))
            continue;
        r = regf_source_read(l->s, data, to, 512, e);
        if (r < 0)
            return r;
        h->is_changed = true;
        data += 512;
    }
    return 0;
}

static int replay_old(struct regf *h, const struct log *l, struct err *e)
{
    uint32_t bins = rd32(l->head + 40), pages = bins / 512;
    uint64_t n = 4 + (uint64_t)pages / 8, data = LOG_HEAD + div_up_u64(n, 512) * 512;
    _cleanup_free_ uint8_t *bits = NULL;
    int r = regf_map(h, (uint64_t)REGF_BASE + bins, e);

    if (r < 0)
        return r;
    bits = malloc(n);
    if (!bits)
        return err_oom(e);
    r = regf_source_read(l->s, LOG_HEAD, bits, n, e);
    if (r < 0)
        return err_wrap(e, "read the bitmap of a registry log");
    if (memcmp(bits, "DIRT", 4) != 0)
        return err_set(e, EBADMSG, ERR_CORRUPT, "a registry log without its bitmap");
    r = apply_pages(h, l, bits + 4, pages, data, e);
    if (r < 0)
        return err_wrap(e, "replay a registry log");
    memcpy(h->p, l->head, LOG_HEAD);
    note_seq(h, rd32(l->head + 4));
    set_head(h, rd32(l->head + 4), bins);
    h->info.log_entries = 1;
    return 0;
}

int regf_replay(struct regf *h, const struct regf_source *log1, const struct regf_source *log2,
                unsigned flags, struct err *e)
{
    bool head_ok = regf_head_ok(h->p, TYPE_PRIMARY), one, two;
    struct log a = { 0 }, b = { 0 };
    int r;

    if (head_ok)
        note_seq(h, max_u64(h->info.seq1, h->info.seq2) & 0xffffffffU);
    h->info.was_dirty = !head_ok || h->info.seq1 != h->info.seq2;
    r = log_head(&a, log1, e);
    if (r == 0)
        r = log_head(&b, log2, e);
    if (r < 0 || !h->info.was_dirty || flags & REGF_LOGS_UNUSED)
        return r;
    one = old_matches(h, &a, head_ok);
    two = old_matches(h, &b, head_ok);
    if (one || two)
        return replay_old(h, one && two ? (a.seq >= b.seq ? &a : &b) : one ? &a : &b, e);
    a.usable = a.usable && a.type == TYPE_NEW_LOG;
    b.usable = b.usable && b.type == TYPE_NEW_LOG;
    return a.usable || b.usable ? replay_new(h, &a, &b, head_ok, e) : 0;
}

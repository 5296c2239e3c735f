/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealed packs: opened on demand, a bounded number kept open. */
#include "pack-priv.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

/* ---- opening ---- */

static void pack_free(struct store *s, struct pack *p)
{
    if (!p)
        return;
    if (p->h >= 0)
        s->io->close(s->io, p->h);
    OPENSSL_cleanse(p->key, sizeof p->key);
    free(p->table);
    free(p);
}

/* The pack's own key, when that of its domain is here. */
static int take_key(struct store *s, struct pack *p, struct err *e)
{
    const struct store_key *k = store_key_of(s, p->domain.domain);
    int r;

    if (p->domain.domain == 0 || !k || !key_fits_pack(k, &p->domain))
        return 0;
    r = pack_key_derive(k, &p->domain, s->uuid, p->seq, p->key, e);
    p->keyed = r == 0;
    return r;
}

int pack_read_at(struct store *s, int h, void *buf, size_t n, uint64_t offset, const char *what,
                 struct err *e)
{
    int r = s->io->pread(s->io, h, buf, n, offset);

    if (r == -ENODATA)
        return err_set(e, EBADMSG, ERR_CORRUPT, "the file ends inside its %s", what);
    return r < 0 ? err_no(e, r, "read its %s", what) : 0;
}

static int read_table(struct store *s, struct pack *p, struct err *e)
{
    struct pack_header_disk head;
    struct trailer_disk t;
    uint64_t links;
    int r;

    r = s->io->stat(s->io, p->h, &p->bytes, &links);
    if (r < 0)
        return err_no(e, r, "look at its size");
    if (p->bytes < sizeof head + sizeof t)
        return err_set(e, EBADMSG, ERR_CORRUPT, "the file has only %" PRIu64 " bytes", p->bytes);
    r = pack_read_at(s, p->h, &head, sizeof head, 0, "header", e);
    if (r == 0)
        r = pack_header_parse(&head, s->uuid, p->seq, SUMS_CHECK, e);
    if (r == 0) {
        pack_header_domain(&head, &p->domain);
        r = take_key(s, p, e);
    }
    if (r == 0)
        r = pack_read_at(s, p->h, &t, sizeof t, p->bytes - sizeof t, "trailer", e);
    if (r == 0)
        r = trailer_parse(&t, p->seq, p->bytes, SUMS_CHECK, &p->table_offset, &p->count, e);
    if (r < 0)
        return r;
    p->table = malloc(p->count * sizeof *p->table);
    if (!p->table)
        return err_oom(e);
    r = pack_read_at(s, p->h, p->table, p->count * sizeof *p->table, p->table_offset, "table", e);
    if (r == 0)
        r = table_parse(p->table, &t, SUMS_CHECK, e);
    return r;
}

static int pack_load(struct store *s, uint64_t seq, const char *suffix, struct pack **ret,
                     struct err *e)
{
    struct pack *p = calloc(1, sizeof *p);
    char path[PATH_BYTES];
    int r = 0;

    if (!p)
        return err_oom(e);
    p->seq = seq;
    store_path(s, path, "packs/%016" PRIx64 "%s", seq, suffix);
    p->h = s->io->open(s->io, path, STORE_IO_READ);
    if (p->h == -ENOENT)
        r = err_set(e, EBADMSG, ERR_CORRUPT, "the pack is missing");
    else if (p->h < 0)
        r = err_no(e, p->h, "open it");
    else
        r = read_table(s, p, e);
    if (r < 0) {
        pack_free(s, p);
        return err_wrap(e, "pack '%016" PRIx64 "'", seq);
    }
    *ret = p;
    return 0;
}

/* ---- the cache ---- */

static struct pack **bucket_locked(struct store *s, uint64_t seq)
{
    lock_assert_held(&s->lock);
    return &s->bucket[seq % PACK_BUCKETS];
}

static struct pack *find_locked(struct store *s, uint64_t seq)
{
    for (struct pack *p = *bucket_locked(s, seq); p; p = p->next)
        if (p->seq == seq)
            return p;
    return NULL;
}

static void remove_locked(struct store *s, struct pack *p)
{
    struct pack **at = bucket_locked(s, p->seq);

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    p->cached = false;
    s->packs_open--;
}

/* The one that was not used for longest, out of the cache; NULL when all are in use. */
static struct pack *evict_locked(struct store *s)
{
    struct pack *old = NULL;

    for (unsigned b = 0; b < PACK_BUCKETS; b++)
        for (struct pack *p = s->bucket[b]; p; p = p->next)
            if (!p->refs && (!old || p->used < old->used))
                old = p;
    if (old)
        remove_locked(s, old);
    return old;
}

static struct pack *find_and_ref(struct store *s, uint64_t seq)
{
    struct pack *p;

    lock_take(&s->lock);
    p = find_locked(s, seq);
    if (p) {
        p->refs++;
        p->used = ++s->tick;
    }
    lock_drop(&s->lock);
    return p;
}

int pack_get(struct store *s, uint64_t seq, struct pack **ret, struct err *e)
{
    struct pack *p = find_and_ref(s, seq), *twin, *old = NULL;
    int r;

    if (p) {
        *ret = p;
        return 0;
    }
    r = pack_load(s, seq, ".pack", &p, e); /* without the lock: others go on */
    if (r < 0)
        return r;
    lock_take(&s->lock);
    twin = find_locked(s, seq);
    if (twin) { /* another thread was faster */
        old = p;
        p = twin;
    } else {
        if (s->packs_open >= PACK_CACHE_MAX)
            old = evict_locked(s);
        p->next = *bucket_locked(s, seq);
        *bucket_locked(s, seq) = p;
        p->cached = true;
        s->packs_open++;
    }
    p->refs++;
    p->used = ++s->tick;
    lock_drop(&s->lock);
    pack_free(s, old);
    *ret = p;
    return 0;
}

int pack_get_copy(struct store *s, uint64_t seq, struct pack **ret, struct err *e)
{
    int r = pack_load(s, seq, ".open", ret, e);

    if (r == 0)
        (*ret)->refs = 1; /* in no bucket: its last user frees it */
    return r;
}

void pack_put(struct store *s, struct pack *p)
{
    bool last;

    lock_take(&s->lock);
    assert(p->refs > 0);
    last = --p->refs == 0 && !p->cached;
    lock_drop(&s->lock);
    if (last)
        pack_free(s, p);
}

/* Out of the cache. Returned when it is to be freed now, else its last user does it. */
static struct pack *forget_locked(struct store *s, struct pack *p)
{
    remove_locked(s, p);
    return p->refs ? NULL : p;
}

void pack_forget(struct store *s, uint64_t seq)
{
    struct pack *p;

    lock_take(&s->lock);
    p = find_locked(s, seq);
    if (p)
        p = forget_locked(s, p);
    lock_drop(&s->lock);
    pack_free(s, p);
}

/* 1: its file has no name any more. */
static int is_stale(struct store *s, const struct pack *p)
{
    uint64_t bytes, links;
    int r = s->io->stat(s->io, p->h, &bytes, &links);

    return r < 0 ? r : links == 0;
}

void packs_forget_stale(struct store *s)
{
    struct pack *gone = NULL, *next;

    lock_take(&s->lock);
    for (unsigned b = 0; b < PACK_BUCKETS; b++)
        for (struct pack *p = s->bucket[b]; p; p = next) {
            next = p->next;
            if (is_stale(s, p) > 0 && forget_locked(s, p)) {
                p->next = gone;
                gone = p;
            }
        }
    lock_drop(&s->lock);
    for (; gone; gone = next) {
        next = gone->next;
        pack_free(s, gone);
    }
}

int pack_get_fresh(struct store *s, uint64_t seq, struct pack **ret, struct err *e)
{
    for (;;) {
        int r = pack_get(s, seq, ret, e), stale;

        if (r < 0)
            return r;
        stale = is_stale(s, *ret);
        if (stale == 0)
            return 0;
        pack_put(s, *ret);
        if (stale < 0)
            return err_no(e, stale, "look at pack '%016" PRIx64 "'", seq);
        pack_forget(s, seq); /* a reader of ours may put an old one there once more, not for ever */
    }
}

void store_tidy(struct store *s)
{
    packs_forget_stale(s);
}

void packs_close(struct store *s)
{
    for (unsigned b = 0; b < PACK_BUCKETS; b++)
        while (s->bucket[b]) {
            struct pack *p = s->bucket[b];

            assert(p->refs == 0); /* snapshots and writers are closed before their store */
            s->bucket[b] = p->next;
            pack_free(s, p);
        }
    scratches_free(s);
}

uint32_t pack_count(const struct pack *p)
{
    return p->count;
}

uint64_t pack_bytes(const struct pack *p)
{
    return p->bytes;
}

const struct entry_disk *pack_entry(const struct pack *p, uint32_t slot)
{
    assert(slot < p->count);
    return &p->table[slot];
}

const struct pack_domain *pack_domain(const struct pack *p)
{
    return &p->domain;
}

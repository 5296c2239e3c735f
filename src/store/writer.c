/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Blocks in: the caller's thread copies a block into one of a bounded number of buffers; the
 * writer's threads hash it, look whether it is stored already, pack it and append it. */
#include "writer-priv.h"

#include <errno.h>
#include <string.h>

#include "str.h"

/* ---- the threads ---- */

static int block_store(struct store_writer *w, struct packed *x, struct job *j, struct err *e)
{
    uint8_t sha[SHA_BYTES];
    bool deduped = true;
    uint64_t loc;
    int r = block_name(w->key, j->buf, sha, e);

    if (r < 0)
        return r;
    lock_take(&w->lock);
    loc = wpacks_find_locked(w, REC_BLOCK, sha);
    lock_drop(&w->lock);
    if (!loc)
        r = packed_make(x, REC_BLOCK, j->buf, STORE_BLOCK_BYTES, sha, e);
    if (!loc && r == 0)
        r = wpacks_append(w, REC_BLOCK, x, sha, &loc, &deduped, e);
    if (r < 0)
        return err_wrap(e, "store block %" PRIu64, j->block);
    lock_take(&w->lock);
    wmap_set_locked(w, j->block, j->ticket, loc);
    w->stats.blocks_deduped += deduped;
    w->stats.blocks_written += !deduped;
    lock_drop(&w->lock);
    return 0;
}

static void fail_locked(struct store_writer *w, const struct err *e)
{
    lock_assert_held(&w->lock);
    if (!w->err.no)
        w->err = *e;
}

/* The next job; NULL when there will be none. After a failure the queue is only emptied. */
static struct job *take_job_locked(struct store_writer *w)
{
    struct job *j;

    while (!w->queue && !w->closing)
        lock_wait(&w->lock, &w->work);
    j = w->queue;
    if (j) {
        w->queue = j->next;
        if (!w->queue)
            w->queue_end = &w->queue;
    }
    return j;
}

static void *run(void *userdata)
{
    struct store_writer *w = userdata;
    struct packed x = { 0 };
    struct err e = { 0 };
    struct job *j;

    (void)packed_init(&x, w->spec.level, w->spec.domain, &e);
    lock_take(&w->lock);
    if (e.no)
        fail_locked(w, &e);
    while ((j = take_job_locked(w)) != NULL) {
        if (!w->err.no) {
            lock_drop(&w->lock);
            err_clear(&e);
            (void)block_store(w, &x, j, &e); /* its story is in e */
            lock_take(&w->lock);
            if (e.no)
                fail_locked(w, &e);
        }
        j->next = w->spare;
        w->spare = j;
        (void)pthread_cond_signal(&w->room);
    }
    lock_drop(&w->lock);
    packed_done(&x);
    return NULL;
}

static void end_threads(struct store_writer *w)
{
    lock_take(&w->lock);
    w->closing = true;
    (void)pthread_cond_broadcast(&w->work);
    lock_drop(&w->lock);
    while (w->threads)
        (void)pthread_join(w->thread[--w->threads], NULL);
}

int writer_drain(struct store_writer *w, struct err *e)
{
    end_threads(w);
    if (w->err.no) {
        *e = w->err;
        return -e->no;
    }
    return 0;
}

/* ---- opening ---- */

static int spec_check(const struct store_writer_spec *spec, struct err *e)
{
    char show[96];

    if (!name_is_ok(spec->id))
        return err_set(e, EINVAL, ERR_INVALID, "snapshot '%s' is no valid name",
                       str_show(spec->id, show, sizeof show));
    if (spec->volume_bytes == 0 || spec->volume_bytes > VOLUME_BYTES_MAX)
        return err_set(e, EINVAL, ERR_INVALID,
                       "a volume of %" PRIu64 " bytes is not between 1 byte and 64 TiB",
                       spec->volume_bytes);
    if (spec->level < 0 || spec->level > ZSTD_maxCLevel())
        return err_set(e, EINVAL, ERR_INVALID, "zstd has no level %d", spec->level);
    return 0;
}

static unsigned thread_count(unsigned asked)
{
    long cpus = asked ? (long)asked : sysconf(_SC_NPROCESSORS_ONLN);

    return cpus < 1 ? 1 : (unsigned)min_u64((uint64_t)cpus, WRITER_THREADS_MAX);
}

static struct store_writer *writer_new(struct store *s, const struct store_writer_spec *spec)
{
    struct store_writer *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->s = s;
    w->gc_h = -1;
    lock_init(&w->lock);
    (void)pthread_cond_init(&w->work, NULL);
    (void)pthread_cond_init(&w->room, NULL);
    (void)pthread_cond_init(&w->landed, NULL);
    w->queue_end = &w->queue;
    w->spec = *spec;
    w->spec.threads = thread_count(spec->threads);
    w->spec.level = spec->level ? spec->level : 1;
    w->jobs_max = (unsigned)min_u64(8ULL * w->spec.threads, WRITER_BUFFERS_MAX);
    (void)str_copy(w->id, sizeof w->id, spec->id); /* spec_check: it fits */
    w->leaves = leaves_for(spec->volume_bytes);
    w->leaf = calloc(w->leaves, sizeof(struct wleaf *));
    if (!w->leaf) {
        store_writer_free(w);
        return NULL;
    }
    return w;
}

static int open_parent(struct store_writer *w, const char *parent, struct err *e)
{
    const struct store_snap_info *info;
    int r;

    if (!parent || !parent[0])
        return 0;
    r = store_snap_open(w->s, parent, &w->parent, e);
    if (r < 0)
        return err_wrap(e, "parent of snapshot '%s'", w->id);
    info = store_snap_info(w->parent);
    if (info->volume_bytes > w->spec.volume_bytes)
        return err_set(e, EINVAL, ERR_INVALID,
                       "snapshot '%s' of %" PRIu64
                       " bytes is smaller than its parent '%s' (%" PRIu64 ")",
                       w->id, w->spec.volume_bytes, info->id, info->volume_bytes);
    memcpy(w->parent_id, info->id, sizeof w->parent_id);
    return 0;
}

static int open_domain(struct store_writer *w, struct err *e)
{
    const struct store_snap_info *parent = w->parent ? store_snap_info(w->parent) : NULL;

    if (w->spec.domain) {
        w->key = store_key_of(w->s, w->spec.domain);
        if (!w->key)
            return err_set(e, EACCES, ERR_DENIED,
                           "snapshot '%s' is to be encrypted in key domain %" PRIu32
                           ", and no key of it was given",
                           w->id, w->spec.domain);
    }
    if (parent && !key_is_of(w->key, parent))
        return err_set(e, EINVAL, ERR_INVALID,
                       "snapshot '%s' and its parent '%s' are not encrypted with the same key",
                       w->id, parent->id);
    return w->key ? store_note_domains(w->s, e) : 0;
}

static int start_threads(struct store_writer *w, struct err *e)
{
    while (w->threads < w->spec.threads) {
        int r = pthread_create(&w->thread[w->threads], NULL, run, w);

        if (r)
            return err_no(e, r, "start a thread of the snapshot writer");
        w->threads++;
    }
    return 0;
}

int store_writer_open(struct store *s, const struct store_writer_spec *spec,
                      struct store_writer **ret, struct err *e)
{
    _cleanup_(store_writer_freep) struct store_writer *w = NULL;
    uint64_t swept, bytes;
    int r = spec_check(spec, e);

    if (r < 0)
        return r;
    if (store_snap_exists(s, spec->id))
        return err_set(e, EEXIST, ERR_EXISTS, "snapshot '%s' exists", spec->id);
    w = writer_new(s, spec);
    if (!w)
        return err_oom(e);
    /* first the lock, then the look at what is there (invariant 4) */
    r = gc_lock(s, STORE_IO_SHARED, true, &w->gc_h, e);
    if (r == 0)
        r = sweep_open_packs(s, &swept, &bytes, e);
    if (r == 0)
        r = open_parent(w, spec->parent, e);
    if (r == 0)
        r = open_domain(w, e);
    if (r == 0)
        r = index_load(s, w->key, &w->index, e);
    if (r == 0)
        r = packed_init(&w->packed, w->spec.level, w->spec.domain, e);
    if (r == 0)
        r = start_threads(w, e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(w);
    return 0;
}

static void jobs_free(struct job *j)
{
    while (j) {
        struct job *next = j->next;

        free(j->buf);
        free(j);
        j = next;
    }
}

void store_writer_free(struct store_writer *w)
{
    if (!w)
        return;
    lock_take(&w->lock);
    jobs_free(w->queue);
    w->queue = NULL;
    w->queue_end = &w->queue;
    lock_drop(&w->lock);
    end_threads(w);
    jobs_free(w->spare);
    wpacks_done(w);
    wmap_done(w);
    packed_done(&w->packed);
    store_snap_close(w->parent);
    if (w->gc_h >= 0)
        w->s->io->close(w->s->io, w->gc_h);
    (void)pthread_cond_destroy(&w->work);
    (void)pthread_cond_destroy(&w->room);
    (void)pthread_cond_destroy(&w->landed);
    lock_done(&w->lock);
    free(w);
}

/* ---- blocks ---- */

static int usable_locked(const struct store_writer *w, struct err *e)
{
    lock_assert_held(&w->lock);
    assert(!w->closing); /* nothing but free after a commit */
    if (!w->err.no)
        return 0;
    *e = w->err;
    return -e->no;
}

static int ticket_locked(struct store_writer *w, uint32_t *ret, struct err *e)
{
    if (w->ticket == UINT32_MAX)
        return err_set(e, EOVERFLOW, ERR_LIMIT, "more than 2^32 blocks were handed in");
    *ret = ++w->ticket;
    return 0;
}

/* A free buffer, waiting for one if need be. */
static int take_buffer_locked(struct store_writer *w, struct job **ret, struct err *e)
{
    struct job *j;

    while (!w->spare && w->jobs == w->jobs_max && !w->err.no)
        lock_wait(&w->lock, &w->room);
    if (w->err.no)
        return usable_locked(w, e);
    j = w->spare;
    if (j) {
        w->spare = j->next;
        *ret = j;
        return 0;
    }
    j = calloc(1, sizeof *j);
    if (j)
        j->buf = aligned_alloc(4096, STORE_BLOCK_BYTES);
    if (!j || !j->buf) {
        free(j);
        return err_oom(e);
    }
    w->jobs++;
    *ret = j;
    return 0;
}

static int queue_block(struct store_writer *w, uint64_t block, const void *buf, size_t len,
                       struct err *e)
{
    struct job *j = NULL;
    uint32_t ticket = 0;
    int r;

    lock_take(&w->lock);
    r = usable_locked(w, e);
    if (r == 0)
        r = wmap_touch_locked(w, (uint32_t)(block / LEAF_ENTRIES), e);
    if (r == 0)
        r = ticket_locked(w, &ticket, e);
    if (r == 0)
        r = take_buffer_locked(w, &j, e);
    if (r == 0)
        w->stats.bytes_in += len;
    lock_drop(&w->lock);
    if (r < 0)
        return r;

    memcpy(j->buf, buf, len);
    memset(j->buf + len, 0, STORE_BLOCK_BYTES - len);
    j->block = block;
    j->ticket = ticket;
    j->next = NULL;
    lock_take(&w->lock);
    *w->queue_end = j;
    w->queue_end = &j->next;
    (void)pthread_cond_signal(&w->work);
    lock_drop(&w->lock);
    return 0;
}

static int range_check(const struct store_writer *w, uint64_t block, uint64_t count, struct err *e)
{
    uint64_t blocks = blocks_for(w->spec.volume_bytes);

    if (block < blocks && count <= blocks - block)
        return 0;
    return err_set(e, EINVAL, ERR_INVALID,
                   "blocks %" PRIu64 "+%" PRIu64 " lie behind the end of snapshot '%s'", block,
                   count, w->id);
}

static int fill(struct store_writer *w, uint64_t block, uint64_t count, uint64_t loc, struct err *e)
{
    uint32_t ticket = 0;
    int r;

    _with_lock_(&w->lock);
    r = usable_locked(w, e);
    if (r == 0)
        r = ticket_locked(w, &ticket, e);
    if (r == 0)
        r = wmap_fill_locked(w, block, count, ticket, loc, e);
    if (r == 0 && loc == LOC_ZERO)
        w->stats.blocks_zero += count;
    return r;
}

int store_writer_block(struct store_writer *w, uint64_t block, const void *buf, struct err *e)
{
    uint64_t left;
    size_t len;
    int r = range_check(w, block, 1, e);

    if (r < 0)
        return r;
    left = w->spec.volume_bytes - (block << STORE_BLOCK_SHIFT);
    len = (size_t)min_u64(left, STORE_BLOCK_BYTES); /* what lies behind the end is zeros */
    if (!is_zero(buf, len))
        return queue_block(w, block, buf, len, e);
    r = fill(w, block, 1, LOC_ZERO, e);
    if (r == 0) {
        lock_take(&w->lock);
        w->stats.bytes_in += len;
        lock_drop(&w->lock);
    }
    return r;
}

int store_writer_zero(struct store_writer *w, uint64_t block, uint64_t count, bool hole,
                      struct err *e)
{
    int r;

    if (count == 0)
        return 0;
    r = range_check(w, block, count, e);
    return r < 0 ? r : fill(w, block, count, hole ? LOC_HOLE : LOC_ZERO, e);
}

void store_writer_stats(struct store_writer *w, struct store_write_stats *ret)
{
    _with_lock_(&w->lock);
    *ret = w->stats;
}

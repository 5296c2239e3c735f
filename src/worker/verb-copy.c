/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A snapshot's content under another id. As it is encrypted already (or not): another root, and no
 * block is touched. With a key, and not encrypted by it yet: every block is read, verified and
 * written under the key. */
#include "verbs.h"

#include <errno.h>

#include "clock.h"
#include "parse.h"
#include "sandbox.h"
#include "store.h"

struct copy {
    const struct worker_args *args;
    struct report *rep;
    struct store *store;
    struct store_snap *source;
    struct store_writer *writer; /* NULL: no block is copied */
    uint32_t domain;             /* of the key; 0: none was given */
    struct store_snap_info info; /* what was made */
    struct progress sum;
    uint8_t *block;
};

static void copy_done(struct copy *c)
{
    store_writer_free(c->writer);
    store_snap_close(c->source);
    store_close(c->store);
    free(c->block);
}

static int tell(struct copy *c, bool last, struct err *e)
{
    struct store_write_stats st = { 0 };
    uint64_t now = clock_mono_ms();

    if (!last && !report_due(c->rep, now))
        return 0;
    if (c->writer)
        store_writer_stats(c->writer, &st);
    c->sum.stored = max_u64(st.bytes_stored, c->sum.stored);
    return last ? report_progress_last(c->rep, &c->sum, now, e)
                : report_progress(c->rep, &c->sum, now, e);
}

static int one_block(struct copy *c, uint64_t at, struct err *e)
{
    int r = 0;

    switch (store_snap_kind(c->source, at)) {
    case STORE_HOLE:
    case STORE_KIND_MAX:
        break;
    case STORE_ZERO:
        r = store_writer_zero(c->writer, at, 1, false, e);
        break;
    case STORE_DATA:
        r = store_snap_read_block(c->source, at, c->block, NULL, e);
        if (r >= 0)
            r = store_writer_block(c->writer, at, c->block, e);
        c->sum.done += STORE_BLOCK_BYTES;
        c->sum.read += STORE_BLOCK_BYTES;
        break;
    }
    return r < 0 ? r : tell(c, false, e);
}

static int encrypt(struct copy *c, struct err *e)
{
    const struct store_snap_info *from = store_snap_info(c->source);
    struct store_writer_spec spec = { .id = c->args->snapshot,
                                      .volume_bytes = from->volume_bytes,
                                      .domain = c->domain };
    uint64_t blocks = div_up_u64(from->volume_bytes, STORE_BLOCK_BYTES);
    int r = store_snap_may_read(c->source, e);

    c->sum.total = from->data_blocks * STORE_BLOCK_BYTES;
    c->block = malloc(STORE_BLOCK_BYTES);
    if (r == 0 && !c->block)
        r = err_oom(e);
    if (r == 0)
        r = store_writer_open(c->store, &spec, &c->writer, e);
    if (r == 0)
        r = tell(c, false, e);
    for (uint64_t at = 0; r == 0 && at < blocks; at++) {
        r = sandbox_check(e);
        if (r == 0)
            r = one_block(c, at, e);
    }
    if (r == 0)
        r = sandbox_check(e); /* the last chance to stop */
    return r < 0 ? r : store_writer_commit(c->writer, &c->info, e);
}

static int run(struct copy *c, struct err *e)
{
    const struct worker_args *a = c->args;
    int r = store_open(a->store, NULL, &c->store, e);

    if (r == 0 && a->key)
        r = verb_take_key(c->store, a->key, &c->domain, e);
    if (r == 0)
        r = store_snap_open(c->store, a->source, &c->source, e);
    if (r < 0)
        return r;
    if (c->domain == 0 || store_snap_info(c->source)->domain == c->domain)
        r = store_snap_copy(c->store, a->source, a->snapshot, &c->info, e);
    else if ((r = encrypt(c, e)) < 0 && r != -ECANCELED) /* stopping is no failure of it */
        r = err_wrap(e, "encrypt '%s' as snapshot '%s'", a->source, a->snapshot);
    return r < 0 ? r : tell(c, true, e);
}

static json_t *result_of(const struct copy *c)
{
    const struct store_snap_info *i = &c->info;
    char root[2 * sizeof i->root_sha256 + 1];

    hex_encode(i->root_sha256, sizeof i->root_sha256, root);
    return json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:s}", "snapshot", i->id, "parent", i->parent,
                     "volume_bytes", (json_int_t)i->volume_bytes, "read", (json_int_t)c->sum.read,
                     "stored", (json_int_t)i->stored_bytes, "data_blocks",
                     (json_int_t)i->data_blocks, "root_sha256", root);
}

int verb_copy(const struct worker_args *a, struct report *rep, json_t **ret_result, struct err *e)
{
    _cleanup_(copy_done) struct copy c = { .args = a, .rep = rep };
    int r = run(&c, e);

    if (r < 0)
        return r;
    *ret_result = result_of(&c);
    return *ret_result ? 0 : err_oom(e);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads stay in flight while the store's threads hash and compress; a block is handed over in the
 * order of arrival. Whoever fails: nothing becomes visible before the commit. */
#include "copy.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "parse.h"
#include "sandbox.h"

struct copy {
    const struct copy_spec *spec;
    struct store_writer *writer;
    struct plan plan;
    struct progress sum;
    uint64_t next; /* block to start with */
    unsigned in_flight;
    struct source_io io[SOURCE_IN_FLIGHT];
    uint8_t *buffers; /* one block each */
};

/* The source must be closed before (or have nothing in flight): libnbd writes into the buffers. */
static void copy_done(struct copy *c)
{
    store_writer_free(c->writer);
    plan_done(&c->plan);
    free(c->buffers);
}

static int note_extent(void *userdata, uint64_t offset, uint64_t len, uint32_t flags, struct err *e)
{
    (void)e;
    plan_note(userdata, offset, len, flags);
    return 0;
}

static int make_plan(struct copy *c, struct err *e)
{
    bool full = !c->spec->parent || !*c->spec->parent;
    uint64_t bytes = source_bytes(c->spec->source);
    int r;

    r = plan_init(&c->plan, full ? PLAN_FULL : PLAN_CHANGES, bytes, e);
    if (r < 0)
        return r;
    if (source_has_extents(c->spec->source))
        r = source_extents(c->spec->source, note_extent, &c->plan, e);
    else if (full)
        plan_read_all(&c->plan);
    else
        r = err_set(e, ENOTSUP, ERR_INVALID,
                    "the export tells no extents, so nobody knows what changed since '%s'",
                    c->spec->parent);
    c->sum.total = r < 0 ? 0 : plan_read_bytes(&c->plan);
    return r;
}

static int tell_progress(struct copy *c, bool last, struct err *e)
{
    struct report *rep = c->spec->report;
    struct store_write_stats st;
    uint64_t now = clock_mono_ms();

    if (!last && !report_due(rep, now))
        return 0;
    store_writer_stats(c->writer, &st);
    c->sum.stored = max_u64(st.bytes_stored, c->sum.stored);
    return last ? report_progress_last(rep, &c->sum, now, e)
                : report_progress(rep, &c->sum, now, e);
}

/* Notes a run of zeros; returns the block behind it, or an error in *ret. */
static uint64_t take_zeros(struct copy *c, uint64_t block, int *ret, struct err *e)
{
    uint64_t end = block;

    while (end < c->plan.blocks && plan_want(&c->plan, end) == PLAN_ZERO)
        end++;
    *ret = store_writer_zero(c->writer, block, end - block, false, e);
    return end;
}

/* Starts reads until all buffers are busy or nothing is left. */
static int start_reads(struct copy *c, struct err *e)
{
    int r = 0;

    for (unsigned i = 0; i < SOURCE_IN_FLIGHT && r == 0; i++) {
        struct source_io *io = &c->io[i];

        if (io->busy)
            continue;
        c->next = plan_next(&c->plan, c->next);
        while (r == 0 && c->next < c->plan.blocks && plan_want(&c->plan, c->next) == PLAN_ZERO)
            c->next = plan_next(&c->plan, take_zeros(c, c->next, &r, e));
        if (r < 0 || c->next >= c->plan.blocks)
            return r;
        io->offset = c->next << STORE_BLOCK_SHIFT;
        io->len = plan_block_bytes(&c->plan, c->next);
        io->buf = c->buffers + (size_t)i * STORE_BLOCK_BYTES;
        r = source_start_read(c->spec->source, io, e);
        c->next++;
        c->in_flight++;
    }
    return r;
}

static int hand_over(struct copy *c, struct source_io *io, struct err *e)
{
    if (io->error)
        return err_no(e, io->error, "read %zu bytes at %llu", io->len,
                      (unsigned long long)io->offset);
    memset((uint8_t *)io->buf + io->len, 0, STORE_BLOCK_BYTES - io->len);
    io->busy = false;
    c->in_flight--;
    c->sum.done += io->len;
    c->sum.read += io->len;
    return store_writer_block(c->writer, io->offset >> STORE_BLOCK_SHIFT, io->buf, e);
}

static int move_blocks(struct copy *c, struct err *e)
{
    int r = start_reads(c, e);

    while (r == 0 && c->in_flight) {
        r = source_wait(c->spec->source, e);
        for (unsigned i = 0; i < SOURCE_IN_FLIGHT && r == 0; i++)
            if (c->io[i].busy && c->io[i].done)
                r = hand_over(c, &c->io[i], e);
        if (r == 0)
            r = start_reads(c, e);
        if (r == 0)
            r = tell_progress(c, false, e);
    }
    return r;
}

static json_t *result_of(const struct copy *c, const struct store_snap_info *info,
                         const struct store_write_stats *st)
{
    char root[2 * sizeof info->root_sha256 + 1];

    hex_encode(info->root_sha256, sizeof info->root_sha256, root);
    return json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s}", "snapshot", info->id,
                     "parent", info->parent, "volume_bytes", (json_int_t)info->volume_bytes, "read",
                     (json_int_t)c->sum.read, "stored", (json_int_t)info->stored_bytes,
                     "data_blocks", (json_int_t)info->data_blocks, "blocks_written",
                     (json_int_t)st->blocks_written, "blocks_zero", (json_int_t)st->blocks_zero,
                     "blocks_deduped", (json_int_t)st->blocks_deduped, "blocks_inherited",
                     (json_int_t)st->blocks_inherited, "root_sha256", root);
}

static int commit(struct copy *c, json_t **ret_result, struct err *e)
{
    struct store_snap_info info;
    struct store_write_stats st;
    json_t *result;
    int r;

    r = sandbox_check(e); /* the last chance to stop */
    if (r < 0)
        return r;
    r = store_writer_commit(c->writer, &info, e);
    if (r < 0)
        return r;
    store_writer_stats(c->writer, &st);
    c->sum.stored = max_u64(info.stored_bytes, c->sum.stored);
    r = report_progress_last(c->spec->report, &c->sum, clock_mono_ms(), e);
    if (r < 0)
        return r;
    result = result_of(c, &info, &st);
    if (!result)
        return err_oom(e);
    *ret_result = result;
    return 0;
}

static int run(struct copy *c, json_t **ret_result, struct err *e)
{
    struct store_writer_spec w = { .id = c->spec->snapshot,
                                   .parent = c->spec->parent,
                                   .volume_bytes = source_bytes(c->spec->source),
                                   .domain = c->spec->domain };
    int r;

    c->buffers = malloc((size_t)SOURCE_IN_FLIGHT * STORE_BLOCK_BYTES);
    if (!c->buffers)
        return err_oom(e);
    r = store_writer_open(c->spec->store, &w, &c->writer, e);
    if (r == 0)
        r = make_plan(c, e);
    if (r == 0)
        r = tell_progress(c, false, e);
    if (r == 0)
        r = move_blocks(c, e);
    return r < 0 ? r : commit(c, ret_result, e);
}

int copy_run(const struct copy_spec *spec, json_t **ret_result, struct err *e)
{
    struct copy c = { .spec = spec };
    int r = run(&c, ret_result, e);

    if (c.in_flight)
        source_abandon(spec->source);
    copy_done(&c);
    return r;
}

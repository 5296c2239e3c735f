/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The layer: blocks that were changed lie in a scratch file, in the order they were first changed;
 * an index in memory finds them. */
#include "cow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cow-priv.h"
#include "file.h"

/* ---- the index of blocks --------------------------------------------------------------------- */

static uint32_t hash(const struct win_cow *c, uint64_t number)
{
    return (uint32_t)((number * 0x9e3779b97f4a7c15ULL) >> 32) & (c->table_size - 1);
}

/* The slot, or -1. */
static int64_t find(const struct win_cow *c, uint64_t number)
{
    if (!c->table_size)
        return -1;
    for (uint32_t i = hash(c, number); c->table[i]; i = (i + 1) & (c->table_size - 1))
        if (get_le64(c->entries[c->table[i] - 1].number) == number)
            return (int64_t)c->table[i] - 1;
    return -1;
}

static void table_put(struct win_cow *c, uint32_t slot)
{
    uint32_t i = hash(c, get_le64(c->entries[slot].number));

    while (c->table[i])
        i = (i + 1) & (c->table_size - 1);
    c->table[i] = slot + 1;
}

static int make_room(struct win_cow *c, struct err *e)
{
    uint32_t cap = c->cap ? c->cap * 2 : 1024;
    struct cow_entry *entries;
    uint32_t *table;

    if (c->n < c->cap)
        return 0;
    if (cap > BLOCKS_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "more than %u GiB of changes",
                       BLOCKS_MAX / (1U << 20) * (BLOCK / 1024));
    entries = reallocarray(c->entries, cap, sizeof *entries);
    if (!entries)
        return err_oom(e);
    c->entries = entries;
    table = calloc((size_t)cap * 2, sizeof *table);
    if (!table)
        return err_oom(e);
    free(c->table);
    c->table = table;
    c->table_size = cap * 2;
    c->cap = cap;
    for (uint32_t i = 0; i < c->n; i++)
        table_put(c, i);
    return 0;
}

/* ---- reading and writing the layer ----------------------------------------------------------- */

size_t win_cow_block_len(const struct win_cow *c, uint64_t number)
{
    return (size_t)min_u64(BLOCK, win_disk_bytes(c->below) - number * BLOCK);
}

int win_cow_slot_read(const struct win_cow *c, uint32_t slot, uint32_t in, void *buf, size_t n,
                      struct err *e)
{
    int r = pread_full(c->fd, buf, n, (uint64_t)slot * BLOCK + in);

    return r < 0 ? err_no(e, -r, "read the changes back") : 0;
}

static int slot_write(const struct win_cow *c, uint32_t slot, const void *buf, struct err *e)
{
    int r = pwrite_full(c->fd, buf, BLOCK, (uint64_t)slot * BLOCK);

    return r < 0
               ? err_no(e, -r, "keep changes%s%s", c->fresh ? " in " : "", c->fresh ? c->fresh : "")
               : 0;
}

static int layer_read(void *state, uint64_t offset, void *buf, size_t len, struct err *e)
{
    struct win_cow *c = state;
    uint8_t *p = buf;
    int r = 0;

    while (len && r == 0) {
        int64_t slot = find(c, offset / BLOCK);
        size_t k = (size_t)min_u64(len, BLOCK - offset % BLOCK);

        /* Whole runs of what never changed. */
        while (slot < 0 && k < len && find(c, (offset + k) / BLOCK) < 0)
            k += (size_t)min_u64(BLOCK, len - k);
        r = slot < 0 ? win_disk_read(c->below, offset, p, k, e)
                     : win_cow_slot_read(c, (uint32_t)slot, (uint32_t)(offset % BLOCK), p, k, e);
        offset += k;
        p += k;
        len -= k;
    }
    return r;
}

static int add_block(struct win_cow *c, uint64_t number, const uint8_t *old, const uint8_t *now,
                     struct err *e)
{
    int r = make_room(c, e);

    if (r == 0)
        r = slot_write(c, c->n, now, e);
    if (r < 0)
        return r;
    c->entries[c->n].number = put_le64(number);
    for (unsigned i = 0; i < SUMS; i++)
        c->entries[c->n].old[i] = put_le32(win_cow_sector_sum(old + (size_t)i * SECTOR));
    table_put(c, c->n++);
    return 0;
}

/* k bytes of one block. What is as it was is not kept. */
static int block_write(struct win_cow *c, uint64_t offset, const uint8_t *p, size_t k,
                       struct err *e)
{
    uint64_t number = offset / BLOCK;
    int64_t slot = find(c, number);
    uint8_t old[BLOCK], now[BLOCK];
    int r;

    if (slot >= 0 && k < BLOCK)
        r = win_cow_slot_read(c, (uint32_t)slot, 0, now, BLOCK, e);
    else if (slot >= 0)
        r = 0;
    else {
        memset(old, 0, sizeof old);
        r = win_disk_read(c->below, number * BLOCK, old, win_cow_block_len(c, number), e);
        memcpy(now, old, sizeof now);
    }
    if (r < 0)
        return r;
    memcpy(now + offset % BLOCK, p, k);
    if (slot >= 0)
        return slot_write(c, (uint32_t)slot, now, e);
    return memcmp(old, now, BLOCK) == 0 ? 0 : add_block(c, number, old, now, e);
}

static int layer_write(void *state, uint64_t offset, const void *buf, size_t len, struct err *e)
{
    struct win_cow *c = state;
    const uint8_t *p = buf;
    int r = 0;

    while (len && r == 0) {
        size_t k = (size_t)min_u64(len, BLOCK - offset % BLOCK);

        r = block_write(c, offset, p, k, e);
        offset += k;
        p += k;
        len -= k;
    }
    return r;
}

static void layer_free(void *state)
{
    (void)state; /* the face of a layer owns nothing */
}

/* ---- life ------------------------------------------------------------------------------------ */

static const struct win_disk_ops layer_ops = { layer_read, layer_write, NULL, layer_free };

static int open_scratch(struct win_cow *c, const char *journal, struct err *e)
{
    const char *tmp = getenv("TMPDIR");

    if (!journal) {
        c->fd = open(tmp && *tmp ? tmp : "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        return c->fd < 0
                   ? err_errno(e, "make a scratch file in '%s'", tmp && *tmp ? tmp : "/var/tmp")
                   : 0;
    }
    c->journal = strdup(journal);
    if (!c->journal || asprintf(&c->fresh, "%s.new", journal) < 0) {
        c->fresh = NULL;
        return err_oom(e);
    }
    c->fd = open(c->fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return c->fd < 0 ? err_errno(e, "create '%s'", c->fresh) : 0;
}

void win_cow_free(struct win_cow *c)
{
    if (!c)
        return;
    if (c->fd >= 0 && c->fresh)
        (void)unlink(c->fresh);
    close_fdp(&c->fd);
    win_disk_free(c->face);
    free(c->journal);
    free(c->fresh);
    free(c->entries);
    free(c->table);
    free(c);
}

int win_cow_open(struct win_disk *below, const char *journal, struct win_cow **ret, struct err *e)
{
    _cleanup_(win_cow_freep) struct win_cow *c = calloc(1, sizeof *c);
    int r;

    if (!c)
        return err_oom(e);
    c->fd = -1;
    c->below = below;
    r = open_scratch(c, journal, e);
    if (r == 0)
        r = win_disk_new(&layer_ops, c, win_disk_bytes(below), &c->face, e);
    if (r == 0)
        *ret = TAKE_PTR(c);
    return r;
}

struct win_disk *win_cow_disk(struct win_cow *c)
{
    return c->face;
}

uint64_t win_cow_changed_bytes(const struct win_cow *c)
{
    return (uint64_t)c->n * BLOCK;
}

/* ---- a journal as a layer again -------------------------------------------------------------- */

static int index_all(struct win_cow *c, struct err *e)
{
    uint32_t size = 1024;

    while (size < c->n * 2)
        size *= 2;
    c->table = calloc(size, sizeof *c->table);
    if (!c->table)
        return err_oom(e);
    c->table_size = size;
    for (uint32_t i = 0; i < c->n; i++)
        table_put(c, i);
    return 0;
}

int win_cow_open_sealed(struct win_disk *below, const char *journal, struct win_cow **ret,
                        struct err *e)
{
    _cleanup_(win_cow_freep) struct win_cow *c = calloc(1, sizeof *c);
    int r;

    if (!c)
        return err_oom(e);
    c->below = below;
    c->fd = open(journal, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (c->fd < 0)
        return err_errno(e, "open '%s'", journal);
    c->journal = strdup(journal);
    r = c->journal ? win_cow_load(c, e) : err_oom(e);
    if (r == 0)
        return err_set(e, EINVAL, ERR_CORRUPT, "'%s' is no whole journal", journal);
    if (r == 1)
        r = win_cow_check_same_disk(c, e);
    if (r == 0)
        r = index_all(c, e);
    if (r == 0)
        r = win_disk_new(&layer_ops, c, win_disk_bytes(below), &c->face, e);
    if (r == 0)
        *ret = TAKE_PTR(c);
    return r;
}

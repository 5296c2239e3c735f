/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A commit: the changes of a layer go to the disk below, in order, under the cover of a journal
 * when there is one; and what an interrupted commit left is finished. */
#include "cow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cow-priv.h"
#include "file.h"

#define RUN_MAX 256U /* blocks written at once */

/* ---- applying -------------------------------------------------------------------------------- */

struct by_number {
    uint64_t number;
    uint32_t slot;
};

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = ((const struct by_number *)a)->number, y = ((const struct by_number *)b)->number;

    return x < y ? -1 : x > y;
}

static struct by_number *in_order(const struct win_cow *c)
{
    struct by_number *v = calloc((size_t)c->n + 1, sizeof *v);

    for (uint32_t i = 0; v && i < c->n; i++)
        v[i] = (struct by_number){ get_le64(c->entries[i].number), i };
    if (v)
        qsort(v, c->n, sizeof *v, compare_numbers);
    return v;
}

/* Neighbours go out in one write. */
static int write_run(const struct win_cow *c, const struct by_number *v, uint32_t n, uint8_t *buf,
                     struct err *e)
{
    uint64_t at = v[0].number * BLOCK;
    size_t len = (size_t)(n - 1) * BLOCK + win_cow_block_len(c, v[n - 1].number);

    for (uint32_t i = 0; i < n; i++) {
        int r = win_cow_slot_read(c, v[i].slot, 0, buf + (size_t)i * BLOCK, BLOCK, e);

        if (r < 0)
            return r;
    }
    return win_disk_write(c->below, at, buf, len, e);
}

static int apply(const struct win_cow *c, struct err *e)
{
    _cleanup_free_ struct by_number *v = in_order(c);
    _cleanup_free_ uint8_t *buf = malloc((size_t)RUN_MAX * BLOCK);
    int r = 0;

    if (!v || !buf)
        return err_oom(e);
    for (uint32_t i = 0; i < c->n && r == 0;) {
        uint32_t n = 1;

        while (i + n < c->n && n < RUN_MAX && v[i + n].number == v[i].number + n)
            n++;
        r = write_run(c, v + i, n, buf, e);
        i += n;
    }
    return r < 0 ? r : win_disk_flush(c->below, e);
}

/* From here on an error leaves the journal: the next opening finishes it. */
static int finish(struct win_cow *c, struct err *e)
{
    int r = apply(c, e);

    if (r == 0)
        r = win_cow_drop_journal(c, e);
    return r < 0 ? err_wrap(e,
                            "the change is complete in '%s' and not yet on the disk; the next "
                            "command on this disk finishes it",
                            c->journal)
                 : 0;
}

/* ---- the layer's end ------------------------------------------------------------------------- */

int win_cow_seal(struct win_cow *c, struct err *e)
{
    int r = win_cow_write_journal(c, e);

    close_fdp(&c->fd);
    c->fd = -1;
    return r;
}

int win_cow_changes(const struct win_cow *c, uint64_t grain, uint64_t **ret, size_t *ret_n,
                    struct err *e)
{
    _cleanup_free_ struct by_number *v = in_order(c);
    uint64_t *out = calloc((size_t)c->n + 1, sizeof *out);
    size_t n = 0;

    if (!v || !out) {
        free(out);
        return err_oom(e);
    }
    for (uint32_t i = 0; i < c->n; i++) {
        uint64_t number = v[i].number * BLOCK / grain;

        if (n == 0 || out[n - 1] != number)
            out[n++] = number;
    }
    *ret = out;
    *ret_n = n;
    return 0;
}

int win_cow_commit(struct win_cow *c, struct err *e)
{
    int r = 0;

    if (c->n && c->journal) {
        r = win_cow_write_journal(c, e);
        if (r == 0)
            r = finish(c, e);
        close_fdp(&c->fd); /* the layer is used up */
        c->fd = -1;
    } else if (c->n) {
        r = apply(c, e);
    }
    if (r == 0) {
        c->n = 0;
        if (c->table)
            memset(c->table, 0, (size_t)c->table_size * sizeof *c->table);
    }
    return r;
}

/* ---- finishing what was interrupted ---------------------------------------------------------- */

int win_cow_pending(const char *journal)
{
    return path_exists(journal);
}

int win_cow_recover(struct win_disk *below, const char *journal, bool *ret_finished, struct err *e)
{
    _cleanup_(win_cow_freep) struct win_cow *c = calloc(1, sizeof *c);
    _cleanup_free_ char *fresh = NULL;
    int r;

    *ret_finished = false;
    if (!c)
        return err_oom(e);
    c->fd = -1;
    c->below = below;
    c->journal = strdup(journal);
    if (!c->journal || asprintf(&fresh, "%s.new", journal) < 0) {
        fresh = NULL;
        return err_oom(e);
    }
    if (win_disk_writable(below)) {
        r = unlink_quiet(fresh, e); /* never became valid */
        if (r < 0)
            return r;
    }
    c->fd = open(journal, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (c->fd < 0)
        return errno == ENOENT ? 0 : err_errno(e, "open '%s'", journal);
    r = win_cow_load(c, e);
    if (r < 0)
        return r;
    if (r == 0)
        return err_set(e, EINVAL, ERR_CORRUPT,
                       "'%s' is damaged; remove it, and take the disk from a copy", journal);
    r = win_cow_check_same_disk(c, e);
    if (r == 0 && !win_disk_writable(below))
        return err_set(e, EROFS, ERR_CONFLICT,
                       "the disk has an interrupted change in '%s', which "
                       "only a writable opening can finish",
                       journal);
    if (r == 0)
        r = finish(c, e);
    if (r == 0)
        *ret_finished = true;
    return r;
}

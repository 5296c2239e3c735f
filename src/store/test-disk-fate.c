/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a test does to its disk: fails calls, cuts the power, flips bits; and what is on it then. */
#include "test-disk-priv.h"

#include <assert.h>
#include <string.h>

void disk_fail_at(struct disk *d, long n, int no)
{
    d->calls = d->flushes = 0;
    d->fail_at = n;
    d->fail_no = no;
}

void disk_plug_at(struct disk *d, long n)
{
    d->calls = d->flushes = 0;
    d->plug_at = n;
}

long disk_calls(const struct disk *d)
{
    return d->calls;
}

long disk_flushes(const struct disk *d)
{
    return d->flushes;
}

bool disk_is_dead(const struct disk *d)
{
    return d->dead;
}

static enum disk_fate roll(enum disk_fate fate, unsigned *seed)
{
    *seed = *seed * 1103515245U + 12345U;
    return fate == DISK_MIXED ? (enum disk_fate)((*seed >> 16) % 3) : fate;
}

static void restart_inode(struct inode *x, enum disk_fate fate, unsigned *seed)
{
    struct content after = { 0 };

    content_copy(&after, &x->flushed);
    for (size_t i = 0; i < x->writes; i++) {
        struct write w = x->write[i];
        enum disk_fate f = roll(fate, seed);

        if (f == DISK_DROP)
            continue;
        content_resize(&after, w.offset + w.len);
        if (w.len)
            memcpy(after.p + w.offset, x->now.p + w.offset, w.len);
        for (size_t k = 0; f == DISK_SCRAMBLE && k < w.len; k += 1 + w.len / 64)
            after.p[w.offset + k] ^= (uint8_t)(*seed >> (k % 24) | 1);
    }
    free(x->now.p);
    x->now = after;
    content_copy(&x->flushed, &after);
    x->writes = 0;
}

void disk_kill_handles(struct disk *d)
{
    memset(d->handle, 0, sizeof d->handle);
    d->dead = false;
    d->fail_at = d->plug_at = -1;
}

void disk_restart(struct disk *d, enum disk_fate fate, unsigned seed)
{
    for (size_t i = 0; i < d->n_pending; i++)
        if (roll(fate, &seed) != DISK_DROP)
            disk_apply(&d->flushed, &d->pending[i]);
    d->n_pending = 0;
    d->now.n = d->flushed.n;
    memcpy(d->now.name, d->flushed.name, d->flushed.n * sizeof *d->now.name);
    for (int i = 0; i < FILES_MAX; i++)
        if (d->inode[i].used)
            restart_inode(&d->inode[i], fate, &seed);
    disk_kill_handles(d);
}

struct disk *disk_copy(const struct disk *d)
{
    struct disk *c = disk_new();

    for (int i = 0; i < FILES_MAX; i++) {
        const struct inode *x = &d->inode[i];

        if (!x->used)
            continue;
        c->inode[i] = (struct inode){ .used = true, .dir = x->dir, .writes = x->writes };
        content_copy(&c->inode[i].now, &x->now);
        content_copy(&c->inode[i].flushed, &x->flushed);
        if (x->writes) {
            c->inode[i].write = malloc(x->writes * sizeof *x->write);
            assert(c->inode[i].write);
            memcpy(c->inode[i].write, x->write, x->writes * sizeof *x->write);
        }
    }
    c->now.n = d->now.n;
    memcpy(c->now.name, d->now.name, d->now.n * sizeof *d->now.name);
    c->flushed.n = d->flushed.n;
    memcpy(c->flushed.name, d->flushed.name, d->flushed.n * sizeof *d->flushed.name);
    memcpy(c->pending, d->pending, d->n_pending * sizeof *d->pending);
    c->n_pending = d->n_pending;
    return c;
}

size_t disk_files(const struct disk *d)
{
    return d->now.n;
}

const char *disk_file_path(const struct disk *d, size_t i)
{
    return d->now.name[i].path;
}

size_t disk_file_size(const struct disk *d, size_t i)
{
    return d->inode[d->now.name[i].inode].now.len;
}

void disk_file_flip(struct disk *d, size_t i, size_t byte, unsigned bit)
{
    d->inode[d->now.name[i].inode].now.p[byte] ^= (uint8_t)(1U << bit);
}

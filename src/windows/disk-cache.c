/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of a slow disk, kept: file systems read small pieces of what lies together. */
#include <string.h>

#include "disk.h"

struct cache {
    struct win_disk *below; /* owned */
    size_t line;
    unsigned n;
    uint64_t *tag; /* line number + 1; 0: empty */
    uint8_t *data; /* line k lies at k % n */
};

static void cache_free(void *state)
{
    struct cache *c = state;

    win_disk_free(c->below);
    free(c->tag);
    free(c->data);
    free(c);
}

static int line_get(struct cache *c, uint64_t k, uint8_t **ret, struct err *e)
{
    uint8_t *p = c->data + (k % c->n) * c->line;
    int r = 0;

    if (c->tag[k % c->n] != k + 1) {
        uint64_t at = k * c->line;

        c->tag[k % c->n] = 0;
        r = win_disk_read(c->below, at, p, (size_t)min_u64(c->line, win_disk_bytes(c->below) - at),
                          e);
    }
    if (r == 0) {
        c->tag[k % c->n] = k + 1;
        *ret = p;
    }
    return r;
}

static int cache_read(void *state, uint64_t offset, void *buf, size_t len, struct err *e)
{
    struct cache *c = state;
    uint8_t *to = buf, *p;
    int r = 0;

    while (len && r == 0) {
        uint64_t k = offset / c->line;
        size_t n = (size_t)min_u64(len, c->line - offset % c->line);

        if (offset % c->line == 0 && len >= 2 * c->line && c->tag[k % c->n] != k + 1) {
            n = len / c->line * c->line; /* whole lines go past the cache */
            r = win_disk_read(c->below, offset, to, n, e);
        } else {
            r = line_get(c, k, &p, e);
            if (r == 0)
                memcpy(to, p + offset % c->line, n);
        }
        offset += n;
        to += n;
        len -= n;
    }
    return r;
}

static const struct win_disk_ops cache_ops = { cache_read, NULL, NULL, cache_free };

int win_disk_take_cached(struct win_disk *below, size_t line_bytes, unsigned n,
                         struct win_disk **ret, struct err *e)
{
    struct cache *c = calloc(1, sizeof *c);

    if (!c) {
        win_disk_free(below);
        return err_oom(e);
    }
    c->below = below;
    c->line = line_bytes;
    c->n = n;
    c->tag = calloc(n, sizeof *c->tag);
    c->data = malloc(n * line_bytes);
    if (!c->tag || !c->data) {
        cache_free(c);
        return err_oom(e);
    }
    return win_disk_new(&cache_ops, c, win_disk_bytes(below), ret, e);
}

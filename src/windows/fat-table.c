/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of a FAT volume, and the chains of clusters in it. */
#include <errno.h>
#include <string.h>

#include "fat-priv.h"

int win_fat_corrupt(const char *what, struct err *e)
{
    return err_set(e, EINVAL, ERR_CORRUPT, "the FAT volume is damaged: %s", what);
}

/* ---- the table ------------------------------------------------------------------------------- */

uint32_t win_fat_get(const struct fat_tree *t, uint32_t c)
{
    const uint8_t *p;

    switch (t->bits) {
    case 12:
        p = t->fat + c + c / 2;
        return c & 1 ? (uint32_t)rd16(p) >> 4 : rd16(p) & 0xfffU;
    case 16:
        return rd16(t->fat + (size_t)c * 2);
    default:
        return rd32(t->fat + (size_t)c * 4) & 0x0fffffffU;
    }
}

bool win_fat_is_end(const struct fat_tree *t, uint32_t v)
{
    return v >= (t->bits == 12 ? 0xff8U : t->bits == 16 ? 0xfff8U : 0x0ffffff8U);
}

bool win_fat_is_cluster(const struct fat_tree *t, uint32_t c)
{
    return c >= 2 && c - 2 < t->clusters;
}

static void fat_put(struct fat_tree *t, uint32_t c, uint32_t v)
{
    uint8_t *p;
    uint16_t w;

    switch (t->bits) {
    case 12:
        p = t->fat + c + c / 2;
        w = rd16(p);
        w = (uint16_t)(c & 1 ? (w & 0xfU) | v << 4 : (w & 0xf000U) | (v & 0xfffU));
        p[0] = (uint8_t)w;
        p[1] = (uint8_t)(w >> 8);
        break;
    case 16:
        p = t->fat + (size_t)c * 2;
        p[0] = (uint8_t)v;
        p[1] = (uint8_t)(v >> 8);
        break;
    default:
        p = t->fat + (size_t)c * 4;
        v = (v & 0x0fffffffU) | (rd32(p) & 0xf0000000U);
        for (unsigned i = 0; i < 4; i++)
            p[i] = (uint8_t)(v >> (8 * i));
    }
}

/* One table of a few hundred KiB: written whole; the layer below keeps only what changed. */
int win_fat_store(struct fat_tree *t, struct err *e)
{
    uint8_t unknown[8];
    int r = 0;

    for (unsigned i = 0; i < t->n_fats && r == 0; i++)
        if (t->mirrored || i == t->active_fat)
            r = win_disk_write(t->part, t->fat_at + i * t->fat_bytes, t->fat, (size_t)t->fat_bytes,
                               e);
    memset(unknown, 0xff, sizeof unknown); /* free count and hint of FSInfo: not known */
    if (r == 0 && t->info_at)
        r = win_disk_write(t->part, t->info_at + 488, unknown, sizeof unknown, e);
    return r;
}

uint64_t win_fat_cluster_at(const struct fat_tree *t, uint32_t c)
{
    return t->data_at + (uint64_t)(c - 2) * t->cluster_bytes;
}

/* ---- chains ---------------------------------------------------------------------------------- */

int win_fat_chain_read(struct fat_tree *t, uint32_t c, uint64_t offset, uint8_t *buf, size_t len,
                       size_t *ret_len, struct err *e)
{
    uint64_t skip = offset / t->cluster_bytes;
    uint32_t in = (uint32_t)(offset % t->cluster_bytes), steps = 0;
    size_t done = 0;

    while (done < len && !win_fat_is_end(t, c)) {
        size_t k = (size_t)min_u64(len - done, t->cluster_bytes - in);
        int r;

        if (!win_fat_is_cluster(t, c) || ++steps > t->clusters)
            return win_fat_corrupt("a chain of clusters does not end", e);
        if (skip) {
            skip--;
            c = win_fat_get(t, c);
            continue;
        }
        r = win_disk_read(t->part, win_fat_cluster_at(t, c) + in, buf + done, k, e);
        if (r < 0)
            return r;
        done += k;
        in = 0;
        c = win_fat_get(t, c);
    }
    *ret_len = done;
    return 0;
}

int win_fat_chain_length(const struct fat_tree *t, uint32_t c, uint32_t *ret, struct err *e)
{
    uint32_t n = 0;

    for (; c && !win_fat_is_end(t, c); c = win_fat_get(t, c))
        if (!win_fat_is_cluster(t, c) || win_fat_get(t, c) == 0 || ++n > t->clusters)
            return win_fat_corrupt("a chain of clusters does not end", e);
    *ret = n;
    return 0;
}

static uint32_t count_free(const struct fat_tree *t, uint32_t enough)
{
    uint32_t n = 0;

    for (uint32_t c = 2; c < 2 + t->clusters && n < enough; c++)
        n += win_fat_get(t, c) == 0;
    return n;
}

/* The first free cluster at or behind c; there is one. */
static uint32_t next_free(const struct fat_tree *t, uint32_t c)
{
    while (win_fat_get(t, c) != 0)
        c++;
    return c;
}

int win_fat_chain_resize(struct fat_tree *t, uint32_t *first, uint32_t need, struct err *e)
{
    uint32_t end = t->bits == 12 ? 0xfff : t->bits == 16 ? 0xffff : 0x0fffffff;
    uint32_t c = *first, last = 0, have = 0, fresh = 2;
    int r = win_fat_chain_length(t, c, &have, e);

    if (r < 0)
        return r;
    if (need > have && count_free(t, need - have) < need - have)
        return err_set(e, ENOSPC, ERR_LIMIT, "the system partition is full");
    for (uint32_t i = 0; i < have; i++) {
        uint32_t next = win_fat_get(t, c);

        if (i >= need)
            fat_put(t, c, 0);
        else
            last = c;
        c = next;
    }
    for (uint32_t i = have; i < need; i++) {
        fresh = next_free(t, fresh);
        fat_put(t, fresh, end);
        if (last)
            fat_put(t, last, fresh);
        else
            *first = fresh;
        last = fresh;
    }
    if (last)
        fat_put(t, last, end);
    else
        *first = 0;
    return 0;
}

int win_fat_chain_write(struct fat_tree *t, uint32_t c, const uint8_t *buf, size_t len,
                        struct err *e)
{
    for (size_t done = 0; done < len; c = win_fat_get(t, c)) {
        size_t k = (size_t)min_u64(len - done, t->cluster_bytes);
        int r;

        if (!win_fat_is_cluster(t, c))
            return win_fat_corrupt("a chain of clusters ends too early", e);
        r = win_disk_write(t->part, win_fat_cluster_at(t, c), buf + done, k, e);
        if (r < 0)
            return r;
        done += k;
    }
    return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* FAT12, FAT16 and FAT32 (Microsoft, "FAT32 File System Specification" 1.03), as much as an EFI
 * system partition needs: files are found and read, and existing ones get new content. */
#include "fat.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fat-priv.h"
#include "str.h"

#define FAT_TABLE_MAX MIB(64)
#define FILE_MAX      MIB(512)

static struct fat_tree *fat_of(struct win_tree *t)
{
    return (struct fat_tree *)t;
}

/* ---- paths ----------------------------------------------------------------------------------- */

struct search {
    const char *name;
    struct fat_node *ret;
};

static int match(void *userdata, const char *name, const char *alias, const struct fat_node *n,
                 struct err *e)
{
    struct search *s = userdata;

    (void)e;
    if (!str_eq_nocase(name, s->name) && !str_eq_nocase(alias, s->name))
        return 0;
    *s->ret = *n;
    return 1;
}

static struct fat_node root_node(const struct fat_tree *t)
{
    return (struct fat_node){ .attributes = FAT_ATTR_DIR,
                              .cluster = t->root_cluster,
                              .fixed_root = t->bits != 32 };
}

static int find(struct fat_tree *t, const char *path, struct fat_node *ret, struct err *e)
{
    struct fat_node n = root_node(t);
    const char *p = path;

    while (*p) {
        size_t k = strcspn(p, "/");
        _cleanup_free_ char *name = strndup(p, k);
        struct search s = { .name = name };
        struct fat_node found;
        int r = 0;

        s.ret = &found;
        if (!name)
            return err_oom(e);
        if (n.attributes & FAT_ATTR_DIR)
            r = win_fat_each(t, &n, match, &s, e);
        if (r < 0)
            return r;
        if (r == 0)
            return err_set(e, ENOENT, ERR_NOT_FOUND, "'%s' does not exist", path);
        n = found;
        p += k + (p[k] == '/');
    }
    *ret = n;
    return 0;
}

/* Days since 1601 of a date after 1980, for a FILETIME; local time is taken as it is. */
static uint64_t filetime(uint16_t date, uint16_t time)
{
    static const uint16_t before[12] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    uint64_t year = 1980U + (date >> 9), month = (date >> 5 & 15), day = date & 31, days;

    if (month < 1 || month > 12 || day < 1)
        return 0;
    days = 365 * (year - 1601) + (year - 1601) / 4 - (year - 1601) / 100 + (year - 1601) / 400;
    days += before[month - 1] + day - 1;
    if (month > 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
        days++;
    return (days * 86400 + (uint64_t)(time >> 11) * 3600 + (uint64_t)(time >> 5 & 63) * 60 +
            (uint64_t)(time & 31) * 2) *
           10000000;
}

static void fill_stat(const struct fat_node *n, struct win_stat *ret)
{
    *ret = (struct win_stat){ .is_dir = n->attributes & FAT_ATTR_DIR,
                              .attributes = n->attributes,
                              .bytes = n->attributes & FAT_ATTR_DIR ? 0 : n->bytes,
                              .mtime = filetime(n->date, n->time),
                              .id = n->attributes & FAT_ATTR_DIR ? n->cluster : n->entry_at };
}

static int fat_stat(struct win_tree *tree, const char *path, struct win_stat *ret, struct err *e)
{
    struct fat_node n;
    int r = find(fat_of(tree), path, &n, e);

    if (r == 0)
        fill_stat(&n, ret);
    return r;
}

static int fat_read_at(struct win_tree *tree, const char *path, uint64_t offset, void *buf,
                       size_t len, size_t *ret_len, struct err *e)
{
    struct fat_node n;
    int r = find(fat_of(tree), path, &n, e);

    if (r == 0 && n.cluster == 0 && n.bytes)
        return win_fat_corrupt("a file has no clusters", e);
    return r < 0 ? r : win_fat_chain_read(fat_of(tree), n.cluster, offset, buf, len, ret_len, e);
}

struct listing {
    win_tree_each_fn fn;
    void *userdata;
};

static int list_one(void *userdata, const char *name, const char *alias, const struct fat_node *n,
                    struct err *e)
{
    struct listing *l = userdata;
    struct win_stat st;

    (void)alias;
    fill_stat(n, &st);
    return l->fn(l->userdata, name, &st, e);
}

static int fat_list(struct win_tree *tree, const char *path, win_tree_each_fn fn, void *userdata,
                    struct err *e)
{
    struct listing l = { fn, userdata };
    struct fat_node n;
    int r = find(fat_of(tree), path, &n, e);

    if (r < 0)
        return r;
    if (!(n.attributes & FAT_ATTR_DIR))
        return err_set(e, ENOTDIR, ERR_INVALID, "'%s' is not a directory", path);
    return win_fat_each(fat_of(tree), &n, list_one, &l, e);
}

/* ---- writing --------------------------------------------------------------------------------- */

static int fat_write(struct win_tree *tree, const char *path, const void *buf, size_t len,
                     struct err *e)
{
    struct fat_tree *t = fat_of(tree);
    struct fat_node n;
    int r = find(t, path, &n, e);

    if (r < 0)
        return r;
    if (n.attributes & FAT_ATTR_DIR)
        return err_set(e, EISDIR, ERR_INVALID, "'%s' is a directory", path);
    if (len > FILE_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "%zu bytes are too many for '%s'", len, path);
    r = win_fat_chain_resize(t, &n.cluster, (uint32_t)div_up_u64(len, t->cluster_bytes), e);
    n.bytes = (uint32_t)len;
    if (r == 0)
        r = win_fat_store(t, e);
    if (r == 0)
        r = win_fat_chain_write(t, n.cluster, buf, len, e);
    return r < 0 ? r : win_fat_entry_update(t, &n, e);
}

static int fat_facts(struct win_tree *tree, struct win_volume_facts *ret, struct err *e)
{
    const struct fat_tree *t = fat_of(tree);
    uint64_t free_clusters = 0;

    (void)e;
    for (uint32_t i = 0; i < t->clusters; i++)
        free_clusters += win_fat_get(t, i + 2) == 0;
    (void)snprintf(ret->format, sizeof ret->format, "FAT%u", t->bits);
    (void)str_copy(ret->label, sizeof ret->label, t->label);
    ret->serial = t->serial;
    ret->cluster_bytes = t->cluster_bytes;
    ret->total_bytes = (uint64_t)t->clusters * t->cluster_bytes;
    ret->free_bytes = free_clusters * t->cluster_bytes;
    return 0;
}

/* ---- opening --------------------------------------------------------------------------------- */

static bool is_power(uint32_t v)
{
    return v && (v & (v - 1)) == 0;
}

/* The layout from the boot sector; the number of clusters alone tells which FAT it is. */
static int read_layout(struct fat_tree *t, const uint8_t *b, struct err *e)
{
    uint32_t reserved = rd16(b + 14), per = b[13], size = rd16(b + 22);
    uint64_t total = rd16(b + 19), data;

    t->sector = rd16(b + 11);
    t->n_fats = b[16];
    t->root_bytes = (uint64_t)rd16(b + 17) * 32;
    size = size ? size : rd32(b + 36);
    total = total ? total : rd32(b + 32);
    if (!is_power(t->sector) || t->sector < 512 || t->sector > 4096 || !is_power(per) ||
        reserved == 0 || t->n_fats < 1 || t->n_fats > 4 || size == 0 ||
        total * t->sector > win_disk_bytes(t->part))
        return win_fat_corrupt("its boot sector makes no sense", e);
    t->cluster_bytes = t->sector * per;
    t->fat_at = (uint64_t)reserved * t->sector;
    t->fat_bytes = (uint64_t)size * t->sector;
    t->root_at = t->fat_at + t->n_fats * t->fat_bytes;
    data = div_up_u64(t->root_bytes, t->sector) * t->sector + t->root_at;
    if (data >= total * t->sector)
        return win_fat_corrupt("it has no room for data", e);
    t->data_at = data;
    t->clusters = (uint32_t)((total * t->sector - data) / t->cluster_bytes);
    t->bits = t->clusters < 4085 ? 12 : t->clusters < 65525 ? 16 : 32;
    if (t->fat_bytes > FAT_TABLE_MAX || t->fat_bytes * 8 / t->bits < (uint64_t)t->clusters + 2)
        return win_fat_corrupt("its table is too small or too large", e);
    return 0;
}

static void read_names(struct fat_tree *t, const uint8_t *b)
{
    const uint8_t *ext = b + (t->bits == 32 ? 64 : 36);
    size_t n = 11;

    t->serial = rd32(ext + 3);
    while (n && ext[7 + n - 1] == ' ')
        n--;
    for (size_t i = 0; i < n; i++)
        t->label[i] = (char)(ext[7 + i] >= 0x20 && ext[7 + i] < 0x7f ? ext[7 + i] : '_');
}

static int open_volume(struct fat_tree *t, struct err *e)
{
    uint8_t b[512];
    int r;

    if (win_disk_bytes(t->part) < sizeof b)
        return win_fat_corrupt("it is smaller than a sector", e);
    r = win_disk_read(t->part, 0, b, sizeof b, e);
    if (r == 0)
        r = read_layout(t, b, e);
    if (r < 0)
        return r;
    read_names(t, b);
    t->mirrored = true;
    if (t->bits == 32) {
        uint16_t flags = rd16(b + 40), info = rd16(b + 48);

        t->root_cluster = rd32(b + 44);
        t->mirrored = !(flags & 0x80);
        t->active_fat = t->mirrored ? 0 : flags & 15U;
        t->info_at = info && info < rd16(b + 14) ? (uint64_t)info * t->sector : 0;
        if (t->active_fat >= t->n_fats || !win_fat_is_cluster(t, t->root_cluster))
            return win_fat_corrupt("its boot sector makes no sense", e);
    }
    t->fat = calloc(1, (size_t)t->fat_bytes + 4); /* a 12-bit entry is read as 16 */
    if (!t->fat)
        return err_oom(e);
    return win_disk_read(t->part, t->fat_at + t->active_fat * t->fat_bytes, t->fat,
                         (size_t)t->fat_bytes, e);
}

static void fat_free(struct win_tree *tree)
{
    free(fat_of(tree)->fat);
    free(fat_of(tree));
}

static const struct win_tree_ops fat_ops = {
    .kind = WIN_TREE_FAT,
    .stat = fat_stat,
    .read_at = fat_read_at,
    .list = fat_list,
    .facts = fat_facts,
    .write = fat_write,
    .free = fat_free,
};

int win_fat_open(struct win_disk *part, bool writable, struct win_tree **ret, struct err *e)
{
    struct fat_tree *t = calloc(1, sizeof *t);
    int r;

    if (!t)
        return err_oom(e);
    t->t.ops = &fat_ops;
    t->t.writable = writable;
    t->part = part;
    r = open_volume(t, e);
    if (r < 0) {
        fat_free(&t->t);
        return r;
    }
    *ret = &t->t;
    return 0;
}

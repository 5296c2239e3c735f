/* SPDX-License-Identifier: GPL-3.0-or-later */
/* FAT12, FAT16 and FAT32 (Microsoft, "FAT32 File System Specification" 1.03), as much as an EFI
 * system partition needs: files are found and read, and existing ones get new content. */
#include "fat.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cur.h"
#include "str.h"
#include "tree-priv.h"

#define FAT_TABLE_MAX MIB(64)
#define DIR_MAX       MIB(2) /* 65536 entries of 32 bytes */
#define FILE_MAX      MIB(512)
#define LFN_MAX       20 /* parts of a long name, 13 units each */
#define NAME_BYTES    800

#define ATTR_VOLUME 0x08U
#define ATTR_DIR    0x10U
#define ATTR_LFN    0x0fU

struct fat_tree {
    struct win_tree t;
    struct win_disk *part;                    /* borrowed */
    unsigned bits;                            /* 12, 16, 32 */
    uint32_t sector, cluster_bytes, clusters; /* clusters are 2 .. clusters + 1 */
    uint64_t fat_at, fat_bytes, root_at, root_bytes, data_at;
    unsigned n_fats, active_fat;
    bool mirrored;
    uint32_t root_cluster; /* FAT32 */
    uint64_t info_at;      /* FSInfo; 0: none */
    uint8_t *fat;
    char label[12];
    uint32_t serial;
};

/* A file or directory that was found. */
struct node {
    uint32_t cluster; /* 0: none, or the fixed root */
    uint32_t bytes;
    uint8_t attributes;
    uint16_t date, time;
    bool fixed_root;
    uint64_t entry_at; /* of its 32 bytes on the volume; 0: the root */
};

static struct fat_tree *fat_of(struct win_tree *t)
{
    return (struct fat_tree *)t;
}

static uint16_t le16_at(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32_at(const uint8_t *p)
{
    return (uint32_t)le16_at(p) | (uint32_t)le16_at(p + 2) << 16;
}

static int corrupt(const char *what, struct err *e)
{
    return err_set(e, EINVAL, ERR_CORRUPT, "the FAT volume is damaged: %s", what);
}

/* ---- the table ------------------------------------------------------------------------------- */

static uint32_t fat_get(const struct fat_tree *t, uint32_t c)
{
    const uint8_t *p;

    switch (t->bits) {
    case 12:
        p = t->fat + c + c / 2;
        return c & 1 ? (uint32_t)le16_at(p) >> 4 : le16_at(p) & 0xfffU;
    case 16:
        return le16_at(t->fat + (size_t)c * 2);
    default:
        return le32_at(t->fat + (size_t)c * 4) & 0x0fffffffU;
    }
}

static bool is_end(const struct fat_tree *t, uint32_t v)
{
    return v >= (t->bits == 12 ? 0xff8U : t->bits == 16 ? 0xfff8U : 0x0ffffff8U);
}

static bool is_cluster(const struct fat_tree *t, uint32_t c)
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
        w = le16_at(p);
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
        v = (v & 0x0fffffffU) | (le32_at(p) & 0xf0000000U);
        for (unsigned i = 0; i < 4; i++)
            p[i] = (uint8_t)(v >> (8 * i));
    }
}

/* One table of a few hundred KiB: written whole; the layer below keeps only what changed. */
static int fat_store(struct fat_tree *t, struct err *e)
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

static uint64_t cluster_at(const struct fat_tree *t, uint32_t c)
{
    return t->data_at + (uint64_t)(c - 2) * t->cluster_bytes;
}

/* ---- content --------------------------------------------------------------------------------- */

/* Up to len bytes of a chain from offset; *ret_len less at its end. */
static int chain_read(struct fat_tree *t, uint32_t c, uint64_t offset, uint8_t *buf, size_t len,
                      size_t *ret_len, struct err *e)
{
    uint64_t skip = offset / t->cluster_bytes;
    uint32_t in = (uint32_t)(offset % t->cluster_bytes), steps = 0;
    size_t done = 0;

    while (done < len && !is_end(t, c)) {
        size_t k = (size_t)min_u64(len - done, t->cluster_bytes - in);
        int r;

        if (!is_cluster(t, c) || ++steps > t->clusters)
            return corrupt("a chain of clusters does not end", e);
        if (skip) {
            skip--;
            c = fat_get(t, c);
            continue;
        }
        r = win_disk_read(t->part, cluster_at(t, c) + in, buf + done, k, e);
        if (r < 0)
            return r;
        done += k;
        in = 0;
        c = fat_get(t, c);
    }
    *ret_len = done;
    return 0;
}

static int dir_read(struct fat_tree *t, const struct node *n, uint8_t **ret, size_t *ret_len,
                    struct err *e)
{
    size_t max = n->fixed_root ? (size_t)t->root_bytes : DIR_MAX, len = 0;
    _cleanup_free_ uint8_t *buf = calloc(1, max + 1);
    int r;

    if (!buf)
        return err_oom(e);
    if (n->fixed_root)
        len = max;
    r = n->fixed_root ? win_disk_read(t->part, t->root_at, buf, max, e)
                      : chain_read(t, n->cluster, 0, buf, max, &len, e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(buf);
    *ret_len = len;
    return 0;
}

/* Where the entry at pos of a directory lies on the volume. */
static int entry_position(struct fat_tree *t, const struct node *dir, size_t pos, uint64_t *ret,
                          struct err *e)
{
    uint32_t c = dir->cluster;

    if (dir->fixed_root) {
        *ret = t->root_at + pos;
        return 0;
    }
    for (size_t i = pos / t->cluster_bytes; i > 0; i--) {
        if (!is_cluster(t, c))
            return corrupt("a directory ends too early", e);
        c = fat_get(t, c);
    }
    if (!is_cluster(t, c))
        return corrupt("a directory ends too early", e);
    *ret = cluster_at(t, c) + pos % t->cluster_bytes;
    return 0;
}

/* ---- directories ----------------------------------------------------------------------------- */

struct long_name {
    uint16_t unit[LFN_MAX * 13];
    unsigned next; /* the part that must come next, counting down to 0 */
    uint8_t sum;
    bool whole;
};

static void lfn_part(struct long_name *l, const uint8_t *p)
{
    static const uint8_t at[13] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
    unsigned order = p[0] & 0x3fU;

    l->whole = false;
    if (p[0] & 0x40) {
        memset(l->unit, 0, sizeof l->unit);
        l->next = order <= LFN_MAX ? order : 0;
        l->sum = p[13];
    }
    if (order == 0 || order != l->next || p[13] != l->sum) {
        l->next = 0;
        return;
    }
    for (unsigned i = 0; i < 13; i++)
        l->unit[(order - 1) * 13 + i] = le16_at(p + at[i]);
    l->next--;
    l->whole = l->next == 0;
}

static uint8_t short_sum(const uint8_t *p)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < 11; i++)
        sum = (uint8_t)((sum & 1 ? 0x80 : 0) + (sum >> 1) + p[i]);
    return sum;
}

static void add_point(struct str *s, uint32_t c)
{
    char b[4];
    size_t n = 0;

    if (c < 0x80) {
        b[n++] = (char)c;
    } else if (c < 0x800) {
        b[n++] = (char)(0xc0 | c >> 6);
        b[n++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        b[n++] = (char)(0xe0 | c >> 12);
        b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        b[n++] = (char)(0x80 | (c & 0x3f));
    } else {
        b[n++] = (char)(0xf0 | c >> 18);
        b[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        b[n++] = (char)(0x80 | (c & 0x3f));
    }
    str_add_mem(s, b, n);
}

static void long_text(const struct long_name *l, struct str *s)
{
    for (unsigned i = 0; i < ARRAY_LEN(l->unit) && l->unit[i] && l->unit[i] != 0xffff; i++) {
        uint32_t c = l->unit[i];

        if (c >= 0xd800 && c < 0xdc00 && i + 1 < ARRAY_LEN(l->unit) &&
            (l->unit[i + 1] & 0xfc00) == 0xdc00)
            c = 0x10000 + ((c & 0x3ff) << 10) + (l->unit[++i] & 0x3ffU);
        else if ((c & 0xf800) == 0xd800)
            c = 0xfffd;
        add_point(s, c == '/' ? 0xfffd : c);
    }
}

/* Bytes over 127 are of an unknown code page; lower case is kept in two bits by Windows NT. */
static void short_text(const uint8_t *p, struct str *s)
{
    for (unsigned i = 0; i < 11; i++) {
        bool lower = p[12] & (i < 8 ? 0x08 : 0x10);
        uint8_t c = i == 0 && p[0] == 0x05 ? 0xe5 : p[i];

        if (c == ' ')
            continue;
        if (i >= 8 && p[8] != ' ' && i == 8)
            str_addc(s, '.');
        if (c >= 0x80 || c < 0x20 || c == '/')
            c = '_';
        str_addc(s, (char)(lower && c >= 'A' && c <= 'Z' ? c + 32 : c));
    }
}

typedef int (*entry_fn)(void *userdata, const char *name, const char *alias, const struct node *n,
                        struct err *e);

static int each_entry(struct fat_tree *t, const struct node *dir, entry_fn fn, void *userdata,
                      struct err *e)
{
    _cleanup_free_ uint8_t *buf = NULL;
    struct long_name l = { 0 };
    size_t len = 0, pos;
    int r = dir_read(t, dir, &buf, &len, e);

    for (pos = 0; r == 0 && pos + 32 <= len && buf[pos]; pos += 32) {
        const uint8_t *p = buf + pos;
        _cleanup_str_ struct str name = STR_INIT(NAME_BYTES), alias = STR_INIT(64);
        struct node n = { .attributes = p[11],
                          .bytes = le32_at(p + 28),
                          .date = le16_at(p + 24),
                          .time = le16_at(p + 22) };

        if (p[0] == 0xe5) {
            l.next = 0, l.whole = false;
            continue;
        }
        if ((p[11] & 0x3f) == ATTR_LFN) {
            lfn_part(&l, p);
            continue;
        }
        n.cluster = le16_at(p + 26) | (t->bits == 32 ? (uint32_t)le16_at(p + 20) << 16 : 0);
        short_text(p, &alias);
        if (l.whole && l.sum == short_sum(p))
            long_text(&l, &name);
        else
            short_text(p, &name);
        l.next = 0, l.whole = false;
        if ((n.attributes & ATTR_VOLUME) || p[0] == '.')
            continue;
        r = entry_position(t, dir, pos, &n.entry_at, e);
        if (r == 0)
            r = str_check(&name, "a name", e);
        if (r == 0)
            r = fn(userdata, str_text(&name), str_text(&alias), &n, e);
    }
    return r;
}

/* ---- paths ----------------------------------------------------------------------------------- */

struct search {
    const char *name;
    struct node *ret;
};

static int match(void *userdata, const char *name, const char *alias, const struct node *n,
                 struct err *e)
{
    struct search *s = userdata;

    (void)e;
    if (!str_eq_nocase(name, s->name) && !str_eq_nocase(alias, s->name))
        return 0;
    *s->ret = *n;
    return 1;
}

static struct node root_node(const struct fat_tree *t)
{
    return (struct node){ .attributes = ATTR_DIR,
                          .cluster = t->root_cluster,
                          .fixed_root = t->bits != 32 };
}

static int find(struct fat_tree *t, const char *path, struct node *ret, struct err *e)
{
    struct node n = root_node(t);
    const char *p = path;

    while (*p) {
        size_t k = strcspn(p, "/");
        _cleanup_free_ char *name = strndup(p, k);
        struct search s = { .name = name };
        struct node found;
        int r = 0;

        s.ret = &found;
        if (!name)
            return err_oom(e);
        if (n.attributes & ATTR_DIR)
            r = each_entry(t, &n, match, &s, e);
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

static void fill_stat(const struct node *n, struct win_stat *ret)
{
    *ret = (struct win_stat){ .is_dir = n->attributes & ATTR_DIR,
                              .attributes = n->attributes,
                              .bytes = n->attributes & ATTR_DIR ? 0 : n->bytes,
                              .mtime = filetime(n->date, n->time),
                              .id = n->entry_at };
}

static int fat_stat(struct win_tree *tree, const char *path, struct win_stat *ret, struct err *e)
{
    struct node n;
    int r = find(fat_of(tree), path, &n, e);

    if (r == 0)
        fill_stat(&n, ret);
    return r;
}

static int fat_read_at(struct win_tree *tree, const char *path, uint64_t offset, void *buf,
                       size_t len, size_t *ret_len, struct err *e)
{
    struct node n;
    int r = find(fat_of(tree), path, &n, e);

    if (r == 0 && n.cluster == 0 && n.bytes)
        return corrupt("a file has no clusters", e);
    return r < 0 ? r : chain_read(fat_of(tree), n.cluster, offset, buf, len, ret_len, e);
}

struct listing {
    win_tree_each_fn fn;
    void *userdata;
};

static int list_one(void *userdata, const char *name, const char *alias, const struct node *n,
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
    struct node n;
    int r = find(fat_of(tree), path, &n, e);

    if (r < 0)
        return r;
    if (!(n.attributes & ATTR_DIR))
        return err_set(e, ENOTDIR, ERR_INVALID, "'%s' is not a directory", path);
    return each_entry(fat_of(tree), &n, list_one, &l, e);
}

/* ---- writing --------------------------------------------------------------------------------- */

static int find_free(const struct fat_tree *t, uint32_t *next, struct err *e)
{
    for (uint32_t i = 0; i < t->clusters; i++) {
        uint32_t c = 2 + (*next - 2 + i) % t->clusters;

        if (fat_get(t, c) == 0) {
            *next = c;
            return 0;
        }
    }
    return err_set(e, ENOSPC, ERR_LIMIT, "the system partition is full");
}

/* Makes the chain of *first exactly need clusters long. The table in memory alone changes. */
static int chain_resize(struct fat_tree *t, uint32_t *first, uint32_t need, struct err *e)
{
    uint32_t end = t->bits == 12 ? 0xfff : t->bits == 16 ? 0xffff : 0x0fffffff;
    uint32_t c = *first, last = 0, n = 0, fresh = 2, steps = 0;

    for (; c && !is_end(t, c) && n < need; n++) {
        if (!is_cluster(t, c))
            return corrupt("a chain of clusters does not end", e);
        last = c;
        c = fat_get(t, c);
    }
    while (c && is_cluster(t, c)) { /* too long */
        uint32_t next = fat_get(t, c);

        if (++steps > t->clusters)
            return corrupt("a chain of clusters does not end", e);
        fat_put(t, c, 0);
        c = next;
    }
    for (; n < need; n++) {
        int r = find_free(t, &fresh, e);

        if (r < 0)
            return r;
        fat_put(t, fresh, end);
        if (last)
            fat_put(t, last, fresh);
        else
            *first = fresh;
        last = fresh;
    }
    if (last)
        fat_put(t, last, end);
    if (need == 0)
        *first = 0;
    return 0;
}

static int chain_write(struct fat_tree *t, uint32_t c, const uint8_t *buf, size_t len,
                       struct err *e)
{
    for (size_t done = 0; done < len; c = fat_get(t, c)) {
        size_t k = (size_t)min_u64(len - done, t->cluster_bytes);
        int r;

        if (!is_cluster(t, c))
            return corrupt("a chain of clusters ends too early", e);
        r = win_disk_write(t->part, cluster_at(t, c), buf + done, k, e);
        if (r < 0)
            return r;
        done += k;
    }
    return 0;
}

static int entry_update(struct fat_tree *t, const struct node *n, struct err *e)
{
    uint8_t p[32];
    int r = win_disk_read(t->part, n->entry_at, p, sizeof p, e);

    if (r < 0)
        return r;
    p[26] = (uint8_t)n->cluster;
    p[27] = (uint8_t)(n->cluster >> 8);
    if (t->bits == 32) {
        p[20] = (uint8_t)(n->cluster >> 16);
        p[21] = (uint8_t)(n->cluster >> 24);
    }
    for (unsigned i = 0; i < 4; i++)
        p[28 + i] = (uint8_t)(n->bytes >> (8 * i));
    return win_disk_write(t->part, n->entry_at, p, sizeof p, e);
}

static int fat_write(struct win_tree *tree, const char *path, const void *buf, size_t len,
                     struct err *e)
{
    struct fat_tree *t = fat_of(tree);
    struct node n;
    int r = find(t, path, &n, e);

    if (r < 0)
        return r;
    if (n.attributes & ATTR_DIR)
        return err_set(e, EISDIR, ERR_INVALID, "'%s' is a directory", path);
    if (len > FILE_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "%zu bytes are too many for '%s'", len, path);
    r = chain_resize(t, &n.cluster, (uint32_t)div_up_u64(len, t->cluster_bytes), e);
    n.bytes = (uint32_t)len;
    if (r == 0)
        r = fat_store(t, e);
    if (r == 0)
        r = chain_write(t, n.cluster, buf, len, e);
    return r < 0 ? r : entry_update(t, &n, e);
}

static int fat_facts(struct win_tree *tree, struct win_volume_facts *ret, struct err *e)
{
    const struct fat_tree *t = fat_of(tree);
    uint64_t free_clusters = 0;

    (void)e;
    for (uint32_t i = 0; i < t->clusters; i++)
        free_clusters += fat_get(t, i + 2) == 0;
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
    uint32_t reserved = le16_at(b + 14), per = b[13], size = le16_at(b + 22);
    uint64_t total = le16_at(b + 19), data;

    t->sector = le16_at(b + 11);
    t->n_fats = b[16];
    t->root_bytes = (uint64_t)le16_at(b + 17) * 32;
    size = size ? size : le32_at(b + 36);
    total = total ? total : le32_at(b + 32);
    if (!is_power(t->sector) || t->sector < 512 || t->sector > 4096 || !is_power(per) ||
        reserved == 0 || t->n_fats < 1 || t->n_fats > 4 || size == 0 ||
        total * t->sector > win_disk_bytes(t->part))
        return corrupt("its boot sector makes no sense", e);
    t->cluster_bytes = t->sector * per;
    t->fat_at = (uint64_t)reserved * t->sector;
    t->fat_bytes = (uint64_t)size * t->sector;
    t->root_at = t->fat_at + t->n_fats * t->fat_bytes;
    data = div_up_u64(t->root_bytes, t->sector) * t->sector + t->root_at;
    if (data >= total * t->sector)
        return corrupt("it has no room for data", e);
    t->data_at = data;
    t->clusters = (uint32_t)((total * t->sector - data) / t->cluster_bytes);
    t->bits = t->clusters < 4085 ? 12 : t->clusters < 65525 ? 16 : 32;
    if (t->fat_bytes > FAT_TABLE_MAX || t->fat_bytes * 8 / t->bits < (uint64_t)t->clusters + 2)
        return corrupt("its table is too small or too large", e);
    return 0;
}

static void read_names(struct fat_tree *t, const uint8_t *b)
{
    const uint8_t *ext = b + (t->bits == 32 ? 64 : 36);
    size_t n = 11;

    t->serial = le32_at(ext + 3);
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
        return corrupt("it is smaller than a sector", e);
    r = win_disk_read(t->part, 0, b, sizeof b, e);
    if (r == 0)
        r = read_layout(t, b, e);
    if (r < 0)
        return r;
    read_names(t, b);
    t->mirrored = true;
    if (t->bits == 32) {
        uint16_t flags = le16_at(b + 40), info = le16_at(b + 48);

        t->root_cluster = le32_at(b + 44);
        t->mirrored = !(flags & 0x80);
        t->active_fat = t->mirrored ? 0 : flags & 15U;
        t->info_at = info && info < le16_at(b + 14) ? (uint64_t)info * t->sector : 0;
        if (t->active_fat >= t->n_fats || !is_cluster(t, t->root_cluster))
            return corrupt("its boot sector makes no sense", e);
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

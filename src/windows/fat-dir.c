/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Directories of a FAT volume: entries of 32 bytes, long names in entries before their own. */
#include <string.h>

#include "fat-priv.h"
#include "str.h"
#include "utf8.h"

#define DIR_MAX    MIB(2) /* 65536 entries of 32 bytes */
#define LFN_MAX    20     /* parts of a long name, 13 units each */
#define NAME_BYTES 800

#define ATTR_VOLUME 0x08U
#define ATTR_LFN    0x0fU

/* ---- where entries lie ----------------------------------------------------------------------- */

/* Only as much memory as the directory has clusters: most have one. */
static int dir_bytes(const struct fat_tree *t, const struct fat_node *n, size_t *ret, struct err *e)
{
    uint32_t clusters = 0;
    int r = 0;

    *ret = (size_t)t->root_bytes;
    if (n->fixed_root)
        return 0;
    r = win_fat_is_cluster(t, n->cluster) ? win_fat_chain_length(t, n->cluster, &clusters, e)
                                          : win_fat_corrupt("a directory has no clusters", e);
    *ret = (size_t)min_u64(DIR_MAX, (uint64_t)clusters * t->cluster_bytes);
    return r;
}

static int dir_read(struct fat_tree *t, const struct fat_node *n, uint8_t **ret, size_t *ret_len,
                    struct err *e)
{
    _cleanup_free_ uint8_t *buf = NULL;
    size_t max, len;
    int r = dir_bytes(t, n, &max, e);

    if (r < 0)
        return r;
    buf = calloc(1, max + 1);
    if (!buf)
        return err_oom(e);
    len = max;
    r = n->fixed_root ? win_disk_read(t->part, t->root_at, buf, max, e)
                      : win_fat_chain_read(t, n->cluster, 0, buf, max, &len, e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(buf);
    *ret_len = len;
    return 0;
}

/* Where entries of a directory lie on the volume, asked for in rising order. */
struct place {
    uint32_t cluster;
    size_t from; /* the first byte of the directory that lies in it */
};

static int entry_position(struct fat_tree *t, const struct fat_node *dir, size_t pos,
                          struct place *at, uint64_t *ret, struct err *e)
{
    if (dir->fixed_root) {
        *ret = t->root_at + pos;
        return 0;
    }
    for (; pos - at->from >= t->cluster_bytes; at->from += t->cluster_bytes)
        if (win_fat_is_cluster(t, at->cluster))
            at->cluster = win_fat_get(t, at->cluster);
    if (!win_fat_is_cluster(t, at->cluster))
        return win_fat_corrupt("a directory ends too early", e);
    *ret = win_fat_cluster_at(t, at->cluster) + pos - at->from;
    return 0;
}

/* ---- names ----------------------------------------------------------------------------------- */

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
        l->unit[(order - 1) * 13 + i] = rd16(p + at[i]);
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

static void long_text(const struct long_name *l, struct str *s)
{
    for (unsigned i = 0; i < ARRAY_LEN(l->unit) && l->unit[i] && l->unit[i] != 0xffff; i++) {
        uint32_t c = l->unit[i];
        char text[4];

        if (c >= 0xd800 && c < 0xdc00 && i + 1 < ARRAY_LEN(l->unit) &&
            (l->unit[i + 1] & 0xfc00) == 0xdc00)
            c = 0x10000 + ((c & 0x3ff) << 10) + (l->unit[++i] & 0x3ffU);
        else if ((c & 0xf800) == 0xd800)
            c = 0xfffd;
        str_add_mem(s, text, utf8_put(text, c == '/' ? 0xfffd : c));
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

/* ---- entries --------------------------------------------------------------------------------- */

int win_fat_each(struct fat_tree *t, const struct fat_node *dir, fat_entry_fn fn, void *userdata,
                 struct err *e)
{
    _cleanup_free_ uint8_t *buf = NULL;
    struct place at = { .cluster = dir->cluster };
    struct long_name l = { 0 };
    size_t len = 0, pos;
    int r = dir_read(t, dir, &buf, &len, e);

    for (pos = 0; r == 0 && pos + 32 <= len && buf[pos]; pos += 32) {
        const uint8_t *p = buf + pos;
        _cleanup_str_ struct str name = STR_INIT(NAME_BYTES), alias = STR_INIT(64);
        struct fat_node n = {
            .attributes = p[11], .bytes = rd32(p + 28), .date = rd16(p + 24), .time = rd16(p + 22)
        };

        if (p[0] == 0xe5) {
            l.next = 0, l.whole = false;
            continue;
        }
        if ((p[11] & 0x3f) == ATTR_LFN) {
            lfn_part(&l, p);
            continue;
        }
        n.cluster = rd16(p + 26) | (t->bits == 32 ? (uint32_t)rd16(p + 20) << 16 : 0);
        short_text(p, &alias);
        if (l.whole && l.sum == short_sum(p))
            long_text(&l, &name);
        else
            short_text(p, &name);
        l.next = 0, l.whole = false;
        if ((n.attributes & ATTR_VOLUME) || p[0] == '.')
            continue;
        r = entry_position(t, dir, pos, &at, &n.entry_at, e);
        if (r == 0)
            r = str_check(&name, "a name", e);
        if (r == 0)
            r = fn(userdata, str_text(&name), str_text(&alias), &n, e);
    }
    return r;
}

int win_fat_entry_update(struct fat_tree *t, const struct fat_node *n, struct err *e)
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

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Global groups keep their members as account numbers in "C". A machine that is no domain
 * controller has one: "None", with all of its accounts. */
#include "sam-priv.h"

#include <errno.h>
#include <string.h>

#include "regf-priv.h"

#define GROUP_HEAD 0x44U /* offsets in a group's "C" are relative to here */
#define G_MEMBERS  0x38U
#define G_ROOM     0x3cU /* bytes, used or not */
#define G_COUNT    0x40U
#define NONE       0x201U
#define C_MAX      MIB(1)

int sam_group_rids(const struct regf_data *c, const uint8_t **ret, uint32_t *ret_n)
{
    uint32_t off, n;

    if (c->n < GROUP_HEAD)
        return -EBADMSG;
    off = rd32(c->p + G_MEMBERS);
    n = rd32(c->p + G_COUNT);
    if (n && (off > c->n - GROUP_HEAD || n > (c->n - GROUP_HEAD - off) / 4))
        return -EBADMSG;
    *ret = n ? c->p + GROUP_HEAD + off : c->p;
    *ret_n = n;
    return 0;
}

/* The room for members stays as it is, Windows keeps spare room too. */
static int leave_group(struct regf *sam, uint32_t key, uint32_t rid, struct err *e)
{
    _cleanup_regf_data_ struct regf_data c = { 0 };
    _cleanup_free_ uint8_t *out = NULL;
    const uint8_t *rids;
    uint32_t n, i = 0;
    int r = regf_get(sam, key, "C", &c, e);

    if (r < 0)
        return r;
    if (sam_group_rids(&c, &rids, &n) < 0)
        return sam_corrupt(e, "the members", rid);
    while (i < n && rd32(rids + 4 * i) != rid)
        i++;
    if (i == n)
        return 0;
    out = malloc(c.n);
    if (!out)
        return err_oom(e);
    memcpy(out, c.p, c.n);
    memmove(out + (rids - c.p) + 4 * i, out + (rids - c.p) + 4 * (i + 1), 4 * (n - i - 1));
    wr32(out + (rids - c.p) + 4 * (n - 1), 0);
    wr32(out + G_COUNT, n - 1);
    return regf_set(sam, key, "C", c.type, out, c.n, e);
}

int sam_leave_none(struct regf *sam, uint32_t rid, struct err *e)
{
    struct regf_iter it = regf_subkeys(sam, regf_find(sam, 0, SAM_ACCOUNT "\\Groups"));
    char name[REGF_NAME_BYTES];
    uint32_t key, group;
    int r = 0;

    while (r == 0 && (key = regf_next_subkey(sam, &it)))
        if (sam_rid_of(regf_key_name(sam, key, name), &group))
            r = leave_group(sam, key, rid, e);
    return r;
}

/* In the room that there is, or with all members behind everything else. */
static int join(struct regf *sam, uint32_t key, uint32_t rid, const struct regf_data *c,
                const uint8_t *rids, uint32_t n, struct err *e)
{
    uint32_t at = (uint32_t)(rids - c->p), room = rd32(c->p + G_ROOM), end = (uint32_t)c->n;
    _cleanup_free_ uint8_t *out = NULL;
    bool fits = n && room <= end - at && room / 4 > n;

    if (!fits)
        at = (end + 3) & ~3U, end = at + 4 * (n + 1);
    out = calloc(1, end);
    if (!out)
        return err_oom(e);
    memcpy(out, c->p, c->n);
    memcpy(out + at, rids, 4 * (size_t)n);
    wr32(out + at + 4 * n, rid);
    wr32(out + G_COUNT, n + 1);
    if (!fits) {
        wr32(out + G_MEMBERS, at - GROUP_HEAD);
        wr32(out + G_ROOM, 4 * (n + 1));
    }
    return regf_set(sam, key, "C", c->type, out, end, e);
}

int sam_join_none(struct regf *sam, uint32_t rid, struct err *e)
{
    _cleanup_regf_data_ struct regf_data c = { 0 };
    const uint8_t *rids;
    uint32_t key, n;
    int r = sam_rid_key(sam, SAM_ACCOUNT "\\Groups", NONE, &key, e);

    if (r == 0)
        r = regf_get(sam, key, "C", &c, e);
    if (r < 0)
        return r;
    if (c.n > C_MAX || sam_group_rids(&c, &rids, &n) < 0)
        return sam_corrupt(e, "the members", NONE);
    return join(sam, key, rid, &c, rids, n, e);
}

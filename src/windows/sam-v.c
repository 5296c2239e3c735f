/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "V" of an account: 17 parts of any length behind a table of them. */
#include "sam-priv.h"

#include <errno.h>
#include <string.h>

#include "rand.h"
#include "regf-priv.h"

#define V_HEAD 0xccU /* 17 parts of 12 bytes: offset behind here, length, a number */

bool sam_v_read(const struct regf_data *v, struct sam_part ret[SAM_V_PARTS])
{
    if (v->n < V_HEAD)
        return false;
    for (unsigned i = 0; i < SAM_V_PARTS; i++) {
        uint32_t off = rd32(v->p + 12 * i), n = rd32(v->p + 12 * i + 4);

        if (n && (off > v->n - V_HEAD || n > v->n - V_HEAD - off))
            return false;
        ret[i] = (struct sam_part){ n ? v->p + V_HEAD + off : v->p, n, rd32(v->p + 12 * i + 8) };
    }
    return true;
}

int sam_v_write(struct regf *sam, uint32_t key, uint32_t type,
                const struct sam_part parts[SAM_V_PARTS], struct err *e)
{
    _cleanup_free_ uint8_t *out = NULL;
    uint64_t n = V_HEAD, at = V_HEAD;

    for (unsigned i = 0; i < SAM_V_PARTS; i++)
        n += (parts[i].n + 3ULL) & ~3ULL;
    if (n > KIB(64))
        return err_set(e, EFBIG, ERR_LIMIT, "the data of an account is too big");
    out = calloc(1, n);
    if (!out)
        return err_oom(e);
    for (unsigned i = 0; i < SAM_V_PARTS; i++) {
        wr32(out + 12 * i, (uint32_t)(at - V_HEAD));
        wr32(out + 12 * i + 4, parts[i].n);
        wr32(out + 12 * i + 8, parts[i].extra);
        if (parts[i].n)
            memcpy(out + at, parts[i].p, parts[i].n);
        at += (parts[i].n + 3ULL) & ~3ULL;
    }
    return regf_set(sam, key, "V", type, out, n, e);
}

uint32_t sam_v_no_hash(const struct sam_part *old, uint8_t out[24])
{
    memset(out, 0, 24);
    if (old->n < 4)
        return 0;
    memcpy(out, old->p, 4);
    if (rd16(out + 2) != 2)
        return 4;
    rand_bytes(out + 8, 16);
    return 24;
}

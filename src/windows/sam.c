/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine and its domain, as SAM, SECURITY and SYSTEM say it. */
#include "sam-priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "regf-priv.h"

#define DOMAIN_V_DATA   0x30U /* offsets in a domain's "V" are relative to here */
#define POLICY_HEAD     8U
#define POLICY_TEXT_MAX 1024U

int sam_corrupt(struct err *e, const char *what, uint32_t rid)
{
    return err_set(e, EBADMSG, ERR_CORRUPT, "damaged SAM hive: %s of account or group %u", what,
                   rid);
}

bool sam_rid_of(const char *name, uint32_t *ret)
{
    uint8_t b[4];

    if (strlen(name) != 8 || hex_decode(name, b, 4) < 0)
        return false;
    *ret = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return true;
}

int sam_rid_key(const struct regf *sam, const char *path, uint32_t rid, uint32_t *ret,
                struct err *e)
{
    char whole[128];

    (void)snprintf(whole, sizeof whole, "%s\\%08X", path, rid);
    return regf_find_key(sam, 0, whole, ret, e);
}

int sam_count(struct regf *sam, uint32_t key, int by, struct err *e)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };
    uint32_t n;
    int r = regf_get(sam, key, "", &d, e);

    if (r < 0)
        return r;
    n = by < 0 ? d.type - (uint32_t)min_u64(d.type, (uint32_t)-by) : d.type + (uint32_t)by;
    return regf_set(sam, key, "", n, d.p, d.n, e);
}

/* --- SIDs --- */

int sam_machine_sid(const struct regf *sam, uint8_t ret[SID_MACHINE_BYTES], struct err *e)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };
    uint32_t key, off, n;
    int r = regf_find_key(sam, 0, SAM_ACCOUNT, &key, e);

    if (r == 0)
        r = regf_get(sam, key, "V", &d, e);
    if (r < 0)
        return err_wrap(e, "read the machine's SID");
    off = d.n >= DOMAIN_V_DATA ? rd32(d.p + 12) : 0;
    n = d.n >= DOMAIN_V_DATA ? rd32(d.p + 16) : 0;
    if (n != SID_MACHINE_BYTES || off > d.n - DOMAIN_V_DATA || n > d.n - DOMAIN_V_DATA - off ||
        !sid_is_machine(d.p + DOMAIN_V_DATA + off, n))
        return err_set(e, EBADMSG, ERR_CORRUPT, "damaged SAM hive: the SID of the machine");
    memcpy(ret, d.p + DOMAIN_V_DATA + off, n);
    return 0;
}

int sam_account_sid(const struct regf *sam, uint32_t rid, uint8_t ret[SID_MACHINE_BYTES + 4],
                    struct err *e)
{
    int r = sam_machine_sid(sam, ret, e);

    if (r < 0)
        return r;
    ret[1] = 5;
    wr32(ret + SID_MACHINE_BYTES, rid);
    return 0;
}

static int policy_data(const struct regf *security, const char *name, struct regf_data *ret,
                       struct err *e)
{
    char path[64];
    uint32_t key;
    int r;

    (void)snprintf(path, sizeof path, "Policy\\%s", name);
    r = regf_find_key(security, 0, path, &key, e);
    return r < 0 ? r : regf_get(security, key, "", ret, e);
}

int policy_machine_sid(const struct regf *security, uint8_t ret[SID_MACHINE_BYTES], struct err *e)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };
    int r = policy_data(security, "PolAcDmS", &d, e);

    if (r < 0)
        return err_wrap(e, "read the machine's SID");
    if (!sid_is_machine(d.p, d.n))
        return err_set(e, EBADMSG, ERR_CORRUPT, "damaged SECURITY hive: the SID of the machine");
    memcpy(ret, d.p, SID_MACHINE_BYTES);
    return 0;
}

int policy_domain_sid(const struct regf *security, uint8_t ret[SID_MACHINE_BYTES], struct err *e)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };
    int r = policy_data(security, "PolPrDmS", &d, e);

    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    if (r < 0 || !d.n)
        return r;
    if (!sid_is_machine(d.p, d.n))
        return err_set(e, EBADMSG, ERR_CORRUPT, "damaged SECURITY hive: the SID of the domain");
    memcpy(ret, d.p, SID_MACHINE_BYTES);
    return 1;
}

/* --- texts of the policy: u16 length, u16 room, u32 offset 8, UTF-16LE, NUL --- */

char *policy_text(const struct regf *security, const char *name)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };
    struct err e = { 0 };
    struct regf_name text;
    char *out;
    uint32_t off;

    if (policy_data(security, name, &d, &e) < 0 || d.n < POLICY_HEAD)
        return NULL;
    off = rd32(d.p + 4);
    text = (struct regf_name){ NULL, rd16(d.p), true };
    if (!text.n || off > d.n || text.n > d.n - off)
        return NULL;
    text.p = d.p + off;
    out = malloc((size_t)text.n * 2 + 1);
    if (out)
        (void)regf_name_utf8(&text, out, (size_t)text.n * 2 + 1);
    return out;
}

int policy_set_text(struct regf *security, const char *name, const char *text, struct err *e)
{
    _cleanup_regf_data_ struct regf_data old = { 0 };
    _cleanup_wide_ struct regf_wide w = { 0 };
    uint8_t out[POLICY_HEAD + 2 * POLICY_TEXT_MAX + 2] = { 0 };
    uint32_t type = REGF_NONE, key;
    char path[64];
    int r;

    (void)snprintf(path, sizeof path, "Policy\\%s", name);
    r = regf_key_create(security, 0, path, &key, e);
    if (r == 0)
        r = regf_wide_from(text, strlen(text), POLICY_TEXT_MAX, &w, e);
    if (r < 0)
        return err_wrap(e, "set the policy's '%s'", name);
    if (policy_data(security, name, &old, e) == 0)
        type = old.type;
    else
        err_clear(e);
    if (!w.n)
        return regf_set(security, key, "", type, "", 0, e);
    w.latin = false;
    wr16(out, (uint16_t)(2 * w.n));
    wr16(out + 2, (uint16_t)(2 * w.n + 2));
    wr32(out + 4, POLICY_HEAD);
    regf_wide_store(&w, out + POLICY_HEAD);
    return regf_set(security, key, "", type, out, POLICY_HEAD + 2 * w.n + 2, e);
}

/* --- the boot key --- */

int sam_boot_key(const struct regf *system, uint32_t control_set, uint8_t ret[SAM_BOOT_KEY_BYTES],
                 struct err *e)
{
    static const char *const names[] = { "JD", "Skew1", "GBG", "Data" };
    static const uint8_t order[16] = { 8, 5, 4, 2, 11, 9, 13, 3, 0, 6, 1, 12, 14, 10, 15, 7 };
    uint8_t scrambled[16];

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        _cleanup_free_ char *text = NULL;
        char path[32];
        uint32_t key;

        (void)snprintf(path, sizeof path, "Control\\Lsa\\%s", names[i]);
        key = regf_find(system, control_set, path);
        text = key ? regf_class(system, key) : NULL;
        if (!text || strlen(text) != 8 || hex_decode(text, scrambled + 4 * i, 4) < 0)
            return err_set(e, ENOKEY, ERR_NOT_FOUND, "no boot key in this SYSTEM hive ('%s')",
                           path);
    }
    for (size_t i = 0; i < 16; i++)
        ret[i] = scrambled[order[i]];
    return 0;
}

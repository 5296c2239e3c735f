/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A new account of the machine. What depends on the age of the hive comes from accounts that every
 * Windows has: the form of "F" and "V" from Guest's, and the security descriptor, too: an ordinary
 * account's is Guest's with an entry for itself and leave to change its password, an
 * administrator's is Administrator's with its own number (seen in hives of Windows 7 and Server
 * 2016). */
#include "sam-priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "regf-priv.h"

#define NAME_MAX_UNITS 20U
#define TEXT_MAX_UNITS 256U
#define DOMAIN_CHANGES 0x10U /* in the account domain's "F" */
#define DOMAIN_NEXT    0x48U
#define DOMAIN_F_MAX   1024U
#define RID_MAX        0x3fffffffU
#define F_GROUP        0x34U
#define GROUP_NONE     0x201U
#define F_NEW_BYTES    80U
#define SELF_BYTES     (SID_MACHINE_BYTES + 4U)
#define ACE_BYTES      (8U + SELF_BYTES)
#define SELF_MAY       0x00020044U /* read itself, change its password */
#define MAY_CHANGE     0x00000040U /* its password: who knows the old one; not Guest's */
#define SD_MAX         4096U

/* ---- the name -------------------------------------------------------------------------------- */

int sam_check_user_name(const char *name, struct err *e)
{
    _cleanup_wide_ struct regf_wide w = { 0 };
    struct err scratch = { 0 };
    const char *why = NULL;

    if (regf_wide_from(name, strlen(name), TEXT_MAX_UNITS, &w, &scratch) < 0 || w.n == 0 ||
        w.n > NAME_MAX_UNITS)
        why = "has not 1 to 20 characters";
    else if (strpbrk(name, "\"/\\[]:;|=,+*?<>@%"))
        why = "has one of \"/\\[]:;|=,+*?<>@%";
    else if (strspn(name, ". ") == strlen(name) || name[strlen(name) - 1] == '.')
        why = "is made of dots and blanks, or ends with a dot";
    for (const char *p = name; *p && !why; p++)
        if ((unsigned char)*p < 0x20)
            why = "has a control character";
    return why ? err_set(e, EINVAL, ERR_INVALID, "'%.80s' is no name of an account: it %s", name,
                         why)
               : 0;
}

static int refuse_taken(const struct regf *sam, const char *name, struct err *e)
{
    static const char *const lists[] = { SAM_USERS, SAM_ACCOUNT "\\Aliases", SAM_ACCOUNT "\\Groups",
                                         SAM_BUILTIN "\\Aliases" };

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        uint32_t list = regf_find(sam, 0, lists[i]), names = regf_find(sam, list, "Names");

        if (list && names && regf_find(sam, names, name))
            return err_set(e, EEXIST, ERR_EXISTS, "there is %s '%s' already",
                           i == 0 ? "an account" : "a group", name);
    }
    return 0;
}

/* ---- the number ------------------------------------------------------------------------------ */

static int domain_f(const struct regf *sam, uint32_t *ret_key, struct regf_data *ret, struct err *e)
{
    int r = regf_find_key(sam, 0, SAM_ACCOUNT, ret_key, e);

    if (r == 0)
        r = regf_get(sam, *ret_key, "F", ret, e);
    if (r == 0 && (ret->n < DOMAIN_NEXT + 4 || ret->n > DOMAIN_F_MAX))
        r = err_set(e, EBADMSG, ERR_CORRUPT, "damaged SAM hive: the account domain's numbers");
    return r;
}

/* The domain's next number, or the first behind it that is free. */
static int find_rid(const struct regf *sam, uint32_t *ret, struct err *e)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };
    uint32_t key, ignored, rid;
    int r = domain_f(sam, &key, &d, e);

    if (r < 0)
        return r;
    for (rid = (uint32_t)max_u64(rd32(d.p + DOMAIN_NEXT), SAM_RID_FIRST_LOCAL);; rid++) {
        struct err scratch = { 0 };

        if (rid > RID_MAX)
            return err_set(e, EFBIG, ERR_LIMIT, "no number is left for an account");
        if (sam_rid_key(sam, SAM_USERS, rid, &ignored, &scratch) < 0)
            break;
    }
    *ret = rid;
    return 0;
}

static int use_rid(struct regf *sam, uint32_t rid, struct err *e)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };
    uint8_t f[DOMAIN_F_MAX];
    uint32_t key;
    int r = domain_f(sam, &key, &d, e);

    if (r < 0)
        return r;
    memcpy(f, d.p, d.n);
    wr32(f + DOMAIN_NEXT, rid + 1);
    wr64(f + DOMAIN_CHANGES, rd64(f + DOMAIN_CHANGES) + 1);
    return regf_set(sam, key, "F", d.type, f, d.n, e);
}

/* ---- its security ---------------------------------------------------------------------------- */

struct descriptor {
    uint8_t p[SD_MAX];
    uint32_t n;
};

static void shift(uint8_t *p, uint32_t field, uint32_t from)
{
    if (rd32(p + field) >= from)
        wr32(p + field, rd32(p + field) + ACE_BYTES);
}

/* Of the list's entry for everyone, which is first. */
static bool let_change(uint8_t *ace, uint32_t room)
{
    static const uint8_t everyone[12] = { 1, 1, 0, 0, 0, 0, 0, 1 };

    if (room < 20 || ace[0] != 0 || memcmp(ace + 8, everyone, sizeof everyone) != 0)
        return false;
    wr32(ace + 4, rd32(ace + 4) | MAY_CHANGE);
    return true;
}

/* One entry more at the end of the list that says who may do what. */
static bool add_self(const struct sam_part *sd, const uint8_t self[SELF_BYTES],
                     struct descriptor *ret)
{
    uint32_t acl = sd->n >= 20 ? rd32(sd->p + 16) : 0, end;
    uint8_t *ace;

    if (acl < 20 || acl > sd->n - 8 || sd->n > SD_MAX - ACE_BYTES)
        return false;
    end = acl + rd16(sd->p + acl + 2);
    if (end < acl + 8 || end > sd->n)
        return false;
    memcpy(ret->p, sd->p, end);
    memcpy(ret->p + end + ACE_BYTES, sd->p + end, sd->n - end);
    ace = ret->p + end;
    memset(ace, 0, 4); /* "allowed", not inherited */
    wr16(ace + 2, ACE_BYTES);
    wr32(ace + 4, SELF_MAY);
    memcpy(ace + 8, self, SELF_BYTES);
    wr16(ret->p + acl + 2, (uint16_t)(end - acl + ACE_BYTES));
    wr16(ret->p + acl + 4, (uint16_t)(rd16(ret->p + acl + 4) + 1));
    for (uint32_t field = 4; field < 16; field += 4) /* owner, group, audit list */
        shift(ret->p, field, end);
    ret->n = sd->n + ACE_BYTES;
    return let_change(ret->p + acl + 8, end - acl - 8);
}

/* Where it names one account, it names another. */
static bool put_self(const struct sam_part *sd, const uint8_t old[SELF_BYTES],
                     const uint8_t self[SELF_BYTES], struct descriptor *ret)
{
    bool found = false;

    if (sd->n > SD_MAX)
        return false;
    memcpy(ret->p, sd->p, sd->n);
    ret->n = sd->n;
    for (uint32_t at = 0; at + SELF_BYTES <= sd->n; at += 4)
        if (memcmp(sd->p + at, old, SELF_BYTES) == 0) {
            memcpy(ret->p + at, self, SELF_BYTES);
            found = true;
        }
    return found;
}

static int load_v(const struct regf *sam, uint32_t rid, struct regf_data *v,
                  struct sam_part ret[SAM_V_PARTS], struct err *e)
{
    uint32_t key;
    int r = sam_rid_key(sam, SAM_USERS, rid, &key, e);

    if (r == 0)
        r = regf_get(sam, key, "V", v, e);
    if (r < 0)
        return r;
    return sam_v_read(v, ret) ? 0 : sam_corrupt(e, "the data", rid);
}

static int make_security(const struct regf *sam, const struct sam_part *guest, bool administrator,
                         uint32_t rid, struct descriptor *ret, struct err *e)
{
    _cleanup_regf_data_ struct regf_data v = { 0 };
    struct sam_part parts[SAM_V_PARTS];
    uint8_t self[SELF_BYTES], old[SELF_BYTES];
    uint32_t from = administrator ? SAM_RID_ADMINISTRATOR : SAM_RID_GUEST;
    bool ok;
    int r = sam_account_sid(sam, rid, self, e);

    if (r == 0 && administrator)
        r = load_v(sam, from, &v, parts, e);
    if (r < 0)
        return r;
    memcpy(old, self, sizeof old);
    wr32(old + SID_MACHINE_BYTES, from);
    ok = administrator ? put_self(&parts[SAM_V_SECURITY], old, self, ret)
                       : add_self(guest, self, ret);
    return ok ? 0 : sam_corrupt(e, "the security", from);
}

/* ---- its data -------------------------------------------------------------------------------- */

struct fresh {
    struct sam_part parts[SAM_V_PARTS];
    struct descriptor sd;
    struct regf_wide texts[3];
    uint8_t *bytes[3];
    uint8_t empty[4][24], hash[SAM_STORED_MAX];
};

static void fresh_done(struct fresh *x)
{
    for (unsigned i = 0; i < 3; i++) {
        regf_wide_done(&x->texts[i]);
        free(x->bytes[i]);
    }
}

static int put_text(struct fresh *x, unsigned i, const char *text, struct err *e)
{
    struct regf_wide *w = &x->texts[i];
    int r = regf_wide_from(text ? text : "", text ? strlen(text) : 0, TEXT_MAX_UNITS, w, e);

    if (r < 0)
        return r;
    x->bytes[i] = malloc(2 * (size_t)w->n + 1);
    if (!x->bytes[i])
        return err_oom(e);
    w->latin = false;
    regf_wide_store(w, x->bytes[i]);
    x->parts[SAM_V_NAME + i] = (struct sam_part){ x->bytes[i], 2 * w->n, 0 };
    return 0;
}

static int put_password(const struct regf *sam, const uint8_t *boot, uint32_t rid,
                        const char *password, uint16_t head, struct fresh *x, struct err *e)
{
    uint8_t hash[SAM_NT_HASH_BYTES];
    struct sam_keys keys = { 0 };
    uint32_t n = 0;
    int r = sam_load_keys(sam, boot, &keys, e);

    if (r == 0)
        r = sam_nt_hash(password, hash, e);
    if (r == 0)
        r = sam_hash_store(&keys, rid, head, hash, x->hash, &n, e);
    if (r == 0)
        x->parts[SAM_V_NT].p = x->hash, x->parts[SAM_V_NT].n = n;
    explicit_bzero(&keys, sizeof keys);
    explicit_bzero(hash, sizeof hash);
    return r;
}

static int make_v(const struct regf *sam, const uint8_t *boot, const struct sam_new_user *u,
                  uint32_t rid, const struct sam_part guest[SAM_V_PARTS], struct fresh *x,
                  struct err *e)
{
    static const uint8_t always[21] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    uint16_t head = guest[SAM_V_NT].n >= 2 ? rd16(guest[SAM_V_NT].p) : 1;
    int r = make_security(sam, &guest[SAM_V_SECURITY], u->is_administrator, rid, &x->sd, e);

    x->parts[SAM_V_SECURITY] = (struct sam_part){ x->sd.p, x->sd.n, guest[SAM_V_SECURITY].extra };
    x->parts[SAM_V_HOURS] = (struct sam_part){ always, sizeof always, 8 * sizeof always };
    x->parts[SAM_V_HOURS + 1] = guest[SAM_V_HOURS + 1];
    for (unsigned i = 0; i < 4; i++)
        x->parts[SAM_V_LM + i] =
            (struct sam_part){ x->empty[i], sam_v_no_hash(&guest[SAM_V_LM + i], x->empty[i]), 0 };
    if (r == 0)
        r = put_text(x, 0, u->name, e);
    if (r == 0)
        r = put_text(x, 1, u->full_name, e);
    if (r == 0)
        r = put_text(x, 2, u->comment, e);
    if (r == 0 && u->password && *u->password)
        r = put_password(sam, boot, rid, u->password, head, x, e);
    return r;
}

static int put_f(struct regf *sam, uint32_t key, const struct sam_new_user *u, uint32_t rid,
                 struct err *e)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };
    uint8_t f[F_NEW_BYTES] = { 0 };
    bool open = !u->password || !*u->password;
    uint32_t guest;
    int r = sam_rid_key(sam, SAM_USERS, SAM_RID_GUEST, &guest, e);

    if (r == 0)
        r = regf_get(sam, guest, "F", &d, e);
    if (r == 0 && d.n < SAM_F_BYTES)
        r = sam_corrupt(e, "the data", SAM_RID_GUEST);
    if (r < 0)
        return r;
    memcpy(f, d.p, 8); /* the version */
    wr64(f + SAM_F_SET, sam->now);
    wr32(f + SAM_F_RID, rid);
    wr32(f + F_GROUP, GROUP_NONE);
    wr16(f + SAM_F_FLAGS, (uint16_t)(SAM_NORMAL | (open ? SAM_NO_PASSWORD_NEEDED : 0U)));
    return regf_set(sam, key, "F", d.type, f, sizeof f, e);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int put_keys(struct regf *sam, const struct sam_new_user *u, uint32_t rid, uint32_t v_type,
                    const struct fresh *x, struct err *e)
{
    char path[64];
    uint32_t users, names, key;
    int r = regf_find_key(sam, 0, SAM_USERS, &users, e);

    if (r == 0)
        r = regf_find_key(sam, users, "Names", &names, e);
    (void)snprintf(path, sizeof path, "%08X", rid);
    if (r == 0)
        r = regf_key_create(sam, users, path, &key, e);
    if (r == 0)
        r = put_f(sam, key, u, rid, e);
    if (r == 0)
        r = sam_v_write(sam, key, v_type, x->parts, e);
    if (r == 0)
        r = regf_key_create(sam, names, u->name, &key, e);
    if (r == 0)
        r = regf_set(sam, key, "", rid, "", 0, e);
    if (r == 0)
        r = sam_count(sam, users, 1, e);
    if (r == 0)
        r = use_rid(sam, rid, e);
    return r < 0 ? r : sam_join_none(sam, rid, e);
}

int sam_create_user(struct regf *sam, const uint8_t boot_key[SAM_BOOT_KEY_BYTES],
                    const struct sam_new_user *u, uint32_t *ret_rid, struct err *e)
{
    _cleanup_regf_data_ struct regf_data v = { 0 };
    _cleanup_(fresh_done) struct fresh x = { 0 };
    struct sam_part guest[SAM_V_PARTS];
    uint32_t rid = 0;
    int r = regf_begin_edit(sam, e);

    if (r == 0)
        r = sam_check_user_name(u->name, e);
    if (r == 0)
        r = refuse_taken(sam, u->name, e);
    if (r == 0)
        r = load_v(sam, SAM_RID_GUEST, &v, guest, e);
    if (r == 0)
        r = find_rid(sam, &rid, e);
    if (r == 0)
        r = make_v(sam, boot_key, u, rid, guest, &x, e);
    if (r < 0)
        return err_wrap(e, "make account '%.80s'", u->name);
    r = put_keys(sam, u, rid, v.type, &x, e);
    if (r < 0)
        return regf_break(sam, err_wrap(e, "make account '%.80s'", u->name));
    *ret_rid = rid;
    return 0;
}

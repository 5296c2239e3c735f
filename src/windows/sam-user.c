/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accounts of the machine, as they are: read, enabled, their passwords, deleted. */
#include "sam-priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rand.h"
#include "regf-priv.h"

#define USERS_MAX 65536U
#define NEVER     UINT64_C(0x7fffffffffffffff)

/* Values that tie an account to one of Microsoft's, or belong to the old password. */
static const char *const online[] = { "InternetUserName", "InternetSID", "InternetUID" };
static const char *const of_password[] = { "UserPasswordHint", "ResetData",
                                           "SupplementalCredentials" };

/* --- reading --- */

static char *part_text(const struct sam_part *x)
{
    struct regf_name t = { x->p, x->n & ~1U, true };
    size_t cap = (size_t)t.n * 2 + 1;
    char *out = malloc(cap);

    if (out)
        (void)regf_name_utf8(&t, out, cap);
    return out;
}

static bool has_any(const struct regf *sam, uint32_t key, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (regf_value(sam, key, names[i]))
            return true;
    return false;
}

/* An empty form is a header alone: 4 bytes, or 24 with its IV. */
static bool is_hash(const struct sam_part *x)
{
    return x->n == 20 || x->n >= 56;
}

static void user_done(struct sam_user *u)
{
    free(u->name);
    free(u->full_name);
    free(u->comment);
    free(u->profile_path);
    *u = (struct sam_user){ 0 };
}

static int fill_user(const struct regf *sam, uint32_t key, uint32_t rid, struct sam_user *u,
                     struct err *e)
{
    _cleanup_regf_data_ struct regf_data f = { 0 }, v = { 0 };
    struct sam_part parts[SAM_V_PARTS];
    int r = regf_get(sam, key, "F", &f, e);

    if (r == 0)
        r = regf_get(sam, key, "V", &v, e);
    if (r < 0)
        return r;
    if (f.n < SAM_F_BYTES || !sam_v_read(&v, parts) || rd32(f.p + SAM_F_RID) != rid)
        return sam_corrupt(e, "the data", rid);
    *u = (struct sam_user){ .rid = rid,
                            .key = key,
                            .flags = rd16(f.p + SAM_F_FLAGS),
                            .last_logon = rd64(f.p + SAM_F_LAST_LOGON),
                            .password_set = rd64(f.p + SAM_F_SET),
                            .expires = rd64(f.p + SAM_F_EXPIRES),
                            .bad_passwords = rd16(f.p + SAM_F_BAD),
                            .logons = rd16(f.p + SAM_F_LOGONS),
                            .has_password = is_hash(&parts[SAM_V_NT]),
                            .is_online = has_any(sam, key, online, ARRAY_LEN(online)) };
    if (u->expires == NEVER)
        u->expires = 0;
    u->name = part_text(&parts[SAM_V_NAME]);
    u->full_name = part_text(&parts[SAM_V_FULL_NAME]);
    u->comment = part_text(&parts[SAM_V_COMMENT]);
    u->profile_path = part_text(&parts[SAM_V_PROFILE]);
    if (u->name && u->full_name && u->comment && u->profile_path)
        return 0;
    user_done(u);
    return err_oom(e);
}

void sam_users_free(struct sam_user *users, size_t n)
{
    for (size_t i = 0; users && i < n; i++)
        user_done(&users[i]);
    free(users);
}

static int add_user(const struct regf *sam, uint32_t key, uint32_t rid, struct sam_user **all,
                    size_t *n, struct err *e)
{
    struct sam_user *more = realloc(*all, (*n + 1) * sizeof *more);
    int r;

    if (!more)
        return err_oom(e);
    *all = more;
    if (*n >= USERS_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "more than %u accounts", USERS_MAX);
    r = fill_user(sam, key, rid, &more[*n], e);
    *n += r == 0;
    return r;
}

int sam_users(const struct regf *sam, struct sam_user **ret, size_t *ret_n, struct err *e)
{
    struct sam_user *all = NULL;
    struct regf_iter it;
    uint32_t key, child, rid;
    char name[REGF_NAME_BYTES];
    size_t n = 0;
    int r = regf_find_key(sam, 0, SAM_USERS, &key, e);

    if (r < 0)
        return err_wrap(e, "list the accounts");
    it = regf_subkeys(sam, key);
    while (r == 0 && (child = regf_next_subkey(sam, &it)))
        if (sam_rid_of(regf_key_name(sam, child, name), &rid))
            r = add_user(sam, child, rid, &all, &n, e);
    if (r < 0) {
        sam_users_free(all, n);
        return err_wrap(e, "list the accounts");
    }
    *ret = all;
    *ret_n = n;
    return 0;
}

int sam_find_user(const struct regf *sam, const char *name, uint32_t *ret_rid, struct err *e)
{
    uint32_t names = regf_find(sam, 0, SAM_USERS "\\Names");
    uint32_t key = names && *name && !strchr(name, '\\') ? regf_find(sam, names, name) : 0;
    uint32_t value = key ? regf_value(sam, key, "") : 0;

    if (!value)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "no account '%s'", name);
    *ret_rid = regf_value_type(sam, value);
    return 0;
}

/* --- "F" --- */

struct user_f {
    uint32_t key, type, n;
    uint8_t p[256];
};

static int load_f(const struct regf *sam, uint32_t rid, struct user_f *ret, struct err *e)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };
    int r = sam_rid_key(sam, SAM_USERS, rid, &ret->key, e);

    if (r == 0)
        r = regf_get(sam, ret->key, "F", &d, e);
    if (r < 0)
        return r;
    if (d.n < SAM_F_BYTES || d.n > sizeof ret->p)
        return sam_corrupt(e, "the data", rid);
    ret->type = d.type;
    ret->n = (uint32_t)d.n;
    memcpy(ret->p, d.p, d.n);
    return 0;
}

static void unlock(struct user_f *f)
{
    wr16(f->p + SAM_F_FLAGS, (uint16_t)(rd16(f->p + SAM_F_FLAGS) & ~(unsigned)SAM_LOCKED));
    wr16(f->p + SAM_F_BAD, 0);
}

int sam_enable_user(struct regf *sam, uint32_t rid, bool enable, bool never_expires, struct err *e)
{
    struct user_f f;
    unsigned flags;
    int r = load_f(sam, rid, &f, e);

    if (r < 0)
        return err_wrap(e, "%s account %u", enable ? "enable" : "disable", rid);
    flags = rd16(f.p + SAM_F_FLAGS);
    flags = enable ? flags & ~(unsigned)SAM_DISABLED : flags | SAM_DISABLED;
    if (never_expires)
        flags |= SAM_NEVER_EXPIRES;
    wr16(f.p + SAM_F_FLAGS, (uint16_t)flags);
    if (enable) {
        unlock(&f);
        if (!rd64(f.p + SAM_F_SET)) /* else Windows asks for a new password first */
            wr64(f.p + SAM_F_SET, sam->now);
    }
    return regf_set(sam, f.key, "F", f.type, f.p, f.n, e);
}

/* --- passwords --- */

/* New hash or none; the other three (LM, both histories) become empty. */
static int put_hash(struct regf *sam, uint32_t key, uint32_t rid, const uint8_t *hash, uint32_t n,
                    struct err *e)
{
    _cleanup_regf_data_ struct regf_data v = { 0 };
    uint8_t empty[4][24];
    struct sam_part parts[SAM_V_PARTS];
    int r = regf_get(sam, key, "V", &v, e);

    if (r < 0)
        return r;
    if (!sam_v_read(&v, parts))
        return sam_corrupt(e, "the data", rid);
    for (unsigned i = 0; i < 4; i++) {
        parts[SAM_V_LM + i].n = sam_v_no_hash(&parts[SAM_V_LM + i], empty[i]);
        parts[SAM_V_LM + i].p = empty[i];
    }
    if (n)
        parts[SAM_V_NT].p = hash, parts[SAM_V_NT].n = n;
    return sam_v_write(sam, key, v.type, parts, e);
}

static int drop_leftovers(struct regf *sam, uint32_t key, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < ARRAY_LEN(of_password) && r >= 0; i++)
        r = regf_value_delete(sam, key, of_password[i], e);
    if (r >= 0 && regf_value(sam, key, "ForcePasswordReset")) {
        uint32_t type = regf_value_type(sam, regf_value(sam, key, "ForcePasswordReset"));

        r = regf_set(sam, key, "ForcePasswordReset", type, "\0\0\0", 4, e);
    }
    return r < 0 ? r : 0;
}

static int refuse_online(const struct regf *sam, const struct user_f *f, uint32_t rid,
                         struct err *e)
{
    if (!has_any(sam, f->key, online, ARRAY_LEN(online)))
        return 0;
    return err_set(e, ENOTSUP, ERR_CONFLICT,
                   "account %u is tied to an account of Microsoft's: its password is not here",
                   rid);
}

int sam_clear_password(struct regf *sam, uint32_t rid, struct err *e)
{
    struct user_f f;
    int r = load_f(sam, rid, &f, e);

    if (r == 0)
        r = refuse_online(sam, &f, rid, e);
    if (r == 0)
        r = put_hash(sam, f.key, rid, NULL, 0, e);
    if (r == 0)
        r = drop_leftovers(sam, f.key, e);
    if (r < 0)
        return err_wrap(e, "clear the password of account %u", rid);
    unlock(&f);
    return regf_set(sam, f.key, "F", f.type, f.p, f.n, e);
}

int sam_load_keys(const struct regf *sam, const uint8_t *boot, struct sam_keys *ret, struct err *e)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };
    uint32_t key;
    int r = regf_find_key(sam, 0, SAM_ACCOUNT, &key, e);

    if (r == 0)
        r = regf_get(sam, key, "F", &d, e);
    return r < 0 ? r : sam_domain_key(d.p, d.n, boot, ret, e);
}

/* The part with the present hash, borrowed from *v. */
static int load_nt(const struct regf *sam, uint32_t key, uint32_t rid, struct regf_data *v,
                   struct sam_part *ret, struct err *e)
{
    struct sam_part parts[SAM_V_PARTS];
    int r = regf_get(sam, key, "V", v, e);

    if (r < 0)
        return r;
    if (!sam_v_read(v, parts))
        return sam_corrupt(e, "the data", rid);
    *ret = parts[SAM_V_NT];
    return 0;
}

static int make_hash(const struct regf *sam, const uint8_t *boot, const struct user_f *f,
                     uint32_t rid, const char *password, uint8_t out[SAM_STORED_MAX], uint32_t *n,
                     struct err *e)
{
    _cleanup_regf_data_ struct regf_data v = { 0 };
    uint8_t hash[SAM_NT_HASH_BYTES];
    struct sam_keys keys;
    struct sam_part nt = { 0 };
    int r = sam_load_keys(sam, boot, &keys, e);

    if (r == 0)
        r = load_nt(sam, f->key, rid, &v, &nt, e);
    if (r == 0)
        r = sam_nt_hash(password, hash, e);
    if (r == 0)
        r = sam_hash_store(&keys, rid, nt.n >= 2 ? rd16(nt.p) : 1, hash, out, n, e);
    explicit_bzero(&keys, sizeof keys);
    explicit_bzero(hash, sizeof hash);
    return r;
}

int sam_set_password(struct regf *sam, const uint8_t boot_key[SAM_BOOT_KEY_BYTES], uint32_t rid,
                     const char *password, struct err *e)
{
    uint8_t stored[SAM_STORED_MAX];
    struct user_f f;
    uint32_t n = 0;
    int r = load_f(sam, rid, &f, e);

    if (r == 0)
        r = refuse_online(sam, &f, rid, e);
    if (r == 0)
        r = make_hash(sam, boot_key, &f, rid, password, stored, &n, e);
    if (r == 0)
        r = put_hash(sam, f.key, rid, stored, n, e);
    if (r == 0)
        r = drop_leftovers(sam, f.key, e);
    if (r < 0)
        return err_wrap(e, "set the password of account %u", rid);
    unlock(&f);
    wr16(f.p + SAM_F_FLAGS,
         (uint16_t)(rd16(f.p + SAM_F_FLAGS) & ~(unsigned)SAM_NO_PASSWORD_NEEDED));
    wr64(f.p + SAM_F_SET, sam->now);
    return regf_set(sam, f.key, "F", f.type, f.p, f.n, e);
}

int sam_check_password(const struct regf *sam, const uint8_t boot_key[SAM_BOOT_KEY_BYTES],
                       uint32_t rid, const char *password, struct err *e)
{
    _cleanup_regf_data_ struct regf_data v = { 0 };
    uint8_t want[SAM_NT_HASH_BYTES], have[SAM_NT_HASH_BYTES];
    struct sam_keys keys;
    struct sam_part nt = { 0 };
    uint32_t key;
    int r = sam_rid_key(sam, SAM_USERS, rid, &key, e);

    if (r == 0)
        r = load_nt(sam, key, rid, &v, &nt, e);
    if (r == 0)
        r = sam_load_keys(sam, boot_key, &keys, e);
    if (r == 0)
        r = sam_nt_hash(password, want, e);
    if (r < 0)
        return err_wrap(e, "check the password of account %u", rid);
    r = sam_hash_load(&keys, rid, nt.p, nt.n, have, e);
    if (r == 0)
        r = !*password;
    else if (r > 0)
        r = memcmp(want, have, sizeof have) == 0;
    explicit_bzero(&keys, sizeof keys);
    return r;
}

/* --- deleting --- */

static int delete_name(struct regf *sam, uint32_t rid, struct err *e)
{
    uint32_t names = regf_find(sam, 0, SAM_USERS "\\Names"), child;
    struct regf_iter it = regf_subkeys(sam, names);

    while ((child = regf_next_subkey(sam, &it))) {
        uint32_t value = regf_value(sam, child, "");

        if (value && regf_value_type(sam, value) == rid)
            return regf_key_delete(sam, child, e);
    }
    return sam_corrupt(e, "the name", rid);
}

int sam_delete_user(struct regf *sam, uint32_t rid, struct err *e)
{
    uint32_t key, users;
    int r = regf_begin_edit(sam, e);

    if (r == 0 && rid < SAM_RID_FIRST_LOCAL)
        return err_set(e, EINVAL, ERR_INVALID, "account %u comes with Windows: it stays", rid);
    if (r == 0)
        r = regf_find_key(sam, 0, SAM_USERS, &users, e);
    if (r == 0)
        r = sam_rid_key(sam, SAM_USERS, rid, &key, e);
    if (r < 0)
        return err_wrap(e, "delete account %u", rid);
    r = sam_leave_aliases(sam, rid, e);
    if (r == 0)
        r = sam_leave_none(sam, rid, e);
    if (r == 0)
        r = delete_name(sam, rid, e);
    if (r == 0)
        r = regf_key_delete(sam, key, e);
    if (r == 0)
        r = sam_count(sam, users, -1, e);
    return r < 0 ? regf_break(sam, err_wrap(e, "delete account %u", rid)) : 0;
}

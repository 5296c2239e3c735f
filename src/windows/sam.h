/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accounts of a Windows that is not running: the SAM hive, what the SECURITY hive says of the
 * machine and its domain, and the boot key of the SYSTEM hive. Layouts: docs/formats/regf.md. */
#pragma once

#include "sid.h"

#define SAM_RID_ADMINISTRATOR    500U
#define SAM_RID_GUEST            501U
#define SAM_RID_DEFAULT_ACCOUNT  503U
#define SAM_RID_WDAG             504U /* the account of Application Guard */
#define SAM_RID_FIRST_LOCAL      1000U
#define SAM_ALIAS_ADMINISTRATORS 0x220U
#define SAM_ALIAS_USERS          0x221U
#define SAM_ALIAS_REMOTE_DESKTOP 0x22bU

#define SAM_BOOT_KEY_BYTES 16U
#define SAM_NT_HASH_BYTES  16U

enum sam_flags { /* account control bits */
                 SAM_DISABLED = 0x0001,
                 SAM_NO_PASSWORD_NEEDED = 0x0004,
                 SAM_NORMAL = 0x0010,
                 SAM_NEVER_EXPIRES = 0x0200, /* the password */
                 SAM_LOCKED = 0x0400
};

/* --- the machine -------------------------------------------------------------------------------
 */

/* SAM\Domains\Account, from its entry in "V". */
int sam_machine_sid(const struct regf *sam, uint8_t ret[SID_MACHINE_BYTES], struct err *e);
/* SECURITY\Policy\PolAcDmS, which must be the same one. */
int policy_machine_sid(const struct regf *security, uint8_t ret[SID_MACHINE_BYTES], struct err *e);
/* 1 joined and *ret, 0 in a workgroup, or negative (PolPrDmS). */
int policy_domain_sid(const struct regf *security, uint8_t ret[SID_MACHINE_BYTES], struct err *e);
/* PolAcDmN, PolPrDmN, PolDnDDN, PolDnTrN: NULL when not set; caller frees. */
char *policy_text(const struct regf *security, const char *name);
/* "" makes it "not set" (no data at all). */
int policy_set_text(struct regf *security, const char *name, const char *text, struct err *e);
/* Out of the four class names below Control\Lsa of one control set. */
int sam_boot_key(const struct regf *system, uint32_t control_set, uint8_t ret[SAM_BOOT_KEY_BYTES],
                 struct err *e);

/* --- users --------------------------------------------------------------------------------------
 */

struct sam_user {
    uint32_t rid;
    uint32_t key;                                    /* in the hive */
    char *name, *full_name, *comment, *profile_path; /* "" when not set */
    unsigned flags;
    uint64_t last_logon, password_set, expires; /* FILETIME; 0: never */
    unsigned logons, bad_passwords;
    bool has_password; /* a hash is stored; it may be that of no characters */
    bool is_online;    /* tied to an account of Microsoft's */
};

/* In the order of their numbers; free with sam_users_free. */
int sam_users(const struct regf *sam, struct sam_user **ret, size_t *ret_n, struct err *e);
void sam_users_free(struct sam_user *users, size_t n);
/* By name in any case; -ENOENT (ERR_NOT_FOUND). */
int sam_find_user(const struct regf *sam, const char *name, uint32_t *ret_rid, struct err *e);

/* Enabled and unlocked, or disabled; never_expires: the password is also made not to expire. */
int sam_enable_user(struct regf *sam, uint32_t rid, bool enable, bool never_expires, struct err *e);
/* No password: hashes and their history are cut off, hint and reset data removed. The account is
 * unlocked, not enabled. Windows lets such an account in at the console only. */
int sam_clear_password(struct regf *sam, uint32_t rid, struct err *e);
/* The hash of this password in the form that the hive uses (RC4 up to 8.1 and 2012 R2, AES since
 * Windows 10), history cut off, set "now". -ENOTSUP for accounts tied to Microsoft's. */
int sam_set_password(struct regf *sam, const uint8_t boot_key[SAM_BOOT_KEY_BYTES], uint32_t rid,
                     const char *password, struct err *e);
/* Whether this is its password: 1 or 0, or negative. The boot key is checked on the way where the
 * hive allows it (-EKEYREJECTED). */
int sam_check_password(const struct regf *sam, const uint8_t boot_key[SAM_BOOT_KEY_BYTES],
                       uint32_t rid, const char *password, struct err *e);
struct sam_new_user {
    const char *name, *full_name, *comment; /* NULL: none */
    const char *password;                   /* NULL, "": none; Windows lets it in at the console */
    bool is_administrator;                  /* its security; its groups are the caller's */
};
/* An enabled account that is in no local group yet. -EEXIST: an account or a group has the name.
 * boot_key is not looked at without a password. */
int sam_create_user(struct regf *sam, const uint8_t boot_key[SAM_BOOT_KEY_BYTES],
                    const struct sam_new_user *u, uint32_t *ret_rid, struct err *e);
/* As Windows has it: 1 to 20 characters, some of them not allowed. */
int sam_check_user_name(const char *name, struct err *e);
/* The account, its name, its places in groups and their counters. Not below RID 1000. What lies
 * outside SAM (profile, ProfileList, files) is the caller's. */
int sam_delete_user(struct regf *sam, uint32_t rid, struct err *e);

/* --- groups -------------------------------------------------------------------------------------
 */

struct sam_member {
    uint8_t sid[SID_BYTES_MAX];
    size_t n;
};

struct sam_group { /* an alias: a local group */
    uint32_t rid;
    bool is_builtin; /* of S-1-5-32, else of the machine */
    char *name, *comment;
    struct sam_member *members;
    size_t n_members;
};

int sam_groups(const struct regf *sam, struct sam_group **ret, size_t *ret_n, struct err *e);
void sam_groups_free(struct sam_group *groups, size_t n);
/* Puts a SID into a local group or takes it out: 1 changed, 0 it was so already. */
int sam_group_add(struct regf *sam, bool builtin, uint32_t alias, const void *sid, size_t n,
                  struct err *e);
int sam_group_remove(struct regf *sam, bool builtin, uint32_t alias, const void *sid, size_t n,
                     struct err *e);
/* The same for an account of this machine. */
int sam_group_add_user(struct regf *sam, bool builtin, uint32_t alias, uint32_t rid, struct err *e);
/* A local group by its name in this Windows, or by its English one where it comes with Windows;
 * -ENOENT (ERR_NOT_FOUND). */
int sam_find_group(const struct regf *sam, const char *name, uint32_t *ret_alias, bool *ret_builtin,
                   struct err *e);
/* Takes every S-1-5-21 that is not this machine's out of all local groups: leaving a domain.
 * Added to *ret_removed. */
int sam_drop_foreign_members(struct regf *sam, uint64_t *ret_removed, struct err *e);

/* Users, names, groups and the reverse lists of members agree, the counts of those too. 0, or the
 * first fault (ERR_CORRUPT). */
int sam_verify(const struct regf *sam, struct err *e);

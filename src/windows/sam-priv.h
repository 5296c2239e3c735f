/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the account layer. */
#pragma once

#include "sam.h"

#define SAM_KEY_BYTES 16U
#define SAM_ACCOUNT   "SAM\\Domains\\Account"
#define SAM_BUILTIN   "SAM\\Domains\\Builtin"

/* Name of a key "000001F4" to 500; false: it is no such name. */
bool sam_rid_of(const char *name, uint32_t *ret);
/* SAM\Domains\Account\<what>\<RID>; -ENOENT. */
int sam_rid_key(const struct regf *sam, const char *path, uint32_t rid, uint32_t *ret,
                struct err *e);
/* The type of the unnamed value of a key is a counter: add to it, never below 0. */
int sam_count(struct regf *sam, uint32_t key, int by, struct err *e);
int sam_corrupt(struct err *e, const char *what, uint32_t rid);

/* --- hashes (sam-crypt.c) --- */

struct sam_keys { /* of the account domain */
    uint8_t key[SAM_KEY_BYTES];
    bool is_aes;
};

int sam_nt_hash(const char *password, uint8_t ret[SAM_NT_HASH_BYTES], struct err *e);
/* From the domain's "F" and the boot key; -EKEYREJECTED when they do not belong together (the RC4
 * form has a checksum; of the AES form only a wrong padding is seen). */
int sam_domain_key(const uint8_t *f, size_t n, const uint8_t boot[SAM_BOOT_KEY_BYTES],
                   struct sam_keys *ret, struct err *e);
/* The stored form of a hash: 20 or 56 bytes. head: its first u16 as the account had it. */
#define SAM_STORED_MAX 56U
int sam_hash_store(const struct sam_keys *k, uint32_t rid, uint16_t head,
                   const uint8_t hash[SAM_NT_HASH_BYTES], uint8_t ret[SAM_STORED_MAX],
                   uint32_t *ret_n, struct err *e);
/* 1 and *ret, 0: none is stored, or negative. */
int sam_hash_load(const struct sam_keys *k, uint32_t rid, const uint8_t *p, size_t n,
                  uint8_t ret[SAM_NT_HASH_BYTES], struct err *e);

/* The domain's, by its own "F". */
int sam_load_keys(const struct regf *sam, const uint8_t *boot, struct sam_keys *ret, struct err *e);

/* --- an account: numbers at fixed places in "F" --- */

#define SAM_USERS        SAM_ACCOUNT "\\Users"
#define SAM_F_BYTES      0x44U /* all fields that are used */
#define SAM_F_LAST_LOGON 0x08U
#define SAM_F_SET        0x18U
#define SAM_F_EXPIRES    0x20U
#define SAM_F_RID        0x30U
#define SAM_F_FLAGS      0x38U
#define SAM_F_BAD        0x40U
#define SAM_F_LOGONS     0x42U

/* --- and parts in "V" (sam-v.c) --- */

enum {
    SAM_V_SECURITY,
    SAM_V_NAME,
    SAM_V_FULL_NAME,
    SAM_V_COMMENT,
    SAM_V_PROFILE = 9,
    SAM_V_HOURS = 11, /* of the week */
    SAM_V_LM = 13,
    SAM_V_NT,
    SAM_V_NT_OLD,
    SAM_V_LM_OLD,
    SAM_V_PARTS
};

struct sam_part { /* borrowed */
    const uint8_t *p;
    uint32_t n, extra;
};

/* false: they do not lie inside. */
bool sam_v_read(const struct regf_data *v, struct sam_part ret[SAM_V_PARTS]);
/* All parts one behind the other, each at a multiple of 4. */
int sam_v_write(struct regf *sam, uint32_t key, uint32_t type,
                const struct sam_part parts[SAM_V_PARTS], struct err *e);
/* The header of a hash that was there, and nothing behind it: as Windows writes "no hash". Its
 * bytes. */
uint32_t sam_v_no_hash(const struct sam_part *old, uint8_t out[24]);

/* --- groups (sam-group.c, sam-none.c) --- */

/* The machine's SID and this number. */
int sam_account_sid(const struct regf *sam, uint32_t rid, uint8_t ret[SID_MACHINE_BYTES + 4],
                    struct err *e);
/* Takes an account of the machine out of every local group, out of every global one; into "None".
 */
int sam_leave_aliases(struct regf *sam, uint32_t rid, struct err *e);
int sam_leave_none(struct regf *sam, uint32_t rid, struct err *e);
int sam_join_none(struct regf *sam, uint32_t rid, struct err *e);
/* The members of a global group ("None"), borrowed: *ret is n numbers as stored. */
int sam_group_rids(const struct regf_data *c, const uint8_t **ret, uint32_t *ret_n);

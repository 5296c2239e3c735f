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

/* --- groups (sam-group.c) --- */

/* Takes an account of the machine out of every alias and every group. */
int sam_leave_groups(struct regf *sam, uint32_t rid, struct err *e);
/* The members of a global group ("None"), borrowed: *ret is n numbers as stored. */
int sam_group_rids(const struct regf_data *c, const uint8_t **ret, uint32_t *ret_n);

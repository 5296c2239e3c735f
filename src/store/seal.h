/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys of a domain, and what is made with them: names of blocks, keys of packs, sealed frames.
 * Format: docs/formats/store.md; why: docs/design/encryption.md. */
#pragma once

#include <openssl/types.h>

#include "format.h"

#define KEY_BYTES       32U
#define KEY_SALT_BYTES  16U
#define PACK_SALT_BYTES 12U

struct key_disk {
    uint8_t magic[8];             /* +0 "KILNKEY\n" */
    le32 version;                 /* +8 */
    le32 domain;                  /* +12 not zero */
    uint8_t salt[KEY_SALT_BYTES]; /* +16 */
    uint8_t secret[KEY_BYTES];    /* +32 */
    uint8_t reserved[28];         /* +64 */
    le32 crc;                     /* +92 */
};
static_assert(sizeof(struct key_disk) == 96, "key layout");

/* A secret: wiped by store_key_free, never printed. */
struct store_key {
    uint32_t domain;
    uint8_t salt[KEY_SALT_BYTES];
    uint8_t secret[KEY_BYTES];
    uint8_t name_key[KEY_BYTES];    /* for the names of blocks */
    uint8_t id[STORE_KEY_ID_BYTES]; /* no secret */
};

/* What names the key of one pack, in its header. All zeros: the pack is not encrypted. */
struct pack_domain {
    uint32_t domain;
    uint8_t key_check[4]; /* first bytes of the key's id */
    uint8_t salt[PACK_SALT_BYTES];
};

/* Identity of a block: SHA-256, or, in a domain, HMAC-SHA256. key NULL: not encrypted. */
int block_name(const struct store_key *key, const void *block, uint8_t out[SHA_BYTES],
               struct err *e);
bool key_fits_pack(const struct store_key *key, const struct pack_domain *d);
/* The caller wipes it. */
int pack_key_derive(const struct store_key *key, const struct pack_domain *d,
                    const uint8_t uuid[UUID_BYTES], uint64_t seq, uint8_t out[KEY_BYTES],
                    struct err *e);

/* What is authenticated with each frame: the record's header, its checksums as zeros. */
void seal_aad(const struct rec_disk *d, struct rec_disk *out);
/* n bytes in place, the tag behind them. No (pack key, slot, frame) may be used twice. */
int seal_frame(EVP_CIPHER_CTX *c, const uint8_t key[KEY_BYTES], const struct rec_disk *aad,
               uint32_t slot, uint32_t frame, uint8_t *p, uint32_t n, struct err *e);
/* The reverse; p has n bytes and the tag. ERR_CORRUPT when it is not what was sealed. */
int unseal_frame(EVP_CIPHER_CTX *c, const uint8_t key[KEY_BYTES], const struct rec_disk *aad,
                 uint32_t slot, uint32_t frame, uint8_t *p, uint32_t n, struct err *e);

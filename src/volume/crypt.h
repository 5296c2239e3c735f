/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Data at rest of an encrypted volume: AES-256-XTS, data units of 4 KiB, numbered from the start of
 * the volume. XTS ciphers each 16 bytes by their place in the unit alone, so any run of 512-byte
 * pieces of a unit may be written by itself; and a piece that is zeros on disk was never written,
 * or was trimmed: it reads as zeros. Which is why a torn write, a hole and a trim mean here what
 * they mean for a plain volume (docs/formats/volume.md, "Encrypted volumes"). */
#pragma once

#include "head.h"

#define CRYPT_UNIT  4096U
#define CRYPT_PIECE 512U

struct crypt;

/* Makes h the head of a volume that is encrypted with this key. */
void crypt_head(struct head *h, const struct store_key *k);
/* ERR_DENIED when the key is not the one of the head. */
int crypt_new(const struct head *h, const struct store_key *k, struct crypt **ret, struct err *e);
void crypt_free(struct crypt *c); /* wipes the keys */
DEFINE_FREEP(crypt_free, struct crypt);

/* Whole pieces, from the start of a unit on; the end may lie inside of one. Negative errno. */
int crypt_seal(struct crypt *c, uint8_t *p, size_t n, uint64_t offset);
int crypt_unseal(struct crypt *c, uint8_t *p, size_t n, uint64_t offset);

/* As pread, of what is on disk. */
typedef int crypt_read_fn(void *userdata, void *buf, size_t n, uint64_t offset);
/* Any range of plain content; n > 0. fn is asked for whole pieces from the start of a unit. */
int crypt_read(struct crypt *c, crypt_read_fn *fn, void *userdata, void *buf, size_t n,
               uint64_t offset);

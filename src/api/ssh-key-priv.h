/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between ssh-key.c, which makes and describes keys, and ssh-key-read.c, which reads them. */
#pragma once

#include <openssl/bn.h>
#include <openssl/evp.h>

#include "ssh-key.h"

#define BLOB_MAX     2048 /* bytes of a public key as SSH writes it */
#define ED25519_SIZE 32

DEFINE_FREEP(EVP_PKEY_free, EVP_PKEY);
DEFINE_FREEP(BN_free, BIGNUM);

/* The public half of ret: type, line, fingerprint. made: by us, and key has its private half. */
int ssh_key_describe(EVP_PKEY *key, bool made, const char *comment, struct ssh_key *ret,
                     struct err *e);

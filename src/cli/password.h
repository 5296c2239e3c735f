/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Passwords as EC2 carries them: RSA with PKCS #1 v1.5 padding, for the launch key. */
#pragma once

#include "err.h"

#define PASSWORD_KEY_MAX KIB(64)

/* The private key as PEM, PKCS #1 or PKCS #8; its passphrase is asked for at the terminal. *ret is
 * text; the caller frees it with password_free. ERR_INVALID: that is no such key; ERR_DENIED: it is
 * one, and not the one that this was encrypted for. */
int password_decrypt(const char *pem, size_t pem_len, const void *cipher, size_t n, char **ret,
                     struct err *e);
/* Wipes it as well. */
void password_free(char *text);
DEFINE_FREEP(password_free, char);

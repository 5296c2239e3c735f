/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The key with which this installation signs identity documents, and its self-signed certificate.
 * Both forms of signature are RSA 2048 with SHA-256, so that one certificate verifies all. */
#pragma once

#include "str.h"

struct sign;

enum sign_form {
    SIGN_PLAIN, /* PKCS#1 v1.5 over the text */
    SIGN_PKCS7, /* signed data that carries the text, without the certificate */
    SIGN_FORM_MAX
};

/* Signatures of the last text, so that a guest that asks without end costs one of each. */
struct sign_memo {
    uint8_t sha256[32];
    char *form[SIGN_FORM_MAX];
};
void sign_memo_done(struct sign_memo *m);

/* Reads imds-key.pem and imds-cert.pem in dir, makes what is missing (a new key makes a new
 * certificate). ERR_DENIED: others may read the key. ERR_CONFLICT: they do not belong together. */
int sign_open(const char *dir, struct sign **ret, struct err *e);
void sign_close(struct sign *s);
DEFINE_FREEP(sign_close, struct sign);
const char *sign_certificate_path(const struct sign *s);

/* Base64 in lines of 64 characters, no newline at the end. *ret is borrowed from the memo. */
int sign_text(struct sign *s, struct sign_memo *memo, enum sign_form form, const char *text,
              const char **ret, struct err *e);

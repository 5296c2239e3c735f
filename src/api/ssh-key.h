/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Key pairs as EC2 makes and takes them: RSA and ED25519, their texts and their fingerprints.
 * Knows only base and OpenSSL. Private keys leave through ssh_key_make alone, once. */
#pragma once

#include "err.h"

#define SSH_KEY_TEXT_MAX 16384 /* bytes of a public key's text that are read */

struct ssh_key {
    const char *type;      /* "rsa", "ed25519" */
    char *public_line;     /* "ssh-rsa AAAA… comment" */
    char fingerprint[128]; /* as EC2 computes it: differs between made and imported RSA keys */
    char *private_pem;     /* made ones: PKCS#1 or OpenSSH; NULL for imported ones */
};

void ssh_key_done(struct ssh_key *k);
/* type: "rsa" (2048 bits, "BEGIN RSA PRIVATE KEY") or "ed25519" ("BEGIN OPENSSH PRIVATE KEY"). */
int ssh_key_make(const char *type, const char *comment, struct ssh_key *ret, struct err *e);
/* OpenSSH's line, RFC 4716, PEM or base64 of DER. ERR_INVALID for everything else, with the reason.
 * comment: used when the text has none. */
int ssh_key_read(const char *text, const char *comment, struct ssh_key *ret, struct err *e);

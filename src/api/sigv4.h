/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AWS Signature Version 4: signs and verifies, header form and presigned form. Knows no other file
 * of this room: the CLI links it alone. Times are parameters. Nothing here prints a secret, a key
 * derived from one, or a signature. */
#pragma once

#include "err.h"

#define SIGV4_SKEW_S  900 /* clocks may differ by 15 minutes */
#define SIGV4_STAMP   17  /* "20261124T054643Z" and a NUL */
#define SIGV4_EMPTY   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SIGV4_HEADERS 64 /* signed headers in one request, at most */

struct sigv4_header {
    const char *name, *value; /* the name in any case */
};

/* Everything is as it was on the wire: path and query raw, the query without '?' ("" for none). */
struct sigv4_request {
    const char *method, *path, *query;
    const struct sigv4_header *headers;
    size_t n_headers;
    const void *body;
    size_t body_len;
};

/* What is wrong with a signature, for the caller's error code. */
enum sigv4_fault {
    SIGV4_FAULT_OTHER,      /* memory and the like */
    SIGV4_FAULT_MISSING,    /* not signed at all */
    SIGV4_FAULT_INCOMPLETE, /* cannot be read, or lacks a part */
    SIGV4_FAULT_EXPIRED,    /* the clock */
    SIGV4_FAULT_MISMATCH,   /* the signature or the body's hash is another */
    SIGV4_FAULT_MAX
};

/* What a request says about itself, before anything is believed. */
struct sigv4_claim {
    bool presigned;
    char access_key[129];
    char day[9]; /* of the scope */
    char region[33], service[33];
    char stamp[SIGV4_STAMP];
    uint64_t stamp_s;   /* since 1970 */
    uint32_t expires_s; /* presigned only */
    char signed_headers[2048];
    char signature[65];
    bool has_session_token;
};

/* Reads Authorization (or X-Amz-Algorithm … of the query). */
int sigv4_read(const struct sigv4_request *q, struct sigv4_claim *ret, enum sigv4_fault *ret_fault,
               struct err *e);
/* The clock, then the signature, in constant time. unsigned_ok: the body may be UNSIGNED-PAYLOAD.
 */
int sigv4_verify(const struct sigv4_request *q, const struct sigv4_claim *c, const char *secret,
                 uint64_t now_s, bool unsigned_ok, enum sigv4_fault *ret_fault, struct err *e);
/* The value of the Authorization header, over all headers of q (which must hold host) and
 * x-amz-date, whose value is written to stamp: the caller sends both. Caller frees. */
int sigv4_sign(const struct sigv4_request *q, const char *access_key, const char *secret,
               const char *region, const char *service, uint64_t now_s, char stamp[SIGV4_STAMP],
               char **ret_authorization, struct err *e);

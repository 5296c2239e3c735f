/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One request and one instance in, one answer out. No socket, no clock of its own. */
#pragma once

#include "http-head.h"
#include "imds-token.h"
#include "tree.h"

struct answer {
    int status;
    const char *type;  /* Content-Type */
    const char *allow; /* for 405 */
    uint32_t ttl_s;    /* the token's time header; 0: without */
    uint64_t modified_ms;
    uint8_t hop_limit; /* the answer may cross this many hops less one; 0: as usual */
    bool failed;       /* e tells why; for the log */
    struct str body;
    struct err e;
};
void answer_done(struct answer *a);

/* What answers are made from, besides request and instance. */
struct answer_site {
    const struct token_key *tokens;
    struct sign *sign;
};

/* x NULL: nobody we know. *ret needs answer_done in any case. */
void answer_make(const struct answer_site *site, struct sign_memo *memo,
                 const struct imds_instance *x, const struct http_head *q, uint64_t mono_ms,
                 struct answer *ret);
/* Only a status, with its page. */
void answer_status(int status, struct answer *ret);
void answer_print(const struct answer *a, bool with_body, bool keep_alive, uint64_t real_ms,
                  struct str *out);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Session tokens without a table: what is needed to check one stands in it, under a MAC. So no
 * number of requests makes the daemon grow, and a token is worth nothing to another instance, after
 * a stop (another generation) or after a restart of the daemon (another key). */
#pragma once

#include "err.h"

#define TOKEN_CHARS   56 /* base64 of 40 bytes */
#define TOKEN_TEXT    (TOKEN_CHARS + 1)
#define TOKEN_TTL_MIN 1U
#define TOKEN_TTL_MAX 21600U

struct token_key {
    uint8_t secret[32];
    uint64_t epoch; /* added to the clock, so that tokens do not tell the host's uptime */
};

void token_key_init(struct token_key *k);
void token_key_done(struct token_key *k);

/* now_ms from clock_mono_ms(), the same clock for both. 0, or -ENOMEM/-EIO from the library. */
int token_make(const struct token_key *k, const char *instance_id, uint64_t generation,
               uint32_t ttl_s, uint64_t now_ms, char ret[TOKEN_TEXT]);
/* 1 and the seconds left (rounded up), 0 when it is none of ours or its time is over. */
int token_check(const struct token_key *k, const char *instance_id, uint64_t generation,
                const char *text, uint64_t now_ms, uint32_t *ret_left_s);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers, words and encodings from outside text. Outputs are untouched on failure. */
#pragma once

#include "err.h"

/* Decimal digits only, no sign, blank or leading '+'; 0, -EINVAL or -ERANGE. */
int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret);
/* "true"/"false" in any case (Libcloud sends "True"); 0 or -EINVAL. */
int parse_bool(const char *text, bool *ret);
/* "64M", "1G", "524288": bytes; K, M, G, T are powers of 1024; 0, -EINVAL or -ERANGE. */
int parse_size(const char *text, uint64_t *ret);

/* Lower-case hex of n bytes into out (2n+1 bytes). */
void hex_encode(const void *p, size_t n, char *out);
/* Exactly n bytes from 2n hex digits; 0 or -EINVAL. */
int hex_decode(const char *text, void *out, size_t n);

/* Standard base64 with padding. encode: heap text or NULL when memory is gone. decode: bytes in a
 * fresh buffer with a NUL behind them; white space is skipped; 0, -EINVAL or -ENOMEM. */
char *base64_encode(const void *p, size_t n);
int base64_decode(const char *text, void **ret, size_t *ret_len);

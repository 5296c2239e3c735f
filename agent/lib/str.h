/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 text under a ceiling. Growth and failure are inside: build the whole text, then ask once.
 * Outside text enters XML and JSON only through the escaping calls. */
#pragma once

#include "lib/err.h"

struct str {
    char *p;    /* always NUL-terminated once something was added; may be NULL before */
    size_t len; /* without the NUL */
    size_t cap; /* allocated */
    size_t max; /* ceiling for len */
    int failed; /* sticky: 0, -E2BIG or -ENOMEM */
};

#define STR_INIT(max_)                                                                             \
    {                                                                                              \
        .max = (max_)                                                                              \
    }
#define _cleanup_str_ _cleanup_(str_done)

void str_done(struct str *s);
void str_wipe(struct str *s); /* as str_done, and no byte of the text stays in memory */

void str_add(struct str *s, const char *text);
void str_add_mem(struct str *s, const void *p, size_t n);
void str_addc(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void str_xml(struct str *s, const char *text);            /* escaped for text and attributes */
void str_json(struct str *s, const char *text, size_t n); /* the inside of a JSON string */
void str_base64(struct str *s, const void *p, size_t n);  /* no line breaks */

/* 0, or the sticky failure told as "build <what>". */
int str_check(const struct str *s, const char *what, struct err *e);
/* Gives the text away (never NULL unless failed); the str is empty and usable afterwards. */
char *str_take(struct str *s);
const char *str_text(const struct str *s); /* "" when empty */

bool str_eq(const char *a, const char *b);        /* NULL equals only NULL */
bool str_eq_nocase(const char *a, const char *b); /* ASCII letters */
bool str_starts(const char *s, const char *prefix);
/* Copies into a fixed field; -ENAMETOOLONG and an empty field when it does not fit. */
int str_copy(char *dst, size_t size, const char *src);
char *str_dup(const char *s); /* NULL when memory is gone */
char *str_dup_n(const char *s, size_t n);
/* Printable copy for messages: control characters as '?', cut with "..." */
const char *str_show(const char *text, char *buf, size_t size);
/* Decimal in [min, max], nothing else in the text: 0 or -EINVAL (*ret untouched). */
int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret);
/* Overwrites memory in a way that the compiler does not remove. */
void mem_wipe(void *p, size_t n);
/* Bytes of base64 text, blanks and line breaks skipped; 0 or -EINVAL. Caller frees *ret. */
int base64_decode(const char *text, size_t n, uint8_t **ret, size_t *ret_len);

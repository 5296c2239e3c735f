/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text under a ceiling. Growth and failure are inside: build the whole text, then ask once. Outside
 * text enters only through the escaping calls. */
#pragma once

#include "err.h"

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

void str_done(struct str *s);
#define _cleanup_str_ _cleanup_(str_done)

void str_add(struct str *s, const char *text);
void str_add_mem(struct str *s, const void *p, size_t n);
void str_addc(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Escaped for XML text and attribute values; what XML 1.0 cannot carry becomes U+FFFD; invalid
 * UTF-8 becomes U+FFFD. */
void str_xml(struct str *s, const char *text);
/* The inside of a JSON string, without the quotes. */
void str_json(struct str *s, const char *text);
/* Percent-encoded as SigV4 wants it: all but A-Z a-z 0-9 - _ . ~ ; '/' kept if keep_slash. */
void str_uri(struct str *s, const char *text, size_t n, bool keep_slash);
/* Quoted for a POSIX shell. */
void str_shell(struct str *s, const char *text);

/* 0, or the sticky failure told as "build <what>". */
int str_check(const struct str *s, const char *what, struct err *e);
/* Gives the text away (never NULL unless failed); the str is empty and usable afterwards. */
char *str_take(struct str *s);
const char *str_text(const struct str *s); /* "" when empty */

/* true when a and b are equal; NULL equals only NULL. */
bool str_eq(const char *a, const char *b);
bool str_eq_nocase(const char *a, const char *b);
bool str_starts(const char *s, const char *prefix);
/* Copies into a fixed field; -ENAMETOOLONG and an empty field when it does not fit. */
int str_copy(char *dst, size_t size, const char *src);
/* Printable ASCII copy for messages: other bytes as '?', cut with "..." */
const char *str_show(const char *text, char *buf, size_t size);

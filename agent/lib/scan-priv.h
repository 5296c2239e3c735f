/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of UTF-8 text that knows its line and column; shared by the parsers of this room. */
#pragma once

#include "lib/str.h"

struct scan {
    const char *file;
    const char *p, *end;
    const char *line_start;
    unsigned line; /* 1-based */
};

#define SCAN_WORD 40

struct scan scan_over(const char *file, const char *data, size_t len);
/* The character under the cursor, 0 at the end (a NUL in the text is refused beforehand). */
static inline char scan_at(const struct scan *s)
{
    return s->p < s->end ? *s->p : '\0';
}
char scan_peek(const struct scan *s, size_t ahead);
bool scan_starts(const struct scan *s, const char *text);
void scan_step(struct scan *s); /* one byte; keeps the line */
void scan_skip(struct scan *s, size_t n);
unsigned scan_col(const struct scan *s); /* in characters, 1-based */
/* What stands here, for a message: "end of file", "end of line" or the word in quotes. */
const char *scan_word(const struct scan *s, char out[SCAN_WORD]);
int scan_err(const struct scan *s, struct err *e, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The whole text before any parsing: strict UTF-8, no NUL, no larger than max. */
int scan_check(const char *file, const char *data, size_t len, size_t max, struct err *e);

/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 inside, UTF-16 at the border to Windows. On Windows wchar_t is a UTF-16 unit; the calls
 * take uint16_t so that they are the same on Linux. */
#pragma once

#include "lib/str.h"

/* Reads one character; returns its length in bytes, 0 when the bytes are not strict UTF-8. */
size_t utf8_next(const char *p, size_t left, uint32_t *ret);
bool utf8_valid(const char *text, size_t n);
void utf8_put(struct str *s, uint32_t c);

/* NUL-terminated, caller frees; NULL when memory is gone. Invalid input becomes U+FFFD. */
uint16_t *utf16_from_utf8(const char *text);
char *utf8_from_utf16(const uint16_t *text, size_t units);
size_t utf16_len(const uint16_t *text);

/* The text of a file or of a child's output, as UTF-8: byte order marks of UTF-8 and UTF-16 (both
 * orders) obeyed and removed, UTF-16LE without one recognised by its zero bytes. strict: anything
 * that is not valid is an error with its byte offset; else it becomes U+FFFD. Ends at no NUL:
 * *ret_len counts. Caller frees *ret (NUL-terminated). */
int utf_decode(const void *p, size_t n, bool strict, const char *name, char **ret, size_t *ret_len,
               struct err *e);

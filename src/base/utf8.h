/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. */
#pragma once

#include "util.h"

/* Reads one character; returns its length in bytes, 0 when the bytes are not UTF-8. */
size_t utf8_next(const char *p, size_t left, uint32_t *ret);
/* Writes one character, at most U+10FFFF; returns its length. What c may be is the caller's matter.
 */
size_t utf8_put(char out[4], uint32_t c);
bool utf8_valid(const char *text, size_t n);
/* Number of characters of a valid text; invalid bytes count one each. */
size_t utf8_count(const char *text);

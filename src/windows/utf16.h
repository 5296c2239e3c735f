/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UTF-16LE text of Windows at the border; UTF-8 inside. */
#pragma once

#include "util.h"

/* Text up to the first NUL or the end; what is no UTF-16 becomes U+FFFD. Caller frees; NULL: no
 * memory. */
char *utf16_to_utf8(const void *p, size_t bytes);

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "utf16.h"

#include "utf8.h"

#define REPLACEMENT 0xfffd

char *utf16_to_utf8(const void *p, size_t bytes)
{
    const uint8_t *u = p;
    size_t n = bytes / 2, at = 0;
    char *out = n < SIZE_MAX / 3 - 1 ? malloc(3 * n + 1) : NULL;

    for (size_t i = 0; out && i < n; i++) {
        uint32_t c = (uint32_t)(u[2 * i] | u[2 * i + 1] << 8);
        uint32_t low = i + 1 < n ? (uint32_t)(u[2 * i + 2] | u[2 * i + 3] << 8) : 0;

        if (c == 0)
            break;
        if (c >= 0xd800 && c < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            i++;
        } else if (c >= 0xd800 && c < 0xe000) {
            c = REPLACEMENT;
        }
        at += utf8_put(out + at, c);
    }
    if (out)
        out[at] = '\0';
    return out;
}

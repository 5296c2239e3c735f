/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "utf16.h"

#include <errno.h>
#include <string.h>

#include "utf8.h"

#define REPLACEMENT 0xfffd

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

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
        at += put_utf8(out + at, c);
    }
    if (out)
        out[at] = '\0';
    return out;
}

static void put16(uint8_t *out, uint32_t v)
{
    out[0] = (uint8_t)v;
    out[1] = (uint8_t)(v >> 8);
}

int utf16_from_utf8(const char *text, uint8_t **ret, size_t *ret_bytes)
{
    size_t left = strlen(text), at = 0;
    uint8_t *out = left < SIZE_MAX / 2 - 2 ? malloc(2 * left + 2) : NULL;

    if (!out)
        return -ENOMEM;
    while (left) {
        uint32_t c;
        size_t n = utf8_next(text, left, &c);

        if (n == 0) {
            c = REPLACEMENT;
            n = 1;
        }
        if (c >= 0x10000) {
            put16(out + at, 0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
            at += 2;
        }
        put16(out + at, c);
        at += 2;
        text += n;
        left -= n;
    }
    *ret = out;
    *ret_bytes = at;
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/utf.h"

#include <errno.h>
#include <string.h>

#define REPLACEMENT 0xfffdU

/* Length and first bits of a lead byte; 0 for what cannot lead. */
static size_t lead(unsigned char c, uint32_t *bits)
{
    if (c < 0x80) {
        *bits = c;
        return 1;
    }
    if (c >= 0xc2 && c <= 0xdf) {
        *bits = c & 0x1fU;
        return 2;
    }
    if ((c & 0xf0) == 0xe0) {
        *bits = c & 0x0fU;
        return 3;
    }
    if (c >= 0xf0 && c <= 0xf4) {
        *bits = c & 0x07U;
        return 4;
    }
    return 0;
}

size_t utf8_next(const char *p, size_t left, uint32_t *ret)
{
    uint32_t c = 0;
    size_t n = left ? lead((unsigned char)p[0], &c) : 0;

    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | ((unsigned char)p[i] & 0x3fU);
    }
    if ((n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || c > 0x10ffff ||
        (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *ret = c;
    return n;
}

bool utf8_valid(const char *text, size_t n)
{
    while (n) {
        uint32_t c;
        size_t k = utf8_next(text, n, &c);

        if (k == 0)
            return false;
        text += k;
        n -= k;
    }
    return true;
}

void utf8_put(struct str *s, uint32_t c)
{
    char b[4];

    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        c = REPLACEMENT;
    if (c < 0x80) {
        str_addc(s, (char)c);
    } else if (c < 0x800) {
        b[0] = (char)(0xc0 | c >> 6);
        b[1] = (char)(0x80 | (c & 0x3f));
        str_add_mem(s, b, 2);
    } else if (c < 0x10000) {
        b[0] = (char)(0xe0 | c >> 12);
        b[1] = (char)(0x80 | (c >> 6 & 0x3f));
        b[2] = (char)(0x80 | (c & 0x3f));
        str_add_mem(s, b, 3);
    } else {
        b[0] = (char)(0xf0 | c >> 18);
        b[1] = (char)(0x80 | (c >> 12 & 0x3f));
        b[2] = (char)(0x80 | (c >> 6 & 0x3f));
        b[3] = (char)(0x80 | (c & 0x3f));
        str_add_mem(s, b, 4);
    }
}

size_t utf16_len(const uint16_t *text)
{
    size_t n = 0;

    while (text[n])
        n++;
    return n;
}

uint16_t *utf16_from_utf8(const char *text)
{
    size_t left = strlen(text), out = 0;
    uint16_t *w = calloc(left + 1, sizeof *w); /* never more units than bytes */

    if (!w)
        return NULL;
    while (left) {
        uint32_t c = REPLACEMENT;
        size_t n = utf8_next(text, left, &c);

        if (c >= 0x10000) {
            w[out++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
            w[out++] = (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            w[out++] = (uint16_t)c;
        }
        n = n ? n : 1;
        text += n;
        left -= n;
    }
    return w;
}

/* One character of UTF-16; returns its units. *ok: no lone surrogate. */
static size_t utf16_next(const uint16_t *p, size_t left, uint32_t *c, bool *ok)
{
    *c = p[0];
    if (p[0] < 0xd800 || p[0] > 0xdfff)
        return 1;
    if (p[0] < 0xdc00 && left > 1 && p[1] >= 0xdc00 && p[1] <= 0xdfff) {
        *c = 0x10000 + ((uint32_t)(p[0] - 0xd800) << 10) + (p[1] - 0xdc00U);
        return 2;
    }
    *c = REPLACEMENT;
    *ok = false;
    return 1;
}

char *utf8_from_utf16(const uint16_t *text, size_t units)
{
    _cleanup_str_ struct str s = STR_INIT(SIZE_MAX / 4);
    bool ok = true;

    while (units) {
        uint32_t c;
        size_t n = utf16_next(text, units, &c, &ok);

        utf8_put(&s, c);
        text += n;
        units -= n;
    }
    return str_take(&s);
}

/* Where a decoder is, for its refusal. */
struct place {
    unsigned line, col;
};

static void go_on(struct place *at, uint32_t c)
{
    at->line += c == '\n';
    at->col = c == '\n' ? 1 : at->col + 1;
}

static int from_utf16_bytes(const uint8_t *p, size_t n, bool big, bool strict, const char *name,
                            struct str *out, struct err *e)
{
    size_t units = n / 2;
    _cleanup_free_ uint16_t *w = calloc(units + 1, sizeof *w);
    struct place at = { 1, 1 };

    if (!w)
        return err_oom(e);
    for (size_t i = 0; i < units; i++)
        w[i] = big ? (uint16_t)(p[2 * i] << 8 | p[2 * i + 1])
                   : (uint16_t)(p[2 * i + 1] << 8 | p[2 * i]);
    for (size_t i = 0; i < units;) {
        bool ok = true;
        uint32_t c;
        size_t k = utf16_next(w + i, units - i, &c, &ok);

        if (strict && !ok)
            return err_at(e, name, at.line, at.col, "no UTF-16 text (half a pair, 0x%04x)",
                          (unsigned)w[i]);
        utf8_put(out, c);
        go_on(&at, c);
        i += k;
    }
    if (strict && n % 2)
        return err_at(e, name, at.line, at.col, "UTF-16 text of an odd number of bytes");
    return 0;
}

static int from_utf8_bytes(const char *p, size_t n, bool strict, const char *name, struct str *out,
                           struct err *e)
{
    struct place at = { 1, 1 };

    for (size_t i = 0; i < n;) {
        uint32_t c = REPLACEMENT;
        size_t k = utf8_next(p + i, n - i, &c);

        if (k == 0 && strict)
            return err_at(e, name, at.line, at.col, "no UTF-8 text (byte 0x%02x)",
                          (unsigned)(unsigned char)p[i]);
        utf8_put(out, c);
        go_on(&at, c);
        i += k ? k : 1;
    }
    return 0;
}

/* Windows programs write UTF-16LE without a mark: most second bytes are zero then. */
static bool looks_utf16le(const uint8_t *p, size_t n)
{
    size_t zeros = 0, pairs = (n < 512 ? n : 512) / 2;

    if (n < 4 || n % 2)
        return false;
    for (size_t i = 0; i < pairs; i++) {
        zeros += p[2 * i + 1] == 0;
        if (p[2 * i] == 0)
            return false;
    }
    return zeros * 2 > pairs;
}

int utf_decode(const void *bytes, size_t n, bool strict, const char *name, char **ret,
               size_t *ret_len, struct err *e)
{
    _cleanup_str_ struct str out = STR_INIT(SIZE_MAX / 4);
    const uint8_t *p = bytes;
    int r;

    if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        r = from_utf8_bytes((const char *)p + 3, n - 3, strict, name, &out, e);
    else if (n >= 2 && p[0] == 0xff && p[1] == 0xfe)
        r = from_utf16_bytes(p + 2, n - 2, false, strict, name, &out, e);
    else if (n >= 2 && p[0] == 0xfe && p[1] == 0xff)
        r = from_utf16_bytes(p + 2, n - 2, true, strict, name, &out, e);
    else if (looks_utf16le(p, n))
        r = from_utf16_bytes(p, n, false, strict, name, &out, e);
    else
        r = from_utf8_bytes((const char *)p, n, strict, name, &out, e);
    if (r < 0)
        return r;
    r = str_check(&out, name, e);
    if (r < 0)
        return r;
    *ret_len = out.len;
    *ret = str_take(&out);
    return *ret ? 0 : err_oom(e);
}

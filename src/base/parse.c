/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "parse.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;

    if (!*text)
        return -EINVAL;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9')
            return -EINVAL;
        if (!mul_u64(v, 10, &v) || !add_u64(v, (uint64_t)(*p - '0'), &v))
            return -ERANGE;
    }
    if (v < min || v > max)
        return -ERANGE;
    *ret = v;
    return 0;
}

int parse_bool(const char *text, bool *ret)
{
    if (strcasecmp(text, "true") == 0)
        *ret = true;
    else if (strcasecmp(text, "false") == 0)
        *ret = false;
    else
        return -EINVAL;
    return 0;
}

int parse_size(const char *text, uint64_t *ret)
{
    static const char units[] = "KMGT";
    char digits[24];
    const char *unit;
    size_t n = strlen(text);
    uint64_t v;
    unsigned shift = 0;
    int r;

    if (n == 0 || n >= sizeof digits)
        return -EINVAL;
    memcpy(digits, text, n + 1);
    unit = strchr(units, digits[n - 1]);
    if (unit && *unit) {
        shift = (unsigned)(unit - units + 1) * 10;
        digits[n - 1] = '\0';
    }
    r = parse_u64(digits, 0, UINT64_MAX, &v);
    if (r < 0)
        return r;
    return mul_u64(v, 1ULL << shift, ret) ? 0 : -ERANGE;
}

void hex_encode(const void *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *b = p;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[b[i] >> 4];
        out[2 * i + 1] = digits[b[i] & 15];
    }
    out[2 * n] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int hex_decode(const char *text, void *out, size_t n)
{
    uint8_t *b = out;

    if (strlen(text) != 2 * n)
        return -EINVAL;
    for (size_t i = 0; i < 2 * n; i++)
        if (hex_value(text[i]) < 0)
            return -EINVAL;
    for (size_t i = 0; i < n; i++)
        b[i] = (uint8_t)(hex_value(text[2 * i]) << 4 | hex_value(text[2 * i + 1]));
    return 0;
}

static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *p, size_t n)
{
    const uint8_t *b = p;
    char *out, *o;

    if (n > SIZE_MAX / 4 * 3 - 3)
        return NULL;
    out = o = malloc((n + 2) / 3 * 4 + 1);
    if (!out)
        return NULL;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)b[i] << 16;

        v |= i + 1 < n ? (uint32_t)b[i + 1] << 8 : 0;
        v |= i + 2 < n ? (uint32_t)b[i + 2] : 0;
        *o++ = b64[v >> 18];
        *o++ = b64[v >> 12 & 63];
        *o++ = i + 1 < n ? b64[v >> 6 & 63] : '=';
        *o++ = i + 2 < n ? b64[v & 63] : '=';
    }
    *o = '\0';
    return out;
}

static int b64_value(char c)
{
    const char *at = c ? strchr(b64, c) : NULL;

    return at ? (int)(at - b64) : -1;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

int base64_decode(const char *text, void **ret, size_t *ret_len)
{
    _cleanup_free_ uint8_t *out = malloc(strlen(text) / 4 * 3 + 4);
    unsigned have = 0, pad = 0;
    uint32_t v = 0;
    size_t n = 0;

    if (!out)
        return -ENOMEM;
    for (const char *p = text; *p; p++) {
        int d = b64_value(*p);

        if (is_space(*p))
            continue;
        if (*p == '=')
            d = 0, pad++;
        else if (d < 0 || pad)
            return -EINVAL;
        v = v << 6 | (uint32_t)d;
        if (++have < 4)
            continue;
        out[n++] = (uint8_t)(v >> 16);
        out[n++] = (uint8_t)(v >> 8);
        out[n++] = (uint8_t)v;
        have = 0;
        v = 0;
    }
    if (have || pad > 2 || pad > n)
        return -EINVAL;
    n -= pad;
    out[n] = '\0';
    *ret = TAKE_PTR(out);
    *ret_len = n;
    return 0;
}

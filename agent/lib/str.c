/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/utf.h"

void mem_wipe(void *p, size_t n)
{
    volatile unsigned char *v = p;

    for (size_t i = 0; i < n; i++)
        v[i] = 0;
}

void str_done(struct str *s)
{
    free(s->p);
    *s = (struct str){ .max = s->max };
}

void str_wipe(struct str *s)
{
    if (s->p)
        mem_wipe(s->p, s->cap);
    str_done(s);
}

static bool room_for(struct str *s, size_t n)
{
    size_t want, cap;
    char *p;

    if (s->failed)
        return false;
    if (n > s->max || s->len > s->max - n) {
        s->failed = -E2BIG;
        return false;
    }
    want = s->len + n + 1;
    if (want <= s->cap)
        return true;
    cap = s->cap ? s->cap : 64;
    while (cap < want)
        cap *= 2;
    p = malloc(cap);
    if (!p) {
        s->failed = -ENOMEM;
        return false;
    }
    if (s->p) { /* no realloc: a secret must not stay behind in the old place */
        memcpy(p, s->p, s->len + 1);
        mem_wipe(s->p, s->cap);
        free(s->p);
    }
    s->p = p;
    s->cap = cap;
    return true;
}

void str_add_mem(struct str *s, const void *p, size_t n)
{
    if (!room_for(s, n))
        return;
    if (n)
        memcpy(s->p + s->len, p, n);
    s->len += n;
    s->p[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
    str_add_mem(s, text, strlen(text));
}

void str_addc(struct str *s, char c)
{
    str_add_mem(s, &c, 1);
}

void str_addf(struct str *s, const char *fmt, ...)
{
    va_list ap, again;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0 && room_for(s, (size_t)n)) {
        (void)vsnprintf(s->p + s->len, (size_t)n + 1, fmt, again);
        s->len += (size_t)n;
    }
    va_end(again);
}

static bool xml_can_carry(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0xd800) ||
           (c >= 0xe000 && c != 0xfffe && c != 0xffff);
}

void str_xml(struct str *s, const char *text)
{
    const char *p = text, *end = text + strlen(text);

    while (p < end) {
        uint32_t c;
        size_t n = utf8_next(p, (size_t)(end - p), &c);

        if (n == 0 || !xml_can_carry(c))
            str_add(s, "\xef\xbf\xbd");
        else if (c == '&')
            str_add(s, "&amp;");
        else if (c == '<')
            str_add(s, "&lt;");
        else if (c == '>')
            str_add(s, "&gt;");
        else if (c == '"')
            str_add(s, "&quot;");
        else if (c == '\r')
            str_add(s, "&#13;");
        else
            str_add_mem(s, p, n);
        p += n ? n : 1;
    }
}

void str_json(struct str *s, const char *text, size_t n_text)
{
    const char *p = text, *end = text + n_text;

    while (p < end) {
        uint32_t c;
        size_t n = utf8_next(p, (size_t)(end - p), &c);

        if (n == 0)
            str_add(s, "\xef\xbf\xbd");
        else if (c == '"' || c == '\\')
            str_addf(s, "\\%c", (char)c);
        else if (c == '\n')
            str_add(s, "\\n");
        else if (c == '\r')
            str_add(s, "\\r");
        else if (c == '\t')
            str_add(s, "\\t");
        else if (c < 0x20 || c == 0x7f)
            str_addf(s, "\\u%04x", (unsigned)c);
        else
            str_add_mem(s, p, n);
        p += n ? n : 1;
    }
}

static const char base64_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void str_base64(struct str *s, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16;
        char out[4];

        if (i + 1 < n)
            v |= (uint32_t)p[i + 1] << 8;
        if (i + 2 < n)
            v |= p[i + 2];
        out[0] = base64_letters[v >> 18];
        out[1] = base64_letters[v >> 12 & 63];
        out[2] = i + 1 < n ? base64_letters[v >> 6 & 63] : '=';
        out[3] = i + 2 < n ? base64_letters[v & 63] : '=';
        str_add_mem(s, out, 4);
    }
}

static int base64_value(char c)
{
    const char *at = c ? strchr(base64_letters, c) : NULL;

    return at ? (int)(at - base64_letters) : -1;
}

int base64_decode(const char *text, size_t n, uint8_t **ret, size_t *ret_len)
{
    _cleanup_free_ uint8_t *out = malloc(n / 4 * 3 + 4);
    uint32_t v = 0;
    unsigned have = 0, pad = 0;
    size_t len = 0;

    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        int d;

        if (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n')
            continue;
        if (text[i] == '=') {
            pad++;
            continue;
        }
        d = base64_value(text[i]);
        if (d < 0 || pad)
            return -EINVAL;
        v = v << 6 | (uint32_t)d;
        if (++have == 4) {
            out[len++] = (uint8_t)(v >> 16);
            out[len++] = (uint8_t)(v >> 8);
            out[len++] = (uint8_t)v;
            have = 0;
            v = 0;
        }
    }
    if (have == 1 || pad > 2 || (have + pad) % 4 != 0)
        return -EINVAL;
    if (have >= 2)
        out[len++] = (uint8_t)(have == 2 ? v >> 4 : v >> 10);
    if (have == 3)
        out[len++] = (uint8_t)(v >> 2);
    *ret = TAKE_PTR(out);
    *ret_len = len;
    return 0;
}

int str_check(const struct str *s, const char *what, struct err *e)
{
    if (s->failed == -ENOMEM)
        return err_oom(e);
    if (s->failed)
        return err_set(e, E2BIG, ERR_LIMIT, "build %s: longer than %zu bytes", what, s->max);
    return 0;
}

char *str_take(struct str *s)
{
    char *p;

    if (s->failed)
        return NULL;
    if (!s->p)
        return str_dup("");
    p = s->p;
    *s = (struct str){ .max = s->max };
    return p;
}

const char *str_text(const struct str *s)
{
    return s->p ? s->p : "";
}

bool str_eq(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    return strcmp(a, b) == 0;
}

static unsigned lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? c + 32U : c;
}

bool str_eq_nocase(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    while (*a && lower((unsigned char)*a) == lower((unsigned char)*b)) {
        a++;
        b++;
    }
    return lower((unsigned char)*a) == lower((unsigned char)*b);
}

bool str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

int str_copy(char *dst, size_t size, const char *src)
{
    size_t n = strlen(src);

    if (n >= size) {
        dst[0] = '\0';
        return -ENAMETOOLONG;
    }
    memcpy(dst, src, n + 1);
    return 0;
}

char *str_dup_n(const char *s, size_t n)
{
    char *p = malloc(n + 1);

    if (!p)
        return NULL;
    if (n)
        memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

char *str_dup(const char *s)
{
    return str_dup_n(s, strlen(s));
}

const char *str_show(const char *text, char *buf, size_t size)
{
    size_t n = strlen(text), i;

    for (i = 0; i < n && i + 1 < size; i++) {
        unsigned char c = (unsigned char)text[i];

        buf[i] = (c < 0x20 || c == 0x7f) ? '?' : (char)c;
    }
    buf[i] = '\0';
    if (i < n && size >= 4)
        memcpy(buf + size - 4, "...", 4);
    return buf;
}

int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;

    if (!*text)
        return -EINVAL;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9')
            return -EINVAL;
        if (__builtin_mul_overflow(v, 10U, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            return -EINVAL;
    }
    if (v < min || v > max)
        return -EINVAL;
    *ret = v;
    return 0;
}

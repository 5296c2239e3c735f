/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "utf8.h"

void str_done(struct str *s)
{
    free(s->p);
    *s = (struct str){ .max = s->max };
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
    p = realloc(s->p, cap);
    if (!p) {
        s->failed = -ENOMEM;
        return false;
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

void str_json(struct str *s, const char *text)
{
    const char *p = text, *end = text + strlen(text);

    while (p < end) {
        uint32_t c;
        size_t n = utf8_next(p, (size_t)(end - p), &c);

        if (n == 0)
            str_add(s, "\xef\xbf\xbd");
        else if (c == '"' || c == '\\')
            str_addf(s, "\\%c", (char)c);
        else if (c < 0x20 || c == 0x7f)
            str_addf(s, "\\u%04x", (unsigned)c);
        else
            str_add_mem(s, p, n);
        p += n ? n : 1;
    }
}

static bool uri_plain(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

void str_uri(struct str *s, const char *text, size_t n, bool keep_slash)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];

        if (uri_plain(c) || (keep_slash && c == '/'))
            str_addc(s, (char)c);
        else
            str_addf(s, "%%%02X", c);
    }
}

void str_shell(struct str *s, const char *text)
{
    str_addc(s, '\'');
    for (const char *p = text; *p; p++) {
        if (*p == '\'')
            str_add(s, "'\\''");
        else
            str_addc(s, *p);
    }
    str_addc(s, '\'');
}

int str_check(const struct str *s, const char *what, struct err *e)
{
    if (s->failed == -E2BIG)
        return err_set(e, E2BIG, ERR_LIMIT, "build %s: over the limit of %zu bytes", what, s->max);
    if (s->failed)
        return err_oom(e);
    return 0;
}

char *str_take(struct str *s)
{
    char *p;

    if (s->failed)
        return NULL;
    if (!s->p)
        return strdup("");
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

bool str_eq_nocase(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    return strcasecmp(a, b) == 0;
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

const char *str_show(const char *text, char *buf, size_t size)
{
    size_t n = strlen(text), i;

    for (i = 0; i < n && i + 1 < size; i++) {
        unsigned char c = (unsigned char)text[i];

        buf[i] = (c < 0x20 || c > 0x7e) ? '?' : (char)c;
    }
    buf[i] = '\0';
    if (i < n && size >= 4)
        memcpy(buf + size - 4, "...", 4);
    return buf;
}

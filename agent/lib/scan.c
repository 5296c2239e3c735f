/* SPDX-License-Identifier: Apache-2.0 */
#include "scan-priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/utf.h"

struct scan scan_over(const char *file, const char *data, size_t len)
{
    return (
        struct scan){ .file = file, .p = data, .end = data + len, .line_start = data, .line = 1 };
}

char scan_peek(const struct scan *s, size_t ahead)
{
    return ahead < (size_t)(s->end - s->p) ? s->p[ahead] : '\0';
}

bool scan_starts(const struct scan *s, const char *text)
{
    size_t n = strlen(text);

    return (size_t)(s->end - s->p) >= n && memcmp(s->p, text, n) == 0;
}

void scan_step(struct scan *s)
{
    if (s->p >= s->end)
        return;
    if (*s->p == '\n') {
        s->line++;
        s->line_start = s->p + 1;
    }
    s->p++;
}

void scan_skip(struct scan *s, size_t n)
{
    while (n-- && s->p < s->end)
        scan_step(s);
}

unsigned scan_col(const struct scan *s)
{
    unsigned col = 1;

    for (const char *p = s->line_start; p < s->p; p++)
        col += ((unsigned char)*p & 0xc0) != 0x80;
    return col;
}

static bool ends_word(char c)
{
    return (unsigned char)c <= ' ' || strchr(",:{}[]<>=\"'", c);
}

const char *scan_word(const struct scan *s, char out[SCAN_WORD])
{
    size_t n = 0;

    if (s->p >= s->end)
        return "end of file";
    if (*s->p == '\n' || *s->p == '\r')
        return "end of line";
    while (s->p + n < s->end && n < SCAN_WORD - 8 && !ends_word(s->p[n]))
        n++;
    if (n == 0)
        n = 1;
    while (s->p + n < s->end && ((unsigned char)s->p[n] & 0xc0) == 0x80 && n < SCAN_WORD - 4)
        n++;
    if (n == 1 && (unsigned char)*s->p < ' ')
        (void)snprintf(out, SCAN_WORD, "character 0x%02x", (unsigned)*s->p);
    else
        (void)snprintf(out, SCAN_WORD, "'%.*s'", (int)n, s->p);
    return out;
}

int scan_err(const struct scan *s, struct err *e, const char *fmt, ...)
{
    char text[sizeof e->msg];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_at(e, s->file, s->line, scan_col(s), "%s", text);
}

int scan_check(const char *file, const char *data, size_t len, size_t max, struct err *e)
{
    struct scan s = scan_over(file, data, len);

    if (len > max)
        return err_set(e, E2BIG, ERR_LIMIT, "%s: %zu bytes, more than %zu are not read", file, len,
                       max);
    while (s.p < s.end) {
        uint32_t c;
        size_t n = utf8_next(s.p, (size_t)(s.end - s.p), &c);

        if (n == 0)
            return scan_err(&s, e, "no UTF-8 text (byte 0x%02x)", (unsigned)(unsigned char)*s.p);
        if (c == 0 || (c < 0x20 && c != '\t' && c != '\n' && c != '\r'))
            return scan_err(&s, e, "control character 0x%02x in the text", (unsigned)c);
        scan_skip(&s, n);
    }
    return 0;
}

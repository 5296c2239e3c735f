/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "units.h"

#include <string.h>

#include "str.h"

const char *units_bytes(uint64_t n, char buf[UNITS_MAX])
{
    static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double v = (double)n;
    size_t i = 0;

    for (; v >= 1023.95 && i + 1 < ARRAY_LEN(names); i++)
        v /= 1024;
    if (i == 0 || v >= 99.95)
        (void)snprintf(buf, UNITS_MAX, "%.0f %s", v, names[i]);
    else
        (void)snprintf(buf, UNITS_MAX, "%.1f %s", v, names[i]);
    return buf;
}

const char *units_seconds(uint64_t s, char buf[UNITS_MAX])
{
    unsigned long long n = s;

    if (n < 60)
        (void)snprintf(buf, UNITS_MAX, "%llu s", n);
    else if (n < 3600)
        (void)snprintf(buf, UNITS_MAX, "%llu min %02llu s", n / 60, n % 60);
    else
        (void)snprintf(buf, UNITS_MAX, "%llu h %02llu min", n / 3600, n % 3600 / 60);
    return buf;
}

void progress_init(struct progress *p, FILE *out, bool terminal)
{
    *p = (struct progress){ .out = out, .terminal = terminal };
}

static void show(struct progress *p, const char *text)
{
    (void)fprintf(p->out, p->terminal ? "\r%s\033[K" : "%s\n", text);
    (void)fflush(p->out);
    p->shown = true;
    p->next[0] = 0;
    (void)snprintf(p->last, sizeof(p->last), "%s", text);
}

void progress_text(struct progress *p, const char *text, uint64_t now_ms)
{
    if (str_eq(text, p->last))
        return;
    if (!p->terminal && p->shown && now_ms - p->last_ms < PROGRESS_PLAIN_MS) {
        (void)snprintf(p->next, sizeof(p->next), "%s", text);
        return;
    }
    p->last_ms = now_ms;
    show(p, text);
}

void progress_bytes(struct progress *p, const char *what, uint64_t done, uint64_t total,
                    uint64_t rate, uint64_t now_ms)
{
    char a[UNITS_MAX], b[UNITS_MAX], s[UNITS_MAX];
    _cleanup_str_ struct str line = STR_INIT(PROGRESS_LINE_MAX - 1);

    str_addf(&line, "%s: %s", what, units_bytes(done, a));
    if (total) /* done * 100 would overflow above 160 PiB */
        str_addf(&line, " of %s, %.0f %%", units_bytes(total, b),
                 (double)min_u64(done, total) * 100 / (double)total);
    if (rate)
        str_addf(&line, ", %s/s", units_bytes(rate, a));
    if (total > done && rate)
        str_addf(&line, ", %s left", units_seconds(div_up_u64(total - done, rate), s));
    progress_text(p, str_text(&line), now_ms);
}

void progress_end(struct progress *p)
{
    char next[PROGRESS_LINE_MAX];

    memcpy(next, p->next, sizeof(next));
    if (next[0])
        show(p, next);
    if (p->terminal && p->shown)
        (void)fputc('\n', p->out);
    (void)fflush(p->out);
    p->shown = false;
    p->last[0] = 0;
}

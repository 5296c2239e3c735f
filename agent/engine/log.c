/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/spin.h"
#include "lib/stamp.h"
#include "lib/utf.h"

#define TEXT_MAX       KIB(260) /* a script's whole output is one text */
#define LINE_MAX_BYTES KIB(600) /* with CR LF for each LF */

struct log {
    struct win *w;
    const struct dialect *d;
    char *path, *component;
    uint64_t size_bytes;
    struct spin lock;
};

static const char *const level_names[LOG_LEVEL_MAX] = { "Info", "Warning", "Error", "Console" };

static char *folder_of(const char *path)
{
    const char *last = strrchr(path, '\\');

    return last ? str_dup_n(path, (size_t)(last - path)) : NULL;
}

struct log *log_new(struct win *w, const struct dialect *d, const char *path, const char *component)
{
    struct log *l = calloc(1, sizeof(*l));
    struct win_name there;
    struct err e = { 0 };

    if (!l)
        return NULL;
    l->w = w;
    l->d = d;
    l->component = str_dup(component ? component : d->name);
    l->path = win_expand(w, path, &e);
    if (!l->path || !l->component) {
        log_free(l);
        return NULL;
    }
    _cleanup_free_ char *folder = folder_of(l->path);
    struct err ignore = { 0 };

    if (folder)
        (void)w->dir_make(w, folder, &ignore); /* without it there is no log, and no harm */
    err_clear(&ignore);
    if (w->file_stat(w, l->path, &there, &ignore) == 1)
        l->size_bytes = there.size_bytes;
    return l;
}

void log_free(struct log *l)
{
    if (!l)
        return;
    free(l->path);
    free(l->component);
    free(l);
}

/* "agent-2026-01-02T03-04-05.000.log" beside the log; older ones of that form are removed. */
static void rotate_locked(struct log *l)
{
    struct str to = STR_INIT(WIN_PATH_MAX), start = STR_INIT(WIN_NAME_MAX);
    uint64_t now = l->w->now_ms(l->w);
    struct utc t = utc_of(now / 1000);
    const char *last = strrchr(l->path, '\\'), *dot = strrchr(l->path, '.');
    _cleanup_free_ char *folder = folder_of(l->path);
    _cleanup_free_ struct win_name *names = NULL;
    struct err ignore = { 0 };
    size_t n = 0;

    if (!last || !dot || dot < last || !folder)
        return;
    str_add_mem(&start, last + 1, (size_t)(dot - last - 1));
    str_addc(&start, '-');
    if (l->w->dir_list(l->w, folder, &names, &n, &ignore) < 0)
        n = 0;
    for (size_t i = 0; i < n; i++)
        if (!names[i].is_dir && str_starts(names[i].name, str_text(&start))) {
            _cleanup_str_ struct str old = STR_INIT(WIN_PATH_MAX);

            str_addf(&old, "%s\\%s", folder, names[i].name);
            err_clear(&ignore);
            (void)l->w->file_delete(l->w, str_text(&old), &ignore); /* one too many is no harm */
        }
    str_addf(&to, "%s\\%s%04u-%02u-%02uT%02u-%02u-%02u.%03u%s", folder, str_text(&start), t.year,
             t.month, t.day, t.hour, t.minute, t.second, (unsigned)(now % 1000), dot);
    err_clear(&ignore);
    if (l->w->file_rename(l->w, l->path, str_text(&to), &ignore) == 0)
        l->size_bytes = 0;
    str_done(&to);
    str_done(&start);
}

static void put_head(struct log *l, struct str *s, enum log_level level, const char *component)
{
    uint64_t now = l->w->now_ms(l->w);
    char stamp[STAMP_SIZE];
    struct utc t = utc_of(now / 1000);

    switch (l->d->log_form) {
    case LOG_FORM_LEVEL:
        str_addf(s, "%s%s: ", stamp_log(now, stamp), level_names[level]);
        break;
    case LOG_FORM_STAMP:
        str_add(s, stamp_console(now / 1000, stamp));
        break;
    case LOG_FORM_COMPONENT:
        str_addf(s, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ: %s: ", t.year, t.month, t.day, t.hour,
                 t.minute, t.second, (unsigned)(now % 1000), component);
        break;
    case LOG_FORM_MAX:
        break;
    }
}

static void append_locked(struct log *l, const struct str *s)
{
    struct err ignore = { 0 };
    const void *p = s->p;
    size_t n = s->len;
    _cleanup_free_ uint16_t *wide = NULL;

    if (l->d->log_form == LOG_FORM_STAMP) {
        wide = utf16_from_utf8(s->p);
        if (!wide)
            return;
        p = wide;
        n = utf16_len(wide) * 2;
        if (l->size_bytes == 0 && l->w->file_append(l->w, l->path, "\xff\xfe", 2, &ignore) == 0)
            l->size_bytes = 2;
        err_clear(&ignore);
    }
    if (l->d->log_max_bytes && l->size_bytes + n > l->d->log_max_bytes)
        rotate_locked(l);
    if (l->w->file_append(l->w, l->path, p, n, &ignore) == 0)
        l->size_bytes += n;
}

static void put_line(struct log *l, enum log_level level, const char *component, const char *text)
{
    struct str s = STR_INIT(LINE_MAX_BYTES);
    size_t n = strlen(text);

    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    if (n > TEXT_MAX)
        n = TEXT_MAX;
    put_head(l, &s, level, component);
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
            str_addc(&s, '\r');
        if (text[i])
            str_addc(&s, text[i]);
    }
    str_add(&s, "\r\n");
    if (!s.failed) {
        spin_lock(&l->lock, l->w);
        append_locked(l, &s);
        spin_unlock(&l->lock);
    }
    str_done(&s);
}

void log_text(struct log *l, enum log_level level, const char *text)
{
    if (l)
        put_line(l, level, l->component, text);
}

__attribute__((format(printf, 4, 0))) static void
put_format(struct log *l, enum log_level level, const char *component, const char *fmt, va_list ap)
{
    char text[2048];

    (void)vsnprintf(text, sizeof(text), fmt, ap);
    put_line(l, level, component, text);
}

void log_say(struct log *l, enum log_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (l)
        put_format(l, level, l->component, fmt, ap);
    va_end(ap);
}

void log_from(struct log *l, const char *component, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (l)
        put_format(l, LOG_INFO, component, fmt, ap);
    va_end(ap);
}

void log_err(struct log *l, const char *what, const struct err *e)
{
    log_say(l, LOG_ERROR, "%s: %s", what, e->msg);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_names[ERR_KIND_MAX] = {
    [ERR_OTHER] = "other",
    [ERR_INVALID] = "invalid",
    [ERR_NOT_FOUND] = "not-found",
    [ERR_CONFLICT] = "conflict",
    [ERR_EXISTS] = "exists",
    [ERR_LIMIT] = "limit",
    [ERR_IO] = "io",
    [ERR_CORRUPT] = "corrupt",
    [ERR_DENIED] = "denied",
    [ERR_TIMEOUT] = "timeout",
};

static enum err_kind kind_of_errno(int no)
{
    switch (no) {
    case EINVAL:
    case ENAMETOOLONG:
        return ERR_INVALID;
    case ENOENT:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_EXISTS;
    case EBUSY:
        return ERR_CONFLICT;
    case ENOMEM:
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
        return ERR_LIMIT;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case EIO:
    case EPIPE:
    case ECONNRESET:
    case ECONNREFUSED:
        return ERR_IO;
    default:
        return ERR_OTHER;
    }
}

/* Marks a text that did not fit, so that nobody takes the cut for the whole. */
static void mark_cut(char *msg, size_t size, int wanted)
{
    if (wanted >= 0 && (size_t)wanted >= size)
        memcpy(msg + size - 4, "...", 4);
}

static void hold(struct err *e, int no, enum err_kind kind)
{
    assert(e->no == 0); /* two errors for one failure is a bug */
    assert(no > 0);
    e->no = no;
    e->kind = kind;
}

int err_set(struct err *e, int no, enum err_kind kind, const char *fmt, ...)
{
    va_list ap;
    int n;

    hold(e, no, kind);
    va_start(ap, fmt);
    n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    mark_cut(e->msg, sizeof e->msg, n);
    return -e->no;
}

__attribute__((format(printf, 3, 0))) static int with_errno_text(struct err *e, int no,
                                                                 const char *fmt, va_list ap)
{
    char text[128];
    size_t used;
    int n;

    if (no <= 0)
        no = EIO;
    hold(e, no, kind_of_errno(no));
    n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    mark_cut(e->msg, sizeof e->msg, n);
    used = strlen(e->msg);
    n = snprintf(e->msg + used, sizeof e->msg - used, ": %s", strerror_r(no, text, sizeof text));
    mark_cut(e->msg, sizeof e->msg, (int)used + n);
    return -e->no;
}

int err_errno(struct err *e, const char *fmt, ...)
{
    int no = errno;
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = with_errno_text(e, no, fmt, ap);
    va_end(ap);
    return r;
}

int err_no(struct err *e, int no, const char *fmt, ...)
{
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = with_errno_text(e, no < 0 ? -no : no, fmt, ap);
    va_end(ap);
    return r;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char was[sizeof e->msg];
    va_list ap;
    size_t used;
    int n;

    assert(e->no > 0); /* nothing to wrap is a bug */
    memcpy(was, e->msg, sizeof was);
    va_start(ap, fmt);
    n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    mark_cut(e->msg, sizeof e->msg, n);
    used = strlen(e->msg);
    n = snprintf(e->msg + used, sizeof e->msg - used, ": %s", was);
    mark_cut(e->msg, sizeof e->msg, (int)used + n);
    return -e->no;
}

int err_oom(struct err *e)
{
    hold(e, ENOMEM, ERR_LIMIT);
    memcpy(e->msg, "out of memory", sizeof "out of memory");
    return -e->no;
}

void err_clear(struct err *e)
{
    e->no = 0;
    e->kind = ERR_OTHER;
    e->msg[0] = '\0';
}

const char *err_kind_name(enum err_kind kind)
{
    return (unsigned)kind < ERR_KIND_MAX ? kind_names[kind] : "other";
}

int err_kind_parse(const char *name, enum err_kind *ret)
{
    for (unsigned i = 0; i < ERR_KIND_MAX; i++)
        if (strcmp(name, kind_names[i]) == 0) {
            *ret = (enum err_kind)i;
            return 0;
        }
    return -EINVAL;
}

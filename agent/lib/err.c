/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/err.h"

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
    case E2BIG:
        return ERR_LIMIT;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case EIO:
    case EPIPE:
        return ERR_IO;
    default:
        return ERR_OTHER;
    }
}

/* Marks a text that did not fit, so that nobody takes the cut for the whole. */
static void mark_cut(struct err *e, size_t used, int wanted)
{
    if (wanted >= 0 && used + (size_t)wanted >= sizeof e->msg)
        memcpy(e->msg + sizeof e->msg - 4, "...", 4);
}

static void hold(struct err *e, int no, enum err_kind kind)
{
    assert(e->no == 0); /* two errors for one failure is a bug */
    assert(no > 0);
    e->no = no;
    e->kind = kind;
}

__attribute__((format(printf, 3, 0))) static void append(struct err *e, size_t used,
                                                         const char *fmt, va_list ap)
{
    mark_cut(e, used, vsnprintf(e->msg + used, sizeof e->msg - used, fmt, ap));
}

int err_set(struct err *e, int no, enum err_kind kind, const char *fmt, ...)
{
    va_list ap;

    hold(e, no, kind);
    va_start(ap, fmt);
    append(e, 0, fmt, ap);
    va_end(ap);
    return -e->no;
}

int err_errno(struct err *e, const char *fmt, ...)
{
    int no = errno > 0 ? errno : EIO;
    va_list ap;
    size_t used;

    hold(e, no, kind_of_errno(no));
    va_start(ap, fmt);
    append(e, 0, fmt, ap);
    va_end(ap);
    used = strlen(e->msg);
    mark_cut(e, used, snprintf(e->msg + used, sizeof e->msg - used, ": %s", strerror(no)));
    return -e->no;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char was[sizeof e->msg];
    va_list ap;
    size_t used;

    assert(e->no > 0); /* nothing to wrap is a bug */
    memcpy(was, e->msg, sizeof was);
    va_start(ap, fmt);
    append(e, 0, fmt, ap);
    va_end(ap);
    used = strlen(e->msg);
    mark_cut(e, used, snprintf(e->msg + used, sizeof e->msg - used, ": %s", was));
    return -e->no;
}

int err_oom(struct err *e)
{
    hold(e, ENOMEM, ERR_LIMIT);
    memcpy(e->msg, "out of memory", sizeof "out of memory");
    return -e->no;
}

int err_at(struct err *e, const char *file, unsigned line, unsigned col, const char *fmt, ...)
{
    va_list ap;
    size_t used;

    hold(e, EINVAL, ERR_INVALID);
    mark_cut(e, 0, snprintf(e->msg, sizeof e->msg, "%s:%u:%u: ", file, line, col));
    used = strlen(e->msg);
    va_start(ap, fmt);
    append(e, used, fmt, ap);
    va_end(ap);
    return -e->no;
}

int err_forgive(struct err *e, int r, int no)
{
    if (r != -no)
        return r;
    err_clear(e);
    return 0;
}

void err_clear(struct err *e)
{
    *e = (struct err){ 0 };
}

const char *err_kind_name(enum err_kind kind)
{
    return (unsigned)kind < ERR_KIND_MAX ? kind_names[kind] : "other";
}

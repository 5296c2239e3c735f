/* SPDX-License-Identifier: Apache-2.0 */
/* One shape of failure everywhere: a negative errno is returned, the story stands in struct err.
 * Plain data: needs no allocation and no free. Codes of Windows enter in engine/ by err_win32(). */
#pragma once

#include "lib/util.h"

enum err_kind {
    ERR_OTHER,
    ERR_INVALID,   /* the caller's value, or a settings file, is wrong */
    ERR_NOT_FOUND, /* the named thing does not exist */
    ERR_CONFLICT,  /* the thing is in a state that forbids this */
    ERR_EXISTS,    /* the name is taken */
    ERR_LIMIT,     /* too big, too many, no room */
    ERR_IO,        /* the disk, the port or the peer failed */
    ERR_DENIED,    /* not allowed */
    ERR_TIMEOUT,   /* a deadline passed */
    ERR_KIND_MAX
};

struct err {
    int no;             /* positive errno; 0 while nothing is held */
    enum err_kind kind; /* what a caller may act on */
    uint32_t win;       /* code of Windows, 0 when the failure is none of its */
    char msg[512];      /* outermost context first; cut with "..." when long */
};

/* All return -e->no, so that "return err_...();" is the whole error path. */
int err_set(struct err *e, int no, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(4, 5);
int err_errno(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3); /* text, kind: errno */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);  /* "fmt: what was there" */
int err_oom(struct err *e);

/* A word of a settings file is wrong: "<file>:<line>:<column>: <fmt>"; kind ERR_INVALID. */
int err_at(struct err *e, const char *file, unsigned line, unsigned col, const char *fmt, ...)
    PRINTF_LIKE(5, 6);

/* For a caller to whom that one failure is none: 0 in place of -no, with *e cleared; else r. */
int err_forgive(struct err *e, int r, int no);
/* Forgets what is held, for a caller who handled it. */
void err_clear(struct err *e);
const char *err_kind_name(enum err_kind kind);

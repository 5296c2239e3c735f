/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One shape of failure everywhere: a negative errno is returned, the story stands in struct err.
 * Plain data: needs no allocation and no free, and goes through a worker's pipe as it is. */
#pragma once

#include "util.h"

enum err_kind {
    ERR_OTHER,
    ERR_INVALID,   /* the caller's value is wrong */
    ERR_NOT_FOUND, /* the named thing does not exist */
    ERR_CONFLICT,  /* the thing is in a state that forbids this */
    ERR_EXISTS,    /* the name is taken */
    ERR_LIMIT,     /* too big, too many, no room */
    ERR_IO,        /* the disk or the peer failed */
    ERR_CORRUPT,   /* content that passed no check */
    ERR_DENIED,    /* not allowed */
    ERR_TIMEOUT,   /* a deadline passed */
    ERR_KIND_MAX
};

struct err {
    int no;             /* positive errno; 0 while nothing is held */
    enum err_kind kind; /* what a caller may act on */
    char msg[512];      /* outermost context first; cut with "..." when long */
};

/* All return -e->no, so that "return err_...();" is the whole error path. */
int err_set(struct err *e, int no, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(4, 5);
int err_errno(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3); /* text, kind: errno */
int err_no(struct err *e, int no, const char *fmt, ...)
    PRINTF_LIKE(3, 4);                                               /* as err_errno, from no */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3); /* "fmt: what was there" */
int err_oom(struct err *e);

/* Forgets what is held, for a caller who handled it. */
void err_clear(struct err *e);

const char *err_kind_name(enum err_kind kind);
/* 0 and *ret, or -EINVAL for an unknown word. */
int err_kind_parse(const char *name, enum err_kind *ret);

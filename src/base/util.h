/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small words that every room uses: sizes, cleanup attributes, taking away, checked arithmetic. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define KIB(n)            ((uint64_t)(n) << 10)
#define MIB(n)            ((uint64_t)(n) << 20)
#define GIB(n)            ((uint64_t)(n) << 30)

#define _cleanup_(f)    __attribute__((cleanup(f)))
#define _cleanup_free_  _cleanup_(free_ptrp)
#define _cleanup_close_ _cleanup_(close_fdp)
#define _unused_        __attribute__((unused))
#define _noreturn_      __attribute__((noreturn))

/* The only ways to give a resource away; they leave the empty value behind. */
#define TAKE_PTR(p)                                                                                \
    __extension__({                                                                                \
        __typeof__(p) *take_from_ = &(p);                                                          \
        __typeof__(p) taken_ = *take_from_;                                                        \
        *take_from_ = NULL;                                                                        \
        taken_;                                                                                    \
    })
#define TAKE_FD(fd)                                                                                \
    __extension__({                                                                                \
        int *take_from_ = &(fd);                                                                   \
        int taken_ = *take_from_;                                                                  \
        *take_from_ = -1;                                                                          \
        taken_;                                                                                    \
    })

/* DEFINE_FREEP(foo_free, struct foo): makes foo_freep for _cleanup_(foo_freep). */
#define DEFINE_FREEP(func, type)                                                                   \
    static inline void func##p(type **p)                                                           \
    {                                                                                              \
        func(*p);                                                                                  \
    }                                                                                              \
    _Static_assert(1, "semicolon")

static inline void free_ptrp(void *p)
{
    free(*(void **)p);
}

/* Closes and keeps errno: a close on an error path must not hide the error. */
void close_fdp(int *fd);

static inline bool add_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}

static inline bool mul_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* n / d rounded up; d > 0; never overflows. */
static inline uint64_t div_up_u64(uint64_t n, uint64_t d)
{
    return n / d + (n % d != 0);
}

/* Small fixed allocations of the daemon and the CLI: abort when memory is gone. Never for a size
 * that a client, guest or disk image chose. */
void *xcalloc(size_t n, size_t size);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);

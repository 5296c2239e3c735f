/* SPDX-License-Identifier: Apache-2.0 */
/* Small words that every room of the agents uses. The compiler is gcc (mingw-w64) or clang on both
 * sides, so resources release themselves here as in the rest of Kiln. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#if defined(_WIN32) && !defined(__clang__)
#define PRINTF_LIKE(f, a) __attribute__((format(gnu_printf, f, a)))
#else
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#endif
#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)

#define _cleanup_(f)   __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(free_ptrp)
#define _unused_       __attribute__((unused))

/* The only way to give a pointer away; it leaves NULL behind. */
#define TAKE_PTR(p)                                                                                \
    __extension__({                                                                                \
        __typeof__(p) *take_from_ = &(p);                                                          \
        __typeof__(p) taken_ = *take_from_;                                                        \
        *take_from_ = NULL;                                                                        \
        taken_;                                                                                    \
    })

/* DEFINE_FREEP(foo_free, struct foo): makes foo_freep for _cleanup_(foo_freep). */
#define DEFINE_FREEP(func, type)                                                                   \
    static inline _unused_ void func##p(type **p)                                                  \
    {                                                                                              \
        func(*p);                                                                                  \
    }                                                                                              \
    _Static_assert(1, "semicolon")

static inline void free_ptrp(void *p)
{
    free(*(void **)p);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mutexes that know their owner. Used only in the volume server and in worker pipelines. */
#pragma once

#include <pthread.h>

#include "util.h"

struct lock {
    pthread_mutex_t m;
    pthread_t owner;
    bool held;
};

#define LOCK_INIT                                                                                  \
    {                                                                                              \
        .m = PTHREAD_MUTEX_INITIALIZER                                                             \
    }

void lock_init(struct lock *l);
void lock_done(struct lock *l);
void lock_take(struct lock *l);
void lock_drop(struct lock *l);
void lock_assert_held(const struct lock *l);
/* Waits on a condition; the lock is held before and after. */
void lock_wait(struct lock *l, pthread_cond_t *c);

static inline void lock_scope_end(struct lock **l)
{
    lock_drop(*l);
}

static inline struct lock *lock_scope_begin(struct lock *l)
{
    lock_take(l);
    return l;
}

#define LOCK_PASTE_(a, b) a##b
#define LOCK_NAME_(n)     LOCK_PASTE_(scope_lock_, n)
/* Holds the lock until the end of the enclosing block. */
#define _with_lock_(l)                                                                             \
    _unused_ struct lock *LOCK_NAME_(__LINE__) _cleanup_(lock_scope_end) = lock_scope_begin(l)

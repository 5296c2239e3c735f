/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lock.h"

#include <assert.h>

void lock_init(struct lock *l)
{
    *l = (struct lock)LOCK_INIT;
    assert(pthread_mutex_init(&l->m, NULL) == 0);
}

void lock_done(struct lock *l)
{
    assert(!l->held);
    (void)pthread_mutex_destroy(&l->m);
}

void lock_take(struct lock *l)
{
    assert(pthread_mutex_lock(&l->m) == 0);
    l->owner = pthread_self();
    l->held = true;
}

void lock_drop(struct lock *l)
{
    lock_assert_held(l);
    l->held = false;
    assert(pthread_mutex_unlock(&l->m) == 0);
}

void lock_assert_held(const struct lock *l)
{
    assert(l->held && pthread_equal(l->owner, pthread_self()));
}

void lock_wait(struct lock *l, pthread_cond_t *c)
{
    lock_assert_held(l);
    l->held = false;
    assert(pthread_cond_wait(c, &l->m) == 0);
    l->owner = pthread_self();
    l->held = true;
}

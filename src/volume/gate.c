/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate.h"

#include <errno.h>
#include <time.h>

#include "bits.h"
#include "clock.h"

void gate_init(struct gate *g)
{
    *g = (struct gate){ 0 };
    lock_init(&g->l);
    (void)pthread_cond_init(&g->changed, NULL);
}

void gate_done(struct gate *g)
{
    (void)pthread_cond_destroy(&g->changed);
    lock_done(&g->l);
}

bool lock_wait_until(struct lock *l, pthread_cond_t *c, uint64_t until_ns)
{
    struct timespec ts = { .tv_sec = (time_t)(until_ns / 1000000000U),
                           .tv_nsec = (long)(until_ns % 1000000000U) };
    int r;

    lock_assert_held(l);
    l->held = false;
    r = pthread_cond_clockwait(c, &l->m, CLOCK_MONOTONIC, &ts);
    l->owner = pthread_self();
    l->held = true;
    return r == 0;
}

static bool is_closed(struct gate *g)
{
    return __atomic_load_n(&g->closed, __ATOMIC_SEQ_CST);
}

void gate_enter(struct gate *g)
{
    /* First in, then a look at the sign; the closer first turns the sign, then looks who is in:
     * one of the two sees the other. */
    for (;;) {
        (void)__atomic_add_fetch(&g->inside, 1, __ATOMIC_SEQ_CST);
        if (!is_closed(g))
            return;
        gate_leave(g);
        _with_lock_(&g->l);
        while (is_closed(g))
            lock_wait(&g->l, &g->changed);
    }
}

void gate_leave(struct gate *g)
{
    if (__atomic_sub_fetch(&g->inside, 1, __ATOMIC_SEQ_CST) == 0 && is_closed(g)) {
        _with_lock_(&g->l);
        (void)pthread_cond_broadcast(&g->changed);
    }
}

int gate_close(struct gate *g, unsigned timeout_ms)
{
    uint64_t until = clock_mono_ns() + (uint64_t)timeout_ms * 1000000U;

    _with_lock_(&g->l);
    __atomic_store_n(&g->closed, true, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&g->inside, __ATOMIC_SEQ_CST) != 0)
        if (!lock_wait_until(&g->l, &g->changed, until) &&
            __atomic_load_n(&g->inside, __ATOMIC_SEQ_CST) != 0) {
            __atomic_store_n(&g->closed, false, __ATOMIC_SEQ_CST);
            (void)pthread_cond_broadcast(&g->changed);
            return -ETIMEDOUT;
        }
    return 0;
}

void gate_open(struct gate *g)
{
    _with_lock_(&g->l);
    __atomic_store_n(&g->closed, false, __ATOMIC_SEQ_CST);
    (void)pthread_cond_broadcast(&g->changed);
}

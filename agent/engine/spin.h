/* SPDX-License-Identifier: Apache-2.0 */
/* A lock for a few lines of text: EC2Config's plug-ins say things at the same time. Never held over
 * a wait that is longer than a write. */
#pragma once

#include <stdatomic.h>

#include "engine/win.h"

struct spin {
    atomic_flag taken;
};

static inline void spin_lock(struct spin *s, struct win *w)
{
    while (atomic_flag_test_and_set_explicit(&s->taken, memory_order_acquire))
        w->sleep_ms(w, 1);
}

static inline void spin_unlock(struct spin *s)
{
    atomic_flag_clear_explicit(&s->taken, memory_order_release);
}

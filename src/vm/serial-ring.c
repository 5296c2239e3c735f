/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serial-ring.h"

#include <assert.h>

char *serial_ring_space(struct serial_ring *r, size_t *ret_n)
{
    size_t at = (size_t)(r->total % SERIAL_RING_BYTES);

    *ret_n = SERIAL_RING_BYTES - at;
    return r->p + at;
}

void serial_ring_filled(struct serial_ring *r, size_t n)
{
    assert(n <= SERIAL_RING_BYTES - r->total % SERIAL_RING_BYTES);
    r->total += n;
}

size_t serial_ring_peek(const struct serial_ring *r, uint64_t *at, const char **ret_p,
                        uint64_t *ret_lost)
{
    size_t from;

    *ret_lost = 0;
    assert(*at <= r->total);
    if (r->total - *at > SERIAL_RING_BYTES) {
        *ret_lost = r->total - SERIAL_RING_BYTES / 2 - *at;
        *at += *ret_lost;
    }
    from = (size_t)(*at % SERIAL_RING_BYTES);
    *ret_p = r->p + from;
    return (size_t)min_u64(r->total - *at, SERIAL_RING_BYTES - from);
}

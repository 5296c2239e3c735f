/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last part of an endless stream. Readers keep their own position in the stream; one that is
 * too slow loses bytes, and is told how many. */
#pragma once

#include "util.h"

#define SERIAL_RING_BYTES (256U << 10)

struct serial_ring {
    char *p;        /* SERIAL_RING_BYTES of them */
    uint64_t total; /* bytes that ever came */
};

/* Where the next bytes may be read to, and how many fit there (never 0). */
char *serial_ring_space(struct serial_ring *r, size_t *ret_n);
void serial_ring_filled(struct serial_ring *r, size_t n);
/* Bytes in one piece from the position on; 0 when there is nothing new. A position that was
 * overrun moves to the middle of what is kept, and *ret_lost says by how much. */
size_t serial_ring_peek(const struct serial_ring *r, uint64_t *at, const char **ret_p,
                        uint64_t *ret_lost);

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rand.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "parse.h"

void rand_bytes(void *p, size_t n)
{
    uint8_t *b = p;

    while (n) {
        ssize_t k = getrandom(b, n, 0);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            abort(); /* no randomness: no key or id of ours may go on */
        b += k;
        n -= (size_t)k;
    }
}

void rand_hex(char *out, size_t n)
{
    uint8_t b;
    char two[3];

    for (size_t i = 0; i < n; i++) {
        rand_bytes(&b, 1);
        hex_encode(&b, 1, two);
        out[i] = two[0];
    }
    out[n] = '\0';
}

void rand_uuid(char out[37])
{
    uint8_t b[16];
    char h[33];

    rand_bytes(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    hex_encode(b, sizeof b, h);
    (void)snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", h, h + 8, h + 12, h + 16, h + 20);
}

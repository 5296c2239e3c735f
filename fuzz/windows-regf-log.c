/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hive and two logs of any bytes: 2 lengths in KiB, then one behind the other. Checksums of the
 * base blocks and hashes of whatever looks like an entry are made right. A replay ends and stays
 * inside, and its outcome may be anything but a crash. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "regf.h"

#define INPUT_MAX MIB(4) /* a user's hive with its logs, whole */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t rol(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

/* Marvin32, with Windows' seed, of whole words: there is nothing else in a log. */
static void marvin(const uint8_t *p, size_t n, uint8_t out[8])
{
    static const uint32_t end[2] = { 0x80, 0 };
    uint32_t lo = 0x7a4e55c5, hi = 0x82ef4d88;

    for (size_t i = 0; i < n / 4 + 2; i++) {
        lo += i < n / 4 ? rd32(p + 4 * i) : end[i - n / 4];
        hi ^= lo;
        lo = rol(lo, 20) + hi;
        hi = rol(hi, 9) ^ lo;
        lo = rol(lo, 27) + hi;
        hi = rol(hi, 19);
    }
    wr32(out, lo);
    wr32(out + 4, hi);
}

static void mend(uint8_t *p, size_t n, bool log)
{
    uint32_t sum = 0;

    if (n < 512)
        return;
    for (unsigned i = 0; i < 508; i += 4)
        sum ^= rd32(p + i);
    wr32(p + 508, sum == 0 ? 1 : sum == 0xffffffffU ? 0xfffffffeU : sum);
    for (size_t at = 512; log && at + 40 <= n;) {
        uint32_t len = rd32(p + at + 4);

        if (memcmp(p + at, "HvLE", 4) != 0 || len < 40 || len > n - at || len % 4)
            break;
        marvin(p + at + 40, len - 40, p + at + 24);
        marvin(p + at, 32, p + at + 32);
        at += len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct regf_source s[3] = { 0 };
    size_t n[3], left;
    struct regf *h = NULL;
    struct err e = { 0 };
    uint8_t *p, *at;

    if (size < 4 || size > INPUT_MAX)
        return 0;
    p = at = malloc(size);
    if (!p)
        return 0;
    memcpy(p, data + 4, size - 4);
    left = size - 4;
    n[0] = min_u64(left, KIB((uint64_t)(data[0] | data[1] << 8)));
    n[1] = min_u64(left - n[0], KIB((uint64_t)(data[2] | data[3] << 8)));
    n[2] = left - n[0] - n[1];
    for (unsigned i = 0; i < 3; at += n[i++]) {
        mend(at, n[i], i > 0);
        s[i] = regf_source_mem(at, n[i]);
    }
    if (regf_open(&s[0], &s[1], &s[2], 0, &h, &e) == 0)
        (void)regf_verify(h, NULL, &e);
    regf_free(h);
    free(p);
    return 0;
}

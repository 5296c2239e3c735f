/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk whose first bytes are the input, 16 TiB large as far as it says: the guess at what it
 * holds ends, stays inside, and reads a bounded number of times. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "partitions.h"

#define DISK_BYTES (UINT64_C(1) << 44)
#define READS_MAX  2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct disk {
    const uint8_t *data;
    size_t size;
    unsigned reads;
};

static int read_disk(void *userdata, uint64_t offset, void *buf, size_t len, struct err *e)
{
    struct disk *d = userdata;

    (void)e;
    assert(++d->reads <= READS_MAX);
    assert(offset < DISK_BYTES && len <= DISK_BYTES - offset);
    memset(buf, 0, len);
    if (offset < d->size)
        memcpy(buf, d->data + offset, min_u64(len, d->size - offset));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct disk d = { data, size, 0 };
    struct err e = { 0 };
    struct partitions_look l = { 0 };

    assert(partitions_guess(read_disk, &d, DISK_BYTES, &l, &e) == 0);
    assert(!*l.system || !strcmp(l.system, "windows") || !strcmp(l.system, "linux"));
    assert(!*l.boot || !strcmp(l.boot, "uefi") || !strcmp(l.boot, "legacy-bios"));
    return 0;
}

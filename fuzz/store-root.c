/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes as a root record: accepted or refused with a reason, and what is accepted is in bounds. */
#include <assert.h>
#include <string.h>

#include "format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t uuid[UUID_BYTES] = { 0 };
    struct root root = { 0 };
    struct err e = { 0 };

    if (size >= sizeof(struct root_disk))
        memcpy(uuid, data + offsetof(struct root_disk, uuid), sizeof uuid);
    if (root_parse(data, size, uuid, SUMS_SKIP, &root, &e) < 0) {
        assert(e.no && e.msg[0]);
        return 0;
    }
    assert(!e.no);
    assert(name_is_ok(root.info.id) && strlen(root.info.parent) < STORE_ID_MAX);
    assert(root.leaves == leaves_for(root.info.volume_bytes) && root.leaves <= LEAVES_MAX);
    assert(root.info.data_blocks <= (uint64_t)root.leaves * LEAF_ENTRIES);
    root_done(&root);
    return 0;
}

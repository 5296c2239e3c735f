/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first and last bytes of an image file, judged as each format: always an answer, and a reason
 * for each refusal. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "image-head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_head h = { .first = data,
                            .n_first = min_u64(size, IMAGE_FIRST_MAX),
                            .file_bytes = size };

    if (size == 0)
        return 0; /* an empty file is refused before */
    if (size >= IMAGE_LAST)
        memcpy(h.last, data + size - IMAGE_LAST, IMAGE_LAST);
    for (unsigned f = 0; f < IMAGE_FORMAT_MAX; f++) {
        struct err e = { 0 };
        int r = image_head_check(&h, (enum image_format)f, &e);

        assert(r == -e.no && (r == 0) == !e.msg[0]);
    }
    (void)image_head_vhd_exact(&h);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The firmware's table, damaged. */
#include <assert.h>
#include <stddef.h>

#include "engine/console.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct win_pci at = { 0 };
    struct err e = { 0 };
    int r = console_spcr_parse(data, size, &at, &e);

    assert((r < 0) == (e.no != 0));
    assert(r < 0 || size >= 80);
    return 0;
}

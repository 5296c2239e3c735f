/* SPDX-License-Identifier: Apache-2.0 */
/* Sysprep's log may hold anything: found causes are printable lines that end. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "sysprep/sysprep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct setuperr_cause c;

    if (setuperr_cause((const char *)data, size, &c) == 1) {
        assert(memchr(c.line, '\0', sizeof(c.line)));
        assert(!strpbrk(c.line, "\r\n"));
    }
    return 0;
}

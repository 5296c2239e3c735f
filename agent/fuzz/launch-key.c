/* SPDX-License-Identifier: Apache-2.0 */
/* A launch key of any bytes: refused in words, or one that the sealing can use. */
#include <assert.h>
#include <stddef.h>

#include "engine/password.h"
#include "lib/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *line = str_dup_n((const char *)data, size);
    struct password_key key = { 0 };
    struct err e = { 0 };
    int r = line ? password_key_parse(line, &key, &e) : 0;

    if (r < 0)
        assert(e.msg[0] && key.modulus_n == 0);
    else
        assert(key.modulus_n >= 128 && key.modulus[0] && key.exponent_n && key.exponent[0]);
    return 0;
}

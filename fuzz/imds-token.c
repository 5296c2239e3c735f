/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text where a token should be: no text is one unless it was made with the key. */
#include <string.h>

#include "imds-token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct token_key key = { .secret = { 1 }, .epoch = 5 };
    _cleanup_free_ char *text = strndup((const char *)data, size);
    uint32_t left;

    if (text && token_check(&key, "i-1", 1, text, 1000, &left) != 0)
        abort(); /* a forged MAC */
    return 0;
}

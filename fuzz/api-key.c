/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A public key to be imported, in any form. What is read must be readable again as its own line. */
#include <string.h>

#include "ssh-key.h"
#include "str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(ssh_key_done) struct ssh_key key = { 0 }, again = { 0 };
    _cleanup_free_ char *text = strndup((const char *)data, size);
    struct err e = { 0 };

    if (!text || ssh_key_read(text, "name", &key, &e) < 0)
        return 0;
    if (ssh_key_read(key.public_line, "other", &again, &e) < 0 ||
        !str_eq(key.public_line, again.public_line) || !str_eq(key.fingerprint, again.fingerprint))
        abort();
    return 0;
}
